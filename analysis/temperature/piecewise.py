"""Weighted straight lines, whole or broken at a knot, with an extra scatter of the points.

A broken line is found exactly: for each way to share the points between its two sides, the best
pair of lines either meets between the two neighbouring points, or the knot lies on one of them
(Hudson 1966, J. Am. Stat. Assoc. 61, 1097). No start value and no iteration decides the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.values import Array

_SMALLEST_SCATTER = 1e-9


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


def fit_line(x: Array, y: Array, stated: Array) -> LineFit:
    """Fit one straight line to points with `stated` standard errors of y (0 where unknown).

    `x` must be one-dimensional with at least three entries that are not all the same.
    """
    x, y, stated = _in_order(x, y, stated)
    design = np.column_stack([np.ones_like(x), x])[None]

    def solve(sigma: Array) -> Array:
        coefficients, _ = _least_squares(design, y, sigma)
        return np.array([coefficients[0, 0], coefficients[0, 1], coefficients[0, 1], math.inf])

    return _with_scatter(x, y, stated, solve, broken=False)


def fit_broken_line(x: Array, y: Array, stated: Array, side_points: int) -> LineFit | None:
    """Fit two straight lines that meet at a knot; None where no knot leaves enough points.

    Each side keeps at least `side_points` points, and two different x. `stated` are the standard
    errors of y (0 where unknown).
    """
    x, y, stated = _in_order(x, y, stated)
    splits = [
        split
        for split in range(side_points, len(x) - side_points + 1)
        if x[split] > x[split - 1] and x[split - 1] > x[0] and x[-1] > x[split]
    ]
    if not splits:
        return None
    search = _KnotSearch(x, y, splits)
    fit = _with_scatter(x, y, stated, search.solve, broken=True)
    knots = search.on_points
    limit = bool(fit.knot <= knots[0] * (1 + 1e-12) or fit.knot >= knots[-1] * (1 - 1e-12))
    return replace(fit, at_limit=limit)


class _KnotSearch:
    """All ways to break a line through given points, solved together for given weights."""

    def __init__(self, x: Array, y: Array, splits: Sequence[int]) -> None:
        self.x, self.y = x, y
        self.low = np.array([x[split - 1] for split in splits])
        self.high = np.array([x[split] for split in splits])
        self.on_points = np.unique(np.concatenate([self.low, self.high]))
        near = np.arange(len(x))[None, :] < np.array(splits)[:, None]
        ones = np.ones_like(x)
        self.pairs = np.stack([near * ones, near * x, ~near * ones, ~near * x], axis=2)
        bends = np.maximum(x[None, :] - self.on_points[:, None], 0.0)
        plain = np.broadcast_to(ones, bends.shape), np.broadcast_to(x, bends.shape)
        self.bent = np.stack([*plain, bends], axis=2)

    def solve(self, sigma: Array) -> Array:
        """Return (intercept, slope, slope beyond, knot) of the smallest chi²."""
        bent, chi2 = _least_squares(self.bent, self.y, sigma)
        best = int(np.argmin(chi2))
        found = np.array(
            [bent[best, 0], bent[best, 1], bent[best, 1] + bent[best, 2], self.on_points[best]]
        )
        pairs, chi2_pairs = _least_squares(self.pairs, self.y, sigma)
        with np.errstate(divide="ignore", invalid="ignore"):
            knot = (pairs[:, 2] - pairs[:, 0]) / (pairs[:, 1] - pairs[:, 3])
        inside = (knot > self.low) & (knot < self.high) & (chi2_pairs < chi2[best])
        if np.any(inside):
            index = int(np.argmin(np.where(inside, chi2_pairs, np.inf)))
            found = np.array([pairs[index, 0], pairs[index, 1], pairs[index, 3], knot[index]])
        return found


def _in_order(x: Array, y: Array, stated: Array) -> tuple[Array, Array, Array]:
    order = np.argsort(x, kind="stable")
    return x[order], y[order], stated[order]


def _least_squares(designs: Array, y: Array, sigma: Array) -> tuple[Array, Array]:
    """Solve a stack of weighted linear problems; return coefficients (m, p) and chi² (m,)."""
    weighted = designs / sigma[None, :, None]
    target = y / sigma
    scale = np.sqrt(np.sum(weighted**2, axis=1, keepdims=True))
    scaled = weighted / scale
    q, r = np.linalg.qr(scaled)
    projected = np.einsum("mnp,n->mp", q, target)
    coefficients = np.linalg.solve(r, projected[..., None])[..., 0]
    residuals = target[None, :] - np.einsum("mnp,mp->mn", scaled, coefficients)
    return coefficients / scale[:, 0, :], np.sum(residuals**2, axis=1)


def _with_scatter(
    x: Array, y: Array, stated: Array, solve: Callable[[Array], Array], *, broken: bool
) -> LineFit:
    """Fit with the scatter that makes chi² its expectation, and judge with the likeliest one."""
    parameters = 4 if broken else 2
    count = len(x)

    def model(found: Array, at: Array) -> Array:
        line = found[0] + found[1] * at
        if broken:
            line = line + (found[2] - found[1]) * np.maximum(at - found[3], 0.0)
        return np.asarray(line)

    def chi2(scatter: float) -> float:
        sigma = np.hypot(stated, scatter)
        return float(np.sum(((y - model(solve(sigma), x)) / sigma) ** 2))

    scatter = _scatter_for(chi2, max(count - parameters, 1), y)
    sigma = np.hypot(stated, scatter)
    found = solve(sigma)

    def deviance_at(scatter: float) -> float:
        likely = np.hypot(stated, scatter)
        misfit = (y - model(solve(likely), x)) / likely
        return float(np.sum(misfit**2 + np.log(2 * np.pi * likely**2)))

    deviance = _least(deviance_at, y)
    free = max(count - parameters, 1)
    chi2_found = float(np.sum(((y - model(found, x)) / sigma) ** 2))
    return LineFit(
        x=x,
        y=y,
        sigma=sigma,
        intercept=float(found[0]),
        slope=float(found[1]),
        slope_beyond=float(found[2]),
        knot=float(found[3]),
        broken=broken,
        scatter=0.0 if scatter <= _SMALLEST_SCATTER else scatter,
        chi2_reduced=chi2_found / free,
        aicc=_aicc(deviance, count, parameters + 1),
        covariance=_covariance(x, sigma * _few_points(scatter, free), found, broken=broken),
    )


def _few_points(scatter: float, free: int) -> float:
    """Return what makes ±1 standard error cover 68 % when the scatter itself was estimated.

    It is Student's factor for `free` degrees of freedom, 1 where the stated errors suffice.
    """
    if scatter <= _SMALLEST_SCATTER:
        return 1.0
    from scipy.special import stdtrit

    return float(stdtrit(free, 0.8413447))


def _scatter_for(chi2: Callable[[float], float], target: float, y: Array) -> float:
    """Return the scatter at which chi² is `target`, or the smallest where it is below already."""
    low, high = _SMALLEST_SCATTER, max(10 * float(np.ptp(y)), 1e-6)
    if chi2(low) <= target:
        return low
    from scipy.optimize import brentq

    return float(
        np.exp(brentq(lambda s: chi2(math.exp(s)) - target, math.log(low), math.log(high)))
    )


def _least(deviance_at: Callable[[float], float], y: Array) -> float:
    """Return the least deviance over the scatter: a criterion compares maxima of the likelihood.

    With stated errors that differ by orders of magnitude, the scatter that makes chi² its
    expectation is far from the likeliest: one precise point off by 2 σ would blow it up.
    """
    from scipy.optimize import minimize_scalar

    low, high = math.log(_SMALLEST_SCATTER), math.log(max(10 * float(np.ptp(y)), 1e-6))
    grid = np.linspace(low, high, 25)
    values = [deviance_at(math.exp(at)) for at in grid]
    best = int(np.argmin(values))
    around = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(lambda at: deviance_at(math.exp(at)), bounds=around, method="bounded")
    return min(float(found.fun), values[best])


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
