"""I(V) around one voltage: local polynomials in a window that balances noise against bias."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.expansion import Expansion, Expansions
from nanojunction.analysis.iv.grid import Grid
from nanojunction.analysis.iv.local_windows import (
    Bools,
    Fits,
    Ints,
    Points,
    Sides,
    contributions,
    fit,
    points_of,
    screen,
)
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.iv.unresolved import unresolved
from nanojunction.analysis.values import Array

_TESTED = (1, 3)
_TOP = _TESTED[-1] + 4
_EXTRA_2 = 7.0  # χ² of two more terms that are not needed
_PRIOR = 8.0  # how many degrees of freedom the noise from neighbour differences is worth
_CLEARLY = 6.0  # standard deviations of a sum of squares
_ROUGH = 3e-3  # a resolved curve leaves less: an exponential over its own width 1e-5


class LocalModel:
    """Local polynomials; the window is chosen anew at every voltage.

    For an order p the largest window is taken in which terms p + 1 and p + 2 are not needed, and
    the result is taken with these terms (Calonico, Cattaneo & Titiunik, Econometrica 82, 2295
    (2014)); the standard error includes the difference to two orders more, as far as noise does
    not explain it. Each direction is fitted alone, on the means over its legs at each setpoint,
    and both directions weigh the same.
    """

    def __init__(self, traces: Traces, grid: Grid) -> None:
        self.traces = traces
        self.grid = grid

    def kind(self) -> Hashable:
        """Return what models have in common whose expansions have the same shape."""
        return len(self.traces), len(self.grid.directions)

    def curves(self, models: Sequence[LocalModel]) -> LocalCurves:
        """Return the curves of models of this kind."""
        return LocalCurves(models)


class LocalCurves:
    """The curves of several runs of equally many rows that have no description of a whole."""

    def __init__(self, models: Sequence[LocalModel]) -> None:
        self._models = models
        self._points = Points.of([one.grid for one in models])
        self._noise = np.array([(one.traces.noise_A or 0.0) ** 2 for one in models])
        self._rows = len(models[0].traces)
        self._place = np.array([_places(one.traces, one.grid) for one in models])
        self._known: dict[tuple[int, float], tuple[Expansion, Expansion]] = {}

    def __len__(self) -> int:
        return len(self._models)

    def at(self, run: IntArray, voltage_V: Array, target: int) -> Expansions:
        """Return the expansions of some runs, each at its voltage, best for value or slope."""
        wanted = list(zip(run.tolist(), voltage_V.tolist(), strict=True))
        new = [one for one in dict.fromkeys(wanted) if one not in self._known]
        if new:
            self._known.update(zip(new, self._best(new), strict=True))
        return Expansions.of([self._known[one][target] for one in wanted])

    def _best(self, wanted: Sequence[tuple[int, float]]) -> list[tuple[Expansion, Expansion]]:
        """Return the expansions of runs at voltages, the best for the value and for the slope."""
        run, at_V = (np.array(column) for column in zip(*wanted, strict=True))
        sides = Sides.of(self._points.take(run), at_V, _TOP)
        noise = self._noise[run]
        chosen = [_choose(sides, noise, self._rows, order) for order in _TESTED]
        each = [self._expansions(one, sides, run, at_V) for one in chosen]
        adequate = np.array([one.adequate for one in chosen])
        is_rough = np.zeros(len(run), dtype=bool)
        doubtful = np.flatnonzero(~adequate.any(axis=0) & (noise > 0.0))
        is_rough[doubtful] = _are_rough(sides.take(doubtful), noise[doubtful], self._rows)
        return [
            self._best_of([its[k] for its in each], adequate[:, k].tolist(), one, bool(is_rough[k]))
            for k, one in enumerate(wanted)
        ]

    def _best_of(
        self,
        each: Sequence[Expansion | None],
        adequate: Sequence[bool],
        wanted: tuple[int, float],
        is_rough: bool,
    ) -> tuple[Expansion, Expansion]:
        """Return the best of the orders that describe the data, of all if none does."""
        run, voltage_V = wanted
        traces, grid = self._models[run].traces, self._models[run].grid
        there = [(curve, good) for curve, good in zip(each, adequate, strict=True) if curve]
        found = [curve for curve, good in there if good] or [curve for curve, _ in there]
        if is_rough:
            found = [unresolved(curve, traces, grid) for curve in found]
        if not found:
            found = [_few_points(traces, voltage_V)]
        value = min(found, key=lambda curve: float(curve.covariance[0, 0]))
        slope = min(found, key=lambda curve: float(curve.covariance[1, 1]))
        return value, slope

    def _expansions(
        self, chosen: _Chosen, sides: Sides, run: IntArray, at_V: Array
    ) -> list[Expansion | None]:
        """Return what was chosen as expansions, None where there is no fit."""
        found: list[Expansion | None] = [None] * len(run)
        task, fits = chosen.task, chosen.fits
        side, point = np.moveaxis(self._place[run[task]], 1, 0)
        added = contributions(sides, task, fits)[np.arange(len(task))[:, None], side, point]
        reach = sides.reach[task]
        unit = reach[:, None] ** -np.arange(3.0)
        size = np.sqrt(chosen.variance)[:, None, None] * unit[:, :, None]
        influence = size * np.swapaxes(added, 1, 2)
        covariance = influence @ np.swapaxes(influence, 1, 2)
        covariance[:, (0, 1, 2), (0, 1, 2)] += chosen.bias * unit**2
        c, window_V = fits.theta[:, :3] * unit, (sides.widths[task, fits.window] * reach).tolist()
        name = f"local polynomial of order {fits.theta.shape[1] - 1}"
        for k, at in enumerate(task.tolist()):
            spread = covariance[k], window_V[k], name, influence[k]
            found[at] = Expansion(float(at_V[at]), c[k], *spread)
        return found


def _places(traces: Traces, grid: Grid) -> Ints:
    """Return each row's direction and point among those that this direction has, (2, rows)."""
    place = np.empty((2, len(traces)), dtype=np.int64)
    for side, direction in enumerate(grid.directions):
        mine = traces.direction == direction
        place[0, mine] = side
        place[1, mine] = np.searchsorted(points_of(grid, direction), grid.cell[mine])
    return place


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """The results of one order: fits of those tasks that have one, with variances and biases.

    `adequate` tells of all tasks whether the order describes the data.
    """

    task: Ints
    fits: Fits
    variance: Array
    bias: Array
    adequate: Bools


