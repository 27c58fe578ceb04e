"""Oxford MercuryiTC as a `TemperatureController`, on PyMeasure's `MercuryiTC`.

Source: MercuryiTC operator's manual UMC0071 (issue 05, 2015), section 8.3. The ramp is made by the
program, see docs/drivers-temperature.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pymeasure.instruments import Channel
from pymeasure.instruments.oxfordinstruments import MercuryiTC
from pymeasure.instruments.oxfordinstruments.mercuryitc import TemperatureSensor

from nanojunction.instruments.drivers.keys import refuse_keys
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.roles import Snapshot
from nanojunction.instruments.visa import open_connection

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import TemperatureConfig
    from nanojunction.instruments.visa import Connection


class CheckedSensor(TemperatureSensor):
    """PyMeasure's sensor with two more nouns; a setting that is refused raises ValueError."""

    calibration_file = Channel.measurement(
        "READ:DEV:{ch}:TEMP:CAL:FILE",
        """Get the name of the calibration file.""",
        preprocess_reply=lambda reply: reply.split(":")[-1],
        cast=str,
    )
    control_loop_heater = Channel.measurement(
        "READ:DEV:{ch}:TEMP:LOOP:HTR",
        """Get the UID of the heater that the loop has, None without.""",
        preprocess_reply=lambda reply: reply.split(":")[-1],
        cast=str,
    )

    def check_set_errors(self) -> list[Any]:
        """Read the acknowledgement; raises ValueError unless it ends with VALID."""
        answer = self.read()
        if not answer.endswith(":VALID"):
            raise ValueError(f"refused: {answer}")
        return []


def open_mercury_itc(config: TemperatureConfig, clock: Clock) -> MercuryController:
    """Open the controller at `config.address` and verify that it is one, and has the sensors.

    Raises StationError for a sensor that is not installed, and unless exactly one of the named
    sensors has a loop with a heater (or `loop` names it).
    """
    refuse_keys(config, "output", "heater_range", role="temperature")
    connection = open_connection(config, role="temperature", identity_query="*IDN?")
    try:
        connection.drain()
        identity = connection.identify()
        if "MERCURY" not in identity.upper():
            raise WrongInstrument(
                f"{connection.where}: answers {identity!r}, which is no Oxford Mercury; "
                "check the address and the driver in the station file"
            )
        with in_words(connection):
            instrument = MercuryiTC(connection)
            _check_sensors(instrument, config)
            instrument.TS.clear()
            for uid in dict.fromkeys(config.sensors.values()):
                instrument.TS[uid] = CheckedSensor(instrument, uid)
            loop = _find_loop(instrument, config)
    except BaseException:
        connection.close()
        raise
    return MercuryController(instrument, connection, dict(config.sensors), loop)


def _check_sensors(instrument: MercuryiTC, config: TemperatureConfig) -> None:
    devices = instrument.ask("READ:SYS:CAT").strip().split(":DEV:")[1:]
    installed = [
        uid for uid, _, kind in (device.partition(":") for device in devices) if kind == "TEMP"
    ]
    for name, uid in config.sensors.items():
        if uid not in installed:
            raise StationError(
                f"temperature.sensors.{name}: this Mercury has no sensor {uid!r}; installed are "
                f"{', '.join(installed)}"
            )


def _find_loop(instrument: MercuryiTC, config: TemperatureConfig) -> str:
    """Return the UID of the sensor whose loop has the heater."""
    heaters = {name: instrument.TS[uid].control_loop_heater for name, uid in config.sensors.items()}
    driven = [name for name, heater in heaters.items() if heater not in ("None", "0", "")]
    if config.loop and config.loop not in driven:
        raise StationError(
            f"temperature.loop: {config.loop!r} is not a sensor of [temperature] whose loop has a "
            f"heater; those are {', '.join(driven) or 'none'}"
        )
    if not config.loop and len(driven) != 1:
        raise StationError(
            "temperature.loop: name the sensor whose loop is to be used; a heater have "
            f"{', '.join(driven) or 'none of them, assign one at the instrument'}"
        )
    return config.sensors[config.loop or driven[0]]


