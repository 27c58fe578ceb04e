"""Intervals: of a yield, of a median, of what the next batch will bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.values import Quantity

BOOTSTRAP_SEED = 193
BOOTSTRAP_RESAMPLES = 9999


@dataclass(frozen=True, slots=True)
class Yield:
    """A count out of all devices as a fraction, with the ends of its Wilson interval."""

    count: int
    of: int
    fraction: float
    low: float
    high: float


def wilson(count: int, of: int, confidence: float = 0.95) -> Yield:
    """Return a yield with its Wilson score interval; raises ValueError unless 0 ≤ count ≤ of."""
    from scipy.stats import binomtest

    if not 0 <= count <= of or of == 0:
        raise ValueError(f"{count} of {of} is no yield: give 0 ≤ count ≤ of, of above 0")
    interval = binomtest(count, of).proportion_ci(confidence, method="wilson")
    return Yield(count, of, count / of, float(interval.low), float(interval.high))


def median_of(values: Sequence[float], confidence: float) -> Quantity:
    """Return the median with the standard error and percentile interval of a bootstrap."""
    if not values:
        return Quantity(None, note="no device is neither open nor short")
    median = float(np.median(values))
    if len(values) < 3:
        return Quantity(median, None, f"of {len(values)} devices: too few for an interval")
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(values, dtype=float),),
        np.median,
        n_resamples=BOOTSTRAP_RESAMPLES,
        batch=500,
        confidence_level=confidence,
        method="percentile",
        random_state=np.random.default_rng(BOOTSTRAP_SEED),
    )
    interval = found.confidence_interval
    extra = {
        "interval": [float(interval.low), float(interval.high)],
        "confidence": confidence,
        "devices": len(values),
        "bootstrap_seed": BOOTSTRAP_SEED,
    }
    return Quantity(median, float(found.standard_error), extra=extra)


@dataclass(frozen=True, slots=True)
class Expected:
    """How many of the next batch of `of` devices: the mean, and the ends of an interval."""

    of: int
    mean: float
    low: int
    high: int


def next_batch(count: int, of: int, next_of: int, confidence: float = 0.95) -> Expected:
    """Return how many of the next `next_of` devices are to be expected after `count` of `of`.

    The beta-binomial prediction with Jeffreys' prior (Brown, Cai & DasGupta 2001, Stat. Sci. 16,
    101): the next batch scatters by chance, and its yield is only known from this one. It holds for
    batches of one making; that chips differ from each other it cannot know. Raises ValueError
    unless 0 ≤ count ≤ of and next_of is above 0.
    """
    from scipy.stats import betabinom

    if not 0 <= count <= of or of == 0 or next_of < 1:
        raise ValueError(f"{count} of {of} says nothing of {next_of}: give 0 ≤ count ≤ of")
    prediction = betabinom(next_of, count + 0.5, of - count + 0.5)
    tail = 0.5 * (1.0 - confidence)
    low, high = (int(prediction.ppf(q)) for q in (tail, 1.0 - tail))
    return Expected(next_of, float(prediction.mean()), low, high)
