"""A loopback socket as an instrument's port.

A raw instrument socket takes one client: a second one is accepted and closed at once. A client
that leaves makes room for the next.
"""

from __future__ import annotations

import select
import selectors
import socket
from collections.abc import Mapping
from types import MappingProxyType

from nanojunction.instruments.virtual.serving.server import Arrival

#: How long (s of the wall clock) a client may leave its answers unread before it is let go.
_PATIENCE_S = 2.0


class SocketPort:
    """A port of its own on 127.0.0.1; raises OSError if none can be had."""

    byte_s = 0.0
    settings: Mapping[str, str | int] = MappingProxyType({})

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4)
        self._listener.setblocking(False)
        self.number: int = self._listener.getsockname()[1]
        self._wake, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._client: socket.socket | None = None
        self._clients = 0  # that came so far: the number of the present one

    @property
    def address(self) -> str:
        """The VISA address."""
        return f"TCPIP::127.0.0.1::{self.number}::SOCKET"

    def receive(self, timeout_s: float | None) -> list[Arrival]:
        """Return what the client sent, and let the next one in."""
        ready = [key.fileobj for key, _ in self._selector.select(timeout_s)]
        arrived = self._read() if self._client in ready else []
        if self._listener in ready:
            arrived += self._accept()
        return arrived

    def _accept(self) -> list[Arrival]:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return []  # it left before it was let in
        arrived = []
        while self._client is not None and select.select([self._client], [], [], 0.0)[0]:
            arrived += self._read()  # the one before may have left just now
        if self._client is not None:
            client.close()
            return arrived
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(_PATIENCE_S)
        self._client = client
        self._clients += 1
        self._selector.register(client, selectors.EVENT_READ)
        return [*arrived, Arrival(self._clients, b"")]

    def _read(self) -> list[Arrival]:
        if self._client is None:
            return []
        try:
            data = self._client.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self.drop()
            return []
        return [Arrival(self._clients, data)]

    def send(self, data: bytes, client: int) -> None:
        """Send to the client that asked, unless it has left or does not read."""
        if self._client is None or client != self._clients:
            return
        try:
            self._client.sendall(data)
        except OSError:
            self.drop()

    def drop(self) -> None:
        """Close the client's connection; the next client may come."""
        client, self._client = self._client, None
        if client is not None:
            self._selector.unregister(client)
            client.close()

    def wake(self) -> None:
        """End a `receive` that waits."""
        self._waker.send(b"x")

    def close(self) -> None:
        """Close everything."""
        self.drop()
        self._selector.close()
        for sock in (self._listener, self._wake, self._waker):
            sock.close()
