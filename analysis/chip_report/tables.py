"""The tables and sentences of the page, from a screening."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nanojunction.analysis.chip_report.words import (
    NUMBERS,
    STAGES,
    THRESHOLDS,
    least_ratio,
    ratio_shown,
    shown,
    threshold_shown,
)
from nanojunction.analysis.notation import amount, measured, plain_number
from nanojunction.analysis.screening.chip import Chip
from nanojunction.analysis.screening.places import PlaceTest
from nanojunction.analysis.screening.screening import Screening
from nanojunction.analysis.screening.statistics import GroupStatistics
from nanojunction.analysis.screening.stored import StoredRuns
from nanojunction.analysis.screening.story import reach_V
from nanojunction.analysis.screening.verdicts import JunctionVerdict

FOUND = 0.05
"""Corrected p below which a test of place is a finding."""


@dataclass(frozen=True, slots=True)
class JunctionRow:
    """A junction in a table: its numbers as text, and as what a column is sorted by."""

    name: str
    verdict: str
    kind: str
    cells: tuple[tuple[str, float | None], ...]
    reason: str


def headline(screening: Screening) -> list[str]:
    """Return what came of the chip, in a few sentences."""
    group = screening.statistics.groups[0]
    candidates, generating = group.yields["candidate"], group.yields["generating"]
    percent = f"{100 * screening.chip.thresholds.confidence:g}"
    said = [
        f"{candidates.count} of {candidates.of} junctions are candidates: "
        f"{_percent(candidates.fraction)} % ({percent} % interval {_percent(candidates.low)} to "
        f"{_percent(candidates.high)} %)"
    ]
    if generating.count > candidates.count:
        said[0] += f"; {generating.count - candidates.count} more generated, and did not stay"
    if screening.shortlist and screening.shortlist[0].p_max_W is not None:
        first = screening.verdict(screening.shortlist[0].junction)
        said.append(f"The largest P_max is {_cell(first, 'p_max_W')[0]}, of {first.junction}")
    if screening.look_again:
        count = len(screening.look_again)
        said.append(f"{count} junction{'s' * (count > 1)} should be looked at again")
    if screening.line is None:
        said.append("Without a measuring line no offset could be compared with it")
    return [f"{one}." for one in said]


def ranked_rows(screening: Screening) -> list[tuple[int, int, JunctionRow]]:
    """Return the candidates with their places by P_max and by ratio, in that order."""
    return [
        (one.by_p_max, one.by_offset_ratio, _row(screening.verdict(one.junction)))
        for one in screening.shortlist
    ]


def looked_at_again(screening: Screening) -> list[JunctionRow]:
    """Return the junctions that somebody should look at, with why."""
    return [_row(screening.verdict(name)) for name in screening.look_again]


def conducting(screening: Screening) -> list[JunctionRow]:
    """Return all junctions that are neither open nor short."""
    return [_row(one) for one in screening.verdicts if one.verdict not in ("open", "short")]


COLUMNS = ("p_max_W", "v_off_V", "i_off_A", "resistance_ohm")
"""The numbers of a row; the smaller offset ratio comes second."""


def _row(verdict: JunctionVerdict) -> JunctionRow:
    ratio = least_ratio(verdict)
    cells = [_cell(verdict, key) for key in COLUMNS]
    cells.insert(1, ("–" if ratio is None else ratio_shown(ratio), ratio))
    return JunctionRow(
        verdict.junction, verdict.verdict, verdict.kind or "", tuple(cells), verdict.reasons[0]
    )


def _cell(verdict: JunctionVerdict, key: str) -> tuple[str, float | None]:
    quantity = verdict.numbers.get(key)
    value = None if quantity is None else quantity.value
    return shown(quantity, NUMBERS[key][1]), None if value is None else abs(value)


def yield_tables(screening: Screening) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the yields of all junctions, then of each kind of group, one row a group."""
    by: dict[str, list[GroupStatistics]] = {}
    for group in screening.statistics.groups:
        by.setdefault(group.by, []).append(group)
    return [(kind, [_yield_row(one) for one in some]) for kind, some in by.items()]


