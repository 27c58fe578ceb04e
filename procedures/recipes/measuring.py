"""One planned run on an open station, or what is left of it: in the journal before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.live import Live
from nanojunction.procedures.partial import Partial
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.estimate import Cost
from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.recipes.plan import PlannedRun
from nanojunction.procedures.recipes.recipe_file import RecipeError
from nanojunction.procedures.recipes.resume import FINISHED, files_of
from nanojunction.procedures.recipes.run_rows import RunRows, bias_of, partial_of, read_rows
from nanojunction.procedures.reference_leg import EarlierLeg
from nanojunction.procedures.rows import TIME
from nanojunction.procedures.runfile import free_path
from nanojunction.procedures.runner import Outcome, run_procedure
from nanojunction.procedures.stopping import StopRequest

NO_COST = Cost()


@dataclass(frozen=True, slots=True)
class Made:
    """How a run ended, and what is in its file (None: that cannot be read back)."""

    outcome: Outcome
    found: RunRows | None


@dataclass(slots=True)
class Measuring:
    """Makes runs on an open station; `tell` takes sentences for a person, `show` the progress.

    `unsafe` grows by what a run could not make safe. Rows in compliance are told, and entered,
    unless they are what was looked for (`tells_compliance`).
    """

    station: Station
    journal: Journal
    stop: StopRequest
    tell: Callable[[str], None]
    show: Callable[[Progress], None]
    live: Live
    tells_compliance: bool = True
    unsafe: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where journal and run files are."""
        return self.journal.path.parent

    def continued(self, key: str) -> Partial | None:
        """Return what earlier parts of a run have measured, None before the first."""
        return partial_of(files_of(self.journal, key))

    def only_lacks_its_end(
        self, key: str, procedure: JunctionProcedure, done: Partial | None
    ) -> bool:
        """Tell whether all rows of a run were measured before something ended it; enters it so."""
        if done is None or done.rows != procedure.planned_rows():
            return False
        last = self.journal.parts(key)[-1]
        self.journal.end(key, last.part, FINISHED, rows=last.rows)
        self.journal.event("all rows were measured, only the end was missing", key)
        return True

    def make(
        self,
        run: PlannedRun,
        procedure: JunctionProcedure,
        name: str,
        *,
        continues: Partial | None = None,
        earlier: Sequence[EarlierLeg] = (),
        part_of: Callable[[Progress], Progress] = lambda progress: progress,
        cost: Cost = NO_COST,
    ) -> Made:
        """Make a run, or what is left after `continues`, into a file called after `name`.

        `cost` is what the plan has for it: what it took teaches the next plan.
        """
        path = free_path(self.folder, name if continues is None else continues.next_name)
        part = len(self.journal.parts(run.key)) + 1
        self.journal.begin(run.key, part, path.name)
        began = self.station.clock.now()
        try:
            outcome = run_procedure(
                procedure,
                self.station,
                self.folder,
                name=name,
                stop=self.stop,
                on_progress=self.show,
                part_of=part_of,
                continues=continues,
                live=self.live,
                earlier=earlier,
            )
        except LaboratoryError as problem:
            outcome = Outcome(path, "failed", 0, str(problem))
        took_s = self.station.clock.now() - began
        found = self._rows_of(run.key, outcome)
        self._enter(run.key, part, outcome, took_s=took_s, cost=cost, found=found)
        self._say(run.key, outcome)
        return Made(outcome, found)

    def _enter(
        self,
        key: str,
        part: int,
        outcome: Outcome,
        *,
        took_s: float,
        cost: Cost,
        found: RunRows | None,
    ) -> None:
        """Enter how a run ended and what it took."""
        bias, approach_s, settling_s = None, None, None
        if found is not None:
            bias = bias_of(found)
            if outcome.ok and found.rows:
                approach_s = took_s - found.column(TIME)[-1]
                if cost.settling_s > 0.0:
                    known_s = cost.ramping_s + cost.window_s + cost.field_s
                    settling_s = max(0.0, approach_s - known_s)  # a rest is in the rows' time
        self.journal.end(
            key,
            part,
            outcome.status,
            rows=outcome.rows,
            error=outcome.error,
            approach_s=approach_s,
            took_s=took_s,
            settling_s=settling_s,
            bias=bias,
        )

    def _rows_of(self, key: str, outcome: Outcome) -> RunRows | None:
        """Return what is in a run file; one that cannot be read back ends nothing."""
        try:
            return read_rows(outcome.file) if outcome.file.exists() else None
        except RecipeError as problem:
            self.journal.event(f"what the junction saw is not known: {problem}", key)
            return None

    def _say(self, key: str, outcome: Outcome) -> None:
        self.unsafe += outcome.unsafe
        if outcome.in_compliance and self.tells_compliance:
            words = f"{outcome.in_compliance} of {outcome.rows} rows are in compliance"
            self.tell(f"warning: {key}: {words}: no fit will use them")
            self.journal.event(words, key)
        if outcome.ok:
            return
        why = outcome.error or (self.stop.reason and f"stopped ({self.stop.reason})")
        words = f"{outcome.status}: {key}: {why}; {outcome.rows} rows in {outcome.file}"
        self.tell(words)
        self.journal.event(words, key)
