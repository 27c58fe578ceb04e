"""The measurement engine over its cycles, or over its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nanojunction.analysis.theory.axes import Axis, key_of, parse_axis
from nanojunction.analysis.theory.document import document_of
from nanojunction.analysis.theory.sweeps import over
from nanojunction.analysis.values import Array
from nanojunction.analysis.work.hands import Hands
from nanojunction.models.engine import (
    Cycle,
    Engine,
    Measurement,
    Observable,
    Preset,
    cycle_of,
    delta_e_limit_meV,
    delta_e_meV,
    delta_e_of_cycle_meV,
    energy_balance,
    limit_populations,
    perturbative_delta_e_meV,
    populations_of,
    power_W,
    preset,
    relaxation_cycles,
    selective_trajectory,
    sign_of_delta_e_limit,
    stroke_s,
)
from nanojunction.models.errors import ModelError

__all__ = ["DEFAULT_PRESET", "UNITS", "EngineFound", "EngineTask", "engine_task", "found_by"]

DEFAULT_PRESET = "fig3a"
RATES = ("tl_plus", "tl_minus", "tr_plus", "tr_minus", "lambda_plus", "lambda_minus")
LEVELS = ("gamma", "u", "j", "eps_up", "eps_down", "eps_r")
BOTH = {"tl": ("tl_plus", "tl_minus"), "tr": ("tr_plus", "tr_minus")}
"""Names that sweep two equal rates: a lead with no preference."""
UNITS = {**dict.fromkeys((*RATES, *LEVELS, *BOTH), "meV"), "tau": "1/meV"}
"""What can be swept, and its units."""
_MOST_CYCLES = 10_000_000
_POINTS = 512


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EngineTask:
    """What is asked for: an engine, its strokes, where it starts; cycles, or axes to sweep.

    `record` is how many cycles are kept of many, in even ratios. `cycle_time_ps` is a time by which
    ΔE is divided instead of τ, as the paper does.
    """

    engine: Engine
    tau_per_meV: float
    tau_spread: float
    initial: str
    cycles: int
    measurement: Measurement
    observable: Observable
    seed: int
    record: int
    axes: tuple[Axis, ...] = ()
    cycle_time_ps: float | None = None

    def parameters(self) -> dict[str, Any]:
        """Return all parameters that are not swept; a stroke without end is None."""
        swept = {name for axis in self.axes for name in BOTH.get(axis.name, (axis.name,))}
        values = {name: getattr(self.engine, f"{name}_meV") for name in (*LEVELS, *RATES)}
        values["tau"] = self.tau_per_meV
        named = {key_of(name, UNITS[name]): v for name, v in values.items() if name not in swept}
        chosen = {name: getattr(self, name) for name in ("tau_spread", "initial", "cycles")}
        if not self.axes:
            chosen["measurement"] = self.measurement
            chosen["observable"] = self.observable
        if self.measurement == "selective":
            chosen["seed"] = self.seed
        if self.cycle_time_ps is not None:
            chosen["cycle_time_ps"] = self.cycle_time_ps
        return {**named, **chosen}

    def at(self, points: Mapping[str, Array]) -> dict[str, Array]:
        """Return ΔE of the last cycle, its limit and its power at points, shape (points,)."""
        values = dict(points)
        tau = values.pop("tau", self.tau_per_meV)
        for name, rates in BOTH.items():
            if name in values:
                values.update(dict.fromkeys(rates, values.pop(name)))
        engine = replace(self.engine, **{f"{name}_meV": v for name, v in values.items()})
        cycle = cycle_of(engine, tau, self.tau_spread)
        size = next(iter(points.values())).shape
        limit = delta_e_limit_meV(cycle)
        return {
            "delta_e_meV": np.broadcast_to(
                delta_e_of_cycle_meV(cycle, populations_of(self.initial), self.cycles), size
            ),
            "delta_e_limit_meV": np.broadcast_to(limit, size),
            "power_W": np.broadcast_to(power_W(limit, stroke_s(tau)), size),
        }


@dataclass(frozen=True, slots=True, eq=False)
class EngineFound:
    """Results over the axes: recorded cycles, or what was swept; and numbers of the whole run."""

    task: EngineTask
    axes: tuple[Axis, ...]
    results: Mapping[str, Array]
    numbers: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return what was found as a document; `numbers` stand beside the `results`."""
        results = {**self.results, **self.numbers}
        return document_of("engine", self.task.parameters(), self.axes, results)


