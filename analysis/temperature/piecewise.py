"""Weighted straight lines, whole or broken at a knot, with an extra scatter of the points.

Many fits of the same points, each without some of them, are made at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanojunction.analysis.temperature.broken_lines import Splits, straight_lines
from nanojunction.analysis.values import Array

_SMALLEST_SCATTER = 1e-9

Rows = NDArray[np.intp]
Solve = Callable[[Array, Rows], Array]
"""From weights (a, n) and the fit that each row belongs to (a,): intercept, slope, slope beyond
and knot (a, 4) of the smallest chi²."""


@dataclass(frozen=True, slots=True, eq=False)
class LineFit:
    """y = intercept + slope·x, with another slope beyond the knot where there is one.

    `x`, `y` and `sigma` (own error and scatter together) have one entry a point, in order of x.
    `covariance` is that of (intercept, slope) or (intercept, slope, slope_beyond, knot), None
    where it is singular; where the scatter was estimated it contains Student's factor for the
    degrees of freedom, so that ±1 standard error covers 68 % for few points too. `aicc` counts
    the scatter as a parameter and is infinite where the points are too few for it.
    """

    x: Array
    y: Array
    sigma: Array
    intercept: float
    slope: float
    slope_beyond: float
    knot: float
    broken: bool
    scatter: float
    chi2_reduced: float
    aicc: float
    covariance: Array | None
    at_limit: bool = False

    @property
    def intercept_beyond(self) -> float:
        """The far line continued to x = 0."""
        return self.intercept + (self.slope - self.slope_beyond) * self.knot

    @property
    def residuals(self) -> Array:
        """The points minus the fit."""
        return np.asarray(self.y - self.predict(self.x))

    def predict(self, x: Array) -> Array:
        """Return the fitted line at `x`."""
        if not self.broken:
            return np.asarray(self.intercept + self.slope * x)
        bend = (self.slope_beyond - self.slope) * np.maximum(x - self.knot, 0.0)
        return np.asarray(self.intercept + self.slope * x + bend)

    def error(self, name: str) -> float | None:
        """Return the standard error of a parameter, None where it cannot be determined."""
        if self.covariance is None:
            return None
        size = len(self.covariance)
        gradient = np.zeros(size)
        if name == "intercept_beyond":
            gradient[:] = (1.0, self.knot, -self.knot, self.slope - self.slope_beyond)
        else:
            gradient[("intercept", "slope", "slope_beyond", "knot").index(name)] = 1.0
        return math.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))

    def error_at(self, x: float) -> float | None:
        """Return the standard error of the fitted line at one `x`, None where it is unknown."""
        if self.covariance is None:
            return None
        gradient = [1.0, x]
        if self.broken:
            beyond = x > self.knot
            gradient = [
                1.0,
                min(x, self.knot),
                max(x - self.knot, 0.0),
                self.slope - self.slope_beyond if beyond else 0.0,
            ]
        at = np.array(gradient)
        return math.sqrt(max(float(at @ self.covariance @ at), 0.0))


def fit_lines(x: Array, y: Array, stated: Array, kept: Array) -> list[LineFit | None]:
    """Fit a straight line to the points of each row of `kept`, None where these are too few.

    `x`, `y` and `stated`, the standard errors of y (0 where unknown), are (n,); `kept` is (m, n)
    of bool. A line needs three points that are not all at the same x.
    """
    order = np.argsort(x, kind="stable")
    x, y, stated, kept = x[order], y[order], stated[order], kept[:, order]
    everything = np.ones((1, len(x)))

    def solve(weight: Array, _: Rows) -> Array:
        lines = straight_lines(x, y, weight, everything)
        slope = lines.slope[:, 0]
        beyond = np.full_like(slope, math.inf)
        return np.stack([lines.at(np.zeros(1))[:, 0], slope, slope, beyond], axis=1)

    at = [x[row] for row in kept]
    possible = np.array([len(some) >= 3 and np.ptp(some) > 0 for some in at], dtype=bool)
    return _where(possible, _with_scatter(x, y, stated, kept[possible], solve, broken=False))


def fit_broken_lines(
    x: Array, y: Array, stated: Array, kept: Array, side_points: int
) -> list[LineFit | None]:
    """Fit two straight lines that meet at a knot to the points of each row of `kept`.

    As `fit_lines`; None where no knot leaves `side_points` points, and two different x, on each
    side.
    """
    order = np.argsort(x, kind="stable")
    x, y, stated, kept = x[order], y[order], stated[order], kept[:, order]
    splits = Splits.between(x, y)
    if not len(splits.low):
        return [None] * len(kept)
    allowed = splits.allowed(kept, side_points)
    possible = np.asarray(allowed.any(axis=1))
    allowed = allowed[possible]
    fits = _with_scatter(
        x,
        y,
        stated,
        kept[possible],
        lambda weight, which: splits.best(weight, allowed[which]),
        broken=True,
    )
    limited = [
        replace(fit, at_limit=_at_limit(fit.knot, splits.low[row], splits.high[row]))
        for fit, row in zip(fits, allowed, strict=True)
    ]
    return _where(possible, limited)


def _at_limit(knot: float, low: Array, high: Array) -> bool:
    """Return whether a knot lies at the edge of the places that it may have."""
    return bool(knot <= low[0] * (1 + 1e-12) or knot >= high[-1] * (1 - 1e-12))


def _where(possible: NDArray[np.bool_], fits: list[LineFit]) -> list[LineFit | None]:
    """Put the fits where they were possible, None elsewhere."""
    rest = iter(fits)
    return [next(rest) if one else None for one in possible.tolist()]


def _model(found: Array, x: Array, *, broken: bool) -> Array:
    """Return the lines (a, n) of some parameters (a, 4)."""
    intercept, slope, beyond, knot = found.T[:, :, None]
    line = intercept + slope * x
    if broken:
        line = line + (beyond - slope) * np.maximum(x - knot, 0.0)
    return np.asarray(line)


def _with_scatter(
    x: Array, y: Array, stated: Array, kept: Array, solve: Solve, *, broken: bool
) -> list[LineFit]:
    """Fit with the scatter that makes chi² its expectation, and judge with the likeliest one."""
    if len(kept) == 0:
        return []
    parameters = 4 if broken else 2
    counts = kept.sum(axis=1)
    free = np.maximum(counts - parameters, 1)

    def solved(scatter: Array, which: Rows) -> tuple[Array, Array, Array]:
        """Return the parameters, σ² and squares over σ² of fits with a scatter each (a,)."""
        variance = stated**2 + scatter[:, None] ** 2
        found = solve(kept[which] / variance, which)
        return found, variance, kept[which] * (y - _model(found, x, broken=broken)) ** 2 / variance

    def chi2(log_scatter: Array, which: Rows) -> Array:
        return np.asarray(solved(np.exp(log_scatter), which)[2].sum(axis=1))

    def deviance(log_scatter: Array, which: Rows) -> Array:
        _, variance, squares = solved(np.exp(log_scatter), which)
        terms = squares + kept[which] * np.log(2 * np.pi * variance)
        return np.asarray(terms.sum(axis=1))

    widest = max(10 * float(np.ptp(y)), 1e-6)
    grid = np.linspace(math.log(_SMALLEST_SCATTER), math.log(widest), 25)
    scatter = _scatter_for(chi2, free, grid)
    deviances = _least(deviance, len(kept), grid)
    found, variance, squares = solved(scatter, np.arange(len(kept)))
    fits = []
    for at, rows in enumerate(kept):
        sigma = np.sqrt(variance[at, rows])
        student = _few_points(float(scatter[at]), int(free[at]))
        intercept, slope, beyond, knot = found[at].tolist()
        fits.append(
            LineFit(
                x=x[rows],
                y=y[rows],
                sigma=sigma,
                intercept=intercept,
                slope=slope,
                slope_beyond=beyond,
                knot=knot,
                broken=broken,
                scatter=0.0 if scatter[at] <= _SMALLEST_SCATTER else float(scatter[at]),
                chi2_reduced=float(squares[at].sum() / free[at]),
                aicc=_aicc(float(deviances[at]), int(counts[at]), parameters + 1),
                covariance=_covariance(x[rows], sigma * student, found[at], broken=broken),
            )
        )
    return fits


def _few_points(scatter: float, free: int) -> float:
    """Return what makes ±1 standard error cover 68 % when the scatter itself was estimated.

    It is Student's factor for `free` degrees of freedom, 1 where the stated errors suffice.
    """
    if scatter <= _SMALLEST_SCATTER:
        return 1.0
    from scipy.special import stdtrit

    return float(stdtrit(free, 0.8413447))


def _on_grid(f: Callable[[Array, Rows], Array], count: int, grid: Array) -> Array:
    """Return f for every scatter of the grid and every fit, (len(grid), count)."""
    some = [np.meshgrid(part, np.arange(count), indexing="ij") for part in np.split(grid, 5)]
    return np.concatenate([f(at.ravel(), which.ravel()).reshape(at.shape) for at, which in some])


def _scatter_for(chi2: Callable[[Array, Rows], Array], target: Array, grid: Array) -> Array:
    """Return the scatter at which chi² is `target`, or the smallest where it is below already."""
    from scipy.optimize.elementwise import find_root

    # chi² falls as the scatter grows.
    above = (_on_grid(chi2, len(target), grid) > target).sum(axis=0)
    out = np.full(len(target), _SMALLEST_SCATTER)
    some = np.flatnonzero(above)
    if len(some):

        def beyond(at: Array, *of: Any, **_: Any) -> Array:
            one, aim = of
            return np.asarray(chi2(at, one) - aim)

        found = find_root(
            beyond,
            (grid[above[some] - 1], grid[above[some]]),
            args=(some, target[some]),
            tolerances={"xatol": 1e-9},
        )
        out[some] = np.exp(found.x)
    return out


def _least(deviance: Callable[[Array, Rows], Array], count: int, grid: Array) -> Array:
    """Return the least deviance over the scatter: a criterion compares maxima of the likelihood.

    With stated errors that differ by orders of magnitude, the scatter that makes chi² its
    expectation is far from the likeliest: one precise point off by 2 σ would blow it up.
    """
    from scipy.optimize.elementwise import find_minimum

    values = _on_grid(deviance, count, grid)
    best = np.argmin(values, axis=0)
    least: Array = values[best, np.arange(count)]
    inner = np.flatnonzero((best > 0) & (best < len(grid) - 1))
    if len(inner):
        around = tuple(grid[best[inner] + step] for step in (-1, 0, 1))
        found = find_minimum(deviance, around, args=(inner,), tolerances={"xatol": 1e-4})
        least[inner] = np.minimum(least[inner], found.f_x)
    return least


def _aicc(deviance: float, count: int, parameters: int) -> float:
    """Return Akaike's criterion with the small-sample correction (Hurvich & Tsai 1989)."""
    if count - parameters - 1 <= 0:
        return math.inf
    correction = 2 * parameters * (parameters + 1) / (count - parameters - 1)
    return deviance + 2 * parameters + correction


def _covariance(x: Array, sigma: Array, found: Array, *, broken: bool) -> Array | None:
    columns = [np.ones_like(x), x]
    if broken:
        intercept_slope, beyond = np.minimum(x, found[3]), np.maximum(x - found[3], 0.0)
        columns = [
            np.ones_like(x),
            intercept_slope,
            beyond,
            np.where(x > found[3], found[1] - found[2], 0.0),
        ]
    jacobian = np.column_stack(columns) / sigma[:, None]
    scale = np.sqrt(np.sum(jacobian**2, axis=0))
    if np.any(scale == 0):
        return None
    normal = (jacobian / scale).T @ (jacobian / scale)
    if np.linalg.cond(normal) > 1e12:
        return None
    return np.asarray(np.linalg.inv(normal) / np.outer(scale, scale))
