"""A virtual Keithley 2400: the SCPI messages of its manual in front of the engine.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 15 to 18, appendix B.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from nanojunction.instruments.virtual import keithley2400_settings as spec
from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.keithley2400_commands import Setting
from nanojunction.instruments.virtual.keithley2400_engine import Engine, Reading
from nanojunction.instruments.virtual.keithley2400_handlers import Command, tree
from nanojunction.instruments.virtual.keithley2400_settings import Settings2400, range_for
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.status import StatusModel
from nanojunction.instruments.virtual.world import World

Parameters = tuple[str, ...]

_tree: Callable[[], scpi.Tree[Command]] = functools.cache(tree)

#: Carried out at once even outside of idle (manual, *OPC, section 16).
_IMMEDIATE = ("*RST", "*TRG", "ABOR", "ABORT", "SYST:PRES", "SYSTEM:PRESET")


class Keithley2400(VirtualInstrument):
    """A Keithley 2400 SourceMeter at the junction of a world."""

    driver: ClassVar[str] = "keithley2400"
    termination: ClassVar[str] = "\n"
    identity: ClassVar[str] = (
        "KEITHLEY INSTRUMENTS INC.,MODEL 2400,0000001,C34 Jan 01 2020 00:00:00/A02  /K/H"
    )

    engine: Engine
    status: StatusModel

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.status = StatusModel()
        self.engine = Engine(world, self.status.measurement)
        with world.lock:
            self.reset()

    def execute(self, line: str) -> str | None:
        """Carry out one message; the answers of its queries are joined by `;`."""
        answers: list[str] = []
        try:
            for unit in scpi.units(line):
                command = _tree().find(unit.header, unit.query)
                if unit.header not in _IMMEDIATE:
                    self._wait_for_idle()
                with self.world.lock:
                    self.world.sync(self.time_s)
                    answer = command(self, unit.parameters)
                if answer is not None:
                    answers.append(answer)
                elif unit.query:
                    answers.append(self._fetch_after_acquisition())
        except ScpiError as error:  # the rest of the message is not carried out
            self.status.error(error.code)
        return ";".join(answers) if answers else None

    def urgent(self, line: str) -> bool:
        """Return whether a message is carried out outside of idle too."""
        return line.strip().upper().lstrip(":").rstrip("; ") in _IMMEDIATE

    def refuse(self, line: str) -> str | None:
        """Report an input buffer overrun."""
        self.status.error(-363)
        return None

    def fail(self, line: str) -> str | None:
        """Report an internal system error."""
        self.status.error(900)
        return None

    def _wait_for_idle(self) -> None:
        engine = self.engine
        if not engine.running:
            return
        while engine.running:
            due = engine.next_event_s
            if self.wait_until(due):
                with self.world.lock:
                    self.world.sync(due)
        self.time_s = max(self.time_s, engine.ended_s)

    def _fetch_after_acquisition(self) -> str:
        self._wait_for_idle()
        with self.world.lock:
            return self.show(self.engine.readings)

    # Settings

    def reset(self) -> None:
        """Go to the *RST state: output off, everything at its default."""
        engine = self.engine
        engine.abort(self.time_s)
        engine.settings = Settings2400(line_frequency=round(self.world.settings.line_frequency_Hz))
        engine.switch(self.time_s, False)

    def set(self, setting: Setting, parameters: Parameters) -> None:
        """Take a setting from a message."""
        if len(parameters) != 1:
            raise ScpiError(-108 if parameters else -109)
        value = setting.codec.parse(parameters[0])
        checked = _CHECKS.get(setting.attribute)
        if checked is not None:
            value = checked(self, float(value))
        setattr(self.engine.settings, setting.attribute, value)
        if setting.turns_off:
            setattr(self.engine.settings, setting.turns_off, False)
        if setting.header.startswith((":SOUR", ":OUTP", ":SYST", "[:SENS")):
            self.engine.connect(self.time_s)

    def query(self, setting: Setting, parameters: Parameters) -> str:
        """Answer a setting, or one of its limits."""
        if parameters:
            limit = setting.codec.named(parameters[0])
            if limit is None:
                raise ScpiError(-141)
            return setting.codec.show(limit)
        value = getattr(self.engine.settings, setting.attribute)
        if setting.attribute in ("source_voltage_range", "source_current_range"):
            voltage = setting.attribute == "source_voltage_range"
            if voltage == self.engine.sources_voltage:
                value = self.engine.source_range
        return setting.codec.show(value)

    # Readings

    def show(self, readings: list[Reading]) -> str:
        """Return readings in the format that is chosen; raises ScpiError -230 without any."""
        if not readings:
            raise ScpiError(-230)
        return ",".join(self._show_one(reading) for reading in readings)

    def _show_one(self, r: Reading) -> str:
        columns = {
            "VOLT": r.voltage_V,
            "CURR": r.current_A,
            "RES": r.resistance_ohm,
            "TIME": r.time_s,
            "STAT": float(r.status),
        }
        return ",".join(f"{columns[name]:+.6E}" for name in self.engine.settings.elements)

    def buffered(self) -> list[Reading]:
        """Return the buffer, with timestamps from its first reading or from each to the next."""
        buffer = self.engine.buffer
        if not buffer:
            return []
        if self.engine.settings.timestamp_format == "ABS":
            return [replace(r, time_s=r.time_s - buffer[0].time_s) for r in buffer]
        befores = [buffer[0], *buffer]
        return [
            replace(r, time_s=r.time_s - before.time_s)
            for r, before in zip(buffer, befores, strict=False)
        ]

    def condition(self, register: str) -> int:
        """Return what is true now of a SCPI register (manual, section 15)."""
        if register != "OPER":
            return 0
        return 1 << 5 if self.engine.waiting_for_trigger else 1 << 10

    def initiate(self) -> None:
        """Leave idle; raises ScpiError 803 with the output off."""
        engine = self.engine
        if not engine.output_on and not engine.settings.clear_auto:
            raise ScpiError(803)
        engine.start(self.time_s)

    def configure(self, name: str) -> None:
        """Select one function with its *RST settings, single and immediate (:CONFigure)."""
        engine, s, defaults = self.engine, self.engine.settings, Settings2400()
        s.functions = frozenset({name})
        quantity = {"CURR": "current", "VOLT": "voltage", "RES": "resistance"}[name]
        setattr(s, f"{quantity}_auto", True)
        s.nplc = defaults.nplc
        s.arm_source = s.trigger_source = "IMM"
        s.arm_count = s.trigger_count = 1
        s.trigger_delay = 0.0
        s.filter_on = False
        engine.switch(self.time_s, True)


def _compliance(maximum_when_high: float) -> Callable[[Keithley2400, float], float]:
    def check(instrument: Keithley2400, value: float) -> float:
        s, value = instrument.engine.settings, abs(value)
        voltage = maximum_when_high == 21.0
        fixed = not (s.voltage_auto if voltage else s.current_auto)
        measuring = s.voltage_range if voltage else s.current_range
        if fixed and value < 1e-3 * measuring * (1 - 1e-9):
            raise ScpiError(822)
        other = (
            range_for(s.current_level, spec.CURRENT_RANGES) > 0.105
            if voltage
            else abs(s.voltage_level) > 21.0
        )
        if other and value > maximum_when_high * (1 + 1e-9):
            raise ScpiError(826)
        return value

    return check


def _sense_range(compliance: str, ranges: tuple[float, ...]) -> Callable[..., float]:
    def check(instrument: Keithley2400, value: float) -> float:
        if value > range_for(getattr(instrument.engine.settings, compliance), ranges):
            raise ScpiError(824)
        return value

    return check


def _level(voltage: bool) -> Callable[[Keithley2400, float], float]:
    def check(instrument: Keithley2400, value: float) -> float:
        s = instrument.engine.settings
        auto, full_scale = (
            (s.source_voltage_auto, s.source_voltage_range)
            if voltage
            else (s.source_current_auto, s.source_current_range)
        )
        if not auto and abs(value) > full_scale * (1 + 1e-9):
            raise ScpiError(-222)
        if voltage and abs(value) > 21.0 and s.current_compliance > 0.105 * (1 + 1e-9):
            raise ScpiError(826)
        return value

    return check


def _count(other: str) -> Callable[[Keithley2400, float], int]:
    def check(instrument: Keithley2400, value: float) -> int:
        if value * getattr(instrument.engine.settings, other) > 2500:
            raise ScpiError(-222)
        return round(value)

    return check


_CHECKS: dict[str, Callable[[Keithley2400, float], float]] = {
    "current_compliance": _compliance(0.105),
    "voltage_compliance": _compliance(21.0),
    "current_range": _sense_range("current_compliance", spec.CURRENT_RANGES),
    "voltage_range": _sense_range("voltage_compliance", spec.VOLTAGE_RANGES),
    "voltage_level": _level(True),
    "current_level": _level(False),
    "arm_count": _count("trigger_count"),
    "trigger_count": _count("arm_count"),
}
