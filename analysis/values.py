"""What every result is made of: a number or a curve with its uncertainty, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in SI (energies in meV) with its statistical standard error.

    `value` is None where it could not be determined, and `note` then says why. `syst` is the
    measuring line's contribution where a calibration was given. `extra` holds what belongs to the
    definition (convention, window_V, crossings_V, …); its keys go into the JSON beside the value.
    """

    value: float | None
    stderr: float | None = None
    note: str | None = None
    syst: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object; what is not finite becomes null."""
        out: dict[str, Any] = {
            "value": finite(self.value),
            "stderr": finite(self.stderr),
            "note": self.note,
        }
        if self.syst is not None:
            out["syst"] = finite(self.syst)
        out.update({key: plain(value) for key, value in self.extra.items()})
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """y over x with standard errors, all of one length; masked points are NaN (null in JSON)."""

    x: Array
    y: Array
    stderr: Array
    note: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object; NaN becomes null."""
        out: dict[str, Any] = {
            "x": plain(self.x),
            "y": plain(self.y),
            "stderr": plain(self.stderr),
            "note": self.note,
        }
        out.update({key: plain(value) for key, value in self.extra.items()})
        return out


def finite(value: float | None) -> float | None:
    """Return `value` as a float, or None for None, NaN and infinities."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def plain(value: Any) -> Any:
    """Return `value` as JSON knows it: numpy and non-finite numbers made plain, arrays to lists."""
    if isinstance(value, Quantity | Curve):
        return value.to_json()
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


def _plain_array(array: NDArray[Any]) -> list[Any]:
    if array.ndim == 1 and array.dtype.kind == "f" and np.isfinite(array).all():
        plain_numbers: list[Any] = array.tolist()  # the usual case, far faster than one by one
        return plain_numbers
    return [plain(item) for item in array.tolist()]
