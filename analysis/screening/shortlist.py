"""Which junctions to take further, in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nanojunction.analysis.screening.verdicts import JunctionVerdict, Kind


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its place (from 1) by P_max and by its offset ratio, the smaller of both.

    Without a P_max (V_off beyond the limit) `p_max_W` is None, and the place is behind all others.
    """

    junction: str
    kind: Kind | None
    p_max_W: float | None
    by_p_max: int
    offset_ratio: float | None
    by_offset_ratio: int


def shortlist(verdicts: Sequence[JunctionVerdict]) -> tuple[Ranked, ...]:
    """Return the candidates, the one with the largest P_max first."""
    found = [one for one in verdicts if one.verdict == "candidate"]
    powers = {one.junction: _value(one, "p_max_W") for one in found}
    ratios = {one.junction: _least_ratio(one) for one in found}
    by_power, by_ratio = _places(powers), _places(ratios)
    ranked = [
        Ranked(
            name := one.junction,
            one.kind,
            powers[name],
            by_power[name],
            ratios[name],
            by_ratio[name],
        )
        for one in found
    ]
    return tuple(sorted(ranked, key=lambda one: one.by_p_max))


def look_again(verdicts: Sequence[JunctionVerdict]) -> tuple[str, ...]:
    """Return the junctions that a person should look at before the chip is put away.

    Those that generate and are no candidates, and those that stayed undecided; what is only not
    measured yet is not among them.
    """
    return tuple(
        one.junction
        for one in verdicts
        if (one.verdict == "undecided" and one.next_stage is None)
        or (one.generates and one.verdict != "candidate")
    )


def _places(values: dict[str, float | None]) -> dict[str, int]:
    """Return the places of names by their values, the largest first, missing ones last."""
    ordered = sorted(values, key=lambda name: (-(values[name] or -math.inf), name))
    return {name: place for place, name in enumerate(ordered, start=1)}


def _value(one: JunctionVerdict, key: str) -> float | None:
    quantity = one.numbers.get(key)
    return None if quantity is None else quantity.value


def _least_ratio(one: JunctionVerdict) -> float | None:
    ratios = [_value(one, "offset_ratio_v"), _value(one, "offset_ratio_i")]
    known = [ratio for ratio in ratios if ratio is not None]
    return min(known) if len(known) == len(ratios) else None
