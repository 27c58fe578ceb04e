"""Least-squares fit of peaks in dI/dV to the current that they carry."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.iv.peak_solver import (
    ORDERS,
    PER_PARAMETER,
    SHAPES,
    Ints,
    Others,
    Solved,
    Tasks,
    descend,
    orders_at,
    orders_before,
)
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

_ROUGHLY, _WELL = 0.3, 0.01  # χ² that a further step would gain where a fit ends
_ROUNDS = 3  # times that another order of the background may be taken
_HOPELESS = 40.0  # criterion by which a rough fit of one shape may be worse than that of the other
_FARTHEST, _WIDEST = 0.35, 0.5  # a change of order moves a peak by so many FWHM, and ln FWHM
_NOISE_ALONE = 3.5  # standard deviations by which residuals may exceed the noise
_LITTLE, _FAR = 9.0, 50.0  # variances of the noise that a fit leaves; errors of a peak's height
_OF_NOISE = 5.0  # the noise's variance is known to the root of this over the rows that it is from
_BENT = 0.5  # part of a peak's height that the background may bend by under it
_OVERLAP = 0.7  # FWHM between opposite peaks of which neither is one by itself
_HARMLESS = 0.1  # of the current that the least peak carries
_UNLIKELY = 1e-6  # weight of what does not matter


@dataclass(frozen=True, slots=True)
class Peak:
    """One peak of dI/dV; its height is negative for a dip."""

    position_V: float
    position_error_V: float
    fwhm_V: float
    fwhm_error_V: float
    height_S: float
    height_error_S: float
    bend_S: float = 0.0  # how far the background's dI/dV here is off its mean one FWHM to each side


@dataclass(frozen=True, slots=True, eq=False)
class PeakFit:
    """Peaks of one shape on a polynomial background; `residual_A` is what they leave of I."""

    peaks: tuple[Peak, ...]
    shape: str
    order: int  # of the background
    residual_A: Array
    variance: float  # residual variance over that of the noise
    dof: int
    criterion: float
    step_V: float
    region_V: tuple[float, float]
    tallest_S: float  # than which peaks only cancel each other and the background
    noise_rows: int  # that the noise is known from

    @property
    def is_sensible(self) -> bool:
        """Tell whether no peak is taller than all of dI/dV."""
        return all(abs(peak.height_S) < self.tallest_S for peak in self.peaks)

    @property
    def misfit(self) -> float:
        """How many standard deviations the residuals exceed the noise."""
        return (self.variance - 1.0) / math.sqrt(2.0 / self.dof)

    @property
    def is_adequate(self) -> bool:
        """Tell whether the residuals are no larger than the noise, which is known to so much."""
        unsure = math.sqrt(2.0 / self.dof + _OF_NOISE / self.noise_rows)
        return self.variance < 1.0 + _NOISE_ALONE * unsure

    @property
    def stands_out(self) -> bool:
        """Tell whether every peak is far above what the fit leaves, which is little.

        A drift of a few noises leaves the place of such peaks as it is; the errors hold it.
        """
        wide = [peak for peak in self.peaks if peak.fwhm_V > self.step_V]
        return self.variance < _LITTLE and all(
            abs(peak.height_S) > _FAR * peak.height_error_S for peak in wide
        )

    def merits(self, threshold: float) -> list[float]:
        """Return each peak's height over its error, or less than `threshold` if it is no peak.

        A peak's width is known to a third and lies between one step and half the region, its place
        is inside the region, it is no taller than all of dI/dV, and it does not overlap with an
        opposite peak of about the same width, nor in a trough of the background that is like it.
        """
        span = self.region_V[1] - self.region_V[0]
        merits = []
        for peak in self.peaks:
            sound = (
                abs(peak.bend_S) < _BENT * abs(peak.height_S) < _BENT * self.tallest_S
                and peak.fwhm_V > 3.0 * peak.fwhm_error_V
                and self.step_V < peak.fwhm_V < 0.5 * span
                and self.region_V[0] < peak.position_V < self.region_V[1]
                and not any(_cancel(peak, other) for other in self.peaks)
            )
            merit = abs(peak.height_S) / max(peak.height_error_S, 1e-300)
            merits.append(merit if sound else min(merit, 0.5 * threshold))
        return merits

    def weakest(self, threshold: float) -> int | None:
        """Return the peak of least merit, None if all reach `threshold` standard errors."""
        merits = self.merits(threshold)
        least = min(range(len(merits)), key=merits.__getitem__)
        return least if merits[least] < threshold else None

    def is_sound(self, threshold: float) -> bool:
        """Tell whether there are peaks of `threshold` standard errors, and nothing that harms them.

        What is no such peak may stay in the description if it carries little of the current: a jump
        between two points, or a bend, from a drift between readings for example.
        """
        merits = self.merits(threshold)
        carried = [abs(peak.height_S) * peak.fwhm_V for peak in self.peaks]
        clear = [
            merit >= threshold and peak.fwhm_V > self.step_V
            for peak, merit in zip(self.peaks, merits, strict=True)
        ]
        least = min((c for c, is_peak in zip(carried, clear, strict=True) if is_peak), default=0.0)
        return least > 0.0 and all(
            is_peak or current < _HARMLESS * least
            for is_peak, current in zip(clear, carried, strict=True)
        )

    def sound_peaks(self, threshold: float) -> list[Peak]:
        """Return the peaks that reach `threshold` standard errors."""
        merits = self.merits(threshold)
        return [p for p, merit in zip(self.peaks, merits, strict=True) if merit >= threshold]


def _cancel(peak: Peak, other: Peak) -> bool:
    """Tell whether a peak and an opposite one overlap so far that they make one another."""
    return (
        peak.height_S * other.height_S < 0
        and abs(peak.height_S) <= 2.0 * abs(other.height_S)
        and abs(peak.position_V - other.position_V) < _OVERLAP * min(peak.fwhm_V, other.fwhm_V)
        and 0.5 < peak.fwhm_V / other.fwhm_V < 2.0
    )


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A stretch of I(V) with white noise of known size, in which peaks of dI/dV are fitted.

    The noise is known from `noise_rows` rows.
    """

    x: Array
    y: Array
    error: Array
    noise_rows: int

    @property
    def step_V(self) -> float:
        """The mean step."""
        return float(self.x[-1] - self.x[0]) / (len(self.x) - 1)

    @property
    def tallest_S(self) -> float:
        """Twice the range of dI/dV."""
        return 2.0 * float(np.ptp(np.gradient(self.y, self.x)))


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """A fit to make: a peak for each start (position, FWHM) in V."""

    stretch: Stretch
    starts: Sequence[tuple[float, float]]


