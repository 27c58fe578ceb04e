"""Figures of a screening for papers: the map, yields with intervals, histograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from nanojunction.analysis.chip_report.places import ChipPlaces
from nanojunction.analysis.chip_report.words import least_ratio
from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    COLUMN_MM,
    FULL_MM,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    DrawnFigure,
    label_axes,
    new_figure,
)
from nanojunction.analysis.screening.screening import Screening
from nanojunction.analysis.screening.statistics import GroupStatistics, Histogram
from nanojunction.analysis.screening.verdicts import VERDICTS, JunctionVerdict, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_GROUPS = 8
"""Groups of a kind (columns, splits) that a figure shows; the table has all."""

_MM_PER_PLACE = 4.0
_RATIO_BINS_PER_DECADE = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """How a verdict is drawn: its colour, marker, size against a place, and if it is filled."""

    colour: str
    marker: str
    size: float
    filled: bool


#: Told apart by shape alone, too; the order is that of drawing.
MARKS: Mapping[Verdict, Mark] = {
    "open": Mark(GREY, "o", 0.55, False),
    "short": Mark(GREY, "s", 0.55, True),
    "ohmic": Mark(GREEN, "o", 0.6, True),
    "undecided": Mark(PURPLE, "D", 0.55, False),
    "unstable": Mark(ORANGE, "v", 0.7, True),
    "broken": Mark(VERMILION, "X", 0.75, True),
    "candidate": Mark(BLUE, "*", 1.0, True),
}

#: The order of lists and legends: what matters most first.
ORDER: tuple[Verdict, ...] = (
    "candidate",
    "unstable",
    "broken",
    "undecided",
    "ohmic",
    "short",
    "open",
)

_AXES: Mapping[str, tuple[str, str]] = {
    "resistance_ohm": ("R (Ω)", "resistance"),
    "ra_ohm_um2": ("R × area (Ω·µm²)", "resistance times area"),
    "v_off_V": ("|V$_{\\rm off}$| (V)", "offset voltage"),
    "p_max_W": ("P$_{\\rm max}$ (W)", "largest power"),
}


def map_figure(screening: Screening, places: ChipPlaces) -> DrawnFigure:
    """Draw the chip with a mark at each junction's place."""
    across = max(places.width + 1.0, 1.0)
    wide = across * _MM_PER_PLACE > COLUMN_MM - 14.0
    width_mm = FULL_MM if wide else COLUMN_MM
    place_mm = min((width_mm - 14.0) / across, _MM_PER_PLACE)
    figure = new_figure(width_mm, min((places.height + 1.0) * place_mm + 26.0, 230.0))
    axes = figure.add_subplot()
    for verdict, mark in MARKS.items():
        at = np.array(
            [place for place, one in zip(places.at, screening.verdicts, strict=True)
             if one.verdict == verdict]
        )  # fmt: skip
        if len(at) == 0:
            continue
        points = mark.size * place_mm * 72.0 / 25.4
        axes.scatter(
            at[:, 0], at[:, 1], s=points**2, marker=mark.marker, linewidths=0.12 * points,
            facecolors=mark.colour if mark.filled else "none",
            edgecolors="none" if mark.filled else mark.colour,
            label=f"{verdict} ({len(at)})", zorder=2,
        )  # fmt: skip
    axes.set_xlim(-0.7, places.width + 0.7)
    axes.set_ylim(places.height + 0.7, -0.7)
    axes.set_aspect("equal")
    axes.set_xticks([at for at, _ in places.x_ticks], [text for _, text in places.x_ticks])
    axes.set_yticks([at for at, _ in places.y_ticks], [text for _, text in places.y_ticks])
    names = {"mm": ("x (mm)", "y (mm)"), "grid": ("column", "row"), "order": ("", "")}
    label_axes(axes, *names[places.frame])
    figure.legend(
        loc="outside lower center", ncols=7 if wide else 3, handletextpad=0.2, columnspacing=1.0
    )
    return DrawnFigure(
        "map", figure, Markup("The chip, a mark for the verdict on each junction."),
        "map of the chip with a mark at each junction's place", (),
    )  # fmt: skip


def yields_figure(screening: Screening) -> DrawnFigure:
    """Draw the yield of each verdict, and of candidates by group, with Wilson's intervals."""
    groups = screening.statistics.groups
    rows: list[tuple[str, Verdict, GroupStatistics]] = [(name, name, groups[0]) for name in ORDER]
    by: dict[str, list[GroupStatistics]] = {}
    for group in groups[1:]:
        by.setdefault(group.by, []).append(group)
    for kind, some in by.items():
        if len(some) <= MOST_GROUPS:
            rows += [(_group_name(kind, one.name), "candidate", one) for one in some]
    figure = new_figure(COLUMN_MM, 14.0 + 4.6 * len(rows))
    axes = figure.add_subplot()
    for n, (_, key, group) in enumerate(rows):
        one, mark = group.yields[key], MARKS[key]
        axes.plot([100 * one.low, 100 * one.high], [n, n], color=BLACK, linewidth=0.8)
        axes.plot(
            [100 * one.fraction], [n], mark.marker, color=mark.colour, markersize=5.0,
            markerfacecolor=mark.colour if mark.filled else "white", linestyle="none",
            clip_on=False, zorder=3,
        )  # fmt: skip
    if len(rows) > len(ORDER):
        axes.axhline(len(ORDER) - 0.5, color=GREY, linewidth=0.4)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    beside = axes.secondary_yaxis("right")
    beside.set_yticks(
        range(len(rows)),
        [f"{group.yields[key].count}/{group.yields[key].of}" for _, key, group in rows],
    )
    for side in (axes, beside):
        side.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0.0, None)
    label_axes(axes, "yield (%)", "")
    percent = f"{100 * screening.chip.thresholds.confidence:g}"
    caption = f"Yields with Wilson's {percent} % intervals"
    if len(rows) > len(ORDER):
        caption += "; below the line those of candidates in parts of the chip"
    return DrawnFigure("yields", figure, Markup(f"{caption}."), caption, ())


