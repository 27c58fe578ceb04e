"""Where dI/dV turns: the peaks and dips of it that stand out once it is smoothed a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.peak_search import NARROWEST
from nanojunction.analysis.iv.prominence import prominent_peaks
from nanojunction.analysis.iv.slopes import slope_weights
from nanojunction.analysis.iv.stencils import medians
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

_HALVES = (1, 2, 3, 4, 6)  # windows of the derivative, in points to either side
_CLEAR = 9.0  # prominence of a turning point over the error of dI/dV
_BROADEST = 0.2  # FWHM over the swept range; what is broader is the I(V) itself


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """A peak (sign +1) or dip (−1) of dI/dV, as it looks like."""

    position_V: float
    fwhm_V: float
    sign: int


Sampled = tuple[Array, Array, Array]
"""x, y and the error of y of a stretch of I(V)."""


def turns_of_each(stretches: Sequence[Sampled]) -> list[list[Turn]]:
    """Return the turning points of dI/dV, with the smoothing that shows most, of each stretch."""
    return in_groups(stretches, lambda one: len(one[0]), _turns_of_alike)


def _turns_of_alike(stretches: Sequence[Sampled]) -> list[list[Turn]]:
    x, y, error = (np.stack(columns) for columns in zip(*stretches, strict=True))
    # All curves of a run in a row, upright and upside down, with walls that no peak reaches across.
    curves = np.full((len(x), len(_HALVES), 2, x.shape[1] + 1), np.inf)
    least = np.full(curves.shape, np.nan)
    for k, points in enumerate(_HALVES):
        slopes = slope_weights(x, points)
        curves[:, k, 0, :-1] = slopes.apply(y)
        least[:, k, :, :-1] = _CLEAR * medians(np.sqrt(slopes.variance(error**2)))[:, None, None]
    np.negative(curves[:, :, 0, :-1], out=curves[:, :, 1, :-1])
    peaks, widths = prominent_peaks(curves.ravel(), least.ravel())
    run, half, upside_down, place = np.unravel_index(peaks, curves.shape)
    span = x[:, -1] - x[:, 0]
    fwhm = np.maximum(widths, NARROWEST) * (span / (x.shape[1] - 1))[run]
    found: list[list[list[Turn]]] = [[[] for _ in _HALVES] for _ in stretches]
    narrow = np.flatnonzero(fwhm < _BROADEST * span[run])
    columns = (run, half, x[run, place], fwhm, 1 - 2 * upside_down)
    for k, size, *turn in zip(*(one[narrow].tolist() for one in columns), strict=True):
        found[k][size].append(Turn(*turn))
    return [max(each, key=len) for each in found]
