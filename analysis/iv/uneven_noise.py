"""How the noise of an I(V) depends on current and slope: constant, ∝ I, or from the voltage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from nanojunction.analysis.iv.stencils import IntArray, medians, noises_of
from nanojunction.analysis.values import Array

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]

FEWEST_DEVIATIONS = 30
"""From so many a dependence can be told."""

_CLEARLY = 2.5  # standard deviations of a correlation: weights that are not needed do no harm
_OVERLAP = 2.5  # variance of a mean of deviations whose stencils share rows, over that of others
_BLOCK, _BLOCKS = 5, 40  # rows of a median at least, and about how many medians
_LARGEST = 3.0  # a deviation counts for so many standard deviations at most
_CLIPPED = 0.973  # variance of normal noise that is clipped there
_QUIETEST = 10  # one in so many deviations says how quiet the noise can be,
_NOT_LESS = 0.1  # and the constant part is at least this share of that variance
_MEDIAN_OF_SQUARES = 0.455  # of normal noise of variance 1
_ROUNDS = 8
_ALIKE = 1e-10  # determinant of cosines between parts that cannot be told apart
_SOME = np.array(list(product((False, True), repeat=3))[1:])
"""Which of three parts there are, in every way in which there is one at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What noise may go with, at every row of a run: current and slope, squared, at most 1."""

    current: Array
    slope: Array


def courses_of(voltage_V: Array, current_A: Array) -> list[Course]:
    """Return the courses of many runs, (runs, rows), from medians over neighbours in voltage."""
    rows = voltage_V.shape[1]
    if rows < FEWEST_DEVIATIONS:
        return [Course(np.zeros(rows), np.zeros(rows))] * len(voltage_V)
    size = max(_BLOCK, rows // _BLOCKS)
    order = np.argsort(voltage_V, axis=1, kind="stable")
    starts = np.linspace(0, rows - size, max(rows // size, 2)).round().astype(np.int64)
    block = order[:, starts[:, None] + np.arange(size)].reshape(len(order), -1)
    shape = (len(order), len(starts), size)
    v, i = (
        medians(np.take_along_axis(values, block, axis=1).reshape(shape))
        for values in (voltage_V, current_A)
    )
    rises = np.append(np.ones((len(v), 1), dtype=bool), np.diff(v, axis=1) > 0.0, axis=1)
    plain = np.asarray(rises.all(axis=1))
    slope = np.zeros(v.shape)
    slope[plain] = _gradients(v[plain], i[plain])
    along = np.empty((2, *voltage_V.shape))
    for k, is_plain in enumerate(plain.tolist()):
        at, values, slopes = v[k], i[k], slope[k]
        if not is_plain:
            at, values = at[rises[k]], values[rises[k]]
            slopes = _gradients(at[None], values[None])[0]
        if len(at) < 2:
            along[:, k] = current_A[k], np.zeros(rows)
        else:
            along[:, k] = np.interp(voltage_V[k], at, values), np.interp(voltage_V[k], at, slopes)
    along *= along
    along /= np.maximum(along.max(axis=2, keepdims=True), 1e-300)
    return [Course(*pair) for pair in zip(*along, strict=True)]


def _gradients(v: Array, i: Array) -> Array:
    """Return the slopes of runs at their points, (runs, points): those of parabolas through three.

    At the ends they are those of chords.
    """
    steps = np.diff(v, axis=1)
    chord = np.diff(i, axis=1) / steps
    before, after = steps[:, :-1], steps[:, 1:]
    inside = (chord[:, :-1] * after + chord[:, 1:] * before) / (before + after)
    return np.concatenate([chord[:, :1], inside, chord[:, -1:]], axis=1)


def relative_noises(
    courses: Sequence[Course], deviation: Array, centre: IntArray
) -> list[Array | None]:
    """Return the noise of every row over that of a typical one, None where it is the same.

    `deviation`, (runs, deviations), has the noise's standard deviation at the rows `centre`. The
    variance is taken as a² + (b·I)² + (c·dI/dV)²: the meter's own noise, one in proportion to the
    current, and that of the voltage. It is the same unless the deviations' sizes go with |I| or
    |dI/dV|.
    """
    if deviation.shape[1] < FEWEST_DEVIATIONS:
        return [None] * len(courses)
    size = np.abs(deviation)
    size = np.minimum(size, _LARGEST * noises_of(size)[:, None])
    parts = [np.array([getattr(one, name) for one in courses]) for name in ("current", "slope")]
    uneven = np.zeros(len(courses), dtype=bool)
    for part in parts:
        uneven |= _goes_with(size, np.sqrt(np.take(part, centre, axis=1)))
    found: list[Array | None] = [None] * len(courses)
    some = np.flatnonzero(uneven)
    if len(some) > 0:
        known = np.stack(
            [np.ones((len(some), len(courses[0].current))), *(p[some] for p in parts)], 1
        )
        relative = np.sqrt(_variances(known, deviation[some], centre))
        relative /= np.median(relative, axis=1, keepdims=True)
        for k, one in zip(some.tolist(), relative, strict=True):
            found[k] = one
    return found


def _goes_with(size: Array, known: Array) -> Flags:
    """Tell whether the sizes of each run's deviations grow with what is known, beyond doubt."""
    a = size - size.mean(axis=1, keepdims=True)
    b = known - known.mean(axis=1, keepdims=True)
    aa, bb, ab = (np.einsum("ij,ij->i", *pair) for pair in ((a, a), (b, b), (a, b)))
    spread = _CLEARLY * np.sqrt(_OVERLAP) * np.sqrt(aa * bb / size.shape[1])
    return np.asarray((ab > spread) & (spread > 0.0))


