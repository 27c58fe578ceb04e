"""Which runs a report shows where there are more than a page can hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nanojunction.analysis.calibration import is_calibration
from nanojunction.analysis.devices.claims import Claim, find_claims
from nanojunction.analysis.devices.generating import largest_power
from nanojunction.analysis.run_result import RunResult

if TYPE_CHECKING:
    from nanojunction.analysis.analyse import Analysis

MOST_RUNS = 1500
"""Runs in a report: a browser opens some megabytes, and hardly some hundreds."""

_FIRST = ("confirmed", "candidate", "not confirmed", "undecided", "no candidate")


def chosen_for_report(analysis: Analysis) -> Analysis:
    """Return what a report shows of an analysis, with a warning that says so if it is not all.

    The measuring line's runs come first, then devices by their verdict, then those with most
    groups, then the largest power, then the order of appearance.
    """
    count = len(analysis.run_results)
    if count <= MOST_RUNS:
        return analysis
    members: dict[str, list[int]] = {}
    for index, result in enumerate(analysis.run_results):
        members.setdefault(result.run.device, []).append(index)
    chosen: list[int] = []
    for device in sorted(members, key=_interest(analysis).__getitem__):
        chosen += members[device][: MOST_RUNS - len(chosen)]
    shown = tuple(analysis.run_results[index] for index in sorted(chosen))
    devices = {result.run.device for result in shown}
    warning = (
        f"this report shows {len(shown)} of the {count} runs, of {len(devices)} of the "
        f"{len(members)} devices, those beyond the measuring line and of the largest power first; "
        "verdicts and groups are made of all. The results (--json) have every run; analyse a "
        "device's files alone for a report of it"
    )
    return replace(
        analysis,
        run_results=shown,
        groups=tuple(group for group in analysis.groups if group.device in devices),
        estimates=tuple(one for one in analysis.estimates if one.device in devices),
        warnings=(*analysis.warnings, warning),
    )


def _interest(analysis: Analysis) -> dict[str, tuple[bool, int, int, float]]:
    """Return a key to sort each device by; equal keys stay in the order of appearance."""
    claims: dict[str, Claim] = {
        claim.device: claim for claim in find_claims(analysis.run_results, analysis.groups)
    }
    groups: dict[str, int] = {}
    for group in analysis.groups:
        groups[group.device] = groups.get(group.device, 0) + 1
    members: dict[str, list[RunResult]] = {}
    for result in analysis.run_results:
        members.setdefault(result.run.device, []).append(result)
    found = {}
    for device, results in members.items():
        claim = claims.get(device)
        rank = len(_FIRST) if claim is None else _FIRST.index(claim.verdict)
        power = largest_power(results)[0].value or 0.0
        is_line = is_calibration(results[0].run)
        found[device] = (not is_line, rank, -groups.get(device, 0), -power)
    return found
