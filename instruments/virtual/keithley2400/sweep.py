"""The Keithley 2400's sweeps: levels of a staircase or a list, and their commands.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), sections 10 and 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2400.commands import Command
from nanojunction.instruments.virtual.keithley2400.settings import Settings2400
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Parameters

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2400.instrument import Keithley2400

#: Most values in one :SOURce:LIST message, and in a list that was put together.
_LIST_MESSAGE, _LIST = 100, 2500


def sweep_levels(s: Settings2400, voltage: bool) -> list[float]:
    """Return the levels (V or A) of the sweep that is set, none with a fixed source."""
    mode = s.voltage_mode if voltage else s.current_mode
    if mode == "FIX":
        return []
    if mode == "LIST":
        levels = s.voltage_list if voltage else s.current_list
        first = (s.voltage_list_start if voltage else s.current_list_start) - 1
        if first >= len(levels):
            raise ScpiError(-221)
        return [*levels[first:], *levels[:first]]
    start, stop, step = (
        (s.voltage_start, s.voltage_stop, s.voltage_step)
        if voltage
        else (s.current_start, s.current_stop, s.current_step)
    )
    count = s.sweep_points if step == 0.0 else 1 + round(abs((stop - start) / step))
    if count == 1:
        return [start]
    parts = [i / (count - 1) for i in range(count)]
    if s.sweep_spacing == "LOG":
        if start * stop <= 0.0:
            raise ScpiError(-221)
        levels = [start * (stop / start) ** part for part in parts]
    else:
        levels = [start + (stop - start) * part for part in parts]
    return levels if s.sweep_direction == "UP" else levels[::-1]


def commands() -> dict[str, Command]:
    """Return the headers of lists, centre and span with what carries them out."""
    found: dict[str, Command] = {}
    for quantity, limit in (("VOLTage", 210.0), ("CURRent", 1.05)):
        name, head = quantity.lower(), f":SOURce[1]:LIST:{quantity}"
        found[head] = _set_list(name, limit, append=False)
        found[f"{head}:APPend"] = _set_list(name, limit, append=True)
        found[f"{head}?"] = _show_list(name)
        found[f"{head}:POINts?"] = _count_list(name)
        found[f":SOURce[1]:{quantity}:CENTer"] = _set_centre(name)
        found[f":SOURce[1]:{quantity}:SPAN"] = _set_span(name)
    return found


def _list(k: Keithley2400, name: str) -> list[float]:
    s = k.unit.settings
    return s.voltage_list if name == "voltage" else s.current_list


def _set_list(name: str, limit: float, *, append: bool) -> Command:
    def command(k: Keithley2400, parameters: Parameters) -> None:
        values = [scpi.number(p) for p in parameters]
        present = _list(k, name) if append else []
        if not values:
            raise ScpiError(-109)
        if len(values) > _LIST_MESSAGE or len(present) + len(values) > _LIST:
            raise ScpiError(-223)
        if any(abs(value) > limit for value in values):
            raise ScpiError(-222)
        setattr(k.unit.settings, f"{name}_list", [*present, *values])

    return command


def _show_list(name: str) -> Command:
    return lambda k, _: ",".join(f"{value:+.6E}" for value in _list(k, name))


def _count_list(name: str) -> Command:
    return lambda k, _: str(len(_list(k, name)))


def _set_centre(name: str) -> Command:
    def command(k: Keithley2400, parameters: Parameters) -> None:
        start, stop = _ends(k, name)
        centre = scpi.number(scpi.single(parameters))
        _set_ends(k, name, centre, stop - start)

    return command


def _set_span(name: str) -> Command:
    def command(k: Keithley2400, parameters: Parameters) -> None:
        start, stop = _ends(k, name)
        span = scpi.number(scpi.single(parameters))
        _set_ends(k, name, 0.5 * (start + stop), span)

    return command


def _ends(k: Keithley2400, name: str) -> tuple[float, float]:
    s = k.unit.settings
    if name == "voltage":
        return s.voltage_start, s.voltage_stop
    return s.current_start, s.current_stop


def _set_ends(k: Keithley2400, name: str, centre: float, span: float) -> None:
    setattr(k.unit.settings, f"{name}_start", centre - 0.5 * span)
    setattr(k.unit.settings, f"{name}_stop", centre + 0.5 * span)
