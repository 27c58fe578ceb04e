"""`nanojunction analyse`: a table on the screen, results JSON, a report."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.cli.catalogues import opened
from nanojunction.cli.console import FAILED, make_folder, say, steps_of, wide_console
from nanojunction.cli.findings import claims_of, estimates_of, warnings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from nanojunction.analysis.analyse import Analysis
    from nanojunction.analysis.catalogue.database import Catalogue
    from nanojunction.analysis.estimates.device_file import Devices
    from nanojunction.analysis.field.loops import Direction
    from nanojunction.analysis.field.states import FieldReference
    from nanojunction.analysis.run_result import RunResult
    from nanojunction.analysis.work.kept import ResultStore

#: Title, the keys of which a run has one, and the factor to the title's unit.
Columns = tuple[tuple[str, tuple[str, ...], float], ...]
#: What the table shows of a run, with a unit for the eye: of an I(V), and of what is no sweep of V.
COLUMNS: Columns = (
    ("V_off (mV)", ("v_off_V",), 1e3),
    ("I_off (µA)", ("i_off_A",), 1e6),
    ("R_s (Ω)", ("r_s_ohm",), 1.0),
    ("P_max (nW)", ("p_max_W",), 1e9),
)
MEANS: Columns = (
    ("mean V (mV)", ("v_mean_V", "voltage_V"), 1e3),
    ("mean I (µA)", ("i_mean_A",), 1e6),
)


def analyse(
    paths: Sequence[str],
    *,
    json_file: str,
    report: Path | None,
    by_device: bool = False,
    pattern: str | None,
    calibration: Path | None,
    reference: FieldReference,
    devices: Devices,
    workers: int,
    scheduler: str = "",
    catalogue: str = "",
) -> int:
    """Analyse, show and write; 1 if a file could not be read, 0 otherwise."""
    import typer

    from nanojunction.analysis.analyse import analyse as analyse_files

    if by_device and report is None:
        raise typer.BadParameter("--by-device: needs --report DIR")
    if report is not None:  # found out before the work, not after it
        make_folder(report, "--report")
    if json_file not in ("", "-") and not Path(json_file).parent.is_dir():
        raise NotADirectoryError(f"--json {json_file}: there is no such folder")
    with opened(catalogue) as entries, steps_of("analysing") as show:
        found = analyse_files(
            list(map(Path, paths)),
            pattern=pattern,
            calibration=calibration,
            reference=reference,
            workers=workers,
            scheduler=scheduler or None,
            progress=show,
            kept=store_in(entries),
            devices=devices,
        )
    if json_file:
        write_json(found, json_file)
    if report is not None:
        from nanojunction.analysis.report.page import write_report

        software = f"nanojunction {version('nanojunction')}"
        page = write_report(
            found, report, title=title_of(found), software=software, by_device=by_device
        )
        say(f"report: {page}")
    if json_file != "-":
        show_runs(found)
    for warning in found.warnings:
        say(f"warning: {warning}")
    for error in found.errors:
        say(f"error: {error}")
    if entries is not None:
        with opened(catalogue) as again:  # last: whatever happens to it, the results are written
            enter_into(again, found)
        say(f"{len(found.run_results)} runs, {found.taken} of them unchanged in the catalogue")
    return FAILED if found.errors else 0


def write_json(found: Analysis, json_file: str) -> None:
    """Write the results to a file, or to standard output for "-"."""
    from nanojunction.analysis.results import texts_of, write_results

    if json_file != "-":
        write_results(found.coming_json(), Path(json_file))
        return
    for text in texts_of(found.coming_json()):
        # JSON is UTF-8, whatever the console; what is no character in a name stands as an escape.
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.flush()


def reference_of(p_field: str, ap_field: str, approach: str) -> FieldReference:
    """Return which fields are compared, from the options; an empty text leaves the choice open.

    Raises typer.BadParameter that names the option.
    """
    import typer

    from nanojunction.analysis.field.states import FieldReference
    from nanojunction.procedures.quantities import parse_quantity

    def field_T(option: str, text: str) -> float | None:
        if not text:
            return None
        try:
            return parse_quantity(text, "T")
        except ValueError as error:
            raise typer.BadParameter(f"{option}: {error}") from None

    sides: dict[str, Direction] = {"up": "up", "down": "down"}
    if approach and approach not in sides:
        raise typer.BadParameter(f"--approach {approach}: give up or down")
    fields = field_T("--p-field", p_field), field_T("--ap-field", ap_field)
    try:
        return FieldReference(*fields, sides.get(approach))
    except ValueError as error:
        raise typer.BadParameter(f"--p-field, --ap-field: {error}") from None


def store_in(catalogue: Catalogue | None) -> ResultStore | None:
    """Return where a catalogue keeps results, None without one."""
    if catalogue is None:
        return None
    from nanojunction.analysis.catalogue.store import CatalogueStore

    return CatalogueStore(catalogue)


def enter_into(catalogue: Catalogue | None, found: Analysis) -> None:
    """Enter the runs and errors of an analysis, if there is a catalogue."""
    if catalogue is not None:
        from nanojunction.analysis.catalogue.entries import enter

        enter(catalogue, found.run_results, found.errors)


def title_of(found: Analysis) -> str:
    """Return a title that names the devices."""
    from nanojunction.analysis.calibration import is_calibration

    runs = [result.run for result in found.run_results]
    junctions = [run.device for run in runs if not is_calibration(run)]
    devices = list(dict.fromkeys(junctions or [run.device for run in runs]))
    if not devices:
        return "Analysis without a run"
    return f"Analysis of {', '.join(devices[:5])}{', …' if len(devices) > 5 else ''}"


def show_runs(found: Analysis) -> None:
    """Print the tables of runs and of controls, the verdicts, and the warnings."""
    if found.run_results:
        wide_console().print(table_of(found.run_results[:MOST_RUNS]))
    if (more := len(found.run_results) - MOST_RUNS) > 0:
        say(f"{more} more runs are not in this table: --json has all of them")
    if (controls := controls_of(found)) is not None:
        wide_console().print(controls)
    for line in (*claims_of(found), *estimates_of(found), *warnings_of(found)):
        say(line)


def table_of(results: Sequence[RunResult]) -> Table:
    """Return the table of runs with the quantities that most people look for first."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 1))
    table.add_column("run", overflow="fold", min_width=24)
    means = [key for _, keys, _ in MEANS for key in keys]
    columns = COLUMNS
    if any(key in result.quantities for result in results for key in means):
        columns = (*COLUMNS, *MEANS)
    for column in ("device", "kind", "T (K)", "H (T)", *(title for title, _, _ in columns)):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        run = result.run
        cells = [cell_of(result, keys, scale) for _, keys, scale in columns]
        part = "" if run.segment is None else f" #{run.segment}"
        if run.parts:
            part = f" (in {1 + len(run.parts)} parts){part}"
        way = " reversed" if run.conditions.polarity == "reversed" else ""
        conditions = (run.conditions.temperature_K, run.conditions.field_T)
        table.add_row(
            f"{run.file.name}{part}", f"{run.device}{way}", run.kind,
            *("–" if one is None else f"{one:.5g}" for one in conditions), *cells,
        )  # fmt: skip
    return table


