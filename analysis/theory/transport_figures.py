"""The spin engine drawn: currents of both spins and states, TMR, and fits to measured pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nanojunction.analysis.figures.style import (
    BLACK,
    COLUMN_MM,
    GREEN,
    GREY,
    PURPLE,
    VERMILION,
    label_axes,
    new_figure,
    publication_style,
    scale_of,
    zero_lines,
)
from nanojunction.analysis.theory.axes import Axis
from nanojunction.analysis.theory.drawing import Shown, label_of, sweep_figure
from nanojunction.analysis.theory.transport_fit import TransportFit
from nanojunction.analysis.theory.transport_parameters import both_states_A
from nanojunction.analysis.theory.transport_sweeps import UNITS, TransportFound
from nanojunction.analysis.values import Array
from nanojunction.models.transport import tmr

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SYMBOLS", "fit_figure", "transport_figure"]

SYMBOLS = {
    "bias": "$V$",
    "sp": "$sp$",
    "SP": "$SP$",
    "ap": "$AP$",
    "p_left": r"$p_\mathrm{L}$",
    "p_right": r"$p_\mathrm{R}$",
    "E0": "$E_0$",
    "e0": "$e_0$",
    "asym": "$ASYM$",
    "delta1": r"$\Delta_1$",
    "delta2": r"$\Delta_2$",
    "t1": "$T_1$",
    "t2": "$T_2$",
    "t3": "$T_3$",
    "broadening": "$W$",
    "kt": r"$k_\mathrm{B}T$",
    "scale": "scale",
}
"""Mathtext of each parameter."""
_COLOURS = {"P": BLACK, "AP": VERMILION}
_PANEL_MM, _FOOT_MM = 38.0, 14.0
_FINE = 401
_SHOWN_TMR = (-250.0, 400.0)
"""Percent: beside a zero of I_AP the ratio is beyond any axis."""


def transport_figure(found: TransportFound) -> Figure:
    """Return a figure of a sweep: panels over one axis, maps of the currents over two.

    Over one axis: the currents of both spins, their sum, and TMR; a preset has its panels alone.
    """
    axes = found.sweep.axes
    if len(axes) > 1:
        shown = []
        for state, results in found.states.items():
            scale = scale_of([results["i_A"]], "A")
            shown.append(Shown(f"$I$ {state}", scale.unit, results["i_A"] * scale.factor))
        return sweep_figure([(axis, SYMBOLS[axis.name]) for axis in axes], shown)
    draw = {"spins": _draw_spins, "currents": _draw_currents, "tmr": _draw_tmr}
    names = [*draw]
    if found.tmr is None:
        names.remove("tmr")
    if found.sweep.preset.startswith("fig3b"):
        names = ["spins"]
    elif found.sweep.preset.startswith("fig3c"):
        names.remove("spins")
    with publication_style():
        figure = new_figure(COLUMN_MM, _FOOT_MM + _PANEL_MM * len(names))
        panels = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
        for letter, name, panel in zip("abc", names, panels, strict=False):
            draw[name](panel, axes[0], found)
            panel.margins(x=0.0, y=0.08)
            if len(names) > 1:
                panel.text(-0.17, 1.0, f"({letter})", transform=panel.transAxes, va="top")
        panels[-1].set_xlabel(label_of(SYMBOLS[axes[0].name], UNITS[axes[0].name]), labelpad=2.0)
        figure.align_ylabels()
        return figure


def _draw_spins(panel: Axes, axis: Axis, found: TransportFound) -> None:
    zero_lines(panel, x=bool(axis.values[0] < 0 < axis.values[-1]))
    both = [one[key] for one in found.states.values() for key in ("i_up_A", "i_down_A")]
    scale = scale_of(both, "A")
    for state, one in found.states.items():
        for key, arrow, dash in (("i_up_A", "↑", "-"), ("i_down_A", "↓", "--")):
            panel.plot(
                axis.values, one[key] * scale.factor, color=_COLOURS[state], linestyle=dash,
                label=f"{state} {arrow}",
            )  # fmt: skip
    label_axes(panel, "", rf"$I_\sigma$ ({scale.unit})")
    panel.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1.2)


def _draw_currents(panel: Axes, axis: Axis, found: TransportFound) -> None:
    zero_lines(panel, x=bool(axis.values[0] < 0 < axis.values[-1]))
    scale = scale_of([one["i_A"] for one in found.states.values()], "A")
    _shade_opposite(panel, axis.values, found)
    for state, one in found.states.items():
        panel.plot(axis.values, one["i_A"] * scale.factor, color=_COLOURS[state], label=state)
    label_axes(panel, "", f"$I$ ({scale.unit})")
    panel.legend(loc="best")


def _draw_tmr(panel: Axes, axis: Axis, found: TransportFound) -> None:
    zero_lines(panel, x=bool(axis.values[0] < 0 < axis.values[-1]))
    _shade_opposite(panel, axis.values, found)
    _ratio_line(panel, axis.values, found.states["P"]["i_A"], found.states["AP"]["i_A"])


def _ratio_line(panel: Axes, x: Array, parallel_A: Array, antiparallel_A: Array) -> None:
    """Draw TMR, interrupted at each zero of I_AP, with a line at -100 %."""
    ratio = 100.0 * tmr(parallel_A, antiparallel_A)
    ratio[1:][np.sign(antiparallel_A[1:]) != np.sign(antiparallel_A[:-1])] = np.nan
    panel.axhline(-100.0, color=GREY, linewidth=0.6, linestyle=":")
    panel.plot(x, ratio, color=GREEN)
    known = ratio[np.isfinite(ratio)]
    low, high = (float(np.clip(end, *_SHOWN_TMR)) for end in (known.min(), known.max()))
    room = 0.08 * max(high - low, 1.0)
    panel.set_ylim(min(low, -120.0) - room, max(high, 20.0) + room)
    label_axes(panel, "", "TMR (%)")


def _shade_opposite(panel: Axes, x: Array, found: TransportFound) -> None:
    """Shade where the currents of both states have opposite signs."""
    if found.tmr is None:
        return
    opposite = found.states["P"]["i_A"] * found.states["AP"]["i_A"] < 0
    panel.fill_between(
        x, 0, 1, where=opposite.tolist(), transform=panel.get_xaxis_transform(), color=PURPLE,
        alpha=0.22, linewidth=0.0,
    )  # fmt: skip


def fit_figure(fit: TransportFit) -> Figure:
    """Return a figure of a fit: measured currents with the model, what it leaves, and TMR."""
    low, high = fit.pair.range_mV
    fine_mV = np.linspace(low, high, _FINE)
    curves = both_states_A(fine_mV, fit.values)
    with publication_style():
        figure = new_figure(COLUMN_MM, 122.0)
        panels = figure.subplots(3, 1, sharex=True, height_ratios=[1.6, 0.7, 1.0])
        scale = scale_of([one.current_A for one in fit.pair.states], "A")
        cut = len(fit.pair.parallel.voltage_V)
        left = (fit.residuals[:cut], fit.residuals[cut:])
        for one, curve, rest in zip(fit.pair.states, curves, left, strict=True):
            colour = _COLOURS[one.label]
            V, size = 1e3 * one.voltage_V, 2.4 if len(one.voltage_V) < 200 else 1.4
            points = {"linestyle": "none", "marker": "o", "markersize": size, "color": colour}
            panels[0].plot(
                V, one.current_A * scale.factor, **points, markerfacecolor="white",
                markeredgewidth=0.5, label=f"{one.label} measured",
            )  # fmt: skip
            panels[0].plot(fine_mV, curve * scale.factor, color=colour, label=f"{one.label} model")
            panels[1].plot(V, -rest, **points, markeredgewidth=0.0)
        for panel in panels:
            zero_lines(panel, x=bool(low < 0 < high))
        panels[0].legend(loc="best")
        label_axes(panels[0], "", f"$I$ ({scale.unit})")
        label_axes(panels[1], "", r"(data $-$ model)/$\sigma$")
        _measured_tmr(panels[2], fit)
        _ratio_line(panels[2], fine_mV, *curves)
        panels[2].set_xlabel(label_of("$V$", "mV"), labelpad=2.0)
        panels[2].margins(x=0.02)
        figure.align_ylabels()
        return figure


def _measured_tmr(panel: Axes, fit: TransportFit) -> None:
    """Draw I_P over I_AP between its neighbours in voltage, where that is not zero within error."""
    parallel, other = fit.pair.states
    at_P = np.interp(parallel.voltage_V, other.voltage_V, other.current_A)
    error = np.interp(parallel.voltage_V, other.voltage_V, other.sigma_A)
    seen = np.abs(at_P) > 3.0 * error
    panel.plot(
        1e3 * parallel.voltage_V[seen], 100.0 * (parallel.current_A[seen] / at_P[seen] - 1.0),
        linestyle="none", marker="o", markersize=1.6, color=GREY, markeredgewidth=0.0, zorder=1,
    )  # fmt: skip
