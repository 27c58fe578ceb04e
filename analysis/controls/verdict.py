"""The verdict on a device from all of its checks: is it confirmed, or what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence

from nanojunction.analysis.calibration import number
from nanojunction.analysis.devices.checks import Check
from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity


def group_of(device: str, members: Sequence[RunResult], checks: Sequence[Check]) -> Group:
    """Return the group of a device with its checks.

    Its quantities are `candidate` (1 if a run is one, 0, or null) and `confirmed` (1 if all checks
    that were made passed, the polarity among them; 0 if one failed or the device is no candidate;
    null where that is open), each with the reason as its note.
    """
    candidate = _candidate(members)
    return Group(
        "controls",
        device,
        {"candidate": candidate, "confirmed": _confirmed(candidate, checks)},
        tuple(dict.fromkeys(name for check in checks for name in check.runs)),
        checks=tuple(checks),
    )


def _candidate(members: Sequence[RunResult]) -> Quantity:
    """Return 1 if a run is a candidate against the measuring line, else 0, or null."""
    found = [q for r in members if (q := number(r.quantities, "candidate")).value is not None]
    if not found:
        note = "no run was compared with the measuring line: give runs on calibrated resistors"
        return Quantity(None, note=note)
    count = sum(q.value == 1.0 for q in found)
    return Quantity(float(count > 0), None, f"in {count} of {len(found)} runs")


def _confirmed(candidate: Quantity, checks: Sequence[Check]) -> Quantity:
    """Return 1 if all checks passed, the polarity among them; 0 if not; null where it is open."""
    failed = [check for check in checks if check.outcome == "failed"]
    is_open = [check for check in checks if check.outcome == "undecided"]
    who = {1.0: "a candidate", 0.0: "no candidate"}.get(
        candidate.value if candidate.value is not None else -1.0,
        "not compared with the measuring line",
    )
    if failed:
        why = "; ".join(f"{check.name} failed: {check.reason}" for check in failed)
        return Quantity(0.0, None, f"{who}, but {why}")
    if candidate.value == 0.0:
        return Quantity(0.0, None, who)
    if is_open:
        names = ", ".join(dict.fromkeys(check.name for check in is_open))
        return Quantity(None, None, f"{who}; undecided: {names}")
    names = ", ".join(dict.fromkeys(check.name for check in checks))
    if not any(check.name == "polarity" for check in checks):
        return Quantity(None, None, f"{who}; passed: {names}; the polarity was not reversed")
    return Quantity(1.0, None, f"{who}; passed: {names}")
