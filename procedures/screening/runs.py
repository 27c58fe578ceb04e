"""The runs of a screening on an open station: made, taken up again, and what fails among them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import get_args

from nanojunction.analysis.reading.table import ReadError
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.stored import stage_results
from nanojunction.analysis.screening.verdicts import Stage
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.safe_state import source_to_safe
from nanojunction.procedures.recipes.checking import (
    check,
    procedure_of,
    shorten_window,
    temperature_after,
)
from nanojunction.procedures.recipes.journal_records import PlanEntry
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.recipes.plan import PlannedRun
from nanojunction.procedures.recipes.resume import CUT_OFF, FINISHED, files_of
from nanojunction.procedures.sample_file import Sample

log = logging.getLogger(__name__)

FAILED = "failed"
#: Runs that end so are taken up again where they were; a run that failed is made anew.
TO_GO_ON = ("running", "aborted", CUT_OFF)

Known = dict[Stage, list[RunResult]]
"""What was measured of a junction, by stage."""


class ScreeningStopped(LaboratoryError):
    """Why a screening cannot go on: the line, not a junction, is at fault."""


@dataclass(slots=True)
class StageRuns:
    """Makes the runs of a screening with `measuring`; `source` is the chip file, for errors."""

    measuring: Measuring
    source: str
    _at_K: float | None = None

    def make(self, run: PlannedRun, limits: Sample | None) -> str | None:
        """Make a run, or what is left of it, and return how it ended; None when told to stop.

        Raises ScreeningStopped if something could not be made safe.
        """
        measuring, journal = self.measuring, self.measuring.journal
        if measuring.stop.asked():
            return None
        if not journal.has(run.key):
            journal.add(PlanEntry(run.key, run.procedure, run.sample, run.step))
        elif self.is_done(run.key):
            return journal.parts(run.key)[-1].status
        procedure = procedure_of(run, self.source)
        check(run, procedure, measuring.station, limits, self.source)
        continues = measuring.continued(run.key)
        if measuring.only_lacks_its_end(run.key, procedure, continues):
            return FINISHED
        shorten_window(run, procedure, self._at_K)
        name = run.key.replace("/", "_").replace(" ", "")
        outcome = measuring.make(run, procedure, name, continues=continues).outcome
        self._at_K = temperature_after(procedure, self._at_K) if outcome.ok else None
        if outcome.status == FAILED:
            self._recover(run)
        stopped = outcome.status == "aborted" or measuring.stop.asked()
        return None if stopped else outcome.status

    def _recover(self, run: PlannedRun) -> None:
        """Reconnect, and make safe what a failed run may have left; raises ScreeningStopped."""
        measuring, station = self.measuring, self.measuring.station
        for role in ("source_meter", "switch"):
            try:
                station.reconnect(role)
            except LaboratoryError as problem:
                log.debug("%s is not back: %s", role, problem)
        failed = source_to_safe(station)
        if failed:
            measuring.unsafe += [one for one in failed if one not in measuring.unsafe]
            raise ScreeningStopped(f"{run.key}: {'; '.join(failed)}")
        if measuring.unsafe:
            measuring.unsafe.clear()
            measuring.tell(f"{run.key}: what could not be made safe at once is safe now")

    def is_done(self, key: str) -> bool:
        """Tell whether a run was made that is not taken up again."""
        journal = self.measuring.journal
        parts = journal.parts(key) if journal.has(key) else []
        return bool(parts) and parts[-1].status not in TO_GO_ON

    def next_key(self, junction: Junction, name: str) -> str:
        """Return the key of the next run of a stage: that which was cut off, or a new one."""
        number, key = 1, f"{junction.name}/{name}"
        while self.is_done(key):
            number += 1
            key = f"{junction.name}/{name}-{number}"
        return key

    def results(self, key: str) -> list[RunResult]:
        """Return what came of a run; nothing where it has no file, or one that cannot be read."""
        files = files_of(self.measuring.journal, key)
        try:
            return stage_results(files) if files else []
        except ReadError as problem:
            self.measuring.tell(f"no results: {key}: {problem}")
            return []

    def known(self, junction: Junction) -> Known:
        """Return what earlier parts of the screening have measured of a junction."""
        found: Known = {}
        for line in self.measuring.journal.of_sample(junction.name):
            if self.is_done(line.key):
                (stage,) = (one for one in get_args(Stage) if one == line.step)
                found.setdefault(stage, []).extend(self.results(line.key))
        return found

    def why_failed(self, key: str) -> str:
        """Return why the last part of a run failed."""
        parts = self.measuring.journal.parts(key)
        return (parts[-1].error if parts else None) or "it did not say why"

    def failures(self, junction: Junction, stage: Stage) -> list[str]:
        """Return the keys of a junction's runs of a stage that failed, in order."""
        journal = self.measuring.journal
        return [
            line.key
            for line in journal.of_sample(junction.name)
            if line.step == stage and self.is_done(line.key)
            and journal.parts(line.key)[-1].status == FAILED
        ]  # fmt: skip
