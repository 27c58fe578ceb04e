"""Files that are not in our own plain form: where the table begins, its names, rows and header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nanojunction.analysis.reading.beginnings import (
    Beginning,
    Lines,
    NothingFound,
    find_beginning,
    known_names,
)
from nanojunction.analysis.reading.columns import identify
from nanojunction.analysis.reading.dialects import (
    commas_are_doubtful,
    is_number,
    seconds_of,
    with_marks,
    yes_or_no,
)
from nanojunction.analysis.reading.headers import foreign_header
from nanojunction.analysis.reading.table import (
    OURS,
    NoRows,
    ReadError,
    Table,
    parse_end,
    parse_header,
    without_rows,
)
from nanojunction.analysis.reading.unit_columns import with_labels, with_unit_columns

_LONGEST_LINE = 100_000


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
    except NothingFound as problem:
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
    begin = find_beginning(body, comments, name)
    above = [begin.dialect.split(text) for _, text in body[: begin.above]]
    begin = replace(begin, names=with_labels(begin.names, above))
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
        else foreign_header(
            [text for _, text in body[: begin.above]],
            comments,
            decimal_comma=begin.dialect.decimal_comma,
        )
    )
    table = _table(rows[:stop], begin, name)
    return replace(table, header=header, end=_end_in(comments)), rest


def _end_of_table(rows: Lines, begin: Beginning) -> int:
    """Return how many lines belong to the table: up to its last row before other column names."""
    last = 0
    for index, (_, line) in enumerate(rows):
        fields = begin.dialect.split(line)
        if any(map(is_number, fields)):
            last = index + 1
        elif last and len(fields) > 1 and known_names(fields) > 1:
            return last
    return len(rows)


def _table(rows: Lines, begin: Beginning, name: str) -> Table:
    """Return the numbers in the rows."""
    names, width = begin.names, len(begin.names)
    split = [(number, begin.dialect.split_whole(line.split(" #")[0])) for number, line in rows]
    usual = len(begin.dialect.split(rows[0][1]))
    good = [
        (number, found)
        for number, fields in split
        if (found := _of_width(fields, width, usual)) is not None
    ]
    dropped = tuple(sorted({number for number, _ in split} - {number for number, _ in good}))
    if not good:
        raise ReadError(
            f"{name}, line {rows[0][0]}: the rows have {len(split[0][1])} fields, "
            f"but there are {width} column names ({', '.join(names)[:200]})"
        )
    dialect = with_marks(begin.dialect, [fields for _, fields in good])
    values = np.array([[dialect.number(field) for field in fields] for _, fields in good])
    remarks = list(begin.remarks)
    if commas_are_doubtful(dialect, [fields for _, fields in good]):
        remarks.append("each comma is read as the decimal mark (1,234 is 1.234)")
    texts = list(names)
    try:
        with_unit_columns(texts, [fields for _, fields in good], values)
    except ValueError as problem:
        raise ReadError(f"{name}: {problem}") from problem
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


def _of_width(fields: list[str], width: int, usual: int) -> list[str] | None:
    """Return a row's fields, one a column, None for a row with another number of fields.

    Empty fields at the end count or not; rows may be shorter than the names if all are so.
    """
    if len(fields) == width:
        return fields
    filled = len(fields)
    while filled > 1 and not fields[filled - 1]:
        filled -= 1
    if filled > width or (len(fields) < width and filled != usual):
        return None
    return (fields[:filled] + [""] * width)[:width]


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
