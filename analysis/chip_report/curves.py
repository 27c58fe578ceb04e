"""A run's curve as a page draws it: whole numbers of a scale, as many points as can be seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanojunction.analysis.calibration import number
from nanojunction.analysis.notation import amount
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Array

MOST_POINTS = 600
"""More points of a curve than a drawing of some 500 pixels can show."""
_STEPS = 20_000

Rows = np.ndarray[tuple[int], np.dtype[np.intp]]


def drawn_curve(result: RunResult) -> dict[str, Any] | None:
    """Return the curve of a run for the page, None where nothing can be drawn.

    `x` (voltage in V, or time in s in an I(t)) and `y` (current in A) are whole numbers of `dx` and
    `dy`, one part in 20 000 of the largest; `held` are the indices of points in compliance. An I(V)
    has `v_off` and `i_off` where they were found.
    """
    run = result.run
    is_at_rest = run.kind == "it"
    x = run.time_s if is_at_rest else run.voltage_V
    if x is None or run.current_A is None:
        return None
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(run.current_A))
    if len(known) == 0:
        return None
    rows = known[seen(run.current_A[known], MOST_POINTS, run.in_compliance[known])]
    curve: dict[str, Any] = {"kind": "it" if is_at_rest else "iv", "under": _conditions(result)}
    for key, values in (("x", x), ("y", run.current_A)):
        step = _step(values[rows])
        curve[key] = np.rint(values[rows] / step).astype(int).tolist()
        curve[f"d{key}"] = step
    curve["held"] = np.flatnonzero(run.in_compliance[rows]).tolist()
    if not is_at_rest:
        curve["v_off"] = number(result.quantities, "v_off_V").value
        curve["i_off"] = number(result.quantities, "i_off_A").value
    return curve


def seen(values: Array, most: int, marked: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Rows:
    """Return the rows that a drawing of `values` in their order needs, at most about `most`.

    Of each stretch of rows the first, the smallest, the largest and the last, so that jumps and
    peaks stay; and where `marked` begins or ends.

    >>> seen(np.arange(5.0), 10, np.zeros(5, dtype=bool)).tolist()
    [0, 1, 2, 3, 4]
    """
    if len(values) <= most:
        return np.arange(len(values))
    parts = np.array_split(np.arange(len(values)), most // 4)
    kept = {int(row) for part in parts for row in (part[0], part[-1])}
    for part in parts:
        kept.add(int(part[np.argmin(values[part])]))
        kept.add(int(part[np.argmax(values[part])]))
    changes = np.flatnonzero(np.diff(marked.astype(np.int8)))
    if len(changes) <= most // 4:
        kept.update(int(row) for change in changes for row in (change, change + 1))
    return np.array(sorted(kept))


def _step(values: Array) -> float:
    largest = float(np.max(np.abs(values)))
    return float(f"{largest / _STEPS:.3e}") if largest > 0.0 else 1.0


def _conditions(result: RunResult) -> str:
    """Return temperature and field in words, as far as they are known."""
    held = result.run.conditions
    said = []
    if held.temperature_K is not None:
        said.append(amount(held.temperature_K, "K"))
    if held.field_T:
        said.append(amount(held.field_T, "T"))
    return ", ".join(said)
