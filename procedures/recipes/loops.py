"""What a loop runs over: the values of one key, with the label that each has in the runs' keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pymeasure.experiment import Parameter

from nanojunction.procedures.quantities import (
    QuantityListParameter,
    QuantityParameter,
    TargetParameter,
    parse_quantities,
    parse_quantity,
)
from nanojunction.procedures.recipes.recipe_file import Value

_BARE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class LoopValue:
    """One value of a loop, in SI where it is a quantity, and its label (`360 K`)."""

    value: Value
    label: str


def repeats(given: str | tuple[Value, ...]) -> tuple[LoopValue, ...]:
    """Return the passes of `repeat = N`; raises ValueError unless N is a whole number ≥ 1."""
    only = given[0] if isinstance(given, tuple) and len(given) == 1 else given
    if isinstance(only, str) and only.strip().isdecimal():
        only = int(only)
    if not isinstance(only, int) or isinstance(only, bool) or only < 1:
        raise ValueError("must be a whole number from 1, such as repeat = 2")
    if only > 100_000:
        raise ValueError("more than 100000 repeats are no plan")
    return tuple(LoopValue(count, str(count)) for count in range(1, only + 1))


def names(given: str | tuple[Value, ...]) -> tuple[LoopValue, ...]:
    """Return the names in a list such as 'J01, J02'; raises ValueError for one that is empty."""
    parts = given.split(",") if isinstance(given, str) else [str(item) for item in given]
    found = [part.strip() for part in parts]
    if not all(found):
        raise ValueError('must be names such as "J01, J02"')
    return tuple(LoopValue(name, name) for name in found)


def parameter_values(given: str | tuple[Value, ...], parameter: Parameter) -> tuple[LoopValue, ...]:
    """Return the values of a procedure's parameter; raises ValueError with one sentence."""
    if isinstance(parameter, QuantityListParameter):
        if isinstance(given, str):
            raise ValueError('each value is a list itself: write ["0, 1 mV", "0, 2 mV"]')
        return tuple(LoopValue(item, str(item)) for item in given)
    if not isinstance(parameter, QuantityParameter | TargetParameter):
        return names(given)
    unit: str = parameter.units
    if isinstance(given, str):
        refuse_mixed_units(given, unit)
        numbers = parse_quantities(given, unit)
    else:
        numbers = tuple(_number(item, unit) for item in given)
    if not numbers:
        raise ValueError("must have at least one value")
    return tuple(LoopValue(number, f"{number:.12g} {unit}".strip()) for number in numbers)


def _number(item: Value, unit: str) -> float:
    if isinstance(item, bool):
        raise ValueError(f"{item!r} is not a quantity in {unit or 'plain numbers'}")
    return parse_quantity(item, unit) if isinstance(item, str) else float(item)


def refuse_mixed_units(text: str, unit: str) -> None:
    """Raise ValueError for '1, 2, 5 mV': a bare number is in V, which nobody means there."""
    parts = [part.strip() for item in text.strip("[]() ").split(",") for part in item.split(":")]
    bare = [part for part in parts if _BARE.fullmatch(part) and float(part) != 0.0]
    units = [part[match.end() :].strip() for part in parts if (match := _BARE.match(part))]
    foreign = [given for given in units if given not in ("", unit)]
    if bare and foreign:
        raise ValueError(
            f"{text!r} mixes bare numbers, which are in {unit or 'no unit'}, with {foreign[0]}: "
            "write the unit after every number"
        )