def _choose(sides: Sides, noise: Array, rows: int, order: int) -> _Chosen:
    """Return the results in the largest windows that a polynomial of this order describes.

    Where there is none it is that of the narrowest window, and not adequate.
    """
    usable, excess = screen(sides, order)
    most = noise * (1.0 + 3.0 * (np.sqrt(2.0) + np.sqrt(5.0 / rows)))
    # Far too wide windows need no closer look; the narrowest one is the last resort.
    left = usable & (excess <= _EXTRA_2 * np.maximum(most, 1e-300)[:, None])
    task = np.flatnonzero(usable.any(axis=1))
    left[task, usable[task].argmax(axis=1)] = True
    fits = _widest(sides, left, task, order + 2)
    good = _describe(fits, noise[task], rows, order)
    again = np.flatnonzero(~good & fits.sound & left[task].any(axis=1))
    while len(again) > 0:
        trial = _widest(sides, left, task[again], order + 2)
        again, trial = again[trial.sound], trial.take(np.flatnonzero(trial.sound))
        fits.put(again, trial)
        good[again] = _describe(trial, noise[task[again]], rows, order)
        again = again[~good[again] & left[task[again]].any(axis=1)]
    task, good, fits = task[fits.sound], good[fits.sound], fits.take(np.flatnonzero(fits.sound))
    adequate = np.zeros(len(noise), dtype=bool)
    adequate[task] = good
    variance = _variance(fits, noise[task])
    return _Chosen(task, fits, variance, _bias(sides, task, fits, variance, order), adequate)


