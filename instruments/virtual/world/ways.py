"""Which positions of a holder the closed contacts of a switch connect."""

from __future__ import annotations

from collections.abc import Iterable

from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig


class Ways:
    """The wiring of a holder, looked up by contact: as quick with many positions as with few."""

    def __init__(self, wiring: SwitchConfig) -> None:
        self.positions = tuple(wiring.positions)
        self._short = frozenset(wiring.short)
        self._order = {position: n for n, position in enumerate(self.positions)}
        self._at = {
            one.place: Connected(position)
            for position, one in wiring.positions.items()
            if one.place is not None
        }
        self._through: dict[int, list[tuple[Connected, frozenset[int]]]] = {}
        for position, one in wiring.positions.items():
            for contacts, is_reversed in ((one.normal, False), (one.reversed, True)):
                for contact in contacts:
                    way = Connected(position, is_reversed), frozenset(contacts)
                    self._through.setdefault(contact, []).append(way)

    @property
    def dies(self) -> tuple[tuple[int, int, int], ...]:
        """Column, row and subsite of the positions that needles are brought to."""
        return tuple(self._at)

    def touched(self, place: tuple[int, int, int] | None) -> tuple[Connected, ...]:
        """Return what needles at a place connect; nothing for None, or where no position is."""
        return (self._at[place],) if place in self._at else ()

    def wired(self, contacts: Iterable[int]) -> int:
        """Return how many of these contacts are wired to something."""
        return sum(c in self._through or c in self._short for c in contacts)

    def connected(self, closed: frozenset[int]) -> tuple[Connected, ...]:
        """Return what closed contacts connect one way round, in the order of the positions."""
        whole = self._whole(closed)
        return tuple(one for one in whole if self._other_way(one) not in whole)

    def is_shorted(self, closed: frozenset[int]) -> bool:
        """Tell whether the leads are joined: by the short, or by a position both ways round."""
        whole = self._whole(closed)
        both = any(self._other_way(one) in whole for one in whole)
        return both or (bool(self._short) and self._short <= closed)

    def _whole(self, closed: frozenset[int]) -> list[Connected]:
        """Return the ways all of whose contacts are closed."""
        found = {
            one for contact in closed for one, needed in self._through.get(contact, ())
            if needed <= closed
        }  # fmt: skip
        return sorted(found, key=lambda one: (self._order[one.position], one.is_reversed))

    @staticmethod
    def _other_way(one: Connected) -> Connected:
        return Connected(one.position, not one.is_reversed)
