"""The rows of a run file: the names of the columns, and how a reading becomes a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nanojunction.instruments.roles import Function, Reading
from nanojunction.procedures.environment import FIELD, TEMPERATURE

TIME, LEG = "Time (s)", "Leg"
SETPOINT: dict[Function, str] = {"voltage": "Setpoint (V)", "current": "Setpoint (A)"}
VOLTAGE, CURRENT, COMPLIANCE = "Voltage (V)", "Current (A)", "In compliance"
#: 1 where the instrument has changed its measuring range since the row before, −1 where it does
#: not tell; the column is left out where the range is locked.
RANGE_CHANGED = "Range changed"


def columns_at(named: Sequence[str], environment: Sequence[str], *, locked: bool) -> list[str]:
    """Return the columns of a run at a station: `named`, with those of T and H that it can fill.

    `RANGE_CHANGED` follows the compliance unless the range is locked.
    """
    fixed = [name for name in named if name not in (FIELD, TEMPERATURE)]
    end = fixed.index(COMPLIANCE)
    flags = [] if locked else [RANGE_CHANGED]
    return [*fixed[:end], *environment, COMPLIANCE, *flags, *fixed[end + 1 :]]


@dataclass(slots=True)
class Rows:
    """Makes rows of readings; the time counts from `start_s` (s on the clock)."""

    source: Function
    start_s: float = 0.0
    range_locked: bool = False
    _last_range: float | None = None

    def row(
        self,
        moment: float,
        environment: Mapping[str, float],
        leg: int,
        setpoint: float,
        reading: Reading,
    ) -> dict[str, float | int]:
        """Return the row of a reading taken at `moment` (s on the clock)."""
        row = {
            TIME: moment - self.start_s,
            LEG: leg,
            SETPOINT[self.source]: setpoint,
            VOLTAGE: reading.voltage_V,
            CURRENT: reading.current_A,
            **environment,
            COMPLIANCE: int(reading.in_compliance),
        }
        if not self.range_locked:
            row[RANGE_CHANGED] = self._range_changed(reading)
        return row

    def _range_changed(self, reading: Reading) -> int:
        before, self._last_range = self._last_range, reading.measure_range
        if reading.measure_range is None:
            return -1
        return int(before is not None and reading.measure_range != before)
