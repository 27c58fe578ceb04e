"""The Keithley 2450's commands that are more than a setting, and the tree of all headers.

Source: Model 2450 Reference Manual (2450-901-01), section 6.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2450 import events, model_commands, sweeps
from nanojunction.instruments.virtual.keithley2450.buffers import (
    ReadingBuffer,
    date_at,
    elements_from,
    number,
)
from nanojunction.instruments.virtual.keithley2450.commands import SETTINGS, Command, Plain
from nanojunction.instruments.virtual.keithley2450.settings import VOLTAGE_RANGES
from nanojunction.instruments.virtual.keithley2450.sweeps import text
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Count, Parameters
from nanojunction.instruments.virtual.scpi.commands import (
    COMMON,
    memories,
    registers,
    setting_commands,
    without_parameters,
)
from nanojunction.instruments.virtual.source_meter_unit import STATISTICS

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2450.instrument import Keithley2450

_ACCESS = ("FULL", "EXCLusive", "PROTected", "LOCKout")
_FUNCTIONS = ("CURRent", "VOLTage", "RESistance")
_LONG = {"CURR": '"CURR:DC"', "VOLT": '"VOLT:DC"', "RES": '"RES"'}


def tree() -> scpi.Tree[Command]:
    """Return all headers of the instrument with what carries them out."""
    headers: scpi.Tree[Command] = scpi.Tree()
    headers.add_all(COMMON)
    headers.add_all(memories(5))
    headers.add_all(registers("OPERation", "QUEStionable"))
    headers.add_all(setting_commands(SETTINGS))
    headers.add_all(without_parameters(_PLAIN | events.PLAIN))
    headers.add_all(_COMMANDS | events.COMMANDS | sweeps.commands() | model_commands.commands())
    for function in ("CURRent[:DC]", "VOLTage[:DC]", "RESistance"):
        name = scpi.keyword(function.partition("[")[0], _FUNCTIONS)
        headers.add(f":MEASure:{function}?", _measure(name))
        headers.add(f"[:SENSe[1]]:{function}:RELative:ACQuire", _acquire_relative(name))
    for name in STATISTICS:
        headers.add(f":TRACe:STATistics:{name}?", _statistic(name))
    return headers


def _named_buffer(k: Keithley2450, parameters: Parameters) -> ReadingBuffer:
    return k.buffer(text(parameters[0]) if parameters else "defbuffer1")


# Output and functions


def _output(k: Keithley2450, parameters: Parameters) -> None:
    on = scpi.boolean(scpi.single(parameters))
    if on and k.unit.settings.interlock:
        raise ScpiError(-200)  # nothing closes the interlock
    k.unit.switch(k.time_s, on)


def _off_mode(k: Keithley2450, parameters: Parameters) -> None:
    names = ("NORMal", "HIMPedance", "ZERO", "GUARd")
    for side in k.unit.settings.source.values():
        side.off_mode = scpi.keyword(scpi.single(parameters), names)
    k.unit.connect(k.time_s)


def _function(k: Keithley2450, parameters: Parameters) -> None:
    word = text(scpi.single(parameters)).upper().removesuffix(":DC")
    k.unit.settings.sense_function = scpi.keyword(word, _FUNCTIONS)
    k.unit.clear_filter()
    k.unit.connect(k.time_s)


def _tripped(source: str) -> Plain:
    def query(k: Keithley2450) -> str:
        unit = k.unit
        point = k.world.working_point(k.time_s)
        here = unit.settings.source_function == source
        return "1" if here and unit.output_on and point.limited else "0"

    return query


def _autozero_once(k: Keithley2450) -> None:
    k.unit.references_now(k.time_s)


def _acquire_relative(name: str) -> Command:
    def command(k: Keithley2450, parameters: Parameters) -> None:
        if k.unit.settings.sense_function != name:
            raise ScpiError(-221)
        reading, _ = k.unit.measure(k.time_s)
        sense = k.unit.settings.sense[name]
        sense.relative = reading.value + (sense.relative if sense.relative_on else 0.0)

    return command


# Readings


def _read(k: Keithley2450, parameters: Parameters) -> None:
    k.read(_named_buffer(k, parameters), elements_from(parameters[1:]))


def _measure(name: str) -> Command:
    def command(k: Keithley2450, parameters: Parameters) -> None:
        k.unit.settings.sense_function = name
        k.unit.connect(k.time_s)
        _read(k, parameters)

    return command


def _fetch(k: Keithley2450, parameters: Parameters) -> str:
    buffer, elements = _named_buffer(k, parameters), elements_from(parameters[1:])
    if not buffer.readings:
        raise ScpiError(-230)
    return buffer.show(buffer.readings[-1:], elements, k.unit.settings.precision)


def _store_readings(k: Keithley2450, parameters: Parameters) -> None:
    buffer = _named_buffer(k, parameters)
    k.acquisition.start(k.time_s, k.acquisition.measure(k.time_s, k.unit.settings.count, buffer))


# Buffers


def _data(k: Keithley2450, parameters: Parameters) -> str:
    if len(parameters) < 2:
        raise ScpiError(-109)
    whole = Count(1, 10_000_000, 1)
    start, end = whole.parse(parameters[0]), whole.parse(parameters[1])
    elements = elements_from(parameters[3:])
    buffer = _named_buffer(k, parameters[2:])
    return buffer.show(buffer.between(start, end), elements, k.unit.settings.precision)


def _actual(k: Keithley2450, parameters: Parameters) -> str:
    return str(len(_named_buffer(k, parameters).readings))


def _first_number(k: Keithley2450, parameters: Parameters) -> str:
    return str(min(1, len(_named_buffer(k, parameters).readings)))


def _clear(k: Keithley2450, parameters: Parameters) -> None:
    _named_buffer(k, parameters).readings.clear()


def _make(k: Keithley2450, parameters: Parameters) -> None:
    if len(parameters) < 2:
        raise ScpiError(-109)
    name = text(parameters[0])
    if name in k.buffers:
        raise ScpiError(-221)
    k.buffers[name] = ReadingBuffer(name, Count(10, 6_875_000, 10).parse(parameters[1]))


def _delete(k: Keithley2450, parameters: Parameters) -> None:
    name = _named_buffer(k, parameters).name
    if not parameters or name.startswith("defbuffer"):
        raise ScpiError(-221)
    del k.buffers[name]


def _points(k: Keithley2450, parameters: Parameters) -> None:
    if not parameters:
        raise ScpiError(-109)
    buffer = _named_buffer(k, parameters[1:])
    buffer.capacity = Count(10, 6_875_000, 100_000).parse(parameters[0])
    buffer.readings.clear()


def _show_points(k: Keithley2450, parameters: Parameters) -> str:
    return str(_named_buffer(k, parameters).capacity)


def _fill_mode(k: Keithley2450, parameters: Parameters) -> None:
    if not parameters:
        raise ScpiError(-109)
    kind = scpi.keyword(parameters[0], ("CONTinuous", "ONCE"))
    _named_buffer(k, parameters[1:]).continuous = kind == "CONT"


def _show_fill_mode(k: Keithley2450, parameters: Parameters) -> str:
    return "CONT" if _named_buffer(k, parameters).continuous else "ONCE"


def _statistic(name: str) -> Command:
    def query(k: Keithley2450, parameters: Parameters) -> str:
        return number(_named_buffer(k, parameters).statistic(name), k.unit.settings.precision)

    return query


# The rest


def _language(k: Keithley2450, parameters: Parameters) -> None:
    k.language = scpi.keyword(scpi.single(parameters), ("SCPI", "TSP", "SCPI2400"))


def _access(k: Keithley2450, parameters: Parameters) -> None:
    k.access = scpi.keyword(scpi.single(parameters), _ACCESS)


def _time(k: Keithley2450, parameters: Parameters) -> str:
    now = date_at(k.time_s)
    if not parameters:
        return f"{math.floor(now.timestamp())}"
    if Count(0, 1, 0).parse(scpi.single(parameters)) == 0:
        raise ScpiError(-222)
    return now.ctime()


def _trigger(k: Keithley2450) -> None:
    if not k.acquisition.trigger(k.time_s):
        raise ScpiError(-211)


def _state(k: Keithley2450) -> str:
    acquisition = k.acquisition
    return f"{acquisition.state};{acquisition.state};{acquisition.at_block}"


def _accepted(k: Keithley2450, parameters: Parameters) -> None:
    """Accept what has no effect here."""


#: With parameters.
_COMMANDS: dict[str, Command] = {
    "*LANG": _language,
    ":OUTPut[1][:STATe]": _output,
    ":OUTPut[1]:SMODe": _off_mode,
    "[:SENSe[1]]:FUNCtion[:ON]": _function,
    ":READ?": _read,
    ":MEASure?": _read,
    ":FETCh?": _fetch,
    ":TRACe:TRIGger": _store_readings,
    ":TRACe:DATA?": _data,
    ":TRACe:ACTual?": _actual,
    ":TRACe:ACTual:END?": _actual,
    ":TRACe:ACTual:STARt?": _first_number,
    ":TRACe:CLEar": _clear,
    ":TRACe:STATistics:CLEar": _accepted,
    ":TRACe:MAKE": _make,
    ":TRACe:DELete": _delete,
    ":TRACe:POINts": _points,
    ":TRACe:POINts?": _show_points,
    ":TRACe:FILL:MODE": _fill_mode,
    ":TRACe:FILL:MODE?": _show_fill_mode,
    ":TRACe:LOG:STATe": _accepted,
    ":DISPlay:SCReen": _accepted,
    ":DISPlay:USER1:TEXT[:DATA]": _accepted,
    ":DISPlay:USER2:TEXT[:DATA]": _accepted,
    ":SYSTem:TIME": _accepted,
    ":SYSTem:TIME?": _time,
    ":SYSTem:ACCess": _access,
}

#: Without parameters.
_PLAIN: dict[str, Plain] = {
    "*LANG?": lambda k: k.language,
    "*TRG": _trigger,
    ":OUTPut[1][:STATe]?": lambda k: "1" if k.unit.output_on else "0",
    ":OUTPut[1]:SMODe?": lambda k: k.unit.source.off_mode,
    ":OUTPut[1]:INTerlock:TRIPped?": lambda k: "0",
    "[:SENSe[1]]:FUNCtion[:ON]?": lambda k: _LONG[k.unit.settings.sense_function],
    "[:SENSe[1]]:AZERo:ONCE": _autozero_once,
    ":SOURce[1]:VOLTage:ILIMit[:LEVel]:TRIPped?": _tripped("VOLT"),
    ":SOURce[1]:CURRent:VLIMit[:LEVel]:TRIPped?": _tripped("CURR"),
    ":SOURce[1]:VOLTage:PROTection[:LEVel]:TRIPped?": lambda k: "1" if k.unit.is_protected else "0",
    "[:SENSe[1]]:VOLTage[:DC]:RANGe:AUTO:ULIMit?": lambda k: f"{VOLTAGE_RANGES[-1]:.6E}",
    ":INITiate[:IMMediate]": lambda k: k.acquisition.start_model(k.time_s),
    ":ABORt": lambda k: k.acquisition.abort(k.time_s),
    ":TRIGger:STATe?": _state,
    ":DISPlay:CLEar": lambda k: None,
    ":SYSTem:POSetup?": lambda k: "RST",
    ":SYSTem:ACCess?": lambda k: k.access,
}
