"""I(t) at a fixed voltage and V(t) at a fixed current: for a time, until steady, or open-ended.

At V = 0 the first is the spontaneous current of a spin engine, at I = 0 the second its V_off.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from nanojunction.instruments.roles import Reading
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.disturbance import DISTURBANCES
from nanojunction.procedures.environment import FIELD, TEMPERATURE
from nanojunction.procedures.quantities import QuantityParameter
from nanojunction.procedures.rows import COMPLIANCE, CURRENT, LEG, SETPOINT, TIME, VOLTAGE
from nanojunction.procedures.run_parameters import ProcedureError


class AtFixed(JunctionProcedure):
    """Readings at a steady pace while the source stays at one level. Subclasses say which."""

    #: The parameter with the level.
    LEVEL: ClassVar[str]

    interval = QuantityParameter(
        "Interval", "s", minimum=0, maximum=86400, default=1.0, description="between readings"
    )
    duration = QuantityParameter(
        "Duration", "s", minimum=0, maximum=31536000, default=0.0,
        description="0: until stopped, or until a criterion below is met",
    )  # fmt: skip
    steady_for = QuantityParameter(
        "Steady for", "s", minimum=0, maximum=86400, default=0.0,
        description="ends once the readings of this time lie within 'steady_within'; 0: never",
    )  # fmt: skip

    def check(self) -> None:
        """Check that the criterion is complete, beside what all procedures check."""
        super().check()
        if bool(self.steady_for) != bool(self._steady_within()):
            raise ProcedureError("steady_for and steady_within: give both or none")
        if self.steady_for and self.steady_for < 2.0 * self.interval:
            raise ProcedureError("steady_for: is shorter than two intervals; give a longer time")

    def level(self) -> float:
        """Return the level (V or A)."""
        return float(getattr(self, self.LEVEL))

    def largest_level(self) -> float:
        """Return the level without its sign."""
        return abs(self.level())

    def planned_rows(self) -> int | None:
        """Return the number of readings, None where a person or a criterion ends the run."""
        return None if self.steady_for else self._most_rows()

    def _most_rows(self) -> int | None:
        if not self.duration:
            return None
        return 1 + int(self.duration / self._pace_s() * (1.0 + 1e-12))

    def is_open_ended(self) -> bool:
        """Tell whether only a person ends the run."""
        return not self.duration and not self.steady_for

    def execute(self) -> None:
        """Read at every interval until the time is over, the reading steady, or a stop asked."""
        clock, pace_s = self.station.clock, self._pace_s()
        tick: float | None = None  # of the next reading, once the level is there
        recent: deque[tuple[float, float]] = deque()
        most, rows = self._most_rows(), self.rows_done
        while most is None or rows < most:
            try:
                if tick is None:
                    if not self.energise(self.level()):
                        return
                    tick = clock.now()
                if not clock.sleep_until(tick, self.should_stop):
                    return
                reading = self.station.source_meter.read()
                row = self.row(0, self.level(), reading)
            except DISTURBANCES as why:
                if not self.suspended(why):
                    return
                tick = None
                recent.clear()
                continue
            self.emit_row(row)
            rows += 1
            self._tell((rows - 1) * pace_s)
            tick = max(tick + pace_s, clock.now())
            if self._is_steady(recent, clock.now(), self._measured(reading)):
                return

    def _pace_s(self) -> float:
        return max(float(self.interval), self.seconds_per_point())

    def _tell(self, passed_s: float) -> None:
        if self.duration:
            self.emit("progress", min(100.0, 100.0 * passed_s / self.duration))
        else:
            ends = "steady" if self.steady_for else "stopped"
            self.emit("words", f"{passed_s:.0f} s; it ends when {ends}")

    def _steady_within(self) -> float:
        return float(getattr(self, "steady_within", 0.0))

    def _measured(self, reading: Reading) -> float:
        return reading.current_A if self.SOURCE == "voltage" else reading.voltage_V

    def _is_steady(self, recent: deque[tuple[float, float]], now: float, value: float) -> bool:
        """Keep the readings of the last `steady_for`, and tell whether they lie close together."""
        if not self.steady_for:
            return False
        recent.append((now, value))
        while len(recent) > 2 and recent[1][0] <= now - self.steady_for:
            recent.popleft()
        values = [one for _, one in recent]
        return (
            recent[0][0] <= now - self.steady_for
            and max(values) - min(values) <= self._steady_within()
        )

    def get_estimates(self) -> float:
        """Return the duration in seconds with the rest before; 0 where it is not known."""
        return float(self.duration and self.rest + self.duration)


class CurrentOverTime(AtFixed):
    """I(t): current at a fixed voltage, by default the spontaneous current at 0 V."""

    KIND = "it"
    LEVEL = "voltage"

    voltage = QuantityParameter(
        "Voltage", "V", minimum=-200, maximum=200, default=0.0, description="held"
    )
    steady_within = QuantityParameter(
        "Steady within", "A", minimum=0, maximum=1, default=0.0,
        description="largest spread of the readings that counts as steady",
    )  # fmt: skip


class OffsetOverTime(AtFixed):
    """V(t): voltage at a fixed current, by default V_off at I = 0; the source-meter sources I."""

    KIND = "vt"
    LEVEL = "current"
    SOURCE = "current"
    DATA_COLUMNS = (
        TIME, LEG, SETPOINT["current"], VOLTAGE, CURRENT, FIELD, TEMPERATURE, COMPLIANCE,
    )  # fmt: skip

    current = QuantityParameter(
        "Current", "A", minimum=-1, maximum=1, default=0.0, description="held"
    )
    compliance = QuantityParameter(
        "Compliance", "V", minimum=0, maximum=200, default=0.0,
        description="largest voltage; 0 is the station's limit",
    )  # fmt: skip
    measure_range = QuantityParameter(
        "Voltage range", "V", minimum=0, maximum=200, default=0.0,
        description="locked range of the voltmeter; 0 lets the instrument choose",
    )  # fmt: skip
    steady_within = QuantityParameter(
        "Steady within", "V", minimum=0, maximum=200, default=0.0,
        description="largest spread of the readings that counts as steady",
    )  # fmt: skip
