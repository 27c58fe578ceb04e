"""The run file: one run, one CSV in PyMeasure's Results format, whose rows survive what happens.

A row is in the operating system's hands when `write_row` returns (it survives kill -9) and on the
disk at most a second later (it survives a power cut). A row that cannot be written raises, and
what was half written is taken back: a run file never ends in the middle of a row.
"""

from __future__ import annotations

import json
import math
import os
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nanojunction.instruments.errors import LaboratoryError

#: Longest time (s) that a row waits for the disk.
SYNC_EVERY_S = 0.5
#: File names that Windows keeps for itself.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
#: Types whose repr has every digit.
PLAIN = frozenset((int, float))
#: Longest stem of a file (bytes of UTF-8), and the end that a part of a run keeps when it is cut.
LONGEST, PART = 120, re.compile(r"_part\d+$")
#: How often another name is tried when somebody was quicker.
TRIES = 100


class NotWritten(LaboratoryError):
    """A row, or the file itself, could not be written."""


class NameTaken(NotWritten):
    """There is a file of that name already."""


class RunFile:
    """An open run file; it is created on construction and never replaces another.

    Raises NameTaken if there is one of that name, NotWritten if it cannot be created, or a row
    cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = tuple(columns)
        self.rows = 0
        self._size = 0
        self._unsynced = False
        self._sync_problem: OSError | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            why = "it is a file" if isinstance(problem, FileExistsError) else problem.strerror
            raise NotWritten(
                f"{path.parent}: the folder cannot be made ({why}); give another --out"
            ) from problem
        try:
            self._handle = _create(path)
            _sync_folder(path.parent)
        except OSError as problem:
            raise NotWritten(f"{path}: cannot be created ({problem.strerror})") from problem
        self._closing = threading.Event()
        self._syncing = threading.Thread(target=self._sync_now_and_then, name="run-file-sync")
        self._syncing.start()

    @classmethod
    def new(cls, folder: Path, stem: str, columns: Sequence[str]) -> Self:
        """Create a run file under the first name of `free_path` that nobody else takes meanwhile.

        Raises NotWritten if none can be created.
        """
        for _ in range(TRIES):
            with suppress(NameTaken):
                return cls(free_path(folder, stem), columns)
        raise NotWritten(f"{folder}: {TRIES} names for {stem} were taken by somebody quicker")

    def write_header(self, header: str) -> None:
        """Write the header (comment lines, with the last line end) and the column names."""
        self._write(header + ",".join(self.columns) + "\n")

    def write_row(self, row: Mapping[str, float | int]) -> None:
        """Write one row; raises NotWritten for a value that is missing, unknown or no number."""
        if len(row) != len(self.columns):
            raise NotWritten(f"{self.path}: a row has {sorted(row)}, not {sorted(self.columns)}")
        try:
            values = [row[name] for name in self.columns]
            line = ",".join(map(repr, values))
            # At once where it can be seen that nothing else is there: only nan and inf have an n.
            if "n" in line or not PLAIN.issuperset(map(type, values)):
                line = ",".join(map(_number, values))
        except (KeyError, TypeError) as problem:
            raise NotWritten(f"{self.path}: a row is not complete: {problem}") from problem
        self._write(line + "\n")
        self.rows += 1

    def _write(self, text: str) -> None:
        if self._sync_problem is not None:
            raise self._not_written(self._sync_problem)
        data = text.encode("utf-8")
        try:
            sent = os.write(self._handle, data)
            while sent < len(data):
                sent += os.write(self._handle, data[sent:])
        except OSError as problem:
            self._take_back()
            raise self._not_written(problem) from problem
        self._size += len(data)
        self._unsynced = True

    def _take_back(self) -> None:
        """Cut what was half written, so that the file ends with a whole row."""
        try:
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, self._size, os.SEEK_SET)
        except OSError:
            return  # the reader drops an unterminated last line, too

    def _not_written(self, problem: OSError) -> NotWritten:
        return NotWritten(
            f"{self.path}: could not be written ({problem.strerror}); {self.rows} rows are in it"
        )

    def _sync_now_and_then(self) -> None:
        while not self._closing.wait(SYNC_EVERY_S):
            self._sync()

    def _sync(self) -> None:
        if not self._unsynced:
            return
        self._unsynced = False
        try:
            os.fsync(self._handle)
        except OSError as problem:
            self._sync_problem = problem

    def write_event(self, what: str) -> None:
        """Write what has happened between two rows, a comment that PyMeasure passes over."""
        self._write(f"# Event: {json.dumps({'after_rows': self.rows, 'what': what})}\n")

    def write_end(self, status: str, error: str | None = None) -> None:
        """Write the last line, a comment that PyMeasure passes over."""
        end: dict[str, Any] = {"status": status, "rows": self.rows}
        if error:
            end["error"] = error
        self._write(f"# End: {json.dumps(end)}\n")

    def close(self) -> None:
        """Put everything on the disk and close; raises NotWritten if that fails."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._syncing.join()
        self._sync()
        os.close(self._handle)
        if self._sync_problem is not None:
            raise self._not_written(self._sync_problem)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _create(path: Path) -> int:
    """Create a file that was not there and return its handle; raises NameTaken if it was."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o644)
    except FileExistsError as problem:
        raise NameTaken(f"{path}: cannot be created ({problem.strerror})") from problem


def _sync_folder(folder: Path) -> None:
    """Put the folder's entry of a new file on the disk; Windows does so by itself."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _number(value: float | int) -> str:
    """Return every digit of a number; numpy's are made Python's, anything else raises TypeError."""
    if type(value) is int:
        return repr(value)
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"{value!r} is not a number")
    number = float(value)
    if not math.isfinite(number):
        raise TypeError(f"{value!r} is no reading")
    return repr(number)


def header(procedure: Any) -> str:
    """Return PyMeasure's header of a procedure: its class, parameters and metadata, each a comment.

    What PyMeasure itself writes (`Results.header` and `Results.metadata`), without its rewriting
    of the file.
    """
    kind = type(procedure)
    lines = [f"Procedure: <{kind.__module__}.{kind.__name__}>", "Parameters:"]
    lines += [_line(one) for one in procedure.parameter_objects().values()]
    lines.append("Metadata:")
    known = [one for one in procedure.metadata_objects().values() if one.is_set()]
    lines += [_line(one) for one in known]
    lines.append("Data:")
    return "".join(f"#{line}\n" for line in lines)


def _line(parameter: Any) -> str:
    text = str(parameter).encode("unicode_escape").decode("utf-8")
    return f"\t{parameter.name}: {text}"


def free_path(folder: Path, stem: str) -> Path:
    """Return `folder/stem.csv`, or `stem_2.csv` and so on if there is one already.

    Characters that a file system somewhere refuses become `-`; the stem is cut at 120 bytes of
    UTF-8, before a `_part2` at its end.
    """
    part = found[0] if (found := PART.search(stem)) else ""
    clean = re.sub(r"[^\w.+()=-]+", "-", stem.removesuffix(part)).strip("-.")
    if RESERVED.match(clean):
        clean = f"run-{clean}"
    clean = (cut(clean, LONGEST - len(part)).rstrip("-.") or "run") + part
    path, count = folder / f"{clean}.csv", 1
    while os.path.lexists(path):
        count += 1
        path = folder / f"{clean}_{count}.csv"
    return path


def cut(text: str, most: int) -> str:
    """Return the beginning of a text that fits into so many bytes of UTF-8, in whole characters."""
    return text.encode("utf-8")[:most].decode("utf-8", errors="ignore")
