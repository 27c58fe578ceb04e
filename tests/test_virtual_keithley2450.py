"""The virtual Keithley 2450 as its manual describes it: (sent, answered), timing, readings."""

from __future__ import annotations

import itertools
import math
import re
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nanojunction.instruments.virtual import VirtualCryostat, WorldSettings
from nanojunction.instruments.virtual.keithley2450 import Keithley2450
from tests.source_meters import IDEAL, Recorder
from tests.virtual_bench import Resistor, numbers, standard_deviation, world_with

READY = ':SENS:FUNC "CURR";:SOUR:VOLT:ILIM 1E-3;:OUTP ON'
NO_ERROR = '0,"No error;0;0 0"'
ALL = '"defbuffer1",SOUR,READ,REL,STAT,SOURSTAT'


def keithley(ohm: float = 1e3, constants: WorldSettings = IDEAL, **kwargs: float) -> Keithley2450:
    return Keithley2450(world_with(Resistor(ohm, **kwargs), constants), latency_s=0.005)


def ready(ohm: float = 1e3, constants: WorldSettings = IDEAL, **kwargs: float) -> Keithley2450:
    k = keithley(ohm, constants, **kwargs)
    assert k.handle(READY) is None
    return k


def error(code: int, text: str) -> re.Pattern[str]:
    """Return what an entry of the log looks like, whatever the time."""
    return re.compile(rf'{code},"{re.escape(text)};1;\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{{3}}"')


UNDEFINED = error(-113, "Undefined header")
RANGE = error(-222, "Parameter data out of range")
MISSING = error(-109, "Missing parameter")
CONFLICT = error(-221, "Settings conflict")

