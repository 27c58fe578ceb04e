"""What figures of I(V) share: traces, legend, the inset P(V), the measuring line's cross."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nanojunction.analysis.figures.curves import Member, Trace, quantity
from nanojunction.analysis.figures.style import (
    GREY,
    MAGENTA,
    Dash,
    label_axes,
    scale_of,
    zero_lines,
)
from nanojunction.analysis.notation import Scale
from nanojunction.analysis.values import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DIRECTIONS: Mapping[int, Dash] = {1: "-", -1: "--"}
_SHADE = 0.14
_INSET_EDGE, _INSET_TOP = 0.61, 0.37
_GENERATES = 0.02  # V_off below this fraction of the range generates nothing that one could see


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """All traces of one condition in one look."""

    label: str
    traces: Sequence[Trace]
    member: Member
    colour: Any
    marker: str = ""


def scales_of(lines: Sequence[Line]) -> tuple[Scale, Scale]:
    """Return the prefixes of V and of I for all lines together."""
    voltages = [trace.voltage_V for line in lines for trace in line.traces]
    currents = [trace.current_A for line in lines for trace in line.traces]
    return scale_of(voltages, "V"), scale_of(currents, "A")


def draw_lines(axes: Axes, lines: Sequence[Line]) -> tuple[Scale, Scale]:
    """Draw forward traces solid and return traces dashed; return the scales of V and I."""
    v, i = scales_of(lines)
    zero_lines(axes)
    for order, line in enumerate(lines):
        for trace in line.traces:
            points = len(trace.voltage_V)
            axes.plot(
                trace.voltage_V * v.factor,
                trace.current_A * i.factor,
                color=line.colour,
                linestyle=_DIRECTIONS[trace.direction],
                linewidth=0.9,
                marker=line.marker if trace.direction > 0 and line.label else "",
                markevery=(points // 18 + 3 * order, max(1, points // 8)),
                markerfacecolor="white",
                markeredgewidth=0.7,
            )
    axes.margins(x=0.02, y=0.04)
    label_axes(axes, f"$V$ ({v.unit})", f"$I$ ({i.unit})")
    return v, i


def add_legend(axes: Axes, lines: Sequence[Line]) -> None:
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
        handles.append(Line2D([], [], color=GREY, linestyle=_DIRECTIONS[direction]))
        names.append("forward" if direction > 0 else "return")
    rising = _rises(lines)
    box = axes.legend(
        handles,
        names,
        loc="upper left" if rising else "upper right",
        frameon=True,
        facecolor="white",
        edgecolor="none",
        framealpha=1.0,
        fancybox=False,
        borderpad=0.2,
    )
    height = 0.05 + 0.062 * len(names)
    _make_room(axes, lines, left=rising, top=True, width=0.46, height=height)
    box.set_zorder(1.5)


def _rises(lines: Iterable[Line]) -> bool:
    """Tell whether the current rises with the voltage on the whole."""
    changes = [
        np.sign(trace.current_A[-1] - trace.current_A[0]) for line in lines for trace in line.traces
    ]
    return float(np.sum(changes)) >= 0


def _make_room(
    axes: Axes, lines: Sequence[Line], *, left: bool, top: bool, width: float, height: float
) -> None:
    """Widen the range of I until a corner (fractions of the axes) holds no data."""
    v, i = scales_of(lines)
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


def _generating(line: Line) -> tuple[float, float] | None:
    """Return (V_off, P_max) of a line that visibly generates, None for one that does not."""
    v_off, p_max = quantity(line.member.result, "v_off_V"), quantity(line.member.result, "p_max_W")
    verdict = quantity(line.member.result, "candidate").value
    if v_off.value is None or not p_max.value or verdict == 0.0:
        return None
    reach = max(float(np.max(np.abs(trace.voltage_V))) for trace in line.traces)
    if abs(v_off.value) < _GENERATES * reach or p_max.value <= 3.0 * (p_max.stderr or 0.0):
        return None
    return v_off.value, p_max.value


def _finest(
    generating: Sequence[tuple[Line, tuple[float, float]]],
) -> list[tuple[Line, tuple[float, float]]]:
    """Return of each look the run with the most points that reach beyond V_off."""
    best: dict[Any, tuple[float, Line, tuple[float, float]]] = {}
    for line, found in generating:
        trace = max(line.traces, key=lambda t: len(t.voltage_V))
        density = len(trace.voltage_V) / float(np.ptp(trace.voltage_V))
        look = (str(line.colour), line.marker)
        if look not in best or density > best[look][0]:
            best[look] = (density, line, found)
    return [(line, found) for _, line, found in best.values()]


def add_power_inset(axes: Axes, lines: Sequence[Line], scales: tuple[Scale, Scale]) -> bool:
    """Draw P(V) of the generating stretches into the free lower corner; return whether there are.

    P > 0 is shaded: it is delivered to the outside.
    """
    from matplotlib.patches import Rectangle

    generating = _finest([(line, found) for line in lines if (found := _generating(line))])
    if not generating:
        return False
    rising = _rises(lines)
    _make_room(axes, lines, left=not rising, top=False, width=1.0 - 0.44, height=_INSET_TOP + 0.05)
    left = _INSET_EDGE if rising else 0.18
    # A white ground hides the zero lines, never data: _make_room has moved those away.
    axes.add_patch(
        Rectangle(
            (left - 0.145, 0.01),
            0.15 + 0.965 - _INSET_EDGE,
            _INSET_TOP + 0.015,
            transform=axes.transAxes,
            color="white",
            linewidth=0.0,
            zorder=1.0,
        )
    )
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
                linestyle=_DIRECTIONS[trace.direction],
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
        x,
        0.0,
        power,
        where=(power > 0).tolist(),
        interpolate=True,
        color=colour,
        alpha=_SHADE,
        linewidth=0.0,
    )


def add_line_cross(
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
