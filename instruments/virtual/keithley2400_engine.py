"""The Keithley 2400's source-delay-measure cycle, trigger model and buffer.

The acquisition runs on the world's clock by itself: `advance(t)` carries out everything that
was due up to `t`, each step at its own time, so that the readings do not depend on when
anybody looks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nanojunction.instruments.virtual import keithley2400_settings as spec
from nanojunction.instruments.virtual.keithley2400_settings import (
    NOT_MEASURED,
    OVERFLOW,
    Settings2400,
    nominal,
    range_for,
)
from nanojunction.instruments.virtual.line import OPEN, Source, WorkingPoint
from nanojunction.instruments.virtual.status import Register
from nanojunction.instruments.virtual.world import World

#: Bits of the status word (manual, :FORMat:ELEMents, section 18).
OVER_RANGE, FILTERED, FRONT, COMPLIANCE = 1 << 0, 1 << 1, 1 << 2, 1 << 3
AUTO_OHMS, MEASURED_V, MEASURED_I, MEASURED_R = 1 << 10, 1 << 11, 1 << 12, 1 << 13
SOURCED_V, SOURCED_I, RANGE_COMPLIANCE, REMOTE_SENSE = 1 << 14, 1 << 15, 1 << 16, 1 << 22

Phase = Literal["arm", "source", "measure", "finish"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One set of elements; 9.91e37 for what was not measured, 9.9e37 for an overflow."""

    voltage_V: float
    current_A: float
    resistance_ohm: float
    time_s: float
    status: int


