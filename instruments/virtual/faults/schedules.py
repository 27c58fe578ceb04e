"""Fault schedules by chance, for campaigns: the same seed gives the same schedule."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from nanojunction.instruments.virtual.faults.kinds import Fault, Role, read_faults

#: The kinds that happen to the connection of any instrument.
ON_A_CONNECTION = ("drop", "late", "garbage", "hang", "half")


def random_schedule(
    seed: int,
    *,
    roles: Sequence[Role] = ("source_meter", "magnet", "temperature"),
    kinds: Sequence[str] = (*ON_A_CONNECTION, "quench", "drift", "breakdown"),
    count: int = 1,
    exchanges: int = 200,
    longest_s: float = 2.0,
    largest_V: float = 0.01,
) -> tuple[Fault, ...]:
    """Return `count` faults of the kinds, at the instruments in `roles`.

    They strike within the first `exchanges` of an instrument; waits last up to `longest_s` (wall
    clock), and a third of the hangs for ever; a breakdown comes below `largest_V`. A quench and a
    drift come at an exchange of the source-meter. Raises StationError for a kind that there is not.
    """
    chance = random.Random(seed)
    tables = []
    for _ in range(count):
        kind = chance.choice(kinds)
        table: dict[str, Any] = {"kind": kind}
        if kind == "breakdown":
            table["above_V"] = chance.uniform(0.2, 0.95) * largest_V
        else:
            table["role"] = chance.choice(roles) if kind in ON_A_CONNECTION else "source_meter"
            table["after_exchanges"] = chance.randrange(exchanges)
        tables.append(table | _how(kind, chance, longest_s))
    return read_faults(tables, f"random schedule {seed}")


def _how(kind: str, chance: random.Random, longest_s: float) -> dict[str, Any]:
    """Return the keys of a kind beside those that tell where and when."""
    seconds = chance.uniform(0.05, 1.0) * longest_s
    how: dict[str, dict[str, Any]] = {
        "drop": {"carried_out": chance.random() < 0.5},
        "late": {"seconds": seconds},
        "hang": {} if chance.random() < 1 / 3 else {"seconds": seconds},
        "half": {"then": chance.choice(("silence", "close"))},
        "garbage": {"form": chance.choice(("junk", "fields", "truncated", "twice"))},
        "drift": {"kelvin": chance.uniform(-20, 20), "seconds": chance.uniform(10, 600)},
        "breakdown": {"becomes": chance.choice(("short", "open", "B-degraded"))},
    }
    return how.get(kind, {})
