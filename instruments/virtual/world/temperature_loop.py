"""A temperature controller's loop on the cryostat: setpoint, ramp in hardware, limited heater."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nanojunction.instruments.virtual.world.world import World

#: Rounding of times and rates, in K.
_NEAR_K = 1e-9


@dataclass(frozen=True, slots=True)
class Ramp:
    """A setpoint on its way: from `start_K` at `start_s` to `target_K`, where it stays.

    A rate of infinity is a jump; with a rate of zero it stands still.
    """

    start_s: float
    start_K: float
    target_K: float
    rate_K_per_s: float = math.inf

    @property
    def end_s(self) -> float:
        """When the target is reached."""
        return self.reaches_s(self.target_K)

    def reaches_s(self, kelvin: float) -> float:
        """Return when the setpoint passes a temperature that lies on its way."""
        way = abs(kelvin - self.start_K)
        if way == 0.0:
            return self.start_s
        return self.start_s + (way / self.rate_K_per_s if self.rate_K_per_s else math.inf)

    def at(self, t: float) -> float:
        """Return the setpoint (K) at `t` (s)."""
        if self.has_arrived(t):
            return self.target_K
        way = self.rate_K_per_s * max(t - self.start_s, 0.0)
        return self.start_K + math.copysign(way, self.target_K - self.start_K)

    def slope_K_per_s(self, t: float) -> float:
        """Return how fast the setpoint moves just after `t`."""
        if self.has_arrived(t):
            return 0.0
        return math.copysign(self.rate_K_per_s, self.target_K - self.start_K)

    def has_arrived(self, t: float) -> bool:
        """Tell whether the setpoint is at its target; a jump arrives whatever the time is."""
        return math.isinf(self.rate_K_per_s) or t >= self.end_s


class TemperatureLoop:
    """Moves a setpoint and, while it is closed, has the insert follow it.

    The methods that change something are called in order of time, with the world's lock held.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._ramp = Ramp(world.now(), *2 * (world.settings.initial_temperature_K,))
        self._turns: list[float] = []  # when the setpoint changes its pace, still to come
        self._power = 1.0
        self.closed = False
        self.ramps = False
        self.rate_K_per_min = math.inf
        world.follow(self._advance)

    def setpoint_K(self, t: float) -> float:
        """Return the setpoint (K) that is worked on at `t`."""
        return self._ramp.at(t)

    @property
    def target_K(self) -> float:
        """Where the setpoint is or goes to."""
        return self._ramp.target_K

    def is_ramping(self, t: float) -> bool:
        """Tell whether the setpoint is on its way."""
        return not self._ramp.has_arrived(t)

    def go_to(self, t: float, kelvin: float) -> None:
        """Set the setpoint, or ramp it if ramps are on."""
        self._begin(t, kelvin)

    def set_ramp(self, t: float, ramps: bool, rate_K_per_min: float) -> None:
        """Switch ramps on or off; one under way goes on at the new rate, or stops where it is."""
        target = self.target_K if ramps else self.setpoint_K(t)
        self.ramps, self.rate_K_per_min = ramps, rate_K_per_min
        self._begin(t, target)

    def close(self, t: float, power: float = 1.0) -> None:
        """Close the loop; the heater gives no more than the fraction `power` of its power."""
        self.closed, self._power = True, power
        self._begin(t, self.target_K)

    def open(self, t: float, percent: float) -> None:
        """Open the loop: the heater gets `percent` of its largest voltage."""
        self.closed = False
        self._world.cryostat.free(t, percent)

    def heater_percent(self, t: float) -> float:
        """Return what the heater gets, in percent of its largest voltage."""
        percent = self._world.cryostat.heater_percent(t)
        return min(percent, 100.0 * math.sqrt(self._power)) if self.closed else percent

    @property
    def _reach_K(self) -> tuple[float, float]:
        """The temperatures that cold gas and heater can hold."""
        s = self._world.settings
        way = s.heater_full_power_K - s.base_temperature_K
        return s.base_temperature_K, s.base_temperature_K + way * self._power

    def _begin(self, t: float, target_K: float) -> None:
        rate = self.rate_K_per_min / 60.0 if self.ramps else math.inf
        self._ramp = ramp = Ramp(t, self.setpoint_K(t), target_K, rate)
        low, high = sorted((ramp.start_K, ramp.target_K))
        passed = [kelvin for kelvin in self._reach_K if low < kelvin < high]
        turns = {ramp.end_s, *(ramp.reaches_s(kelvin) for kelvin in passed)}
        self._turns = sorted(turn for turn in turns if t < turn < math.inf)
        self._control(t)

    def _advance(self, t: float) -> None:
        while self._turns and self._turns[0] <= t:
            self._control(self._turns.pop(0))

    def _control(self, t: float) -> None:
        if not self.closed:
            return
        low, high = self._reach_K
        setpoint, slope = self._ramp.at(t), self._ramp.slope_K_per_s(t)
        below, above = setpoint <= low + _NEAR_K, setpoint >= high - _NEAR_K
        within = low - _NEAR_K <= setpoint <= high + _NEAR_K
        if not within or (below and slope < 0.0) or (above and slope > 0.0):
            slope = 0.0  # it cannot follow there
        self._world.cryostat.control(t, min(max(setpoint, low), high), slope)
