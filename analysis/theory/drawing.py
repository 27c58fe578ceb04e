"""Results over one swept parameter as curves, over two as maps with the lines where they vanish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nanojunction.analysis.figures.style import (
    BLACK,
    COLUMN_MM,
    FULL_MM,
    label_axes,
    new_figure,
    publication_style,
    zero_lines,
)
from nanojunction.analysis.theory.axes import Axis
from nanojunction.analysis.values import Array
from nanojunction.models.errors import ModelError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Shown", "draw_curve", "draw_map", "label_of", "sweep_figure"]

_PANEL_MM, _FOOT_MM, _MAP_MM = 34.0, 12.0, 60.0
_DIVERGING = "RdBu_r"  # red and blue are told apart with any colour vision


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A result to be drawn: its symbol in mathtext, its unit, and its values over the axes."""

    symbol: str
    unit: str
    values: Array


def label_of(symbol: str, unit: str) -> str:
    """Return the label of an axis: "$J_{12}$ (meV)"; no brackets for a plain number."""
    return f"{symbol} ({unit})" if unit else symbol


def sweep_figure(axes: Sequence[tuple[Axis, str]], results: Sequence[Shown]) -> Figure:
    """Return a figure of results over one axis, a panel each, or over two, a map each.

    `axes` come with their symbols. Raises ModelError where nothing is swept.
    """
    if not axes:
        raise ModelError("figure", "nothing is swept: there is nothing to draw but numbers")
    with publication_style():
        return _curves(axes[0], results) if len(axes) == 1 else _maps(axes, results)


def _curves(axis: tuple[Axis, str], results: Sequence[Shown]) -> Figure:
    figure = new_figure(COLUMN_MM, _FOOT_MM + _PANEL_MM * len(results))
    panels = figure.subplots(len(results), 1, squeeze=False, sharex=True)[:, 0]
    for panel, shown in zip(panels, results, strict=True):
        draw_curve(panel, axis[0].values, shown.values)
        label_axes(panel, "", label_of(shown.symbol, shown.unit))
    label_axes(panels[-1], label_of(axis[1], axis[0].unit), panels[-1].get_ylabel())
    if _is_logarithmic(axis[0].values):
        panels[-1].set_xscale("log")
    figure.align_ylabels(panels)
    return figure


def draw_curve(panel: Axes, x: Array, y: Array, *, colour: str = BLACK, label: str = "") -> None:
    """Draw a curve over thin lines at 0; where it is NaN there is a gap."""
    zero_lines(panel, x=bool(x.min() < 0 < x.max()))
    panel.plot(x, y, color=colour, label=label or None)
    panel.margins(x=0.0, y=0.08)


def _maps(axes: Sequence[tuple[Axis, str]], results: Sequence[Shown]) -> Figure:
    width = COLUMN_MM if len(results) == 1 else FULL_MM
    figure = new_figure(width, _MAP_MM if len(results) > 1 else 1.2 * _MAP_MM)
    panels = figure.subplots(1, len(results), squeeze=False, sharey=True)[0]
    for panel, shown in zip(panels, results, strict=True):
        draw_map(figure, panel, (axes[0][0].values, axes[1][0].values), shown)
        label_axes(panel, label_of(axes[0][1], axes[0][0].unit), "")
    label_axes(panels[0], panels[0].get_xlabel(), label_of(axes[1][1], axes[1][0].unit))
    return figure


def draw_map(figure: Figure, panel: Axes, at: tuple[Array, Array], shown: Shown) -> None:
    """Draw a result, shape (x, y), in colours about zero, with its zeros as lines and a scale."""
    x, y = at
    values = np.ma.masked_invalid(shown.values.T)
    largest = float(np.abs(values).max()) if values.count() else 0.0
    mesh = panel.pcolormesh(
        x, y, values, cmap=_DIVERGING, vmin=-(largest or 1.0), vmax=largest or 1.0,
        shading="nearest", rasterized=True,
    )  # fmt: skip
    if values.min() < 0 < values.max():
        panel.contour(x, y, values, levels=[0.0], colors=BLACK, linewidths=0.5)
    for scale, along in ((panel.set_xscale, x), (panel.set_yscale, y)):
        if _is_logarithmic(along):
            scale("log")
    panel.tick_params(direction="out", which="both", top=False, right=False)
    figure.colorbar(mesh, ax=panel, location="top", label=label_of(shown.symbol, shown.unit))


def _is_logarithmic(values: Array) -> bool:
    """Tell whether an axis has even ratios over a decade or more."""
    if values.size < 3 or values[0] * values[-1] <= 0:
        return False
    ratios = values[1:] / values[:-1]
    return bool(np.allclose(ratios, ratios[0]) and not 0.1 < values[-1] / values[0] < 10)
