"""`nanojunction demo`: from the virtual cryostat's sockets to the published numbers."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.cli.console import FAILED, progress_of, say, steps_of, wide_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nanojunction.analysis.analyse import Analysis
    from nanojunction.analysis.comparison import ComparedRow
    from nanojunction.analysis.estimates.device_file import Devices
    from nanojunction.analysis.screening.yields import Yields
    from nanojunction.cli.demo_campaign import Step
    from nanojunction.instruments.station_file import StationConfig


def demo(out: Path, seed: int) -> int:
    """Measure, analyse, compare, write; return 0 only if every row is within its tolerance."""
    from nanojunction.analysis.analyse import analyse
    from nanojunction.analysis.published import compare
    from nanojunction.analysis.report.page import write_report
    from nanojunction.analysis.results import write_results
    from nanojunction.cli.demo_campaign import station, with_batches

    began = time.strftime("%Y-%m-%d %H:%M:%S")
    folder = out / "runs" / f"{time.strftime('%Y-%m-%d_%H%M%S')}_seed{seed}"
    files = measure_all(folder, station(seed), with_batches(seed))
    with steps_of("analysing") as show:
        campaign = [file for file in files if file.parent == folder]
        found = analyse(campaign, devices=published_devices(), progress=show)
    batches = {name: batch_of(name, files, found) for name in DIAMETERS_M}
    for error in found.errors:
        say(f"error: {error}")
    rows = compare(found, batches)
    document = found.to_json() | {
        "comparison": [row.to_json() for row in rows],
        "batches": {name: yields.to_json() for name, yields in batches.items()},
    }
    write_results(document, out / "results.json")
    say("drawing the report")
    page = write_report(
        found,
        out,
        title="Spin engines on the virtual cryostat, measured and published",
        comparison=rows,
        software=f"nanojunction {version('nanojunction')}",
        started=began,
    )
    show_table(rows)
    return conclude(rows, out / "results.json", page) or (FAILED if found.errors else 0)


#: The batches of the campaign, with the diameter of their junctions (both papers' Methods).
DIAMETERS_M = {"chowrira-193": 300e-9, "katcko-216": 20e-6}


def published_devices() -> Devices:
    """Return what both papers state about the devices of the campaign."""
    from nanojunction.analysis.estimates.device_file import Devices, Stated
    from nanojunction.analysis.geometry import parse_area

    molecular = Stated(
        area=parse_area("300 nm", "diameter", "Chowrira 2020, Methods"),
        layers=3.0,
        selector="Fe/C60 spinterface",
        centre="CoPc between C60 layers",
    )
    tunnel = Stated(
        area=parse_area("20 um", "diameter", "Katcko 2019, Methods"),
        pitch_m=90e-9,
        selector="Co/C spinterface",
        centre="C paramagnetic dimer in MgO",
    )
    names = ("A", "B", "B-degraded", "C")
    return Devices(named={**dict.fromkeys(names, molecular), "MTJ": tunnel})


def batch_of(name: str, files: Sequence[Path], campaign: Analysis) -> Yields:
    """Analyse the runs of a batch against the campaign's measuring line."""
    from nanojunction.analysis.analyse import analyse
    from nanojunction.analysis.calibration import measuring_line
    from nanojunction.analysis.screening.yields import batch_yields

    known = [result for result in campaign.run_results if result.run.kind == "calibration"]
    with steps_of(f"analysing {name}") as show:
        found = analyse([file for file in files if file.parent.name == name], progress=show)
    for error in found.errors:
        say(f"error: {error}")
    line, diameter_m = measuring_line(known), DIAMETERS_M[name]
    return batch_yields(found.run_results, line=line, diameter_m=diameter_m)


def measure_all(folder: Path, config: StationConfig, campaign: tuple[Step, ...]) -> list[Path]:
    """Measure the campaign on the demo's station and return its run files."""
    from nanojunction.cli.demo_campaign import measure
    from nanojunction.instruments.station import Station
    from nanojunction.procedures.progress import Progress
    from nanojunction.procedures.stopping import StopRequest, stop_on_signals

    on = Station(config, source="the demo's station")
    began = time.monotonic()
    with stop_on_signals(StopRequest()) as stop, on, progress_of("measuring") as show:

        def tell(percent: float, words: str) -> None:
            passed = time.monotonic() - began
            left_s = passed * (100.0 - percent) / percent if percent > 2.0 else None
            show(Progress(percent, left_s, words, 0))

        outcomes = measure(on, campaign, folder, stop, tell)
    rows = sum(outcome.rows for outcome in outcomes)
    say(f"measured {rows} rows in {len(outcomes)} runs: {folder}")
    return [outcome.file for outcome in outcomes]


def show_table(rows: Sequence[ComparedRow]) -> None:
    """Print measured and published side by side."""
    from rich.table import Table

    from nanojunction.cli.analyse import with_error

    table = Table(title="measured and published", padding=(0, 1), collapse_padding=True)
    for column in ("device", "quantity"):
        table.add_column(column)
    for column in ("measured", "published", "deviation", "allowed"):
        table.add_column(column, justify="right", no_wrap=column in ("measured", "deviation"))
    table.add_column("kind", no_wrap=True)
    table.add_column("", no_wrap=True)
    last = ""
    for row in rows:
        if last and row.device != last:
            table.add_section()
        unit = f" {row.unit}" if row.unit else ""
        table.add_row(
            row.device if row.device != last else "", f"{row.condition}: {row.quantity}",
            f"{with_error(row.measured, row.scale)}{unit}", row.published, deviation_text(row),
            row.limits_text(), row.kind, verdict(row),
        )  # fmt: skip
        last = row.device
    wide_console().print(table)


def verdict(row: ComparedRow) -> str:
    """Return whether a row holds, in a word; a choice is not judged."""
    if row.kind == "choice":
        return ""
    return "holds" if row.ok else "[bold red]NO[/]"


def deviation_text(row: ComparedRow) -> str:
    """Return the deviation in percent, or in the row's unit where the tolerance is absolute."""
    if row.deviation is None:
        return ""
    if row.absolute:
        return f"{row.deviation:+.2g} {row.unit}"
    return f"{100.0 * row.deviation:+.2f} %"


def conclude(rows: Sequence[ComparedRow], results: Path, page: Path) -> int:
    """Say how many rows hold and where everything is; return the exit status."""
    wrong = [row for row in rows if not row.ok]
    judged = [row for row in rows if row.kind != "choice"]
    for row in wrong:
        say(f"error: {row.device}, {row.condition}, {row.quantity}: {row.problem}")
    say(f"{len(judged) - len(wrong)} of {len(judged)} rows hold "
        f"({len(rows) - len(judged)} more are choices of the junction files)")  # fmt: skip
    say(f"results: {results}")
    say(f"report:  {page}")
    return FAILED if wrong else 0
