"""The wafer map of a virtual SENTIO prober: which dies and subsites there are, and their route.

Source: MPI's package sentio-prober-control 26.2 (WafermapCommandGroup and its sub-groups).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Place = tuple[int, int, int]
"""Column, row and subsite."""


@dataclass(slots=True)
class WaferMap:
    """Dies by column and row, in the order of the route (row by row), and subsites of each die.

    `size_um` is a die's width and height; `current` is the die and subsite under the needles.
    """

    dies: list[tuple[int, int]]
    subsites: list[tuple[str, float, float]]
    size_um: tuple[float, float] = (1000.0, 1000.0)
    unselected: set[tuple[int, int]] = field(default_factory=set)
    current: Place = (1, 1, 0)

    @classmethod
    def of(cls, places: Iterable[Place]) -> WaferMap:
        """Return the map of a wafer with junctions at these places; one die if there are none."""
        known = sorted(set(places), key=lambda place: (place[1], place[0], place[2]))
        dies = list(dict.fromkeys((column, row) for column, row, _ in known)) or [(1, 1)]
        count = 1 + max((site for _, _, site in known), default=0)
        subsites = [(str(n), 50.0 * n, 0.0) for n in range(count)]
        return cls(dies, subsites, current=(*dies[0], 0))

    @property
    def columns(self) -> int:
        """The number of columns."""
        return max(column for column, _ in self.dies)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return max(row for _, row in self.dies)

    @property
    def route(self) -> list[tuple[int, int]]:
        """The dies that are selected, in the order in which they are stepped to."""
        return [die for die in self.dies if die not in self.unselected]

    def status(self, die: tuple[int, int]) -> int:
        """Return 1 for a selected die, 2 for one that is not, 3 for one that is not there."""
        if die not in self.dies:
            return 3
        return 2 if die in self.unselected else 1

    def has(self, place: Place) -> bool:
        """Tell whether there is such a die with such a subsite."""
        return place[:2] in self.dies and 0 <= place[2] < len(self.subsites)

    def offset_um(self, place: Place) -> tuple[float, float]:
        """Return where a place is, from the first die's first subsite."""
        home = self.dies[0]
        _, x_um, y_um = self.subsites[place[2]]
        return (
            (place[0] - home[0]) * self.size_um[0] + x_um,
            (place[1] - home[1]) * self.size_um[1] + y_um,
        )
