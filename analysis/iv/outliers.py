"""Rows of an I(V) that stand alone against their neighbours, and the noise of the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nanojunction.analysis.iv.stencils import STENCIL, IntArray, Stencils, noise_of, noises_of
from nanojunction.analysis.iv.uneven_noise import Course, relative_noises
from nanojunction.analysis.values import Array

_OUTLIER = 8.0  # noise standard deviations
_ROUNDING = 1e-7  # of the span of the currents

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


def find_outliers(
    voltage_V: Array, current_A: Array, leg: IntArray, courses: Sequence[Course]
) -> list[tuple[Flags, float | None, Array | None]]:
    """Return which rows are no outliers, the noise of the current, and each row's over it.

    Voltages and currents are those of many runs, (runs, rows), sorted by leg and, within one, by
    voltage; `courses` are theirs. The noise is that of a typical row (None where no leg has five
    rows), the third None where it is the same for all.
    """
    stencils = Stencils.of(voltage_V, leg)
    everything = np.ones(voltage_V.shape[1], dtype=bool)
    if len(stencils.centre) == 0:
        return [(everything, None, None)] * len(voltage_V)
    deviation = stencils.deviations(current_A)
    relative = relative_noises(courses, deviation, stencils.centre)
    for k, known in enumerate(relative):
        if known is not None:
            deviation[k] /= known[stencils.centre]
    size = np.abs(deviation)
    noise = noises_of(size)
    span = current_A.max(axis=1) - current_A.min(axis=1)
    suspected = size.max(axis=1) > np.maximum(_OUTLIER * noise, _ROUNDING * span)
    found: list[tuple[Flags, float | None, Array | None]] = []
    for k, suspect in enumerate(suspected.tolist()):
        if suspect:
            good, least = _without_outliers(voltage_V[k], current_A[k], leg, relative[k])
            found.append((good, least, relative[k]))
        else:
            found.append((everything, float(noise[k]), relative[k]))
    return found


def _without_outliers(
    voltage_V: Array, current_A: Array, leg: IntArray, relative: Array | None
) -> tuple[Flags, float | None]:
    """Return which rows of a run are no outliers, and the noise of a typical row."""
    good = np.ones(len(voltage_V), dtype=bool)
    noise = 0.0
    for _ in range(1 + len(voltage_V) // 20):
        rows = np.flatnonzero(good)
        deviation, centre = _deviations(voltage_V, current_A, leg, rows)
        if len(deviation) == 0:
            return good, None
        if relative is not None:
            deviation = deviation / relative[rows[centre]]
        size = np.abs(deviation)
        noise = noise_of(size)
        floor = max(_OUTLIER * noise, _ROUNDING * float(np.ptp(current_A[rows])))
        suspects = np.flatnonzero(size > floor)
        if len(suspects) == 0:
            return good, noise
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
            return good, noise
        good = trial
    return good, noise


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
