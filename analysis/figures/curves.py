"""Curves of runs as figures draw them: means over the legs of a direction, conditions in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.grid import grid_of
from nanojunction.analysis.iv.traces import traces_of
from nanojunction.analysis.notation import amount
from nanojunction.analysis.run import Conditions
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Array, Curve, Quantity

FEWEST = 3
"""Points without which a trace is not drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The mean over all legs in one direction (+1 V rising, −1 V falling), by rising V."""

    voltage_V: Array
    current_A: Array
    direction: int


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A run with its place (index) in the analysis."""

    index: int
    result: RunResult

    @property
    def conditions(self) -> Conditions:
        """What was held during the run."""
        return self.result.run.conditions


def iv_traces(result: RunResult) -> list[Trace]:
    """Return the traces of an I(V) run; rows in compliance and outliers do not enter."""
    rows, _ = traces_of(result.run)
    if len(rows) < FEWEST or float(np.ptp(rows.voltage_V)) == 0.0:
        return []
    grid = grid_of(rows)
    found = []
    for direction in grid.directions:
        known = np.isfinite(grid.current_A[direction])
        if np.count_nonzero(known) >= FEWEST:
            found.append(
                Trace(grid.sensed_V[direction][known], grid.current_A[direction][known], direction)
            )
    return found


def in_words(conditions: Conditions, *, voltage: bool = False) -> str:
    """Return "40 K, −500 mT, P, reversed", as far as it is known and not the usual."""
    parts = []
    if conditions.temperature_K is not None:
        parts.append(amount(conditions.temperature_K, "K", 3))
    if conditions.field_T is not None:
        parts.append(amount(_without_residue(conditions.field_T), "T", 3))
    if conditions.state is not None:
        parts.append(conditions.state)
    if conditions.polarity == "reversed":
        parts.append("reversed")
    if conditions.wires == 2:
        parts.append("2 wires")
    if conditions.heater == "off":
        parts.append("heater off")
    if conditions.output == "off":
        parts.append("output open before")
    if voltage and conditions.voltage_V is not None:
        parts.append(amount(conditions.voltage_V, "V", 4))
    return ", ".join(parts)


def _without_residue(field_T: float) -> float:
    """Return a field without the last digits of its mean, far below any gaussmeter (10 µT)."""
    return round(field_T, 5) + 0.0


def by_conditions(members: Sequence[Member]) -> list[tuple[str, list[Member]]]:
    """Return runs under the same conditions together, in order of appearance."""
    groups: dict[str, list[Member]] = {}
    for member in members:
        groups.setdefault(in_words(member.conditions), []).append(member)
    return list(groups.items())


def quantity(result: RunResult, key: str) -> Quantity:
    """Return a quantity of a run, missing where the run has none under this key."""
    found = result.quantities.get(key)
    return found if isinstance(found, Quantity) else Quantity(None, note="not determined")


def curve(result: RunResult, key: str) -> Curve | None:
    """Return a curve of a run, None where the run has none under this key."""
    found = result.quantities.get(key)
    return found if isinstance(found, Curve) and np.isfinite(found.y).any() else None


def spread(members: Sequence[Member], value: Callable[[Conditions], float | None]) -> list[float]:
    """Return the known values of a condition over runs."""
    return [v for member in members if (v := value(member.conditions)) is not None]
