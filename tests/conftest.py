"""Fixtures that several test files share."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

Script = Sequence[tuple[str, str | None]]


class ScriptedInstrument:
    """A real socket behind which an instrument follows a script of (sent, answered) pairs."""

    def __init__(self, script: Script, terminator: str) -> None:
        self.script = list(script)
        self.terminator = terminator.encode()
        self.wrong: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"TCPIP::127.0.0.1::{self._listener.getsockname()[1]}::SOCKET"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        received = b""
        with client:
            for expected, answer in self.script:
                while self.terminator not in received:
                    data = client.recv(4096)
                    if not data:
                        self.wrong.append(f"closed before {expected!r} was sent")
                        return
                    received += data
                line, received = received.split(self.terminator, 1)
                if line.decode() != expected:
                    self.wrong.append(f"sent {line.decode()!r} where {expected!r} was expected")
                    return
                if answer is not None:
                    client.sendall(answer.encode() + self.terminator)
            while data := client.recv(4096):
                received += data
            if received:
                self.wrong.append(f"sent {received!r} after the script's end")

    def finish(self) -> None:
        """Wait until the client has gone, and fail if it did not keep to the script."""
        self._thread.join(timeout=10)
        self._listener.close()
        assert not self._thread.is_alive(), "the client is still connected"
        assert not self.wrong, "\n".join(self.wrong)


@pytest.fixture
def scripted() -> Iterator[Callable[[Script, str], ScriptedInstrument]]:
    """Return a factory of scripted instruments; each must have been played to its end."""
    made: list[ScriptedInstrument] = []

    def make(script: Script, terminator: str = "\n") -> ScriptedInstrument:
        made.append(ScriptedInstrument(script, terminator))
        return made[-1]

    yield make
    for instrument in made:
        instrument.finish()


@pytest.fixture
def unused_port() -> int:
    """Return a port of the loopback on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
