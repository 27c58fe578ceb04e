"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """Open a text file (UTF-8) that takes the place of `path` when all is written.

    Raises OSError as `replacing` does.
    """
    # A file's name, or a header, may hold what is no character: it is written as an escape.
    with (
        replacing(path) as target,
        target.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        yield file


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file to be written, which then takes the place of `path`.

    A reader never sees half of it. What is no file, such as a terminal or a pipe, is written to
    as it stands. Raises OSError, which names `path`, where it cannot be written.
    """
    in_place = path.exists() and not path.is_file()
    target = path if in_place else path.with_name(f"{path.name}.part")
    try:
        with naming(path, target):
            yield target
            if not in_place:
                target.replace(path)
    finally:
        if not in_place:
            target.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, *others: Path) -> Iterator[None]:
    """Name `path` in an OSError that names no file, as of a full disk, or one of `others`."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, *map(str, others)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
