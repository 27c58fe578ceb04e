"""Least-squares fit of peaks in dI/dV to the current that they carry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.iv.peak_solver import (
    ORDERS,
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
_HOPELESS = 40.0  # AICc by which a rough fit of one shape may be worse than that of the other
_FARTHEST, _WIDEST = 0.35, 0.5  # a change of order moves a peak by so many FWHM, and ln FWHM
_UNLIKELY = 1e-6  # Akaike weight of what does not matter


@dataclass(frozen=True, slots=True)
class Peak:
    """One peak of dI/dV; its height is negative for a dip."""

    position_V: float
    position_error_V: float
    fwhm_V: float
    fwhm_error_V: float
    height_S: float
    height_error_S: float


@dataclass(frozen=True, slots=True, eq=False)
class PeakFit:
    """Peaks of one shape on a polynomial background; `residual_A` is what they leave of I."""

    peaks: tuple[Peak, ...]
    shape: str
    order: int  # of the background
    residual_A: Array
    variance: float  # residual variance over that of the noise
    dof: int
    aicc: float
    step_V: float
    region_V: tuple[float, float]
    tallest_S: float  # than which peaks only cancel each other and the background

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
        """Tell whether the residuals are no larger than the noise, which is known to some 25 %."""
        return self.variance < 1.6 + 3.0 * math.sqrt(2.0 / self.dof)

    def merits(self, threshold: float) -> list[float]:
        """Return each peak's height over its error, or less than `threshold` if it is no peak.

        A peak's width is known to a third and lies between one step and half the region, its place
        is inside the region, it is no taller than all of dI/dV, and it does not stand on an
        opposite peak of about the same width.
        """
        span = self.region_V[1] - self.region_V[0]
        merits = []
        for peak in self.peaks:
            sound = (
                abs(peak.height_S) < self.tallest_S
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

    def sound_peaks(self, threshold: float) -> list[Peak]:
        """Return the peaks that reach `threshold` standard errors."""
        merits = self.merits(threshold)
        return [p for p, merit in zip(self.peaks, merits, strict=True) if merit >= threshold]


def _cancel(peak: Peak, other: Peak) -> bool:
    """Tell whether a peak and a larger opposite one are the two halves of one cancellation."""
    return (
        peak.height_S * other.height_S < 0
        and abs(peak.height_S) <= abs(other.height_S)
        and abs(peak.position_V - other.position_V) < 0.3 * min(peak.fwhm_V, other.fwhm_V)
        and 0.5 < peak.fwhm_V / other.fwhm_V < 2.0
    )


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A stretch of I(V) with white noise of known size, in which peaks of dI/dV are fitted."""

    x: Array
    y: Array
    error: Array

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

    Shape and order of the background are those with the least AICc; what other likely ones say
    enters the errors with their Akaike weight.
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
    best = np.tile(others.aicc.min(axis=1).reshape(len(SHAPES), -1).min(axis=0), len(SHAPES))
    hopeful = np.flatnonzero(others.aicc.min(axis=1) <= best + _HOPELESS)
    tasks, fits, others = tasks.take(hopeful), fits.take(hopeful), others.take(hopeful)
    _refine(tasks, fits, others)
    whose = hopeful % len(wishes)
    found: list[PeakFit | None] = []
    for k, wish in enumerate(wishes):
        its = np.flatnonzero(whose == k)
        found.append(_result(wish, tasks.take(its), fits.take(its), others.take(its)))
    return found


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
    return replace(tasks, orders=orders_before(tasks).aicc.argmin(axis=1))


def _refine(tasks: Tasks, fits: Solved, others: Others) -> None:
    """Put fits with the likeliest order of the background in the place of these."""
    again = np.arange(len(fits.place))
    k, points = fits.place.shape[1], tasks.x.shape[1]
    for _ in range(_ROUNDS):
        orders = others.aicc[again].argmin(axis=1)
        here, step = fits.take(again), others.step[again, orders]
        away, wider = (step[:, at : at + k] / here.width for at in (k, 2 * k))
        place = here.place + here.width * np.clip(away, -_FARTHEST, _FARTHEST)
        width = here.width * np.exp(np.clip(wider, -_WIDEST, _WIDEST))
        trial = replace(tasks.take(again), orders=orders, place=place, width=width)
        found = descend(trial, _WELL)
        before = _aicc(here.chi2, tasks.orders[again], k, points)
        better = _aicc(found.chi2, orders, k, points) <= before
        again, trial, found = again[better], trial.take(better), found.take(better)
        tasks.put(again, trial)
        fits.put(again, found)
        others.put(again, orders_at(trial, found))
        again = again[others.aicc[again].argmin(axis=1) != tasks.orders[again]]
        if not len(again):
            break


def _aicc(chi2: Array, orders: Ints, peaks: int, points: int) -> Array:
    free = np.array(ORDERS)[orders] + 2 + 3 * peaks
    return np.asarray(chi2 + 2.0 * free * points / np.maximum(points - free - 1, 1))


def _result(wish: Wish, tasks: Tasks, fits: Solved, others: Others) -> PeakFit:
    """Return the best of the fits of one wish, its errors widened by the others' results."""
    tallest = wish.stretch.tallest_S
    sensible = np.abs(fits.height).max(axis=1) < tallest
    if sensible.any():
        tasks, fits, others = tasks.take(sensible), fits.take(sensible), others.take(sensible)
    points, peaks = _size(wish)
    aicc = _aicc(fits.chi2, tasks.orders, peaks, points)
    best = int(aicc.argmin())
    order = ORDERS[tasks.orders[best]]
    dof = points - order - 1 - 3 * peaks
    values = np.concatenate([fits.height, fits.place, fits.width], axis=1)
    # The fits themselves are known better than to first order.
    others.aicc[np.arange(len(aicc)), tasks.orders] = aicc
    errors = _errors(others, values, best)
    table = np.stack([values[best].reshape(3, peaks), errors.reshape(3, peaks)], axis=2)
    found = [
        Peak(*place, *width, *height) for height, place, width in table.transpose(1, 0, 2).tolist()
    ]
    x = wish.stretch.x
    return PeakFit(
        tuple(sorted(found, key=lambda peak: peak.position_V)),
        SHAPES[tasks.shapes[best]],
        order,
        fits.residual[best] * wish.stretch.error,
        float(fits.chi2[best]) / dof,
        dof,
        float(aicc[best]),
        wish.stretch.step_V,
        (float(x[0]), float(x[-1])),
        tallest,
    )


def _errors(others: Others, values: Array, best: int) -> Array:
    """Return the errors of the best values, what other shapes and orders say included.

    Burnham & Anderson, Model Selection and Multimodel Inference (2002), eq. 4.9.
    """
    weights = np.exp(-0.5 * np.minimum(others.aicc - others.aicc.min(), 200.0))
    weights[weights < _UNLIKELY] = 0.0
    weights /= weights.sum()
    scatter = np.maximum(others.chi2 / np.maximum(others.dof, 1), 0.5)
    variance = np.minimum(others.variance * scatter[:, :, None], 1e200)
    off = values[:, None, :] + others.step - values[best]
    return np.asarray(np.einsum("ij,ijk->k", weights, np.hypot(np.sqrt(variance), off)))
