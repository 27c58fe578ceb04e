"""Differences between neighbours of a leg, in which any cubic vanishes and white noise is left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nanojunction.analysis.values import Array

IntArray = np.ndarray[tuple[int], np.dtype[np.int64]]

KEPT_ROWS = 4096
"""What follows from setpoints alone is remembered for runs of so many rows at most."""

STENCIL = 5
"""Rows that a difference is taken over."""


def noise_of(size: Array) -> float:
    """Return the standard deviation of normal noise from the median of its size."""
    return float(noises_of(size[None, :])[0])


def noises_of(size: Array) -> Array:
    """Return the standard deviations of normal noise from the medians of the rows of sizes."""
    return 1.4826 * medians(size)


def medians(values: Array) -> Array:
    """Return the medians over the last axis, faster than numpy's on short ones."""
    middle = values.shape[-1] // 2
    if values.shape[-1] % 2:
        return np.asarray(np.partition(values, middle)[..., middle])
    two = np.partition(values, (middle - 1, middle))[..., middle - 1 : middle + 1]
    return np.asarray(0.5 * (two[..., 0] + two[..., 1]))


@dataclass(frozen=True, slots=True, eq=False)
class Stencils:
    """Weights of divided differences over five neighbours, (5, …, stencils), and their centres.

    Rows of many runs have the stencils that are of use in all of them.
    """

    weights: Array
    centre: IntArray

    @classmethod
    def of(cls, abscissa: Array, leg: IntArray) -> Stencils:
        """Return the stencils that lie in one leg and hold five different abscissae, (…, rows)."""
        windows = len(leg) - STENCIL + 1
        if windows < 1:
            empty = np.empty((STENCIL, *abscissa.shape[:-1], 0))
            return cls(empty, np.empty(0, dtype=np.int64))
        abscissa = _apart(abscissa)
        v = [abscissa[..., k : k + windows] for k in range(STENCIL)]
        high = np.maximum(np.maximum(np.maximum(v[0], v[1]), np.maximum(v[2], v[3])), v[4])
        low = np.minimum(np.minimum(np.minimum(v[0], v[1]), np.minimum(v[2], v[3])), v[4])
        weights = np.ones((STENCIL, *v[0].shape))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            per_span = 1.0 / (high - low)
            for a in range(STENCIL):
                for b in range(a + 1, STENCIL):
                    gap = (v[a] - v[b]) * per_span
                    weights[a] *= gap
                    weights[b] *= -gap
            weights = 1.0 / weights
            weights /= np.sqrt(np.einsum("i...,i...->...", weights, weights))
        finite = np.isfinite(weights).reshape(-1, windows).all(axis=0)
        usable = (leg[STENCIL - 1 :] == leg[:windows]) & finite
        centre = np.flatnonzero(usable) + STENCIL // 2
        return cls(weights if usable.all() else np.compress(usable, weights, axis=-1), centre)

    def deviations(self, current: Array) -> Array:
        """Return the divided differences of currents (…, rows)."""
        middle = np.take(current, self.centre, axis=-1)
        total = np.zeros(middle.shape)
        for k, weights in enumerate(self.weights):
            if k != STENCIL // 2:
                total += weights * (
                    np.take(current, self.centre + (k - STENCIL // 2), axis=-1) - middle
                )
        return total


def _apart(abscissa: Array) -> Array:
    """Return abscissae (…, rows) whose repeated values lie a little apart.

    Readings repeated at one voltage are then compared among themselves, as they should be.
    """
    distinct = np.diff(abscissa).all(axis=-1, keepdims=True)
    if distinct.all():
        return abscissa
    rows = abscissa.shape[-1]
    span = np.ptp(abscissa, axis=-1, keepdims=True)
    return np.where(distinct, abscissa, abscissa + 1e-9 * span / rows * np.arange(rows))


def stencils_of(abscissa: Array, leg: IntArray) -> Stencils:
    """Return the stencils of rows in legs; runs of one campaign share theirs."""
    if len(leg) > KEPT_ROWS:
        return Stencils.of(abscissa, leg)
    return _kept_stencils(abscissa.tobytes(), leg.tobytes())


@lru_cache(maxsize=32)
def _kept_stencils(abscissa: bytes, leg: bytes) -> Stencils:
    return Stencils.of(np.frombuffer(abscissa), np.frombuffer(leg, dtype=np.int64))
