"""Run files to runs: ours in PyMeasure's Results format, and other people's tables.

Nothing that a file names is ever imported or evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from nanojunction.analysis.columns import KNOWN_NAMES, Column, identify
from nanojunction.analysis.conditions import conditions_of, match_pattern
from nanojunction.analysis.parts import Part, joined, whole_runs
from nanojunction.analysis.run import Conditions, Run, cut
from nanojunction.analysis.run_kind import finish, stated_kind
from nanojunction.analysis.table import NoRows, ReadError, Table
from nanojunction.analysis.tables import parse_table
from nanojunction.analysis.values import Array

__all__ = ["ReadError", "find_files", "read_runs"]


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
    ((parts, warning),) = whole_runs([Part(path, _table_of(path))])
    return runs_of(parts, warning, pattern=pattern)


def read_part(path: Path) -> Part:
    """Return a file's table, without a row where a run ended before its first; raises ReadError."""
    try:
        return Part(path, _table_of(path))
    except NoRows as error:
        return Part(path, error.table)


def _table_of(path: Path) -> Table:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_table(data, str(path))


def runs_of(
    parts: tuple[Part, ...], warning: str | None, *, pattern: str | None = None
) -> list[Run]:
    """Return the runs in a file, or in the parts of one in order, as `read_runs` does.

    `warning` (or None) is what is known about the parts; a file's name is the first part's.
    """
    path = parts[0].path
    try:
        table = parts[0].table if len(parts) == 1 else joined(parts)
        known, warnings = _choose(table.names)
        named = match_pattern(path.stem, pattern) if pattern else None
        if warning is not None:
            warnings.append(warning)
        return _assemble(parts, table, known, named, warnings)
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
    parts: tuple[Part, ...],
    table: Table,
    known: _Known,
    named: dict[str, str | float] | str | None,
    warnings: list[str],
) -> list[Run]:
    """Make runs of a table's columns, in SI."""
    columns, missing = _columns(table, known, warnings)
    warnings += _losses(parts, missing)
    path = parts[0].path
    status = table.end.get("status") if table.end is not None else None
    if table.header.get("Procedure", "").startswith("<nanojunction."):
        warnings += _ending(parts)
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
        parts=tuple(part.path for part in parts[1:]),
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
    stated = stated_kind(table.header)
    legs = columns.get("leg")
    if plateau is None or stated in ("ih", "it", "vt"):
        return [finish(run, stated, legs, set(named or ()), plateau)]
    edges = [0, *(np.flatnonzero(np.diff(plateau)) + 1).tolist(), rows]
    plateaus = [slice(a, b) for a, b in pairwise(edges)]
    return [
        finish(
            replace(cut(run, rows_of), segment=n),
            stated,
            None if legs is None else legs[rows_of],
            set(named or ()),
            plateau[rows_of],
        )
        for n, rows_of in enumerate(plateaus)
    ]


def _columns(
    table: Table, known: _Known, warnings: list[str]
) -> tuple[dict[str, Array], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the known columns in SI without the rows that miss a number, and which those are."""
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
        return present, missing
    return {key: values[~missing] for key, values in present.items()}, missing


def _losses(
    parts: tuple[Part, ...], missing: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> list[str]:
    """Return the warnings about rows that are not in the run, `missing` of all parts' rows."""
    warnings, at = [], 0
    for part in parts:
        table, where = part.table, _where(part, parts)
        lost = table.lines[missing[at : at + len(table.lines)]].tolist()
        at += len(table.lines)
        lines = sorted([*table.dropped, *lost])
        if lines:
            shown = ", ".join(map(str, lines[:10])) + (", …" if len(lines) > 10 else "")
            rows = "1 row was" if len(lines) == 1 else f"{len(lines)} rows were"
            warnings.append(f"{where}{rows} dropped for a missing number (line {shown})")
        if table.unterminated:
            warnings.append(f"{where}the last line does not end and was dropped")
    return warnings


def _where(part: Part, parts: tuple[Part, ...]) -> str:
    return "" if len(parts) == 1 else f"{part.path.name}: "


def _ending(parts: tuple[Part, ...]) -> list[str]:
    """Return the warnings about how one of our runs ended: its last part did."""
    warnings = []
    end = parts[-1].table.end
    if end is None:
        warnings.append(
            "the run was cut off (there is no '# End:' line); its complete rows are used"
        )
    elif (status := end.get("status")) != "finished":
        warnings.append(f"the run ended as '{status}'")
    for part in parts:
        stated = (part.table.end or {}).get("rows")
        if isinstance(stated, int) and stated != part.rows:
            where = _where(part, parts)
            warnings.append(
                f"{where}the '# End:' line counts {stated} rows, the file holds {part.rows}"
            )
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
