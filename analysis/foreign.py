"""Files that are not in our own plain form: where the table begins, its names, rows and header."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nanojunction.analysis.columns import identify, unit
from nanojunction.analysis.dialects import (
    Dialect,
    commas_are_doubtful,
    dialect_of,
    is_number,
    seconds_of,
    split_names,
    with_grouping,
    yes_or_no,
)
from nanojunction.analysis.table import (
    OURS,
    NoRows,
    ReadError,
    Table,
    parse_end,
    parse_header,
    without_rows,
)

_LONGEST_LINE = 100_000
_MOST_BEGINNINGS = 200
_MOST_COMMENTS = 20
_HEADER_LINES = 4  # names, units and comments of the columns, one below the other
_DEVICE = ("device", "device name", "junction", "sample name", "sample id")
_WITH_UNIT = re.compile(r"([^()\[\]]+?)\s*[(\[]([^()\[\]]{1,12})[)\]]")

Lines = list[tuple[int, str]]
"""Lines with their numbers in the file, from 1."""


def parse_any(data: bytes, name: str) -> Table:
    """Return the table in a file in any form, and the further tables below it.

    Raises ReadError and NoRows as `parse_table` does.
    """
    text = _decode(data)
    lines = list(enumerate(text.split("\n"), start=1))
    _, unfinished = lines.pop()
    end = parse_end(unfinished.encode("utf-8", "replace"))
    unterminated = bool(unfinished.strip()) and not unfinished.lstrip().startswith("#")
    ours = data.startswith(OURS)
    try:
        first, rest = _parse(lines, name, ours)
    except _NothingFound as problem:
        if not ours or len(problem.body) > 1:
            raise ReadError(str(problem)) from problem
        raise _ended_early(problem.comments, end, name) from problem
    more: list[Table] = []
    lost: list[int] = []
    while rest:
        lines = rest
        try:
            table, rest = _parse(lines, name, ours)
        except ReadError:
            lost += [number for number, line in lines if line.strip()]
            break
        more.append(table)
    return replace(
        first,
        end=end or first.end,
        dropped=(*first.dropped, *lost),
        unterminated=unterminated,
        more=tuple(more),
    )


class _NothingFound(ReadError):
    """There is no row of numbers; `body` are the lines that are no comments."""

    def __init__(self, sentence: str, body: Lines, comments: list[str]) -> None:
        super().__init__(sentence)
        self.body = body
        self.comments = comments


def _ended_early(comments: list[str], end: Mapping[str, Any] | None, name: str) -> NoRows:
    """Return what is said of a run file without a row."""
    end = _end_in(comments) or end
    status = "was cut off" if end is None else end.get("status", "ended")
    why = "" if end is None or not end.get("error") else f": {end['error']}"
    return NoRows(
        f"{name}: the run {status} before its first row{why}",
        without_rows(parse_header("\n".join(comments)), end),
    )


def _end_in(comments: list[str]) -> Mapping[str, Any] | None:
    ends = (parse_end(text.encode("utf-8", "replace")) for text in reversed(comments))
    return next((end for end in ends if end is not None), None)


def _decode(data: bytes) -> str:
    """Return the text, a typographic minus made a plain one."""
    try:
        return data.decode("utf-8").replace("\u2212", "-")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parse(lines: Lines, name: str, ours: bool) -> tuple[Table, Lines]:
    """Return the first table in some lines, and the lines after it where another one begins."""
    comments = [line.strip() for _, line in lines if line.lstrip().startswith("#")]
    body = [(n, line) for n, line in lines if line.strip() and not line.lstrip().startswith("#")]
    for number, line in body:
        if len(line) > _LONGEST_LINE:
            raise ReadError(
                f"{name}, line {number}: has {len(line)} characters, which no row of a table has"
            )
    begin = _begin(body, comments, name)
    rows = body[begin.at :]
    stop = len(rows) if ours else _end_of_table(rows, begin)
    rest: Lines = []
    if stop < len(rows):
        last = rows[stop - 1][0]
        rest = [(n, line) for n, line in lines if n > last]
        comments = [
            line.strip() for n, line in lines if n <= last and line.lstrip().startswith("#")
        ]
    header = (
        parse_header("\n".join(comments))
        if ours
        else _header([text for _, text in body[: begin.above]], comments)
    )
    table = _table(rows[:stop], begin, name)
    return replace(table, header=header, end=_end_in(comments)), rest


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Where the numbers begin, below `above` lines of other things and the lines of names."""

    at: int
    above: int
    dialect: Dialect
    names: tuple[str, ...]
    known: int
    remarks: tuple[str, ...] = ()


