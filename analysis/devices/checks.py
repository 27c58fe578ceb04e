"""One check of a device against an artefact: its outcome, its numbers and the reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nanojunction.analysis.values import Quantity, plain

Outcome = Literal["passed", "failed", "undecided"]
OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "undecided")

Conditions = Mapping[str, float | str | int | None]

CheckName = Literal["polarity", "heater", "output", "wires", "rest", "reference", "drift", "legs"]
CHECK_NAMES: tuple[CheckName, ...] = (
    *("polarity", "heater", "output", "wires", "rest", "reference", "drift", "legs"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """What one check came to, at the conditions at which it was made.

    `quantities` hold the numbers that it rests on, `runs` names the runs that entered.
    """

    name: CheckName
    outcome: Outcome
    quantities: Mapping[str, Quantity]
    reason: str
    conditions: Conditions = field(default_factory=dict)
    runs: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of one check."""
        return {
            "name": self.name,
            "outcome": self.outcome,
            "reason": self.reason,
            "conditions": plain(self.conditions),
            "runs": list(self.runs),
            "quantities": {key: item.to_json() for key, item in self.quantities.items()},
        }


@dataclass(slots=True)
class Findings:
    """What is found for a check, one offset after the other; `check` sums it up."""

    quantities: dict[str, Quantity] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome, words: str, **quantities: Quantity) -> None:
        """Add an outcome, its numbers and what they say."""
        self.quantities |= quantities
        self.outcomes.append(outcome)
        self.words.append(words)

    def lacks(self, why: str, *keys: str) -> None:
        """Add that something could not be determined, so that nothing is decided by it."""
        self.add("undecided", why, **{key: Quantity(None, note=why) for key in keys})

    def check(self, name: CheckName, conditions: Conditions, runs: tuple[str, ...]) -> Check:
        """Return the check: failed if any part failed, passed if all of them passed."""
        outcome = worst(self.outcomes)
        reason = "; ".join(self.words)
        if outcome == "undecided":
            reason += "; that is not enough for a judgement"
        return Check(name, outcome, self.quantities, reason, conditions, runs)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Return failed if anything failed, passed if there is something and all of it passed."""
    if "failed" in outcomes:
        return "failed"
    return "passed" if outcomes and set(outcomes) == {"passed"} else "undecided"
