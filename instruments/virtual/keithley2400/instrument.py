"""A virtual Keithley 2400: the SCPI messages of its manual in front of unit and trigger model.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 15 to 18, appendix B.
"""

from __future__ import annotations

import functools
from copy import deepcopy
from dataclasses import replace
from typing import ClassVar

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2400.checks import CHECKS
from nanojunction.instruments.virtual.keithley2400.commands import Command, Setting
from nanojunction.instruments.virtual.keithley2400.handlers import tree
from nanojunction.instruments.virtual.keithley2400.settings import Settings2400
from nanojunction.instruments.virtual.keithley2400.trigger import TriggerModel
from nanojunction.instruments.virtual.keithley2400.unit import Reading, SourceMeasureUnit
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Parameters
from nanojunction.instruments.virtual.scpi.commands import limit_of
from nanojunction.instruments.virtual.scpi.instrument import ScpiInstrument
from nanojunction.instruments.virtual.world import World

#: Settings after which the programmed level is sourced, no longer a sweep's last one.
_BACK_TO_FIXED = ("voltage_level", "current_level", "voltage_mode", "current_mode")

#: Settings that change what the junction feels stand under these headers.
_FELT = (":SOUR", ":OUTP", ":SYST", "[:SENS")


class Keithley2400(ScpiInstrument):
    """A Keithley 2400 SourceMeter at the junction of a world."""

    driver: ClassVar[str] = "keithley2400"
    identity: ClassVar[str] = (
        "KEITHLEY INSTRUMENTS INC.,MODEL 2400,0000001,C34 Jan 01 2020 00:00:00/A02  /K/H"
    )
    #: Also outside of idle (manual, *OPC, section 16).
    immediate: ClassVar[tuple[str, ...]] = (
        "*RST", "*TRG", "ABOR", "ABORT", "SYST:PRES", "SYSTEM:PRESET",
    )  # fmt: skip
    unit: SourceMeasureUnit
    trigger: TriggerModel
    #: Front panel, kept and answered, nothing more: texts by window, and what is on.
    shown: dict[int, str]
    switched: dict[str, bool]

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.unit = SourceMeasureUnit(world)
        self.trigger = TriggerModel(self.unit, self.status.measurement)
        self._saved: dict[int, Settings2400] = {}
        self.shown = {1: "", 2: ""}
        self.switched = {"text 1": False, "text 2": False, "beeper": True}
        with world.lock:
            self.reset()

    @property
    def under_way(self) -> TriggerModel:
        """The trigger model."""
        return self.trigger

    @staticmethod
    @functools.cache
    def tree() -> scpi.Tree[Command]:
        """Return all headers with what carries them out."""
        return tree()

    def acquired(self) -> str:
        """Return the readings of the acquisition that has ended."""
        return self.show(self.trigger.readings)

    # Settings

    def reset(self) -> None:
        """Go to the *RST state: output off, everything at its default."""
        self.trigger.abort(self.time_s)
        self.trigger.buffering = False
        self.unit.settings = Settings2400(
            line_frequency=round(self.world.settings.line_frequency_Hz)
        )
        self.unit.swept_level = None
        self.unit.switch(self.time_s, False)

    def save(self, place: int) -> None:
        """Keep the settings in one of five memories (*SAV)."""
        self._saved[place] = deepcopy(self.unit.settings)

    def recall(self, place: int) -> None:
        """Bring settings back, output off (*RCL); raises ScpiError -222 for an empty memory."""
        if place not in self._saved:
            raise ScpiError(-222)
        self.unit.settings = deepcopy(self._saved[place])
        self.unit.swept_level = None
        self.unit.switch(self.time_s, False)

    def set(self, setting: Setting, parameters: Parameters) -> None:
        """Take a setting from a message."""
        value = setting.codec.parse(scpi.single(parameters))
        check = CHECKS.get(setting.attribute)
        if check is not None and not isinstance(value, str):
            value = check(self.unit.settings, value)
        setattr(self.unit.settings, setting.attribute, value)
        if setting.turns_off:
            setattr(self.unit.settings, setting.turns_off, False)
        if setting.attribute in _BACK_TO_FIXED and value not in {"LIST", "SWE"}:
            self.unit.swept_level = None
        if setting.header.startswith(_FELT):
            self.unit.connect(self.time_s)

    def query(self, setting: Setting, parameters: Parameters) -> str:
        """Answer a setting, or one of its limits."""
        if parameters:
            return limit_of(setting.codec, parameters)
        sourced = "source_voltage_range" if self.unit.sources_voltage else "source_current_range"
        if setting.attribute == sourced:
            return setting.codec.show(self.unit.source_range)
        return setting.codec.show(getattr(self.unit.settings, setting.attribute))

    # Readings

    def show(self, readings: list[Reading]) -> str:
        """Return readings as text; raises ScpiError -230 without any."""
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
        return ",".join(f"{columns[name]:+.6E}" for name in self.unit.settings.elements)

    def buffered(self) -> list[Reading]:
        """Return the buffer, with timestamps from its first reading or from each to the next."""
        buffer = self.trigger.buffer
        if not buffer:
            return []
        if self.unit.settings.timestamp_format == "ABS":
            return [replace(r, time_s=r.time_s - buffer[0].time_s) for r in buffer]
        before = [buffer[0], *buffer[:-1]]
        return [replace(r, time_s=r.time_s - b.time_s) for r, b in zip(buffer, before, strict=True)]

    def condition(self, register: str) -> int:
        """Return what is true now of a SCPI register (manual, section 15)."""
        if register != "OPER":
            return 0
        return 1 << 5 if self.trigger.waiting else 1 << 10

    def show_register(self, value: int) -> str:
        """Return a register's value as :FORMat:SREGister says."""
        formats = {"ASC": "{}", "HEX": "#H{:X}", "OCT": "#Q{:o}", "BIN": "#B{:b}"}
        return formats[self.unit.settings.register_format].format(value)

    def initiate(self) -> None:
        """Leave idle; raises ScpiError 803 with the output off."""
        if not self.unit.output_on and not self.unit.settings.clear_auto:
            raise ScpiError(803)
        self.trigger.start(self.time_s)

    def configure(self, name: str) -> None:
        """Select one function for single readings, output on (:CONFigure).

        Range, NPLC and filter go to their *RST values; the compliance stays: a smaller one
        protects what is connected.
        """
        s = self.unit.settings
        s.functions = frozenset({name})
        quantity = {"CURR": "current", "VOLT": "voltage", "RES": "resistance"}[name]
        setattr(s, f"{quantity}_auto", True)
        s.nplc = 1.0
        s.filter_on = False
        s.arm_source = s.trigger_source = "IMM"
        s.arm_count = s.trigger_count = 1
        s.trigger_delay = 0.0
        self.unit.switch(self.time_s, True)
