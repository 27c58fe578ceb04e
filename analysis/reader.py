"""Run files to runs: ours in PyMeasure's Results format, and other people's tables.

Nothing that a file names is ever imported or evaluated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from nanojunction.analysis.column_choice import Choice, choose
from nanojunction.analysis.columns import KNOWN_NAMES
from nanojunction.analysis.conditions import conditions_of, match_pattern
from nanojunction.analysis.corrections import Rows, follow, named_by
from nanojunction.analysis.files import FoundFiles, find_files, read_bytes
from nanojunction.analysis.losses import Mask, doubtful_times, ending, losses, unused
from nanojunction.analysis.notes import Notes, NotesError, notes_path
from nanojunction.analysis.notes_file import load_notes
from nanojunction.analysis.parts import Part, joined, whole_runs
from nanojunction.analysis.run import Conditions, Run, RunKind
from nanojunction.analysis.run_kind import finish, stated_kind
from nanojunction.analysis.table import NoRows, ReadError, Table
from nanojunction.analysis.tables import parse_table
from nanojunction.analysis.values import Array

__all__ = ["FoundFiles", "ReadError", "find_files", "read_runs"]


def read_runs(path: Path, *, pattern: str | None = None) -> list[Run]:
    """Return the runs in a file: one, or one a plateau for a temperature series, or one a table.

    `pattern` takes conditions from the file's name (without suffix), such as
    "{device}_{temperature_K}K"; they win over columns, and columns over the header. Notes beside
    the file win over all. Rows with a missing number are dropped with a warning that names their
    lines; rows in compliance stay.

    Raises ReadError with one sentence that names the file, and the line or column where it is
    about one.
    """
    data = read_bytes(path)
    part = Part(path, parse_table(data, str(path)), _sha256(path, data))
    ((parts, warning),) = whole_runs([part])
    return runs_of(parts, warning, pattern=pattern)


def read_part(path: Path) -> Part:
    """Return a file's table, without a row where a run ended before its first; raises ReadError."""
    data = read_bytes(path)
    try:
        table = parse_table(data, str(path))
    except NoRows as error:
        table = error.table
    return Part(path, table, _sha256(path, data))


def _sha256(path: Path, data: bytes) -> str:
    """Return the hash of a file's contents, with those of the notes beside it if there are any."""
    digest = hashlib.sha256(data)
    if (notes := notes_path(path)).exists():
        digest.update(read_bytes(notes))
    return digest.hexdigest()


def runs_of(
    parts: tuple[Part, ...], warning: str | None, *, pattern: str | None = None
) -> list[Run]:
    """Return the runs in a file, or in the parts of one in order, as `read_runs` does.

    `warning` (or None) is what is known about the parts; a file's name is the first part's.
    """
    path = parts[0].path
    notes = _notes_of(parts)
    try:
        named = match_pattern(path.stem, pattern) if pattern else {}
        said = [warning] if warning is not None else []
        if isinstance(named, str):
            said.append(named)
            named = {}
        return _runs(parts, named, notes, said)
    except NotesError as error:
        raise NotesError(f"{notes_path(path)}: {error}") from error
    except ReadError:
        raise
    except ValueError as error:
        raise ReadError(f"{path}: {error}") from error


def _notes_of(parts: tuple[Part, ...]) -> Notes | None:
    """Return the notes of a run, which stand beside its first part."""
    first, *later = parts
    for part in later:
        if (path := notes_path(part.path)).exists():
            raise NotesError(
                f"{path}: the notes of a run in parts stand beside the first: move them into "
                f"{notes_path(first.path).name}"
            )
    return load_notes(first.path)


Named = Mapping[str, str | float]


