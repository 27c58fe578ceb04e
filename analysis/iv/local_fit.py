"""I(V) around one voltage: local polynomials in a window that balances noise against bias."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.expansion import Expansion, Expansions
from nanojunction.analysis.iv.grid import Grid
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.iv.unresolved import unresolved
from nanojunction.analysis.values import Array

_TESTED = (1, 3)
_TOP = _TESTED[-1] + 4
_EXTRA_2 = 7.0  # χ² of two more terms that are not needed
_PRIOR = 8.0  # how many degrees of freedom the noise from neighbour differences is worth
_GROWTH = 1.4
_CLEARLY = 6.0  # standard deviations of a sum of squares
_ROUGH = 3e-3  # a resolved curve leaves less: an exponential over its own width 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """The points of one direction by their distance from a voltage, and their running sums."""

    x: Array  # distance from the voltage over the whole reach, by growing size
    y: Array
    weight: Array
    cell: np.ndarray[tuple[int], np.dtype[np.int64]]
    powers: Array  # (powers, points), x^k
    moments: Array  # (powers, points + 1), sums of weight·x^k over the nearest points
    products: Array  # sums of weight·y·x^k
    base: float  # taken off every current


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A polynomial in one window: mean over directions; x in units of the reach."""

    theta: Array
    inverse: Array
    parts: list[tuple[_Side, int, Array, Array]]  # side, points, coefficients, inverse
    rss: float
    dof: float


