"""Runs, what was found in them and what failed, entered into a catalogue."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from nanojunction.analysis.catalogue.database import Catalogue
from nanojunction.analysis.catalogue.tables import WHOLE, errors, quantities, runs
from nanojunction.analysis.run import Conditions, Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Curve, Quantity, finite, plain

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nanojunction.analysis.results import FileError

_CONDITIONS = tuple(one.name for one in dataclasses.fields(Conditions))
_AT_ONCE = 100
"""Runs in a transaction: other processes wait no longer than for these."""


def place(path: Path) -> str:
    """Return how a catalogue names a file: its whole path, `/` between folders.

    What is no text in a name is written as an escape.
    """
    whole = Path(os.path.abspath(path)).as_posix()  # noqa: PTH100 - links stay what they are
    return whole.encode("utf-8", "backslashreplace").decode()


def enter(
    catalogue: Catalogue, results: Iterable[RunResult], failed: Iterable[FileError] = ()
) -> None:
    """Enter runs with their quantities, and the files that failed, in place of what was there.

    A file's older runs, its older error and what was entered for a part of a run by itself go.
    """
    # All runs of a file come in one transaction, so that nobody sees some of them.
    files: dict[str, list[RunResult]] = {}
    for result in results:
        files.setdefault(place(result.run.file), []).append(result)
    todo = list(files.items())
    for start in range(0, len(todo), _AT_ONCE):
        some = todo[start : start + _AT_ONCE]
        found = [result for _, of_file in some for result in of_file]
        with catalogue.change() as connection:
            _forget(connection, [path for _, of in some for path in _places(of[0].run)])
            _enter(connection, found)
    now = datetime.now().astimezone().isoformat(timespec="milliseconds")
    sentences = {place(Path(error.file)): _text(error.error) for error in failed}
    with catalogue.change() as connection:
        _forget(connection, list(sentences))
        for path, sentence in sentences.items():
            connection.execute(sql.insert(errors).values(path=path, error=sentence, seen=now))


def _places(run: Run) -> list[str]:
    return [place(path) for path in (run.file, *run.parts)]


def _forget(connection: Connection, paths: Sequence[str]) -> None:
    """Remove what is known of files; the quantities go with their runs."""
    gone = sql.select(runs.c.id).where(runs.c.path.in_(paths))
    connection.execute(sql.delete(quantities).where(quantities.c.run.in_(gone)))
    connection.execute(sql.delete(runs).where(runs.c.path.in_(paths)))
    connection.execute(sql.delete(errors).where(errors.c.path.in_(paths)))


def _enter(connection: Connection, results: Sequence[RunResult]) -> None:
    into = sql.insert(runs).returning(runs.c.id, sort_by_parameter_order=True)
    numbers = connection.scalars(into, [_row(result) for result in results]).all()
    rows = [
        {"run": number, "key": key, "value": value, "stderr": stderr, "note": note}
        for number, result in zip(numbers, results, strict=True)
        for key, value, stderr, note in numbers_of(result.quantities)
    ]
    if rows:
        connection.execute(sql.insert(quantities), rows)


def _row(result: RunResult) -> dict[str, Any]:
    """Return what the table of runs has of a run."""
    run, source, notes = result.run, result.provenance, result.run.notes
    conditions = dict.fromkeys(_CONDITIONS) | run.conditions.to_json()
    path, *parts = _places(run)
    return {
        "path": path,
        "segment": WHOLE if run.segment is None else run.segment,
        "parts": json.dumps(parts),
        "sha256": None if source is None else source.sha256,
        "rows": len(run),
        "kind": run.kind,
        "device": _text(run.device),
        "status": run.status,
        "started": run.header.get("Started"),
        "software": run.header.get("Software"),
        **{key: plain(value) for key, value in conditions.items()},
        "stars": None if notes is None else notes.stars,
        "comment": None if notes is None else _text(notes.comment),
        "warnings": _text(
            json.dumps(list(dict.fromkeys((*run.warnings, *result.warnings))), ensure_ascii=False)
        ),
        "analysed": None if source is None else source.analysed,
        "version": None if source is None else source.version,
        "settings": None if source is None else source.settings,
    }


def _text(text: str) -> str:
    """Return text that a database takes; what is no text in it is written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


Number = tuple[str, float | None, float | None, str | None]
"""Key, value, standard error and note."""


def numbers_of(found: Mapping[str, Any]) -> Iterator[Number]:
    """Yield the numbers and words in quantities, under dotted keys where they are nested.

    Of a list the key itself has the number of its items, and each item its index; words are
    notes. The points of curves are left out.
    """
    for key, item in found.items():
        yield from _numbers(key, item)


def _numbers(key: str, item: Any) -> Iterator[Number]:
    if isinstance(item, Quantity):
        yield key, finite(item.value), finite(item.stderr), item.note
        if item.syst is not None:
            yield f"{key}.syst", finite(item.syst), None, None
        yield from _nested(key, item.extra)
    elif isinstance(item, Curve):
        if item.note is not None:
            yield key, None, None, item.note
        yield from _nested(key, item.extra)
    elif isinstance(item, list | tuple):
        yield key, float(len(item)), None, None
        yield from _nested(key, dict(enumerate(item)))
    elif isinstance(item, Mapping):
        yield from _nested(key, item)
    elif dataclasses.is_dataclass(item):
        held = {one.name: getattr(item, one.name) for one in dataclasses.fields(item)}
        yield from _nested(key, held)
    elif isinstance(item, str):
        yield key, None, None, _text(item)
    elif isinstance(value := plain(item), bool | int | float):
        yield key, float(value), None, None


def _nested(key: str, items: Mapping[Any, Any]) -> Iterator[Number]:
    for name, part in items.items():
        yield from _numbers(f"{key}.{name}", part)
