"""Lake Shore 421 and 425 gaussmeters as a `FieldProbe`, on PyMeasure's drivers.

Source: Lake Shore, Model 421 User's Manual, chapter 4, and Model 425 User's Manual, chapter 6. The
unit is asked for with every reading, since anybody can change it at the front panel; the Model
421's multiplier is asked for before and after, since its autorange changes it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

from pymeasure.instruments.lakeshore import LakeShore421, LakeShore425
from pyvisa import constants

from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.roles import Snapshot
from nanojunction.instruments.visa import open_connection

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import FieldProbeConfig
    from nanojunction.instruments.visa import Connection

#: Serial settings (manuals, computer interface); the USB port of a 425 is a serial one.
_LINE = {
    "data_bits": 7,
    "parity": constants.Parity.odd,
    "stop_bits": constants.StopBits.one,
}
SERIAL: Final = {"421": {"baud_rate": 9600, **_LINE}, "425": {"baud_rate": 57_600, **_LINE}}
#: Time (s) that a Model 421 needs between two messages (PyMeasure's driver).
PAUSE_421_S = 0.05
#: The units in tesla; a field H is given as the flux density that it has in air.
TESLA: Final = {"G": 1e-4, "T": 1.0, "Oe": 1e-4, "A/m": 4e-7 * math.pi}
#: How often a reading is repeated when the range changed meanwhile.
ATTEMPTS = 5


class Gaussmeter(Protocol):
    """One model: what it reads, and its settings."""

    def field_T(self) -> float:
        """Return a reading."""

    def settings(self) -> Snapshot:
        """Return the settings."""


def open_lakeshore42x(config: FieldProbeConfig, clock: Clock) -> LakeShoreProbe:
    """Open the gaussmeter at `config.address` and verify that it is the model that is named.

    Raises StationError for a driver that is none of these, WrongInstrument if something else
    answers.
    """
    number = config.driver.removeprefix("lakeshore")
    if number not in ("421", "425"):
        raise StationError(
            f"field_probe.driver: this driver knows lakeshore421 and lakeshore425, "
            f"not {config.driver!r}"
        )
    connection = open_connection(
        config,
        role="field_probe",
        identity_query="*IDN?",
        termination="\r\n",
        serial=SERIAL[number],
    )
    connection.drain()
    identity = connection.identify()
    if f"MODEL{number}" not in identity.upper().replace(" ", ""):
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: answers {identity!r}, which is no Lake Shore {number}; "
            "check the address and the driver in the station file"
        )
    model = Model421(connection, clock) if number == "421" else Model425(connection)
    return LakeShoreProbe(model, connection)


class LakeShoreProbe:
    """Adapts a model to the role `FieldProbe`."""

    def __init__(self, model: Gaussmeter, connection: Connection) -> None:
        self._model = model
        self._connection = connection

    def identify(self) -> str:
        """Return the answer to *IDN?."""
        return self._connection.identity or ""

    def field_T(self) -> float:
        """Return the measured field; raises InstrumentFault when it is over range."""
        with in_words(self._connection):
            return self._model.field_T()

    def snapshot(self) -> Snapshot:
        """Return the settings as the gaussmeter reports them."""
        with in_words(self._connection):
            return {"identity": self.identify(), **self._model.settings()}

    def reconnect(self) -> None:
        """Open a lost connection again; changes nothing on the gaussmeter."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Model421:
    """A Model 421: the station's clock keeps its messages apart, not the driver's own sleep."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.instrument = LakeShore421(connection)
        self.instrument.WRITE_DELAY = None
        self._where = connection.where
        self._clock = clock
        self._free_s = clock.now() + PAUSE_421_S

    def _get(self, name: str) -> object:
        """Read a property of PyMeasure's driver, no earlier than the instrument can answer."""
        self._clock.sleep_until(self._free_s)
        value: object = getattr(self.instrument, name)
        self._free_s = self._clock.now() + PAUSE_421_S
        return value

    def field_T(self) -> float:
        """Return a reading; raises InstrumentFault when it is over range, or the range unsteady."""
        tesla = TESLA[str(self._get("unit"))]
        multiplier = self._get("field_multiplier")
        for _ in range(ATTEMPTS):
            before, reading = multiplier, self._get("field_raw")
            multiplier = self._get("field_multiplier")
            if multiplier == before:
                return _number(self._where, reading) * _number(self._where, multiplier) * tesla
        raise InstrumentFault(f"{self._where}: changes its range at every reading; lock the range")

    def settings(self) -> Snapshot:
        """Return probe, unit, range and filter."""
        names = {
            "unit": "unit",
            "range": "field_range_raw",
            "autorange": "auto_range",
            "mode": "field_mode",
            "filter": "display_filter_enabled",
            "relative": "relative_mode_enabled",
            "probe": "serial_number",
        }
        return {key: self._get(name) for key, name in names.items()}


class Model425:
    """A Model 425."""

    def __init__(self, connection: Connection) -> None:
        self.instrument = LakeShore425(connection)
        self._where = connection.where

    def field_T(self) -> float:
        """Return a reading; raises InstrumentFault when it is over range."""
        tesla = TESLA[self.instrument.unit]
        return _number(self._where, self.instrument.field) * tesla

    def settings(self) -> Snapshot:
        """Return unit, range, mode, filter, band and the number of the probe's type."""
        mode, filtered, band = (int(one) for one in self.instrument.mode)
        return {
            "unit": self.instrument.unit,
            "range": int(self.instrument.ask("RANGE?")),
            "mode": "DC" if mode == 1 else "RMS",
            "filter": filtered == 1,
            "band": "wide" if band == 1 else "narrow",
            "probe": int(self.instrument.ask("TYPE?")),
        }


def _number(where: str, reading: object) -> float:
    """Return a reading as a number; raises InstrumentFault for `OL`."""
    if isinstance(reading, str):
        if reading.strip() == "OL":
            raise InstrumentFault(
                f"{where}: the field is over range; choose a higher range, or autorange"
            )
        raise InstrumentFault(f"{where}: {reading!r} is no reading")
    if not isinstance(reading, int | float):
        raise InstrumentFault(f"{where}: {reading!r} is no reading")
    return float(reading)
