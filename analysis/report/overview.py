"""The report's table of junctions at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nanojunction.analysis.calibration import is_calibration
from nanojunction.analysis.calibration import number as number_of
from nanojunction.analysis.notation import amount, measured
from nanojunction.analysis.report.tables import DASH
from nanojunction.analysis.run_result import RunResult


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One junction at a glance; `best_run` is the number of the run with the largest P_max.

    `section` is the number of its section on the page, None where it has none.
    """

    device: str
    runs: int
    temperatures: str
    power: str
    best_run: int | None
    candidate: str
    verdict: str
    section: int | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The rows that are always shown, and those that unfold."""

    first: tuple[OverviewRow, ...]
    more: tuple[OverviewRow, ...]


MOST_ROWS = 40
"""Rows that are shown whatever they say; of more, those of candidates."""


def overview(
    results: Sequence[RunResult], verdicts: Mapping[str, str], sections: Mapping[str, int]
) -> Overview:
    """Return the table of junctions; of many, those beyond the measuring line come first."""
    rows = overview_rows(results, verdicts, sections)
    if len(rows) <= MOST_ROWS:
        return Overview(tuple(rows), ())
    beyond = {"confirmed", "candidate", "not confirmed"}
    first = [row for row in rows if row.verdict in beyond]
    return Overview(tuple(first), tuple(row for row in rows if row.verdict not in beyond))


def overview_rows(
    results: Sequence[RunResult], verdicts: Mapping[str, str], sections: Mapping[str, int]
) -> list[OverviewRow]:
    """Return one row a junction, in order of appearance; calibrated resistors are left out."""
    devices: dict[str, list[tuple[int, RunResult]]] = {}
    for number, result in enumerate(results, 1):
        if not is_calibration(result.run):
            devices.setdefault(result.run.device, []).append((number, result))
    return [
        _overview(device, members, verdicts.get(device, DASH), sections.get(device))
        for device, members in devices.items()
    ]


def _overview(
    device: str, members: Sequence[tuple[int, RunResult]], verdict: str, section: int | None
) -> OverviewRow:
    known = [t for _, r in members if (t := r.run.conditions.temperature_K) is not None]
    ends = [amount(t, "K", 3) for t in (min(known), max(known))] if known else []
    powers = [
        (p.value, number, p)
        for number, result in members
        if (p := number_of(result.quantities, "p_max_W")).value is not None
    ]
    best = max(powers, key=lambda item: item[0] or 0.0, default=None)
    compared = [
        v
        for _, result in members
        if (v := number_of(result.quantities, "candidate").value) is not None
    ]
    candidate = f"in {sum(v > 0 for v in compared)} of {len(compared)} runs" if compared else DASH
    return OverviewRow(
        device=device,
        runs=len(members),
        temperatures=" to ".join(dict.fromkeys(ends)) or DASH,
        power=DASH if best is None else measured(best[2], "W") or DASH,
        best_run=None if best is None else best[1],
        candidate=candidate,
        verdict=verdict,
        section=section,
    )
