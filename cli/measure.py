"""`nanojunction measure`: one run, with progress, and a safe end however it ends."""

from __future__ import annotations

from pathlib import Path

from nanojunction.cli.console import FAILED, progress_of, say
from nanojunction.instruments.station import Station
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.registry import load_procedure, procedure_names
from nanojunction.procedures.run_parameters import OWN_OPTIONS, ProcedureError
from nanojunction.procedures.runner import Outcome, StopRequest, run_procedure, stop_on_signals


def measure(
    name: str,
    station_file: Path,
    sample: str,
    settings: list[str],
    out: Path,
    *,
    watchdog: bool | None = None,
) -> int:
    """Measure one run and return the exit status."""
    procedure = prepared(name, sample, settings)
    procedure.station_file = str(station_file)
    station = Station.from_file(station_file)
    station.watchdog = watchdog
    station.owner.tell = say
    with stop_on_signals(StopRequest()) as stop:
        station.stop_waiting = stop.asked_again
        with station, progress_of(f"{name} of {sample}") as show:
            outcome = run_procedure(procedure, station, out, stop=stop, on_progress=show)
    return conclude(outcome, stop)


def prepared(name: str, sample: str, settings: list[str]) -> JunctionProcedure:
    """Return the procedure with its settings; raises UnknownProcedure or ProcedureError."""
    procedure = load_procedure(name)(sample=sample)
    given: set[str] = set()
    for setting in settings:
        key, equals, value = setting.partition("=")
        if key.strip() in OWN_OPTIONS:
            raise ProcedureError(f"--set {key.strip()}: has an option of its own, see --help")
        if key.strip() in given:
            raise ProcedureError(f"--set {key.strip()}: was given twice")
        given.add(key.strip())
        if not equals:
            raise ProcedureError(f"--set {setting}: write key=value, for example --set nplc=1")
        procedure.set(key.strip(), value)
    return procedure


def conclude(outcome: Outcome, stop: StopRequest) -> int:
    """Say how a run ended and return the exit status."""
    if outcome.status == "finished":
        say(f"finished: {outcome.rows} rows in {outcome.file}")
    elif outcome.status == "aborted":
        say(f"stopped ({stop.reason}): {outcome.rows} rows in {outcome.file}")
    else:
        say(f"error: {outcome.error}")
        say(f"failed: {outcome.rows} rows in {outcome.file}")
    if outcome.in_compliance:
        say(f"warning: {outcome.in_compliance} of {outcome.rows} rows are in compliance: the "
            "current limit, not the setpoint, fixed them; no fit will use them")  # fmt: skip
    for unsafe in outcome.unsafe:
        if unsafe not in (outcome.error or ""):
            say(f"NOT SAFE, use the front panel: {unsafe}")
    return 0 if outcome.ok else FAILED


def help_text(name: str) -> str:
    """Return the keys of a procedure with unit, default and range, or how to get them."""
    if not name:
        lines = [
            "Usage: nanojunction measure PROCEDURE --station FILE --sample NAME "
            "[--set key=value …] [--out DIR]",
            "",
            "Procedures (nanojunction measure PROCEDURE --help lists the keys):",
        ]
        for known in procedure_names():
            summary = (load_procedure(known).__doc__ or "").splitlines()[0]
            lines.append(f"  {known:20} {summary}")
        return "\n".join(lines)
    procedure = load_procedure(name)()
    lines = [
        (type(procedure).__doc__ or "").strip(),
        "",
        "Keys of --set key=value. Quantities take units (10mV, '2000 Oe', 0.3T/min); a bare number",
        "is in the unit given here. Lists: '0, 10mV, -10mV, 0'; ranges: start:stop:step.",
        "Run files go to --out DIR (default ./runs).",
        "",
    ]
    lines += [_key_line(key, parameter) for key, parameter in procedure.settable().items()]
    return "\n".join(lines)


def _key_line(key: str, parameter: object) -> str:
    units = getattr(parameter, "units", None)
    default = str(parameter) or "none"
    allowed = ""
    low, high = getattr(parameter, "minimum", None), getattr(parameter, "maximum", None)
    if low is not None:
        allowed = f", {low:g} to {high:g}{f' {units}' if units else ''}"
    if choices := getattr(parameter, "choices", None):
        allowed = f", one of {', '.join(repr(choice) for choice in choices)}"
    description = getattr(parameter, "description", None) or getattr(parameter, "name", "")
    return f"  {key:22} {description} (default {default}{allowed})"