def fit_peaks(wishes: Sequence[Wish]) -> list[PeakFit | None]:
    """Return the best fit for each wish, None where there are too few points.

    Shape and order of the background are those with the least criterion; what other likely ones say
    enters the errors with its weight by the same criterion.
    """
    return in_groups(wishes, _size, _fit_alike)


def _size(wish: Wish) -> tuple[int, int]:
    return len(wish.stretch.x), len(wish.starts)


def _fit_alike(wishes: Sequence[Wish]) -> list[PeakFit | None]:
    """Return the fits of as many peaks to as many points each."""
    points, peaks = _size(wishes[0])
    if points - ORDERS[0] - 1 - 3 * peaks < 3:
        return [None] * len(wishes)
    tasks = _begun(wishes)
    fits = descend(tasks, _ROUGHLY)
    others = orders_at(tasks, fits)
    least = others.criterion.min(axis=1)
    best = np.tile(least.reshape(len(SHAPES), -1).min(axis=0), len(SHAPES))
    _refine(tasks, fits, others, np.flatnonzero(least <= best + _HOPELESS))
    return list(_results(wishes, tasks, fits, others))


def _begun(wishes: Sequence[Wish]) -> Tasks:
    """Return the tasks of all wishes with the first shape, then with the second one."""
    stretches = [wish.stretch for wish in wishes]
    x = np.stack([one.x for one in stretches])
    y = np.stack([one.y for one in stretches])
    error = np.stack([one.error for one in stretches])
    starts = np.array([wish.starts for wish in wishes])
    one_shape = Tasks.of(x, y, error, starts[:, :, 0], starts[:, :, 1])
    tasks = one_shape.take(np.tile(np.arange(len(wishes)), len(SHAPES)))
    tasks = replace(tasks, shapes=np.repeat(np.arange(len(SHAPES)), len(wishes)))
    return replace(tasks, orders=orders_before(tasks).criterion.argmin(axis=1))


def _refine(tasks: Tasks, fits: Solved, others: Others, again: Ints) -> None:
    """Put fits with the likeliest order of the background in the place of these `again`."""
    k = fits.place.shape[1]
    for _ in range(_ROUNDS):
        orders = others.criterion[again].argmin(axis=1)
        here, step = fits.take(again), others.step[again, orders]
        away, wider = (step[:, at : at + k] / here.width for at in (k, 2 * k))
        place = here.place + here.width * np.clip(away, -_FARTHEST, _FARTHEST)
        width = here.width * np.exp(np.clip(wider, -_WIDEST, _WIDEST))
        trial = replace(tasks.take(again), orders=orders, place=place, width=width)
        found = descend(trial, _WELL)
        before = _criterion(here.chi2, tasks.orders[again], k)
        better = _criterion(found.chi2, orders, k) <= before
        again, trial, found = again[better], trial.take(better), found.take(better)
        tasks.put(again, trial)
        fits.put(again, found)
        others.put(again, orders_at(trial, found))
        again = again[others.criterion[again].argmin(axis=1) != tasks.orders[again]]
        if not len(again):
            break


