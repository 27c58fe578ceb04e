"""The Keithley 2400's status, system and display commands.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 15, 16 and 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2400.commands import Command, Plain
from nanojunction.instruments.virtual.scpi.codecs import Parameters
from nanojunction.instruments.virtual.scpi.commands import check_beep

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2400 import Keithley2400


def _all_codes(k: Keithley2400) -> list[int]:
    codes = []
    while code := k.status.errors.pop():
        codes.append(code)
    return codes or [0]


def _beep(k: Keithley2400, parameters: Parameters) -> None:
    check_beep(parameters, 65.0, 0.0, 7.9)


def _show(window: int) -> Command:
    def command(k: Keithley2400, parameters: Parameters) -> None:
        k.shown[window] = scpi.single(parameters).strip("\"'")

    return command


def _switch(name: str) -> Command:
    def command(k: Keithley2400, parameters: Parameters) -> None:
        k.switched[name] = scpi.boolean(scpi.single(parameters))

    return command


def _reset_time(k: Keithley2400) -> None:
    k.unit.time_zero_s = k.time_s


def _nothing(k: Keithley2400, parameters: Parameters) -> None:
    """Accept what has no effect here."""


#: With parameters.
COMMANDS: dict[str, Command] = {
    ":DISPlay[:WINDow[1]]:TEXT[:DATA]": _show(1),
    ":DISPlay[:WINDow[1]]:TEXT:STATe": _switch("text 1"),
    ":DISPlay:WINDow2:TEXT[:DATA]": _show(2),
    ":DISPlay:WINDow2:TEXT:STATe": _switch("text 2"),
    ":SYSTem:BEEPer[:IMMediate]": _beep,
    ":SYSTem:BEEPer:STATe": _switch("beeper"),
    ":SYSTem:KEY": _nothing,
}

#: Without parameters.
PLAIN: dict[str, Plain] = {
    "*OPT?": lambda k: "0",
    ":DISPlay[:WINDow[1]]:TEXT[:DATA]?": lambda k: f'"{k.shown[1]}"',
    ":DISPlay[:WINDow[1]]:TEXT:STATe?": lambda k: f"{k.switched['text 1']:d}",
    ":DISPlay:WINDow2:TEXT[:DATA]?": lambda k: f'"{k.shown[2]}"',
    ":DISPlay:WINDow2:TEXT:STATe?": lambda k: f"{k.switched['text 2']:d}",
    ":SYSTem:BEEPer:STATe?": lambda k: f"{k.switched['beeper']:d}",
    ":SYSTem:ERRor:ALL?": lambda k: ",".join(map(scpi.error_text, _all_codes(k))),
    ":SYSTem:ERRor:CODE:ALL?": lambda k: ",".join(map(str, _all_codes(k))),
    ":SYSTem:ERRor:COUNt?": lambda k: str(len(k.status.errors)),
    ":SYSTem:ERRor:CODE[:NEXT]?": lambda k: str(k.status.errors.pop()),
    ":SYSTem:VERSion?": lambda k: "1996.0",
    ":SYSTem:TIME?": lambda k: f"{k.time_s - k.unit.time_zero_s:.6f}",
    ":SYSTem:TIME:RESet": _reset_time,
}
