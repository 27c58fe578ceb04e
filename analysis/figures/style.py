"""The look of every figure: sizes of a journal's column, colours, ticks, and vector export."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup

from nanojunction.analysis.notation import Scale, si_scale
from nanojunction.analysis.values import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Dash = Literal["-", "--"]
"""Solid or dashed: how directions are told apart without colour."""

COLUMN_MM = 86.0
FULL_MM = 178.0

#: Okabe & Ito's colours, told apart by readers with any colour vision.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)
CYCLE = (BLACK, VERMILION, BLUE, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MAGENTA = "#D0008F"
"""Chowrira's experimental error of the measuring line is a magenta cross."""
GREY = "#808080"

_MM_PER_INCH = 25.4
_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
    "font.size": 7.5,
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.6,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-4, 5),
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.borderaxespad": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.2,
    "errorbar.capsize": 1.5,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.minor.size": 1.7,
    "ytick.minor.size": 1.7,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    # Letters as outlines look the same everywhere; a PDF keeps its letters as text.
    "svg.fonttype": "path",
    "svg.hashsalt": "nanojunction",
    "pdf.fonttype": 42,
    "figure.constrained_layout.w_pad": 0.03,
    "figure.constrained_layout.h_pad": 0.03,
}


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """A figure with what stands below it; `runs` are the indices of the runs it was drawn from.

    `name` is its file's name without suffix, `alt` says in words what it shows.
    """

    name: str
    figure: Figure
    caption: Markup
    alt: str
    runs: tuple[int, ...]


@contextmanager
def publication_style() -> Iterator[None]:
    """Apply the style while figures are drawn and saved; nothing of it remains afterwards."""
    import matplotlib

    with matplotlib.rc_context(_SETTINGS):
        yield


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """Return an empty figure without any global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH), layout="constrained")


def scale_of(arrays: Sequence[Array], unit: str) -> Scale:
    """Return the SI prefix for the largest value of several arrays."""
    import numpy as np

    sizes = [
        float(np.max(np.abs(array[np.isfinite(array)])))
        for array in arrays
        if np.isfinite(array).any()
    ]
    return si_scale(sizes, unit)


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Label both axes."""
    axes.set_xlabel(x, labelpad=2.0)
    axes.set_ylabel(y, labelpad=2.0)


def zero_lines(axes: Axes, *, x: bool = True, y: bool = True) -> None:
    """Draw thin lines at 0 behind the data."""
    if y:
        axes.axhline(0.0, color=GREY, linewidth=0.4, zorder=0.5)
    if x:
        axes.axvline(0.0, color=GREY, linewidth=0.4, zorder=0.5)


def lay_out(figure: Figure) -> None:
    """Settle where everything in the figure is, once for all formats it is saved in."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def svg_text(figure: Figure) -> str:
    """Return the figure as an SVG file's text, the same for the same data."""
    buffer = StringIO()
    empty = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=empty)
    return buffer.getvalue()


def pdf_bytes(figure: Figure) -> bytes:
    """Return the figure as a PDF file, the same for the same data."""
    buffer = BytesIO()
    empty = dict.fromkeys(("Creator", "Producer", "CreationDate"))
    figure.savefig(buffer, format="pdf", metadata=empty)
    return buffer.getvalue()


_BEFORE_SVG = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SIZE = re.compile(r'(<svg\b[^>]*?) width="[^"]*"|(<svg\b[^>]*?) height="[^"]*"')
_REFERENCE = re.compile(r'(\bid="|xlink:href="#|\burl\(#)')


def inline_svg(text: str, prefix: str, alt: str) -> Markup:
    """Return an SVG file's text as an element for a page, with identifiers of its own.

    `prefix` keeps the identifiers of several figures on a page apart; `alt` is read aloud.
    """
    body = _METADATA.sub("", _BEFORE_SVG.sub("", text, count=1))
    body = _COMMENT.sub("", body)
    body = _REFERENCE.sub(lambda found: found[1] + prefix, body)
    body = body.replace("xlink:href=", "href=").replace(
        ' xmlns:xlink="http://www.w3.org/1999/xlink"', ""
    )
    attributes = Markup('<svg role="img" aria-label="{}"').format(alt)
    return Markup(body.replace("<svg", str(attributes), 1).strip())
