"""How the values of SCPI settings are read from a message and written into an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nanojunction.instruments.virtual.scpi import language
from nanojunction.instruments.virtual.scpi.language import ScpiError

Parameters = tuple[str, ...]
Value = float | int | bool | str

#: How a number without end is written.
_ENDLESS = ("INF", "INFINITE", "INFINITY")


def range_for(value: float, ranges: Sequence[float]) -> float:
    """Return the most sensitive range that holds a value; the largest if none does."""
    magnitude = abs(value) * (1.0 - 1e-9)
    for full_scale in ranges:
        if magnitude <= full_scale:
            return full_scale
    return ranges[-1]


@dataclass(frozen=True, slots=True)
class Real:
    """A number between limits; `ranges` rounds it up to an instrument range."""

    minimum: float
    maximum: float
    default: float
    ranges: tuple[float, ...] = ()

    def parse(self, text: str) -> float:
        """Return the value; raises ScpiError -222 outside of the limits."""
        value = self.named(text)
        if value is None:
            value = language.number(text)
        if not self.minimum <= value <= self.maximum:
            raise ScpiError(-222)
        return range_for(value, self.ranges) if self.ranges else value

    def named(self, text: str) -> float | None:
        """Return what MIN, MAX and DEF stand for, None for another word."""
        word = text.upper()
        for names, value in (
            (("DEF", "DEFAULT"), self.default),
            (("MIN", "MINIMUM"), self.minimum),
            (("MAX", "MAXIMUM"), self.maximum),
        ):
            if word in names:
                return value
        return None

    def show(self, value: Value) -> str:
        """Return the value as it is answered."""
        return f"{value:.6E}"


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number between limits."""

    minimum: int
    maximum: int
    default: int

    def parse(self, text: str) -> int:
        """Return the value, rounded; raises ScpiError -222 outside of the limits."""
        value = Real(self.minimum, self.maximum, self.default).parse(text)
        return round(value) if math.isfinite(value) else self.maximum

    def named(self, text: str) -> float | None:
        """Return what MIN, MAX and DEF stand for, None for another word."""
        return Real(self.minimum, self.maximum, self.default).named(text)

    def show(self, value: Value) -> str:
        """Return the value as it is answered."""
        return f"{value:d}" if isinstance(value, int) else str(round(float(value)))


@dataclass(frozen=True, slots=True)
class Endless:
    """A number that may be INFinite, which SCPI-1999 answers as 9.9E37."""

    number: Real | Count

    def parse(self, text: str) -> float:
        """Return the value; raises ScpiError -222 outside of the number's limits."""
        return math.inf if text.upper() in _ENDLESS else self.number.parse(text)

    def named(self, text: str) -> float | None:
        """Return what MIN, MAX, DEF and INF stand for, None for another word."""
        return math.inf if text.upper() in _ENDLESS else self.number.named(text)

    def show(self, value: Value) -> str:
        """Return the value as it is answered."""
        return "+9.9E37" if value == math.inf else self.number.show(value)


@dataclass(frozen=True, slots=True)
class Switch:
    """ON, OFF, 1 or 0."""

    def parse(self, text: str) -> bool:
        """Return the value."""
        return language.boolean(text)

    def named(self, text: str) -> float | None:
        """Return None: a switch has no limits."""
        return None

    def show(self, value: Value) -> str:
        """Return 1 or 0."""
        return "1" if value else "0"


@dataclass(frozen=True, slots=True)
class Word:
    """One of several words, kept and answered in the short form."""

    names: tuple[str, ...]

    def parse(self, text: str) -> str:
        """Return the short form; raises ScpiError -141 for another word."""
        return language.keyword(text, self.names)

    def named(self, text: str) -> float | None:
        """Return None: a word has no limits."""
        return None

    def show(self, value: Value) -> str:
        """Return the short form."""
        return str(value)


_BASES = {"#H": 16, "#Q": 8, "#B": 2}


def register_mask(text: str, most: int) -> int:
    """Return what is written into an enable register: decimal, `#H2F`, `#Q57` or `#B101111`.

    Raises ScpiError -104 for what is no number, -222 outside of 0 … `most`.
    """
    base = _BASES.get(text[:2].upper())
    if base is None:
        return Count(0, most, 0).parse(text)
    try:
        value = int(text[2:], base)
    except ValueError as problem:
        raise ScpiError(-104) from problem
    if not 0 <= value <= most or not text[2:].isalnum():
        raise ScpiError(-222)
    return value


Codec = Real | Count | Endless | Switch | Word
