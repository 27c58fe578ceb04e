"""The operator: who does by hand what no instrument of the station can."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.errors import LaboratoryError

#: Time (s, wall clock) between two looks whether the operator has answered.
LOOK_S = 0.1
#: Most bytes of an answer.
LONGEST_ANSWER = 4096


class AskingStopped(LaboratoryError):
    """Somebody asked to stop while the operator was asked."""


class Operator(Protocol):
    """Somebody at the cryostat who is asked to do something and says when it is done."""

    def ask(self, text: str, should_stop: Callable[[], bool]) -> None:
        """Show what is to be done; return when it was confirmed.

        Raises AskingStopped when `should_stop` ends the wait, LaboratoryError if nobody can be
        asked, or the operator refuses.
        """


class HasClock(Protocol):
    """What a wait for the operator needs of the station."""

    clock: Clock


class TerminalOperator:
    """Asks on the terminal: Enter confirms."""

    def __init__(self, station: HasClock) -> None:
        self._station = station

    def ask(self, text: str, should_stop: Callable[[], bool]) -> None:
        """Print the text and wait for Enter.

        Raises AskingStopped when told to stop, LaboratoryError without a terminal, and when it is
        closed.
        """
        if not sys.stdin.isatty():
            raise LaboratoryError(
                f"the operator is needed, and there is no terminal to ask on: {text}; "
                "start the command in a terminal"
            )
        print(f"{text}. Press Enter when it is done: ", end="", file=sys.stderr, flush=True)
        answer = typed_line(self._station.clock, should_stop)
        if answer is None:
            raise AskingStopped(f"stopped while the operator was asked: {text}")
        if not answer:
            raise LaboratoryError(f"the terminal was closed while the operator was asked: {text}")


def typed_line(clock: Clock, should_stop: Callable[[], bool]) -> str | None:
    """Return the line that is typed next, with its end; None when told to stop meanwhile.

    It is empty if the terminal was closed.
    """
    answers: list[bytes] = []
    answered = threading.Event()
    keyboard = sys.stdin.fileno()

    def listen() -> None:
        # Without Python's buffer: a thread left behind would keep its lock at exit.
        try:
            answers.append(os.read(keyboard, LONGEST_ANSWER))
        except OSError:  # the terminal is gone
            answers.append(b"")
        answered.set()

    # In a thread of its own: meanwhile the clock is slept on, which shows that we are alive.
    threading.Thread(target=listen, name="operator", daemon=True).start()
    while not answered.is_set():
        if not clock.sleep(LOOK_S * clock.speed, should_stop):
            return None
    return answers[0].decode(errors="replace")


@runtime_checkable
class ByHand(Protocol):
    """An instrument without a connection, which the operator moves."""

    @property
    def is_confirmed(self) -> bool:
        """Whether the operator has confirmed how it stands; before that nobody knows."""

    def attend(self, ask: Callable[[str], None], moved: Callable[[frozenset[int]], None]) -> None:
        """Use `ask` for the operator, and tell `moved` which contacts are closed from then on."""
