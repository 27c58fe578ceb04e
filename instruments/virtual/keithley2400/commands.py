"""The Keithley 2400's plain settings: header, attribute, and how its value is written.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), section 18.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual.keithley2400.settings import (
    CURRENT_RANGES,
    RESISTANCE_RANGES,
    VOLTAGE_RANGES,
)
from nanojunction.instruments.virtual.scpi.codecs import (
    Codec,
    Count,
    Endless,
    Parameters,
    Real,
    Switch,
    Word,
)

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2400.instrument import Keithley2400

#: What carries out a header. A query that returns None is answered with the readings of the
#: acquisition that it has begun.
Command = Callable[["Keithley2400", Parameters], str | None]
Plain = Callable[["Keithley2400"], str | None]


@dataclass(frozen=True, slots=True)
class Setting:
    """A header, the attribute of Settings2400 that it controls, and what it switches off."""

    header: str
    attribute: str
    codec: Codec
    turns_off: str = ""


_SOURCES = ("IMMediate", "TLINk", "TIMer", "MANual", "BUS", "NSTest", "PSTest", "BSTest")
_DIRECTIONS = ("SOURce", "ACCeptor")


def _source(name: str, attribute: str, maximum: float, ranges: tuple[float, ...]) -> list[Setting]:
    head, top = f":SOURce[1]:{name}", ranges[-1]
    sweep = Real(-maximum, maximum, 0.0)
    auto = f"source_{attribute}_auto"
    return [
        Setting(f"{head}:RANGe", f"source_{attribute}_range",
                Real(-top, top, ranges[2], ranges), auto),
        Setting(f"{head}:RANGe:AUTO", auto, Switch()),
        Setting(f"{head}[:LEVel][:IMMediate][:AMPLitude]", f"{attribute}_level", sweep),
        Setting(f":SOURce[1]:LIST:{name}:STARt", f"{attribute}_list_start", Count(1, 100, 1)),
        Setting(f"{head}:MODE", f"{attribute}_mode", Word(("FIXed", "LIST", "SWEep"))),
        Setting(f"{head}:STARt", f"{attribute}_start", sweep),
        Setting(f"{head}:STOP", f"{attribute}_stop", sweep),
        Setting(f"{head}:STEP", f"{attribute}_step", Real(-2 * maximum, 2 * maximum, 0.0)),
    ]  # fmt: skip


def _layer(name: str, attribute: str, count: Codec, sources: tuple[str, ...]) -> list[Setting]:
    line = Count(1, 4, 1)
    events = (
        ("SOURce", "DELay", "SENSe", "NONE")
        if attribute == "trigger"
        else ("TENTer", "TEXit", "NONE")
    )
    return [
        Setting(f"{name}:COUNt", f"{attribute}_count", count),
        Setting(f"{name}:SOURce", f"{attribute}_source", Word(sources)),
        Setting(f"{name}[:TCONfigure]:DIRection", f"{attribute}_direction", Word(_DIRECTIONS)),
        Setting(f"{name}[:TCONfigure][:ASYNchronous]:ILINe", f"{attribute}_input_line", line),
        Setting(f"{name}[:TCONfigure][:ASYNchronous]:OLINe", f"{attribute}_output_line", line),
        Setting(f"{name}[:TCONfigure][:ASYNchronous]:OUTPut", f"{attribute}_output", Word(events)),
    ]


SETTINGS: tuple[Setting, ...] = (
    Setting(":OUTPut[1]:SMODe", "off_mode", Word(("HIMPedance", "NORMal", "ZERO", "GUARd"))),
    Setting(":OUTPut[1]:ENABle[:STATe]", "output_enable", Switch()),
    Setting(":SOURce[1]:FUNCtion[:MODE]", "source_function", Word(("VOLTage", "CURRent"))),
    Setting(":SOURce[1]:DELay", "delay", Real(0.0, 999.9999, 0.0), "delay_auto"),
    Setting(":SOURce[1]:DELay:AUTO", "delay_auto", Switch()),
    Setting(":SOURce[1]:CLEar:AUTO", "clear_auto", Switch()),
    Setting(":SOURce[1]:CLEar:AUTO:MODE", "clear_auto_mode", Word(("ALWays", "TCOunt"))),
    *_source("VOLTage", "voltage", 210.0, VOLTAGE_RANGES),
    *_source("CURRent", "current", 1.05, CURRENT_RANGES),
    Setting(":SOURce[1]:VOLTage:PROTection[:LEVel]", "voltage_protection", Real(-210, 210, 210)),
    Setting(":SOURce[1]:SWEep:POINts", "sweep_points", Count(2, 2500, 2500)),
    Setting(":SOURce[1]:SWEep:SPACing", "sweep_spacing", Word(("LINear", "LOGarithmic"))),
    Setting(":SOURce[1]:SWEep:DIRection", "sweep_direction", Word(("UP", "DOWN"))),
    Setting(":SOURce[1]:SWEep:RANGing", "sweep_ranging", Word(("BEST", "AUTO", "FIXed"))),
    Setting(":SOURce[1]:SWEep:CABort[:LEVel]", "sweep_abort_on_compliance",
            Word(("NEVer", "EARLy", "LATE"))),
    Setting("[:SENSe[1]]:FUNCtion:CONCurrent", "concurrent", Switch()),
    Setting("[:SENSe[1]]:CURRent[:DC]:RANGe[:UPPer]", "current_range",
            Real(-1.05, 1.05, 1.05e-4, CURRENT_RANGES), "current_auto"),
    Setting("[:SENSe[1]]:CURRent[:DC]:RANGe:AUTO", "current_auto", Switch()),
    Setting("[:SENSe[1]]:VOLTage[:DC]:RANGe[:UPPer]", "voltage_range",
            Real(-210.0, 210.0, 21.0, VOLTAGE_RANGES), "voltage_auto"),
    Setting("[:SENSe[1]]:VOLTage[:DC]:RANGe:AUTO", "voltage_auto", Switch()),
    Setting("[:SENSe[1]]:RESistance:RANGe[:UPPer]", "resistance_range",
            Real(0.0, 2.1e8, 2.1e5, RESISTANCE_RANGES), "resistance_auto"),
    Setting("[:SENSe[1]]:RESistance:RANGe:AUTO", "resistance_auto", Switch()),
    *(Setting(f"[:SENSe[1]]:{name}:RANGe:AUTO:LLIMit", f"{attribute}_lower",
              Real(-ranges[-1], ranges[-1], ranges[0], ranges))
      for name, attribute, ranges in (("CURRent[:DC]", "current", CURRENT_RANGES),
                                      ("VOLTage[:DC]", "voltage", VOLTAGE_RANGES),
                                      ("RESistance", "resistance", RESISTANCE_RANGES))),
    Setting("[:SENSe[1]]:RESistance:RANGe:AUTO:ULIMit", "resistance_upper",
            Real(-2.1e8, 2.1e8, 2.1e8, RESISTANCE_RANGES)),
    Setting("[:SENSe[1]]:RESistance:OCOMpensated", "offset_compensated", Switch()),
    Setting("[:SENSe[1]]:RESistance:MODE", "resistance_mode", Word(("MANual", "AUTO"))),
    *(Setting(f"[:SENSe[1]]:{name}:NPLCycles", "nplc", Real(0.01, 10.0, 1.0))
      for name in ("CURRent[:DC]", "VOLTage[:DC]", "RESistance")),
    Setting("[:SENSe[1]]:CURRent[:DC]:PROTection[:LEVel]", "current_compliance",
            Real(-1.05, 1.05, 1.05e-4)),
    Setting("[:SENSe[1]]:VOLTage[:DC]:PROTection[:LEVel]", "voltage_compliance",
            Real(-210.0, 210.0, 21.0)),
    Setting("[:SENSe[1]]:AVERage[:STATe]", "filter_on", Switch()),
    Setting("[:SENSe[1]]:AVERage:COUNt", "filter_count", Count(1, 100, 10)),
    Setting("[:SENSe[1]]:AVERage:AUTO", "filter_auto", Switch()),
    Setting("[:SENSe[1]]:AVERage:TCONtrol", "filter_kind", Word(("REPeat", "MOVing"))),
    Setting(":SYSTem:RSENse", "four_wire", Switch()),
    Setting(":SYSTem:GUARd", "guard", Word(("OHMS", "CABLe"))),
    Setting(":SYSTem:AZERo:CACHing[:STATe]", "cached_zeros", Switch()),
    Setting(":SYSTem:RCMode", "range_changes", Word(("SINGle", "MULTiple"))),
    Setting(":SYSTem:LFRequency", "line_frequency", Count(50, 60, 50), "line_frequency_auto"),
    Setting(":SYSTem:LFRequency:AUTO", "line_frequency_auto", Switch()),
    Setting(":ROUTe:TERMinals", "terminals", Word(("FRONt", "REAR"))),
    Setting(":DISPlay:ENABle", "display_on", Switch()),
    Setting(":DISPlay:DIGits", "display_digits", Count(4, 7, 6)),
    Setting(":FORMat:SREGister", "register_format",
            Word(("ASCii", "HEXadecimal", "OCTal", "BINary"))),
    Setting(":FORMat[:DATA]", "data_format", Word(("ASCii",))),
    Setting(":FORMat:BORDer", "byte_order", Word(("NORMal", "SWAPped"))),
    Setting(":TRACe:TSTamp:FORMat", "timestamp_format", Word(("ABSolute", "DELTa"))),
    Setting(":CALCulate3:FORMat", "statistic",
            Word(("MEAN", "SDEViation", "MAXimum", "MINimum", "PKPK"))),
    *_layer(":ARM[:SEQuence[1]][:LAYer[1]]", "arm", Endless(Count(1, 2500, 1)), _SOURCES),
    *_layer(":TRIGger[:SEQuence[1]]", "trigger", Count(1, 2500, 1), ("IMMediate", "TLINk")),
    Setting(":TRIGger[:SEQuence[1]]:DELay", "trigger_delay", Real(0.0, 999.9999, 0.0)),
    Setting(":ARM[:SEQuence[1]][:LAYer[1]]:TIMer", "arm_timer", Real(0.001, 99999.99, 0.1)),
)  # fmt: skip
