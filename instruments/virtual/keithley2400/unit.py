"""The Keithley 2400 as source and meter: what it drives, and what one measurement reads."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

from nanojunction.instruments.virtual.keithley2400 import settings as spec
from nanojunction.instruments.virtual.keithley2400.settings import (
    Settings2400,
    nominal,
)
from nanojunction.instruments.virtual.scpi.codecs import range_for
from nanojunction.instruments.virtual.source_meter_unit import (
    CURRENT_COUNT_OF_RANGE,
    CURRENT_STEP_OF_RANGE,
    NOT_MEASURED,
    OVERFLOW,
    VOLTAGE_COUNT_OF_RANGE,
    VOLTAGE_STEP_OF_RANGE,
    better_range,
    felt,
    in_steps,
    ratio,
    read_out,
)
from nanojunction.instruments.virtual.world import World
from nanojunction.instruments.virtual.world.line import OPEN, Source, WorkingPoint

#: Bits of the status word (manual, :FORMat:ELEMents, section 18).
OVER_RANGE, FILTERED, FRONT, COMPLIANCE = 1 << 0, 1 << 1, 1 << 2, 1 << 3
OVER_VOLTAGE, AUTO_OHMS = 1 << 4, 1 << 10
MEASURED_V, MEASURED_I, MEASURED_R = 1 << 11, 1 << 12, 1 << 13
SOURCED_V, SOURCED_I, RANGE_COMPLIANCE, REMOTE_SENSE = 1 << 14, 1 << 15, 1 << 16, 1 << 22


@dataclass(frozen=True, slots=True)
class Reading:
    """One set of elements; 9.91e37 for what was not measured, 9.9e37 for an overflow."""

    voltage_V: float
    current_A: float
    resistance_ohm: float
    time_s: float
    status: int


class SourceMeasureUnit:
    """Source and meter of a 2400 in a world whose lock the callers hold."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings: Settings2400 = Settings2400()
        self.output_on: bool = False
        self.time_zero_s: float = world.now()
        self.swept_level: float | None = None  # a sweep's; None for the programmed one
        self.swept_peak = 0.0
        self._resistance_range = self.settings.resistance_range
        self._moving: dict[str, deque[float]] = {"VOLT": deque(), "CURR": deque()}

    # Source

    @property
    def auto_ohms(self) -> bool:
        """Whether the instrument chooses its own test current to measure a resistance."""
        return "RES" in self.settings.functions and self.settings.resistance_mode == "AUTO"

    @property
    def sources_voltage(self) -> bool:
        """Whether a voltage is sourced."""
        return self.settings.source_function == "VOLT" and not self.auto_ohms

    @property
    def wanted_level(self) -> float:
        """What is to be sourced (V or A), before the source's resolution."""
        s = self.settings
        if self.auto_ohms:
            return spec.TEST_CURRENTS[spec.RESISTANCE_RANGES.index(self._resistance_range)]
        if self.swept_level is not None:
            return self.swept_level
        return s.voltage_level if self.sources_voltage else s.current_level

    @property
    def level(self) -> float:
        """What is sourced (V or A), in steps of the source's resolution."""
        voltage = self.sources_voltage
        of_range = VOLTAGE_STEP_OF_RANGE if voltage else CURRENT_STEP_OF_RANGE
        return in_steps(self.wanted_level, nominal(self.source_range) * of_range)

    @property
    def source_range(self) -> float:
        """The range (full scale, V or A) of the source."""
        s, wanted = self.settings, self.wanted_level
        fixed = False
        if self.swept_level is not None:
            fixed = s.sweep_ranging == "FIX"
            if s.sweep_ranging == "BEST":
                wanted = self.swept_peak
        if self.sources_voltage:
            if fixed or not s.source_voltage_auto:
                return s.source_voltage_range
            return range_for(wanted, spec.VOLTAGE_RANGES)
        if (fixed or not s.source_current_auto) and not self.auto_ohms:
            return s.source_current_range
        return range_for(wanted, spec.CURRENT_RANGES)

    @property
    def limit(self) -> tuple[float, bool]:
        """The limit in force (A or V), and whether it is the measuring range's, not the set one."""
        s = self.settings
        if self.sources_voltage:
            compliance, full_scale, auto = s.current_compliance, s.current_range, s.current_auto
        else:
            compliance, full_scale, auto = s.voltage_compliance, s.voltage_range, s.voltage_auto
        if not auto and full_scale < compliance:
            return full_scale, True
        return compliance, False

    def connect(self, t: float) -> None:
        """Bring what the junction feels to the settings."""
        world, voltage, level = self.world, self.sources_voltage, self.level
        kind: Literal["voltage", "current"] = "voltage" if voltage else "current"
        wires: Literal[2, 4] = 4 if self.settings.four_wire else 2
        programmed = Source(kind, level, self.limit[0], wires)
        if not self.output_on:
            world.drive(t, self._off_source(), False, programmed)
            return
        if self._over_voltage:
            level = math.copysign(self.settings.voltage_protection, level)
        source = felt(world.settings, programmed, level, nominal(self.source_range))
        world.drive(t, source, True, programmed)

    def switch(self, t: float, on: bool) -> None:
        """Switch the output."""
        self.output_on = on
        self.connect(t)

    @property
    def _over_voltage(self) -> bool:
        return self.sources_voltage and abs(self.level) > self.settings.voltage_protection

    def _off_source(self) -> Source:
        mode, s = self.settings.off_mode, self.settings
        if mode == "NORM":
            return Source("voltage", 0.0, 0.005 * nominal(s.current_range), 2)
        if mode == "ZERO":
            return Source("voltage", 0.0, s.current_compliance, 2)
        return OPEN  # HIMP opens the relay, GUAR sources no current

    # Meter

    @property
    def measured(self) -> frozenset[str]:
        """What is converted: ohms need both voltage and current."""
        functions = self.settings.functions
        return functions | {"VOLT", "CURR"} if "RES" in functions else functions

    @property
    def current_range(self) -> float:
        """The range (full scale, A) on which current is measured."""
        return self.settings.current_range if self.sources_voltage else self.source_range

    @property
    def voltage_range(self) -> float:
        """The range (full scale, V) on which voltage is measured."""
        return self.source_range if self.sources_voltage else self.settings.voltage_range

    @property
    def delay_s(self) -> float:
        """The source delay (s) in force."""
        s = self.settings
        if not s.delay_auto:
            return s.delay
        return spec.AUTO_DELAYS[spec.CURRENT_RANGES.index(self.current_range)]

    @property
    def measuring_s(self) -> float:
        """What the conversions of one reading take (s)."""
        s = self.settings
        conversions = len(self.measured - {"RES"})
        if s.autozero:
            conversions *= spec.AUTOZERO_CONVERSIONS
        return conversions * self._span_s

    @property
    def _span_s(self) -> float:
        """What a reading is a mean over (s)."""
        return self._repeats * self._integration_s

    @property
    def _integration_s(self) -> float:
        """One conversion (s): so many periods of the mains that the instrument believes in."""
        return self.settings.nplc / self.settings.line_frequency

    @property
    def _repeats(self) -> int:
        s = self.settings
        return s.filter_count if s.filter_on and s.filter_kind == "REP" else 1

    def clear_filter(self) -> None:
        """Forget what the moving filter holds."""
        for values in self._moving.values():
            values.clear()

    def measure(self, t: float) -> tuple[Reading, float]:
        """Return one reading integrated around `t`, and what changing ranges took besides (s)."""
        extra_s = self._find_ranges(t)
        point = self.world.working_point(t, self._span_s)
        status = self._status(point)
        voltage = self.level if self.sources_voltage else NOT_MEASURED
        current = NOT_MEASURED if self.sources_voltage else self.level
        if "VOLT" in self.measured:
            voltage = self._convert("VOLT", point.sensed_V, t)
        if "CURR" in self.measured:
            current = self._convert("CURR", point.current_A, t)
        if OVERFLOW in (abs(voltage), abs(current)):
            status |= OVER_RANGE
        resistance = NOT_MEASURED
        if "RES" in self.settings.functions:
            resistance = ratio(voltage, current)
        elapsed = (t - self.time_zero_s) % 99_999.999  # the manual's wrap of the timestamp
        return Reading(voltage, current, resistance, elapsed, status), extra_s

    def _convert(self, name: str, true: float, t: float) -> float:
        """Return a filtered reading in counts of its range, 9.9e37 with the sign if above it."""
        s = self.settings
        volts = name == "VOLT"
        full_scale = self.voltage_range if volts else self.current_range
        meters = self.world.meters
        read = meters.read_voltage_V if volts else meters.read_current_A
        rng, repeats, duration = nominal(full_scale), self._repeats, self._integration_s
        value = sum(read(true, rng, duration, t + i * duration) for i in range(repeats)) / repeats
        if s.filter_on and s.filter_kind == "MOV":
            kept = self._moving[name]
            kept.append(value)
            while len(kept) > s.filter_count:
                kept.popleft()
            value = sum(kept) / len(kept)
        count = rng * (VOLTAGE_COUNT_OF_RANGE if volts else CURRENT_COUNT_OF_RANGE)
        return read_out(value, spec.READABLE * full_scale, count)

    def _find_ranges(self, t: float) -> float:
        """Choose the measuring ranges; return what the changes cost (s)."""
        s, changes = self.settings, 0
        if self.auto_ohms and s.resistance_auto:
            changes += self._find_resistance_range(t)
        if self.sources_voltage and s.current_auto and "CURR" in self.measured:
            current = self.world.working_point(t, self._span_s).current_A
            best = better_range(current, s.current_range, spec.CURRENT_RANGES)
            best = max(best, s.current_lower)
            best = min(best, range_for(s.current_compliance, spec.CURRENT_RANGES))
            changes += best != s.current_range
            s.current_range = best
        elif not self.sources_voltage and s.voltage_auto and "VOLT" in self.measured:
            sensed = self.world.working_point(t, self._span_s).sensed_V
            best = better_range(sensed, s.voltage_range, spec.VOLTAGE_RANGES)
            best = max(best, s.voltage_lower)
            best = min(best, range_for(s.voltage_compliance, spec.VOLTAGE_RANGES))
            changes += best != s.voltage_range
            s.voltage_range = best
        return changes * (spec.RANGE_CHANGE_S + self.measuring_s)

    def _find_resistance_range(self, t: float) -> int:
        for change in range(len(spec.RESISTANCE_RANGES)):
            self.connect(t)
            point = self.world.working_point(t)
            ohm = abs(ratio(point.sensed_V, point.current_A))
            best = better_range(ohm, self._resistance_range, spec.RESISTANCE_RANGES)
            if best == self._resistance_range:
                return change
            self._resistance_range = best
        return len(spec.RESISTANCE_RANGES)

    def _status(self, point: WorkingPoint) -> int:
        s = self.settings
        conditions = (
            (s.filter_on, FILTERED),
            (s.terminals == "FRON", FRONT),
            (point.limited, RANGE_COMPLIANCE if self.limit[1] else COMPLIANCE),
            (self._over_voltage, OVER_VOLTAGE),
            (self.auto_ohms, AUTO_OHMS),
            ("VOLT" in s.functions, MEASURED_V),
            ("CURR" in s.functions, MEASURED_I),
            ("RES" in s.functions, MEASURED_R),
            (s.four_wire, REMOTE_SENSE),
        )
        sourced = SOURCED_V if self.sources_voltage else SOURCED_I
        return sourced | sum(bit for true, bit in conditions if true)
