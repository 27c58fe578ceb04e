"""The SQLite file of a journal: opened so that it survives a kill, each change one transaction.

`synchronous=FULL` and the rollback journal (no write-ahead log, which needs memory shared between
processes): after a kill at any moment the file is readable, and what it says has happened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nanojunction.instruments.errors import LaboratoryError

#: How long (s) another process may keep the file before a change fails.
PATIENCE_S = 10.0


class JournalError(LaboratoryError):
    """The journal cannot be used."""


class JournalFile:
    """An open file. Raises JournalError if it cannot be used or a change be made."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        # Also a reader must be able to take back what a kill has left half done.
        mode = "rw" if read_only else "rwc"
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=PATIENCE_S,
                isolation_level=None,
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("PRAGMA foreign_keys=ON")
            self._connection.execute(
                "PRAGMA query_only=ON" if read_only else "PRAGMA journal_mode=DELETE"
            )
        except sqlite3.Error as problem:
            raise JournalError(f"{path}: cannot be opened ({problem})") from problem

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make one transaction of what is done inside; an exception takes it all back."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # on a full disk SQLite takes it back itself
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as problem:
            raise JournalError(f"{self.path}: could not be written ({problem})") from problem

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return what a query finds."""
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as problem:
            raise JournalError(f"{self.path}: is no journal ({problem})") from problem

    def execute(self, statement: str, values: Iterable[object] = ()) -> None:
        """Carry out a statement of a change."""
        self._connection.execute(statement, tuple(values))

    def execute_many(self, statement: str, values: Iterable[Iterable[object]]) -> None:
        """Carry out a statement of a change with each of many values."""
        self._connection.executemany(statement, map(tuple, values))
