"""What every result is made of: a number or a curve with its uncertainty, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pandas import DataFrame
    from uncertainties import UFloat

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in SI (energies in meV) with its statistical standard error.

    `value` is None where it could not be determined, and `note` then says why. `syst` is the
    measuring line's contribution where a calibration was given. `extra` holds what belongs to the
    definition (convention, window_V, crossings_V, …); its keys go into the JSON beside the value.
    `unit` is that of the text only: "V", "Ω", "%" for a fraction that is written in percent.

    >>> print(Quantity(25901.2, 21.0, unit="Ω"))
    25.901(21) kΩ
    >>> Quantity(None, note="I does not cross zero in the swept range")
    Quantity(not determined: I does not cross zero in the swept range)
    """

    value: float | None
    stderr: float | None = None
    note: str | None = None
    syst: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    unit: str = field(default="", compare=False)

    def __str__(self) -> str:
        from nanojunction.analysis.notation import MINUS, NO_BREAK, measured

        text = measured(self, self.unit)
        if text is None:
            return f"not determined: {self.note}" if self.note else "not determined"
        if not self.unit and self.stderr and not 1e-4 <= abs(self.value or 1.0) < 1e7:
            return f"{self.ufloat():S}"  # no prefix takes the zeros away
        return text.replace(MINUS, "-").replace(NO_BREAK, " ")

    def __repr__(self) -> str:
        return f"Quantity({self})"

    def ufloat(self) -> UFloat:
        """Return value and standard error in SI as a number of the package uncertainties.

        Raises ValueError, with the reason, where one of them is not known.

        >>> v_off, i_off = Quantity(4.05e-3, 1e-5).ufloat(), Quantity(-26e-6, 2e-7).ufloat()
        >>> print(f"{-v_off / i_off:.1uS}")
        156(1)
        """
        from uncertainties import ufloat

        if self.value is None:
            raise ValueError(f"there is no value: {self.note or 'it was not determined'}")
        if self.stderr is None:
            reason = self.note or "it could not be determined"
            raise ValueError(f"{self.value:g} has no standard error: {reason}")
        return ufloat(self.value, self.stderr)

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
    """A curve: y over x with standard errors, one length; masked points are NaN (null in JSON)."""

    x: Array
    y: Array
    stderr: Array
    note: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        if len(self) == 0:
            return "Curve(no points)"
        return f"Curve({len(self)} points, x from {np.min(self.x):g} to {np.max(self.x):g})"

    def to_frame(self) -> DataFrame:
        """Return x, y and stderr as the columns of a table (pandas)."""
        from pandas import DataFrame

        return DataFrame({"x": self.x, "y": self.y, "stderr": self.stderr})

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
