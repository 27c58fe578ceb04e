"""The database of a catalogue: an SQLite file, or whatever else SQLAlchemy knows by a URL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sql
from sqlalchemy.engine import URL, make_url

from nanojunction.analysis.catalogue.errors import CatalogueError
from nanojunction.analysis.catalogue.tables import TABLES, VERSION, catalogue
from nanojunction.common.drives import drive_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

PATIENCE_S = 30.0
"""How long (s) a change waits for another process's."""


class Catalogue:
    """An open catalogue; several processes may have the same one open.

    `name` is a file (made if it is not there and `new` is True) or a database URL. Raises
    CatalogueError if it cannot be used: no such file, not ours, of a newer version, or on a
    network drive, where an SQLite file can be damaged.
    """

    def __init__(self, name: str | Path, *, new: bool = True) -> None:
        url = _url_of(name)
        self.name = url.database or "" if _is_file(url) else url.render_as_string()
        if _is_file(url):
            _check_file(Path(self.name), new=new)
        try:
            self._engine = sql.create_engine(url)
        except (sql.exc.ArgumentError, ImportError) as problem:
            raise CatalogueError(f"{self.name}: cannot be opened ({problem})") from problem
        if _is_file(url):
            sql.event.listen(self._engine, "connect", _set_up)
            sql.event.listen(self._engine, "begin", _begin)
        try:
            if new and _is_file(url) and _is_empty(self.name):
                self._prepare_file()
            self._make_or_check(new=new)
        except BaseException:
            self._engine.dispose()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine.dispose()

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """Make one transaction of what is done inside; an exception takes it all back."""
        with self._in_words("written"):
            writing = self._engine.execution_options(writing=True)
            with writing.begin() as connection:
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read a state that does not change meanwhile."""
        with self._in_words("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _in_words(self, what: str) -> Iterator[None]:
        try:
            yield
        except sql.exc.DBAPIError as problem:
            raise CatalogueError(
                f"{self.name}: the catalogue could not be {what} ({problem.orig})"
            ) from problem

    def _prepare_file(self) -> None:
        """Let readers of a new file go on beside a writer (write-ahead log); it remembers that.

        Only one process at a time: SQLite does not wait for others here.
        """
        import filelock

        try:
            with filelock.FileLock(f"{self.name}.lock", timeout=PATIENCE_S):
                if _is_empty(self.name):
                    with closing(self._engine.raw_connection()) as connection:
                        connection.cursor().execute("PRAGMA journal_mode=WAL")
        except filelock.Timeout as problem:
            raise CatalogueError(
                f"{self.name}: another process has been opening it for {PATIENCE_S:g} s"
            ) from problem
        except (sqlite3.Error, sql.exc.DBAPIError) as problem:
            raise CatalogueError(f"{self.name}: cannot be used ({problem})") from problem

    def _make_or_check(self, *, new: bool) -> None:
        with self.reading() as connection:
            names = set(sql.inspect(connection).get_table_names())
        if not names and new:
            with self.change() as connection:  # another process may have made them meanwhile
                TABLES.create_all(connection)
                if connection.scalar(sql.select(catalogue.c.version)) is None:
                    connection.execute(sql.insert(catalogue).values(version=VERSION))
        elif not TABLES.tables.keys() <= names:
            raise CatalogueError(f"{self.name}: is no catalogue of nanojunction; give another file")
        with self.reading() as connection:
            version = connection.scalar(sql.select(catalogue.c.version))
        if version != VERSION:
            what = "update nanojunction" if (version or 0) > VERSION else "begin a new one"
            raise CatalogueError(
                f"{self.name}: the catalogue is of version {version}, this program knows "
                f"{VERSION}; {what}"
            )


def _url_of(name: str | Path) -> URL:
    text = str(name)
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).absolute()))
    try:
        return make_url(text)
    except sql.exc.ArgumentError as problem:
        raise CatalogueError(f"{text}: is no file and no database URL ({problem})") from problem


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _is_empty(name: str) -> bool:
    path = Path(name)
    return not path.exists() or path.stat().st_size == 0


def _check_file(path: Path, *, new: bool) -> None:
    if path.is_dir():
        raise CatalogueError(f"{path}: is a folder; name a file, such as {path / 'runs.sqlite'}")
    if not path.exists() and not new:
        raise CatalogueError(
            f"{path}: there is no such catalogue; nanojunction analyse … --catalogue makes one"
        )
    if not path.parent.is_dir():
        raise CatalogueError(f"{path}: there is no such folder")
    if (kind := drive_of(path.parent)) is not None:
        raise CatalogueError(
            f"{path}: is on a network drive ({kind}), where a catalogue can be damaged; name a "
            "file on a disk of this computer, or the URL of a database server"
        )


def _set_up(connection: Any, _: object) -> None:
    """Let a new connection wait for others, read beside a writer, and leave transactions to us."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={round(1000 * PATIENCE_S)}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin(connection: Connection) -> None:
    """Take the lock of a change at its beginning, so that it never fails half-way for one."""
    immediate = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
