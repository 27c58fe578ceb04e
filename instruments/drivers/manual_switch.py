"""A switch box that the operator turns by hand, as a `SwitchMatrix`.

It has no connection and needs no address. What is closed is what the operator has confirmed; before
the first confirmation that is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from nanojunction.instruments.drivers.wired import Change, WiredSwitch, listed
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.roles import Snapshot
from nanojunction.instruments.station_file import SwitchConfig

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock


def open_manual_switch(config: SwitchConfig, clock: Clock) -> ManualSwitch:
    """Return the switch box that the station file describes; nothing is opened."""
    return ManualSwitch(config)


class ManualSwitch(WiredSwitch):
    """Has the operator move contacts, and remembers what was confirmed."""

    def __init__(self, config: SwitchConfig) -> None:
        super().__init__(config, "switch (by hand)")
        self._confirmed: frozenset[int] | None = None
        self._ask: Callable[[str], None] = _nobody
        self._moved: Callable[[frozenset[int]], None] = lambda _closed: None

    def attend(self, ask: Callable[[str], None], moved: Callable[[frozenset[int]], None]) -> None:
        """Use `ask` for the operator, and tell `moved` which contacts are closed from then on."""
        self._ask, self._moved = ask, moved

    def identify(self) -> str:
        """Return what it is."""
        return "switch box turned by the operator"

    def closed_contacts(self) -> frozenset[int]:
        """Return what the operator has confirmed; at first have all contacts opened.

        Raises LaboratoryError if nobody can be asked.
        """
        if self._confirmed is None:
            self._have_moved("Open all contacts of the switch box", frozenset())
        assert self._confirmed is not None  # the line above has set it
        return self._confirmed

    def _move(self, change: Change) -> None:
        for verb, contacts, closed in (
            ("open", change.to_open, change.between),
            ("close", change.to_close, change.after),
        ):
            if contacts:
                words = f"To {change.purpose}, {verb} {_words(contacts)} of the switch box"
                self._have_moved(words, closed)

    def _have_moved(self, text: str, closed: frozenset[int]) -> None:
        self._confirmed = None  # if this is not confirmed, nobody knows
        self._ask(text)
        self._confirmed = closed
        self._moved(closed)

    def snapshot(self) -> Snapshot:
        """Return what the operator has confirmed; nobody is asked."""
        if self._confirmed is None:
            return {"identity": self.identify(), "confirmed": False}
        return {**super().snapshot(), "confirmed": True}

    @property
    def is_confirmed(self) -> bool:
        """Whether the operator has confirmed anything yet."""
        return self._confirmed is not None

    def close(self) -> None:
        """Forget nothing and change nothing: the box stays as it was turned."""


def _words(contacts: Collection[int]) -> str:
    return f"contact{'s' if len(contacts) > 1 else ''} {listed(contacts)}"


def _nobody(text: str) -> None:
    raise LaboratoryError(f"there is no operator to ask: {text}")
