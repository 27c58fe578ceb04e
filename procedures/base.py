"""What every procedure on a junction shares: parameters, the station, metadata, the safe end."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from pymeasure.experiment import Procedure

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.ramps import Stability, Watch, ramp_level
from nanojunction.instruments.roles import MagnetState, Reading, SourceSettings
from nanojunction.instruments.safe_state import magnet_to_hold, source_to_safe
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.instruments.station_file import StationConfig
from nanojunction.procedures.environment import (
    FIELD,
    TEMPERATURE,
    Environment,
    environment_columns,
    go_to_field,
    go_to_temperature,
)
from nanojunction.procedures.run_parameters import ProcedureError, RunParameters

log = logging.getLogger(__name__)

TIME, LEG, SETPOINT_V = "Time (s)", "Leg", "Setpoint (V)"
VOLTAGE, CURRENT, COMPLIANCE = "Voltage (V)", "Current (A)", "In compliance"
#: A second of a faster clock is milliseconds: that T and H are read every so often is said here.
ENVIRONMENT_NOTE = "field and temperatures read every {:g} s, in between the last reading stands"


class JunctionProcedure(RunParameters):
    """A run on one junction. Subclasses say what is swept; here is everything around it.

    Without a station (as in PyMeasure's ManagedWindow) `startup` opens the one that
    `station_file` names and `shutdown` closes it. Raises ProcedureError for an unknown parameter.
    """

    #: Kind of the run, as the analysis names it.
    KIND: ClassVar[str] = "unknown"
    DATA_COLUMNS: Sequence[str] = (
        TIME, LEG, SETPOINT_V, VOLTAGE, CURRENT, FIELD, TEMPERATURE, COMPLIANCE,
    )  # fmt: skip

    def __init__(self, **parameters: Any) -> None:
        super().__init__()
        self._station: Station | None = None
        self._own_station = False
        self._environment: Environment | None = None
        self._start_s = 0.0
        self._started = datetime.now(UTC)
        #: What the end of the run could not make safe.
        self.unsafe: tuple[str, ...] = ()
        for name, value in parameters.items():
            self.set(name, value)

    # The station and what the run needs of it

    @property
    def station(self) -> Station:
        """The open station of this run."""
        if self._station is None:
            raise ProcedureError("the procedure has no station yet")
        return self._station

    def attach(self, station: Station) -> None:
        """Use an open station, whose owner closes it; the columns are those that it can fill."""
        self._station = station
        self.expect_columns(station.config)

    def expect_columns(self, config: StationConfig) -> None:
        """Set the columns to those that a station can fill."""
        fixed = [name for name in type(self).DATA_COLUMNS if name not in (FIELD, TEMPERATURE)]
        end = fixed.index(COMPLIANCE)
        self.DATA_COLUMNS = [*fixed[:end], *environment_columns(config), *fixed[end:]]

    def check(self) -> None:
        """Check everything against the station before the first output; raises on what is wrong.

        Raises ProcedureError if the parameters do not fit each other, LimitError if one lies
        beyond the station's limits, StationError if the station lacks an instrument.
        """
        station = self.station
        if self.compliance:
            station.source_meter.limits.check("current", self.compliance)
        if self.measure_range > station.source_meter.limits.max_current_A * 1.1:
            raise ProcedureError(
                f"measure_range: {self.measure_range:g} A lies beyond the station's limit of "
                f"{station.source_meter.limits.max_current_A:g} A"
            )
        compliance = self.compliance or station.source_meter.limits.max_current_A
        if self.measure_range > 10.0 * compliance:
            raise ProcedureError(
                f"measure_range: {self.measure_range:g} A is far beyond the compliance of "
                f"{compliance:g} A, which no source-meter takes; give a smaller one or leave it out"
            )
        if (target_K := self.target_K()) is not None:
            station.temperature.check(target_K, self._temperature_rate())
        if (target_T := self.target_T()) is not None:
            station.magnet.check(target_T, self._field_rate())

    def _temperature_rate(self) -> float:
        return float(self.temperature_rate or self.station.temperature.max_rate_K_per_min)

    def _field_rate(self) -> float:
        return float(self.field_rate or self.station.magnet.max_rate_T_per_min)

    # PyMeasure's three steps

    def startup(self) -> None:
        """Open the station if there is none, check, go to temperature and field, configure."""
        if self._station is None:
            station = Station.from_file(Path(self.station_file))
            station.__enter__()
            self._station, self._own_station = station, True
        self.check()
        self._environment = Environment(self.station, self.environment_interval)
        if failed := source_to_safe(self.station):
            raise LaboratoryError("; ".join(failed))
        if not self._go_there() or self.should_stop():
            return  # who runs the procedure sees the stop, too, and does not execute
        self.station.source_meter.configure(self.source_settings())
        self._started = datetime.now(UTC)
        self._start_s = self.station.clock.now()

    def _go_there(self) -> bool:
        """Go to temperature and field, where they are asked for; False when told to stop."""
        if self.should_stop():
            return False
        if (target_K := self.target_K()) is not None and not self.settle_at(target_K):
            return False
        if (target_T := self.target_T()) is not None:
            return go_to_field(self.station, target_T, self._field_rate(), self.watch())
        magnet = self.station.magnet_or_none
        if magnet is not None and magnet.status().state is MagnetState.RAMPING:
            raise ProcedureError(
                "the magnet is ramping, and the run asks for no field: wait until it holds, or "
                "say where to go (--set field=…)"
            )
        return True

    def shutdown(self) -> None:
        """Leave the source safe, and close the station if this run opened it; never raises.

        PyMeasure's worker would wait for ever for a run whose shutdown raised; what could not be
        made safe is kept in `unsafe`, logged, and makes the run FAILED.
        """
        if self._station is None:
            return
        failed: list[str] = []
        if self._own_station:
            try:
                self._station.__exit__(None, None, None)
            except Unsafe as problem:
                failed += problem.failed
            self._station, self._own_station = None, False
        else:
            failed += source_to_safe(self._station) + magnet_to_hold(self._station)
        if failed:
            self.unsafe = tuple(failed)
            self.status = Procedure.FAILED
            log.critical("NOT SAFE, use the front panels: %s", "; ".join(failed))

    # What subclasses use

    def source_settings(self) -> SourceSettings:
        """Return the source-meter's settings for this run."""
        config = self.station.config.source_meter
        assert config is not None  # check() has asked for it
        return SourceSettings(
            source="voltage",
            compliance=self.compliance or config.max_current_A,
            source_range=self.largest_voltage() or None,
            measure_range=self.measure_range or None,
            nplc=self.nplc,
            autozero=self.autozero,
            filter_count=self.filter_count,
            wires=config.wires,
            output_off=config.output_off,
            settle_s=self.settle,
        )

    def largest_voltage(self) -> float:
        """Return the largest |V| of the run; the source's range is locked to it."""
        raise NotImplementedError

    def watch(self) -> Watch:
        """Return the clock with this run's stop and its messages."""
        return Watch(self.station.clock, self.should_stop, lambda words: self.emit("words", words))

    def settle_at(self, target_K: float) -> bool:
        """Go to a temperature and wait until the sample is stable; False when told to stop."""
        stability = Stability(self.tolerance, self.window, self.timeout)
        rate = self._temperature_rate()
        return go_to_temperature(self.station, target_K, rate, stability, self.watch())

    def energise(self, level_V: float) -> bool:
        """Switch the output on at 0 V and ramp to the first level; False when told to stop."""
        config = self.station.config.source_meter
        assert config is not None  # check() has asked for it
        self.station.source_meter.output_on()
        return ramp_level(self.station.source_meter, level_V, config.ramp_V_per_s, self.watch())

    def de_energise(self) -> None:
        """Ramp to 0 V, even when told to stop, and open the output."""
        config = self.station.config.source_meter
        assert config is not None  # check() has asked for it
        meter, watch = self.station.source_meter, Watch(self.station.clock)
        ramp_level(meter, 0.0, config.ramp_V_per_s, watch)
        meter.output_off()

    def row(self, leg: int, setpoint_V: float, reading: Reading) -> dict[str, float | int]:
        """Return one row with the time and the environment of now."""
        assert self._environment is not None  # startup has made it
        return {
            TIME: self.station.clock.now() - self._start_s,
            LEG: leg,
            SETPOINT_V: setpoint_V,
            VOLTAGE: reading.voltage_V,
            CURRENT: reading.current_A,
            **self._environment.read(),
            COMPLIANCE: int(reading.in_compliance),
        }

    def seconds_per_point(self) -> float:
        """Return settling and integration time of one point (voltage and current, autozero)."""
        line_Hz = 50.0 if self._station is None else self.station.config.line_frequency_Hz
        conversions = 2 * (3 if self.autozero else 1) * self.filter_count
        return float(self.settle + conversions * self.nplc / line_Hz)

    # Metadata

    def started_iso(self) -> str:
        """Return when the run started, in ISO format with the time zone."""
        return self._started.isoformat(timespec="milliseconds")

    def software_version(self) -> str:
        """Return the version of this package."""
        return f"nanojunction {version('nanojunction')}"

    def speed(self) -> str:
        """Return how much faster than real time the station's clock runs."""
        return f"{self.station.clock.speed:g}"

    def environment_words(self) -> str:
        """Return how field and temperatures came into the rows."""
        return ENVIRONMENT_NOTE.format(self.environment_interval)

    def snapshot_json(self) -> str:
        """Return the station's settings as one line of JSON."""
        return json.dumps(self.station.snapshot(), ensure_ascii=True, default=os.fspath)
