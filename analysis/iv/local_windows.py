"""Polynomials in windows around voltages, directions apart, for many runs at a time.

A task is one run at one voltage. On a hundred points a call of numpy costs more than its
arithmetic, so tasks are stacked, (tasks, directions, …), and points that a run has not are filled
up with weights of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nanojunction.analysis.iv.grid import Grid
from nanojunction.analysis.values import Array

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_FEWEST, _GROWTH = 6.0, 1.4  # points a direction in the narrowest window, and their growth


@dataclass(frozen=True, slots=True, eq=False)
class _Stacked:
    """Arrays whose first axis counts runs or tasks."""

    def take(self, rows: Ints) -> Self:
        """Return some of them."""
        return type(self)(*[getattr(self, name)[rows] for name in self.__dataclass_fields__])

    def put(self, rows: Ints, other: Self) -> None:
        """Write others in the place of these rows."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[rows] = getattr(other, name)


@dataclass(frozen=True, slots=True, eq=False)
class Points(_Stacked):
    """The points of runs, (runs, directions, points), those that a direction has not at ∞.

    `range_V` (runs, 2) is the swept range, `noise` that of a point over a typical one's.
    """

    voltage_V: Array
    current_A: Array
    weight: Array
    noise: Array
    range_V: Array

    @classmethod
    def of(cls, grids: Sequence[Grid]) -> Self:
        """Return the points of grids with the same number of directions."""
        most = max(len(points_of(grid, d)) for grid in grids for d in grid.directions)
        shape = (len(grids), len(grids[0].directions), most)
        voltage, current = np.full(shape, np.inf), np.zeros(shape)
        weight, noise = np.zeros(shape), np.ones(shape)
        for k, grid in enumerate(grids):
            for side, d in enumerate(grid.directions):
                here = points_of(grid, d)
                at = (k, side, slice(len(here)))
                voltage[at], current[at] = grid.sensed_V[d][here], grid.current_A[d][here]
                if grid.relative_noise is not None:
                    noise[at] = grid.relative_noise[here]
                weight[at] = grid.count[d][here] / noise[at] ** 2
        ends = [(grid.voltage_V.min(), grid.voltage_V.max()) for grid in grids]
        return cls(voltage, current, weight, noise, np.array(ends))


def points_of(grid: Grid, direction: int) -> Ints:
    """Return the points of the sweep that a direction has."""
    return np.flatnonzero(grid.count[direction] > 0)


@dataclass(frozen=True, slots=True, eq=False)
class Sides(_Stacked):
    """The points of tasks by their distance from a voltage, and their running sums.

    `order` (…, points) sorts them, `x` is the distance over the `reach` of a task, `y` the current
    less `base`. `moments` (…, powers, points + 1) are the sums of weight·x^k over the nearest
    points, `products` those of weight·y·x^k. `widths` (tasks, windows) are the half widths of the
    windows in units of the reach, `counts` (tasks, directions, windows) how many points they hold.
    """

    reach: Array
    order: Ints
    y: Array
    weight: Array
    noise: Array
    base: Array
    powers: Array
    moments: Array
    products: Array
    widths: Array
    counts: Ints

    @classmethod
    def of(cls, points: Points, at_V: Array, top: int) -> Self:
        """Return the sides of as many tasks as there are voltages, with powers up to `top`."""
        low, high = points.range_V.T
        reach = np.maximum(np.abs(low - at_V), np.abs(high - at_V))
        x = (points.voltage_V - at_V[:, None, None]) / reach[:, None, None]
        order = np.argsort(np.abs(x), axis=2, kind="stable")
        x, y, weight, noise = (
            np.take_along_axis(values, order, axis=2)
            for values in (x, points.current_A, points.weight, points.noise)
        )
        widths, counts = _windows(np.abs(x))
        powers = np.empty((*x.shape[:2], 2 * top + 1, x.shape[2]))
        powers[:, :, 0], powers[:, :, 1:] = 1.0, np.where(np.isfinite(x), x, 0.0)[:, :, None]
        np.multiply.accumulate(powers, axis=2, out=powers)
        base = y[:, :, :1]
        centred = y - base
        moments = _running(weight[:, :, None] * powers)
        low_powers = powers[:, :, : top + 1]
        products = _running((weight * centred)[:, :, None] * low_powers)
        of_points = centred, weight, noise, base[:, :, 0], low_powers
        return cls(reach, order, *of_points, moments, products, widths, counts)

    def normal(self, task: Ints, window: Ints, terms: int) -> tuple[Array, Array, Array]:
        """Return normal matrices and products of windows, and the units of their terms.

        They are (windows, directions, terms, terms), (windows, directions, terms) and (windows,
        terms), the first in units of the window's width.
        """
        index = np.arange(terms)
        unit = self.widths[task, window][:, None] ** -index.astype(float)
        nearest = self.counts[task, :, window]
        side = np.arange(nearest.shape[1])[:, None, None]
        which = task[:, None, None, None], side, index[:, None] + index
        gram = self.moments[*which, nearest[:, :, None, None]]
        products = self.products[task[:, None, None], side[:, :, 0], index, nearest[:, :, None]]
        scale = unit[:, :, None] * unit[:, None, :]
        return gram * scale[:, None], products, unit


def _running(values: Array) -> Array:
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums


