"""dI/dV with error bars and the features found in it (Chowrira 2020, Fig. 1e; Katcko 2019, 2d)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from nanojunction.analysis.figures.curves import Member, curve, in_words
from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    COLUMN_MM,
    VERMILION,
    Dash,
    DrawnFigure,
    new_figure,
    scale_of,
    zero_lines,
)
from nanojunction.analysis.notation import Scale, amount
from nanojunction.analysis.values import Curve, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PANELS = 4
"""Runs whose dI/dV one figure shows, one below the other."""

_KEYS: tuple[tuple[str, str, Dash, str], ...] = (
    ("conductance_forward_S", BLACK, "-", "forward"),
    ("conductance_return_S", VERMILION, "--", "return"),
)
_FEWEST = 8
_STRUCTURE = 6.0  # dI/dV that varies by less than so many standard errors is a line's


def has_structure(member: Member) -> bool:
    """Tell whether dI/dV of a run shows more than a straight I(V) with noise."""
    if features_of(member):
        return True
    found = _curves(member)
    if not found:
        return False
    y = np.concatenate([item.y for _, item in found])
    if len(y) < _FEWEST:
        return False
    stderr = np.concatenate([item.stderr for _, item in found])
    noise = float(np.nanmedian(stderr)) if np.isfinite(stderr).any() else 0.0
    low, high = (float(q) for q in np.nanquantile(y, (0.05, 0.95)))
    return high - low > _STRUCTURE * noise


def finest(members: Sequence[Member]) -> list[Member]:
    """Return the run with the finest step under each condition, where it is about the finest."""
    best: dict[str, tuple[float, Member]] = {}
    for member in members:
        found = _curves(member)
        if not found:
            continue
        step = min(float(np.median(np.diff(item.x))) for _, item in found)
        words = in_words(member.conditions)
        if words not in best or step < best[words][0]:
            best[words] = (step, member)
    if not best:
        return []
    least = min(step for step, _ in best.values())
    return [member for step, member in best.values() if step <= 2.0 * least]


def features_of(member: Member) -> list[Mapping[str, Any]]:
    """Return the features of a run as plain mappings."""
    found = plain(member.result.quantities.get("features") or ())
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def conductance_figure(name: str, device: str, members: Sequence[Member]) -> DrawnFigure | None:
    """Draw dI/dV of runs, one panel a run, forward and return apart, features marked."""
    shown = [member for member in members if _curves(member)][:MOST_PANELS]
    if not shown:
        return None
    figure = new_figure(COLUMN_MM, 16.0 + 44.0 * len(shown))
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    volts = scale_of([item.x for member in shown for _, item in _curves(member)], "V")
    marked = 0
    for axes, member in zip(panels, shown, strict=True):
        siemens = scale_of([item.y for _, item in _curves(member)], "S")
        zero_lines(axes, y=False)
        for look, item in _curves(member):
            _draw(axes, item, look, volts, siemens)
        axes.margins(x=0.02, y=0.08)
        marked += _mark_features(axes, features_of(member), volts)
        axes.set_ylabel(rf"d$I$/d$V$ ({siemens.unit})", labelpad=2.0)
        axes.set_title(in_words(member.conditions), loc="right", fontsize=7.0, pad=2.0)
    _names_above(panels[0], shown)
    panels[-1].set_xlabel(f"$V$ ({volts.unit})", labelpad=2.0)
    text = _caption(device, shown, marked)
    alt = f"Differential conductance against voltage of {device}"
    return DrawnFigure(name, figure, text, alt, tuple(m.index for m in shown))


def _curves(member: Member) -> list[tuple[tuple[str, Dash, str], Curve]]:
    found = [
        ((colour, dash, label), item)
        for key, colour, dash, label in _KEYS
        if (item := curve(member.result, key)) is not None
    ]
    if not found and (item := curve(member.result, "conductance_S")) is not None:
        return [((BLACK, "-", "mean"), item)]
    return found


def _draw(
    axes: Axes, item: Curve, look: tuple[str, Dash, str], volts: Scale, siemens: Scale
) -> None:
    colour, dash, _ = look
    axes.errorbar(
        item.x * volts.factor,
        item.y * siemens.factor,
        yerr=np.nan_to_num(item.stderr) * siemens.factor,
        color=colour,
        linestyle=dash,
        linewidth=0.9,
        elinewidth=0.5,
        capsize=0.0,
    )


def _mark_features(axes: Axes, features: Sequence[Mapping[str, Any]], volts: Scale) -> int:
    """Mark position (tick) and FWHM (bar) of each feature above or below all data."""
    if not features:
        return 0
    low, high = axes.get_ylim()
    directions = [str(item.get("direction", "")) for item in features]
    rows = list(dict.fromkeys(directions))
    height = high - low
    for item, direction in zip(features, directions, strict=True):
        position, width = _number(item, "position_V"), _number(item, "fwhm_meV")
        if position is None:
            continue
        level = high + height * (0.05 + 0.10 * rows.index(direction))
        colour = {"forward": BLACK, "return": VERMILION}.get(direction, BLUE)
        at = position * volts.factor
        axes.plot([at], [level], marker="v", color=colour, markersize=3.5)
        if width is not None:
            half = 0.5e-3 * width * volts.factor
            axes.errorbar([at], [level], xerr=half, color=colour, elinewidth=0.9, capsize=2.0)
    axes.set_ylim(low, high + height * (0.10 + 0.10 * len(rows)))
    return len(features)


def _number(item: Mapping[str, Any], key: str) -> float | None:
    value = item.get(key)
    if isinstance(value, Mapping):
        value = value.get("value")
    return float(value) if isinstance(value, int | float) else None


def _names_above(axes: Axes, shown: Sequence[Member]) -> None:
    """Name the directions that there are above the panel, where no data can be."""
    from matplotlib.lines import Line2D

    looks = dict.fromkeys(look for member in shown for look, _ in _curves(member))
    axes.legend(
        [Line2D([], [], color=colour, linestyle=dash) for colour, dash, _ in looks],
        [label for *_, label in looks],
        loc="lower left",
        bbox_to_anchor=(-0.02, 0.98),
        ncols=2,
        columnspacing=1.0,
        borderaxespad=0.0,
    )


def _caption(device: str, shown: Sequence[Member], marked: int) -> Markup:
    first = _curves(shown[0])[0][1]
    text = Markup(
        "<b>{}</b>: d<i>I</i>/d<i>V</i>, the mean over the legs of each direction; bars: its "
        "standard error. "
    ).format(device)
    method, width = first.extra.get("method"), first.extra.get("width_V")
    if isinstance(method, str) and isinstance(width, float):
        text += f"By {method}, which widens what is narrow by {amount(width, 'V', 2)} (FWHM). "
    if marked:
        text += "Triangles: detected features, bars through them: their FWHM (table below). "
    return text
