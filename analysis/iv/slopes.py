"""Slopes of sampled values by local parabolas (Savitzky & Golay, any spacing)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nanojunction.analysis.together import times
from nanojunction.analysis.values import Array

_AT_ONCE = 4096  # points whose windows are copied, for speed and for memory
_EVEN = 1e-3  # steps that differ by less than this part of their mean


@dataclass(frozen=True, slots=True, eq=False)
class SlopeWeights:
    """Weights (…, points, window) that turn the values at `index` into slopes at every point."""

    index: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    weights: Array

    def apply(self, y: Array) -> Array:
        """Return the slopes of y (…, points) at every point; NaN where a window holds a NaN."""
        return np.asarray(
            np.einsum("...ij,...ij->...i", self.weights, np.take(y, self.index, axis=-1))
        )

    def variance(self, noise: Array) -> Array:
        """Return the slopes' variances for uncorrelated values of these variances."""
        return np.asarray(
            np.einsum("...ij,...ij->...i", self.weights**2, np.take(noise, self.index, axis=-1))
        )

    def covariance(self, narrow: SlopeWeights, noise: Array) -> Array:
        """Return the covariance with the slopes of a window that lies inside of this one."""
        at = narrow.index - self.index[:, :1]
        mine = self.weights[..., np.arange(len(at))[:, None], at]
        return np.asarray(
            np.sum(mine * narrow.weights * np.take(noise, narrow.index, axis=-1), axis=-1)
        )


def slope_weights(x: Array, half: int) -> SlopeWeights:
    """Return the weights of parabolas through 2·half + 1 neighbours, one-sided at the ends.

    The points are x (…, points). On an even grid the parabolas are in the number of the point,
    whose slope is divided by that of x.
    """
    even = _is_even(x)
    if even.all():
        index, by_number = _by_number(x.shape[-1], half)
        per_number = np.einsum("ij,...ij->...i", by_number, np.take(x, index, axis=-1))
        return SlopeWeights(index, by_number / per_number[..., None])
    if even.any():
        parts = [slope_weights(x[some], half) for some in (even, ~even)]
        weights = np.empty((*x.shape, parts[0].index.shape[1]))
        weights[even], weights[~even] = (part.weights for part in parts)
        return SlopeWeights(parts[0].index, weights)
    index = _windows(x.shape[-1], half)
    u = np.take(x, index, axis=-1) - x[..., None]
    scale = np.max(np.abs(u), axis=-1, keepdims=True)
    return SlopeWeights(index, _slope_at_zero(u / scale) / scale)


def slopes_by_width(x: Array, y: Array, noise: Array, halves: Sequence[int]) -> tuple[Array, Array]:
    """Return the slopes of y with windows of several halves, the narrowest first.

    x and y are those of many runs, (runs, points); the result is (runs, halves, points). Second
    are their covariances with those of the narrowest window, for values of the variances `noise`,
    those of each run or one row for all.
    """
    slopes = np.empty((len(x), len(halves), x.shape[1]))
    covariances = np.empty_like(slopes)
    even = _is_even(x) & (x.shape[1] > 2 * halves[-1])
    for some, work in ((even, _slopes_by_number), (~even, _slopes_by_place)):
        if some.any():
            of_some = noise if len(noise) == 1 else noise[some]
            slopes[some], covariances[some] = work(x[some], y[some], of_some, halves)
    return slopes, covariances


def _slopes_by_number(
    x: Array, y: Array, noise: Array, halves: Sequence[int]
) -> tuple[Array, Array]:
    bank = _bank(tuple(halves))
    of_x, of_y = (bank.apply(values, bank.slopes) for values in (x, y))
    covariances = bank.apply(noise, bank.products) / of_x / of_x[:, :1]
    return of_y / of_x, covariances


def _slopes_by_place(
    x: Array, y: Array, noise: Array, halves: Sequence[int]
) -> tuple[Array, Array]:
    windows = [slope_weights(x, half) for half in halves]
    slopes = np.stack([window.apply(y) for window in windows], axis=1)
    covariances = [window.covariance(windows[0], noise) for window in windows]
    return slopes, np.stack(covariances, axis=1)


