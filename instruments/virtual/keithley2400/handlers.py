"""The Keithley 2400's commands that are more than a setting, and the tree of all headers.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 16 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2400 import status
from nanojunction.instruments.virtual.keithley2400.commands import SETTINGS, Command, Plain
from nanojunction.instruments.virtual.keithley2400.settings import CURRENT_RANGES, VOLTAGE_RANGES
from nanojunction.instruments.virtual.keithley2400.sweep import commands as sweep_commands
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Count, Parameters, range_for
from nanojunction.instruments.virtual.scpi.commands import (
    COMMON,
    ERROR_QUEUE,
    LOCAL,
    memories,
    registers,
    setting_commands,
    without_parameters,
)
from nanojunction.instruments.virtual.source_meter_unit import NOT_MEASURED, STATISTICS

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2400.instrument import Keithley2400

_FUNCTIONS = ("CURRent", "VOLTage", "RESistance")
_ELEMENTS = ("VOLTage", "CURRent", "RESistance", "TIME", "STATus")
_LONG = {"CURR": '"CURR:DC"', "VOLT": '"VOLT:DC"', "RES": '"RES"'}

_STATISTICS = {
    "MEAN": "AVERage", "SDEV": "STDDev", "MAX": "MAXimum", "MIN": "MINimum", "PKPK": "PK2Pk",
}  # fmt: skip


def tree() -> scpi.Tree[Command]:
    """Return all headers of the instrument with what carries them out."""
    headers: scpi.Tree[Command] = scpi.Tree()
    headers.add_all(COMMON)
    headers.add_all(memories(5))
    headers.add_all(registers("MEASurement", "OPERation", "QUEStionable"))
    headers.add_all(ERROR_QUEUE)
    headers.add_all(LOCAL)
    headers.add_all(setting_commands(SETTINGS))
    headers.add_all(_COMMANDS | status.COMMANDS | sweep_commands())
    plain = _PLAIN | status.PLAIN
    for function in ("CURRent[:DC]", "VOLTage[:DC]", "RESistance"):
        name = scpi.keyword(function.partition("[")[0], _FUNCTIONS)
        plain[f":CONFigure:{function}"] = _configure(name)
        plain[f":MEASure:{function}?"] = _measure(name)
    headers.add_all(without_parameters(plain))
    return headers


# Output and functions


def _output(k: Keithley2400, parameters: Parameters) -> None:
    on = scpi.boolean(scpi.single(parameters))
    if on and k.unit.settings.output_enable:
        raise ScpiError(802)  # nothing closes the enable line
    k.unit.switch(k.time_s, on)


def _functions(parameters: Parameters) -> frozenset[str]:
    if not parameters:
        raise ScpiError(-109)
    return frozenset(
        scpi.keyword(p.strip("\"' ").upper().removesuffix(":DC"), _FUNCTIONS) for p in parameters
    )


def _functions_on(k: Keithley2400, parameters: Parameters) -> None:
    s, chosen = k.unit.settings, _functions(parameters)
    if not s.concurrent and len(chosen) > 1:
        raise ScpiError(-221)
    k.unit.settings.functions = s.functions | chosen if s.concurrent else chosen
    k.unit.connect(k.time_s)


def _functions_off(k: Keithley2400, parameters: Parameters) -> None:
    k.unit.settings.functions -= _functions(parameters)
    k.unit.connect(k.time_s)


def _all_on(k: Keithley2400) -> None:
    if not k.unit.settings.concurrent:
        raise ScpiError(-221)
    k.unit.settings.functions = frozenset({"CURR", "VOLT", "RES"})
    k.unit.connect(k.time_s)


def _all_off(k: Keithley2400) -> None:
    k.unit.settings.functions = frozenset()
    k.unit.connect(k.time_s)


def _named(names: frozenset[str]) -> str:
    return ",".join(_LONG[name] for name in ("VOLT", "CURR", "RES") if name in names) or '""'


def _off_functions(k: Keithley2400) -> str:
    return _named(frozenset(_LONG) - k.unit.settings.functions)


def _function_state(k: Keithley2400, parameters: Parameters) -> str:
    return "1" if _functions(parameters) <= k.unit.settings.functions else "0"


def _tripped(k: Keithley2400) -> str:
    point = k.world.working_point(k.time_s)
    return "1" if k.unit.output_on and point.limited else "0"


def _autozero(k: Keithley2400, parameters: Parameters) -> None:
    word = scpi.single(parameters)
    if word.upper() == "ONCE":
        k.unit.settings.autozero = False
        return
    k.unit.settings.autozero = scpi.boolean(word)


def _elements(k: Keithley2400, parameters: Parameters) -> None:
    if not parameters:
        raise ScpiError(-109)
    chosen = {scpi.keyword(p, _ELEMENTS) for p in parameters}
    order = [scpi.keyword(name, _ELEMENTS) for name in _ELEMENTS]
    k.unit.settings.elements = tuple(name for name in order if name in chosen)


# Acquisition


def _configure(name: str) -> Plain:
    def command(k: Keithley2400) -> None:
        k.configure(name)

    return command


def _measure(name: str) -> Plain:
    def command(k: Keithley2400) -> None:
        k.configure(name)
        k.initiate()

    return command


def _read(k: Keithley2400) -> None:
    k.initiate()


def _measure_present(k: Keithley2400) -> None:
    k.unit.switch(k.time_s, True)
    k.initiate()


def _latest(k: Keithley2400) -> str:
    return k.show(k.trigger.readings[-1:])


def _trigger(k: Keithley2400) -> None:
    if not k.trigger.bus_trigger(k.time_s):
        raise ScpiError(-211)


# Buffer


def _buffer_points(k: Keithley2400, parameters: Parameters) -> None:
    k.trigger.buffer_points = Count(1, 2500, 100).parse(scpi.single(parameters))


def _feed_control(k: Keithley2400, parameters: Parameters) -> None:
    following = scpi.keyword(scpi.single(parameters), ("NEXT", "NEVer")) == "NEXT"
    if following:
        k.trigger.buffer.clear()
    k.trigger.buffering = following


def _feed(k: Keithley2400, parameters: Parameters) -> None:
    if scpi.keyword(scpi.single(parameters), ("SENSe[1]", "CALCulate[1]", "CALCulate2")) != "SENS":
        raise ScpiError(-221)


def _clear_buffer(k: Keithley2400) -> None:
    if k.trigger.buffering and k.trigger.running:
        raise ScpiError(800)
    k.trigger.buffer.clear()


def _free(k: Keithley2400) -> str:
    used = 64 * len(k.trigger.buffer)
    return f"{64 * 2500 - used},{used}"


def _statistics(k: Keithley2400) -> str:
    if not k.trigger.buffer:
        raise ScpiError(-230)
    measure = STATISTICS[_STATISTICS[k.unit.settings.statistic]]
    columns = {
        "VOLT": [r.voltage_V for r in k.trigger.buffer],
        "CURR": [r.current_A for r in k.trigger.buffer],
        "RES": [r.resistance_ohm for r in k.trigger.buffer],
    }
    shown = [name for name in ("VOLT", "CURR", "RES") if name in k.unit.settings.elements]
    values = (NOT_MEASURED if columns[n][0] == NOT_MEASURED else measure(columns[n]) for n in shown)
    return ",".join(f"{value:+.6E}" for value in values)


def _upper_limit(quantity: str) -> Plain:
    """Return a query of what autorange goes up to: the range of the compliance."""

    def query(k: Keithley2400) -> str:
        s = k.unit.settings
        if quantity == "current":
            return f"{range_for(s.current_compliance, CURRENT_RANGES):.6E}"
        return f"{range_for(s.voltage_compliance, VOLTAGE_RANGES):.6E}"

    return query


def _reset(k: Keithley2400) -> None:
    k.reset()


def _abort(k: Keithley2400) -> None:
    k.trigger.abort(k.time_s)


#: With parameters.
_COMMANDS: dict[str, Command] = {
    ":OUTPut[1][:STATe]": _output,
    "[:SENSe[1]]:FUNCtion[:ON]": _functions_on,
    "[:SENSe[1]]:FUNCtion:OFF": _functions_off,
    "[:SENSe[1]]:FUNCtion:STATe?": _function_state,
    ":SYSTem:AZERo[:STATe]": _autozero,
    ":FORMat:ELEMents[:SENSe[1]]": _elements,
    ":TRACe:POINts": _buffer_points,
    ":TRACe:FEED": _feed,
    ":TRACe:FEED:CONTrol": _feed_control,
}

#: Without parameters.
_PLAIN: dict[str, Plain] = {
    "*TRG": _trigger,
    ":OUTPut[1][:STATe]?": lambda k: "1" if k.unit.output_on else "0",
    ":OUTPut[1]:ENABle:TRIPped?": lambda k: "1",
    ":SOURce[1]:CLEar[:IMMediate]": lambda k: k.unit.switch(k.time_s, False),
    "[:SENSe[1]]:FUNCtion[:ON]?": lambda k: _named(k.unit.settings.functions),
    "[:SENSe[1]]:FUNCtion[:ON]:ALL": _all_on,
    "[:SENSe[1]]:FUNCtion[:ON]:COUNt?": lambda k: str(len(k.unit.settings.functions)),
    "[:SENSe[1]]:FUNCtion:OFF?": _off_functions,
    "[:SENSe[1]]:FUNCtion:OFF:ALL": _all_off,
    "[:SENSe[1]]:CURRent[:DC]:PROTection:TRIPped?": _tripped,
    "[:SENSe[1]]:VOLTage[:DC]:PROTection:TRIPped?": _tripped,
    "[:SENSe[1]]:CURRent[:DC]:RANGe:AUTO:ULIMit?": _upper_limit("current"),
    "[:SENSe[1]]:VOLTage[:DC]:RANGe:AUTO:ULIMit?": _upper_limit("voltage"),
    "[:SENSe[1]]:DATA[:LATest]?": _latest,
    ":DISPlay:CNDisplay": lambda k: None,
    ":SYSTem:AZERo[:STATe]?": lambda k: "1" if k.unit.settings.autozero else "0",
    ":FORMat:ELEMents[:SENSe[1]]?": lambda k: ",".join(k.unit.settings.elements),
    ":CONFigure?": lambda k: _named(k.unit.settings.functions),
    ":MEASure?": _measure_present,
    ":READ?": _read,
    ":FETCh?": lambda k: k.show(k.trigger.readings),
    ":INITiate[:IMMediate]": _read,
    ":ABORt": _abort,
    ":TRIGger[:SEQuence[1]]:CLEar": lambda k: None,
    ":TRACe:CLEar": _clear_buffer,
    ":TRACe:FREE?": _free,
    ":TRACe:POINts?": lambda k: str(k.trigger.buffer_points),
    ":TRACe:POINts:ACTual?": lambda k: str(len(k.trigger.buffer)),
    ":TRACe:FEED?": lambda k: "SENS1",
    ":TRACe:FEED:CONTrol?": lambda k: "NEXT" if k.trigger.buffering else "NEV",
    ":TRACe:DATA?": lambda k: k.show(k.buffered()),
    ":CALCulate3:DATA?": _statistics,
    ":SYSTem:PRESet": _reset,
}
