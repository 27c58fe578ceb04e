"""Random telegraph noise: readings over time that jump between two levels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanojunction.analysis.values import Array, Quantity

APART = 4.5
"""Two levels lie at least this many times the scatter about them apart.

Half of white noise and its other half are 2.6 apart, those of a steady drift 3.5, of a wave 4.1.
"""

_FEWEST_SWITCHES = 5
_FEWEST_MEANS = 32
_LEAST_SHARE = 0.05
_SHORTEST = 3.0  # readings, on average, between switches
_JUMP = 0.6  # of the distance, within three readings: what is slower is no jump
_ABRUPT = 0.8  # of the switches
_AVERAGED = (1, 4, 16)

Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Telegraph:
    """Two levels, how long each is kept on average (s), and how often they were switched.

    `unit` is A or V, and is a part of the names in the JSON; `noise` is the error of a mean that
    the scatter about the levels makes.
    """

    unit: str
    low: Quantity
    high: Quantity
    dwell_low_s: Quantity
    dwell_high_s: Quantity
    switches: int
    noise: float

    def error_of_mean(self, duration_s: float) -> float | None:
        """Return the standard error of the mean over so many seconds, None for unknown stays.

        Machlup 1954, J. Appl. Phys. 25, 341: jumps at random forget the level within
        1/(1/stay low + 1/stay high). `noise` is what the levels' own scatter adds.
        """
        low, high = self.dwell_low_s.value, self.dwell_high_s.value
        if not low or not high or self.low.value is None or self.high.value is None:
            return None
        distance = self.high.value - self.low.value
        share, memory_s = high / (low + high), low * high / (low + high)
        jumps = distance**2 * share * (1.0 - share) * min(2.0 * memory_s / duration_s, 1.0)
        return math.hypot(math.sqrt(jumps), self.noise)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            f"low_{self.unit}": self.low.to_json(),
            f"high_{self.unit}": self.high.to_json(),
            "dwell_low_s": self.dwell_low_s.to_json(),
            "dwell_high_s": self.dwell_high_s.to_json(),
            "switches": self.switches,
        }


def find_telegraph(values: Array, step_s: float, unit: str) -> Telegraph | None:
    """Return the two levels between which readings jump, None where they do not.

    The readings, and means of 4 and of 16 of them where the jumps drown in the noise of one, are
    shared between two levels. They count as such where they lie 4.5 times the scatter about them
    apart, each holds 5 % of the readings, and at least four in five of five or more switches are
    jumps: complete to 60 % within three readings, as a drift or a walk never is.
    """
    for size in _AVERAGED:
        count = len(values) // size
        if count < _FEWEST_MEANS:
            break
        means = values[: count * size].reshape(count, size).mean(axis=1)
        is_high = _shared(means)
        if is_high is not None and _jumps(means, is_high):
            return _described(means, is_high, step_s * size, unit)
    return None


def _shared(values: Array) -> Flags | None:
    """Return which readings belong to the upper of two levels; None where there are no two."""
    low, high = (float(q) for q in np.quantile(values, (0.02, 0.98)))
    is_high = values > 0.5 * (low + high)
    for _ in range(50):
        if not _both(is_high):
            return None
        middle = 0.5 * (float(np.mean(values[is_high])) + float(np.mean(values[~is_high])))
        again = values > middle
        if np.array_equal(again, is_high):
            break
        is_high = again
    if not _both(is_high):
        return None
    distance = float(np.mean(values[is_high]) - np.mean(values[~is_high]))
    scatter = float(np.std(_around(values, is_high)))
    return is_high if distance >= APART * scatter else None


def _around(values: Array, is_high: Flags) -> Array:
    """Return the readings less their level's mean."""
    return np.concatenate([part - np.mean(part) for part in (values[is_high], values[~is_high])])


def _both(is_high: Flags) -> bool:
    return _LEAST_SHARE <= float(np.mean(is_high)) <= 1.0 - _LEAST_SHARE


def _jumps(values: Array, is_high: Flags) -> bool:
    """Tell whether the level is changed rarely, often enough, and by jumps."""
    switches = np.flatnonzero(np.diff(is_high.astype(int))) + 1
    if len(switches) < _FEWEST_SWITCHES or len(values) < _SHORTEST * (len(switches) + 1):
        return False
    distance = float(np.mean(values[is_high]) - np.mean(values[~is_high]))
    inner = switches[(switches >= 2) & (switches < len(values) - 1)]
    # A visit of one reading is a jump there and back, which these four readings do not show.
    stays = (is_high[inner - 2] == is_high[inner - 1]) & (is_high[inner + 1] == is_high[inner])
    change = np.abs(values[inner + 1] - values[inner - 2])[stays]
    return len(change) > 0 and float(np.mean(change >= _JUMP * distance)) >= _ABRUPT


def _described(values: Array, is_high: Flags, step_s: float, unit: str) -> Telegraph:
    edges = np.flatnonzero(np.diff(is_high.astype(int))) + 1
    starts = np.concatenate([[0], edges])
    lengths = np.diff(np.concatenate([starts, [len(values)]]))
    # The first and the last stay are cut off by the run.
    inner, level = lengths[1:-1], is_high[starts[1:-1]]
    levels = _level(values[~is_high]), _level(values[is_high])
    return Telegraph(
        unit,
        *levels,
        _dwell(inner[~level] * step_s),
        _dwell(inner[level] * step_s),
        len(edges),
        float(np.std(_around(values, is_high))) / math.sqrt(len(values)),
    )


def _level(values: Array) -> Quantity:
    return Quantity(float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values)))


def _dwell(stays_s: Array) -> Quantity:
    """Return the mean stay with its standard error for stays that end at random."""
    if len(stays_s) == 0:
        return Quantity(None, note="no stay lies within the run as a whole")
    mean = float(np.mean(stays_s))
    return Quantity(mean, mean / math.sqrt(len(stays_s)))
