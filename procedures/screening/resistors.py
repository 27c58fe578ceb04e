"""The known resistors of a chip: before all junctions, after them, and when nothing works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nanojunction.analysis.calibration import MeasuringLine, line_of
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.chip import Calibration
from nanojunction.analysis.screening.open_line import Doubt, without_doubt
from nanojunction.procedures.screening.runs import FAILED, ScreeningStopped, StageRuns
from nanojunction.procedures.screening.stages import Place, ScreeningPlan

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class KnownResistors:
    """Measures the known resistors of a plan; `base` tells temperature and field for it."""

    plan: ScreeningPlan
    runs: StageRuns
    base: Callable[[], Place]

    def begin(self, doubted: Sequence[Doubt]) -> bool:
        """Measure all of them before the junctions; False when told to stop.

        Where earlier parts found none to be as stated, they are measured anew. Raises
        ScreeningStopped if one cannot be measured, or none serves.
        """
        is_wrong = self._before(doubted) and self.line(doubted) is None
        if not self.measure(BEFORE, doubted, anew=bool(is_wrong)):
            return False
        line, refused = line_of(self._before(doubted))
        why = "; ".join(dict.fromkeys(words for _, words in refused))
        if line is None and self.plan.chip.calibrations:
            raise ScreeningStopped(
                f"no known resistor serves, so that no offset could be compared: {why}; see to it, "
                "then go on with --resume"
            )
        if why:
            self.runs.measuring.tell(f"warning: {why}")
        return True

    def measure(self, when: str, doubted: Sequence[Doubt], *, anew: bool = False) -> bool:
        """Measure all of them that were not yet, or `anew`; False when told to stop.

        Raises ScreeningStopped if one cannot be measured before the junctions. Afterwards that is
        said, and what the junctions have shown stands.
        """
        for resistor in self.plan.chip.calibrations:
            name = f"{when}/{resistor.name}"
            if not anew and self.runs.is_measured(name, doubted):
                continue
            status = self._measure(resistor, name)
            if status is None:
                return False
            if status != FAILED:
                continue
            why = self.runs.why_failed(name)
            if when == BEFORE:
                raise ScreeningStopped(
                    f"{resistor.name}: the known resistor cannot be measured, so that no offset "
                    f"could be compared: {why}; see to it, then go on with --resume"
                )
            self.runs.measuring.tell(
                f"warning: {resistor.name} cannot be measured any more, so that nobody knows "
                f"whether the line has changed: {why}; --resume tries it again"
            )
        return True

    def answer(self, asked_at: str) -> bool | None:
        """Tell whether a known resistor can be measured; None when told to stop."""
        for resistor in self.plan.chip.calibrations[:1]:
            status = self._measure(resistor, f"asked at {asked_at}/{resistor.name}")
            return None if status is None else status != FAILED
        return False

    def line(self, doubted: Sequence[Doubt]) -> MeasuringLine | None:
        """Return the measuring line before the junctions, None where no resistor can serve.

        That of before, so that a screening that is taken up judges as it did.
        """
        return line_of(self._before(doubted))[0]

    def _before(self, doubted: Sequence[Doubt]) -> list[RunResult]:
        found = [
            result
            for resistor in self.plan.chip.calibrations
            for results in self.runs.of_sample(resistor.name, f"{BEFORE}/").values()
            for result in results
        ]
        return without_doubt(found, doubted)

    def _measure(self, resistor: Calibration, name: str) -> str | None:
        """Measure one, anew if that fails, and return how it ended; None when told to stop."""
        status: str | None = FAILED
        for _ in range(self.plan.chip.thresholds.attempts):
            if status != FAILED:
                break
            key = self.runs.next_key(name)
            status = self.runs.make(self.plan.calibration_run(resistor, self.base(), key), None)
        return status