class MercuryController:
    """Adapts PyMeasure's `MercuryiTC` to the role `TemperatureController`."""

    def __init__(
        self,
        instrument: MercuryiTC,
        connection: Connection,
        sensors: Mapping[str, str],
        loop: str,
    ) -> None:
        self.instrument = instrument
        self._connection = connection
        self._sensors = sensors
        self._loop: CheckedSensor = instrument.TS[loop]

    @property
    def sensors(self) -> Mapping[str, str]:
        """The UID of each named sensor."""
        return self._sensors

    def curve(self, sensor: str = "sample") -> str:
        """Return the name of a sensor's calibration file."""
        with in_words(self._connection):
            return str(self.instrument.TS[self._sensors[sensor]].calibration_file)

    def identify(self) -> str:
        """Return the answer to *IDN?."""
        return self._connection.identity or ""

    def prepare(self) -> None:
        """Switch ramps off and the loop on; which sensor has the heater stays as it is.

        The setpoint stays where it is, except with the loop off: then it starts at the present
        temperature.
        """
        with in_words(self._connection):
            if self._loop.control_loop_ramp_enabled:
                setpoint = self.setpoint_K()
                self._loop.control_loop_ramp_enabled = False
                self.set_setpoint_K(setpoint)
            if not self._loop.control_loop_PID_enabled:
                self.set_setpoint_K(self._kelvin(self._loop))  # no old one must come alive
                self._loop.control_loop_PID_enabled = True

    def temperature_K(self, sensor: str = "sample") -> float:
        """Return the temperature of a named sensor; raises InstrumentFault if it has none."""
        with in_words(self._connection):
            return self._kelvin(self.instrument.TS[self._sensors[sensor]])

    def _kelvin(self, channel: CheckedSensor) -> float:
        answer = channel.temperature
        if isinstance(answer, str) or not answer > 0.0:
            raise InstrumentFault(
                f"{self._connection.where}: sensor {channel.id} gives no temperature ({answer}); "
                "look at sensor, cable and calibration"
            )
        return float(answer)

    def setpoint_K(self) -> float:
        """Return the setpoint that the loop works on now, also on its way in a ramp (TSET)."""
        with in_words(self._connection):
            return float(self._loop.control_loop_temperature_setpoint)

    def set_setpoint_K(self, setpoint_K: float) -> None:
        """Set the setpoint and verify it."""
        with in_words(self._connection):
            self._loop.control_loop_temperature_setpoint = setpoint_K
            now = float(self._loop.control_loop_temperature_setpoint)
        if abs(now - setpoint_K) > max(1e-3, 1e-5 * abs(setpoint_K)):  # six digits are sent
            raise InstrumentFault(
                f"{self._connection.where}: the setpoint is {now:g} K after {setpoint_K:g} K was "
                "set; is a ramp switched on at the instrument?"
            )

    def heater_percent(self) -> float:
        """Return the heater's output in percent of its limit (HSET)."""
        with in_words(self._connection):
            return float(self._loop.control_loop_heater_percent)

    def heater_off(self) -> None:
        """Open the loop and set the heater to 0 %; raises InstrumentFault if it stays on."""
        with in_words(self._connection):
            self._loop.control_loop_PID_enabled = False
            self._loop.control_loop_heater_percent = 0.0
        if (percent := self.heater_percent()) > 0.0:
            raise InstrumentFault(f"{self._connection.where}: the heater still gives {percent:g} %")

    def snapshot(self) -> Snapshot:
        """Return the settings as the controller reports them."""
        loop = self._loop
        with in_words(self._connection):
            return {
                "identity": self.identify(),
                "loop": loop.id,
                "heater": loop.control_loop_heater,
                "loop_on": loop.control_loop_PID_enabled,
                "setpoint_K": self.setpoint_K(),
                "heater_percent": self.heater_percent(),
                "pid": {
                    "p": loop.control_loop_P,
                    "i": loop.control_loop_I,
                    "d": loop.control_loop_D,
                },
                "ramp": {
                    "on": loop.control_loop_ramp_enabled,
                    "K_per_min": _finite(loop.control_loop_ramp_rate),
                },
                "sensors": {
                    name: {"channel": uid, "curve": self.curve(name)}
                    for name, uid in self._sensors.items()
                },
            }

    def reconnect(self) -> None:
        """Open a lost connection again."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _finite(rate: float | str) -> float | None:
    """Return a rate, None for the instrument's `inf`: infinity has no place in metadata."""
    value = float(rate)
    return value if value < float("inf") else None
