"""The Keithley 2450's lists and sweeps.

A sweep command fills the trigger model with a template that switches the output on at its start
and off at its end. Source: Model 2450 Reference Manual (2450-901-01), section 3 (sweep operation,
trigger model), section 6 (`:SOURce:LIST`, `:SOURce:SWEep`, `:SOURce:CONFiguration`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2450.blocks import Block, Point
from nanojunction.instruments.virtual.keithley2450.settings import FULL_SCALE, RANGES
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Count, Parameters, Real, range_for

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2450.commands import Command
    from nanojunction.instruments.virtual.keithley2450.instrument import Keithley2450

#: Most values in one :SOURce:LIST message, and in a list that was put together.
_LIST_MESSAGE, _LIST = 100, 2500
_MAXIMUM = {"VOLT": 210.0, "CURR": 1.05}
_NAMES = {"VOLT": "VoltCustomSweepList", "CURR": "CurrCustomSweepList"}
#: A count of repetitions, 0 for ever.
MANY = Count(0, 268_435_455, 1)
_RANGE_TYPES = ("AUTO", "BEST", "FIXed")


def text(parameter: str) -> str:
    """Return a parameter without its quotes."""
    return parameter.strip("\"'")


def commands() -> dict[str, Command]:
    """Return the headers with what carries them out."""
    found: dict[str, Command] = dict(_COMMANDS)
    for name, function in (("VOLTage", "VOLT"), ("CURRent", "CURR")):
        head = f":SOURce[1]:LIST:{name}"
        found[head] = _set_list(function, append=False)
        found[f"{head}:APPend"] = _set_list(function, append=True)
        found[f"{head}?"] = _show_list(function)
        found[f"{head}:POINts?"] = _count_list(function)
        sweep = f":SOURce[1]:SWEep:{name}"
        found[f"{sweep}:LINear"] = _linear(function, by_step=False)
        found[f"{sweep}:LINear:STEP"] = _linear(function, by_step=True)
        found[f"{sweep}:LOG"] = _logarithmic(function)
        found[f"{sweep}:LIST"] = _list_sweep(function)
    return found


# Lists


def _points(k: Keithley2450, function: str, levels: Sequence[float]) -> list[Point]:
    """Return the points of a list with the present settings; checked against them."""
    side = k.unit.settings.source[function]
    top = _MAXIMUM[function] if side.auto else FULL_SCALE * side.range
    if any(abs(level) > top * (1.0 + 1e-9) for level in levels):
        raise ScpiError(-222)
    return [(function, replace(side, level=level)) for level in levels]


def _set_list(function: str, *, append: bool) -> Command:
    def command(k: Keithley2450, parameters: Parameters) -> None:
        levels = [scpi.number(p) for p in parameters]
        present = k.lists.get(_NAMES[function], []) if append else []
        if not levels:
            raise ScpiError(-109)
        if len(levels) > _LIST_MESSAGE or len(present) + len(levels) > _LIST:
            raise ScpiError(-223)
        k.lists[_NAMES[function]] = [*present, *_points(k, function, levels)]

    return command


def _show_list(function: str) -> Command:
    return lambda k, _: ",".join(
        f"{side.level:.6E}" for _, side in k.lists.get(_NAMES[function], [])
    )


def _count_list(function: str) -> Command:
    return lambda k, _: str(len(k.lists.get(_NAMES[function], [])))


def _list_parameter(k: Keithley2450, parameters: Parameters) -> str:
    if not parameters:
        raise ScpiError(-109)
    return text(parameters[0])


def _create(k: Keithley2450, parameters: Parameters) -> None:
    k.lists[_list_parameter(k, parameters)] = []


def _delete(k: Keithley2450, parameters: Parameters) -> None:
    name = _list_parameter(k, parameters)
    points = k.list_named(name)
    if len(parameters) == 1:
        del k.lists[name]
    else:
        del points[Count(1, len(points), 1).parse(parameters[1]) - 1]


def _store(k: Keithley2450, parameters: Parameters) -> None:
    name = _list_parameter(k, parameters)
    if name not in k.lists:
        k.list_named(name)
    function = k.unit.settings.source_function
    point = (function, replace(k.unit.source))
    points = k.lists[name]
    index = len(points) + 1
    if len(parameters) > 1:
        index = Count(1, index, 1).parse(parameters[1])
    points[index - 1 : index] = [point]


def _recall(k: Keithley2450, parameters: Parameters) -> None:
    index = Count(1, 1_000_000, 1).parse(parameters[1]) if len(parameters) > 1 else 1
    k.recall_point(k.time_s, _list_parameter(k, parameters), index)


def _size(k: Keithley2450, parameters: Parameters) -> str:
    name = _list_parameter(k, parameters)
    return str(len(k.lists[name] if name in k.lists else k.list_named(name)))


# Sweeps: parameters are (start, stop, points | start index), delay, count, …


def option(parameters: Parameters, index: int, default: str) -> str:
    """Return a parameter that may be left out."""
    return parameters[index] if len(parameters) > index else default


@dataclass(frozen=True, slots=True)
class _Sweep:
    """What the options of a sweep command come to."""

    delay_s: float
    times: int
    fail_abort: bool
    buffer: str


def _template(k: Keithley2450, name: str, first: int, sweep: _Sweep) -> None:
    """Fill the trigger model as the instrument's own sweep template does."""
    k.buffer(sweep.buffer)
    count = (len(k.list_named(name)) + 1 - first) * sweep.times
    switch_off = 10
    blocks = [
        Block("BUFFER_CLEAR", sweep.buffer),
        Block("CONFIG_RECALL", name, first),
        Block("SOURCE_OUTPUT", number=1),
        Block("BRANCH_ALWAYS", branch=6),
        Block("CONFIG_NEXT", name),
        Block("DELAY_CONSTANT", delay_s=sweep.delay_s),
        Block("MEASURE", sweep.buffer, 1),
        Block("BRANCH_LIMIT", branch=switch_off) if sweep.fail_abort else Block("NO_OPERATION"),
        Block("BRANCH_COUNTER", number=count, branch=5),
        Block("SOURCE_OUTPUT", number=0),
    ]
    k.acquisition.blocks = dict(enumerate(blocks, 1))
    k.acquisition.state = "IDLE"


