"""Where a foreign file's numbers begin, and the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nanojunction.analysis.reading.columns import identify
from nanojunction.analysis.reading.dialects import Dialect, dialect_of, is_number, split_names
from nanojunction.analysis.reading.table import ReadError
from nanojunction.analysis.reading.units import unit

_MOST_BEGINNINGS = 200
_MOST_COMMENTS = 20
_HEADER_LINES = 4  # names, units and comments of the columns, one below the other

_WITH_UNIT = re.compile(r"\d ?(?:[fpnuµμm]?[VA]|[fpnuµμm])(?!\w)")

Lines = list[tuple[int, str]]
"""Lines with their numbers in the file, from 1."""


class NothingFound(ReadError):
    """There is no row of numbers; `body` are the lines that are no comments."""

    def __init__(self, sentence: str, body: Lines, comments: list[str]) -> None:
        super().__init__(sentence)
        self.body = body
        self.comments = comments


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where the numbers begin, below `above` lines of other things and the lines of names."""

    at: int
    above: int
    dialect: Dialect
    names: tuple[str, ...]
    known: int
    remarks: tuple[str, ...] = ()


def find_beginning(body: Lines, comments: list[str], name: str) -> Beginning:
    """Return where the numbers begin: at the first row below names of a voltage or a current.

    Without such names it is the first row below known names, or else the first row.
    """
    first: Beginning | None = None
    skipped: list[int] = []
    for at, (number, line) in enumerate(body):
        dialect = dialect_of(line)
        if dialect is None:
            continue
        found = _beginning(body, at, dialect, comments)
        found = replace(found, remarks=_skipped(skipped))
        if found.known and any(map(_is_electrical, found.names)):
            return found
        if first is None or (found.known and not first.known):
            first = found
        skipped.append(number)
        if len(skipped) == _MOST_BEGINNINGS:
            break
    if first is None:
        sentence = f"{name}: there is no complete row of numbers in this file"
        raise NothingFound(sentence + _nearest_to_a_row(body), body, comments)
    if not first.names:
        raise ReadError(
            f"{name}, line {body[first.at][0]}: the numbers begin without a line of column names "
            "before them; add one such as 'V (V),I (A)'"
        )
    return first


def _nearest_to_a_row(body: Lines) -> str:
    """Return the rest of a sentence: a line that might have been meant as a row of numbers."""
    digits = [(number, line) for number, line in body if any(map(str.isdigit, line[:200]))]
    if not digits:
        return ""
    number, line = digits[len(digits) // 2]
    shown = line.strip()[:60] + ("…" if len(line.strip()) > 60 else "")
    if len(_WITH_UNIT.findall(line[:2000])) > 1:
        return f"; line {number} is {shown!r}: units belong into the column names, as in 'V (mV)'"
    return (
        f"; line {number} is {shown!r}, and a row is two numbers or more between commas, "
        "semicolons, tabs or blanks"
    )


def _skipped(lines: list[int]) -> tuple[str, ...]:
    if not lines:
        return ()
    where = f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]} to {lines[-1]}"
    return (f"numbers above the column names are not read ({where})",)


def _beginning(body: Lines, at: int, dialect: Dialect, comments: list[str]) -> Beginning:
    """Return the names of the columns whose first numbers are at `at`: the line that says most."""
    width = len(dialect.split(body[at][1]))
    start = max(0, at - _HEADER_LINES)
    above = [split_names(text, dialect, width) for _, text in body[start:at]]
    whole = len(dialect.split_whole(body[at][1]))
    fitting = [
        index
        for index, names in enumerate(above)
        if _fits(names, width, whole) and not any(map(is_number, names))
    ]
    # A line of units alone names columns too; the names above it say more.
    words = [index for index in fitting if not _are_units(above[index], width)] or fitting
    found = [(index, _with_units(above, index)) for index in words]
    if not any(known_names(names) for _, names in found):
        texts = [comment.lstrip("# ") for comment in comments[-_MOST_COMMENTS:]]
        said = (tuple(split_names(text, dialect, width)) for text in texts)
        found += [
            (at - start, names) for names in said if len(names) == width and known_names(names)
        ]
    if not found:
        return Beginning(at, max(at - 1, 0), dialect, tuple(above[-1]) if above else (), 0)
    index, names = max(found, key=lambda one: (known_names(one[1]), found.index(one)))
    return Beginning(at, start + index, dialect, names, known_names(names))


def _fits(names: list[str], width: int, whole: int) -> bool:
    """Tell whether the names are those of a row that may end in `whole` − `width` empty fields.

    A row may also end before columns that no run uses, such as comments.
    """
    beyond = names[width:]
    return len(names) == width or (
        bool(beyond) and (len(names) <= whole or not known_names(beyond))
    )


def _with_units(above: list[list[str]], index: int) -> tuple[str, ...]:
    """Return the names in a line with the units that stand in the line below, if they do."""
    names = above[index]
    below = above[index + 1] if index + 1 < len(above) else []
    if not _are_units(below, len(names)):
        return tuple(names)
    units = [text.strip("()[] ") for text in below] + [""] * (len(names) - len(below))
    return tuple(f"{text} ({of})" if of else text for text, of in zip(names, units, strict=True))


def known_names(names: Sequence[str]) -> int:
    """Return how many of the names mean a column of a run, in whatever unit."""
    count = 0
    for name in names:
        try:
            count += identify(name) is not None
        except ValueError:
            count += 1
    return count


def _is_electrical(name: str) -> bool:
    try:
        column = identify(name)
    except ValueError:
        return True
    return column is not None and column.quantity in ("voltage", "current")


def _are_units(fields: list[str], width: int) -> bool:
    """Tell whether a line below the names holds their units, as Origin writes them."""
    stated = [text.strip("()[] ") for text in fields if text.strip("()[] ")]
    return 0 < len(stated) <= len(fields) <= width and all(unit(text) for text in stated)
