"""The measuring line: source, leads and junction in one circuit, and two meters with errors."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nanojunction.instruments.virtual.world.settings import WorldSettings


@dataclass(frozen=True, slots=True)
class Source:
    """What drives the junction: a voltage or a current, and the limit of the other quantity.

    `limit` is in A for a voltage source and in V for a current source; `wires` 4 senses and
    regulates at the junction, 2 at the instrument.
    """

    kind: Literal["voltage", "current"] = "current"
    level: float = 0.0
    limit: float = 0.0
    wires: Literal[2, 4] = 2


#: An open output: no current, and nothing that limits what the junction itself shows.
OPEN = Source("current", 0.0, 21.0, 4)


@dataclass(frozen=True, slots=True)
class WorkingPoint:
    """The solved circuit: voltages at the junction and where it is sensed, current."""

    junction_V: float
    sensed_V: float
    current_A: float
    limited: bool


Law = Callable[[float], float]

#: Where the search for a working point ends (V): the 2400's largest output.
_LARGEST_V = 210.0


class Circuit:
    """Finds the working point of a junction behind its leads."""

    def __init__(self, settings: WorldSettings) -> None:
        from scipy.optimize import brentq

        self._root = brentq
        self._lead_ohm = settings.lead_resistance_ohm

    def solve(self, source: Source, current_of: Law) -> WorkingPoint:
        """Return the working point of a junction with the characteristic `current_of` (V → A)."""
        lead = self._lead_ohm if source.wires == 2 else 0.0
        if source.kind == "voltage":
            junction_V, current = self._driven_by_voltage(source.level, lead, current_of)
            if abs(current) <= source.limit:
                return WorkingPoint(junction_V, source.level, current, False)
            limit = math.copysign(source.limit, current)
            junction_V = self._voltage_at(limit, current_of, junction_V, _LARGEST_V)
            return WorkingPoint(junction_V, junction_V + lead * limit, limit, True)
        junction_V = self._voltage_at(source.level, current_of, 0.0, source.limit)
        sensed = junction_V + lead * source.level
        if abs(junction_V) < source.limit and abs(sensed) <= source.limit:
            return WorkingPoint(junction_V, sensed, source.level, False)
        limit = math.copysign(source.limit, sensed)
        junction_V, current = self._driven_by_voltage(limit, lead, current_of)
        return WorkingPoint(junction_V, limit, current, True)

    def solve_short(self, source: Source) -> WorkingPoint:
        """Return the working point of leads that are joined: 0 V there, whatever flows."""
        lead = self._lead_ohm if source.wires == 2 else 0.0
        if source.kind == "current":
            sensed = lead * source.level
            if abs(sensed) <= source.limit:
                return WorkingPoint(0.0, sensed, source.level, False)
            limit = math.copysign(source.limit, sensed)
            return WorkingPoint(0.0, limit, limit / lead, True)
        if abs(source.level) <= lead * source.limit:
            current = source.level / lead if lead > 0.0 else 0.0
            return WorkingPoint(0.0, source.level, current, False)
        limit = math.copysign(source.limit, source.level)
        return WorkingPoint(0.0, lead * limit, limit, True)

    def _driven_by_voltage(
        self, level_V: float, lead_ohm: float, current_of: Law
    ) -> tuple[float, float]:
        current = current_of(level_V)
        if lead_ohm == 0.0 or current == 0.0:
            return level_V, current
        x0, f0 = level_V, lead_ohm * current
        x1 = level_V - f0
        for _ in range(8):  # secant: the leads are small beside the junction
            current = current_of(x1)
            f1 = x1 + lead_ohm * current - level_V
            if abs(f1) < 1e-15 + 1e-12 * abs(level_V) or f1 == f0:
                return x1, current
            x0, x1, f0 = x1, x1 - f1 * (x1 - x0) / (f1 - f0), f1
        drop = abs(lead_ohm * current_of(level_V)) + abs(level_V)
        root = float(
            self._root(
                lambda v: v + lead_ohm * current_of(v) - level_V, level_V - drop, level_V + drop
            )
        )
        return root, current_of(root)

    def _voltage_at(
        self, current_A: float, current_of: Law, start_V: float, bound_V: float
    ) -> float:
        """Return where the junction carries `current_A`; ±`bound_V` if that lies beyond."""

        def excess(v: float) -> float:
            return current_of(v) - current_A

        near, at_near = start_V, excess(start_V)
        step = math.copysign(1e-3, -at_near)
        while at_near != 0.0:
            far = min(max(near + step, -bound_V), bound_V)
            at_far = excess(far)
            if at_near * at_far <= 0.0:
                return float(self._root(excess, near, far, xtol=1e-15, rtol=1e-14))
            if abs(far) >= bound_V:
                return far
            near, at_near, step = far, at_far, 2.0 * step
        return near


class Meters:
    """Voltmeter and ammeter: gain error, offset, white noise and mains pickup, seeded."""

    def __init__(self, settings: WorldSettings, seed: int) -> None:
        self._settings = settings
        self._random = random.Random(seed)
        self._phase = 2.0 * math.pi * self._random.random()

    def read_voltage_V(
        self, true_V: float, range_V: float, integration_s: float, t: float
    ) -> float:
        """Return one reading on a range, integrated for `integration_s` around `t` (s)."""
        s = self._settings
        periods = integration_s * s.line_frequency_Hz
        noise = s.voltmeter_noise_of_range * range_V / math.sqrt(periods)
        return (
            true_V * (1.0 + s.voltmeter_gain_error)
            + s.voltmeter_offset_V
            + s.voltmeter_offset_of_range * range_V
            + self._random.gauss(0.0, noise)
            + s.voltmeter_pickup_V * self._pickup(periods, t)
        )

    def read_current_A(
        self, true_A: float, range_A: float, integration_s: float, t: float
    ) -> float:
        """Return one reading on a range, integrated for `integration_s` around `t` (s)."""
        s = self._settings
        periods = integration_s * s.line_frequency_Hz
        middle_A, noise_A = self._quiet_A(true_A, range_A, periods)
        return (
            middle_A
            + self._random.gauss(0.0, noise_A)
            + s.ammeter_pickup_of_range * range_A * self._pickup(periods, t)
        )

    def most_A(self, true_A: float, range_A: float, integration_s: float) -> float:
        """Return what |readings| on a range keep below, with noise up to five times its rms."""
        s = self._settings
        middle_A, noise_A = self._quiet_A(true_A, range_A, integration_s * s.line_frequency_Hz)
        return abs(middle_A) + 5.0 * noise_A + s.ammeter_pickup_of_range * range_A

    def _quiet_A(self, true_A: float, range_A: float, periods: float) -> tuple[float, float]:
        """Return a reading without noise and pickup, and the rms of its noise."""
        s = self._settings
        offset_A = s.ammeter_offset_A + s.ammeter_offset_of_range * range_A
        noise_A = math.hypot(s.ammeter_noise_A, s.ammeter_noise_of_range * range_A)
        return true_A * (1.0 + s.ammeter_gain_error) + offset_A, noise_A / math.sqrt(periods)

    def _pickup(self, periods: float, t: float) -> float:
        """Return the mean of a sine of unit height over the integration: zero for whole periods."""
        if abs(periods - round(periods)) < 1e-9 and periods > 0.5:
            return 0.0
        x = math.pi * periods
        phase = 2.0 * math.pi * self._settings.line_frequency_Hz * t + self._phase
        return math.sin(x) / x * math.sin(phase)
