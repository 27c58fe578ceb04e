"""Roles wrapped in the station's limits: what lies beyond them is refused before it is sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nanojunction.instruments.errors import LimitError
from nanojunction.instruments.roles import (
    Function,
    MagnetStatus,
    MagnetSupply,
    Reading,
    Snapshot,
    SourceMeter,
    SourceSettings,
    TemperatureController,
    TimedReading,
)

UNITS: dict[Function, str] = {"voltage": "V", "current": "A"}


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """Largest voltage (V) and current (A) that the junction may see, and whose limits they are.

    `whose_current` is whose the current's is, where that is another's than the voltage's.
    """

    max_voltage_V: float
    max_current_A: float
    whose: str = "the station"
    whose_current: str = ""

    def tightened(self, other: SourceLimits) -> SourceLimits:
        """Return the smaller of both in each quantity, and whose that one is."""
        voltage = min(self, other, key=lambda one: one.max_voltage_V)
        current = min(self, other, key=lambda one: one.max_current_A)
        return SourceLimits(
            voltage.max_voltage_V,
            current.max_current_A,
            voltage.whose_of("voltage"),
            current.whose_of("current"),
        )

    def of(self, function: Function) -> float:
        """Return the limit of a function, in V or A."""
        return self.max_voltage_V if function == "voltage" else self.max_current_A

    def whose_of(self, function: Function) -> str:
        """Return whose the limit of a function is."""
        return self.whose if function == "voltage" else self.whose_current or self.whose

    def check(self, function: Function, level: float) -> None:
        """Raise LimitError for a level beyond the limit, or that is no number."""
        limit, unit = self.of(function), UNITS[function]
        within("the " + function, level, -limit, limit, unit, whose=self.whose_of(function))


def within(
    what: str, value: float, low: float, high: float, unit: str, *, whose: str = "the station"
) -> None:
    """Raise LimitError unless low ≤ value ≤ high."""
    if not (math.isfinite(value) and low <= value <= high):
        span = f"±{high:g}" if low == -high else f"{low:g} to {high:g}"
        raise LimitError(
            f"{what} {value:g} {unit} lies outside the limits of {whose}: {span} {unit}"
        )


class LimitedSourceMeter:
    """A `SourceMeter` that refuses levels and compliances beyond the limits."""

    def __init__(self, meter: SourceMeter, limits: SourceLimits) -> None:
        self._meter = meter
        self._station_limits = limits
        self.limits = limits
        self._source: Function = "voltage"

    @property
    def bare(self) -> SourceMeter:
        """The meter without limits: only for ramping down what somebody else has set."""
        return self._meter

    def protect(self, limits: SourceLimits | None) -> None:
        """Hold a junction's own limits, too, from now on; None: the station's alone."""
        station = self._station_limits
        self.limits = station if limits is None else station.tightened(limits)

    def configure(self, settings: SourceSettings) -> None:
        """Check the compliance, then configure."""
        other: Function = "current" if settings.source == "voltage" else "voltage"
        limit = self.limits.of(other)
        within(
            f"the compliance ({other})", settings.compliance, 0.0, limit, UNITS[other],
            whose=self.limits.whose_of(other),
        )  # fmt: skip
        self._meter.configure(settings)
        self._source = settings.source

    def set_level(self, level: float) -> None:
        """Check the level, then set it."""
        self.limits.check(self._source, level)
        self._meter.set_level(level)

    def set_and_read(self, level: float) -> Reading:
        """Check the level, then set it and measure."""
        self.limits.check(self._source, level)
        return self._meter.set_and_read(level)

    def run_list(self, levels: Sequence[float]) -> tuple[TimedReading, ...]:
        """Check every level of the list before the first is set, then have it run."""
        for level in levels:
            self.limits.check(self._source, level)
        return self._meter.run_list(levels)

    def longest_list(self) -> int:
        """See `SourceMeter`."""
        return self._meter.longest_list()

    def source(self) -> Function:
        """Ask what is sourced; levels are checked against its limit from now on."""
        self._source = self._meter.source()
        return self._source

    def identify(self) -> str:
        """See `SourceMeter`."""
        return self._meter.identify()

    def output_on(self) -> None:
        """See `SourceMeter`."""
        self._meter.output_on()

    def output_off(self) -> None:
        """See `SourceMeter`."""
        self._meter.output_off()

    def is_output_on(self) -> bool:
        """See `SourceMeter`."""
        return self._meter.is_output_on()

    def level(self) -> float:
        """See `SourceMeter`."""
        return self._meter.level()

    def read(self) -> Reading:
        """See `SourceMeter`."""
        return self._meter.read()

    def errors(self) -> tuple[str, ...]:
        """See `SourceMeter`."""
        return self._meter.errors()

    def snapshot(self) -> Snapshot:
        """See `SourceMeter`."""
        return self._meter.snapshot()

    def close(self) -> None:
        """See `SourceMeter`."""
        self._meter.close()


class LimitedMagnet:
    """A `MagnetSupply` that refuses fields and rates beyond the limits (T, T/min)."""

    def __init__(self, supply: MagnetSupply, max_field_T: float, max_rate_T_per_min: float) -> None:
        self._supply = supply
        self.max_field_T = max_field_T
        self.max_rate_T_per_min = max_rate_T_per_min

    def check(self, field_T: float, rate_T_per_min: float) -> None:
        """Raise LimitError for a field or a rate beyond the limits."""
        within("the field", field_T, -self.max_field_T, self.max_field_T, "T")
        lowest = 1e-4  # slower than any supply can go: a rate of zero would never arrive
        within("the field's rate", rate_T_per_min, lowest, self.max_rate_T_per_min, "T/min")

    def ramp_to(self, field_T: float, rate_T_per_min: float) -> None:
        """Check field and rate, then start the ramp."""
        self.check(field_T, rate_T_per_min)
        self._supply.ramp_to(field_T, rate_T_per_min)

    def identify(self) -> str:
        """See `MagnetSupply`."""
        return self._supply.identify()

    def prepare(self, should_stop: Callable[[], bool]) -> bool:
        """See `MagnetSupply`."""
        return self._supply.prepare(should_stop)

    def go_persistent(self, should_stop: Callable[[], bool]) -> bool:
        """See `MagnetSupply`."""
        return self._supply.go_persistent(should_stop)

    def field_T(self) -> float:
        """See `MagnetSupply`."""
        return self._supply.field_T()

    def lead_field_T(self) -> float:
        """See `MagnetSupply`."""
        return self._supply.lead_field_T()

    def hold(self) -> None:
        """See `MagnetSupply`."""
        self._supply.hold()

    def status(self) -> MagnetStatus:
        """See `MagnetSupply`."""
        return self._supply.status()

    def snapshot(self) -> Snapshot:
        """See `MagnetSupply`."""
        return self._supply.snapshot()

    def close(self) -> None:
        """See `MagnetSupply`."""
        self._supply.close()


class LimitedTemperature:
    """A `TemperatureController` that refuses setpoints and rates beyond the limits (K, K/min)."""

    def __init__(
        self,
        controller: TemperatureController,
        min_K: float,
        max_K: float,
        max_rate_K_per_min: float,
    ) -> None:
        self._controller = controller
        self.min_K = min_K
        self.max_K = max_K
        self.max_rate_K_per_min = max_rate_K_per_min

    def check(self, setpoint_K: float, rate_K_per_min: float | None = None) -> None:
        """Raise LimitError for a setpoint or a rate beyond the limits."""
        within("the temperature", setpoint_K, self.min_K, self.max_K, "K")
        if rate_K_per_min is not None:
            top = self.max_rate_K_per_min
            within("the temperature's rate", rate_K_per_min, 1e-3, top, "K/min")

    def set_setpoint_K(self, setpoint_K: float) -> None:
        """Check the setpoint, then set it."""
        self.check(setpoint_K)
        self._controller.set_setpoint_K(setpoint_K)

    @property
    def sensors(self) -> Mapping[str, str]:
        """See `TemperatureController`."""
        return self._controller.sensors

    def curve(self, sensor: str = "sample") -> str:
        """See `TemperatureController`."""
        return self._controller.curve(sensor)

    def identify(self) -> str:
        """See `TemperatureController`."""
        return self._controller.identify()

    def prepare(self) -> None:
        """See `TemperatureController`."""
        self._controller.prepare()

    def temperature_K(self, sensor: str = "sample") -> float:
        """See `TemperatureController`."""
        return self._controller.temperature_K(sensor)

    def setpoint_K(self) -> float:
        """See `TemperatureController`."""
        return self._controller.setpoint_K()

    def heater_percent(self) -> float:
        """See `TemperatureController`."""
        return self._controller.heater_percent()

    def heater_off(self) -> None:
        """See `TemperatureController`."""
        self._controller.heater_off()

    def snapshot(self) -> Snapshot:
        """See `TemperatureController`."""
        return self._controller.snapshot()

    def close(self) -> None:
        """See `TemperatureController`."""
        self._controller.close()
