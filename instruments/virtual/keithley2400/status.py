"""The Keithley 2400's common, status and system commands.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 15, 16 and 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2400.commands import (
    Command,
    Plain,
    without_parameters,
)
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Count, Parameters, register_mask
from nanojunction.instruments.virtual.scpi.status import Register

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2400 import Keithley2400


def commands() -> dict[str, Command]:
    """Return the headers with what carries them out."""
    found = _COMMANDS | {header: without_parameters(plain) for header, plain in _PLAIN.items()}
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
        register(k).enable = register_mask(scpi.single(parameters), 65535)

    queries: dict[str, Plain] = {
        f":STATus:{name}[:EVENt]?": lambda k: shown_register(k, register(k).read()),
        f":STATus:{name}:ENABle?": lambda k: shown_register(k, register(k).enable),
        f":STATus:{name}:CONDition?": lambda k: shown_register(k, k.condition(short)),
    }
    found = {header: without_parameters(query) for header, query in queries.items()}
    return found | {f":STATus:{name}:ENABle": enable}


def _event_enable(k: Keithley2400, parameters: Parameters) -> None:
    k.status.standard.enable = register_mask(scpi.single(parameters), 255)


def _service_enable(k: Keithley2400, parameters: Parameters) -> None:
    k.status.service_enable = register_mask(scpi.single(parameters), 255)


def shown_register(k: Keithley2400, value: int) -> str:
    """Return a register's value as :FORMat:SREGister says."""
    kind = k.unit.settings.register_format
    return {"ASC": f"{value}", "HEX": f"#H{value:X}", "OCT": f"#Q{value:o}", "BIN": f"#B{value:b}"}[
        kind
    ]


def _all_codes(k: Keithley2400) -> list[int]:
    codes = []
    while code := k.status.errors.pop():
        codes.append(code)
    return codes or [0]


def _beep(k: Keithley2400, parameters: Parameters) -> None:
    if len(parameters) != 2:
        raise ScpiError(-109)
    frequency, duration = (scpi.number(p) for p in parameters)
    if not 65.0 <= frequency <= 2e6 or not 0.0 <= duration <= 7.9:
        raise ScpiError(-222)


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


def _save(k: Keithley2400, parameters: Parameters) -> None:
    k.save(Count(0, 4, 0).parse(scpi.single(parameters)))


def _recall(k: Keithley2400, parameters: Parameters) -> None:
    k.recall(Count(0, 4, 0).parse(scpi.single(parameters)))


def _nothing(k: Keithley2400, parameters: Parameters) -> None:
    """Accept what has no effect here."""


#: With parameters.
_COMMANDS: dict[str, Command] = {
    "*ESE": _event_enable,
    "*SRE": _service_enable,
    "*SAV": _save,
    "*RCL": _recall,
    ":DISPlay[:WINDow[1]]:TEXT[:DATA]": _show(1),
    ":DISPlay[:WINDow[1]]:TEXT:STATe": _switch("text 1"),
    ":DISPlay:WINDow2:TEXT[:DATA]": _show(2),
    ":DISPlay:WINDow2:TEXT:STATe": _switch("text 2"),
    ":SYSTem:BEEPer[:IMMediate]": _beep,
    ":SYSTem:BEEPer:STATe": _switch("beeper"),
    ":SYSTem:KEY": _nothing,
}

#: Without parameters.
_PLAIN: dict[str, Plain] = {
    "*CLS": lambda k: k.status.clear(),
    "*ESE?": lambda k: shown_register(k, k.status.standard.enable),
    "*ESR?": lambda k: shown_register(k, k.status.standard.read()),
    "*OPC": lambda k: k.status.standard.latch(1),
    "*OPC?": lambda k: "1",
    "*OPT?": lambda k: "0",
    "*SRE?": lambda k: shown_register(k, k.status.service_enable),
    "*STB?": lambda k: shown_register(k, k.status.byte()),
    "*TST?": lambda k: "0",
    "*WAI": lambda k: None,
    ":DISPlay[:WINDow[1]]:TEXT[:DATA]?": lambda k: f'"{k.shown[1]}"',
    ":DISPlay[:WINDow[1]]:TEXT:STATe?": lambda k: f"{k.switched['text 1']:d}",
    ":DISPlay:WINDow2:TEXT[:DATA]?": lambda k: f'"{k.shown[2]}"',
    ":DISPlay:WINDow2:TEXT:STATe?": lambda k: f"{k.switched['text 2']:d}",
    ":SYSTem:BEEPer:STATe?": lambda k: f"{k.switched['beeper']:d}",
    ":STATus:PRESet": lambda k: k.status.preset(),
    ":STATus:QUEue[:NEXT]?": lambda k: scpi.error_text(k.status.errors.pop()),
    ":STATus:QUEue:CLEar": lambda k: k.status.errors.clear(),
    ":SYSTem:ERRor[:NEXT]?": lambda k: scpi.error_text(k.status.errors.pop()),
    ":SYSTem:ERRor:ALL?": lambda k: ",".join(map(scpi.error_text, _all_codes(k))),
    ":SYSTem:ERRor:CODE:ALL?": lambda k: ",".join(map(str, _all_codes(k))),
    ":SYSTem:ERRor:COUNt?": lambda k: str(len(k.status.errors)),
    ":SYSTem:ERRor:CODE[:NEXT]?": lambda k: str(k.status.errors.pop()),
    ":SYSTem:CLEar": lambda k: k.status.errors.clear(),
    ":SYSTem:VERSion?": lambda k: "1996.0",
    ":SYSTem:TIME?": lambda k: f"{k.time_s - k.unit.time_zero_s:.6f}",
    ":SYSTem:TIME:RESet": _reset_time,
    ":SYSTem:LOCal": lambda k: None,
    ":SYSTem:REMote": lambda k: None,
    ":SYSTem:RWLock": lambda k: None,
}
