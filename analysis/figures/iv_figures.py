"""I(V) with P(V) in an inset: temperature series, pairs of states, and single conditions.

After Chowrira 2020, Figs. 1d, 2a and 3b, and Katcko 2019, Fig. 2c.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nanojunction.analysis.figures.curves import (
    Member,
    in_words,
    iv_traces,
    spread,
)
from nanojunction.analysis.figures.iv_axes import (
    Line,
    add_legend,
    add_line_cross,
    add_power_inset,
    draw_lines,
    scales_of,
)
from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    COLUMN_MM,
    CYCLE,
    MARKERS,
    VERMILION,
    DrawnFigure,
    new_figure,
)
from nanojunction.analysis.notation import amount, typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CONDITIONS = 6
"""Conditions that one figure of single I(V) shows; more would be told apart by nobody."""

_TICKS_K = (2, 3, 5, 10, 20, 30, 50, 100, 200, 300)

MOST_TEMPERATURES = 24
"""Curves of a temperature series that are drawn, evenly chosen."""


def series_figure(name: str, device: str, members: Sequence[Member]) -> DrawnFigure | None:
    """Draw I(V) at several temperatures, coloured by temperature, with P(V) in an inset."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize

    ordered = sorted(
        (m for m in members if m.conditions.temperature_K is not None),
        key=lambda m: m.conditions.temperature_K or 0.0,
    )
    drawn = _thinned(ordered, MOST_TEMPERATURES)
    temperatures = spread(drawn, lambda c: c.temperature_K)
    if not temperatures:
        return None
    low, high = min(temperatures), max(temperatures)
    # Over a wide range the cold curves, which differ most, would all look the same.
    norm = LogNorm if low > 0 and high > 3.0 * low else Normalize
    colours = norm(low, high)
    # The lightest yellow of viridis does not print.
    palette = colormaps["viridis"].resampled(256)
    lines = [
        Line("", traces, member, palette(0.92 * float(colours(t))))
        for member, t in zip(drawn, temperatures, strict=True)
        if (traces := iv_traces(member.result))
    ]
    if not lines:
        return None
    figure = new_figure(COLUMN_MM, 70.0)
    axes = figure.add_subplot()
    scales = draw_lines(axes, lines)
    inset = add_power_inset(axes, lines, scales)
    crossed = add_line_cross(axes, drawn, scales)
    bar = figure.colorbar(
        ScalarMappable(norm(low, high), _cut(palette)),
        ax=axes,
        pad=0.02,
        aspect=28,
    )
    bar.set_label("$T$ (K)", labelpad=2.0)
    if bar.solids is not None:
        bar.solids.set_edgecolor("face")  # no white lines between the areas
    bar.ax.tick_params(which="both", direction="in")
    _plain_ticks(bar.ax, low, high)
    span = f"{amount(low, 'K', 3)} to {amount(high, 'K', 3)}"
    text = Markup("<b>{}</b>: <i>I</i>(<i>V</i>) at {} temperatures from {}{}. ").format(
        device, len(temperatures), span, _held(members)
    )
    if len(drawn) < len(ordered):
        text += f"{len(drawn)} of {len(ordered)} temperatures are drawn. "
    text += _caption_end(inset=inset, crossed=crossed)
    alt = f"Current against voltage of {device} at temperatures from {span}"
    return DrawnFigure(name, figure, text, alt, tuple(m.index for m in members))


def _cut(palette: Any) -> Any:
    from matplotlib.colors import ListedColormap

    # Few enough levels that the bar is drawn as areas, not as an image.
    return ListedColormap(palette(np.linspace(0.0, 0.92, 48)))


