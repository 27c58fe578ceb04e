"""The report: one page that needs nothing else, and its figures as vector files for papers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from nanojunction.analysis.calibration import is_calibration
from nanojunction.analysis.claims import find_claims
from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.groups import run_name
from nanojunction.analysis.notation import numbered
from nanojunction.analysis.report_groups import (
    CheckRow,
    FeatureRow,
    GroupTable,
    check_rows,
    feature_rows,
    group_table,
    verdicts,
)
from nanojunction.analysis.report_tables import (
    comparison_tables,
    overview_rows,
    run_tables,
    summary,
)
from nanojunction.analysis.run import Run

if TYPE_CHECKING:
    from nanojunction.analysis.analyse import Analysis
    from nanojunction.analysis.figures.style import DrawnFigure

PAGE = "report.html"


@dataclass(frozen=True, slots=True)
class _Shown:
    """A figure as the page shows it; `spans` are the numbers of its runs as (first, last)."""

    number: int
    name: str
    svg: Markup
    caption: Markup
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Section:
    """One device on the page."""

    device: str
    figures: list[_Shown]
    tables: list[GroupTable]
    features: list[FeatureRow]
    checks: list[CheckRow]
    missing: str
    verdict: str


@dataclass(frozen=True, slots=True)
class _Source:
    """Where numbers come from: a file (or a run's parts), digests, rows and how its runs ended."""

    file: str
    sha256: str
    runs: list[tuple[int, int]]
    rows: int
    status: str
    software: str


def write_report(
    analysis: Analysis,
    folder: Path,
    *,
    title: str,
    comparison: Sequence[ComparedRow] = (),
    software: str = "",
    started: str = "",
) -> Path:
    """Write `report.html` and `figures/` (SVG and PDF) into a folder and return the page's path.

    The page is one file that needs no other and no script. What it shows follows from the runs
    and groups; names from files are escaped. `comparison` are rows of measured against published,
    `software` names the version that analysed, `started` the date of the measurement (empty: the
    first start that a run's header names). Raises OSError where the folder cannot be written.
    """
    from jinja2 import Environment, StrictUndefined

    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    sections, line = _sections(analysis, figures)
    runs = [result.run for result in analysis.run_results]
    names = _short_names(runs)
    source = resources.files("nanojunction.analysis") / "templates" / "report.html.j2"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    holding, judged = summary(comparison)
    page = environment.from_string(source.read_text(encoding="utf-8")).render(
        title=title,
        started=_date(started or _first_start(runs)),
        software=software,
        simulated=_simulated(runs),
        run_count=len(runs),
        file_count=len({path for run in runs for path in (run.file, *run.parts)}),
        comparison=comparison_tables(comparison),
        holding=holding,
        judged=judged,
        sections=sections,
        line=line,
        undrawn=_undrawn(analysis, sections),
        overview=overview_rows(analysis.run_results),
        verdicts=verdicts(analysis.groups),
        run_tables=run_tables(analysis.run_results, names),
        errors=analysis.errors,
        warnings=analysis.warnings,
        sources=_sources(runs, names),
    )
    path = folder / PAGE
    partial = path.with_name(f"{PAGE}.part")
    partial.write_text(page, encoding="utf-8", errors="backslashreplace")
    partial.replace(path)
    return path


def _sections(analysis: Analysis, folder: Path) -> tuple[list[_Section], list[_Shown]]:
    """Draw every figure, one at a time, and return the sections of the devices."""
    from nanojunction.analysis.figures.select import devices_of, line_figure, share_figures
    from nanojunction.analysis.figures.style import publication_style

    found = find_claims(analysis.run_results, analysis.groups)
    claims = {claim.device: f"{claim.verdict.capitalize()}: {claim.reason}." for claim in found}
    numbers = {run_name(result.run): n for n, result in enumerate(analysis.run_results, 1)}
    sections = []
    count = 0
    devices = devices_of(analysis)
    allowed = share_figures(devices)
    with publication_style():
        for device, room in zip(devices, allowed, strict=True):
            shown = []
            for draw in device.draw[:room]:
                figure = draw()
                if figure is not None:
                    count += 1
                    shown.append(_shown(figure, count, folder))
            missing = _left_out(len(device.draw) - room)
            tables = [
                group_table(group, _named(numbers))
                for group in device.groups
                if group.kind != "controls"
            ]
            features, checks = feature_rows(device.members), check_rows(device.groups)
            if shown or tables or features or checks:
                verdict = claims.get(device.device, "")
                section = _Section(device.device, shown, tables, features, checks, missing, verdict)
                sections.append(section)
        figure = line_figure(analysis)
        line = [] if figure is None else [_shown(figure, count + 1, folder)]
    return sections, line


def _undrawn(analysis: Analysis, sections: Sequence[_Section]) -> int:
    """Return how many junctions have no section of their own."""
    junctions = {r.run.device for r in analysis.run_results if not is_calibration(r.run)}
    return len(junctions - {section.device for section in sections})


def _named(numbers: dict[str, int]) -> dict[str, str]:
    return {name: f"run {number}" for name, number in numbers.items()}


def _left_out(count: int) -> str:
    from nanojunction.analysis.figures.select import MOST_FIGURES

    if count == 0:
        return ""
    return (
        f"{count} more figure{'s' if count > 1 else ''} of this device not drawn: a report has at "
        f"most {MOST_FIGURES}. Analyse the device's runs alone to see them."
    )


def _shown(figure: DrawnFigure, number: int, folder: Path) -> _Shown:
    """Save a figure as SVG and PDF and return it for the page."""
    from nanojunction.analysis.figures.style import inline_svg, lay_out, pdf_bytes, svg_text

    lay_out(figure.figure)
    text = svg_text(figure.figure)
    (folder / f"{figure.name}.svg").write_text(text, encoding="utf-8")
    (folder / f"{figure.name}.pdf").write_bytes(pdf_bytes(figure.figure))
    return _Shown(
        number=number,
        name=figure.name,
        svg=inline_svg(text, f"f{number}-", figure.alt),
        caption=figure.caption,
        spans=numbered(index + 1 for index in figure.runs),
    )


def _short_names(runs: Sequence[Run]) -> list[str]:
    """Return the runs' file names, with as many folders as tell them apart."""
    files = list(dict.fromkeys(run.file for run in runs))
    short = {path: path.name for path in files}
    if len(set(short.values())) < len(files):
        short = {path: path.as_posix() for path in files}
    return [short[run.file] for run in runs]


def _first_start(runs: Sequence[Run]) -> str:
    starts = sorted(run.header["Started"] for run in runs if "Started" in run.header)
    return starts[0] if starts else ""


def _date(text: str) -> str:
    """Return an ISO date and time to the minute; any other text as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{when:%Y-%m-%d %H:%M %Z}".strip()


def _is_simulated(run: Run) -> bool:
    try:
        station = json.loads(run.header.get("Station", "null"))
    except (ValueError, RecursionError):
        return False
    return isinstance(station, dict) and station.get("simulated") is True


def _simulated(runs: Sequence[Run]) -> str:
    """Return "", or how many of the runs were measured on a virtual cryostat."""
    count = sum(_is_simulated(run) for run in runs)
    if count == 0:
        return ""
    whole = "all" if count == len(runs) else f"{count} of {len(runs)}"
    return f"{whole} runs were measured on a virtual cryostat"


def _sources(runs: Sequence[Run], names: Sequence[str]) -> list[_Source]:
    files: dict[Path, list[tuple[int, Run]]] = {}
    for number, run in enumerate(runs, 1):
        files.setdefault(run.file, []).append((number, run))
    return [_source(path, names[members[0][0] - 1], members) for path, members in files.items()]


def _source(path: Path, name: str, members: Sequence[tuple[int, Run]]) -> _Source:
    run = members[0][1]
    notes = [] if run.notes is None else [run.notes.file]
    return _Source(
        file=", ".join([name, *(part.name for part in (*run.parts, *notes))]),
        sha256=", ".join(map(_digest, (path, *run.parts, *notes))),
        runs=numbered(number for number, _ in members),
        rows=sum(len(member) for _, member in members),
        status=run.status or "not stated",
        software=run.header.get("Software", "not stated"),
    )


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot be read any more ({error.strerror})"
