"""Switching fields of all loops of a device together, and the states that they propose.

Katcko 2019, Fig. 2a: parallel at −2000 Oe, antiparallel at 250 Oe, between two switching fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nanojunction.analysis.averages import weighted_mean
from nanojunction.analysis.field.loops import (
    Direction,
    FieldLeg,
    Plateau,
    find_plateaus,
    find_switches,
    with_states,
)
from nanojunction.analysis.notation import in_words
from nanojunction.analysis.run import State
from nanojunction.analysis.values import Quantity


@dataclass(frozen=True, slots=True)
class SwitchingField:
    """One switching of a device, from a state to a state, as the mean over its loops."""

    direction: Direction
    before: State
    after: State
    field_T: Quantity

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object; before and after in sweep order."""
        return {
            "direction": self.direction,
            "before": self.before,
            "after": self.after,
            "field_T": self.field_T.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Proposal:
    """Fields (T) at which a loop is in each state, from which side, and why."""

    parallel_field_T: float | None
    antiparallel_field_T: float | None
    approach: Direction | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "parallel_field_T": self.parallel_field_T,
            "antiparallel_field_T": self.antiparallel_field_T,
            "approach": self.approach,
            "reason": self.reason,
        }


def switching_fields(loops: Sequence[Sequence[FieldLeg]]) -> list[SwitchingField]:
    """Return the switching fields between P and AP, for each direction in sweep order.

    `loops` are the legs of each run. Each leg is one measurement; legs with another sequence of
    states than most of their direction do not enter.
    """
    found = []
    directions: tuple[Direction, ...] = ("up", "down")
    for direction in directions:
        sequences: dict[tuple[tuple[State, State], ...], list[list[Quantity]]] = {}
        for loop in loops:
            for leg, plateaus in zip(loop, _plateaus_of(loop), strict=True):
                steps = _steps(leg, plateaus) if leg.direction == direction else []
                if steps:
                    key = tuple((before, after) for before, after, _ in steps)
                    sequences.setdefault(key, []).append([field for *_, field in steps])
        if not sequences:
            continue
        usual = max(sequences, key=lambda key: len(sequences[key]))
        for (before, after), fields in zip(usual, zip(*sequences[usual], strict=True), strict=True):
            found.append(SwitchingField(direction, before, after, weighted_mean(fields)))
    return found


def _plateaus_of(loop: Sequence[FieldLeg]) -> list[list[Plateau]]:
    """Return the plateaus of each leg, their states proposed from all legs of the run."""
    each = [find_plateaus(leg) for leg in loop]
    known = iter(with_states([plateau for plateaus in each for plateau in plateaus]))
    return [[next(known) for _ in plateaus] for plateaus in each]


def _steps(leg: FieldLeg, plateaus: Sequence[Plateau]) -> list[tuple[State, State, Quantity]]:
    """Return (state before, state after, field) of the switches of a leg that change the state."""
    state = {plateau.current_A.value: plateau.state for plateau in plateaus}
    steps = []
    for switch in find_switches(leg, plateaus):
        before, after = state[switch.before_A], state[switch.after_A]
        if before is not None and after is not None and before != after:
            steps.append((before, after, switch.field_T))
    return steps


def propose(loops: Sequence[Sequence[FieldLeg]]) -> Proposal:
    """Return the fields of P and AP that loops propose: the largest |H|, and the widest AP plateau.

    P is the level at the largest |H|, AP the one farthest from it; the AP field is the middle of
    the widest plateau of AP, approached in the direction in which it is found.
    """
    plateaus = [p for loop in loops for leg in _plateaus_of(loop) for p in leg]
    if not plateaus:
        return Proposal(None, None, None, "the current stands at no field: no states are proposed")
    ends = (min(p.from_T for p in plateaus), max(p.to_T for p in plateaus))
    at_p = ends[0] if -ends[0] >= 0.98 * ends[1] else ends[1]
    apart = [p for p in plateaus if p.state == "AP"]
    if not apart:
        return Proposal(at_p, None, None, "one level only: the loops do not switch beyond noise")
    widest = max(apart, key=lambda p: p.to_T - p.from_T)
    middle = 0.5 * (widest.from_T + widest.to_T)
    where = f"{in_words(widest.from_T, 'T')} to {in_words(widest.to_T, 'T')}"
    way = "rising" if widest.direction == "up" else "falling"
    return Proposal(
        at_p,
        middle,
        widest.direction,
        f"P is the level at the largest |H|, {in_words(at_p, 'T')}; AP is the level farthest from "
        f"it, which stands from {where} with the field {way}",
    )
