"""The verdict on a junction from the runs of its screening so far, and what would decide more.

A pure function of results: the same while a chip is screened and when its stored runs are judged
again with other thresholds. What it must never do is miss a junction that generates; a candidate
that is none costs a night.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from nanojunction.analysis.calibration import MeasuringLine, number
from nanojunction.analysis.notation import in_words, times
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.at_rest import unsteady_at_zero
from nanojunction.analysis.screening.changes import change_between, scatter_within
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.conduction import Conduction, conduction
from nanojunction.analysis.screening.damage import Event, another, first_event, lasting
from nanojunction.analysis.screening.kinds import kind_of
from nanojunction.analysis.screening.numbers import numbers_of
from nanojunction.analysis.screening.offsets import Offsets, offsets
from nanojunction.analysis.screening.repeats import why_not_repeated
from nanojunction.analysis.screening.story import Runs, Story, after, before, reach_V
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.screening.verdicts import JunctionVerdict, Stage, Verdict

FURTHER = 1.5
"""How much further a wider I(V) goes than the last: less than 1.5 |V_off|, wherever that is."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A verdict so far with its reason, and the stage that comes next."""

    verdict: Verdict
    reason: str
    next_stage: Stage | None = None
    next_reach_V: float | None = None


@dataclass(slots=True)
class _Judge:
    """Everything that is known of one junction while it is judged; `remarks` grow on the way."""

    junction: Junction
    story: Story
    line: MeasuringLine | None
    thresholds: Thresholds
    remarks: list[str] = field(default_factory=list)
    generates: bool = False
    event: Event | None = None

    def conduction(self, result: RunResult) -> Conduction:
        return conduction(result, self.thresholds, self.line)

    def offsets(self, result: RunResult) -> Offsets:
        found = offsets(result, self.line, self.thresholds)
        self.generates |= found.comparison == "beyond"
        return found

    def contacts(self) -> list[RunResult]:
        """Return the contact checks in which the junction is there."""
        found = self.story.measured("contact", "contact_again")
        return [one for one in found if self.conduction(one).state != "open"]

    def to_measure(self, stage: Stage, verdict: Verdict, reason: str) -> _Found:
        """Return that a stage comes next, or that it was tried often enough."""
        failed = self.story.failures(stage)
        if len(failed) < self.thresholds.attempts:
            return _Found(verdict, reason, stage)
        times = "once" if len(failed) == 1 else f"{len(failed)} times"
        given_up = f"{reason}; the stage {stage} failed {times} and was given up"
        return _Found("undecided" if verdict == "open" else verdict, given_up)


def judge_junction(
    junction: Junction, runs: Runs, line: MeasuringLine | None, thresholds: Thresholds
) -> JunctionVerdict:
    """Return the verdict on a junction so far, with numbers and reasons, and the next stage.

    `runs` are the results of its runs by stage, in any order; `line` is the measuring line, None
    where it is not known (nothing can then be told of offsets). `next_stage` is None where the
    verdict stands; `field` and `temperature` are never asked for, but used where they were
    measured.

    >>> chip = chip_from('junctions = [{name="A", max_voltage_V=0.2, max_current_A=1e-3}]', "mine")
    >>> line = measuring_line([analyse_iv(load_run(campaign / "resistor-100_295K.csv"))])
    >>> swept = [analyse_iv(load_run(campaign / "A_240K_10mV.csv"))]
    >>> runs = {"contact": swept, "short_iv": swept}
    >>> found = judge_junction(chip.junctions[0], runs, line, chip.thresholds)
    >>> found.verdict, found.next_stage
    ('candidate', 'repeats')
    """
    judge = _Judge(junction, Story.of(runs), line, thresholds)
    found = next(_steps(judge))
    swept = judge.story.measured("contact", "contact_again", "short_iv", "wide_iv", "repeats")
    if judge.event is not None:  # the numbers are those of the junction before that
        swept = before(swept, judge.event.result) or swept
    verdict = JunctionVerdict(
        junction=junction.name,
        verdict=found.verdict,
        reasons=(found.reason, *judge.remarks),
        numbers=numbers_of(junction, swept, line, thresholds),
        generates=judge.generates,
        next_stage=found.next_stage,
        next_reach_V=found.next_reach_V,
        files=judge.story.files(),
    )
    if verdict.verdict != "candidate":
        return verdict
    kind, why = kind_of(judge.story, thresholds)
    return replace(verdict, kind=kind, reasons=(*verdict.reasons, why))


def _steps(judge: _Judge) -> Iterator[_Found]:
    """Yield what each stage decides, in their order; the first that decides anything counts."""
    for step in (_contact, _damage, _short_iv, _wide_iv, _repeats, _at_zero):
        found = step(judge)
        if found is not None:
            yield found
    yield _Found("candidate", _sizes(judge))


