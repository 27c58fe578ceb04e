"""Devices drawn from checked populations: numbers from distributions, places, behaviour."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nanojunction.models.behaviour import (
    STEADY,
    Behaviour,
    Breakdown,
    Contact,
    Drift,
    Telegraph,
)
from nanojunction.models.distributions import Distribution, draw, read_distribution
from nanojunction.models.junction import JunctionLaw
from nanojunction.models.junction_file import JunctionFileError, checked, make_junction
from nanojunction.models.population_file import Population, PopulationsFile, built_in_content
from nanojunction.models.population_keys import BatchFileError, refusal
from nanojunction.models.wafer import Place

__all__ = ["Device", "drawn"]

_PARTS: Mapping[str, type[Contact] | type[Telegraph] | type[Drift]] = {
    "contact": Contact,
    "telegraph": Telegraph,
    "drift": Drift,
}


@dataclass(frozen=True, slots=True)
class Device:
    """One junction of a batch: its place's name ("chip-017"), its law, and its population.

    `truth` is the population's name (open, short, ohmic, generating, …): what a screening should
    find, and what nothing that measures may look at. `place` is None where the file says nothing
    of places.
    """

    name: str
    law: JunctionLaw
    truth: str
    behaviour: Behaviour = STEADY
    place: Place | None = None


def drawn(file: PopulationsFile, seed: int) -> tuple[Device, ...]:
    """Return the devices of a file, by name; raises BatchFileError for what cannot be a junction.

    Every key of every population has a random source of its own, so that a new key or population
    moves the numbers of no other.
    """
    total = sum(population.count for population in file.populations)
    places: tuple[Place | None, ...] = (None,) * total
    if file.wafer is not None:
        places = file.wafer.places()[:total]  # the last ones stay empty
    digits = max(3, len(str(total)))
    devices = [
        device
        for index, (population, numbers) in enumerate(
            zip(file.populations, _numbers_of_places(file, places, seed), strict=True)
        )
        for device in _devices(
            population,
            [(f"{file.device}-{number:0{digits}d}", places[number - 1]) for number in numbers],
            f"{seed}/{index}",
        )
    ]
    return tuple(sorted(devices, key=lambda device: device.name))


# Places


def _numbers_of_places(
    file: PopulationsFile, places: tuple[Place | None, ...], seed: int
) -> list[list[int]]:
    """Return the numbers of the places that each population takes, at random.

    Populations that are more frequent somewhere choose first, in the file's order: the next place
    is each free one with a probability that goes with its weight (Efraimidis & Spirakis 2006).
    """
    free = list(range(1, len(places) + 1))
    random.Random(f"{seed}/places").shuffle(free)
    taken: dict[int, list[int]] = {}
    for index, population in enumerate(file.populations):
        if population.weights:
            source = random.Random(f"{seed}/places/{index}")
            lots = {
                number: math.log(1.0 - source.random()) / _weight(population, places[number - 1])
                for number in sorted(free)
            }
            chosen = set(sorted(lots, key=lots.__getitem__, reverse=True)[: population.count])
            taken[index] = [number for number in free if number in chosen]
            free = [number for number in free if number not in chosen]
    rest = iter(free)
    return [
        taken[index] if index in taken else [next(rest) for _ in range(population.count)]
        for index, population in enumerate(file.populations)
    ]


def _weight(population: Population, place: Place | None) -> float:
    assert place is not None  # weights are refused where there is no wafer
    at_edge = population.weights.get(None, 1.0)
    in_split = population.weights.get(place.split, 1.0) if place.split is not None else 1.0
    return _toward_edge(at_edge, place) * in_split


def _toward_edge(factor: float, place: Place) -> float:
    """Return what `factor` at the edge is at a place: 1 in the centre, linear in between."""
    return 1.0 + (factor - 1.0) * place.off_centre


# Numbers


def _devices(
    population: Population, named: list[tuple[str, Place | None]], seed: str
) -> Iterator[Device]:
    """Yield the devices of a population, each with its share of every distribution."""
    columns = {
        path: draw(distribution, population.count, random.Random(f"{seed}/{path}"))
        for path, distribution in _distributions(population.table, "", population.where)
    }
    for k, (name, place) in enumerate(named):
        numbers = {path: values[k] for path, values in columns.items()}
        content: dict[str, Any] = _with_numbers(population.table, "", numbers)
        if place is not None:
            _vary(content, population, place)
        behaviour = _behaviour(content.pop("behaviour"), name, population.where)
        if content.get("law") == "metallic" and "p_max_W" in content:
            content["i_off_A"] = _offset_of_power(content, population.where)
            del content["p_max_W"]
        law = _law({**content, "name": name}, population.where)
        yield Device(name, law, population.truth, behaviour, place)


def _law(content: Mapping[str, Any], where: str) -> Any:
    try:
        return make_junction(content, where)
    except JunctionFileError as error:
        raise BatchFileError(str(error)) from error


def _behaviour(table: Mapping[str, Any], name: str, where: str) -> Behaviour:
    """Return what the table `behaviour` says, once its numbers are drawn."""
    if not table:
        return STEADY
    where = f"{where.removesuffix('.junction')}.behaviour"
    parts: dict[str, Any] = dict(table)
    try:
        for key, kind in _PARTS.items():
            if key in parts:
                parts[key] = checked(kind, _whole(parts[key], f"{where}.{key}"), f"{where}.{key}")
        if "breakdown" in parts:
            parts["breakdown"] = _breakdown(parts["breakdown"], name, f"{where}.breakdown")
        return checked(Behaviour, parts, where)
    except JunctionFileError as error:
        raise BatchFileError(str(error)) from error


def _breakdown(table: object, name: str, where: str) -> Breakdown:
    content = dict(_whole(table, where))
    becomes = content.get("becomes")
    if isinstance(becomes, str):
        becomes = {**built_in_content(becomes, f"{where}: key 'becomes'"), "name": name}
    if isinstance(becomes, dict):
        content["becomes"] = _law({**becomes, "name": name}, f"{where}.becomes")
    return checked(Breakdown, content, where)


def _whole(table: object, where: str) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise refusal(f"{where} must be a table, found {table!r}")
    return table


def _vary(content: dict[str, Any], population: Population, place: Place) -> None:
    """Multiply the numbers that change toward the edge or in the split of a place."""
    where = population.where
    for path, factor in population.factors.get(None, {}).items():
        _multiply(content, path, _toward_edge(factor, place), where)
    if place.split is not None:
        for path, factor in population.factors.get(place.split, {}).items():
            _multiply(content, path, factor, where)


def _multiply(content: dict[str, Any], path: str, factor: float, where: str) -> None:
    *above, key = path.split(".")
    table: Any = content
    for name in above:
        table = table.get(name) if isinstance(table, dict) else None
    number = table.get(key) if isinstance(table, dict) else None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise refusal(f"{where}: there is no number {path!r} that could be multiplied")
    table[key] = number * factor


def _distributions(value: Any, path: str, where: str) -> Iterator[tuple[str, Distribution]]:
    """Yield every distribution inside of a junction's table, with its place."""
    if isinstance(value, dict):
        if path and "distribution" in value:
            try:
                yield path, read_distribution(value)
            except ValueError as error:
                raise refusal(f"{where}: key '{path}': {error}") from error
            return
        for key, inner in value.items():
            yield from _distributions(inner, f"{path}.{key}" if path else key, where)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _distributions(inner, f"{path}[{index}]", where)