def _plain_ticks(axes: Axes, low: float, high: float) -> None:
    """Put a few temperatures as plain numbers beside the colours."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

    if high > 3.0 * low > 0:
        axes.yaxis.set_major_locator(FixedLocator([t for t in _TICKS_K if low <= t <= high]))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")


def _thinned(members: Sequence[Member], most: int) -> list[Member]:
    """Return at most so many members, evenly spaced, both ends among them."""
    if len(members) <= most:
        return list(members)
    chosen = np.unique(np.linspace(0, len(members) - 1, most).round().astype(int))
    return [members[k] for k in chosen.tolist()]


def states_figure(
    name: str,
    device: str,
    states: Sequence[tuple[str, Sequence[Member]]],
    loop_points: Sequence[tuple[float, float]] = (),
) -> DrawnFigure | None:
    """Draw I(V) of two magnetic states with P(V) in an inset.

    `loop_points` are (V, I) of the plateaus of I(H) loops (V, A), drawn as crosses.
    """
    looks = ((BLUE, "o"), (VERMILION, "s"))
    lines = [
        Line(label if n == 0 else "", traces, member, colour, marker)
        for (label, members), (colour, marker) in zip(states, looks, strict=False)
        for n, member in enumerate(_widest_first(members))
        if (traces := iv_traces(member.result))
    ]
    figure = _overlay(lines)
    if figure is None:
        return None
    axes = figure.axes[0]
    members = [member for _, group in states for member in group]
    scales = scales_of(lines)
    if loop_points:
        points = np.array(loop_points)
        axes.plot(
            points[:, 0] * scales[0].factor,
            points[:, 1] * scales[1].factor,
            linestyle="none",
            marker="x",
            markersize=5.0,
            color=BLACK,
            label="from $I(H)$",
            zorder=5,
        )
    add_legend(axes, lines)
    inset = add_power_inset(axes, lines, scales)
    crossed = add_line_cross(axes, members, scales)
    text = Markup("<b>{}</b>: <i>I</i>(<i>V</i>) in two magnetic states, {}. ").format(
        device, " and ".join(label for label, _ in states)
    )
    if loop_points:
        text += Markup("Black crosses: the levels of the <i>I</i>(<i>H</i>) loops. ")
    text += _caption_end(inset=inset, crossed=crossed)
    alt = f"Current against voltage of {device} in two magnetic states"
    return DrawnFigure(name, figure, text, alt, tuple(m.index for m in members))


def single_figure(
    name: str, device: str, groups: Sequence[tuple[str, Sequence[Member]]]
) -> DrawnFigure | None:
    """Draw I(V) of one device, one look a condition; runs of one condition look the same."""
    shown = groups[:MOST_CONDITIONS]
    lines = [
        Line(label if n == 0 else "", traces, member, colour, marker if len(shown) > 1 else "")
        for (label, members), colour, marker in zip(shown, CYCLE, MARKERS, strict=False)
        for n, member in enumerate(_widest_first(members))
        if (traces := iv_traces(member.result))
    ]
    figure = _overlay(lines)
    if figure is None:
        return None
    axes = figure.axes[0]
    scales = scales_of(lines)
    add_legend(axes, lines)
    inset = add_power_inset(axes, lines, scales)
    crossed = add_line_cross(axes, [line.member for line in lines], scales)
    conditions = "; ".join(label for label, _ in shown if label)
    text = Markup("<b>{}</b>: <i>I</i>(<i>V</i>){}. ").format(
        device, f" at {conditions}" if conditions else ""
    )
    if len(groups) > len(shown):
        text += f"{len(shown)} of {len(groups)} conditions are drawn. "
    text += _caption_end(inset=inset, crossed=crossed)
    runs = tuple(member.index for _, members in shown for member in members)
    return DrawnFigure(name, figure, text, f"Current against voltage of {device}", runs)


def _widest_first(members: Sequence[Member]) -> list[Member]:
    """Return the runs that can be drawn, those over the widest range of V first."""
    drawable = [m for m in members if iv_traces(m.result)]
    return sorted(drawable, key=lambda m: -float(np.nanmax(np.abs(m.result.run.voltage_V))))


def _overlay(lines: Sequence[Line]) -> Figure | None:
    if not lines:
        return None
    figure = new_figure(COLUMN_MM, 70.0)
    draw_lines(figure.add_subplot(), lines)
    return figure


def _held(members: Sequence[Member]) -> str:
    """Return ", 0 T" where all runs share a field, with a state if there is one."""
    fields = {in_words(_without_temperature(member)) for member in members}
    words = fields.pop() if len(fields) == 1 else ""
    return f", {words}" if words else ""


def _without_temperature(member: Member) -> Any:
    from dataclasses import replace

    return replace(member.conditions, temperature_K=None)


def _caption_end(*, inset: bool, crossed: tuple[float, float] | None) -> Markup:
    text = Markup(
        "Means over the legs of each direction: <i>V</i> rising solid, falling dashed; "
        "the voltage is the sensed one. "
    )
    if inset:
        text += Markup(
            "Inset: <i>P</i>(<i>V</i>) = −<i>V</i>·<i>I</i>; the shaded part is positive, "
            "power delivered to the outside. "
        )
    if crossed is not None:
        text += typeset(
            f"Magenta cross at the origin: the measuring line's offsets on calibrated resistors, "
            f"±{amount(crossed[0], 'V', 2)} and ±{amount(crossed[1], 'A', 2)} "
            "(never drawn smaller than the sign). "
        )
    return text
