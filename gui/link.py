"""The window's end of an acquisition: asked in a thread, told in signals, never waited for."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PyQt5.QtCore import QObject, pyqtSignal

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.procedures.acquisition.address import Address
from nanojunction.procedures.acquisition.client import Client, NoAcquisition, Refused

log = logging.getLogger(__name__)

#: Looks a second at what is measured, and how often one of them asks for the queue, too.
LOOKS_HZ, QUEUE_EVERY = 15.0, 8
#: How many looks may wait for the window: a slow one gets fewer of them, with more rows each.
MOST_WAITING = 2

Answered = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Request:
    """Something to ask for; `then` gets the answer, in the window's thread."""

    do: str
    content: dict[str, Any] = field(default_factory=dict)
    then: Answered | None = None


class Link(QObject):
    """Looks at an acquisition again and again, and hands requests to it.

    Signals: `looked` (the answer to `look`), `queued` (the entries of the queue), `refused` (why a
    request was not carried out), `lost` (why nothing is known any more), `safe` (what came of SAFE
    STOP). Connect them queued, as Qt does between threads.
    """

    looked = pyqtSignal(dict)
    queued = pyqtSignal(list)
    refused = pyqtSignal(str)
    lost = pyqtSignal(str)
    safe = pyqtSignal(dict)
    _answered = pyqtSignal(object, dict)

    def __init__(self, address: Address) -> None:
        super().__init__()
        self._address = address
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._leaving = threading.Event()
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)
        self._at = {"run": 0, "after": 0, "said": 0}
        self._thread = threading.Thread(target=self._go_on, name="acquisition-link", daemon=True)
        self._answered.connect(lambda then, answer: then(answer))
        self.looked.connect(lambda _look: self._waiting.release())

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Leave the acquisition to itself, and wait until the thread has gone."""
        self._leaving.set()
        if self._thread.is_alive():
            self._thread.join()

    def ask(self, do: str, then: Answered | None = None, /, **content: Any) -> None:
        """Ask for something; the answer comes as a signal."""
        self._requests.put(Request(do, content, then))

    def ask_safe(self) -> None:
        """Ask for the safe state over a connection and in a thread of its own."""
        threading.Thread(target=self._make_safe, name="safe-stop", daemon=True).start()

    def _make_safe(self) -> None:
        try:
            with Client(self._address, timeout_s=60.0) as client:
                self.safe.emit(client.ask("safe"))
        except LaboratoryError as problem:
            self.safe.emit({"confirmed": False, "answered": False, "unsafe": [str(problem)]})

    def _go_on(self) -> None:
        clock, turn = Clock(), 0
        try:
            with Client(self._address) as client:
                while not self._leaving.is_set():
                    asked = self._see_to_requests(client)
                    if asked or turn % QUEUE_EVERY == 0:
                        self.queued.emit(client.ask("queue")["entries"])
                    if self._waiting.acquire(blocking=False):
                        self._look(client)
                    turn += 1
                    clock.sleep_until(turn / LOOKS_HZ, self._has_work)
        except NoAcquisition as problem:
            if not self._leaving.is_set():
                self.lost.emit(str(problem))

    def _has_work(self) -> bool:
        return self._leaving.is_set() or not self._requests.empty()

    def _see_to_requests(self, client: Client) -> bool:
        asked = False
        while not self._requests.empty():
            request, asked = self._requests.get(), True
            try:
                answer = client.ask(request.do, **request.content)
            except Refused as problem:
                self.refused.emit(str(problem))
            else:
                if request.then is not None:
                    self._answered.emit(request.then, answer)
        return asked

    def _look(self, client: Client) -> None:
        look = client.ask("look", **self._at)
        self._at = {
            "run": look["rows"]["run"],
            "after": look["rows"]["total"],
            "said": self._at["said"] + len(look["said"]),
        }
        self.looked.emit(look)
