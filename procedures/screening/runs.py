"""The runs of a screening on an open station: made, taken up again, and what fails among them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from nanojunction.analysis.reading.table import ReadError
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.open_line import Doubt, without_doubt
from nanojunction.analysis.screening.stored import stage_results
from nanojunction.analysis.screening.verdicts import STAGES, Stage
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.safe_state import source_to_safe
from nanojunction.procedures.progress import Progress
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

#: How often, and with which pauses (s), the source is brought to zero after a run that failed.
TRIES, PAUSE_S = 2, 10.0

Known = dict[Stage, list[RunResult]]
"""What was measured of a junction, by stage."""


class ScreeningStopped(LaboratoryError):
    """Why a screening cannot go on: the line, not a junction, is at fault."""


@dataclass(slots=True)
class StageRuns:
    """Makes the runs of a screening with `measuring`; `source` is the chip file, for errors.

    `words` tells how far the screening is, `part_of` does so while a run goes on. What has failed
    in an earlier part of the screening counts no more: whoever takes it up has seen to the cause.
    """

    measuring: Measuring
    source: str
    words: Callable[[], str]
    part_of: Callable[[Progress], Progress] = lambda progress: progress
    _at_K: float | None = None
    _failed: dict[tuple[str, str], list[str]] = field(default_factory=dict)

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
        measuring.live.update(step=f"{self.words()}: {run.key}")
        name = run.key.replace("/", "_").replace(" ", "")
        outcome = measuring.make(
            run, procedure, name, continues=continues, part_of=self.part_of
        ).outcome
        self._at_K = temperature_after(procedure, self._at_K) if outcome.ok else None
        if outcome.status == FAILED:
            self._failed.setdefault((run.sample, run.step), []).append(run.key)
        if outcome.status == FAILED or measuring.unsafe:
            self._recover(run)
        stopped = outcome.status == "aborted" or measuring.stop.asked()
        return None if stopped else outcome.status

    def _recover(self, run: PlannedRun) -> None:
        """Reconnect, and make safe what a failed run may have left; raises ScreeningStopped.

        An instrument that is silent for a while gets some time: as long as it is, nothing is safe.
        """
        measuring, station = self.measuring, self.measuring.station
        for attempt in range(TRIES):
            if attempt:
                station.clock.sleep(PAUSE_S)
            failed = self._made_safe()
            if not failed or measuring.stop.asked():
                break
        if failed:
            measuring.unsafe += [one for one in failed if one not in measuring.unsafe]
            raise ScreeningStopped(f"{run.key}: {'; '.join(failed)}")
        if measuring.unsafe:
            measuring.unsafe.clear()
            measuring.tell(f"{run.key}: what could not be made safe at once is safe now")

    def _made_safe(self) -> list[str]:
        """Reconnect what was lost and bring the source to zero; return what failed of that."""
        station = self.measuring.station
        for role in station.config.instruments():
            try:
                station.reconnect(role)
            except LaboratoryError as problem:
                log.debug("%s is not back: %s", role, problem)
        return source_to_safe(station)

    def is_done(self, key: str) -> bool:
        """Tell whether a run was made that is not taken up again."""
        journal = self.measuring.journal
        parts = journal.parts(key) if journal.has(key) else []
        return bool(parts) and parts[-1].status not in TO_GO_ON

    def next_key(self, name: str) -> str:
        """Return the key of the next run of this name: that which was cut off, or a new one."""
        return next(key for key in _numbered(name) if not self.is_done(key))

    def new_key(self, name: str) -> str:
        """Return the key of another run of this name, whatever became of those before."""
        return next(key for key in _numbered(name) if not self.measuring.journal.has(key))

    def status(self, name: str) -> str | None:
        """Return how the last run of this name ended that is done; None where there is none."""
        key = self.last_key(name)
        return None if key is None else self._status(key)

    def is_measured(self, name: str, doubted: Sequence[Doubt]) -> bool:
        """Tell whether there is a run of this name that has not failed, and is in no doubt."""
        key = self.last_key(name)
        if key is None or self._status(key) == FAILED:
            return False
        found = self.results(key) if doubted else []
        return len(without_doubt(found, doubted)) == len(found)

    def last_key(self, name: str) -> str | None:
        """Return the key of the last run of this name that is done; None where there is none."""
        last = None
        for key in _numbered(name):
            if not self.is_done(key):
                break
            last = key
        return last

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
        by_step = self.of_sample(junction.name)
        return {stage: by_step[stage] for stage in STAGES if stage in by_step}

    def of_sample(self, name: str, prefix: str = "") -> dict[str, list[RunResult]]:
        """Return what came of the runs on a sample that have not failed, by step.

        With `prefix` only of those whose keys begin so.
        """
        found: dict[str, list[RunResult]] = {}
        for line in self.measuring.journal.of_sample(name):
            if (
                line.key.startswith(prefix)
                and self.is_done(line.key)
                and self._status(line.key) != FAILED
            ):
                found.setdefault(line.step, []).extend(self.results(line.key))
        return found

    def why_failed(self, name: str) -> str:
        """Return why the last run of this name failed."""
        last = self.last_key(name) or name
        return self.measuring.journal.parts(last)[-1].error or "it did not say why"

    def failures(self, junction: Junction, stage: Stage) -> list[str]:
        """Return the keys of a junction's runs of a stage that failed just now, in order."""
        return self._failed.get((junction.name, stage), [])

    def has_failed(self, junction: Junction) -> bool:
        """Tell whether any run on a junction failed just now."""
        return any(sample == junction.name for sample, _ in self._failed)

    def _status(self, key: str) -> str:
        return self.measuring.journal.parts(key)[-1].status


def _numbered(name: str) -> Iterator[str]:
    """Yield the keys of the runs of one name: it, and it with numbers from 2 on."""
    yield name
    yield from (f"{name}-{number}" for number in itertools.count(2))
