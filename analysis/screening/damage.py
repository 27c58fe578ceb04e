"""Whether a junction broke while it was screened, or only lost its contact for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.changes import change_between, scatter_within
from nanojunction.analysis.screening.conduction import Conduction
from nanojunction.analysis.screening.story import Story, after
from nanojunction.analysis.screening.thresholds import Thresholds

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
    before: RunResult | None = None
    for result in story.measured("contact", "contact_again", "short_iv", "wide_iv", "repeats"):
        if result.run.status == "broken":
            return Event(result, f"{result.run.file.name} ended because the current changed")
        found = look(result)
        is_sound = scatter_within(result.run, thresholds) is None
        if before is not None:
            event = _compared(before, result, found, look, thresholds)
            if event is not None:
                return event
        if is_sound and (before is not None or found.state != "open"):
            before = result
    return None


def _compared(
    before: RunResult, result: RunResult, found: Conduction, look: Look, thresholds: Thresholds
) -> Event | None:
    was, now = look(before).state, found.state
    file, earlier = result.run.file.name, before.run.file.name
    if now == "open" and was in ("conducts", "short"):
        return Event(result, f"it conducts in {earlier} and is open in {file}", is_lost=True)
    if now == "short" and was == "conducts":
        return Event(result, f"it conducts in {earlier} and is shorted in {file}")
    if scatter_within(result.run, thresholds) is not None:
        return None
    changed = change_between(before.run, result.run, thresholds)
    return None if changed is None else Event(result, changed.reason)


def lasting(
    story: Story, event: Event, look: Look, thresholds: Thresholds
) -> tuple[bool, str] | None:
    """Return whether a change lasts, and why; None where nothing was measured since to tell it.

    The last run since is compared with the first sound contact check.
    """
    since = after(story.measured("contact", "contact_again", "short_iv"), event.result)
    sound = next(
        (
            one
            for one in story.measured("contact", "contact_again")
            if look(one).state != "open" and scatter_within(one.run, thresholds) is None
        ),
        None,
    )
    if not since:
        return None
    last = since[-1]
    state, file = look(last).state, last.run.file.name
    if sound is None or sound is last:
        return True, f"in {file} it is {state}"
    if state == "open":
        return True, f"it was not found again in {file}"
    was = look(sound).state
    if state == "short" and was != "short":
        return True, f"it is shorted in {file}"
    changed = change_between(sound.run, last.run, thresholds)
    if changed is not None:
        return True, f"and stays so: {changed.reason}"
    return False, f"in {file} it is as before"
