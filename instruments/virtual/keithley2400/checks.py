"""What the Keithley 2400 refuses because of its other settings.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 6 and 18, appendix B.
Each check takes the settings and a parsed value and returns the value to keep, or raises
ScpiError with the instrument's code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from nanojunction.instruments.virtual.keithley2400.settings import (
    CURRENT_RANGES,
    VOLTAGE_RANGES,
    Settings2400,
)
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import range_for

Check = Callable[[Settings2400, float], float]

#: Corners of the source's operating area: 21 V up to 1.05 A, 210 V up to 105 mA.
_LOW_VOLTAGE, _LOW_CURRENT = 21.0, 0.105
#: Of one acquisition that ends, and how many of an endless one are kept.
MOST_READINGS = 2500


def _exceeds(value: float, bound: float) -> bool:
    return abs(value) > bound * (1.0 + 1e-9)


def _current_compliance(s: Settings2400, value: float) -> float:
    if not s.current_auto and _exceeds(1e-3 * s.current_range, abs(value)):
        raise ScpiError(822)
    if _exceeds(s.voltage_level, _LOW_VOLTAGE) and _exceeds(value, _LOW_CURRENT):
        raise ScpiError(826)
    return abs(value)


def _voltage_compliance(s: Settings2400, value: float) -> float:
    if not s.voltage_auto and _exceeds(1e-3 * s.voltage_range, abs(value)):
        raise ScpiError(822)
    if _exceeds(s.current_level, _LOW_CURRENT) and _exceeds(value, _LOW_VOLTAGE):
        raise ScpiError(826)
    return abs(value)


def _current_range(s: Settings2400, value: float) -> float:
    compliance = range_for(s.current_compliance, CURRENT_RANGES)
    if s.source_function == "VOLT" and _exceeds(value, compliance):
        raise ScpiError(824)
    return value


def _voltage_range(s: Settings2400, value: float) -> float:
    compliance = range_for(s.voltage_compliance, VOLTAGE_RANGES)
    if s.source_function == "CURR" and _exceeds(value, compliance):
        raise ScpiError(824)
    return value


def _voltage_level(s: Settings2400, value: float) -> float:
    if not s.source_voltage_auto and _exceeds(value, s.source_voltage_range):
        raise ScpiError(-222)
    if _exceeds(value, _LOW_VOLTAGE) and _exceeds(s.current_compliance, _LOW_CURRENT):
        raise ScpiError(826)
    return value


def _current_level(s: Settings2400, value: float) -> float:
    if not s.source_current_auto and _exceeds(value, s.source_current_range):
        raise ScpiError(-222)
    if _exceeds(value, _LOW_CURRENT) and _exceeds(s.voltage_compliance, _LOW_VOLTAGE):
        raise ScpiError(826)
    return value


def _line_frequency(s: Settings2400, value: float) -> float:
    if value not in (50, 60):
        raise ScpiError(-222)
    return value


def _arm_count(s: Settings2400, value: float) -> float:
    if math.isfinite(value) and value * s.trigger_count > MOST_READINGS:
        raise ScpiError(-222)
    return value


def _trigger_count(s: Settings2400, value: float) -> float:
    if math.isfinite(s.arm_count) and value * s.arm_count > MOST_READINGS:
        raise ScpiError(-222)
    return value


def check_sweep(s: Settings2400, levels: Sequence[float], voltage: bool) -> None:
    """Raise ScpiError for a sweep (V or A) beyond a fixed source range or the operating area."""
    fixed = s.sweep_ranging == "FIX"
    check = _voltage_level if voltage else _current_level
    full_scale = s.source_voltage_range if voltage else s.source_current_range
    for level in levels:
        if fixed and _exceeds(level, full_scale):
            raise ScpiError(-222)
        check(s, level)


CHECKS: Mapping[str, Check] = {
    "current_compliance": _current_compliance,
    "voltage_compliance": _voltage_compliance,
    "current_range": _current_range,
    "voltage_range": _voltage_range,
    "voltage_level": _voltage_level,
    "current_level": _current_level,
    "line_frequency": _line_frequency,
    "arm_count": _arm_count,
    "trigger_count": _trigger_count,
}
