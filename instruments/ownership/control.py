"""The control channel: how other processes of the same user ask the owner of a station.

Loopback TCP, one request a connection, one JSON object a line. A request is `{"token": …,
"command": …}`; the token is in the lock file, which only its user can read. Commands:

`status`   answered by `{"ok": true, "state": …}`, what the owner last published;
`stop`     a stop request, as Ctrl-C is one;
`safe`     the same, answered twice: at once by how long (s) the way to zero may take, and by
           `{"ok": true, "safe": …}` when the source is at zero and open, or could not be.

The thread that answers never touches an instrument.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

#: Longest request (bytes), longest time (s) to send it, and most connections at once.
MAX_REQUEST, PATIENCE_S, MOST_CLIENTS = 4096, 5.0, 16
Answers = Generator[dict[str, Any], None, None]
#: Longest answer (bytes) that is read.
MAX_ANSWER = 1 << 20
#: How long (s) an owner that is alive may take to answer.
ANSWERS_WITHIN_S = 2.0


class NoAnswerFromOwner(Exception):
    """Nobody answered on the control channel, or not as an owner does."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What the owner does on each command; called in a thread of the channel.

    `safe` waits until the source is safe, at most as long as it is told (s), and returns whether
    it is; `way_s` is how long that may take.
    """

    status: Callable[[], dict[str, Any]]
    stop: Callable[[str], None]
    safe: Callable[[float], bool]
    way_s: Callable[[], float]


class ControlServer:
    """Answers on 127.0.0.1 while it is entered; `port` and `token` go into the lock file."""

    def __init__(self, commands: Commands) -> None:
        self.token = secrets.token_hex(32)
        self._server = _Server(commands, self.token)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="control-channel", daemon=True
        )

    def __enter__(self) -> ControlServer:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, commands: Commands, token: str) -> None:
        self.commands = commands
        self.token = token
        self.places = threading.BoundedSemaphore(MOST_CLIENTS)
        super().__init__(("127.0.0.1", 0), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Let no more in than there are places for."""
        return self.places.acquire(blocking=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep a broken connection out of the owner's output."""
        log.debug("control channel: a connection failed", exc_info=True)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        try:
            self._answer(self._request())
        except (OSError, TimeoutError):  # the client has gone, or sends nothing: its affair
            log.debug("control channel: a client has gone", exc_info=True)

    def finish(self) -> None:
        self.server.places.release()

    def _request(self) -> bytes:
        """Receive one line, however slowly it comes, within the limits."""
        deadline = time.monotonic() + PATIENCE_S
        received = b""
        while b"\n" not in received and len(received) <= MAX_REQUEST:
            self.request.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self.request.recv(MAX_REQUEST)
            if not data:
                break
            received += data
        self.request.settimeout(PATIENCE_S)
        return received

    def _answer(self, received: bytes) -> None:
        line, end, _rest = received.partition(b"\n")
        if not end or len(line) > MAX_REQUEST:
            return self._say(ok=False, error="send one line of JSON, 4096 bytes at most")
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            return self._say(ok=False, error="this is no JSON object")
        token = str(content.get("token", "")).encode("utf-8", "replace")
        if not hmac.compare_digest(token, self.server.token.encode()):
            return self._say(ok=False, error="wrong token")
        return self._carry_out(content.get("command"), str(content.get("reason", "")))

    def _carry_out(self, command: object, reason: str) -> None:
        commands = self.server.commands
        reason = reason[:200] or "asked over the control channel"
        if command == "status":
            self._say(ok=True, **commands.status())
        elif command == "stop":
            commands.stop(reason)
            self._say(ok=True)
        elif command == "safe":
            commands.stop(reason)
            way_s = commands.way_s()
            self._say(ok=True, way_s=way_s)
            self._say(ok=True, safe=commands.safe(way_s + 2.0 * PATIENCE_S))
        else:
            self._say(ok=False, error="known commands are status, stop, safe")

    def _say(self, **answer: Any) -> None:
        text = json.dumps(answer, default=str) + "\n"
        self.request.sendall(text.encode())


def ask(port: int, token: str, command: str, reason: str = "") -> dict[str, Any]:
    """Send a command and return the (first) answer; raises NoAnswerFromOwner."""
    answers = ask_all(port, token, command, reason)
    try:
        return next(answers)
    finally:
        answers.close()


def ask_all(port: int, token: str, command: str, reason: str = "") -> Answers:
    """Send a command and yield its answers; to each the owner has `ANSWERS_WITHIN_S`.

    After an answer that names a `way_s`, the next may take that much longer. Raises
    NoAnswerFromOwner when an answer does not come, or is none.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWERS_WITHIN_S) as channel:
            request = {"token": token, "command": command, "reason": reason}
            channel.sendall(json.dumps(request).encode() + b"\n")
            received, wait_s = b"", ANSWERS_WITHIN_S
            while True:
                line, received = _next_line(channel, received, wait_s)
                answer = json.loads(line)
                if not isinstance(answer, dict) or answer.get("ok") is not True:
                    raise NoAnswerFromOwner(f"answered {line[:200]!r}")
                wait_s = ANSWERS_WITHIN_S + float(answer.get("way_s", 0.0))
                yield answer
    except (OSError, ValueError, TypeError) as problem:
        raise NoAnswerFromOwner(str(problem)) from problem


def _next_line(channel: socket.socket, received: bytes, wait_s: float) -> tuple[bytes, bytes]:
    deadline = time.monotonic() + wait_s
    while b"\n" not in received:
        channel.settimeout(max(deadline - time.monotonic(), 0.001))
        data = channel.recv(65_536)
        if not data:
            raise NoAnswerFromOwner("the owner closed the connection")
        received += data
        if len(received) > MAX_ANSWER:
            raise NoAnswerFromOwner("the answer does not end")
    line, _, rest = received.partition(b"\n")
    return line, rest