def engine_task(
    given: Mapping[str, Any],
    axes: Sequence[Axis] = (),
    *,
    preset_name: str = "",
    cycle_time_ps: float | None = None,
) -> EngineTask:
    """Return what is asked for: a preset (fig3a by default), and what is given instead.

    `given` has levels, rates and `tau` by the names of `UNITS`, and fields of `EngineTask`. Axes
    of the preset hold unless others are given, or `cycles` is, which asks for a run. Raises
    ModelError for what there is not, and for a parameter both given and swept.
    """
    figure: Preset = preset(preset_name or DEFAULT_PRESET)
    swept = tuple(axes)
    if not swept and "cycles" not in given:
        swept = tuple(parse_axis(text, UNITS) for text in figure.sweeps)
    names = [name for axis in swept for name in BOTH.get(axis.name, (axis.name,))]
    for name in names:
        if name in given:
            raise ModelError(name, "is given and swept: leave one of both out")
        if names.count(name) > 1:
            raise ModelError("sweep", f"{name.replace('_', '-')} is swept twice")
    values = {name: given[name] for name in (*RATES, *LEVELS) if name in given}
    task = EngineTask(
        engine=replace(figure.engine, **{f"{name}_meV": v for name, v in values.items()}),
        tau_per_meV=given.get("tau", figure.tau_per_meV),
        tau_spread=given.get("tau_spread", figure.tau_spread),
        initial=given.get("initial", figure.initial),
        cycles=given.get("cycles", figure.cycles),
        measurement=given.get("measurement", figure.measurement),
        observable=given.get("observable", figure.observable),
        seed=given.get("seed", 1),
        record=given.get("record", 1000),
        axes=swept,
        cycle_time_ps=cycle_time_ps,
    )
    _check(task)
    return task


def _check(task: EngineTask) -> None:
    populations_of(task.initial)
    if not 1 <= task.cycles <= _MOST_CYCLES:
        raise ModelError("cycles", f"{task.cycles}: give 1 to {_MOST_CYCLES}")
    if task.axes and task.measurement == "selective":
        raise ModelError("measurement", "selective ones are of a single run: leave --sweep out")
    if task.axes and task.cycle_time_ps is not None:
        raise ModelError("cycle_time", "is for a single run: leave --sweep out")


def found_by(
    task: EngineTask,
    *,
    hands: Hands | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> EngineFound:
    """Carry out a task; who sweeps, and what is raised then: `over`."""
    if task.axes:
        found = over(task.axes, task.at, hands=hands, points=_POINTS, progress=progress)
        return EngineFound(task, task.axes, found, {})
    cycle = cycle_of(task.engine, task.tau_per_meV, task.tau_spread)
    numbers = _of_the_limit(task, cycle)
    kept = _recorded(task)
    series = _series(task, cycle)
    for name, values in series.items():
        if name != "outcome":
            numbers[name.replace("_meV", "_mean_meV")] = values.mean()
    if task.measurement == "selective":
        numbers["delta_e_std_meV"] = series["delta_e_meV"].std()
    axis = Axis("cycle", "", kept.astype(np.float64))
    return EngineFound(
        task, (axis,), {name: values[kept - 1] for name, values in series.items()}, numbers
    )


def _series(task: EngineTask, cycle: Cycle) -> dict[str, Array]:
    populations = populations_of(task.initial)
    if task.measurement == "unselective":
        return {"delta_e_meV": delta_e_meV(cycle, populations, task.cycles)}
    found = selective_trajectory(
        cycle, populations, task.cycles, seed=task.seed, observable=task.observable
    )
    return {
        "delta_e_meV": found.delta_e_meV,
        "energy_change_meV": found.energy_change_meV,
        "outcome": found.outcome.astype(np.float64),
    }


def _recorded(task: EngineTask) -> Any:
    """Return the numbers of the cycles to keep, the first is 1."""
    if task.cycles <= task.record:
        return np.arange(1, task.cycles + 1)
    return np.unique(np.geomspace(1, task.cycles, task.record).round().astype(np.int64))


def _of_the_limit(task: EngineTask, cycle: Cycle) -> dict[str, Any]:
    """Return what many cycles lead to, and what formulas say."""
    limit = float(delta_e_limit_meV(cycle))
    numbers: dict[str, Any] = {
        "delta_e_limit_meV": limit,
        "sign_of_limit": float(sign_of_delta_e_limit(task.engine)),
        "relaxation_cycles": float(relaxation_cycles(cycle)),
        "power_W": power_W(limit, stroke_s(task.tau_per_meV)),
        "stroke_s": stroke_s(task.tau_per_meV),
        "energy_per_cycle_meV": None,
        "electrons_per_cycle": None,
        "perturbative_delta_e_meV": _perturbative(task),
    }
    if task.cycle_time_ps is not None:
        numbers["power_at_cycle_time_W"] = power_W(limit, task.cycle_time_ps * 1e-12)
    if cycle.residence is not None:
        balance = energy_balance(cycle, limit_populations(cycle))
        numbers["energy_per_cycle_meV"] = {
            "measurement": float(balance.measurement_meV),
            "left_lead": float(balance.left_meV),
            "right_lead": float(balance.right_meV),
            "bosons": float(balance.boson_meV),
        }
        numbers["electrons_per_cycle"] = {
            "from_left_lead": float(balance.left_electrons),
            "from_right_lead": float(balance.right_electrons),
        }
    return numbers


def _perturbative(task: EngineTask) -> dict[str, float] | None:
    """Return ΔE to first order in γ, corrected and printed; None where the formula says nothing."""
    engine = task.engine
    leads = (engine.tl_plus_meV + engine.tl_minus_meV, engine.tr_plus_meV + engine.tr_minus_meV)
    if engine.lambda_plus_meV or engine.lambda_minus_meV or not all(leads):
        return None
    down = float(populations_of(task.initial)[4:].sum())
    return {
        name: float(perturbative_delta_e_meV(engine, down, printed=name == "printed"))
        for name in ("corrected", "printed")
    }
