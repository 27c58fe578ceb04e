"""The measurement engine drawn: ΔE against cycle, and against what is swept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    COLUMN_MM,
    SKY,
    VERMILION,
    label_axes,
    new_figure,
    publication_style,
    zero_lines,
)
from nanojunction.analysis.theory.drawing import Shown, sweep_figure
from nanojunction.analysis.theory.engine_sweeps import EngineFound
from nanojunction.analysis.values import Array
from nanojunction.models.errors import ModelError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SYMBOLS", "engine_figure", "shown_of"]

SYMBOLS = {
    "tl_plus": r"$T_\mathrm{L}^+$",
    "tl_minus": r"$T_\mathrm{L}^-$",
    "tr_plus": r"$T_\mathrm{R}^+$",
    "tr_minus": r"$T_\mathrm{R}^-$",
    "tl": r"$T_\mathrm{L}^+ = T_\mathrm{L}^-$",
    "tr": r"$T_\mathrm{R}^+ = T_\mathrm{R}^-$",
    "lambda_plus": r"$\Lambda^+$",
    "lambda_minus": r"$\Lambda^-$",
    "gamma": r"$\gamma$",
    "u": r"$U$",
    "j": r"$J$",
    "eps_up": r"$\varepsilon_\uparrow$",
    "eps_down": r"$\varepsilon_\downarrow$",
    "eps_r": r"$\varepsilon_\mathrm{R}$",
    "tau": r"$\tau$",
}
"""Mathtext of each parameter."""
_HEIGHT_MM = 60.0
_RESOLUTION = 1e-11
_NEAR = 1e-2


def engine_figure(found: EngineFound) -> Figure:
    """Return a figure: ΔE against cycle of a run, curves or maps of a sweep.

    Raises ModelError where the run is of one cycle: a number is no figure.
    """
    if found.task.axes:
        axes = [(axis, SYMBOLS[axis.name]) for axis in found.task.axes]
        return sweep_figure(axes, shown_of(found))
    if found.axes[0].values.size < 2:
        raise ModelError("figure", "one cycle is a number: give more --cycles, or a --sweep")
    with publication_style():
        figure = new_figure(COLUMN_MM, _HEIGHT_MM)
        panel = figure.subplots()
        _draw_run(panel, found)
        figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return figure


def shown_of(found: EngineFound) -> list[Shown]:
    """Return ΔE of the last cycle and of the limit, one where they agree or one is 0; power by τ.

    What is smaller than the arithmetic resolves beside the largest value is left out: its sign
    would be noise.
    """
    last, limit = found.results["delta_e_meV"], found.results["delta_e_limit_meV"]
    number = found.task.cycles
    known = np.abs(last[np.isfinite(last)])
    shown = []
    if not np.allclose(last, limit, rtol=0.0, atol=1e-3 * known.max(initial=0.0), equal_nan=True):
        symbol = (
            r"$-\langle C\rangle$ after a stroke" if number == 1 else rf"$\Delta E_{{{number}}}$"
        )
        shown.append(Shown(symbol, "meV", _resolved(last)))
    if not shown or np.any(limit[np.isfinite(limit)]):
        shown.append(Shown(r"$\Delta E_\infty$", "meV", _resolved(limit)))
    if any(axis.name == "tau" for axis in found.task.axes):
        shown.append(Shown(r"$\Delta E_\infty/\tau$", "nW", 1e9 * found.results["power_W"]))
    return shown


def _resolved(values: Array) -> Array:
    """Return values with NaN where they are lost in the rounding of the largest."""
    sizes = np.abs(values)
    found: Array = np.where(sizes > _RESOLUTION * np.nanmax(sizes, initial=0.0), values, np.nan)
    return found if np.isfinite(found).any() else values


def _draw_run(panel: Axes, found: EngineFound) -> None:
    cycle, values = found.axes[0].values, found.results["delta_e_meV"]
    selective = found.task.measurement == "selective"
    scale, unit = _readable(values)
    zero_lines(panel, x=False)
    label = r"$-\langle C\rangle$, outcomes read" if selective else r"$\Delta E$"
    colour = SKY if selective else BLACK
    panel.plot(cycle, values * scale, ".", color=colour, markersize=2.0, label=label)
    limit = float(found.numbers["delta_e_limit_meV"])
    if np.isfinite(limit):
        panel.axhline(limit * scale, color=VERMILION, linewidth=0.8, linestyle="--",
                      label="limit")  # fmt: skip
    formula = found.numbers["perturbative_delta_e_meV"]
    if formula is not None and abs(formula["corrected"]) <= 2.0 * np.abs(values).max():
        panel.axhline(float(formula["corrected"]) * scale, color=BLUE, linewidth=0.8, linestyle=":",
                      label=r"first order in $\gamma$")  # fmt: skip
    if cycle[-1] > 100 * cycle[0]:
        panel.set_xscale("log")
    if not selective and _mostly_at(limit, values):
        near = abs(limit) if limit else _NEAR * float(np.abs(values).max())
        decade = 10.0 ** np.ceil(np.log10(near * scale))
        panel.set_yscale("symlog", linthresh=decade)
        panel.margins(y=0.06)
    label_axes(panel, "cycle", rf"$\Delta E$ ({unit})")


def _mostly_at(limit: float, values: Array) -> bool:
    """Tell whether most values lie so close to the limit that a straight axis would hide them."""
    if not np.isfinite(limit):
        return False
    return float(np.median(np.abs(values - limit))) < _NEAR * float(np.abs(values).max())


def _readable(values: Array) -> tuple[float, str]:
    """Return a factor and a unit in which the largest value is between 1 and 1000."""
    largest = float(np.abs(values).max(initial=0.0))
    for factor, unit in ((1.0, "meV"), (1e3, "µeV"), (1e6, "neV"), (1e9, "peV")):
        if largest * factor >= 1.0:
            return factor, unit
    return 1.0, "meV"
