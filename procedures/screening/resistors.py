"""The known resistors of a chip: before all junctions, after them, and when nothing works."""

from __future__ import annotations

from dataclasses import dataclass

from nanojunction.analysis.calibration import MeasuringLine, line_of
from nanojunction.analysis.screening.chip import Calibration
from nanojunction.procedures.screening.runs import FAILED, ScreeningStopped, StageRuns
from nanojunction.procedures.screening.stages import Place, ScreeningPlan

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class KnownResistors:
    """Measures the known resistors of a plan; `base` is the temperature and field for it."""

    plan: ScreeningPlan
    runs: StageRuns
    base: Place

    def measure(self, when: str) -> bool:
        """Measure all of them that were not yet; False when told to stop.

        Raises ScreeningStopped if one cannot be measured before the junctions. Afterwards that is
        said, and what the junctions have shown stands.
        """
        for resistor in self.plan.chip.calibrations:
            name = f"{when}/{resistor.name}"
            if self.runs.status(name) not in (None, FAILED):
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

    def line(self) -> MeasuringLine | None:
        """Return the measuring line as far as it was measured, None where nothing can serve."""
        names = [one.name for one in self.plan.chip.calibrations]
        found = [
            result
            for name in names
            for results in self.runs.of_sample(name).values()
            for result in results
        ]
        return line_of(found)[0]

    def _measure(self, resistor: Calibration, name: str) -> str | None:
        """Measure one, anew if that fails, and return how it ended; None when told to stop."""
        status: str | None = FAILED
        for _ in range(self.plan.chip.thresholds.attempts):
            if status != FAILED:
                break
            key = self.runs.next_key(name)
            status = self.runs.make(self.plan.calibration_run(resistor, self.base, key), None)
        return status
