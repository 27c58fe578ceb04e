"""The channel between an acquisition and whoever shows and steers it: JSON lines over loopback.

A connection begins with `{"token": …}`; then each request `{"id": n, "do": "name", …}` is answered
by `{"id": n, "ok": true, …}` or `{"id": n, "ok": false, "error": "one sentence"}`, in order. Nobody
gets in without the token, which only this user can read; nothing but JSON is ever understood.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from typing import Any

from nanojunction.instruments.errors import LaboratoryError

log = logging.getLogger(__name__)

#: Longest line (bytes) either way, and longest time (s) until a connection has shown its token.
MAX_LINE, PATIENCE_S = 8 << 20, 5.0
MOST_CLIENTS = 16
Command = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Channel:
    """Answers on 127.0.0.1 while it is entered, each connection in a thread of its own.

    `clients` counts who is connected. The commands never touch an instrument themselves.
    """

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self.token = secrets.token_hex(32)
        self._server = _Server(commands, self.token)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="acquisition-channel", daemon=True
        )

    @property
    def clients(self) -> int:
        """How many have shown the token and are connected."""
        return len(self._server.connected)

    def __enter__(self) -> Channel:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self._server.connected):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("a client had gone before", exc_info=True)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    # Windows would let another program listen on the same port.
    allow_reuse_address = False

    def __init__(self, commands: Mapping[str, Command], token: str) -> None:
        self.commands = commands
        self.token = token
        self.connected: set[socket.socket] = set()
        self.places = threading.BoundedSemaphore(MOST_CLIENTS)
        super().__init__(("127.0.0.1", 0), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Let no more in than there are places for."""
        return self.places.acquire(blocking=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep a broken connection out of the acquisition's output."""
        log.debug("acquisition channel: a connection failed", exc_info=True)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    connection: socket.socket

    def handle(self) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.settimeout(PATIENCE_S)
        try:
            if not self._is_known(self.rfile.readline(MAX_LINE)):
                self._say({"ok": False, "error": "wrong token"})
                return
            self.connection.settimeout(None)
            self._say({"ok": True})
            self.server.connected.add(self.connection)
            while line := self.rfile.readline(MAX_LINE):
                self._say(self._answer(line))
        except (OSError, TimeoutError):  # the client has gone, or sends nothing: its affair
            log.debug("acquisition channel: a client has gone", exc_info=True)

    def finish(self) -> None:
        self.server.connected.discard(self.connection)
        self.server.places.release()

    def _is_known(self, line: bytes) -> bool:
        content = _object(line)
        token = "" if content is None else str(content.get("token", ""))
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode())

    def _answer(self, line: bytes) -> dict[str, Any]:
        content = _object(line)
        if content is None:
            return {"ok": False, "error": "send one JSON object a line"}
        name = content.pop("do", None)
        number = {"id": content.pop("id", None)}
        command = self.server.commands.get(name) if isinstance(name, str) else None
        if command is None:
            known = ", ".join(self.server.commands)
            return number | {"ok": False, "error": f"{name!r} is no command; known are {known}"}
        try:
            return number | {"ok": True} | dict(command(content))
        except LaboratoryError as problem:
            return number | {"ok": False, "error": str(problem)}
        except Exception as problem:  # a fault of a look at it must not end what is measured
            log.warning("the command %s failed", name, exc_info=True)
            return number | {"ok": False, "error": f"{type(problem).__name__}: {problem}"}

    def _say(self, answer: Mapping[str, Any]) -> None:
        self.connection.sendall(json.dumps(answer).encode() + b"\n")


def _object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a line; None for anything else, also for a line without an end."""
    if not line.endswith(b"\n"):
        return None
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
