"""Where the junctions stand on a drawn map, and what its edges say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nanojunction.analysis.notation import plain_number, typeset
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.chip_map import places_of
from nanojunction.analysis.values import Array

MOST_ACROSS = 150.0
"""Places closer together than this part of the chip are drawn over each other."""
_MOST_TICKS = 8
_MOST_LABELS = 26

Tick = tuple[float, str]
Frame = Literal["mm", "grid", "order"]


@dataclass(frozen=True, slots=True)
class ChipPlaces:
    """The places of a chip's junctions on a map, x to the right and y downwards from 0.

    The unit is the distance of neighbours, so that a mark is about one unit wide. `frame` says what
    the places are: millimetres, columns and rows, or only the order in the file.
    """

    frame: Frame
    at: tuple[tuple[float, float], ...]
    width: float
    height: float
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()


def chip_places(junctions: Sequence[Junction]) -> ChipPlaces:
    """Return the places of junctions: x and y of all, else columns and rows, else their order."""
    if all(one.x_m is not None and one.y_m is not None for one in junctions):
        return _in_mm(np.array([[one.x_m, one.y_m] for one in junctions], dtype=float) * 1e3)
    cells = places_of(junctions)
    at = tuple((float(cells[one.name][0]), float(cells[one.name][1])) for one in junctions)
    width, height = (max((place[n] for place in at), default=0.0) for n in (0, 1))
    if any(one.column is None or one.row is None for one in junctions):
        return ChipPlaces("order", at, width, height)
    columns = {place[0]: str(one.column) for place, one in zip(at, junctions, strict=True)}
    rows = {place[1]: str(one.row) for place, one in zip(at, junctions, strict=True)}
    return ChipPlaces("grid", at, width, height, _labels(columns), _labels(rows))


def _labels(names: dict[float, str]) -> tuple[Tick, ...]:
    """Return the labels of columns or rows, of many only every so many."""
    every = math.ceil(len(names) / _MOST_LABELS)
    return tuple((at, name) for at, name in sorted(names.items()) if at % every == 0)


def _in_mm(mm: Array) -> ChipPlaces:
    low, high = mm.min(axis=0), mm.max(axis=0)
    pitch = _pitch(mm, float(np.max(high - low)))
    at = (mm - low) / pitch
    at[:, 1] = at[:, 1].max() - at[:, 1]
    width, height = (float(one) for one in (high - low) / pitch)
    x_mm, y_mm = (_ticks(a, b, pitch) for a, b in zip(low, high, strict=True))
    x_ticks = [((tick - low[0]) / pitch, _mm(tick)) for tick in x_mm]
    y_ticks = [(height - (tick - low[1]) / pitch, _mm(tick)) for tick in y_mm]
    places = tuple((float(x), float(y)) for x, y in at)
    return ChipPlaces("mm", places, width, height, tuple(x_ticks), tuple(y_ticks))


def _pitch(mm: Array, extent: float) -> float:
    """Return the distance (mm) of most junctions from their nearest neighbour."""
    from scipy.spatial import KDTree

    if len(mm) < 2 or extent == 0.0:
        return 1.0
    nearest = np.asarray(KDTree(mm).query(mm, k=[2])[0])[:, 0]
    return max(float(np.median(nearest)), extent / MOST_ACROSS)


def _ticks(low: float, high: float, apart: float) -> list[float]:
    """Return round numbers from `low` to `high`, at least so far apart."""
    if high <= low:
        return [low]
    raw = max((high - low) / _MOST_TICKS, apart * 0.999)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 9) for n in range(first, last + 1)]


def _mm(tick: float) -> str:
    return typeset(plain_number(tick, 6))
