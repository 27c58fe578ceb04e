"""The Keithley 2400's commands that are more than a setting, and the tree of all headers.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 16 to 18.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2400_commands import SETTINGS, Count, Setting
from nanojunction.instruments.virtual.keithley2400_settings import NOT_MEASURED
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.status import Register

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2400 import Keithley2400

Parameters = tuple[str, ...]
Command = Callable[["Keithley2400", Parameters], str | None]

_FUNCTIONS = ("CURRent", "VOLTage", "RESistance")
_ELEMENTS = ("VOLTage", "CURRent", "RESistance", "TIME", "STATus")
_LONG = {"CURR": '"CURR:DC"', "VOLT": '"VOLT:DC"', "RES": '"RES"'}
_NOTHING = frozenset({"", "NONE"})


def tree() -> scpi.Tree[Command]:
    """Return all headers of the instrument with what carries them out."""
    headers: scpi.Tree[Command] = scpi.Tree()
    for setting in SETTINGS:
        headers.add(setting.header, _setter(setting))
        headers.add(setting.header + "?", _getter(setting))
    for header, command in _COMMANDS.items():
        headers.add(header, command)
    for name in ("MEASurement", "OPERation", "QUEStionable"):
        _add_register(headers, name)
    for function in ("CURRent[:DC]", "VOLTage[:DC]", "RESistance"):
        name = scpi.keyword(function.partition("[")[0], _FUNCTIONS)
        headers.add(f":CONFigure:{function}", _configure(name))
        headers.add(f":MEASure:{function}?", _measure(name))
    for quantity in ("VOLTage", "CURRent"):
        headers.add(f":SOURce[1]:LIST:{quantity}", _set_list(quantity, False))
        headers.add(f":SOURce[1]:LIST:{quantity}:APPend", _set_list(quantity, True))
        headers.add(f":SOURce[1]:LIST:{quantity}?", _get_list(quantity))
        headers.add(f":SOURce[1]:LIST:{quantity}:POINts?", _list_points(quantity))
        headers.add(f":SOURce[1]:{quantity}:CENTer", _set_middle(quantity))
        headers.add(f":SOURce[1]:{quantity}:SPAN", _set_span(quantity))
    return headers


def _setter(setting: Setting) -> Command:
    return lambda instrument, parameters: instrument.set(setting, parameters)


def _getter(setting: Setting) -> Command:
    return lambda instrument, parameters: instrument.query(setting, parameters)


def _one(parameters: Parameters) -> str:
    if len(parameters) != 1:
        raise ScpiError(-108 if parameters else -109)
    return parameters[0]


# Output and functions


def _output(k: Keithley2400, parameters: Parameters) -> None:
    k.engine.switch(k.time_s, scpi.boolean(_one(parameters)))


def _functions(parameters: Parameters) -> frozenset[str]:
    if not parameters:
        raise ScpiError(-109)
    return frozenset(
        scpi.keyword(p.strip("\"' ").upper().removesuffix(":DC"), _FUNCTIONS) for p in parameters
    )


def _functions_on(k: Keithley2400, parameters: Parameters) -> None:
    s, chosen = k.engine.settings, _functions(parameters)
    if not s.concurrent and len(chosen) > 1:
        raise ScpiError(-221)
    k.engine.settings.functions = s.functions | chosen if s.concurrent else chosen
    k.engine.connect(k.time_s)


def _functions_off(k: Keithley2400, parameters: Parameters) -> None:
    k.engine.settings.functions -= _functions(parameters)
    k.engine.connect(k.time_s)


def _all_on(k: Keithley2400, parameters: Parameters) -> None:
    if not k.engine.settings.concurrent:
        raise ScpiError(-221)
    k.engine.settings.functions = frozenset({"CURR", "VOLT", "RES"})
    k.engine.connect(k.time_s)


def _all_off(k: Keithley2400, parameters: Parameters) -> None:
    k.engine.settings.functions = frozenset()
    k.engine.connect(k.time_s)


def _named(names: frozenset[str]) -> str:
    return ",".join(_LONG[name] for name in ("VOLT", "CURR", "RES") if name in names) or '""'


def _off_functions(k: Keithley2400, parameters: Parameters) -> str:
    return _named(frozenset(_LONG) - k.engine.settings.functions)


def _function_state(k: Keithley2400, parameters: Parameters) -> str:
    return "1" if _functions(parameters) <= k.engine.settings.functions else "0"


def _tripped(k: Keithley2400, parameters: Parameters) -> str:
    point = k.world.working_point(k.time_s)
    return "1" if k.engine.output_on and point.limited else "0"


def _autozero(k: Keithley2400, parameters: Parameters) -> None:
    word = _one(parameters)
    if word.upper() == "ONCE":
        k.engine.settings.autozero = False
        return
    k.engine.settings.autozero = scpi.boolean(word)


def _elements(k: Keithley2400, parameters: Parameters) -> None:
    if not parameters:
        raise ScpiError(-109)
    chosen = {scpi.keyword(p, _ELEMENTS) for p in parameters}
    order = [scpi.keyword(name, _ELEMENTS) for name in _ELEMENTS]
    k.engine.settings.elements = tuple(name for name in order if name in chosen)


# Acquisition


def _configure(name: str) -> Command:
    def command(k: Keithley2400, parameters: Parameters) -> None:
        k.configure(name)

    return command


def _measure(name: str) -> Command:
    def command(k: Keithley2400, parameters: Parameters) -> None:
        k.configure(name)
        k.initiate()

    return command


def _read(k: Keithley2400, parameters: Parameters) -> None:
    k.initiate()


def _measure_present(k: Keithley2400, parameters: Parameters) -> None:
    k.engine.switch(k.time_s, True)
    k.initiate()


def _latest(k: Keithley2400, parameters: Parameters) -> str:
    return k.show(k.engine.readings[-1:])


def _trigger(k: Keithley2400, parameters: Parameters) -> None:
    if not k.engine.trigger(k.time_s):
        raise ScpiError(-211)


def _count_infinite(k: Keithley2400, parameters: Parameters) -> None:
    raise ScpiError(-222)


# Buffer


def _buffer_points(k: Keithley2400, parameters: Parameters) -> None:
    k.engine.buffer_points = Count(1, 2500, 100).parse(_one(parameters))


def _feed_control(k: Keithley2400, parameters: Parameters) -> None:
    following = scpi.keyword(_one(parameters), ("NEXT", "NEVer")) == "NEXT"
    if following:
        k.engine.buffer.clear()
    k.engine.buffering = following


def _feed(k: Keithley2400, parameters: Parameters) -> None:
    scpi.keyword(_one(parameters), ("SENSe[1]", "CALCulate[1]", "CALCulate2"))
    if scpi.keyword(_one(parameters), ("SENSe[1]", "CALCulate[1]", "CALCulate2")) != "SENS":
        raise ScpiError(-221)


def _clear_buffer(k: Keithley2400, parameters: Parameters) -> None:
    if k.engine.buffering and k.engine.running:
        raise ScpiError(800)
    k.engine.buffer.clear()


def _free(k: Keithley2400, parameters: Parameters) -> str:
    used = 64 * len(k.engine.buffer)
    return f"{64 * 2500 - used},{used}"


def _statistics(k: Keithley2400, parameters: Parameters) -> str:
    measures: dict[str, Callable[[list[float]], float]] = {
        "MEAN": statistics.fmean,
        "SDEV": lambda x: statistics.stdev(x) if len(x) > 1 else 0.0,
        "MAX": max,
        "MIN": min,
        "PKPK": lambda x: max(x) - min(x),
    }
    if not k.engine.buffer:
        raise ScpiError(-230)
    measure = measures[k.engine.settings.statistic]
    columns = {
        "VOLT": [r.voltage_V for r in k.engine.buffer],
        "CURR": [r.current_A for r in k.engine.buffer],
        "RES": [r.resistance_ohm for r in k.engine.buffer],
    }
    shown = [name for name in ("VOLT", "CURR", "RES") if name in k.engine.settings.elements]
    values = (NOT_MEASURED if columns[n][0] == NOT_MEASURED else measure(columns[n]) for n in shown)
    return ",".join(f"{value:+.6E}" for value in values)


# Sweeps


def _list_name(quantity: str) -> str:
    return f"{quantity.lower()}_list"


def _set_list(quantity: str, append: bool) -> Command:
    limit = 210.0 if quantity == "VOLTage" else 1.05

    def command(k: Keithley2400, parameters: Parameters) -> None:
        values = [scpi.number(p) for p in parameters]
        present = getattr(k.engine.settings, _list_name(quantity)) if append else []
        if not values:
            raise ScpiError(-109)
        if len(values) > 100:
            raise ScpiError(-223)
        if any(abs(v) > limit for v in values) or len(present) + len(values) > 2500:
            raise ScpiError(-222)
        setattr(k.engine.settings, _list_name(quantity), [*present, *values])

    return command


def _get_list(quantity: str) -> Command:
    return lambda k, parameters: ",".join(
        f"{v:+.6E}" for v in getattr(k.engine.settings, _list_name(quantity))
    )


def _list_points(quantity: str) -> Command:
    return lambda k, parameters: str(len(getattr(k.engine.settings, _list_name(quantity))))


def _set_middle(quantity: str) -> Command:
    name = quantity.lower()

    def command(k: Keithley2400, parameters: Parameters) -> None:
        s = k.engine.settings
        span = getattr(s, f"{name}_stop") - getattr(s, f"{name}_start")
        middle = scpi.number(_one(parameters))
        setattr(s, f"{name}_start", middle - span / 2)
        setattr(s, f"{name}_stop", middle + span / 2)

    return command


def _set_span(quantity: str) -> Command:
    name = quantity.lower()

    def command(k: Keithley2400, parameters: Parameters) -> None:
        s = k.engine.settings
        middle = (getattr(s, f"{name}_stop") + getattr(s, f"{name}_start")) / 2
        span = scpi.number(_one(parameters))
        setattr(s, f"{name}_start", middle - span / 2)
        setattr(s, f"{name}_stop", middle + span / 2)

    return command


# Status and system


def _add_register(headers: scpi.Tree[Command], name: str) -> None:
    short = scpi.keyword(name, ("MEASurement", "OPERation", "QUEStionable"))

    def register(k: Keithley2400) -> Register:
        return {
            "MEAS": k.status.measurement,
            "OPER": k.status.operation,
            "QUES": k.status.questionable,
        }[short]

    def enable(k: Keithley2400, parameters: Parameters) -> None:
        register(k).enable = Count(0, 65535, 0).parse(_one(parameters))

    headers.add(f":STATus:{name}[:EVENt]?", lambda k, _: str(register(k).read()))
    headers.add(f":STATus:{name}:ENABle", enable)
    headers.add(f":STATus:{name}:ENABle?", lambda k, _: str(register(k).enable))
    headers.add(f":STATus:{name}:CONDition?", lambda k, _: str(k.condition(short)))


def _event_enable(k: Keithley2400, parameters: Parameters) -> None:
    k.status.standard.enable = Count(0, 255, 0).parse(_one(parameters))


def _service_enable(k: Keithley2400, parameters: Parameters) -> None:
    k.status.service_enable = Count(0, 255, 0).parse(_one(parameters))


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
    k.engine.time_zero_s = k.time_s


def _nothing(k: Keithley2400, parameters: Parameters) -> None:
    """Accept what has no effect here."""


def _reset(k: Keithley2400, parameters: Parameters) -> None:
    k.reset()


def _abort(k: Keithley2400, parameters: Parameters) -> None:
    k.engine.abort(k.time_s)


_COMMANDS: dict[str, Command] = {
    "*IDN?": lambda k, _: k.identity,
    "*RST": _reset,
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
    "*TRG": _trigger,
    "*TST?": lambda k, _: "0",
    "*WAI": _nothing,
    ":OUTPut[1][:STATe]": _output,
    ":OUTPut[1][:STATe]?": lambda k, _: "1" if k.engine.output_on else "0",
    ":OUTPut[1]:ENABle:TRIPped?": lambda k, _: "1",
    ":SOURce[1]:CLEar[:IMMediate]": lambda k, _: k.engine.switch(k.time_s, False),
    "[:SENSe[1]]:FUNCtion[:ON]": _functions_on,
    "[:SENSe[1]]:FUNCtion[:ON]?": lambda k, _: _named(k.engine.settings.functions),
    "[:SENSe[1]]:FUNCtion[:ON]:ALL": _all_on,
    "[:SENSe[1]]:FUNCtion[:ON]:COUNt?": lambda k, _: str(len(k.engine.settings.functions)),
    "[:SENSe[1]]:FUNCtion:OFF": _functions_off,
    "[:SENSe[1]]:FUNCtion:OFF?": _off_functions,
    "[:SENSe[1]]:FUNCtion:OFF:ALL": _all_off,
    "[:SENSe[1]]:FUNCtion:STATe?": _function_state,
    "[:SENSe[1]]:CURRent[:DC]:PROTection:TRIPped?": _tripped,
    "[:SENSe[1]]:VOLTage[:DC]:PROTection:TRIPped?": _tripped,
    "[:SENSe[1]]:DATA[:LATest]?": _latest,
    ":SYSTem:AZERo[:STATe]": _autozero,
    ":SYSTem:AZERo[:STATe]?": lambda k, _: "1" if k.engine.settings.autozero else "0",
    ":FORMat:ELEMents[:SENSe[1]]": _elements,
    ":FORMat:ELEMents[:SENSe[1]]?": lambda k, _: ",".join(k.engine.settings.elements),
    ":CONFigure?": lambda k, _: _named(k.engine.settings.functions),
    ":MEASure?": _measure_present,
    ":READ?": _read,
    ":FETCh?": lambda k, _: k.show(k.engine.readings),
    ":INITiate[:IMMediate]": _read,
    ":ABORt": _abort,
    ":TRIGger[:SEQuence[1]]:CLEar": _nothing,
    ":TRACe:CLEar": _clear_buffer,
    ":TRACe:FREE?": _free,
    ":TRACe:POINts": _buffer_points,
    ":TRACe:POINts?": lambda k, _: str(k.engine.buffer_points),
    ":TRACe:POINts:ACTual?": lambda k, _: str(len(k.engine.buffer)),
    ":TRACe:FEED": _feed,
    ":TRACe:FEED?": lambda k, _: "SENS1",
    ":TRACe:FEED:CONTrol": _feed_control,
    ":TRACe:FEED:CONTrol?": lambda k, _: "NEXT" if k.engine.buffering else "NEV",
    ":TRACe:DATA?": lambda k, _: k.show(k.buffered()),
    ":CALCulate3:DATA?": _statistics,
    ":STATus:PRESet": lambda k, _: k.status.preset(),
    ":STATus:QUEue[:NEXT]?": lambda k, _: scpi.error_text(k.status.errors.pop()),
    ":STATus:QUEue:CLEar": lambda k, _: k.status.errors.clear(),
    ":SYSTem:ERRor[:NEXT]?": lambda k, _: scpi.error_text(k.status.errors.pop()),
    ":SYSTem:ERRor:ALL?": _all_errors,
    ":SYSTem:ERRor:COUNt?": lambda k, _: str(len(k.status.errors)),
    ":SYSTem:ERRor:CODE[:NEXT]?": lambda k, _: str(k.status.errors.pop()),
    ":SYSTem:CLEar": lambda k, _: k.status.errors.clear(),
    ":SYSTem:VERSion?": lambda k, _: "1996.0",
    ":SYSTem:PRESet": _reset,
    ":SYSTem:BEEPer[:IMMediate]": _beep,
    ":SYSTem:BEEPer:STATe": _nothing,
    ":SYSTem:TIME?": lambda k, _: f"{k.time_s - k.engine.time_zero_s:.6f}",
    ":SYSTem:TIME:RESet": _reset_time,
    ":SYSTem:LOCal": _nothing,
    ":SYSTem:REMote": _nothing,
    ":SYSTem:RWLock": _nothing,
    ":SYSTem:KEY": _nothing,
}
