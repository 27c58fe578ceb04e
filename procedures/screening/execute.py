"""A screening on an open station: known resistors, junction after junction, known resistors again.

What is measured next follows from what was measured (`judge_junction`), so that a screening that
was killed goes on where it was: its files say all that there is to know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nanojunction.analysis.calibration import MeasuringLine
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.on_chip import judge_on_chip
from nanojunction.analysis.screening.open_line import Doubt, sound
from nanojunction.analysis.screening.story import reach_V
from nanojunction.analysis.screening.verdicts import JunctionVerdict
from nanojunction.procedures.disturbance import LOST
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.screening.kept import KeptVerdicts
from nanojunction.procedures.screening.open_line import OpenLine
from nanojunction.procedures.screening.resistors import AFTER, KnownResistors
from nanojunction.procedures.screening.runs import FAILED, Known, ScreeningStopped, StageRuns
from nanojunction.procedures.screening.stages import Place, ScreeningPlan, StagePlan

#: So many junctions in a row that cannot be measured speak of the line, not of the junctions.
IN_A_ROW = 3
#: The runs of a candidate in the field, at its one sign and at the other.
FIELDS = ("field_plus", "field_minus")


@dataclass(slots=True)
class Screening:
    """A chip's screening; `noted` is told each verdict as soon as it stands.

    `line` is the measuring line as far as it was measured, `verdicts` what is known so far.
    `part_of` returns how far all of it is while a run goes on.
    """

    plan: ScreeningPlan
    measuring: Measuring
    noted: Callable[[JunctionVerdict], None]
    part_of: Callable[[Progress], Progress] = lambda progress: progress
    line: MeasuringLine | None = None
    verdicts: dict[str, JunctionVerdict] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)
    _runs: StageRuns = field(init=False)
    _resistors: KnownResistors = field(init=False)
    _open_line: OpenLine = field(init=False)
    _kept: KeptVerdicts = field(init=False)
    _doubts: tuple[Doubt, ...] = ()
    _failed_in_a_row: int = 0
    #: Whether the magnet is lost: then nothing more is asked of it.
    _no_field: bool = False

    def __post_init__(self) -> None:
        self._runs = StageRuns(self.measuring, self.plan.source, self.words, self.part_of)
        self._resistors = KnownResistors(self.plan, self._runs, self._base)
        self._open_line = OpenLine(self.plan, self._runs, self._base)
        self._kept = KeptVerdicts(self.plan, self.measuring.journal)

    def go(self) -> bool:
        """Do what is left of the screening, in order; True if all of it is done then.

        Raises ScreeningStopped where nothing can be measured any more.
        """
        self._doubts = self._open_line.doubts()
        if not self._resistors.begin(self._doubts):
            return False
        self.line = self._resistors.line(self._doubts)
        self._kept.begin(self.line, self._doubts)
        return (
            all(self._screen(junction) for junction in self.plan.chip.junctions)
            and self._at_other_temperatures()
            and self._open_line.at_the_end()
            and self._resistors.measure(AFTER, self._doubts)
        )

    def words(self) -> str:
        """Return how many junctions have which verdict."""
        of = f"{len(self.verdicts)} of {len(self.plan.chip.junctions)} junctions"
        found = ", ".join(f"{count} {one}" for one, count in self._counts.most_common() if count)
        return f"{of} ({found})" if found else of

    # Junctions

    def _screen(self, junction: Junction) -> bool:
        """Measure what the verdict on a junction takes; False when told to stop."""
        if (kept := self._kept.find(junction)) is not None and not self._lacks_field(kept):
            self._tell(kept)
            return True
        known = self._runs.known(junction)
        verdict = self._judge(junction, known)
        is_new = verdict.next_stage is not None
        while (stage := verdict.next_stage) is not None:
            reach = self._range_V(known) if stage == "repeats" else verdict.next_reach_V
            if not self._measure(junction, StagePlan(stage, self._base(), reach), known):
                return False
            verdict = self._judge(junction, known)
        if verdict.verdict == "candidate":
            if not self._in_field(junction, known):
                return False
            verdict = self._judge(junction, known)
        if is_new:
            self._open_line.measured(verdict)
            if verdict.generates and not self._open_line.look():
                return False
        self._note(junction, verdict)
        return True

    def _lacks_field(self, verdict: JunctionVerdict) -> bool:
        """Tell whether a candidate is yet to be measured in the field."""
        if verdict.verdict != "candidate" or self.plan.protocol.field_T is None:
            return False
        names = [f"{verdict.junction}/{name}" for name in FIELDS]
        return not all(self._runs.is_measured(name, self._doubts) for name in names)

    def _in_field(self, junction: Junction, known: Known) -> bool:
        """Measure a candidate at both signs of the field; False when told to stop."""
        field_T = self.plan.protocol.field_T
        if field_T is None:
            return True
        for name, tesla in zip(FIELDS, (field_T, -field_T), strict=True):
            place = replace(self._base(), field=f"{tesla!r} T")
            planned = StagePlan("field", place, self._range_V(known), name)
            if not self._measure_once(junction, planned, known):
                return False
        return True

    def _measure(self, junction: Junction, planned: StagePlan, known: Known) -> bool:
        """Measure a stage, and take in what it gave; False when told to stop."""
        if not self._open_line.before():
            return False
        key = self._runs.next_key(f"{junction.name}/{planned.name or planned.stage}")
        run = self.plan.stage_run(junction, planned, key)
        status = self._runs.make(run, self.plan.limits_of(junction))
        if status is None:
            return False
        known[planned.stage] = [*known.get(planned.stage, ()), *self._runs.results(key)]
        if status == FAILED and planned.place.field:
            self._look_at_magnet()
        return self._look_at_failures(junction, status)

    def _look_at_magnet(self) -> None:
        """Go on without the field where the magnet is lost and nobody has cleared it in time."""
        magnet = self.measuring.station.magnet_or_none
        if magnet is None or self._no_field or (state := magnet.status().state) not in LOST:
            return
        self._no_field = True
        self.measuring.tell(
            f"warning: the magnet is {state}: the chip is screened without it from here on, as the "
            "field is; --resume measures the candidates in the field once it is cleared"
        )

    def _measure_once(self, junction: Junction, planned: StagePlan, known: Known) -> bool:
        """Measure what no verdict asks for, anew if that fails; False when told to stop."""
        name = f"{junction.name}/{planned.name}"
        for _ in range(self.plan.chip.thresholds.attempts):
            if self._runs.is_measured(name, self._doubts):
                break
            if planned.stage == "field" and self._no_field:
                break
            if not self._measure(junction, planned, known):
                return False
        return True

    def _at_other_temperatures(self) -> bool:
        """Measure the candidates at further temperatures; False when told to stop."""
        candidates = [
            one for one in self.plan.chip.junctions
            if self.verdicts[one.name].verdict == "candidate"
        ]  # fmt: skip
        for kelvin in self.plan.protocol.temperatures_K:
            for junction in candidates:
                name, place = f"{kelvin:g} K", replace(self._base(), temperature=f"{kelvin!r} K")
                if self._runs.is_measured(f"{junction.name}/{name}", self._doubts):
                    continue
                known = self._runs.known(junction)
                planned = StagePlan("temperature", place, self._range_V(known), name)
                if not self._measure_once(junction, planned, known):
                    return False
                verdict = self._judge(junction, known)
                self._open_line.measured(verdict)
                self._note(junction, verdict)
        return True

    def _judge(self, junction: Junction, known: Known) -> JunctionVerdict:
        """Return the verdict so far, without a next stage that has failed often enough."""
        verdict = judge_on_chip(self.plan.chip, junction, known, self.line, self._doubts)
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

    def _note(self, junction: Junction, verdict: JunctionVerdict) -> None:
        """Keep a verdict for whoever resumes; what has failed has another chance then."""
        self._kept.keep(junction, verdict, is_final=not self._runs.has_failed(junction))
        self._tell(verdict)

    def _tell(self, verdict: JunctionVerdict) -> None:
        before = self.verdicts.get(verdict.junction)
        if before is not None:
            self._counts[before.verdict] -= 1
        self._counts[verdict.verdict] += 1
        self.verdicts[verdict.junction] = verdict
        self.noted(verdict)

    def _base(self) -> Place:
        """Return where the chip is screened: at zero field, where a field is asked for later."""
        in_field = self.plan.protocol.field_T is not None and not self._no_field
        return Place(self.plan.protocol.temperature, "0 T" if in_field else "")

    def _look_at_failures(self, junction: Junction, status: str) -> bool:
        """Ask a known resistor where junction after junction fails; False when told to stop."""
        self._failed_in_a_row = self._failed_in_a_row + 1 if status == FAILED else 0
        if self._failed_in_a_row < IN_A_ROW * self.plan.chip.thresholds.attempts:
            return True
        self._failed_in_a_row = 0
        answers = self._resistors.answer(junction.name)
        if answers is False:
            has_some = self.plan.chip.calibrations
            raise ScreeningStopped(
                f"{junction.name}: junction after junction cannot be measured, and "
                f"{'no known resistor either' if has_some else 'no known resistor is there to ask'}"
                ": look at the source-meter and the switch, then go on with --resume"
            )
        return answers is not None

    def _range_V(self, known: Known) -> float:
        """Return how far the sweeps of a junction went that its verdict is based on."""
        left = sound(known, self._doubts)
        swept = [*left.get("short_iv", ()), *left.get("wide_iv", ())]
        return max(reach_V(one) for one in swept if len(one.run))
