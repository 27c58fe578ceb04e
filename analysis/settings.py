"""The choices that a person makes about an analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

SlopeConvention = Literal["local_zero", "chord", "local_offset"]


@dataclass(frozen=True, slots=True)
class IVSettings:
    """How an I(V) is analysed.

    `window_V` is the half width of the slope's window (None: chosen from the data), `chord_V` the
    voltage of the chord (None: 10 mV, or the end of a shorter range).
    """

    slope_convention: SlopeConvention = "local_zero"
    window_V: float | None = None
    chord_V: float | None = None

    def __post_init__(self) -> None:
        for name in ("window_V", "chord_V"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}: give a positive voltage in V")


DEFAULTS = IVSettings()
