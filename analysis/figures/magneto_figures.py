"""I(H) loops and R_s(H) (Chowrira 2020, Figs. 3a and 3c; Katcko 2019, Figs. 2a and b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.figures.curves import Member, quantity
from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    COLUMN_MM,
    VERMILION,
    Dash,
    DrawnFigure,
    label_axes,
    new_figure,
    scale_of,
    zero_lines,
)
from nanojunction.analysis.notation import amount
from nanojunction.analysis.values import Curve, Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LOOPS = 5
"""Loops at different voltages that one figure shows."""

_LOOK: Mapping[str, tuple[str, Dash, str, str]] = {
    "up": (BLUE, "-", ">", "$H$ rising"),
    "down": (VERMILION, "--", "<", "$H$ falling"),
}


def loops_figure(name: str, device: str, members: Sequence[Member]) -> DrawnFigure | None:
    """Draw I(H), one panel a voltage, the directions of the field told apart."""
    loops = sorted(
        ((quantity(m.result, "voltage_V").value or 0.0, m) for m in members if _legs(m)),
        key=lambda item: item[0],
    )
    if not loops:
        return None
    shown = loops[:MOST_LOOPS]
    figure = new_figure(COLUMN_MM, 18.0 + 28.0 * len(shown))
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    fields = scale_of([leg.x for _, m in shown for leg in _legs(m)], "T")
    for axes, (voltage, member) in zip(panels, shown, strict=True):
        legs = _legs(member)
        scale = scale_of([leg.y for leg in legs], "A")
        zero_lines(axes)
        for leg in legs:
            _draw_leg(axes, leg, fields.factor, scale.factor)
        axes.margins(x=0.02, y=0.12)
        axes.set_ylabel(f"$I$ ({scale.unit})", labelpad=2.0)
        axes.set_title(f"$V$ = {amount(voltage, 'V', 4)}", loc="right", fontsize=7.0, pad=2.0)
    _directions_above(panels[0])
    panels[-1].set_xlabel(f"$µ_0H$ ({fields.unit})", labelpad=2.0)
    text = Markup(
        "<b>{}</b>: <i>I</i>(<i>H</i>) at {}; every reading, field rising solid (▸), falling "
        "dashed (◂). "
    ).format(device, ", ".join(amount(voltage, "V", 4) for voltage, _ in shown))
    if len(loops) > len(shown):
        text += f"{len(shown)} of {len(loops)} loops are drawn. "
    alt = f"Current against magnetic field of {device} at {len(shown)} voltages"
    return DrawnFigure(name, figure, text, alt, tuple(m.index for _, m in shown))


def _legs(member: Member) -> list[Curve]:
    found: Any = member.result.quantities.get("i_of_field")
    return [leg for leg in found if isinstance(leg, Curve)] if isinstance(found, list) else []


def _draw_leg(axes: Axes, leg: Curve, x_factor: float, y_factor: float) -> None:
    colour, dash, marker, _ = _LOOK[str(leg.extra.get("direction", "up"))]
    every = max(1, len(leg.x) // 9)
    axes.plot(
        leg.x * x_factor,
        leg.y * y_factor,
        color=colour,
        linestyle=dash,
        marker=marker,
        markevery=(every // 3 if marker == "<" else 0, every),
    )


def _directions_above(axes: Axes) -> None:
    """Name both directions above the panel, where no data can be."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, linestyle=dash, marker=marker)
        for colour, dash, marker, _ in _LOOK.values()
    ]
    axes.legend(
        handles,
        [label for *_, label in _LOOK.values()],
        loc="lower left",
        bbox_to_anchor=(-0.02, 0.98),
        ncols=2,
        columnspacing=1.0,
        borderaxespad=0.0,
    )


def resistance_figure(
    name: str, group: Group, members: Sequence[Member], runs: Sequence[int]
) -> DrawnFigure | None:
    """Draw R_s(H) from a pair of loops, with R_s of the I(V) runs as crosses."""
    found = group.quantities.get("r_s_of_field")
    curves = [item for item in found or () if isinstance(item, Curve)]
    if not curves:
        return None
    figure = new_figure(COLUMN_MM, 62.0)
    axes = figure.add_subplot()
    points = _crosses(members)
    scale = scale_of([item.y for item in curves], "Ω")
    fields = scale_of([item.x for item in curves], "T")
    for item in curves:
        _draw_leg(axes, item, fields.factor, scale.factor)
    zero_lines(axes, y=False)
    if points:
        axes.errorbar(
            [point[0] * fields.factor for point in points],
            [(point[1].value or 0.0) * scale.factor for point in points],
            yerr=[(point[1].stderr or 0.0) * scale.factor for point in points],
            linestyle="none",
            marker="x",
            markersize=6.0,
            markeredgewidth=1.3,
            color=BLACK,
            elinewidth=0.8,
            zorder=5,
        )
    axes.margins(x=0.02, y=0.08)
    label_axes(axes, f"$µ_0H$ ({fields.unit})", rf"$R_\mathrm{{s}}$ ({scale.unit})")
    _directions_above(axes)
    pair: Any = curves[0].extra.get("voltages_V", ())
    text = Markup(
        "<b>{}</b>: <i>R</i><sub>s</sub>(<i>H</i>) = Δ<i>V</i>/Δ<i>I</i> of the loops at {}, "
        "within each direction of the field. "
    ).format(group.device, " and ".join(amount(float(v), "V", 4) for v in pair))
    if points:
        text += Markup(
            "Crosses: slope resistance around <i>V</i><sub>off</sub> of the <i>I</i>(<i>V</i>) "
            "runs at their field. "
        )
    alt = f"Slope resistance against magnetic field of {group.device}"
    return DrawnFigure(name, figure, text, alt, tuple(runs))


def _crosses(members: Sequence[Member]) -> list[tuple[float, Quantity]]:
    """Return (field, R_s around V_off) of I(V) runs, the surest of each field."""
    best: dict[float, Quantity] = {}
    for member in members:
        field = member.conditions.field_T
        slope = quantity(member.result, "r_s_local_offset_ohm")
        if field is None or slope.value is None or slope.stderr is None:
            continue
        known = best.get(round(field, 4))
        if known is None or slope.stderr < (known.stderr or np.inf):
            best[round(field, 4)] = slope
    return sorted(best.items())