class Engine:
    """Source, meter, trigger model and buffer of a 2400; the world's lock is held by callers."""

    def __init__(self, world: World, events: Register) -> None:
        self.world = world
        self.events = events  # the measurement event register (manual, section 15)
        self.settings = Settings2400()
        self.output_on = False
        self.readings: list[Reading] = []
        self.buffer: list[Reading] = []
        self.buffer_points = 100
        self.buffering = False
        self.time_zero_s = world.now()
        self.running = False
        self.next_event_s = math.inf
        self.ended_s = world.now()
        self._phase: Phase = "arm"
        self._arms: Iterator[int] = iter(())
        self._levels: Iterator[float] = iter(())
        self._level: float | None = None  # the sweep's, None for the programmed one
        self._started_s = 0.0
        self._pending: Reading | None = None
        self._filter: deque[tuple[float, float]] = deque()
        self._resistance_range = self.settings.resistance_range
        world.follow(self.advance)

    # The source

    @property
    def auto_ohms(self) -> bool:
        """Whether the instrument chooses its own test current to measure a resistance."""
        return "RES" in self.settings.functions and self.settings.resistance_mode == "AUTO"

    @property
    def sources_voltage(self) -> bool:
        """Whether a voltage is sourced."""
        return self.settings.source_function == "VOLT" and not self.auto_ohms

    @property
    def level(self) -> float:
        """What is sourced now (V or A), in steps of the source's resolution."""
        s = self.settings
        if self.auto_ohms:
            return spec.TEST_CURRENTS[spec.RESISTANCE_RANGES.index(self._resistance_range)]
        programmed = s.voltage_level if self.sources_voltage else s.current_level
        value = programmed if self._level is None else self._level
        step_of_range = (
            spec.VOLTAGE_STEP_OF_RANGE if self.sources_voltage else spec.CURRENT_STEP_OF_RANGE
        )
        step = nominal(self.source_range) * step_of_range
        return round(value / step) * step

    @property
    def source_range(self) -> float:
        """The range (full scale, V or A) of the source."""
        s = self.settings
        if self.sources_voltage:
            if not s.source_voltage_auto:
                return s.source_voltage_range
            value = s.voltage_level if self._level is None else self._level
            return range_for(value, spec.VOLTAGE_RANGES)
        if not s.source_current_auto and not self.auto_ohms:
            return s.source_current_range
        value = s.current_level if self._level is None else self._level
        return range_for(self.level if self.auto_ohms else value, spec.CURRENT_RANGES)

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
        """Bring what the source drives to the settings."""
        world, level, four = self.world, self.level, self.settings.four_wire
        kind: Literal["voltage", "current"] = "voltage" if self.sources_voltage else "current"
        programmed = Source(kind, level, self.limit[0], 4 if four else 2)
        if not self.output_on:
            world.drive(t, self._off_source(), False, programmed)
            return
        errors = world.settings
        offset = errors.source_offset_of_range * nominal(self.source_range)
        if self.sources_voltage:
            offset += errors.source_offset_V
        actual = level * (1.0 + errors.source_gain_error) + offset
        world.drive(t, Source(kind, actual, self.limit[0], 4 if four else 2), True, programmed)

    def switch(self, t: float, on: bool) -> None:
        """Switch the output."""
        self.output_on = on
        self.connect(t)

    def _off_source(self) -> Source:
        mode, s = self.settings.off_mode, self.settings
        if mode == "NORM":
            return Source("voltage", 0.0, 0.005 * nominal(s.current_range), 2)
        if mode == "ZERO":
            return Source("voltage", 0.0, s.current_compliance, 2)
        return OPEN  # HIMP opens the relay, GUAR sources no current

    # The trigger model

    def start(self, t: float) -> None:
        """Leave idle."""
        self.readings = []
        self._filter.clear()
        self._arms = iter(range(self.settings.arm_count))
        self._started_s = t
        self.running = True
        self._next_arm(t)

    def abort(self, t: float) -> None:
        """Return to idle; the source stays where it is."""
        if self.running:
            self.advance(t)
            self._stop(t)

    def trigger(self, t: float) -> bool:
        """Take a bus trigger; return whether anything waited for it."""
        if not self.waiting_for_trigger or self.settings.arm_source != "BUS":
            return False
        self._next_point(t)
        return True

    @property
    def waiting_for_trigger(self) -> bool:
        """Whether the trigger model waits for an event from outside."""
        return self.running and self.next_event_s == math.inf

    def advance(self, t: float) -> None:
        """Carry out what is due up to `t`."""
        while self.running and self.next_event_s <= t:
            due = self.next_event_s
            if self._phase == "arm":
                self._next_point(due)
            elif self._phase == "source":
                self._source(due)
            elif self._phase == "measure":
                self._measure(due)
            else:
                self._finish(due)

    def _plan(self, phase: Phase, due_s: float) -> None:
        self._phase, self.next_event_s = phase, due_s

    def _next_arm(self, t: float) -> None:
        s = self.settings
        arm = next(self._arms, None)
        if arm is None:
            self._stop(t)
            return
        self._levels = self._sweep_levels()
        if s.arm_source == "IMM":
            self._next_point(t)
        elif s.arm_source == "TIM":
            self._plan("arm", max(t, self._started_s + arm * s.arm_timer))
        else:
            self._plan("arm", math.inf)

    def _next_point(self, t: float) -> None:
        level = next(self._levels, None)
        if level is None:
            self._next_arm(t)
            return
        self._level = None if math.isnan(level) else level
        if self.settings.trigger_source != "IMM":
            self._plan("source", math.inf)
            return
        self._plan("source", t + self.settings.trigger_delay)

    def _sweep_levels(self) -> Iterator[float]:
        """Yield the source's level for each trigger; NaN stands for the programmed level."""
        count = self.settings.trigger_count
        levels = self.sweep()
        for i in range(count):
            yield levels[i % len(levels)] if levels else math.nan

    def sweep(self) -> list[float]:
        """Return the levels of the sweep, none with a fixed source."""
        s = self.settings
        voltage = self.sources_voltage
        mode = s.voltage_mode if voltage else s.current_mode
        if mode == "FIX" or self.auto_ohms:
            return []
        if mode == "LIST":
            return list(s.voltage_list if voltage else s.current_list)
        start, stop, step = (
            (s.voltage_start, s.voltage_stop, s.voltage_step)
            if voltage
            else (s.current_start, s.current_stop, s.current_step)
        )
        count = s.sweep_points if step == 0.0 else 1 + round(abs((stop - start) / step))
        if count == 1:
            return [start]
        if s.sweep_spacing == "LOG":
            levels = [start * (stop / start) ** (i / (count - 1)) for i in range(count)]
        else:
            levels = [start + (stop - start) * i / (count - 1) for i in range(count)]
        return levels if s.sweep_direction == "UP" else levels[::-1]

    def _source(self, t: float) -> None:
        s = self.settings
        if s.clear_auto:
            self.output_on = True
        if self._level is not None or s.clear_auto:
            self.connect(t)
        self._plan("measure", t + self.delay_s + 0.5 * self.measuring_s)

    def _finish(self, t: float) -> None:
        if self._pending is not None:
            self._store(self._pending)
            self._pending = None
        if self.settings.clear_auto and self.settings.clear_auto_mode == "ALW":
            self.switch(t, False)
        self._next_point(t)

    def _stop(self, t: float) -> None:
        self.running = False
        self.next_event_s, self.ended_s = math.inf, t
        if self.settings.clear_auto and self.output_on:
            self.switch(t, False)

    def _store(self, reading: Reading) -> None:
        self.readings.append(reading)
        self.events.latch(1 << 6)
        if reading.status & OVER_RANGE:
            self.events.latch(1 << 7)
        if reading.status & (COMPLIANCE | RANGE_COMPLIANCE):
            self.events.latch(1 << 14)
        if self.buffering:
            self.buffer.append(reading)
            self.events.latch(1 << 8)
            if len(self.buffer) >= self.buffer_points:
                self.buffering = False
                self.events.latch(1 << 9)

    # The meter

    @property
    def measured(self) -> frozenset[str]:
        """What is converted: ohms need both voltage and current."""
        functions = self.settings.functions
        return functions | {"VOLT", "CURR"} if "RES" in functions else functions

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
        conversions = len(self.measured - {"RES"}) * (
            spec.AUTOZERO_CONVERSIONS if s.autozero else 1
        )
        repeats = s.filter_count if s.filter_on and s.filter_kind == "REP" else 1
        return conversions * repeats * s.nplc / self.world.settings.line_frequency_Hz

    @property
    def current_range(self) -> float:
        """The range (full scale, A) on which current is measured."""
        return self.settings.current_range if self.sources_voltage else self.source_range

    @property
    def voltage_range(self) -> float:
        """The range (full scale, V) on which voltage is measured."""
        return self.source_range if self.sources_voltage else self.settings.voltage_range

    def _measure(self, t: float) -> None:
        extra = self._find_ranges(t)
        point = self.world.working_point(t)
        voltage, current, status = self._convert(point, t)
        s = self.settings
        if self.auto_ohms or "RES" in s.functions:
            resistance = _ratio(voltage, current)
            if self.settings.functions == {"RES"}:
                voltage = voltage if self.auto_ohms else NOT_MEASURED
        else:
            resistance = NOT_MEASURED
        elapsed = (t - self.time_zero_s) % 99_999.999
        self._pending = Reading(voltage, current, resistance, elapsed, status)
        self._plan("finish", t + 0.5 * self.measuring_s + extra)

    def _find_ranges(self, t: float) -> float:
        """Choose the measuring ranges; return what the changes cost (s)."""
        s, changes = self.settings, 0
        if self.auto_ohms and s.resistance_auto:
            changes += self._find_resistance_range(t)
        point = self.world.working_point(t)
        if self.sources_voltage and s.current_auto and "CURR" in self.measured:
            best = _better(point.current_A, s.current_range, spec.CURRENT_RANGES)
            best = min(best, range_for(s.current_compliance, spec.CURRENT_RANGES))
            changes += best != s.current_range
            s.current_range = best
        elif not self.sources_voltage and s.voltage_auto and "VOLT" in self.measured:
            best = _better(point.sensed_V, s.voltage_range, spec.VOLTAGE_RANGES)
            best = min(best, range_for(s.voltage_compliance, spec.VOLTAGE_RANGES))
            changes += best != s.voltage_range
            s.voltage_range = best
        return changes * (spec.RANGE_CHANGE_S + self.measuring_s)

    def _find_resistance_range(self, t: float) -> int:
        for change in range(len(spec.RESISTANCE_RANGES)):
            self.connect(t)
            point = self.world.working_point(t)
            ohm = abs(_ratio(point.sensed_V, point.current_A))
            best = _better(ohm, self._resistance_range, spec.RESISTANCE_RANGES)
            if best == self._resistance_range:
                return change
            self._resistance_range = best
        return len(spec.RESISTANCE_RANGES)

    def _convert(self, point: WorkingPoint, t: float) -> tuple[float, float, int]:
        s = self.settings
        status = self._status(point)
        voltage = self.level if self.sources_voltage else NOT_MEASURED
        current = NOT_MEASURED if self.sources_voltage else self.level
        if "VOLT" in self.measured:
            voltage = self._filtered(0, point.sensed_V, t)
            if abs(voltage) > spec.READABLE * self.voltage_range:
                voltage, status = math.copysign(OVERFLOW, voltage), status | OVER_RANGE
        if "CURR" in self.measured:
            current = self._filtered(1, point.current_A, t)
            if abs(current) > spec.READABLE * self.current_range:
                current, status = math.copysign(OVERFLOW, current), status | OVER_RANGE
        if s.filter_on:
            status |= FILTERED
        return voltage, current, status

    def _filtered(self, which: int, true: float, t: float) -> float:
        """Return a reading in counts of its range, averaged if the filter is on."""
        s = self.settings
        full_scale = self.current_range if which else self.voltage_range
        read = self.world.meters.read_current_A if which else self.world.meters.read_voltage_V
        rng = nominal(full_scale)
        repeats = s.filter_count if s.filter_on and s.filter_kind == "REP" else 1
        spacing = s.nplc / self.world.settings.line_frequency_Hz
        value = sum(read(true, rng, s.nplc, t + i * spacing) for i in range(repeats)) / repeats
        if s.filter_on and s.filter_kind == "MOV":
            value = self._moving(which, value)
        count = rng * (spec.CURRENT_COUNT_OF_RANGE if which else spec.VOLTAGE_COUNT_OF_RANGE)
        return round(value / count) * count

    def _moving(self, which: int, value: float) -> float:
        """Return the mean with what the moving filter still holds."""
        history = self._filter
        if which == 0 or not history or "VOLT" not in self.measured:
            history.append((value, value))
        if which == 1:
            history[-1] = (history[-1][0], value)
        while len(history) > self.settings.filter_count:
            history.popleft()
        return sum(pair[which] for pair in history) / len(history)

    def _status(self, point: WorkingPoint) -> int:
        s, functions = self.settings, self.settings.functions
        status = SOURCED_V if self.sources_voltage else SOURCED_I
        if s.terminals == "FRON":
            status |= FRONT
        if point.limited:
            status |= RANGE_COMPLIANCE if self.limit[1] else COMPLIANCE
        if s.four_wire:
            status |= REMOTE_SENSE
        if self.auto_ohms:
            status |= AUTO_OHMS
        for name, bit in (("VOLT", MEASURED_V), ("CURR", MEASURED_I), ("RES", MEASURED_R)):
            if name in functions:
                status |= bit
        return status


def _ratio(voltage: float, current: float) -> float:
    if abs(voltage) >= OVERFLOW or abs(current) >= OVERFLOW or current == 0.0:
        return OVERFLOW
    return voltage / current


def _better(value: float, present: float, ranges: tuple[float, ...]) -> float:
    """Return the range that autorange would use: up above full scale, down below a tenth."""
    magnitude = abs(value)
    if magnitude <= present and (magnitude >= 0.1 * present or present == ranges[0]):
        return present
    return range_for(magnitude, ranges)