def _variances(known: Array, deviation: Array, centre: IntArray) -> Array:
    """Return the variances at every row of runs, (runs, rows), by reweighted least squares.

    They are sums of what is `known`, (runs, parts, rows), no part below zero. Deviations beyond
    three standard deviations count as three: outliers and steps make no noise.
    """
    terms, square = known[:, :, centre], deviation**2
    variance = np.repeat(noises_of(np.abs(deviation))[:, None] ** 2, square.shape[1], axis=1)
    part = np.zeros(known.shape[:2])
    for _ in range(_ROUNDS):
        clipped = np.minimum(square, _LARGEST**2 * variance) / _CLIPPED
        part = _not_negative(terms / variance[:, None], clipped / variance)
        expected = (part[:, None] @ terms)[:, 0]
        # Where all of it goes with the current, the noise at the zero still is not nothing.
        quiet = np.argsort(expected, axis=1)[:, : max(square.shape[1] // _QUIETEST, 5)]
        least = medians(np.take_along_axis(square, quiet, axis=1)) / _MEDIAN_OF_SQUARES
        part[:, 0] = np.maximum(part[:, 0], _NOT_LESS * least)
        variance = (part[:, None] @ terms)[:, 0]
    return np.asarray((part[:, None] @ known)[:, 0])


def _not_negative(terms: Array, values: Array) -> Array:
    """Return the parts of least squares of values (runs, rows), (runs, parts), none below zero.

    The best of the solutions with some of the parts in which none of these is below zero: of
    three parts there are few. (SciPy's solver takes longer to import than a hundred runs.)
    """
    normal = terms @ np.swapaxes(terms, 1, 2)
    shares = (terms @ values[:, :, None])[:, :, 0]
    size = np.sqrt(np.maximum(np.einsum("kii->ki", normal), 1e-300))
    normal, shares = normal / (size[:, :, None] * size[:, None, :]), shares / size
    own = np.where(_SOME[:, :, None] & _SOME[:, None, :], normal[:, None], np.eye(shares.shape[1]))
    told = np.linalg.det(own) > _ALIKE  # apart; of equal parts one alone is as good
    own = np.where(told[:, :, None, None], own, np.eye(shares.shape[1]))
    wanted = np.where(_SOME, shares[:, None], 0.0)
    solved = np.linalg.solve(own, wanted[..., None])[..., 0]
    gain = np.where(told & (solved >= 0.0).all(axis=2), (solved * wanted).sum(axis=2), 0.0)
    best = np.where(gain[:, :, None] > 0.0, solved, 0.0)[np.arange(len(gain)), gain.argmax(axis=1)]
    return np.asarray(best / size)
