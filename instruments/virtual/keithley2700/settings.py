"""The virtual Keithley 2700's functions and plain settings: header, name, how a value is written.

Source: Model 2700 User's Manual (2700-900-01), sections 3 to 8, 14 and tables 15-1 to 15-9.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from nanojunction.instruments.virtual.scpi.codecs import (
    Codec,
    Count,
    Endless,
    Real,
    Switch,
    Value,
    Word,
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the DMM: how it is answered, its unit, its largest range."""

    header: str
    name: str
    unit: str
    maximum: float
    ranges: tuple[float, ...]


_LOW_OHM_RANGES = (1.0, 10.0)
_OHM_RANGES = (1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8)

#: By the short form without `:DC`. Ranges in V, A, ohm; those without ranges have none.
FUNCTIONS: Mapping[str, Function] = {
    "VOLT": Function("VOLTage[:DC]", "VOLT:DC", "VDC", 1010.0, (0.1, 1.0, 10.0, 100.0, 1000.0)),
    "VOLT:AC": Function("VOLTage:AC", "VOLT:AC", "VAC", 757.5, (0.1, 1.0, 10.0, 100.0, 750.0)),
    "CURR": Function("CURRent[:DC]", "CURR:DC", "ADC", 3.03, (0.02, 0.1, 1.0, 3.0)),
    "CURR:AC": Function("CURRent:AC", "CURR:AC", "AAC", 3.03, (1.0, 3.0)),
    "RES": Function("RESistance", "RES", "OHM", 1.2e8, _OHM_RANGES),
    "FRES": Function("FRESistance", "FRES", "OHM4W", 1.2e8, _OHM_RANGES),
    "TEMP": Function("TEMPerature", "TEMP", "C", 0.0, ()),
    "FREQ": Function("FREQuency", "FREQ", "HZ", 0.0, ()),
    "PER": Function("PERiod", "PER", "SECS", 0.0, ()),
    "CONT": Function("CONTinuity", "CONT", "OHM", 0.0, ()),
}


