"""The Keithley 2450's event log, with its texts, and the status and system commands around it.

Source: Model 2450 Reference Manual (2450-901-01), section 6 (`:SYSTem:ERRor`, `:SYSTem:EVENtlog`,
`:STATus`), appendix B (status model).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.keithley2450.buffers import date_at
from nanojunction.instruments.virtual.keithley2450.commands import (
    Command,
    Plain,
    without_parameters,
)
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Count, Parameters, register_mask
from nanojunction.instruments.virtual.scpi.status import Register

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2450.instrument import Keithley2450

#: Events beside the errors of SCPI.
TEXTS: Mapping[int, str] = {
    1003: "User: {}",
    1133: "Parameter {}, Syntax error, expected valid name parameters.",
    2790: "Configuration list, error, does not exist",
    4915: "Attempting to store past the capacity of reading buffer {}",
}
ERROR, WARNING, INFORMATION = 1, 2, 4
_MASKS = {"ERR": ERROR, "WARN": WARNING, "INF": INFORMATION, "ALL": 7}
_TYPES = ("ERRor", "WARNing", "INFormational", "ALL")
NO_ERROR = '0,"No error;0;0 0"'


class EventError(ScpiError):
    """A message that is refused with one of the instrument's own events."""

    def __init__(self, code: int, about: str = "") -> None:
        Exception.__init__(self, f"{code}: {TEXTS[code].format(about)}")
        self.code = code
        self.text = TEXTS[code].format(about)


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of the log; `kind` is 1 for errors, 2 for warnings, 4 for information."""

    code: int
    text: str
    kind: int
    time_s: float

    def shown(self) -> str:
        """Return it as `:SYSTem:ERRor?` and `:SYSTem:EVENtlog:NEXT?` answer it."""
        stamp = f"{date_at(self.time_s):%Y/%m/%d %H:%M:%S.%f}"[:-3]
        return f'{self.code},"{self.text};{self.kind};{stamp}"'


class EventLog:
    """Up to 1000 events, first in, first out."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=1000)

    def push(self, event: Event) -> None:
        """Add an event; the oldest makes room."""
        self._events.append(event)

    def take(self, mask: int) -> Event | None:
        """Take the oldest event of some kinds; with it go the older ones of other kinds."""
        while self._events:
            event = self._events.popleft()
            if event.kind & mask:
                return event
        return None

    def count(self, mask: int) -> int:
        """Return how many events of some kinds there are."""
        return sum(bool(event.kind & mask) for event in self._events)

    def clear(self) -> None:
        """Forget all events."""
        self._events.clear()


def commands() -> dict[str, Command]:
    """Return the headers with what carries them out."""
    found: dict[str, Command] = {}
    for name in ("OPERation", "QUEStionable"):
        found |= _register(name)
    return found | _COMMANDS


def plain_commands() -> dict[str, Plain]:
    """Return the headers without parameters with what carries them out."""
    return _PLAIN


def _register(name: str) -> dict[str, Command]:
    def register(k: Keithley2450) -> Register:
        return k.status.operation if name == "OPERation" else k.status.questionable

    def enable(k: Keithley2450, parameters: Parameters) -> None:
        register(k).enable = register_mask(scpi.single(parameters), 65535)

    def mapped(k: Keithley2450, parameters: Parameters) -> None:
        if not 2 <= len(parameters) <= 3:
            raise ScpiError(-109)
        Count(0, 14, 0).parse(parameters[0])

    queries: dict[str, Plain] = {
        f":STATus:{name}[:EVENt]?": lambda k: str(register(k).read()),
        f":STATus:{name}:ENABle?": lambda k: str(register(k).enable),
        f":STATus:{name}:CONDition?": lambda k: "0",
    }
    found = {header: without_parameters(query) for header, query in queries.items()}
    return found | {f":STATus:{name}:ENABle": enable, f":STATus:{name}:MAP": mapped}


def _mask(parameters: Parameters) -> int:
    chosen = 0
    for parameter in parameters:
        chosen |= _MASKS[scpi.keyword(parameter, _TYPES)]
    return chosen or 7


def _next_event(k: Keithley2450, parameters: Parameters) -> str:
    event = k.events.take(_mask(parameters))
    return NO_ERROR if event is None else event.shown()


def _count_events(k: Keithley2450, parameters: Parameters) -> str:
    return str(k.events.count(_mask(parameters)))


def _post(k: Keithley2450, parameters: Parameters) -> None:
    if not parameters:
        raise ScpiError(-109)
    kind = _MASKS[scpi.keyword(parameters[1], _TYPES[:3])] if len(parameters) > 1 else INFORMATION
    text = TEXTS[1003].format(parameters[0].strip("\"'"))
    k.events.push(Event(1003, text, kind, k.time_s))


def _next_error(k: Keithley2450) -> str:
    event = k.events.take(ERROR)
    return NO_ERROR if event is None else event.shown()


def _next_code(k: Keithley2450) -> str:
    event = k.events.take(ERROR)
    return "0" if event is None else str(event.code)


def _event_enable(k: Keithley2450, parameters: Parameters) -> None:
    k.status.standard.enable = register_mask(scpi.single(parameters), 255)


def _service_enable(k: Keithley2450, parameters: Parameters) -> None:
    k.status.service_enable = register_mask(scpi.single(parameters), 255)


def _beep(k: Keithley2450, parameters: Parameters) -> None:
    if len(parameters) != 2:
        raise ScpiError(-109 if len(parameters) < 2 else -108)
    frequency, duration = (scpi.number(p) for p in parameters)
    if not 20.0 <= frequency <= 2e6 or not 0.001 <= duration <= 100.0:
        raise ScpiError(-222)


_COMMANDS: dict[str, Command] = {
    "*ESE": _event_enable,
    "*SRE": _service_enable,
    ":SYSTem:EVENtlog:NEXT?": _next_event,
    ":SYSTem:EVENtlog:COUNt?": _count_events,
    ":SYSTem:EVENtlog:POST": _post,
    ":SYSTem:BEEPer[:IMMediate]": _beep,
}
_PLAIN: dict[str, Plain] = {
    "*CLS": lambda k: k.clear_status(),
    "*ESE?": lambda k: str(k.status.standard.enable),
    "*ESR?": lambda k: str(k.status.standard.read()),
    "*SRE?": lambda k: str(k.status.service_enable),
    "*STB?": lambda k: str(k.status_byte()),
    "*TST?": lambda k: "0",
    ":STATus:PRESet": lambda k: k.status.preset(),
    ":STATus:CLEar": lambda k: k.clear_status(),
    ":SYSTem:CLEar": lambda k: k.events.clear(),
    ":SYSTem:ERRor[:NEXT]?": _next_error,
    ":SYSTem:ERRor:CODE[:NEXT]?": _next_code,
    ":SYSTem:ERRor:COUNt?": lambda k: str(k.events.count(ERROR)),
    ":SYSTem:LFRequency?": lambda k: f"{k.world.settings.line_frequency_Hz:g}",
    ":SYSTem:VERSion?": lambda k: "1999.0",
}
