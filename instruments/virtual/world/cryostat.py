"""The cryostat: a temperature-controlled insert and a sample that lags behind it.

Between two events (a new setpoint, a ramp, another heater mode) the cryostat is a linear
system, so its state at any later time is a sum of exponentials that is evaluated, not stepped:
the answer does not depend on how often it is asked.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

from nanojunction.instruments.virtual.world.settings import WorldSettings


@dataclass(frozen=True, slots=True)
class ThermalSegment:
    """Insert and sample from `start_s` on: a straight line plus decaying terms.

    insert(u) = line_K + slope_K_per_s·u + Re Σ amplitude·exp(rate·u), u = t − start_s;
    the sample is that filtered by its lag, plus its own decay.
    """

    start_s: float
    line_K: float
    slope_K_per_s: float
    terms: tuple[tuple[complex, complex], ...]
    sample_lag_s: float
    sample_decay_K: float

    def insert_K(self, t: float) -> float:
        """Return the insert's temperature (K) at `t` (s)."""
        u = max(t - self.start_s, 0.0)
        value = self.line_K + self.slope_K_per_s * u
        for amplitude, rate in self.terms:
            value += (amplitude * cmath.exp(rate * u)).real
        return value

    def insert_slope_K_per_s(self, t: float) -> float:
        """Return how fast the insert's temperature changes (K/s) at `t` (s)."""
        u = max(t - self.start_s, 0.0)
        value = self.slope_K_per_s
        for amplitude, rate in self.terms:
            value += (amplitude * rate * cmath.exp(rate * u)).real
        return value

    def sample_K(self, t: float) -> float:
        """Return the sample's temperature (K) at `t` (s)."""
        u = max(t - self.start_s, 0.0)
        lag = self.sample_lag_s
        value = self.line_K + self.slope_K_per_s * (u - lag)
        for amplitude, rate in self.terms:
            value += (amplitude / (1.0 + rate * lag) * cmath.exp(rate * u)).real
        return value + self.sample_decay_K * math.exp(-u / lag)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """The insert's excursion kelvin·sin²(πu/seconds), u = t − start_s from 0 to `seconds`.

    The sample is that filtered by its lag.
    """

    start_s: float
    kelvin: float
    seconds: float
    sample_lag_s: float

    def insert_K(self, t: float) -> float:
        """Return the excursion (K) of the insert at `t` (s)."""
        u = t - self.start_s
        if not 0.0 <= u <= self.seconds:
            return 0.0
        return self.kelvin * math.sin(math.pi * u / self.seconds) ** 2

    def sample_K(self, t: float) -> float:
        """Return the excursion (K) of the sample at `t` (s)."""
        u = t - self.start_s
        if u <= 0.0:
            return 0.0
        if u > self.seconds:
            return self._driven(self.seconds) * math.exp((self.seconds - u) / self.sample_lag_s)
        return self._driven(u)

    def _driven(self, u: float) -> float:
        phase, lag = 2.0 * math.pi * u / self.seconds, self.sample_lag_s
        turn = 2.0 * math.pi * lag / self.seconds
        decay = math.exp(-u / lag)
        wave = (math.cos(phase) + turn * math.sin(phase) - decay) / (1.0 + turn**2)
        return 0.5 * self.kelvin * (1.0 - decay - wave)


class Cryostat:
    """Insert, sample, heater and controller loop; times are the clock's seconds.

    The methods that change something must be called in order of time.
    """

    def __init__(self, settings: WorldSettings) -> None:
        self._settings = settings
        start = settings.initial_temperature_K
        self._segment = ThermalSegment(0.0, start, 0.0, (), settings.sample_lag_s, 0.0)
        self._disturbances: list[Disturbance] = []
        self.controlled = False
        self.heater_percent_set = self._percent_for(start)

    def insert_K(self, t: float) -> float:
        """Return the insert's true temperature (K), never below that of the cold gas."""
        disturbed = sum(one.insert_K(t) for one in self._disturbances)
        return max(self._segment.insert_K(t) + disturbed, self._settings.base_temperature_K)

    def sample_K(self, t: float) -> float:
        """Return the sample's true temperature (K), never below that of the cold gas."""
        disturbed = sum(one.sample_K(t) for one in self._disturbances)
        return max(self._segment.sample_K(t) + disturbed, self._settings.base_temperature_K)

    def disturb(self, t: float, kelvin: float, seconds: float) -> None:
        """Let the insert run away by `kelvin` and come back; the loop does not react to it."""
        lag = self._settings.sample_lag_s
        self._disturbances.append(Disturbance(t, kelvin, seconds, lag))

    def heater_percent(self, t: float) -> float:
        """Return the heater's output in percent of its largest voltage."""
        if not self.controlled:
            return self.heater_percent_set
        needed = self._segment.insert_K(t) + self._settings.open_loop_time_s * (
            self._segment.insert_slope_K_per_s(t)
        )
        return self._percent_for(needed)

    def helium_percent(self, t: float) -> float:
        """Return how full the helium vessel is (percent): it boils off at a constant rate."""
        s = self._settings
        return max(s.helium_level_percent - s.helium_loss_percent_per_h * t / 3600.0, 0.0)

    def control(self, t: float, setpoint_K: float, ramp_K_per_s: float = 0.0) -> None:
        """Close the loop on a setpoint that starts here and moves at `ramp_K_per_s`."""
        s = self._settings
        insert, slope, sample = self._state(t)
        omega, zeta = s.loop_frequency_rad_per_s, s.loop_damping
        line = setpoint_K - 2.0 * zeta / omega * ramp_K_per_s
        error, error_slope = insert - line, slope - ramp_K_per_s
        decay, ringing = zeta * omega, omega * math.sqrt(1.0 - zeta**2)
        amplitude = complex(error, -(error_slope + decay * error) / ringing)
        self.controlled = True
        term = (amplitude, complex(-decay, ringing))
        self._begin(t, line, ramp_K_per_s, term, sample)

    def free(self, t: float, heater_percent: float) -> None:
        """Open the loop: a fixed heater output against the cold gas."""
        s = self._settings
        insert, _, sample = self._state(t)
        equilibrium = (
            s.base_temperature_K
            + (s.heater_full_power_K - s.base_temperature_K) * (heater_percent / 100.0) ** 2
        )
        self.controlled = False
        self.heater_percent_set = heater_percent
        term = (complex(insert - equilibrium), complex(-1.0 / s.open_loop_time_s))
        self._begin(t, equilibrium, 0.0, term, sample)

    def _begin(
        self, t: float, line: float, slope: float, term: tuple[complex, complex], sample: float
    ) -> None:
        amplitude, rate = term
        lag = self._settings.sample_lag_s
        if abs(1.0 + rate * lag) < 1e-9:
            lag *= 1.0 + 1e-6  # the resonant case, where the two decays coincide
        follows = line - slope * lag + (amplitude / (1.0 + rate * lag)).real
        self._segment = ThermalSegment(t, line, slope, (term,), lag, sample - follows)

    def _state(self, t: float) -> tuple[float, float, float]:
        segment = self._segment
        return segment.insert_K(t), segment.insert_slope_K_per_s(t), segment.sample_K(t)

    def _percent_for(self, settles_at_K: float) -> float:
        s = self._settings
        power = (settles_at_K - s.base_temperature_K) / (
            s.heater_full_power_K - s.base_temperature_K
        )
        return 100.0 * math.sqrt(min(max(power, 0.0), 1.0))
