"""Keithley 2400 SourceMeter as a `SourceMeter`, on PyMeasure's driver.

Source: Keithley 2400 Series User's Manual (2400S-900-01), sections 10, 17, 18. One reading is one
compound message (`:SOUR:VOLT …;:READ?`): a single exchange on the bus, and no truncated setpoint.
A list is loaded a hundred levels a message and run by one more, which also leaves the list mode.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pymeasure.instruments.keithley import Keithley2400

from nanojunction.instruments.drivers.scpi_source_meter import ScpiSourceMeter, open_keithley
from nanojunction.instruments.drivers.source_meters import (
    NOT_A_READING,
    SCPI,
    list_messages,
    no_error,
    no_overflow,
    other,
    rows_of,
    timed,
)
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.roles import (
    OutputOff,
    Reading,
    Snapshot,
    SourceSettings,
    TimedReading,
)

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import SourceMeterConfig

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
    connection, identity = open_keithley(config, SERIES, "Keithley 2400")
    return Keithley2400SourceMeter(Keithley2400(connection), connection, identity)


class Keithley2400SourceMeter(ScpiSourceMeter):
    """Adapts PyMeasure's `Keithley2400` to the role `SourceMeter`."""

    ERRORS: ClassVar[int] = 10

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

    def _switch(self, on: bool) -> None:
        self.instrument.source_enabled = on

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

    def _load_list(self, levels: Sequence[float]) -> None:
        *others, last = list_messages(SCPI[self._source], levels)
        for message in others:
            self.instrument.write(message)
        no_error(self._connection.where, self.instrument.ask(f"{last};:SYST:ERR?"))

    def _list_message(self, count: int, last: float) -> str:
        # At its end the source stands at the last level. The fixed level is set to the same before
        # its mode is selected: the junction sees no other in between, also when the connection is
        # lost meanwhile.
        source = f":SOUR:{SCPI[self._source]}"
        return (
            f"{source}:MODE LIST;:TRIG:COUN {count};:SYST:TIME:RES;:READ?;"
            f"{source} {last:.9g};{source}:MODE FIX;:TRIG:COUN 1;:SYST:ERR?"
        )

    def _readings_of_list(self, answer: str, count: int) -> tuple[TimedReading, ...]:
        readings, _, error = answer.strip().rpartition(";")
        no_error(self._connection.where, error)
        rows = rows_of(self._connection.where, readings, count, 5)
        return tuple(timed(self._reading_from(row), row[3] - rows[0][3]) for row in rows)

    def _reading_from(self, elements: Sequence[float]) -> Reading:
        voltage, current, _resistance, _time, status = elements
        bits = int(status)
        no_overflow(
            self._connection.where, voltage, current, NOT_A_READING if bits & OVERFLOW else 0.0
        )
        return Reading(voltage, current, bool(bits & (COMPLIANCE | RANGE_COMPLIANCE)))

    @staticmethod
    def _words_of(words: Sequence[object]) -> str:
        return " ".join(map(str, words)).strip(' "')

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
