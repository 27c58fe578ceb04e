"""Populations files: tables of a TOML file, checked, not yet drawn. See docs/populations.md."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any, TypeVar

from pydantic import Field
from pydantic.dataclasses import dataclass as checked_dataclass

from nanojunction.common.toml_file import parse_toml
from nanojunction.models.junction import built_in_junctions
from nanojunction.models.junction_file import JunctionFileError, checked
from nanojunction.models.parameters import CLOSED
from nanojunction.models.population_keys import (
    BatchFileError,
    factor_at,
    refusal,
    refuse_unknown,
    table_at,
    word_at,
)
from nanojunction.models.wafer import Wafer

__all__ = ["Limits", "Population", "PopulationsFile", "built_in_content", "read_populations"]

T = TypeVar("T")
Limit = Annotated[float, Field(strict=True, gt=0, le=1e6)]

MOST_DEVICES = 100_000

_DATA = resources.files("nanojunction.sample_data")
_FILE_KEYS = ("device", "temperature_K", "limits", "wafer", "populations")
_POPULATION_KEYS = (
    *("truth", "count", "like", "junction", "channel", "behaviour"),
    *("more_at_edge", "at_edge", "more_in", "in_split"),
)
#: Channels of a switch with no junction behind them: what is measured through them.
_CHANNELS = {"empty": 1e15, "shorted": 1e-3}


@dataclass(frozen=True, slots=True)
class Population:
    """A checked entry of the file; `where` names its table in errors.

    `table` is that of the junction with the key `behaviour` beside the law's. `factors` multiply
    numbers of it, by their place in it: at the edge (key None) or in a process split. `weights`
    are how many times as frequent the population is there.
    """

    where: str
    truth: str
    count: int
    table: Mapping[str, Any]
    weights: Mapping[str | None, float]
    factors: Mapping[str | None, Mapping[str, float]]


@checked_dataclass(frozen=True, kw_only=True, config=CLOSED)
class Limits:
    """`[limits]`: what may be put on the devices; it goes into the chip file that is written."""

    max_voltage_V: Limit = 0.2
    max_current_A: Limit = 1e-3
    max_dwell_in_compliance_s: Limit | None = None


@dataclass(frozen=True, slots=True)
class PopulationsFile:
    """A whole file: what its devices are called after, its places (if it says), who is there.

    `temperature_K` is at which the devices are meant to be screened, None where it does not say.
    """

    device: str
    temperature_K: float | None
    limits: Limits
    wafer: Wafer | None
    populations: tuple[Population, ...]


def read_populations(text: str, source: str) -> PopulationsFile:
    """Return the checked content of TOML text; `source` names it in errors.

    Raises BatchFileError.
    """
    content = parse_toml(text, source, refusal)
    refuse_unknown(content, _FILE_KEYS, source, "")
    device = word_at(content, "device", source, "")
    wafer = None if "wafer" not in content else _checked(Wafer, content, "wafer", source)
    limits = Limits() if "limits" not in content else _checked(Limits, content, "limits", source)
    temperature_K = None
    if "temperature_K" in content:
        temperature_K = factor_at(content["temperature_K"], f"{source}: key 'temperature_K'")
    tables = content.get("populations")
    if not isinstance(tables, list) or not tables:
        raise refusal(
            f"{source}: key 'populations' must be a list of at least one table ([[populations]])"
        )
    counts = _counts(tables, wafer, source)
    populations = tuple(
        _population(table, count, f"populations[{i}]", wafer, source)
        for i, (table, count) in enumerate(zip(tables, counts, strict=True))
    )
    return PopulationsFile(device, temperature_K, limits, wafer, populations)


def _checked(kind: type[T], content: Mapping[str, Any], key: str, source: str) -> T:
    if not isinstance(content[key], dict):
        raise refusal(f"{source}: key '{key}' must be a table ([{key}])")
    try:
        return checked(kind, content[key], f"{source}: {key}")
    except JunctionFileError as error:
        raise BatchFileError(str(error)) from error


# How many


def _counts(tables: list[Any], wafer: Wafer | None, source: str) -> list[int]:
    """Return the populations' counts, that of `"rest"` too; places that are left are empty."""
    counts: list[int | None] = []
    for i, table in enumerate(tables):
        at = f"populations[{i}]"
        if not isinstance(table, dict):
            raise refusal(f"{source}: key '{at}' must be a table ([[populations]])")
        refuse_unknown(table, _POPULATION_KEYS, source, f"{at}.")
        counts.append(_count(table.get("count"), at, wafer, source))
    known = sum(count for count in counts if count is not None)
    if known > MOST_DEVICES:
        raise refusal(
            f"{source}: the populations' counts add up to {known} devices; the most is "
            f"{MOST_DEVICES}"
        )
    if wafer is None:
        return [count for count in counts if count is not None]
    left = len(wafer.places()) - known
    rests = counts.count(None)
    if rests > 1:
        raise refusal(f'{source}: {rests} populations have the count "rest"; only one can')
    if left < rests:
        raise refusal(
            f"{source}: the populations' counts add up to {known} devices, and the wafer has "
            f"{known + left} places{'; nothing is left for the rest' if rests else ''}"
        )
    return [left if count is None else count for count in counts]


