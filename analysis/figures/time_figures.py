"""I(t) and V(t) of a junction at rest (Chowrira 2020, Fig. 1c)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from nanojunction.analysis.figures.curves import Member, in_words
from nanojunction.analysis.figures.style import (
    COLUMN_MM,
    CYCLE,
    DrawnFigure,
    label_axes,
    new_figure,
    scale_of,
)

MOST_RUNS = 4
"""Runs that one figure shows, one below the other."""

_MOST_POINTS = 2000


def time_figure(name: str, device: str, members: Sequence[Member]) -> DrawnFigure | None:
    """Draw the current of I(t) runs and the voltage of V(t) runs, one panel a run."""
    timed = [m for m in members if m.result.run.time_s is not None and len(m.result.run) > 1]
    shown = timed[:MOST_RUNS]
    if not shown:
        return None
    figure = new_figure(COLUMN_MM, 14.0 + 30.0 * len(shown))
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, member in zip(panels, shown, strict=True):
        run = member.result.run
        every = max(1, len(run) // _MOST_POINTS)
        time = np.asarray(run.time_s)[::every]
        current = run.kind == "it"
        values = (run.current_A if current else run.voltage_V)[::every]
        scale = scale_of([values], "A" if current else "V")
        axes.plot(time, values * scale.factor, color=CYCLE[0], linewidth=0.7)
        axes.margins(x=0.02, y=0.15)
        label_axes(axes, "$t$ (s)", f"${'I' if current else 'V'}$ ({scale.unit})")
        axes.set_title(
            in_words(member.conditions, voltage=True), loc="right", fontsize=7.0, pad=2.0
        )
    text = Markup("<b>{}</b> at rest: every reading over time. ").format(device)
    if len(timed) > len(shown):
        text += f"{len(shown)} of {len(timed)} runs are drawn. "
    alt = f"Current or voltage against time of {device}"
    return DrawnFigure(name, figure, text, alt, tuple(m.index for m in shown))
