"""A read-only page on loopback that shows the live state of a measurement.

It listens on 127.0.0.1 only, answers GET alone, changes nothing, and refuses a browser that was
led here under another name.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.procedures.live import Live

log = logging.getLogger(__name__)

HERE = ("127.0.0.1", "localhost")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)

#: Longest request (bytes), longest time (s) to send it or to take the answer, and most connections
#: at once.
MAX_REQUEST, PATIENCE_S, MOST_CLIENTS = 16_384, 10.0, 32
#: How long (s) a page that is open may take to fetch how it ended; it looks once a second.
LAST_LOOK_S = 2.0


class Monitor:
    """Serves the page of `live` while it is entered; `url` is where. Port 0 takes a free one.

    Raises LaboratoryError if the port is taken.
    """

    def __init__(self, live: Live, port: int = 0) -> None:
        try:
            self._server = _Server(live, port)
        except OSError as problem:
            raise LaboratoryError(
                f"the page cannot be served on port {port} ({problem.strerror}); choose another "
                "one with --monitor-port, or leave it out"
            ) from problem
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="monitor", daemon=True
        )

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.wait_for_a_last_look()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """Answers each connection in a thread that does not outlive it by more than the patience."""

    # On Windows it would let two programs have one port.
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = MOST_CLIENTS

    def __init__(self, live: Live, port: int) -> None:
        self.live = live
        self._places = threading.BoundedSemaphore(MOST_CLIENTS)
        self._looks = threading.Condition()
        self._looked = -LAST_LOOK_S
        super().__init__(("127.0.0.1", port), _Handler)

    def note_look(self) -> None:
        """Note that a page has fetched the state, and will again as long as it is open."""
        with self._looks:
            self._looked = time.monotonic()
            self._looks.notify_all()

    def wait_for_a_last_look(self) -> None:
        """Wait until an open page has fetched the state once more: else it knows no end."""
        with self._looks:
            if time.monotonic() - self._looked < LAST_LOOK_S:
                self._looks.wait(LAST_LOOK_S)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Let no more in than there are places for."""
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and give the place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about a browser that has gone: the terminal belongs to the measurement."""
        log.debug("monitor: a connection failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET for the page, the state and the rows."""

    server: _Server
    server_version = "nanojunction"
    sys_version = ""
    timeout = PATIENCE_S

    def setup(self) -> None:
        """Take the whole request first: who sends it a letter at a time must not stay for ever."""
        super().setup()
        self.rfile = io.BytesIO(self._request())

    def _request(self) -> bytes:
        deadline = time.monotonic() + PATIENCE_S
        received = b""
        while b"\r\n\r\n" not in received and len(received) <= MAX_REQUEST:
            self.connection.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self.connection.recv(MAX_REQUEST)
            if not data:
                break
            received += data
        self.connection.settimeout(PATIENCE_S)
        return received

    def do_GET(self) -> None:
        """Answer one question."""
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if host not in HERE:
            self.send_error(403)
            return
        asked = urlsplit(self.path)
        if asked.path == "/":
            page = resources.files("nanojunction.procedures") / "monitor.html"
            self._answer("text/html; charset=utf-8", page.read_bytes())
        elif asked.path == "/state.json":
            self._answer_json(self.server.live.state())
            if asked.query == "again":
                self.server.note_look()
        elif asked.path == "/rows.json":
            query = parse_qs(asked.query)
            self._answer_json(self.server.live.rows(_whole(query, "run"), _whole(query, "after")))
        else:
            self.send_error(404)

    def _answer_json(self, content: Any) -> None:
        self._answer("application/json", json.dumps(content).encode("utf-8"))

    def _answer(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: the terminal belongs to the measurement."""


def _whole(query: dict[str, list[str]], key: str) -> int:
    text = query.get(key, ["0"])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
