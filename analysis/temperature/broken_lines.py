"""Straight lines, and two that meet at a knot, solved in closed form for many weights at once.

A broken line is found exactly: for each way to share the points between its two sides, the best
pair of lines either meets between the two neighbouring points, or the knot lies on one of them
(Hudson 1966, J. Am. Stat. Assoc. 61, 1097). No start value and no iteration decides the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanojunction.analysis.values import Array


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Weighted straight lines, each given about the centre of its own points.

    About the centre, level and slope are independent, with variances 1/`total` and 1/`spread`.
    All arrays have the shape (weights, sides).
    """

    centre: Array
    level: Array
    slope: Array
    total: Array
    spread: Array
    chi2: Array

    def at(self, x: Array) -> Array:
        """Return the lines' values at `x`."""
        return np.asarray(self.level + self.slope * (x - self.centre))

    def covariance(self, x: Array | float, other: Array | float) -> Array:
        """Return the covariance of the lines' values at two places."""
        return np.asarray(
            1.0 / self.total + (x - self.centre) * (other - self.centre) / self.spread
        )

    def of(self, rows: NDArray[np.intp], sides: NDArray[np.intp]) -> Lines:
        """Return one line for each pair of a row of weights and a side."""
        return Lines(*(getattr(self, name)[rows, sides] for name in Lines.__slots__))

    def moved(self, x: Array, by: Array) -> Lines:
        """Return the likeliest lines whose values at `x` differ by `by`, per variance there."""
        return Lines(
            self.centre,
            self.level + by / self.total,
            self.slope + by * (x - self.centre) / self.spread,
            self.total,
            self.spread,
            self.chi2,
        )


def straight_lines(x: Array, y: Array, weight: Array, sides: Array) -> Lines:
    """Fit a line to each side of the points, for each row of weights (1/σ², 0 leaves out).

    `x` and `y` are (n,), `weight` is (a, n), `sides` (s, n) of 0 and 1. Where a side has a single
    x the slope and chi² are not numbers.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        shared = weight[:, None, :] * sides
        total = shared.sum(axis=2)
        centre = shared @ x / total
        level = shared @ y / total
        # Squares of distances from the centre, never differences of squares: weights may differ
        # by many orders of magnitude.
        dx = x - centre[..., None]
        dy = y - level[..., None]
        across = shared * dx
        spread = np.einsum("asn,asn->as", across, dx)
        slope = np.einsum("asn,asn->as", across, dy) / spread
        chi2 = np.einsum("asn,asn->as", shared, (dy - slope[..., None] * dx) ** 2)
    return Lines(centre, level, slope, total, spread, chi2)


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """All ways to share points, in order of x, between a near side and a far one.

    `near` is (s, n); the knot of a split lies between `low` and `high`, the x beside it.
    """

    x: Array
    y: Array
    near: Array
    low: Array
    high: Array

    @classmethod
    def between(cls, x: Array, y: Array) -> Splits:
        """Return the splits that leave two different x on each side."""
        at = np.flatnonzero(np.diff(x) > 0) + 1
        at = at[1:-1]
        near = (np.arange(len(x)) < at[:, None]).astype(float)
        return cls(x, y, near, x[at - 1], x[at])

    def allowed(self, kept: Array, side_points: int) -> Array:
        """Return (a, s): where each side has so many of the points kept, and two different x."""
        enough = np.ones((len(kept), len(self.near)), dtype=bool)
        for side in (self.near, 1.0 - self.near):
            on_side = (kept[:, None, :] * side) > 0
            first = np.where(on_side, self.x, np.inf).min(axis=2)
            last = np.where(on_side, self.x, -np.inf).max(axis=2)
            enough &= (on_side.sum(axis=2) >= side_points) & (last > first)
        return enough

    def pairs(self, weight: Array) -> tuple[Lines, Lines]:
        """Return the best lines of both sides, which need not meet between `low` and `high`."""
        return (
            straight_lines(self.x, self.y, weight, self.near),
            straight_lines(self.x, self.y, weight, 1.0 - self.near),
        )

    def best(self, weight: Array, allowed: Array) -> Array:
        """Return (a, 4): intercept, slope, slope beyond and knot of the smallest chi²."""
        near, far = self.pairs(weight)
        with np.errstate(divide="ignore", invalid="ignore"):
            bend = near.slope - far.slope
            crossing = near.centre + (far.at(near.centre) - near.level) / bend
            knots = np.stack([np.broadcast_to(k, bend.shape) for k in (self.low, self.high)])
            apart = near.at(knots) - far.at(knots)
            force = apart / (near.covariance(knots, knots) + far.covariance(knots, knots))
            chi2 = near.chi2 + far.chi2
            inside = (crossing > self.low) & (crossing < self.high)
            costs = np.stack([np.where(inside, chi2, np.inf), *(chi2 + apart * force)])
        costs = np.where(allowed & np.isfinite(costs), costs, np.inf)
        knots = np.concatenate([crossing[None], knots])
        force = np.concatenate([np.zeros_like(crossing)[None], force])
        rows = np.arange(len(weight))
        least = np.argmin(costs.swapaxes(0, 1).reshape(len(weight), -1), axis=1)
        which, split = np.unravel_index(least, (len(knots), len(self.near)))
        knot, pull = knots[which, rows, split], force[which, rows, split]
        first = near.of(rows, split).moved(knot, -pull)
        second = far.of(rows, split).moved(knot, pull)
        return np.stack([first.at(np.zeros(1)), first.slope, second.slope, knot], axis=1)
