"""PyMeasure parameters for physical quantities: typed with units, kept in SI, to the last bit."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from pymeasure.experiment import FloatParameter, Parameter

#: Units that people write and pint does not take for ours: gauss and oersted as flux density.
FIELD_UNITS_T = {"Oe": 1e-4, "G": 1e-4, "kOe": 0.1, "kG": 0.1}
AS_IS = "as is"
#: A unit, or one over another; pint would also calculate with what it is given.
_UNIT = re.compile(r"[^\W\d_°]+°?[^\W\d_]*(\s*/\s*[^\W\d_]+)?|°[CK]")
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S.*?)?\s*\Z")


def parse_quantity(text: str, unit: str) -> float:
    """Return `text` ('10 mV', '10mV', '0.01') as a number in `unit`; a bare number is in `unit`.

    Raises ValueError with one sentence if it is no number or its unit does not fit.
    """
    match = _NUMBER.match(text)
    if match is None or (match[2] or "").startswith(","):
        hint = "; write decimals with a point" if "," in text else ""
        raise ValueError(f"{text!r} is not a number with a unit like {unit or 'none'}{hint}")
    number, given = float(match[1]), match[2]
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a finite number")
    if given is None or given == unit:
        return number
    if not unit:
        raise ValueError(f"{text!r} has a unit, a bare number is expected")
    if unit.startswith("T") and (head := given.partition("/"))[0] in FIELD_UNITS_T:
        number, given = number * FIELD_UNITS_T[head[0]], "T" + head[1] + head[2]
        if given == unit:
            return float(f"{number:.15g}")
    return _converted(number, given, unit, text)


def _converted(number: float, given: str, unit: str, text: str) -> float:
    import pint
    from pymeasure.units import ureg

    if _UNIT.fullmatch(given) is None:
        raise ValueError(f"{text!r} has the unit {given!r}, {unit} is expected")
    try:
        value = ureg.Quantity(number, given.replace("Ω", "ohm")).m_as(unit)
    except (
        pint.errors.PintError,
        AttributeError,
        TypeError,
        ValueError,
        AssertionError,
    ) as problem:
        raise ValueError(f"{text!r} has the unit {given!r}, {unit} is expected") from problem
    return float(f"{value:.15g}")  # 10 mV is 0.01 V, not 0.010000000000000002 V


def parse_target(text: str, unit: str) -> float | None:
    """Return a quantity in `unit`, or None for 'as is'; raises ValueError for anything else."""
    return None if text.strip() == AS_IS else parse_quantity(text, unit)


def parse_quantities(text: str, unit: str) -> tuple[float, ...]:
    """Return a list such as '0, 10mV, -10mV, 0' or '40:360:40' (start:stop:step) in `unit`.

    Raises ValueError with one sentence.
    """
    values: list[float] = []
    if not text.strip():
        return ()
    for part in text.strip().strip("[]()").split(","):
        ends = part.split(":")
        if len(ends) == 1:
            values.append(parse_quantity(part, unit))
        elif len(ends) == 3:
            values += _range(*(parse_quantity(end, unit) for end in ends), text=part)
        else:
            raise ValueError(f"{part!r} is no range; write start:stop:step")
    return tuple(values)


def _range(start: float, stop: float, step: float, *, text: str) -> list[float]:
    if step == 0.0 or (stop - start) * step < 0.0:
        raise ValueError(f"{text!r} never arrives: its step has the wrong sign or is zero")
    count = (stop - start) / step
    if abs(count - round(count)) > 1e-6:
        raise ValueError(f"{text!r}: the step does not divide the range")
    return [float(f"{start + k * step:.12g}") for k in range(round(count) + 1)]


class QuantityParameter(FloatParameter):
    """A quantity in SI that is also typed with a unit: '10 mV', '0.3 T/min', '2000 Oe'."""

    def __init__(self, name: str, units: str = "", **settings: Any) -> None:
        super().__init__(name, units=units, **settings)

    def convert(self, value: Any) -> float:
        """Return `value` in `units`; raises ValueError for what is no quantity or out of range."""
        number = parse_quantity(value, self.units) if isinstance(value, str) else float(value)
        if not self.minimum <= number <= self.maximum:
            raise ValueError(
                f"{number:g} {self.units} is not between {self.minimum:g} and "
                f"{self.maximum:g} {self.units}".replace("  ", " ")
            )
        return number

    def __str__(self) -> str:
        """Return every digit, as the header of a run file needs it."""
        return f"{self._value!r} {self.units}".strip() if self.is_set() else ""


class TargetParameter(Parameter):
    """A quantity to go to before the run, or 'as is': left where it is.

    The value is text, as PyMeasure's inputs need it; `parse_target` makes a number of it.
    """

    def __init__(self, name: str, units: str = "", **settings: Any) -> None:
        self.units = units
        super().__init__(name, default=AS_IS, **settings)

    def convert(self, value: Any) -> str:
        """Return the quantity with every digit and its unit, or 'as is'; raises ValueError."""
        number = parse_target(value, self.units) if isinstance(value, str) else float(value)
        return AS_IS if number is None else f"{number!r} {self.units}"


class QuantityListParameter(Parameter):
    """Several quantities: '0, 10 mV, -10 mV, 0', or a range '40:360:40'.

    The value is text, as PyMeasure's inputs need it; `parse_quantities` makes numbers of it.
    """

    def __init__(self, name: str, units: str = "", **settings: Any) -> None:
        self.units = units
        super().__init__(name, **settings)

    def convert(self, value: Any) -> str:
        """Return the quantities with every digit and their unit; raises ValueError."""
        if isinstance(value, str):
            numbers = parse_quantities(value, self.units)
        elif isinstance(value, Sequence):
            numbers = tuple(float(item) for item in value)
        else:
            raise ValueError(f"{value!r} is no list of quantities")
        return ", ".join(f"{number!r} {self.units}" for number in numbers)
