"""The Keithley 2700's commands for readings and buffer, and the tree of all headers.

Source: Model 2700 User's Manual (2700-900-01), sections 2, 6 to 8, 13 and 14, tables 15-1 to 15-9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2700 import channel_commands
from nanojunction.instruments.virtual.keithley2700.settings import (
    FUNCTIONS,
    Mainframe,
    Setting,
    settings_of,
)
from nanojunction.instruments.virtual.keithley2700.system import (
    Command,
    Plain,
    system_commands,
)
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Count, Parameters
from nanojunction.instruments.virtual.scpi.commands import (
    COMMON,
    ERROR_QUEUE,
    LOCAL,
    limit_of,
    memories,
    registers,
    without_parameters,
)

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2700.instrument import Keithley2700

_ELEMENTS = ("READing", "UNITs", "TSTamp", "RNUMber", "CHANnel", "LIMits")


def tree(mainframe: Mainframe) -> scpi.Tree[Command]:
    """Return all headers of an instrument with what carries them out."""
    headers: scpi.Tree[Command] = scpi.Tree()
    headers.add_all(COMMON)
    headers.add_all(memories(4))
    headers.add_all(registers("MEASurement", "OPERation", "QUEStionable"))
    headers.add_all(ERROR_QUEUE)
    headers.add_all(LOCAL)
    for setting in settings_of(mainframe):
        headers.add(setting.header, _setter(setting))
        headers.add(setting.header + "?", _getter(setting))
    headers.add_all(_COMMANDS | channel_commands.COMMANDS | system_commands(mainframe.slots))
    plain = _PLAIN | channel_commands.PLAIN
    for key, function in FUNCTIONS.items():
        plain[f":CONFigure:{function.header}"] = _configure(key)
        plain[f":MEASure:{function.header}?"] = _measure(key)
    headers.add_all(without_parameters(plain))
    return headers


# Plain settings, for all channels or for those of a list


def _setter(setting: Setting) -> Command:
    def command(k: Keithley2700, parameters: Parameters) -> None:
        if not parameters:
            raise ScpiError(-109)
        settings = k.dmm.settings
        channels = _trailing_channels(k, parameters[1:] if setting.by_channel else ())
        value = setting.codec.parse(parameters[0] if channels else scpi.single(parameters))
        for channel in channels:
            settings.by_channel[setting.name, channel] = value
            if setting.turns_off:
                settings.by_channel[setting.turns_off, channel] = False
        if not channels:
            settings.values[setting.name] = value
            if setting.turns_off:
                settings.values[setting.turns_off] = False

    return command


def _getter(setting: Setting) -> Command:
    def command(k: Keithley2700, parameters: Parameters) -> str:
        if parameters and not (setting.by_channel and parameters[0].startswith("(")):
            return limit_of(setting.codec, parameters)
        channels = _trailing_channels(k, parameters) or [0]
        values = (k.dmm.settings.value(setting.name, channel) for channel in channels)
        return ",".join(setting.codec.show(value) for value in values)

    return command


def _trailing_channels(k: Keithley2700, parameters: Parameters) -> list[int]:
    return k.channels.parse(scpi.single(parameters)) if parameters else []


# Functions and readings


def function_key(text: str) -> str:
    """Return the key of a function as sent ('VOLTage:DC', "volt"); raises ScpiError -141."""
    word = text.strip("\"' ").upper().removesuffix(":DC")
    head, _, tail = word.partition(":")
    key = scpi.keyword(head, tuple(f.header.partition("[")[0].partition(":")[0]
                                   for f in FUNCTIONS.values()))  # fmt: skip
    key = f"{key}:{tail}" if tail else key
    if key not in FUNCTIONS:
        raise ScpiError(-141)
    return key


def _function(k: Keithley2700, parameters: Parameters) -> None:
    if not parameters:
        raise ScpiError(-109)
    key = function_key(parameters[0])
    channels = _trailing_channels(k, parameters[1:])
    for channel in channels:
        k.dmm.settings.functions[channel] = key
    if not channels:
        k.dmm.settings.function = key


def _show_function(k: Keithley2700, parameters: Parameters) -> str:
    channels = _trailing_channels(k, parameters) or [0]
    keys = (k.dmm.settings.function_of(channel) for channel in channels)
    return ",".join(f'"{FUNCTIONS[key].name}"' for key in keys)


def _configure(key: str) -> Plain:
    return lambda k: k.configure(key)


def _measure(key: str) -> Plain:
    def query(k: Keithley2700) -> None:
        k.configure(key)
        k.dmm.start(k.time_s)

    return query


def _read(k: Keithley2700) -> str | None:
    if not k.dmm.continuous:
        k.dmm.start(k.time_s)
        return None
    if k.dmm.settings.number("sample count") > 1:
        raise ScpiError(-213)
    k.time_s += k.dmm.duration_s(k.channels.system or 0)  # the next reading of the endless ones
    return k.show([k.dmm.measure(k.time_s)])


def _measure_present(k: Keithley2700) -> None:
    k.configure(k.dmm.settings.function)
    k.dmm.start(k.time_s)


def _fetch(k: Keithley2700) -> str:
    return k.show([k.dmm.latest(k.time_s)] if k.dmm.continuous else k.dmm.readings)


def _trigger(k: Keithley2700) -> None:
    if not k.dmm.bus_trigger(k.time_s):
        raise ScpiError(-211)


def _elements(k: Keithley2700, parameters: Parameters) -> None:
    if not parameters:
        raise ScpiError(-109)
    chosen = {scpi.keyword(p, (*_ELEMENTS, "ALL")) for p in parameters}
    order = [scpi.keyword(name, _ELEMENTS) for name in _ELEMENTS]
    k.dmm.settings.elements = tuple(name for name in order if chosen & {name, "ALL"})


def _show_elements(k: Keithley2700) -> str:
    shown = k.dmm.settings.elements  # always six places (manual, section 6)
    return ",".join(shown) + "," * (len(_ELEMENTS) - len(shown))


# Buffer


def _buffer_points(k: Keithley2700, parameters: Parameters) -> None:
    k.dmm.buffer_points = Count(2, k.mainframe.most_readings, 100).parse(scpi.single(parameters))
    k.dmm.buffer.clear()


def _feed(k: Keithley2700, parameters: Parameters) -> None:
    word = scpi.keyword(scpi.single(parameters), ("SENSe[1]", "CALCulate[1]", "NONE"))
    if word != "SENS":
        raise ScpiError(-221)  # what is stored here are readings


def _feed_control(k: Keithley2700, parameters: Parameters) -> None:
    feed = scpi.keyword(scpi.single(parameters), ("NEXT", "ALWays", "NEVer"))
    k.dmm.follow_feed(feed, k.time_s)


def _clear_buffer(k: Keithley2700) -> None:
    k.dmm.buffer.clear()


def _selected(k: Keithley2700, parameters: Parameters) -> str:
    if len(parameters) != 2:
        raise ScpiError(-109 if len(parameters) < 2 else -108)
    kept = k.dmm.buffered()
    first, count = (round(scpi.number(p)) for p in parameters)
    if first < 0 or count < 1 or first + count > len(kept):
        raise ScpiError(-222)
    return k.show(kept[first : first + count])


#: With parameters.
_COMMANDS: dict[str, Command] = {
    "[:SENSe[1]]:FUNCtion": _function,
    "[:SENSe[1]]:FUNCtion?": _show_function,
    ":FORMat:ELEMents": _elements,
    ":TRACe:POINts": _buffer_points,
    ":TRACe:FEED": _feed,
    ":TRACe:FEED:CONTrol": _feed_control,
    ":TRACe:DATA:SELected?": _selected,
}

#: Without parameters.
_PLAIN: dict[str, Plain] = {
    "*TRG": _trigger,
    ":INITiate[:IMMediate]": lambda k: k.dmm.start(k.time_s),
    ":ABORt": lambda k: k.dmm.abort(k.time_s),
    ":READ?": _read,
    ":FETCh?": _fetch,
    ":MEASure?": _measure_present,
    ":CONFigure?": lambda k: f'"{FUNCTIONS[k.dmm.settings.function].name}"',
    "[:SENSe[1]]:DATA[:LATest]?": lambda k: k.show([k.dmm.latest(k.time_s)]),
    "[:SENSe[1]]:DATA:FRESh?": lambda k: k.show([k.dmm.latest(k.time_s)]),
    ":FORMat:ELEMents?": _show_elements,
    ":TRACe:CLEar": _clear_buffer,
    ":TRACe:FREE?": lambda k: k.buffer_room(),
    ":TRACe:POINts?": lambda k: str(k.dmm.buffer_points),
    ":TRACe:POINts:ACTual?": lambda k: str(len(k.dmm.buffer)),
    ":TRACe:NEXT?": lambda k: str(len(k.dmm.buffer)),
    ":TRACe:FEED?": lambda k: "SENS",
    ":TRACe:FEED:CONTrol?": lambda k: k.dmm.feed,
    ":TRACe:DATA?": lambda k: k.show(k.dmm.buffered()),
}