def cell_of(result: RunResult, keys: Sequence[str], scale: float) -> str:
    """Return the first of some quantities that a run has, a dash where it has none."""
    values = (result.quantities.get(key) for key in keys)
    return with_error(next((value for value in values if value is not None), None), scale)


#: Runs, and checks of devices, that the tables on the screen show.
MOST_RUNS = MOST_CHECKS = 500

#: How the outcome of a check is printed: words, since not every console has the signs.
OUTCOMES = {"passed": "passed", "failed": "FAILED", "undecided": "undecided"}
VERDICTS = {1.0: "confirmed", 0.0: "NOT confirmed", None: "not confirmed yet"}


def controls_of(found: Analysis) -> Table | None:
    """Return the table of the devices' controls, None where no runs allow a check."""
    from rich.table import Table

    from nanojunction.analysis.notation import NO_BREAK
    from nanojunction.analysis.report.tables import conditions_text
    from nanojunction.analysis.values import Quantity

    groups = [group for group in found.groups if group.kind == "controls"]
    if not groups:
        return None
    table = Table(box=None, padding=(0, 1))
    for column in ("device", "control", "outcome", "conditions"):
        table.add_column(column, no_wrap=column != "conditions")
    table.add_column("found", overflow="fold", ratio=1)
    for group in groups:
        if table.row_count >= MOST_CHECKS:
            table.caption = "the controls of more devices are in --json"
            break
        for check in group.checks:
            at = conditions_text(check.conditions).replace(NO_BREAK, " ")
            table.add_row(
                group.device, check.name, OUTCOMES[check.outcome], at or "–", check.reason
            )
        verdict = group.quantities["confirmed"]
        assert isinstance(verdict, Quantity)
        table.add_row(group.device, "all", VERDICTS[verdict.value], "–", verdict.note or "")
    return table


def with_error(quantity: object, scale: float) -> str:
    """Return a value with its uncertainty in brackets: 25.90(2)."""
    from uncertainties import ufloat

    value = getattr(quantity, "value", None)
    stderr = getattr(quantity, "stderr", None)
    if value is None:
        return "–"
    if not stderr:
        return f"{value * scale:.5g}"
    form = "fS" if max(abs(value), stderr) * abs(scale) > 1e-6 else "eS"
    return f"{ufloat(value * scale, stderr * abs(scale)):.1u{form}}"
