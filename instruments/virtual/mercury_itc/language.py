"""The language of an Oxford Mercury: verbs, a tree of nouns, values with their units.

Source: MercuryiTC operator's manual UMC0071 (issue 05, 2015), sections 8.3.1 to 8.3.6. A request
`READ:DEV:MB1.T1:TEMP:LOOP:P:I` asks for two nouns of a branch, `READ:DEV:MB1.T1:TEMP:LOOP` for
the whole branch; `SET:…:LOOP:P:5:I:2` sets two, and each is answered by itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Union

_VALUE = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?|inf)(.*)$", re.ASCII)
_SCALES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}


class InvalidError(Exception):
    """A noun or a value that cannot be interpreted: INVALID."""


class DeniedError(Exception):
    """A change that needs the engineering mode: DENIED."""


class NotApplicableError(Exception):
    """A function that does not apply to the device: N/A."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A leaf of the tree; without `write` it is read only. A value has `words` parts, with `:`."""

    read: Callable[[], str] | None = None
    write: Callable[[str], None] | None = None
    words: int = 1

    def answer(self) -> str:
        """Return the value, or why there is none."""
        try:
            return "INVALID" if self.read is None else self.read()
        except NotApplicableError:
            return "N/A"

    def change(self, value: str) -> str:
        """Set the value and return how that went."""
        try:
            if self.write is None:
                return "INVALID"
            self.write(value)
        except InvalidError:
            return "INVALID"
        except DeniedError:
            return "DENIED"
        except NotApplicableError:
            return "N/A"
        return "VALID"


Branch = Mapping[str, Union[Noun, "Branch"]]


def read(branch: Branch, names: Sequence[str]) -> str:
    """Return the nouns asked for as `NAME:value:…`, the whole branch if none is named."""
    parts: list[str] = []
    wanted = list(names) or [name for name, node in branch.items() if _is_readable(node)]
    while wanted:
        name = wanted.pop(0)
        node = branch.get(name)
        if node is None:
            return ":".join([*parts, name, "INVALID"])
        if isinstance(node, Noun):
            parts += [name, node.answer()]
        else:
            deeper, wanted = (wanted, []) if names else ([], wanted)
            parts += [name, read(node, deeper)]
    return ":".join(parts)


def _is_readable(node: Noun | Branch) -> bool:
    return node.read is not None if isinstance(node, Noun) else True


def write(branch: Branch, words: Sequence[str]) -> str:
    """Set the nouns given as `NAME:value:…`; return each with VALID, INVALID, DENIED or N/A."""
    if not words:
        return "INVALID"
    name, *rest = words
    node = branch.get(name)
    if node is None:
        return ":".join([name, "INVALID"])
    if not isinstance(node, Noun):
        return f"{name}:{write(node, rest)}"
    value, rest = ":".join(rest[: node.words]), rest[node.words :]
    done = ":".join([name, *([value] if value else []), node.change(value)])
    return f"{done}:{write(branch, rest)}" if rest else done


def number(text: str, unit: str, low: float, high: float) -> float:
    """Return a number, with or without its unit and a scale (`100mV`); raises InvalidError."""
    match = _VALUE.match(text.strip())
    if match is None:
        raise InvalidError
    rest = match[2].strip()
    scale = rest.removesuffix(unit) if unit and rest.endswith(unit) else rest
    if scale not in _SCALES or (scale == rest and rest != ""):
        raise InvalidError
    value = float(match[1]) * _SCALES[scale]
    if not low <= value <= high:
        raise InvalidError
    return value


def signal(value: float, unit: str) -> str:
    """Return a measured value with its scale and unit, four digits after the point."""
    for scale, factor in (("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("u", 1e-6)):
        if abs(value) >= factor:
            return f"{value / factor:.4f}{scale}{unit}"
    return f"{value / 1e-9:.4f}n{unit}" if value else f"0.0000{unit}"


@dataclass(slots=True)
class Store:
    """Settings of a device by name, and the nouns that read and set them."""

    values: dict[str, float | str]

    def number(self, name: str, unit: str, low: float, high: float) -> Noun:
        """Return the noun of a number with limits."""

        def text() -> str:
            value = float(self.values[name])
            return f"inf{unit}" if math.isinf(value) else f"{value:.4f}{unit}"

        def change(given: str) -> None:
            self.values[name] = number(given, unit, low, high)

        return Noun(text, change)

    def whole(self, name: str, high: int) -> Noun:
        """Return the noun of a whole number from 0 on."""

        def change(given: str) -> None:
            value = number(given, "", 0, high)
            if value != int(value):
                raise InvalidError
            self.values[name] = value

        return Noun(lambda: f"{float(self.values[name]):.0f}", change)

    def word(self, name: str, allowed: Sequence[str] = ()) -> Noun:
        """Return the noun of a text, one of `allowed` if there are any."""

        def change(given: str) -> None:
            if not given or (allowed and given not in allowed):
                raise InvalidError
            self.values[name] = given

        return Noun(lambda: str(self.values[name]), change)

    def fixed(self, name: str) -> Noun:
        """Return the noun of what cannot be set."""
        return Noun(lambda: str(self.values[name]))
