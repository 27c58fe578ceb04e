"""The measuring line's offsets against resistance, with those of the junctions far above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from nanojunction.analysis.calibration import CANDIDATE_RATIO
from nanojunction.analysis.figures.curves import Member, quantity
from nanojunction.analysis.figures.style import (
    COLUMN_MM,
    CYCLE,
    GREY,
    MAGENTA,
    MARKERS,
    DrawnFigure,
    new_figure,
    scale_of,
)
from nanojunction.analysis.values import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DEVICES = 6
"""Devices that have a look of their own; more share one."""

_COLUMNS = ((4, 14), (3, 18))
"""Columns of the legend, and the longest name (with that of the line) that they have room for."""

_LONGEST = 24


def calibration_figure(
    name: str, resistors: Sequence[Member], junctions: Sequence[Member]
) -> DrawnFigure | None:
    """Draw |V_off| and |I_off| against R_s on logarithmic axes: resistors and junctions."""
    if not any(_point(member, "v_off_V") for member in resistors):
        return None
    figure = new_figure(COLUMN_MM, 100.0)
    panels = figure.subplots(2, 1, sharex=True, squeeze=False)[:, 0]
    devices = list(dict.fromkeys(m.result.run.device for m in junctions))
    apart = len(devices) <= MOST_DEVICES
    for axes, key, unit, label in (
        (panels[0], "v_off_V", "V", "V"),
        (panels[1], "i_off_A", "A", "I"),
    ):
        sizes = [p[1] for m in (*resistors, *junctions) if (p := _point(m, key)) is not None]
        scale = scale_of([np.array([float(np.median(sizes))])], unit)
        _line(axes, _points(resistors, key), scale.factor)
        for n, device in enumerate(devices):
            own = _points([m for m in junctions if m.result.run.device == device], key)
            if len(own) == 0:
                continue
            axes.plot(
                own[:, 0],
                own[:, 1] * scale.factor,
                linestyle="none",
                marker=MARKERS[n] if apart else "o",
                color=CYCLE[n] if apart else GREY,
                markerfacecolor="white",
                label=_label(device) if apart else ("junctions" if n == 0 else None),
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.margins(x=0.08, y=0.12)
        axes.set_ylabel(rf"$|{label}_\mathrm{{off}}|$ ({scale.unit})", labelpad=2.0)
    panels[-1].set_xlabel(r"$R_\mathrm{s}$ (Ω)", labelpad=2.0)
    _legend(panels[0])
    text = Markup(
        "Offsets of the measuring line on calibrated resistors (magenta crosses, joined where they "
        "are interpolated in log <i>R</i>) and those of the junctions. Dashed: {:g} times the "
        "line's, which a candidate must exceed in both. "
    ).format(CANDIDATE_RATIO)
    alt = "Voltage and current offsets against resistance: calibrated resistors and junctions"
    runs = tuple(m.index for m in (*resistors, *junctions))
    return DrawnFigure(name, figure, text, alt, runs)


def _legend(axes: Axes) -> None:
    """Name the devices above the panel."""
    handles, labels = axes.get_legend_handles_labels()
    longest = max(map(len, labels))
    axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=next((n for n, most in _COLUMNS if longest <= most), 2),
        columnspacing=0.8,
        handlelength=1.2,
        handletextpad=0.4,
        borderaxespad=0.0,
    )


def _label(device: str) -> str:
    """Return a name as a legend takes it: no mathematics, and a leading _ is a letter."""
    short = device if len(device) <= _LONGEST else device[: _LONGEST - 1] + "…"
    return "\u2009" + short.replace("$", r"\$")


def _point(member: Member, key: str) -> tuple[float, float, float] | None:
    """Return (R_s, |offset|, stderr), None where a logarithmic axis cannot show it."""
    resistance = quantity(member.result, "r_s_ohm").value
    offset = quantity(member.result, key)
    if resistance is None or resistance <= 0 or not offset.value:
        return None
    return resistance, abs(offset.value), offset.stderr or 0.0


def _points(members: Sequence[Member], key: str) -> Array:
    found = sorted(p for member in members if (p := _point(member, key)) is not None)
    return np.array(found, dtype=float).reshape(-1, 3)


def _line(axes: Axes, points: Array, factor: float) -> None:
    if len(points) == 0:
        return
    size = points[:, 1] * factor
    axes.plot(points[:, 0], size, color=MAGENTA, linewidth=0.8)
    axes.plot(points[:, 0], CANDIDATE_RATIO * size, color=MAGENTA, linewidth=0.8, linestyle="--")
    axes.errorbar(
        points[:, 0],
        size,
        yerr=np.minimum(points[:, 2] * factor, 0.9 * size),
        linestyle="none",
        marker="+",
        markersize=6.0,
        markeredgewidth=1.2,
        color=MAGENTA,
        label="measuring line",
    )
