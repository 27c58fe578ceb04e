"""A run in parts: which files belong together, and their rows as one table.

A run that was taken up again has further files, whose header says after how many rows of which
files they go on (`Part: 2, after 149 rows in X.csv`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanojunction.analysis.reading.columns import identify
from nanojunction.analysis.reading.files import open_regular
from nanojunction.analysis.reading.table import OURS, Table, parse_header
from nanojunction.analysis.values import Array

_STATED = re.compile(r"\d+, after (\d+) rows in (.+)")
_PART = re.compile(rb"^#\tPart: .*", re.MULTILINE)
_NO_COMMENT = re.compile(rb"\n[^#]")
_BEGINNING, _LONGEST_HEADER = 1 << 13, 1 << 24  # bytes


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a later part goes on after: so many rows in the files of the earlier parts, in order."""

    rows: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One file of a run; its table has no row where the run ended before its first.

    `sha256` is that of the file's contents, and of the notes beside it if it `has_notes`.
    """

    path: Path
    table: Table
    sha256: str
    has_notes: bool = False

    @property
    def rows(self) -> int:
        """The rows of the file, those without a number among them."""
        return len(self.table.values) + len(self.table.dropped)

    @property
    def continues(self) -> Continuation | None:
        """What the header says that this part goes on after, None for a first or only part."""
        ours = "Procedure" in self.table.header
        return _continuation(self.table.header.get("Part", "")) if ours else None


def _continuation(text: str) -> Continuation | None:
    found = _STATED.fullmatch(text)
    return None if found is None else Continuation(int(found[1]), tuple(found[2].split(", ")))


def _stated_in(path: Path) -> Continuation | None:
    """Return what a file's header says that it goes on after, without reading its rows."""
    try:
        with open_regular(path) as file:
            text = file.read(_BEGINNING) or b""  # nothing yet, in one that grows
            if not text.startswith(OURS):
                return None
            # A header is seldom longer; what is damaged may have no end of one.
            while (end := _header_end(text)) is None and len(text) < _LONGEST_HEADER:
                if not (more := file.read(len(text))):
                    break
                text += more
    except OSError:
        return None  # whoever reads the rows says so
    found = _PART.search(text, 0, len(text) if end is None else end)
    if found is None:
        return None
    return _continuation(parse_header(found[0].decode("utf-8", "replace")).get("Part", ""))


def _header_end(text: bytes) -> int | None:
    """Return where the comments at the beginning of a text end, None if that is not in it."""
    found = _NO_COMMENT.search(text)
    return None if found is None else found.start()


def families(files: Iterable[Path]) -> list[tuple[Path, ...]]:
    """Return the files that state to be parts of one run together, in order; any other alone.

    Earlier parts are found by their names in the folder of the later one. A file that is given
    twice counts once.
    """
    given: dict[str, Path] = {}
    for path in files:
        given.setdefault(_place(path), path)
    first: dict[str, str] = {}
    position: dict[str, int] = {}
    for place, path in given.items():
        stated = _stated_in(path)
        if stated is None:
            continue
        run = [*(_place(path.parent / name) for name in stated.files), place]
        for number, member in enumerate(run):
            first[member], position[member] = run[0], number
    members: dict[str, list[str]] = {}
    for place in given:
        members.setdefault(first.get(place, place), []).append(place)
    return [
        tuple(given[place] for place in sorted(run, key=lambda one: (position.get(one, 0), one)))
        for run in members.values()
    ]


def _place(path: Path) -> str:
    """Return one text for a file, however its path is given."""
    return os.path.normcase(os.path.abspath(path))  # noqa: PTH100 - links stay what they are


def whole_runs(parts: Sequence[Part]) -> list[tuple[tuple[Part, ...], str | None]]:
    """Return the runs that a family makes, each with its parts in order and a warning or None.

    It is one run if every part goes on after all rows of those before it. A part whose earlier
    rows are not all there is a run by itself, with a warning.
    """
    runs: list[tuple[list[Part], str | None]] = []
    for part in parts:
        stated = part.continues
        missing = None if stated is None else _missing(runs[-1][0] if runs else [], stated, part)
        killed_at_once = not part.table.header and not part.rows
        if runs and missing is None and (stated is not None or killed_at_once):
            runs[-1][0].append(part)
        else:
            runs.append(([part], missing))
    return [(tuple(run), _how_joined(run) if len(run) > 1 else warning) for run, warning in runs]


def _missing(before: Sequence[Part], stated: Continuation, part: Part) -> str | None:
    """Return why a part cannot be joined to the parts `before` it, None if it can."""
    names = ", ".join(stated.files)
    alone = f"it goes on after {_counted(stated.rows)} in {names}, but"
    rows = sum(one.rows for one in before)
    if rows != stated.rows:
        return f"{alone} these are not all among the files given: this part is analysed alone"
    others = [one.table.names for one in (*before, part) if one.rows]
    if len(set(others)) > 1:
        return f"{alone} the columns are others: this part is analysed alone"
    return None


def _how_joined(run: Sequence[Part]) -> str:
    shares = ", ".join(f"{_counted(part.rows)} in {part.path.name}" for part in run)
    return f"measured in {len(run)} parts: {shares}; the time between them is not counted"


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"


def joined(parts: Sequence[Part]) -> Table:
    """Return the rows of a run's parts, one after the other, as one table; some part has rows.

    The time goes on from part to part, so that it never runs backwards. The header is the first
    part's and the end the last one's; lines are counted in each file.
    """
    filled = [part.table for part in parts if len(part.table.values)]
    names = filled[0].names
    known = map(identify, names)
    times = [n for n, one in enumerate(known) if one is not None and one.role == "time"]
    gone = np.zeros(len(times))
    rows: list[Array] = []
    for table in filled:
        values = table.values.copy()
        values[:, times] += gone
        # A missing time counts for nothing, and is dropped with its row by whoever reads this.
        gone = np.fmax(np.fmax.reduce(values[:, times], axis=0), gone)
        rows.append(values)
    return Table(
        names,
        np.concatenate(rows),
        np.concatenate([table.lines for table in filled]),
        next(part.table.header for part in parts if part.table.header),
        parts[-1].table.end,
    )
