"""Keithley 2700 and 2750 Multimeter/Switch Systems as a `SwitchMatrix`, on PyMeasure's driver.

Source: Model 2700 User's Manual (2700-900-01), section 2. Only multiple channel operation is used
(`ROUTe:MULTiple:…`): it moves the contacts that are listed and no others. PyMeasure's properties
for channels are not: they know one of the cards, share the list of valid channels among all
instruments of a program, and only log what the instrument refuses.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from pymeasure.instruments.keithley import Keithley2700

from nanojunction.instruments.drivers.wired import Change, WiredSwitch, listed
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.roles import Snapshot
from nanojunction.instruments.visa import open_connection

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import SwitchConfig
    from nanojunction.instruments.visa import Connection

#: The series speaks one language; they differ in the number of slots.
MODELS = ("MODEL 2700", "MODEL 2701", "MODEL 2750")
#: The last channel of a card, with its relays to the backplane (the cards' user's guides).
LAST_CHANNEL: Mapping[str, int] = {
    "7700": 25,
    "7702": 45,
    "7703": 35,
    "7705": 40,
    "7706": 28,
    "7708": 43,
    "7709": 50,
}
_LIST = re.compile(r"^\(@([\d\s,]*)\)$")


def open_keithley2700(config: SwitchConfig, clock: Clock) -> Keithley2700Switch:
    """Open the switch at `config.address`, verify what it is and that it has the contacts.

    Raises WrongInstrument if something else answers, StationError for a contact that the
    installed cards do not have.
    """
    connection = open_connection(config, role="switch", identity_query="*IDN?")
    try:
        identity = connection.identify()
        maker, _, model = identity.partition(",")
        if "KEITHLEY" not in maker.upper() or not model.upper().startswith(MODELS):
            raise WrongInstrument(
                f"{connection.where}: answers {identity!r}, which is no Keithley 2700; "
                "check the address and the driver in the station file"
            )
        with in_words(connection):
            instrument = Keithley2700(connection)
        cards = {slot: card.strip() for slot, card in instrument.cards.items()}
        check_contacts(config, cards, connection.where)
    except BaseException:
        connection.close()
        raise
    return Keithley2700Switch(instrument, connection, config, cards)


def check_contacts(config: SwitchConfig, cards: Mapping[int, str], where: str) -> None:
    """Raise StationError, naming key and card, for a contact that is not there.

    A card that is not in the list above is taken to have what the station file says; the
    instrument itself refuses what it has not.
    """
    wanted = [("short", config.short)]
    for position, wiring in config.positions.items():
        wanted += [
            (f"positions.{position}.normal", wiring.normal),
            (f"positions.{position}.reversed", wiring.reversed),
        ]
    for key, contacts in wanted:
        for contact in contacts:
            slot, channel = divmod(contact, 100)
            card = cards.get(slot, "none")
            if card.upper() == "NONE" or not 1 <= channel <= LAST_CHANNEL.get(card, 99):
                has = ", ".join(f"slot {number}: {name}" for number, name in cards.items())
                raise StationError(
                    f"{where}: switch.{key}: there is no contact {contact} (installed are {has}); "
                    "a contact is the slot's number and two digits for the channel"
                )


class Keithley2700Switch(WiredSwitch):
    """Adapts PyMeasure's `Keithley2700` to the role `SwitchMatrix`."""

    def __init__(
        self,
        instrument: Keithley2700,
        connection: Connection,
        config: SwitchConfig,
        cards: Mapping[int, str],
    ) -> None:
        super().__init__(config, connection.where)
        self.instrument = instrument
        self._connection = connection
        self._cards = cards

    def identify(self) -> str:
        """Return the answer to `*IDN?`."""
        return self._connection.identity or ""

    def closed_contacts(self) -> frozenset[int]:
        """Ask which channels of all cards are closed."""
        answer = self.instrument.ask("ROUT:MULT:CLOS?").strip()
        match = _LIST.match(answer)
        if match is None:
            raise InstrumentFault(
                f"{self._where}: answered {answer!r} where the closed contacts were asked for"
            )
        return frozenset(int(contact) for contact in match[1].split(",") if contact.strip())

    def _move(self, change: Change) -> None:
        if change.to_open:
            self.instrument.write(f"ROUT:MULT:OPEN (@{_list(change.to_open)})")
            self._verify(change.between, change.purpose)
        if change.to_close:
            self.instrument.write(f"ROUT:MULT:CLOS (@{_list(change.to_close)})")
            self._verify(change.after, change.purpose)

    def _verify(self, expected: frozenset[int], purpose: str) -> None:
        """Ask which contacts are closed; raise InstrumentFault unless they are the expected."""
        found = self.closed_contacts()
        if found == expected:
            return
        wrong = []
        if still := found - expected:
            wrong.append(f"contacts {listed(still)} are closed")
        if missing := expected - found:
            wrong.append(f"contacts {listed(missing)} are open")
        reasons = "; ".join(self.errors())
        raise InstrumentFault(
            f"{self._where}: could not {purpose}: {' and '.join(wrong)}"
            f"{f' ({reasons})' if reasons else ''}"
        )

    def open_all(self) -> None:
        """Open every channel of every card, and verify it."""
        self.instrument.open_all_channels()
        self._verify(frozenset(), "open all")

    def errors(self) -> tuple[str, ...]:
        """Read and empty the error queue."""
        with in_words(self._connection):
            found = self.instrument.check_errors()
        return tuple(f"{code:g}, {str(words).strip()}" for code, words, *_ in found)

    def snapshot(self) -> Snapshot:
        """Return what is closed, what that connects, and the cards, as the instrument reports."""
        return {**super().snapshot(), "cards": {str(slot): c for slot, c in self._cards.items()}}

    def reconnect(self) -> None:
        """Open the lost connection again; raises if the same instrument does not answer."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection; the contacts stay as they are."""
        self._connection.close()


def _list(contacts: Collection[int]) -> str:
    return ",".join(str(contact) for contact in sorted(contacts))
