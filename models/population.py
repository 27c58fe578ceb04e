"""Whole batches of junctions: populations in a TOML file, drawn with a seed, the truth known.

A population is a number of junctions of one kind. Its `junction` table has the keys of a junction
file; a number may be replaced by a distribution that is drawn once for each junction:

    [[populations]]
    truth = "short"
    count = 91
    [populations.junction]
    law = "linear"
    r_s_ohm = { distribution = "lognormal", median = 1.0, sigma = 0.5, stratified = true }

With `like = "A"` the population starts from that built-in junction, and its own keys replace those
of the file. Where A would have `i_off_A`, a metallic population may give `p_max_W` instead.
"""

from __future__ import annotations

import math
import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from nanojunction.common.toml_file import parse_toml, read_text
from nanojunction.models.distributions import Distribution, draw, read_distribution
from nanojunction.models.junction import JunctionLaw, built_in_junctions
from nanojunction.models.junction_file import JunctionFileError, make_junction

__all__ = ["BatchFileError", "Device", "built_in_batches", "load_batch", "parse_batch"]

MOST_DEVICES = 100_000

_DATA = resources.files("nanojunction.sample_data")
_POPULATION_KEYS = ("truth", "count", "like", "junction")


class BatchFileError(ValueError):
    """A batch file that cannot be used: one sentence with file, key and what is allowed."""


def _refusal(words: str) -> BatchFileError:
    return BatchFileError(f"{words}.")


@dataclass(frozen=True, slots=True)
class Device:
    """One junction of a batch: its place's name ("chip-017"), its law, and its population.

    `truth` is the population's name (open, short, ohmic, generating, …): what a screening should
    find, and what nothing that measures may look at.
    """

    name: str
    law: JunctionLaw
    truth: str


@dataclass(frozen=True, slots=True)
class _Population:
    """A checked entry of the file; `where` names it in errors."""

    where: str
    truth: str
    count: int
    junction: Mapping[str, Any]


def built_in_batches() -> tuple[str, ...]:
    """Return the names of the batches that come with the package, in alphabetical order."""
    files = (Path(entry.name) for entry in (_DATA / "chips").iterdir())
    return tuple(sorted((f.stem for f in files if f.suffix == ".toml"), key=str.casefold))


def load_batch(name_or_path: str | Path, seed: int) -> tuple[Device, ...]:
    """Return the devices of a built-in batch (by its name, in any case) or of a batch file.

    The same seed gives the same devices in the same places. Raises BatchFileError (a ValueError)
    that names file, key and what is allowed.
    """
    for name in built_in_batches():
        if name.casefold() == str(name_or_path).casefold():
            entry = _DATA / "chips" / f"{name}.toml"
            return parse_batch(entry.read_text(encoding="utf-8"), entry.name, seed)
    path = Path(name_or_path)
    if not path.exists():
        names = ", ".join(built_in_batches())
        raise BatchFileError(
            f"There is no batch and no file {str(name_or_path)!r}: give a TOML file or one of the "
            f"built-in names {names}."
        )
    return parse_batch(read_text(path, _refusal), str(path), seed)


def parse_batch(text: str, source: str, seed: int) -> tuple[Device, ...]:
    """Return the devices that the TOML `text` describes; `source` names it in errors.

    Raises BatchFileError.
    """
    content = parse_toml(text, source, _refusal)
    _refuse_unknown(content, ("device", "populations"), source, "")
    label = _word(content, "device", source, "")
    populations = _populations(content, source)
    total = sum(population.count for population in populations)
    if total > MOST_DEVICES:
        raise BatchFileError(
            f"{source}: the populations' counts add up to {total} devices; the most is "
            f"{MOST_DEVICES}."
        )
    places = list(range(1, total + 1))
    random.Random(f"{seed}/places").shuffle(places)
    names = iter(f"{label}-{place:0{max(3, len(str(total)))}d}" for place in places)
    devices = [
        device
        for index, population in enumerate(populations)
        for device in _drawn(population, names, f"{seed}/{index}")
    ]
    return tuple(sorted(devices, key=lambda device: device.name))


def _populations(content: Mapping[str, Any], source: str) -> list[_Population]:
    tables = content.get("populations")
    if not isinstance(tables, list) or not tables:
        raise BatchFileError(
            f"{source}: key 'populations' must be a list of at least one table ([[populations]])."
        )
    return [_population(table, f"populations[{i}]", source) for i, table in enumerate(tables)]


