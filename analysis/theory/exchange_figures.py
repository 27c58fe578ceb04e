"""The exchange interactions drawn: panels of the paper, curves and maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    COLUMN_MM,
    FULL_MM,
    GREEN,
    PURPLE,
    VERMILION,
    label_axes,
    new_figure,
    publication_style,
)
from nanojunction.analysis.theory.drawing import Shown, draw_curve, label_of, sweep_figure
from nanojunction.analysis.theory.exchange_sweeps import UNITS, ExchangeFound
from nanojunction.models.errors import ModelError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SYMBOLS", "exchange_figure", "shown_of"]

SYMBOLS = {
    "mu": r"$\mu$",
    "bias": r"$eV$",
    "t_left": r"$T_\mathrm{L}$",
    "delta_t": r"$\Delta T$",
    "p_left": r"$p_\mathrm{L}$",
    "p_right": r"$p_\mathrm{R}$",
    "gamma": r"$\Gamma$",
    "tc": r"$T_\mathrm{c}$",
    "eps0": r"$\varepsilon_0$",
    "j1": r"$J_1$",
    "j2": r"$J_2$",
}
"""Mathtext of each parameter."""
_INTERACTIONS = {"j_meV": "$J_{12}$", "i_meV": "$I_{12}$", "d_meV": "$D_{12}$"}
_COLOURS = (BLACK, VERMILION, BLUE, GREEN, PURPLE)
_DASHES: tuple[Literal["-", "--", "-."], ...] = ("-", "-", "-", "--", "-.")
_PANEL_MM = 62.0


def shown_of(found: ExchangeFound) -> list[Shown]:
    """Return the three interactions with symbols and units."""
    return [Shown(_INTERACTIONS[key], "meV", values) for key, values in found.results.items()]


def exchange_figure(found: Sequence[ExchangeFound]) -> Figure:
    """Return a figure: of a sweep by hand, or of one or three panels of the paper.

    Raises ModelError where nothing is swept.
    """
    if found[0].sweep.panel is None or len(found[0].sweep.axes) > 1:
        sweep = found[0].sweep
        return sweep_figure([(axis, SYMBOLS[axis.name]) for axis in sweep.axes], shown_of(found[0]))
    with publication_style():
        width = COLUMN_MM if len(found) == 1 else FULL_MM
        figure = new_figure(width, _PANEL_MM)
        panels = figure.subplots(1, len(found), squeeze=False)[0]
        for letter, panel, one in zip("abc", panels, found, strict=False):
            _draw_panel(panel, one)
            if len(found) > 1:
                panel.set_title(f"({letter})", loc="left", fontsize=8.0, pad=3.0)
        if found[0].sweep.pairs:
            handles, labels = panels[0].get_legend_handles_labels()
            figure.legend(
                handles, labels, loc="outside upper center", ncols=5 if len(found) > 1 else 3,
                title=r"$(p_\mathrm{L}, p_\mathrm{R})$", title_fontsize=7.0,
            )  # fmt: skip
        return figure


def _draw_panel(panel: Axes, found: ExchangeFound) -> None:
    sweep = found.sweep
    if sweep.panel is None:
        raise ModelError("preset", "no panel of the paper")
    axis, key = sweep.axes[0], f"{sweep.panel.interaction}_meV"
    values = found.results[key]
    curves = values if sweep.pairs else values[None]
    labels = [f"({left:g}, {right:g})".replace("-", "−") for left, right in sweep.pairs] or [""]
    for number, (curve, label) in enumerate(zip(curves, labels, strict=True)):
        draw_curve(panel, axis.values, curve, colour=_COLOURS[number], label=label)
        panel.lines[-1].set_linestyle(_DASHES[number])
    label_axes(
        panel, label_of(SYMBOLS[axis.name], UNITS[axis.name]), label_of(_INTERACTIONS[key], "meV")
    )