def _begin(body: Lines, comments: list[str], name: str) -> _Beginning:
    """Return where the numbers begin: at the first row below names that are known, if any is."""
    first: _Beginning | None = None
    skipped: list[int] = []
    for at, (number, line) in enumerate(body):
        dialect = dialect_of(line)
        if dialect is None:
            continue
        found = _beginning(body, at, dialect, comments)
        if found.known:
            return replace(found, remarks=_skipped(skipped))
        first = first or found
        skipped.append(number)
        if len(skipped) == _MOST_BEGINNINGS:
            break
    if first is None:
        sentence = f"{name}: there is no complete row of numbers in this file"
        raise _NothingFound(sentence, body, comments)
    if not first.names:
        raise ReadError(
            f"{name}, line {body[first.at][0]}: the numbers begin without a line of column names "
            "before them; add one such as 'V (V),I (A)'"
        )
    return first


def _skipped(lines: list[int]) -> tuple[str, ...]:
    if not lines:
        return ()
    where = f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]} to {lines[-1]}"
    return (f"numbers above the column names are not read ({where})",)


def _beginning(body: Lines, at: int, dialect: Dialect, comments: list[str]) -> _Beginning:
    """Return the names of the columns whose first numbers are at `at`: the line that says most."""
    width = len(dialect.split(body[at][1]))
    start = max(0, at - _HEADER_LINES)
    above = [split_names(text, dialect, width) for _, text in body[start:at]]
    fitting = [
        index
        for index, names in enumerate(above)
        if len(names) == width and not all(map(is_number, names))
    ]
    # A line of units alone names columns too; the names above it say more.
    words = [index for index in fitting if not _are_units(above[index], width)] or fitting
    found = [(index, _with_units(above, index)) for index in words]
    if not any(_known(names) for _, names in found):
        texts = [comment.lstrip("# ") for comment in comments[-_MOST_COMMENTS:]]
        said = (tuple(split_names(text, dialect, width)) for text in texts)
        found += [(at - start, names) for names in said if len(names) == width and _known(names)]
    if not found:
        return _Beginning(at, max(at - 1, 0), dialect, tuple(above[-1]) if above else (), 0)
    index, names = max(found, key=lambda one: (_known(one[1]), found.index(one)))
    return _Beginning(at, start + index, dialect, names, _known(names))


def _with_units(above: list[list[str]], index: int) -> tuple[str, ...]:
    """Return the names in a line with the units that stand in the line below, if they do."""
    names = above[index]
    below = above[index + 1] if index + 1 < len(above) else []
    if not _are_units(below, len(names)):
        return tuple(names)
    units = [text.strip("()[] ") for text in below] + [""] * (len(names) - len(below))
    return tuple(f"{text} ({of})" if of else text for text, of in zip(names, units, strict=True))


def _known(names: Sequence[str]) -> int:
    """Return how many of the names mean a column of a run, in whatever unit."""
    count = 0
    for name in names:
        try:
            count += identify(name) is not None
        except ValueError:
            count += 1
    return count


def _are_units(fields: list[str], width: int) -> bool:
    """Tell whether a line below the names holds their units, as Origin writes them."""
    stated = [text.strip("()[] ") for text in fields if text.strip("()[] ")]
    return 0 < len(stated) <= len(fields) <= width and all(unit(text) for text in stated)


