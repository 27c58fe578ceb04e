"""What a journal keeps of a screening's verdicts, so that none is found twice, or out of date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nanojunction.instruments.clock import now_iso
from nanojunction.procedures.recipes.journal_file import JournalFile


class JournalVerdicts:
    """The last verdict on each junction, with what it follows from (`basis`) in one text."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file

    def enter(self, sample: str, verdict: str, basis: str, content: Mapping[str, Any]) -> None:
        """Enter a verdict; without a `basis` it is for those who look, and never used again."""
        with self._file.change():
            self._file.execute(
                "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?)",
                (sample, verdict, basis, json.dumps(content, allow_nan=False), now_iso()),
            )

    def find(self, sample: str, basis: str) -> dict[str, Any] | None:
        """Return what was entered of a verdict that follows from this, None where none does."""
        rows = self._file.rows(
            "SELECT content FROM verdicts WHERE sample = ? AND basis = ? AND basis <> ''",
            sample, basis,
        )  # fmt: skip
        return json.loads(rows[0]["content"]) if rows else None

    def counts(self) -> dict[str, int]:
        """Return how many junctions have which verdict, the most frequent first."""
        rows = self._file.rows(
            "SELECT verdict, COUNT(*) AS count FROM verdicts GROUP BY verdict "
            "ORDER BY count DESC, verdict"
        )
        return {row["verdict"]: row["count"] for row in rows}
