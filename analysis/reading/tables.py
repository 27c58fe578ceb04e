"""The contents of a file as a table: our own files fast, others by `foreign`."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from nanojunction.analysis.reading.dialects import is_number
from nanojunction.analysis.reading.foreign import parse_any
from nanojunction.analysis.reading.headers import foreign_header
from nanojunction.analysis.reading.numbers import parse_numbers
from nanojunction.analysis.reading.table import (
    END,
    OURS,
    OVERFLOW,
    NoRows,
    ReadError,
    Table,
    parse_end,
    parse_header,
    without_rows,
)

_LONGEST_ROW = 4000  # on average; what is longer is looked at row by row
_BOM = b"\xef\xbb\xbf"
_COMMENTS = re.compile(rb"(?:#[^\n]*\n)*")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVES = (
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip file (or Excel's)"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"7z\xbc\xaf", "a 7-zip file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\xd0\xcf\x11\xe0", "a file of an old Excel"),
)


def parse_table(data: bytes, name: str) -> Table:
    """Return the table in `data`, the contents of the file called `name`.

    Raises ReadError if there is no text, no line of column names or no row of numbers in it;
    NoRows where the file is empty or a run file that ends before its first row.
    """
    if not data:
        raise NoRows(
            f"{name}: there is no complete row of numbers in this file, it is empty",
            without_rows({}, None),
        )
    if data.startswith(_UTF_16):
        data = _from_utf_16(data, name)
    if data.startswith(_BOM):
        data = data.removeprefix(_BOM)
    if b"\0" in data or data.startswith(tuple(magic for magic, _ in _ARCHIVES)):
        raise ReadError(f"{name}: {_not_text(data)}")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _parse_plain(data) or parse_any(data, name)


def _from_utf_16(data: bytes, name: str) -> bytes:
    try:
        return data.decode("utf-16").encode("utf-8")
    except UnicodeError as error:
        raise ReadError(f"{name}: begins as UTF-16 text and is damaged or cut off") from error


def _not_text(data: bytes) -> str:
    for magic, kind in _ARCHIVES:
        if data.startswith(magic):
            return f"this is {kind}, not text: unpack or export it as CSV"
    # Every other byte of plain text is zero then.
    if abs(data[:200:2].count(0) - data[1:200:2].count(0)) > 0.2 * len(data[:200]):
        return "this is UTF-16 text without its byte-order mark: save it as UTF-8"
    return "this is not a text file in UTF-8, UTF-16 or Latin-1 (it holds zero bytes)"


def _parse_plain(data: bytes) -> Table | None:
    """Parse a file without surprises (comments, one line of names, commas, numbers), else None."""
    above = _COMMENTS.match(data)
    start = 0 if above is None else above.end()
    names_end = data.find(b"\n", start)
    tail = data.rfind(END)
    stop = tail if tail > names_end else len(data)
    comments, block = data[:start], data[names_end + 1 : stop]
    end_line = data[stop:].rstrip(b"\n")
    unusual = b"#" in block or b"\n" in end_line or b'"' in data[start:names_end]
    if names_end < 0 or unusual or not block.endswith(b"\n") or block.isspace():
        return None
    rows = block.count(b"\n")
    if len(block) > _LONGEST_ROW * (rows + 1):
        return None
    try:
        names = _names(data[start:names_end].decode("utf-8"))
        text = comments.decode("utf-8")
        ours = data.startswith(OURS)
        header = parse_header(text) if ours else foreign_header([], text.splitlines())
        # Lines of one width only; blank ones, which are passed over, show in the count.
        table = parse_numbers(block, len(names))
    except ValueError:
        return None
    if len(names) < 2 or table.shape != (rows, len(names)):
        return None
    first = comments.count(b"\n") + 2
    if not np.abs(table).max(initial=0.0) < OVERFLOW:
        table = np.where(np.abs(table) < OVERFLOW, table, np.nan)
    lines = np.arange(first, first + rows, dtype=np.int64)
    return Table(names, table, lines, header, parse_end(end_line))


@lru_cache(maxsize=256)  # the files of a campaign share their columns
def _names(line: str) -> tuple[str, ...]:
    """Return the names of columns in a line, none if it holds numbers."""
    names = tuple(line.split(","))
    return () if any(map(is_number, names)) else names