def _count(count: object, at: str, wafer: Wafer | None, source: str) -> int | None:
    if count == "rest" and wafer is not None:
        return None
    if type(count) is int and count >= 1:
        return count
    rest = ', or "rest" of the wafer\'s places' if wafer is not None else ""
    raise refusal(
        f"{source}: key '{at}.count' must be a whole number from 1 on{rest}, found {count!r}"
    )


# What


def _population(
    table: Mapping[str, Any], count: int, at: str, wafer: Wafer | None, source: str
) -> Population:
    truth = word_at(table, "truth", source, f"{at}.")
    where = f"{source}: {at}.junction"
    junction: Mapping[str, Any]
    if "channel" in table:
        junction = _channel(table, f"{source}: {at}")
    else:
        junction = table_at(table, "junction", "[populations.junction]", source, at)
        if "like" in table:
            name = word_at(table, "like", source, f"{at}.")
            junction = _alike(name, junction, f"{source}: {at}")
    for key in ("name", "behaviour"):
        if key in junction:
            raise refusal(
                f"{source}: key '{at}.junction.{key}' cannot be given: devices are named by their "
                "place, and behaviour has a table of its own ([populations.behaviour])"
            )
    behaviour = table_at(table, "behaviour", "[populations.behaviour]", source, at)
    whole = {**junction, "behaviour": behaviour}
    weights, factors = _variation(table, wafer, source, at)
    return Population(where, truth, count, whole, weights, factors)


def _channel(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    choice = table["channel"]
    if not (isinstance(choice, str) and choice in _CHANNELS):
        raise refusal(
            f"{where}: key 'channel' is {choice!r}; it must be one of {', '.join(_CHANNELS)}"
        )
    if "like" in table or "junction" in table:
        raise refusal(f"{where}: give either 'channel', behind which no junction is, or a junction")
    return {"law": "linear", "r_s_ohm": _CHANNELS[choice]}


def _alike(name: str, changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a built-in junction's content with `changes` to its keys, without its name."""
    content = built_in_content(name, f"{where}: key 'like'")
    if "law" in changes:
        raise refusal(f"{where}: give either 'like' or 'junction.law', not both")
    if "p_max_W" in changes and content["law"] == "metallic":
        del content["i_off_A"]
    del content["name"]
    return {**content, **changes}


def built_in_content(name: str, key: str) -> dict[str, Any]:
    """Return the content of a built-in junction's file; raises BatchFileError that names `key`."""
    if name not in built_in_junctions():
        names = ", ".join(built_in_junctions())
        raise refusal(f"{key} is {name!r}; it must be a built-in junction ({names})")
    return tomllib.loads((_DATA / "junctions" / f"{name}.toml").read_text(encoding="utf-8"))


# Where


def _variation(
    table: Mapping[str, Any], wafer: Wafer | None, source: str, at: str
) -> tuple[dict[str | None, float], dict[str | None, Mapping[str, float]]]:
    """Return how frequent a population is at the edge (None) and in splits, and its factors."""
    given = [key for key in ("more_at_edge", "at_edge", "more_in", "in_split") if key in table]
    if given and wafer is None:
        raise refusal(f"{source}: key '{at}.{given[0]}' needs the places of a wafer ([wafer])")
    more_in = table_at(table, "more_in", "more_in = { split = 2.0 }", source, at)
    in_split = table_at(table, "in_split", "[populations.in_split.SPLIT]", source, at)
    splits = () if wafer is None else tuple(wafer.splits)
    for key, names in (("more_in", more_in), ("in_split", in_split)):
        for name in names:
            if name not in splits:
                known = f"the splits are {', '.join(splits)}" if splits else "the wafer has none"
                raise refusal(f"{source}: key '{at}.{key}.{name}' is no split; {known}")
    weights: dict[str | None, float] = {
        split: factor_at(value, f"{source}: key '{at}.more_in.{split}'")
        for split, value in more_in.items()
    }
    if "more_at_edge" in table:
        weights[None] = factor_at(table["more_at_edge"], f"{source}: key '{at}.more_at_edge'")
    at_edge = table_at(table, "at_edge", "[populations.at_edge]", source, at)
    factors: dict[str | None, Mapping[str, float]] = {}
    if at_edge:
        factors[None] = dict(_flat(at_edge, "", f"{source}: key '{at}.at_edge"))
    for split in in_split:
        inner = table_at(
            in_split, split, f"[populations.in_split.{split}]", source, f"{at}.in_split"
        )
        factors[split] = dict(_flat(inner, "", f"{source}: key '{at}.in_split.{split}"))
    return weights, factors


def _flat(table: Mapping[str, Any], path: str, key: str) -> Iterator[tuple[str, float]]:
    """Yield the factors of nested tables by their dotted places."""
    for name, value in table.items():
        inner = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            yield from _flat(value, inner, key)
        else:
            yield inner, factor_at(value, f"{key}.{inner}'")
