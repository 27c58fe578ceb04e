"""What the Oxford instruments share: opening a connection and knowing who answers."""

from __future__ import annotations

from pyvisa import constants

from nanojunction.instruments.errors import WrongInstrument
from nanojunction.instruments.visa import Connection

#: Serial settings of the Oxford controllers (ITC503 and IPS120-10 manuals, RS232 interface).
SERIAL = {
    "baud_rate": 9600,
    "data_bits": 8,
    "parity": constants.Parity.none,
    "stop_bits": constants.StopBits.two,
}


def open_oxford(
    address: str,
    *,
    role: str,
    model: str,
    visa_library: str,
    read_termination: str | None,
    write_termination: str | None,
) -> Connection:
    """Open a connection and verify by the command V that `model` answers.

    Raises WrongInstrument if something else does.
    """
    connection = Connection(
        address,
        role=role,
        identity_query="V",
        visa_library=visa_library,
        read_termination=read_termination or "\r",
        write_termination=write_termination or "\r",
        asrl=SERIAL,
    )
    connection.drain()
    identity = connection.identify()
    if model not in identity.upper().replace(" ", "").replace("-", ""):
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: answers {identity!r}, which is no Oxford {model}; "
            "check the address and the driver in the station file"
        )
    return connection
