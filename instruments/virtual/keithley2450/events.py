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
from nanojunction.instruments.virtual.keithley2450.commands import Command, Plain
from nanojunction.instruments.virtual.scpi import ScpiError
from nanojunction.instruments.virtual.scpi.codecs import Count, Parameters
from nanojunction.instruments.virtual.scpi.commands import check_beep

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


def _map(k: Keithley2450, parameters: Parameters) -> None:
    if not 2 <= len(parameters) <= 3:
        raise ScpiError(-109)
    Count(0, 14, 0).parse(parameters[0])


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


def _beep(k: Keithley2450, parameters: Parameters) -> None:
    check_beep(parameters, 20.0, 0.001, 100.0)


#: With parameters.
COMMANDS: dict[str, Command] = {
    ":STATus:OPERation:MAP": _map,
    ":STATus:QUEStionable:MAP": _map,
    ":SYSTem:EVENtlog:NEXT?": _next_event,
    ":SYSTem:EVENtlog:COUNt?": _count_events,
    ":SYSTem:EVENtlog:POST": _post,
    ":SYSTem:BEEPer[:IMMediate]": _beep,
}
#: Without parameters.
PLAIN: dict[str, Plain] = {
    ":STATus:CLEar": lambda k: k.clear_status(),
    ":SYSTem:CLEar": lambda k: k.events.clear(),
    ":SYSTem:ERRor[:NEXT]?": _next_error,
    ":SYSTem:ERRor:CODE[:NEXT]?": _next_code,
    ":SYSTem:ERRor:COUNt?": lambda k: str(k.events.count(ERROR)),
    ":SYSTem:LFRequency?": lambda k: f"{k.world.settings.line_frequency_Hz:g}",
    ":SYSTem:VERSion?": lambda k: "1999.0",
}
