"""What every procedure on a junction shares: parameters, the station, metadata, the safe end."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from pymeasure.experiment import Procedure

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.ramps import Watch, ramp_level
from nanojunction.instruments.roles import Function, Reading, SourceSettings
from nanojunction.instruments.safe_state import magnet_to_hold, source_to_safe
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.instruments.station_file import StationConfig
from nanojunction.procedures.checks import (
    MEASURED,
    check_line_frequency,
    check_source,
    check_surroundings,
)
from nanojunction.procedures.disturbance import Expected
from nanojunction.procedures.environment import (
    FIELD,
    TEMPERATURE,
    Environment,
    environment_columns,
)
from nanojunction.procedures.field_history import FieldHistory
from nanojunction.procedures.partial import Partial
from nanojunction.procedures.protection import Protection
from nanojunction.procedures.quantities import parse_target
from nanojunction.procedures.reference_leg import EarlierLeg
from nanojunction.procedures.rest import check_rest, rest
from nanojunction.procedures.rows import (
    COMPLIANCE,
    CURRENT,
    LEG,
    SETPOINT,
    TIME,
    VOLTAGE,
    Rows,
    columns_at,
)
from nanojunction.procedures.run_parameters import ProcedureError, RunParameters
from nanojunction.procedures.run_words import RunWords
from nanojunction.procedures.surroundings import arrive, connect, heater_back_on, settle, suspend

log = logging.getLogger(__name__)

#: A second of a faster clock is milliseconds: that T and H are read every so often is said here.
ENVIRONMENT_NOTE = "field and temperatures read every {:g} s, in between the last reading stands"


class JunctionProcedure(RunParameters):
    """A run on one junction. Subclasses say what is swept; here is everything around it.

    Without a station (as in PyMeasure's ManagedWindow) `startup` opens the one that
    `station_file` names and `shutdown` closes it. Raises ProcedureError for an unknown parameter.
    """

    #: Kind of the run, as the analysis names it.
    KIND: ClassVar[str] = "unknown"
    #: What is sourced; the other quantity is measured, and limited by the compliance.
    SOURCE: ClassVar[Function] = "voltage"
    #: Whether legs pass the same voltages, so that another current means another junction.
    COMPARES_LEGS: ClassVar[bool] = False
    DATA_COLUMNS: Sequence[str] = (
        TIME, LEG, SETPOINT["voltage"], VOLTAGE, CURRENT, FIELD, TEMPERATURE, COMPLIANCE,
    )  # fmt: skip

    def __init__(self, **parameters: Any) -> None:
        super().__init__()
        self._station: Station | None = None
        self._own_station = False
        self._environment: Environment | None = None
        self._as_rows = Rows(self.SOURCE)
        self.words = RunWords(self)
        self.protection = Protection(dwell_s=0.0, breakdown=False)
        #: What the first legs of this part of the run are compared with.
        self.earlier_legs: Sequence[EarlierLeg] = ()
        #: Rows written by this part of the run.
        self.rows_emitted = 0
        #: How often it was suspended since the last of them, and how many there were then.
        self.in_vain = 0
        self.rows_at_suspension = -1
        #: Whether this run has switched the heater off, and must see to it.
        self.heater_is_off = False
        #: The temperature (K) that is held now, None where none was asked for.
        self.plateau_K: float | None = None
        #: What earlier parts of this run have; None for a run from its beginning.
        self.done: Partial | None = None
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
        self.DATA_COLUMNS = columns_at(
            type(self).DATA_COLUMNS, environment_columns(config), locked=bool(self.measure_range)
        )

    def continue_after(self, done: Partial) -> None:
        """Go on after the rows of earlier parts; raises ProcedureError if they are too many."""
        planned = self.planned_rows()
        if planned is not None and done.rows > planned:
            raise ProcedureError(
                f"{done.files[-1]}: the earlier parts have {done.rows} rows, the whole run has "
                f"{planned}: they belong to another run"
            )
        self.done = done

    def planned_rows(self) -> int | None:
        """Return how many rows the whole run has, None if only the run itself can tell."""
        return None

    def is_open_ended(self) -> bool:
        """Tell whether only a person ends the run, so that stopping it finishes it."""
        return False

    @property
    def rows_done(self) -> int:
        """How many rows the earlier parts of this run have."""
        return 0 if self.done is None else self.done.rows

    def check(self) -> None:
        """Check everything against the station before the first output; raises on what is wrong.

        Raises ProcedureError if the parameters do not fit each other, LimitError if one lies
        beyond the station's limits, StationError if the station lacks an instrument.
        """
        check_source(self, self.station.source_meter.limits)
        check_surroundings(self)
        check_rest(self)

    def goes_to_temperatures(self) -> bool:
        """Tell whether the run goes to a temperature of its own."""
        return self.target_K() is not None

    def field_history(self) -> FieldHistory:
        """Return the fields to go through before the run."""
        saturate_T = parse_target(self.saturate, "T")
        return FieldHistory(self.degauss, saturate_T, self.target_T())

    def temperature_rate_K_per_min(self) -> float:
        """Return the rate asked for, or the station's."""
        return float(self.temperature_rate or self.station.temperature.max_rate_K_per_min)

    def field_rate_T_per_min(self) -> float:
        """Return the rate asked for, or the station's."""
        return float(self.field_rate or self.station.magnet.max_rate_T_per_min)

    # PyMeasure's three steps

    def startup(self) -> None:
        """Open the station if there is none, check, go to temperature and field, configure."""
        if self._station is None:
            station = Station.from_file(Path(self.station_file))
            station.__enter__()
            self._station, self._own_station = station, True
        self.check()
        expected = Expected(excursion_K=self.excursion)
        self._environment = Environment(self.station, self.environment_interval, expected)
        breakdown = self.breakdown_stop and self.COMPARES_LEGS
        self.protection = Protection(self.compliance_dwell, breakdown, self.earlier_legs)
        self.plateau_K = self.target_K()
        if failed := source_to_safe(self.station):
            raise LaboratoryError("; ".join(failed))
        if not (arrive(self) and connect(self)) or self.should_stop():
            return  # who runs the procedure sees the stop, too, and does not execute
        self.station.source_meter.configure(self.source_settings())
        check_line_frequency(self.station)
        self.words.moment = datetime.now(UTC)
        self._as_rows = Rows(self.SOURCE, self.station.clock.now(), bool(self.measure_range))

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
            failed += heater_back_on(self)
        if failed:
            self.unsafe = tuple(failed)
            self.status = Procedure.FAILED
            log.critical("NOT SAFE, use the front panels: %s", "; ".join(failed))

    # What subclasses use

    def source_settings(self) -> SourceSettings:
        """Return the source-meter's settings for this run."""
        config = self.station.config.source_meter
        assert config is not None  # check() has asked for it
        limits = self.station.source_meter.limits
        return SourceSettings(
            source=self.SOURCE,
            compliance=self.compliance or limits.of(MEASURED[self.SOURCE]),
            source_range=self.largest_level() or None,
            measure_range=self.measure_range or None,
            nplc=self.nplc,
            autozero=self.autozero,
            filter_count=self.filter_count,
            wires=config.wires if self.wires == "station" else 2 if self.wires == "2" else 4,
            guard=self.guard,
            output_off=config.output_off,
            settle_s=self.settle,
        )

    def largest_level(self) -> float:
        """Return the largest level (|V| or |I|) of the run; the source's range is locked to it."""
        raise NotImplementedError

    def watch(self) -> Watch:
        """Return the clock with this run's stop and its messages."""
        return Watch(
            self.station.clock,
            self.should_stop,
            lambda words: self.emit("words", words),
            lambda **read: self.emit("place", read),
        )

    def settle_at(self, target_K: float) -> bool:
        """Go to a temperature and wait until the sample is stable; False when told to stop."""
        self.plateau_K = target_K
        return settle(self, target_K)

    def suspended(self, why: Exception) -> bool:
        """Wait with the output open until the conditions are back; False when told to stop."""
        return suspend(self, why)

    def energise(self, level: float) -> bool:
        """Let the junction rest, the output on at zero, ramp to a level; False when told to stop.

        Raises Disturbed or MagnetLost when the conditions leave the run while the junction rests.
        """
        meter = self.station.source_meter
        if self.rest_output == "on":
            meter.output_on()
        if not rest(self):
            return False
        if self.rest_output == "off":
            meter.output_on()
        return self.ramp_to(level, self.watch())

    def de_energise(self) -> None:
        """Ramp to zero, even when told to stop, and open the output."""
        self.ramp_to(0.0, Watch(self.station.clock))
        self.station.source_meter.output_off()
        self.protection.released()

    def ramp_to(self, level: float, watch: Watch) -> bool:
        """Ramp the source at the station's rate; False when told to stop."""
        config = self.station.config.source_meter
        assert config is not None  # check() has asked for it
        rate = config.ramp_V_per_s if self.SOURCE == "voltage" else config.ramp_A_per_s
        return ramp_level(self.station.source_meter, level, rate, watch)

    def emit_row(self, row: Mapping[str, float | int]) -> None:
        """Write a row, then look whether the junction is at risk; raises JunctionAtRisk."""
        self.emit_rows((row,))

    def emit_rows(self, rows: Sequence[Mapping[str, float | int]]) -> None:
        """Write rows, then look whether the junction is at risk; raises JunctionAtRisk."""
        for row in rows:
            self.emit("results", row)
            self.rows_emitted += 1
        for row in rows:
            self.protection.look(
                row[TIME], int(row[LEG]), row[SETPOINT[self.SOURCE]], row[CURRENT],
                bool(row[COMPLIANCE]), temperature_K=row.get(TEMPERATURE), field_T=row.get(FIELD),
            )  # fmt: skip

    def row(self, leg: int, setpoint: float, reading: Reading) -> dict[str, float | int]:
        """Return one row with the time and the environment of now."""
        now = self.station.clock.now()
        return self.row_at(now, self.environment.read(), leg, setpoint, reading)

    def row_at(
        self,
        moment: float,
        environment: Mapping[str, float],
        leg: int,
        setpoint: float,
        reading: Reading,
    ) -> dict[str, float | int]:
        """Return the row of a reading taken at `moment` (s on the clock)."""
        return self._as_rows.row(moment, environment, leg, setpoint, reading)

    @property
    def environment(self) -> Environment:
        """Field and temperatures of this run."""
        assert self._environment is not None  # startup has made it
        return self._environment

    def seconds_per_point(self) -> float:
        """Return settling and integration time of one point (voltage and current, autozero)."""
        line_Hz = 50.0 if self._station is None else self.station.config.line_frequency_Hz
        conversions = 2 * (3 if self.autozero else 1) * self.filter_count
        return float(self.settle + conversions * self.nplc / line_Hz)

    def environment_words(self) -> str:
        """Return how field and temperatures came into the rows."""
        return ENVIRONMENT_NOTE.format(self.environment_interval)
