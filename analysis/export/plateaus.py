"""I(V) runs as the rectangle that a temperature series is: plateaus × the sweep's points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanojunction.analysis.export.errors import ExportError
from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Array

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Plateaus:
    """Runs of one sweep at several temperatures.

    `voltage_V` are the levels of the sweep (the setpoints where they are known), as long as the
    longest run. `columns` have one row a run, NaN where a run ended earlier.
    """

    runs: tuple[Run, ...]
    temperature_K: Array
    voltage_V: Array
    columns: dict[str, Table]
    has_setpoints: bool


def plateaus_of(runs: Sequence[Run]) -> list[Plateaus]:
    """Return runs in groups that have the same sweep, in order.

    A run whose sweep ends early belongs to those whose sweep begins like it. Raises ExportError
    for a run that is no I(V), and for one whose temperature is not known.
    """
    for run in runs:
        _check(run)
    groups: list[list[Run]] = []
    for run in runs:
        same = (group for group in groups if _begin_alike(group[0], run))
        group = next(same, None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    return [_rectangle(tuple(group)) for group in groups]


def _check(run: Run) -> None:
    if run.kind not in ("iv", "calibration"):
        raise ExportError(
            f"{run.file}: is no I(V) (its kind is {run.kind}) and NXiv_temp holds nothing else; "
            "export it as Parquet"
        )
    if run.conditions.temperature_K is None:
        raise ExportError(
            f"{run.file}: its temperature is not known, and NXiv_temp needs it; give it by a "
            "--pattern for the name, such as '{device}_{temperature_K}K', or in the notes"
        )


def _levels(run: Run) -> Array:
    return run.voltage_V if run.setpoint_V is None else run.setpoint_V


def _begin_alike(a: Run, b: Run) -> bool:
    """Tell whether two runs take the same steps, as far as both go."""
    if (a.setpoint_V is None, a.time_s is None) != (b.setpoint_V is None, b.time_s is None):
        return False
    length = min(len(a), len(b))
    return bool(np.array_equal(_levels(a)[:length], _levels(b)[:length]))


def _rectangle(runs: tuple[Run, ...]) -> Plateaus:
    longest = max(runs, key=len)
    columns: dict[str, list[Array | None]] = {
        "current": [run.current_A for run in runs],
        "voltage_measured": [run.voltage_V for run in runs],
        "time": [run.time_s for run in runs],
        "temperature_measured": [run.temperature_K for run in runs],
        "field": [run.field_T for run in runs],
        "leg": [run.leg.astype(float) for run in runs],
        "in_compliance": [run.in_compliance.astype(float) for run in runs],
    }
    return Plateaus(
        runs,
        np.array([run.conditions.temperature_K for run in runs], dtype=float),
        _levels(longest),
        {
            name: np.array([_filled(one, len(longest)) for one in values])
            for name, values in columns.items()
            if any(one is not None for one in values)
        },
        longest.setpoint_V is not None,
    )


def _filled(values: Array | None, length: int) -> Array:
    """Return values as long as the longest run's, NaN where there are none."""
    found = np.full(length, np.nan)
    if values is not None:
        found[: len(values)] = values
    return found
