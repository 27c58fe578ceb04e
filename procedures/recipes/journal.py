"""The journal of a recipe: what is planned, what was done, what came of it, in one SQLite file.

Each change is one transaction. A run is entered before it starts and again after it ended; one that
is found `running` was cut off. Times are ISO 8601 with the time zone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from nanojunction.instruments.clock import now_iso
from nanojunction.procedures.recipes.conditions import BROKEN, Condition
from nanojunction.procedures.recipes.journal_file import JournalError, JournalFile
from nanojunction.procedures.recipes.journal_records import (
    CONCLUDED,
    SPARED,
    TABLES,
    VERSION,
    History,
    PlanEntry,
    PlanLine,
    Result,
    RunRecord,
    hash_of,
)
from nanojunction.procedures.recipes.journal_verdicts import JournalVerdicts
from nanojunction.procedures.recipes.run_rows import Bias
from nanojunction.procedures.recipes.setup import Setup

NAME = "journal.sqlite"


class Journal:
    """An open journal. Raises JournalError if the file cannot be used or a change be made."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._file = JournalFile(path, read_only=read_only)
        #: What a screening has found.
        self.verdicts = JournalVerdicts(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    # The recipe and its plan

    def create(
        self, name: str, text: str, station: str, plan: Sequence[PlanEntry], setup: Setup
    ) -> None:
        """Write recipe, plan and what it is measured with into a new journal."""
        with self._file.change():
            for statement in TABLES.split(";"):
                self._file.execute(statement)
            self._file.execute(
                "INSERT INTO recipe VALUES (?, ?, ?, ?, ?, ?, ?)",
                (VERSION, name, text, hash_of(text), station, json.dumps(setup), now_iso()),
            )
            self._file.execute_many(
                "INSERT INTO plan (position, key, action, sample, step) VALUES (?, ?, ?, ?, ?)",
                [(k, one.key, one.action, one.sample, one.step) for k, one in enumerate(plan)],
            )
            self._event(None, f"begun: {name}, {len(plan)} steps")

    def add(self, entry: PlanEntry) -> None:
        """Add a line at the end of the plan, for what is planned on the way."""
        with self._file.change():
            self._file.execute(
                "INSERT INTO plan (position, key, action, sample, step) "
                "SELECT COUNT(*), ?, ?, ?, ? FROM plan",
                (entry.key, entry.action, entry.sample, entry.step),
            )

    def is_new(self) -> bool:
        """Tell whether nothing was ever written; raises JournalError for another version."""
        if not self._file.rows("SELECT name FROM sqlite_master"):
            return True
        version = self._file.rows("SELECT version FROM recipe")[0]["version"]
        if version != VERSION:
            raise JournalError(
                f"{self.path}: is of version {version}, this program writes {VERSION}; "
                "give a new --out"
            )
        return False

    def about(self) -> tuple[str, str, str]:
        """Return the recipe's name, the station file and when it was begun."""
        (row,) = self._file.rows("SELECT name, station, created FROM recipe")
        return row["name"], row["station"], row["created"]

    def recipe_text(self) -> str:
        """Return the text of the recipe that was begun."""
        return str(self._file.rows("SELECT text FROM recipe")[0]["text"])

    def setup(self) -> Setup:
        """Return what the recipe was begun with."""
        found: Setup = json.loads(self._file.rows("SELECT setup FROM recipe")[0]["setup"])
        return found

    def keys(self) -> list[str]:
        """Return the keys of the plan, in order."""
        return [
            str(row["key"]) for row in self._file.rows("SELECT key FROM plan ORDER BY position")
        ]

    def has(self, key: str) -> bool:
        """Tell whether a line of the plan has this key."""
        return bool(self._file.rows("SELECT 1 FROM plan WHERE key = ?", key))

    def of_sample(self, sample: str) -> list[PlanEntry]:
        """Return the lines of the plan that are a sample's, in order."""
        rows = self._file.rows(
            "SELECT key, action, sample, step FROM plan WHERE sample = ? ORDER BY position", sample
        )
        return [PlanEntry(**dict(row)) for row in rows]

    def is_done(self, key: str) -> bool:
        """Tell whether nothing is left to do of a line of the plan: concluded, or skipped."""
        rows = self._file.rows(
            "SELECT skipped IS NOT NULL OR (SELECT status FROM runs "
            "WHERE runs.key = plan.key ORDER BY part DESC LIMIT 1) IN (?, ?, ?) AS done "
            "FROM plan WHERE key = ?",
            *CONCLUDED, key,
        )  # fmt: skip
        return bool(rows[0]["done"])

    def lines(self) -> list[PlanLine]:
        """Return every line of the plan with the last part of its run, in order."""
        rows = self._file.rows(
            "SELECT plan.key, action, sample, skipped, file, status, rows, error FROM plan "
            "LEFT JOIN runs ON runs.key = plan.key "
            "AND part = (SELECT MAX(part) FROM runs AS last WHERE last.key = plan.key) "
            "ORDER BY position"
        )
        return [PlanLine(**dict(row)) for row in rows]

    # Runs

    def parts(self, key: str) -> list[RunRecord]:
        """Return the parts of a run, in order."""
        rows = self._file.rows("SELECT * FROM runs WHERE key = ? ORDER BY part", key)
        return [RunRecord(**dict(row)) for row in rows]

    def runs(self) -> list[RunRecord]:
        """Return all parts of all runs, in the order of the plan."""
        rows = self._file.rows(
            "SELECT runs.* FROM runs JOIN plan USING (key) ORDER BY plan.position, runs.part"
        )
        return [RunRecord(**dict(row)) for row in rows]

    def runs_of(self, sample: str) -> list[RunRecord]:
        """Return all parts of the runs on a sample, in the order of the plan."""
        rows = self._file.rows(
            "SELECT runs.* FROM runs JOIN plan USING (key) WHERE plan.sample = ? "
            "ORDER BY plan.position, runs.part",
            sample,
        )
        return [RunRecord(**dict(row)) for row in rows]

    def finished(self) -> list[str]:
        """Return the keys of the runs that were finished, in the order in which they were begun."""
        rows = self._file.rows("SELECT key FROM runs WHERE status = 'finished' ORDER BY rowid")
        return [str(row["key"]) for row in rows]

    def last_begun(self) -> str | None:
        """Return the key of what was begun last, None before the first."""
        rows = self._file.rows("SELECT key FROM runs ORDER BY rowid DESC LIMIT 1")
        return str(rows[0]["key"]) if rows else None

    def settlings_s(self) -> tuple[float, ...]:
        """Return what the sample took to settle after each ramp of the temperature."""
        rows = self._file.rows("SELECT settling_s FROM runs WHERE settling_s IS NOT NULL")
        return tuple(row["settling_s"] for row in rows)

    def begin(self, key: str, part: int, file: str | None) -> None:
        """Enter a part of a run before it starts."""
        with self._file.change():
            self._file.execute(
                "INSERT INTO runs (key, part, file, status, started) "
                "VALUES (?, ?, ?, 'running', ?)",
                (key, part, file, now_iso()),
            )

    def end(
        self,
        key: str,
        part: int,
        status: str,
        *,
        rows: int = 0,
        error: str | None = None,
        approach_s: float | None = None,
        took_s: float | None = None,
        settling_s: float | None = None,
        bias: Bias | None = None,
    ) -> None:
        """Enter how a part ended, what the junction saw, and at once that it broke if it did."""
        with self._file.change():
            self._file.execute(
                "UPDATE runs SET status = ?, rows = ?, error = ?, ended = ?, approach_s = ?, "
                "took_s = ?, settling_s = ? WHERE key = ? AND part = ?",
                (status, rows, error, now_iso(), approach_s, took_s, settling_s, key, part),
            )
            if bias is not None:
                self._enter_bias(key, part, bias)
            if status == BROKEN:
                sample = self._file.rows("SELECT sample FROM plan WHERE key = ?", key)[0]["sample"]
                self._mark(sample, BROKEN, f"{key}: {error}")

    def spared(self) -> list[str]:
        """Return the keys of the runs that were ended for the junction's sake, in order."""
        rows = self._file.rows(
            "SELECT key FROM plan JOIN runs USING (key) WHERE status IN (?, ?) ORDER BY position",
            *SPARED,
        )
        return [str(row["key"]) for row in rows]

    def _enter_bias(self, key: str, part: int, bias: Bias) -> None:
        self._file.execute(
            "INSERT OR REPLACE INTO bias SELECT key, ?, sample, ?, ? FROM plan WHERE key = ?",
            (part, bias.max_voltage_V, bias.max_current_A, key),
        )
        self._file.execute_many(
            "INSERT OR REPLACE INTO dwell VALUES (?, ?, ?, ?)",
            [(key, part, level, seconds) for level, seconds in bias.dwell_s.items()],
        )

    # Results, conditions and marks

    def enter_results(self, key: str, results: Sequence[Result]) -> None:
        """Enter the results of a run."""
        with self._file.change():
            self._file.execute_many(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?)",
                [(key, one.segment, one.quantity, one.value, one.stderr, one.note)
                 for one in results],
            )  # fmt: skip

    def judge(self, key: str, skips: Mapping[str, str], *, for_good: bool) -> None:
        """Enter at once what the conditions after a run skip, and whether that was the last look.

        It is not where the run failed and may yet be taken up again.
        """
        with self._file.change():
            self._file.execute_many(
                "UPDATE plan SET skipped = ? WHERE key = ? AND skipped IS NULL",
                [(reason, other) for other, reason in skips.items()],
            )
            self._file.execute("UPDATE plan SET judged = ? WHERE key = ?", (for_good, key))

    def is_judged(self, key: str) -> bool:
        """Tell whether results and conditions of a run were entered."""
        return bool(self._file.rows("SELECT judged FROM plan WHERE key = ?", key)[0]["judged"])

    def skip(self, key: str, reason: str) -> None:
        """Enter that a condition skips a line of the plan."""
        with self._file.change():
            self._file.execute("UPDATE plan SET skipped = ? WHERE key = ?", (reason, key))

    def skipped(self) -> dict[str, str]:
        """Return the keys that conditions have skipped, with the reasons."""
        rows = self._file.rows("SELECT key, skipped FROM plan WHERE skipped IS NOT NULL")
        return {row["key"]: row["skipped"] for row in rows}

    def last_result(self, sample: str, condition: Condition) -> Result | None:
        """Return the last result of a sample that a condition asks for; None if there is none."""
        rows = self._file.rows(
            "SELECT segment, quantity, value, stderr, note FROM results JOIN plan USING (key) "
            "WHERE sample = ? AND quantity = ? AND (? = '' OR step = ?) "
            "ORDER BY position DESC, segment DESC LIMIT 1",
            sample, condition.quantity, condition.step, condition.step,
        )  # fmt: skip
        return Result(**dict(rows[0])) if rows else None

    def mark(self, sample: str, mark: str, reason: str) -> None:
        """Mark a sample, `broken` for example, with the reason."""
        with self._file.change():
            self._mark(sample, mark, reason)

    def _mark(self, sample: str, mark: str, reason: str) -> None:
        self._file.execute(
            "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", (sample, mark, reason, now_iso())
        )
        self._event(None, f"{sample} is marked {mark}: {reason}")

    def marks(self, sample: str) -> dict[str, str]:
        """Return a sample's marks with their reasons."""
        rows = self._file.rows("SELECT mark, reason FROM marks WHERE sample = ?", sample)
        return {row["mark"]: row["reason"] for row in rows}

    def is_marked_since(self, sample: str, moment: str) -> bool:
        """Tell whether a sample was marked after a moment (ISO 8601)."""
        rows = self._file.rows("SELECT moment FROM marks WHERE sample = ?", sample)
        since = datetime.fromisoformat(moment)
        return any(datetime.fromisoformat(row["moment"]) > since for row in rows)

    def largest_voltage_since(self, sample: str, key: str) -> float:
        """Return the largest |V| that a sample has seen in runs begun after one; 0 if in none."""
        rows = self._file.rows(
            "SELECT MAX(max_voltage_V) AS largest FROM bias JOIN runs USING (key, part) "
            "WHERE sample = ? AND runs.rowid > (SELECT MAX(rowid) FROM runs WHERE key = ?)",
            sample, key,
        )  # fmt: skip
        return float(rows[0]["largest"] or 0.0)

    def history(self, sample: str) -> History:
        """Return what a junction has seen, over all runs of this journal."""
        bias = self._file.rows("SELECT * FROM bias WHERE sample = ?", sample)
        dwell = self._file.rows(
            "SELECT level_V, SUM(dwell_s) AS dwell_s FROM dwell JOIN bias USING (key, part) "
            "WHERE sample = ? GROUP BY level_V ORDER BY level_V",
            sample,
        )
        return History(
            sample,
            len({row["key"] for row in bias}),
            max((row["max_voltage_V"] for row in bias), default=0.0),
            max((row["max_current_A"] for row in bias), default=0.0),
            {row["level_V"]: row["dwell_s"] for row in dwell},
            self.marks(sample),
        )

    # Events

    def event(self, words: str, key: str | None = None) -> None:
        """Enter what happened, in words."""
        with self._file.change():
            self._event(key, words)

    def _event(self, key: str | None, words: str) -> None:
        self._file.execute("INSERT INTO events VALUES (?, ?, ?)", (now_iso(), key, words))

    def events(self) -> list[tuple[str, str | None, str]]:
        """Return (moment, key, words) of everything that happened, in order."""
        rows = self._file.rows("SELECT moment, key, words FROM events ORDER BY rowid")
        return [(row["moment"], row["key"], row["words"]) for row in rows]
