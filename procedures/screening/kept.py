"""Verdicts that were found before: used again while all that they follow from is the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nanojunction.analysis.calibration import MeasuringLine
from nanojunction.analysis.provenance import analysis_version
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.open_line import Doubt
from nanojunction.analysis.screening.verdicts import JunctionVerdict
from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.screening.stages import ScreeningPlan

_KEPT = ("verdict", "reasons", "kind", "generates", "files")


@dataclass(slots=True)
class KeptVerdicts:
    """The verdicts in a screening's journal, each with the hash of what it follows from.

    That are the thresholds and what is asked of the field, the junction's entry, the measuring
    line, the open line's doubts, the version of the analysis, and the contents of all run files.
    `begin` says which line and doubts are meant.
    """

    plan: ScreeningPlan
    journal: Journal
    _common: str = ""

    def begin(self, line: MeasuringLine | None, doubts: Sequence[Doubt]) -> None:
        """Take what all verdicts follow from."""
        chip = self.plan.chip
        common = {
            "analysis": analysis_version(),
            "thresholds": asdict(chip.thresholds),
            "field": chip.protocol.get("field"),
            "line": None if line is None else line.to_json(),
            "doubts": [asdict(one) for one in doubts],
        }
        self._common = json.dumps(common, sort_keys=True, default=str)

    def find(self, junction: Junction) -> JunctionVerdict | None:
        """Return the verdict on a junction that still holds, None where there is none."""
        found = self.journal.verdicts.find(junction.name, self._basis(junction))
        if found is None:
            return None
        return JunctionVerdict(
            junction=junction.name,
            verdict=found["verdict"],
            reasons=tuple(found["reasons"]),
            kind=found["kind"],
            generates=found["generates"],
            files=tuple(found["files"]),
        )

    def keep(self, junction: Junction, verdict: JunctionVerdict, *, is_final: bool) -> None:
        """Enter a verdict; one that is not final is measured for again when it is taken up."""
        content = {key: getattr(verdict, key) for key in _KEPT}
        basis = self._basis(junction) if is_final else ""
        self.journal.verdicts.enter(junction.name, verdict.verdict, basis, content)

    def _basis(self, junction: Junction) -> str:
        found = hashlib.sha256(self._common.encode())
        found.update(repr(junction).encode())
        for part in self.journal.runs_of(junction.name):
            found.update(f"{part.key} {part.part} {part.status} {part.file}".encode())
            file = self.journal.path.parent / (part.file or "")
            if file.is_file():
                found.update(hashlib.sha256(file.read_bytes()).digest())
        return found.hexdigest()
