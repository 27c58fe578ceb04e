"""Run files to runs: ours in PyMeasure's Results format, and other people's tables.

Nothing that a file names is ever imported or evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from nanojunction.analysis.columns import KNOWN_NAMES, Column, identify
from nanojunction.analysis.conditions import conditions_of, match_pattern
from nanojunction.analysis.legs import find_legs, is_swept
from nanojunction.analysis.run import Conditions, Run, RunKind, cut
from nanojunction.analysis.tables import ReadError, Table, parse_table
from nanojunction.analysis.values import Array

__all__ = ["ReadError", "find_files", "read_runs"]

_KINDS: tuple[tuple[str, RunKind], ...] = (
    ("calibrat", "calibration"),
    ("temperature", "iv"),
    ("iv", "iv"),
    ("ih", "ih"),
    ("it", "it"),
    ("vt", "vt"),
    ("unknown", "unknown"),
)


def find_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files meant by `paths`, each once: a folder means its *.csv, recursively, sorted.

    Raises ReadError for a path that does not exist and for a folder without any *.csv.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() == ".csv" and p.is_file())
            if not found:
                raise ReadError(f"{path}: there is no *.csv file in this folder or below it")
            files.update(dict.fromkeys(found))
        elif path.exists():
            files[path] = None
        else:
            raise ReadError(f"{path}: there is no such file or folder")
    return list(files)


def read_runs(path: Path, *, pattern: str | None = None) -> list[Run]:
    """Return the runs in a file: one, or one a plateau for a temperature series.

    `pattern` takes conditions from the file's name (without suffix), such as
    "{device}_{temperature_K}K"; they win over columns, and columns over the header. Rows with a
    missing number are dropped with a warning that names their lines; rows in compliance stay.

    Raises ReadError with one sentence that names the file, and the line or column where it is
    about one.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror})") from error
    table = parse_table(data, str(path))
    try:
        known, warnings = _choose(table.names)
        named = match_pattern(path.stem, pattern) if pattern else None
        return _assemble(path, table, known, named, warnings)
    except ReadError:
        raise
    except ValueError as error:
        raise ReadError(f"{path}: {error}") from error


_Known = dict[str, tuple[int, Column]]


def _choose(names: tuple[str, ...]) -> tuple[_Known, list[str]]:
    """Return which column serves as what ("voltage", "setpoint voltage", …), and warnings.

    Raises ValueError if two columns mean the junction's voltage, or its current.
    """
    candidates: dict[str, list[tuple[int, Column]]] = {}
    for index, name in enumerate(names):
        column = identify(name)
        if column is not None:
            key = f"setpoint {column.quantity}" if column.role == "setpoint" else column.role
            candidates.setdefault(key, []).append((index, column))
    known: _Known = {}
    warnings: list[str] = []
    for key, columns in candidates.items():
        best = [c for c in columns if not c[1].qualifier] or columns
        if len(best) > 1 and key.removeprefix("setpoint ") in ("voltage", "current"):
            both = " and ".join(f"'{column.name}'" for _, column in best)
            raise ValueError(
                f"the columns {both} both mean the {key}; name one a setpoint, or remove it"
            )
        if len(best) > 1:
            warnings.append(f"of several columns for the {key}, '{best[0][1].name}' is used")
        known[key] = best[0]
    no_unit = [c.name for _, c in known.values() if not c.has_unit and c.name != "V"]
    if no_unit:
        warnings.append(f"no unit in the column names {', '.join(no_unit)}: read in SI")
    return known, warnings


def _assemble(
    path: Path,
    table: Table,
    known: _Known,
    named: dict[str, str | float] | str | None,
    warnings: list[str],
) -> list[Run]:
    """Make runs of a table's columns, in SI."""
    columns, lost = _columns(table, known, warnings)
    warnings += _losses(table, lost)
    ours = table.header.get("Procedure", "").startswith("<nanojunction.")
    status = table.end.get("status") if table.end is not None else None
    if ours:
        warnings += _ending(table)
    if isinstance(named, str):
        warnings.append(named)
        named = None
    conditions = conditions_of(table.header, named or {})
    rows = len(next(iter(columns.values())))
    voltage = columns.get("voltage")
    if voltage is None:
        voltage = _replacement(columns, table.names, conditions, rows, warnings)
    current = columns.get("current")
    if current is None:
        raise ValueError(
            f"no column means a current (they are: {', '.join(table.names)}); "
            f"known are names such as {KNOWN_NAMES}"
        )
    device = (named or {}).get("device") or table.header.get("Sample") or path.stem
    run = Run(
        file=path,
        device=str(device),
        kind="unknown",
        time_s=columns.get("time"),
        leg=np.zeros(rows, dtype=np.int64),
        setpoint_V=columns.get("setpoint voltage"),
        setpoint_A=columns.get("setpoint current"),
        voltage_V=voltage,
        current_A=current,
        field_T=columns.get("field"),
        temperature_K=columns.get("temperature"),
        in_compliance=columns.get("compliance", np.zeros(rows)) != 0,
        conditions=conditions,
        header=table.header,
        status=str(status) if status is not None else None,
        warnings=tuple(warnings),
    )
    plateau = columns.get("setpoint temperature")
    stated = _stated_kind(table.header)
    legs = columns.get("leg")
    if plateau is None or stated in ("ih", "it", "vt"):
        return [_finish(run, stated, legs, set(named or ()), plateau)]
    edges = [0, *(np.flatnonzero(np.diff(plateau)) + 1).tolist(), rows]
    parts = [slice(a, b) for a, b in pairwise(edges)]
    return [
        _finish(
            replace(cut(run, part), segment=n),
            stated,
            None if legs is None else legs[part],
            set(named or ()),
            plateau[part],
        )
        for n, part in enumerate(parts)
    ]


