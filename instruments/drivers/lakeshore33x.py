"""Lake Shore 335 and 336 as a `TemperatureController`, on PyMeasure's `LakeShore3xx`.

Source: Model 335 (119-055) and Model 336 (119-048) user's manuals, chapter 6. The ramp is made by
the program, see docs/drivers-temperature.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.lakeshore.lakeshore3xx import LakeShore3xx
from pymeasure.instruments.lakeshore.lakeshore_base import (
    LakeShoreHeaterChannel,
    LakeShoreTemperatureChannel,
)
from pyvisa import constants

from nanojunction.instruments.drivers.keys import refuse_keys
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.roles import Snapshot
from nanojunction.instruments.visa import open_connection

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import TemperatureConfig
    from nanojunction.instruments.visa import Connection

#: The inputs of each model, in the order in which OUTMODE counts them.
INPUTS = {"335": "AB", "336": "ABCD"}
#: The USB port, which is a serial line (chapter 6, USB interface).
SERIAL = {
    "baud_rate": 57600,
    "data_bits": 7,
    "parity": constants.Parity.odd,
    "stop_bits": constants.StopBits.one,
}
MODES = {0: "off", 1: "closed loop", 2: "zone", 3: "open loop", 4: "monitor", 5: "warm-up supply"}
CLOSED_LOOP = ("closed loop", "zone")
STATUS = {
    1: "invalid reading",
    16: "temperature under range",
    32: "temperature over range",
    64: "sensor units zero",
    128: "sensor units over range",
}
KELVIN = 1  # preferred units of INTYPE
LAST_STANDARD_CURVE = 20


class LakeShore33xInput(LakeShoreTemperatureChannel):
    """An input, with what the 335 and 336 tell about it beyond PyMeasure's channel."""

    status_and_kelvin = Channel.measurement(
        "RDGST? {ch};KRDG? {ch}",
        """Measure the reading status (sum of bits, 0: valid) and the temperature in kelvin.""",
        separator=";",
    )
    curve_number = Channel.measurement(
        "INCRV? {ch}", """Get the number of the curve, 0 for none.""", cast=int
    )
    sensor_type = Channel.measurement(
        "INTYPE? {ch}",
        """Get sensor type, autorange, range, compensation, preferred units.""",
        cast=int,
    )


class LakeShore33xOutput(LakeShoreHeaterChannel):
    """An output, with what the 335 and 336 tell about it beyond PyMeasure's channel."""

    mode = Channel.measurement(
        "OUTMODE? {ch}", """Get mode, control input, power-up enable.""", cast=int
    )
    pid = Channel.measurement("PID? {ch}", """Get P, I and D.""")
    ramp = Channel.control(
        "RAMP? {ch}",
        "RAMP {ch},%d,%g",
        """Control whether setpoints ramp, and the rate (K/min).""",
    )


class LakeShore33x(LakeShore3xx):
    """Lake Shore 335 or 336 (inputs C and D on the latter)."""

    input_A = Instrument.ChannelCreator(LakeShore33xInput, "A")
    input_B = Instrument.ChannelCreator(LakeShore33xInput, "B")
    input_C = Instrument.ChannelCreator(LakeShore33xInput, "C")
    input_D = Instrument.ChannelCreator(LakeShore33xInput, "D")
    output_1 = Instrument.ChannelCreator(LakeShore33xOutput, 1)
    output_2 = Instrument.ChannelCreator(LakeShore33xOutput, 2)


def open_lakeshore33x(config: TemperatureConfig, clock: Clock) -> LakeShore33xController:
    """Open the controller at `config.address` and verify that it is the model that is named.

    Raises StationError for sensors that the model has no input for.
    """
    model = "335" if config.driver.endswith("335") else "336"
    refuse_keys(config, "loop", role="temperature")
    for name, channel in config.sensors.items():
        if channel.upper() not in INPUTS[model] or len(channel) != 1:
            raise StationError(
                f"temperature.sensors.{name}: a Lake Shore {model} has the inputs "
                f"{', '.join(INPUTS[model])}, not {channel!r}"
            )
    connection = open_connection(
        config,
        role="temperature",
        identity_query="*IDN?",
        termination="\r\n",
        serial=SERIAL,
    )
    connection.drain()
    identity = connection.identify()
    if f"MODEL{model}" not in identity.upper():
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: answers {identity!r}, which is no Lake Shore {model}; "
            "check the address and the driver in the station file"
        )
    return LakeShore33xController(LakeShore33x(connection), connection, config, model)