def _criterion(chi2: Array, orders: Ints, peaks: int) -> Array:
    """Return the criterion that the least of is best."""
    return np.asarray(chi2 + PER_PARAMETER * (np.array(ORDERS)[orders] + 2 + 3 * peaks))


def _results(
    wishes: Sequence[Wish], tasks: Tasks, fits: Solved, others: Others
) -> Iterator[PeakFit]:
    """Yield the better of the two shapes for each wish, its errors widened by other results."""
    points, peaks = _size(wishes[0])
    by_shape = (len(SHAPES), len(wishes))
    tallest = np.array([wish.stretch.tallest_S for wish in wishes])
    criterion = _criterion(fits.chi2, tasks.orders, peaks)
    # The fits themselves are known better than to first order.
    others.criterion[np.arange(len(criterion)), tasks.orders] = criterion
    sensible = np.abs(fits.height).max(axis=1).reshape(by_shape) < tallest
    senseless = (~sensible & sensible.any(axis=0)).ravel()
    criterion[senseless] = others.criterion[senseless] = np.inf
    best = criterion.reshape(by_shape).argmin(axis=0) * len(wishes) + np.arange(len(wishes))
    errors = _errors(others, np.concatenate([fits.height, fits.place, fits.width], axis=1), best)
    tasks, fits = tasks.take(best), fits.take(best)
    bends = _bends(tasks, fits, tallest)
    table = np.stack(
        [
            *(fits.place, errors[:, peaks : 2 * peaks], fits.width, errors[:, 2 * peaks :]),
            *(fits.height, errors[:, :peaks], bends),
        ],
        axis=2,
    )
    for k, wish in enumerate(wishes):
        order = ORDERS[tasks.orders[k]]
        dof = points - order - 1 - 3 * peaks
        x = wish.stretch.x
        yield PeakFit(
            tuple(Peak(*row) for row in sorted(table[k].tolist())),
            SHAPES[tasks.shapes[k]],
            order,
            fits.residual[k] * wish.stretch.error,
            float(fits.chi2[k]) / dof,
            dof,
            float(criterion[best[k]]),
            wish.stretch.step_V,
            (float(x[0]), float(x[-1])),
            float(tallest[k]),
            wish.stretch.noise_rows,
        )


def _bends(tasks: Tasks, fits: Solved, tallest: Array) -> Array:
    """Return how much more dI/dV the background has at each peak than one FWHM beside it.

    Peaks that are too tall to be any belong to the background.
    """
    columns = tasks.columns(fits.place, fits.width)[:, :, : fits.place.shape[1]]
    height = np.where(np.abs(fits.height) < tallest[:, None], fits.height, 0.0)
    peaks = (columns @ height[:, :, None])[:, :, 0]
    background = (tasks.y - peaks - fits.residual) / tasks.per_error
    middle = 0.5 * (tasks.x[:, 1:] + tasks.x[:, :-1])
    slope = np.diff(background, axis=1) / np.diff(tasks.x, axis=1)
    places = fits.place[:, None] + np.array([0.0, -1.0, 1.0])[:, None] * fits.width[:, None]
    found = [np.interp(*one) for one in zip(places, middle, slope, strict=True)]
    here, below, above = np.stack(found, axis=1)
    return np.asarray(here - 0.5 * (below + above))


def _errors(others: Others, values: Array, best: Ints) -> Array:
    """Return the errors of the best values, what other shapes and orders say included.

    Burnham & Anderson, Model Selection and Multimodel Inference (2002), eq. 4.9.
    """

    def by_wish(values: Array) -> Array:
        """Return what all shapes and orders give for each wish, (wishes, shapes × orders, …)."""
        of_shapes = values.reshape(len(SHAPES), len(best), *values.shape[1:])
        return np.concatenate(list(of_shapes), axis=1)

    criterion = by_wish(others.criterion)
    above = criterion - criterion.min(axis=1)[:, None]
    weights = np.exp(-0.5 * np.minimum(above, 200.0))
    weights[weights < _UNLIKELY] = 0.0
    weights /= weights.sum(axis=1)[:, None]
    scatter = np.maximum(others.chi2 / np.maximum(others.dof, 1), 0.5)
    variance = np.minimum(others.variance * scatter[:, :, None], 1e200)
    off = by_wish(values[:, None, :] + others.step) - values[best][:, None, :]
    spread = np.hypot(np.sqrt(by_wish(variance)), off)
    return np.asarray((weights[:, None, :] @ spread)[:, 0])
