"""I(V) with P(V) in an inset: temperature series, pairs of states, and single conditions.

After Chowrira 2020, Figs. 1d, 2a and 3b, and Katcko 2019, Fig. 2c.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nanojunction.analysis.figures.curves import (
    Member,
    Trace,
    in_words,
    iv_traces,
    quantity,
    spread,
)
from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    COLUMN_MM,
    CYCLE,
    GREY,
    MAGENTA,
    MARKERS,
    VERMILION,
    DrawnFigure,
    label_axes,
    new_figure,
    scale_of,
    zero_lines,
)
from nanojunction.analysis.notation import Scale, amount, typeset
from nanojunction.analysis.values import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CONDITIONS = 6
"""Conditions that one figure of single I(V) shows; more would be told apart by nobody."""

MOST_TEMPERATURES = 24
"""Curves of a temperature series that are drawn, evenly chosen."""

_DIRECTIONS: Mapping[int, str] = {1: "-", -1: "--"}
_SHADE = 0.14
_INSET_EDGE, _INSET_TOP = 0.60, 0.37
_GENERATES = 0.02  # V_off below this fraction of the range generates nothing that one could see


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """All traces of one condition in one look."""

    label: str
    traces: Sequence[Trace]
    member: Member
    colour: Any
    marker: str = ""
    look: Mapping[int, str] = field(default_factory=lambda: _DIRECTIONS)


def series_figure(name: str, device: str, members: Sequence[Member]) -> DrawnFigure | None:
    """Draw I(V) at several temperatures, coloured by temperature, with P(V) in an inset."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    ordered = sorted(
        (m for m in members if m.conditions.temperature_K is not None),
        key=lambda m: m.conditions.temperature_K or 0.0,
    )
    drawn = _thinned(ordered, MOST_TEMPERATURES)
    temperatures = spread(drawn, lambda c: c.temperature_K)
    if not temperatures:
        return None
    colours = Normalize(min(temperatures), max(temperatures))
    # The lightest yellow of viridis does not print.
    palette = colormaps["viridis"].resampled(256)
    lines = [
        _Line("", traces, member, palette(0.92 * float(colours(t))))
        for member, t in zip(drawn, temperatures, strict=True)
        if (traces := iv_traces(member.result))
    ]
    if not lines:
        return None
    figure = new_figure(COLUMN_MM, 70.0)
    axes = figure.add_subplot()
    scales = _draw(axes, lines)
    inset = _power_inset(axes, lines, scales)
    crossed = _line_cross(axes, drawn, scales)
    bar = figure.colorbar(
        ScalarMappable(Normalize(min(temperatures), max(temperatures)), _cut(palette)),
        ax=axes,
        pad=0.02,
        aspect=28,
    )
    bar.set_label("$T$ (K)", labelpad=2.0)
    bar.ax.tick_params(which="both", direction="in")
    span = f"{amount(min(temperatures), 'K', 3)} to {amount(max(temperatures), 'K', 3)}"
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

    return ListedColormap(palette(np.linspace(0.0, 0.92, 256)))


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
        _Line(label if n == 0 else "", traces, member, colour, marker)
        for (label, members), (colour, marker) in zip(states, looks, strict=False)
        for n, member in enumerate(members)
        if (traces := iv_traces(member.result))
    ]
    figure = _overlay(lines)
    if figure is None:
        return None
    axes = figure.axes[0]
    members = [member for _, group in states for member in group]
    scales = _scales(lines)
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
    _legend(axes, lines)
    inset = _power_inset(axes, lines, scales)
    crossed = _line_cross(axes, members, scales)
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
        _Line(label if n == 0 else "", traces, member, colour, marker if len(shown) > 1 else "")
        for (label, members), colour, marker in zip(shown, CYCLE, MARKERS, strict=False)
        for n, member in enumerate(members)
        if (traces := iv_traces(member.result))
    ]
    figure = _overlay(lines)
    if figure is None:
        return None
    axes = figure.axes[0]
    scales = _scales(lines)
    _legend(axes, lines)
    inset = _power_inset(axes, lines, scales)
    crossed = _line_cross(axes, [line.member for line in lines], scales)
    conditions = "; ".join(label for label, _ in shown if label)
    text = Markup("<b>{}</b>: <i>I</i>(<i>V</i>){}. ").format(
        device, f" at {conditions}" if conditions else ""
    )
    if len(groups) > len(shown):
        text += f"{len(shown)} of {len(groups)} conditions are drawn. "
    text += _caption_end(inset=inset, crossed=crossed)
    runs = tuple(member.index for _, members in shown for member in members)
    return DrawnFigure(name, figure, text, f"Current against voltage of {device}", runs)


