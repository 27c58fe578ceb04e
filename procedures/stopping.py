"""Asking a run to stop: by signal, by the operator, over the control channel."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class StopRequest:
    """Asks a run to stop after the present point; a second one also ends the waits at the end."""

    count: int = 0
    reason: str = ""

    def ask(self, reason: str) -> None:
        """Ask to stop."""
        self.count += 1
        self.reason = self.reason or reason

    def asked(self) -> bool:
        """Tell whether a stop was asked for."""
        return self.count > 0

    def asked_again(self) -> bool:
        """Tell whether a stop was asked for more than once."""
        return self.count > 1


@contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[StopRequest]:
    """Turn Ctrl-C, SIGTERM and (on Windows) Ctrl-Break into stop requests, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stop.ask("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)

    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
