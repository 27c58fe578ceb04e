"""Maxima of sampled curves that stand out from what surrounds them, and their widths.

The same as `scipy.signal.find_peaks` with a prominence and `peak_widths` at half of it, without
the half second that importing `scipy.signal` takes in every process.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanojunction.analysis.values import Array

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FIRST, _GROWTH = 16, 4  # how far from a maximum is looked at first, and then
_AT_ONCE = 1 << 20  # values that are looked at together


def prominent_peaks(y: Array, least: Array) -> tuple[Ints, Array]:
    """Return where y (points,) has maxima of a prominence of `least` there, and their full widths.

    The prominence is the height above the higher one of the lowest points on both sides, each
    looked for up to the next higher point or the end. Widths, in points, are those at half of it.
    A `least` of NaN is never reached. Of equal points in a row the middle one is the maximum.
    """
    peaks = _hopeful(y, _maxima(y), least)
    peaks = peaks[~np.isnan(least[peaks])]
    left, right = _lowest(y, peaks, -1), _lowest(y, peaks, 1)
    prominence = y[peaks] - np.maximum(y[left], y[right])
    kept = prominence >= least[peaks]
    peaks, left, right = peaks[kept], left[kept], right[kept]
    half = y[peaks] - 0.5 * prominence[kept]
    return peaks, _falls_to(y, peaks, half, 1) + _falls_to(y, peaks, half, -1)


def _maxima(y: Array) -> Ints:
    """Return the points, or the middles of equal ones in a row, whose neighbours are lower."""
    changes = np.flatnonzero(y[1:] != y[:-1])
    rises = y[changes + 1] > y[changes]
    tops = np.flatnonzero(rises[:-1] & ~rises[1:])
    return np.asarray((changes[tops] + 1 + changes[tops + 1]) // 2)


def _hopeful(y: Array, peaks: Ints, least: Array) -> Ints:
    """Return the maxima without most of those that a higher one is too near to."""
    while len(peaks) > 1:
        height, wanted = y[peaks], least[peaks]
        between = np.minimum.reduceat(y, peaks)[:-1]
        small = height[:-1] - between < wanted[:-1], height[1:] - between < wanted[1:]
        gone = np.zeros(len(peaks), dtype=bool)
        gone[:-1] = small[0] & (height[1:] > height[:-1])
        gone[1:] |= small[1] & (height[:-1] > height[1:])
        if not gone.any():
            break
        peaks = peaks[~gone]
    return peaks


def _lowest(y: Array, peaks: Ints, side: int) -> Ints:
    """Return the lowest point, the nearest of equal ones, from each maximum to a higher one."""
    found = np.empty(len(peaks), dtype=np.int64)
    todo, reach = np.arange(len(peaks)), _FIRST
    while len(todo) > 0:
        later = []
        for some in _shares(todo, reach):
            values, inside = _beside(y, peaks[some], side, reach)
            beyond = ~inside | (values > values[:, :1])
            np.logical_or.accumulate(beyond, axis=1, out=beyond)
            found[some] = peaks[some] + side * np.where(beyond, np.inf, values).argmin(axis=1)
            later.append(some[~beyond[:, -1]])
        todo, reach = np.concatenate(later), reach * _GROWTH
    return found


def _falls_to(y: Array, peaks: Ints, level: Array, side: int) -> Array:
    """Return how far from each maximum y falls to a level, as it does before a higher one."""
    found = np.empty(len(peaks))
    todo, reach = np.arange(len(peaks)), _FIRST
    while len(todo) > 0:
        later = []
        for some in _shares(todo, reach):
            values, inside = _beside(y, peaks[some], side, reach)
            reached = (values <= level[some, None]) & inside
            there = reached.any(axis=1)
            low, rows = reached.argmax(axis=1)[there], np.flatnonzero(there)
            below, above = values[rows, low], values[rows, low - 1]
            found[some[there]] = low - (level[some[there]] - below) / (above - below)
            later.append(some[~there])
        todo, reach = np.concatenate(later), reach * _GROWTH
    return found


def _shares(todo: Ints, reach: int) -> list[Ints]:
    """Return maxima in parts whose surroundings are looked at together."""
    size = max(1, _AT_ONCE // reach)
    return [todo[start : start + size] for start in range(0, len(todo), size)]


def _beside(y: Array, peaks: Ints, side: int, reach: int) -> tuple[Array, Bools]:
    """Return the values from each maximum to one side, and which are there: (peaks, reach)."""
    index = peaks[:, None] + side * np.arange(reach)
    inside = (index >= 0) & (index < len(y))
    return np.where(inside, y[np.where(inside, index, 0)], np.inf), inside
