"""What all virtual instruments share: time on the bus, waiting, and urgent commands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from nanojunction.instruments.virtual.world import World


def nobody(out_of_idle: bool) -> Sequence[str]:
    """Return the urgent lines that arrived while an instrument waits: none without a server."""
    return ()


class VirtualInstrument(ABC):
    """An instrument without a socket: a line goes in, an answer or None comes out.

    An exchange costs `latency_s` of virtual time from the arrival of the line; what the
    instrument does then takes its own time on top, and the next line is looked at only
    afterwards. A line that needs no answer returns at once.
    """

    driver: ClassVar[str]
    termination: ClassVar[str]
    #: Characters any of which ends a line that arrives; empty: only `termination` does.
    line_ends: ClassVar[str] = ""
    #: Of a temperature controller whose sensors have other names than a station file's defaults.
    sensors: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        self.world = world
        self.latency_s = latency_s
        self.attend: Callable[[bool], Sequence[str]] = nobody
        self.time_s = world.now()  # how far this instrument has come, on the world's clock

    def handle(self, line: str, arrived_s: float | None = None) -> str | None:
        """Carry out one line (without its terminator); return the answer, None if there is none.

        `arrived_s` is when the line arrived on the world's clock, now by default.
        """
        arrived = self.world.now() if arrived_s is None else arrived_s
        self.wait_until(self.time_s)
        self.time_s = max(arrived, self.time_s) + self.latency_s
        answer = self.execute(line)
        if answer is not None:
            self.wait_until(self.time_s)
        return answer

    @abstractmethod
    def execute(self, line: str) -> str | None:
        """Carry out one line at `time_s`; move `time_s` on if it takes time."""

    @abstractmethod
    def refuse(self, line: str) -> str | None:
        """Return the answer to a line that could not be handled, too long or not text."""

    @abstractmethod
    def fail(self, line: str) -> str | None:
        """Return the answer after an error inside the instrument."""

    def greeting(self) -> Sequence[str]:
        """Return the lines that a client is sent as soon as it has connected to the socket."""
        return ()

    def urgent(self, line: str) -> bool:
        """Return whether a line is carried out at once, even while the instrument is busy."""
        return False

    def wait_until(self, moment_s: float, *, out_of_idle: bool = False) -> bool:
        """Wait on the world's clock; return False if urgent lines were carried out instead.

        Only an instrument that is `out_of_idle` lets urgent lines overtake earlier ones.
        """
        urgent: list[str] = []

        def interrupted() -> bool:
            urgent.extend(self.attend(out_of_idle))
            return bool(urgent)

        if self.world.clock.sleep_until(moment_s, interrupted):
            return True
        self.time_s = max(self.time_s, self.world.now())
        for line in urgent:
            self.execute(line)
        return False
