"""Whether what a run asks of the source-meter lies within the limits, and makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
            f"measure_range: {run.measure_range:g} {unit} lies beyond the station's limit of "
            f"{limit:g} {unit}"
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
