"""The Keithley 2450 as source and meter: what it drives, and what one measurement reads.

It measures one function at a time; the other quantity is the source's level, read back before each
measurement where `:SOURce:…:READ:BACK` is on.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

from nanojunction.instruments.virtual import source_meter_unit as shared
from nanojunction.instruments.virtual.keithley2450 import settings as spec
from nanojunction.instruments.virtual.keithley2450.settings import (
    FULL_SCALE,
    SenseSide,
    Settings2450,
    SourceSide,
)
from nanojunction.instruments.virtual.scpi.codecs import range_for
from nanojunction.instruments.virtual.world import World
from nanojunction.instruments.virtual.world.line import OPEN, Source, WorkingPoint

#: Bits of a reading's status (manual, section 8, bufferVar.statuses).
QUESTIONABLE, FRONT, START_GROUP = 1 << 1, 1 << 3, 1 << 8
#: Bits of its source status (bufferVar.sourcestatuses).
PROTECTED, READ_BACK, LIMITED, REMOTE_SENSE, OUTPUT = 1 << 2, 1 << 3, 1 << 5, 1 << 6, 1 << 7


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading with its source value; `time_s` is on the world's clock."""

    value: float
    source: float
    time_s: float
    status: int
    source_status: int
    function: str
    source_function: str