def _levels_sweep(k: Keithley2450, function: str, levels: list[float], rest: Parameters) -> None:
    """Set up a sweep over levels; `rest` is delay, count, range type, fail abort, dual, buffer."""
    kind = scpi.keyword(option(rest, 2, "BEST"), _RANGE_TYPES)
    side = k.unit.settings.source[function]
    if scpi.boolean(option(rest, 4, "OFF")):
        levels = [*levels, *levels[-2::-1]]
    if kind == "BEST":
        best = range_for(max(map(abs, levels)) / FULL_SCALE, RANGES[function])
        side = replace(side, range=best, auto=False)
    elif kind == "AUTO":
        side = replace(side, auto=True)
    name = f"{function.capitalize()}LinearSweepList"
    k.lists[name] = [(function, replace(side, level=level)) for level in levels]
    delay_s, times = _sweep_delay(option(rest, 0, "-1")), MANY.parse(option(rest, 1, "1"))
    fail_abort = scpi.boolean(option(rest, 3, "ON"))
    buffer = text(option(rest, 5, "defbuffer1"))
    _template(k, name, 1, _Sweep(delay_s, times, fail_abort, buffer))


def _sweep_delay(parameter: str) -> float:
    """Return the delay of a sweep's points beside the source's own: none for -1 and 0."""
    delay_s = scpi.number(parameter)
    if delay_s not in (-1.0, 0.0) and not 50e-6 <= delay_s <= 1e4:
        raise ScpiError(-222)
    return max(delay_s, 0.0)


def _linear(function: str, *, by_step: bool) -> Command:
    def command(k: Keithley2450, parameters: Parameters) -> None:
        start, stop, last = _three(function, parameters)
        if by_step:
            if last <= 0.0:
                raise ScpiError(-222)
            count = 1 + round(abs(stop - start) / last)
        else:
            count = Count(2, 1_000_000, 2).parse(parameters[2])
        levels = [start + (stop - start) * i / max(count - 1, 1) for i in range(count)]
        _levels_sweep(k, function, levels, parameters[3:])

    return command


def _logarithmic(function: str) -> Command:
    def command(k: Keithley2450, parameters: Parameters) -> None:
        start, stop, _ = _three(function, parameters)
        count = Count(2, 1_000_000, 2).parse(parameters[2])
        if start * stop <= 0.0:
            raise ScpiError(-221)
        levels = [start * (stop / start) ** (i / (count - 1)) for i in range(count)]
        _levels_sweep(k, function, levels, parameters[3:])

    return command


def _three(function: str, parameters: Parameters) -> tuple[float, float, float]:
    if len(parameters) < 3:
        raise ScpiError(-109)
    limit = Real(-_MAXIMUM[function], _MAXIMUM[function], 0.0)
    return limit.parse(parameters[0]), limit.parse(parameters[1]), scpi.number(parameters[2])


def _list_sweep(function: str) -> Command:
    def command(k: Keithley2450, parameters: Parameters) -> None:
        if not parameters:
            raise ScpiError(-109)
        name = text(option(parameters, 5, _NAMES[function]))
        points = k.list_named(name)
        first = Count(1, len(points), 1).parse(parameters[0])
        delay_s = _sweep_delay(option(parameters, 1, "0"))
        times = MANY.parse(option(parameters, 2, "1"))
        fail_abort = scpi.boolean(option(parameters, 3, "ON"))
        buffer = text(option(parameters, 4, "defbuffer1"))
        _template(k, name, first, _Sweep(delay_s, times, fail_abort, buffer))

    return command


_COMMANDS: dict[str, Command] = {
    ":SOURce[1]:CONFiguration:LIST:CREate": _create,
    ":SOURce[1]:CONFiguration:LIST:DELete": _delete,
    ":SOURce[1]:CONFiguration:LIST:STORe": _store,
    ":SOURce[1]:CONFiguration:LIST:RECall": _recall,
    ":SOURce[1]:CONFiguration:LIST:SIZE?": _size,
}
