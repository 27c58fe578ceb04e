"""Which rows of an I(V) lie at the same point of the sweep, directions apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nanojunction.analysis.iv.stencils import KEPT_ROWS, IntArray
from nanojunction.analysis.values import Array

FEWEST_OF_A_CUBIC = 8
"""Points of a sweep from which the sensed voltage may be a cubic of the setpoint."""

_MOST_LEGS = 64  # whose shifts are worked out together


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What follows from setpoints, legs and directions alone, which many runs share.

    `cell` says for every row which point of the sweep it belongs to, counted from the lowest, and
    `rows` how many belong to each. `place` is the cell with its direction, `leg` the leg from 0.
    `count` is the number of rows at each point per direction, `error` the standard error of their
    mean for noise of size 1, NaN where there is none. `cubic` is an orthonormal basis of
    the cubics of the setpoint at the points, weighted with the root of their rows. `repeated` tells
    whether a direction has two legs. `shifting` (legs, legs) takes shifts of all legs to what
    `offsets_of_legs` then finds, None for too many legs.
    """

    cell: IntArray
    rows: Array
    place: IntArray
    rows_of_place: Array
    leg: IntArray
    rows_of_leg: Array
    count: Mapping[int, Array]
    error: Mapping[int, Array]
    cubic: Array
    repeated: bool
    shifting: Array | None

    def mean_of_place(self, values: Array) -> Array:
        """Return the means of columns (…, rows) at every place, NaN where there is no row."""
        total = _sums(self.place, values, len(self.rows_of_place))
        with np.errstate(invalid="ignore"):
            return np.asarray(total / self.rows_of_place)

    def mean_of_cell(self, values: Array) -> Array:
        """Return the means of columns (…, rows) at every point of the sweep."""
        return np.asarray(_sums(self.cell, values, len(self.rows)) / self.rows)

    def offsets_of_legs(self, values: Array) -> Array:
        """Return how far each leg's rows lie above the mean of their places, on average."""
        off = values - np.take(self.mean_of_place(values), self.place, axis=-1)
        return np.asarray(_sums(self.leg, off, len(self.rows_of_leg)) / self.rows_of_leg)

    def means(self, values: Array) -> dict[int, Array]:
        """Return the means of columns (…, rows) at every point, per direction."""
        means = self.mean_of_place(values)
        half = len(self.rows)
        return {d: means[..., :half] if d > 0 else means[..., half:] for d in self.count}


def _sums(group: IntArray, values: Array, groups: int) -> Array:
    """Return the sums of columns (…, rows) over the rows of each group."""
    if values.ndim == 1:
        return np.asarray(np.bincount(group, weights=values, minlength=groups), dtype=float)
    columns = values.reshape(-1, values.shape[-1])
    each = (np.arange(len(columns))[:, None] * groups + group).ravel()
    sums = np.bincount(each, weights=columns.ravel(), minlength=groups * len(columns))
    return np.asarray(sums, dtype=float).reshape(*values.shape[:-1], groups)


def layout_of(values: Array, leg: IntArray, direction: IntArray) -> Layout:
    """Return the layout of rows with these setpoints, or voltages where there are none."""
    if len(values) > KEPT_ROWS:
        return _layout(values, leg, direction)
    return _kept(values.tobytes(), leg.tobytes(), direction.tobytes())


@lru_cache(maxsize=32)
def _kept(values: bytes, leg: bytes, direction: bytes) -> Layout:
    legs, directions = (np.frombuffer(part, dtype=np.int64) for part in (leg, direction))
    return _layout(np.frombuffer(values), legs, directions)


def _layout(values: Array, leg: IntArray, direction: IntArray) -> Layout:
    cell = _cells(values, leg)
    rows = np.bincount(cell).astype(float)
    place = cell + len(rows) * (direction < 0)
    rows_of_place = np.bincount(place, minlength=2 * len(rows)).astype(float)
    leg = leg - int(leg.min())
    count = rows_of_place.reshape(2, -1)
    error = np.sqrt(1.0 / np.where(count > 0, count, np.nan))
    present = [(k, d) for k, d in ((0, 1), (1, -1)) if count[k].any()]
    return Layout(
        cell=cell,
        rows=rows,
        place=place,
        rows_of_place=rows_of_place,
        leg=leg,
        rows_of_leg=np.maximum(np.bincount(leg), 1).astype(float),
        count={d: count[k] for k, d in present},
        error={d: error[k] for k, d in present},
        cubic=_cubic(values, cell, rows),
        repeated=len(present) != len(np.unique(leg)),
        shifting=_shifting(place, leg) if int(leg.max()) < _MOST_LEGS else None,
    )


def _cells(values: Array, leg: IntArray) -> IntArray:
    steps = np.abs(np.diff(values))[leg[1:] == leg[:-1]]
    steps = steps[steps > 1e-9 * float(np.ptp(values))]
    step = float(np.quantile(steps, 0.1)) if len(steps) else 0.0
    order = np.argsort(values, kind="stable")
    cell = np.empty(len(values), dtype=np.int64)
    cell[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > 0.4 * step)])
    return cell


def _cubic(values: Array, cell: IntArray, rows: Array) -> Array:
    if len(rows) < FEWEST_OF_A_CUBIC:
        return np.empty((len(rows), 0))
    s = np.bincount(cell, weights=values) / rows
    s = (s - s.mean()) / float(np.ptp(s))
    basis, _ = np.linalg.qr(s[:, None] ** np.arange(4) * np.sqrt(rows)[:, None])
    return np.asarray(basis)


def _shifting(place: IntArray, leg: IntArray) -> Array:
    """Return what a unit shift of each leg (column) does to every leg (row)."""
    table = np.zeros((int(place.max()) + 1, int(leg.max()) + 1))
    np.add.at(table, (place, leg), 1.0)
    of_place = np.maximum(table.sum(axis=1), 1.0)
    rows = table.sum(axis=0)
    of_leg = np.maximum(rows, 1.0)
    return np.asarray(np.diag(rows / of_leg) - (table / of_leg).T @ (table / of_place[:, None]))
