"""How a foreign file separates its fields and writes its numbers."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nanojunction.analysis.reading.table import OVERFLOW

_DELIMITERS = (";", "\t", ",")
_DIGIT = re.compile(r"[0-9]")
_COMMA_INSIDE = re.compile(r"\d,\d|(?<!\d),\d")
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")
_GROUPED = {
    ",": re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?(?:[eE][-+]?\d+)?"),
    ".": re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+(?:,\d*)?(?:[eE][-+]?\d+)?"),
}
_BLANKS_IN_NUMBERS = re.compile(r"(?<=\d)['’\u00a0\u202f](?=\d{3}(?!\d))")
_TWO_NUMBERS = re.compile(r"[-+.\deEdD]+\s+[-+.\deEdD]+")
# 1.2D-05, and 1.2-105 where the exponent left no room for its letter
_FORTRAN = re.compile(r"([-+]?\d*\.?\d+|[-+]?\d+\.)[dD]([-+]?\d{1,3})|([-+]?\d*\.\d+)([-+]\d{3})")
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:[.,]\d+)?))?")
_DAY_FIRST = re.compile(r"^(\d\d)\.(\d\d)\.(\d{4})(?!\d)")
_LONGEST_NUMBER = 400
_YES = {"1": 1.0, "true": 1.0, "t": 1.0, "yes": 1.0, "y": 1.0, "on": 1.0}
_NO = {"0": 0.0, "false": 0.0, "f": 0.0, "no": 0.0, "n": 0.0, "off": 0.0, "ok": 0.0}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a foreign file separates its fields; delimiter None means runs of blanks.

    `grouping` is the mark between thousands ("," in 1,234.5), empty where none is seen.
    """

    delimiter: str | None
    decimal_comma: bool
    grouping: str = ""

    def split(self, line: str) -> list[str]:
        """Return the fields of a line, without empty ones at its end."""
        fields = self.split_whole(line)
        while fields and not fields[-1] and len(fields) > 1:
            fields.pop()
        return fields

    def split_whole(self, line: str) -> list[str]:
        """Return all fields of a line."""
        if self.delimiter is None:
            return line.split()
        if '"' in line:
            # Whatever the quotes enclose is one line: the reader is given no other.
            fields = next(csv.reader([line], delimiter=self.delimiter))
        else:
            fields = line.split(self.delimiter)
        fields = [field.strip() for field in fields]
        if self.delimiter != ",":
            fields = [field.removesuffix(",") for field in fields]
        return fields

    def number(self, field: str) -> float:
        """Return the field as a number, NaN if it is none (or an instrument's overflow)."""
        if len(field) > _LONGEST_NUMBER or "_" in field:
            return math.nan
        text = field
        if self.grouping:
            if self.grouping in text and not _GROUPED[self.grouping].fullmatch(text):
                return math.nan
            text = text.replace(self.grouping, "")
        if self.decimal_comma:
            text = text.replace(",", ".")
        try:
            value = float(text)
        except ValueError:
            plain = _BLANKS_IN_NUMBERS.sub("", field)
            if plain != field:
                return self.number(plain)
            fortran = _FORTRAN.fullmatch(text)
            value = math.nan if fortran is None else float("e".join(filter(None, fortran.groups())))
        return value if abs(value) < OVERFLOW else math.nan


def is_number(field: str) -> bool:
    """Tell whether a field is a number, with a decimal point or comma."""
    return _DIGIT.search(field) is not None and math.isfinite(_WITH_COMMAS.number(field))


_WITH_COMMAS = Dialect(None, decimal_comma=True)


