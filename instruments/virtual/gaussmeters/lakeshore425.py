"""A virtual Lake Shore 425 gaussmeter with a high-stability probe.

Source: Lake Shore, Model 425 Gaussmeter User's Manual, section 6.3 (interface commands). Readings
have the present unit and an exponent of their own.
"""

from __future__ import annotations

import math
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

#: Full scale of the ranges 1 to 4 of a high-stability probe (G).
RANGES_G = (350.0, 3.5e3, 35e3, 350e3)
#: Steps in a full scale.
_COUNTS = 35_000
#: The units 1 to 4 in gauss: G, T, Oe, A/m.
_UNITS_G = (1.0, GAUSS, 1.0, 4e-3 * math.pi)


class LakeShore425(Gaussmeter):
    """A Model 425 at the junction of a world."""

    driver: ClassVar[str] = "lakeshore425"
    identity: ClassVar[str] = "LSCI,MODEL425,4250022,1.0"

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self._last_query = ""
        self.power_up()
        self.add("TYPE?", lambda _: "41")
        self.add("PRBSENS?", lambda _: self._text(0.8))  # mV/kG
        self.add("PRBSNUM?", lambda _: "H42501")
        self.add("KEYST?", lambda _: "0")
        self.add("DFLT", self._defaults)
        self.add("ZPROBE", lambda _: self.probe.zero(self.time_s))
        self.add("ZCLEAR", lambda _: self.probe.forget_zero())

    def power_up(self) -> None:
        """Bring the settings to their values at power-up; autorange is on (choice)."""
        choice = self.choice
        self.unit = choice("UNIT", Choice(1, 1, 4))
        self.auto = Choice(1)
        self.range = 4
        self.mode = (1, 0, 1)
        self.relative = choice("REL", Choice(0))
        self.relay = (0, 3)
        self.lock = (0, 123)
        self.alarm = (0, 1, 0.0, 0.0, 1, 0, 0)
        self.setpoint_G = 0.0
        for name, high, value in (("BRIGT", 3, 2), ("MXHOLD", 1, 0), ("PRBFCOMP", 1, 1)):
            choice(name, Choice(value, 0, high))
        self.probe.forget_largest(self.time_s)
        self._add_readings()
        self._add_alarm()

    def carry_out(self, name: str, arguments: Arguments) -> str | None:
        """Carry out one command; `?` alone repeats the last query."""
        if name == "?":
            name = self._last_query
        elif name.endswith("?"):
            self._last_query = name
        return super().carry_out(name, arguments)

    def _add_readings(self) -> None:
        add = self.add
        add("AUTO", self._set_auto)
        add("AUTO?", lambda _: str(self.auto.value))
        add("RANGE", self._set_range)
        add("RANGE?", lambda _: str(self._present_range()))
        add("RDGMODE", self._set_mode)
        add("RDGMODE?", lambda _: ",".join(map(str, self.mode)))
        add("RDGFIELD?", lambda _: self._shown(self._field_G()))
        add("RDGREL?", lambda _: self._shown(self._field_G() - self.setpoint_G))
        add("RDGMX?", lambda _: self._shown(GAUSS * self.probe.largest_T))
        add("RDGMNMX?", lambda _: f"{self._text(0.0)},{self._shown(GAUSS * self.probe.largest_T)}")
        add("MXRST", lambda _: self.probe.forget_largest(self.time_s))
        add("RELSP", self._set_relative)
        add("RELSP?", lambda _: self._text(self.setpoint_G))

    def _add_alarm(self) -> None:
        self.add("ALARM", self._set_alarm)
        self.add("ALARM?", lambda _: self._alarm_text())
        self.add("ALARMST?", lambda _: ",".join(str(int(on)) for on in self._alarms()))
        self.add("RELAY", self._set_relay)
        self.add("RELAY?", lambda _: ",".join(map(str, self.relay)))
        self.add("RELAYST?", lambda _: str(int(self._relay_on())))
        self.add("LOCK", self._set_lock)
        self.add("LOCK?", lambda _: f"{self.lock[0]},{self.lock[1]:03d}")

    def _defaults(self, arguments: Arguments) -> None:
        if whole(one(arguments), 99, 99):
            self.power_up()

    def _set_auto(self, arguments: Arguments) -> None:
        """Switch autorange; without an argument, on (PyMeasure sends it so)."""
        self.auto.set(one(arguments) if arguments else "1")

    def _set_range(self, arguments: Arguments) -> None:
        self.range = whole(one(arguments), 1, 4)
        self.auto.value = 0

    def _set_mode(self, arguments: Arguments) -> None:
        if len(arguments) != 3:
            raise IgnoredError
        mode, filtered, band = arguments
        self.mode = (whole(mode, 1, 2), whole(filtered, 0, 1), whole(band, 1, 2))

    def _set_relative(self, arguments: Arguments) -> None:
        self.setpoint_G = self._entered_G(one(arguments))

    def _set_relay(self, arguments: Arguments) -> None:
        if len(arguments) != 2:
            raise IgnoredError
        self.relay = (whole(arguments[0], 0, 2), whole(arguments[1], 1, 3))

    def _set_lock(self, arguments: Arguments) -> None:
        if len(arguments) != 2 or whole(arguments[1], 0, 999) != self.lock[1]:
            raise IgnoredError
        self.lock = (whole(arguments[0], 0, 1), self.lock[1])

    def _set_alarm(self, arguments: Arguments) -> None:
        if len(arguments) != 7:
            raise IgnoredError
        on, mode, low, high, out_in, sort, audible = arguments
        self.alarm = (
            whole(on, 0, 1),
            whole(mode, 1, 2),
            self._entered_G(low),
            self._entered_G(high),
            whole(out_in, 1, 2),
            whole(sort, 0, 1),
            whole(audible, 0, 1),
        )

    def _alarm_text(self) -> str:
        on, mode, low_G, high_G, *rest = self.alarm
        fields = [str(on), str(mode), self._text(low_G), self._text(high_G), *map(str, rest)]
        return ",".join(fields)

    def _alarms(self) -> tuple[bool, bool]:
        """Return whether the low and the high alarm are active."""
        on, mode, low_G, high_G, out_in, *_ = self.alarm
        field_G = self._field_G()
        if mode == 1:
            field_G = abs(field_G)
        if out_in == 2:
            inside = low_G <= field_G <= high_G
            return bool(on and inside), bool(on and inside)
        return bool(on and field_G < low_G), bool(on and field_G > high_G)

    def _relay_on(self) -> bool:
        mode, kind = self.relay
        low, high = self._alarms()
        return mode == 1 or (mode == 2 and ((low and kind != 2) or (high and kind != 1)))

    def _gauss(self) -> float:
        """Return what the unit is in gauss."""
        return _UNITS_G[self.unit.value - 1]

    def _entered_G(self, text: str) -> float:
        field_G = number(text) * self._gauss()
        if abs(field_G) > RANGES_G[-1]:
            raise IgnoredError
        return field_G

    def _field_G(self) -> float:
        mode, filtered, _ = self.mode
        if mode == 2:
            return GAUSS * self.probe.alternating_T()
        return GAUSS * self.probe.reading_T(self.time_s, 16 if filtered else 1)

    def _present_range(self) -> int:
        if self.auto.value:
            field_G = 0.0 if self.mode[0] == 2 else GAUSS * abs(self.probe.field_T(self.time_s))
            fitting = [n for n, full_G in enumerate(RANGES_G, 1) if field_G <= 0.99 * full_G]
            self.range = min(fitting, default=4)
        return self.range

    def _shown(self, field_G: float) -> str:
        """Return a reading with the resolution of the present range, `OL` beyond it."""
        full_G = RANGES_G[self._present_range() - 1]
        if abs(field_G) > full_G:
            return "OL"
        step_G = full_G / _COUNTS
        return self._text(round(field_G / step_G) * step_G)

    def _text(self, field_G: float) -> str:
        return _engineering(field_G / self._gauss())


def _engineering(value: float) -> str:
    """Return ±nnn.nnnE±nn with an exponent that is a multiple of three."""
    if value == 0.0:
        return "+000.000E+00"
    exponent = 3 * math.floor(math.log10(abs(value)) / 3 + 1e-12)
    mantissa = round(value / 10.0**exponent, 3)
    if abs(mantissa) >= 1000.0:
        exponent, mantissa = exponent + 3, mantissa / 1000.0
    return f"{mantissa:+08.3f}E{exponent:+03d}"
