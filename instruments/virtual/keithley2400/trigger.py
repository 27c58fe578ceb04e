"""The Keithley 2400's trigger model and buffer.

The acquisition runs on the world's clock by itself: `advance(t)` carries out everything that
was due up to `t`, each step at its own time, so that the readings do not depend on when
anybody looks. Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 9 and 11.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

from nanojunction.instruments.virtual.keithley2400.checks import MOST_READINGS, check_sweep
from nanojunction.instruments.virtual.keithley2400.sweep import sweep_levels
from nanojunction.instruments.virtual.keithley2400.unit import (
    COMPLIANCE,
    OVER_RANGE,
    RANGE_COMPLIANCE,
    Reading,
    SourceMeasureUnit,
)
from nanojunction.instruments.virtual.scpi.status import Register

#: Bits of the measurement event register (manual, section 15).
READING_OVERFLOW, READING_AVAILABLE = 1 << 7, 1 << 6
BUFFER_AVAILABLE, BUFFER_FULL, IN_COMPLIANCE = 1 << 8, 1 << 9, 1 << 14

#: What the instrument itself takes from one point of a sweep to the next (s): at 0.01 PLC and 50 Hz
#: it makes 1515 source-measure points a second (specifications, sweep reading rates), 0.66 ms each,
#: of which the one conversion is 0.2 ms.
BETWEEN_POINTS_S = 0.46e-3

_NEVER = math.inf


class TriggerModel:
    """Arm and trigger layer around the source-delay-measure cycle; the lock is held by callers."""

    def __init__(self, unit: SourceMeasureUnit, events: Register) -> None:
        self.unit = unit
        self.events = events
        self.readings: list[Reading] = []
        self.buffer: list[Reading] = []
        self.buffer_points: int = 100
        self.buffering: bool = False
        self.running = False
        self.next_event_s = _NEVER
        self.ended_s = unit.world.now()
        self._started_s = 0.0
        self._armed_s = self._arm_s = 0.0  # when the arm layer was entered, and the time before
        self._on_event: Callable[[float], None] = self._next_point
        self._arms: Iterator[int] = iter(())
        self._levels: Iterator[float | None] = iter(())
        self._first = True
        self._pending: Reading | None = None
        unit.world.follow(self.advance)

    def start(self, t: float) -> None:
        """Leave idle; raises ScpiError for a sweep that cannot be made."""
        levels = sweep_levels(self.unit.settings, self.unit.sources_voltage)
        check_sweep(self.unit.settings, levels, self.unit.sources_voltage)
        self.unit.swept_peak = max(map(abs, levels), default=0.0)
        self.readings = []
        self.unit.clear_filter()
        count = self.unit.settings.arm_count
        self._arms = iter(range(int(count))) if math.isfinite(count) else itertools.count()
        self._started_s = t
        self._armed_s, self._arm_s = t, 0.0
        self.running = True
        self._next_arm(t)

    def abort(self, t: float) -> None:
        """Return to idle; the source stays where it is."""
        if self.running:
            self.advance(t)
            self._stop(t)

    def bus_trigger(self, t: float) -> bool:
        """Take *TRG; return whether anything waited for it."""
        if not self.waiting or self.unit.settings.arm_source != "BUS":
            return False
        self._on_event(t)
        return True

    @property
    def waiting(self) -> bool:
        """Whether the model waits for an event from outside."""
        return self.running and self.next_event_s == _NEVER

    def advance(self, t: float) -> None:
        """Carry out what is due up to `t`."""
        while self.running and self.next_event_s <= t:
            if math.isinf(self.unit.settings.arm_count):
                self._leave_out(t)
            self._on_event(self.next_event_s)

    def _leave_out(self, t: float) -> None:
        """Skip the arms of an endless acquisition whose readings would not be kept up to `t`."""
        if self.buffering or not self._arm_s:
            return
        skipped = int((t - self.next_event_s) / self._arm_s) - MOST_READINGS
        if skipped > 0:
            self.next_event_s += skipped * self._arm_s
            self._armed_s += skipped * self._arm_s
            self._started_s += skipped * self._arm_s

    def _plan(self, due_s: float, action: Callable[[float], None]) -> None:
        self.next_event_s, self._on_event = due_s, action

    def _next_arm(self, t: float) -> None:
        s = self.unit.settings
        arm = next(self._arms, None)
        if arm is None:
            self._stop(t)
            return
        self._armed_s, self._arm_s = t, t - self._armed_s
        self._levels, self._first = self._triggers(), True
        if s.arm_source == "IMM":
            self._next_point(t)
        elif s.arm_source == "TIM":
            self._plan(max(t, self._started_s + arm * s.arm_timer), self._next_point)
        else:
            self._plan(_NEVER, self._next_point)

    def _triggers(self) -> Iterator[float | None]:
        """Yield the source's level for each trigger, None for the programmed one."""
        unit = self.unit
        levels = [] if unit.auto_ohms else sweep_levels(unit.settings, unit.sources_voltage)
        for i in range(unit.settings.trigger_count):
            yield levels[i % len(levels)] if levels else None

    def _next_point(self, t: float) -> None:
        try:
            level = next(self._levels)
        except StopIteration:
            self._next_arm(t)
            return
        if not self._first:
            t += BETWEEN_POINTS_S
        self._first = False
        self.unit.swept_level = level
        if self.unit.settings.trigger_source == "IMM":
            self._plan(t + self.unit.settings.trigger_delay, self._source)
        else:
            self._plan(_NEVER, self._source)

    def _source(self, t: float) -> None:
        unit = self.unit
        if unit.settings.clear_auto:
            unit.switch(t, True)
        elif unit.swept_level is not None:
            unit.connect(t)
        self._plan(t + unit.delay_s + 0.5 * unit.measuring_s, self._measure)

    def _measure(self, t: float) -> None:
        half_s = 0.5 * self.unit.measuring_s
        self._pending, extra_s = self.unit.measure(t)
        self._plan(t + half_s + extra_s, self._finish)

    def _finish(self, t: float) -> None:
        s = self.unit.settings
        limited = False
        if self._pending is not None:
            limited = bool(self._pending.status & (COMPLIANCE | RANGE_COMPLIANCE))
            self._store(self._pending)
            self._pending = None
        if s.clear_auto and s.clear_auto_mode == "ALW":
            self.unit.switch(t, False)
        if limited and s.sweep_abort_on_compliance != "NEV" and self.unit.swept_level is not None:
            self._stop(t)
        else:
            self._next_point(t)

    def _stop(self, t: float) -> None:
        self.running = False
        self._pending = None
        self.next_event_s, self.ended_s = _NEVER, t
        if self.unit.settings.clear_auto and self.unit.output_on:
            self.unit.switch(t, False)

    def _store(self, reading: Reading) -> None:
        self.readings.append(reading)
        if len(self.readings) > MOST_READINGS:
            del self.readings[0]
        self.events.latch(READING_AVAILABLE)
        if reading.status & OVER_RANGE:
            self.events.latch(READING_OVERFLOW)
        if reading.status & (COMPLIANCE | RANGE_COMPLIANCE):
            self.events.latch(IN_COMPLIANCE)
        if not self.buffering:
            return
        self.buffer.append(reading)
        self.events.latch(BUFFER_AVAILABLE)
        if len(self.buffer) >= self.buffer_points:
            self.buffering = False
            self.events.latch(BUFFER_FULL)
