"""What the Oxford instruments share: opening a connection and knowing who answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyvisa import constants

from nanojunction.instruments.errors import WrongInstrument
from nanojunction.instruments.visa import open_connection

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import InstrumentConfig
    from nanojunction.instruments.visa import Connection

#: Serial settings of the Oxford controllers (ITC503 and IPS120-10 manuals, RS232 interface).
SERIAL = {
    "baud_rate": 9600,
    "data_bits": 8,
    "parity": constants.Parity.none,
    "stop_bits": constants.StopBits.two,
}


def open_oxford(config: InstrumentConfig, *, role: str, model: str) -> Connection:
    """Open a connection and verify by the command V that `model` answers.

    Raises WrongInstrument if something else does.
    """
    connection = open_connection(
        config, role=role, identity_query="V", termination="\r", serial=SERIAL
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
