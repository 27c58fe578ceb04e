"""Serial lines: the station file's settings in pyvisa's words, and one program at a time."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from nanojunction.instruments.errors import ConnectionFailed

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import InstrumentConfig

#: The keys of an instrument's table that only a serial line has.
SERIAL_KEYS = ("baud_rate", "data_bits", "parity", "stop_bits", "flow_control")


def is_serial(address: str) -> bool:
    """Tell whether a VISA address is a serial line."""
    return address.strip().upper().startswith("ASRL")


def serial_settings(config: InstrumentConfig) -> dict[str, Any]:
    """Return the serial settings that a table of the station file gives, as pyvisa names them."""
    from pyvisa import constants

    found: dict[str, Any] = {}
    if config.baud_rate is not None:
        found["baud_rate"] = config.baud_rate
    if config.data_bits is not None:
        found["data_bits"] = config.data_bits
    if config.parity is not None:
        found["parity"] = constants.Parity[config.parity]
    if config.stop_bits is not None:
        names = {1: "one", 1.5: "one_and_a_half", 2: "two"}
        found["stop_bits"] = constants.StopBits[names[config.stop_bits]]
    if config.flow_control is not None:
        names_of_flow = {
            "none": "none",
            "xon-xoff": "xon_xoff",
            "rts-cts": "rts_cts",
            "dtr-dsr": "dtr_dsr",
        }
        found["flow_control"] = constants.ControlFlow[names_of_flow[config.flow_control]]
    return found


def line_errors() -> tuple[type[Exception], ...]:
    """Return what pyserial lets through from the system beside OSError."""
    try:
        import termios
    except ImportError:  # Windows
        return ()
    return (termios.error,)


class SerialLock:
    """Keeps a serial line for one process; opening it twice would mix two programs' answers.

    It is the lock that pyserial's `exclusive` takes, so programs that use that are kept out as
    well. It is taken before the line is opened, because opening empties the input of whoever has
    it. Windows keeps second programs out by itself.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def of(cls, address: str, where: str) -> SerialLock | None:
        """Lock the line at a VISA address; None where there is no line to be locked.

        Raises ConnectionFailed, which names `where`, if another program has it.
        """
        found = re.fullmatch(r"ASRL(/.+?)(::INSTR)?", address.strip(), re.IGNORECASE)
        if found is None:
            return None
        try:
            import fcntl
        except ImportError:  # Windows
            return None
        try:
            descriptor = os.open(found[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return None  # opening it for good will say why
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            os.close(descriptor)
            raise ConnectionFailed(
                f"{where}: another program uses this serial line; end it first"
            ) from problem
        return cls(descriptor)

    def release(self) -> None:
        """Let others have the line."""
        os.close(self._descriptor)
