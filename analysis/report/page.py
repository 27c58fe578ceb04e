"""The report: one page that needs nothing else, and its figures as vector files for papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.analysis.calibration import is_calibration
from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.devices.claims import find_claims
from nanojunction.analysis.devices.groups import run_name
from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.report.choice import chosen_for_report
from nanojunction.analysis.report.estimates import estimates_tables
from nanojunction.analysis.report.groups import verdicts
from nanojunction.analysis.report.overview import headline, overview
from nanojunction.analysis.report.sections import Section, folded, sections_of
from nanojunction.analysis.report.sources import (
    date_text,
    first_start,
    left_out,
    settings_rows,
    short_names,
    simulated,
    sources_of,
)
from nanojunction.analysis.report.tables import comparison_tables, run_tables, summary
from nanojunction.analysis.report.templating import rendered
from nanojunction.analysis.written import naming, written_whole

if TYPE_CHECKING:
    from nanojunction.analysis.analyse import Analysis

PAGE = "report.html"
DEVICES = "devices"
MOST_OPEN_ROWS = 60
"""Rows of a table that is not folded on the screen; on paper every table is whole."""
MOST_OPEN_FEATURES = 16
"""Rows of a device's table of features that is not folded on the screen."""


def write_report(
    analysis: Analysis,
    folder: PathLike,
    *,
    title: str,
    comparison: Sequence[ComparedRow] = (),
    software: str = "",
    started: str = "",
    by_device: bool = False,
) -> Path:
    """Write `report.html` and `figures/` (SVG and PDF) into a folder and return the page's path.

    The page is one file that needs no other and no script. What it shows follows from the runs
    and groups; names from files are escaped. `comparison` are rows of measured against published,
    `software` names the version that analysed, `started` the date of the measurement (empty: the
    first start that a run's header names). `by_device` also writes a folder `devices/NAME` with a
    page of its own for each junction, with all of its figures, and the calibrated resistors. Raises
    OSError where the folder cannot be written.
    """
    folder = Path(folder)
    analysis = replace(analysis, run_results=(*analysis.run_results, *analysis.calibrations))
    pages = {}
    with naming(folder):
        if by_device:
            for device, part in _devices(analysis).items():
                name = f"{DEVICES}/{part.slug}"
                _write(
                    part.analysis,
                    folder / DEVICES / part.slug,
                    title=f"{title}: {device}",
                    software=software,
                    started=started,
                    up=f"../../{PAGE}",
                )
                pages[device] = f"{name}/{PAGE}"
        return _write(
            analysis,
            folder,
            title=title,
            comparison=comparison,
            software=software,
            started=started,
            pages=pages,
        )


def _write(
    analysis: Analysis,
    folder: Path,
    *,
    title: str,
    software: str,
    started: str,
    comparison: Sequence[ComparedRow] = (),
    pages: Mapping[str, str] | None = None,
    up: str = "",
) -> Path:
    """Write one page; `pages` are those of the devices, `up` the one that lists them."""
    claims = find_claims(analysis.run_results, analysis.groups)
    whole = analysis.run_results
    analysis = chosen_for_report(analysis)
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    by_name = {claim.device: claim for claim in claims}
    sections, line = sections_of(analysis, figures, by_name)
    section_of = {section.device: section.number for section in sections}
    runs = [result.run for result in analysis.run_results]
    names = short_names(runs)
    numbers = {run_name(run): number for number, run in enumerate(runs, 1)}
    holding, judged = summary(comparison)
    sources = sources_of(runs, names)
    page = rendered(
        "nanojunction.analysis.report",
        "report.html.j2",
        title=title,
        started=date_text(started or first_start(runs)),
        software=software,
        simulated=simulated(runs),
        run_count=len(runs),
        file_count=len({path for run in runs for path in (run.file, *run.parts)}),
        comparison=comparison_tables(comparison),
        holding=holding,
        judged=judged,
        sections=folded(sections),
        line=line,
        undrawn=_undrawn(analysis, sections),
        headline=headline(whole, claims, numbers),
        overview=overview(
            analysis.run_results,
            by_name,
            section_of,
        ),
        section_of=section_of,
        verdicts=verdicts(analysis.groups),
        estimates=estimates_tables(analysis.estimates, numbers),
        run_tables=run_tables(analysis.run_results, names),
        left_out=left_out(analysis.run_results, names),
        most_open=MOST_OPEN_ROWS,
        most_features=MOST_OPEN_FEATURES,
        errors=analysis.errors,
        warnings=analysis.warnings,
        settings=settings_rows(analysis.run_results),
        sources=sources,
        source_of={n: one.number for one in sources for a, b in one.runs for n in range(a, b + 1)},
        pages=pages or {},
        up=up,
    )
    path = folder / PAGE
    with written_whole(path) as file:
        file.writelines(page)
    return path


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of an analysis that is about one device, and its name in paths."""

    slug: str
    analysis: Analysis


def _devices(analysis: Analysis) -> dict[str, _Part]:
    """Return each junction's part, the calibrated resistors in every one."""
    from nanojunction.analysis.figures.select import unique_slug

    runs = analysis.run_results
    junctions = [r.run.device for r in runs if not is_calibration(r.run)]
    taken: set[str] = set()
    return {
        device: _Part(
            unique_slug(device, taken),
            replace(
                analysis,
                run_results=tuple(
                    r for r in runs if r.run.device == device or is_calibration(r.run)
                ),
                groups=tuple(group for group in analysis.groups if group.device == device),
                estimates=tuple(one for one in analysis.estimates if one.device == device),
                errors=(),
                warnings=(),
            ),
        )
        for device in dict.fromkeys(junctions)
    }


def _undrawn(analysis: Analysis, sections: Sequence[Section]) -> int:
    """Return how many junctions have no section of their own."""
    junctions = {r.run.device for r in analysis.run_results if not is_calibration(r.run)}
    return len(junctions - {section.device for section in sections})