def _population(table: Any, at: str, source: str) -> _Population:
    if not isinstance(table, dict):
        raise BatchFileError(f"{source}: key '{at}' must be a table ([[populations]]).")
    _refuse_unknown(table, _POPULATION_KEYS, source, f"{at}.")
    count = table.get("count")
    if type(count) is not int or count < 1:
        raise BatchFileError(
            f"{source}: key '{at}.count' must be a whole number from 1 on, found {count!r}."
        )
    junction = table.get("junction", {})
    if not isinstance(junction, dict):
        raise BatchFileError(
            f"{source}: key '{at}.junction' must be a table ([populations.junction])."
        )
    if "name" in junction:
        raise BatchFileError(
            f"{source}: key '{at}.junction.name' cannot be given: devices are named by their place."
        )
    where = f"{source}: {at}.junction"
    if "like" in table:
        junction = _alike(_word(table, "like", source, f"{at}."), junction, f"{source}: {at}")
    return _Population(where, _word(table, "truth", source, f"{at}."), count, junction)


def _refuse_unknown(
    table: Mapping[str, Any], allowed: tuple[str, ...], source: str, prefix: str
) -> None:
    for key in table:
        if key not in allowed:
            raise BatchFileError(
                f"{source}: key '{prefix}{key}' is unknown; allowed here are {', '.join(allowed)}."
            )


def _word(table: Mapping[str, Any], key: str, source: str, prefix: str) -> str:
    value = table.get(key)
    if not (isinstance(value, str) and value and value.replace("-", "").isalnum()):
        found = "is missing" if value is None else f"is {value!r}"
        raise BatchFileError(
            f"{source}: key '{prefix}{key}' {found}; it must be a text of letters, digits and -."
        )
    return value


def _alike(name: str, changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a built-in junction's content with `changes` to its keys."""
    if name not in built_in_junctions():
        names = ", ".join(built_in_junctions())
        raise BatchFileError(
            f"{where}: key 'like' is {name!r}; it must be a built-in junction ({names})."
        )
    if "law" in changes:
        raise BatchFileError(f"{where}: give either 'like' or 'junction.law', not both.")
    text = (_DATA / "junctions" / f"{name}.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    if "p_max_W" in changes and content["law"] == "metallic":
        del content["i_off_A"]
    return {**content, **changes}


def _drawn(population: _Population, names: Iterator[str], seed: str) -> Iterator[Device]:
    """Yield the devices of a population, each with its share of every distribution.

    Every key has a random source of its own, so that a new key or population moves no other.
    """
    columns = {
        path: draw(distribution, population.count, random.Random(f"{seed}/{path}"))
        for path, distribution in _distributions(population.junction, "", population.where)
    }
    for k in range(population.count):
        name = next(names)
        numbers = {path: values[k] for path, values in columns.items()}
        content: dict[str, Any] = {**_with_numbers(population.junction, "", numbers), "name": name}
        if content.get("law") == "metallic" and "p_max_W" in content:
            content["i_off_A"] = _offset_of_power(content, population.where)
            del content["p_max_W"]
        try:
            law = make_junction(content, population.where)
        except JunctionFileError as error:
            raise BatchFileError(str(error)) from error
        yield Device(name, law, population.truth)


def _distributions(value: Any, path: str, where: str) -> Iterator[tuple[str, Distribution]]:
    """Yield every distribution inside of a junction's table, with its place."""
    if isinstance(value, dict):
        if path and "distribution" in value:
            try:
                yield path, read_distribution(value)
            except ValueError as error:
                raise BatchFileError(f"{where}: key '{path}': {error}.") from error
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
        raise BatchFileError(f"{where}: give either 'p_max_W' or 'i_off_A', not both.")
    for key in ("p_max_W", "r_s_ohm"):
        value = content.get(key)
        if isinstance(value, bool) or not (isinstance(value, int | float) and 0 < value < math.inf):
            raise BatchFileError(
                f"{where}: key '{key}' must be a finite number above 0, found {value!r}."
            )
    return -2.0 * math.sqrt(content["p_max_W"] / content["r_s_ohm"])
