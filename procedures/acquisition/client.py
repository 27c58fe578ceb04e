"""Somebody who shows or steers an acquisition: finds it, starts it, asks it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.ownership.guarding import apart
from nanojunction.procedures.acquisition.address import Address, address_of
from nanojunction.procedures.acquisition.channel import MAX_LINE

ACQUISITION = "nanojunction.procedures.acquisition"
#: How long (s) an answer may take, and a station to be opened: instruments answer slowly.
ANSWERS_WITHIN_S, OPENS_WITHIN_S = 10.0, 120.0


class NoAcquisition(LaboratoryError):
    """There is no acquisition, or it does not answer."""


class Refused(LaboratoryError):
    """The acquisition did not do what was asked; the words say why."""


class Client:
    """A connection to an acquisition; several threads may ask, one after the other."""

    def __init__(self, address: Address, timeout_s: float = ANSWERS_WITHIN_S) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        try:
            self._socket = socket.create_connection(("127.0.0.1", address.port), timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lines = self._socket.makefile("rb")
            self._send({"token": address.token})
            self._receive()
        except OSError as problem:
            raise NoAcquisition(f"the acquisition does not answer ({problem})") from problem

    def ask(self, do: str, /, **content: Any) -> dict[str, Any]:
        """Ask for something and return the answer; raises Refused or NoAcquisition."""
        with self._lock:
            self._asked += 1
            try:
                self._send({"id": self._asked, "do": do} | content)
                return self._receive()
            except OSError as problem:
                raise NoAcquisition(f"the acquisition does not answer ({problem})") from problem

    def _send(self, content: Mapping[str, Any]) -> None:
        self._socket.sendall(json.dumps(content).encode() + b"\n")

    def _receive(self) -> dict[str, Any]:
        line = self._lines.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise NoAcquisition("the acquisition has gone")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("ok") is not True:
            raise Refused(str(answer.get("error")))
        return answer

    def close(self) -> None:
        """Leave; what is measured goes on."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.close()


def start_acquisition(station_file: Path, folder: Path) -> Address:
    """Return the acquisition of a station; start one, in a process of its own, if there is none.

    It outlives who started it. Raises NoAcquisition with its own words if it cannot begin.
    """
    there = address_of(station_file)
    if there is not None:
        return there
    folder.mkdir(parents=True, exist_ok=True)
    log_file = folder / "acquisition.log"
    with log_file.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", ACQUISITION, str(station_file.absolute()),
             str(folder.absolute())],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, **apart(),
        )  # fmt: skip
    clock = Clock()
    while clock.now() < OPENS_WITHIN_S:
        there = address_of(station_file)
        if there is not None:
            return there
        if process.poll() is not None:
            break
        clock.sleep(0.02)
    words = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise NoAcquisition(words[-1] if words else f"it ended with {process.poll()}; see {log_file}")
