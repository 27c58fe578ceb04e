"""The Keithley 2450's ranges and settings with their *RST values.

Source: Model 2450 Reference Manual (2450-901-01), section 6 (default values of the commands).
Ranges are named by the instrument without the 5 % that they reach beyond.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CURRENT_RANGES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
VOLTAGE_RANGES = (0.02, 0.2, 2.0, 20.0, 200.0)
RESISTANCE_RANGES = (20.0, 200.0, 2e3, 2e4, 2e5, 2e6, 2e7, 2e8)
RANGES = {"VOLT": VOLTAGE_RANGES, "CURR": CURRENT_RANGES, "RES": RESISTANCE_RANGES}

#: How far a range reaches beyond its name.
FULL_SCALE = 1.05

#: Automatic source delay (s) by current range, longer on the sensitive ones: a choice.
AUTO_DELAYS = (50e-3, 10e-3, 3e-3, 2e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3)

#: What a change of range costs (s) beside the measurement that is repeated: a choice.
RANGE_CHANGE_S = 5e-3

#: What the instrument itself takes from one point of a sweep to the next (s): at 0.01 PLC and
#: 50 Hz it makes 1580 source-measure points a second (specifications, system measurement speeds).
BETWEEN_POINTS_S = 0.43e-3

#: How long (s) the references of the automatic zero stay valid: a choice; the manual (section 2,
#: automatic reference measurements) says only that it depends on the aperture.
REFERENCE_VALID_S = 10.0

#: Levels of the overvoltage protection (V).
PROTECTION = {f"PROT{v}": float(v) for v in (2, 5, 10, 20, 40, 60, 80, 100, 120, 140, 160, 180)}


@dataclass(slots=True, kw_only=True)
class UserDelays:
    """Five delays (s) that a trigger model can wait for by their numbers."""

    user_delay_1: float = 0.0
    user_delay_2: float = 0.0
    user_delay_3: float = 0.0
    user_delay_4: float = 0.0
    user_delay_5: float = 0.0


@dataclass(slots=True)
class SourceSide(UserDelays):
    """The settings of one source function; a source configuration list stores copies of it."""

    level: float
    range: float
    limit: float
    auto: bool = True
    delay: float = 0.0
    delay_auto: bool = True
    readback: bool = True
    high_capacitance: bool = False
    off_mode: str = "NORM"


@dataclass(slots=True)
class SenseSide(UserDelays):
    """The settings of one measure function."""

    range: float
    lower: float
    unit: str
    upper: float = 2e8
    auto: bool = True
    nplc: float = 1.0
    autozero: bool = True
    four_wire: bool = False
    filter_on: bool = False
    filter_count: int = 10
    filter_kind: str = "REP"
    relative: float = 0.0
    relative_on: bool = False
    offset_compensated: bool = False
    digits: int = 5


def _sources() -> dict[str, SourceSide]:
    return {
        "VOLT": SourceSide(0.0, VOLTAGE_RANGES[0], 1.05e-4),
        "CURR": SourceSide(0.0, CURRENT_RANGES[0], 21.0),
    }


def _senses() -> dict[str, SenseSide]:
    return {
        "CURR": SenseSide(1e-4, 1e-8, "AMP"),
        "VOLT": SenseSide(20.0, 0.02, "VOLT"),
        "RES": SenseSide(2e5, 20.0, "OHM"),
    }


@dataclass(slots=True)
class Settings2450:
    """What *RST resets; SI units, words in SCPI's short form."""

    source: dict[str, SourceSide] = field(default_factory=_sources)
    sense: dict[str, SenseSide] = field(default_factory=_senses)
    source_function: str = "VOLT"
    sense_function: str = "CURR"
    protection: str = "NONE"
    terminals: str = "FRON"
    interlock: bool = False
    count: int = 1
    data_format: str = "ASC"
    precision: int = 0
    byte_order: str = "SWAP"
    display_light: str = "ON100"
