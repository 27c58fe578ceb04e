"""Slopes of sampled values by local parabolas (Savitzky & Golay, any spacing)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.values import Array


@dataclass(frozen=True, slots=True, eq=False)
class SlopeWeights:
    """Weights that turn the values at `index` (points, window) into slopes at every point."""

    index: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    weights: Array

    def apply(self, y: Array) -> Array:
        """Return the slope of y at every point; NaN where its window holds a NaN."""
        return np.asarray(np.sum(self.weights * y[..., self.index], axis=-1))

    def variance(self, noise: Array) -> Array:
        """Return the slopes' variances for uncorrelated values of these variances."""
        return np.asarray(np.sum(self.weights**2 * noise[self.index], axis=1))

    def covariance(self, narrow: SlopeWeights, noise: Array) -> Array:
        """Return the covariance with the slopes of a window that lies inside of this one."""
        at = narrow.index - self.index[:, :1]
        mine = np.take_along_axis(self.weights, at, axis=1)
        return np.asarray(np.sum(mine * narrow.weights * noise[narrow.index], axis=1))


def slope_weights(x: Array, half: int) -> SlopeWeights:
    """Return the weights of parabolas through 2·half + 1 neighbours, one-sided at the ends."""
    n = len(x)
    size = min(2 * half + 1, n)
    first = np.clip(np.arange(n) - half, 0, n - size)
    index = first[:, None] + np.arange(size)
    u = x[index] - x[:, None]
    scale = np.max(np.abs(u), axis=1, keepdims=True)
    steps = np.diff(x)
    even = bool(np.ptp(steps) <= 1e-3 * abs(float(steps.mean())))
    # On an even grid all windows but those at the ends are alike.
    rows, kind = np.arange(n), np.arange(n)
    if even:
        _, rows, kind = np.unique(first - np.arange(n), return_index=True, return_inverse=True)
    powers = (u[rows] / scale[rows])[:, :, None] ** np.arange(3)
    inverse = np.linalg.inv(np.swapaxes(powers, 1, 2) @ powers)
    weights = np.squeeze(inverse[:, 1:2] @ np.swapaxes(powers, 1, 2), axis=1)
    return SlopeWeights(index, weights[kind] / scale)