def _yield_row(group: GroupStatistics) -> dict[str, Any]:
    return {
        "name": group.name,
        "of": group.yields["open"].of,
        "yields": {
            key: (one.count, _percent(one.fraction), f"{_percent(one.low)}–{_percent(one.high)}")
            for key, one in group.yields.items()
        },
        "R": measured(group.resistance_ohm, "Ω") or "–",
        "RA": measured(group.ra_ohm_um2, "Ω·µm²") or "–",
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def next_batch_words(screening: Screening) -> str:
    """Return how many candidates another chip of the same making will have."""
    found = screening.statistics.next_batch
    percent = f"{100 * screening.chip.thresholds.confidence:g}"
    return (
        f"Of the next {found.of} junctions of the same making, {plain_number(found.mean, 3)} are to"
        f" be expected as candidates, and with {percent} % probability between {found.low} and"
        f" {found.high}. That chips differ from each other one chip cannot know."
    )


def place_rows(screening: Screening) -> list[tuple[str, str, str, bool]]:
    """Return the tests of place: the question, what was found, p in words, and if it is one."""
    return [
        (_question(one), one.words, _p_words(one), one.p_corrected < FOUND)
        for one in screening.statistics.places
    ]


def _question(one: PlaceTest) -> str:
    what = "resistance" if one.what == "resistance_ohm" else f"share of {one.what}"
    if one.against == "edge":
        return f"{what}: edge against centre"
    if one.against == "distance":
        return f"{what}: distance from the middle"
    return f"{what}: along {one.against}"


def _p_words(one: PlaceTest) -> str:
    return f"{plain_number(one.p, 2)} ({plain_number(one.p_corrected, 2)})"


def line_rows(screening: Screening) -> list[dict[str, Any]]:
    """Return the measuring line's offsets on each resistor, and the first and last of them."""
    if screening.line is None:
        return []
    changes = {(one.device, one.key): one for one in screening.line_changes}
    rows = []
    for point in screening.line.points:
        row: dict[str, Any] = {
            "device": point.device,
            "R": amount(point.resistance_ohm, "Ω"),
            "v_off": measured(point.v_off_V, "V") or "–",
            "i_off": measured(point.i_off_A, "A") or "–",
            "changed": False,
        }
        for name, key, unit in (("v", "v_off_V", "V"), ("i", "i_off_A", "A")):
            change = changes.get((point.device, key))
            row[f"{name}_first"] = "–" if change is None else amount(change.first, unit, 3)
            row[f"{name}_last"] = "–" if change is None else amount(change.last, unit, 3)
            row["changed"] |= change is not None and change.changed
        rows.append(row)
    return rows


def threshold_rows(screening: Screening) -> list[tuple[str, str, str, bool]]:
    """Return each threshold: name, value, meaning, and if it is another than the default."""
    from nanojunction.analysis.screening.thresholds import DEFAULT_THRESHOLDS

    default = asdict(DEFAULT_THRESHOLDS)
    return [
        (name, threshold_shown(name, value), THRESHOLDS[name][1], value != default[name])
        for name, value in asdict(screening.chip.thresholds).items()
    ]


def protocol_rows(chip: Chip, used: Mapping[str, object]) -> list[tuple[str, str, bool]]:
    """Return what was measured by: key, value, and if the chip file states it.

    Without `used` only what the chip file states is known.
    """
    stated = dict(_flat(chip.protocol))
    return [(key, _plain(value), key in stated) for key, value in {**stated, **used}.items()]


def _flat(protocol: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in protocol.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{name}", one) for name, one in value.items())
        else:
            yield key, value


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def stage_rows(stored: StoredRuns) -> list[dict[str, str]]:
    """Return what was measured in each stage: how often, how far, for how long."""
    rows = []
    for stage, name in STAGES.items():
        runs, junctions, reach, spent = 0, 0, 0.0, 0.0
        for stages in stored.junctions.values():
            results = [one for one in stages.get(stage, ()) if len(one.run)]
            junctions += bool(results)
            runs += len(results)
            for one in results:
                reach = max(reach, reach_V(one))
                spent += 0.0 if one.run.time_s is None else float(one.run.time_s[-1])
        if runs:
            rows.append(
                {
                    "stage": name,
                    "runs": str(runs),
                    "junctions": str(junctions),
                    "reach": amount(reach, "V", 3),
                    "time": amount(spent / runs, "s", 2),
                }
            )
    return rows