class SourceMeasureUnit:
    """Source and meter of a 2450 in a world whose lock the callers hold."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = Settings2450()
        self.output_on = False
        self._settles = True  # the level has changed since the last measurement
        self._before = ("", 0.0, False)
        self._references_s: dict[float, float] = {}
        self._moving: deque[float] = deque()

    # Source

    @property
    def source(self) -> SourceSide:
        """The settings of what is sourced."""
        return self.settings.source[self.settings.source_function]

    @property
    def sense(self) -> SenseSide:
        """The settings of what is measured."""
        return self.settings.sense[self.settings.sense_function]

    @property
    def sources_voltage(self) -> bool:
        """Whether a voltage is sourced."""
        return self.settings.source_function == "VOLT"

    def source_range(self, function: str) -> float:
        """Return the nominal range (V or A) of a source function."""
        side = self.settings.source[function]
        return (
            range_for(side.level / FULL_SCALE, spec.RANGES[function]) if side.auto else side.range
        )

    @property
    def limit(self) -> float:
        """The limit in force (A or V): the set one, or what a locked measuring range can show."""
        s = self.settings
        other = "CURR" if self.sources_voltage else "VOLT"
        limit, sense = self.source.limit, s.sense[other]
        if s.sense_function == other and not sense.auto:
            limit = min(limit, FULL_SCALE * sense.range)
        if not self.sources_voltage and s.protection != "NONE":
            limit = min(limit, spec.PROTECTION[s.protection])
        return limit

    @property
    def is_protected(self) -> bool:
        """Whether the overvoltage protection holds the level back."""
        s = self.settings
        if not self.sources_voltage or s.protection == "NONE":
            return False
        return abs(self.source.level) > spec.PROTECTION[s.protection]

    def connect(self, t: float) -> None:
        """Bring what the junction feels to the settings."""
        kind: Literal["voltage", "current"] = "voltage" if self.sources_voltage else "current"
        wires: Literal[2, 4] = 4 if self.sense.four_wire else 2
        range_ = self.source_range(self.settings.source_function)
        volts = self.sources_voltage
        step = shared.VOLTAGE_STEP_OF_RANGE if volts else shared.CURRENT_STEP_OF_RANGE
        level = shared.in_steps(self.source.level, step * range_)
        programmed = Source(kind, level, self.limit, wires)
        if (kind, level, self.output_on) != self._before:
            self._before, self._settles = (kind, level, self.output_on), True
        if not self.output_on:
            self.world.drive(t, self._off_source(), False, programmed)
            return
        if self.is_protected:
            level = math.copysign(spec.PROTECTION[self.settings.protection], level)
        felt = shared.felt(self.world.settings, programmed, level, range_)
        self.world.drive(t, felt, True, programmed)

    def switch(self, t: float, on: bool) -> None:
        """Switch the output."""
        self.output_on = on
        self.connect(t)

    def _off_source(self) -> Source:
        """Return what is left with the output off (manual, section 6, :OUTPut:…:SMODe)."""
        mode, full_A = self.source.off_mode, FULL_SCALE * self.settings.sense["CURR"].range
        if mode == "NORM":
            return Source("voltage", 0.0, 0.1 * full_A, 2)
        if mode == "ZERO":
            return Source("voltage", 0.0, full_A, 2)
        if mode == "GUAR":
            return Source("current", 0.0, 0.1 * FULL_SCALE * self.settings.sense["VOLT"].range, 2)
        return OPEN

    def user_delay_s(self, name: str) -> float:
        """Return one of the user delays (s), `SOUR1` to `SOUR5` or `MEAS1` to `MEAS5`."""
        side = self.source if name.startswith("SOUR") else self.sense
        return float(getattr(side, f"user_delay_{name[-1]}"))

    # Meter

    def measure_range(self, function: str) -> float:
        """Return the nominal range on which a function is measured (V, A or ohm)."""
        if function == self.settings.source_function:
            return self.source_range(function)
        return self.settings.sense[function].range

    @property
    def delay_s(self) -> float:
        """What is waited before measuring (s): only after the level has changed."""
        if not self._settles:
            return 0.0
        if not self.source.delay_auto:
            return self.source.delay
        return spec.AUTO_DELAYS[spec.CURRENT_RANGES.index(self.measure_range("CURR"))]

    @property
    def aperture_s(self) -> float:
        """One conversion (s)."""
        return self.sense.nplc / self.world.settings.line_frequency_Hz

    @property
    def _repeats(self) -> int:
        sense = self.sense
        return sense.filter_count if sense.filter_on and sense.filter_kind == "REP" else 1

    @property
    def _span_s(self) -> float:
        """What a reading is a mean over (s)."""
        return self._repeats * self.aperture_s

    def measuring_s(self, t: float) -> float:
        """Return what the conversions of one reading take (s), references and read-back too."""
        conversions = self._repeats * (2 if self.settings.sense_function == "RES" else 1)
        conversions += self.source.readback
        if self.sense.autozero:
            last = self._references_s.get(self.sense.nplc, -math.inf)
            if t - last > spec.REFERENCE_VALID_S:
                self._references_s[self.sense.nplc] = t
                conversions += 2
        return conversions * self.aperture_s

    def references_now(self, t: float) -> None:
        """Take new references for the automatic zero."""
        self._references_s[self.sense.nplc] = t

    def clear_filter(self) -> None:
        """Forget what the moving filter holds."""
        self._moving.clear()

    def measure(self, t: float, *, first: bool = True) -> tuple[Reading, float]:
        """Return one reading integrated around `t`, and what changing ranges took besides (s)."""
        s = self.settings
        self._settles = False
        extra_s = self._find_range(t)
        point = self.world.working_point(t, self._span_s)
        source = self.source.level
        if self.source.readback:
            source = self._convert(s.source_function, point, t)
        value = self._value(point, t)
        if abs(value) < shared.OVERFLOW and self.sense.relative_on:
            value -= self.sense.relative
        status = (FRONT if s.terminals == "FRON" else 0) | (START_GROUP if first else 0)
        if abs(value) >= shared.OVERFLOW:
            status |= QUESTIONABLE
        reading = Reading(
            value, source, t, status, self._source_status(point), s.sense_function,
            s.source_function,
        )  # fmt: skip
        return reading, extra_s

    def _value(self, point: WorkingPoint, t: float) -> float:
        """Return the filtered reading of the function that is measured."""
        repeats, function, step = self._repeats, self.settings.sense_function, self.aperture_s
        values = [self._once(function, point, t + i * step) for i in range(repeats)]
        value = sum(values) / repeats
        sense = self.sense
        if sense.filter_on and sense.filter_kind == "MOV":
            self._moving.append(value)
            while len(self._moving) > sense.filter_count:
                self._moving.popleft()
            value = sum(self._moving) / len(self._moving)
        return math.copysign(shared.OVERFLOW, value) if abs(value) > 1e36 else value

    def _once(self, function: str, point: WorkingPoint, t: float) -> float:
        if function != "RES":
            return self._convert(function, point, t)
        # With the present source: what the automatic test current would be is left out.
        return shared.ratio(self._convert("VOLT", point, t), self._convert("CURR", point, t))

    def _convert(self, function: str, point: WorkingPoint, t: float) -> float:
        """Return one conversion in counts of its range, 9.9e37 with the sign if above it."""
        range_, meters = self.measure_range(function), self.world.meters
        if function == "VOLT":
            value = meters.read_voltage_V(point.sensed_V, range_, self.aperture_s, t)
            count = shared.VOLTAGE_COUNT_OF_RANGE
        else:
            value = meters.read_current_A(point.current_A, range_, self.aperture_s, t)
            count = shared.CURRENT_COUNT_OF_RANGE
        return shared.read_out(value, 1.005 * FULL_SCALE * range_, count * range_)

    def _find_range(self, t: float) -> float:
        """Choose the measuring range; return what the change costs (s)."""
        s = self.settings
        function = "CURR" if self.sources_voltage else "VOLT"
        if s.sense_function == s.source_function or not self.sense.auto:
            return 0.0
        point, sense = self.world.working_point(t, self._span_s), s.sense[function]
        value = point.current_A if function == "CURR" else point.sensed_V
        ranges = [r for r in spec.RANGES[function] if r >= sense.lower * (1 - 1e-9)]
        best = shared.better_range(value / FULL_SCALE, sense.range, ranges)
        best = max(min(best, range_for(self.source.limit / FULL_SCALE, ranges)), ranges[0])
        if best == sense.range:
            return 0.0
        sense.range = best
        return spec.RANGE_CHANGE_S + self.aperture_s

    def _source_status(self, point: WorkingPoint) -> int:
        conditions = (
            (self.is_protected, PROTECTED),
            (self.source.readback, READ_BACK),
            (self.output_on and point.limited, LIMITED),
            (self.sense.four_wire, REMOTE_SENSE),
            (self.output_on, OUTPUT),
        )
        return sum(bit for true, bit in conditions if true)
