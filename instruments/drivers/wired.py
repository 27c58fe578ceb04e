"""What all switches share: positions wired to contacts, break before make, verified."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nanojunction.common.names import listed_names
from nanojunction.instruments.errors import InstrumentFault, StationError
from nanojunction.instruments.roles import Connected, Snapshot
from nanojunction.instruments.station_file import SwitchConfig


@dataclass(frozen=True, slots=True)
class Change:
    """From closed contacts to other ones; `purpose` says in words what it is for."""

    purpose: str
    before: frozenset[int]
    after: frozenset[int]

    @property
    def to_open(self) -> frozenset[int]:
        """The contacts to be opened, first."""
        return self.before - self.after

    @property
    def between(self) -> frozenset[int]:
        """The contacts that stay closed throughout."""
        return self.before & self.after

    @property
    def to_close(self) -> frozenset[int]:
        """The contacts to be closed, afterwards."""
        return self.after - self.before


class WiredSwitch(ABC):
    """A `SwitchMatrix` on contacts that the station file wires to positions.

    What it knows of the contacts it asks for each time.
    """

    def __init__(self, config: SwitchConfig, where: str) -> None:
        self._wiring = config.positions
        self._short = frozenset(config.short)
        self._where = where

    @abstractmethod
    def identify(self) -> str:
        """Return what the instrument says it is."""

    @abstractmethod
    def closed_contacts(self) -> frozenset[int]:
        """Ask which contacts are closed."""

    @abstractmethod
    def _move(self, change: Change) -> None:
        """Open contacts, verify that they are open, and only then close others."""

    @property
    def positions(self) -> Sequence[str]:
        """The positions that can be connected, in the station file's order."""
        return tuple(self._wiring)

    def can_reverse(self, position: str) -> bool:
        """Tell whether a position is wired for the reversed polarity, too.

        Raises StationError for a position that is not in the station file.
        """
        return bool(self._contacts(position, reverse=True))

    def connect(self, position: str, *, reverse: bool = False) -> None:
        """Open every closed contact but the short's, verify it, then connect one position.

        Raises StationError for a position that is not in the station file, InstrumentFault if
        it is not wired for the polarity or the instrument then reports other contacts.
        """
        wanted = self._contacts(position, reverse=reverse)
        if not wanted:
            raise InstrumentFault(
                f"{self._where}: position {position} is not wired for the reversed polarity; "
                f"list its contacts in the station file (switch.positions.{position}.reversed)"
            )
        closed = self.closed_contacts()
        words = f"connect position {position}{', reversed' if reverse else ''}"
        self._change(closed, wanted | (closed & self._short), words)

    def connected(self) -> Connected | None:
        """Ask what is connected; None if nothing is.

        Raises InstrumentFault if contacts are closed that together are no position, or several.
        """
        return self._meaning(self.closed_contacts())

    def _meaning(self, closed: frozenset[int]) -> Connected | None:
        closed &= {c for one in self._wiring.values() for c in one.normal + one.reversed}
        if not closed:
            return None
        for position, one in self._wiring.items():
            if closed == set(one.normal):
                return Connected(position)
            if closed == set(one.reversed):
                return Connected(position, is_reversed=True)
        raise InstrumentFault(
            f"{self._where}: the closed contacts {listed(closed)} are not those of one position; "
            "open all, and connect the position again"
        )

    def short_all(self) -> None:
        """Close the contacts that short the source-meter's leads, and verify it.

        Raises StationError if the station file lists none.
        """
        if not self._short:
            raise StationError(
                f"{self._where}: there is no short: list the contacts that short the "
                "source-meter's leads in the station file (switch.short)"
            )
        closed = self.closed_contacts()
        self._change(closed, closed | self._short, "short the source-meter's leads")

    def remove_short(self) -> None:
        """Open the contacts of the short, and verify it."""
        closed = self.closed_contacts()
        self._change(closed, closed - self._short, "remove the short")

    def is_shorted(self) -> bool:
        """Ask whether the short is closed; False if the station has none."""
        return bool(self._short) and self._short <= self.closed_contacts()

    def open_all(self) -> None:
        """Open every contact, the short's too, and verify it."""
        self._change(self.closed_contacts(), frozenset(), "open all")

    def snapshot(self) -> Snapshot:
        """Return what is closed, and what that connects, as the instrument reports it."""
        closed = self.closed_contacts()
        one = self._meaning(closed)
        return {
            "identity": self.identify(),
            "position": None if one is None else one.position,
            "reversed": None if one is None else one.is_reversed,
            "shorted": bool(self._short) and self._short <= closed,
            "closed_contacts": sorted(closed),
        }

    def _contacts(self, position: str, *, reverse: bool) -> frozenset[int]:
        if position not in self._wiring:
            raise StationError(
                f"{self._where}: the station file has no position {position!r}; "
                f"it has {listed_names(self._wiring)}"
            )
        one = self._wiring[position]
        return frozenset(one.reversed if reverse else one.normal)

    def _change(self, closed: frozenset[int], wanted: frozenset[int], purpose: str) -> None:
        if closed != wanted:
            self._move(Change(purpose, closed, wanted))


def listed(contacts: Collection[int]) -> str:
    """Return contacts as words: `101, 117`."""
    return ", ".join(str(contact) for contact in sorted(contacts))
