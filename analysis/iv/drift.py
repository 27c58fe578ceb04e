"""Linear drift of an I(V), known where a voltage was passed repeatedly in one direction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nanojunction.analysis.iv.grid import Grid
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.together import times
from nanojunction.analysis.values import Quantity

_CLEARLY = 3.0  # standard errors


def linear_drifts(many: Sequence[Traces], grids: Sequence[Grid]) -> list[Quantity]:
    """Return the changes of the current (A) from the first to the last row at equal voltages.

    The traces are alike. Rows are taken as even in time. Null where no voltage was passed twice in
    one direction: drift and hysteresis then cannot be told apart.
    """
    layout = grids[0].layout
    time = many[0].row / max(float(many[0].row.max()), 1.0)
    moved = np.array([grid.moved_A for grid in grids])
    current = np.array([traces.current_A for traces in many]) - moved
    time, current = (
        column - np.take(layout.mean_of_place(column), layout.place, axis=-1)
        for column in (time, current)
    )
    square = float(time @ time)
    if square <= 1e-12 * len(time):
        reason = "no voltage was passed twice in one direction: a drift would be in it"
        return [Quantity(None, note=reason)] * len(many)
    drifts = []
    changes = (times(current, time[:, None])[:, 0] / square).tolist()
    for traces, grid, change in zip(many, grids, changes, strict=True):
        if grid.noise_A is None:
            drifts.append(Quantity(change, None, "the noise is unknown"))
            continue
        root = math.sqrt(square)
        if traces.relative_noise is not None:
            root = float(np.linalg.norm(time * traces.relative_noise))
        drifts.append(Quantity(change, grid.noise_A * root / square))
    return drifts


def without_drift(traces: Traces, drift: Quantity) -> Traces | None:
    """Return the traces less a drift of mean zero, None where none is beyond doubt."""
    if drift.value is None or drift.stderr is None or abs(drift.value) <= _CLEARLY * drift.stderr:
        return None
    time = traces.row / max(float(traces.row.max()), 1.0)
    return replace(traces, current_A=traces.current_A - drift.value * (time - time.mean()))
