"""One channel of a 2636B as source and meter: what it drives, and what a measurement reads."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator
from statistics import fmean, median
from typing import Literal

from nanojunction.instruments.virtual.keithley2600 import settings as spec
from nanojunction.instruments.virtual.keithley2600.buffers import (
    AUTORANGED,
    COMPLIANCE,
    FILTERED,
    RELATIVE,
    REMOTE_SENSE,
    SOURCE_AUTORANGED,
    Reading,
)
from nanojunction.instruments.virtual.keithley2600.errors import TspError
from nanojunction.instruments.virtual.keithley2600.settings import SmuSettings, range_for
from nanojunction.instruments.virtual.keithley2600.terminals import Terminals
from nanojunction.instruments.virtual.world import World
from nanojunction.instruments.virtual.world.line import OPEN, Source

#: Values by function: v, i, r, p.
Values = dict[str, Reading]


class Smu:
    """Source and meter of one channel; the world's lock is held by callers."""

    def __init__(self, world: World, terminals: Terminals) -> None:
        self.world = world
        self.terminals = terminals
        self.settings = SmuSettings()
        self.swept_level: float | None = None  # a sweep's; None for the programmed one
        self.sweeping = False
        self.settled_s = world.now()
        self.in_compliance = self.overflowed = False
        self._references: dict[float, float] = {}  # when zero and reference were last measured
        self._kept: dict[str, deque[float]] = {"v": deque(), "i": deque()}

    def reset(self, t: float) -> None:
        """Go to the defaults, with the output off."""
        self.settings = SmuSettings()
        self.swept_level, self.sweeping = None, False
        self.in_compliance = self.overflowed = False
        self.forget_filter()
        self.connect(t)

    # Source

    @property
    def sources_voltage(self) -> bool:
        """Whether a voltage is sourced."""
        return self.settings.func == 1

    @property
    def wanted_level(self) -> float:
        """What is to be sourced (V or A), before the source's resolution."""
        if self.swept_level is not None:
            return self.swept_level
        return self.settings.levelv if self.sources_voltage else self.settings.leveli

    @property
    def level(self) -> float:
        """What is sourced (V or A), in steps of the source's resolution."""
        of_range = (
            spec.VOLTAGE_STEP_OF_RANGE if self.sources_voltage else spec.CURRENT_STEP_OF_RANGE
        )
        step = self.source_range * of_range
        return round(self.wanted_level / step) * step

    @property
    def source_range(self) -> float:
        """The range (V or A) of the source that is selected."""
        return self.range_of_source("v" if self.sources_voltage else "i")

    def range_of_source(self, quantity: str) -> float:
        """Return the range (V or A) on which a quantity would be sourced."""
        s = self.settings
        sourced = (quantity == "v") == self.sources_voltage
        if quantity == "v":
            level = self.wanted_level if sourced else s.levelv
            if not s.autorangev:
                return s.rangev
            return range_for(level, spec.VOLTAGE_RANGES, s.lowrangev)
        level = self.wanted_level if sourced else s.leveli
        if not s.autorangei:
            return s.rangei
        return range_for(level, spec.SOURCE_CURRENT_RANGES, s.lowrangei)

    @property
    def limit(self) -> float:
        """The limit in force (A or V), the power limit included."""
        s, level = self.settings, abs(self.wanted_level)
        swept = self.swept_level is not None
        if self.sources_voltage:
            limit = s.sweep_limiti if swept and s.sweep_limiti else s.limiti
        else:
            limit = s.sweep_limitv if swept and s.sweep_limitv else s.limitv
        if s.limitp and level:
            limit = min(limit, s.limitp / level)
        return limit

    @property
    def output_on(self) -> bool:
        """Whether the output is on."""
        return self.settings.output == spec.OUTPUT_ON

    def check(self) -> None:
        """Raise TspError if the settings leave the operating area or the source's range."""
        s = self.settings
        volts = s.levelv if self.sources_voltage else s.limitv
        amps = s.limiti if self.sources_voltage else s.leveli
        if abs(volts) > spec.AREA_V and abs(amps) > spec.AREA_A:
            raise TspError(5007)
        if self.output_on:
            self.check_in_range(self.wanted_level)

    def check_in_range(self, level: float) -> None:
        """Raise TspError for a level beyond the source's fixed range, or beyond all."""
        most = spec.MAX_LEVEL_V if self.sources_voltage else spec.MAX_LEVEL_A
        if abs(level) > most:
            raise TspError(1101)
        fixed = not (self.settings.autorangev if self.sources_voltage else self.settings.autorangei)
        if fixed and abs(level) > self.source_range * spec.SOURCE_OVERRANGE * (1.0 + 1e-9):
            raise TspError(5005)

    def connect(self, t: float) -> None:
        """Bring what is felt at the terminals to the settings."""
        s, voltage, level, limit = self.settings, self.sources_voltage, self.level, self.limit
        kind: Literal["voltage", "current"] = "voltage" if voltage else "current"
        wires: Literal[2, 4] = 4 if s.sense == 1 else 2
        programmed = Source(kind, level, limit, wires)
        if not self.output_on:
            self.terminals.drive(t, self._off_source(), False, programmed)
            return
        errors = self.world.settings
        offset = errors.source_offset_of_range * self.source_range
        if voltage:
            offset += errors.source_offset_V
        actual = level * (1.0 + errors.source_gain_error) + offset
        self.terminals.drive(t, Source(kind, actual, limit, wires), True, programmed)

    def _off_source(self) -> Source:
        """Return what the terminals feel with the output off (manual, "Output-off modes")."""
        s = self.settings
        if s.output == spec.OUTPUT_HIGH_Z or s.offmode == spec.OFF_HIGH_Z:
            return OPEN
        if s.offmode == spec.OFF_ZERO:
            least = 0.1 * self.range_of_source("i")
            limit = s.limiti if self.sources_voltage else max(abs(s.leveli), least)
            return Source("voltage", 0.0, limit, 2)
        if s.offfunc == 1:
            return Source("voltage", 0.0, s.offlimiti, 2)
        return Source("current", 0.0, s.offlimitv, 2)

    def step(self, t: float) -> None:
        """Bring the terminals to a new level; a measurement waits until it has settled."""
        self.connect(t)
        delay = self.settings.source_delay
        wait = spec.SOURCE_DELAY_S if delay == spec.AUTO_DELAY else delay
        self.settled_s = t + wait if self.output_on else t

    # Meter

    def range_of_meter(self, quantity: str) -> float:
        """Return the range (V or A) on which a quantity is measured: the source's if sourced."""
        if (quantity == "v") == self.sources_voltage:
            return self.source_range
        return self.settings.measure_rangev if quantity == "v" else self.settings.measure_rangei

    def forget_filter(self) -> None:
        """Forget what the moving filter holds."""
        for values in self._kept.values():
            values.clear()

    def refresh_references(self, t: float) -> float:
        """Measure zero and reference for the present aperture; return when that is done (s)."""
        done = t + 2.0 * self._aperture_s
        self._references[self.settings.nplc] = done
        return done

    @property
    def _aperture_s(self) -> float:
        return self.settings.nplc / self.world.settings.line_frequency_Hz

    def measure(self, functions: str, t: float) -> Generator[float, float, tuple[Values, float]]:
        """Take one reading of each function; return them and the time (s) when that is done."""
        s = self.settings
        quantities = [q for q in "vi" if q in functions or "r" in functions or "p" in functions]
        t = max(t, self.settled_s) + self._delay_s(quantities)
        last = self._references.get(s.nplc, -math.inf)
        if s.autozero == spec.AUTOZERO_AUTO and t - last > spec.REFERENCE_LASTS_S:
            t = self.refresh_references(t)
        repeats = s.filter_count if s.filter_enable and s.filter_type != spec.MOVING_AVERAGE else 1
        duration = len(quantities) * repeats * self._aperture_s
        t = yield t + 0.5 * duration
        extra = self._find_ranges(quantities, t, duration)
        point = self.terminals.working_point(t, duration)
        self.in_compliance = point.limited and self.output_on
        true = {"v": point.sensed_V, "i": point.current_A}
        found = {q: self._convert(q, true[q], repeats, t) for q in quantities}
        self.overflowed = spec.OVERFLOW in found.values()
        t += 0.5 * duration + extra
        return self._readings(functions, found, t), t

    def _delay_s(self, quantities: list[str]) -> float:
        s = self.settings
        if s.measure_delay != spec.AUTO_DELAY:
            return s.measure_delay
        if "i" not in quantities:
            return 0.0
        at = spec.CURRENT_RANGES.index(self.range_of_meter("i"))
        return spec.MEASURE_DELAYS[at] * s.delayfactor

    def _find_ranges(self, quantities: list[str], t: float, duration: float) -> float:
        """Choose the measuring ranges; return what the changes cost (s)."""
        s, point, cost = self.settings, self.terminals.working_point(t, duration), 0.0
        if "i" in quantities and self.sources_voltage and s.measure_autorangei:
            best = self._best_current_range(point.current_A)
            if best != s.measure_rangei:
                s.measure_rangei = best
                cost += spec.RANGE_CHANGE_S + duration + self._delay_s(["i"])
        elif "v" in quantities and not self.sources_voltage and s.measure_autorangev:
            best = _better(
                point.sensed_V, s.measure_rangev, spec.VOLTAGE_RANGES, s.measure_lowrangev
            )
            if best != s.measure_rangev:
                s.measure_rangev = best
                cost += spec.RANGE_CHANGE_S + duration
        return cost

    def _best_current_range(self, true_A: float) -> float:
        """Return the range for a current: on the smallest ones noise and offset count, too."""
        s = self.settings

        def shown_A(on_A: float) -> float:
            return self.world.meters.most_A(true_A, on_A, self._aperture_s)

        def holds(range_A: float) -> bool:
            return shown_A(range_A) <= spec.SOURCE_OVERRANGE * range_A

        present = s.measure_rangei
        if present >= s.measure_lowrangei and holds(present) and shown_A(present) >= 0.1 * present:
            return present
        fitting = [one for one in spec.CURRENT_RANGES if one >= s.measure_lowrangei and holds(one)]
        return fitting[0] if fitting else spec.CURRENT_RANGES[-1]

    def _convert(self, quantity: str, true: float, repeats: int, t: float) -> float:
        """Return a filtered reading in counts of its range, 9.91e37 if it is above it."""
        s, meters = self.settings, self.world.meters
        read = meters.read_voltage_V if quantity == "v" else meters.read_current_A
        rng, aperture = self.range_of_meter(quantity), self._aperture_s
        values = [read(true, rng, aperture, t + k * aperture) for k in range(repeats)]
        if s.filter_enable and s.filter_type == spec.MOVING_AVERAGE:
            kept = self._kept[quantity]
            kept.append(values[0])
            while len(kept) > s.filter_count:
                kept.popleft()
            values = list(kept)
        value = median(values) if s.filter_type == spec.MEDIAN else fmean(values)
        if abs(value) > spec.MEASURE_OVERRANGE * rng:
            return spec.OVERFLOW
        of_range = spec.VOLTAGE_COUNT_OF_RANGE if quantity == "v" else spec.CURRENT_COUNT_OF_RANGE
        return round(value / (rng * of_range)) * rng * of_range

    def _readings(self, functions: str, found: dict[str, float], t: float) -> Values:
        values = dict(found)
        if "r" in functions or "p" in functions:
            v, i = found["v"], found["i"]
            over = spec.OVERFLOW in (v, i)
            values["r"] = spec.OVERFLOW if over or i == 0.0 else v / i
            values["p"] = spec.OVERFLOW if over else v * i
        s = self.settings
        readings = {}
        for function in functions:
            value, relative = values[function], getattr(s, f"rel{function}_on")
            if relative and value != spec.OVERFLOW:
                value -= getattr(s, f"rel{function}")
            status = self._status(function) | (RELATIVE if relative else 0)
            measured_on = self.range_of_meter("i" if function == "i" else "v")
            readings[function] = Reading(
                value, t, self.level, status, measured_on, self.source_range,
                s.func, s.output, function,
            )  # fmt: skip
        return readings

    def _status(self, function: str) -> int:
        s = self.settings
        auto = s.measure_autorangev if function == "v" else s.measure_autorangei
        conditions = (
            (auto, AUTORANGED),
            (s.autorangev if self.sources_voltage else s.autorangei, SOURCE_AUTORANGED),
            (s.sense == 1, REMOTE_SENSE),
            (self.in_compliance, COMPLIANCE),
            (s.filter_enable, FILTERED),
        )
        return sum(bit for true, bit in conditions if true)


def _better(value: float, present: float, ranges: tuple[float, ...], lowest: float) -> float:
    """Return the range that autorange would use: up above full scale, down below a tenth."""
    fits = 0.1 * present <= abs(value) <= spec.SOURCE_OVERRANGE * present
    return present if fits and present >= lowest else range_for(value, ranges, lowest)
