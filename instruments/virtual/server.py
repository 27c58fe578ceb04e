"""One instrument on one loopback socket.

A raw instrument socket takes one client: a second one is accepted and closed at once. A client
that leaves makes room for the next; the instrument keeps its state.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
from collections import deque

from nanojunction.instruments.virtual.instrument import VirtualInstrument

log = logging.getLogger(__name__)

#: Longest line that is looked at; what is longer is refused (the 2400's input buffer is shorter).
MAX_LINE = 65_536


class _GoneError(Exception):
    """The client left, or the server is being closed."""


class InstrumentServer:
    """Serves a virtual instrument on 127.0.0.1; use it as a context manager.

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
        self._lines: deque[tuple[str, float]] = deque()
        self._overlong = False
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"virtual-{instrument.driver}", daemon=True
        )

    def __enter__(self) -> InstrumentServer:
        self.instrument.attend = self._urgent_lines
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closing.set()
        self._waker.send(b"x")
        self._thread.join()
        self._drop()
        self._selector.close()
        for sock in (self._listener, self._wake, self._waker):
            sock.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._receive(None)
                while self._lines:
                    self._answer(*self._lines.popleft())
            except _GoneError:
                self._drop()

    def _answer(self, line: str, arrived_s: float) -> None:
        try:
            answer = self.instrument.handle(line, arrived_s)
        except _GoneError:
            raise
        except Exception:  # an error of the simulation must not look like a dead instrument
            log.exception("virtual %s failed on %r", self.instrument.driver, line)
            answer = self.instrument.fail(line)
        if answer is not None:
            self._send(answer)

    def _send(self, answer: str) -> None:
        if self._client is None:
            return
        try:
            self._client.sendall(answer.encode("ascii", "replace") + self._end)
        except OSError as error:
            raise _GoneError from error

    def _urgent_lines(self) -> list[str]:
        """Return what has to be carried out while the instrument waits."""
        self._receive(0.0)
        if self._closing.is_set():
            raise _GoneError
        urgent = [line for line, _ in self._lines if self.instrument.urgent(line)]
        if urgent:
            kept = [entry for entry in self._lines if not self.instrument.urgent(entry[0])]
            self._lines = deque(kept)
        return urgent

    def _receive(self, timeout_s: float | None) -> None:
        """Take in what has arrived; wait for it if `timeout_s` is None."""
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._client:
                self._read()

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # it left before it was let in
        if self._client is not None:
            client.close()
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client
        self._buffer.clear()
        self._overlong = False
        self._selector.register(client, selectors.EVENT_READ)

    def _read(self) -> None:
        client = self._client
        if client is None:
            return
        try:
            data = client.recv(65_536)
        except OSError as error:
            raise _GoneError from error
        if not data:
            raise _GoneError
        now = self.instrument.world.now()
        self._buffer += data
        while (end := self._buffer.find(self._end)) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + len(self._end)]
            if self._overlong or len(line) > MAX_LINE:
                self._overlong = False
                self._refuse(line)
            else:
                self._lines.append((line.decode("latin-1"), now))
        if len(self._buffer) > MAX_LINE:
            self._overlong = True
            self._buffer.clear()

    def _refuse(self, line: bytes) -> None:
        answer = self.instrument.refuse(line[:80].decode("latin-1"))
        if answer is not None:
            self._send(answer)

    def _drop(self) -> None:
        """Forget the client; lines that it sent are carried out no more."""
        client, self._client = self._client, None
        self._lines.clear()
        self._buffer.clear()
        if client is None:
            return
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client)
        client.close()
