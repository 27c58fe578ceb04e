"""A read-only page on loopback that shows the live state of a measurement.

It listens on 127.0.0.1 only, answers GET alone, changes nothing, and refuses a browser that was
led here under another name.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.procedures.live import Live

HERE = ("127.0.0.1", "localhost")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)


class Monitor:
    """Serves the page of `live` while it is entered; `url` is where. Port 0 takes a free one.

    Raises LaboratoryError if the port is taken.
    """

    def __init__(self, live: Live, port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"live": live})
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        except OSError as problem:
            raise LaboratoryError(
                f"the page cannot be served on port {port} ({problem.strerror}); choose another "
                "one with --monitor-port, or leave it out"
            ) from problem
        self._server.daemon_threads = True
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
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET for the page, the state and the rows."""

    live: Live
    server_version = "nanojunction"
    sys_version = ""
    timeout = 10

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
            self._answer_json(self.live.state())
        elif asked.path == "/rows.json":
            query = parse_qs(asked.query)
            self._answer_json(self.live.rows(_whole(query, "run"), _whole(query, "after")))
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
