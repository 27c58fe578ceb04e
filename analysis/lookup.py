"""Looking quantities up by their keys, with sentences for what is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nanojunction.analysis.notation import symbol_of
from nanojunction.analysis.values import Curve, Quantity
from nanojunction.common.names import did_you_mean


class Lookup:
    """What has quantities by their keys: numbers with `[key]`, curves with `curve(key)`.

    >>> from nanojunction.analysis import analyse_iv
    >>> result = analyse_iv(voltage_V=[-0.1, 0.0, 0.1], current_A=[-1e-6, 0.0, 1e-6])
    >>> "r_s_ohm" in result, "mr" in result
    (True, False)
    >>> result["r_s"]
    Traceback (most recent call last):
    ...
    LookupError: RunResult has no 'r_s'; did you mean r_s_ohm?
    """

    __slots__ = ()
    quantities: Mapping[str, Any]

    def __getitem__(self, key: str) -> Quantity:
        """Return a number by its key, with the unit that the key names.

        Raises LookupError where there is none, or something else than a number.
        """
        item = self.quantities.get(key)
        if isinstance(item, Quantity):
            return replace(item, unit=symbol_of(key).unit)
        raise LookupError(self._why_not(key, "a number"))

    def curve(self, key: str) -> Curve:
        """Return a curve by its key; raises LookupError where there is none."""
        item = self.quantities.get(key)
        if isinstance(item, Curve):
            return item
        raise LookupError(self._why_not(key, "a curve"))

    def __contains__(self, key: object) -> bool:
        return key in self.quantities

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.quantities)})"

    def __str__(self) -> str:
        lines = []
        for key, item in self.quantities.items():
            text = str(self[key]) if isinstance(item, Quantity) else _in_words(item)
            lines.append(f"{key:<22} {text}")
        return "\n".join(lines)

    def _why_not(self, key: str, wanted: str) -> str:
        name = type(self).__name__
        if key not in self.quantities:
            meant = did_you_mean(key, self.quantities) or f"; it has {', '.join(self.quantities)}"
            return f"{name} has no {key!r}{meant}"
        item = self.quantities[key]
        how = f".quantities[{key!r}]"
        if isinstance(item, Quantity):
            how = f"[{key!r}]"
        elif isinstance(item, Curve):
            how = f".curve({key!r})"
        return f"{key!r} of {name} is not {wanted} but {_in_words(item)}: take {how}"


def with_units(quantities: Mapping[str, Any]) -> dict[str, Any]:
    """Return quantities by their keys, the numbers among them with the units that these name."""
    return {
        key: replace(item, unit=symbol_of(key).unit) if isinstance(item, Quantity) else item
        for key, item in quantities.items()
    }


def _in_words(item: object) -> str:
    if isinstance(item, Quantity):
        return "a number"
    if isinstance(item, Curve):
        return f"a curve of {len(item)} points"
    if isinstance(item, list | tuple):
        return f"a list of {len(item)}"
    if isinstance(item, Mapping):
        return f"a mapping with {', '.join(map(str, item))}"
    return f"a value of type {type(item).__name__}"
