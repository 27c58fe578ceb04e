"""What the driver of the Keithley 2450 sends, and what it makes of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.keithley2450 import open_keithley2450
from nanojunction.instruments.errors import InstrumentFault, WrongInstrument
from nanojunction.instruments.roles import Reading, SourceMeter, SourceSettings, TimedReading
from nanojunction.instruments.station_file import SourceMeterConfig
from tests.source_meters import driver_of, twin
from tests.virtual_bench import Resistor

IDN = ("*IDN?", "KEITHLEY INSTRUMENTS,MODEL 2450,04000001,1.7.12b")
LANGUAGE = ("*LANG?", "SCPI")
OFF = [("OUTPUT OFF", None), ("OUTPUT?", "0")]
NO_ERROR = '0,"No error;0;0 0"'
READ = ':READ? "defbuffer1",SOUR,READ,SOURSTAT'


def config(address: str) -> SourceMeterConfig:
    return SourceMeterConfig(
        driver="keithley2450",
        address=address,
        visa_library="@py",
        max_voltage_V=1,
        max_current_A=1e-3,
    )


def opened(scripted: Any, *script: tuple[str, str | None]) -> SourceMeter:
    return open_keithley2450(config(scripted([IDN, LANGUAGE, *script]).address), Clock())


def test_it_is_configured_with_the_output_open(scripted: Any) -> None:
    meter = opened(
        scripted,
        *OFF,
        (":ROUT:TERM?", "REAR"),
        ("*RST;*CLS", None),
        (":ROUT:TERM REAR", None),
        (":SOUR:FUNC VOLT", None),
        (":SOUR:VOLT 0", None),
        (':SENS:FUNC "CURR";:SENS:CURR:RSEN 1', None),
        (":OUTP:VOLT:SMOD HIMP", None),
        (":SOUR:VOLT:ILIM 0.0001", None),
        (":SOUR:VOLT:RANG:AUTO 0;:SOUR:VOLT:RANG 0.02", None),
        (":SENS:CURR:RANG:AUTO 1", None),
        (":SENS:CURR:NPLC 0.1", None),
        (":SENS:CURR:AVER:TCON REP", None),
        (":SENS:CURR:AVER:COUNT 4", None),
        (":SENS:CURR:AVER 1;AZER 0;:SOUR:VOLT:READ:BACK ON", None),
        (":SOUR:VOLT:DEL 0.002", None),
        ("SYST:ERR?", NO_ERROR),
    )
    meter.configure(
        SourceSettings(
            compliance=1e-4,
            source_range=0.02,
            nplc=0.1,
            autozero=False,
            filter_count=4,
            wires=4,
            settle_s=0.002,
        )
    )
    meter.close()


def test_a_current_is_sourced_with_the_voltage_measured(scripted: Any) -> None:
    meter = opened(
        scripted,
        *OFF,
        (":ROUT:TERM?", "FRON"),
        ("*RST;*CLS", None),
        (":SOUR:FUNC CURR", None),
        (":SOUR:CURR 0", None),
        (':SENS:FUNC "VOLT";:SENS:VOLT:RSEN 0', None),
        (":OUTP:CURR:SMOD NORM", None),
        (":SOUR:CURR:VLIM 0.5", None),
        (":SOUR:CURR:RANG:AUTO 1", None),
        (":SENS:VOLT:RANG:AUTO 0;:SENS:VOLT:RANG 0.2", None),
        (":SENS:VOLT:NPLC 1", None),
        (":SENS:VOLT:AVER:TCON REP", None),
        (":SENS:VOLT:AVER:COUNT 1", None),
        (":SENS:VOLT:AVER 0;AZER 1;:SOUR:CURR:READ:BACK ON", None),
        (":SOUR:CURR:DEL 0", None),
        ("SYST:ERR?", NO_ERROR),
        (f":SOUR:CURR 1e-06;{READ}", "1.000002E-06,4.050000E-03,136"),
    )
    meter.configure(
        SourceSettings(source="current", compliance=0.5, measure_range=0.2, output_off="normal")
    )
    assert meter.set_and_read(1e-6) == Reading(4.05e-3, 1.000002e-6, False)
    meter.close()


def test_it_sets_and_reads_in_one_message_with_every_digit(scripted: Any) -> None:
    meter = opened(
        scripted,
        (f":SOUR:VOLT 0.0123456789;{READ}", "1.234571E-02,-2.600000E-05,136"),
        (READ, "1.000000E-02,1.000000E-03,168"),
        (READ, "1.000000E-02,9.900000E+37,136"),
    )
    assert meter.set_and_read(0.0123456789) == Reading(0.01234571, -2.6e-5, False)
    assert meter.read() == Reading(0.01, 1e-3, True)
    with pytest.raises(InstrumentFault, match="over range"):
        meter.read()
    meter.close()


def test_a_list_is_run_by_a_trigger_model_that_leaves_the_output_on(scripted: Any) -> None:
    model = (
        ':TRIG:LOAD "Empty";:TRIG:BLOC:BUFF:CLE 1,"defbuffer1";'
        ':TRIG:BLOC:CONF:REC 2,"VoltCustomSweepList",1;:TRIG:BLOC:BRAN:ALW 3,5;'
        ':TRIG:BLOC:CONF:NEXT 4,"VoltCustomSweepList";:TRIG:BLOC:MEAS 5,"defbuffer1";'
        ":TRIG:BLOC:BRAN:COUN 6,2,4;:SYST:ERR?"
    )
    meter = opened(
        scripted,
        (":SOUR:LIST:VOLT 0.1,-0.0123456789", None),
        (model, NO_ERROR),
        (
            ':INIT;*WAI;:TRAC:DATA? 1,2,"defbuffer1",SOUR,READ,REL,SOURSTAT',
            "1.000010E-01,1.0E-04,0.0E+00,136,-1.23E-02,-1.0E-05,2.5E-03,168",
        ),
    )
    assert meter.run_list([0.1, -0.0123456789]) == (
        TimedReading(0.100001, 1e-4, False, None, 0.0),
        TimedReading(-0.0123, -1e-5, True, None, 0.0025),
    )
    meter.close()


def test_a_list_that_it_refuses_is_not_run(scripted: Any) -> None:
    meter = opened(
        scripted,
        (":SOUR:LIST:VOLT 0.1,0.2", None),
        (
            ':TRIG:LOAD "Empty";:TRIG:BLOC:BUFF:CLE 1,"defbuffer1";'
            ':TRIG:BLOC:CONF:REC 2,"VoltCustomSweepList",1;:TRIG:BLOC:BRAN:ALW 3,5;'
            ':TRIG:BLOC:CONF:NEXT 4,"VoltCustomSweepList";:TRIG:BLOC:MEAS 5,"defbuffer1";'
            ":TRIG:BLOC:BRAN:COUN 6,2,4;:SYST:ERR?",
            '-222,"Parameter data out of range;1;2026/01/01 12:00:00.000"',
        ),
    )
    with pytest.raises(InstrumentFault, match=r"refused a list \(-222"):
        meter.run_list([0.1, 0.2])
    meter.close()


def test_the_level_of_a_list_under_way_is_that_at_which_it_is_stopped(scripted: Any) -> None:
    meter = opened(scripted, (":SOUR:FUNC?", "VOLT"), (":ABOR;:SOUR:VOLT?", "2.000000E-02"))
    assert meter.level() == 0.02
    meter.close()


def test_its_errors_are_told_without_their_stamps(scripted: Any) -> None:
    meter = opened(
        scripted,
        ("SYST:ERR?", '1133,"Parameter 4, Syntax error;1;2026/01/01 12:00:00.000"'),
        ("SYST:ERR?", '-113,"Undefined header;1;2026/01/01 12:00:00.000"'),
        ("SYST:ERR?", NO_ERROR),
    )
    assert meter.errors() == ("1133, Parameter 4, Syntax error", "-113, Undefined header")
    meter.close()


def test_an_output_that_does_not_open_is_a_fault(scripted: Any) -> None:
    meter = opened(scripted, ("OUTPUT OFF", None), ("OUTPUT?", "1"))
    with pytest.raises(InstrumentFault, match="did not open"):
        meter.output_off()
    meter.close()


def test_an_ohms_guard_is_refused_before_anything_is_sent(scripted: Any) -> None:
    meter = opened(scripted)
    with pytest.raises(InstrumentFault, match="no ohms guard"):
        meter.configure(SourceSettings(guard="ohms"))
    meter.close()


def test_another_instrument_or_language_is_named(scripted: Any) -> None:
    older = scripted([("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32")])
    with pytest.raises(WrongInstrument, match="no Keithley 2450"):
        open_keithley2450(config(older.address), Clock())
    other = scripted([IDN, ("*LANG?", "TSP")])
    with pytest.raises(WrongInstrument, match="its command set is TSP; choose SCPI"):
        open_keithley2450(config(other.address), Clock())


def test_the_snapshot_says_what_the_voltage_is() -> None:
    meter = driver_of(twin("keithley2450", Resistor(1e3)))
    meter.configure(SourceSettings(compliance=1e-3, wires=4, measure_range=1e-3, filter_count=3))
    snapshot = meter.snapshot()
    assert snapshot["voltage"] == "source read-back"
    assert {k: snapshot[k] for k in ("source", "wires", "output_off", "filter_count")} == {
        "source": "voltage",
        "wires": 4,
        "output_off": "HIMP",
        "filter_count": 3,
    }
    assert (snapshot["compliance"], snapshot["measure_range"]) == (1e-3, 1e-3)
    assert (snapshot["measure_range_auto"], snapshot["source_range_auto"]) == (False, True)