def _widest(sides: Sides, left: Bools, task: Ints, order: int) -> Fits:
    """Return the fits in the widest windows that are left of some tasks, and take these off."""
    window = left.shape[1] - 1 - left[task, ::-1].argmax(axis=1)
    left[task, window] = False
    return fit(sides, task, window, order)


def _variance(fits: Fits, noise: Array) -> Array:
    """Return the variance of a typical point, the noise from neighbours counted in."""
    return np.asarray((fits.rss + _PRIOR * noise) / (fits.dof + _PRIOR))


def _describe(fits: Fits, noise: Array, rows: int, order: int) -> Bools:
    """Tell which fits need no terms above an order, and leave nothing but noise."""
    extra = fits.theta[:, order + 1 :, None]
    variance = np.maximum(_variance(fits, noise), 1e-300)[:, None, None]
    solved = np.linalg.solve(fits.covariance[:, order + 1 :, order + 1 :] * variance, extra)
    needless = (extra * solved).sum(axis=(1, 2)) <= _EXTRA_2
    allowed = 1.0 + 3.0 * (np.sqrt(2.0 / fits.dof) + np.sqrt(5.0 / rows))
    return np.asarray(needless & (fits.rss <= fits.dof * noise * allowed))


def _bias(sides: Sides, task: Ints, fits: Fits, variance: Array, order: int) -> Array:
    """Return what the differences to two orders more say about the biases, squared."""
    bias = np.zeros((len(task), 3))
    enough = np.flatnonzero((fits.count >= order + 6).all(axis=1))
    higher = fit(sides, task[enough], fits.window[enough], order + 4)
    enough, higher = enough[higher.sound], higher.take(np.flatnonzero(higher.sound))
    off = fits.theta[enough, :3] - higher.theta[:, :3]
    more, mine = (
        np.diagonal(one.covariance, axis1=1, axis2=2)[:, :3] for one in (higher, fits.take(enough))
    )
    excess = off**2 - np.maximum(more - mine, 0.0) * variance[enough, None]
    bias[enough] = 0.5 * np.maximum(excess, 0.0)
    return bias


def _are_rough(sides: Sides, noise: Array, rows: int) -> Bools:
    """Tell where a cubic leaves a part of the bending that no smooth curve leaves."""
    rough = np.zeros(len(noise), dtype=bool)
    some = np.flatnonzero((sides.counts[:, :, 0] >= 5).all(axis=1))
    narrowest = np.zeros(len(some), dtype=np.int64)
    line, cubic = (fit(sides, some, narrowest, order) for order in (1, 3))
    sure = 1.0 + _CLEARLY * (np.sqrt(2.0 / cubic.dof) + np.sqrt(5.0 / rows))
    least = np.maximum(_ROUGH * line.rss, cubic.dof * noise[some] * sure)
    rough[some] = line.sound & cubic.sound & (cubic.rss > least)
    return rough


def _few_points(traces: Traces, voltage_V: float) -> Expansion:
    """Return a parabola or a straight line through the few points that there are."""
    x = traces.voltage_V - voltage_V
    scale = float(np.max(np.abs(x))) or 1.0
    levels = len(np.unique(traces.voltage_V))
    order = 2 if len(x) >= 8 and levels >= 5 else 1 if levels >= 2 else 0
    design = np.vander(x / scale, order + 1, increasing=True)
    c, *_ = np.linalg.lstsq(design, traces.current_A, rcond=None)
    residual = traces.current_A - design @ c
    dof = len(x) - order - 1
    variance = float(residual @ residual) / dof if dof > 0 else np.nan
    unit = scale ** -np.arange(3.0)
    full = np.zeros(3)
    full[: order + 1] = c
    influence = np.zeros((3, len(x)))
    influence[: order + 1] = np.linalg.pinv(design)
    influence *= np.sqrt(variance) * unit[:, None]
    model = ("mean", "straight line", "parabola")[order]
    return Expansion(voltage_V, full * unit, influence @ influence.T, scale, model, influence)