def _end_of_table(rows: Lines, begin: _Beginning) -> int:
    """Return how many lines belong to the table: up to its last row before other column names."""
    last = 0
    for index, (_, line) in enumerate(rows):
        fields = begin.dialect.split(line)
        if any(map(is_number, fields)):
            last = index + 1
        elif last and len(fields) > 1 and _known(fields) > 1:
            return last
    return len(rows)


def _table(rows: Lines, begin: _Beginning, name: str) -> Table:
    """Return the numbers in the rows."""
    names, width = begin.names, len(begin.names)
    split = [(number, begin.dialect.split(line.split(" #")[0])) for number, line in rows]
    good = [(number, fields) for number, fields in split if len(fields) == width]
    dropped = tuple(number for number, fields in split if len(fields) != width)
    if not good:
        raise ReadError(
            f"{name}, line {rows[0][0]}: the rows have {len(split[0][1])} fields, "
            f"but there are {width} column names ({', '.join(names)[:200]})"
        )
    dialect = with_grouping(begin.dialect, (fields for _, fields in good))
    values = np.array([[dialect.number(field) for field in fields] for _, fields in good])
    remarks = list(begin.remarks)
    if commas_are_doubtful(dialect, [fields for _, fields in good]):
        remarks.append("each comma is read as the decimal mark (1,234 is 1.234)")
    texts = list(names)
    for index, text in enumerate(names):
        if np.isnan(values[:, index]).all():
            words = [fields[index] for _, fields in good]
            texts[index] = _read_words(text, words, values[:, index], remarks)
    return Table(
        tuple(texts),
        values,
        np.array([number for number, _ in good], dtype=np.int64),
        {},
        None,
        dropped,
        remarks=tuple(remarks),
    )


def _read_words(name: str, words: list[str], column: np.ndarray, remarks: list[str]) -> str:
    """Read a column of words into numbers where they are times or yes and no; return its name."""
    try:
        meaning = identify(name)
    except ValueError:
        return name
    if meaning is None:
        return name
    if meaning.role == "compliance":
        column[:] = [yes_or_no(word) for word in words]
    elif meaning.role == "time" and (seconds := seconds_of(words)) is not None:
        column[:] = seconds
        remarks.append(f"column '{name}' holds dates or times of day: taken as seconds")
        return name if meaning.has_unit and meaning.factor == 1.0 else f"{name} (s)"
    return name


def _header(preamble: list[str], comments: list[str]) -> dict[str, str]:
    """Return what a foreign header states: `key: value`, `key = value`, or fields side by side."""
    pairs: dict[str, str] = {}
    for text in [*preamble, *(comment.lstrip("# ") for comment in comments)]:
        found = _pair(text.strip())
        if found is not None:
            pairs[found[0]] = found[1]
    lower = {key.lower(): key for key in pairs}
    device = next((lower[key] for key in ("sample", *_DEVICE) if key in lower), None)
    if device is not None:
        pairs.setdefault("Sample", pairs[device])
    return pairs


def _pair(text: str) -> tuple[str, str] | None:
    """Return a key and its value, with the unit that stands at the key put behind the number."""
    if len(text) > _LONGEST_LINE:
        return None
    key, colon, value = text.partition(":")
    if not (colon and value[:1].isspace()):
        key, equals, value = text.partition("=")
        if not equals:
            mark = next((mark for mark in (";", "\t", ",") if mark in text), None)
            fields = [field.strip("\"' ") for field in text.split(mark)] if mark else []
            fields = [field for field in fields if field]
            if len(fields) == 3 and unit(fields[2]) and is_number(fields[1]):
                fields = [fields[0], f"{fields[1]} {fields[2]}"]
            if len(fields) != 2:
                return None
            key, value = fields
    key, value = key.strip("\"': "), value.strip("\"' ")
    named = _WITH_UNIT.fullmatch(key) if len(key) < 100 else None
    if named is not None and unit(named[2]) and is_number(value):
        key, value = named[1].strip(), f"{value} {named[2]}"
    return (key, value) if key and value else None
