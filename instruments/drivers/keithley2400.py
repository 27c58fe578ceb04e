"""Keithley 2400 SourceMeter as a `SourceMeter`, on PyMeasure's driver.

Source: Keithley 2400 Series User's Manual (2400S-900-01), sections 10, 17, 18. One reading is one
compound message (`:SOUR:VOLT …;:READ?`): a single exchange on the bus, and no truncated setpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymeasure.instruments.keithley import Keithley2400

from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, WrongInstrument
from nanojunction.instruments.roles import Function, OutputOff, Reading, Snapshot, SourceSettings
from nanojunction.instruments.visa import TIMEOUT_S, Connection

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import SourceMeterConfig

#: Bits of the status word (manual, section 17, `:FETCh?` data elements).
OVERFLOW, COMPLIANCE, RANGE_COMPLIANCE = 1 << 0, 1 << 3, 1 << 16
#: What stands for a reading that was not taken or went over range.
NOT_A_READING = 9.9e37
OUTPUT_OFF: dict[OutputOff, str] = {
    "high-impedance": "disconnected",
    "normal": "normal",
    "zero": "zero",
}
SCPI: dict[Function, str] = {"voltage": "VOLT", "current": "CURR"}


def open_keithley2400(config: SourceMeterConfig, clock: Clock) -> Keithley2400SourceMeter:
    """Open the source-meter at `config.address` and verify that it is one of the 2400 series."""
    connection = Connection(
        config.address,
        role="source_meter",
        identity_query="*IDN?",
        visa_library=config.visa_library,
        read_termination=config.read_termination or "\n",
        write_termination=config.write_termination or "\n",
    )
    identity = connection.identify()
    maker, _, model = identity.partition(",")
    if "KEITHLEY" not in maker.upper() or "MODEL 24" not in model.upper():
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: answers {identity!r}, which is no Keithley 2400; "
            "check the address and the driver in the station file"
        )
    return Keithley2400SourceMeter(Keithley2400(connection), connection, identity)


class Keithley2400SourceMeter:
    """Adapts PyMeasure's `Keithley2400` to the role `SourceMeter`."""

    def __init__(self, instrument: Keithley2400, connection: Connection, identity: str) -> None:
        self.instrument = instrument
        self._connection = connection
        self._identity = identity
        self._source: Function = "voltage"

    def identify(self) -> str:
        """Return the answer to `*IDN?`."""
        return self._identity

    def configure(self, settings: SourceSettings) -> None:
        """Open the output, set the level to zero and apply the settings.

        Raises InstrumentFault with the instrument's own words when it refuses one of them.
        """
        self.output_off()
        with in_words(self._connection):
            self._apply(settings)
        self._connection.set_timeout_s(TIMEOUT_S + longest_reading_s(settings))
        if problems := self.errors():
            raise InstrumentFault(
                f"{self._connection.where}: refused a setting ({'; '.join(problems)})"
            )

    def _apply(self, settings: SourceSettings) -> None:
        smu, measure = self.instrument, _other(settings.source)
        smu.reset()  # whatever another program left: list sweeps, trigger links, auto output-off
        smu.reset_data_format()
        smu.clear()
        smu.source_mode = settings.source
        self._source = settings.source
        self.set_level(0.0)
        smu.wires = settings.wires
        smu.output_off_state = OUTPUT_OFF[settings.output_off]
        smu.write(":SENS:FUNC:CONC ON;:SENS:FUNC:ON 'VOLT','CURR'")
        setattr(smu, f"compliance_{measure}", settings.compliance)
        self._set_range(f"source_{settings.source}_range", settings.source_range)
        self._set_range(f"{measure}_range", settings.measure_range)
        smu.current_nplc = settings.nplc
        smu.auto_zero_enabled = settings.autozero
        smu.repeat_filter_enabled = True
        smu.filter_count = settings.filter_count
        smu.filter_enabled = settings.filter_count > 1
        smu.source_delay = settings.settle_s
        smu.write(":ARM:COUN 1;:TRIG:COUN 1")

    def _set_range(self, name: str, value: float | None) -> None:
        if value is None:
            setattr(self.instrument, f"{name}_auto_enabled", True)
        else:
            setattr(self.instrument, name, value)

    def output_on(self) -> None:
        """Close the output relay."""
        self.instrument.source_enabled = True

    def output_off(self) -> None:
        """Open the output; raises InstrumentFault if the instrument then says it is on."""
        self.instrument.source_enabled = False
        if self.is_output_on():
            raise InstrumentFault(f"{self._connection.where}: the output did not open")

    def is_output_on(self) -> bool:
        """Ask whether the output is on."""
        with in_words(self._connection):
            return bool(self.instrument.source_enabled)

    def source(self) -> Function:
        """Ask what is sourced."""
        with in_words(self._connection):
            self._source = self.instrument.source_mode
        return self._source

    def level(self) -> float:
        """Ask for the level, in V or A."""
        source = self.source()
        with in_words(self._connection):
            return float(getattr(self.instrument, f"source_{source}"))

    def set_level(self, level: float) -> None:
        """Set the level, in V or A."""
        self.instrument.write(f":SOUR:{SCPI[self._source]} {level:.9g}")

    def read(self) -> Reading:
        """Trigger and fetch one reading."""
        return self._ask_reading(":READ?")

    def set_and_read(self, level: float) -> Reading:
        """Set the level and take one reading in a single exchange."""
        return self._ask_reading(f":SOUR:{SCPI[self._source]} {level:.9g};:READ?")

    def _ask_reading(self, command: str) -> Reading:
        answer = self.instrument.ask(command)
        try:
            voltage, current, _resistance, _time, status = map(float, answer.split(","))
        except ValueError as problem:
            raise InstrumentFault(
                f"{self._connection.where}: answered {answer!r} to {command!r}, "
                f"which is no reading{self._reasons()}"
            ) from problem
        bits = int(status)
        if bits & OVERFLOW or abs(voltage) >= NOT_A_READING or abs(current) >= NOT_A_READING:
            raise InstrumentFault(
                f"{self._connection.where}: a reading went over range; choose a larger measuring "
                "range or let the instrument choose it"
            )
        return Reading(voltage, current, bool(bits & (COMPLIANCE | RANGE_COMPLIANCE)))

    def _reasons(self) -> str:
        problems = self.errors()
        return f" ({'; '.join(problems)})" if problems else ""

    def errors(self) -> tuple[str, ...]:
        """Read and empty the error queue."""
        found = []
        with in_words(self._connection):
            for _ in range(20):  # the queue holds ten
                code, *words = self.instrument.next_error
                if code == 0:
                    break
                text = " ".join(map(str, words)).strip(' "')
                found.append(f"{code:g}, {text}")
        return tuple(found)

    def snapshot(self) -> Snapshot:
        """Return the settings as the instrument reports them."""
        smu, source = self.instrument, self.source()
        measure = _other(source)
        with in_words(self._connection):
            return {
                "identity": self._identity,
                "source": source,
                "compliance": getattr(smu, f"compliance_{measure}"),
                "source_range": getattr(smu, f"source_{source}_range"),
                "source_range_auto": getattr(smu, f"source_{source}_range_auto_enabled"),
                "measure_range": getattr(smu, f"{measure}_range"),
                "measure_range_auto": getattr(smu, f"{measure}_range_auto_enabled"),
                "nplc": smu.current_nplc,
                "autozero": smu.auto_zero_enabled,
                "filter_count": smu.filter_count if smu.filter_enabled else 1,
                "settle_s": smu.source_delay,
                "wires": smu.wires,
                "output_off": smu.output_off_state,
            }

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def longest_reading_s(settings: SourceSettings) -> float:
    """Return what one reading may take (s): settling, and voltage, zero and reference at 50 Hz.

    With autozero each of the two functions takes three conversions; autorange may repeat them.
    """
    conversions = 2 * (3 if settings.autozero else 1) * settings.filter_count
    repeats = 1 if settings.measure_range is not None else 3
    return settings.settle_s + repeats * conversions * settings.nplc / 50.0


def _other(function: Function) -> Function:
    return "current" if function == "voltage" else "voltage"
