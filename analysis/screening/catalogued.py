"""The runs of a screening in a catalogue, each with the verdict on its junction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nanojunction.analysis.calibration import against_line
from nanojunction.analysis.catalogue.database import Catalogue
from nanojunction.analysis.catalogue.entries import enter
from nanojunction.analysis.run_result import Result, RunResult
from nanojunction.analysis.screening.screening import Screening
from nanojunction.analysis.screening.stored import StoredRuns
from nanojunction.analysis.screening.verdicts import stage_of
from nanojunction.analysis.values import Quantity


def enter_screening(catalogue: Catalogue, found: Screening, stored: StoredRuns) -> None:
    """Enter the runs that a screening was made of, and the files that failed.

    Beside its own quantities a run has `screening_verdict`, `screening_kind`, `screening_stage` and
    `screening_chip`, whose notes are the words, and `screening_generates` (1 or 0).
    """
    of_line = [*stored.calibrations, *stored.open_line]
    enter(catalogue, [*of_line, *_with_verdicts(found, stored)], stored.errors)


def _with_verdicts(found: Screening, stored: StoredRuns) -> Iterator[RunResult]:
    for verdict in found.verdicts:
        words = {
            "screening_verdict": verdict.verdict,
            "screening_kind": verdict.kind or "not told",
            "screening_chip": found.chip.name,
        }
        for results in stored.junctions.get(verdict.junction, {}).values():
            for result in results:
                own = result
                if result.run.kind == "iv" and found.line is not None and len(result.run):
                    own = against_line(result, found.line)
                added: dict[str, Result] = {
                    key: Quantity(None, note=word) for key, word in words.items()
                }
                added["screening_stage"] = Quantity(None, note=stage_of(result.run))
                added["screening_generates"] = Quantity(float(verdict.generates))
                yield replace(own, quantities={**own.quantities, **added})
