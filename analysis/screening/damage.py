"""Whether a junction broke while it was screened, or only lost its contact for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nanojunction.analysis.notation import times
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.changes import (
    change_between,
    factor_between,
    has_offset,
    is_same,
    scatter_within,
)
from nanojunction.analysis.screening.conduction import Conduction
from nanojunction.analysis.screening.story import Story, after, before
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.screening.verdicts import Stage

_SWEPT: tuple[Stage, ...] = ("contact", "contact_again", "short_iv", "wide_iv", "repeats")
Look = Callable[[RunResult], Conduction]


@dataclass(frozen=True, slots=True)
class Event:
    """The first run in which a junction is another than before; `is_lost`: it is open there."""

    result: RunResult
    reason: str
    is_lost: bool = False


def first_event(story: Story, look: Look, thresholds: Thresholds) -> Event | None:
    """Return the first run in which the junction is another than in the run before it.

    A run that ended because its junction broke, one that is open or short where the one before
    conducts, or one with another current at the same voltages. A junction that is open at first is
    not there yet, and a run whose own legs disagree is nothing to compare with.
    """
    sound: RunResult | None = None
    for result in story.measured(*_SWEPT):
        if result.run.status == "broken":
            return Event(result, f"{result.run.file.name} ended because the current changed")
        found = look(result)
        if sound is not None:
            event = _compared(sound, result, found, look, thresholds)
            if event is not None:
                return event
        if found.state != "open" and scatter_within(result.run, thresholds) is None:
            sound = result
    return None


def _compared(
    sound: RunResult, result: RunResult, found: Conduction, look: Look, thresholds: Thresholds
) -> Event | None:
    was, now = look(sound).state, found.state
    file, earlier = result.run.file.name, sound.run.file.name
    if now == "open" and was in ("conducts", "short"):
        return Event(result, f"it conducts in {earlier} and is open in {file}", is_lost=True)
    # A steep junction is as small a resistance further out, where it is another by definition only.
    if now == "short" and was == "conducts" and not is_same(sound.run, result.run, thresholds):
        return Event(result, f"it conducts in {earlier} and is shorted in {file}")
    disagreeing = scatter_within(result.run, thresholds)
    if disagreeing is not None:  # it may have broken on the way, or it was never steady
        changed_much = disagreeing.share > thresholds.change_share
        return Event(result, disagreeing.reason) if changed_much else None
    changed = change_between(sound.run, result.run, thresholds)
    return None if changed is None else Event(result, changed.reason)


def lasting(
    story: Story, event: Event, look: Look, thresholds: Thresholds
) -> tuple[bool, str] | None:
    """Return whether a change lasts, and why; None where nothing was measured since to tell it.

    The last run since is compared with the first sound one from before. A junction whose legs
    disagreed before, or do since, was never steady: what changed in it need not last.
    """
    since = after(story.measured("contact", "contact_again", "short_iv"), event.result)
    if not since:
        return None
    last = since[-1]
    state, file = look(last).state, last.run.file.name
    earlier = before(story.measured(*_SWEPT), event.result)
    conducting = [one for one in earlier if look(one).state != "open"]
    if state == "open":
        comes_and_goes = len(conducting) < len(earlier)
        again = ", as it was open before" if comes_and_goes else ""
        return not comes_and_goes, f"it was not found again in {file}{again}"
    # An offset that is gone tells what happened, also in a run in whose middle it went.
    steady = conducting[:-1] if conducting and has_offset(conducting[0].run) else conducting
    unsteady = [
        found.reason
        for one in (*steady, last)
        if (found := scatter_within(one.run, thresholds)) is not None
    ]
    if unsteady or not conducting:
        return False, f"it is not steady: {unsteady[0]}" if unsteady else f"in {file} it is there"
    first = conducting[0]
    if state == "short" and look(first).state != "short" and not is_same(
        first.run, last.run, thresholds
    ):  # fmt: skip
        return True, f"it is shorted in {file}"
    return another(first, last, thresholds)


def another(
    first: RunResult, last: RunResult, thresholds: Thresholds, *, share: float | None = None
) -> tuple[bool, str]:
    """Return whether a junction is another one in its last run than in its first, and why.

    It is not where it is as before within `share` (`change_share` where it is None), or carries the
    same curve, offset and all, times a factor: that is another level, and what broke has no offset.
    """
    file = last.run.file.name
    changed = change_between(first.run, last.run, thresholds, share=share)
    if changed is None:
        return False, f"in {file} it is as before"
    factor = factor_between(first.run, last.run)
    if factor is not None:
        words = f"in {file} it carries {times(factor)} the same curve with its offset"
        return False, f"{words}: another level of the same junction"
    return True, f"and stays so: {changed.reason}"
