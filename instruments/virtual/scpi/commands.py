"""The commands that SCPI instruments share: common commands, status registers, the error queue.

After IEEE 488.2, section 10, and SCPI-1999 volume 2, sections 20 (`:STATus`) and 21 (`:SYSTem`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from nanojunction.instruments.virtual.scpi.codecs import Codec, Count, Parameters, register_mask
from nanojunction.instruments.virtual.scpi.instrument import ScpiInstrument
from nanojunction.instruments.virtual.scpi.language import (
    ScpiError,
    error_text,
    keyword,
    number,
    single,
)
from nanojunction.instruments.virtual.scpi.status import Register

K = TypeVar("K")
S = TypeVar("S", bound="HasHeader")
S_contra = TypeVar("S_contra", contravariant=True)

#: What carries out a header on an instrument, with and without parameters.
Command = Callable[[K, Parameters], str | None]
Plain = Callable[[K], str | None]


def without_parameters(plain: Mapping[str, Plain[K]]) -> dict[str, Command[K]]:
    """Return commands that refuse parameters with ScpiError -108."""
    return {header: _refusing_parameters(one) for header, one in plain.items()}


def _refusing_parameters(plain: Plain[K]) -> Command[K]:
    def command(k: K, parameters: Parameters) -> str | None:
        if parameters:
            raise ScpiError(-108)
        return plain(k)

    return command


# Settings


class HasHeader(Protocol):
    """A plain setting of an instrument."""

    @property
    def header(self) -> str:
        """Its header in SCPI's notation."""
        ...


class TakesSettings(Protocol[S_contra]):
    """An instrument that takes and answers its plain settings."""

    def set(self, setting: S_contra, parameters: Parameters) -> None:
        """Take a setting from a message."""
        ...

    def query(self, setting: S_contra, parameters: Parameters) -> str:
        """Answer a setting, or one of its limits."""
        ...


def setting_commands(settings: Iterable[S]) -> dict[str, Command[TakesSettings[S]]]:
    """Return the headers of plain settings, each as command and as query."""
    found: dict[str, Command[TakesSettings[S]]] = {}
    for setting in settings:
        found[setting.header] = _setter(setting)
        found[setting.header + "?"] = _getter(setting)
    return found


def _setter(setting: S) -> Command[TakesSettings[S]]:
    return lambda k, parameters: k.set(setting, parameters)


def _getter(setting: S) -> Command[TakesSettings[S]]:
    return lambda k, parameters: k.query(setting, parameters)


def limit_of(codec: Codec, parameters: Parameters) -> str:
    """Return the limit that a query asks for: MIN, MAX or DEF; raises ScpiError -141."""
    limit = codec.named(single(parameters))
    if limit is None:
        raise ScpiError(-141)
    return codec.show(limit)


# Common commands


def _event_enable(k: ScpiInstrument, parameters: Parameters) -> None:
    k.status.standard.enable = register_mask(single(parameters), 255)


def _service_enable(k: ScpiInstrument, parameters: Parameters) -> None:
    k.status.service_enable = register_mask(single(parameters), 255)


_PLAIN: dict[str, Plain[ScpiInstrument]] = {
    "*CLS": lambda k: k.clear_status(),
    "*ESE?": lambda k: k.show_register(k.status.standard.enable),
    "*ESR?": lambda k: k.show_register(k.status.standard.read()),
    "*IDN?": lambda k: k.identity,
    "*OPC": lambda k: k.complete(),
    "*OPC?": lambda k: "1",
    "*RST": lambda k: k.reset(),
    "*SRE?": lambda k: k.show_register(k.status.service_enable),
    "*STB?": lambda k: k.show_register(k.status_byte()),
    "*TST?": lambda k: "0",
    "*WAI": lambda k: None,
    ":STATus:PRESet": lambda k: k.status.preset(),
}

#: The common commands, which wait and answer as the instrument does.
COMMON: Mapping[str, Command[ScpiInstrument]] = {
    **without_parameters(_PLAIN),
    "*ESE": _event_enable,
    "*SRE": _service_enable,
}


def memories(count: int) -> dict[str, Command[ScpiInstrument]]:
    """Return *SAV and *RCL of an instrument with `count` memories, from 0."""
    places = Count(0, count - 1, 0)
    return {
        "*SAV": lambda k, parameters: k.save(places.parse(single(parameters))),
        "*RCL": lambda k, parameters: k.recall(places.parse(single(parameters))),
    }


# Status registers and errors


def registers(*names: str) -> dict[str, Command[ScpiInstrument]]:
    """Return the commands of SCPI registers: MEASurement, OPERation, QUEStionable."""
    found: dict[str, Command[ScpiInstrument]] = {}
    for name in names:
        found |= _register(name)
    return found


def _register(name: str) -> dict[str, Command[ScpiInstrument]]:
    short = keyword(name, (name,))

    def register(k: ScpiInstrument) -> Register:
        found: Register = getattr(k.status, name.lower())
        return found

    def enable(k: ScpiInstrument, parameters: Parameters) -> None:
        register(k).enable = register_mask(single(parameters), 65_535)

    queries: dict[str, Plain[ScpiInstrument]] = {
        f":STATus:{name}[:EVENt]?": lambda k: k.show_register(register(k).read()),
        f":STATus:{name}:ENABle?": lambda k: k.show_register(register(k).enable),
        f":STATus:{name}:CONDition?": lambda k: k.show_register(k.condition(short)),
    }
    return {**without_parameters(queries), f":STATus:{name}:ENABle": enable}


def _next_error(k: ScpiInstrument) -> str:
    return error_text(k.status.errors.pop())


#: An error queue that is answered and cleared under two headers.
ERROR_QUEUE: Mapping[str, Command[ScpiInstrument]] = without_parameters(
    {
        ":STATus:QUEue[:NEXT]?": _next_error,
        ":STATus:QUEue:CLEar": lambda k: k.status.errors.clear(),
        ":SYSTem:ERRor[:NEXT]?": _next_error,
        ":SYSTem:CLEar": lambda k: k.status.errors.clear(),
    }
)

#: Front panel or bus: accepted, without effect.
LOCAL: Mapping[str, Command[object]] = without_parameters(
    {
        ":SYSTem:LOCal": lambda k: None,
        ":SYSTem:REMote": lambda k: None,
        ":SYSTem:RWLock": lambda k: None,
    }
)


def check_beep(
    parameters: Parameters, lowest_Hz: float, shortest_s: float, longest_s: float
) -> None:
    """Raise ScpiError for what is no frequency (up to 2 MHz) and duration of a beep."""
    if len(parameters) != 2:
        raise ScpiError(-109 if len(parameters) < 2 else -108)
    frequency_Hz, duration_s = (number(p) for p in parameters)
    if not lowest_Hz <= frequency_Hz <= 2e6 or not shortest_s <= duration_s <= longest_s:
        raise ScpiError(-222)
