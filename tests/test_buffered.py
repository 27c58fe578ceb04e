"""Lists that the source-meters run by themselves: same readings, no other level, less time."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.keithley2400 import open_keithley2400
from nanojunction.instruments.drivers.keithley2450 import open_keithley2450
from nanojunction.instruments.errors import InstrumentFault
from nanojunction.instruments.roles import SourceMeter, SourceSettings, TimedReading
from nanojunction.instruments.station_file import SourceMeterConfig
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.instrument import VirtualInstrument
from tests.source_meters import MODELS, Recorder, driver_of, twin
from tests.virtual_bench import Resistor

FAST = SourceSettings(
    compliance=1e-3, source_range=0.2, measure_range=1e-3, nplc=0.01, autozero=False
)


def prepared(
    model: str, junction: Resistor | None = None, how: SourceSettings = FAST
) -> tuple[SourceMeter, VirtualInstrument]:
    instrument = twin(model, junction)
    meter = driver_of(instrument)
    meter.configure(how)
    meter.output_on()
    return meter, instrument


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=20, deadline=None)
@given(levels=st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=250))
def test_a_list_reads_what_its_points_read_one_by_one(model: str, levels: list[float]) -> None:
    meter, _ = prepared(model)
    rows = meter.run_list(levels)
    assert meter.level() == pytest.approx(levels[-1], abs=1e-7)
    one_by_one = [meter.set_and_read(level) for level in levels]
    assert [row.voltage_V for row in rows] == [reading.voltage_V for reading in one_by_one]
    assert [row.current_A for row in rows] == [reading.current_A for reading in one_by_one]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("source_range", [0.2, None])
@pytest.mark.parametrize("last", [0.0, 0.16])
def test_the_junction_feels_the_levels_in_order_and_none_besides(
    model: str, source_range: float | None, last: float
) -> None:
    junction = Recorder(1e3)
    how = SourceSettings(
        compliance=1e-3, source_range=source_range, measure_range=1e-3, nplc=0.01, autozero=False
    )
    meter, instrument = prepared(model, junction, how)
    meter.set_level(0.03)
    junction.felt_V[:] = [0.03]
    first, second = [0.05, -0.1, 0.15, 0.02], [-0.19, 0.1, last]
    meter.run_list(first)
    meter.run_list(second)
    meter.read()
    assert junction.felt_V == pytest.approx([0.03, *first, *second], abs=3e-6)
    assert instrument.world.source_level_V == pytest.approx(last)
    assert meter.is_output_on()
    assert meter.errors() == ()


@pytest.mark.parametrize("model", MODELS)
def test_a_sourced_current_runs_lists_too(model: str) -> None:
    how = SourceSettings(
        source="current", compliance=1.0, source_range=1e-3, measure_range=2.0, nplc=0.01
    )
    meter, _ = prepared(model, Resistor(470.0), how)
    rows = meter.run_list([0.0, 1e-4, -2e-4])
    assert [row.current_A for row in rows] == pytest.approx([0.0, 1e-4, -2e-4], abs=1e-7)
    assert [row.voltage_V for row in rows] == pytest.approx([0.0, 0.047, -0.094], abs=1e-5)
    assert meter.level() == pytest.approx(-2e-4)


@pytest.mark.parametrize("model", MODELS)
def test_the_instruments_own_clock_gives_the_moments(model: str) -> None:
    how = SourceSettings(
        compliance=1e-3, source_range=0.2, measure_range=1e-3, nplc=1.0, autozero=False,
        settle_s=0.03,
    )  # fmt: skip
    meter, _ = prepared(model, how=how)
    moments = [row.at_s for row in meter.run_list([0.01, 0.02, 0.03, 0.05])]
    assert moments[0] == 0.0
    steps = [after - before for before, after in itertools.pairwise(moments)]
    assert steps == pytest.approx([0.03 + 2 * 0.02] * 3, abs=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_compliance_is_told_for_the_points_that_were_in_it(model: str) -> None:
    meter, _ = prepared(model, Resistor(150.0))
    rows = meter.run_list([0.1, 0.2, -0.2, 0.05])
    assert [row.in_compliance for row in rows] == [False, True, True, False]


@pytest.mark.parametrize("model", MODELS)
def test_a_list_of_one_level_is_one_reading(model: str) -> None:
    meter, _ = prepared(model)
    (row,) = meter.run_list([0.1])
    assert (row.voltage_V, row.at_s) == (pytest.approx(0.1), 0.0)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("count", [0, 2501])
def test_a_list_of_another_length_is_refused_in_words(model: str, count: int) -> None:
    meter, instrument = prepared(model)
    with pytest.raises(ValueError, match=f"1 to 2500 levels, not {count}"):
        meter.run_list([0.1] * count)
    assert instrument.world.largest_voltage_V == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_the_longest_list_is_taken(model: str) -> None:
    meter, _ = prepared(model)
    levels = [0.1 * math.sin(i / 100.0) for i in range(meter.longest_list())]
    assert [row.voltage_V for row in meter.run_list(levels)] == pytest.approx(levels, abs=3e-6)


IDN = ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32")
FORMAT = (":FORMAT:ELEMENTS VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS", None)
NO_ERROR = '0,"No error"'
RUN = (
    ":SOUR:VOLT:MODE LIST;:TRIG:COUN 2;:SYST:TIME:RES;:READ?;"
    ":SOUR:VOLT -0.0123456789;:SOUR:VOLT:MODE FIX;:TRIG:COUN 1;:SYST:ERR?"
)
TWO = [0.1, -0.0123456789]


def scripted_2400(scripted: Any, *script: tuple[str, str | None]) -> SourceMeter:
    server = scripted([IDN, FORMAT, *script])
    config = SourceMeterConfig(
        driver="keithley2400", address=server.address, visa_library="@py", max_voltage_V=1,
        max_current_A=1e-3,
    )  # fmt: skip
    return open_keithley2400(config, Clock())


def test_a_2400_runs_a_list_in_two_exchanges(scripted: Any) -> None:
    meter = scripted_2400(
        scripted,
        (":SOUR:LIST:VOLT 0.1,-0.0123456789;:SYST:ERR?", NO_ERROR),
        (
            RUN,
            "+1.0E-01,+1.0E-04,+9.91E+37,+1.5E-03,+36864,"
            f"-1.2E-02,-1.0E-05,+9.91E+37,+4.0E-03,+36872;{NO_ERROR}",
        ),
    )
    assert meter.run_list(TWO) == (
        TimedReading(0.1, 1e-4, False, None, 0.0),
        TimedReading(-0.012, -1e-5, True, None, 0.0025),
    )
    meter.close()


def test_a_2400_is_sent_a_hundred_levels_a_message(scripted: Any) -> None:
    hundred = ",".join(["0.1"] * 100)
    row = "+1.0E-01,+1.0E-04,+9.91E+37,+1.0E-03,+36864"
    meter = scripted_2400(
        scripted,
        (f":SOUR:LIST:VOLT {hundred}", None),
        (f":SOUR:LIST:VOLT:APP {hundred}", None),
        (":SOUR:LIST:VOLT:APP 0.1;:SYST:ERR?", NO_ERROR),
        (
            RUN.replace("COUN 2", "COUN 201").replace("-0.0123456789", "0.1"),
            ",".join([row] * 201) + ";" + NO_ERROR,
        ),
    )
    assert len(meter.run_list([0.1] * 201)) == 201
    meter.close()


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        (f"+1.0E-01,+9.9E+37,+9.91E+37,+0.0,+1{',+0' * 5};{NO_ERROR}", "over range"),
        (f"+1.0E-01,+1.0E-04;{NO_ERROR}", "answered 2 numbers to a list of 2"),
        (f'{"+0," * 9}+0;-221,"Settings conflict"', r"refused a list \(-221"),
        (f"{'+0,' * 9}volt;{NO_ERROR}", "makes no sense"),
    ],
)
def test_what_a_2400_must_not_answer_to_a_list(scripted: Any, readings: str, words: str) -> None:
    script = [(":SOUR:LIST:VOLT 0.1,-0.0123456789;:SYST:ERR?", NO_ERROR), (RUN, readings)]
    meter = scripted_2400(scripted, *script)
    with pytest.raises(InstrumentFault, match=words):
        meter.run_list(TWO)
    meter.close()


def test_a_list_that_a_2400_refuses_is_not_run(scripted: Any) -> None:
    meter = scripted_2400(
        scripted,
        (":SOUR:LIST:VOLT 0.1,-0.0123456789;:SYST:ERR?", '-223,"Too much data"'),
    )
    with pytest.raises(InstrumentFault, match="Too much data"):
        meter.run_list(TWO)
    meter.close()


def test_a_2400_goes_back_to_its_fixed_mode() -> None:
    meter, instrument = prepared("keithley2400")
    meter.run_list([0.01, 0.02])
    assert instrument.handle(":SOUR:VOLT:MODE?;:TRIG:COUN?") == "FIX;1"
    instrument.handle(":SOUR:VOLT:MODE LIST")  # as a list leaves it that was refused
    assert meter.level() == pytest.approx(0.02)
    assert instrument.handle(":SOUR:VOLT:MODE?") == "FIX"


def test_a_2450_whose_list_is_under_way_is_stopped_before_its_level_is_told() -> None:
    meter, instrument = prepared("keithley2450")
    meter.run_list([0.01, 0.02])
    instrument.handle(":SOUR:LIST:VOLT 0.05,0.06,0.07;:SOUR:VOLT:DEL 10;:TRIG:BLOC:DEL:CONS 1,20")
    instrument.handle(":INIT")
    assert meter.level() == pytest.approx(0.02)
    assert instrument.handle(":TRIG:STAT?") == "ABORTED;ABORTED;1"


@pytest.mark.parametrize("model", MODELS)
def test_a_list_saves_the_exchanges(model: str) -> None:
    """In the instruments' own time: 400 points at NPLC 0.01 over a bus of 5 ms an exchange."""
    levels = [0.1 * math.sin(i / 50.0) for i in range(400)]
    meter, instrument = prepared(model)

    def seconds(run: object) -> float:
        began = instrument.time_s
        assert callable(run)
        run()
        return instrument.time_s - began

    point_by_point = seconds(lambda: [meter.set_and_read(level) for level in levels])
    buffered = seconds(lambda: meter.run_list(levels))
    assert point_by_point > 5.0 * buffered


