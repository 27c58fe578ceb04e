"""What the Keithley 2450 refuses because of its other settings.

Source: Model 2450 Reference Manual (2450-901-01), section 4 (operating boundaries), section 6.
Each check takes unit and parsed value and returns the value to keep, or raises ScpiError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nanojunction.instruments.virtual.keithley2450.settings import FULL_SCALE, PROTECTION
from nanojunction.instruments.virtual.keithley2450.unit import SourceMeasureUnit
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Value

Check = Callable[[SourceMeasureUnit, Value], Value]

#: Corners of the source's operating area: 21 V up to 1.05 A, 210 V up to 105 mA.
_LOW_VOLTAGE, _LOW_CURRENT = 21.0, 0.105
#: A limit lies above this part of a locked measuring range.
_LEAST_OF_RANGE = 1e-3


def _exceeds(value: float, bound: float) -> bool:
    return abs(value) > bound * (1.0 + 1e-9)


def _level(function: str, low: float, other_low: float) -> Check:
    def check(unit: SourceMeasureUnit, value: Value) -> Value:
        side, level = unit.settings.source[function], float(value)
        if not side.auto and _exceeds(level, FULL_SCALE * side.range):
            raise ScpiError(-222)
        if _exceeds(level, low) and _exceeds(side.limit, other_low):
            raise ScpiError(-221)
        return level

    return check


def _limit(function: str, other: str, low: float, other_low: float) -> Check:
    def check(unit: SourceMeasureUnit, value: Value) -> Value:
        s, limit = unit.settings, float(value)
        sense = s.sense[other]
        if not sense.auto and limit < _LEAST_OF_RANGE * sense.range:
            raise ScpiError(-221)
        if _exceeds(s.source[function].level, low) and _exceeds(limit, other_low):
            raise ScpiError(-221)
        if function == "CURR" and s.protection != "NONE":
            limit = min(limit, PROTECTION[s.protection])
        return limit

    return check


def _range(function: str) -> Check:
    def check(unit: SourceMeasureUnit, value: Value) -> Value:
        if _exceeds(unit.settings.source[function].level, FULL_SCALE * float(value)):
            raise ScpiError(-221)
        return value

    return check


CHECKS: Mapping[tuple[str, str], Check] = {
    ("source VOLT", "level"): _level("VOLT", _LOW_VOLTAGE, _LOW_CURRENT),
    ("source CURR", "level"): _level("CURR", _LOW_CURRENT, _LOW_VOLTAGE),
    ("source VOLT", "limit"): _limit("VOLT", "CURR", _LOW_VOLTAGE, _LOW_CURRENT),
    ("source CURR", "limit"): _limit("CURR", "VOLT", _LOW_CURRENT, _LOW_VOLTAGE),
    ("source VOLT", "range"): _range("VOLT"),
    ("source CURR", "range"): _range("CURR"),
}
