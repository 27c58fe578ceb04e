"""Runs from files, or from arrays where there is no file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike

from nanojunction.analysis.reading.files import PathLike
from nanojunction.analysis.reading.parts import families, whole_runs
from nanojunction.analysis.reading.reader import find_files, read_part, read_runs, runs_of
from nanojunction.analysis.reading.run_kind import finish
from nanojunction.analysis.reading.table import ReadError
from nanojunction.analysis.run import Conditions, Run, RunKind
from nanojunction.analysis.values import Array
from nanojunction.common.names import did_you_mean

_ARRAYS = Path("arrays")
_HELD = ("temperature_K", "field_T")


class Columns(TypedDict):
    """The rows of a run as arrays of one length, in SI; a number stands for a column of it.

    `voltage_V` is the sensed voltage. A `temperature_K` or `field_T` that is a number is what was
    held. Rows where `in_compliance` is true enter no fit. `leg` counts the sweep's legs from 0;
    without it they are found at the turning points.
    """

    voltage_V: ArrayLike
    current_A: ArrayLike
    setpoint_V: NotRequired[ArrayLike]
    time_s: NotRequired[ArrayLike]
    temperature_K: NotRequired[ArrayLike]
    field_T: NotRequired[ArrayLike]
    in_compliance: NotRequired[ArrayLike]
    leg: NotRequired[ArrayLike]


def load_run(path: PathLike, *, pattern: str | None = None, segment: int | None = None) -> Run:
    """Return the run in a file; `segment` counts the plateaus of a series from 0.

    `pattern` takes conditions from the file's name, such as "{device}_{temperature_K}K". Raises
    ReadError, a sentence that names the file, for what cannot be read, and where the file holds
    several runs and `segment` says not which.

    >>> run = load_run(campaign / "A_240K_10mV.csv")
    >>> run.device, run.kind, len(run)
    ('A', 'iv', 330)
    """
    path = Path(path)
    runs = read_runs(path, pattern=pattern)
    if segment is not None:
        if not 0 <= segment < len(runs):
            raise ReadError(f"{path}: holds {_counted(len(runs))}, and none is segment {segment}")
        return runs[segment]
    if len(runs) > 1:
        raise ReadError(
            f"{path}: holds {_counted(len(runs))}: take load_runs, or one with segment=0 "
            f"to {len(runs) - 1}"
        )
    return runs[0]


def load_runs(paths: PathLike | Iterable[PathLike], *, pattern: str | None = None) -> list[Run]:
    """Return all runs in files, or in the *.csv of folders, the parts of a run as one.

    `pattern` as in `load_run`. Raises ReadError at the first that cannot be read; `analyse_files`
    goes on and collects them. Files without a row, and notes without their run, are warned of.

    >>> series = load_runs([campaign / "B_40K-105K.csv", campaign / "B_120K-360K.csv"])
    >>> [round(run.conditions.temperature_K) for run in series]
    [40, 50, 60, 70, 80, 90, 105, 120, 140, 160, 180, 210, 240, 295, 360]
    """
    found = find_files(map(Path, each(paths)))
    for path, problem in found.problems.items():
        raise ReadError(f"{path}: {problem}")
    for path, why in found.stray.items():
        warnings.warn(f"{path}: {why}", stacklevel=2)
    runs: list[Run] = []
    for family in families(found.files):
        for parts, warning in whole_runs([read_part(path) for path in family]):
            if any(part.rows for part in parts):
                runs += runs_of(parts, warning, pattern=pattern)
            else:
                warnings.warn(f"{parts[0].path}: holds no row, and no run", stacklevel=2)
    return runs


def each(paths: PathLike | Iterable[PathLike]) -> list[PathLike]:
    """Return one path, or several, as a list."""
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)


def run_from_arrays(
    *, device: str = "unnamed", kind: RunKind | None = None, **columns: Unpack[Columns]
) -> Run:
    """Return a run made of arrays (`Columns`), for everything that a run from a file is good for.

    `kind` is found from what was swept where it is not given. Raises ValueError, with the column
    and the row, for arrays of different lengths, for what is no number, for other columns, and for
    a temperature that is not above 0 K.

    >>> run = run_from_arrays(voltage_V=[0, 0.1, 0.2], current_A=[0, 1e-6, 2e-6], temperature_K=40)
    >>> run.kind, run.conditions.temperature_K
    ('iv', 40.0)
    """
    given: Mapping[str, Any] = columns
    for name in given:
        if name not in Columns.__annotations__:
            meant = did_you_mean(name, Columns.__annotations__)
            known = ", ".join(Columns.__annotations__)
            raise ValueError(f"{name}: is no column{meant or ';'} known are {known}")
    for name in ("voltage_V", "current_A"):
        if name not in given:
            raise ValueError(f"{name}: is missing; give an array of it, or a number for all rows")
    if kind is not None and kind not in get_args(RunKind):
        raise ValueError(f"kind: {kind!r} is none of {', '.join(get_args(RunKind))}")
    arrays = {name: _numbers(name, values) for name, values in given.items()}
    rows = max((array.size for array in arrays.values() if array.ndim), default=0)
    if rows == 0:
        raise ValueError("voltage_V and current_A: give arrays of one row at least")
    held = {
        name: float(arrays.pop(name)) for name in _HELD if name in arrays and not arrays[name].ndim
    }
    _check_temperature(held.get("temperature_K", arrays.get("temperature_K")))
    if "leg" in arrays and (arrays["leg"] % 1.0 != 0.0).any():
        raise ValueError("leg: holds what is no whole number; legs count from 0")
    conditions = Conditions(held.get("temperature_K"), held.get("field_T"))
    column = {name: _column(name, array, rows) for name, array in arrays.items()}
    run = Run(
        file=_ARRAYS,
        device=device,
        kind=kind or "unknown",
        time_s=column.get("time_s"),
        leg=np.zeros(rows, dtype=np.int64),
        setpoint_V=column.get("setpoint_V"),
        setpoint_A=None,
        voltage_V=column["voltage_V"],
        current_A=column["current_A"],
        field_T=column.get("field_T"),
        temperature_K=column.get("temperature_K"),
        in_compliance=column.get("in_compliance", np.zeros(rows)).astype(np.bool_),
        conditions=conditions,
    )
    return finish(run, kind, column.get("leg"), (), None)


def _check_temperature(kelvin: float | Array | None) -> None:
    if kelvin is not None and np.min(kelvin) <= 0.0:
        raise ValueError(f"temperature_K: {np.min(kelvin):g} K is not above 0 K")


def _numbers(name: str, values: ArrayLike) -> Array:
    if np.iscomplexobj(values):
        raise ValueError(f"{name}: is complex; give its real part if that is meant")
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: is no array of numbers ({error})") from error
    if array.ndim > 1:
        raise ValueError(f"{name}: has {array.ndim} dimensions; give one number a row")
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        value = float(array.flat[wrong[0]])
        raise ValueError(f"{name}: row {wrong[0]} is {value}; leave such rows out of all columns")
    return array


def _column(name: str, array: Array, rows: int) -> Array:
    if array.ndim and len(array) != rows:
        raise ValueError(f"{name}: has {len(array)} rows where another column has {rows}")
    return array if array.ndim else np.full(rows, float(array))


def _counted(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"
