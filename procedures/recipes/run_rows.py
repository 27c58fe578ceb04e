"""The rows of our own run files, as they stand on the disk: complete ones only.

The run file is the truth about what was measured, also after a kill: a last line without its line
end is no row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanojunction.procedures.partial import Partial
from nanojunction.procedures.recipes.recipe_file import RecipeError
from nanojunction.procedures.rows import CURRENT, TIME, VOLTAGE
from nanojunction.procedures.temperature_series import SETPOINT_K

END, EVENT = "# End: ", "# Event: "
#: The dwell of a junction is counted at and above each of these voltages (V).
DWELL_LEVELS_V = (1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True, slots=True)
class RunRows:
    """The header (comment lines), columns and complete rows of a run file, and its end.

    `end` is what the last line says (`status`, `rows`), None if the run was cut off;
    `interrupted` has after how many rows something happened that the run waited for.
    """

    header: str
    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    end: Mapping[str, Any] | None
    interrupted: frozenset[int] = frozenset()

    def column(self, name: str) -> list[float]:
        """Return one column."""
        index = self.columns.index(name)
        return [row[index] for row in self.rows]


def read_rows(path: Path) -> RunRows:
    """Read a run file of ours; raises RecipeError if it is damaged in the middle."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise RecipeError(f"{path}: cannot be read ({problem}), so nothing can go on") from problem
    header, end = "", None
    columns: tuple[str, ...] = ()
    rows: list[tuple[float, ...]] = []
    interrupted = set[int]()
    for number, line in enumerate(text.split("\n")[:-1], 1):  # the last has no line end
        if line.startswith(END):
            end = _end(line, f"{path}: line {number}")
        elif line.startswith(EVENT):
            interrupted.add(len(rows))
        elif line.startswith("#"):
            header += line + "\n"
        elif not columns:
            columns = tuple(line.split(","))
        else:
            rows.append(_row(line, len(columns), f"{path}: line {number}"))
    return RunRows(header, columns, tuple(rows), end, frozenset(interrupted))


def _end(line: str, place: str) -> Mapping[str, Any]:
    try:
        end: Mapping[str, Any] = json.loads(line.removeprefix(END))
    except ValueError as problem:
        raise RecipeError(f"{place}: is no end of a run, so nothing can go on") from problem
    return end


def _row(line: str, count: int, place: str) -> tuple[float, ...]:
    try:
        row = tuple(map(float, line.split(",")))
    except ValueError as problem:
        raise RecipeError(f"{place}: is no row of numbers, so nothing can go on") from problem
    if len(row) != count:
        raise RecipeError(f"{place}: has {len(row)} numbers, not {count}, so nothing can go on")
    return row


def partial_of(files: Sequence[Path]) -> Partial | None:
    """Return what the parts of a run have measured; None if there is no file yet.

    A part that was killed before its file was made has none.
    """
    there = tuple(file for file in files if file.exists())
    if not there:
        return None
    rows, last = 0, dict[str, float]()
    for file in there:
        found = read_rows(file)
        rows += len(found.rows)
        if found.rows:
            last = dict(zip(found.columns, found.rows[-1], strict=True))
    return Partial(there, rows, last)


@dataclass(frozen=True, slots=True)
class Bias:
    """What a junction saw: largest |V| and |I|, and for how long |V| was at least each level."""

    max_voltage_V: float
    max_current_A: float
    dwell_s: Mapping[float, float]


def bias_of(found: RunRows) -> Bias | None:
    """Return the bias that a junction saw during a run; None without rows.

    The time between two rows counts for the later one's voltage, except where the output was open
    in between: while the run was suspended, or on the way from one temperature to the next.
    """
    if not found.rows or not {TIME, VOLTAGE, CURRENT} <= set(found.columns):
        return None
    time_s = found.column(TIME)
    voltage, current = found.column(VOLTAGE), found.column(CURRENT)
    plateau_K = found.column(SETPOINT_K) if SETPOINT_K in found.columns else [0.0] * len(time_s)
    steps = [0.0] * len(time_s)
    for at in range(1, len(time_s)):
        if at not in found.interrupted and plateau_K[at] == plateau_K[at - 1]:
            steps[at] = max(0.0, time_s[at] - time_s[at - 1])
    dwell = {
        level: sum(step for step, V in zip(steps, voltage, strict=True) if abs(V) >= level)
        for level in DWELL_LEVELS_V
    }
    return Bias(max(map(abs, voltage)), max(map(abs, current)), dwell)
