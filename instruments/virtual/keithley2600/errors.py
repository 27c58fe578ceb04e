"""The error queue of a 2600: codes, messages and severities of its manual.

Source: Series 2600B Reference Manual (2600BS-901-01), section 8, "Error summary list", and
`errorqueue` in section 7. The queue's depth is not documented; 100 is a choice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

DEPTH = 100
#: Severities: nothing wrong, improper use, the instrument itself.
NO_SEVERITY, RECOVERABLE, SERIOUS = 0, 20, 30

MESSAGES = {
    0: "Queue Is Empty",
    -104: "Data type",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -222: "Parameter data out of range",
    -223: "Too much data",
    -225: "Out of memory or TSP Memory allocation error",
    -282: "Illegal program name",
    -285: "TSP Syntax error",
    -286: "TSP Runtime error",
    -350: "Queue overflow",
    -363: "Input buffer over-run",
    900: "Internal system",
    1101: "Parameter too big",
    1102: "Parameter too small",
    1400: "Expected at least 1 parameter",
    1402: "User scripts lost",
    1404: "Invalid byte order",
    1405: "Invalid ASCII precision",
    1406: "Invalid data format",
    4900: "Reading buffer index is invalid",
    5005: "Value too big for range",
    5007: "Operation would exceed safe operating area of the instrument",
    5025: "Cannot set filter.count > 1 when measure.count > 1",
    5032: "Cannot change this setting unless buffer is cleared",
    5033: "Reading buffer not found within device",
    5040: "Cannot use same reading buffer for multiple overlapped measurements",
    5042: "Invalid while overlapped measure",
    5059: "trigger.source.action enabled without configuration",
    5060: "trigger.measure.action enabled without configuration",
}

#: Bits of the standard event register that an error sets (command, execution, device, query).
_COMMAND, _EXECUTION, _DEVICE, _QUERY = 1 << 5, 1 << 4, 1 << 3, 1 << 2


class TspError(Exception):
    """Something that the instrument refuses; it goes to the queue and the script goes on."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code}: {MESSAGES[code]}")
        self.code = code


class ScriptFault(Exception):
    """What ends a script: error -286 with these words."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the queue."""

    code: int
    message: str
    severity: int = RECOVERABLE


EMPTY = Entry(0, MESSAGES[0], NO_SEVERITY)


@dataclass(slots=True)
class ErrorQueue:
    """First in, first out; when it is full the last entry becomes -350."""

    _entries: deque[Entry] = field(default_factory=deque)

    def push(self, code: int, message: str = "", channel: str = "") -> None:
        """Add an error, with the manual's message by default and the channel's name before it."""
        words = message or MESSAGES[code]
        if channel:
            words = f"SMU {channel.upper()}: {words}"
        entry = Entry(code, words, SERIOUS if code == 900 else RECOVERABLE)
        if len(self._entries) < DEPTH:
            self._entries.append(entry)
        else:
            self._entries[-1] = Entry(-350, MESSAGES[-350])

    def pop(self) -> Entry:
        """Take the oldest error; `EMPTY` if there is none."""
        return self._entries.popleft() if self._entries else EMPTY

    def clear(self) -> None:
        """Forget all errors."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


def event_bit(code: int) -> int:
    """Return the bit of the standard event register that an error sets."""
    if -199 <= code <= -100 or code == -285:
        return _COMMAND
    if -299 <= code <= -200:
        return _EXECUTION
    if -499 <= code <= -400:
        return _QUERY
    return _DEVICE
