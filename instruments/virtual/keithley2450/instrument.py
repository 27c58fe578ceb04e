"""A virtual Keithley 2450: its SCPI messages in front of unit, buffers and trigger model.

Source: Model 2450 Reference Manual (2450-901-01), section 6. A query that takes readings answers at
their end; while a trigger model runs, other messages are carried out at once, as in the manual.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import ClassVar

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2450.blocks import Acquisition, Point
from nanojunction.instruments.virtual.keithley2450.buffers import ReadingBuffer
from nanojunction.instruments.virtual.keithley2450.checks import CHECKS
from nanojunction.instruments.virtual.keithley2450.commands import Command, Setting
from nanojunction.instruments.virtual.keithley2450.events import (
    ERROR,
    Event,
    EventError,
    EventLog,
)
from nanojunction.instruments.virtual.keithley2450.handlers import tree
from nanojunction.instruments.virtual.keithley2450.settings import Settings2450
from nanojunction.instruments.virtual.keithley2450.unit import SourceMeasureUnit
from nanojunction.instruments.virtual.scpi import MESSAGES, ScpiError, Unit
from nanojunction.instruments.virtual.scpi.codecs import Parameters, Word
from nanojunction.instruments.virtual.scpi.commands import limit_of
from nanojunction.instruments.virtual.scpi.instrument import ScpiInstrument
from nanojunction.instruments.virtual.world import World

#: Wait for what a trigger model does (IEEE 488.2).
_WAITING = ("*WAI", "*OPC?")

#: Settings that change what the junction feels stand under these headers.
_FELT = (":SOUR", ":OUTP", ":ROUT", "[:SENS")


class Keithley2450(ScpiInstrument):
    """A Keithley 2450 SourceMeter at the junction of a world."""

    driver: ClassVar[str] = "keithley2450"
    identity: ClassVar[str] = "KEITHLEY INSTRUMENTS,MODEL 2450,04000001,1.7.12b"
    #: Also while a message waits for readings.
    immediate: ClassVar[tuple[str, ...]] = ("ABOR", "ABORT", "*RST")
    events: EventLog
    language: str
    access: str
    unit: SourceMeasureUnit
    acquisition: Acquisition

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.events = EventLog()
        self.unit = SourceMeasureUnit(world)
        self.acquisition = Acquisition(self)
        self.buffers: dict[str, ReadingBuffer] = {}
        self.lists: dict[str, list[Point]] = {}
        self.language, self.access = "SCPI", "FULL"
        self._completes = False
        self._answer: Callable[[], str | None] = str
        self._saved: dict[int, Settings2450] = {}
        with world.lock:
            self.reset()

    @property
    def under_way(self) -> Acquisition:
        """Single readings, or the trigger model."""
        return self.acquisition

    @staticmethod
    @functools.cache
    def tree() -> scpi.Tree[Command]:
        """Return all headers with what carries them out."""
        return tree()

    def waits(self, unit: Unit) -> bool:
        """Return whether a command or query is carried out only when nothing is under way."""
        return unit.header + "?" * unit.query in _WAITING

    def acquired(self) -> str | None:
        """Return the readings that a query asked for."""
        return self._answer()

    # Status

    def report(self, error: ScpiError) -> None:
        """Log an error and latch its class."""
        text = error.text if isinstance(error, EventError) else MESSAGES[error.code]
        self.events.push(Event(error.code, text, ERROR, self.time_s))
        self.status.error(error.code)
        self.status.errors.clear()  # the log is the queue

    def status_byte(self) -> int:
        """Return the status byte; bit 2 says that an error is in the log."""
        value = self.status.byte() & ~(1 << 6)
        value |= bool(self.events.count(ERROR)) << 2
        return value | ((value & self.status.service_enable != 0) << 6)

    def clear_status(self) -> None:
        """Clear events and errors (*CLS)."""
        self.status.clear()
        self.events.clear()

    def complete(self) -> None:
        """Set the operation-complete bit when what is under way has ended (*OPC)."""
        self._completes = True
        if not self.acquisition.running:
            self.operation_complete()

    def operation_complete(self) -> None:
        """Note that what was under way has ended."""
        if self._completes:
            self._completes = False
            self.status.standard.latch(1)

    # Settings

    def reset(self) -> None:
        """Go to the *RST state: output off, everything at its default, buffers empty."""
        self.acquisition.abort(self.time_s)
        self.acquisition.blocks, self.acquisition.state = {}, "EMPTY"
        self.unit.settings = Settings2450()
        self.buffers = {name: ReadingBuffer(name) for name in ("defbuffer1", "defbuffer2")}
        self.lists = {}
        self.unit.clear_filter()
        self.unit.switch(self.time_s, False)

    def save(self, place: int) -> None:
        """Keep the settings in one of five memories (*SAV)."""
        self._saved[place] = deepcopy(self.unit.settings)

    def recall(self, place: int) -> None:
        """Bring settings back, output off (*RCL); raises ScpiError -222 for an empty memory."""
        if place not in self._saved:
            raise ScpiError(-222)
        self.unit.settings = deepcopy(self._saved[place])
        self.unit.switch(self.time_s, False)

    def set(self, setting: Setting, parameters: Parameters) -> None:
        """Take a setting from a message."""
        value = setting.codec.parse(scpi.single(parameters))
        place = setting.place(self.unit.settings)
        check = CHECKS.get((setting.side, setting.attribute))
        if check is not None:
            value = check(self.unit, value)
        changes = value != getattr(place, setting.attribute)
        if changes and self.unit.output_on and setting.attribute in ("four_wire", "terminals"):
            self.unit.switch(self.time_s, False)  # as the manual says of both
        setattr(place, setting.attribute, value)
        if setting.turns_off:
            setattr(place, setting.turns_off, False)
        if setting.header.startswith(_FELT):
            self.unit.connect(self.time_s)

    def query(self, setting: Setting, parameters: Parameters) -> str:
        """Answer a setting, or one of its limits."""
        codec = setting.codec
        if parameters:
            return limit_of(codec, parameters)
        kind, _, function = setting.side.partition(" ")
        if kind == "source" and setting.attribute == "range":
            return codec.show(self.unit.source_range(function))
        if kind == "sense" and setting.attribute == "range":
            return codec.show(self.unit.measure_range(function))
        value = getattr(setting.place(self.unit.settings), setting.attribute)
        return value if isinstance(codec, Word) else codec.show(value)

    # Buffers and lists

    def buffer(self, name: str) -> ReadingBuffer:
        """Return a reading buffer; raises ScpiError 1133 for a name that is none."""
        if name not in self.buffers:
            raise EventError(1133, "1")
        return self.buffers[name]

    def list_named(self, name: str) -> list[Point]:
        """Return the points of a configuration list; raises ScpiError 2790 without any."""
        if not self.lists.get(name):
            raise EventError(2790)
        return self.lists[name]

    def recall_point(self, t: float, name: str, index: int) -> None:
        """Source a point (from 1) of a list; raises ScpiError 2790 if there is none."""
        points = self.list_named(name)
        if not 1 <= index <= len(points):
            raise EventError(2790)
        function, side = points[index - 1]
        self.unit.settings.source_function = function
        self.unit.settings.source[function] = replace(side)
        self.unit.connect(t)

    # Readings

    def read(self, buffer: ReadingBuffer, elements: Sequence[str]) -> None:
        """Take `:SENSe:COUNt` readings; the last one is the answer."""
        settings = self.unit.settings
        self._answer = lambda: (
            buffer.show(buffer.readings[-1:], elements, settings.precision)
            if buffer.readings
            else None  # what was under way was stopped before there was one
        )
        steps = self.acquisition.measure(self.time_s, settings.count, buffer)
        self.acquisition.start(self.time_s, steps)
