"""The figure of a rehearsed night: what each run's time went into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rehearsal import accounts as a
from rehearsal.accounts import Night

from nanojunction.analysis.figures.style import (
    BLACK,
    BLUE,
    FULL_MM,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    publication_style,
)

#: What is shown together, with colour and hatching.
SHOWN = {
    "temperature ramp": ((a.RAMPS,), VERMILION, ""),
    "settling": ((a.SETTLING,), ORANGE, ""),
    "stability window": ((a.WINDOWS,), PURPLE, ""),
    "field ramp": ((a.FIELD,), BLUE, ""),
    "switch heater": ((a.SWITCH,), SKY, ""),
    "rest of the junction": ((a.RESTS,), SKY, "...."),
    "integration": ((a.INTEGRATION,), GREEN, ""),
    "until the next point": ((a.PACE,), "white", "////"),
    "bus": ((a.BUS_METER, a.BUS_MAGNET, a.ENVIRONMENT, a.SETTINGS), BLACK, ""),
    "files, analysis, computing, source ramps": (
        (a.FILES, a.ANALYSIS, a.COMPUTING, a.SOURCE), GREY, "",
    ),
    "start and safe end": ((a.START, a.END), "white", "xxxx"),
}  # fmt: skip
#: Less (s) cannot be seen.
UNSEEN_S = 0.05
#: The mark of what was planned: seen on every colour.
PLANNED = {
    "marker": "D", "markersize": 5.0, "markerfacecolor": "white", "markeredgecolor": BLACK,
    "linestyle": "none", "zorder": 3,
}  # fmt: skip


def draw(night: Night, file: Path) -> None:
    """Draw the whole night, and below it every run with what the dry run had said."""
    with publication_style():
        figure = new_figure(FULL_MM, 95.0)
        whole, runs = figure.subplots(2, 1, height_ratios=(1, 5.5))
        total = {account: night.spent(account) for account in a.ACCOUNTS}
        _bar(whole, 0.0, total, labels=True)
        whole.plot([night.planned_s], [0.0], **PLANNED)
        whole.set_yticks([0.0], ["whole night"])
        whole.set_ylim(-0.6, 0.6)
        for place, one in enumerate(night.runs):
            _bar(runs, place, one.spent)
            label = "what the dry run had said" if place == 0 else None
            runs.plot([one.planned.total_s], [place], **PLANNED, label=label)
        runs.set_yticks(range(len(night.runs)), [_short(one.key) for one in night.runs])
        runs.invert_yaxis()
        runs.set_xlabel("time (s)")
        for axes in (whole, runs):
            axes.set_xlim(0.0, None)
            axes.tick_params(axis="y", length=0)
        handles, labels = runs.get_legend_handles_labels()
        more, words = whole.get_legend_handles_labels()
        figure.legend([*more, *handles], [*words, *labels], loc="outside lower center", ncols=4)
        figure.savefig(file, metadata={"Date": None})


def _bar(axes, place: float, spent: Mapping[str, float], *, labels: bool = False) -> None:
    left = 0.0
    for words, (accounts, colour, hatch) in SHOWN.items():
        seconds = sum(spent.get(account, 0.0) for account in accounts)
        if seconds < UNSEEN_S and not labels:
            continue
        axes.barh(
            place, seconds, left=left, height=0.72, color=colour, hatch=hatch, edgecolor=BLACK,
            linewidth=0.3, label=words if labels else None,
        )  # fmt: skip
        left += seconds


def _short(key: str) -> str:
    """Return a run's key as it reads on an axis."""
    return ", ".join(part.replace("temperature=", "").replace("field=", "")
                     for part in key.split("/") if part != "temperatures")  # fmt: skip