def _columns(
    table: Table, known: _Known, warnings: list[str]
) -> tuple[dict[str, Array], list[int]]:
    """Return the known columns in SI without the rows that miss a number, and those rows' lines."""
    present: dict[str, Array] = {}
    for key, (index, column) in known.items():
        values = table.values[:, index]
        if np.isnan(values).all():
            if key in ("voltage", "current"):
                raise ValueError(f"column '{column.name}' holds no numbers")
            warnings.append(f"column '{column.name}' holds no numbers and is left out")
            continue
        if column.factor != 1.0:
            values = values * column.factor
        present[key] = values + column.offset if column.offset else values
    if not present:
        raise ValueError(
            f"no column is known (they are: {', '.join(table.names)}); "
            f"known are names such as {KNOWN_NAMES}"
        )
    missing = np.zeros(len(table.values), dtype=bool)
    for values in present.values():
        missing |= np.isnan(values)
    if missing.all():
        raise ValueError("no row has a number in every column")
    if not missing.any():
        return present, []
    kept = {key: values[~missing] for key, values in present.items()}
    return kept, table.lines[missing].tolist()


def _losses(table: Table, lost: list[int]) -> list[str]:
    """Return the warnings about rows that are not in the run."""
    warnings = []
    lines = sorted([*table.dropped, *lost])
    if lines:
        shown = ", ".join(map(str, lines[:10])) + (", …" if len(lines) > 10 else "")
        rows = "1 row was" if len(lines) == 1 else f"{len(lines)} rows were"
        warnings.append(f"{rows} dropped for a missing number (line {shown})")
    if table.unterminated:
        warnings.append("the last line does not end and was dropped")
    return warnings


def _ending(table: Table) -> list[str]:
    """Return the warnings about how one of our runs ended."""
    if table.end is None:
        return ["the run was cut off (there is no '# End:' line); its complete rows are used"]
    warnings = []
    status, rows = table.end.get("status"), table.end.get("rows")
    if status != "finished":
        warnings.append(f"the run ended as '{status}'")
    present = len(table.values) + len(table.dropped)
    if isinstance(rows, int) and rows != present:
        warnings.append(f"the '# End:' line counts {rows} rows, the file holds {present}")
    return warnings


def _replacement(
    columns: dict[str, Array],
    names: tuple[str, ...],
    conditions: Conditions,
    rows: int,
    warnings: list[str],
) -> Array:
    """Return what stands for the sensed voltage in a file without such a column."""
    if "setpoint voltage" in columns:
        warnings.append("there is no sensed voltage: the setpoint stands for it")
        return columns["setpoint voltage"]
    if conditions.voltage_V is not None and "field" in columns:
        warnings.append("there is no column of voltages: the stated voltage stands for it")
        return np.full(rows, conditions.voltage_V)
    raise ValueError(
        f"no column means a voltage (they are: {', '.join(names)}); "
        f"known are names such as {KNOWN_NAMES}"
    )


def _stated_kind(header: Mapping[str, str]) -> RunKind | None:
    """Return the kind that a header states: its Kind, or else the class name of its procedure."""
    procedure = header.get("Procedure", "").strip("<>").rpartition(".")[2]
    for text in (header.get("Kind", ""), procedure):
        for start, kind in _KINDS:
            if text.lower().startswith(start):
                return kind
    return None


def _finish(
    run: Run, stated: RunKind | None, legs: Array | None, named: set[str], plateau: Array | None
) -> Run:
    """Add to a run what follows from its rows: kind, legs and mean conditions."""
    kind = stated or _inferred_kind(run)
    if legs is not None:
        leg = legs.astype(np.int64)
        leg -= leg.min()
    elif kind == "ih" and run.field_T is not None:
        leg = find_legs(run.field_T)
    elif kind in ("iv", "calibration", "unknown"):
        swept = next(s for s in (run.setpoint_V, run.setpoint_A, run.voltage_V) if s is not None)
        leg = find_legs(swept)
    else:
        leg = run.leg
    clean = ~run.in_compliance

    def mean(values: Array | None) -> float | None:
        return float(np.mean(values[clean])) if values is not None and clean.any() else None

    old = run.conditions

    def condition(key: str, seen: float | None, stated: float | None) -> float | None:
        return stated if key in named or seen is None else seen

    temperature = mean(run.temperature_K if run.temperature_K is not None else plateau)
    field = mean(run.field_T) if kind != "ih" else None
    voltage = mean(run.voltage_V) if kind in ("ih", "it") else None
    current = mean(run.current_A) if kind == "vt" else None
    conditions = replace(
        old,
        temperature_K=condition("temperature_K", temperature, old.temperature_K),
        field_T=condition("field_T", field, old.field_T),
        voltage_V=condition("voltage_V", voltage, old.voltage_V),
        current_A=condition("current_A", current, old.current_A),
    )
    return replace(run, kind=kind, leg=leg, conditions=conditions)


def _inferred_kind(run: Run) -> RunKind:
    """Tell an I(V) from an I(H) by what is swept."""
    voltage = run.setpoint_V if run.setpoint_V is not None else run.voltage_V
    v_swept = is_swept(voltage) or (run.setpoint_A is not None and is_swept(run.setpoint_A))
    h_swept = run.field_T is not None and is_swept(run.field_T)
    if v_swept and not h_swept:
        return "iv"
    return "ih" if h_swept and not v_swept else "unknown"
