"""Linear drift of an I(V), known where a voltage was passed repeatedly in one direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nanojunction.analysis.grid import Grid
from nanojunction.analysis.traces import Traces
from nanojunction.analysis.values import Quantity

_CLEARLY = 3.0  # standard errors


def linear_drift(traces: Traces, grid: Grid) -> Quantity:
    """Return the change of the current (A) from the first to the last row at equal voltages.

    Rows are taken as even in time. Null where no voltage was passed twice in one direction: drift
    and hysteresis then cannot be told apart.
    """
    layout = grid.layout
    time = traces.row / max(float(traces.row.max()), 1.0)
    current = traces.current_A - grid.moved_A
    own = [column - layout.mean_of_place(column)[layout.place] for column in (time, current)]
    square = float(own[0] @ own[0])
    if square <= 1e-12 * len(time):
        reason = "no voltage was passed twice in one direction: a drift would be in it"
        return Quantity(None, note=reason)
    change = float(own[0] @ own[1]) / square
    if grid.noise_A is None:
        return Quantity(change, None, "the noise is unknown")
    noise = grid.noise_A if traces.relative_noise is None else grid.noise_A * traces.relative_noise
    return Quantity(change, float(np.sqrt(np.sum((own[0] * noise) ** 2))) / square)


def without_drift(traces: Traces, drift: Quantity) -> Traces | None:
    """Return the traces less a drift of mean zero, None where none is beyond doubt."""
    if drift.value is None or drift.stderr is None or abs(drift.value) <= _CLEARLY * drift.stderr:
        return None
    time = traces.row / max(float(traces.row.max()), 1.0)
    return replace(traces, current_A=traces.current_A - drift.value * (time - time.mean()))
