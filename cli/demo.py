"""`nanojunction demo`: from the virtual cryostat's sockets to the published numbers."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.cli.console import FAILED, progress_of, say, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nanojunction.analysis.comparison import ComparedRow
    from nanojunction.cli.demo_campaign import Step
    from nanojunction.instruments.station_file import StationConfig


def demo(out: Path, seed: int) -> int:
    """Measure, analyse, compare, write; return 0 only if every row is within its tolerance."""
    from nanojunction.analysis.analyse import analyse
    from nanojunction.analysis.published import compare
    from nanojunction.analysis.report import write_report
    from nanojunction.analysis.results import write_results
    from nanojunction.cli.demo_campaign import station, steps

    began = time.strftime("%Y-%m-%d %H:%M:%S")
    folder = out / "runs" / f"{time.strftime('%Y-%m-%d_%H%M%S')}_seed{seed}"
    files = measure_all(folder, station(seed), steps())
    with steps_of("analysing") as show:
        found = analyse(files, progress=show)
    for error in found.errors:
        say(f"error: {error.error}")
    rows = compare(found)
    document = found.to_json() | {"comparison": [row.to_json() for row in rows]}
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


def measure_all(folder: Path, config: StationConfig, campaign: tuple[Step, ...]) -> list[Path]:
    """Measure the campaign on the demo's station and return its run files."""
    from nanojunction.cli.demo_campaign import measure
    from nanojunction.instruments.station import Station
    from nanojunction.procedures.runner import Progress, StopRequest, stop_on_signals

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
    from rich.console import Console
    from rich.table import Table

    from nanojunction.cli.analyse import with_error

    table = Table(title="measured and published")
    for column in ("device", "condition", "quantity"):
        table.add_column(column)
    for column in ("measured", "published", "deviation", "allowed"):
        table.add_column(column, justify="right")
    table.add_column("kind")
    table.add_column("")
    last = ""
    for row in rows:
        if last and row.device != last:
            table.add_section()
        unit = f" {row.unit}" if row.unit else ""
        table.add_row(
            row.device if row.device != last else "", row.condition, row.quantity,
            f"{with_error(row.measured, row.scale)}{unit}", row.published, deviation_text(row),
            row.limits_text(), row.kind, "holds" if row.ok else f"[bold red]NO: {row.problem}[/]",
        )  # fmt: skip
        last = row.device
    Console().print(table)


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
