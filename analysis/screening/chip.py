"""A chip to be screened: its junctions with places and limits, known resistors, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from nanojunction.analysis.geometry import Area, circle_m2
from nanojunction.analysis.screening.thresholds import DEFAULT_THRESHOLDS, Thresholds

Grid = int | str
"""A column or a row of the chip: a whole number, or a text."""


@dataclass(frozen=True, slots=True)
class Junction:
    """One junction of a chip; what its own entry leaves out is the chip's.

    `position` is that of the station's switch, "" where the file does not say. `x_m` and `y_m` are
    its place on the chip, `column` and `row` that of the map; None where they are not given.
    `split` and `stack` are "" where none is named, and `diameter_m` and the dwell None.
    """

    name: str
    max_voltage_V: float
    max_current_A: float
    position: str = ""
    x_m: float | None = None
    y_m: float | None = None
    column: Grid | None = None
    row: Grid | None = None
    split: str = ""
    stack: str = ""
    diameter_m: float | None = None
    max_dwell_in_compliance_s: float | None = None

    @property
    def area(self) -> Area | None:
        """The area that follows from the diameter, None where it is not stated."""
        if self.diameter_m is None:
            return None
        words = f"diameter {self.diameter_m * 1e6:g} um"
        return Area(circle_m2(self.diameter_m), 0.0, words, "chip file")


@dataclass(frozen=True, slots=True)
class Calibration:
    """A known resistor: measured before the junctions, and again after them."""

    name: str
    nominal_ohm: float
    position: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip as its file states it.

    `stacks` maps a stack's name to its layers from bottom to top. `protocol` is the file's table as
    it stands: those who measure check it. `max_voltage_V` and `max_current_A` are None where every
    junction has its own.
    """

    name: str
    junctions: tuple[Junction, ...]
    calibrations: tuple[Calibration, ...] = ()
    stacks: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    thresholds: Thresholds = DEFAULT_THRESHOLDS
    protocol: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    max_voltage_V: float | None = None
    max_current_A: float | None = None

    def junction(self, name: str) -> Junction:
        """Return the junction of a name; raises KeyError with a sentence if the chip has none."""
        for one in self.junctions:
            if one.name == name:
                return one
        raise KeyError(f"the chip has no junction {name!r}")
