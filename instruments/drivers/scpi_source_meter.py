"""What the drivers of Keithley's SCPI source-meters share: opening, output, level, one reading."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from nanojunction.instruments.drivers.keys import refuse_keys
from nanojunction.instruments.drivers.source_meters import (
    LONGEST_LIST,
    SCPI,
    check_length,
    longest_reading_s,
    other,
    timed,
)
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, WrongInstrument
from nanojunction.instruments.roles import Function, Reading, SourceSettings, TimedReading
from nanojunction.instruments.visa import open_connection

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import SourceMeterConfig
    from nanojunction.instruments.visa import Connection


def open_keithley(
    config: SourceMeterConfig, series: re.Pattern[str], name: str
) -> tuple[Connection, str]:
    """Open a connection and return it with the identity, which must be Keithley's and a `series`.

    Raises WrongInstrument, with the connection closed, for another instrument than `name`, and
    StationError for a `channel`: it has one.
    """
    refuse_keys(config, "channel", role="source_meter")
    connection = open_connection(config, role="source_meter", identity_query="*IDN?")
    identity = connection.identify()
    maker, _, model = identity.partition(",")
    if "KEITHLEY" not in maker.upper() or not series.search(model.upper()):
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: answers {identity!r}, which is no {name}; "
            "check the address and the driver in the station file"
        )
    return connection, identity


class ScpiSourceMeter(ABC):
    """A source-meter that answers `READ` and queues its errors, on PyMeasure's driver."""

    #: The query of one reading.
    READ: ClassVar[str] = ":READ?"
    #: How many entries the error queue holds.
    ERRORS: ClassVar[int]

    def __init__(self, instrument: Any, connection: Connection, identity: str) -> None:
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

    @abstractmethod
    def _apply(self, settings: SourceSettings) -> None:
        """Write the settings; the output is open."""

    # Output and level

    def output_on(self) -> None:
        """Switch the output on."""
        self._switch(True)

    def output_off(self) -> None:
        """Open the output; raises InstrumentFault if the instrument then says it is on."""
        self._switch(False)
        if self.is_output_on():
            raise InstrumentFault(f"{self._connection.where}: the output did not open")

    @abstractmethod
    def _switch(self, on: bool) -> None:
        """Switch the output."""

    def is_output_on(self) -> bool:
        """Ask whether the output is on."""
        with in_words(self._connection):
            return bool(self.instrument.source_enabled)

    def source(self) -> Function:
        """Ask what is sourced."""
        with in_words(self._connection):
            self._source = self.instrument.source_mode
        return self._source

    def set_level(self, level: float) -> None:
        """Set the level, in V or A."""
        self.instrument.write(f":SOUR:{SCPI[self._source]} {level:.9g}")

    # Readings

    def read(self) -> Reading:
        """Trigger and fetch one reading."""
        return self._ask_reading(self.READ)

    def set_and_read(self, level: float) -> Reading:
        """Set the level and take one reading in a single exchange."""
        return self._ask_reading(f":SOUR:{SCPI[self._source]} {level:.9g};{self.READ}")

    def _ask_reading(self, command: str) -> Reading:
        if self._asks_range:
            command += f";:SENS:{SCPI[other(self._source)]}:RANG?"
        answer = self.instrument.ask(command)
        elements, _, measure_range = answer.strip().partition(";")
        try:
            reading = self._reading_from([float(text) for text in elements.split(",")])
            if not self._asks_range:
                return reading
            return replace(reading, measure_range=float(measure_range))
        except ValueError as problem:
            problems = self.errors()
            reasons = f" ({'; '.join(problems)})" if problems else ""
            raise InstrumentFault(
                f"{self._connection.where}: answered {answer!r} to {command!r}, "
                f"which is no reading{reasons}"
            ) from problem

    @abstractmethod
    def _reading_from(self, elements: Sequence[float]) -> Reading:
        """Return what the answer to `READ` means; raises ValueError for another count."""

    def longest_list(self) -> int:
        """Return how many levels `run_list` takes at once."""
        return LONGEST_LIST

    def run_list(self, levels: Sequence[float]) -> tuple[TimedReading, ...]:
        """Have the instrument run a list; the level stays at the last one, the output on.

        Raises ValueError for a list that is empty or longer than `longest_list`, and
        InstrumentFault when the instrument refuses it or a reading goes over range.
        """
        check_length(self._connection.where, levels)
        if len(levels) == 1:
            return (timed(self.set_and_read(levels[0]), 0.0),)
        self._load_list(levels)
        self._connection.allow_s(len(levels) * longest_reading_s(self._settings))
        try:
            answer = self.instrument.ask(self._list_message(len(levels), levels[-1]))
        finally:
            self._connection.allow_s(longest_reading_s(self._settings))
        return self._readings_of_list(answer, len(levels))

    @abstractmethod
    def _load_list(self, levels: Sequence[float]) -> None:
        """Write the levels, and have the instrument say that it took them."""

    @abstractmethod
    def _list_message(self, count: int, last: float) -> str:
        """Return the message that runs the list that is loaded, of `count` levels up to `last`."""

    @abstractmethod
    def _readings_of_list(self, answer: str, count: int) -> tuple[TimedReading, ...]:
        """Return the readings from the answer to the message that ran the list."""

    # Errors and the connection

    def errors(self) -> tuple[str, ...]:
        """Read and empty the error queue."""
        found = []
        with in_words(self._connection):
            for _ in range(self.ERRORS):
                code, *words = self.instrument.next_error
                if code == 0:
                    break
                found.append(f"{code:g}, {self._words_of(words)}")
        return tuple(found)

    @staticmethod
    @abstractmethod
    def _words_of(words: Sequence[object]) -> str:
        """Return an error's text from what stands behind its code."""

    def reconnect(self) -> None:
        """Open a lost connection again."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
