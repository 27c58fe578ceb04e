"""The places of a batch: a chip or wafer of columns and rows, its splits, and its edge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from nanojunction.models.parameters import CLOSED, Name

__all__ = ["Place", "Wafer"]

Count = Annotated[int, Field(strict=True, ge=1, le=1000)]
Column = Annotated[int, Field(strict=True)]
Length = Annotated[float, Field(strict=True, gt=0, le=1e6)]


@dataclass(frozen=True, slots=True)
class Place:
    """One place: its number from 1 (row by row), column and row from 1, and where that is (mm).

    `off_centre` is the distance from the middle, 0 there and 1 at the place farthest from it.
    """

    number: int
    column: int
    row: int
    x_mm: float
    y_mm: float
    off_centre: float
    split: str | None = None


@checked(frozen=True, kw_only=True, config=CLOSED)
class Wafer:
    """`[wafer]` of a populations file: columns × rows of places, x and y counted from the first.

    A round one has the places inside of the ellipse that fills the rectangle. `splits` are
    process splits by their columns; columns without one belong to none.
    """

    columns: Count
    rows: Count
    pitch_x_mm: Length = 0.5
    pitch_y_mm: Length = 0.5
    shape: Literal["rectangle", "round"] = "rectangle"
    diameter_um: Length | None = None
    splits: Mapping[Name, tuple[Column, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: dict[int, str] = {}
        for name, columns in self.splits.items():
            for column in columns:
                if not 1 <= column <= self.columns:
                    raise ValueError(
                        f"the split {name!r} has the column {column}; there are the columns 1 to "
                        f"{self.columns}"
                    )
                if seen.setdefault(column, name) != name:
                    raise ValueError(
                        f"the column {column} belongs to two splits, {seen[column]!r} and {name!r}"
                    )

    def places(self) -> tuple[Place, ...]:
        """Return every place, row by row."""
        split_of = {column: name for name, columns in self.splits.items() for column in columns}
        middle_x, middle_y = (self.columns + 1) / 2, (self.rows + 1) / 2
        inside = [
            (column, row)
            for row in range(1, self.rows + 1)
            for column in range(1, self.columns + 1)
            if self.shape == "rectangle"
            or math.hypot(
                (column - middle_x) / (self.columns / 2), (row - middle_y) / (self.rows / 2)
            )
            <= 1.0
        ]

        def from_middle_mm(column: int, row: int) -> float:
            return math.hypot(
                (column - middle_x) * self.pitch_x_mm, (row - middle_y) * self.pitch_y_mm
            )

        edge_mm = max(from_middle_mm(column, row) for column, row in inside) or 1.0
        return tuple(
            Place(
                number,
                column,
                row,
                round((column - 1) * self.pitch_x_mm, 9),
                round((row - 1) * self.pitch_y_mm, 9),
                from_middle_mm(column, row) / edge_mm,
                split_of.get(column),
            )
            for number, (column, row) in enumerate(inside, 1)
        )
