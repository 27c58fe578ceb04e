"""Whether a junction broke while it was screened, or only lost its contact for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.changes import change_between, is_same, scatter_within
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
    unsteady = [
        found.reason
        for one in (*conducting, last)
        if (found := scatter_within(one.run, thresholds)) is not None
    ]
    if unsteady or not conducting:
        return False, f"it is not steady: {unsteady[0]}" if unsteady else f"in {file} it is there"
    if state == "short" and all(look(one).state != "short" for one in conducting):
        return True, f"it is shorted in {file}"
    changed = change_between(conducting[0].run, last.run, thresholds)
    as_before = f"in {file} it is as before"
    return changed is not None, as_before if changed is None else f"and stays so: {changed.reason}"
