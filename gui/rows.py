"""The rows of the run that is shown, as they come: by column, in arrays that grow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class RunRows:
    """Rows of one run; `run` is its number, 0 before the first. None in a row is NaN here."""

    def __init__(self) -> None:
        self.run = 0
        self.total = 0
        self._size = 0
        self._columns: dict[str, Array] = {}

    def take(self, rows: dict[str, Any]) -> bool:
        """Take what a look brought; tell whether anything is new.

        Rows that came faster than the window looked are not there; the run file has them all.
        """
        if rows["run"] != self.run:
            self.run, self.total, self._size, self._columns = rows["run"], 0, 0, {}
        columns: dict[str, list[float | None]] = rows["columns"]
        count = max(map(len, columns.values()), default=0)
        if not count:
            return False
        for name, values in columns.items():
            self._put(name, np.array(values, dtype=float))
        self._size += count
        self.total = rows["total"]
        return True

    @property
    def missing(self) -> int:
        """How many rows never came to the window."""
        return self.total - self._size

    def column(self, name: str) -> Array:
        """Return a column; empty if the run has none of this name."""
        return self._columns.get(name, np.empty(0))[: self._size]

    def _put(self, name: str, values: Array) -> None:
        end = self._size + len(values)
        kept = self._columns.get(name)
        if kept is None or end > len(kept):
            grown = np.full(max(1024, 2 * end), np.nan)
            if kept is not None:
                grown[: self._size] = kept[: self._size]
            self._columns[name] = kept = grown
        kept[self._size : end] = values


def directions(setpoint: Array, leg: Array) -> NDArray[np.bool_]:
    """Tell for each row whether its leg goes up: by the setpoints at the leg's two ends so far."""
    if not len(leg):
        return np.empty(0, dtype=bool)
    begins = np.flatnonzero(np.r_[True, np.diff(leg) != 0])
    ends = np.r_[begins[1:], len(leg)] - 1
    up = setpoint[ends] >= setpoint[begins]
    return np.repeat(up, ends - begins + 1)


def broken_where(values: Array, keep: NDArray[np.bool_]) -> Array:
    """Return values with NaN where they are not to be drawn."""
    return np.where(keep, values, np.nan)
