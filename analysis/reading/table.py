"""A delimited text file as a table of numbers, and the comments of run files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from nanojunction.analysis.values import Array


class ReadError(ValueError):
    """A file that cannot be read as a run; the message names the file, the place and the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Numbers of a file: `values` is (rows, columns), NaN where a field is no number.

    `lines` gives each row's line number in the file (from 1) and `header` the `name: value` pairs
    of its comments. `end` is what the `# End:` line says, None without one. `dropped` names lines
    that hold no complete row, `unterminated` is True if the last line was dropped because it does
    not end. `remarks` are sentences about how the file was read. `more` are the further tables
    that the file goes on with, each below its own column names.
    """

    names: tuple[str, ...]
    values: Array
    lines: np.ndarray[tuple[int], np.dtype[np.int64]]
    header: Mapping[str, str]
    end: Mapping[str, Any] | None
    dropped: tuple[int, ...] = ()
    unterminated: bool = False
    remarks: tuple[str, ...] = ()
    more: tuple[Table, ...] = ()


class NoRows(ReadError):
    """A run ended before its first row; `table` holds its header and end."""

    def __init__(self, sentence: str, table: Table) -> None:
        super().__init__(sentence)
        self.table = table


OURS = b"#Procedure: <"
"""How a run file in PyMeasure's Results format begins."""

END = b"# End:"
OVERFLOW = 9.9e37  # what source-meters send instead of a number that they could not measure
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\\nrt'\"])")


def without_rows(header: Mapping[str, str], end: Mapping[str, Any] | None) -> Table:
    """Return the table of a run that ended before its first row."""
    return Table((), np.empty((0, 0)), np.empty(0, dtype=np.int64), header, end)


def parse_header(comments: str) -> dict[str, str]:
    """Return the `name: value` pairs of comment lines, PyMeasure's escapes undone.

    A later pair wins; a line without a value (`Parameters:`) is passed over.
    """
    lines = comments.splitlines()
    short = max(map(len, lines), default=0) < _SHORT
    return dict(filter(None, map(_known_pair if short else _pair, lines)))


def _pair(line: str) -> tuple[str, str] | None:
    name, colon, value = line.lstrip("#").partition(":")
    if not colon or not value[:1].isspace() or not (name := name.strip()):
        return None
    value = value.strip()
    return name, _ESCAPE.sub(_unescape, value) if "\\" in value else value


_SHORT = 2000  # characters; the files of a campaign share most of their shorter lines
_known_pair = lru_cache(maxsize=1024)(_pair)


def _unescape(found: re.Match[str]) -> str:
    """Return what an escape stands for; one that stands for no character stays as it is."""
    try:
        letter = found[0].encode("ascii").decode("unicode_escape")
    except UnicodeDecodeError:
        return found[0]
    return found[0] if "\ud800" <= letter <= "\udfff" else letter


def parse_end(line: bytes) -> Mapping[str, Any] | None:
    """Return the object of an `# End: {…}` line, None if it is none or is itself cut off."""
    if not line.startswith(END):
        return None
    try:
        end = json.loads(line[len(END) :])
    except (ValueError, RecursionError):
        return None
    return end if isinstance(end, dict) else None
