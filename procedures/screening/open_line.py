"""The open line, looked at now and then: does a contact stick, so that two are measured as one?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.open_line import Doubt, carried, doubts, whose
from nanojunction.analysis.screening.verdicts import OPEN_LINE, JunctionVerdict
from nanojunction.procedures.screening.runs import FAILED, ScreeningStopped, StageRuns
from nanojunction.procedures.screening.stages import OPEN_LINE_SAMPLE, Place, ScreeningPlan

#: After so many junctions of which none was open the line is looked at by itself.
EVERY = 20


@dataclass(slots=True)
class OpenLine:
    """Measures with nothing connected; `place` is where the chip is screened.

    Before the first junction, after the last one and after each candidate, and where one junction
    after the other conducts: one that is open shows as much. Without a switch there is nothing to
    look at.
    """

    plan: ScreeningPlan
    runs: StageRuns
    place: Callable[[], Place]
    #: The junctions that were measured since it was seen open; None: nobody has looked yet.
    _since: list[str] | None = field(default=None, init=False)

    def doubts(self) -> tuple[Doubt, ...]:
        """Return what earlier parts of the screening have put in doubt."""
        checks = self.runs.of_sample(OPEN_LINE_SAMPLE).get(OPEN_LINE, [])
        thresholds = self.plan.chip.thresholds
        if not any(carried(one, thresholds) for one in checks):
            return ()
        chip = self.plan.chip
        every = [*(one.name for one in chip.calibrations), *(one.name for one in chip.junctions)]
        return doubts(checks, self._of(every), thresholds)

    def before(self) -> bool:
        """Look before a junction is measured, if it is time; False when told to stop."""
        is_due = self._since is None or len(self._since) >= EVERY
        return self.look() if is_due else True

    def measured(self, verdict: JunctionVerdict) -> None:
        """Note that a junction was measured, and what came of it."""
        if verdict.verdict == "open":
            self._since = []
        elif self._since is not None and verdict.junction not in self._since:
            self._since.append(verdict.junction)

    def at_the_end(self) -> bool:
        """Look after all junctions, if any was measured since; False when told to stop."""
        return self.look() if self._since else True

    def look(self) -> bool:
        """Measure the line by itself; False when told to stop.

        Raises ScreeningStopped if it is not open: what follows would have something in parallel,
        and that would see the voltages of others. Where it cannot be measured it counts as not
        looked at.
        """
        if self.plan.is_without_switch:
            return True
        found = self._measure()
        if found is None:
            return False
        for check in found:
            if (why := carried(check, self.plan.chip.thresholds)) is not None:
                raise ScreeningStopped(self._words(check, why))
        if found:
            self._since = []
        return True

    def _measure(self) -> list[RunResult] | None:
        """Measure, anew if that fails, and return what came of it; None when told to stop."""
        for _ in range(self.plan.chip.thresholds.attempts):
            key = self.runs.new_key(OPEN_LINE_SAMPLE)
            status = self.runs.make(self.plan.open_line_run(self.place(), key), None)
            if status is None:
                return None
            if status != FAILED:
                return self.runs.results(key)
        return []

    def _of(self, names: Iterable[str]) -> list[RunResult]:
        """Return the runs on junctions and known resistors that have not failed."""
        by_step = (self.runs.of_sample(name) for name in names)
        return [one for steps in by_step for several in steps.values() for one in several]

    def _words(self, check: RunResult, why: str) -> str:
        thresholds, since = self.plan.chip.thresholds, self._since or []
        suspects = since  # the known resistors were connected before it was seen open
        if self._since is None:
            suspects = [one.name for one in self.plan.chip.calibrations]
        first = whose(check, self._of(suspects), thresholds)
        name = "" if first is None else first.run.device
        if name:
            why = f"{why}, as {name} carries, whose contact seems to stick"
        doubtful = since[since.index(name) :] if name in since else since
        again = ""
        if doubtful:
            again = f"; what was measured from {doubtful[0]} on is in doubt, and is measured anew"
        return (
            f"with every contact of the switch open the line is not: {why}{again}. Look at the "
            "switch and the cables, then go on with --resume; if it is a leak that is no fault, "
            f"set thresholds.open_above_ohm ({thresholds.open_above_ohm:g}) below it"
        )
