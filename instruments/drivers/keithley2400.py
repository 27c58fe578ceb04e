"""Keithley 2400 SourceMeter as a `SourceMeter`, on PyMeasure's driver.

Source: Keithley 2400 Series User's Manual (2400S-900-01), sections 10, 17, 18. One reading is one
compound message (`:SOUR:VOLT …;:READ?`): a single exchange on the bus, and no truncated setpoint.
A list is loaded a hundred levels a message and run by one more, which also leaves the list mode.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pymeasure.instruments.keithley import Keithley2400

from nanojunction.instruments.drivers.source_meters import (
    LONGEST_LIST,
    NOT_A_READING,
    SCPI,
    check_length,
    list_messages,
    longest_reading_s,
    no_error,
    no_overflow,
    other,
    rows_of,
    timed,
)
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, WrongInstrument
from nanojunction.instruments.roles import (
    Function,
    OutputOff,
    Reading,
    Snapshot,
    SourceSettings,
    TimedReading,
)
from nanojunction.instruments.visa import open_connection

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import SourceMeterConfig
    from nanojunction.instruments.visa import Connection

#: The series that speaks this language; a 2450 and its relatives speak another one.
SERIES = re.compile(r"MODEL 24(00|01|10|20|25|30|40)\b")
#: Bits of the status word (manual, section 17, `:FETCh?` data elements).
OVERFLOW, COMPLIANCE, RANGE_COMPLIANCE = 1 << 0, 1 << 3, 1 << 16
OUTPUT_OFF: dict[OutputOff, str] = {
    "high-impedance": "disconnected",
    "normal": "normal",
    "zero": "zero",
}


def open_keithley2400(config: SourceMeterConfig, clock: Clock) -> Keithley2400SourceMeter:
    """Open the source-meter at `config.address` and verify that it is one of the 2400 series."""
    connection = open_connection(config, role="source_meter", identity_query="*IDN?")
    identity = connection.identify()
    maker, _, model = identity.partition(",")
    if "KEITHLEY" not in maker.upper() or not SERIES.search(model.upper()):
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
        self._settings = SourceSettings()
        self._asks_range = False

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
        self._settings, self._asks_range = settings, settings.measure_range is None
        self._connection.allow_s(longest_reading_s(settings))
        if problems := self.errors():
            raise InstrumentFault(
                f"{self._connection.where}: refused a setting ({'; '.join(problems)})"
            )

    def _apply(self, settings: SourceSettings) -> None:
        smu, measure = self.instrument, other(settings.source)
        in_front = smu.front_terminals_enabled
        smu.reset()  # whatever another program left: list sweeps, trigger links, auto output-off
        if not in_front:  # *RST selects the front; where the junction is wired is not ours
            smu.front_terminals_enabled = False
        smu.reset_data_format()
        smu.clear()
        smu.source_mode = settings.source
        self._source = settings.source
        self.set_level(0.0)
        smu.wires = settings.wires
        smu.output_off_state = OUTPUT_OFF[settings.output_off]
        if settings.guard == "ohms":  # the other one is what *RST selects
            smu.write(":SYST:GUAR OHMS")
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
        ranging = "BEST" if settings.source_range is None else "FIX"
        smu.write(f":ARM:COUN 1;:TRIG:COUN 1;:SOUR:SWE:RANG {ranging}")

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
        quantity = self.source().upper()
        answer = self.instrument.ask(f":SOURCE:{quantity}:MODE?;:SOURCE:{quantity}?")
        mode, _, text = answer.strip().partition(";")
        with in_words(self._connection):
            level = float(text)
        if mode in ("LIST", "SWE"):  # a list that was refused: in its mode no level can be set
            self.instrument.write(f":SOUR:{SCPI[self._source]}:MODE FIX")
        return level

    def set_level(self, level: float) -> None:
        """Set the level, in V or A."""
        self.instrument.write(f":SOUR:{SCPI[self._source]} {level:.9g}")

    def read(self) -> Reading:
        """Trigger and fetch one reading."""
        return self._ask_reading(":READ?")

    def set_and_read(self, level: float) -> Reading:
        """Set the level and take one reading in a single exchange."""
        return self._ask_reading(f":SOUR:{SCPI[self._source]} {level:.9g};:READ?")

    def longest_list(self) -> int:
        """Return how many levels `run_list` takes at once."""
        return LONGEST_LIST

    def run_list(self, levels: Sequence[float]) -> tuple[TimedReading, ...]:
        """Have the instrument run a list sweep; the level stays at the last one.

        Raises ValueError for a list that is empty or longer than `longest_list`, and
        InstrumentFault when the instrument refuses it or a reading goes over range.
        """
        check_length(self._connection.where, levels)
        count = len(levels)
        if count == 1:
            return (timed(self.set_and_read(levels[0]), 0.0),)
        self._load_list(levels)
        self._connection.allow_s(count * longest_reading_s(self._settings))
        try:
            answer = self.instrument.ask(self._list_message(count, levels[-1]))
        finally:
            self._connection.allow_s(longest_reading_s(self._settings))
        readings, _, error = answer.strip().rpartition(";")
        no_error(self._connection.where, error)
        rows = rows_of(self._connection.where, readings, count, 5)
        return tuple(
            timed(self._reading(voltage, current, status), time_s - rows[0][3])
            for voltage, current, _resistance, time_s, status in rows
        )

    def _load_list(self, levels: Sequence[float]) -> None:
        """Write the levels, and have the instrument say that it took them."""
        *others, last = list_messages(SCPI[self._source], levels)
        for message in others:
            self.instrument.write(message)
        no_error(self._connection.where, self.instrument.ask(f"{last};:SYST:ERR?"))

    def _list_message(self, count: int, last: float) -> str:
        """Return the message that runs the list that is loaded.

        At its end the source stands at the last level. The fixed level is set to the same before
        its mode is selected: the junction sees no other in between, also when the connection is
        lost meanwhile.
        """
        source = f":SOUR:{SCPI[self._source]}"
        return (
            f"{source}:MODE LIST;:TRIG:COUN {count};:SYST:TIME:RES;:READ?;"
            f"{source} {last:.9g};{source}:MODE FIX;:TRIG:COUN 1;:SYST:ERR?"
        )

    def _ask_reading(self, command: str) -> Reading:
        if self._asks_range:
            command += f";:SENS:{SCPI[other(self._source)]}:RANG?"
        answer = self.instrument.ask(command)
        elements, _, measure_range = answer.strip().partition(";")
        try:
            voltage, current, _resistance, _time, status = map(float, elements.split(","))
            reading = self._reading(voltage, current, status)
            if not self._asks_range:
                return reading
            return replace(reading, measure_range=float(measure_range))
        except ValueError as problem:
            raise InstrumentFault(
                f"{self._connection.where}: answered {answer!r} to {command!r}, "
                f"which is no reading{self._reasons()}"
            ) from problem

    def _reading(self, voltage: float, current: float, status: float) -> Reading:
        bits = int(status)
        no_overflow(
            self._connection.where, voltage, current, NOT_A_READING if bits & OVERFLOW else 0.0
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
        measure = other(source)
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
                "guard": {"OHMS": "ohms"}.get(smu.ask(":SYST:GUAR?").strip(), "cable"),
                "terminals": smu.ask(":ROUT:TERM?").strip(),
                "line_frequency_Hz": float(smu.ask(":SYST:LFR?")),
            }

    def reconnect(self) -> None:
        """Open a lost connection again."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
