"""Keithley 2450 SourceMeter as a `SourceMeter`, on PyMeasure's driver, in the command set SCPI.

Source: Model 2450 Reference Manual (2450-901-01), sections 3 (trigger model) and 6. The instrument
measures one function at a time: beside the current (a voltage is sourced) the voltage of a reading
is the source's own read-back, taken just before it. A list is run by a trigger model of our own:
the sweep templates of the instrument switch the output off at their end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pymeasure.instruments.keithley import Keithley2450

from nanojunction.instruments.drivers.scpi_source_meter import ScpiSourceMeter, open_keithley
from nanojunction.instruments.drivers.source_meters import (
    SCPI,
    list_messages,
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

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import SourceMeterConfig

SERIES = re.compile(r"MODEL 2450")
#: Bit of a reading's source status (manual, section 8, bufferVar.sourcestatuses).
LIMITED = 1 << 5
OUTPUT_OFF: dict[OutputOff, str] = {"high-impedance": "HIMP", "normal": "NORM", "zero": "ZERO"}
#: The list that `:SOURce:LIST` makes (section 6).
LIST_NAME: dict[Function, str] = {
    "voltage": "VoltCustomSweepList",
    "current": "CurrCustomSweepList",
}


def open_keithley2450(config: SourceMeterConfig, clock: Clock) -> Keithley2450SourceMeter:
    """Open the source-meter at `config.address`; verify that it is a 2450 that speaks SCPI."""
    connection, identity = open_keithley(config, SERIES, "Keithley 2450")
    instrument = Keithley2450(connection)
    language = instrument.ask("*LANG?").strip()
    if language != "SCPI":
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: its command set is {language}; choose SCPI in its menu "
            "(System, Settings) and switch it off and on"
        )
    return Keithley2450SourceMeter(instrument, connection, identity)


class Keithley2450SourceMeter(ScpiSourceMeter):
    """Adapts PyMeasure's `Keithley2450` to the role `SourceMeter`."""

    READ: ClassVar[str] = ':READ? "defbuffer1",SOUR,READ,SOURSTAT'
    ERRORS: ClassVar[int] = 1000

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
        super().configure(settings)

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

    def _switch(self, on: bool) -> None:
        if on:
            self.instrument.enable_source()
        else:
            self.instrument.disable_source()

    def level(self) -> float:
        """Ask for the level, in V or A; a list that is still under way ends there."""
        source = self.source()
        with in_words(self._connection):
            return float(self.instrument.ask(f":ABOR;:SOUR:{SCPI[source]}?"))

    def _reading_from(self, elements: Sequence[float]) -> Reading:
        sourced, measured, status = elements
        no_overflow(self._connection.where, sourced, measured)
        limited = bool(int(status) & LIMITED)
        if self._source == "voltage":
            return Reading(sourced, measured, limited)
        return Reading(measured, sourced, limited)

    def _load_list(self, levels: Sequence[float]) -> None:
        for message in list_messages(SCPI[self._source], levels):
            self.instrument.write(message)
        no_error(
            self._connection.where,
            self.instrument.ask(f"{self._trigger_model(len(levels))};:SYST:ERR?"),
        )

    def _list_message(self, count: int, last: float) -> str:
        return f':INIT;*WAI;:TRAC:DATA? 1,{count},"defbuffer1",SOUR,READ,REL,SOURSTAT'

    def _readings_of_list(self, answer: str, count: int) -> tuple[TimedReading, ...]:
        rows = rows_of(self._connection.where, answer, count, 4)
        return tuple(
            timed(self._reading_from((sourced, measured, status)), time_s - rows[0][2])
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

    @staticmethod
    def _words_of(words: Sequence[object]) -> str:
        return ",".join(map(str, words)).strip(' "').partition(";")[0]

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
