"""What a report says first: is the effect real, how large is it, and the junctions at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from nanojunction.analysis.calibration import CANDIDATE_RATIO, is_calibration, number
from nanojunction.analysis.devices.claims import Claim, Verdict
from nanojunction.analysis.devices.generating import largest_power
from nanojunction.analysis.devices.groups import run_name
from nanojunction.analysis.notation import amount, measured
from nanojunction.analysis.report.tables import DASH
from nanojunction.analysis.report.words import in_html
from nanojunction.analysis.run_result import RunResult

BEYOND = frozenset({"confirmed", "candidate", "not confirmed"})
"""Verdicts on devices with both offsets beyond the measuring line."""

_COUNTED: tuple[tuple[Verdict, str], ...] = (
    ("confirmed", "confirmed by controls"),
    ("candidate", "beyond the measuring line and not yet confirmed by controls"),
    ("not confirmed", "beyond the measuring line, but a control failed"),
    ("no candidate", "not beyond the measuring line"),
    ("undecided", "undecided, each for the reason below"),
)


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One junction at a glance; `best_run` is the number of the run that the values are from.

    `why` is the comparison with the measuring line in short. `section` is the number of its
    section on the page, None where it has none.
    """

    device: str
    verdict: str
    why: Markup
    power: str
    v_off: str
    i_off: str
    best_run: int | None
    temperatures: str
    runs: int
    section: int | None
    power_W: float


@dataclass(frozen=True, slots=True)
class Overview:
    """The rows that are always shown, and those that unfold."""

    first: tuple[OverviewRow, ...]
    more: tuple[OverviewRow, ...]


MOST_ROWS = 40
"""Rows that do not unfold; of more junctions, those with the largest power of their own."""


def headline(
    results: Sequence[RunResult], claims: Sequence[Claim], numbers: Mapping[str, int]
) -> list[Markup]:
    """Return what was found in a few sentences: is the effect real, and how large.

    `numbers` are those of the runs on the page; a run that is not on it has no link.
    """
    if not claims:
        return []
    counts = Counter(claim.verdict for claim in claims)
    parts = [f"{counts[verdict]} {words}" for verdict, words in _COUNTED if counts[verdict]]
    devices = "junction" if len(claims) == 1 else "junctions"
    said = [in_html(f"Of {len(claims)} {devices}: {'; '.join(parts)}.")]
    if not any(number(r.quantities, "candidate").value is not None for r in results):
        said[0] += Markup(
            " No run was compared with the measuring line: whether an effect is the junction's own "
            "cannot be told without runs on calibrated resistors (<code>--calibration</code>)."
        )
    if counts["confirmed"] + counts["candidate"] + counts["not confirmed"]:
        said[0] += in_html(
            f" Beyond the line is a junction with |V_off| and |I_off| both at least "
            f"{CANDIDATE_RATIO:g} times those of a calibrated resistor, in the same run."
        )
    power, best, why = largest_power(results)
    if best is not None:
        run = run_name(best.run)
        where = Markup("{}").format(run if run not in numbers else f"run {numbers[run]}")
        if run in numbers:
            where = Markup('<a href="#run-{0}">run {0}</a>').format(numbers[run])
        at = best.run.conditions.temperature_K
        held = "" if at is None else f" at {amount(at, 'K', 3)}"
        said.append(
            Markup("Largest <i>P</i><sub>max</sub> ({}): <b>{}</b>, {}{} ({}).").format(
                why, measured(power, "W"), best.run.device, held, where
            )
        )
    return said


def overview(
    results: Sequence[RunResult], claims: Mapping[str, Claim], sections: Mapping[str, int]
) -> Overview:
    """Return the table of junctions, of many first those beyond the line by their power."""
    rows = overview_rows(results, claims, sections)
    if len(rows) <= MOST_ROWS:
        return Overview(tuple(rows), ())
    beyond = [row for row in rows if row.verdict in BEYOND]
    first = sorted(beyond, key=lambda row: row.power_W, reverse=True)[:MOST_ROWS]
    shown = {row.device for row in first}
    return Overview(tuple(first), tuple(row for row in rows if row.device not in shown))


def overview_rows(
    results: Sequence[RunResult], claims: Mapping[str, Claim], sections: Mapping[str, int]
) -> list[OverviewRow]:
    """Return one row a junction, in order of appearance; calibrated resistors are left out."""
    devices: dict[str, list[tuple[int, RunResult]]] = {}
    for index, result in enumerate(results, 1):
        if not is_calibration(result.run):
            devices.setdefault(result.run.device, []).append((index, result))
    return [
        _overview(device, members, claims.get(device), sections.get(device))
        for device, members in devices.items()
    ]


def _overview(
    device: str, members: Sequence[tuple[int, RunResult]], claim: Claim | None, section: int | None
) -> OverviewRow:
    known = [t for _, r in members if (t := r.run.conditions.temperature_K) is not None]
    ends = [amount(t, "K", 3) for t in (min(known), max(known))] if known else []
    power, best, _ = largest_power([result for _, result in members])
    if best is None and claim is not None:
        iv = [result for _, result in members if result.run.kind == "iv"]
        best = next((result for result in iv if run_name(result.run) == claim.run), iv[0])
    offsets = {
        key: DASH if best is None else measured(number(best.quantities, key), unit) or DASH
        for key, unit in (("v_off_V", "V"), ("i_off_A", "A"))
    }
    return OverviewRow(
        device=device,
        verdict=DASH if claim is None else claim.verdict,
        why=in_html("no I(V) was measured" if claim is None else claim.brief),
        power=measured(power, "W") or DASH,
        v_off=offsets["v_off_V"],
        i_off=offsets["i_off_A"],
        best_run=next((index for index, result in members if result is best), None),
        temperatures=" to ".join(dict.fromkeys(ends)) or DASH,
        runs=len(members),
        section=section,
        power_W=power.value or 0.0,
    )
