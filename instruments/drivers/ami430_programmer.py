"""The connection to an AMI Model 430, and PyMeasure's driver made to say what it was not asked.

Source: American Magnetics, Model 430 manual, chapter "Remote Interface Reference". The programmer
answers nothing to a command: `order` asks its error buffer. Field and rates come in units that
anybody can change at the front panel: they are asked for with every number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymeasure.instruments.ami import AMI430
from pyvisa import constants

from nanojunction.instruments.errors import InstrumentFault, WrongInstrument
from nanojunction.instruments.visa import open_connection

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import MagnetConfig
    from nanojunction.instruments.visa import Connection

#: What port 7180 says on connection (7185 and the serial line say nothing).
GREETING = ("American Magnetics Model 430 IP Interface", "Hello.")
#: Serial settings (manual, RS-232 interface).
SERIAL = {"baud_rate": 115_200, "flow_control": constants.ControlFlow.rts_cts}


def open_programmer(config: MagnetConfig) -> Connection:
    """Open a connection and verify by *IDN? that a Model 430 answers.

    Raises WrongInstrument if something else does.
    """
    connection = open_connection(
        config, role="magnet", identity_query="*IDN?", termination="\r\n", serial=SERIAL
    )
    connection.drain()
    connection.write(connection.identity_query)
    identity = connection.read().strip()
    for line in GREETING:  # it may have come only after the drain
        if identity == line:
            identity = connection.read().strip()
    connection.identity = identity
    if "MODEL430" not in identity.upper().replace(" ", ""):
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: answers {identity!r}, which is no AMI Model 430; "
            "check the address and the driver in the station file"
        )
    return connection


class Programmer(AMI430):
    """PyMeasure's `AMI430` without its two reads on opening, which hang where nothing greets."""

    def __init__(self, connection: Connection) -> None:
        super(AMI430, self).__init__(connection, "AMI 430")
        self.where = connection.where

    def order(self, command: str) -> None:
        """Send a command; raises InstrumentFault if the programmer does not take it."""
        self.write("*CLS")  # an old error is nothing of ours
        self.write(command)
        errors: list[str] = []
        while len(errors) < 20:
            answer = str(self.ask("SYST:ERR?")).strip()
            if int(answer.partition(",")[0]) == 0:
                break
            errors.append(answer)
        if errors:
            raise InstrumentFault(f"{self.where}: did not take {command} ({'; '.join(errors)})")

    def number(self, query: str) -> float:
        """Ask for one number."""
        return float(self.ask(query))

    def set_units(self) -> None:
        """Set tesla and rates per minute, and verify both."""
        for what in ("FIELD:UNITS", "RAMP:RATE:UNITS"):
            if self.number(f"{what}?") != 1:
                self.order(f"CONF:{what} 1")
                if self.number(f"{what}?") != 1:
                    raise InstrumentFault(f"{self.where}: does not set {what} to 1")

    def tesla(self) -> float:
        """Ask which unit the field has now, and return it in T."""
        unit = self.number("FIELD:UNITS?")
        if unit not in (0, 1):
            raise InstrumentFault(f"{self.where}: unknown unit of the field ({unit:g})")
        return 1.0 if unit == 1 else 0.1

    def tesla_per_A(self) -> float:
        """Return the coil constant in T/A."""
        return self.tesla() * float(self.coilconst)

    def segment(self, number: int) -> tuple[float, float]:
        """Return rate and upper bound of a ramp segment, in the units that are set."""
        rate, bound = (float(part) for part in self.ask(f"RAMP:RATE:FIELD:{number}?").split(","))
        return rate, bound