def _windows(distance: Array) -> tuple[Array, Ints]:
    """Return half widths that hold geometrically more points, and how many (…, windows)."""
    tasks, sides = distance.shape[:2]
    ordered = np.sort(distance.reshape(tasks, -1), axis=1)
    held = np.isfinite(ordered).sum(axis=1).tolist()
    each = {points: _last_points(points, sides) for points in set(held)}
    most = max(map(len, each.values()))
    # The widest one is repeated where a run has fewer windows than others.
    last = np.array([each[n] + [n - 1] * (most - len(each[n])) for n in held])
    widths = np.take_along_axis(ordered, last, axis=1) * (1 + 1e-9)
    counts = (distance[:, :, :, None] <= widths[:, None, None, :]).sum(axis=2)
    return widths, counts


def _last_points(points: int, sides: int) -> list[int]:
    """Return the number of the farthest point in each window, the last one holding all."""
    counts = [_FEWEST]
    while counts[-1] * _GROWTH < points / sides:
        counts.append(counts[-1] * _GROWTH + 1)
    return [min(round(count * sides), points - 1) for count in counts] + [points - 1]


def screen(sides: Sides, order: int) -> tuple[Bools, Array]:
    """Return which windows hold enough points, and χ²·variance of the two terms above `order`."""
    usable = np.asarray((sides.counts >= order + 4).all(axis=1))
    excess = np.zeros(usable.shape)
    task, window = np.nonzero(usable)
    if len(task) > 0:
        normal, products, unit = sides.normal(task, window, order + 3)
        inverse = _inverses(normal)
        beta = (inverse @ (products * unit[:, None])[..., None])[..., 0]
        theta = beta[:, :, order + 1 :].mean(axis=1)[:, :, None]
        block = inverse[:, :, order + 1 :, order + 1 :].mean(axis=1) / inverse.shape[1]
        solved = np.linalg.solve(block, theta)
        excess[task, window] = (theta * solved).sum(axis=(1, 2))
    return usable, excess


def _inverses(normal: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(normal))
    except np.linalg.LinAlgError:
        if len(normal) > 1:
            return np.concatenate([_inverses(one[None]) for one in normal])
        return np.asarray(np.linalg.pinv(normal, hermitian=True))


@dataclass(frozen=True, slots=True, eq=False)
class Fits(_Stacked):
    """Polynomials of one order in a window of each task: means over directions, in its reach.

    `inverse` are the inverse normal matrices of the directions; where one is singular the fit is
    not `sound`, and all else means nothing.
    """

    window: Ints
    count: Ints
    theta: Array
    inverse: Array
    rss: Array
    dof: Ints
    sound: Bools

    @property
    def covariance(self) -> Array:
        """The covariances of the coefficients for noise of size 1."""
        return np.asarray(self.inverse.mean(axis=1) / self.inverse.shape[1])


def fit(sides: Sides, task: Ints, window: Ints, order: int) -> Fits:
    """Return the fits in one window of some tasks, each with more points than coefficients."""
    normal, products, unit = sides.normal(task, window, order + 1)
    inverse, sound = _sound_inverses(normal)
    inverse = inverse * (unit[:, :, None] * unit[:, None, :])[:, None]
    beta = (inverse @ products[..., None])[..., 0]
    count = sides.counts[task, :, window]
    inside = np.arange(sides.y.shape[2]) < count[:, :, None]
    weight = np.where(inside, sides.weight[task], 0.0)
    powers, y = sides.powers[task][:, :, : order + 1], sides.y[task]
    residual = y - (beta[:, :, None] @ powers)[:, :, 0]
    # One step of refinement takes off the rounding of the normal equations.
    left = powers @ (weight * residual)[..., None]
    beta = beta + (inverse @ left)[..., 0]
    residual = y - (beta[:, :, None] @ powers)[:, :, 0]
    rss = (weight * residual**2).sum(axis=(1, 2))
    dof = count.sum(axis=1) - count.shape[1] * (order + 1)
    theta = beta.mean(axis=1)
    theta[:, 0] += sides.base[task].mean(axis=1)
    return Fits(window, count, theta, inverse, rss, dof, sound)


def _sound_inverses(normal: Array) -> tuple[Array, Bools]:
    """Return inverses, and which there are."""
    try:
        return np.asarray(np.linalg.inv(normal)), np.ones(len(normal), dtype=bool)
    except np.linalg.LinAlgError:
        if len(normal) > 1:
            each = [_sound_inverses(one[None]) for one in normal]
            return np.concatenate([one for one, _ in each]), np.array([s[0] for _, s in each])
        return np.broadcast_to(np.eye(normal.shape[-1]), normal.shape), np.zeros(1, dtype=bool)


def contributions(sides: Sides, task: Ints, fits: Fits) -> Array:
    """Return what the noise of each point adds to the first three coefficients.

    It is (tasks, directions, points, 3), the points in the order of a run's own.
    """
    inside = np.arange(sides.y.shape[2]) < fits.count[:, :, None]
    powers = sides.powers[task][:, :, : fits.inverse.shape[-1]]
    share = (fits.inverse[:, :, :3] @ powers) / fits.inverse.shape[1]
    # A weight of 1/s² on a noise of s.
    share = np.where(inside, 1.0 / sides.noise[task], 0.0)[:, :, None] * share
    out = np.empty(share.shape)
    np.put_along_axis(out, sides.order[task][:, :, None], share, axis=3)
    return np.asarray(np.swapaxes(out, 2, 3))
