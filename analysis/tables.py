"""A delimited text file as a table of numbers: ours fast, other people's tolerantly."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanojunction.analysis.columns import unit
from nanojunction.analysis.values import Array


class ReadError(ValueError):
    """A file that cannot be read as a run; the message names the file, the place and the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Numbers of a file: `values` is (rows, columns), NaN where a field is no number.

    `lines` gives each row's line number in the file (from 1) and `header` the `name: value` pairs
    of its comments. `end` is what the `# End:` line says, None without one. `dropped` names lines
    that hold no complete row, `unterminated` is True if the last line was dropped because it does
    not end.
    """

    names: tuple[str, ...]
    values: Array
    lines: np.ndarray[tuple[int], np.dtype[np.int64]]
    header: Mapping[str, str]
    end: Mapping[str, Any] | None
    dropped: tuple[int, ...] = ()
    unterminated: bool = False


class NoRows(ReadError):
    """A run ended before its first row; `table` holds its header and end."""

    def __init__(self, sentence: str, table: Table) -> None:
        super().__init__(sentence)
        self.table = table


OURS = b"#Procedure: <"
"""How a run file in PyMeasure's Results format begins."""

_END = b"# End:"
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\\nrt'\"])")
_PAIR = re.compile(r"^\s*([^:]+?)\s*:\s(.*?)\s*$")
_OVERFLOW = 9.9e37  # what source-meters send instead of a number that they could not measure


def parse_table(data: bytes, name: str) -> Table:
    """Return the table in `data`, the contents of the file called `name`.

    Raises ReadError if there is no text, no line of column names or no row of numbers in it;
    NoRows where the file is empty or a run file that ends before its first row.
    """
    if not data:
        raise NoRows(
            f"{name}: there is no complete row of numbers in this file, it is empty",
            _without_rows({}, None),
        )
    if b"\0" in data:
        raise ReadError(
            f"{name}: this is not a text file in UTF-8 or Latin-1 (it holds zero bytes)"
        )
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _parse_plain(data) or _parse_any(data, name)


def _parse_plain(data: bytes) -> Table | None:
    """Parse a file without surprises (comments, one line of names, commas, numbers), else None."""
    start = 0
    while data.startswith(b"#", start):
        start = data.find(b"\n", start) + 1 or len(data)
    names_end = data.find(b"\n", start)
    tail = data.rfind(_END)
    stop = tail if tail > names_end else len(data)
    comments, block = data[:start], data[names_end + 1 : stop]
    end_line = data[stop:].rstrip(b"\n")
    unusual = b"#" in block or b"\n" in end_line or b'"' in data[start:names_end]
    if names_end < 0 or unusual or not block.endswith(b"\n"):
        return None
    try:
        names = tuple(data[start:names_end].decode("utf-8").split(","))
        header = parse_header(comments.decode("utf-8"))
        values = np.fromstring(block.replace(b"\n", b","), sep=",")
    except (ValueError, DeprecationWarning):
        return None
    rows = _rows_of(block, len(names))
    # np.fromstring of numpy < 2.5 may stop early with a warning only: the count shows it.
    if len(names) < 2 or rows is None or values.size != rows * len(names):
        return None
    if any(_is_number(text) for text in names):
        return None
    first = comments.count(b"\n") + 2
    table = values.reshape(rows, len(names))
    if not np.abs(table).max(initial=0.0) < _OVERFLOW:
        table = np.where(np.abs(table) < _OVERFLOW, table, np.nan)
    lines = np.arange(first, first + rows, dtype=np.int64)
    return Table(names, table, lines, header, _parse_end(end_line))


def _rows_of(block: bytes, width: int) -> int | None:
    """Return the number of rows if every line of the block has `width` fields, else None."""
    octets = np.frombuffer(block, dtype=np.uint8)
    delimiters = octets[(octets == ord(",")) | (octets == ord("\n"))]
    ends = np.flatnonzero(delimiters == ord("\n"))
    if len(ends) * width != len(delimiters):
        return None
    return len(ends) if np.array_equal(ends, np.arange(width - 1, len(delimiters), width)) else None


def parse_header(comments: str) -> dict[str, str]:
    """Return the `name: value` pairs of comment lines, PyMeasure's escapes undone.

    A later pair wins; a line without a value (`Parameters:`) is passed over.
    """
    pairs: dict[str, str] = {}
    for line in comments.splitlines():
        found = _PAIR.match(line.lstrip("#"))
        if found:
            value = found[2]
            pairs[found[1]] = _ESCAPE.sub(_unescape, value) if "\\" in value else value
    return pairs


def _unescape(found: re.Match[str]) -> str:
    return found[0].encode("ascii").decode("unicode_escape")


