"""What is said of conditions that contradict each other, or did not stay."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from nanojunction.analysis.reading.conditions import conditions_of
from nanojunction.analysis.values import Array

_RELATIVE = 0.03
_SMALL = {"temperature_K": 0.5, "field_T": 2e-3}
_BLOCKS = 10


def contradictions(
    header: Mapping[str, str],
    named: Mapping[str, str | float],
    columns: Mapping[str, Array],
    settled: Collection[str],
) -> list[str]:
    """Return a warning for each temperature or field of which a file states two.

    `named` is from the file's name, `columns` are in SI. Two that differ by less than 3 % and
    0.5 K or 2 mT may be a setpoint and what was reached. Nothing is said of the keys in `settled`,
    about which notes decide.
    """
    stated = conditions_of(header, {})
    said_twice = [key for key in _SMALL if key in named or getattr(stated, key) is not None]
    warnings = []
    for key in set(said_twice) - set(settled):
        found: dict[str, tuple[float, float]] = {}
        if key in named:
            found["the file's name"] = (float(named[key]), float(named[key]))
        quantity, _, symbol = key.partition("_")
        if quantity in columns:
            found["the column"] = (float(columns[quantity].min()), float(columns[quantity].max()))
        if (value := getattr(stated, key)) is not None:
            found["the header"] = (value, value)
        first, *others = [*found.items(), ("", (0.0, 0.0))]
        different = [one for one in others[:-1] if _apart(first[1], one[1], _SMALL[key])]
        if different:
            said = " and ".join(f"{_range(span)} {symbol} in {of}" for of, span in different)
            warnings.append(
                f"the {quantity} is {_range(first[1])} {symbol} in {first[0]}, but {said}: "
                f"{first[0]} is followed; correct it in notes if it is wrong"
            )
    return sorted(warnings)


def _apart(a: tuple[float, float], b: tuple[float, float], small: float) -> bool:
    gap = max(a[0] - b[1], b[0] - a[1])
    return gap > small + _RELATIVE * max(map(abs, (*a, *b)))


def _range(span: tuple[float, float]) -> str:
    low, high = (f"{value:.5g}" for value in span)
    return low if low == high else f"{low} to {high}"


def unsteady(temperature_K: Array) -> list[str]:
    """Return a warning where the temperature (K, in order of time) did not stay within 3 %."""
    if len(temperature_K) < _BLOCKS or float(np.ptp(temperature_K)) <= _SMALL["temperature_K"]:
        return []
    # Means of blocks, so that a sensor's noise is no change.
    means = [float(block.mean()) for block in np.array_split(temperature_K, _BLOCKS)]
    low, high = min(means), max(means)
    if high - low <= max(_SMALL["temperature_K"], _RELATIVE * high):
        return []
    return [
        f"the temperature did not stay: {low:.4g} to {high:.4g} K during the run, which counts "
        "with its mean"
    ]
