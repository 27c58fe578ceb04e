"""Virtual Multimeter/Switch Systems: Keithley 2700 (two switching modules) and 2750 (five).

Source: Model 2700 User's Manual (2700-900-01), sections 2, 6 to 8 and 10 to 15. The 2750 has the
same commands, for slots 1 to 5; in what else it differs is in `MODEL_2750`.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from typing import ClassVar

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2700.cards import Card
from nanojunction.instruments.virtual.keithley2700.channels import Channels
from nanojunction.instruments.virtual.keithley2700.commands import tree
from nanojunction.instruments.virtual.keithley2700.dmm import OVERFLOW, Multimeter, Reading
from nanojunction.instruments.virtual.keithley2700.settings import Mainframe, Settings2700
from nanojunction.instruments.virtual.keithley2700.system import Command
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.instrument import ScpiInstrument
from nanojunction.instruments.virtual.world import World

MODEL_2700 = Mainframe("MODEL 2700", slots=2, most_readings=55_000)
MODEL_2750 = Mainframe("MODEL 2750", slots=5, most_readings=110_000, low_ohms=True)


class Keithley2700(ScpiInstrument):
    """A Keithley 2700 whose closed channels are the closed contacts of a world.

    `cards` are the modules in the slots (None: empty): 7700, 7702, 7703, 7705, 7706, 7708 or 7709.
    Raises ValueError for another one, and unless there is one entry for each slot.
    """

    driver: ClassVar[str] = "keithley2700"
    identity: ClassVar[str] = "KEITHLEY INSTRUMENTS INC.,MODEL 2700,0000001,B09  /A02"
    mainframe: ClassVar[Mainframe] = MODEL_2700
    #: What is in the slots where nothing else is asked for.
    usual_cards: ClassVar[tuple[str, ...]] = ("7709", "7702")
    #: Also outside of idle (manual, *OPC, section 12).
    immediate: ClassVar[tuple[str, ...]] = (
        "*RST", "*TRG", "*RCL", "ABOR", "ABORT", "SYST:PRES", "SYSTEM:PRESET",
    )  # fmt: skip
    channels: Channels
    dmm: Multimeter

    def __init__(
        self,
        world: World,
        latency_s: float = 0.0,
        cards: Sequence[str | None] | None = None,
    ) -> None:
        super().__init__(world, latency_s)
        cards = self.usual_cards if cards is None else cards
        slots = self.mainframe.slots
        if len(cards) != slots:
            name = self.mainframe.model.removeprefix("MODEL ")
            raise ValueError(f"a {name} has {slots} slots, not {len(cards)}")
        self.channels = Channels(world, cards)
        line_Hz = world.settings.line_frequency_Hz
        self.dmm = Multimeter(
            self.channels, self.status.measurement, line_Hz, self.mainframe.most_readings, seed=2700
        )
        self.dmm.time_zero_s = self.time_s
        self.monitor = 0
        self._saved: dict[int, tuple[Settings2700, frozenset[int]]] = {}
        with world.lock:
            world.follow(self.dmm.advance)
            self.preset()

    @property
    def under_way(self) -> Multimeter:
        """The multimeter."""
        return self.dmm

    @classmethod
    @functools.cache
    def tree(cls) -> scpi.Tree[Command]:
        """Return all headers with what carries them out."""
        return tree(cls.mainframe)

    def acquired(self) -> str:
        """Return the readings of the acquisition that has ended."""
        return self.show(self.dmm.readings)

    # Set-ups

    def reset(self) -> None:
        """Go to the *RST state: one trigger at a time, every channel open."""
        self._set_up(Settings2700())

    def preset(self) -> None:
        """Go to the :SYSTem:PRESet state: readings without end, every channel open."""
        settings = Settings2700()
        settings.values |= {"continuous": True, "trigger count": float("inf")}
        self._set_up(settings)

    def _set_up(self, settings: Settings2700) -> None:
        self.dmm.abort(self.time_s)
        self.dmm.feed = "NEV"
        self.dmm.settings = settings
        self.time_s = self.channels.open_all(self.time_s)

    def save(self, place: int) -> None:
        """Keep settings and closed channels (*SAV)."""
        self._saved[place] = copy.deepcopy(self.dmm.settings), self.channels.closed

    def recall(self, place: int) -> None:
        """Go back to what was kept, the *RST state if nothing was (*RCL)."""
        settings, closed = self._saved.get(place, (Settings2700(), frozenset()))
        self._set_up(copy.deepcopy(settings))
        self.time_s = self.channels.close(self.time_s, closed)

    def configure(self, key: str) -> None:
        """Select one function for single readings with its *RST settings (:CONFigure)."""
        settings, fresh = self.dmm.settings, Settings2700()
        own = {name: value for name, value in fresh.values.items() if name.startswith(f"{key} ")}
        for name in ("continuous", "trigger count", "trigger source", "trigger delay auto",
                     "sample count"):  # fmt: skip
            own[name] = fresh.values[name]
        settings.function = key
        settings.values |= own

    def reset_time(self) -> None:
        """Start the relative timestamp again at zero."""
        self.dmm.time_zero_s = self.time_s

    def reset_number(self) -> None:
        """Start the reading number again at zero."""
        self.dmm.number = 0

    # Answers

    def card(self, slot: int) -> Card:
        """Return the card of a slot; raises ScpiError -221 for an empty one."""
        card = self.channels.cards[slot - 1]
        if card is None:
            raise ScpiError(-221)
        return card

    def show(self, readings: Sequence[Reading]) -> str:
        """Return readings as text; raises ScpiError -230 without any."""
        if not readings:
            raise ScpiError(-230)
        return ",".join(self._show_one(reading) for reading in readings)

    def _show_one(self, r: Reading) -> str:
        settings = self.dmm.settings
        units = "UNIT" in settings.elements
        value = "+9.9E37" if abs(r.value) >= OVERFLOW else f"{r.value:+.8E}"
        columns = {
            "READ": value + (r.unit if units else ""),
            "TST": f"{r.time_s:+.3f}" + ("SECS" if units else ""),
            "RNUM": f"{r.number:+06d}" + ("RDNG#" if units else ""),
            "CHAN": f"{r.channel:03d}",
            "LIM": "0000" + ("LIMITS" if units else ""),
        }
        return ",".join(text for name, text in columns.items() if name in settings.elements)

    def buffer_room(self) -> str:
        """Return the free and the used bytes of the buffer."""
        used = 16 * len(self.dmm.buffer)
        return f"{16 * self.mainframe.most_readings - used},{used}"

    def condition(self, register: str) -> int:
        """Return what is true now of a SCPI register (manual, section 11)."""
        if register != "OPER":
            return 0
        return 1 << 4 if self.dmm.running or self.dmm.continuous else 1 << 10


class Keithley2750(Keithley2700):
    """A Keithley 2750: five slots, by default each with a 7702 of 40 two-pole channels."""

    driver: ClassVar[str] = "keithley2750"
    identity: ClassVar[str] = "KEITHLEY INSTRUMENTS INC.,MODEL 2750,0000001,B09  /A02"
    mainframe: ClassVar[Mainframe] = MODEL_2750
    usual_cards: ClassVar[tuple[str, ...]] = ("7702",) * 5
