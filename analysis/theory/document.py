"""What a model gave, as JSON, and figures as files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanojunction.analysis.theory.axes import Axis
from nanojunction.analysis.values import plain
from nanojunction.analysis.written import replacing
from nanojunction.models.errors import ModelError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "check_figure_name", "document_of", "figure_bytes", "save_figure", "to_text"]

FIGURES = (".svg", ".pdf", ".png")
_PNG_DPI = 300


def document_of(
    model: str, parameters: Mapping[str, Any], axes: Sequence[Axis], results: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the document of a model: its name, fixed parameters, axes and results.

    A result has one level of lists for each axis, in their order, and then those of its own. NaN
    and Infinity become None.
    """
    return {
        "model": model,
        "parameters": plain(dict(parameters)),
        "axes": {axis.key: plain(axis.values) for axis in axes},
        "results": plain(dict(results)),
    }


def to_text(document: Mapping[str, Any]) -> str:
    """Return a document as JSON text."""
    return json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n"


def check_figure_name(path: Path) -> None:
    """Raise ModelError unless a figure can be written under this name."""
    if path.suffix.lower() not in FIGURES:
        raise ModelError("figure", f"{path}: the name must end in {', '.join(FIGURES)}")


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """Return a figure as a file, the same for the same data: ".svg", ".pdf" or ".png"."""
    from nanojunction.analysis.figures.style import pdf_bytes, publication_style, svg_text

    with publication_style():
        if suffix == ".svg":
            return svg_text(figure).encode()
        if suffix == ".pdf":
            return pdf_bytes(figure)
        return _png_bytes(figure)


def _png_bytes(figure: Figure) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_PNG_DPI, metadata={"Software": None})
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; its form follows from the name. Raises ModelError or OSError."""
    check_figure_name(path)
    with replacing(path) as target:
        target.write_bytes(figure_bytes(figure, path.suffix.lower()))
