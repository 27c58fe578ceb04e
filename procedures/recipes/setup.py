"""What a recipe is measured with: the limits, the wiring and the columns that must not change.

They come from the station file and the sample file. A limit may become stricter between two parts
of a recipe, never looser; what else is kept here must stay. Addresses and policies may change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nanojunction.instruments.station_file import StationConfig
from nanojunction.procedures.environment import environment_columns
from nanojunction.procedures.recipes.plan import Plan
from nanojunction.procedures.sample_file import Sample

#: Keys of the station file; those that begin with max_, min_ or ramp_ are limits.
STATION = (
    *("source_meter.max_voltage_V", "source_meter.max_current_A", "source_meter.ramp_V_per_s"),
    *("source_meter.ramp_A_per_s", "source_meter.wires", "source_meter.output_off"),
    *("source_meter.channel", "magnet.max_field_T", "magnet.ramp_T_per_min", "temperature.min_K"),
    *("temperature.max_K", "temperature.ramp_K_per_min", "temperature.sensors", "switch.short"),
)

Setup = Mapping[str, Mapping[str, Any]]


def setup_of(plan: Plan, config: StationConfig) -> Setup:
    """Return the setup of a plan, as JSON has it: `station file` and `sample file` by key."""
    names = dict.fromkeys(run.sample for run in plan.runs)
    return setup_with(plan.recipe.samples, names, config)


def setup_with(samples: Sample | None, names: Iterable[str], config: StationConfig) -> Setup:
    """Return the setup of what is measured on the junctions of these names."""
    return {"station file": _of_station(config), "sample file": dict(_of_samples(samples, names))}


def _of_station(config: StationConfig) -> dict[str, Any]:
    content = config.model_dump(mode="json")
    found: dict[str, Any] = {"the columns of a row": environment_columns(config)}
    for key in STATION:
        table, _, name = key.partition(".")
        if content[table] is not None:
            found[key] = content[table][name]
    positions = {} if content["switch"] is None else content["switch"]["positions"]
    return found | {f"switch.positions.{name}": wiring for name, wiring in positions.items()}


def _of_samples(samples: Sample | None, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if samples is None or (samples.junctions and not samples.lists(name)):
            continue
        for key, value in samples.junction(name).model_dump(mode="json").items():
            yield f"{name}.{key}", value


def what_changed(before: Setup, now: Setup) -> str | None:
    """Return the first change that matters, in words; None if there is none."""
    for file, content in before.items():
        for key, was in content.items():
            value = now[file].get(key)
            if _matters(key, was, value):
                words = "is gone" if value is None else f"is {value!r}"
                return f"the {file} has changed since then: {key} was {was!r} and {words}"
    return None


def _matters(key: str, was: Any, value: Any) -> bool:
    name = key.rpartition(".")[2]
    if was is None or value is None:  # no limit at all is the loosest
        return value is None and was is not None
    if name.startswith(("max_", "ramp_")):
        return bool(value > was)
    if name.startswith("min_"):
        return bool(value < was)
    return bool(value != was)
