"""The figures of the page, each saved as SVG and PDF for papers, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from nanojunction.analysis.chip_report.figures import (
    histogram_figure,
    map_figure,
    ratio_figure,
    yields_figure,
)
from nanojunction.analysis.chip_report.places import ChipPlaces
from nanojunction.analysis.screening.screening import Screening

if TYPE_CHECKING:
    from nanojunction.analysis.figures.style import DrawnFigure


@dataclass(frozen=True, slots=True)
class SavedFigure:
    """A figure as the page shows it."""

    name: str
    svg: Markup
    caption: Markup


def saved_figures(
    screening: Screening, places: ChipPlaces, folder: Path
) -> dict[str, list[SavedFigure]]:
    """Draw and save every figure, one at a time; return those of the page by what they are of.

    The map is saved for papers only: the page has one of its own.
    """
    from nanojunction.analysis.figures.style import publication_style

    with publication_style():
        _saved(map_figure(screening, places), folder)
        yields = [_saved(yields_figure(screening), folder)]
        draw: list[Callable[[], DrawnFigure | None]] = [
            partial(histogram_figure, screening, one) for one in screening.statistics.histograms
        ]
        draw.append(partial(ratio_figure, screening))
        drawn = [figure for one in draw if (figure := one()) is not None]
        return {"yields": yields, "histograms": [_saved(one, folder) for one in drawn]}


def _saved(figure: DrawnFigure, folder: Path) -> SavedFigure:
    from nanojunction.analysis.figures.style import inline_svg, lay_out, pdf_bytes, svg_text
    from nanojunction.analysis.written import replacing, written_whole

    lay_out(figure.figure)
    text = svg_text(figure.figure)
    with written_whole(folder / f"{figure.name}.svg") as file:
        file.write(text)
    with replacing(folder / f"{figure.name}.pdf") as path:
        path.write_bytes(pdf_bytes(figure.figure))
    return SavedFigure(figure.name, inline_svg(text, f"{figure.name}-", figure.alt), figure.caption)
