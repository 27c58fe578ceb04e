"""The Keithley 2400's common, status and system commands.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 15, 16 and 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2400_commands import Command, Count, Parameters
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.status import Register

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2400 import Keithley2400


def commands() -> dict[str, Command]:
    """Return the headers with what carries them out."""
    found = dict(_COMMANDS)
    for name in ("MEASurement", "OPERation", "QUEStionable"):
        found |= _register(name)
    return found


def _register(name: str) -> dict[str, Command]:
    short = scpi.keyword(name, ("MEASurement", "OPERation", "QUEStionable"))

    def register(k: Keithley2400) -> Register:
        return {
            "MEAS": k.status.measurement,
            "OPER": k.status.operation,
            "QUES": k.status.questionable,
        }[short]

    def enable(k: Keithley2400, parameters: Parameters) -> None:
        register(k).enable = Count(0, 65535, 0).parse(scpi.single(parameters))

    return {
        f":STATus:{name}[:EVENt]?": lambda k, _: str(register(k).read()),
        f":STATus:{name}:ENABle": enable,
        f":STATus:{name}:ENABle?": lambda k, _: str(register(k).enable),
        f":STATus:{name}:CONDition?": lambda k, _: str(k.condition(short)),
    }


def _event_enable(k: Keithley2400, parameters: Parameters) -> None:
    k.status.standard.enable = Count(0, 255, 0).parse(scpi.single(parameters))


def _service_enable(k: Keithley2400, parameters: Parameters) -> None:
    k.status.service_enable = Count(0, 255, 0).parse(scpi.single(parameters))


def _all_errors(k: Keithley2400, parameters: Parameters) -> str:
    codes = []
    while code := k.status.errors.pop():
        codes.append(code)
    return ",".join(scpi.error_text(code) for code in codes or [0])


def _beep(k: Keithley2400, parameters: Parameters) -> None:
    if len(parameters) != 2:
        raise ScpiError(-109)
    frequency, duration = (scpi.number(p) for p in parameters)
    if not 65.0 <= frequency <= 2e6 or not 0.0 <= duration <= 7.9:
        raise ScpiError(-222)


def _reset_time(k: Keithley2400, parameters: Parameters) -> None:
    k.unit.time_zero_s = k.time_s


def _nothing(k: Keithley2400, parameters: Parameters) -> None:
    """Accept what has no effect here."""


_COMMANDS: dict[str, Command] = {
    "*CLS": lambda k, _: k.status.clear(),
    "*ESE": _event_enable,
    "*ESE?": lambda k, _: str(k.status.standard.enable),
    "*ESR?": lambda k, _: str(k.status.standard.read()),
    "*OPC": lambda k, _: k.status.standard.latch(1),
    "*OPC?": lambda k, _: "1",
    "*OPT?": lambda k, _: "0",
    "*SRE": _service_enable,
    "*SRE?": lambda k, _: str(k.status.service_enable),
    "*STB?": lambda k, _: str(k.status.byte()),
    "*TST?": lambda k, _: "0",
    "*WAI": _nothing,
    ":STATus:PRESet": lambda k, _: k.status.preset(),
    ":STATus:QUEue[:NEXT]?": lambda k, _: scpi.error_text(k.status.errors.pop()),
    ":STATus:QUEue:CLEar": lambda k, _: k.status.errors.clear(),
    ":SYSTem:ERRor[:NEXT]?": lambda k, _: scpi.error_text(k.status.errors.pop()),
    ":SYSTem:ERRor:ALL?": _all_errors,
    ":SYSTem:ERRor:COUNt?": lambda k, _: str(len(k.status.errors)),
    ":SYSTem:ERRor:CODE[:NEXT]?": lambda k, _: str(k.status.errors.pop()),
    ":SYSTem:CLEar": lambda k, _: k.status.errors.clear(),
    ":SYSTem:VERSion?": lambda k, _: "1996.0",
    ":SYSTem:BEEPer[:IMMediate]": _beep,
    ":SYSTem:BEEPer:STATe": _nothing,
    ":SYSTem:TIME?": lambda k, _: f"{k.time_s - k.unit.time_zero_s:.6f}",
    ":SYSTem:TIME:RESet": _reset_time,
    ":SYSTem:LOCal": _nothing,
    ":SYSTem:REMote": _nothing,
    ":SYSTem:RWLock": _nothing,
    ":SYSTem:KEY": _nothing,
}
