"""Whether what a run asks of a station lies within the limits, and makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.common.names import listed_names
from nanojunction.instruments.limits import UNITS, SourceLimits
from nanojunction.instruments.roles import Function
from nanojunction.procedures.run_parameters import ProcedureError

if TYPE_CHECKING:
    from nanojunction.instruments.station import Station
    from nanojunction.procedures.base import JunctionProcedure
#: The difference (Hz) at which an integration time is no longer whole cycles of the mains.
SAME_HZ = 1.0
#: What is measured beside what is sourced.
MEASURED: dict[Function, Function] = {"voltage": "current", "current": "voltage"}


def check_source(run: JunctionProcedure, limits: SourceLimits) -> None:
    """Check the largest level, the compliance and the range; raises LimitError, ProcedureError."""
    limits.check(run.SOURCE, run.largest_level())
    measured = MEASURED[run.SOURCE]
    limit, unit = limits.of(measured), UNITS[measured]
    if run.compliance:
        limits.check(measured, run.compliance)
    if run.measure_range > limit * 1.1:
        raise ProcedureError(
            f"measure_range: {run.measure_range:g} {unit} lies beyond the limit of {limit:g} {unit}"
        )
    compliance = run.compliance or limit
    if run.measure_range > 10.0 * compliance:
        raise ProcedureError(
            f"measure_range: {run.measure_range:g} {unit} is far beyond the compliance of "
            f"{compliance:g} {unit}, which no source-meter takes; give a smaller one or leave "
            "it out"
        )


def check_line_frequency(station: Station) -> None:
    """Raise ProcedureError if the source-meter integrates over other cycles than the mains has.

    An NPLC is then no whole cycle, and the pickup stays in every reading.
    """
    told = station.source_meter.snapshot().get("line_frequency_Hz")
    expected = station.config.line_frequency_Hz
    if told is not None and abs(float(told) - expected) > SAME_HZ:
        raise ProcedureError(
            f"the source-meter is set to mains of {float(told):g} Hz, the station file says "
            f"{expected} Hz (station.line_frequency_Hz): set the one that is wrong"
        )


def check_surroundings(run: JunctionProcedure) -> None:
    """Check temperature, field, polarity and position; raises LimitError, ProcedureError."""
    station = run.station
    if (target_K := run.target_K()) is not None:
        station.temperature.check(target_K, run.temperature_rate_K_per_min())
    if run.heater_off and not run.goes_to_temperatures():
        raise ProcedureError(
            "heater_off: needs a temperature to come from and to go back to (--set temperature=…)"
        )
    if run.goes_to_temperatures() and 0.0 < run.excursion <= run.tolerance:
        raise ProcedureError(
            f"excursion: {run.excursion:g} K is within the tolerance of {run.tolerance:g} K, so "
            "that a run would be suspended as soon as it began; give more, or 0"
        )
    for field_T in run.field_history().way():
        station.magnet.check(field_T, run.field_rate_T_per_min())
    if run.persistent and run.target_T() is None:
        raise ProcedureError("persistent: needs a field (--set field=…)")
    _check_position(run)


def _check_position(run: JunctionProcedure) -> None:
    if run.position and run.position not in run.station.switch.positions:
        known = listed_names(run.station.switch.positions)
        raise ProcedureError(f"position: {run.position!r} is none of the station's: {known}")
    if run.contact_anew and not run.position:
        raise ProcedureError("contact_anew: needs the position that is to be contacted again")
    if run.open_line and run.position:
        raise ProcedureError("open_line: connects nothing; leave the position out")
    if run.open_line:
        _ = run.station.switch  # raises without one
    if not run.reverse:
        return
    if not run.position:
        raise ProcedureError("reverse: needs the position that is to be reversed")
    if not run.station.switch.can_reverse(run.position):
        raise ProcedureError(
            f"reverse: position {run.position} is not wired for the reversed polarity; list its "
            f"contacts in the station file (switch.positions.{run.position}.reversed)"
        )
