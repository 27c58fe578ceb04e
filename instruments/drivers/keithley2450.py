"""Keithley 2450 SourceMeter as a `SourceMeter`, on PyMeasure's driver, in the command set SCPI.

Source: Model 2450 Reference Manual (2450-901-01), sections 3 (trigger model) and 6. The instrument
measures one function at a time: beside the current (a voltage is sourced) the voltage of a reading
is the source's own read-back, taken just before it. A list is run by a trigger model of our own:
the sweep templates of the instrument switch the output off at their end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pymeasure.instruments.keithley import Keithley2450

from nanojunction.instruments.drivers.source_meters import (
    LONGEST_LIST,
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

#: Bit of a reading's source status (manual, section 8, bufferVar.sourcestatuses).
LIMITED = 1 << 5
OUTPUT_OFF: dict[OutputOff, str] = {"high-impedance": "HIMP", "normal": "NORM", "zero": "ZERO"}
LIMIT: dict[Function, str] = {"voltage": "VOLT:ILIM", "current": "CURR:VLIM"}
#: The list that `:SOURce:LIST` makes (section 6).
LIST_NAME: dict[Function, str] = {
    "voltage": "VoltCustomSweepList",
    "current": "CurrCustomSweepList",
}
READ = ':READ? "defbuffer1",SOUR,READ,SOURSTAT'


def open_keithley2450(config: SourceMeterConfig, clock: Clock) -> Keithley2450SourceMeter:
    """Open the source-meter at `config.address`; verify that it is a 2450 that speaks SCPI."""
    connection = open_connection(config, role="source_meter", identity_query="*IDN?")
    identity = connection.identify()
    maker, _, model = identity.partition(",")
    if "KEITHLEY" not in maker.upper() or "MODEL 2450" not in model.upper():
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: answers {identity!r}, which is no Keithley 2450; "
            "check the address and the driver in the station file"
        )
    instrument = Keithley2450(connection)
    language = instrument.ask("*LANG?").strip()
    if language != "SCPI":
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: its command set is {language}; choose SCPI in its menu "
            "(System, Settings) and switch it off and on"
        )
    return Keithley2450SourceMeter(instrument, connection, identity)


class Keithley2450SourceMeter:
    """Adapts PyMeasure's `Keithley2450` to the role `SourceMeter`."""

    def __init__(self, instrument: Keithley2450, connection: Connection, identity: str) -> None:
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

        Raises InstrumentFault with the instrument's own words when it refuses one of them, and
        for an ohms guard, which it has not.
        """
        if settings.guard == "ohms":
            raise InstrumentFault(
                f"{self._connection.where}: a 2450 has no ohms guard, its guard follows the "
                "output; set guard to cable"
            )
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
        source, sense = f":SOUR:{SCPI[settings.source]}", f":SENS:{SCPI[measure]}"
        terminals = smu.ask(":ROUT:TERM?").strip()
        smu.write("*RST;*CLS")  # whatever another program left: trigger models, relative readings
        if terminals == "REAR":  # *RST selects the front; where the junction is wired is not ours
            smu.use_rear_terminals()
        smu.source_mode = settings.source
        self._source = settings.source
        self.set_level(0.0)
        smu.write(f':SENS:FUNC "{SCPI[measure]}";{sense}:RSEN {settings.wires // 4}')
        setattr(smu, f"{settings.source}_output_off_state", OUTPUT_OFF[settings.output_off])
        setattr(smu, f"compliance_{measure}", settings.compliance)
        self._set_range(source, f"source_{settings.source}_range", settings.source_range)
        self._set_range(sense, f"{measure}_range", settings.measure_range)
        setattr(smu, f"{measure}_nplc", settings.nplc)
        setattr(smu, f"{measure}_filter_type", "REP")
        setattr(smu, f"{measure}_filter_count", settings.filter_count)
        smu.write(
            f"{sense}:AVER {settings.filter_count > 1:d};AZER {settings.autozero:d};"
            f"{source}:READ:BACK ON"
        )
        setattr(smu, f"source_{settings.source}_delay", settings.settle_s)

    def _set_range(self, header: str, name: str, value: float | None) -> None:
        if value is None:
            self.instrument.write(f"{header}:RANG:AUTO 1")
        else:
            setattr(self.instrument, name, value)

    def output_on(self) -> None:
        """Switch the output on."""
        self.instrument.enable_source()

    def output_off(self) -> None:
        """Open the output; raises InstrumentFault if the instrument then says it is on."""
        self.instrument.disable_source()
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
        """Ask for the level, in V or A; a list that is still under way ends there."""
        source = self.source()
        with in_words(self._connection):
            return float(self.instrument.ask(f":ABOR;:SOUR:{SCPI[source]}?"))

    def set_level(self, level: float) -> None:
        """Set the level, in V or A."""
        self.instrument.write(f":SOUR:{SCPI[self._source]} {level:.9g}")

    def read(self) -> Reading:
        """Take one reading."""
        return self._ask_reading(READ)

    def set_and_read(self, level: float) -> Reading:
        """Set the level and take one reading in a single exchange."""
        return self._ask_reading(f":SOUR:{SCPI[self._source]} {level:.9g};{READ}")

    def _ask_reading(self, command: str) -> Reading:
        if self._asks_range:
            command += f";:SENS:{SCPI[other(self._source)]}:RANG?"
        answer = self.instrument.ask(command)
        elements, _, measure_range = answer.strip().partition(";")
        try:
            sourced, measured, status = map(float, elements.split(","))
            reading = self._reading(sourced, measured, status)
            if not self._asks_range:
                return reading
            return replace(reading, measure_range=float(measure_range))
        except ValueError as problem:
            raise InstrumentFault(
                f"{self._connection.where}: answered {answer!r} to {command!r}, "
                f"which is no reading{self._reasons()}"
            ) from problem

    def _reading(self, sourced: float, measured: float, status: float) -> Reading:
        no_overflow(self._connection.where, sourced, measured)
        limited = bool(int(status) & LIMITED)
        if self._source == "voltage":
            return Reading(sourced, measured, limited)
        return Reading(measured, sourced, limited)

    def longest_list(self) -> int:
        """Return how many levels `run_list` takes at once."""
        return LONGEST_LIST

    def run_list(self, levels: Sequence[float]) -> tuple[TimedReading, ...]:
        """Have a trigger model run the list; the level stays at the last one, the output on.

        Raises ValueError for a list that is empty or longer than `longest_list`, and
        InstrumentFault when the instrument refuses it or a reading goes over range.
        """
        check_length(self._connection.where, levels)
        count = len(levels)
        if count == 1:
            return (timed(self.set_and_read(levels[0]), 0.0),)
        for message in list_messages(SCPI[self._source], levels):
            self.instrument.write(message)
        no_error(
            self._connection.where, self.instrument.ask(f"{self._trigger_model(count)};:SYST:ERR?")
        )
        self._connection.allow_s(count * longest_reading_s(self._settings))
        try:
            answer = self.instrument.ask(
                f':INIT;*WAI;:TRAC:DATA? 1,{count},"defbuffer1",SOUR,READ,REL,SOURSTAT'
            )
        finally:
            self._connection.allow_s(longest_reading_s(self._settings))
        rows = rows_of(self._connection.where, answer, count, 4)
        return tuple(
            timed(self._reading(sourced, measured, status), time_s - rows[0][2])
            for sourced, measured, time_s, status in rows
        )

    def _trigger_model(self, count: int) -> str:
        """Return what fills the trigger model: a reading of each point of the list, in order.

        The list is stepped before a reading, never after the last one: it would begin anew.
        """
        blocks = (
            'BUFF:CLE 1,"defbuffer1"',
            f'CONF:REC 2,"{LIST_NAME[self._source]}",1',
            "BRAN:ALW 3,5",
            f'CONF:NEXT 4,"{LIST_NAME[self._source]}"',
            'MEAS 5,"defbuffer1"',
            f"BRAN:COUN 6,{count},4",
        )
        return ':TRIG:LOAD "Empty"' + "".join(f";:TRIG:BLOC:{block}" for block in blocks)

    def _reasons(self) -> str:
        problems = self.errors()
        return f" ({'; '.join(problems)})" if problems else ""

    def errors(self) -> tuple[str, ...]:
        """Read and empty the event log's errors."""
        found = []
        with in_words(self._connection):
            for _ in range(1000):  # the log holds so many
                code, *words = self.instrument.next_error
                if code == 0:
                    break
                text = ",".join(map(str, words)).strip(' "').partition(";")[0]
                found.append(f"{code:g}, {text}")
        return tuple(found)

    def snapshot(self) -> Snapshot:
        """Return the settings as the instrument reports them."""
        smu, source = self.instrument, self.source()
        measure = other(source)
        sense = f":SENS:{SCPI[measure]}"
        with in_words(self._connection):
            answers = smu.ask(
                f":SOUR:{SCPI[source]}:RANG:AUTO?;{sense}:RANG:AUTO?;{sense}:AZER?;{sense}:AVER?;"
                f"{sense}:RSEN?;:SOUR:{SCPI[source]}:READ:BACK?"
            )
            source_auto, auto, autozero, is_filtered, four_wires, readback = (
                bool(int(answer)) for answer in answers.strip().split(";")
            )
            return {
                "identity": self._identity,
                "source": source,
                source: "source read-back" if readback else "programmed level",
                "compliance": getattr(smu, f"compliance_{measure}"),
                "source_range": getattr(smu, f"source_{source}_range"),
                "source_range_auto": source_auto,
                "measure_range": getattr(smu, f"{measure}_range"),
                "measure_range_auto": auto,
                "nplc": getattr(smu, f"{measure}_nplc"),
                "autozero": autozero,
                "filter_count": getattr(smu, f"{measure}_filter_count") if is_filtered else 1,
                "settle_s": getattr(smu, f"source_{source}_delay"),
                "wires": 4 if four_wires else 2,
                "output_off": getattr(smu, f"{source}_output_off_state"),
                "guard": "cable",
                "terminals": smu.ask(":ROUT:TERM?").strip(),
                "line_frequency_Hz": float(smu.ask(":SYST:LFR?")),
            }

    def reconnect(self) -> None:
        """Open a lost connection again."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