def dialect_of(line: str) -> Dialect | None:
    """Return the dialect of a line of numbers, None if it holds fewer than two."""
    if _DIGIT.search(line) is None:
        return None
    for delimiter in (*_DELIMITERS, None):
        if delimiter is not None and delimiter not in line:
            continue
        fields = Dialect(delimiter, decimal_comma=False).split(line)
        dialect = Dialect(delimiter, any(map(_COMMA_INSIDE.search, fields)))
        numbers = [field for field in fields if is_number(field) or _grouping_of([field])]
        if len(fields) >= 2 and len(numbers) >= 2 and not any(" " in f for f in numbers):
            # Decimal commas between blanks leave "1 2" fields behind when split at the comma.
            if delimiter == "," and any(_TWO_NUMBERS.fullmatch(f) for f in fields):
                continue
            return dialect
    return None


def with_marks(dialect: Dialect, rows: Sequence[Sequence[str]]) -> Dialect:
    """Return the dialect with the marks that the numbers of any row show.

    That is the one between thousands; and the decimal comma, which the first row may lack, where
    no number has a point.
    """
    for fields in rows:
        mark = _grouping_of(fields)
        if mark:
            return replace(dialect, grouping=mark, decimal_comma=mark == ".")
    if dialect.decimal_comma or not any(
        "," in field and _DECIMAL_COMMA.fullmatch(field) for fields in rows for field in fields
    ):
        return dialect
    points = any("." in field and is_number(field) for fields in rows for field in fields)
    return replace(dialect, decimal_comma=not points)


def _grouping_of(fields: Sequence[str]) -> str:
    """Return the mark between thousands that is certain: beside a decimal mark, or repeated."""
    for field in fields:
        for mark, other in ((",", "."), (".", ",")):
            certain = mark in field and (other in field or field.count(mark) > 1)
            if certain and len(field) <= _LONGEST_NUMBER and _GROUPED[mark].fullmatch(field):
                return mark
    return ""


def commas_are_doubtful(dialect: Dialect, rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether each comma might as well stand between thousands (1,234) as be decimal."""
    if not dialect.decimal_comma:
        return False
    marked = [field for fields in rows for field in fields if "," in field]
    return bool(marked) and all(
        len(field) < _LONGEST_NUMBER and _GROUPED[","].fullmatch(field) for field in marked
    )


def split_names(line: str, dialect: Dialect, width: int) -> list[str]:
    """Return the column names in a line, which may be separated otherwise than the numbers."""
    ways = [dialect.split(line)]
    ways += [Dialect(one, False).split(line) for one in _DELIMITERS if one in line]
    ways.append([part for part in re.split(r"[,;\t]|\s{2,}", line.strip()) if part.strip()])
    if dialect.delimiter is None:  # a unit in brackets goes with its name
        ways.append(re.split(r"\s+(?![(\[])", line.strip()))
    names = next((names for names in ways if len(names) == width), ways[0])
    return [name.strip("\"' ") for name in names]


def yes_or_no(field: str) -> float:
    """Return 1 or 0 for true or false in words or digits, NaN for anything else."""
    word = field.lower()
    return _YES.get(word, _NO.get(word, math.nan))


def seconds_of(texts: Sequence[str]) -> list[float] | None:
    """Return dates with times, or h:min:s, as seconds since the first; None if none is one.

    Dates are ISO's, or day.month.year.

    A text between them that is none gives NaN. A time of day that falls back by more than half a
    day has passed midnight.
    """
    found = [_moment(text) for text in texts]
    first = next((moment for moment in found if moment is not None), None)
    if first is None:
        return None
    of_day = all(_CLOCK.fullmatch(text.strip("\"' ")) for text in texts if text)
    seconds, days, before = [], 0, first
    for moment in found:
        if moment is None:
            seconds.append(math.nan)
            continue
        if of_day and moment - before < -43200.0:
            days += 1
        before = moment
        seconds.append(moment - first + 86400.0 * days)
    return seconds


def _moment(text: str) -> float | None:
    text = text.strip("\"' ")
    if len(text) > 40:
        return None
    if (clock := _CLOCK.fullmatch(text)) is not None:
        hours, minutes, rest = clock.groups(default="0")
        return 3600.0 * int(hours) + 60.0 * int(minutes) + float(rest.replace(",", "."))
    text = _DAY_FIRST.sub(r"\3-\2-\1", text)
    try:
        when = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
