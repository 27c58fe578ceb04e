"""Rows of an I(V) that stand alone against their neighbours, and the noise of the others."""

from __future__ import annotations

import numpy as np

from nanojunction.analysis.stencils import STENCIL, IntArray, Stencils, noise_of
from nanojunction.analysis.uneven_noise import relative_noise
from nanojunction.analysis.values import Array

_OUTLIER = 8.0  # noise standard deviations
_ROUNDING = 1e-7  # of the span of the currents

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


def find_outliers(
    voltage_V: Array, current_A: Array, leg: IntArray
) -> tuple[Flags, float | None, Array | None]:
    """Return which rows are no outliers, the noise of the current, and each row's over it.

    The rows are sorted by leg and, within one, by voltage. The noise is that of a typical row
    (None where no leg has five rows), the third None where it is the same for all.
    """
    good = np.ones(len(voltage_V), dtype=bool)
    relative: Array | None = None
    for attempt in range(1 + len(voltage_V) // 20):
        rows = np.flatnonzero(good)
        deviation, centre = _deviations(voltage_V, current_A, leg, rows)
        if len(deviation) == 0:
            return good, None, None
        if attempt == 0:
            relative = relative_noise(voltage_V, current_A, deviation, centre)
        if relative is not None:
            deviation = deviation / relative[rows[centre]]
        size = np.abs(deviation)
        noise = noise_of(size)
        floor = max(_OUTLIER * noise, _ROUNDING * float(np.ptp(current_A[rows])))
        suspects = np.flatnonzero(size > floor)
        if len(suspects) == 0:
            return good, noise, relative
        worst = suspects[np.argmax(size[suspects])]
        trial = good.copy()
        trial[rows[centre[worst]]] = False
        # Without a lone outlier its neighbours agree; at a step or a sharp peak they do not.
        kept = np.flatnonzero(trial)
        again, at = _deviations(voltage_V, current_A, leg, kept)
        if relative is not None:
            again = again / relative[kept[at]]
        near = np.abs(at - centre[worst]) <= STENCIL
        if (np.abs(again[near]) > floor / 2).any():
            return good, noise, relative
        good = trial
    return good, noise, relative


def _deviations(
    voltage_V: Array, current_A: Array, leg: IntArray, rows: IntArray
) -> tuple[Array, IntArray]:
    """Return normalised divided differences over five neighbours of a leg, and their centres.

    They vanish on any cubic and have the noise's standard deviation otherwise (uniform in `rows`,
    whose indices the centres count).
    """
    if len(rows) == len(voltage_V):
        stencils = Stencils.of(voltage_V, leg)
        return stencils.deviations(current_A), stencils.centre
    stencils = Stencils.of(voltage_V[rows], leg[rows])
    return stencils.deviations(current_A[rows]), stencils.centre
