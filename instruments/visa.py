"""PyMeasure's VISA adapter, made fit for a night: no stalls, and no answer of an earlier question.

What it adds (the reasons were measured, see docs/decisions/0003-visa-connection.md):
small writes on a pyvisa-py socket are sent at once (TCP_NODELAY); every failure of the connection
becomes one sentence that names role and address; after a time-out the connection is drained and
the instrument must identify itself before the next question is asked, so that a late answer never
becomes the next reading.
"""

from __future__ import annotations

import select
import socket
from typing import Any

from pymeasure.adapters import VISAAdapter

from nanojunction.instruments.errors import ConnectionFailed, InstrumentError, NoAnswer

#: Wall-clock time (s) after which a question counts as not answered.
TIMEOUT_S = 5.0


class Connection(VISAAdapter):
    """A VISA connection to the instrument in `role`; raises ConnectionFailed if it cannot be made.

    `identity_query` is a question with a constant answer, asked to find back into step after a
    time-out. Terminations of None are VISA's defaults (on a raw socket there are none: give both).
    """

    def __init__(
        self,
        address: str,
        *,
        role: str,
        identity_query: str,
        visa_library: str = "",
        read_termination: str | None = None,
        write_termination: str | None = None,
        timeout_s: float = TIMEOUT_S,
        **settings: Any,
    ) -> None:
        import pyvisa

        self.where = f"{role} at {address}"
        self.identity_query = identity_query
        self._in_step = True
        self._faults = (pyvisa.errors.Error, OSError)
        if read_termination is not None:
            settings["read_termination"] = read_termination
        if write_termination is not None:
            settings["write_termination"] = write_termination
        try:
            super().__init__(
                address, visa_library=visa_library, timeout=round(timeout_s * 1000), **settings
            )
        except (pyvisa.errors.Error, OSError, ValueError) as problem:
            if "is not a valid attribute for type Resource" in str(problem):
                raise ConnectionFailed(
                    f"{self.where}: this is no VISA address that can be opened; examples are "
                    "GPIB0::24::INSTR, ASRL3::INSTR, TCPIP::hostname::5025::SOCKET"
                ) from problem
            raise ConnectionFailed(
                f"{self.where}: cannot be opened ({_in_one_line(problem)}); "
                "check the address, the cable and that no other program uses the instrument"
            ) from problem
        except Exception as problem:  # pyvisa-py raises a bare Exception for an unreachable host
            if type(problem) is not Exception:
                raise
            raise ConnectionFailed(
                f"{self.where}: cannot be opened ({_in_one_line(problem)})"
            ) from problem
        self._raw = self._raw_socket()
        if self._raw is not None:
            self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def set_timeout_s(self, timeout_s: float) -> None:
        """Set after how long (wall clock) a question counts as not answered."""
        self.connection.timeout = round(timeout_s * 1000)

    def _raw_socket(self) -> socket.socket | None:
        """Return pyvisa-py's own TCP socket, None with any other VISA library or interface.

        Without TCP_NODELAY on it, two small writes before a read wait 44 ms for a delayed
        acknowledgement; pyvisa-py's attribute for that cannot be set.
        """
        if "pyvisa_py" not in type(self.connection.visalib).__module__:
            return None
        session = self.connection.visalib.sessions[self.connection.session]
        raw = getattr(session, "interface", None)
        return raw if isinstance(raw, socket.socket) else None

    def _write(self, command: str, **kwargs: Any) -> None:
        if not self._in_step:
            self._find_back_into_step()
        try:
            super()._write(command, **kwargs)
        except self._faults as problem:
            raise self._lost(problem) from problem

    def _read(self, **kwargs: Any) -> str:
        try:
            self._await_answer()
            answer: str = super()._read(**kwargs)
        except self._faults as problem:
            raise self._lost(problem) from problem
        except UnicodeDecodeError as problem:
            self._in_step = False
            raise NoAnswer(f"{self.where}: answered bytes that are not text") from problem
        return answer

    def _await_answer(self) -> None:
        """Wait for the first byte; notice a closed peer, on which pyvisa-py would spin."""
        if self._raw is None or self._pending():
            return
        readable, _, _ = select.select([self._raw], [], [], self.connection.timeout / 1000)
        if readable and not self._raw.recv(1, socket.MSG_PEEK):
            raise ConnectionResetError("the instrument closed it")

    def _pending(self) -> bytearray:
        """Return what pyvisa-py has received beyond the last answer."""
        session = self.connection.visalib.sessions[self.connection.session]
        pending: bytearray = session._pending_buffer
        return pending

    def _lost(self, problem: BaseException) -> InstrumentError:
        """Remember that an answer may be outstanding, and return what to say of it."""
        self._in_step = False
        if isinstance(problem, ConnectionRefusedError):
            return ConnectionFailed(
                f"{self.where}: the connection was refused, nothing listens there: "
                "is the instrument (or its gateway) on, and is the port right?"
            )
        if "VI_ERROR_TMO" in str(problem):
            return NoAnswer(f"{self.where}: no answer in time")
        return NoAnswer(f"{self.where}: the connection was lost ({_in_one_line(problem)})")

    def drain(self) -> None:
        """Throw away what has arrived; raises NoAnswer when the peer has closed."""
        try:
            if self._raw is None:
                self.connection.clear()
                return
            self._pending().clear()
            while select.select([self._raw], [], [], 0.05)[0]:  # pyvisa-py's own never ends here
                if not self._raw.recv(4096):
                    raise ConnectionResetError("the instrument closed it")
        except self._faults as problem:
            raise self._lost(problem) from problem

    def _find_back_into_step(self) -> None:
        """Drain what is still under way, then require the answer to a question known by heart.

        Raises NoAnswer when the instrument does not give it.
        """
        self.drain()
        self._in_step = True
        self._write(self.identity_query)
        for _ in range(10):  # answers to earlier questions come first, in order
            if self._read().strip() == self.identity:
                return
        self._in_step = False
        raise NoAnswer(f"{self.where}: answers, but not to the question asked")

    #: The answer to `identity_query`, learnt by `identify`.
    identity: str | None = None

    def identify(self) -> str:
        """Ask the identity query, remember the answer and return it."""
        self._write(self.identity_query)
        self.identity = self._read().strip()
        return self.identity


def _in_one_line(problem: BaseException) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__