def _is_even(x: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Tell whether the steps of each row of points are the same."""
    steps = np.diff(x, axis=-1)
    if steps.shape[-1] == 0:
        return np.zeros(x.shape[:-1], dtype=bool)
    mean = np.abs(x[..., -1] - x[..., 0]) / steps.shape[-1]
    return np.asarray(steps.max(axis=-1) - steps.min(axis=-1) <= _EVEN * mean)


def _windows(points: int, half: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return which points each window holds, (points, window)."""
    size = min(2 * half + 1, points)
    numbers = np.arange(points)
    first = np.minimum(np.maximum(numbers - half, 0), points - size)
    return np.asarray(first[:, None] + np.arange(size))


def _slope_at_zero(u: Array) -> Array:
    """Return the weights of the slope at u = 0 of a parabola through values at u (…, window)."""
    square = u * u
    s0 = float(u.shape[-1])
    s1, s2 = u.sum(axis=-1), square.sum(axis=-1)
    s3, s4 = (u * square).sum(axis=-1), (square * square).sum(axis=-1)
    # The second column of the inverse of the normal equations.
    c0, c1, c2 = s2 * s3 - s1 * s4, s0 * s4 - s2 * s2, s1 * s2 - s0 * s3
    determinant = s1 * c0 + s2 * c1 + s3 * c2
    weights = c0[..., None] + c1[..., None] * u + c2[..., None] * square
    return np.asarray(weights / determinant[..., None])


@lru_cache(maxsize=64)
def _by_number(
    points: int, half: int
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], Array]:
    """Return the windows, and the weights of slopes per point on an even grid."""
    index = _windows(points, half)
    u = (index - np.arange(points)[:, None]).astype(float)
    rows, kind = np.unique(u[:, 0], return_index=True, return_inverse=True)[1:]
    return index, _slope_at_zero(u[rows])[kind]


@dataclass(frozen=True, slots=True, eq=False)
class _Kernels:
    """Weights of all points of an even grid: those near its ends, (halves, points, window)."""

    middle: Array  # (window, halves)
    first: Array
    last: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Bank:
    """Windows of several widths on an even grid, each filled up to the widest with zeros."""

    slopes: _Kernels
    products: _Kernels  # of each window's weights with those of the narrowest

    def apply(self, values: Array, kernels: _Kernels) -> Array:
        """Return what the kernels make of values (rows, points): (rows, halves, points)."""
        size = kernels.middle.shape[0]
        half = size // 2
        points = values.shape[1]
        out = np.empty((len(values), kernels.middle.shape[1], points))
        windows = np.lib.stride_tricks.sliding_window_view(values, size, axis=1)
        for start in range(0, points - 2 * half, _AT_ONCE):
            some = np.ascontiguousarray(windows[:, start : start + _AT_ONCE])
            at = slice(half + start, half + start + some.shape[1])
            out[:, :, at] = np.swapaxes(some @ kernels.middle, 1, 2)
        for part, weights, at in (
            (values[:, :size], kernels.first, slice(half)),
            (values[:, -size:], kernels.last, slice(points - half, points)),
        ):
            out[:, :, at] = times(part, weights).reshape(len(values), -1, half)
        return out


@lru_cache(maxsize=16)
def _bank(halves: tuple[int, ...]) -> _Bank:
    widest = halves[-1]
    points = 4 * widest + 1
    dense = np.zeros((len(halves), points, points))
    for k, half in enumerate(halves):
        index, weights = _by_number(points, half)
        np.put_along_axis(dense[k], index, weights, axis=1)
    return _Bank(_kernels(dense, widest), _kernels(dense * dense[:1], widest))


def _kernels(dense: Array, widest: int) -> _Kernels:
    """Return the kernels of weights (halves, points, points) with windows up to the widest."""
    size = 2 * widest + 1
    middle = dense[:, 2 * widest, widest : widest + size].T
    first = dense[:, :widest, :size].reshape(-1, size).T
    last = dense[:, -widest:, -size:].reshape(-1, size).T
    return _Kernels(*(np.ascontiguousarray(part) for part in (middle, first, last)))
