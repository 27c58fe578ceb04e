"""Run files to runs: ours in PyMeasure's Results format, and other people's tables.

Nothing that a file names is ever imported or evaluated.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from nanojunction.analysis.reading.conditions import match_pattern
from nanojunction.analysis.reading.corrections import follow
from nanojunction.analysis.reading.files import FoundFiles, find_files, read_bytes
from nanojunction.analysis.reading.notes import Notes, NotesError, notes_path
from nanojunction.analysis.reading.notes_file import load_notes
from nanojunction.analysis.reading.parts import Part, joined, whole_runs
from nanojunction.analysis.reading.stretches import Named, Stretch, stretches_of
from nanojunction.analysis.reading.table import NoRows, ReadError
from nanojunction.analysis.reading.tables import parse_table
from nanojunction.analysis.run import Run

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
    part = Part(path, parse_table(data, str(path)), *_hash_and_notes(path, data))
    ((parts, warning),) = whole_runs([part])
    return runs_of(parts, warning, pattern=pattern)


def read_part(path: Path) -> Part:
    """Return a file's table, without a row where a run ended before its first; raises ReadError."""
    data = read_bytes(path)
    try:
        table = parse_table(data, str(path))
    except NoRows as error:
        table = error.table
    return Part(path, table, *_hash_and_notes(path, data))


def _hash_and_notes(path: Path, data: bytes) -> tuple[str, bool]:
    """Return the hash of a file's contents and of the notes beside it, and whether it has notes."""
    digest = hashlib.sha256(data)
    notes = notes_path(path)
    has_notes = os.path.lexists(notes)
    if has_notes and notes.exists():
        digest.update(read_bytes(notes))
    return digest.hexdigest(), has_notes


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
        if part.has_notes:
            raise NotesError(
                f"{notes_path(part.path)}: the notes of a run in parts stand beside the first: "
                f"move them into {notes_path(first.path).name}"
            )
    return load_notes(first.path) if first.has_notes else None


def _runs(parts: tuple[Part, ...], named: Named, notes: Notes | None, said: list[str]) -> list[Run]:
    """Return the runs of all tables; raises ValueError where one cannot be read."""
    # Only notes name rows by their numbers.
    numbers = parts[0].table.lines if notes is None else _row_numbers(parts)
    of = partial(stretches_of, named=named, notes=notes, said=said)
    if len(parts) > 1:
        whole = joined(parts)
        stretches = of(parts, whole, numbers=whole.lines if notes is None else numbers)
    elif more := parts[0].table.more:
        tables = (replace(parts[0].table, more=()), *more)
        said.append(f"the file holds {len(tables)} tables; each is a run of its own")
        stretches = []
        for table in tables:
            part = replace(parts[0], table=table)
            stretches += of((part,), table, numbers=table.lines if notes is None else numbers)
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


def _with_notes(stretches: list[Stretch], notes: Notes, file: Path) -> list[Run]:
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
