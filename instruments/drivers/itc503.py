"""Oxford ITC503 temperature controller as a `TemperatureController`, on PyMeasure's driver.

Source: Oxford Instruments ITC503 Operators Handbook, chapter 8 (commands, status string).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pymeasure.instruments.oxfordinstruments import ITC503

from nanojunction.instruments.drivers.keys import refuse_keys
from nanojunction.instruments.drivers.oxford import open_oxford
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, StationError
from nanojunction.instruments.roles import Snapshot

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import TemperatureConfig
    from nanojunction.instruments.visa import Connection

#: The front panel counts the sensors, some software letters them.
CHANNELS = {"1": 1, "2": 2, "3": 3, "A": 1, "B": 2, "C": 3}
#: With the heater put under automatic control; the gas flow stays as it was.
HEATER_AUTO = {"MANUAL": "AM", "AM": "AM", "MA": "AUTO", "AUTO": "AUTO"}
HEATER_MANUAL = {"MANUAL": "MANUAL", "AM": "MANUAL", "MA": "MA", "AUTO": "MA"}


def open_itc503(config: TemperatureConfig, clock: Clock) -> ITC503Controller:
    """Open the controller at `config.address` and verify that it is an ITC503."""
    refuse_keys(config, "output", "heater_range", "loop", role="temperature")
    for name, channel in config.sensors.items():
        if channel.upper() not in CHANNELS:
            raise StationError(
                f"temperature.sensors.{name}: an ITC503 has the sensors 1, 2, 3 (or A, B, C), "
                f"not {channel!r}"
            )
    connection = open_oxford(config, role="temperature", model="ITC503")
    instrument = ITC503(connection, clear_buffer=False, max_temperature=config.max_K)
    return ITC503Controller(instrument, connection, dict(config.sensors))


class ITC503Controller:
    """Adapts PyMeasure's `ITC503` to the role `TemperatureController`."""

    def __init__(
        self, instrument: ITC503, connection: Connection, sensors: Mapping[str, str]
    ) -> None:
        self.instrument = instrument
        self._connection = connection
        self._sensors = sensors

    @property
    def sensors(self) -> Mapping[str, str]:
        """The channel (1, 2, 3 or A, B, C) of each named sensor."""
        return self._sensors

    def curve(self, sensor: str = "sample") -> str:
        """Return nothing: an ITC503 does not tell the names of its sensors' curves."""
        return ""

    def identify(self) -> str:
        """Return the answer to the version command V."""
        return self._connection.identity or ""

    def prepare(self) -> None:
        """Take remote control and put the heater under automatic control."""
        with in_words(self._connection):
            self.instrument.control_mode = "RU"
            before = self.instrument.heater_gas_mode
            if HEATER_AUTO[before] != before:  # an old setpoint must not come alive
                self.instrument.temperature_setpoint = self.temperature_K()
                self.instrument.heater_gas_mode = HEATER_AUTO[before]

    def temperature_K(self, sensor: str = "sample") -> float:
        """Return the temperature of a named sensor; raises InstrumentFault if it has none."""
        channel = CHANNELS[self._sensors[sensor].upper()]
        with in_words(self._connection):
            kelvin = float(getattr(self.instrument, f"temperature_{channel}"))
        if not kelvin > 0.0:
            raise InstrumentFault(
                f"{self._connection.where}: sensor {channel} gives no temperature ({kelvin:g} K); "
                "look at sensor and cable"
            )
        return kelvin

    def setpoint_K(self) -> float:
        """Return the setpoint (R0)."""
        with in_words(self._connection):
            return float(self.instrument.temperature_setpoint)

    def set_setpoint_K(self, setpoint_K: float) -> None:
        """Set the setpoint."""
        with in_words(self._connection):
            self.instrument.temperature_setpoint = setpoint_K

    def heater_percent(self) -> float:
        """Return the heater's output in percent (R5)."""
        with in_words(self._connection):
            return float(self.instrument.heater)

    def heater_off(self) -> None:
        """Put the heater under manual control at 0 %; raises InstrumentFault if it stays on."""
        with in_words(self._connection):
            self.instrument.control_mode = "RU"
            self.instrument.heater_gas_mode = HEATER_MANUAL[self.instrument.heater_gas_mode]
            self.instrument.heater = 0.0
        if (percent := self.heater_percent()) > 0.0:
            raise InstrumentFault(f"{self._connection.where}: the heater still gives {percent:g} %")

    def snapshot(self) -> Snapshot:
        """Return the settings as the controller reports them."""
        with in_words(self._connection):
            return {
                "identity": self.identify(),
                "setpoint_K": self.setpoint_K(),
                "control": self.instrument.heater_gas_mode,
                "heater_percent": self.heater_percent(),
                "proportional_band_K": self.instrument.proportional_band,
                "integral_min": self.instrument.integral_action_time,
                "derivative_min": self.instrument.derivative_action_time,
                "sensors": dict(self._sensors),
            }

    def reconnect(self) -> None:
        """Open a lost connection again."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