class LocalModel:
    """Local polynomials; the window is chosen anew at every voltage.

    For an order p the largest window is taken in which terms p + 1 and p + 2 are not needed, and
    the result is taken with these terms (Calonico, Cattaneo & Titiunik, Econometrica 82, 2295
    (2014)); the standard error includes the difference to two orders more, as far as noise does
    not explain it. Each direction is fitted alone, on the means over its legs at each setpoint,
    and both directions weigh the same.
    """

    def __init__(self, traces: Traces, grid: Grid) -> None:
        self._traces = traces
        self._grid = grid
        self._noise = (traces.noise_A or 0.0) ** 2
        self._known: dict[tuple[float, int], Expansion] = {}

    def kind(self) -> Hashable:
        """Return what models have in common whose expansions have the same shape."""
        return len(self._traces)

    def curves(self, models: Sequence[LocalModel]) -> LocalCurves:
        """Return the curves of models of this kind."""
        return LocalCurves(models)

    def at(self, voltage_V: float, target: int) -> Expansion:
        """Return the expansion at a voltage, its window chosen for the value (0) or slope (1)."""
        if (voltage_V, target) not in self._known:
            found = self._at(voltage_V)
            for wanted in (0, 1):
                best = min(found, key=lambda e: float(e.covariance[wanted, wanted]), default=None)
                curve = best or _few_points(self._traces, voltage_V)
                self._known[voltage_V, wanted] = curve
        return self._known[voltage_V, target]

    def _at(self, voltage_V: float) -> list[Expansion]:
        """Return the expansions of the orders that describe the data, of all if none does."""
        grid = self._grid
        reach = float(np.max(np.abs(grid.voltage_V - voltage_V)))
        sides = [self._side(direction, voltage_V, reach) for direction in grid.directions]
        widths = _windows(sides)
        found: list[Expansion] = []
        adequate: list[Expansion] = []
        for order in _TESTED:
            expansion, describes = self._choose(sides, widths, order, voltage_V, reach)
            if expansion is not None:
                (adequate if describes else found).append(expansion)
        if adequate:
            return adequate
        if self._noise > 0.0 and self._is_rough(sides, float(widths[0])):
            return [unresolved(curve, self._traces, grid) for curve in found]
        return found

    def _side(self, direction: int, voltage_V: float, reach: float) -> _Side:
        grid = self._grid
        cell = np.flatnonzero(grid.count[direction] > 0)
        x = (grid.sensed_V[direction][cell] - voltage_V) / reach
        order = np.argsort(np.abs(x), kind="stable")
        cell, x = cell[order], x[order]
        y = grid.current_A[direction][cell]
        weight = grid.count[direction][cell]
        if grid.relative_noise is not None:
            weight = weight / grid.relative_noise[cell] ** 2
        powers = np.empty((2 * _TOP + 1, len(x)))
        powers[0], powers[1:] = 1.0, x
        np.multiply.accumulate(powers, axis=0, out=powers)
        base = float(y[0])
        centred = y - base
        moments = np.zeros((len(powers), len(x) + 1))
        products = np.zeros((_TOP + 1, len(x) + 1))
        np.cumsum(weight * powers, axis=1, out=moments[:, 1:])
        np.cumsum(weight * centred * powers[: _TOP + 1], axis=1, out=products[:, 1:])
        return _Side(x, centred, weight, cell, powers[: _TOP + 1], moments, products, base)

    def _choose(
        self, sides: list[_Side], widths: Array, order: int, voltage_V: float, reach: float
    ) -> tuple[Expansion | None, bool]:
        """Return the result in the largest window that a polynomial of this order describes.

        Where there is none it is that of the narrowest window, and False.
        """
        chosen: tuple[float, _Fit, float] | None = None
        describes = False
        rows = len(self._traces)
        usable, excess = _screen(sides, widths, order)
        most = self._noise * (1.0 + 3.0 * (np.sqrt(2.0) + np.sqrt(5.0 / rows)))
        # Far too wide windows need no closer look; the narrowest one is the last resort.
        trial = usable & (excess <= _EXTRA_2 * max(most, 1e-300))
        if usable.any():
            trial[int(np.argmax(usable))] = True
        for width in widths[trial][::-1].tolist():
            fit = _fit(sides, width, order + 2)
            if fit is None:
                break
            variance = (fit.rss + _PRIOR * self._noise) / (fit.dof + _PRIOR)
            chosen = (width, fit, variance)
            extra = fit.theta[order + 1 :]
            block = fit.inverse[order + 1 :, order + 1 :] * max(variance, 1e-300)
            allowed = 1.0 + 3.0 * (np.sqrt(2.0 / fit.dof) + np.sqrt(5.0 / rows))
            needless = float(extra @ np.linalg.solve(block, extra)) <= _EXTRA_2
            describes = needless and fit.rss <= fit.dof * self._noise * allowed
            if describes:
                break
        if chosen is None:
            return None, False
        width, fit, variance = chosen
        unit = reach ** -np.arange(3.0)
        influence = np.sqrt(variance) * unit[:, None] * self._influence(fit)
        bias = _bias(sides, width, order, fit, variance)
        covariance = influence @ influence.T + np.diag(bias * unit**2)
        c = fit.theta[:3] * unit
        name = f"local polynomial of order {order + 2}"
        return Expansion(voltage_V, c, covariance, width * reach, name, influence), describes

    def _is_rough(self, sides: list[_Side], width: float) -> bool:
        """Tell whether a cubic leaves a part of the bending that no smooth curve leaves."""
        line, cubic = _fit(sides, width, 1), _fit(sides, width, 3)
        if line is None or cubic is None:
            return False
        rows = len(self._traces)
        sure = 1.0 + _CLEARLY * (np.sqrt(2.0 / cubic.dof) + np.sqrt(5.0 / rows))
        return bool(cubic.rss > max(_ROUGH * line.rss, cubic.dof * self._noise * sure))

    def _influence(self, fit: _Fit) -> Array:
        """Return what each row adds to the first three coefficients, (3, rows)."""
        out = np.zeros((3, len(self._traces)))
        for (side, points, _, inverse), direction in zip(
            fit.parts, self._grid.directions, strict=True
        ):
            powers = side.powers[: len(inverse), :points]
            per_cell = np.zeros((3, len(self._grid.voltage_V)))
            per_cell[:, side.cell[:points]] = (inverse[:3] @ powers) / len(fit.parts)
            if self._grid.relative_noise is not None:
                per_cell /= self._grid.relative_noise  # a weight of 1/s² on a noise of s
            mine = self._traces.direction == direction
            out[:, mine] = per_cell[:, self._grid.cell[mine]]
        return out


