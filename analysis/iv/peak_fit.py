"""Least-squares fit of peaks in dI/dV to the current that they carry."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.iv.adequate import OF_NOISE
from nanojunction.analysis.iv.peak_solver import (
    FEWEST,
    ORDERS,
    PER_PARAMETER,
    SHAPES,
    TINY,
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
_SURE = 6.0  # errors that a peak is higher than, if nothing else is there to be mistaken for it
_BENT = 0.5  # part of a peak's height that the background may bend by under it
_OVERLAP = 0.7  # FWHM between opposite peaks of which neither is one by itself

Start = tuple[float, float]
"""Position and FWHM in V."""


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
    worth: float = 0.0  # χ² that the fit would leave more without it


@dataclass(frozen=True, slots=True, eq=False)
class PeakFit:
    """Peaks of one shape on a polynomial background; `residual_A` is what they leave of I.

    `order` is that of the background that is likeliest. The peaks are those on a background of the
    next order, to which `starts` would lead: what the likeliest one bends them by is in neither.
    """

    peaks: tuple[Peak, ...]
    starts: tuple[Start, ...]
    shape: str
    order: int
    residual_A: Array
    chi2: float
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
    def is_settled(self) -> bool:
        """Tell whether the background is likeliest below the highest order, which shows that."""
        return self.order < ORDERS[-1]

    @property
    def excess(self) -> float:
        """χ² that is left beyond the noise, which is known to so much."""
        unsure = math.sqrt(2.0 / self.dof + OF_NOISE / self.noise_rows)
        return max(self.chi2 - self.dof * (1.0 + _NOISE_ALONE * unsure), 0.0)

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

    def claims(self, threshold: float) -> list[Peak]:
        """Return the peaks that stand out of all that is in the fit and is none.

        That is what is left beyond the noise and what reaches no `threshold` standard errors: a
        jump between two points from a drift between readings, for example. Of a χ² = c that is
        described wrongly, all may be due to one parameter: it is then off by the root of c
        standard errors.
        """
        merits = self.merits(threshold)
        both = list(zip(self.peaks, merits, strict=True))
        sound = [peak for peak, merit in both if merit >= threshold]
        else_there = self.excess + sum(peak.worth for peak, merit in both if merit < threshold)
        least = _SURE * math.sqrt(1.0 + else_there)
        sure = [peak for peak in sound if abs(peak.height_S) > least * peak.height_error_S]
        return sure if self.is_settled else []


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
    """A fit to make: a peak for each start."""

    stretch: Stretch
    starts: Sequence[Start]


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
    if points - ORDERS[0] - 1 - 3 * peaks < FEWEST:
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
    """Yield the better of the two shapes for each wish, its errors widened by the other one."""
    points, peaks = _size(wishes[0])
    by_shape = (len(SHAPES), len(wishes))
    tallest = np.array([wish.stretch.tallest_S for wish in wishes])
    criterion = _criterion(fits.chi2, tasks.orders, peaks)
    sensible = np.abs(fits.height).max(axis=1).reshape(by_shape) < tallest
    criterion[(~sensible & sensible.any(axis=0)).ravel()] = np.inf
    best = criterion.reshape(by_shape).argmin(axis=0) * len(wishes) + np.arange(len(wishes))
    values, errors = _settled(tasks, fits, others, criterion, best)
    tasks, fits = tasks.take(best), fits.take(best)
    worth = fits.height**2 / np.maximum(np.diagonal(fits.inverse, axis1=1, axis2=2), TINY)
    columns = [one.reshape(-1, 3, peaks) for one in (values, errors)]
    (height, place, width), (of_height, of_place, of_width) = (
        np.moveaxis(one, 1, 0) for one in columns
    )
    bends = _bends(tasks, fits, tallest)
    found = (place, of_place, width, of_width, height, of_height, bends, worth)
    table = np.stack(found, axis=2)
    starts = np.stack([fits.place, fits.width], axis=2)
    for k, wish in enumerate(wishes):
        order, x = ORDERS[tasks.orders[k]], wish.stretch.x
        yield PeakFit(
            tuple(Peak(*row) for row in table[k].tolist()),
            tuple((at, fwhm) for at, fwhm in starts[k].tolist()),
            SHAPES[tasks.shapes[k]],
            order,
            fits.residual[k] * wish.stretch.error,
            float(fits.chi2[k]),
            points - order - 1 - 3 * peaks,
            float(criterion[best[k]]),
            wish.stretch.step_V,
            (float(x[0]), float(x[-1])),
            float(tallest[k]),
            wish.stretch.noise_rows,
        )


def _settled(
    tasks: Tasks, fits: Solved, others: Others, criterion: Array, best: Ints
) -> tuple[Array, Array]:
    """Return heights, places and widths on a background of the next order, and their errors.

    As local polynomials are taken with more terms than the fit needs: Calonico, Cattaneo &
    Titiunik, Econometrica 82, 2295 (2014). What the other shape says enters the errors with its
    weight: Burnham & Anderson, Model Selection and Multimodel Inference (2002), eq. 4.9.
    """
    rows = np.arange(len(fits.chi2))
    order = np.minimum(tasks.orders + 1, len(ORDERS) - 1)
    values = np.concatenate([fits.height, fits.place, fits.width], axis=1)
    values = values + others.step[rows, order]
    scatter = np.maximum(others.chi2 / np.maximum(others.dof, 1), 0.5)[rows, order]
    variance = others.variance[rows, order] * scatter[:, None]
    by_shape = criterion.reshape(len(SHAPES), -1)
    weights = np.exp(-0.5 * np.minimum(by_shape - by_shape.min(axis=0), 200.0))
    weights /= weights.sum(axis=0)
    spread = np.hypot(np.sqrt(variance), values - np.tile(values[best], (len(SHAPES), 1)))
    errors = (weights.reshape(-1, 1) * spread).reshape(*by_shape.shape, -1)
    return values[best], errors.sum(axis=0)


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
