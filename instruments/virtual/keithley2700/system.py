"""The Keithley 2700's system and display commands.

Source: Model 2700 User's Manual (2700-900-01), sections 11, 12 and 14, tables 15-3, 15-6, 15-7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Parameters
from nanojunction.instruments.virtual.scpi.commands import check_beep, without_parameters

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2700.instrument import Keithley2700

#: What carries out a header. A query that returns None is answered with the readings of the
#: acquisition that it has begun.
Command = Callable[["Keithley2700", Parameters], str | None]
Plain = Callable[["Keithley2700"], str | None]


def system_commands(slots: int) -> dict[str, Command]:
    """Return the headers of an instrument with so many slots with what carries them out."""
    plain = dict(_PLAIN)
    for slot in range(1, slots + 1):
        for name in _CARD:
            plain[f":SYSTem:CARD{slot}:{name}?"] = _card(slot, name)
    return _COMMANDS | without_parameters(plain)


def _beep(k: Keithley2700, parameters: Parameters) -> None:
    """Take a state, as the manual has it, or frequency and duration as on the 2400."""
    if len(parameters) == 1:
        scpi.boolean(parameters[0])
    else:
        check_beep(parameters, 65.0, 0.0, 7.9)


def _text(k: Keithley2700, parameters: Parameters) -> None:
    text = scpi.single(parameters)
    if len(text) < 2 or text[0] not in "\"'" or text[-1] != text[0]:
        raise ScpiError(-104)
    if len(text) > 14:
        raise ScpiError(-223)
    k.dmm.settings.text = text[1:-1]


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
    ":SYSTem:BEEPer": _beep,
    ":SYSTem:BEEPer:IMMediate": _beep,
    ":SYSTem:BEEPer:STATe": _beep,
    ":SYSTem:KEY": _take,
    ":DISPlay[:WINDow[1]]:TEXT[:DATA]": _text,
}

#: Without parameters.
_PLAIN: dict[str, Plain] = {
    "*OPT?": lambda k: ",".join("NONE" if c is None else c.model for c in k.channels.cards),
    ":SYSTem:VERSion?": lambda k: "1996.0",
    ":SYSTem:PRESet": lambda k: k.preset(),
    ":SYSTem:POSetup?": lambda k: "PRES",
    ":SYSTem:FRSWitch?": lambda k: "1",
    ":SYSTem:LFRequency?": lambda k: f"{k.dmm.line_Hz:g}",
    ":SYSTem:BEEPer[:STATe]?": lambda k: "1",
    ":SYSTem:TSTamp:RELative:RESet": lambda k: k.reset_time(),
    ":SYSTem:RNUMber:RESet": lambda k: k.reset_number(),
    ":DISPlay[:WINDow[1]]:TEXT[:DATA]?": lambda k: f'"{k.dmm.settings.text}"',
}
