"""Which runs were measured under the same conditions, and set up in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from nanojunction.analysis.run import Heater, Output, Polarity, Wires
from nanojunction.analysis.run_result import RunResult

SAME_TEMPERATURE_K, SAME_TEMPERATURE = 0.5, 0.003
SAME_FIELD_T, SAME_FIELD = 1e-3, 0.01
"""Conditions closer than this (or than this fraction) are the same."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a junction was connected, held, and left alone before; None where it is not known."""

    polarity: Polarity | None
    wires: Wires | None
    heater: Heater | None
    output: Output | None

    @property
    def is_reversed(self) -> bool:
        """Whether the junction was connected the other way round."""
        return self.polarity == "reversed"

    def to_json(self) -> dict[str, str | int]:
        """Return what is known as a part of a group's conditions.

        Runs after a rest with the output on and those without a rest are in one group, which
        therefore says nothing of the output.
        """
        known = {
            "polarity": self.polarity,
            "wires": self.wires,
            "heater": self.heater,
            "output": "off" if self.output == "off" else None,
        }
        return {key: value for key, value in known.items() if value is not None}


def setup_of(result: RunResult) -> Setup:
    """Return the setup of a run."""
    held = result.run.conditions
    return Setup(held.polarity, held.wires, held.heater, held.output)


def by_setup(members: Sequence[RunResult]) -> list[list[RunResult]]:
    """Return runs that share a setup, in order of appearance.

    A polarity, a heater or an output that is not stated counts as the usual one: normal, and on.
    """
    out: dict[tuple[bool, Wires | None, bool, bool], list[RunResult]] = {}
    for result in members:
        setup = setup_of(result)
        key = (setup.is_reversed, setup.wires, setup.heater == "off", setup.output == "off")
        out.setdefault(key, []).append(result)
    return list(out.values())


def same_temperature_K(temperature_K: float) -> float:
    """Return how far (K) a temperature may lie from another that counts as the same."""
    return max(SAME_TEMPERATURE_K, SAME_TEMPERATURE * abs(temperature_K))


def mean_temperature_K(members: Sequence[RunResult]) -> float | None:
    """Return the mean temperature (K) of runs, None where no run has one."""
    known = [t for r in members if (t := r.run.conditions.temperature_K) is not None]
    return fmean(known) if known else None


def common_field_T(members: Sequence[RunResult]) -> float | None:
    """Return the mean field (T) of runs, None where no run has one."""
    known = [h for r in members if (h := r.run.conditions.field_T) is not None]
    return fmean(known) if known else None


def by_temperature(members: Sequence[RunResult]) -> list[list[RunResult]]:
    """Return runs that share a temperature; those without one are together."""
    return _clusters(
        members,
        lambda r: r.run.conditions.temperature_K,
        same_temperature_K,
    )


def by_state(members: Sequence[RunResult]) -> list[list[RunResult]]:
    """Return runs that share a field and a stated magnetic state."""
    out = []
    states = dict.fromkeys(r.run.conditions.state for r in members)
    largest = max((abs(r.run.conditions.field_T or 0.0) for r in members), default=0.0)
    for state in states:
        out.extend(
            _clusters(
                [r for r in members if r.run.conditions.state == state],
                lambda r: r.run.conditions.field_T,
                lambda _: max(SAME_FIELD_T, SAME_FIELD * largest),
            )
        )
    return out


def _clusters(
    members: Sequence[RunResult],
    value: Callable[[RunResult], float | None],
    width: Callable[[float], float],
) -> list[list[RunResult]]:
    """Return runs whose values lie within a width of the lowest of them, unknown ones together."""
    if len(members) < 2:
        return [list(members)] if members else []
    unknown = [r for r in members if value(r) is None]
    known = sorted(((v, k) for k, r in enumerate(members) if (v := value(r)) is not None))
    out: list[list[RunResult]] = []
    start = 0.0
    for at, index in known:
        if out and at - start <= width(start):
            out[-1].append(members[index])
        else:
            out.append([members[index]])
            start = at
    return [*out, *([unknown] if unknown else [])]
