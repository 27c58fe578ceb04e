"""PyMeasure's VISA adapter, made fit for a night: no stalls, and no answer of an earlier question.

What it adds (the reasons were measured, see docs/decisions/0003-visa-connection.md):
small writes on a pyvisa-py socket are sent at once (TCP_NODELAY); every failure of the connection
becomes one sentence that names role and address; after a time-out, and when bytes have come that
nobody asked for, the connection is drained and the instrument must identify itself before the next
question is asked, so that a late answer never becomes the next reading; a lost connection can be
opened again; a serial line is taken for one program alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pymeasure.adapters import VISAAdapter

from nanojunction.instruments.errors import (
    ConnectionFailed,
    InstrumentError,
    NoAnswer,
    WrongInstrument,
)
from nanojunction.instruments.raw_socket import RawSocket
from nanojunction.instruments.serial_line import (
    SerialLock,
    is_serial,
    line_errors,
    serial_settings,
)

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import InstrumentConfig

#: Wall-clock time (s) after which a question counts as not answered.
TIMEOUT_S = 5.0
#: Wall-clock time (s) of silence after which nothing more is under way.
SILENCE_S = 0.05


@runtime_checkable
class Reconnectable(Protocol):
    """A driver whose lost connection can be opened again."""

    def reconnect(self) -> None:
        """See `Connection.reconnect`."""


def open_connection(
    config: InstrumentConfig,
    *,
    role: str,
    identity_query: str,
    termination: str = "\n",
    serial: Mapping[str, Any] | None = None,
) -> Connection:
    """Open the connection that a table of the station file describes.

    `termination` ends lines where the table does not say otherwise; `serial` are the serial
    settings of the instrument as it comes (pyvisa's names), which the table's keys override.
    """
    return Connection(
        config.address,
        role=role,
        identity_query=identity_query,
        visa_library=config.visa_library,
        read_termination=config.read_termination or termination,
        write_termination=config.write_termination or termination,
        timeout_s=config.timeout_s,
        asrl={**(serial or {}), **serial_settings(config)},
    )


class Connection(VISAAdapter):
    """A VISA connection to the instrument in `role`; raises ConnectionFailed if it cannot be made.

    `identity_query` is a question with a constant answer, asked to find back into step after a
    time-out. Terminations of None are VISA's defaults (on a raw socket there are none: give both).
    """

    #: The answer to `identity_query`, learnt by `identify`.
    identity: str | None = None
    _lock: SerialLock | None = None

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
        self._faults: tuple[type[Exception], ...] = (pyvisa.errors.Error, OSError, *line_errors())
        self._address, self._library = address, visa_library
        self._base_timeout_s = self._timeout_s = timeout_s
        if read_termination is not None:
            settings["read_termination"] = read_termination
        if write_termination is not None:
            settings["write_termination"] = write_termination
        self._settings = settings
        #: Answers to `identity_query` that are still under way, asked for in vain before.
        self._owed = 0
        self._open()

    def _open(self) -> None:
        self._in_step = True
        #: How many questions went out since a line came in, and whether that was the answer.
        self._sent, self._is_answered = 0, False
        self._raw: RawSocket | None = None
        self._lock = SerialLock.of(self._address, self.where)
        not_opened: tuple[type[Exception], ...] = (*self._faults, ValueError)
        try:
            super().__init__(
                self._address,
                visa_library=self._library,
                timeout=round(self._timeout_s * 1000),
                **self._settings,
            )
        except not_opened as problem:
            self._unlock()
            if "is not a valid attribute for type Resource" in str(problem):
                raise ConnectionFailed(
                    f"{self.where}: this is no VISA address that can be opened; examples are "
                    "GPIB0::24::INSTR, ASRL3::INSTR, TCPIP::hostname::5025::SOCKET"
                ) from problem
            if self._address.upper().startswith("GPIB") and _names_no_driver(problem):
                raise ConnectionFailed(
                    f"{self.where}: this computer has no driver for GPIB: install NI-VISA, or on "
                    "Linux linux-gpib and then `pip install gpib-ctypes`"
                ) from problem
            raise ConnectionFailed(
                f"{self.where}: cannot be opened ({_in_one_line(problem)}); "
                "check the address, the cable and that no other program uses the instrument"
            ) from problem
        except Exception as problem:  # pyvisa-py raises a bare Exception for an unreachable host
            self._unlock()
            if type(problem) is not Exception:
                raise
            raise ConnectionFailed(
                f"{self.where}: cannot be opened ({_in_one_line(problem)})"
            ) from problem
        self._raw = RawSocket.of(self.connection)

    def close(self) -> None:
        """Close the connection."""
        try:
            super().close()
        finally:
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def reconnect(self) -> None:
        """Open the connection again and require that the same instrument answers.

        Raises ConnectionFailed or NoAnswer if none does, WrongInstrument if another one does.
        """
        with suppress(NoAnswer):
            self.drain()
        with suppress(*self._faults):
            self.close()
        if self._raw is not None:
            self._owed = 0  # what was asked over a socket ends with it; a serial line goes on
        self._open()
        if self.identity is None:
            return
        self._in_step = False
        heard: list[str] = []
        try:
            self._find_back_into_step(heard)
        except NoAnswer as problem:
            if not heard:
                raise
            raise WrongInstrument(
                f"{self.where}: answers {heard[-1]!r} after it was connected again, where "
                f"{self.identity!r} answered before"
            ) from problem

    def set_timeout_s(self, timeout_s: float) -> None:
        """Set after how long (wall clock) a question counts as not answered."""
        self._timeout_s = timeout_s
        self.connection.timeout = round(timeout_s * 1000)

    def allow_s(self, longest_s: float) -> None:
        """Leave the instrument `longest_s` for an answer, beyond the station's time-out."""
        self.set_timeout_s(self._base_timeout_s + longest_s)

    def _write(self, command: str, **kwargs: Any) -> None:
        try:
            if self._is_answered and self._sent == 0 and self._waiting().strip():
                self._in_step = False  # nobody asked for that
        except self._faults as problem:
            raise self._lost(problem) from problem
        if not self._in_step:
            self._find_back_into_step([])
        try:
            super()._write(command, **kwargs)
        except self._faults as problem:
            raise self._lost(problem) from problem
        self._sent += self._is_question(command)

    def _is_question(self, command: str) -> bool:
        """Tell whether a line is answered, as far as the instrument's language shows it."""
        if "?" in self.identity_query:
            return "?" in command or "print" in command  # SCPI, or a script's print
        # Oxford's answers everything else, and so does a SENTIO prober.
        return not command.startswith(("$", "*"))

    def _read(self, **kwargs: Any) -> str:
        self._is_answered, self._sent = self._sent == 1, 0
        try:
            end = self.connection.read_termination
            if self._raw is not None and end and not kwargs:
                return self._raw.read_line(end, self._timeout_s)
            answer: str = super()._read(**kwargs)
        except self._faults as problem:
            raise self._lost(problem) from problem
        except UnicodeDecodeError as problem:
            self._in_step = False
            raise NoAnswer(f"{self.where}: answered bytes that are not text") from problem
        return answer

    def _waiting(self) -> bytes:
        """Take what has arrived without a question, as far as the interface can tell."""
        if self._raw is not None:
            return self._raw.take()
        if is_serial(self._address) and (count := self.connection.bytes_in_buffer):
            return bytes(self.connection.read_bytes(count))
        return b""

    def _lost(self, problem: BaseException) -> InstrumentError:
        """Remember that an answer may be outstanding, and return what to say of it."""
        self._in_step = False
        if isinstance(problem, ConnectionRefusedError):
            return ConnectionFailed(
                f"{self.where}: the connection was refused, nothing listens there "
                "(is it, or its gateway, on? is the port right?)"
            )
        if "VI_ERROR_TMO" in str(problem):
            return NoAnswer(f"{self.where}: no answer in time")
        return NoAnswer(f"{self.where}: the connection was lost ({_in_one_line(problem)})")

    def drain(self) -> None:
        """Throw away what has arrived; raises NoAnswer when the peer has closed."""
        try:
            if self._raw is not None:
                drained = self._raw.take(SILENCE_S)
            elif is_serial(self._address):
                drained = self._drain_serial()
            else:
                self.connection.clear()
                drained, self._owed = b"", 0  # a device clear empties the instrument's output
        except self._faults as problem:
            raise self._lost(problem) from problem
        if self.identity:
            self._owed = max(0, self._owed - drained.count(self.identity.encode()))

    def _drain_serial(self) -> bytes:
        """Read until the line is silent: VISA's own clear may send a break, or not exist."""
        drained = bytearray()
        self.connection.timeout = round(SILENCE_S * 1000)
        try:
            for _ in range(100_000):
                drained += self.connection.read_bytes(1)
        except self._faults as problem:
            if "VI_ERROR_TMO" not in str(problem):
                raise
        finally:
            self.set_timeout_s(self._timeout_s)
        return bytes(drained)

    def _find_back_into_step(self, heard: list[str]) -> None:
        """Drain what is still under way, then require the answer to a question known by heart.

        Raises NoAnswer when the instrument does not give it; `heard` is what it said instead.
        """
        self.drain()
        self._in_step, self._is_answered = True, False
        self._write(self.identity_query)
        self._owed += 1
        try:
            for _ in range(10 + self._owed):  # answers to earlier questions come first, in order
                heard.append(self._read().strip())
                self._owed -= heard[-1] == self.identity
                if self._owed == 0:
                    return
        except NoAnswer:
            if heard:  # it answers again: what has not come by now was lost
                self._owed = 0
            raise
        self._in_step, self._owed = False, 0
        raise NoAnswer(f"{self.where}: answers, but not to the question asked")

    def identify(self) -> str:
        """Ask the identity query, remember the answer and return it."""
        self._write(self.identity_query)
        self.identity = self._read().strip()
        return self.identity


def _names_no_driver(problem: BaseException) -> bool:
    """Tell whether pyvisa or pyvisa-py says that a library is missing, not the instrument."""
    words = str(problem)
    return "gpib-ctypes" in words or "VISA implementation" in words


def _in_one_line(problem: BaseException) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__
