"""Peaks and dips of dI/dV that stand out from the noise, with widths free of any smoothing.

They are looked for and fitted in I(V), whose noise is white, as steps: the integrals of the peaks.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.grid import Grid
from nanojunction.analysis.iv.peak_fit import PeakFit, Stretch
from nanojunction.analysis.iv.peak_search import (
    NARROWEST,
    Hit,
    strongest,
    strongest_of_each,
    threshold_of,
)
from nanojunction.analysis.iv.slopes import slope_weights
from nanojunction.analysis.run_result import Feature
from nanojunction.analysis.values import Array, Curve, Quantity

BOLTZMANN_eV_per_K = 8.617333262e-5
_MOST = 9  # peaks in a group
_ADDED = 3  # peaks that the residual may add to those seen at first
_REACHES = (6.0, 3.0, 1.5)  # a fit extends so many FWHM beyond the outermost peaks of a group
_BROADEST = 0.2  # FWHM over the swept range; what is broader is the I(V) itself
_CLEAR = 9.0  # prominence of a turning point over the error of dI/dV
_LIKELY = 0.7  # a fitted peak is reported from this part of the search's threshold on
_SURE = 6.0  # a fitted peak is reported only if it is so many of its own errors high
_RESOLVED = 1.8  # FWHM in steps of a peak that may be claimed where the fit leaves only noise,
_RESOLVED_ROUGHLY = 8.0  # and where it leaves more: narrower peaks may hide in a wider one
_NOISE_ALONE = 2.0  # standard deviations by which residuals may exceed the noise in a fit to keep
_NEEDED = 6.0  # AICc by which a peak that is not sound must better the fit to stay in it


Turn = tuple[float, float, int]  # position and FWHM in V, sign of a turning point of dI/dV


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
    for (k, data), hit in zip(places, hits, strict=True):
        if hit is not None and hit.z >= threshold_of(len(data[0])):
            for fit in _search(data, hit, is_described=wanted[k].rest_A is not None):
                found[k] += _features(fit, threshold_of(len(data[0])), wanted[k])
    return [_once(sorted(each, key=_position)) for each in found]


def _is_measured(grid: Grid, direction: int) -> bool:
    """Tell whether the noise is known, and is no rounding of calculated values."""
    if grid.noise_A is None:
        return False
    return bool(grid.noise_A > 1e-9 * float(np.nanmax(np.abs(grid.level_A[direction]))))


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


def _search(
    data: tuple[Array, Array, Array, Array], hit: Hit, *, is_described: bool
) -> list[PeakFit]:
    """Return fits of the significant peaks, one for each group of neighbours of similar width.

    Several beginnings are followed in a group (the turning points of dI/dV or some of them, the
    strongest peak alone), and what AICc likes best is kept.
    """
    x, y, _, error = data
    extremes = _extremes(x, y, error)
    if not extremes and is_described:
        extremes = [(hit.position_V, hit.fwhm_V, 1)]
    if not extremes:
        return []  # bent, but without a peak: nothing smooth is known that it could stand out of
    fits = (_fit_group(data, group, threshold_of(len(x))) for group in _groups(extremes))
    return [fit for fit in fits if fit is not None]


def _fit_group(
    data: tuple[Array, Array, Array, Array], group: list[Turn], threshold: float
) -> PeakFit | None:
    """Return the fit of a group in the widest region in which peaks on a polynomial describe I."""
    x, y, rest, error = data
    width = float(np.median([turn[1] for turn in group]))
    best: PeakFit | None = None
    for reach in _REACHES:
        near = (x >= group[0][0] - reach * width) & (x <= group[-1][0] + reach * width)
        if np.count_nonzero(near) < 16:
            break
        hit = strongest(rest[near], error[near], x[near])
        if hit is None or hit.z < threshold:
            continue
        stretch = Stretch(x[near], y[near], error[near])
        fits: list[PeakFit] = []
        for starts in _beginnings(group, hit):
            fit = _follow(stretch, starts, threshold)
            if fit is not None:
                fits.append(fit)
                if _is_all(fit, stretch, threshold):
                    break
        if not fits:
            continue
        liked = min(fits, key=lambda fit: fit.aicc)
        if liked.is_adequate:
            return liked
        if best is None or liked.misfit < best.misfit:
            best = liked
    return best


def _is_all(fit: PeakFit, stretch: Stretch, threshold: float) -> bool:
    """Tell whether a fit holds sound peaks alone and leaves nothing but noise."""
    if fit.misfit > _NOISE_ALONE or fit.weakest(threshold) is not None:
        return False
    hit = strongest(fit.residual_A, stretch.error, stretch.x)
    return hit is None or hit.z < threshold


def _beginnings(group: list[Turn], hit: Hit) -> list[list[tuple[float, float]]]:
    """Return the sets of peaks that a fit starts from: the likely ones first."""
    peaks, dips = ([turn for turn in group if turn[2] * sign > 0] for sign in (1, -1))
    sets = [peaks, dips, group, group[1:], group[:-1], group[1:-1]]
    sets.append([(hit.position_V, hit.fwhm_V, 1)])
    unique: list[list[tuple[float, float]]] = []
    for turns in sets:
        starts = [(at, width) for at, width, _ in turns]
        if 0 < len(starts) <= _MOST and starts not in unique:
            unique.append(starts)
    return unique


def _groups(extremes: list[Turn]) -> list[list[Turn]]:
    """Return turning points by position, in groups of near neighbours of similar width."""
    ordered = sorted(extremes)
    groups = [[ordered[0]]]
    for one in ordered[1:]:
        last = groups[-1][-1]
        wide, narrow = max(one[1], last[1]), min(one[1], last[1])
        if one[0] - last[0] < 3.0 * wide and wide < 3.0 * max(narrow, 1e-300):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _follow(
    stretch: Stretch, starts: list[tuple[float, float]], threshold: float
) -> PeakFit | None:
    """Return a fit from these starts: peaks added while the rest shows one, weak ones dropped."""
    best = _prune(stretch, stretch.fit(starts), threshold)
    for _ in range(_ADDED):
        rest = stretch.y * stretch.error if best is None else best.residual_A
        hit = strongest(rest, stretch.error, stretch.x)
        if hit is None or hit.z < threshold:
            break
        more = [*_places(best), (hit.position_V, hit.fwhm_V)]
        if len(more) > _MOST:
            break
        trial = _prune(stretch, stretch.fit(more), threshold)
        if trial is None or (best is not None and trial.aicc >= best.aicc):
            break
        best = trial
    return best


def _prune(stretch: Stretch, fit: PeakFit | None, threshold: float) -> PeakFit | None:
    """Return the fit without peaks that are no peaks and that the data do without."""
    while fit is not None:
        weak = fit.weakest(_LIKELY * threshold)
        if weak is None:
            return fit
        rest = [place for k, place in enumerate(_places(fit)) if k != weak]
        less = stretch.fit(rest) if rest else None
        if less is None or less.aicc > fit.aicc + _NEEDED:
            return fit
        fit = less
    return None


def _places(fit: PeakFit | None) -> list[tuple[float, float]]:
    return [] if fit is None else [(peak.position_V, peak.fwhm_V) for peak in fit.peaks]


def _extremes(x: Array, y: Array, error: Array) -> list[Turn]:
    """Return (position, FWHM, sign) of the peaks and dips of a smoothed dI/dV."""
    from scipy.signal import find_peaks, peak_widths

    step = float(x[-1] - x[0]) / (len(x) - 1)
    best: list[Turn] = []
    for half in (1, 2, 3, 4, 6):
        slopes = slope_weights(x, half)
        g = slopes.apply(y)
        bar = _CLEAR * float(np.median(np.sqrt(slopes.variance(error**2))))
        found: list[Turn] = []
        for sign in (1, -1):
            peaks, _ = find_peaks(sign * g, prominence=bar)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # of widths of 0
                widths = np.maximum(peak_widths(sign * g, peaks)[0], NARROWEST) * step
            found += [(float(x[k]), float(w), sign) for k, w in zip(peaks, widths, strict=True)]
        found = [turn for turn in found if turn[1] < _BROADEST * (x[-1] - x[0])]
        if len(found) > len(best):
            best = found
    return best


def _features(fit: PeakFit, threshold: float, where: Direction) -> list[Feature]:
    """Return the peaks of a fit in the units of a report."""
    out = []
    derivative, temperature_K = where.derivative, where.temperature_K
    for peak in fit.sound_peaks(_LIKELY * threshold):
        if abs(peak.height_S) < _SURE * peak.height_error_S:
            continue  # part of the description, but not sure enough to be a claim
        least = _RESOLVED if fit.is_adequate else _RESOLVED_ROUGHLY
        if peak.fwhm_V < least * fit.step_V:
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