def _contact(judge: _Judge) -> _Found | None:
    """Judge by the contact check: open, short, or worth a look."""
    contact = judge.story.last("contact")
    if contact is None:
        return judge.to_measure("contact", "undecided", "the contact was not measured yet")
    found = judge.conduction(contact)
    if found.state == "open":
        again = judge.story.last("contact_again")
        if again is None:
            reason = f"no contact so far: {_as_far(found, contact)}"
            return judge.to_measure("contact_again", "open", reason)
        contact, found = again, judge.conduction(again)
        if judge.story.last("short_iv") is None and found.state == "open":
            return _Found("open", f"no contact at two connections: {_as_far(found, contact)}")
        judge.remarks.append("open at the first connection, found when it was connected again")
    if judge.story.last("short_iv") is not None or contact.run.status == "broken":
        return None
    if found.state == "short" and not _has_offset(judge, contact, found):
        return _Found("short", found.reason)
    return judge.to_measure("short_iv", "undecided", f"worth a look: {found.reason}")


def _as_far(found: Conduction, result: RunResult) -> str:
    """Return what is known of an open junction, and what it was looked at with."""
    above = in_words(found.above_ohm or 0.0, "Ω", 2)
    return f"above {above}, as far as {in_words(reach_V(result), 'V', 2)} can tell"


def _has_offset(judge: _Judge, contact: RunResult, found: Conduction) -> bool:
    """Tell whether what looks like a short has a V_off that no short on this line has."""
    v_off_V = found.resistance.extra.get("v_off_V")
    if v_off_V is None:
        v_off_V = number(contact.quantities, "v_off_V").value
    if v_off_V is None or judge.line is None:
        return v_off_V is None
    offset = judge.line.offset("v_off_V", abs(found.resistance.value or 0.0) or 1.0)
    largest_V = offset.value + 2.0 * offset.stderr
    return abs(float(v_off_V)) >= judge.thresholds.candidate_ratio * largest_V


def _damage(judge: _Judge) -> _Found | None:
    """Judge a junction that is another than before: broken, unless it came back."""
    event = first_event(judge.story, judge.conduction, judge.thresholds)
    if event is None:
        return None
    judge.event = event
    swept = [*judge.contacts(), *judge.story.measured("short_iv", "wide_iv", "repeats")]
    for result in swept:
        if judge.conduction(result).state == "conducts":
            judge.offsets(result)
    found = lasting(judge.story, event, judge.conduction, judge.thresholds)
    if found is None:
        return judge.to_measure("contact_again", "broken", event.reason)
    lasts, reason = found
    if lasts:
        return _Found("broken", f"{event.reason}; {reason}")
    unstable = f"{event.reason}; {reason}"
    if judge.story.last("short_iv") is event.result and event.is_lost:
        return judge.to_measure("short_iv", "unstable", unstable)
    return _Found("unstable", unstable)


def _short_iv(judge: _Judge) -> _Found | None:
    """Judge by the short I(V): open, short, ohmic, or worth the full protocol."""
    short = judge.story.last("short_iv")
    if short is None:
        return judge.to_measure("short_iv", "undecided", "the short I(V) was not measured yet")
    found = judge.conduction(short)
    conducts = [one for one in judge.contacts() if judge.conduction(one).state == "conducts"]
    if found.state == "open" or (found.state == "short" and not conducts):
        is_open = found.state == "open"
        return _Found(found.state, _as_far(found, short) if is_open else found.reason)
    if found.state == "unclear":
        judge.generates |= found.is_offset
        return None if found.is_offset else _Found("undecided", found.reason)
    compared = judge.offsets(short)
    for one in judge.story.measured("contact", "contact_again", "short_iv"):
        disagreeing = scatter_within(one.run, judge.thresholds)
        if disagreeing is not None:
            return _since(judge, one, f"{disagreeing.reason}; {compared.reason}")
    if compared.comparison == "within" and not compared.is_near:
        return _steady_resistor(judge, short) or _Found("ohmic", compared.reason)
    return _Found("undecided", compared.reason) if compared.comparison == "unclear" else None


def _since(judge: _Judge, result: RunResult, reason: str) -> _Found:
    """Judge a junction whose legs disagree in a sweep: it may have broken in the middle of it.

    A breakdown is one change, for good; a contact check from before is compared with one since.
    """
    checks = judge.contacts()
    earlier = before(checks, result)
    if result is not judge.story.last("short_iv") or not earlier:
        return _Found("unstable", reason)
    since = after(checks, result)
    if not since:
        return judge.to_measure("contact_again", "unstable", reason)
    if any(scatter_within(one.run, judge.thresholds) for one in (earlier[0], since[-1])):
        return _Found("unstable", reason)
    share = judge.thresholds.telegraph_share
    lasts, why = another(earlier[0], since[-1], judge.thresholds, share=share)
    return _Found("broken" if lasts else "unstable", f"{reason}; {why}")


