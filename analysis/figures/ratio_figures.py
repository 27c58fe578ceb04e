"""TMR(V) and MC(V): ratios of two states' currents (Katcko 2019, Fig. 2e; Chowrira 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    COLUMN_MM,
    GREY,
    PURPLE,
    VERMILION,
    DrawnFigure,
    label_axes,
    new_figure,
    scale_of,
)
from nanojunction.analysis.notation import amount, measured
from nanojunction.analysis.values import Array, Curve, Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ORDINARY = (0.06, 0.94)
"""Quantiles of a ratio that the axis is made for: beside a zero of I_ref it diverges."""


def ratio_figure(
    name: str, group: Group, key: str, runs: Sequence[int], *, colour: str = BLACK
) -> DrawnFigure | None:
    """Draw TMR(V) or MC(V): masked stretches hatched, ratio < −100 % shaded, the peak marked.

    `key` is `tmr` or `mc`; the curve from I(V) is a line, that from loops points.
    """
    line, points = group.quantities.get(f"{key}_from_iv"), group.quantities.get(f"{key}_from_loops")
    line = line if isinstance(line, Curve) and np.isfinite(line.y).any() else None
    points = points if isinstance(points, Curve) and np.isfinite(points.y).any() else None
    if line is None:
        return None
    figure = new_figure(COLUMN_MM, 62.0)
    axes = figure.add_subplot()
    scale = scale_of([line.x], "V")
    x, y, error = line.x * scale.factor, 100.0 * line.y, 100.0 * np.nan_to_num(line.stderr)
    peak = _peak(group) if key == "tmr" else None
    bottom, top = _range(y, peak, points)
    masked = _shade_masked(axes, x, np.isfinite(y))
    reversed_ = _shade_reversed(axes, group, scale.factor)
    axes.axhline(0.0, color=GREY, linewidth=0.4)
    axes.axhline(-100.0, color=GREY, linewidth=0.6, linestyle=":")
    axes.fill_between(x, y - error, y + error, color=colour, alpha=0.25, linewidth=0.0)
    for start, stop in _connected(line, group):
        axes.plot(x[start:stop], y[start:stop], color=colour, linewidth=0.9)
    if points is not None:
        axes.errorbar(
            points.x * scale.factor,
            100.0 * points.y,
            yerr=100.0 * np.nan_to_num(points.stderr),
            linestyle="none",
            marker="s",
            markerfacecolor="white",
            color=VERMILION,
            zorder=5,
        )
    if peak is not None:
        _mark_peak(axes, group, peak, scale.factor)
    axes.set_ylim(bottom, top)
    axes.margins(x=0.02)
    label_axes(axes, f"$V$ ({scale.unit})", f"{key.upper()} (%)")
    beyond = int(np.count_nonzero((y > top) | (y < bottom)))
    text = _ratio_caption(group, key, line, beyond, masked=masked, reversed_=reversed_)
    if points is not None:
        text += Markup("Squares: from the levels of the <i>I</i>(<i>H</i>) loops. ")
    alt = f"{key.upper()} against voltage of {group.device}"
    return DrawnFigure(name, figure, text, alt, tuple(runs))


def _peak(group: Group) -> Mapping[str, Quantity] | None:
    peak: Any = group.quantities.get("tmr_peak")
    if not isinstance(peak, Mapping) or peak["position_V"].value is None:
        return None
    return peak


def _range(
    y: Array, peak: Mapping[str, Quantity] | None, points: Curve | None
) -> tuple[float, float]:
    """Return the axis for a ratio in percent: its ordinary values, its peak and −100 %."""
    known = y[np.isfinite(y)]
    low, high = (float(q) for q in np.quantile(known, _ORDINARY))
    low, high = min(low, -120.0), max(high, 40.0)
    if peak is not None:
        height = 100.0 * (peak["height"].value or 0.0)
        low, high = max(low, -1.2 * height - 150.0), max(min(high, 1.6 * height), height)
    if points is not None:
        shown = 100.0 * points.y[np.isfinite(points.y)]
        low, high = min(low, float(np.min(shown))), max(high, float(np.max(shown)))
    room = 0.16 * (high - low)
    return low - room, high + room


def _connected(line: Curve, group: Group) -> list[tuple[int, int]]:
    """Return stretches [start, stop) without a mask and without a zero of the denominator."""
    known = np.isfinite(line.y)
    jump = ~known[1:] | ~known[:-1]
    currents: Any = group.quantities.get("i_of_v")
    if isinstance(currents, Mapping) and len(currents["reference"].y) == len(line.y):
        sign = np.sign(currents["reference"].y)
        jump |= sign[1:] != sign[:-1]
    edges = [0, *(np.flatnonzero(jump) + 1).tolist(), len(line.y)]
    return [(a, b) for a, b in pairwise(edges) if known[a]]


def _shade_masked(axes: Axes, x: Array, known: np.ndarray[Any, Any]) -> bool:
    """Hatch the voltages at which the denominator is zero within its error."""
    masked = np.flatnonzero(~known)
    step = float(np.median(np.diff(x))) if len(x) > 1 else 0.0
    for index in masked.tolist():
        left = 0.5 * (x[max(index - 1, 0)] + x[index])
        right = 0.5 * (x[index] + x[min(index + 1, len(x) - 1)])
        axes.axvspan(
            min(left, x[index] - 0.25 * step),
            max(right, x[index] + 0.25 * step),
            facecolor="none",
            edgecolor=GREY,
            hatch="//////",
            linewidth=0.0,
        )
    return len(masked) > 0


def _shade_reversed(axes: Axes, group: Group, factor: float) -> bool:
    """Shade where both currents have opposite signs, so that the ratio is below −100 %."""
    windows: Any = group.quantities.get("sign_reversals") or ()
    for window in windows:
        low, high = (window[end].value for end in ("from_V", "to_V"))
        axes.axvspan(low * factor, high * factor, color=PURPLE, alpha=0.22, linewidth=0.0)
    return bool(windows)


def _mark_peak(axes: Axes, group: Group, peak: Mapping[str, Quantity], factor: float) -> None:
    """Draw the full width at half height, and write the peak's numbers where there is room."""
    position, height = peak["position_V"].value or 0.0, 100.0 * (peak["height"].value or 0.0)
    width = peak["fwhm_V"].value
    if width is not None:
        ends = np.array([position - 0.5 * width, position + 0.5 * width]) * factor
        axes.annotate(
            "",
            (ends[0], 0.5 * height),
            (ends[1], 0.5 * height),
            arrowprops={"arrowstyle": "<->", "color": BLUE, "linewidth": 0.8, "shrinkA": 0},
        )
    axes.plot([position * factor], [height], marker="v", color=BLUE, markersize=4.0, zorder=5)
    lines = [
        f"{measured(peak['height'], '%')} at {measured(peak['position_V'], 'V')}",
        f"FWHM {measured(peak['fwhm_V'], 'V') or 'not determined'}",
    ]
    axes.set_title(", ".join(lines), loc="right", fontsize=7.0, pad=3.0, color=BLUE)


def _ratio_caption(
    group: Group, key: str, line: Curve, beyond: int, *, masked: bool, reversed_: bool
) -> Markup:
    fields = [
        amount(float(value), "T", 3) if isinstance(value, float) else "an unknown field"
        for value in (line.extra.get("parallel_field_T"), line.extra.get("reference_field_T"))
    ]
    formula = Markup(
        "TMR(<i>V</i>) = <i>I</i><sub>P</sub>/<i>I</i><sub>AP</sub> − 1"
        if key == "tmr"
        else "MC(<i>V</i>) = <i>I</i>(<i>H</i><sub>P</sub>)/<i>I</i>(0 T) − 1"
    )
    text = Markup("<b>{}</b>: {} from the <i>I</i>(<i>V</i>) at {} (P) and {} ({}). ").format(
        group.device, formula, *fields, "AP" if key == "tmr" else "reference"
    )
    text += "Band: standard error. "
    if reversed_:
        text += "Shaded: the currents have opposite signs, the ratio is below −100 % (dotted). "
    if masked:
        text += "Hatched: masked, the denominator is zero within its error. "
    if beyond:
        text += f"{beyond} points beside a zero of the denominator lie beyond the axis. "
    return text
