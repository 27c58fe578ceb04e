"""The report's sections: one a device, with its figures drawn and saved as vector files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from markupsafe import Markup

from nanojunction.analysis.devices.claims import Claim
from nanojunction.analysis.devices.groups import run_name
from nanojunction.analysis.notation import numbered
from nanojunction.analysis.report.groups import (
    CheckRow,
    FeatureRow,
    GroupTable,
    check_rows,
    feature_rows,
    group_table,
)
from nanojunction.analysis.report.repeats import RepeatTable, repeat_table
from nanojunction.analysis.report.words import in_html, with_links

if TYPE_CHECKING:
    from nanojunction.analysis.analyse import Analysis
    from nanojunction.analysis.figures.style import DrawnFigure

MOST_OPEN_SECTIONS = 40
_TALL = 1.2


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as the page shows it; `spans` are the numbers of its runs as (first, last).

    `is_tall` is True where it is clearly higher than wide.
    """

    number: int
    name: str
    svg: Markup
    caption: Markup
    spans: list[tuple[int, int]]
    is_tall: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One device on the page."""

    number: int
    device: str
    runs: list[tuple[int, int]]
    figures: list[Shown]
    tables: list[GroupTable]
    repeats: RepeatTable | None
    features: list[FeatureRow]
    checks: list[CheckRow]
    missing: str
    verdict: str
    reason: Markup


@dataclass(frozen=True, slots=True)
class Sections:
    """The sections that are always shown, and those that unfold."""

    first: tuple[Section, ...]
    more: tuple[Section, ...]


def folded(sections: Sequence[Section]) -> Sections:
    """Return the sections of devices; of many, those without a figure unfold."""
    if len(sections) <= MOST_OPEN_SECTIONS:
        return Sections(tuple(sections), ())
    return Sections(
        tuple(section for section in sections if section.figures),
        tuple(section for section in sections if not section.figures),
    )


def sections_of(
    analysis: Analysis, folder: Path, claims: Mapping[str, Claim]
) -> tuple[list[Section], list[Shown]]:
    """Draw every figure, one at a time, and return the sections of the devices."""
    from nanojunction.analysis.figures.select import devices_of, line_figure, share_figures
    from nanojunction.analysis.figures.style import publication_style

    numbers = {run_name(result.run): n for n, result in enumerate(analysis.run_results, 1)}
    sections: list[Section] = []
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
            claim = claims.get(device.device)
            section = Section(
                number=len(sections) + 1,
                device=device.device,
                runs=numbered(member.index + 1 for member in device.members),
                figures=shown,
                tables=[
                    group_table(group, numbers)
                    for group in device.groups
                    if group.kind not in ("controls", "repeat")
                ],
                repeats=repeat_table(device.groups, numbers),
                features=feature_rows(device.members),
                checks=check_rows(device.groups),
                missing=_left_out(len(device.draw) - room),
                verdict="" if claim is None else claim.verdict,
                reason=Markup("") if claim is None else _reason(claim, numbers),
            )
            if shown or section.tables or section.repeats or section.features or section.checks:
                sections.append(section)
        figure = line_figure(analysis)
        line = [] if figure is None else [_shown(figure, count + 1, folder)]
    return sections, line


def _reason(claim: Claim, numbers: Mapping[str, int]) -> Markup:
    """Return the reason of a verdict, in which the run it rests on is a link."""
    if claim.run is None:
        return in_html(claim.reason)
    name = PurePath(claim.run).name.partition("#")[0]
    here = {name: numbers[claim.run]} if claim.run in numbers else {}
    return with_links(claim.reason, [name], here)


def _left_out(count: int) -> str:
    from nanojunction.analysis.figures.select import MOST_FIGURES

    if count == 0:
        return ""
    return (
        f"{count} more figure{'s' if count > 1 else ''} of this device not drawn: a page has at "
        f"most {MOST_FIGURES}. Ask for a page of each device (--by-device), or analyse the "
        "device's runs alone, to see them."
    )


def _shown(figure: DrawnFigure, number: int, folder: Path) -> Shown:
    """Save a figure as SVG and PDF and return it for the page."""
    from nanojunction.analysis.figures.style import inline_svg, lay_out, pdf_bytes, svg_text

    lay_out(figure.figure)
    width, height = figure.figure.get_size_inches()
    text = svg_text(figure.figure)
    (folder / f"{figure.name}.svg").write_text(text, encoding="utf-8")
    (folder / f"{figure.name}.pdf").write_bytes(pdf_bytes(figure.figure))
    return Shown(
        number=number,
        name=figure.name,
        svg=inline_svg(text, f"f{number}-", figure.alt),
        caption=figure.caption,
        spans=numbered(index + 1 for index in figure.runs),
        is_tall=height > _TALL * width,
    )
