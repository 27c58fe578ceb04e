"""One instrument on one loopback socket.

A raw instrument socket takes one client: a second one is accepted and closed at once. A client
that leaves makes room for the next; the instrument keeps its state, carries out what it was
sent before, and answers to nobody.
"""

from __future__ import annotations

import logging
import select
import selectors
import socket
import threading
from collections import deque
from dataclasses import dataclass

from nanojunction.instruments.virtual.instrument import VirtualInstrument, nobody

log = logging.getLogger(__name__)

#: Longest line that is looked at (bytes); what is longer is refused.
MAX_LINE = 65_536

#: How long (s of the wall clock) a client may leave its answers unread before it is let go.
_PATIENCE_S = 2.0


class _ClosingError(Exception):
    """The server is being closed while the instrument waits."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    arrived_s: float
    client: socket.socket


class InstrumentServer:
    """Serves a virtual instrument on 127.0.0.1 while it is entered.

    Raises OSError if no port can be had.
    """

    def __init__(self, instrument: VirtualInstrument) -> None:
        self.instrument = instrument
        self._end = instrument.termination.encode("ascii")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._client: socket.socket | None = None
        self._buffer = bytearray()
        self._overlong = False
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
        self._waker.send(b"x")
        self._thread.join()
        self.instrument.attend = nobody
        self._let_go()
        self._selector.close()
        for sock in (self._listener, self._wake, self._waker):
            sock.close()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._receive(None)
                while self._lines and not self._closing.is_set():
                    self._answer(self._lines.popleft())
        except _ClosingError:
            return

    def _answer(self, line: _Line) -> None:
        try:
            answer = self.instrument.handle(line.text, line.arrived_s)
        except _ClosingError:
            raise
        except Exception:  # an error of the simulation must not look like a dead instrument
            log.exception("virtual %s failed on %r", self.instrument.driver, line.text)
            answer = self.instrument.fail(line.text)
        if answer is not None:
            self._send(answer, line.client)

    def _send(self, answer: str, client: socket.socket) -> None:
        if client is not self._client:
            return  # who asked has left
        try:
            client.sendall(answer.encode("ascii", "replace") + self._end)
        except OSError:
            self._let_go()

    def _attend(self, out_of_idle: bool) -> list[str]:
        """Look after the socket while the instrument waits; return urgent lines out of idle."""
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
        ready = [key.fileobj for key, _ in self._selector.select(timeout_s)]
        if self._client in ready:
            self._read()
        if self._listener in ready:
            self._accept()

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # it left before it was let in
        while self._client is not None and select.select([self._client], [], [], 0.0)[0]:
            self._read()  # it may have left just before
        if self._client is not None:
            client.close()
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(_PATIENCE_S)
        self._client = client
        self._selector.register(client, selectors.EVENT_READ)

    def _read(self) -> None:
        client = self._client
        if client is None:
            return
        try:
            data = client.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self._let_go()
            return
        now = self.instrument.world.now()
        *lines, rest = (bytes(self._buffer) + data).split(self._end)
        for line in lines:
            if self._overlong or len(line) > MAX_LINE:
                self._refuse(line, client)
            else:
                self._lines.append(_Line(line.decode("latin-1"), now, client))
            self._overlong = False
        if len(rest) > MAX_LINE:
            self._overlong, rest = True, b""
        self._buffer[:] = rest

    def _refuse(self, line: bytes, client: socket.socket) -> None:
        answer = self.instrument.refuse(line[:80].decode("latin-1"))
        if answer is not None:
            self._send(answer, client)

    def _let_go(self) -> None:
        client, self._client = self._client, None
        self._buffer.clear()
        self._overlong = False
        if client is not None:
            self._selector.unregister(client)
            client.close()
