"""The socket under a pyvisa-py session, watched where pyvisa-py does not look.

Without TCP_NODELAY two small writes before a read wait 44 ms for a delayed acknowledgement, and
pyvisa-py's attribute for that cannot be set; a read from a peer that has closed spins until its
time-out; a drain never ends then.
"""

from __future__ import annotations

import select
import socket
from typing import Any

from nanojunction.instruments.clock import Clock


class RawSocket:
    """The TCP socket of an open pyvisa-py session, and what pyvisa-py has received from it.

    Everything raises ConnectionResetError once the instrument has closed the connection.
    """

    def __init__(self, session: Any, raw: socket.socket) -> None:
        self._session = session
        self._raw = raw
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def of(cls, connection: Any) -> RawSocket | None:
        """Return that of a pyvisa resource; None with any other VISA library or interface."""
        if "pyvisa_py" not in type(connection.visalib).__module__:
            return None
        session = connection.visalib.sessions[connection.session]
        raw = getattr(session, "interface", None)
        return cls(session, raw) if isinstance(raw, socket.socket) else None

    @property
    def _pending(self) -> bytearray:
        """What has been received beyond the last answer."""
        pending: bytearray = self._session._pending_buffer
        return pending

    def _receive(self) -> bytes:
        received = self._raw.recv(65_536)
        if not received:
            raise ConnectionResetError("the instrument closed it")
        return received

    def read_line(self, end: str, timeout_s: float) -> str:
        """Wait for a whole line and return it without its end; raises TimeoutError.

        As pyvisa reads it, a fraction of a millisecond sooner. Raises UnicodeDecodeError for
        bytes that are not ASCII.
        """
        last, passed, pending = end[-1].encode("ascii"), Clock(), self._pending
        while (at := pending.find(last)) < 0:
            left_s = timeout_s - passed.now()
            if left_s <= 0.0 or not select.select([self._raw], [], [], left_s)[0]:
                raise TimeoutError("VI_ERROR_TMO")
            pending.extend(self._receive())
        line = bytes(pending[: at + 1])
        del pending[: at + 1]
        return line.decode("ascii").removesuffix(end)

    def take(self, silence_s: float = 0.0) -> bytes:
        """Take what has arrived and what arrives before `silence_s` (wall clock) of silence."""
        taken = bytes(self._pending)
        self._pending.clear()
        while select.select([self._raw], [], [], silence_s)[0]:
            taken += self._receive()
        return taken
