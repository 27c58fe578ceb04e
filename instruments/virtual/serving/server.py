"""One instrument on one port: lines come in, answers go out, and scheduled faults happen.

A port is a loopback socket or a pseudo-terminal (`ports`, `serial_port`). The instrument keeps its
state from one client to the next, carries out what it was sent before a client left, and answers
to nobody then.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.virtual.faults import Drop, Garbage, Half, Hang, Late
from nanojunction.instruments.virtual.faults.trouble import Trouble
from nanojunction.instruments.virtual.instrument import VirtualInstrument, nobody

log = logging.getLogger(__name__)

#: Longest line that is looked at (bytes); what is longer is refused.
MAX_LINE = 65_536


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes from the client with a number; without bytes: a client has come."""

    client: int
    data: bytes


class Port(Protocol):
    """Where an instrument's bytes come from and go to. It serves one client at a time."""

    @property
    def address(self) -> str:
        """The VISA address under which a client opens it."""

    @property
    def settings(self) -> Mapping[str, str | int]:
        """Serial settings without which it cannot be opened, as a station file names them."""

    @property
    def byte_s(self) -> float:
        """What a byte costs on this line (s of the world's clock)."""

    def receive(self, timeout_s: float | None) -> list[Arrival]:
        """Return what has arrived; wait for it (or for `wake`) if `timeout_s` is None."""

    def send(self, data: bytes, client: int) -> None:
        """Send to the client with this number; to nobody if it has left."""

    def drop(self) -> None:
        """Close the client's connection."""

    def wake(self) -> None:
        """End a `receive` that waits in another thread."""

    def close(self) -> None:
        """Close the port."""


class _ClosingError(Exception):
    """The server is being closed while the instrument waits."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    arrived_s: float
    client: int


class InstrumentServer:
    """Serves a virtual instrument on a port while it is entered; the port is closed at the end."""

    def __init__(
        self, instrument: VirtualInstrument, port: Port, trouble: Trouble | None = None
    ) -> None:
        self.instrument = instrument
        self.port = port
        self.trouble = trouble or Trouble(instrument.world)
        self._end = instrument.termination.encode("ascii")
        ends = instrument.line_ends.encode("ascii")
        self._line_end = re.compile(b"[" + re.escape(ends) + b"]" if ends else re.escape(self._end))
        self._client = 0
        self._buffer = bytearray()
        self._overlong = False
        self._line_free_s = 0.0
        self._lines: deque[_Line] = deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"virtual-{instrument.driver}", daemon=True
        )

    def __enter__(self) -> InstrumentServer:
        self.instrument.attend = self._attend
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closing.set()
        self.port.wake()
        self._thread.join()
        self.instrument.attend = nobody
        self.port.close()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._receive(None)
                while self._lines and not self._closing.is_set():
                    self._exchange(self._lines.popleft())
        except _ClosingError:
            return

    # One exchange

    def _exchange(self, line: _Line) -> None:
        fault = self.trouble.before(line.text)
        if isinstance(fault, Hang):
            self._wait_wall_clock(fault.seconds)
        if isinstance(fault, Drop) and not fault.carried_out:
            self.port.drop()
            return
        answer = self._answer(line)
        if isinstance(fault, Drop):
            self.port.drop()
        elif answer is not None:
            self._deliver(answer, line)

    def _answer(self, line: _Line) -> str | None:
        try:
            return self.instrument.handle(line.text, line.arrived_s)
        except _ClosingError:
            raise
        except Exception:  # an error of the simulation must not look like a dead instrument
            log.exception("virtual %s failed on %r", self.instrument.driver, line.text)
            return self.instrument.fail(line.text)

    def _deliver(self, answer: str, line: _Line) -> None:
        """Send an answer, or what a fault makes of it."""
        fault = self.trouble.of_answer(line.text)
        whole = answer.encode("latin-1", "replace")
        match fault:
            case Late():
                self._wait_wall_clock(fault.seconds)
                self._send(whole + self._end, line.client)
            case Garbage():
                self._send(fault.spoil(whole, self.trouble.random, self._end), line.client)
            case Half():
                self._send(whole[: (len(whole) + 1) // 2], line.client)
                if fault.then == "close":
                    self.port.drop()
            case None:
                self._send(whole + self._end, line.client)

    def _send(self, data: bytes, client: int) -> None:
        if self.port.byte_s > 0.0:
            self.instrument.wait_until(self.instrument.time_s + len(data) * self.port.byte_s)
        self.port.send(data, client)

    def _wait_wall_clock(self, seconds: float) -> None:
        """Do nothing for `seconds` of the wall clock, which is what clients' time-outs count."""

        def closing() -> bool:
            self._attend(out_of_idle=False)
            return False

        wall = Clock()
        while seconds == math.inf:
            wall.sleep(3600.0, closing)
        wall.sleep(seconds, closing)

    # What arrives

    def _attend(self, out_of_idle: bool) -> list[str]:
        """Look after the port while the instrument waits; return urgent lines out of idle."""
        self._receive(0.0)
        if self._closing.is_set():
            raise _ClosingError
        if not out_of_idle:
            return []
        urgent = [line for line in self._lines if self.instrument.urgent(line.text)]
        for line in urgent:
            self._lines.remove(line)
        return [line.text for line in urgent]

    def _receive(self, timeout_s: float | None) -> None:
        """Take in what has arrived; wait for it if `timeout_s` is None."""
        for arrival in self.port.receive(timeout_s):
            if arrival.client != self._client:  # half a line is forgotten with who sent it
                self._client = arrival.client
                self._buffer.clear()
                self._overlong = False
                self._greet(arrival.client)
            self._split(arrival)

    def _greet(self, client: int) -> None:
        if greeting := self.instrument.greeting():
            text = self.instrument.termination.join(greeting)
            self.port.send(text.encode("latin-1") + self._end, client)

    def _split(self, arrival: Arrival) -> None:
        *lines, rest = self._line_end.split(bytes(self._buffer) + arrival.data)
        for line in lines:
            if not line and self.instrument.line_ends and not self._overlong:
                continue  # what stands between CR and LF is no line
            arrived_s = self._arrived_s(len(line) + len(self._end))
            if self._overlong or len(line) > MAX_LINE:
                self._refuse(line, arrival.client)
            else:
                self._lines.append(_Line(line.decode("latin-1"), arrived_s, arrival.client))
            self._overlong = False
        if len(rest) > MAX_LINE:
            self._overlong, rest = True, b""
        self._buffer[:] = rest

    def _arrived_s(self, count: int) -> float:
        """Return when a line of `count` bytes is through, which the line carries one by one."""
        now = self.instrument.world.now()
        self._line_free_s = max(self._line_free_s, now) + count * self.port.byte_s
        return self._line_free_s if self.port.byte_s > 0.0 else now

    def _refuse(self, line: bytes, client: int) -> None:
        answer = self.instrument.refuse(line[:80].decode("latin-1"))
        if answer is not None:  # at once: nothing may be received while a line is cut off
            self.port.send(answer.encode("latin-1", "replace") + self._end, client)
