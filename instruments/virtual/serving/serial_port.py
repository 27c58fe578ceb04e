"""A pseudo-terminal as an instrument's serial port: `ASRL/dev/pts/N::INSTR`.

As on an RS-232 line, nobody notices who opens and closes the port: half a line stays in the
instrument's input until the rest comes, and an answer that nobody reads is lost when the next
program empties its input, which pyserial and VISA do on opening. There is no echo: none of the
instruments that are served here echoes characters. The line has the rate that the client sets
(9600 baud before it sets one), and every byte takes its time at that rate.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nanojunction.instruments.errors import StationError
from nanojunction.instruments.virtual.serving.server import Arrival

#: How long (s of the wall clock) a client may leave its answers unread before they are lost.
_PATIENCE_S = 2.0
#: The rate before a client sets one: the default of the 2400, the IPS 120-10 and the ITC 503.
DEFAULT_BAUD: Final = 9600


class NoPseudoTerminals(StationError):
    """This system cannot serve serial ports."""


class SerialPort:
    """A pseudo-terminal of its own; raises NoPseudoTerminals where the system has none."""

    #: A pseudo-terminal carries whole bytes; it refuses to be set to 7 bits or a parity.
    settings: Mapping[str, str | int] = MappingProxyType({"data_bits": 8, "parity": "none"})

    def __init__(self) -> None:
        try:
            import termios
            import tty
        except ImportError as problem:
            raise NoPseudoTerminals(
                "serial ports cannot be served here: Windows has no pseudo-terminals; serve on "
                'sockets (serve = "socket")'
            ) from problem
        self._termios = termios
        self._speeds = {
            getattr(termios, name): int(name[1:])
            for name in dir(termios)
            if name[0] == "B" and name[1:].isdecimal()
        }
        try:
            # The instrument's end of the client's side stays open, else a read fails whenever
            # no client is there.
            self._ours, self._theirs = os.openpty()
        except OSError as problem:
            raise NoPseudoTerminals(
                f"serial ports cannot be served here: no pseudo-terminal can be had ({problem})"
            ) from problem
        tty.setraw(self._theirs)
        modes = termios.tcgetattr(self._theirs)
        modes[4] = modes[5] = termios.B9600
        modes[2] |= termios.CLOCAL | termios.CSTOPB
        termios.tcsetattr(self._theirs, termios.TCSANOW, modes)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        self._wake, self._waker = socket.socketpair()

    @property
    def address(self) -> str:
        """The VISA address."""
        return f"ASRL{self.path}::INSTR"

    @property
    def byte_s(self) -> float:
        """The time of a byte (s): a start bit, eight, and the client's stop bits at its rate."""
        _, _, control, _, _, rate, _ = self._termios.tcgetattr(self._theirs)
        stop_bits = 2 if control & self._termios.CSTOPB else 1
        return (9 + stop_bits) / (self._speeds.get(rate) or DEFAULT_BAUD)

    def receive(self, timeout_s: float | None) -> list[Arrival]:
        """Return what has arrived."""
        ready, _, _ = select.select([self._ours, self._wake.fileno()], [], [], timeout_s)
        if self._ours not in ready:
            return []
        try:
            return [Arrival(0, os.read(self._ours, 65_536))]
        except OSError:
            return []

    def send(self, data: bytes, client: int) -> None:
        """Send to whoever has opened the port; what does not fit into its input is lost."""
        while data:
            if not select.select([], [self._ours], [], _PATIENCE_S)[1]:
                return
            try:
                data = data[os.write(self._ours, data) :]
            except OSError:
                return

    def drop(self) -> None:
        """Raise ValueError: a serial line has no connection that could be dropped."""
        raise ValueError("a serial line has no connection that could be dropped")

    def wake(self) -> None:
        """End a `receive` that waits."""
        self._waker.send(b"x")

    def close(self) -> None:
        """Take the port away: a client that has it open finds its line unplugged."""
        for end in (self._ours, self._theirs):
            os.close(end)
        self._wake.close()
        self._waker.close()
