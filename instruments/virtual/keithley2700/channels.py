"""The channels of a virtual Keithley 2700: lists of them, what is closed, and how they are moved.

Source: Model 2700 User's Manual (2700-900-01), section 2.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from nanojunction.instruments.virtual.keithley2700.cards import CARDS, Card
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.world import World

_LIST = re.compile(r"^\(\s*@(.*)\)$")
_ITEM = re.compile(r"^\s*(\d{3})\s*(?::\s*(\d{3})\s*)?$")


class Channels:
    """The channels of all slots, closed and opened in a world whose lock the callers hold.

    Raises ValueError for a card that is not known.
    """

    def __init__(self, world: World, cards: Sequence[str | None]) -> None:
        if unknown := [name for name in cards if name is not None and name not in CARDS]:
            raise ValueError(
                f"no virtual card {unknown[0]!r} for a 2700: choose one of {', '.join(CARDS)}"
            )
        self._world = world
        self.cards: tuple[Card | None, ...] = tuple(
            None if name is None else CARDS[name] for name in cards
        )
        self.closed: frozenset[int] = frozenset()
        #: The channel that ROUTe:CLOSe has closed; it stays the system channel also when
        #: ROUTe:MULTiple:OPEN opens it (manual, "Multiple channel operation anomalies").
        self.system: int | None = None
        self.closures: Counter[int] = Counter()
        #: Every channel of the installed cards, in order.
        self.all: Sequence[int] = tuple(
            100 * slot + channel
            for slot, card in enumerate(self.cards, 1)
            if card is not None
            for channel in range(1, card.channels + 1)
        )

    def parse(self, text: str) -> list[int]:
        """Return the channels of a list such as `(@101,105:110)`, each once, in its order.

        Raises ScpiError -104 for what is no list, -102 for one that is badly written, -109 for
        an empty one, -222 for a channel that does not exist or a range that falls.
        """
        match = _LIST.match(text)
        if match is None:
            raise ScpiError(-104)
        if not match[1].strip():
            raise ScpiError(-109)
        known = self.all
        found: dict[int, None] = {}
        for item in match[1].split(","):
            ends = _ITEM.match(item)
            if ends is None:
                raise ScpiError(-102)
            first, last = int(ends[1]), int(ends[2] or ends[1])
            if first > last or first not in known or last not in known:
                raise ScpiError(-222)
            found |= dict.fromkeys(c for c in known if first <= c <= last)
        return list(found)

    def card_of(self, channel: int) -> Card:
        """Return the card of an existing channel."""
        card = self.cards[channel // 100 - 1]
        assert card is not None  # the channel exists
        return card

    # One at a time: the system channel, connected to the DMM

    def measuring(self) -> set[int]:
        """Return the channels that the system closes for some function, and their pairs."""
        return {
            100 * slot + channel
            for slot, card in enumerate(self.cards, 1)
            if card is not None
            for channel in (
                *card.volts,
                *card.amps,
                *(channel + card.pair for channel in card.paired),
            )
        }

    def close_system(self, t: float, channel: int, four_wire: bool, amps: bool) -> float:
        """Make `channel` the system channel; return when its relays have settled (s).

        Other measuring channels open first, also those closed by ROUTe:MULTiple:CLOSe; all else
        that was closed so stays (a choice: the manual tells it of the system channel only).
        Raises ScpiError -222 for a channel that the function cannot measure through.
        """
        card = self.card_of(channel)
        if channel % 100 not in card.measuring(four_wire, amps):
            raise ScpiError(-222)
        if channel == self.system:
            return t  # not closed again, nor its pair (manual, anomaly 2)
        slot = 100 * (channel // 100)
        wanted = {slot + c for c in card.system(channel % 100, four_wire, amps)}
        leave = self.closed - self.measuring() - self._backplane()
        t = self._move(t, leave | (self.closed & wanted))
        t = self._move(t, self.closed | wanted)
        self.system = channel
        return t

    def _backplane(self) -> set[int]:
        return {
            100 * slot + channel
            for slot, card in enumerate(self.cards, 1)
            if card is not None
            for channel in (card.pole, card.sense, card.input)
            if channel
        }

    # Any: multiple channel operation

    def close(self, t: float, channels: Iterable[int]) -> float:
        """Close channels besides those that are closed; return when they have settled (s)."""
        return self._move(t, self.closed | set(channels))

    def open(self, t: float, channels: Iterable[int]) -> float:
        """Open channels; return when they have settled (s)."""
        return self._move(t, self.closed - set(channels))

    def open_all(self, t: float) -> float:
        """Open every channel; return when they have settled (s)."""
        self.system = None
        return self._move(t, ())

    def _move(self, t: float, closed: Collection[int]) -> float:
        before, self.closed = self.closed, frozenset(closed)
        moved = before ^ self.closed
        if not moved:
            return t
        self.closures.update(self.closed - before)
        self._world.move_contacts(t, self.closed)
        return t + max(self.card_of(channel).actuation_s for channel in moved)

    def show(self, channels: Iterable[int]) -> str:
        """Return channels as the instrument answers them: `(@101,102)`."""
        return f"(@{','.join(str(channel) for channel in sorted(channels))})"