def _runs(parts: tuple[Part, ...], named: Named, notes: Notes | None, said: list[str]) -> list[Run]:
    """Return the runs of all tables; raises ValueError where one cannot be read."""
    numbers = _row_numbers(parts)
    of = partial(_stretches, named=named, notes=notes, said=said)
    if len(parts) > 1:
        stretches = of(parts, joined(parts), numbers=numbers)
    elif more := parts[0].table.more:
        tables = (replace(parts[0].table, more=()), *more)
        said.append(f"the file holds {len(tables)} tables; each is a run of its own")
        stretches = []
        for table in tables:
            part = replace(parts[0], table=table)
            stretches += of((part,), table, numbers=numbers)
            numbers = numbers[len(table.values) :]
    else:
        stretches = of(parts, parts[0].table, numbers=numbers)
    if len(stretches) > 1:
        stretches = [
            replace(one, rows=replace(one.rows, run=replace(one.rows.run, segment=n)))
            for n, one in enumerate(stretches)
        ]
    if notes is None:
        return [one.finished(one.rows) for one in stretches]
    return _with_notes(stretches, notes, notes_path(parts[0].path))


def _row_numbers(parts: tuple[Part, ...]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the number of each row from 1, through all parts and tables, dropped rows counted."""
    numbers, before = [np.empty(0, dtype=np.int64)], 0
    for part in parts:
        for table in (part.table, *part.table.more):
            every = np.sort(np.concatenate([table.lines, table.dropped]))
            numbers.append(before + 1 + np.searchsorted(every, table.lines))
            before += len(every)
    return np.concatenate(numbers)


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """Rows that make one run, and what is stated about it; `plain` is without corrections."""

    rows: Rows
    kind: RunKind | None
    named: frozenset[str]
    plain_kind: RunKind | None
    plain_named: frozenset[str]
    plain_device: str
    plain_conditions: Conditions

    def finished(self, rows: Rows) -> Run:
        """Return a run of some of the rows."""
        return finish(rows.run, self.kind, rows.legs, self.named, rows.plateau)

    def uncorrected(self, rows: Rows) -> Run:
        """Return a run of some of the rows as it is without corrected metadata."""
        run = replace(rows.run, device=self.plain_device, conditions=self.plain_conditions)
        return finish(run, self.plain_kind, rows.legs, self.plain_named, rows.plateau)


def _with_notes(stretches: list[_Stretch], notes: Notes, file: Path) -> list[Run]:
    if notes.correct.temperature_K is not None and len(stretches) > 1:
        raise NotesError(
            f"correct.temperature: the file holds {len(stretches)} runs, which it would put at one "
            "temperature; correct the column of temperatures instead"
        )
    runs: list[Run] = []
    used: frozenset[int] = frozenset()
    empty = 0
    for one in stretches:
        run, fits = follow(one.rows, notes, file, one.finished, one.uncorrected)
        used |= fits
        empty += run is None
        runs += [] if run is None else [run]
    if not runs:
        raise NotesError("exclude: the exclusions leave no row of the run")
    said = [
        f"notes: exclude[{index}] fits no row: {one.reason}"
        for index, one in enumerate(notes.exclude)
        if index not in used
    ]
    if empty:
        said.append(f"notes: {empty} of the {len(stretches)} runs in this file excluded whole")
    return [replace(run, warnings=(*run.warnings, *said)) for run in runs]


def _stretches(
    parts: tuple[Part, ...],
    table: Table,
    *,
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]],
    named: Named,
    notes: Notes | None,
    said: list[str],
) -> list[_Stretch]:
    """Return the rows of each run in a table, in SI; `numbers` begins with those of its rows."""
    choice = choose(table.names, {} if notes is None else notes.correct.columns)
    warnings = [*choice.warnings, *said]
    columns, missing = _columns(table, choice, warnings)
    warnings += losses(parts, missing)
    warnings += unused(table.names, table.values, choice.unknown, table.header)
    if "time" in columns:
        warnings += doubtful_times(columns["time"], table.lines[~missing])
    if table.header.get("Procedure", "").startswith("<nanojunction."):
        warnings += ending(parts)
    corrected = {} if notes is None else named_by(notes.correct)
    all_named = {**named, **corrected}
    conditions = conditions_of(table.header, all_named)
    path = parts[0].path
    stem = path.stem.encode("utf-8", "backslashreplace").decode("utf-8")
    device = str(named.get("device") or table.header.get("Sample") or stem)
    run = _run(parts, table, columns, conditions, warnings)
    kind = stated_kind(table.header)
    stretch = _Stretch(
        rows=Rows(
            replace(run, device=str(corrected.get("device", device))),
            columns.get("leg"),
            columns.get("setpoint temperature"),
            numbers[: len(table.values)][~missing],
        ),
        kind=(notes.correct.kind if notes is not None else None) or kind,
        named=frozenset(all_named),
        plain_kind=kind,
        plain_named=frozenset(named),
        plain_device=device,
        plain_conditions=conditions_of(table.header, named) if corrected else conditions,
    )
    plateau = columns.get("setpoint temperature")
    if plateau is None or stretch.kind in ("ih", "it", "vt"):
        return [stretch]
    edges = [0, *(np.flatnonzero(np.diff(plateau)) + 1).tolist(), len(plateau)]
    segments = [replace(stretch, rows=stretch.rows.cut(slice(a, b))) for a, b in pairwise(edges)]
    return [
        replace(one, rows=replace(one.rows, run=replace(one.rows.run, segment=n)))
        for n, one in enumerate(segments)
    ]


def _run(
    parts: tuple[Part, ...],
    table: Table,
    columns: dict[str, Array],
    conditions: Conditions,
    warnings: list[str],
) -> Run:
    """Return a run of columns in SI, whose kind, legs and mean conditions are not known yet."""
    rows = len(next(iter(columns.values())))
    voltage = columns.get("voltage")
    if voltage is None:
        ours = table.header.get("Procedure", "").startswith("<nanojunction.")
        voltage = _replacement(columns, table.names, conditions, warnings, ours)
    current = columns.get("current")
    if current is None:
        raise ValueError(f"no column means a current ({_known_are(table.names)}")
    status = table.end.get("status") if table.end is not None else None
    return Run(
        file=parts[0].path,
        parts=tuple(part.path for part in parts[1:]),
        device="",
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


def _columns(table: Table, choice: Choice, warnings: list[str]) -> tuple[dict[str, Array], Mask]:
    """Return the known columns in SI without the rows that miss a number, and which those are."""
    present: dict[str, Array] = {}
    for key, (index, column) in choice.known.items():
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
        raise ValueError(f"no column is known ({_known_are(table.names)}")
    missing = np.zeros(len(table.values), dtype=bool)
    for values in present.values():
        missing |= np.isnan(values)
    if missing.all():
        raise ValueError("no row has a number in every column")
    if not missing.any():
        return present, missing
    return {key: values[~missing] for key, values in present.items()}, missing


def _known_are(names: tuple[str, ...]) -> str:
    """Return the rest of a sentence about a column that is not there."""
    shown = ", ".join(names)
    shown = shown if len(shown) <= 300 else f"{shown[:300]}…"
    return f"they are: {shown}); known are names such as {KNOWN_NAMES}"


def _replacement(
    columns: dict[str, Array],
    names: tuple[str, ...],
    conditions: Conditions,
    warnings: list[str],
    ours: bool,
) -> Array:
    """Return what stands for the sensed voltage in a file without such a column.

    Our own run files have one, unless their column names are damaged.
    """
    if "setpoint voltage" in columns and not ours:
        warnings.append("there is no sensed voltage: the setpoint stands for it")
        return columns["setpoint voltage"]
    if conditions.voltage_V is not None and "field" in columns:
        warnings.append("there is no column of voltages: the stated voltage stands for it")
        return np.full_like(columns["field"], conditions.voltage_V)
    raise ValueError(f"no column means a voltage ({_known_are(names)}")
