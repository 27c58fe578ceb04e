"""The line with nothing connected: a contact that sticks joins its junction to all that follow.

A switch reports what it was told, and not what its relays do. What flows while every contact is
said to be open is therefore a junction whose contact sticks, a short that does, or a leak; whatever
was measured since the line was last seen open had that in parallel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.changes import is_same
from nanojunction.analysis.screening.conduction import conduction
from nanojunction.analysis.screening.story import Runs, Story, moment
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.screening.verdicts import stage_of

Moment = tuple[float, str]
_NEVER: Moment = (float("-inf"), "")
_NOT_OPEN = "with nothing connected the line was not open"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A stretch of time after which the line was not open: what was measured in it may be two.

    It begins when the line was last seen open, or with the first run on what then seems to stick
    (`at_fault`, "" where that is not told), and ends with the check that found it.
    """

    since: Moment
    until: Moment
    reason: str
    at_fault: str = ""

    def is_about(self, result: RunResult) -> bool:
        """Tell whether a run was measured in it."""
        return self.since < moment(result) < self.until


def carried(check: RunResult, thresholds: Thresholds) -> str | None:
    """Return what flows with nothing connected, in words; None where nothing is seen to flow."""
    found = conduction(check, thresholds)
    if found.state in ("conducts", "short") or found.is_offset:
        return found.reason
    return None


def doubts(
    checks: Iterable[RunResult], measured: Iterable[RunResult], thresholds: Thresholds
) -> tuple[Doubt, ...]:
    """Return the stretches of time that checks of the open line put in doubt, in their order.

    `measured` are the runs on junctions and known resistors. A junction that is open shows the line
    open, too: what sticks would be in parallel to it.
    """
    counted = Story.of({"contact": list(checks)}).measured("contact")
    bad = [(one, why) for one in counted if (why := carried(one, thresholds)) is not None]
    if not bad:
        return ()
    by_time = sorted((one for one in measured if len(one.run)), key=moment)
    contacts = [one for one in by_time if stage_of(one.run) in ("contact", "contact_again")]
    proofs = [moment(one) for one in (*counted, *contacts) if _is_open(one, thresholds)]
    found = []
    for check, why in bad:
        until = moment(check)
        since = max((one for one in proofs if one < until), default=_NEVER)
        stretch = Doubt(since, until, f"{_NOT_OPEN} in {check.run.file.name}: {why}")
        first = whose(check, [one for one in by_time if stretch.is_about(one)], thresholds)
        if first is not None:
            stretch = Doubt(
                (moment(first)[0], ""), until, f"{stretch.reason}, as {first.run.device} carries",
                first.run.device,
            )  # fmt: skip
        found.append(stretch)
    return tuple(found)


def whose(
    check: RunResult, suspects: Iterable[RunResult], thresholds: Thresholds
) -> RunResult | None:
    """Return the first run on what carries the current that flows with nothing connected.

    Those after it carried that current beside their own. None where it is nobody's.
    """
    alike = [one for one in suspects if is_same(one.run, check.run, thresholds)]
    return min(alike, key=moment, default=None)


def _is_open(result: RunResult, thresholds: Thresholds) -> bool:
    return conduction(result, thresholds).state == "open"


def sound(runs: Runs, doubted: Sequence[Doubt]) -> Runs:
    """Return the runs of a junction that no doubt is about."""
    if not doubted:
        return runs
    return {stage: without_doubt(several, doubted) for stage, several in runs.items()}


def without_doubt(results: Iterable[RunResult], doubted: Sequence[Doubt]) -> list[RunResult]:
    """Return the runs that no doubt is about."""
    return [one for one in results if not any(doubt.is_about(one) for doubt in doubted)]


def doubt_about(runs: Runs, doubted: Sequence[Doubt]) -> Doubt | None:
    """Return the last doubt about any run of a junction, None where there is none."""
    every = [one for several in runs.values() for one in several]
    return next((one for one in reversed(doubted) if any(map(one.is_about, every))), None)
