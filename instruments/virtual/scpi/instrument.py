"""An instrument that speaks SCPI: messages in order, waiting for what is under way, refusals.

After IEEE 488.2, section 12 (synchronisation), and SCPI-1999 volume 1.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.scpi.codecs import Parameters
from nanojunction.instruments.virtual.scpi.language import ScpiError, Tree, Unit, units
from nanojunction.instruments.virtual.scpi.status import StatusModel
from nanojunction.instruments.virtual.world import World


class UnderWay(Protocol):
    """What an instrument does by itself, on the world's clock (s)."""

    @property
    def running(self) -> bool:
        """Whether something is under way."""
        ...

    @property
    def next_event_s(self) -> float:
        """When something happens next."""
        ...

    @property
    def ended_s(self) -> float:
        """When the last one ended."""
        ...


class ScpiInstrument(VirtualInstrument):
    """Carries messages out and reports what it refuses in its error queue."""

    termination: ClassVar[str] = "\n"
    #: The answer to `*IDN?`.
    identity: ClassVar[str]
    #: Headers that are carried out at once, whatever is under way.
    immediate: ClassVar[tuple[str, ...]]

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.status = StatusModel()

    # Messages

    def execute(self, line: str) -> str | None:
        """Carry out one message; the answers of its queries are joined by `;`.

        After an error the rest of the message is not carried out.
        """
        answers: list[str] = []
        try:
            for unit in units(line):
                carry_out = self.tree().find(unit.header, unit.query)
                if self.waits(unit):
                    self.wait_for_idle()
                with self.world.lock:
                    self.world.sync(self.time_s)
                    answer = carry_out(self, unit.parameters)
                if unit.query and answer is None:
                    self.wait_for_idle()
                    with self.world.lock:
                        answer = self.acquired()
                if answer is not None:
                    answers.append(answer)
        except ScpiError as error:
            self.report(error)
        return ";".join(answers) if answers else None

    @staticmethod
    @abstractmethod
    def tree() -> Tree[Callable[[Any, Parameters], str | None]]:
        """Return all headers with what carries them out on the instrument.

        A query that returns None is answered with what it has begun to acquire.
        """

    @property
    @abstractmethod
    def under_way(self) -> UnderWay:
        """What the instrument does by itself."""

    def waits(self, unit: Unit) -> bool:
        """Return whether a command or query is carried out only when nothing is under way."""
        return unit.header not in self.immediate

    @abstractmethod
    def acquired(self) -> str | None:
        """Return the answer to the query whose acquisition has ended."""

    def urgent(self, line: str) -> bool:
        """Return whether a message is carried out at once, whatever is under way."""
        command = line.strip().upper().lstrip(":").rstrip("; ")
        return ";" not in command and command.partition(" ")[0] in self.immediate

    def wait_for_idle(self) -> None:
        """Wait until nothing is under way; urgent messages are carried out meanwhile."""
        work = self.under_way
        if not work.running:
            return
        while work.running:
            due_s = work.next_event_s
            if self.wait_until(due_s, out_of_idle=True):
                with self.world.lock:
                    self.world.sync(due_s)
        self.time_s = max(self.time_s, work.ended_s)

    # Refusals

    def report(self, error: ScpiError) -> None:
        """Queue an error and latch its class."""
        self.status.error(error.code)

    def refuse(self, line: str) -> str | None:
        """Report an input buffer overrun."""
        self.report(ScpiError(-363))
        return None

    def fail(self, line: str) -> str | None:
        """Report an internal system error."""
        self.report(ScpiError(900))
        return None

    # What the common commands ask for

    @abstractmethod
    def reset(self) -> None:
        """Go to the *RST state."""

    @abstractmethod
    def save(self, place: int) -> None:
        """Keep the present set-up (*SAV)."""

    @abstractmethod
    def recall(self, place: int) -> None:
        """Go back to what was kept (*RCL)."""

    def complete(self) -> None:
        """Set the operation-complete bit when all is done (*OPC)."""
        self.status.standard.latch(1)

    def clear_status(self) -> None:
        """Clear events and errors (*CLS)."""
        self.status.clear()

    def status_byte(self) -> int:
        """Return the status byte (*STB?)."""
        return self.status.byte()

    def condition(self, register: str) -> int:
        """Return what is true now of a SCPI register: MEAS, OPER or QUES."""
        return 0

    def show_register(self, value: int) -> str:
        """Return a register's value as it is answered."""
        return str(value)
