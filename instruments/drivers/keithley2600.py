"""Keithley 2600 series SourceMeter (TSP) as a `SourceMeter`, on PyMeasure's driver.

Source: Series 2600B Reference Manual (2600BS-901-01), section 7. One reading is one message with
level, measurement, compliance and range: a single exchange. PyMeasure's setters write `%f`, which
makes 100 nA of compliance zero and cuts setpoints at a microvolt, and its `shutdown` ramps for
three seconds: numbers are written here. Only the own channel is touched; format, error queue and
line are shared with whoever uses the other one, so that numbers are formatted in the message.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pymeasure.instruments.keithley import Keithley2600

from nanojunction.instruments.drivers import tsp
from nanojunction.instruments.drivers.words import in_words
from nanojunction.instruments.errors import InstrumentFault, WrongInstrument
from nanojunction.instruments.roles import (
    Function,
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

#: Bit of a reading's status in a buffer (manual, section 3, "Buffer status").
COMPLIANCE = 0x40
#: From here on a number stands for a reading that went over range (9.91e37).
NOT_A_READING = 9.9e37
#: Output-off modes by their numbers.
OFF_MODES = ("normal", "zero", "high-impedance")
#: Levels that one list may have.
LONGEST_LIST = 2500


def open_keithley2600(config: SourceMeterConfig, clock: Clock) -> Keithley2600SourceMeter:
    """Open the source-meter at `config.address` and verify that it is one of the 2600 series.

    `config.channel` chooses the channel; raises WrongInstrument if the model does not have it.
    """
    connection = open_connection(config, role="source_meter", identity_query="*IDN?")
    identity = connection.identify()
    maker, _, model = identity.partition(",")
    if "KEITHLEY" not in maker.upper() or not model.upper().strip().startswith("MODEL 26"):
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: answers {identity!r}, which is no Keithley 2600; "
            "check the address and the driver in the station file"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # that it may not know SCPI: it does not
        instrument = Keithley2600(connection)
    meter = Keithley2600SourceMeter(instrument, connection, identity, config.channel)
    if not meter.has_channel():
        connection.close()
        raise WrongInstrument(
            f"{connection.where}: {model.strip()} has no channel {config.channel}; "
            "change `channel` in the station file"
        )
    return meter


LINE_FREQUENCY = "localnode.linefreq"


class Keithley2600SourceMeter:
    """Adapts one channel of PyMeasure's `Keithley2600` to the role `SourceMeter`."""

    def __init__(
        self, instrument: Keithley2600, connection: Connection, identity: str, channel: str = "a"
    ) -> None:
        self.instrument = instrument
        self.channel = instrument.ChA if channel == "a" else instrument.ChB
        self._smu = f"smu{channel}"
        self._connection = connection
        self._identity = identity
        self._settings = SourceSettings()
        self._source: Function = "voltage"

    def identify(self) -> str:
        """Return the answer to `*IDN?`."""
        return self._identity

    def has_channel(self) -> bool:
        """Ask whether the instrument has the channel."""
        return bool(self.instrument.ask(f"print({self._smu} ~= nil)").strip() == "true")

    def configure(self, settings: SourceSettings) -> None:
        """Open the output, set the level to zero and apply the settings.

        Raises InstrumentFault with the instrument's own words when it refuses one of them.
        """
        self.output_off()
        self.instrument.write("errorqueue.clear()")
        for line in tsp.settings_lines(self._smu, settings):
            self.instrument.write(line)
        self._settings, self._source = settings, settings.source
        self._connection.allow_s(longest_reading_s(settings))
        if problems := self.errors():
            raise InstrumentFault(
                f"{self._connection.where}: refused a setting ({'; '.join(problems)})"
            )

    def output_on(self) -> None:
        """Close the output relay."""
        self.channel.source_output = "ON"

    def output_off(self) -> None:
        """Open the output; raises InstrumentFault if the instrument then says it is on."""
        self.channel.source_output = "OFF"
        if self.is_output_on():
            raise InstrumentFault(f"{self._connection.where}: the output did not open")

    def is_output_on(self) -> bool:
        """Ask whether the output is on; off in high impedance (2) is off."""
        return self._number("source.output") == 1.0

    def source(self) -> Function:
        """Ask what is sourced."""
        with in_words(self._connection):
            self._source = self.channel.source_mode
        return self._source

    def level(self) -> float:
        """Ask for the level, in V or A."""
        return self._number(f"source.level{tsp.LETTER[self.source()]}")

    def _number(self, attribute: str) -> float:
        """Ask for an attribute with all its digits."""
        with in_words(self._connection):
            return float(
                self.instrument.ask(f'print(string.format("%.9g", {self._smu}.{attribute}))')
            )

    def set_level(self, level: float) -> None:
        """Set the level, in V or A."""
        self.instrument.write(tsp.level(self._smu, self._source, level))

    def read(self) -> Reading:
        """Take one reading."""
        return self._ask_reading(tsp.reading(self._smu, self._source))

    def set_and_read(self, level: float) -> Reading:
        """Set the level and take one reading in a single exchange."""
        first = tsp.level(self._smu, self._source, level)
        return self._ask_reading(f"{first} {tsp.reading(self._smu, self._source)}")

    def _ask_reading(self, command: str) -> Reading:
        answer = self.instrument.ask(command)
        try:
            volts, amps, limited, used = answer.split()
            voltage, current, measure_range = float(volts), float(amps), float(used)
            in_compliance = {"true": True, "false": False}[limited]
        except (ValueError, KeyError) as problem:
            raise InstrumentFault(
                f"{self._connection.where}: answered {answer!r} to {command!r}, "
                f"which is no reading{self._reasons()}"
            ) from problem
        self._in_range(voltage, current)
        return Reading(voltage, current, in_compliance, measure_range)

    def _in_range(self, *values: float) -> None:
        if any(not abs(value) < NOT_A_READING for value in values):
            raise InstrumentFault(
                f"{self._connection.where}: a reading went over range; choose a larger measuring "
                "range or let the instrument choose it"
            )

    def _reasons(self) -> str:
        problems = self.errors()
        return f" ({'; '.join(problems)})" if problems else ""

    def longest_list(self) -> int:
        """Return how many levels `run_list` takes at once."""
        return LONGEST_LIST

    def run_list(self, levels: Sequence[float]) -> tuple[TimedReading, ...]:
        """Have the trigger model go through the levels, with a reading of each, in one exchange.

        The level stays at the last one. Raises InstrumentFault if the instrument answers with
        fewer readings, and ValueError for a list that is empty or too long.
        """
        if not 0 < len(levels) <= LONGEST_LIST:
            raise ValueError(f"a list has 1 to {LONGEST_LIST} levels, not {len(levels)}")
        self._connection.allow_s(len(levels) * longest_reading_s(self._settings))
        try:
            automatic = self._settings.source_range is None
            lines = tsp.list_script(self._smu, self._source, levels, automatic_range=automatic)
            answer = self.instrument.ask("\n".join(lines))
        finally:
            self._connection.allow_s(longest_reading_s(self._settings))
        return self._rows(answer, len(levels))

    def _rows(self, answer: str, count: int) -> tuple[TimedReading, ...]:
        try:
            numbers = [float(text) for text in answer.split(",")]
        except ValueError as problem:
            raise InstrumentFault(
                f"{self._connection.where}: answered {answer[:80]!r} to a list{self._reasons()}"
            ) from problem
        if len(numbers) != 5 * count:
            raise InstrumentFault(
                f"{self._connection.where}: answered {len(numbers)} numbers to a list of {count} "
                f"levels, not {5 * count}{self._reasons()}"
            )
        voltages, currents, times, statuses, ranges = (numbers[k::5] for k in range(5))
        self._in_range(*voltages, *currents)
        return tuple(
            TimedReading(v, i, bool(int(status) & COMPLIANCE), used, at_s=at_s)
            for v, i, at_s, status, used in zip(
                voltages, currents, times, statuses, ranges, strict=True
            )
        )

    def errors(self) -> tuple[str, ...]:
        """Read and empty the error queue, which both channels share."""
        found = []
        with in_words(self._connection):
            for _ in range(200):  # more than any queue holds
                code, message = self.instrument.next_error
                if int(code) == 0:
                    break
                found.append(f"{code}, {message}")
        return tuple(found)

    def snapshot(self) -> Snapshot:
        """Return the settings as the instrument reports them."""
        own = tsp.LETTER[self.source()]
        other = tsp.other(self._source)
        names = {
            "compliance": f"source.limit{other}",
            "source_range": f"source.range{own}",
            "source_range_auto": f"source.autorange{own}",
            "measure_range": f"measure.range{other}",
            "measure_range_auto": f"measure.autorange{other}",
            "nplc": "measure.nplc",
            "autozero": "measure.autozero",
            "filter_count": "measure.filter.count",
            "filter_on": "measure.filter.enable",
            "settle_s": "source.delay",
            "sense": "sense",
            "output_off": "source.offmode",
        }
        wanted = ", ".join([*(f"{self._smu}.{name}" for name in names.values()), LINE_FREQUENCY])
        form = " ".join(["%.9g"] * (len(names) + 1))
        with in_words(self._connection):
            answer = self.instrument.ask(f'print(string.format("{form}", {wanted}))')
            found = dict(
                zip((*names, "line_frequency_Hz"), map(float, answer.split()), strict=True)
            )
        numbers = {name: found[name] for name in names if name not in ("filter_on", "sense")}
        return {
            "identity": self._identity,
            "channel": self._smu[-1],
            "source": self._source,
            **numbers,
            "line_frequency_Hz": found["line_frequency_Hz"],
            "source_range_auto": found["source_range_auto"] != 0.0,
            "measure_range_auto": found["measure_range_auto"] != 0.0,
            "autozero": found["autozero"] == 2.0,
            "filter_count": int(found["filter_count"]) if found["filter_on"] else 1,
            "wires": 4 if found["sense"] == 1.0 else 2,
            "output_off": OFF_MODES[int(found["output_off"])],
        }

    def reconnect(self) -> None:
        """Open a lost connection again."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def longest_reading_s(settings: SourceSettings) -> float:
    """Return what one reading may take (s): settling, and voltage, zero and reference at 50 Hz.

    With a fixed range there is one conversion a function, and two for zero and reference; while
    the range is automatic, conversions are repeated and the small ranges wait up to a second.
    """
    conversions = 2 * settings.filter_count + (2 if settings.autozero else 0)
    if settings.measure_range is not None:
        return settings.settle_s + conversions * settings.nplc / 50.0
    return settings.settle_s + 1.0 + 3 * conversions * settings.nplc / 50.0