def _steady_resistor(judge: _Judge, short: RunResult) -> _Found | None:
    """Judge what seems ohmic by whether it was the same resistor when its contact was checked."""
    share = judge.thresholds.telegraph_share
    for contact in judge.contacts():
        if judge.conduction(contact).state == "conducts":
            changed = change_between(contact.run, short.run, judge.thresholds, share=share)
            if changed is not None:
                return _Found("unstable", changed.reason)
    return None


def _wide_iv(judge: _Judge) -> _Found | None:
    """Ask for a wider I(V) as long as V_off is beyond the range and the limit allows."""
    swept = judge.story.measured("short_iv", "wide_iv")
    last = swept[-1]
    if number(last.quantities, "v_off_V").value is not None:
        return None
    limit_V = judge.junction.max_voltage_V
    reached_V = max(reach_V(one) for one in swept)
    before_V = max((reach_V(one) for one in swept[:-1]), default=0.0)
    if reached_V < 1.01 * before_V:
        judge.remarks.append(f"V_off is beyond {in_words(reached_V, 'V')}, and no run goes further")
    elif reached_V < 0.99 * limit_V:
        wider_V = min(FURTHER * reached_V, limit_V)
        i_off = number(last.quantities, "i_off_A").value
        current_A = float(last.run.current_A.mean()) if i_off is None else i_off
        verdict: Verdict = "candidate" if judge.generates else "undecided"
        reason = f"{_sizes(judge)}; V_off is beyond {in_words(reached_V, 'V')}"
        wider = judge.to_measure("wide_iv", verdict, reason)
        if wider.next_stage is not None:
            return replace(wider, next_reach_V=wider_V if current_A < 0 else -wider_V)
        judge.remarks.append(wider.reason)
    else:
        judge.remarks.append(f"V_off is beyond the junction's limit of {in_words(limit_V, 'V')}")
    found = judge.conduction(last)
    if found.state != "conducts":
        return _Found("undecided", found.reason)
    compared = judge.offsets(last)
    return _Found("undecided", compared.reason) if compared.comparison == "further" else None


def _repeats(judge: _Judge) -> _Found | None:
    """Judge by whether the offsets repeat; where they hover about the threshold, by their mean."""
    repeats = judge.story.measured("repeats")
    swept = judge.story.measured("short_iv", "wide_iv", "repeats")
    if not repeats:
        found = judge.to_measure("repeats", "candidate", _sizes(judge))
        if found.next_stage is not None:
            return found
        judge.remarks.append(f"not confirmed: {found.reason}")
        return None
    for one in repeats:
        if (disagreeing := scatter_within(one.run, judge.thresholds)) is not None:
            judge.offsets(one)
            return _Found("unstable", disagreeing.reason)
    compared = [judge.offsets(one) for one in swept]
    why_not = why_not_repeated([*judge.contacts(), *swept], judge.thresholds)
    if why_not is not None:
        return _Found("unstable", why_not)
    ratios = [
        [value for one in compared if (value := getattr(one, name).value) is not None]
        for name in ("ratio_v", "ratio_i")
    ]
    means = [sum(values) / len(values) for values in ratios if values]
    if len(means) == 2 and (min(means) < judge.thresholds.candidate_ratio or not judge.generates):
        judge.generates = False
        needed = judge.thresholds.candidate_ratio
        return _Found(
            "ohmic",
            f"over {len(compared)} runs the offsets are {times(means[0])} the line's in V and "
            f"{times(means[1])} in I, both must reach {needed:g}×",
        )
    return None


def _at_zero(judge: _Judge) -> _Found | None:
    """Judge by the current that flows at V = 0 without a sweep."""
    at_zero = judge.story.last("at_zero")
    if at_zero is None:
        found = judge.to_measure("at_zero", "candidate", _sizes(judge))
        if found.next_stage is not None:
            return found
        judge.remarks.append(f"not confirmed at rest: {found.reason}")
        return None
    swept = [*judge.contacts(), *judge.story.measured("short_iv", "wide_iv", "repeats")]
    i_off = [number(one.quantities, "i_off_A").value or 0.0 for one in swept]
    found_at_rest = unsteady_at_zero(at_zero, max(i_off, key=abs), judge.thresholds)
    if found_at_rest.unstable:
        return _Found("unstable", found_at_rest.reason)
    judge.remarks.append(found_at_rest.reason)
    return None


def _sizes(judge: _Judge) -> str:
    """Return the reason for a candidate: the ratios of its last sweep."""
    swept = judge.story.measured("short_iv", "wide_iv", "repeats")[-1]
    found = judge.conduction(swept)
    return found.reason if found.state == "unclear" else judge.offsets(swept).reason
