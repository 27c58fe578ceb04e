"""Distributions of a junction's parameter over a batch, as tables of a batch file."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

__all__ = [
    "Choice",
    "Distribution",
    "LogNormal",
    "Normal",
    "Uniform",
    "draw",
    "read_distribution",
]

_FINEST = 2**52  # probabilities of this grain are exact in a float, and never 0 or 1
_STANDARD = NormalDist()


@dataclass(frozen=True, slots=True)
class Uniform:
    """All values from `low` to `high` alike. Raises ValueError unless low is below high."""

    low: float
    high: float
    stratified: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low = {self.low:g} must be below high = {self.high:g}")

    def quantile(self, p: float) -> float:
        """Return the value below which the share `p` of all lies, 0 < p < 1."""
        return self.low + p * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A median and the standard deviation `sigma` of the natural logarithm.

    Raises ValueError for a median that is not positive and a sigma outside of 0 … 5.
    """

    median: float
    sigma: float
    stratified: bool = False

    def __post_init__(self) -> None:
        if not self.median > 0:
            raise ValueError(f"median = {self.median:g} must be greater than 0")
        if not 0 < self.sigma <= 5:
            raise ValueError(f"sigma = {self.sigma:g} must be greater than 0, at most 5")

    def quantile(self, p: float) -> float:
        """Return the value below which the share `p` of all lies, 0 < p < 1."""
        return self.median * math.exp(self.sigma * _STANDARD.inv_cdf(p))


@dataclass(frozen=True, slots=True)
class Normal:
    """A mean and a standard deviation. Raises ValueError for a sigma that is not positive."""

    mean: float
    sigma: float
    stratified: bool = False

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise ValueError(f"sigma = {self.sigma:g} must be greater than 0")

    def quantile(self, p: float) -> float:
        """Return the value below which the share `p` of all lies, 0 < p < 1."""
        return self.mean + self.sigma * _STANDARD.inv_cdf(p)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values, all alike. Raises ValueError without any."""

    values: tuple[float, ...]
    stratified: bool = False

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("values must have at least one number")

    def quantile(self, p: float) -> float:
        """Return the value of a share, in the order of the values, 0 < p < 1."""
        return self.values[min(int(p * len(self.values)), len(self.values) - 1)]


Distribution = Uniform | LogNormal | Normal | Choice
_KINDS: Mapping[str, type[Distribution]] = {
    "uniform": Uniform,
    "lognormal": LogNormal,
    "normal": Normal,
    "choice": Choice,
}


def draw(distribution: Distribution, count: int, source: random.Random) -> list[float]:
    """Return `count` values.

    Independent ones; or, where the distribution is stratified, the middles of `count` shares of
    equal probability in random order, so that their median is the distribution's for any seed.
    """
    if distribution.stratified:
        shares = [(k + 0.5) / count for k in range(count)]
        source.shuffle(shares)
    else:
        shares = [(source.randrange(_FINEST) + 0.5) / _FINEST for _ in range(count)]
    return [distribution.quantile(p) for p in shares]


def read_distribution(table: Mapping[str, Any]) -> Distribution:
    """Return the distribution of a table such as { distribution = "uniform", low = 1, high = 2 }.

    Raises ValueError, without a full stop, that names the key and what is allowed.
    """
    choice = table.get("distribution")
    kind = _KINDS.get(choice) if isinstance(choice, str) else None
    if kind is None:
        raise ValueError(f"distribution is {choice!r}; it must be one of {', '.join(_KINDS)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in table:
        if key != "distribution" and key not in fields:
            allowed = ", ".join(["distribution", *fields])
            raise ValueError(f"{key} is unknown; allowed here are {allowed}")
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if key in table:
            values[key] = _READ.get(key, _number)(key, table[key])
        elif field.default is dataclasses.MISSING:
            raise ValueError(f"{key} is missing")
    return kind(**values)


def _numbers(key: str, value: object) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{key} must be a list of numbers, found {value!r}")
    return tuple(_number(key, one) for one in value)


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{key} must be true or false, found {value!r}")
    return value


def _number(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} must be a number without quotes, found {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{key} must be a finite number")
    return number


_READ: Mapping[str, Callable[[str, object], Any]] = {"stratified": _flag, "values": _numbers}
