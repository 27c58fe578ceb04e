"""Curves and sensors of a virtual Lake Shore 335 or 336: from kelvin to sensor units and back.

The tables stand for the shape of a curve; they are rounded and no calibration. Source of formats
and numbers of curves: Model 336 user's manual, chapters 5 (curves) and 6 (CRVHDR, CRVPT, RDGST?).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

Point = tuple[float, float]  # sensor units, kelvin


class Format(IntEnum):
    """The sensor units of a curve."""

    MILLIVOLT = 1
    VOLT = 2
    OHM = 3
    LOG_OHM = 4


class Status(IntFlag):
    """What RDGST? answers; 0 is a valid reading."""

    INVALID = 1
    UNDER_RANGE = 16
    OVER_RANGE = 32
    UNITS_ZERO = 64
    UNITS_OVER_RANGE = 128


#: Sensor types of INTYPE and the formats of the curves that go with them.
DISABLED, DIODE, PLATINUM, NTC = 0, 1, 2, 3
FITS = {DIODE: {Format.VOLT}, PLATINUM: {Format.OHM}, NTC: {Format.OHM, Format.LOG_OHM}}


@dataclass(slots=True)
class Curve:
    """Header and breakpoints of a curve; the points rise in sensor units."""

    name: str
    serial: str
    format: Format
    limit_K: float
    coefficient: int  # 1 negative, 2 positive
    points: dict[int, Point] = field(default_factory=dict)

    def breakpoints(self) -> list[Point]:
        """Return the points that are set, in the order of their sensor units."""
        return sorted(point for point in self.points.values() if any(point))

    def kelvin(self, units: float) -> tuple[float, Status]:
        """Return the temperature for a reading, and whether it lies on the curve."""
        points = self.breakpoints()
        if len(points) < 2:
            return 0.0, Status.INVALID
        x = math.log10(units) if self.format is Format.LOG_OHM and units > 0.0 else units
        (first, first_K), (last, last_K) = points[0], points[-1]
        if not first <= x <= last:
            end_K, other_K = (first_K, last_K) if x < first else (last_K, first_K)
            return 0.0, Status.UNDER_RANGE if end_K < other_K else Status.OVER_RANGE
        return _interpolated(points, x), Status(0)

    def units(self, kelvin: float) -> float:
        """Return the sensor's reading at a temperature; beyond its ends it goes straight on."""
        value = _interpolated(sorted((K, units) for units, K in self.breakpoints()), kelvin)
        return 10.0**value if self.format is Format.LOG_OHM else value


def _interpolated(points: Sequence[Point], x: float) -> float:
    pairs = list(itertools.pairwise(points))
    (x0, y0), (x1, y1) = next((pair for pair in pairs if x <= pair[1][0]), pairs[-1])
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _numbered(points: Sequence[Point]) -> dict[int, Point]:
    return dict(enumerate(sorted(points), start=1))


#: Kelvin and volts, ohms, ohms: a silicon diode, a platinum and a Cernox resistor.
_DT_670 = (
    *((1.4, 1.644), (4.2, 1.578), (10.0, 1.420), (20.0, 1.215), (30.0, 1.107), (50.0, 1.073)),
    *((77.35, 1.028), (100.0, 0.987), (150.0, 0.888), (200.0, 0.785), (250.0, 0.673)),
    *((300.0, 0.560), (350.0, 0.442), (400.0, 0.323), (450.0, 0.204), (500.0, 0.091)),
)
_PT_100 = (
    *((20.0, 2.23), (30.0, 3.65), (50.0, 9.39), (77.35, 20.23), (100.0, 29.99), (200.0, 71.01)),
    *((273.15, 100.0), (300.0, 110.45), (400.0, 148.62), (600.0, 222.5), (800.0, 293.0)),
)
_CX_1050 = (
    *((1.4, 26570.0), (2.0, 11840.0), (4.2, 3507.0), (10.0, 1314.0), (20.0, 692.8)),
    *((30.0, 482.9), (50.0, 305.2), (77.35, 205.7), (100.0, 162.8), (150.0, 112.0)),
    *((200.0, 85.9), (250.0, 70.2), (300.0, 59.8), (350.0, 52.3), (420.0, 45.0)),
)
STANDARD = range(1, 21)
USER = range(21, 60)


def curves() -> dict[int, Curve]:
    """Return the standard curves, and user curve 21 of the Cernox; the rest is empty."""
    diode = [(units, K) for K, units in _DT_670]
    platinum = [(units, K) for K, units in _PT_100]
    cernox = [(math.log10(ohm), K) for K, ohm in _CX_1050]
    found = {
        1: Curve("DT-470", "STANDARD C", Format.VOLT, 475.0, 1),
        2: Curve("DT-670", "STANDARD C", Format.VOLT, 500.0, 1, _numbered(diode)),
        3: Curve("DT-500-D", "STANDARD C", Format.VOLT, 365.0, 1),
        4: Curve("DT-500-E1", "STANDARD C", Format.VOLT, 330.0, 1),
        6: Curve("PT-100", "STANDARD C", Format.OHM, 800.0, 2, _numbered(platinum)),
        7: Curve("PT-1000", "STANDARD C", Format.OHM, 800.0, 2),
        8: Curve("RX-102A-AA", "STANDARD C", Format.LOG_OHM, 40.0, 1),
        9: Curve("RX-202A-AA", "STANDARD C", Format.LOG_OHM, 40.0, 1),
        12: Curve("Type K", "STANDARD C", Format.MILLIVOLT, 1645.0, 2),
        13: Curve("Type E", "STANDARD C", Format.MILLIVOLT, 1274.0, 2),
        14: Curve("Type T", "STANDARD C", Format.MILLIVOLT, 673.0, 2),
        15: Curve("AuFe 0.03%", "STANDARD C", Format.MILLIVOLT, 500.0, 2),
        16: Curve("AuFe 0.07%", "STANDARD C", Format.MILLIVOLT, 610.0, 2),
    }
    for n in (*STANDARD, *USER):
        found.setdefault(n, empty(n))
    found[21] = Curve("CX-1050", "X123456", Format.LOG_OHM, 420.0, 1, _numbered(cernox))
    return found


def empty(n: int) -> Curve:
    """Return curve n without points."""
    name = f"User {n}" if n in USER else ""
    return Curve(name, "", Format.VOLT, 375.0, 1)


@dataclass(frozen=True, slots=True)
class Sensor:
    """What is screwed to an input: its type, the law it follows, where it sits in the world."""

    kind: int
    law: Curve
    place: int  # the number that the world knows the thermometer by


@dataclass(slots=True)
class Reading:
    """A reading of an input in kelvin and in sensor units; 0 K if it is not valid."""

    kelvin: float
    units: float
    status: Status


def read(
    sensor: Sensor | None,
    kind: int,
    curve: Curve | None,
    thermometer_K: Callable[[int], float],
) -> Reading:
    """Read an input that is set to `kind` and `curve`; an open one is over range."""
    if kind == DISABLED:
        return Reading(0.0, 0.0, Status.INVALID)
    if sensor is None or sensor.kind != kind:
        return Reading(0.0, 0.0, Status.INVALID | Status.UNITS_OVER_RANGE)
    units = sensor.law.units(thermometer_K(sensor.place))
    if curve is None:
        return Reading(0.0, units, Status.INVALID)
    kelvin, status = curve.kelvin(units)
    return Reading(kelvin, units, status)
