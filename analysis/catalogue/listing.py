"""Runs listed from a catalogue, with the quantities that were found in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from nanojunction.analysis.catalogue.database import Catalogue
from nanojunction.analysis.catalogue.entries import place
from nanojunction.analysis.catalogue.errors import UnknownKey
from nanojunction.analysis.catalogue.questions import RUN_KEYS, Question, expression_of
from nanojunction.analysis.catalogue.tables import WHOLE, errors, quantities, runs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

Number = tuple[float | None, float | None, str | None]
"""Value, standard error and note."""

_AT_ONCE = 500  # a statement takes so many values everywhere


@dataclass(frozen=True, slots=True)
class Listed:
    """A run in a catalogue: what every run has, and its numbers by key.

    `held` has the columns of the table `runs`; `segment` is None for a run that is no plateau.
    """

    held: dict[str, Any]
    numbers: dict[str, Number]

    @property
    def path(self) -> Path:
        """The run's file."""
        return Path(self.held["path"])

    @property
    def is_missing(self) -> bool:
        """Whether the file is no longer where it was analysed."""
        return not self.path.exists()

    def value(self, key: str) -> Any:
        """Return what is under a key of the run, or of its quantities; None if nothing is."""
        if key in self.held:
            return self.held[key]
        if key not in self.numbers and key.endswith(".stderr"):
            return self.numbers.get(key.removesuffix(".stderr"), (None, None, None))[1]
        return self.numbers.get(key, (None, None, None))[0]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of a run."""
        names = ("value", "stderr", "note")
        return {
            **self.held,
            "missing": self.is_missing,
            "quantities": {
                key: dict(zip(names, number, strict=True)) for key, number in self.numbers.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs are listed, and in which order.

    `below` are files and folders (nothing: all runs), `sort` keys, each with `-` before it for
    the largest first; runs without the key come last.
    """

    below: tuple[Path, ...] = ()
    questions: tuple[Question, ...] = ()
    sort: tuple[str, ...] = ()
    limit: int | None = None


def known_keys(catalogue: Catalogue) -> list[str]:
    """Return the keys that runs can be asked for: those of all runs, then those of quantities."""
    with catalogue.reading() as connection:
        return [*RUN_KEYS, *_quantity_keys(connection)]


def _quantity_keys(connection: Connection) -> list[str]:
    return list(connection.scalars(sql.select(quantities.c.key).distinct().order_by("key")))


def find_runs(
    catalogue: Catalogue, selection: Selection, only: Sequence[str] | None = None
) -> list[Listed]:
    """Return the runs of a selection, with all numbers or those under the keys of `only`.

    Raises UnknownKey for a key that no run has.
    """
    with catalogue.reading() as connection:
        keys = _quantity_keys(connection)
        wanted = sql.select(runs).where(_is_below(runs.c.path, selection.below))
        for question in selection.questions:
            wanted = wanted.where(expression_of(question, keys))
        for key in selection.sort:
            wanted = wanted.order_by(_order(key, keys))
        wanted = wanted.order_by(runs.c.path, runs.c.segment).limit(selection.limit)
        rows = [dict(row) for row in connection.execute(wanted).mappings()]
        numbers = _numbers(connection, [row["id"] for row in rows], only)
    return [_listed(row, numbers.get(row["id"], {})) for row in rows]


def find_errors(catalogue: Catalogue, below: Sequence[Path] = ()) -> list[tuple[str, str]]:
    """Return the files that failed when they were last analysed, with their sentences."""
    wanted = sql.select(errors.c.path, errors.c.error).where(_is_below(errors.c.path, below))
    with catalogue.reading() as connection:
        return [(row.path, row.error) for row in connection.execute(wanted.order_by("path"))]


def _listed(row: dict[str, Any], numbers: dict[str, Number]) -> Listed:
    del row["id"]
    row["segment"] = None if row["segment"] == WHOLE else row["segment"]
    for key in ("parts", "warnings"):
        row[key] = json.loads(row[key])
    return Listed(row, numbers)


def _is_below(column: Any, below: Iterable[Path]) -> ColumnElement[bool]:
    """Return the condition that a path is one of these files, or in one of these folders."""
    places = [place(path).rstrip("/") for path in below]
    if not places:
        return sql.true()
    # LIKE would take A for a.
    inside = [sql.func.substr(column, 1, len(one) + 1) == f"{one}/" for one in places]
    return sql.or_(column.in_(places), *inside)


def _order(key: str, keys: Sequence[str]) -> Any:
    name = key.removeprefix("-")
    column: Any
    if name in RUN_KEYS:
        column = runs.c[name]
    elif name in keys or name.removesuffix(".stderr") in keys:
        of = name if name in keys else name.removesuffix(".stderr")
        what = quantities.c.value if name in keys else quantities.c.stderr
        here = (quantities.c.run == runs.c.id, quantities.c.key == of)
        column = sql.select(what).where(*here).scalar_subquery()
    else:
        raise UnknownKey(name, [*RUN_KEYS, *keys])
    return (column.desc() if key.startswith("-") else column.asc()).nulls_last()


def _numbers(
    connection: Connection, ids: Sequence[int], only: Sequence[str] | None
) -> dict[int, dict[str, Number]]:
    wanted = sql.select(quantities)
    if only is not None:
        wanted = wanted.where(quantities.c.key.in_([key.removesuffix(".stderr") for key in only]))
    found: dict[int, dict[str, Number]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = quantities.c.run.in_(ids[start : start + _AT_ONCE])
        for row in connection.execute(wanted.where(some)):
            found.setdefault(row.run, {})[row.key] = (row.value, row.stderr, row.note)
    return found
