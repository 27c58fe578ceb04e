"""What `nanojunction analyse` says in lines below its tables: verdicts, estimates, warnings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nanojunction.analysis.analyse import Analysis
    from nanojunction.analysis.estimates.of_device import DeviceEstimates

#: Devices whose verdicts and estimates are all printed; of more, so many.
MOST_VERDICTS = 12
#: Files that a warning names where many share it.
MOST_NAMES = 5
_ALL = "--report, --json"


def claims_of(found: Analysis) -> list[str]:
    """Return a line with verdict and reason for each device; of many, of some beyond the line.

    Of many devices the counts of all verdicts stand at the end.
    """
    from collections import Counter

    from nanojunction.analysis.devices.claims import find_claims

    claims = find_claims(found.run_results, found.groups)
    shown = claims
    if len(claims) > MOST_VERDICTS:
        beyond = [c for c in claims if c.verdict in {"candidate", "confirmed", "not confirmed"}]
        shown = beyond[:MOST_VERDICTS]
    lines = [f"{claim.device}: {claim.verdict}: {claim.reason}" for claim in shown]
    if len(shown) < len(claims):
        counts = Counter(claim.verdict for claim in claims)
        words = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        lines.append(f"{len(claims)} devices: {words}; the reasons of all: {_ALL}")
    return lines


def estimates_of(found: Analysis) -> list[str]:
    """Return a line with the estimates of each device; of many, those that give most power.

    Where no size is known P_max is all there is, and stands in the table already: no line.
    """
    from nanojunction.analysis.notation import NO_BREAK, measured, symbol_of

    def more_than_power(one: DeviceEstimates) -> bool:
        return any(q.value is not None for key, q in one.quantities.items() if key != "p_max_W")

    estimates = [one for one in found.estimates if more_than_power(one)]
    shown = estimates
    if len(estimates) > MOST_VERDICTS:
        by_power = sorted(estimates, key=lambda one: -(one.quantities["p_max_W"].value or 0.0))
        shown = by_power[:MOST_VERDICTS]
    lines = []
    for one in shown:
        parts = [
            f"{symbol_of(key).plain} {text}"
            for key, quantity in one.quantities.items()
            if (text := measured(quantity, symbol_of(key).unit)) is not None
        ]
        lines.append(f"{one.device}: {', '.join(parts)}".replace(NO_BREAK, " "))
    if len(shown) < len(estimates):
        lines.append(f"estimates of {len(estimates) - len(shown)} more devices: {_ALL}")
    return lines


def warnings_of(found: Analysis) -> list[str]:
    """Return the warnings of runs and groups; the runs that share one stand in one line."""
    files: dict[str, list[str]] = {}
    for result in found.run_results:
        for warning in dict.fromkeys((*result.run.warnings, *result.warnings)):
            files.setdefault(warning, []).append(result.run.file.name)
    lines = []
    for warning, names in files.items():
        some = list(dict.fromkeys(names))
        more = f" and {len(some) - MOST_NAMES} more" if len(some) > MOST_NAMES else ""
        lines.append(f"{', '.join(some[:MOST_NAMES])}{more}: {warning}")
    of_runs = tuple(f"{name}: {warning}" for warning, names in files.items() for name in names)
    for group in found.groups:
        for warning in group.warnings:
            if warning.endswith(of_runs):  # of one run, by its whole path
                continue
            said = warning
            for run in sorted(group.runs, key=len, reverse=True):
                said = said.replace(run, Path(run).name)
            lines.append(f"{group.device}, {group.kind}: {said}")
    return lines