@dataclass(frozen=True, slots=True)
class Mainframe:
    """What the models of the series differ in.

    `low_ohms` are the ranges below 100 ohm of the 2750 and its dry-circuit measurement of them.
    """

    model: str
    slots: int
    most_readings: int
    low_ohms: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A header, the name its value is kept under, its value after *RST, and what it turns off."""

    header: str
    name: str
    codec: Codec
    default: Value
    turns_off: str = ""
    by_channel: bool = False


def _of_function(key: str, function: Function, low_ohms: bool = False) -> list[Setting]:
    head, top = f"[:SENSe[1]]:{function.header}", function.maximum or 1e9
    ranges = (*_LOW_OHM_RANGES, *function.ranges) if low_ohms else function.ranges
    found = [
        Setting(f"{head}:NPLCycles", f"{key} nplc", Real(0.01, 50.0, 5.0), 5.0, by_channel=True),
        Setting(f"{head}:DIGits", f"{key} digits", Count(4, 7, 7), 7, by_channel=True),
        Setting(f"{head}:AVERage[:STATe]", f"{key} filter", Switch(), False, by_channel=True),
        Setting(f"{head}:AVERage:COUNt", f"{key} filter count", Count(1, 100, 10), 10,
                by_channel=True),
        Setting(f"{head}:AVERage:TCONtrol", f"{key} filter kind", Word(("MOVing", "REPeat")),
                "MOV", by_channel=True),
        Setting(f"{head}:AVERage:WINDow", f"{key} window", Real(0.0, 10.0, 0.1), 0.1),
        Setting(f"{head}:REFerence", f"{key} reference", Real(-top, top, 0.0), 0.0,
                by_channel=True),
        Setting(f"{head}:REFerence:STATe", f"{key} relative", Switch(), False, by_channel=True),
    ]  # fmt: skip
    if ranges:
        codec = Real(0.0, function.maximum, ranges[-1], ranges)
        auto = f"{key} auto"
        found += [
            Setting(f"{head}:RANGe[:UPPer]", f"{key} range", codec, ranges[-1], auto,
                    by_channel=True),
            Setting(f"{head}:RANGe:AUTO", auto, Switch(), True, by_channel=True),
        ]  # fmt: skip
    return found


_SOURCES = ("IMMediate", "TIMer", "MANual", "BUS", "EXTernal")

SETTINGS: tuple[Setting, ...] = (
    *(setting for key, function in FUNCTIONS.items() for setting in _of_function(key, function)),
    Setting(":INITiate:CONTinuous", "continuous", Switch(), False),
    Setting(":TRIGger[:SEQuence[1]]:SOURce", "trigger source", Word(_SOURCES), "IMM"),
    Setting(":TRIGger[:SEQuence[1]]:COUNt", "trigger count", Endless(Real(1, math.inf, 1)), 1.0),
    Setting(":TRIGger[:SEQuence[1]]:DELay", "trigger delay", Real(0.0, 999999.999, 0.0), 0.0,
            "trigger delay auto"),
    Setting(":TRIGger[:SEQuence[1]]:DELay:AUTO", "trigger delay auto", Switch(), True),
    Setting(":TRIGger[:SEQuence[1]]:TIMer", "trigger timer", Real(0.001, 999999.999, 0.1), 0.1),
    Setting(":ROUTe:SCAN:LSELect", "scan", Word(("INTernal", "NONE")), "NONE"),
    Setting(":ROUTe:SCAN:NVOLatile", "auto scan", Switch(), False),
    Setting(":ROUTe:MONitor:STATe", "monitor", Switch(), False),
    Setting(":ROUTe:CLOSe:COUNt:INTerval", "closure interval", Count(10, 1440, 15), 15),
    Setting(":TRACe:CLEar:AUTO", "clear buffer", Switch(), True),
    Setting(":TRACe:TSTamp:FORMat", "timestamp", Word(("ABSolute", "DELTa")), "ABS"),
    Setting(":FORMat[:DATA]", "format", Word(("ASCii",)), "ASC"),
    Setting(":FORMat:BORDer", "byte order", Word(("NORMal", "SWAPped")), "SWAP"),
    Setting(":SYSTem:AZERo[:STATe]", "autozero", Switch(), True),
    Setting(":SYSTem:LSYNc[:STATe]", "line synchronisation", Switch(), False),
    Setting(":SYSTem:KCLick", "key click", Switch(), True),
    Setting(":SYSTem:TSTamp:TYPE", "timestamp type", Word(("RELative", "RTCLock")), "REL"),
    Setting(":UNIT:TEMPerature", "temperature unit", Word(("C", "F", "K")), "C"),
    Setting(":DISPlay:ENABle", "display", Switch(), True),
    Setting(":DISPlay[:WINDow[1]]:TEXT:STATe", "display text", Switch(), False),
)  # fmt: skip


def settings_of(mainframe: Mainframe) -> tuple[Setting, ...]:
    """Return the plain settings of a model."""
    samples = Count(1, mainframe.most_readings, 1)
    found = (*SETTINGS, Setting(":SAMPle:COUNt", "sample count", samples, 1))
    if not mainframe.low_ohms:
        return found
    four_wire = _of_function("FRES", FUNCTIONS["FRES"], low_ohms=True)
    dry = Setting("[:SENSe[1]]:FRESistance:DCIRcuit", "dry circuit", Switch(), False,
                  by_channel=True)  # fmt: skip
    return (*found, *four_wire, dry)


_DEFAULTS = {setting.name: setting.default for setting in SETTINGS} | {
    "sample count": 1,
    "dry circuit": False,
}


@dataclass(slots=True)
class Settings2700:
    """What *RST resets: values by name, the same for single channels, functions and scan list."""

    values: dict[str, Value] = field(default_factory=lambda: dict(_DEFAULTS))
    by_channel: dict[tuple[str, int], Value] = field(default_factory=dict)
    function: str = "VOLT"
    functions: dict[int, str] = field(default_factory=dict)
    scan_list: list[int] = field(default_factory=list)
    scan_start: tuple[str, ...] = ("IMM",)
    elements: tuple[str, ...] = ("READ", "UNIT", "TST", "RNUM")
    text: str = ""

    def value(self, name: str, channel: int = 0) -> Value:
        """Return a setting, for a channel its own if it has one."""
        return self.by_channel.get((name, channel), self.values[name])

    def number(self, name: str, channel: int = 0) -> float:
        """Return a setting that is a number."""
        return float(self.value(name, channel))

    def function_of(self, channel: int) -> str:
        """Return the function that a channel is measured with."""
        return self.functions.get(channel, self.function)