class LocalCurves:
    """The curves of several runs of equally many rows that have no description of a whole."""

    def __init__(self, models: Sequence[LocalModel]) -> None:
        self._models = models

    def __len__(self) -> int:
        return len(self._models)

    def at(self, run: IntArray, voltage_V: Array, target: int) -> Expansions:
        """Return the expansions of some runs, each at its voltage, best for value or slope."""
        pairs = zip(run.tolist(), voltage_V.tolist(), strict=True)
        return Expansions.of([self._models[k].at(at_V, target) for k, at_V in pairs])


def _windows(sides: list[_Side]) -> Array:
    """Return half widths, in units of the reach, that hold geometrically more and more points."""
    distance = np.sort(np.concatenate([np.abs(side.x) for side in sides]))
    per_side = len(distance) / len(sides)
    counts = [6.0]
    while counts[-1] * _GROWTH < per_side:
        counts.append(counts[-1] * _GROWTH + 1)
    index = [min(round(c * len(sides)), len(distance) - 1) for c in counts]
    return np.unique(np.append(distance[index], distance[-1])) * (1 + 1e-9)


def _screen(
    sides: list[_Side], widths: Array, order: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Array]:
    """Return which windows hold enough points, and χ²·variance of the two terms above `order`."""
    index = np.arange(order + 3)
    unit = widths[:, None] ** -index.astype(float)
    theta = np.zeros((len(widths), 2))
    block = np.zeros((len(widths), 2, 2))
    usable = np.ones(len(widths), dtype=bool)
    for side in sides:
        points = np.searchsorted(np.abs(side.x), widths, side="right")
        usable &= points >= order + 4
    for side in sides:
        points = np.searchsorted(np.abs(side.x), widths[usable], side="right")
        scale = unit[usable][:, :, None] * unit[usable][:, None, :]
        gram = np.moveaxis(side.moments[:, points][index[:, None] + index], 2, 0) * scale
        inverse = _inverses(gram)
        beta = np.einsum("wij,jw,wj->wi", inverse, side.products[: order + 3, points], unit[usable])
        theta[usable] += beta[:, order + 1 :] / len(sides)
        block[usable] += inverse[:, order + 1 :, order + 1 :] / len(sides) ** 2
    excess = np.zeros(len(widths))
    if usable.any():
        solved = np.linalg.solve(block[usable], theta[usable][:, :, None])[:, :, 0]
        excess[usable] = np.sum(theta[usable] * solved, axis=1)
    return usable, excess


def _inverses(normal: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(normal))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(normal, hermitian=True))


def _fit(sides: list[_Side], width: float, order: int) -> _Fit | None:
    """Return the fit in a window, None if a direction has too few points in it."""
    theta, inverse = np.zeros(order + 1), np.zeros((order + 1, order + 1))
    parts = []
    rss = dof = 0.0
    index = np.arange(order + 1)
    unit = width ** -index.astype(float)
    for side in sides:
        points = int(np.searchsorted(np.abs(side.x), width, side="right"))
        if points < order + 2:
            return None
        gram = side.moments[:, points][index[:, None] + index] * np.outer(unit, unit)
        try:
            inv = np.linalg.inv(gram) * np.outer(unit, unit)
        except np.linalg.LinAlgError:
            return None
        beta = inv @ side.products[: order + 1, points]
        powers, y = side.powers[: order + 1, :points], side.y[:points]
        residual = y - beta @ powers
        # One step of refinement takes off the rounding of the normal equations.
        beta = beta + inv @ (powers @ (side.weight[:points] * residual))
        residual = y - beta @ powers
        rss += float(residual @ (side.weight[:points] * residual))
        dof += points - order - 1
        parts.append((side, points, beta, inv))
        inverse += inv / len(sides) ** 2
        theta += beta / len(sides)
        theta[0] += side.base / len(sides)
    return _Fit(theta, inverse, parts, rss, dof)


def _bias(sides: list[_Side], width: float, order: int, fit: _Fit, variance: float) -> Array:
    """Return what the difference to two orders more says about the bias, squared."""
    higher = _fit(sides, width, order + 4)
    if higher is None:
        return np.zeros(3)
    off = fit.theta[:3] - higher.theta[:3]
    spread = np.diag(higher.inverse)[:3] - np.diag(fit.inverse)[:3]
    excess = off**2 - np.maximum(spread, 0.0) * variance
    return np.asarray(0.5 * np.maximum(excess, 0.0))


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
