"""Peaks and dips of dI/dV that stand out from the noise, with widths free of any smoothing.

They are looked for and fitted in I(V), whose noise is white, as steps: the integrals of the peaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.grid import Grid
from nanojunction.analysis.iv.peak_fit import PeakFit
from nanojunction.analysis.iv.peak_groups import LIKELY, Search, fits_of
from nanojunction.analysis.iv.peak_search import strongest_of_each, threshold_of
from nanojunction.analysis.run_result import Feature
from nanojunction.analysis.values import Array, Curve, Quantity

BOLTZMANN_eV_per_K = 8.617333262e-5
_RESOLVED = 1.8  # FWHM in steps of a peak that may be claimed


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """One direction of a run in which features are looked for.

    `derivative` gives the error bar that a prominence is compared with (standard error of the mean
    over legs). `rest_A` is what a smooth description leaves of the current per point, None where
    there is no such description: a first peak has to show in it.
    """

    grid: Grid
    derivative: Curve
    direction: int
    temperature_K: float | None
    rest_A: Array | None


def find_features(wanted: Sequence[Direction]) -> list[list[Feature]]:
    """Return the features of many directions, those of each by position.

    Each is a mapping with `direction` ("forward" or "return"), `position_V`, `fwhm_meV`,
    `prominence_S` (below zero for a dip) and `t_eff_K` = FWHM/k_B as quantities, the numbers
    `prominence_over_error` and `fwhm_over_kT` (None where the error or the temperature is
    unknown), the derivative's own `width_V`, and the fitted `shape`. A peak of so few steps that
    its width cannot be told is not reported.
    """
    places: list[tuple[int, tuple[Array, Array, Array, Array]]] = []
    for k, one in enumerate(wanted):
        if _is_measured(one.grid, one.direction):
            for cells in _even_stretches(one.grid, one.direction):
                x, y = one.grid.smooth_V[cells], one.grid.level_A[one.direction][cells]
                rest = y if one.rest_A is None else one.rest_A[cells]
                places.append((k, (x, y, rest, one.grid.stderr_A(one.direction)[cells])))
    hits = strongest_of_each([(rest, error, x) for _, (x, _, rest, error) in places])
    found: list[list[Feature]] = [[] for _ in wanted]
    clear = [
        (k, Search(*data, len(wanted[k].grid.cell), hit, wanted[k].rest_A is not None))
        for (k, data), hit in zip(places, hits, strict=True)
        if hit is not None and hit.z >= threshold_of(len(data[0]))
    ]
    for (k, search), fits in zip(clear, fits_of([search for _, search in clear]), strict=True):
        for fit in fits:
            found[k] += _features(fit, search.threshold, wanted[k])
    return [_once(sorted(each, key=_position)) for each in found]


def _is_measured(grid: Grid, direction: int) -> bool:
    """Tell whether the noise is known, and is no rounding of calculated values."""
    if grid.noise_A is None:
        return False
    return bool(grid.noise_A > 1e-9 * float(np.fmax.reduce(np.abs(grid.level_A[direction]))))


def _position(feature: Feature) -> float:
    return float(feature["position_V"].value)


def _once(found: list[Feature]) -> list[Feature]:
    """Return features by position, one that two groups both hold only as its better measurement."""
    kept: list[Feature] = []
    for one in found:
        if kept:
            last = kept[-1]
            apart = one["position_V"].value - last["position_V"].value
            width = 1e-3 * min(one["fwhm_meV"].value, last["fwhm_meV"].value)
            same_sign = one["prominence_S"].value * last["prominence_S"].value > 0
            if same_sign and apart < 0.5 * width:
                kept[-1] = min(last, one, key=lambda f: float(f["position_V"].stderr))
                continue
        kept.append(one)
    return kept


def _even_stretches(grid: Grid, direction: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return the points of a direction in stretches of one step each, of 16 points or more."""
    cells = np.flatnonzero(grid.count[direction] > 0)
    if len(cells) < 16:
        return []
    x = grid.smooth_V[cells]
    steps = x[1:] - x[:-1]
    least = float(steps.min())
    if float(steps.max()) - least < 0.2 * least:
        return [cells]
    step = np.median(steps)
    if np.max(np.abs(steps - step)) < 0.2 * step:
        return [cells]
    changes = np.flatnonzero(np.abs(np.diff(steps)) > 0.2 * np.minimum(steps[1:], steps[:-1])) + 1
    parts = np.split(cells, changes)
    return [part for part in parts if len(part) >= 16]


def _features(fit: PeakFit, threshold: float, where: Direction) -> list[Feature]:
    """Return the peaks of a fit in the units of a report."""
    out: list[Feature] = []
    derivative, temperature_K = where.derivative, where.temperature_K
    for peak in fit.claims(LIKELY * threshold):
        if peak.fwhm_V < _RESOLVED * fit.step_V:
            continue  # so few points do not tell its width
        at = int(np.argmin(np.abs(derivative.x - peak.position_V)))
        bar = float(derivative.stderr[at])
        width_meV, error_meV = 1e3 * peak.fwhm_V, 1e3 * peak.fwhm_error_V
        kelvin = 1e-3 / BOLTZMANN_eV_per_K
        ratio = width_meV * kelvin / temperature_K if temperature_K else None
        out.append(
            {
                "direction": "forward" if where.direction > 0 else "return",
                "position_V": Quantity(peak.position_V, peak.position_error_V),
                "fwhm_meV": Quantity(width_meV, error_meV),
                "prominence_S": Quantity(peak.height_S, peak.height_error_S),
                "prominence_over_error": abs(peak.height_S) / bar if bar > 0 else None,
                "fwhm_over_kT": ratio,
                "width_V": derivative.extra.get("width_V"),
                "t_eff_K": Quantity(width_meV * kelvin, error_meV * kelvin),
                "shape": fit.shape,
            }
        )
    return out
