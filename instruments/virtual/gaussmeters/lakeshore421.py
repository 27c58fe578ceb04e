"""A virtual Lake Shore 421 gaussmeter with a high-stability probe.

Source: Lake Shore, Model 421 Gaussmeter User's Manual, chapter 4 (remote operation). A reading is
a number in the present range; its multiplier (blank, `k`, `m`) is another query.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from nanojunction.instruments.virtual.gaussmeters.gaussmeter import (
    GAUSS,
    Arguments,
    Choice,
    Gaussmeter,
    IgnoredError,
    number,
    one,
    whole,
)
from nanojunction.instruments.virtual.world import World

#: Full scale of the ranges 0 to 3 of a high-stability probe (G).
RANGES_G = (300e3, 30e3, 3e3, 300.0)
_MULTIPLIERS = {1e3: "k", 1.0: " ", 1e-3: "m"}


@dataclass(slots=True)
class Setpoint:
    """A field that was entered, and the range that it was entered on."""

    field_G: float = 0.0
    range: int = 0


class LakeShore421(Gaussmeter):
    """A Model 421 at the junction of a world."""

    driver: ClassVar[str] = "lakeshore421"
    identity: ClassVar[str] = "LSCI,MODEL421,0,070199"

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.power_up()
        self.add("TYPE?", lambda _: "1")
        self.add("SNUM?", lambda _: "H42101")
        self.add("ZCAL", lambda _: self.probe.zero(self.time_s))

    def power_up(self) -> None:
        """Bring the settings to their values at power-up; autorange is on (choice)."""
        choice = self.choice
        self.unit = "G"
        self.range = 0
        self.ac = choice("ACDC", Choice(0))
        self.auto = choice("AUTO", Choice(1))
        self.fast = choice("FAST", Choice(0))
        self.filter = choice("FILT", Choice(1))
        self.points = choice("FNUM", Choice(8, 2, 64))
        self.max_hold = choice("MAX", Choice(0))
        self.relative = choice("REL", Choice(0))
        self.alarm = choice("ALARM", Choice(0))
        self.inside = choice("ALMIO", Choice(0))
        for name, high, value in (
            ("ALMB", 1, 1),
            ("ALMSORT", 1, 0),
            ("BAUD", 2, 2),
            ("BRIGT", 7, 4),
            ("FWIN", 10, 1),
            ("LOCK", 1, 0),
            ("MODE", 2, 0),
            ("PRMS", 1, 0),
        ):
            choice(name, Choice(value, 0, high))
        self.setpoint = Setpoint()
        self.low, self.high = Setpoint(), Setpoint()
        self.probe.forget_largest(self.time_s)
        self._add_readings()
        self._add_setpoints()

    def _add_readings(self) -> None:
        add = self.add
        add("UNIT", self._set_unit)
        add("UNIT?", lambda _: self.unit)
        add("RANGE", self._set_range)
        add("RANGE?", lambda _: str(self._present_range()))
        add("FAST", self._set_fast)
        add("FIELD?", lambda _: self._shown(self._field_G()))
        add("MAXR?", lambda _: self._shown(GAUSS * self.probe.largest_T))
        add("RELR?", lambda _: self._shown(self._field_G() - self.setpoint.field_G))
        for name in ("FIELDM?", "MAXRM?", "RELRM?", "RELSM?"):
            add(name, lambda _: _MULTIPLIERS[self._multiplier(self._present_range())])
        add("MAXC", lambda _: self.probe.forget_largest(self.time_s))
        add("ALMS?", lambda _: str(int(self._alarmed())))

    def _add_setpoints(self) -> None:
        add = self.add
        add("RELS", self._set_relative)
        add("RELS?", lambda _: self._text(self.setpoint.field_G, self._present_range()))
        for name, point in (("ALML", self.low), ("ALMH", self.high)):
            add(name, partial(self._set_alarm, point))
            add(f"{name}?", partial(self._alarm_text, point))
            add(f"{name}M?", partial(self._alarm_multiplier, point))

    def _set_unit(self, arguments: Arguments) -> None:
        unit = one(arguments).upper()
        if unit not in ("G", "T"):
            raise IgnoredError
        self.unit = unit

    def _set_range(self, arguments: Arguments) -> None:
        self.range = whole(one(arguments), 0, 3)
        self.auto.value = 0

    def _set_fast(self, arguments: Arguments) -> None:
        """Switch fast mode; it ends autorange, maximum, relative mode and alarm."""
        self.fast.set(one(arguments))
        if self.fast.value:
            self.range = self._present_range()
            for ended in (self.auto, self.max_hold, self.relative, self.alarm):
                ended.value = 0

    def _set_relative(self, arguments: Arguments) -> None:
        scale = self._multiplier(self._present_range()) * self._gauss()
        self.setpoint.field_G = number(one(arguments)) * scale

    def _set_alarm(self, point: Setpoint, arguments: Arguments) -> None:
        """Enter a setpoint on its old range; zero brings it to the present one."""
        value = number(one(arguments))
        field_G = value * self._multiplier(point.range) * self._gauss()
        if abs(field_G) > RANGES_G[point.range]:
            raise IgnoredError
        point.field_G = field_G
        if value == 0.0:
            point.range = self._present_range()

    def _alarm_text(self, point: Setpoint, _: Arguments) -> str:
        return self._text(point.field_G, point.range)

    def _alarm_multiplier(self, point: Setpoint, _: Arguments) -> str:
        return _MULTIPLIERS[self._multiplier(point.range)]

    def _alarmed(self) -> bool:
        inside = self.low.field_G <= abs(self._field_G()) <= self.high.field_G
        return bool(self.alarm.value) and inside == bool(self.inside.value)

    def _gauss(self) -> float:
        """Return what the unit is in gauss."""
        return 1.0 if self.unit == "G" else GAUSS

    def _field_G(self) -> float:
        if self.ac.value:
            return GAUSS * self.probe.alternating_T()
        averaged = self.points.value if self.filter.value else 1
        return GAUSS * self.probe.reading_T(self.time_s, averaged)

    def _present_range(self) -> int:
        if self.auto.value:
            field_G = 0.0 if self.ac.value else abs(GAUSS * self.probe.field_T(self.time_s))
            fitting = [n for n, full_G in enumerate(RANGES_G) if field_G <= 0.99 * full_G]
            self.range = max(fitting, default=0)
        return self.range

    def _multiplier(self, index: int) -> float:
        """Return what a reading of 1 on a range is in the unit."""
        full = RANGES_G[index] / self._gauss()
        return 1e3 if full >= 1e3 else (1.0 if full >= 1.0 else 1e-3)

    def _shown(self, field_G: float) -> str:
        """Return a reading on the present range, `OL` beyond its full scale."""
        index = self._present_range()
        return "OL" if abs(field_G) > RANGES_G[index] else self._text(field_G, index)

    def _text(self, field_G: float, index: int) -> str:
        """Return a field with the five digits of a range."""
        scale = self._multiplier(index) * self._gauss()
        digits = 4 - int(math.log10(RANGES_G[index] / scale) + 1e-9)
        return f"{round(field_G / scale, digits) + 0.0:+07.{digits}f}"
