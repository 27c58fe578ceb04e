"""What the Lake Shore gaussmeters share: their language, a Hall probe, its ranges.

A message may hold several commands separated by semicolons; the answers of its queries come in
one line, separated alike. What is misspelt or out of range is ignored without an answer (manuals
of the models 421 and 425, chapters on the computer interface).
"""

from __future__ import annotations

import math
import random
import re
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.world import World

#: Gauss in a tesla.
GAUSS = 1e4

Arguments = tuple[str, ...]
Handler = Callable[[Arguments], str | None]

_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$", re.ASCII)


class IgnoredError(Exception):
    """A command that the instrument ignores."""


def number(text: str, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a number; raises IgnoredError for other text or outside of low … high."""
    if not _NUMBER.match(text) or not low <= float(text) <= high:
        raise IgnoredError
    return float(text)


def whole(text: str, low: int, high: int) -> int:
    """Return a whole number; raises IgnoredError for other text or outside of low … high."""
    value = number(text, low, high)
    if value != int(value):
        raise IgnoredError
    return int(value)


def one(arguments: Arguments) -> str:
    """Return the one argument; raises IgnoredError for none or more."""
    if len(arguments) != 1:
        raise IgnoredError
    return arguments[0]


@dataclass(slots=True)
class Choice:
    """A whole number that is set and asked for."""

    value: int
    low: int = 0
    high: int = 1

    def set(self, text: str) -> None:
        """Take an argument; raises IgnoredError if it does not fit."""
        self.value = whole(text, self.low, self.high)


class Probe:
    """A Hall probe at the junction, with an offset that zeroing takes away, and noise.

    It remembers the largest field that it was at whenever the world was looked at.
    """

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)
        self._zero_T = 0.0
        self.largest_T = 0.0
        world.follow(self._watch)

    def field_T(self, t: float) -> float:
        """Return what the probe feels, without noise (T)."""
        offset_T = self._world.settings.field_probe_offset_T
        return self._world.magnet.field_T(t) + offset_T - self._zero_T

    def reading_T(self, t: float, averaged: int = 1) -> float:
        """Return one reading, the mean of `averaged` (T)."""
        noise_T = self._world.settings.field_probe_noise_T / math.sqrt(averaged)
        return self.field_T(t) + self._random.gauss(0.0, noise_T)

    def alternating_T(self) -> float:
        """Return the rms of the alternating field (T): there is none, the noise remains."""
        return abs(self._random.gauss(0.0, self._world.settings.field_probe_noise_T))

    def zero(self, t: float) -> None:
        """Take the present field for zero."""
        self._zero_T += self.field_T(t)

    def forget_zero(self) -> None:
        """Undo the zeroing."""
        self._zero_T = 0.0

    def forget_largest(self, t: float) -> None:
        """Begin anew to look for the largest field."""
        self.largest_T = self.field_T(t)

    def _watch(self, t: float) -> None:
        field_T = self.field_T(t)
        if abs(field_T) > abs(self.largest_T):
            self.largest_T = field_T


class Gaussmeter(VirtualInstrument):
    """A gaussmeter whose commands are registered by their names."""

    termination: ClassVar[str] = "\r\n"
    line_ends: ClassVar[str] = "\r\n"
    identity: ClassVar[str]

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self._commands: dict[str, Handler] = {}
        self.probe = Probe(world, seed=421)
        self.add("*IDN?", lambda _: self.identity)
        self.add("*RST", lambda _: self.power_up())

    @abstractmethod
    def power_up(self) -> None:
        """Bring the settings to their values at power-up."""

    def execute(self, line: str) -> str | None:
        """Carry out the commands of a message; return the answers of its queries."""
        answers = []
        for command in line.split(";"):
            name, _, rest = command.strip().replace("\t", " ").partition(" ")
            arguments = tuple(part.strip() for part in rest.split(",")) if rest.strip() else ()
            answer = self.carry_out(name.upper(), arguments)
            if answer is not None:
                answers.append(answer)
        return ";".join(answers) if answers else None

    def carry_out(self, name: str, arguments: Arguments) -> str | None:
        """Carry out one command; None if it has no answer or is ignored."""
        handler = self._commands.get(name)
        if handler is None or (arguments and name.endswith("?")):
            return None
        with self.world.lock:
            self.world.sync(self.time_s)
            try:
                return handler(arguments)
            except IgnoredError:
                return None

    def refuse(self, line: str) -> str | None:
        """Ignore what is no message."""
        return None

    def fail(self, line: str) -> str | None:
        """Stay silent after an internal error, as after a message that was not understood."""
        return None

    def add(self, name: str, handler: Handler) -> None:
        """Register what a command does."""
        self._commands[name] = handler

    def choice(self, name: str, choice: Choice) -> Choice:
        """Register command and query of a whole number; return it."""
        self.add(name, lambda arguments: choice.set(one(arguments)))
        self.add(f"{name}?", lambda _: str(choice.value))
        return choice