def _overlay(lines: Sequence[_Line]) -> Figure | None:
    if not lines:
        return None
    figure = new_figure(COLUMN_MM, 70.0)
    _draw(figure.add_subplot(), lines)
    return figure


def _scales(lines: Sequence[_Line]) -> tuple[Scale, Scale]:
    voltages = [trace.voltage_V for line in lines for trace in line.traces]
    currents = [trace.current_A for line in lines for trace in line.traces]
    return scale_of(voltages, "V"), scale_of(currents, "A")


def _draw(axes: Axes, lines: Sequence[_Line]) -> tuple[Scale, Scale]:
    """Draw forward traces solid and return traces dashed; return the scales of V and I."""
    v, i = _scales(lines)
    zero_lines(axes)
    for order, line in enumerate(lines):
        for trace in line.traces:
            points = len(trace.voltage_V)
            axes.plot(
                trace.voltage_V * v.factor,
                trace.current_A * i.factor,
                color=line.colour,
                linestyle=line.look[trace.direction],
                linewidth=0.9,
                marker=line.marker if trace.direction > 0 else "",
                markevery=(points // 18 + 3 * order, max(1, points // 8)),
                markerfacecolor="white",
                markeredgewidth=0.7,
            )
    axes.margins(x=0.02, y=0.04)
    label_axes(axes, f"$V$ ({v.unit})", f"$I$ ({i.unit})")
    return v, i


def _legend(axes: Axes, lines: Sequence[_Line]) -> None:
    """Name conditions and directions in the corner that a rising or a falling I(V) leaves free."""
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], color=line.colour, marker=line.marker, markerfacecolor="white")
        for line in lines
        if line.label
    ]
    names = [line.label for line in lines if line.label]
    crosses = [item for item in axes.get_lines() if str(item.get_label()).startswith("from")]
    handles += crosses
    names += [str(item.get_label()) for item in crosses]
    directions = sorted({t.direction for line in lines for t in line.traces}, reverse=True)
    for direction in directions:
        handles.append(Line2D([], [], color=GREY, linestyle="-" if direction > 0 else "--"))
        names.append("forward" if direction > 0 else "return")
    rising = _rises(lines)
    box = axes.legend(handles, names, loc="upper left" if rising else "upper right")
    height = 0.05 + 0.062 * len(names)
    _make_room(axes, lines, left=rising, top=True, width=0.46, height=height)
    box.set_zorder(6)


def _rises(lines: Iterable[_Line]) -> bool:
    """Tell whether the current rises with the voltage on the whole."""
    changes = [
        np.sign(trace.current_A[-1] - trace.current_A[0]) for line in lines for trace in line.traces
    ]
    return float(np.sum(changes)) >= 0


def _make_room(
    axes: Axes, lines: Sequence[_Line], *, left: bool, top: bool, width: float, height: float
) -> None:
    """Widen the range of I until a corner (fractions of the axes) holds no data."""
    v, i = _scales(lines)
    low, high = axes.get_xlim()
    bottom, ceiling = axes.get_ylim()
    edge = low + width * (high - low) if left else high - width * (high - low)
    inside = []
    for line in lines:
        for trace in line.traces:
            x = trace.voltage_V * v.factor
            near = x <= edge if left else x >= edge
            inside.append(trace.current_A[near] * i.factor)
    values = np.concatenate(inside) if inside else np.empty(0)
    if len(values) == 0:
        return
    share = min(height, 0.8)
    if top:
        needed = (float(np.max(values)) - bottom * share) / (1.0 - share)
        axes.set_ylim(bottom, max(ceiling, needed))
    else:
        needed = (float(np.min(values)) - ceiling * share) / (1.0 - share)
        axes.set_ylim(min(bottom, needed), ceiling)


