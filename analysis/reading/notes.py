"""Notes beside a run file (`NAME.notes.toml`): what a person corrects, excludes and re-zeroes.

The run file itself is never changed. `docs/notes.md` shows every key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nanojunction.analysis.geometry import Area
from nanojunction.analysis.reading.table import ReadError
from nanojunction.analysis.run import Heater, Polarity, RunKind, State, Wires

SUFFIX = ".notes.toml"
MOST_STARS = 5

Interval = tuple[float, float]
"""The first and the last value, both included."""
Meaning = Literal[
    "time",
    "leg",
    "setpoint voltage",
    "setpoint current",
    "setpoint temperature",
    "voltage",
    "current",
    "field",
    "temperature",
    "compliance",
    "none",
]


class NotesError(ReadError):
    """Notes that cannot be followed; the message names the file, the key and what is allowed."""


@dataclass(frozen=True, slots=True)
class ColumnCorrection:
    """What a column of the file means; None leaves what its name says.

    `meaning` "none" leaves the column out. `sign` −1 turns the column's values around.
    """

    meaning: Meaning | None = None
    unit: str | None = None
    sign: Literal[1, -1] = 1


@dataclass(frozen=True, slots=True)
class Correction:
    """Metadata instead of those in file, columns or name, in SI; None leaves what is there.

    `columns` maps a column's name, or "#3" for the third, to what is right.
    """

    device: str | None = None
    kind: RunKind | None = None
    temperature_K: float | None = None
    field_T: float | None = None
    voltage_V: float | None = None
    current_A: float | None = None
    state: State | None = None
    polarity: Polarity | None = None
    wires: Wires | None = None
    heater: Heater | None = None
    position: str | None = None
    area: Area | None = None
    columns: Mapping[str, ColumnCorrection] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Rows that enter no analysis: those within every interval that is given, ends included.

    `rows` count from 1, through all parts of a run; `legs` from 0. Values are compared in SI, as
    corrected but before they are zeroed.
    """

    reason: str
    rows: tuple[int, int] | None = None
    legs: tuple[int, int] | None = None
    time_s: Interval | None = None
    voltage_V: Interval | None = None
    field_T: Interval | None = None
    temperature_K: Interval | None = None


@dataclass(frozen=True, slots=True)
class Zero:
    """What is subtracted from the sensed voltage (V) and from the current (A)."""

    reason: str
    voltage_V: float = 0.0
    current_A: float = 0.0


@dataclass(frozen=True, slots=True)
class Notes:
    """The contents of a notes file."""

    comment: str = ""
    stars: int | None = None
    correct: Correction = field(default_factory=Correction)
    exclude: tuple[Exclusion, ...] = ()
    zero: Zero | None = None


def notes_path(run_file: Path) -> Path:
    """Return where the notes of a run file stand: `x.notes.toml` beside `x.csv`."""
    return run_file.with_name(run_file.stem + SUFFIX)


def is_notes(path: Path) -> bool:
    """Tell whether a file holds notes, by its name."""
    return path.name.lower().endswith(SUFFIX)