def _group_name(by: str, name: str) -> str:
    if by == "diameter_um":
        return f"⌀ {name} µm" if name else "no diameter"
    return f"{by} {name}" if name else f"no {by}"


def histogram_figure(screening: Screening, histogram: Histogram) -> DrawnFigure:
    """Draw one histogram of the statistics."""
    figure = new_figure(COLUMN_MM, 52.0)
    axes = figure.add_subplot()
    axes.stairs(histogram.counts, histogram.edges, fill=True, facecolor="#B8C4CE",
                edgecolor=BLACK, linewidth=0.7)  # fmt: skip
    _decades(axes, histogram.edges)
    axes.set_ylim(0.0, 1.15 * max(histogram.counts))
    label, words = _AXES[histogram.key]
    group = screening.statistics.groups[0]
    median = {"resistance_ohm": group.resistance_ohm, "ra_ohm_um2": group.ra_ohm_um2}.get(
        histogram.key
    )
    if median is not None and median.value is not None:
        axes.axvline(median.value, color=VERMILION, linewidth=1.0, linestyle="--")
        if ends := median.extra.get("interval"):
            axes.axvspan(*ends, color=VERMILION, alpha=0.18, linewidth=0)
    _whole_counts(axes)
    label_axes(axes, label, "junctions")
    of = "candidates" if histogram.key in ("v_off_V", "p_max_W") else "ohmic and candidates"
    caption = f"{words.capitalize()}: {sum(histogram.counts)} junctions ({of})"
    if median is not None and median.value is not None:
        caption += "; dashed the median, shaded its bootstrap interval"
    name = histogram.key.rpartition("_")[0] or histogram.key
    return DrawnFigure(f"histogram_{name}", figure, Markup(f"{caption}."), caption, ())


def ratio_figure(screening: Screening) -> DrawnFigure | None:
    """Draw the smaller offset ratio of each junction against the threshold of candidates."""
    shown = _ratios(screening.verdicts)
    if not shown:
        return None
    values = np.array([value for some in shown.values() for value in some])
    low, high = (np.log10([values.min(), values.max()]) * _RATIO_BINS_PER_DECADE).tolist()
    edges = 10.0 ** (np.arange(np.floor(low), np.floor(high) + 2) / _RATIO_BINS_PER_DECADE)
    figure = new_figure(COLUMN_MM, 52.0)
    axes = figure.add_subplot()
    below = np.zeros(len(edges) - 1)
    for verdict, hatch in zip(shown, ("", "////", "xxxx", "...."), strict=False):
        above = below + np.histogram(shown[verdict], edges)[0]
        axes.stairs(above, edges, baseline=below, fill=True, facecolor=MARKS[verdict].colour,
                    edgecolor=BLACK, linewidth=0.5, hatch=hatch,
                    label=f"{verdict} ({len(shown[verdict])})")  # fmt: skip
        below = above
    threshold = screening.chip.thresholds.candidate_ratio
    _decades(axes, [*edges.tolist(), threshold])
    axes.axvline(threshold, color=BLACK, linestyle="--")
    axes.set_ylim(0.0, 1.15 * float(below.max()))
    figure.legend(loc="outside upper center", ncols=2)
    _whole_counts(axes)
    label_axes(axes, "smaller offset over the measuring line's", "junctions")
    caption = "The smaller of both offset ratios; dashed the threshold of candidates"
    return DrawnFigure("histogram_offset_ratio", figure, Markup(f"{caption}."), caption, ())


def _ratios(verdicts: Sequence[JunctionVerdict]) -> dict[Verdict, list[float]]:
    found: dict[Verdict, list[float]] = {}
    for verdict in ("ohmic", "candidate", "unstable", "broken"):
        ratios = [least_ratio(one) for one in verdicts if one.verdict == verdict]
        if known := [ratio for ratio in ratios if ratio is not None and ratio > 0.0]:
            found[verdict] = known
    return found


def _decades(axes: Axes, values: Sequence[float]) -> None:
    """Give the axis a logarithmic scale over whole decades, so that it has labels."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = np.log10(min(values)) + 1e-9, np.log10(max(values)) - 1e-9
    axes.set_xscale("log")
    axes.set_xlim(10.0 ** np.floor(low), 10.0 ** np.ceil(high))
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _whole_counts(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def counts(screening: Screening) -> list[tuple[Verdict, int]]:
    """Return how many junctions have each verdict, in the order of lists."""
    yields = screening.statistics.groups[0].yields
    return [(verdict, yields[verdict].count) for verdict in ORDER]


assert set(ORDER) == set(VERDICTS)
