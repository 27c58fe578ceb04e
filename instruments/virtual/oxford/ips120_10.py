"""A virtual Oxford Instruments IPS 120-10 magnet power supply.

Source: IPS 120-10 Operator's Handbook (revision 12), chapter "Remote operation".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar

from nanojunction.instruments.virtual.oxford.isobus import (
    OxfordInstrument,
    RefusedError,
    decimal,
    whole,
)
from nanojunction.instruments.virtual.world import World

HOLD, TO_SETPOINT, TO_ZERO, CLAMP = 0, 1, 2, 4

#: Lead and coil agree within this (T): the handbook compares the displayed currents.
_MATCH_T = 1e-4


class Ips120(OxfordInstrument):
    """An IPS 120-10 on the magnet of a world.

    The setpoint is refused outside of the field limits. A sweep rate above the magnet's limit is
    accepted and the sweep then runs at the limit, which the status shows as "sweep limiting".
    """

    driver: ClassVar[str] = "ips120_10"
    version: ClassVar[str] = "IPS120-10  Version 3.07  (c) OXFORD 1996"

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.activity = CLAMP
        self.setpoint_T = 0.0
        self.rate_T_per_min = world.settings.initial_rate_T_per_min
        self.persistent_T = 0.0
        self.display = 1  # tesla, fast sweep
        self._table: Mapping[str, Callable[[str], str | None]] = {
            "A": self._set_activity,
            "F": lambda n: self._accept(whole(n, 0, 24)),
            "H": self._set_heater,
            "I": lambda amps: self._set_setpoint(float(decimal(amps, -999, 999)) * self._coil),
            "J": lambda tesla: self._set_setpoint(decimal(tesla, -99, 99)),
            "M": self._set_display,
            "P": lambda n: self._accept(whole(n, 0, 4)),
            "S": lambda amps: self._set_rate(decimal(amps, 0, 1200) * self._coil),
            "T": lambda tesla: self._set_rate(decimal(tesla, 0, 99)),
        }

    @property
    def _commands(self) -> Mapping[str, Callable[[str], str | None]]:
        return self._table

    @property
    def _coil(self) -> float:
        return self.world.settings.coil_T_per_A

    @property
    def _limited_rate(self) -> float:
        return min(self.rate_T_per_min, self.world.settings.max_rate_T_per_min)

    def _accept(self, _value: int) -> None:
        """Take what changes the front panel only."""

    def _set_activity(self, argument: str) -> None:
        activity = whole(argument, 0, 4)
        magnet, t = self.world.magnet, self.time_s
        if magnet.quenched:
            if activity not in (HOLD, CLAMP) or not magnet.clear_quench(t):
                raise RefusedError
            self.persistent_T = 0.0
        if activity == 3 or (self.activity == CLAMP and activity in (TO_SETPOINT, TO_ZERO)):
            raise RefusedError  # a clamped output is released with A0 first
        if activity == CLAMP and abs(magnet.lead_T(t)) > _MATCH_T:
            raise RefusedError
        self.activity = activity
        self._follow()

    def _set_heater(self, argument: str) -> None:
        wanted = whole(argument, 0, 2)
        magnet, t = self.world.magnet, self.time_s
        if not self.world.settings.switch_fitted:
            raise RefusedError
        if wanted == 1 and abs(magnet.lead_T(t) - self.persistent_T) > _MATCH_T:
            raise RefusedError
        if wanted == 0 and magnet.heater_on:
            self.persistent_T = magnet.lead_T(t)
        magnet.set_heater(t, wanted != 0)

    def _set_setpoint(self, tesla: float) -> None:
        if abs(tesla) > self.world.settings.max_field_T * (1 + 1e-9):
            raise RefusedError
        self.setpoint_T = round(tesla, 5)
        if self.activity == TO_SETPOINT:
            self._follow()

    def _set_rate(self, tesla_per_min: float) -> None:
        self.rate_T_per_min = round(tesla_per_min, 4)
        if self.activity in (TO_SETPOINT, TO_ZERO):
            self._follow()

    def _set_display(self, argument: str) -> None:
        mode = whole(argument, 0, 9)
        if mode not in (0, 1, 4, 5, 8, 9):
            raise RefusedError
        self.display = mode

    def _follow(self) -> None:
        """Run the leads as activity, setpoint and rate say; a quench runs by itself."""
        magnet, t = self.world.magnet, self.time_s
        if magnet.quenched:
            return
        if self.activity in (HOLD, CLAMP):
            magnet.hold_lead(t)
            return
        target = self.setpoint_T if self.activity == TO_SETPOINT else 0.0
        magnet.ramp_lead(t, target, self._limited_rate / 60.0)

    def _status(self) -> str:
        magnet, t = self.world.magnet, self.time_s
        system = 1 if magnet.quenched else 0
        heater = 1 if magnet.heater_on else (2 if abs(self.persistent_T) > _MATCH_T else 0)
        if not self.world.settings.switch_fitted:
            heater = 8
        sweep = 0
        if magnet.ramping(t):
            sweep = 3 if self.rate_T_per_min > self._limited_rate else 1
        activity = CLAMP if magnet.quenched else self.activity
        return (
            f"X{system}0A{activity}C{self.control}H{heater}M{self.display % 8}{sweep}"
            f"P{self._polarity(t)}0"
        )

    def _polarity(self, t: float) -> int:
        magnet = self.world.magnet
        negative = (self.setpoint_T, magnet.field_T(t), magnet.lead_T(t))
        return sum(bit for value, bit in zip(negative, (4, 2, 1), strict=True) if value < 0.0)

    def _parameter(self, number: int) -> str:
        magnet, s, t = self.world.magnet, self.world.settings, self.time_s
        lead_A = magnet.lead_T(t) / self._coil
        limit_A = s.max_field_T / self._coil
        tesla, rate = (5, 4) if self.extended else (3, 3)
        amps = 4 if self.extended else 2
        table: dict[int, tuple[float, int]] = {
            0: (lead_A, amps),
            1: (self._voltage(t), 2),
            2: (lead_A, amps),
            5: (self.setpoint_T / self._coil, amps),
            6: (self.rate_T_per_min / self._coil, 3 if self.extended else 2),
            7: (magnet.lead_T(t), tesla),
            8: (self.setpoint_T, tesla),
            9: (self.rate_T_per_min, rate),
            15: (10.0, 2),
            16: (self.persistent_T / self._coil, amps),
            17: (0.0, amps),
            18: (self.persistent_T, tesla),
            19: (0.0, tesla),
            20: (s.switch_heater_current_mA, 1),
            21: (-limit_A, amps),
            22: (limit_A, amps),
            23: (1e3 * s.magnet_lead_resistance_ohm, 1),
            24: (s.inductance_H, 2),
        }
        if number not in table:
            raise RefusedError
        value, digits = table[number]
        rounded = round(value, digits)
        return f"{0.0 if rounded == 0.0 else rounded:+.{digits}f}"

    def _voltage(self, t: float) -> float:
        """Return the supply's voltage (V): leads, and the coil while the switch is open."""
        magnet, s = self.world.magnet, self.world.settings
        lead_A = magnet.lead_T(t) / self._coil
        voltage = lead_A * s.magnet_lead_resistance_ohm
        if magnet.ramping(t) and magnet.switch_open(t) and not magnet.quenched:
            target = self.setpoint_T if self.activity == TO_SETPOINT else 0.0
            direction = math.copysign(1.0, target - magnet.lead_T(t))
            voltage += direction * s.inductance_H * self._limited_rate / 60.0 / self._coil
        return voltage
