"""Temperature and field around the junction: going to a point, and reading both into rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nanojunction.instruments.errors import InstrumentFault, MagnetLost
from nanojunction.instruments.preconditions import check_before
from nanojunction.instruments.ramps import Stability, Watch, ramp_field, settle_temperature
from nanojunction.procedures.disturbance import LOST, Expected

if TYPE_CHECKING:
    from nanojunction.instruments.station import Station
    from nanojunction.instruments.station_file import StationConfig

FIELD = "Field (T)"
FIELD_PROBE = "Field probe (T)"
TEMPERATURE = "Temperature (K)"


def environment_columns(config: StationConfig) -> list[str]:
    """Return the columns of what a station can read: field, probe, sample, further sensors."""
    columns = [] if config.magnet is None else [FIELD]
    if config.field_probe is not None:
        columns.append(FIELD_PROBE)
    if config.temperature is not None:
        columns.append(TEMPERATURE)
        others = [name for name in config.temperature.sensors if name != "sample"]
        columns += [f"Temperature {name} (K)" for name in others]
    return columns


@dataclass(slots=True)
class Environment:
    """Reads fields and temperatures at most every `interval_s`; in between the last reading stands.

    With an interval of 0 they are read for every row.
    """

    station: Station
    interval_s: float
    #: What is looked at with every reading: raises Disturbed where it is not so.
    expected: Expected = field(default_factory=Expected)
    #: The first reading of the run.
    first: dict[str, float] = field(default_factory=dict, init=False)
    _read_at: float | None = field(default=None, init=False)
    _last: dict[str, float] = field(default_factory=dict, init=False)

    @property
    def read_at(self) -> float:
        """When the last reading was taken (s on the clock), −inf before the first."""
        return -math.inf if self._read_at is None else self._read_at

    def read(self) -> dict[str, float]:
        """Return the columns of `environment_columns` with their values in T and K."""
        now = self.station.clock.now()
        if self._read_at is None or now - self._read_at >= self.interval_s:
            self._last = self._field() | self._temperatures()
            self.expected.look(self.station, self._last.get(TEMPERATURE), self._last.get(FIELD))
            self._read_at = now
            self.first = self.first or self._last
        return self._last

    def _field(self) -> dict[str, float]:
        magnet, probe = self.station.magnet_or_none, self.station.field_probe_or_none
        found = {} if magnet is None else {FIELD: magnet.field_T()}
        return found if probe is None else found | {FIELD_PROBE: probe.field_T()}

    def _temperatures(self) -> dict[str, float]:
        controller = self.station.temperature_or_none
        if controller is None:
            return {}
        found = {TEMPERATURE: controller.temperature_K()}
        for name in controller.sensors:
            if name != "sample":
                found[f"Temperature {name} (K)"] = controller.temperature_K(name)
        return found


def go_to_temperature(
    station: Station, target_K: float, rate_K_per_min: float, stability: Stability, watch: Watch
) -> bool:
    """Take control of the temperature, ramp, and wait until the sample is stable.

    Raises LaboratoryError if a reading that the station asks for before lies outside its bounds.
    """
    check_before(station, "temperature")
    station.temperature.prepare()
    return settle_temperature(station.temperature, target_K, rate_K_per_min, stability, watch)


def go_to_field(station: Station, target_T: float, rate_T_per_min: float, watch: Watch) -> bool:
    """Take control of the magnet, ramp, and wait until it holds.

    Raises LaboratoryError if a reading that the station asks for before lies outside its bounds.
    """
    station.magnet.check(target_T, rate_T_per_min)
    check_before(station, "field")
    station.magnet_in_use = True
    try:
        return _go(station, target_T, rate_T_per_min, watch)
    except InstrumentFault as problem:  # a supply refuses what it cannot do after a quench
        if isinstance(problem, MagnetLost) or station.magnet.status().state not in LOST:
            raise
        raise MagnetLost(str(problem)) from problem


def _go(station: Station, target_T: float, rate_T_per_min: float, watch: Watch) -> bool:
    return station.magnet.prepare(watch.should_stop) and ramp_field(
        station.magnet, target_T, rate_T_per_min, watch
    )
