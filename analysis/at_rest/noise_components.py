"""The noise of readings over time as white noise, flicker (1/f) and random walk (1/f²).

Blocks of readings are compared through contrasts only, so that the infinite variance of 1/f and
1/f² noise never enters: what is used is the generalised covariance (Matheron 1973, Adv. Appl.
Prob. 5, 439). The likelihood is the restricted one, after what is fitted has been taken out
(Patterson & Thompson 1971, Biometrika 58, 545), and results are averaged over all shares of the
three components, each with its likelihood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nanojunction.analysis.values import Array

MOST_BLOCKS = 64
FEWEST_READINGS = 32

_FLICKER = (0.0, *(10.0 ** (0.5 * k) for k in range(-4, 7)))
_WALK = (0.0, *(10.0 ** (0.5 * k) for k in range(-8, 7)))
"""Allan variances of flicker and of the walk over one block, in units of the white noise's."""

_ABSENT = 0.85
"""Probability, before the data are seen, that a component is absent: white noise is the usual case.

With it standard errors are neither too small for 1/f noise nor too wide for white noise.
"""


@dataclass(frozen=True, slots=True)
class TimeNoise:
    """What the noise of a series of readings does to its mean and to what is fitted to it.

    `mean_variance` is half of the expected square of the difference between this mean and that of
    the next stretch of the same length. `slopes` and `slope_variances` are those of the shapes
    that were fitted, one at a time, beside a constant; `log_likelihoods` is what each gives,
    averaged over all shares of noise, and `log_likelihood_without` that of a constant alone.
    """

    mean_variance: float
    slopes: Array
    slope_variances: Array
    log_likelihoods: Array
    log_likelihood_without: float
    blocks: int


@dataclass(frozen=True, slots=True, eq=False)
class _Shares:
    """For each share of the components: what whitens contrasts, and what a mean's error is.

    `whiten` has the shape (shares, blocks − 1, blocks), `log_det` and `next_mean` (shares,).
    """

    whiten: Array
    log_det: Array
    next_mean: Array
    log_prior: Array


def block_means(values: Array) -> Array:
    """Return the means of 32 to 64 blocks of equal size; fewer rows than a block at the end go."""
    size = math.ceil(len(values) / MOST_BLOCKS)
    count = len(values) // size
    return np.asarray(values[: count * size].reshape(count, size).mean(axis=1))


def time_noise(blocks: Array, shapes: Array) -> TimeNoise:
    """Return what the noise of block means does; `shapes` (n, blocks) are fitted one at a time.

    Raises ValueError where there are fewer than four blocks or they do not scatter.
    """
    count = len(blocks)
    if count < 4 or float(np.ptp(blocks)) == 0.0:
        raise ValueError("the noise needs four blocks of readings that differ")
    shares = _shares_of(count)
    scale = float(np.std(blocks))
    data = np.einsum("smb,b->sm", shares.whiten, (blocks - np.mean(blocks)) / scale)
    freedom = count - 1
    square = np.sum(data**2, axis=1)
    alone = shares.log_prior - 0.5 * shares.log_det - 0.5 * freedom * np.log(square)
    weight, total = _weights(alone)
    # The mean of errors, not of variances: unlikely shares of a walk would else rule white noise.
    mean_variance = 0.5 * _typical(weight, shares.next_mean * square / freedom) * scale**2
    slopes, variances, likelihoods = [], [], []
    for shape in np.atleast_2d(shapes):
        column = np.einsum("smb,b->sm", shares.whiten, shape)
        size = np.sum(column**2, axis=1)
        slope = np.sum(column * data, axis=1) / size
        # Of an exact line only rounding is left.
        rest = np.maximum(square - slope**2 * size, 1e-24 * square)
        likely = (
            shares.log_prior
            - 0.5 * shares.log_det
            - 0.5 * np.log(size)
            - 0.5 * (freedom - 1) * np.log(rest)
        )
        weight, one = _weights(likely)
        best = float(weight @ slope)
        own = _typical(weight, rest / (freedom - 1) / size)
        slopes.append(best * scale)
        variances.append((own + float(weight @ (slope - best) ** 2)) * scale**2)
        likelihoods.append(one)
    return TimeNoise(
        mean_variance,
        np.array(slopes),
        np.array(variances),
        np.array(likelihoods),
        total,
        count,
    )


def _typical(weight: Array, variance: Array) -> float:
    return float(weight @ np.sqrt(variance)) ** 2


def _weights(log_likelihood: Array) -> tuple[Array, float]:
    """Return the probabilities of all shares, and the logarithm of their sum."""
    top = float(np.max(log_likelihood))
    weight = np.exp(log_likelihood - top)
    total = float(np.sum(weight))
    return np.asarray(weight / total), top + math.log(total)


@lru_cache(maxsize=8)
def _shares_of(count: int) -> _Shares:
    """Return the decompositions of all shares of the components for so many blocks."""
    white = np.eye(2 * count)
    parts = [_flicker(2 * count), _walk(2 * count)]
    flicker, walk = (part / (part[0, 0] - part[0, 1]) for part in parts)
    contrasts = _contrasts(count)
    adjacent = np.concatenate([np.full(count, 1.0 / count), np.full(count, -1.0 / count)])
    whiten, log_det, next_mean, prior = [], [], [], []
    for a in _FLICKER:
        for b in _WALK:
            covariance = white + a * flicker + b * walk
            inner = contrasts @ covariance[:count, :count] @ contrasts.T
            lower = np.linalg.cholesky(inner)
            whiten.append(np.linalg.solve(lower, contrasts))
            log_det.append(2.0 * float(np.sum(np.log(np.diag(lower)))))
            next_mean.append(float(adjacent @ covariance @ adjacent))
            prior.append(math.log(_prior(a, len(_FLICKER)) * _prior(b, len(_WALK))))
    return _Shares(np.array(whiten), np.array(log_det), np.array(next_mean), np.array(prior))


def _prior(share: float, choices: int) -> float:
    return _ABSENT if share == 0.0 else (1.0 - _ABSENT) / (choices - 1)


def _contrasts(count: int) -> Array:
    """Return an orthonormal basis (count − 1, count) of what sums to zero."""
    full, _ = np.linalg.qr(np.column_stack([np.ones(count), np.eye(count)[:, 1:]]))
    return np.asarray(full[:, 1:].T)


def _flicker(count: int) -> Array:
    """Return the generalised covariance of block means of 1/f noise: that of −ln|t|, averaged."""

    def twice_integrated(at: Array) -> Array:
        size = np.where(at == 0.0, 1.0, np.abs(at))
        return np.asarray(0.75 * at**2 - 0.5 * at**2 * np.log(size))

    return _from_second_difference(twice_integrated(np.arange(-1.0, count + 1.0)), count)


def _walk(count: int) -> Array:
    """Return the generalised covariance of block means of a random walk: of −|t|/2, averaged."""
    return _from_second_difference(-(np.abs(np.arange(-1.0, count + 1.0)) ** 3) / 12.0, count)


def _from_second_difference(integral: Array, count: int) -> Array:
    by_lag = np.diff(integral, 2)
    lag = np.abs(np.arange(count)[:, None] - np.arange(count)[None, :])
    return np.asarray(by_lag[lag])
