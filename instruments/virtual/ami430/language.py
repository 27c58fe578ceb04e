"""The language of the AMI Model 430: headers, arguments, errors and status registers.

Source: American Magnetics, Model 430 Power Supply Programmer, Installation, Operation, and
Maintenance Instructions, chapter "Remote Interface Reference" (programming overview, command
reference, error messages). Keywords are short or long, nothing in between, and not sensitive to
case; a query that is not understood is a query error and is not answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

MESSAGES = {
    -101: "Unrecognized command",
    -102: "Invalid argument",
    -103: "Non-boolean argument",
    -104: "Missing parameter",
    -105: "Out of range",
    -106: "Undefined coil const",
    -107: "No switch installed",
    -201: "Unrecognized query",
    -202: "Undefined coil const",
    -301: "Heating switch",
    -302: "Quench condition",
    -303: "Input overflow",
    -304: "Error buffer overflow",
    -401: "Checksum failed",
}

#: Bits of the standard event register that an error sets, by its hundreds.
_EVENTS = {1: 1 << 5, 2: 1 << 2, 3: 1 << 4, 4: 1 << 3}
#: How many errors the buffer holds.
_DEPTH = 10

Arguments = tuple[str, ...]
Handler = Callable[[Arguments], str | None]


class AmiError(Exception):
    """A command that the programmer refuses; `code` goes to its error buffer."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code}: {MESSAGES[code]}")
        self.code = code


@dataclass(slots=True)
class Status:
    """Error buffer, standard event register and status byte."""

    errors: list[int] = field(default_factory=list)
    event: int = 1 << 7  # power on
    event_enable: int = 0
    service_enable: int = 0

    def error(self, code: int) -> None:
        """Note an error; in a full buffer the last one becomes an overflow."""
        if len(self.errors) < _DEPTH:
            self.errors.append(code)
        else:
            self.errors[-1] = -304
        self.event |= _EVENTS[-code // 100]

    def next_error(self) -> str:
        """Take the oldest error as it is sent."""
        if not self.errors:
            return '0,"No errors"'
        code = self.errors.pop(0)
        return f'{code},"{MESSAGES[code]}"'

    def read_event(self) -> int:
        """Return the standard event register and clear it."""
        event, self.event = self.event, 0
        return event

    def clear(self) -> None:
        """Forget errors and events (*CLS)."""
        self.errors.clear()
        self.event = 0

    def byte(self, quenched: bool) -> int:
        """Return the status byte; nothing ever waits in the output buffers."""
        value = (quenched << 2) | (bool(self.event & self.event_enable) << 5)
        return value | (bool(value & self.service_enable) << 6)


_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)(E[+-]?\d+)?$", re.ASCII)


def number(text: str, low: float, high: float) -> float:
    """Return a number; raises AmiError -102 for other text, -105 outside of low … high."""
    if not _NUMBER.match(text):
        raise AmiError(-102)
    if not low <= (value := float(text)) <= high:
        raise AmiError(-105)
    return value


def whole(text: str, low: int, high: int) -> int:
    """Return a whole number; raises AmiError -102 for other text, -105 outside of low … high."""
    value = number(text, low, high)
    if value != int(value):
        raise AmiError(-102)
    return int(value)


def boolean(text: str) -> bool:
    """Return 0 or 1 as a truth value; raises AmiError -103 for anything else."""
    if text not in ("0", "1"):
        raise AmiError(-103)
    return text == "1"


def one(arguments: Arguments) -> str:
    """Return the one argument; raises AmiError -104 without, -102 with more."""
    if len(arguments) != 1:
        raise AmiError(-102 if arguments else -104)
    return arguments[0]


def real(value: float) -> str:
    """Return a number as it is sent, without a negative zero."""
    return f"{value + 0.0:.10g}"


@dataclass(slots=True)
class Setting:
    """A value that is set and asked for, and nothing else: its kind and its range."""

    value: float
    kind: Literal["real", "whole", "boolean"] = "real"
    low: float = 0.0
    high: float = 0.0

    def set(self, text: str) -> None:
        """Take an argument; raises AmiError if it does not fit."""
        if self.kind == "boolean":
            self.value = boolean(text)
        elif self.kind == "whole":
            self.value = whole(text, int(self.low), int(self.high))
        else:
            self.value = number(text, self.low, self.high)

    def text(self) -> str:
        """Return the value as it is sent."""
        return real(self.value) if self.kind == "real" else str(int(self.value))


_INDEXED = re.compile(r"^(.*):(\d+)$", re.ASCII)


class Headers:
    """Every spelling of every header, with what it does.

    Patterns are written as in the manual: `CONFigure:CURRent:TARGet`, `RAMP:RATE:UNITS?`, and
    `RAMP:RATE:CURRent:<n>?` for a query with a number, which becomes its argument.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def add(self, pattern: str, handler: Handler) -> None:
        """Register what a header does."""
        plain, query, _ = pattern.partition("?")
        forms = [dict.fromkeys((_short(word), word.upper())) for word in plain.split(":")]
        for words in product(*forms):
            self._handlers[":".join(words) + query] = handler

    def answers(self, header: str, answer: Callable[[], str]) -> None:
        """Register a query without arguments."""

        def handler(arguments: Arguments) -> str:
            if arguments:
                raise AmiError(-201)
            return answer()

        self.add(header, handler)

    def orders(self, header: str, order: Callable[[], None]) -> None:
        """Register a command without arguments."""

        def handler(arguments: Arguments) -> None:
            if arguments:
                raise AmiError(-102)
            order()

        self.add(header, handler)

    def setting(self, header: str, setting: Setting) -> Setting:
        """Register `CONFigure:` and the query of a setting; return it."""
        self.add(f"CONFigure:{header}", lambda arguments: setting.set(one(arguments)))
        self.add(f"{header}?", lambda _: setting.text())
        return setting

    def find(self, command: str) -> tuple[Handler, Arguments]:
        """Return what carries out a command, and its arguments.

        Raises AmiError -101 for an unknown command, -201 for an unknown query.
        """
        header, _, rest = command.upper().replace("\t", " ").partition(" ")
        header = header.removeprefix(":")
        arguments = tuple(part.strip() for part in rest.split(",")) if rest.strip() else ()
        if header.endswith("?") and (indexed := _INDEXED.match(header[:-1])):
            header, arguments = f"{indexed[1]}:<N>?", (indexed[2], *arguments)
        if header not in self._handlers:
            raise AmiError(-201 if "?" in command else -101)
        return self._handlers[header], arguments


def _short(word: str) -> str:
    return "".join(letter for letter in word if not letter.islower()) if word != "<n>" else "<N>"
