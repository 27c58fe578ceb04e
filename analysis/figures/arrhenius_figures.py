"""Thermal activation: R_s, V_off and P_max against 1000/T (Chowrira 2020, Fig. 2b)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from markupsafe import Markup

from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    COLUMN_MM,
    GREY,
    VERMILION,
    DrawnFigure,
    new_figure,
    scale_of,
)
from nanojunction.analysis.notation import Symbol, measured, symbol_of
from nanojunction.analysis.temperature.activation import Arrhenius, K_B_meV_per_K
from nanojunction.analysis.values import Array, Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = ("r_s_ohm", "v_off_V", "p_max_W")
_TICKS_K = (2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400)
_GROUND = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
_CLOSEST = 0.085
"""Least distance of two ticks in K, as a fraction of the axis."""


def arrhenius_figure(name: str, group: Group, runs: Sequence[int]) -> DrawnFigure | None:
    """Draw the fits of a temperature series: points, the preferred regimes, E_a and crossover."""
    fits = [
        (key, fit)
        for key in PANELS
        if isinstance(fit := group.quantities.get(key), Arrhenius) and len(fit.temperature_K) > 0
    ]
    if not fits:
        return None
    figure = new_figure(COLUMN_MM, 14.0 + 35.0 * len(fits))
    rows = figure.subplots(
        2 * len(fits), 1, sharex=True, squeeze=False, height_ratios=[3.0, 1.0] * len(fits)
    )[:, 0]
    panels, below = rows[::2], rows[1::2]
    inverse = np.concatenate([1000.0 / fit.temperature_K for _, fit in fits])
    for axes, rest, (key, fit) in zip(panels, below, fits, strict=True):
        _panel(axes, symbol_of(key), fit)
        _residuals(rest, fit)
    low, high = float(np.min(inverse)), float(np.max(inverse))
    margin = 0.06 * (high - low) or 0.1 * high
    below[-1].set_xlim(max(low - margin, 0.3 * low), high + margin)
    below[-1].set_xlabel("$1000/T$ (K$^{-1}$)", labelpad=2.0)
    _kelvin_axis(panels[0], warmest=1000.0 / low)
    left_out = sorted({item.name for _, fit in fits for item in fit.excluded})
    text = Markup(
        "<b>{}</b>: {} on logarithmic axes against 1000/<i>T</i> (mean sample temperature of each "
        "run), with standard errors where they exceed the symbol. Lines: weighted fits of "
        "ln <i>X</i> = ln <i>X</i><sub>0</sub> + <i>E</i><sub>a</sub>/(<i>k</i><sub>B</sub>"
        "<i>T</i>) in the preferred number of regimes (ΔAICc > 10 for two); grey, dotted: the fit "
        "that is not preferred; dash-dotted: the crossover. Below each: what the preferred fit "
        "leaves, with the points' errors and scatter. "
    ).format(group.device, _list([_html(symbol_of(key)) for key, _ in fits]))
    if left_out:
        text += f"Points that entered no fit of some quantity: {len(left_out)}, listed below. "
    alt = f"Arrhenius plots of {', '.join(symbol_of(key).plain for key, _ in fits)} of "
    return DrawnFigure(name, figure, text, alt + group.device, tuple(runs))


def _html(symbol: Symbol) -> Markup:
    return Markup("<i>{}</i><sub>{}</sub>").format(symbol.name, symbol.subscript)


def _list(parts: Sequence[Markup]) -> Markup:
    if len(parts) < 2:
        return Markup("").join(parts)
    return Markup(", ").join(parts[:-1]) + " and " + parts[-1]


def _panel(axes: Axes, symbol: Symbol, fit: Arrhenius) -> None:
    """Draw one quantity; its sign is taken off, and the label says so."""
    scale = scale_of([fit.value], symbol.unit)
    size = fit.sign * fit.value * scale.factor
    stderr = np.nan_to_num(fit.stderr) * scale.factor
    axes.set_yscale("log")
    axes.errorbar(
        1000.0 / fit.temperature_K,
        size,
        yerr=np.minimum(stderr, 0.9 * size),
        linestyle="none",
        marker="o",
        color=BLACK,
        markerfacecolor="white",
        markeredgewidth=0.7,
        elinewidth=0.6,
        zorder=3,
    )
    sign = "" if fit.sign > 0 else "-"
    axes.set_ylabel(rf"${sign}{symbol.name}_\mathrm{{{symbol.subscript}}}$ ({scale.unit})")
    _fit_lines(axes, fit, scale.factor)
    low, high = float(np.min(size)), float(np.max(size))
    # Where the energies are written no point may be: above, and below where X rises with T.
    span = max(high / low, 1.05)
    falls = size[0] >= size[-1]
    axes.set_ylim(low / span ** (0.12 if falls else 0.28), high * span**0.28)
    _log_ticks(axes)


def _residuals(axes: Axes, fit: Arrhenius) -> None:
    """Draw what the preferred fit leaves of each point, in percent."""
    found = (fit.two if fit.best == "two-regime" else fit.one).fit
    axes.axhline(0.0, color=GREY, linewidth=0.6)
    axes.set_ylabel("rest (%)", fontsize=7.0)
    if found is None:
        return
    # The abscissa of the fit is 1/(k_B T) in 1/meV.
    axes.errorbar(
        1000.0 * K_B_meV_per_K * found.x,
        100.0 * np.expm1(found.residuals),
        yerr=100.0 * found.sigma,
        linestyle="none",
        marker="o",
        markersize=2.5,
        color=BLACK,
        elinewidth=0.6,
    )
    farthest = float(np.max(np.abs(100.0 * np.expm1(found.residuals)) + 100.0 * found.sigma))
    if farthest > 0.0:
        # The panel is low: there is room for two labels, and the line shows where zero is.
        decade = 10.0 ** np.floor(np.log10(farthest))
        tick = max(one for one in (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
                   if one * decade <= farthest) * decade  # fmt: skip
        axes.set_ylim(-1.25 * farthest, 1.25 * farthest)
        axes.set_yticks([-tick, tick])


def _log_ticks(axes: Axes) -> None:
    """Label 1, 2 and 5 of each decade as plain numbers, a few others where less than two fit."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    low, high = axes.get_ylim()
    subs = (1.0, 2.0, 5.0) if high / low < 300 else (1.0,)
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)))
    inside = [tick for tick in np.outer(decades, subs).ravel() if low <= tick <= high]
    axes.yaxis.set_major_locator(LogLocator(subs=subs) if len(inside) > 1 else MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(LogLocator(subs=tuple(range(1, 10))))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _fit_lines(axes: Axes, fit: Arrhenius, factor: float) -> None:
    low, high = float(np.min(fit.temperature_K)), float(np.max(fit.temperature_K))
    falls = fit.value[0] * fit.sign >= fit.value[-1] * fit.sign
    rejected: Literal["one", "two"] = "one" if fit.best == "two-regime" else "two"
    if (fit.one if rejected == "one" else fit.two).fit is not None:
        temperature = np.linspace(low, high, 200)
        size = np.abs(fit.predict(temperature, rejected)) * factor
        axes.plot(1000.0 / temperature, size, color=GREY, linestyle=":", linewidth=0.9, zorder=1.5)
    if fit.best == "two-regime":
        found = fit.two.quantities
        cross = found["t_cross_K"].value or 0.5 * (low + high)
        sides = (
            (low, cross, BLUE, "-", "e_a_low_meV"),
            (cross, high, VERMILION, "--", "e_a_high_meV"),
        )
        for start, stop, colour, dash, key in sides:
            temperature = np.linspace(start, stop, 50)
            size = np.abs(fit.predict(temperature, "two")) * factor
            axes.plot(1000.0 / temperature, size, color=colour, linestyle=dash, zorder=2)
            cold = key == "e_a_low_meV"
            _note(axes, _energy(found[key]), cold=cold, falls=falls, colour=colour)
        axes.axvline(1000.0 / cross, color=GREY, linestyle="-.", linewidth=0.7)
        axes.annotate(
            f"$T^*$ = {measured(found['t_cross_K'], 'K')}",
            (1000.0 / cross, 0.06 if falls else 0.94),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            va="bottom" if falls else "top",
            fontsize=6.5,
            bbox=_GROUND,
            zorder=1,
        )
    elif fit.best == "one-regime":
        temperature = np.linspace(low, high, 100)
        size = np.abs(fit.predict(temperature, "one")) * factor
        axes.plot(1000.0 / temperature, size, color=BLACK, zorder=2)
        _note(axes, _energy(fit.one.quantities["e_a_meV"]), cold=False, falls=falls, colour=BLACK)


def _energy(energy: Quantity) -> str:
    return rf"$E_\mathrm{{a}}$ = {measured(energy, 'meV') or 'not determined'}"


def _note(axes: Axes, text: str, *, cold: bool, falls: bool, colour: str) -> None:
    """Write into the corner beside the line that it leaves free: above on the warm side."""
    above = falls != cold
    axes.text(
        0.965 if cold else 0.035,
        0.93 if above else (0.2 if cold else 0.07),
        text,
        transform=axes.transAxes,
        ha="right" if cold else "left",
        va="top" if above else "bottom",
        color=colour,
        fontsize=7.0,
        bbox=_GROUND,
    )


def _kelvin_axis(axes: Axes, *, warmest: float) -> None:
    """Put an axis in K on top, with ticks that do not touch."""
    from matplotlib.ticker import FixedLocator, NullLocator

    def swap(values: Any) -> Array:
        # Matplotlib also asks at 0, outside of what is drawn.
        return np.asarray(1000.0 / np.maximum(np.abs(values), 1e-9))

    axes.tick_params(which="both", top=False)
    kelvin = axes.secondary_xaxis("top", functions=(swap, swap))
    low, high = axes.get_xlim()
    chosen: list[float] = []
    last = -np.inf
    for tick in sorted(_TICKS_K, reverse=True):
        at = (1000.0 / tick - low) / (high - low)
        if tick <= warmest and at <= 1.0 and at - last >= _CLOSEST:
            chosen.append(float(tick))
            last = at
    kelvin.xaxis.set_major_locator(FixedLocator(chosen))
    kelvin.xaxis.set_minor_locator(NullLocator())
    kelvin.xaxis.set_major_formatter("{x:g}")
    kelvin.set_xlabel("$T$ (K)", labelpad=3.0)
