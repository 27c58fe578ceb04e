"""`nanojunction measure`: one run, with progress, and a safe end however it ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.cli.console import FAILED, progress_of, say
from nanojunction.instruments.safe_state import not_safe
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.live import LIVE_FILE, Live
from nanojunction.procedures.registry import UnknownProcedure, load_procedure, procedure_names
from nanojunction.procedures.run_parameters import OWN_OPTIONS, ProcedureError
from nanojunction.procedures.runner import Outcome, run_procedure
from nanojunction.procedures.sample_file import load_sample_file, own_limits
from nanojunction.procedures.stopping import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from nanojunction.analysis.values import Quantity

#: What `measure` takes beside station, sample and keys.
OPTIONS = {
    "--out DIR": "folder of the run files (default runs)",
    "--sample-file FILE": "limits of the sample's junctions",
    "--watchdog/--no-watchdog": "a process that makes the station safe if this one dies; on where "
    "the station file has addresses",
    "--monitor": "show the live state on a page on this computer",
    "--monitor-port N": "the page's port; any free one else",
}


def measure(
    name: str,
    station_file: Path,
    sample: str,
    settings: list[str],
    out: Path,
    *,
    watchdog: bool | None = None,
    sample_file: Path | None = None,
    monitor_port: int | None = None,
) -> int:
    """Measure one run and return the exit status.

    A `sample_file` has limits of the junction's own; `monitor_port` serves the live state there.
    """
    procedure = prepared(name, sample, settings)
    chip = None if sample_file is None else load_sample_file(sample_file)
    procedure.station_file = str(station_file)
    station = Station.from_file(station_file)
    own = own_limits(procedure, station.config, chip)
    if chip is not None and (note := chip.unused_positions(station.config)):
        say(note)
    station.watchdog = watchdog
    station.owner.tell = say
    outcome = None
    with stop_on_signals(StopRequest()) as stop:
        station.stop_waiting = stop.asked_again
        try:
            with (
                live_in(out, monitor_port) as live,
                station,
                progress_of(f"{name} of {sample}") as show,
            ):
                station.source_meter.protect(own)
                outcome = run_procedure(
                    procedure, station, out, stop=stop, on_progress=show, live=live
                )
        except Unsafe:
            if outcome is not None:
                say(f"{outcome.status}: {outcome.rows} rows in {outcome.file}")
            raise
    status = conclude(outcome, stop)
    if procedure.KIND == "calibration" and outcome.rows:
        say(calibration_words(outcome.file))
    return status


def calibration_words(file: Path) -> str:
    """Return what a calibration run has measured, and a warning if it is another resistor."""
    from nanojunction.analysis.analyse import analyse
    from nanojunction.analysis.calibration import not_as_stated, number
    from nanojunction.analysis.notation import NO_BREAK, amount

    found = analyse([file])
    if not found.run_results:
        return f"warning: {'; '.join(error.error for error in found.errors) or 'no result'}"
    (result,) = found.run_results
    parts = []
    for key, name, unit in (
        ("r_s_ohm", "R", "Ω"),
        ("v_off_V", "V_off", "V"),
        ("i_off_A", "I_off", "A"),
    ):
        parts.append(f"{name} {plus_minus(number(result.quantities, key), unit)}")
    stated = amount(float(result.run.header["Nominal resistance"].split()[0]), "Ω")
    words = f"measured: {', '.join(parts)}; nominal {stated}".replace(NO_BREAK, " ")
    if not_as_stated(result) is None:
        return words
    return f"{words}\nwarning: not this resistor: was it connected, and its value typed right?"


def plus_minus(quantity: Quantity, unit: str) -> str:
    """Return `4.905 ± 0.048 µV`: two digits of the standard error, the prefix of the value."""
    from nanojunction.analysis.notation import si_scale

    if quantity.value is None:
        return f"not found ({quantity.note})" if quantity.note else "not found"
    scale = si_scale([quantity.value], unit)
    value, stderr = quantity.value * scale.factor, (quantity.stderr or 0.0) * scale.factor
    if not stderr:
        return f"{value:.6g} {scale.unit}"
    decimals = max(0, 1 - math.floor(math.log10(stderr)))
    return f"{value:.{decimals}f} ± {stderr:.{decimals}f} {scale.unit}"


@contextmanager
def live_in(folder: Path, monitor_port: int | None) -> Iterator[Live]:
    """Keep the live state in `folder`, to the end; with a port (0: any) also serve its page."""
    live = Live(folder / LIVE_FILE)
    with _served(live, monitor_port):
        try:
            yield live
        except BaseException as problem:
            live.leave(problem)
            raise
        live.leave(None)


@contextmanager
def _served(live: Live, monitor_port: int | None) -> Iterator[None]:
    if monitor_port is None:
        yield
        return
    from nanojunction.procedures.monitor import Monitor

    with Monitor(live, monitor_port) as monitor:
        say(f"monitor: {monitor.url}")
        yield


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
        if not (outcome.error or "").startswith("NOT SAFE"):  # which is said last, and once
            say(f"error: {outcome.error}")
        say(f"{outcome.status}: {outcome.rows} rows in {outcome.file}")
    if outcome.in_compliance:
        say(f"warning: {outcome.in_compliance} of {outcome.rows} rows are in compliance: the "
            "current limit, not the setpoint, fixed them; no fit will use them")  # fmt: skip
    if outcome.unsafe:
        say(not_safe(outcome.unsafe))
    return 0 if outcome.ok else FAILED


def help_text(name: str) -> str:
    """Return the keys of a procedure with unit, default and range, or how to get them."""
    if not name:
        lines = [
            "Usage: nanojunction measure PROCEDURE --station FILE --sample NAME "
            "[--set key=value …]",
            *(f"  {option:26} {words}" for option, words in OPTIONS.items()),
            "",
            "Procedures (nanojunction measure PROCEDURE --help lists the keys):",
        ]
        for known in procedure_names():
            lines.append(f"  {known:20} {_summary(known)}")
        return "\n".join(lines)
    procedure = load_procedure(name)()
    lines = [
        (type(procedure).__doc__ or "").strip(),
        "",
        "Keys of --set key=value. Quantities take units (10mV, '2000 Oe', 0.3T/min); a bare number",
        "is in the unit given here. Lists: '0, 10mV, -10mV, 0'; ranges: start:stop:step.",
        "Run files go to --out DIR (default ./runs).",
        f"Options: --station FILE, --sample NAME, --set key=value, {', '.join(OPTIONS)}.",
        "",
    ]
    lines += [_key_line(key, parameter) for key, parameter in procedure.settable().items()]
    return "\n".join(lines)


def _summary(name: str) -> str:
    """Return a procedure's first line; one that cannot be used hides no other."""
    try:
        words = (load_procedure(name).__doc__ or "").strip()
    except UnknownProcedure as problem:
        return f"cannot be used: {problem}"
    return words.partition("\n")[0]


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
