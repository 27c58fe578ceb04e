"""The ASCII protocol of Oxford Instruments' controllers (ISOBUS).

A command is one letter and a number; the answer begins with that letter. `$` before a command
asks for no answer, `@n` addresses an instrument on a shared line, an unknown or refused command
is answered with `?` and the command. Source: IPS 120-10 Operator's Handbook (revision 12) and
ITC 503 manual, chapters "Remote operation".
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.world import World

_LINE = re.compile(r"^(?:@[0-9])?(\$?)([A-Za-z])(.*)$", re.ASCII | re.DOTALL)
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)$", re.ASCII)


class RefusedError(Exception):
    """A command that the instrument answers with `?`."""


def decimal(text: str, minimum: float, maximum: float) -> float:
    """Return a plain decimal number; raises RefusedError for other text or out of limits."""
    if not _NUMBER.match(text) or not minimum <= float(text) <= maximum:
        raise RefusedError
    return float(text)


def whole(text: str, minimum: int, maximum: int) -> int:
    """Return a whole number; raises RefusedError for other text or out of limits."""
    value = decimal(text, minimum, maximum)
    if value != int(value):
        raise RefusedError
    return int(value)


class OxfordInstrument(VirtualInstrument):
    """What IPS 120-10 and ITC 503 have in common: C, Q, R, U, V, W, X and the refusal of others."""

    termination: ClassVar[str] = "\r"
    version: ClassVar[str]

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.control = 0  # C: 0 local and locked, 1 remote and locked, 2 local, 3 remote
        self.line_feed = False
        self.extended = False

    @property
    def remote(self) -> bool:
        """Whether the front panel has given way to the computer."""
        return bool(self.control & 1)

    def execute(self, line: str) -> str | None:
        """Carry out one command; None with `$` and after Q, which is never answered."""
        match = _LINE.match(line.strip())
        if match is None:
            return self.refuse(line)
        silent, letter, argument = match[1] == "$", match[2], match[3]
        try:
            with self.world.lock:
                self.world.sync(self.time_s)
                answer = self._command(letter, argument)
        except RefusedError:
            answer = f"?{letter}{argument}"
        if silent or answer is None:
            return None
        return answer + ("\n" if self.line_feed else "")

    def refuse(self, line: str) -> str | None:
        """Answer what is no command."""
        return "?" + line.strip()[:80]

    def fail(self, line: str) -> str | None:
        """Answer after an internal error as to a command that was not understood."""
        return self.refuse(line)

    def _command(self, letter: str, argument: str) -> str | None:
        match letter:
            case "C":
                self.control = whole(argument, 0, 3)
            case "Q":
                self._set_protocol(argument)
                return None
            case "U" | "W":
                whole(argument or "0", 0, 9999)
            case "V":
                return self.version
            case "X":
                return self._status()
            case "R":
                return "R" + self._parameter(whole(argument, 0, 24))
            case _:
                command = self._commands.get(letter)
                if command is None or not self.remote:
                    raise RefusedError
                return command(argument) or letter
        return letter

    def _set_protocol(self, argument: str) -> None:
        protocol = whole(argument, 0, 6)
        if protocol & 1:
            raise RefusedError
        self.line_feed, self.extended = bool(protocol & 2), bool(protocol & 4)

    @property
    @abstractmethod
    def _commands(self) -> Mapping[str, Callable[[str], str | None]]:
        """The commands that need remote control, by letter; None means the letter as answer."""

    @abstractmethod
    def _status(self) -> str:
        """Return the answer to X."""

    @abstractmethod
    def _parameter(self, number: int) -> str:
        """Return a parameter for R, without the letter; raises RefusedError if there is none."""
