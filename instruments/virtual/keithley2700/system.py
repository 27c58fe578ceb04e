"""The Keithley 2700's common, status, system and display commands.

Source: Model 2700 User's Manual (2700-900-01), sections 11, 12 and 14, tables 15-3, 15-6, 15-7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Count, Parameters
from nanojunction.instruments.virtual.scpi.status import Register

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2700.instrument import Keithley2700

#: What carries out a header. A query that returns None is answered with the readings of the
#: acquisition that it has begun.
Command = Callable[["Keithley2700", Parameters], str | None]
Plain = Callable[["Keithley2700"], str | None]


def system_commands() -> dict[str, Command]:
    """Return the headers with what carries them out."""
    plain = dict(_PLAIN)
    for slot in (1, 2):
        for name in _CARD:
            plain[f":SYSTem:CARD{slot}:{name}?"] = _card(slot, name)
    found = _COMMANDS | {header: without_parameters(one) for header, one in plain.items()}
    for name in ("MEASurement", "OPERation", "QUEStionable"):
        found |= _register(name)
    return found


def without_parameters(plain: Plain) -> Command:
    """Return a command that refuses parameters with ScpiError -108."""

    def command(k: Keithley2700, parameters: Parameters) -> str | None:
        if parameters:
            raise ScpiError(-108)
        return plain(k)

    return command


def _register(name: str) -> dict[str, Command]:
    short = scpi.keyword(name, ("MEASurement", "OPERation", "QUEStionable"))

    def register(k: Keithley2700) -> Register:
        found: Register = getattr(k.status, name.lower())
        return found

    def enable(k: Keithley2700, parameters: Parameters) -> None:
        register(k).enable = Count(0, 65_535, 0).parse(scpi.single(parameters))

    return {
        f":STATus:{name}[:EVENt]?": without_parameters(lambda k: str(register(k).read())),
        f":STATus:{name}:ENABle?": without_parameters(lambda k: str(register(k).enable)),
        f":STATus:{name}:CONDition?": without_parameters(lambda k: str(k.condition(short))),
        f":STATus:{name}:ENABle": enable,
    }


def _event_enable(k: Keithley2700, parameters: Parameters) -> None:
    k.status.standard.enable = Count(0, 255, 0).parse(scpi.single(parameters))


def _service_enable(k: Keithley2700, parameters: Parameters) -> None:
    k.status.service_enable = Count(0, 255, 0).parse(scpi.single(parameters))


def _beep(k: Keithley2700, parameters: Parameters) -> None:
    """Take a state, as the manual has it, or frequency and duration as on the 2400."""
    if len(parameters) == 1:
        scpi.boolean(parameters[0])
        return
    if len(parameters) != 2:
        raise ScpiError(-108 if parameters else -109)
    frequency, duration = (scpi.number(p) for p in parameters)
    if not 65.0 <= frequency <= 2e6 or not 0.0 <= duration <= 7.9:
        raise ScpiError(-222)


def _text(k: Keithley2700, parameters: Parameters) -> None:
    text = scpi.single(parameters)
    if len(text) < 2 or text[0] not in "\"'" or text[-1] != text[0]:
        raise ScpiError(-104)
    if len(text) > 14:
        raise ScpiError(-223)
    k.dmm.settings.text = text[1:-1]


def _save(k: Keithley2700, parameters: Parameters) -> None:
    k.save(Count(0, 3, 0).parse(scpi.single(parameters)))


def _recall(k: Keithley2700, parameters: Parameters) -> None:
    k.recall(Count(0, 3, 0).parse(scpi.single(parameters)))


def _take(k: Keithley2700, parameters: Parameters) -> None:
    scpi.single(parameters)  # what has no effect here


_CARD: dict[str, Callable[[Keithley2700, int], object]] = {
    "SNUMber": lambda k, slot: f"000000{slot}",
    "SWRevision": lambda k, slot: "01.10",
    "VMAX": lambda k, slot: k.card(slot).max_V,
    "MUX": lambda k, slot: int(k.card(slot).multiplexer),
    "ISOLated": lambda k, slot: int(not k.card(slot).multiplexer),
    "TCOMpensated": lambda k, slot: int(k.card(slot).compensated),
    "VCHannel[:STARt]": lambda k, slot: min(k.card(slot).volts, default=0),
    "VCHannel:END": lambda k, slot: max(k.card(slot).volts, default=0),
    "ACHannel[:STARt]": lambda k, slot: min(k.card(slot).amps, default=0),
    "ACHannel:END": lambda k, slot: max(k.card(slot).amps, default=0),
    "AOUTput[:STARt]": lambda k, slot: min(k.card(slot).analog_outputs, default=0),
    "AOUTput:END": lambda k, slot: max(k.card(slot).analog_outputs, default=0),
    "DOUTput[:STARt]": lambda k, slot: min(k.card(slot).digital_outputs, default=0),
    "DOUTput:END": lambda k, slot: max(k.card(slot).digital_outputs, default=0),
    "TCHannel": lambda k, slot: k.card(slot).totalizer,
}


def _card(slot: int, name: str) -> Plain:
    def query(k: Keithley2700) -> str:
        k.card(slot)  # an empty slot has nothing to tell
        return str(_CARD[name](k, slot))

    return query


#: With parameters.
_COMMANDS: dict[str, Command] = {
    "*ESE": _event_enable,
    "*SRE": _service_enable,
    "*SAV": _save,
    "*RCL": _recall,
    ":SYSTem:BEEPer": _beep,
    ":SYSTem:BEEPer:IMMediate": _beep,
    ":SYSTem:BEEPer:STATe": _beep,
    ":SYSTem:KEY": _take,
    ":DISPlay[:WINDow[1]]:TEXT[:DATA]": _text,
}

#: Without parameters.
_PLAIN: dict[str, Plain] = {
    "*CLS": lambda k: k.status.clear(),
    "*ESE?": lambda k: str(k.status.standard.enable),
    "*ESR?": lambda k: str(k.status.standard.read()),
    "*IDN?": lambda k: k.identity,
    "*OPC": lambda k: k.status.standard.latch(1),
    "*OPC?": lambda k: "1",
    "*OPT?": lambda k: ",".join("NONE" if c is None else c.model for c in k.channels.cards),
    "*RST": lambda k: k.reset(),
    "*SRE?": lambda k: str(k.status.service_enable),
    "*STB?": lambda k: str(k.status.byte()),
    "*TST?": lambda k: "0",
    "*WAI": lambda k: None,
    ":STATus:PRESet": lambda k: k.status.preset(),
    ":STATus:QUEue[:NEXT]?": lambda k: scpi.error_text(k.status.errors.pop()),
    ":STATus:QUEue:CLEar": lambda k: k.status.errors.clear(),
    ":SYSTem:ERRor[:NEXT]?": lambda k: scpi.error_text(k.status.errors.pop()),
    ":SYSTem:CLEar": lambda k: k.status.errors.clear(),
    ":SYSTem:VERSion?": lambda k: "1996.0",
    ":SYSTem:PRESet": lambda k: k.preset(),
    ":SYSTem:POSetup?": lambda k: "PRES",
    ":SYSTem:FRSWitch?": lambda k: "1",
    ":SYSTem:LFRequency?": lambda k: f"{k.dmm.line_Hz:g}",
    ":SYSTem:BEEPer[:STATe]?": lambda k: "1",
    ":SYSTem:TSTamp:RELative:RESet": lambda k: k.reset_time(),
    ":SYSTem:RNUMber:RESet": lambda k: k.reset_number(),
    ":SYSTem:LOCal": lambda k: None,
    ":SYSTem:REMote": lambda k: None,
    ":SYSTem:RWLock": lambda k: None,
    ":DISPlay[:WINDow[1]]:TEXT[:DATA]?": lambda k: f'"{k.dmm.settings.text}"',
}
