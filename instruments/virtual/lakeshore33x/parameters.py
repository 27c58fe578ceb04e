"""Parameters of Lake Shore's commands: how each kind is read from text and written into answers.

Formats after the Model 335 and 336 user's manuals, chapter 6: `±nnnnnn` is a number of six digits
with a floating point, `nnn` a whole number with leading zeros, `s[n]` a text of n characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$", re.ASCII)


class CommandError(Exception):
    """What cannot be interpreted: bit 5 of the standard event status register."""


class ExecutionError(Exception):
    """What the instrument cannot do, a value out of range for one: bit 4 of the register."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of parameter: its value from the text of a command, its text in an answer."""

    parse: Callable[[str], Any]
    text: Callable[[Any], str]


def number(text: str) -> float:
    """Return a number in any notation; raises CommandError for other text."""
    if not _NUMBER.match(text):
        raise CommandError(f"{text!r} is no number")
    return float(text)


def within(value: float, low: float, high: float) -> float:
    """Return the value; raises ExecutionError if it is out of range."""
    if not low <= value <= high:
        raise ExecutionError(f"{value:g} lies outside {low:g} to {high:g}")
    return value


def six_digits(value: float) -> str:
    """Return a number as `±nnnnnn`: a sign, six digits and the point among them."""
    for before in range(1, 6):
        text = f"{value:+0{8}.{6 - before}f}"
        if len(text) <= 8:
            return text
    return f"{value:+.0f}."


def whole(low: int, high: int, digits: int = 1) -> Kind:
    """A whole number, written with leading zeros."""

    def parse(text: str) -> int:
        value = within(number(text), low, high)
        if value != int(value):
            raise ExecutionError(f"{text} is no whole number")
        return int(value)

    return Kind(parse, lambda value: f"{value:0{digits}d}")


def real(low: float, high: float, form: str = "") -> Kind:
    """A number, written in a format of Python's, with six digits if there is none."""

    def text(value: float) -> str:
        return format(value, form) if form else six_digits(value)

    return Kind(lambda given: within(number(given), low, high), text)


def any_number() -> Kind:
    """A number without limits."""
    return real(-math.inf, math.inf)


def choice(letters: str) -> Kind:
    """One letter, in either case."""

    def parse(text: str) -> str:
        if len(text) != 1 or not text.isalpha():
            raise CommandError(f"{text!r} is no letter")
        if text.upper() not in letters:
            raise ExecutionError(f"there is no {text!r}")
        return text.upper()

    return Kind(parse, str)


def words(length: int, *, padded: bool = True) -> Kind:
    """A text, in quotes or not; what is longer is cut as the instrument cuts it."""

    def parse(text: str) -> str:
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1]
        return text.rstrip()[:length]

    return Kind(parse, lambda value: f"{value:{length}}" if padded else str(value))


@dataclass(frozen=True, slots=True)
class Setting:
    """What is set by `HEADER keys,fields` and answered by `HEADER? keys`.

    `default` takes the keys. A field that is left blank, or left off at the end, stays as it is.
    """

    header: str
    keys: tuple[Kind, ...]
    fields: tuple[Kind, ...]
    default: Callable[..., tuple[Any, ...]]

    def key(self, texts: Sequence[str]) -> tuple[Any, ...]:
        """Return the keys of a query; raises CommandError if there are more or fewer."""
        if len(texts) != len(self.keys):
            raise CommandError(f"{self.header} takes {len(self.keys)} parameters")
        return tuple(kind.parse(text) for kind, text in zip(self.keys, texts, strict=True))

    def change(self, texts: Sequence[str], before: Sequence[Any]) -> tuple[Any, ...]:
        """Return the fields after a command that had `before`."""
        if not 1 <= len(texts) <= len(self.fields):
            raise CommandError(f"{self.header} takes up to {len(self.fields)} values")
        given = dict(enumerate(texts))
        return tuple(
            kind.parse(given[n]) if given.get(n) else before[n]
            for n, kind in enumerate(self.fields)
        )

    def answer(self, fields: Sequence[Any]) -> str:
        """Return the fields as they are answered."""
        return ",".join(kind.text(value) for kind, value in zip(self.fields, fields, strict=True))


def alone(act: Callable[[], Any]) -> Callable[[Sequence[str]], Any]:
    """Return a handler of a header that takes no parameters."""

    def handle(texts: Sequence[str]) -> Any:
        if texts:
            raise CommandError("takes no parameters")
        return act()

    return handle


def one(texts: Sequence[str], kind: Kind) -> Any:
    """Return the one parameter of a query; raises CommandError if there are more or none."""
    if len(texts) != 1:
        raise CommandError("takes one parameter")
    return kind.parse(texts[0])
