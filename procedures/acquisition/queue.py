"""The queue of a station: what is to be measured next, in the file of its journal.

The runs themselves are in the journal, as those of a recipe are. Each change is one transaction, so
that what somebody was told is there after a crash, too. Nothing here touches an instrument.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from nanojunction.procedures.acquisition.records import (
    CUT_OFF,
    DISCARDED,
    PAUSE,
    QUEUED,
    RETRIED,
    RUNNING,
    Entry,
    QueueError,
    Wish,
)
from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.recipes.journal_file import JournalFile
from nanojunction.procedures.recipes.journal_records import PlanEntry, RunRecord
from nanojunction.procedures.recipes.resume import conclude_what_runs

NAME = "queue.sqlite"
TABLE = """
CREATE TABLE IF NOT EXISTS queue (
    key TEXT PRIMARY KEY, position INTEGER NOT NULL, wish TEXT NOT NULL, status TEXT NOT NULL,
    tries INTEGER NOT NULL, resumes INTEGER NOT NULL, planned_rows INTEGER, cost_s REAL)
"""
#: Statuses of an entry that may still be moved, changed or taken out.
WAITING = (QUEUED, CUT_OFF)
#: How a run may end that somebody wants to repeat.
REPEATABLE = ("failed", "aborted", "protected", "broken", CUT_OFF)


class Queue:
    """An open queue, with the journal of its runs. Raises JournalError if the file cannot serve."""

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        self.journal = Journal(path)
        self._file = JournalFile(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self.journal.__exit__(kind, problem, trace)

    def open(self, station: str) -> None:
        """Make the queue, or take up one: a run that a dead process has left is `cut off`."""
        if self.journal.is_new():
            self.journal.create("queue", "", station, [], {})
        with self._file.change():
            self._file.execute(TABLE)
        conclude_what_runs(self.journal)
        for entry in self.entries():
            if entry.status == RUNNING:
                parts = self.journal.parts(entry.key)
                self._set(entry.key, status=parts[-1].status if parts else QUEUED, resumes=False)

    # Looking

    def entries(self) -> list[Entry]:
        """Return all entries in order, each with what came of it."""
        last = {record.key: record for record in self.journal.runs()}
        return [
            _entry(row, last.get(row["key"]))
            for row in self._file.rows("SELECT * FROM queue ORDER BY position")
        ]

    def entry(self, key: str) -> Entry:
        """Return one entry; raises QueueError if there is none of this key."""
        found = next((one for one in self.entries() if one.key == key), None)
        if found is None:
            raise QueueError(f"{key}: is not in the queue; look at it again")
        return found

    def next(self) -> Entry | None:
        """Return the entry whose turn it is; None if nothing waits, or something was cut off."""
        waiting = (one for one in self.entries() if one.status in WAITING)
        first = next(waiting, None)
        return first if first is not None and first.status == QUEUED else None

    # Changing what waits

    def add(self, wishes: Sequence[tuple[Wish, int | None, float]], before: str = "") -> list[str]:
        """Put wishes into the queue, at its end or before an entry, and return their keys.

        Each comes with its planned rows and what it costs (s). They are in it together or not.
        """
        number = len(self.journal.keys())
        order = [one.key for one in self.entries()]
        at = len(order) if not before else order.index(self._waiting(before).key)
        keys = []
        for number_of, (wish, _, _) in enumerate(wishes, number + 1):
            keys.append("/".join(filter(None, [f"{number_of:04d}", wish.sample, wish.procedure])))
        order[at:at] = keys
        for key, (wish, _, _) in zip(keys, wishes, strict=True):
            self.journal.add(PlanEntry(key, wish.procedure, wish.sample, "queue"))
        with self._file.change():
            for key, (wish, rows, cost_s) in zip(keys, wishes, strict=True):
                self._file.execute(
                    "INSERT INTO queue VALUES (?, 0, ?, ?, 0, 0, ?, ?)",
                    (key, json.dumps(wish.content()), QUEUED, rows, cost_s),
                )
            self._order(order)
        return keys

    def change(self, key: str, wish: Wish, rows: int | None, cost_s: float) -> None:
        """Replace what an entry that waits is to measure; raises QueueError for any other."""
        if self._waiting(key).status != QUEUED:
            raise QueueError(f"{key}: was cut off; resume or discard it")
        with self._file.change():
            self._file.execute(
                "UPDATE queue SET wish = ?, planned_rows = ?, cost_s = ? WHERE key = ?",
                (json.dumps(wish.content()), rows, cost_s, key),
            )

    def move(self, key: str, before: str = "") -> None:
        """Put an entry that waits before another one that waits, or at the end."""
        self._waiting(key)
        if before == key:
            return
        order = [one.key for one in self.entries() if one.key != key]
        at = len(order) if not before else order.index(self._waiting(before).key)
        order.insert(at, key)
        with self._file.change():
            self._order(order)

    def discard(self, key: str) -> None:
        """Take an entry that waits, or was cut off, out of what is to be measured."""
        self._waiting(key)
        self._set(key, status=DISCARDED, resumes=False)

    def resume(self, key: str) -> None:
        """Have a run that was cut off go on after its last row when its turn comes."""
        if self.entry(key).status != CUT_OFF:
            raise QueueError(f"{key}: was not cut off")
        self._set(key, status=QUEUED, resumes=True)

    def retry(self, key: str) -> str:
        """Put a run that did not finish into the queue once more, next to come; return its key."""
        entry = self.entry(key)
        if entry.status not in REPEATABLE:
            raise QueueError(f"{key}: is {entry.status}; only what did not finish is repeated")
        first = next((one.key for one in self.entries() if one.status in WAITING), "")
        before = "" if first == key else first
        (again,) = self.add([(entry.wish, entry.planned_rows, entry.cost_s or 0.0)], before)
        with self._file.change():
            self._file.execute("UPDATE queue SET tries = ? WHERE key = ?", (entry.tries + 1, again))
        self._set(key, status=RETRIED, resumes=False)
        return again

    # What the measurement says

    def begin(self, key: str) -> None:
        """Enter that an entry's turn has come."""
        with self._file.change():
            self._file.execute("UPDATE queue SET status = ? WHERE key = ?", (RUNNING, key))

    def end(self, key: str, status: str) -> None:
        """Enter how an entry ended."""
        self._set(key, status=status, resumes=False)

    def fail(self, key: str, error: str) -> None:
        """Enter that an entry failed before a run could begin."""
        part = len(self.journal.parts(key)) + 1
        self.journal.begin(key, part, None)
        self.journal.end(key, part, "failed", error=error)
        self.end(key, "failed")

    def _waiting(self, key: str) -> Entry:
        entry = self.entry(key)
        if entry.status not in WAITING:
            raise QueueError(f"{key}: is {entry.status}; only what waits can be changed")
        return entry

    def _set(self, key: str, *, status: str, resumes: bool) -> None:
        with self._file.change():
            self._file.execute(
                "UPDATE queue SET status = ?, resumes = ? WHERE key = ?", (status, resumes, key)
            )

    def _order(self, keys: Sequence[str]) -> None:
        self._file.execute_many(
            "UPDATE queue SET position = ? WHERE key = ?",
            [(position, key) for position, key in enumerate(keys)],
        )


def _entry(row: sqlite3.Row, record: RunRecord | None) -> Entry:
    entry = Entry(
        key=row["key"],
        wish=Wish(**json.loads(row["wish"])),
        status=row["status"],
        planned_rows=row["planned_rows"],
        tries=row["tries"],
        resumes=bool(row["resumes"]),
        cost_s=row["cost_s"],
    )
    if record is None:
        return entry
    return replace(
        entry,
        file=record.file,
        rows=record.rows,
        error=record.error,
        started=record.started,
        ended=record.ended,
    )


def is_pause(entry: Entry) -> bool:
    """Tell whether the queue waits for a person at an entry."""
    return entry.wish.procedure == PAUSE