SESSIONS = {
    "identity and language": [
        ("*IDN?", Keithley2450.identity),
        ("*LANG?", "SCPI"),
        ("*LANG TSP;*LANG?", "TSP"),
    ],
    "no error": [
        (":SYST:ERR?", NO_ERROR),
        ("SYSTem:ERRor:NEXT?", NO_ERROR),
        ("SYST:EVEN:NEXT?", NO_ERROR),
        (":SYST:ERR:COUN?;CODE?", "0;0"),
    ],
    "short and long forms, any case": [
        (":SENSe1:CURRent:DC:NPLCycles 2", None),
        ("sens:curr:nplc?;:curr:nplc?", "2.000000E+00;2.000000E+00"),
        (":SENS:VOLT:NPLC?", "1.000000E+00"),
        (":SOURce1:VOLTage:LEVel:IMMediate:AMPLitude 0.01;:sour:volt?", "1.000000E-02"),
        (":SYST:ERR?", NO_ERROR),
    ],
    "no forms in between": [(":SENS:CURRE:NPLC?", None), (":SYST:ERR?", UNDEFINED)],
    "the path holds inside a message": [
        (":SOUR:VOLT:RANG 2;LEV 1.5;:SOUR:CURR 1E-3", None),
        (":SOUR:VOLT:RANG?;LEV?;:SOUR:CURR?", "2.000000E+00;1.500000E+00;1.000000E-03"),
    ],
    "common commands with a colon are taken": [("*RST;:stat:pres;:*CLS;", None),
                                               (":SYST:ERR?", NO_ERROR)],
    "numbers": [
        (":SOUR:VOLT 20 mV;:SOUR:VOLT?", "2.000000E-02"),
        (":SOUR:VOLT MAX;:SOUR:VOLT?", "2.100000E+02"),
        (":SOUR:VOLT DEF;:SOUR:VOLT?;VOLT? MIN", "0.000000E+00;-2.100000E+02"),
        (":SOUR:VOLT many", None),
        (":SYST:ERR?", error(-104, "Data type error")),
        (":SOUR:VOLT 1 furlong", None),
        (":SYST:ERR?", error(-131, "Invalid suffix")),
    ],
    "parameters too few and too many": [
        (":SOUR:VOLT", None),
        (":SYST:ERR?", MISSING),
        (":SOUR:VOLT 1,2", None),
        (":SYST:ERR?", error(-108, "Parameter not allowed")),
        (":TRAC:DATA?", None),
        (":SYST:ERR?", MISSING),
    ],
    "out of range": [
        (":SENS:CURR:NPLC 11", None),
        (":SYST:ERR?", RANGE),
        (":SOUR:VOLT:RANG 0.2;LEV 0.3", None),
        (":SYST:ERR?", RANGE),
        (":SOUR:VOLT:ILIM 2", None),
        (":SYST:ERR:CODE?", "-222"),
    ],
    "an error ends the message": [
        (":SOUR:VOLT 1;:FOO 1;:SOUR:VOLT 2", None),
        (":SOUR:VOLT?", "1.000000E+00"),
    ],
    "junk": [
        ("\x01\x02\xff", None),
        (":SYST:ERR?", error(-101, "Invalid character")),
        ("123;;;", None),
        (":SYST:ERR?", error(-102, "Syntax error")),
        ("", None),
        (":SYST:ERR?", NO_ERROR),
    ],
    "the log": [
        ("FOO", None),
        (':SYST:EVEN:POST "my note",WARN', None),
        (":SYST:EVEN:COUN? ALL;COUN? ERR", "2;1"),
        (":SYST:EVEN:NEXT? WARN", re.compile(r'1003,"User: my note;2;.*"')),
        (":SYST:ERR:COUN?;:SYST:ERR?", f"0;{NO_ERROR}"),
    ],
    "a range rounds up and has its plain name": [
        (":SENS:CURR:RANG 2E-6;RANG?;RANG:AUTO?", "1.000000E-05;0"),
        (":SENS:RES:RANG 250;RANG?", "2.000000E+03"),
        (":SOUR:VOLT 0.02;:SOUR:VOLT:RANG?;RANG:AUTO?", "2.000000E-02;1"),
    ],
    "the measuring range of what is sourced is the source's": [
        (":SOUR:VOLT:RANG 2;:SENS:VOLT:RANG 20;RANG?", "2.000000E+00"),
        (":SOUR:FUNC CURR;:SENS:VOLT:RANG?", "2.000000E+01"),
    ],
    "a limit needs a thousandth of a locked measuring range": [
        (":SENS:CURR:RANG 1;:SOUR:VOLT:ILIM 1E-4", None),
        (":SYST:ERR?", CONFLICT),
        (":SENS:CURR:RANG:AUTO ON;:SOUR:VOLT:ILIM 1E-9;ILIM?", "1.000000E-09"),
    ],
    "the operating area": [
        (":SOUR:VOLT:ILIM 1;:SOUR:VOLT 30", None),
        (":SYST:ERR?", CONFLICT),
    ],
    "functions": [
        (":SENS:FUNC?", '"CURR:DC"'),
        (':SENS:FUNC "VOLT:DC";:SENS:FUNC?', '"VOLT:DC"'),
        (":FUNC 'RES';FUNC?", '"RES"'),
        (':SENS:FUNC "POW"', None),
        (":SYST:ERR?", error(-141, "Invalid character data")),
    ],
    "output-off state of both functions and of one": [
        (":OUTP:SMOD HIMP;:OUTP:VOLT:SMOD?;:OUTP:CURR:SMOD?", "HIMP;HIMP"),
        (":OUTP:CURR:SMOD GUAR;:OUTP:SMOD?;:OUTP:CURR:SMOD?", "HIMP;GUAR"),
    ],
    "sense leads and terminals switch the output off": [
        (":OUTP ON;:SENS:CURR:RSEN OFF;:OUTP?", "1"),
        (":SENS:CURR:RSEN ON;:OUTP?;:SENS:CURR:RSEN?", "0;1"),
        (":OUTP ON;:ROUT:TERM REAR;:OUTP?;:ROUT:TERM?", "0;REAR"),
    ],
    "protection": [
        (":SOUR:VOLT:PROT PROT2;PROT?;PROT:TRIP?", "PROT2;0"),
        (":SOUR:VOLT 5;:SOUR:VOLT:PROT:TRIP?", "1"),
    ],
    "status": [
        ("*ESR?", "128"),
        ("FOO", None),
        ("*STB?", "4"),
        ("*ESE 32;*SRE 32;*STB?", "100"),
        ("*ESR?;*STB?", "32;4"),
        ("*CLS;*STB?", "0"),
        ("*OPC;*ESR?;*OPC?", "1;1"),
        (":STAT:OPER:ENAB 1;ENAB?;COND?;:STAT:QUES?", "1;0;0"),
        (":STAT:OPER:MAP 0,4918,4917", None),
        (":SYST:ERR?", NO_ERROR),
    ],
    "buffers": [
        (':TRAC:MAKE "mine",100;:TRAC:POIN? "mine"', "100"),
        (':TRAC:ACT? "mine";ACT?', "0;0"),
        (':TRAC:FILL:MODE ONCE,"mine";:TRAC:FILL:MODE? "mine"', "ONCE"),
        (':TRAC:DEL "mine";:TRAC:ACT? "mine"', None),
        (":SYST:ERR:CODE?", "1133"),
        (':FETC? "nobody"', None),
        (":SYST:ERR:CODE?", "1133"),
        (":FETC?", None),
        (":SYST:ERR?", error(-230, "Data corrupt or stale")),
    ],
    "lists": [
        (":SOUR:LIST:VOLT 1,2,3;:SOUR:LIST:VOLT:APP 4;:SOUR:LIST:VOLT:POIN?", "4"),
        (":SOUR:LIST:VOLT?", "1.000000E+00,2.000000E+00,3.000000E+00,4.000000E+00"),
        (":SOUR:LIST:VOLT " + ",".join(["1"] * 101), None),
        (":SYST:ERR?", error(-223, "Too much data")),
        (":SOUR:SWE:CURR:LIST 1", None),
        (":SYST:ERR?", error(2790, "Configuration list, error, does not exist")),
    ],
    "configuration lists": [
        (':SOUR:CONF:LIST:CRE "bias";:SOUR:VOLT 5;:SOUR:CONF:LIST:STOR "bias"', None),
        (':SOUR:VOLT 6;:SOUR:CONF:LIST:STOR "bias";SIZE? "bias"', "2"),
        (':SOUR:VOLT 0;:SOUR:CONF:LIST:REC "bias",2;:SOUR:VOLT?', "6.000000E+00"),
        (':SOUR:CONF:LIST:REC "bias",3', None),
        (":SYST:ERR:CODE?", "2790"),
    ],
    "who may command": [
        (":SYST:ACC?", "FULL"),
        (":SYST:ACC EXCLusive;ACC?", "EXCL"),
        ("*RST;:SYST:ACC?", "EXCL"),
        (":SYST:ACC ANY", None),
        (":SYST:ERR:CODE?", "-141"),
    ],
    "setups in memory": [
        (":SOUR:VOLT 0.5;:SENS:CURR:NPLC 3;:OUTP ON;*SAV 2;*RST;*RCL 2", None),
        (":SOUR:VOLT?;:SENS:CURR:NPLC?;:OUTP?", "5.000000E-01;3.000000E+00;0"),
        ("*RCL 3", None),
        (":SYST:ERR?", RANGE),
    ],
    "an empty trigger model": [(":INIT", None), (":SYST:ERR?", CONFLICT), (":TRIG:STAT?",
                                                                         "EMPTY;EMPTY;0")],
    "what the 2400 knows and the 2450 does not": [
        (":SENS:CURR:PROT 1E-3", None),
        (":SYST:ERR?", UNDEFINED),
        (":TRAC:FEED SENSE", None),
        (":SYST:ERR?", UNDEFINED),
        (":FORM:ELEM VOLT", None),
        (":SYST:ERR?", UNDEFINED),
    ],
    "reset": [
        (":OUTP ON;:SOUR:VOLT 1;:SENS:CURR:NPLC 5;:SOUR:VOLT:ILIM 1;:COUN 5", None),
        ("*RST", None),
        (":OUTP?;:SOUR:VOLT?;:SENS:CURR:NPLC?;:SOUR:VOLT:ILIM?;:COUN?",
         "0;0.000000E+00;1.000000E+00;1.050000E-04;1"),
        (":OUTP:SMOD?;:SOUR:VOLT:READ:BACK?;:SOUR:CURR:VLIM?", "NORM;1;2.100000E+01"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_session(session: list[tuple[str, str | re.Pattern[str] | None]]) -> None:
    k = keithley()
    for sent, expected in session:
        answer = k.handle(sent)
        if isinstance(expected, re.Pattern):
            assert answer is not None, sent
            assert expected.fullmatch(answer), (sent, answer)
        else:
            assert (sent, answer) == (sent, expected)


def test_the_clock_in_seconds_since_1970_and_in_words() -> None:
    k = keithley()
    k.world.clock.sleep(90.0)
    assert k.handle(":SYST:TIME?;TIME? 1") == "1735689690;Wed Jan  1 00:01:30 2025"
    assert k.handle(":SYST:TIME? 2;:SYST:ERR:CODE?") is None
    assert k.handle(":SYST:ERR:CODE?") == "-222"


# Readings


def test_a_reading_is_one_number_or_the_elements_asked_for() -> None:
    k = ready()
    assert k.handle(":SOUR:VOLT 0.01;:READ?") == "1.000000E-05"
    assert k.handle(f":READ? {ALL}") is not None
    source, reading, moment, status, source_status = numbers(k.handle(f":FETC? {ALL}"))
    assert (source, reading) == (0.01, 1e-5)
    assert moment > 0.02
    assert (status, source_status) == (256 + 8, 128 + 8)  # group, front; output, read back
    assert k.handle(':FETC? "defbuffer1",UNIT,SOURUNIT,FORM') == "Amp DC,Volt DC,+010.00000 uA"
    assert k.handle(":FORM:ASC:PREC 3;:READ?") == "1.00E-05"


def test_without_read_back_the_source_is_what_was_programmed() -> None:
    k = ready(constants=WorldSettings())
    k.handle(":SOUR:VOLT 0.0123456;:SOUR:VOLT:READ:BACK OFF")
    assert numbers(k.handle(':READ? "defbuffer1",SOUR'))[0] == 0.0123456
    k.handle(":SOUR:VOLT:READ:BACK ON")
    assert numbers(k.handle(':READ? "defbuffer1",SOUR'))[0] != 0.0123456


@pytest.mark.parametrize("sign", [1, -1])
def test_the_limit_clamps_and_is_told(sign: int) -> None:
    k = ready(ohm=100.0)
    source, reading, *_, status = numbers(k.handle(f":SOUR:VOLT {sign};:READ? {ALL}"))
    assert reading == pytest.approx(sign * 1e-3, rel=1e-6)
    assert source == pytest.approx(sign * 0.1, rel=1e-4)
    assert int(status) & 32
    assert k.handle(":SOUR:VOLT:ILIM:TRIP?;:SOUR:CURR:VLIM:TRIP?") == "1;0"
    assert k.world.junction_current_A == pytest.approx(sign * 1e-3)


def test_a_voltage_limit_holds_when_a_current_is_sourced() -> None:
    k = keithley(ohm=1e6)
    k.handle(':SOUR:FUNC CURR;:SENS:FUNC "VOLT";:SOUR:CURR:VLIM 0.5;:OUTP ON;:SOUR:CURR 1E-5')
    assert numbers(k.handle(":READ?"))[0] == pytest.approx(0.5, rel=1e-6)
    assert k.handle(":SOUR:CURR:VLIM:TRIP?") == "1"


def test_zero_current_finds_the_offset_voltage_of_a_junction() -> None:
    k = keithley(ohm=157.0, offset_V=4.05e-3)
    k.handle(':SOUR:FUNC CURR;:SENS:FUNC "VOLT";:SOUR:CURR:VLIM 1;:OUTP ON')
    assert numbers(k.handle(":READ?"))[0] == pytest.approx(4.05e-3, abs=1e-7)


def test_a_locked_range_that_is_too_small_clamps_the_source_too() -> None:
    k = ready(ohm=100.0)
    reading = numbers(k.handle(":SENS:CURR:RANG 1E-5;:SOUR:VOLT 1;:READ?"))[0]
    assert reading == pytest.approx(1.05e-5)


@given(exponent=st.floats(-9.5, -2.2))
def test_autorange_finds_the_most_sensitive_range(exponent: float) -> None:
    current = 10.0**exponent
    k = ready(ohm=0.1 / current)
    k.handle(":SOUR:VOLT:ILIM 1E-2;:SOUR:VOLT 0.1;:SENS:CURR:NPLC 0.1")
    k.handle(":READ?")
    range_ = float(k.handle(":SENS:CURR:RANG?") or "nan")
    assert current <= 1.05 * range_
    assert range_ == 1e-8 or current > 0.095 * range_


@given(level=st.floats(-0.021, 0.021))
def test_the_source_has_steps_of_half_a_microvolt_on_20_mV(level: float) -> None:
    k = ready()
    k.handle(f":SOUR:VOLT:RANG 0.02;LEV {level:.9g}")
    assert k.world.source_level_V == pytest.approx(level, abs=0.25001e-6)


@pytest.mark.parametrize(
    ("mode", "voltage", "current"),
    [("NORM", 0.0, -4e-6), ("ZERO", 0.0, -4e-6), ("HIMP", 4e-3, 0.0), ("GUAR", 4e-3, 0.0)],
)
def test_what_the_junction_sees_with_the_output_off(
    mode: str, voltage: float, current: float
) -> None:
    k = ready(ohm=1e3, offset_V=4e-3)
    k.handle(f":SENS:CURR:RANG 1E-3;:SOUR:VOLT 0.1;:OUTP:SMOD {mode};:OUTP OFF")
    assert not k.world.output_on
    assert k.world.junction_voltage_V == pytest.approx(voltage, abs=1e-9)
    assert k.world.junction_current_A == pytest.approx(current, abs=1e-12)


def test_two_wires_see_the_leads_and_four_do_not() -> None:
    k = ready(ohm=100.0, constants=WorldSettings(lead_resistance_ohm=2.0))
    k.handle(":SOUR:VOLT 0.05;:SENS:CURR:RANG 1E-3")
    two = numbers(k.handle(":READ?"))[0]
    four = numbers(k.handle(":SENS:CURR:RSEN ON;:OUTP ON;:READ?"))[0]
    assert (0.05 / two, 0.05 / four) == (
        pytest.approx(102.0, rel=1e-3),
        pytest.approx(100.0, rel=1e-3),
    )


@settings(deadline=None, max_examples=4)
@given(nplc=st.sampled_from([0.1, 1.0, 2.0, 10.0]))
def test_readings_scatter_as_the_integration_time_says(nplc: float) -> None:
    quiet = WorldSettings(voltmeter_pickup_V=0.0, ammeter_pickup_of_range=0.0)
    k = ready(constants=quiet)
    k.handle(f":SENS:CURR:NPLC {nplc};RANG 1E-4;:COUN 1000;:SOUR:VOLT:READ:BACK OFF;:READ?")
    scatter = standard_deviation(numbers(k.handle(":TRAC:DATA? 1,1000")))
    assert scatter == pytest.approx(5e-6 * 1e-4 / math.sqrt(nplc), rel=0.1)


@pytest.mark.parametrize("kind", ["REP", "MOV"])
def test_the_filter_averages(kind: str) -> None:
    k = ready(constants=WorldSettings())
    k.handle(f":SENS:CURR:RANG 1E-4;AVER:TCON {kind};COUN 25;STAT ON;:COUN 500;:READ?")
    values = numbers(k.handle(":TRAC:DATA? 1,500"))[25:]
    assert standard_deviation(values) < 5e-10 / 3.0


def test_a_relative_reading_is_the_difference() -> None:
    k = ready()
    k.handle(":SOUR:VOLT 0.1;:SENS:CURR:REL:ACQ;:SENS:CURR:REL:STAT ON;:SOUR:VOLT 0.3")
    assert numbers(k.handle(":READ?"))[0] == pytest.approx(2e-4, rel=1e-4)


# Time


def seconds_for(k: Keithley2450, *messages: str) -> float:
    k.world.clock.sleep_until(k.time_s)
    start = k.world.now()
    for message in messages:
        k.handle(message)
    return k.time_s - start


def test_a_reading_costs_delay_read_back_and_conversion() -> None:
    k = ready()
    k.handle(":SENS:CURR:RANG 1E-4;NPLC 2;AZER OFF;:SOUR:VOLT:DEL 0.1")
    assert seconds_for(k, ":READ?") == pytest.approx(0.005 + 0.1 + 2 * 0.04)
    assert seconds_for(k, ":READ?") == pytest.approx(0.005 + 2 * 0.04)  # the level is the same
    k.handle(":SOUR:VOLT:READ:BACK OFF")
    assert seconds_for(k, ":SOUR:VOLT 0.1;:READ?") == pytest.approx(0.005 + 0.1 + 0.04)
    k.handle(":SENS:CURR:AZER ON")
    assert seconds_for(k, ":READ?") == pytest.approx(0.005 + 3 * 0.04)  # two references besides
    assert seconds_for(k, ":READ?") == pytest.approx(0.005 + 0.04)  # which are still valid


def test_other_messages_are_answered_while_a_model_runs() -> None:
    k = ready()
    k.handle(":SOUR:LIST:VOLT 0.01,0.02,0.03;:SOUR:SWE:VOLT:LIST 1,10;:INIT")
    assert seconds_for(k, ":TRIG:STAT?") == pytest.approx(0.005)
    assert k.handle(":TRIG:STAT?") == "RUNNING;RUNNING;6"
    assert k.handle(":READ?") is None
    assert k.handle(":SYST:ERR:CODE?") == "-213"
    assert seconds_for(k, "*OPC?") == pytest.approx(30.0, rel=0.02)
    assert k.handle(":TRIG:STAT?;:TRAC:ACT?") == "IDLE;IDLE;10;3"


# Sweeps, trigger model and buffers


def test_a_list_sweep_switches_the_output_off_at_its_end() -> None:
    junction = Recorder(1e3)
    k = Keithley2450(world_with(junction, IDEAL))
    k.handle(":SOUR:VOLT:ILIM 1;:OUTP:SMOD HIMP;:SOUR:LIST:VOLT 0.1,0.3,-0.2")
    junction.felt_V.clear()
    k.handle(":SOUR:SWE:VOLT:LIST 1,0.001;:INIT;*WAI")
    rows = numbers(k.handle(':TRAC:DATA? 1,3,"defbuffer1",SOUR,READ'))
    assert rows == pytest.approx([0.1, 1e-4, 0.3, 3e-4, -0.2, -2e-4], abs=1e-6)
    assert k.handle(":OUTP?;:SOUR:VOLT?") == "0;-2.000000E-01"
    assert junction.felt_V == pytest.approx([0.0, 0.1, 0.3, -0.2, 0.0], abs=1e-5)


@pytest.mark.parametrize(
    ("command", "levels"),
    [
        ("LIN 0,0.3,4", [0.0, 0.1, 0.2, 0.3]),
        ("LIN 0,0.2,3,-1,1,BEST,OFF,ON", [0.0, 0.1, 0.2, 0.1, 0.0]),
        ("LIN:STEP 0.3,0,0.1,0.001", [0.3, 0.2, 0.1, 0.0]),
        ("LOG 0.1,1,3", [0.1, 0.316227766, 1.0]),
        ("LIN 0,0.1,2,0,3", [0.0, 0.1] * 3),
    ],
)
def test_staircases(command: str, levels: list[float]) -> None:
    k = ready(ohm=1e6)
    k.handle(f":SOUR:SWE:VOLT:{command};:INIT;*WAI")
    rows = numbers(k.handle(f':TRAC:DATA? 1,{len(levels)},"defbuffer1",SOUR'))
    assert rows == pytest.approx(levels, abs=5e-5)
    assert k.handle(":TRAC:ACT?;:SYST:ERR?") == f"{len(levels)};{NO_ERROR}"


def test_a_sweep_ends_at_the_limit_unless_told_otherwise() -> None:
    k = ready(ohm=100.0)
    k.handle(":SOUR:LIST:VOLT 0.05,0.15,0.06,0.07;:SOUR:SWE:VOLT:LIST 1,0;:INIT;*WAI")
    assert k.handle(":TRAC:ACT?") == "2"
    k.handle(":SOUR:SWE:VOLT:LIST 1,0,1,OFF;:INIT;*WAI")
    assert k.handle(":TRAC:ACT?") == "4"


def test_a_model_of_ones_own_leaves_the_output_on() -> None:
    k = ready()
    k.handle(
        ':SOUR:LIST:VOLT 0.1,0.2,0.3;:TRIG:LOAD "EMPTY";:TRIG:BLOC:BUFF:CLE 1;'
        ':TRIG:BLOC:CONF:REC 2,"VoltCustomSweepList",1;:TRIG:BLOC:BRAN:ALW 3,5;'
        ':TRIG:BLOC:CONF:NEXT 4,"VoltCustomSweepList";:TRIG:BLOC:MEAS 5;'
        ":TRIG:BLOC:BRAN:COUN 6,3,4;:INIT;*WAI"
    )
    assert numbers(k.handle(":TRAC:DATA? 1,3")) == pytest.approx([1e-4, 2e-4, 3e-4], rel=1e-3)
    assert k.handle(":OUTP?;:SOUR:VOLT?") == "1;3.000000E-01"


def test_nested_counters_as_in_the_manual() -> None:
    k = ready()
    k.handle(
        ':TRIG:LOAD "EMPTY";:TRIG:BLOC:BUFF:CLEAR 1;:TRIG:BLOC:MEAS 2;:TRIG:BLOC:BRAN:COUN 3,5,2;'
        ":TRIG:BLOC:DEL:CONS 4,1;:TRIG:BLOC:BRAN:COUN 5,3,2"
    )
    assert seconds_for(k, ":INIT;*WAI") == pytest.approx(3.0, abs=0.8)
    assert k.handle(":TRAC:ACT?") == "15"


def test_a_wait_block_waits_for_a_trigger_and_abort_ends_it() -> None:
    k = ready()
    k.handle(':TRIG:LOAD "EMPTY";:TRIG:BLOC:WAIT 1,COMM;:TRIG:BLOC:MEAS 2;:INIT')
    assert k.handle(":TRIG:STAT?") == "WAITING;WAITING;1"
    k.handle("*TRG;*WAI")
    assert k.handle(":TRAC:ACT?") == "1"
    k.handle("*TRG")
    assert k.handle(":SYST:ERR:CODE?") == "-211"
    k.handle(":INIT")
    assert k.handle(":ABOR;:TRIG:STAT?") == "ABORTED;ABORTED;1"


def test_count_readings_go_into_a_buffer_of_ones_own() -> None:
    k = ready()
    k.handle(':TRAC:MAKE "mine",10;:COUN 4;:SENS:CURR:AZER OFF;:SOUR:VOLT 0.1')
    assert numbers(k.handle(':READ? "mine"')) == pytest.approx([1e-4], rel=1e-3)
    moments = numbers(k.handle(':TRAC:DATA? 1,4,"mine",REL'))
    assert moments[0] == 0.0
    assert all(0.04 < b - a < 0.045 for a, b in itertools.pairwise(moments))
    assert k.handle(':TRAC:STAT:AVER? "mine"') == "1.000000E-04"
    assert k.handle(':TRAC:STAT:PK2P? "mine";STDD? "mine"') == "0.000000E+00;0.000000E+00"
    k.handle(':COUN 8;:READ? "mine"')
    assert k.handle(':TRAC:ACT? "mine";ACT?') == "10;0"  # the oldest made room
    k.handle(':TRAC:FILL:MODE ONCE,"mine";:READ? "mine"')
    assert k.handle(":SYST:ERR:CODE?") == "4915"


def test_the_data_that_is_not_there_is_refused() -> None:
    k = ready()
    k.handle(":READ?")
    assert k.handle(":TRAC:DATA? 1,2") is None
    assert k.handle(":SYST:ERR:CODE?") == "-222"


class AnyOrderOfCommands(RuleBasedStateMachine):
    """Whatever is sent: the junction never sees more than level and limit allow."""

    def __init__(self) -> None:
        super().__init__()
        self.k = keithley(ohm=330.0, offset_V=4e-3)
        self.k.handle("*CLS")

    @rule(on=st.booleans())
    def output(self, on: bool) -> None:
        self.k.handle(f"*WAI;:OUTP {on:d}")
        assert self.k.handle(":OUTP?") == f"{on:d}"

    @rule(source=st.sampled_from(["VOLT", "CURR"]), sense=st.sampled_from(["VOLT", "CURR", "RES"]))
    def functions(self, source: str, sense: str) -> None:
        self.k.handle(f":SOUR:FUNC {source};:SENS:FUNC '{sense}'")

    @rule(volt=st.floats(-300.0, 300.0), ampere=st.floats(-1.5, 1.5))
    def levels(self, volt: float, ampere: float) -> None:
        self.k.handle(f":SOUR:VOLT {volt:.6g}")
        self.k.handle(f":SOUR:CURR {ampere:.6g}")

    @rule(volt=st.floats(1e-3, 300.0), ampere=st.floats(1e-9, 1.5))
    def limits(self, volt: float, ampere: float) -> None:
        self.k.handle(f":SOUR:CURR:VLIM {volt:.6g}")
        self.k.handle(f":SOUR:VOLT:ILIM {ampere:.6g}")

    @rule(ampere=st.floats(1e-8, 1.0), wires=st.booleans(), automatic=st.booleans())
    def ranges(self, ampere: float, wires: bool, automatic: bool) -> None:
        self.k.handle(f":SENS:CURR:RANG {ampere:.6g}")
        self.k.handle(f":SENS:CURR:RANG:AUTO {automatic:d};:SENS:CURR:RSEN {wires:d}")

    @rule(count=st.integers(1, 3), waits=st.booleans())
    def sweep(self, count: int, waits: bool) -> None:
        self.k.handle(f":SOUR:LIST:VOLT 0.1,-0.2,0.3;:SOUR:SWE:VOLT:LIST 1,0,{count};:INIT")
        if waits:
            self.k.handle("*WAI")

    @rule()
    def read(self) -> None:
        self.k.handle("*WAI;:READ?")

    @rule()
    def reset(self) -> None:
        self.k.handle("*RST")
        assert not self.k.world.output_on

    @invariant()
    def limits_hold(self) -> None:
        unit, world = self.k.unit, self.k.world
        if world.output_on and unit.sources_voltage:
            assert abs(world.junction_current_A) <= unit.source.limit * (1 + 1e-9)
        elif world.output_on:
            assert abs(world.junction_voltage_V) <= unit.source.limit * (1 + 1e-9)

    @invariant()
    def nothing_breaks(self) -> None:
        codes = numbers(self.k.handle(":SYST:ERR:CODE?"))
        assert codes[0] in (0, -213, -221, -222)
        assert self.k.handle("*IDN?") == Keithley2450.identity


TestAnyOrderOfCommands = AnyOrderOfCommands.TestCase
TestAnyOrderOfCommands.settings = settings(max_examples=40, deadline=None)


@settings(max_examples=200, deadline=None)
@given(line=st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
def test_whatever_arrives_is_answered_or_logged(line: str) -> None:
    k = keithley()
    k.handle(line)
    assert k.handle("*IDN?") == Keithley2450.identity
    assert -400 < int(k.handle(":SYST:ERR:CODE?") or "") <= 0


def test_an_abort_ends_a_reading_that_is_waited_for_on_the_socket() -> None:
    with VirtualCryostat(
        "resistor-1k", source_meter="keithley2450", magnet=None, temperature=None
    ) as bench:
        port = int(bench.endpoints["source_meter"].address.split("::")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(b":OUTP ON;:SOUR:VOLT:DEL 1000;:SOUR:VOLT 0.1;:RE")
            client.sendall(b"AD?\n:ABOR\n*IDN?\n")
            answer = b""
            while not answer.endswith(b"\n"):
                answer += client.recv(4096)
        assert answer == Keithley2450.identity.encode() + b"\n"


def test_user_delays_are_kept_by_function_and_waited_for_by_number() -> None:
    k = ready()
    k.handle(":SOUR:VOLT:DEL:USER1 0.25;:SENS:CURR:DEL:USER3 0.5")
    assert k.handle(":SOUR:VOLT:DEL:USER1?;:SOUR:VOLT:DEL:USER2?") == "2.500000E-01;0.000000E+00"
    assert k.handle(":SENS:CURR:DEL:USER3?;:SENS:VOLT:DEL:USER3?") == "5.000000E-01;0.000000E+00"
    k.handle(
        ':TRIG:LOAD "EMPTY";:TRIG:BLOC:DEL:DYN 1,SOUR1;:TRIG:BLOC:DEL:DYN 2,MEAS3;'
        ":TRIG:BLOC:NOP 3;:INIT"
    )
    began_s = k.time_s
    assert k.handle("*OPC?") == "1"
    assert k.time_s - began_s == pytest.approx(0.75, abs=0.01)
    k.handle(":TRIG:BLOC:DEL:DYN 1,SOUR6")
    assert re.match(r"-141,", k.handle(":SYST:ERR?") or "")