def _generating(line: _Line) -> tuple[float, float] | None:
    """Return (V_off, P_max) of a line that visibly generates, None for one that does not."""
    v_off, p_max = quantity(line.member.result, "v_off_V"), quantity(line.member.result, "p_max_W")
    verdict = quantity(line.member.result, "candidate").value
    if v_off.value is None or not p_max.value or verdict == 0.0:
        return None
    reach = max(float(np.max(np.abs(trace.voltage_V))) for trace in line.traces)
    if abs(v_off.value) < _GENERATES * reach or p_max.value <= 3.0 * (p_max.stderr or 0.0):
        return None
    return v_off.value, p_max.value


def _power_inset(axes: Axes, lines: Sequence[_Line], scales: tuple[Scale, Scale]) -> bool:
    """Draw P(V) of the generating stretches into the free lower corner; return whether there are.

    P > 0 is shaded: it is delivered to the outside.
    """
    generating = [(line, found) for line in lines if (found := _generating(line)) is not None]
    if not generating:
        return False
    rising = _rises(lines)
    _make_room(axes, lines, left=not rising, top=False, width=1.0 - 0.44, height=_INSET_TOP + 0.05)
    left = _INSET_EDGE if rising else 0.17
    inset = axes.inset_axes((left, 0.155, 0.965 - _INSET_EDGE, _INSET_TOP - 0.155), zorder=4)
    v = scales[0]
    p = scale_of([np.array([found[1] for _, found in generating])], "W")
    for line, (v_off, _) in generating:
        for trace in line.traces:
            reach = (trace.voltage_V * np.sign(v_off) > -0.15 * abs(v_off)) & (
                np.abs(trace.voltage_V) < 1.15 * abs(v_off)
            )
            x, power = trace.voltage_V[reach], -trace.voltage_V[reach] * trace.current_A[reach]
            inset.plot(
                x * v.factor,
                power * p.factor,
                color=line.colour,
                linestyle=line.look[trace.direction],
                linewidth=0.7,
            )
            _shade(inset, x * v.factor, power * p.factor, line.colour)
    most = max(found[1] for _, found in generating) * p.factor
    inset.axhline(0.0, color=GREY, linewidth=0.4, zorder=0.5)
    inset.set_ylim(-0.18 * most, 1.15 * most)
    inset.margins(x=0.03)
    inset.tick_params(labelsize=6.0, pad=1.5, length=2.0)
    inset.locator_params(nbins=4)
    inset.set_xlabel(f"$V$ ({v.unit})", fontsize=6.5, labelpad=0.5)
    inset.set_ylabel(f"$P$ ({p.unit})", fontsize=6.5, labelpad=1.0)
    inset.patch.set_alpha(0.0)
    return True


def _shade(inset: Axes, x: Array, power: Array, colour: Any) -> None:
    inset.fill_between(
        x, 0.0, power, where=(power > 0).tolist(), color=colour, alpha=_SHADE, linewidth=0.0
    )


def _line_cross(
    axes: Axes, members: Sequence[Member], scales: tuple[Scale, Scale]
) -> tuple[float, float] | None:
    """Draw the measuring line's offsets around the origin as a magenta cross; return them."""
    v = [q.syst for m in members if (q := quantity(m.result, "v_off_V")).syst is not None]
    i = [q.syst for m in members if (q := quantity(m.result, "i_off_A")).syst is not None]
    if not v or not i:
        return None
    largest = max(v), max(i)
    axes.errorbar(
        [0.0],
        [0.0],
        xerr=largest[0] * scales[0].factor,
        yerr=largest[1] * scales[1].factor,
        color=MAGENTA,
        marker="+",
        markersize=6.0,
        markeredgewidth=1.2,
        elinewidth=1.2,
        capsize=0.0,
        zorder=5,
    )
    return largest


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