class LakeShore33xController:
    """Adapts `LakeShore33x` to the role `TemperatureController`."""

    def __init__(
        self,
        instrument: LakeShore33x,
        connection: Connection,
        config: TemperatureConfig,
        model: str,
    ) -> None:
        self.instrument = instrument
        self._connection = connection
        self._letters = INPUTS[model]
        self._sensors = {name: channel.upper() for name, channel in config.sensors.items()}
        self._heater_range = config.heater_range
        self._number = config.output
        self._output = getattr(instrument, f"output_{config.output}")

    @property
    def sensors(self) -> Mapping[str, str]:
        """The input of each named sensor."""
        return self._sensors

    def curve(self, sensor: str = "sample") -> str:
        """Return name and serial number of a sensor's curve, the name alone of a standard one."""
        with in_words(self._connection):
            number = int(self._input(self._sensors[sensor]).curve_number)
            if number == 0:
                return ""
            name, serial, *_ = self.instrument.ask(f"CRVHDR? {number}").split(",")
            words = name if number <= LAST_STANDARD_CURVE else f"{name.strip()} {serial}"
            return words.strip()

    def identify(self) -> str:
        """Return the answer to *IDN?."""
        return self._connection.identity or ""

    def prepare(self) -> None:
        """Verify that the output controls a sensor in kelvin; ramps off, heater on.

        Loop, control input and P, I, D stay as they are. The setpoint stays where it is, except
        with the heater off: then it starts at the present temperature. Raises InstrumentFault for
        another mode, and for a heater that is off where the station file gives no `heater_range`.
        """
        with in_words(self._connection):
            control = self._input(self._control_input())
            setpoint = self._kelvin_setpoint(control)
            ramps, rate = self._output.ramp
            if ramps:
                self._output.ramp = (0, rate)
                self.set_setpoint_K(setpoint)
            if self._output.range == "off":
                self._switch_on(control)

    def _control_input(self) -> str:
        mode, source, _ = self._output.mode
        if MODES.get(mode) not in CLOSED_LOOP or not source:
            raise InstrumentFault(
                f"{self._connection.where}: output {self._number} is in mode "
                f"{MODES.get(mode, mode)!r} with control input {source}; set it to closed loop "
                "(OUTMODE) with a control input at the front panel, or name another output"
            )
        return self._letters[source - 1]

    def _kelvin_setpoint(self, control: LakeShore33xInput) -> float:
        if control.sensor_type[4] != KELVIN:
            raise InstrumentFault(
                f"{self._connection.where}: the control input of output {self._number} has other "
                "preferred units than kelvin, so that a setpoint would mean something else; set "
                "them to kelvin at the front panel"
            )
        return float(self._output.setpoint)

    def _switch_on(self, control: LakeShore33xInput) -> None:
        if self._heater_range is None:
            raise InstrumentFault(
                f"{self._connection.where}: the heater of output {self._number} is off; choose a "
                'range at the front panel, or give heater_range = "low", "medium" or "high" in '
                "[temperature]"
            )
        self.set_setpoint_K(self._reading_K(control))  # an old setpoint must not come alive
        self._output.range = self._heater_range
        if (now := self._output.range) != self._heater_range:
            raise InstrumentFault(f"{self._connection.where}: the heater's range stays {now}")

    def _input(self, letter: str) -> Any:
        return getattr(self.instrument, f"input_{letter}")

    def temperature_K(self, sensor: str = "sample") -> float:
        """Return the temperature of a named sensor; raises InstrumentFault if it has none."""
        with in_words(self._connection):
            return self._reading_K(self._input(self._sensors[sensor]))

    def _reading_K(self, channel: LakeShore33xInput) -> float:
        status, kelvin = channel.status_and_kelvin
        if status or not float(kelvin) > 0.0:
            bits = [words for bit, words in STATUS.items() if int(status) & bit]
            raise InstrumentFault(
                f"{self._connection.where}: input {channel.id} gives no temperature "
                f"({', '.join(bits) or f'reads {kelvin} K'}); look at sensor, cable and curve"
            )
        return float(kelvin)

    def setpoint_K(self) -> float:
        """Return the setpoint that the output works on now, also on its way in a ramp (SETP?)."""
        with in_words(self._connection):
            return float(self._output.setpoint)

    def set_setpoint_K(self, setpoint_K: float) -> None:
        """Set the setpoint and verify it: what is out of range is ignored by the instrument."""
        with in_words(self._connection):
            self._output.setpoint = setpoint_K
            now = float(self._output.setpoint)
        if abs(now - setpoint_K) > max(1e-3, 1e-5 * abs(setpoint_K)):  # it keeps six digits
            raise InstrumentFault(
                f"{self._connection.where}: the setpoint is {now:g} after {setpoint_K:g} K was "
                "set; is it limited, or a ramp switched on at the instrument?"
            )

    def heater_percent(self) -> float:
        """Return the output in percent of its range (HTR?)."""
        with in_words(self._connection):
            return float(self._output.output)

    def heater_off(self) -> None:
        """Set the output's range to off; raises InstrumentFault if it stays on."""
        with in_words(self._connection):
            self._output.range = "off"
            left_on = self._output.range != "off"
        if left_on:
            raise InstrumentFault(
                f"{self._connection.where}: the heater of output {self._number} stays on"
            )

    def snapshot(self) -> Snapshot:
        """Return the settings as the controller reports them."""
        with in_words(self._connection):
            mode, source, _ = self._output.mode
            ramps, rate = self._output.ramp
            p, i, d = self._output.pid
            return {
                "identity": self.identify(),
                "output": self._number,
                "mode": MODES.get(mode, str(mode)),
                "control_input": self._letters[source - 1] if source else None,
                "setpoint_K": self.setpoint_K(),
                "range": self._output.range,
                "heater_percent": self.heater_percent(),
                "pid": {"p": p, "i": i, "d": d},
                "ramp": {"on": bool(ramps), "K_per_min": rate},
                "sensors": {
                    name: {"channel": channel, "curve": self.curve(name)}
                    for name, channel in self._sensors.items()
                },
            }

    def reconnect(self) -> None:
        """Open a lost connection again."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
