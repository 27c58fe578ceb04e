"""The legs of rows that are sorted by leg: sums over each, and columns without their means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nanojunction.analysis.iv.stencils import KEPT_ROWS, IntArray
from nanojunction.analysis.values import Array


@dataclass(frozen=True, slots=True, eq=False)
class Legs:
    """Where each leg begins among rows that are sorted by leg, and how many rows it has."""

    starts: IntArray
    counts: IntArray

    @classmethod
    def of(cls, leg: IntArray) -> Legs:
        """Return the legs of rows; runs of one campaign share theirs."""
        return _legs_of(leg) if len(leg) > KEPT_ROWS else _kept_legs(leg.tobytes())

    def sums(self, values: Array) -> Array:
        """Return the sums (…, legs) of values (…, rows)."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=-1))

    def spread(self, values: Array) -> Array:
        """Return for every row the value of its leg."""
        return np.repeat(values, self.counts, axis=-1)

    def units(self, relative_noise: Array | None) -> Array:
        """Return a column of length 1 for each leg's constant, (1 or runs, legs, rows)."""
        number = np.arange(len(self.starts))
        mine = np.repeat(number, self.counts) == number[:, None]
        size = np.ones((1, mine.shape[1])) if relative_noise is None else 1.0 / relative_noise
        length = np.sqrt(self.sums(size * size))
        return np.asarray(np.where(mine, (size / self.spread(length))[:, None], 0.0))

    def centre(self, columns: Array, relative_noise: Array | None) -> Array:
        """Return columns (runs, columns, rows) less their leg's mean, in units of the noise."""
        if relative_noise is None:
            return np.asarray(columns - self.spread(self.sums(columns) / self.counts))
        noise = relative_noise[:, None, :]
        weight = noise**-2.0
        means = self.sums(weight * columns) / self.sums(weight)
        return np.asarray((columns - self.spread(means)) / noise)


def _legs_of(leg: IntArray) -> Legs:
    starts = np.flatnonzero(np.append(True, leg[1:] != leg[:-1]))
    return Legs(starts, np.diff(np.append(starts, len(leg))))


@lru_cache(maxsize=32)
def _kept_legs(leg: bytes) -> Legs:
    return _legs_of(np.frombuffer(leg, dtype=np.int64))