def _with_numbers(value: Any, path: str, numbers: Mapping[str, float]) -> Any:
    """Return a junction's table with the number drawn for it in the place of each distribution."""
    if path in numbers:
        return numbers[path]
    if isinstance(value, dict):
        return {
            key: _with_numbers(inner, f"{path}.{key}" if path else key, numbers)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_numbers(inner, f"{path}[{i}]", numbers) for i, inner in enumerate(value)]
    return value


def _offset_of_power(content: Mapping[str, Any], where: str) -> float:
    """Return I_off = −2·√(P_max/R_s), at which a straight I(V) delivers at most P_max.

    P = −V·(I_off + V/R_s) is largest at half of V_off, P_max = I_off²·R_s/4; the sign is that of
    the published junctions (Chowrira 2020, Figs. 1 to 3).
    """
    if "i_off_A" in content:
        raise refusal(f"{where}: give either 'p_max_W' or 'i_off_A', not both")
    for key in ("p_max_W", "r_s_ohm"):
        value = content.get(key)
        if isinstance(value, bool) or not (isinstance(value, int | float) and 0 < value < math.inf):
            raise refusal(f"{where}: key '{key}' must be a finite number above 0, found {value!r}")
    return -2.0 * math.sqrt(content["p_max_W"] / content["r_s_ohm"])