def _parse_end(line: bytes) -> Mapping[str, Any] | None:
    """Return the object of an `# End: {…}` line, None if it is none or is itself cut off."""
    if not line.startswith(_END):
        return None
    try:
        end = json.loads(line[len(_END) :])
    except ValueError:
        return None
    return end if isinstance(end, dict) else None


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a foreign file separates its fields; delimiter None means runs of blanks."""

    delimiter: str | None
    decimal_comma: bool

    def split(self, line: str) -> list[str]:
        if self.delimiter is None:
            return line.split()
        if '"' in line:
            fields = next(csv.reader([line], delimiter=self.delimiter))
        else:
            fields = line.split(self.delimiter)
        fields = [field.strip() for field in fields]
        while fields and not fields[-1] and len(fields) > 1:
            fields.pop()
        return fields

    def number(self, field: str) -> float:
        """Return the field as a number, NaN if it is none (or an instrument's overflow)."""
        text = field.replace(",", ".") if self.decimal_comma else field
        if "_" in text:
            return math.nan
        try:
            value = float(text)
        except ValueError:
            return math.nan
        return value if abs(value) < _OVERFLOW else math.nan


def _is_number(field: str) -> bool:
    return math.isfinite(_Dialect(None, decimal_comma=True).number(field))


def _dialect_of(line: str) -> _Dialect | None:
    """Return the dialect of a line of numbers, None if it holds fewer than two."""
    for delimiter in (";", "\t", ",", None):
        if delimiter is not None and delimiter not in line:
            continue
        dialect = _Dialect(delimiter, delimiter != "," and "," in line)
        fields = dialect.split(line)
        numbers = [field for field in fields if math.isfinite(dialect.number(field))]
        if len(fields) >= 2 and len(numbers) >= 2 and not any(" " in f for f in numbers):
            # Decimal commas between blanks leave "1 2" fields behind when split at the comma.
            if delimiter == "," and any(
                re.fullmatch(r"[-+.\deE]+\s+[-+.\deE]+", f) for f in fields
            ):
                continue
            return dialect
    return None


def _parse_any(data: bytes, name: str) -> Table:
    """Parse a file that is not in our own plain form."""
    lines = _decode(data).split("\n")
    unfinished = lines.pop()
    end = _parse_end(unfinished.encode())
    unterminated = bool(unfinished.strip()) and not unfinished.lstrip().startswith("#")
    comments: list[str] = []
    body: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith("#"):
            comments.append(line.strip())
            end = _parse_end(line.strip().encode()) or end
        elif line.strip():
            body.append((number, line.split(" #")[0]))
    try:
        at, dialect = _first_row(body, name)
    except ReadError:
        if not data.startswith(OURS) or len(body) > 1:
            raise
        status = "was cut off" if end is None else end.get("status", "ended")
        why = "" if end is None or not end.get("error") else f": {end['error']}"
        raise NoRows(
            f"{name}: the run {status} before its first row{why}",
            _without_rows(parse_header("\n".join(comments)), end),
        ) from None
    names = _names(body[:at], comments, dialect, body[at], name)
    rows: list[list[float]] = []
    good: list[int] = []
    dropped: list[int] = []
    for number, line in body[at:]:
        fields = dialect.split(line)
        if len(fields) == len(names):
            rows.append([dialect.number(field) for field in fields])
            good.append(number)
        else:
            dropped.append(number)
    if not rows:
        raise ReadError(
            f"{name}, line {body[at][0]}: the rows have {len(dialect.split(body[at][1]))} fields, "
            f"but there are {len(names)} column names ({', '.join(names)})"
        )
    header = parse_header("\n".join([*(text for _, text in body[: max(at - 1, 0)]), *comments]))
    return Table(
        names,
        np.array(rows),
        np.array(good, dtype=np.int64),
        header,
        end,
        tuple(dropped),
        unterminated,
    )


def _without_rows(header: Mapping[str, str], end: Mapping[str, Any] | None) -> Table:
    return Table((), np.empty((0, 0)), np.empty(0, dtype=np.int64), header, end)


def _decode(data: bytes) -> str:
    """Return the text, a typographic minus made a plain one."""
    try:
        return data.decode("utf-8-sig").replace("\u2212", "-")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _first_row(body: list[tuple[int, str]], name: str) -> tuple[int, _Dialect]:
    """Return where the numbers begin and how they are separated."""
    for at, (_, line) in enumerate(body):
        dialect = _dialect_of(line)
        if dialect is not None:
            return at, dialect
    raise ReadError(f"{name}: there is no complete row of numbers in this file")


def _are_units(fields: list[str], width: int) -> bool:
    """Tell whether a line below the names holds their units, as Origin writes them."""
    stated = [text.strip("()[] ") for text in fields if text.strip("()[] ")]
    return 0 < len(stated) <= len(fields) <= width and all(unit(text) for text in stated)


def _names(
    preamble: list[tuple[int, str]],
    comments: list[str],
    dialect: _Dialect,
    first: tuple[int, str],
    name: str,
) -> tuple[str, ...]:
    """Return the column names: the last line before the numbers, or else the last comment.

    A line of units below the names is taken as theirs.
    """
    width = len(dialect.split(first[1]))
    if len(preamble) > 1:
        above, below = (dialect.split(text) for _, text in preamble[-2:])
        if len(above) == width and _are_units(below, width):
            below += [""] * (width - len(below))
            pairs = zip(above, (text.strip("()[] ") for text in below), strict=True)
            return tuple(f"{text} ({of})" if of else text for text, of in pairs)
    for line in [text for _, text in reversed(preamble)] or [
        c.lstrip("# ") for c in reversed(comments)
    ]:
        names = dialect.split(line)
        if len(names) != width and dialect.delimiter is None:
            names = [part for part in re.split(r"\s*[,;\t]\s*|\s{2,}", line.strip()) if part]
        if preamble or len(names) == width:
            return tuple(text.strip("\"' ") for text in names)
    raise ReadError(
        f"{name}, line {first[0]}: the numbers begin without a line of column names before them; "
        "add one such as 'V (V),I (A)'"
    )
