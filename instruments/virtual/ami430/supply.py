"""What the AMI 430 does with leads, switch heater and coil: modes, rate segments, timers.

All in amperes, as the programmer thinks; the world's coil makes the field of them. The programmer
knows the switch by its timers only: with times that are too short it ramps against a closed
switch, as the real one does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

from nanojunction.instruments.virtual.ami430.language import AmiError, Setting
from nanojunction.instruments.virtual.world import World

#: A current below this part of the current limit counts as zero (manual, ZERO).
ZERO_OF_LIMIT = 1e-3
#: Most rate segments.
SEGMENTS = 10
#: Currents that differ by less are the same (A).
_RESOLUTION_A = 1e-9


class Mode(Enum):
    """What the operator asked for last, by its command."""

    PAUSE = "PAUSE"
    RAMP = "RAMP"
    UP = "INCR"
    DOWN = "DECR"
    ZERO = "ZERO"


@dataclass(slots=True)
class Segments:
    """Ramp rates by the magnitude of the current: rate n up to bound n, the last one beyond."""

    rates_A_per_s: list[float]
    bounds_A: list[float]
    count: int = 1

    def leg(self, start_A: float, goal_A: float) -> tuple[float, float]:
        """Return how far one rate leads from `start_A` towards `goal_A` (A), and the rate (A/s)."""
        direction = math.copysign(1.0, goal_A - start_A)
        inner = self.bounds_A[: self.count - 1]
        edges = [sign * bound for bound in inner for sign in (1.0, -1.0)]
        ahead = [edge for edge in edges if direction * (edge - start_A) > _RESOLUTION_A]
        end = min([goal_A, *ahead], key=lambda edge: direction * (edge - start_A))
        middle = abs(0.5 * (start_A + end))
        beyond = [n for n, bound in enumerate(inner) if middle <= bound]
        return end, self.rates_A_per_s[beyond[0] if beyond else self.count - 1]


@dataclass
class Supply:
    """The supply on the magnet of a world; `advance` is to be called before anything changes."""

    world: World
    current_limit_A: float
    voltage_limit: Setting
    installed: Setting
    heat_time: Setting
    cool_time: Setting
    cold_rate: Setting
    segments: Segments
    target_A: float = 0.0
    mode: Mode = Mode.PAUSE
    heater_on: bool = False
    recorded_A: float = 0.0
    quenches: int = 0
    _busy_until_s: float = field(default=-math.inf, init=False)
    _quench_seen: bool = field(default=False, init=False)

    @property
    def _T_per_A(self) -> float:
        return self.world.settings.coil_T_per_A

    def lead_A(self, t: float) -> float:
        """Return the current in the leads."""
        return self.world.magnet.lead_T(t) / self._T_per_A

    def magnet_A(self, t: float) -> float:
        """Return what the programmer takes for the current in the magnet."""
        return self.lead_A(t) if self.coil_in_circuit else self.recorded_A

    @property
    def coil_in_circuit(self) -> bool:
        """Whether the programmer takes the coil to follow the leads."""
        return not self.installed.value or self.heater_on

    @property
    def quenched(self) -> bool:
        """Whether a quench is in force."""
        return self.world.magnet.quenched

    def switching(self, t: float) -> bool:
        """Return whether the timer of heating or cooling runs."""
        return t < self._busy_until_s

    def persistent(self, t: float) -> bool:
        """Return whether the magnet keeps a field by itself."""
        cold = not self.coil_in_circuit and not self.switching(t)
        return cold and not self._is_zero(self.recorded_A)

    def state(self, t: float) -> int:
        """Return the answer to STATE?."""
        if self.quenched:
            return 7
        if self.switching(t):
            return 9 if self.heater_on else 10
        if self.mode is Mode.RAMP:
            return 1 if self.world.magnet.ramping(t) else 2
        if self.mode is Mode.ZERO:
            return 8 if self._is_zero(self.lead_A(t)) else 6
        return {Mode.PAUSE: 3, Mode.UP: 4, Mode.DOWN: 5}[self.mode]

    def start(self, t: float, mode: Mode) -> None:
        """Change the mode; raises AmiError -301 while the switch changes, -302 on a quench."""
        if self.quenched:
            raise AmiError(-302)
        if mode is not Mode.PAUSE and self.switching(t):
            raise AmiError(-301)
        self.mode = mode
        self.follow(t)

    def follow(self, t: float) -> None:
        """Run the leads as mode, target, limits and rates say; a quench runs by itself."""
        magnet = self.world.magnet
        if self.quenched:
            return
        goal, start = self._goal_A(), self.lead_A(t)
        if goal is None or abs(goal - start) < _RESOLUTION_A:
            magnet.hold_lead(t)
            return
        end, rate = self.segments.leg(start, goal)
        magnet.ramp_lead(t, end * self._T_per_A, self._possible(rate) * self._T_per_A)

    def advance(self, t: float) -> None:
        """Begin each leg of a ramp when the one before has ended; notice a quench."""
        magnet = self.world.magnet
        while not self.quenched and (arrives := magnet.lead_arrives_s()) <= t:
            goal = self._goal_A()
            if goal is None or abs(goal - self.lead_A(arrives)) < _RESOLUTION_A:
                break
            self.follow(arrives)
        magnet.field_T(t)  # a switch that opens meanwhile may quench the magnet
        if self.quenched and not self._quench_seen:
            self.quenches += 1
            self.mode, self.recorded_A = Mode.PAUSE, 0.0
            self._busy_until_s = -math.inf
        self._quench_seen = self.quenched

    def heat(self, t: float, on: bool) -> None:
        """Switch the heater; the ramp pauses and the timer runs.

        Raises AmiError -107 without a switch, -302 on a quench.
        """
        if not self.installed.value:
            raise AmiError(-107)
        if self.quenched:
            raise AmiError(-302)
        if on == self.heater_on:
            return
        if not on:
            self.recorded_A = self.lead_A(t)
        self.mode = Mode.PAUSE
        self.follow(t)
        self.heater_on = on
        self.world.magnet.set_heater(t, on)
        self._busy_until_s = t + (self.heat_time if on else self.cool_time).value

    def quench(self, t: float) -> None:
        """Force the output to zero, as a detected quench does."""
        self.world.magnet.quench(t)
        self.advance(t)

    def clear_quench(self, t: float) -> None:
        """Forget a quench; raises AmiError -302 while the current still runs down."""
        if self.quenched and not self.world.magnet.clear_quench(t):
            raise AmiError(-302)
        self._quench_seen = False

    def coil_V(self, t: float) -> float:
        """Return the voltage across the coil (V)."""
        magnet = self.world.magnet
        goal = self._goal_A()
        moving = magnet.ramping(t) and magnet.switch_open(t)
        if goal is None or not moving or self.quenched:
            return 0.0
        start = self.lead_A(t)
        _, rate = self.segments.leg(start, goal)
        return math.copysign(self._possible(rate), goal - start) * self.world.settings.inductance_H

    def _goal_A(self) -> float | None:
        limit = self.current_limit_A
        match self.mode:
            case Mode.PAUSE:
                return None
            case Mode.RAMP:
                return min(max(self.target_A, -limit), limit)
            case Mode.UP:
                return limit
            case Mode.DOWN:
                return -limit
            case Mode.ZERO:
                return 0.0

    def _possible(self, rate_A_per_s: float) -> float:
        """Return the rate that the voltage limit and the magnet let through.

        Without the coil in the circuit the leads ramp at the rate of the cooled switch.
        """
        if not self.coil_in_circuit:
            return self.cold_rate.value
        s = self.world.settings
        by_voltage = self.voltage_limit.value / s.inductance_H if s.inductance_H else math.inf
        return min(rate_A_per_s, by_voltage, s.max_rate_T_per_min / 60.0 / self._T_per_A)

    def _is_zero(self, current_A: float) -> bool:
        return abs(current_A) <= ZERO_OF_LIMIT * self.current_limit_A