@pytest.mark.parametrize("model", MODELS)
def test_the_range_that_the_instrument_chose_comes_with_the_reading(model: str) -> None:
    how = SourceSettings(compliance=1e-2, source_range=0.2, nplc=1.0)
    meter, _ = prepared(model, Resistor(1e3), how)
    small, large = meter.set_and_read(1e-3).measure_range, meter.set_and_read(0.15).measure_range
    assert small == pytest.approx(1e-6, rel=0.06)
    assert large == pytest.approx(1e-3, rel=0.06)
    assert meter.read().measure_range == large
    locked, _ = prepared(model)
    assert locked.set_and_read(0.1).measure_range is None


#: What the drivers send to run a list of three, each of which takes two seconds.
THREE = {
    "keithley2400": (
        ":SOUR:LIST:VOLT 0.01,0.02,0.03;:SOUR:DEL 2",
        ":SOUR:VOLT:MODE LIST;:TRIG:COUN 3;:SYST:TIME:RES;:READ?;"
        ":SOUR:VOLT 0.03;:SOUR:VOLT:MODE FIX;:TRIG:COUN 1;:SYST:ERR?",
    ),
    "keithley2450": (
        ":SOUR:VOLT:DEL 2;:SOUR:LIST:VOLT 0.01,0.02,0.03;"
        ':TRIG:LOAD "Empty";:TRIG:BLOC:BUFF:CLE 1,"defbuffer1";'
        ':TRIG:BLOC:CONF:REC 2,"VoltCustomSweepList",1;:TRIG:BLOC:BRAN:ALW 3,5;'
        ':TRIG:BLOC:CONF:NEXT 4,"VoltCustomSweepList";:TRIG:BLOC:MEAS 5,"defbuffer1";'
        ":TRIG:BLOC:BRAN:COUN 6,3,4",
        ':INIT;*WAI;:TRAC:DATA? 1,3,"defbuffer1",SOUR,READ,REL,SOURSTAT',
    ),
}
OPEN = {"keithley2400": open_keithley2400, "keithley2450": open_keithley2450}


@pytest.mark.parametrize("model", MODELS)
def test_a_client_that_is_lost_in_a_list_leaves_the_source_at_its_last_level(
    model: str, eventually: Any
) -> None:
    with VirtualCryostat(
        "resistor-1k", source_meter=model, magnet=None, temperature=None, speed=100.0
    ) as bench:
        end = bench.endpoints["source_meter"]
        config = SourceMeterConfig(
            driver=model, address=end.address, visa_library="@py", max_voltage_V=1,
            max_current_A=1e-3,
        )  # fmt: skip
        meter = OPEN[model](config, bench.clock)
        meter.configure(FAST)
        meter.output_on()
        for message in THREE[model]:
            meter.instrument.write(message)
        eventually(lambda: bench.world.source_level_V > 0.005, "the list to begin")
        meter.close()
        eventually(lambda: bench.world.source_level_V > 0.025, "the list's last level")
        meter = OPEN[model](config, bench.clock)
        assert meter.is_output_on()
        assert meter.level() == pytest.approx(0.03)
        meter.set_level(0.0)
        assert meter.set_and_read(0.0).voltage_V == pytest.approx(0.0, abs=1e-4)
        meter.output_off()
        meter.close()
