"""The Keithley 2450's plain settings: header, where it is kept, and how its value is written.

Source: Model 2450 Reference Manual (2450-901-01), section 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual.keithley2450.settings import (
    CURRENT_RANGES,
    FULL_SCALE,
    PROTECTION,
    RESISTANCE_RANGES,
    VOLTAGE_RANGES,
    SenseSide,
    Settings2450,
    SourceSide,
)
from nanojunction.instruments.virtual.scpi.codecs import (
    Codec,
    Count,
    Parameters,
    Real,
    Switch,
    Word,
)

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2450.instrument import Keithley2450

#: What carries out a header. A query that returns None is answered when the acquisition that it
#: has begun is at its end.
Command = Callable[["Keithley2450", Parameters], str | None]
Plain = Callable[["Keithley2450"], str | None]


@dataclass(frozen=True, slots=True)
class Setting:
    """A header and where its value is kept: `side` is `source VOLT`, `sense CURR` or empty."""

    header: str
    side: str
    attribute: str
    codec: Codec
    turns_off: str = ""

    def place(self, s: Settings2450) -> Settings2450 | SourceSide | SenseSide:
        """Return what holds the attribute."""
        kind, _, function = self.side.partition(" ")
        if kind == "source":
            return s.source[function]
        return s.sense[function] if kind == "sense" else s


def _user_delays(head: str, side: str) -> list[Setting]:
    return [
        Setting(f"{head}:DELay:USER{n}", side, f"user_delay_{n}", Real(0.0, 1e4, 0.0))
        for n in range(1, 6)
    ]


def _source(name: str, maximum: float, ranges: tuple[float, ...], limit: Setting) -> list[Setting]:
    short = "VOLT" if name.startswith("VOLT") else "CURR"
    head, side, top = f":SOURce[1]:{name}", f"source {short}", ranges[-1]
    return [
        Setting(f"{head}[:LEVel][:IMMediate][:AMPLitude]", side, "level",
                Real(-maximum, maximum, 0.0)),
        Setting(f"{head}:RANGe", side, "range",
                Real(-FULL_SCALE * top, FULL_SCALE * top, ranges[0], ranges), "auto"),
        Setting(f"{head}:RANGe:AUTO", side, "auto", Switch()),
        Setting(f"{head}:DELay", side, "delay", Real(0.0, 1e4, 0.0), "delay_auto"),
        Setting(f"{head}:DELay:AUTO", side, "delay_auto", Switch()),
        *_user_delays(head, side),
        Setting(f"{head}:READ:BACK", side, "readback", Switch()),
        Setting(f"{head}:HIGH:CAPacitance", side, "high_capacitance", Switch()),
        Setting(f":OUTPut[1]:{name}:SMODe", side, "off_mode",
                Word(("NORMal", "HIMPedance", "ZERO", "GUARd"))),
        limit,
    ]  # fmt: skip


def _sense(name: str, side: str, top: float, ranges: tuple[float, ...]) -> list[Setting]:
    head, where = f"[:SENSe[1]]:{name}", f"sense {side}"
    default = {"CURR": 1e-4, "VOLT": 20.0, "RES": 2e5}[side]
    return [
        Setting(f"{head}:RANGe[:UPPer]", where, "range", Real(-top, top, default, ranges), "auto"),
        Setting(f"{head}:RANGe:AUTO", where, "auto", Switch()),
        Setting(f"{head}:RANGe:AUTO:LLIMit", where, "lower",
                Real(ranges[0], ranges[-1], ranges[0], ranges)),
        Setting(f"{head}:NPLCycles", where, "nplc", Real(0.01, 10.0, 1.0)),
        Setting(f"{head}:AZERo[:STATe]", where, "autozero", Switch()),
        *_user_delays(head, where),
        Setting(f"{head}:RSENse", where, "four_wire", Switch()),
        Setting(f"{head}:AVERage[:STATe]", where, "filter_on", Switch()),
        Setting(f"{head}:AVERage:COUNt", where, "filter_count", Count(1, 100, 10)),
        Setting(f"{head}:AVERage:TCONtrol", where, "filter_kind", Word(("REPeat", "MOVing"))),
        Setting(f"{head}:RELative", where, "relative", Real(-top, top, 0.0)),
        Setting(f"{head}:RELative:STATe", where, "relative_on", Switch()),
        Setting(f"{head}:OCOMpensated", where, "offset_compensated", Switch()),
        Setting(f"{head}:UNIT", where, "unit", Word(("VOLT", "AMP", "OHM", "WATT"))),
        Setting(f":DISPlay:{name}:DIGits", where, "digits", Count(3, 6, 5)),
    ]  # fmt: skip


SETTINGS: tuple[Setting, ...] = (
    *_source("VOLTage", 210.0, VOLTAGE_RANGES,
             Setting(":SOURce[1]:VOLTage:ILIMit[:LEVel]", "source VOLT", "limit",
                     Real(1e-9, 1.05, 1.05e-4))),
    *_source("CURRent", 1.05, CURRENT_RANGES,
             Setting(":SOURce[1]:CURRent:VLIMit[:LEVel]", "source CURR", "limit",
                     Real(0.02, 210.0, 21.0))),
    *_sense("VOLTage[:DC]", "VOLT", 210.0, VOLTAGE_RANGES),
    *_sense("CURRent[:DC]", "CURR", 1.05, CURRENT_RANGES),
    *_sense("RESistance", "RES", 2.1e8, RESISTANCE_RANGES),
    Setting("[:SENSe[1]]:RESistance:RANGe:AUTO:ULIMit", "sense RES", "upper",
            Real(RESISTANCE_RANGES[0], RESISTANCE_RANGES[-1], RESISTANCE_RANGES[-1],
                 RESISTANCE_RANGES)),
    Setting(":SOURce[1]:FUNCtion[:MODE]", "", "source_function", Word(("VOLTage", "CURRent"))),
    Setting(":SOURce[1]:VOLTage:PROTection[:LEVel]", "", "protection",
            Word((*PROTECTION, "NONE"))),
    Setting(":OUTPut[1]:INTerlock:STATe", "", "interlock", Switch()),
    Setting(":ROUTe:TERMinals", "", "terminals", Word(("FRONt", "REAR"))),
    Setting("[:SENSe[1]]:COUNt", "", "count", Count(1, 300_000, 1)),
    Setting(":FORMat[:DATA]", "", "data_format", Word(("ASCii",))),
    Setting(":FORMat:ASCii:PRECision", "", "precision", Count(0, 16, 0)),
    Setting(":FORMat:BORDer", "", "byte_order", Word(("NORMal", "SWAPped"))),
    Setting(":DISPlay:LIGHt:STATe", "", "display_light",
            Word(("ON100", "ON75", "ON50", "ON25", "OFF", "BLACkout"))),
)  # fmt: skip
