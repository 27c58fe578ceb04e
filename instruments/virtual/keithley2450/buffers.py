"""The Keithley 2450's reading buffers, and how their elements are written.

Source: Model 2450 Reference Manual (2450-901-01), section 3 (reading buffers), section 6
(`:TRACe` commands).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2450.unit import Reading
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.source_meter_unit import STATISTICS

ELEMENTS = (
    "DATE", "FORMatted", "FRACtional", "READing", "RELative", "SEConds", "SOURce",
    "SOURFORMatted", "SOURSTATus", "SOURUNIT", "STATus", "TIME", "TSTamp", "UNIT",
)  # fmt: skip
_UNITS = {"VOLT": "Volt DC", "CURR": "Amp DC", "RES": "Ohm"}
_SYMBOLS = {"VOLT": "V", "CURR": "A", "RES": "Ohm"}

#: What the virtual instrument's clock shows when the world's clock is at zero.
POWER_ON = datetime(2025, 1, 1, tzinfo=UTC)


def date_at(t: float) -> datetime:
    """Return what the instrument's clock shows at `t` (s) on the world's clock."""
    return POWER_ON + timedelta(seconds=t)


@dataclass(slots=True)
class ReadingBuffer:
    """Readings in the order they were taken; when full, the oldest make room or it stops."""

    name: str
    capacity: int = 100_000
    continuous: bool = True
    readings: list[Reading] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether another reading cannot be stored."""
        return not self.continuous and len(self.readings) >= self.capacity

    def store(self, reading: Reading) -> None:
        """Append a reading."""
        self.readings.append(reading)
        if len(self.readings) > self.capacity:
            del self.readings[0]

    def between(self, start: int, end: int) -> list[Reading]:
        """Return readings by number from 1; raises ScpiError -222 for one that is not there."""
        if not 1 <= start <= end <= len(self.readings):
            raise ScpiError(-222)
        return self.readings[start - 1 : end]

    def show(self, readings: Sequence[Reading], elements: Sequence[str], precision: int) -> str:
        """Return elements of readings as text."""
        began = self.readings[0].time_s if self.readings else 0.0
        return ",".join(
            _SHOWN[element](reading, began, precision)
            for reading in readings
            for element in elements
        )

    def statistic(self, name: str) -> float:
        """Return one of `STATISTICS` of all readings; raises ScpiError -230 without any."""
        values = [reading.value for reading in self.readings]
        if not values:
            raise ScpiError(-230)
        return STATISTICS[name](values)


def elements_from(parameters: Sequence[str]) -> list[str]:
    """Return the short forms of buffer elements, the reading alone without any."""
    if len(parameters) > 14:
        raise ScpiError(-223)
    return [scpi.keyword(p, ELEMENTS) for p in parameters] or ["READ"]


def number(value: float, precision: int) -> str:
    """Return a number with the digits of `:FORMat:ASCii:PRECision` (0: the instrument's own)."""
    return f"{value:.{(precision or 7) - 1}E}"


def _engineering(value: float, symbol: str) -> str:
    if abs(value) > 1e36:
        return "Overflow"
    power = 0 if value == 0.0 else min(max(3 * math.floor(math.log10(abs(value)) / 3), -15), 6)
    prefix = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M"}[power]
    return f"{value / 10.0**power:+010.5f} {prefix}{symbol}"


_SHOWN: Mapping[str, Callable[[Reading, float, int], str]] = {
    "DATE": lambda r, _, __: f"{date_at(r.time_s):%m/%d/%Y}",
    "FORM": lambda r, _, __: _engineering(r.value, _SYMBOLS[r.function]),
    "FRAC": lambda r, _, p: number(date_at(r.time_s).microsecond * 1e-6, p),
    "READ": lambda r, _, p: number(r.value, p),
    "REL": lambda r, began, p: number(r.time_s - began, p),
    "SEC": lambda r, _, __: f"{math.floor(date_at(r.time_s).timestamp())}",
    "SOUR": lambda r, _, p: number(r.source, p),
    "SOURFORM": lambda r, _, __: _engineering(r.source, _SYMBOLS[r.source_function]),
    "SOURSTAT": lambda r, _, __: f"{r.source_status}",
    "SOURUNIT": lambda r, _, __: _UNITS[r.source_function],
    "STAT": lambda r, _, __: f"{r.status}",
    "TIME": lambda r, _, __: f"{date_at(r.time_s):%H:%M:%S.%f}",
    "TST": lambda r, _, __: f"{date_at(r.time_s):%m/%d/%Y %H:%M:%S.%f}",
    "UNIT": lambda r, _, __: _UNITS[r.function],
}
