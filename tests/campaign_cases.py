"""The cases of the fault campaign: what goes wrong, when and how, drawn from a seed."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

from tests.campaign import chosen
from tests.campaign_truth import VMAX

#: How many cases of each kind there are in a campaign of 224.
KINDS = {
    "drop": 20, "late": 20, "garbage": 28, "half": 16, "hang": 10, "hang for long": 8,
    "quench": 8, "quench, then cleared": 8, "drift": 14, "breakdown": 14, "disk full": 12,
    "exception in startup": 8, "exception in execute": 8, "exception in shutdown": 8,
    "exception in a loop": 8, "kill -9": 20, "SIGTERM": 14,
}  # fmt: skip
ON_A_CONNECTION = ("drop", "late", "garbage", "half", "hang", "hang for long")
#: Lines that an undisturbed run sends to each instrument, at least.
EXCHANGES = {"source_meter": 300, "magnet": 330, "temperature": 300}
#: Rows of an undisturbed run, without the I(H), whose number is not fixed.
ROWS = 5 * 35 + 9
#: What junction A shows at most by itself with the output open (V); a breakdown is above it.
OPEN_CIRCUIT_V = 0.0043
#: Time-outs (s of the wall clock) while something goes wrong, and else.
SHORT_S, SHORTEST_S, LONG_S = 0.5, 0.15, 10.0


@dataclass(frozen=True, slots=True)
class Case:
    """One fault by chance; the seed fixes everything about it."""

    kind: str
    seed: int

    @property
    def chance(self) -> random.Random:
        return chosen(self.seed, self.kind)


def cases() -> list[Case]:
    """Return all cases; NANOJUNCTION_CAMPAIGN_SEEDS makes them more, in the same proportions."""
    usual = sum(KINDS.values())
    wanted = int(os.environ.get("NANOJUNCTION_CAMPAIGN_SEEDS", usual))
    share = max(wanted, usual) / usual
    return [
        Case(kind, seed) for kind, count in KINDS.items() for seed in range(round(count * share))
    ]


def on_a_connection(case: Case) -> dict[str, Any]:
    """Return a fault of a connection: whose, when and how."""
    chance, kind = case.chance, case.kind.partition(" for")[0]
    role = chance.choice(list(EXCHANGES))
    if case.kind == "hang for long":
        role = "source_meter" if case.seed % 4 else chance.choice(["magnet", "temperature"])
    how: dict[str, dict[str, Any]] = {
        "drop": {"carried_out": chance.random() < 0.5},
        "late": {"seconds": chance.uniform(0.02, 2.5 * SHORT_S)},
        "garbage": {"form": ("junk", "fields", "truncated", "twice")[case.seed % 4]},
        "half": {"then": ("silence", "close")[case.seed % 2]},
        "hang": {"seconds": chance.uniform(0.02, 2.0 * SHORT_S)},
        "hang for long": {"seconds": 4.5},
    }
    moment = chance.randrange(EXCHANGES[role])
    return {"kind": kind, "role": role, "after_exchanges": moment, **how[case.kind]}


def in_the_world(case: Case) -> dict[str, Any]:
    """Return a quench, a drift or a breakdown."""
    chance, kind = case.chance, case.kind.partition(",")[0]
    if kind == "breakdown":
        becomes = chance.choice(("short", "open", "B-degraded", "resistor-1k"))
        return {
            "kind": kind,
            "above_V": chance.uniform(OPEN_CIRCUIT_V, 0.95 * VMAX),
            "becomes": becomes,
        }
    moment = {
        "role": "source_meter",
        "after_exchanges": chance.randrange(EXCHANGES["source_meter"]),
    }
    if kind == "quench":
        return {"kind": kind, **moment}
    drift = {"kelvin": chance.choice((-1, 1)) * chance.uniform(1.0, 15.0)}
    return {"kind": kind, **moment, **drift, "seconds": chance.uniform(30.0, 300.0)}
