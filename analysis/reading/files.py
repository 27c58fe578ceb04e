"""Which files are meant by paths, and their contents; nothing else than regular files is opened."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from nanojunction.analysis.reading.notes import SUFFIX, is_notes
from nanojunction.analysis.reading.table import ReadError

PathLike = str | os.PathLike[str]

MOST_BYTES = 256 << 20
"""The largest file that is read: some millions of rows."""

_KINDS = (
    (stat.S_ISDIR, "is a folder, not a file"),
    (stat.S_ISFIFO, "is a pipe, not a file"),
    (stat.S_ISSOCK, "is a socket, not a file"),
    (stat.S_ISCHR, "is a device, not a file"),
    (stat.S_ISBLK, "is a device, not a file"),
)
_REASONS = {
    errno.ELOOP: "is a link that leads to itself",
    errno.EACCES: "may not be read (permission denied)",
    errno.EPERM: "may not be read (permission denied)",
}


@dataclass(slots=True)
class FoundFiles:
    """Run files in order, each once, and what stands in their way.

    `problems` maps a path that cannot be used to a sentence about it, `stray` notes files to the
    sentence that says which run file is missing.
    """

    files: dict[Path, None] = field(default_factory=dict)
    problems: dict[Path, str] = field(default_factory=dict)
    stray: dict[Path, str] = field(default_factory=dict)


def find_files(paths: Iterable[Path]) -> FoundFiles:
    """Return the files meant by `paths`: a folder means its *.csv, recursively, sorted.

    Links to folders are followed once. What cannot be read never stops the rest: a path that does
    not exist, a folder that may not be opened, a link that leads nowhere or back to a folder above
    it, a *.csv that is no file, a folder without any. Notes are found with their run.
    """
    found = FoundFiles()
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            found.problems[path] = why_not(error)
            continue
        if stat.S_ISDIR(mode):
            _Walk(found).through(path)
        elif (problem := _not_regular(mode)) is not None:
            found.problems[path] = problem
        elif is_notes(path):
            found.problems[path] = "these are notes, not a run: name the run file beside them"
        else:
            found.files[path] = None
    return found


class _Walk:
    """One walk through the folders below a path."""

    def __init__(self, found: FoundFiles) -> None:
        self.found = found
        self.csv: list[Path] = []
        self.todo: list[Path] = []
        self.links: list[Path] = []
        self.seen: set[tuple[int, int]] = set()

    def through(self, top: Path) -> None:
        before = len(self.found.problems)
        self.todo.append(top)
        named_csv = []
        while self.todo or self.links:
            # Links come after all real folders, so that files have their own place.
            folder = self.todo.pop() if self.todo else self.links.pop(0)
            if folder.suffix.lower() == ".csv" and folder != top:
                named_csv.append(folder)
            self._folder(folder)
        for folder in named_csv:
            if not any(folder in path.parents for path in self.csv):
                self.found.problems.setdefault(folder, "is a folder, not a file")
        if not self.csv and len(self.found.problems) == before:
            self.found.problems[top] = "there is no *.csv file in this folder or below it"
        self.found.files.update(dict.fromkeys(sorted(self.csv)))

    def _folder(self, folder: Path) -> None:
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self.seen:
                return
            self.seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                inside = list(entries)
        except OSError as error:
            self.found.problems[folder] = why_not(error)
            return
        for entry in inside:
            name = entry.name.lower()
            if entry.is_dir(follow_symlinks=False):
                self.todo.append(folder / entry.name)
            elif name.endswith(".csv"):
                self._file(folder / entry.name)
            elif entry.is_symlink():
                self._link(folder / entry.name)
        self._find_stray_notes(folder, [entry.name for entry in inside])

    def _file(self, path: Path) -> None:
        try:
            problem = _not_regular(path.stat().st_mode)
        except FileNotFoundError:
            problem = "is a link to a file that is not there"
        except OSError as error:
            problem = why_not(error)
        if problem is None:
            self.csv.append(path)
        else:
            self.found.problems[path] = problem

    def _link(self, link: Path) -> None:
        if not link.is_dir():
            return
        if _leads_up(link):
            self.found.problems[link] = "is a link to a folder above it, and was not followed"
        else:
            self.links.append(link)

    def _find_stray_notes(self, folder: Path, names: list[str]) -> None:
        notes = [name for name in names if is_notes(Path(name))]
        if not notes:
            return
        stems = {Path(name).stem for name in names if name not in notes}
        for name in sorted(notes):
            if (stem := name[: -len(SUFFIX)]) not in stems:
                self.found.stray[folder / name] = f"there is no run {stem}.csv for these notes"


def _leads_up(link: Path) -> bool:
    """Tell whether a link leads to a folder that it is in itself."""
    target = link.resolve()
    here = link.parent.resolve()
    return here == target or target in here.parents


def read_bytes(path: Path) -> bytes:
    """Return a file's contents; raises ReadError for what is no regular file, or is too large."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MOST_BYTES:
                raise ReadError(
                    f"{path}: has {size / 2**20:.0f} MiB, and a run file at most "
                    f"{MOST_BYTES >> 20}; is it one? Else split it"
                )
            # No more than was there, if it grows; None where a log of the system would wait.
            return file.read(size) or b""
    except OSError as error:
        raise ReadError(f"{path}: {why_not(error)}") from error


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; raises OSError for anything else.

    A pipe or a device is never opened: that would wait for whoever writes into it.
    """
    regular_size(path)
    return open(path, "rb", opener=_without_waiting)


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def regular_size(path: Path) -> int:
    """Return the size (bytes) of a regular file; raises OSError for anything else."""
    status = path.stat()
    if (problem := _not_regular(status.st_mode)) is not None:
        raise OSError(errno.EINVAL, problem, str(path))
    return status.st_size


def _not_regular(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    return next((words for test, words in _KINDS if test(mode)), "is no regular file")


def why_not(error: OSError) -> str:
    """Return why a file cannot be used."""
    if error.errno == errno.EINVAL and error.strerror:
        return error.strerror
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder"
    return _REASONS.get(error.errno or 0, f"cannot be read ({error.strerror})")
