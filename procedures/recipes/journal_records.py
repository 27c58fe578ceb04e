"""What a journal is made of: its tables, and the values that its rows become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

#: Raised when the tables change: a journal of another version is refused.
VERSION = 3
#: How runs end that were ended for the junction's sake.
SPARED = ("broken", "protected")
#: A run with one of these is not taken up again: it has its end, or the junction must be spared.
CONCLUDED = ("finished", *SPARED)

TABLES = """
CREATE TABLE recipe (
    version INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, sha256 TEXT NOT NULL,
    station TEXT NOT NULL, setup TEXT NOT NULL, created TEXT NOT NULL);
CREATE TABLE plan (
    position INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, action TEXT NOT NULL,
    sample TEXT NOT NULL, step TEXT NOT NULL, skipped TEXT, judged INTEGER NOT NULL DEFAULT 0);
CREATE TABLE runs (
    key TEXT NOT NULL REFERENCES plan (key), part INTEGER NOT NULL, file TEXT,
    status TEXT NOT NULL, rows INTEGER NOT NULL DEFAULT 0, started TEXT NOT NULL, ended TEXT,
    error TEXT, approach_s REAL, took_s REAL, settling_s REAL, PRIMARY KEY (key, part));
CREATE TABLE results (
    key TEXT NOT NULL REFERENCES plan (key), segment INTEGER NOT NULL, quantity TEXT NOT NULL,
    value REAL, stderr REAL, note TEXT, PRIMARY KEY (key, segment, quantity));
CREATE TABLE bias (
    key TEXT NOT NULL, part INTEGER NOT NULL, sample TEXT NOT NULL,
    max_voltage_V REAL NOT NULL, max_current_A REAL NOT NULL, PRIMARY KEY (key, part));
CREATE TABLE dwell (
    key TEXT NOT NULL, part INTEGER NOT NULL, level_V REAL NOT NULL, dwell_s REAL NOT NULL,
    PRIMARY KEY (key, part, level_V));
CREATE TABLE marks (
    sample TEXT NOT NULL, mark TEXT NOT NULL, reason TEXT NOT NULL, moment TEXT NOT NULL,
    PRIMARY KEY (sample, mark));
CREATE TABLE verdicts (
    sample TEXT PRIMARY KEY, verdict TEXT NOT NULL, basis TEXT NOT NULL, content TEXT NOT NULL,
    moment TEXT NOT NULL);
CREATE INDEX plan_sample ON plan (sample);
CREATE INDEX bias_sample ON bias (sample);
CREATE TABLE events (moment TEXT NOT NULL, key TEXT, words TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One line of the plan: `action` is the procedure's name, or `pause`."""

    key: str
    action: str
    sample: str
    step: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One part of a run.

    `status` is running, finished, aborted, broken, protected, failed or `cut off`. `approach_s` is
    what the way to temperature and field took (s), `took_s` the whole part and `settling_s` what
    the sample took to settle after a ramp, on the station's clock.
    """

    key: str
    part: int
    file: str | None
    status: str
    rows: int
    started: str
    ended: str | None
    error: str | None
    approach_s: float | None
    took_s: float | None
    settling_s: float | None


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A line of the plan with what was done of it.

    File, status (as in `RunRecord`), rows and error are those of the last part of its run, None
    where it was never begun. `skipped` is the reason if a condition skips it.
    """

    key: str
    action: str
    sample: str
    skipped: str | None
    file: str | None
    status: str | None
    rows: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """A number that the analysis of a run gave; `value` None has its reason in `note`."""

    segment: int
    quantity: str
    value: float | None
    stderr: float | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What a junction has seen in this journal: runs, largest |V| and |I|, dwell, and marks."""

    sample: str
    runs: int
    max_voltage_V: float
    max_current_A: float
    dwell_s: Mapping[float, float]
    marks: Mapping[str, str]


def hash_of(text: str) -> str:
    """Return the hash of a recipe's text; line ends do not count."""
    return sha256("\n".join(text.splitlines()).encode()).hexdigest()
