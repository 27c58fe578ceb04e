"""A screening on an open station: known resistors, junction after junction, known resistors again.

What is measured next follows from what was measured (`judge_junction`), so that a screening that
was killed goes on where it was: its files say all that there is to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nanojunction.analysis.calibration import MeasuringLine, line_of
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.chip import Calibration, Junction
from nanojunction.analysis.screening.judgement import judge_junction
from nanojunction.analysis.screening.story import reach_V
from nanojunction.analysis.screening.verdicts import JunctionVerdict
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.screening.runs import FAILED, Known, ScreeningStopped, StageRuns
from nanojunction.procedures.screening.stages import Place, ScreeningPlan, StagePlan

#: So many junctions in a row that cannot be measured speak of the line, not of the junctions.
IN_A_ROW = 3
BEFORE, AFTER = "before", "after"


@dataclass(slots=True)
class Screening:
    """A chip's screening; `noted` is told each verdict as soon as it stands.

    `line` is the measuring line as far as it was measured, `verdicts` what is known so far.
    """

    plan: ScreeningPlan
    measuring: Measuring
    noted: Callable[[JunctionVerdict], None]
    line: MeasuringLine | None = None
    verdicts: dict[str, JunctionVerdict] = field(default_factory=dict)
    _runs: StageRuns = field(init=False)
    _failed_in_a_row: int = 0

    def __post_init__(self) -> None:
        self._runs = StageRuns(self.measuring, self.plan.source)

    def go(self) -> bool:
        """Do what is left of the screening, in order; True if all of it is done then.

        Raises ScreeningStopped where nothing can be measured any more.
        """
        return (
            self._calibrate(BEFORE)
            and all(self._screen(junction) for junction in self.plan.chip.junctions)
            and self._at_other_temperatures()
            and self._calibrate(AFTER)
        )

    # Known resistors

    def _calibrate(self, when: str) -> bool:
        """Measure the known resistors; False when told to stop."""
        for resistor in self.plan.chip.calibrations:
            key = f"{when}/{resistor.name}"
            status = self._measure_resistor(resistor, key)
            if status is None:
                return False
            if status == FAILED and when == BEFORE:
                raise ScreeningStopped(
                    f"{resistor.name}: the known resistor cannot be measured, so that no offset "
                    f"could be compared: {self._runs.why_failed(key)}"
                )
        self.line = line_of(self._calibrations())[0]
        return True

    def _measure_resistor(self, resistor: Calibration, key: str) -> str | None:
        return self._runs.make(self.plan.calibration_run(resistor, self._base(), key), None)

    def _calibrations(self) -> list[RunResult]:
        """Return what was measured on the known resistors so far."""
        keys = [f"{when}/{one.name}" for when in (BEFORE, AFTER)
                for one in self.plan.chip.calibrations]  # fmt: skip
        return [result for key in keys if self._runs.is_done(key)
                for result in self._runs.results(key)]  # fmt: skip

    # Junctions

    def _screen(self, junction: Junction) -> bool:
        """Measure what the verdict on a junction takes; False when told to stop."""
        known = self._runs.known(junction)
        verdict = self._judge(junction, known)
        while (stage := verdict.next_stage) is not None:
            reach = _range_V(known) if stage == "repeats" else verdict.next_reach_V
            if not self._measure(junction, StagePlan(stage, self._base(), reach), known):
                return False
            verdict = self._judge(junction, known)
        for planned in self._in_the_field(verdict, known):
            if not self._measure(junction, planned, known):
                return False
            verdict = self._judge(junction, known)
        self._note(verdict)
        return True

    def _measure(self, junction: Junction, planned: StagePlan, known: Known) -> bool:
        """Measure a stage, and take in what it gave; False when told to stop."""
        key = self._runs.next_key(junction, planned.name or planned.stage)
        run = self.plan.stage_run(junction, planned, key)
        status = self._runs.make(run, self.plan.limits_of(junction))
        if status is None:
            return False
        known[planned.stage] = [*known.get(planned.stage, ()), *self._runs.results(key)]
        self._look_at_failures(junction, status)
        return True

    def _in_the_field(self, verdict: JunctionVerdict, known: Known) -> list[StagePlan]:
        """Return what is left to measure of a candidate at + and − the field."""
        field_T = self.plan.protocol.field_T
        if verdict.verdict != "candidate" or field_T is None:
            return []
        signs = {"field+": field_T, "field-": -field_T}
        return [
            StagePlan("field", replace(self._base(), field=f"{tesla!r} T"), _range_V(known), name)
            for name, tesla in signs.items()
            if not self._runs.is_done(f"{verdict.junction}/{name}")
        ]

    def _at_other_temperatures(self) -> bool:
        """Measure the candidates at further temperatures; False when told to stop."""
        candidates = [
            one for one in self.plan.chip.junctions
            if self.verdicts[one.name].verdict == "candidate"
        ]  # fmt: skip
        for kelvin in self.plan.protocol.temperatures_K:
            for junction in candidates:
                name, place = f"{kelvin:g} K", replace(self._base(), temperature=f"{kelvin!r} K")
                if self._runs.is_done(f"{junction.name}/{name}"):
                    continue
                known = self._runs.known(junction)
                planned = StagePlan("temperature", place, _range_V(known), name)
                if not self._measure(junction, planned, known):
                    return False
                self._note(self._judge(junction, known))
        return True

    def _judge(self, junction: Junction, known: Known) -> JunctionVerdict:
        """Return the verdict so far, without a next stage that has failed often enough."""
        verdict = judge_junction(junction, known, self.line, self.plan.chip.thresholds)
        stage = verdict.next_stage
        if stage is None:
            return verdict
        failed = self._runs.failures(junction, stage)
        if len(failed) < self.plan.chip.thresholds.attempts:
            return verdict
        why = f"{stage} failed {len(failed)} times, at last: {self._runs.why_failed(failed[-1])}"
        return replace(
            verdict,
            verdict="undecided" if verdict.verdict == "open" else verdict.verdict,
            reasons=(*verdict.reasons, why),
            next_stage=None,
        )

    def _note(self, verdict: JunctionVerdict) -> None:
        self.verdicts[verdict.junction] = verdict
        self.noted(verdict)

    def _base(self) -> Place:
        """Return where the chip is screened: at zero field, where a field is asked for later."""
        in_field = self.plan.protocol.field_T is not None
        return Place(self.plan.protocol.temperature, "0 T" if in_field else "")

    def _look_at_failures(self, junction: Junction, status: str) -> None:
        """Ask a known resistor where junction after junction cannot be measured."""
        self._failed_in_a_row = self._failed_in_a_row + 1 if status == FAILED else 0
        if self._failed_in_a_row < IN_A_ROW * self.plan.chip.thresholds.attempts:
            return
        self._failed_in_a_row = 0
        for resistor in self.plan.chip.calibrations[:1]:
            key = f"asked at {junction.name}/{resistor.name}"
            if self._measure_resistor(resistor, key) != FAILED:
                return
        raise ScreeningStopped(
            f"{junction.name}: junction after junction cannot be measured, and no known resistor "
            "either: look at the source-meter and the switch, then go on with --resume"
        )


def _range_V(known: Known) -> float:
    """Return how far the sweeps of a junction went that its verdict is based on."""
    swept = [*known.get("short_iv", ()), *known.get("wide_iv", ())]
    return max(reach_V(one) for one in swept if len(one.run))
