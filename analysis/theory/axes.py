"""Swept parameters of a model: what they are called, their units, and their values in order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.values import Array
from nanojunction.models.errors import ModelError

__all__ = ["Axis", "key_of", "parse_axis"]

_MOST = 1_000_000
"""Values on an axis: more are a slip of the finger."""


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """A swept parameter: its name (the option's, with _ for -), its unit or "", its values."""

    name: str
    unit: str
    values: Array

    @property
    def key(self) -> str:
        """What a document calls it: "mu_meV", "t_left_K", "tau_per_meV", "p_left"."""
        return key_of(self.name, self.unit)


def key_of(name: str, unit: str) -> str:
    """Return a parameter's name in a document, with its unit."""
    if not unit:
        return name
    return f"{name}_per_{unit[2:]}" if unit.startswith("1/") else f"{name}_{unit}"


def parse_axis(text: str, units: Mapping[str, str]) -> Axis:
    """Return the axis of "NAME=FROM:TO:N", N values in even steps, both ends included.

    "NAME=FROM:TO:N:log" has even ratios instead. `units` has the unit of each name that may be
    swept; in `text` a name may have dashes, as the option. Raises ModelError with the sentence.

    >>> axis = parse_axis("t-left=1:5:3", {"t_left": "K"})
    >>> axis.key, axis.values.tolist()
    ('t_left_K', [1.0, 3.0, 5.0])
    """
    written, equals, span = text.partition("=")
    name, parts = written.strip().replace("-", "_"), span.split(":")
    logarithmic = len(parts) == 4 and parts[3].strip() == "log"
    if not equals or (len(parts) != 3 and not logarithmic):
        raise ModelError("sweep", f"{text!r} is no NAME=FROM:TO:N, such as {_example(units)}")
    if name not in units:
        known = ", ".join(one.replace("_", "-") for one in units)
        raise ModelError("sweep", f"no parameter {written.strip()!r} to sweep; there are {known}")
    first, last = (_number(part, text) for part in parts[:2])
    count = _count(parts[2], text)
    if first == last:
        raise ModelError("sweep", f"{text!r} begins where it ends; leave it out, and give --{name}")
    if not logarithmic:
        return Axis(name, units[name], np.linspace(first, last, count))
    if first * last <= 0:
        raise ModelError("sweep", f"{text!r}: even ratios need ends of one sign, none of them 0")
    return Axis(name, units[name], np.geomspace(first, last, count))


def _example(units: Mapping[str, str]) -> str:
    return f"{next(iter(units)).replace('_', '-')}=-4:4:321"


def _number(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ModelError("sweep", f"{whole!r}: {text!r} is no number") from None
    if not math.isfinite(number):
        raise ModelError("sweep", f"{whole!r}: {text!r} is not finite")
    return number


def _count(text: str, whole: str) -> int:
    if not (text.strip().isdecimal() and 2 <= int(text) <= _MOST):
        raise ModelError("sweep", f"{whole!r}: {text!r} values; give a whole number, 2 to {_MOST}")
    return int(text)
