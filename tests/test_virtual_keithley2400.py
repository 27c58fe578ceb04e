"""The virtual Keithley 2400 as its manual describes it: (sent, answered), timing, readings."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nanojunction.instruments.virtual import WorldSettings
from nanojunction.instruments.virtual.keithley2400 import Keithley2400
from tests.virtual_bench import Resistor, numbers, standard_deviation, world_with

IDEAL = WorldSettings(
    lead_resistance_ohm=0.0,
    source_gain_error=0.0,
    source_offset_V=0.0,
    source_offset_of_range=0.0,
    voltmeter_gain_error=0.0,
    voltmeter_offset_V=0.0,
    voltmeter_offset_of_range=0.0,
    voltmeter_noise_of_range=0.0,
    ammeter_gain_error=0.0,
    ammeter_offset_A=0.0,
    ammeter_offset_of_range=0.0,
    ammeter_noise_A=0.0,
    ammeter_noise_of_range=0.0,
)
READY = ":SOUR:FUNC VOLT;:SENS:FUNC 'VOLT','CURR';:SENS:CURR:PROT 1E-3;:OUTP ON"
VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS = range(5)


def keithley(ohm: float = 1e3, constants: WorldSettings = IDEAL, **kwargs: float) -> Keithley2400:
    return Keithley2400(world_with(Resistor(ohm, **kwargs), constants), latency_s=0.005)


def ready(ohm: float = 1e3, constants: WorldSettings = IDEAL, **kwargs: float) -> Keithley2400:
    k = keithley(ohm, constants, **kwargs)
    assert k.handle(READY) is None
    return k


SESSIONS = {
    "identity": [("*IDN?", Keithley2400.identity), ("*idn?", Keithley2400.identity)],
    "no error": [(":SYST:ERR?", '0,"No error"'), ("SYSTem:ERRor:NEXT?", '0,"No error"')],
    "short and long forms, any case": [
        (":SENSE:CURRENT:DC:NPLCYCLES 2", None),
        ("sens:curr:nplc?", "2.000000E+00"),
        (":curr:nplc?", "2.000000E+00"),
        (":SENSe1:VOLTage:NPLC?", "2.000000E+00"),
    ],
    "no forms in between": [
        (":SENS:CURRE:NPLC?", None),
        (":SYST:ERR?", '-113,"Undefined header"'),
    ],
    "the path holds inside a message": [
        (":SOUR:VOLT:RANG 2;LEV 1.5;:SOUR:CURR 1E-3", None),
        (":SOUR:VOLT:RANG?;LEV?;:SOUR:CURR?", "2.100000E+00;1.500000E+00;1.000000E-03"),
    ],
    "common commands leave the path alone": [
        (":SOUR:VOLT:RANG 2;*CLS;LEV 1.5", None),
        (":SYST:ERR?", '0,"No error"'),
    ],
    "numbers": [
        (":SOUR:VOLT 1.5e-3", None),
        (":SOUR:VOLT?", "1.500000E-03"),
        (":SOUR:VOLT 20 mV", None),
        (":SOUR:VOLT?", "2.000000E-02"),
        (":SOUR:VOLT MAX", None),
        (":SOUR:VOLT?", "2.100000E+02"),
        (":SOUR:VOLT DEF", None),
        (":SOUR:VOLT?;VOLT? MIN", "0.000000E+00;-2.100000E+02"),
        (":SOUR:VOLT many", None),
        (":SOUR:VOLT 1 K", None),
        (":SOUR:VOLT 1 furlong", None),
        (":SYST:ERR:ALL?", '-104,"Data type error",-222,"Parameter data out of range",'
                           '-131,"Invalid suffix"'),
    ],
    "arms without end": [
        (":ARM:COUN INFinite;COUN?;:SYST:ERR?", '+9.9E37;0,"No error"'),
        (":TRIG:COUN 2500;COUN?;:ARM:COUN 1;COUN?", "2500;1"),
        (":ARM:COUN 2", None),
        (":TRIG:COUN INF", None),
        (":ARM:COUN forever", None),
        (":SYST:ERR:CODE:ALL?", "-222,-104,-104"),
    ],
    "parameters too few and too many": [
        (":SOUR:VOLT", None),
        (":SYST:ERR?", '-109,"Missing parameter"'),
        (":SOUR:VOLT 1,2", None),
        (":SYST:ERR?", '-108,"Parameter not allowed"'),
        ("*RST 1", None),
        (":SYST:ERR?", '-108,"Parameter not allowed"'),
    ],
    "words": [
        (":SOUR:FUNC CURRent", None),
        (":SOUR:FUNC?", "CURR"),
        (":SOUR:FUNC OHMS", None),
        (":SYST:ERR?", '-141,"Invalid character data"'),
        (":OUTP:SMOD HIMP;SMOD?", "HIMP"),
    ],
    "out of range": [
        (":SENS:CURR:NPLC 11", None),
        (":SYST:ERR?", '-222,"Parameter data out of range"'),
        (":SOUR:VOLT:RANG 0.2;LEV 0.3", None),
        (":SYST:ERR?", '-222,"Parameter data out of range"'),
    ],
    "an error ends the message": [
        (":SOUR:VOLT 1;:FOO 1;:SOUR:VOLT 2", None),
        (":SOUR:VOLT?", "1.000000E+00"),
    ],
    "the error queue overflows": [
        *[("FOO", None)] * 12,
        (":SYST:ERR:COUN?", "10"),
        *[(":SYST:ERR?", '-113,"Undefined header"')] * 9,
        (":SYST:ERR?", '-350,"Queue overflow"'),
        (":SYST:ERR?", '0,"No error"'),
    ],
    "a range rounds up": [
        (":SENS:CURR:PROT 1E-2;RANG 2E-6;RANG?", "1.050000E-05"),
        (":SENS:CURR:RANG:AUTO?", "0"),
    ],
    "compliance and measuring range hang together": [
        (":SOUR:FUNC VOLT;:SENS:CURR:RANG 1E-3", None),
        (":SYST:ERR?", '+824,"Cannot exceed compliance range"'),
        (":SENS:CURR:PROT 1E-3;RANG 1E-3;PROT 1E-7", None),
        (":SYST:ERR?", '+822,"Too small for sense range"'),
    ],
    "the operating area": [
        (":SENS:CURR:PROT 1;:SOUR:VOLT 30", None),
        (":SYST:ERR?", '+826,"Attempt to exceed power limit"'),
    ],
    "functions": [
        (":SENS:FUNC 'VOLT'", None),
        (":SENS:FUNC?", '"VOLT:DC","CURR:DC"'),
        (":SENS:FUNC:OFF 'CURR:DC';:SENS:FUNC?", '"VOLT:DC"'),
        (":SENS:FUNC:CONC OFF;:SENS:FUNC 'CURR','VOLT'", None),
        (":SYST:ERR?", '-221,"Settings conflict"'),
        (":SENS:FUNC 'CURR';:SENS:FUNC?", '"CURR:DC"'),
    ],
    "elements keep the instrument's order": [
        (":FORM:ELEM STAT,CURR,VOLT;:FORM:ELEM?", "VOLT,CURR,STAT"),
    ],
    "a reading needs the output": [
        (":READ?", None),
        (":SYST:ERR?", '+803,"Not permitted with OUTPUT off"'),
        (":INIT", None),
        (":SYST:ERR?", '+803,"Not permitted with OUTPUT off"'),
        (":FETC?", None),
        (":SYST:ERR?", '-230,"Data corrupt or stale"'),
    ],
    "counts": [
        (":ARM:COUN 50;:TRIG:COUN 51", None),
        (":SYST:ERR?", '-222,"Parameter data out of range"'),
        (":TRIG:COUN?;:ARM:COUN?", "1;50"),
    ],
    "status": [
        ("*ESR?", "128"),
        ("FOO", None),
        ("*STB?", "4"),
        ("*ESE 32;*STB?", "36"),
        ("*SRE 32;*STB?", "100"),
        ("*ESR?", "32"),
        ("*CLS;*STB?", "0"),
        ("*OPC;*ESR?;*OPC?", "1;1"),
        (":STAT:MEAS:ENAB 512;ENAB?", "512"),
        (":STAT:OPER:COND?", "1024"),
    ],
    "reset": [
        (":OUTP ON;:SOUR:VOLT 1;:SYST:RSEN ON;:SENS:CURR:PROT 1", None),
        ("*RST", None),
        (":OUTP?;:SOUR:VOLT?;:SYST:RSEN?;:SENS:CURR:PROT?", "0;0.000000E+00;0;1.050000E-04"),
    ],
    "a sweep": [
        (":SOUR:VOLT:STAR 0;STOP 1;STEP 0.25", None),
        (":SOUR:LIST:VOLT 0,1,2;:SOUR:LIST:VOLT:APP 3;:SOUR:LIST:VOLT:POIN?", "4"),
        (":SOUR:VOLT:CENT 1;SPAN 4;STAR?", "-1.000000E+00"),
    ],
    "registers in other notations": [
        (":STAT:MEAS:ENAB #H2FF;ENAB?", "767"),
        ("*ESE #B100001;*ESE?", "33"),
        ("*SRE #Q40;:FORM:SREG HEX;*SRE?;:FORM:SREG?", "#H20;HEX"),
        (":FORM:SREG BIN;*ESE?;:FORM:SREG OCT;*ESE?", "#B100001;#Q41"),
        ("*ESE #H100", None),
        ("*ESE #Bxy", None),
        (":SYST:ERR:ALL?", '-222,"Parameter data out of range",-104,"Data type error"'),
    ],
    "setups in memory": [
        (":SOUR:VOLT 0.5;:SENS:CURR:NPLC 3;:OUTP ON;*SAV 2;*RST;*RCL 2", None),
        (":SOUR:VOLT?;:SENS:CURR:NPLC?;:OUTP?", "5.000000E-01;3.000000E+00;0"),
        ("*RCL 3", None),
        (":SYST:ERR?", '-222,"Parameter data out of range"'),
    ],
    "words on the display": [
        (":DISP:TEXT 'hello; there';:DISP:WIND2:TEXT:STAT ON", None),
        (":SYST:ERR?", '0,"No error"'),
    ],
    "limits of autorange": [
        (":SENS:CURR:RANG:AUTO:LLIM 2E-6;LLIM?", "1.050000E-05"),
        (":SENS:CURR:PROT 1E-3;RANG:AUTO:ULIM?", "1.050000E-03"),
        (":SENS:RES:RANG:AUTO:ULIM 1E3;ULIM?", "2.100000E+03"),
    ],
    "settings of no effect here": [
        (":SYST:BEEP 500, 0.1", None),
        (":DISP:ENAB OFF;:DISP:ENAB?", "0"),
        (":ROUT:TERM REAR;:ROUT:TERM?", "REAR"),
        (":SYST:ERR?", '0,"No error"'),
    ],
}  # fmt: skip


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_session(session: list[tuple[str, str | None]]) -> None:
    k = keithley()
    assert [(sent, k.handle(sent)) for sent, _ in session] == session


# Readings


def test_a_reading_has_five_elements_of_seven_digits() -> None:
    answer = ready().handle(":SOUR:VOLT 0.01;:READ?")
    assert answer is not None
    voltage, current, resistance, _, status = answer.split(",")
    assert (voltage, current) == ("+1.000000E-02", "+1.000000E-05")
    assert resistance == "+9.910000E+37"
    assert int(float(status)) == 0b101100000000100  # source V, measured V and I, front terminals


def test_what_is_not_measured_is_the_programmed_level_or_not_a_number() -> None:
    k = ready()
    k.handle(":SENS:FUNC:OFF 'VOLT';:SOUR:VOLT 0.5;:SENS:CURR:PROT 1E-2")
    assert numbers(k.handle(":READ?"))[VOLTAGE] == 0.5
    k.handle(":SENS:FUNC:OFF:ALL;:SENS:FUNC 'VOLT'")
    assert numbers(k.handle(":READ?"))[CURRENT] == 9.91e37


def test_ohms_are_the_ratio_with_a_manual_source() -> None:
    k = ready(ohm=470.0)
    k.handle(":SENS:RES:MODE MAN;:SENS:FUNC:ALL;:SOUR:VOLT 0.1")
    assert numbers(k.handle(":READ?"))[RESISTANCE] == pytest.approx(470.0, rel=1e-4)


@pytest.mark.parametrize("ohm", [47.0, 1e3, 33e3, 470e3, 15e6])
def test_automatic_ohms_find_their_range(ohm: float) -> None:
    k = keithley(ohm=ohm)
    reading = numbers(k.handle(":MEAS:RES?"))
    assert reading[RESISTANCE] == pytest.approx(ohm, rel=1e-3)


@given(level=st.floats(-0.21, 0.21))
def test_the_source_has_steps_of_five_microvolts_on_200_mV(level: float) -> None:
    k = ready()
    k.handle(f":SOUR:VOLT:RANG 0.2;LEV {level:.9g}")
    voltage = k.world.source_level_V
    assert voltage == pytest.approx(level, abs=2.5001e-6)
    assert voltage / 5e-6 == pytest.approx(round(voltage / 5e-6), abs=1e-6)


@pytest.mark.parametrize(("sign"), [1, -1])
def test_compliance_clamps_and_reports(sign: int) -> None:
    k = ready(ohm=100.0)
    reading = numbers(k.handle(f":SOUR:VOLT {sign};:READ?"))
    assert reading[CURRENT] == pytest.approx(sign * 1e-3, rel=1e-6)
    assert reading[VOLTAGE] == pytest.approx(sign * 0.1, rel=1e-4)
    assert int(reading[STATUS]) & 8
    assert k.handle(":SENS:CURR:PROT:TRIP?;:STAT:MEAS?") == f"1;{(1 << 14) | (1 << 6)}"
    assert k.world.junction_current_A == pytest.approx(sign * 1e-3)


def test_a_fixed_range_below_the_compliance_clamps_as_range_compliance() -> None:
    k = ready(ohm=100.0)
    reading = numbers(k.handle(":SENS:CURR:RANG 1E-5;:SOUR:VOLT 1;:READ?"))
    assert reading[CURRENT] == pytest.approx(1.05e-5)
    assert int(reading[STATUS]) & (8 | 1 << 16) == 1 << 16


def test_a_voltage_limit_holds_when_a_current_is_sourced() -> None:
    k = keithley(ohm=1e6)
    k.handle(":SOUR:FUNC CURR;:SENS:FUNC 'VOLT','CURR';:SENS:VOLT:PROT 0.5;:OUTP ON")
    reading = numbers(k.handle(":SOUR:CURR 1E-5;:READ?"))
    assert reading[VOLTAGE] == pytest.approx(0.5, rel=1e-6)
    assert reading[CURRENT] == pytest.approx(0.5e-6, rel=1e-3)
    assert int(reading[STATUS]) & 8


def test_zero_current_finds_the_offset_voltage_of_a_junction() -> None:
    k = keithley(ohm=157.0, offset_V=4.05e-3)
    k.handle(":SOUR:FUNC CURR;:SENS:FUNC 'VOLT';:SENS:VOLT:PROT 1;:OUTP ON")
    assert numbers(k.handle(":READ?"))[VOLTAGE] == pytest.approx(4.05e-3, abs=1e-7)


@given(exponent=st.floats(-8.5, -2.2))
def test_autorange_finds_the_most_sensitive_range(exponent: float) -> None:
    current = 10.0**exponent
    k = ready(ohm=0.1 / current)
    k.handle(":SENS:CURR:PROT 1E-2;:SOUR:VOLT 0.1")
    k.handle(":READ?")
    full_scale = float(k.handle(":SENS:CURR:RANG?") or "nan")
    assert current <= full_scale
    assert full_scale == 1.05e-6 or current > 0.095 * full_scale


def test_two_wires_see_the_leads_and_four_do_not() -> None:
    constants = WorldSettings(lead_resistance_ohm=2.0)
    k = ready(ohm=100.0, constants=constants)
    k.handle(":SENS:RES:MODE MAN;:SENS:FUNC:ALL;:SOUR:VOLT 0.05")
    assert numbers(k.handle(":READ?"))[RESISTANCE] == pytest.approx(102.0, rel=1e-3)
    k.handle(":SYST:RSEN ON")
    assert numbers(k.handle(":READ?"))[RESISTANCE] == pytest.approx(100.0, rel=1e-3)


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
    assert k.world.source_level_V == 0.0
    assert k.world.junction_voltage_V == pytest.approx(voltage, abs=1e-9)
    assert k.world.junction_current_A == pytest.approx(current, abs=1e-12)


def test_normal_output_off_limits_the_current_to_half_a_percent_of_the_range() -> None:
    k = ready(ohm=1e3, offset_V=4e-3)
    k.handle(":SENS:CURR:RANG 1E-4;:OUTP:SMOD NORM;:OUTP OFF")
    assert k.world.junction_current_A == pytest.approx(-0.5e-6)


@settings(deadline=None, max_examples=5)
@given(nplc=st.sampled_from([0.1, 1.0, 2.0, 10.0]))
def test_readings_scatter_as_the_integration_time_says(nplc: float) -> None:
    quiet = WorldSettings(voltmeter_pickup_V=0.0, ammeter_pickup_of_range=0.0)
    k = ready(constants=quiet)
    k.handle(f":SENS:VOLT:NPLC {nplc};:SOUR:VOLT:RANG 0.2;:TRIG:COUN 1000;:FORM:ELEM VOLT")
    scatter = standard_deviation(numbers(k.handle(":READ?")))
    assert scatter == pytest.approx(0.4e-6 / math.sqrt(nplc), rel=0.1, abs=0.02e-6)


@pytest.mark.parametrize("kind", ["REP", "MOV"])
def test_the_filter_averages(kind: str) -> None:
    k = ready(constants=WorldSettings())
    k.handle(f":SENS:AVER:TCON {kind};COUN 25;STAT ON;:SOUR:VOLT:RANG 0.2;:TRIG:COUN 900")
    rows = numbers(k.handle(":READ?"))
    voltages = rows[25 * 5 :: 5]
    assert standard_deviation(voltages) < 0.4e-6 / 3.0
    assert int(rows[STATUS]) & 2


@pytest.mark.parametrize(
    ("ohm", "range_A", "v_bound", "i_bound"),
    [(100.0, 1e-3, 40e-6, 0.11e-6), (1e3, 1e-4, 20e-6, 30e-9), (1e4, 1e-5, 30e-6, 0.8e-9)],
)
def test_the_line_keeps_the_offsets_of_the_calibrated_resistors(
    ohm: float, range_A: float, v_bound: float, i_bound: float
) -> None:
    k = ready(ohm=ohm, constants=WorldSettings())
    levels = [1e-3 * n for n in range(-10, 11)]
    k.handle(f":SENS:CURR:RANG {range_A};:SOUR:VOLT:MODE LIST;:TRIG:COUN {len(levels)}")
    k.handle(":SOUR:LIST:VOLT " + ",".join(f"{v:g}" for v in levels))
    rows = numbers(k.handle(":READ?"))
    v, i = rows[VOLTAGE::5], rows[CURRENT::5]
    mean_v, mean_i = sum(v) / len(v), sum(i) / len(i)
    slope = sum((a - mean_v) * (b - mean_i) for a, b in zip(v, i, strict=True)) / sum(
        (a - mean_v) ** 2 for a in v
    )
    i_off = mean_i - slope * mean_v
    assert abs(i_off) < 0.75 * i_bound
    assert abs(i_off / slope) < 0.75 * v_bound


class AnyOrderOfCommands(RuleBasedStateMachine):
    """Whatever is sent: the junction never sees more than level and compliance allow."""

    def __init__(self) -> None:
        super().__init__()
        self.k = keithley(ohm=330.0, offset_V=4e-3)
        self.k.handle("*CLS")

    @rule(on=st.booleans())
    def output(self, on: bool) -> None:
        self.k.handle(f":OUTP {on:d}")
        assert self.k.handle(":OUTP?") == f"{on:d}"

    @rule(function=st.sampled_from(["VOLT", "CURR"]))
    def source(self, function: str) -> None:
        self.k.handle(f":SOUR:FUNC {function}")

    @rule(volt=st.floats(-300.0, 300.0), ampere=st.floats(-1.5, 1.5))
    def levels(self, volt: float, ampere: float) -> None:
        self.k.handle(f":SOUR:VOLT {volt:.6g}")
        self.k.handle(f":SOUR:CURR {ampere:.6g}")

    @rule(volt=st.floats(1e-3, 300.0), ampere=st.floats(1e-8, 1.5))
    def compliance(self, volt: float, ampere: float) -> None:
        self.k.handle(f":SENS:VOLT:PROT {volt:.6g}")
        self.k.handle(f":SENS:CURR:PROT {ampere:.6g}")

    @rule(ampere=st.floats(1e-7, 1.0), wires=st.booleans(), automatic=st.booleans())
    def ranges(self, ampere: float, wires: bool, automatic: bool) -> None:
        self.k.handle(f":SENS:CURR:RANG {ampere:.6g}")
        self.k.handle(f":SENS:CURR:RANG:AUTO {automatic:d};:SYST:RSEN {wires:d}")

    @rule(mode=st.sampled_from(["FIX", "SWE", "LIST"]), count=st.integers(1, 5))
    def sweep(self, mode: str, count: int) -> None:
        self.k.handle(f":SOUR:VOLT:MODE {mode};STAR -1;STOP 1;STEP 0.5;:TRIG:COUN {count}")
        self.k.handle(":SOUR:LIST:VOLT 0.1,-0.2,0.3")

    @rule()
    def read(self) -> None:
        answer = self.k.handle(":READ?")
        assert (answer is None) == (self.k.handle(":OUTP?") == "0")

    @rule()
    def reset(self) -> None:
        self.k.handle("*RST")
        assert not self.k.world.output_on

    @invariant()
    def limits_hold(self) -> None:
        settings, world = self.k.unit.settings, self.k.world
        if world.output_on and settings.source_function == "VOLT":
            assert abs(world.junction_current_A) <= settings.current_compliance * (1 + 1e-9)
        elif world.output_on:
            assert abs(world.junction_voltage_V) <= settings.voltage_compliance * (1 + 1e-9)

    @invariant()
    def nothing_breaks(self) -> None:
        codes = numbers(self.k.handle(":SYST:ERR:CODE?"))
        assert codes[0] in (0, -222, -221, -350, 803, 822, 824, 826)
        assert self.k.handle("*IDN?") == Keithley2400.identity


TestAnyOrderOfCommands = AnyOrderOfCommands.TestCase


# Time


def seconds_for(k: Keithley2400, *messages: str) -> float:
    k.world.clock.sleep_until(k.time_s)
    start = k.world.now()
    for message in messages:
        k.handle(message)
    return k.time_s - start


def test_an_exchange_costs_the_latency_of_the_bus() -> None:
    k = ready()
    assert seconds_for(k, "*IDN?") == pytest.approx(0.005)
    assert seconds_for(k, ":SOUR:VOLT 0.1", ":SOUR:VOLT 0.2") == pytest.approx(0.010)


def test_a_reading_costs_delay_and_conversions() -> None:
    k = ready()
    k.handle(":SENS:CURR:RANG 1E-4;:SENS:CURR:NPLC 2;:SOUR:DEL 0.1;:SYST:AZER OFF")
    assert seconds_for(k, ":READ?") == pytest.approx(0.005 + 0.1 + 2 * 0.04)
    k.handle(":SYST:AZER ON")
    assert seconds_for(k, ":READ?") == pytest.approx(0.005 + 0.1 + 3 * 2 * 0.04)
    k.handle(":SENS:AVER:COUN 5;STAT ON;:SENS:FUNC:OFF 'VOLT'")
    assert seconds_for(k, ":READ?") == pytest.approx(0.005 + 0.1 + 3 * 5 * 0.04)


def test_the_junction_is_read_in_the_middle_of_the_integration() -> None:
    junction = Resistor(1e3)
    world = world_with(junction, IDEAL)
    k = Keithley2400(world, latency_s=0.0)
    k.handle(READY + ";:SENS:CURR:NPLC 10;:SYST:AZER OFF;:SENS:CURR:RANG 1E-4")
    with world.lock:
        world.magnet.set_heater(0.0, True)
        world.sync(20.0)
        world.clock.sleep_until(20.0)
        world.magnet.ramp_lead(20.0, 1.0, 0.1)
    start = world.now()
    k.handle(":SOUR:DEL 0;:READ?")
    middle = start + 0.5 * 2 * 10 / 50.0
    assert any(f == pytest.approx(0.1 * (middle - 20.0)) for f in junction.fields_T)


# Trigger model and buffer


def test_a_buffered_list_sweep_drives_every_level_once() -> None:
    k = ready()
    k.handle(":SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0,0.01,0.02,0.01;:TRIG:COUN 4")
    k.handle(":FORM:ELEM VOLT;:TRAC:POIN 4;:TRAC:FEED SENS;:TRAC:FEED:CONT NEXT")
    k.handle(":STAT:MEAS:ENAB 512;*SRE 1;:INIT")
    assert k.handle("*STB?") == "65"
    expected = [0.0, 0.01, 0.02, 0.01]
    assert numbers(k.handle(":TRAC:DATA?")) == pytest.approx(expected)
    assert numbers(k.handle(":FETC?")) == pytest.approx(expected)
    assert k.handle(":TRAC:POIN:ACT?;:TRAC:FEED:CONT?") == "4;NEV"


@pytest.mark.parametrize(
    ("spacing", "levels"),
    [("LIN", [0.1, 0.4, 0.7, 1.0]), ("LOG", [0.1, 0.2154435, 0.4641589, 1.0])],
)
def test_staircases(spacing: str, levels: list[float]) -> None:
    k = ready(ohm=1e6)
    k.handle(f":SOUR:VOLT:STAR 0.1;STOP 1;MODE SWE;:SOUR:SWE:SPAC {spacing};POIN 4;:TRIG:COUN 4")
    k.handle(":FORM:ELEM VOLT;:SOUR:VOLT:RANG 2")
    assert numbers(k.handle(":READ?")) == pytest.approx(levels, abs=5e-5)
    k.handle(":SOUR:SWE:DIR DOWN")
    assert numbers(k.handle(":READ?")) == pytest.approx(levels[::-1], abs=5e-5)


def test_a_sweep_stays_on_the_best_source_range_for_all_its_levels() -> None:
    k = ready(ohm=1e6)
    k.handle(":SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.000015,0.3;:TRIG:COUN 2;:FORM:ELEM VOLT")
    assert numbers(k.handle(":READ?")) == pytest.approx([0.0, 0.3], abs=1e-9)  # steps of 50 µV
    k.handle(":SOUR:SWE:RANG AUTO")
    assert numbers(k.handle(":READ?")) == pytest.approx([15e-6, 0.3], abs=1e-9)


@pytest.mark.parametrize(
    ("setup", "code"),
    [
        (":SOUR:VOLT:RANG 0.2", -222),
        (":SOUR:VOLT:RANG 0.2;:SOUR:VOLT:RANG:AUTO ON;:SOUR:SWE:RANG FIX", -222),
        (":SOUR:VOLT:STAR 30;STOP 40;:SENS:CURR:PROT 1", 826),
        (":SOUR:SWE:SPAC LOG", -221),
    ],
)
def test_a_sweep_that_cannot_be_made_is_refused_before_it_begins(setup: str, code: int) -> None:
    k = ready()
    k.handle(f":SOUR:VOLT:STAR 0;STOP 1;STEP 0.5;MODE SWE;:TRIG:COUN 3;{setup}")
    assert k.handle(":READ?") is None
    assert k.handle(":SYST:ERR:CODE?") == str(code)
    assert k.world.largest_voltage_V < 1e-6


def test_a_list_can_start_at_another_of_its_levels() -> None:
    k = ready(ohm=1e6)
    k.handle(":SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.1,0.2,0.3;VOLT:STAR 2;:TRIG:COUN 3")
    assert numbers(k.handle(":FORM:ELEM VOLT;:READ?")) == pytest.approx([0.2, 0.3, 0.1])
    k.handle(":SOUR:LIST:VOLT:STAR 4;:READ?")
    assert k.handle(":SYST:ERR:CODE?") == "-221"


def test_autorange_keeps_above_its_lower_limit() -> None:
    k = ready(ohm=1e6)
    k.handle(":SENS:CURR:RANG:AUTO:LLIM 1E-4;:SOUR:VOLT 0.1;:READ?")
    assert k.handle(":SENS:CURR:RANG?") == "1.050000E-04"


def test_the_fixed_mode_brings_back_the_programmed_level() -> None:
    k = ready(ohm=1e6)
    k.handle(":SOUR:VOLT 0.05;:SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.1,0.2;:TRIG:COUN 2;:READ?")
    assert k.world.source_level_V == pytest.approx(0.2)
    k.handle(":SOUR:VOLT:MODE FIX")
    assert k.world.source_level_V == pytest.approx(0.05)


def test_a_sweep_takes_the_time_of_the_specified_rate() -> None:
    k = ready()
    k.handle(":SENS:CURR:RANG 1E-4;:SENS:CURR:NPLC 0.01;:SYST:AZER OFF;:SOUR:DEL 0")
    k.handle(":SENS:FUNC:OFF 'VOLT';:SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0,0.01;:TRIG:COUN 2500")
    assert 2500 / (seconds_for(k, ":READ?") - 0.005) == pytest.approx(1515, rel=0.01)


def test_a_sweep_can_end_at_the_first_point_in_compliance() -> None:
    k = ready(ohm=1e3)
    k.handle(":SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.5,0.9,1.3,1.7;:TRIG:COUN 4;:FORM:ELEM CURR")
    k.handle(":SOUR:SWE:CAB EARL")
    assert numbers(k.handle(":READ?")) == pytest.approx([5e-4, 9e-4, 1e-3], rel=1e-6)


def test_the_interlock_blocks_the_output_when_it_is_asked_for() -> None:
    k = keithley()
    k.handle(":OUTP:ENAB ON;:OUTP ON")
    assert k.handle(":SYST:ERR?;:OUTP?") == '+802,"OUTPUT blocked by output enable";0'


def test_the_wrong_line_frequency_lets_the_mains_through() -> None:
    quiet = WorldSettings(voltmeter_noise_of_range=0.0)
    k = ready(constants=quiet)
    k.handle(":SENS:VOLT:NPLC 1;:SOUR:VOLT:RANG 0.2;:TRIG:COUN 50;:FORM:ELEM VOLT")
    k.handle(":SENS:FUNC:OFF 'CURR';:SYST:AZER OFF;:SOUR:DEL 0.0013")
    right = numbers(k.handle(":READ?"))
    wrong = numbers(k.handle(":SYST:LFR 60;:READ?"))
    assert max(right) - min(right) <= 1e-7
    assert max(wrong) - min(wrong) > 0.2 * quiet.voltmeter_pickup_V


def test_the_world_knows_the_largest_voltage_that_the_junction_saw() -> None:
    k = ready(ohm=1e6)
    k.handle(":SOUR:VOLT 0.1")
    k.handle(":SOUR:VOLT -0.25")
    k.handle(":SOUR:VOLT 0")
    assert k.world.largest_voltage_V == pytest.approx(0.25)


def test_statistics_of_the_buffer() -> None:
    k = ready()
    k.handle(":SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.01,0.03;:TRIG:COUN 2")
    k.handle(":TRAC:POIN 2;:TRAC:FEED:CONT NEXT;:INIT")
    assert numbers(k.handle(":CALC3:FORM MEAN;:CALC3:DATA?"))[0] == pytest.approx(0.02)
    assert numbers(k.handle(":CALC3:FORM PKPK;:CALC3:DATA?"))[0] == pytest.approx(0.02)
    assert numbers(k.handle(":CALC3:FORM SDEV;:CALC3:DATA?"))[0] == pytest.approx(0.02 / 2**0.5)


def test_abort_stops_a_sweep_where_it_is() -> None:
    k = ready()
    k.handle(":SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.01,0.02,0.03;:TRIG:COUN 3;:SOUR:DEL 10")
    k.handle(":INIT")
    k.world.clock.sleep(15.0)
    assert k.world.source_level_V == pytest.approx(0.02)
    assert k.handle(":ABOR") is None
    k.world.clock.sleep(100.0)
    assert k.world.source_level_V == pytest.approx(0.02)
    assert len(numbers(k.handle(":FETC?"))) == 5


def test_arms_without_end_keep_the_latest_readings_until_abort() -> None:
    k = ready()
    k.handle(":SOUR:VOLT 0.1;:ARM:COUN INF;:FORM:ELEM TIME;:INIT")
    k.world.clock.sleep(7 * 86_400.0)
    assert k.handle(":ABOR") is None
    times = numbers(k.handle(":FETC?"))
    assert len(times) == 2500
    assert times[-1] == pytest.approx(7 * 86_400.0 - 600_000.0, abs=1.0)  # a time stamp turns over
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert steps == pytest.approx([steps[0]] * 2499, abs=0.002)
    assert k.handle(":OUTP?;:SYST:ERR?") == '1;0,"No error"'


def test_a_buffer_takes_the_first_readings_of_arms_without_end() -> None:
    k = ready()
    k.handle(":ARM:COUN INF;:FORM:ELEM TIME;:TRAC:POIN 3;FEED:CONT NEXT;:INIT")
    k.world.clock.sleep(3600.0)
    assert k.handle(":ABOR") is None
    assert numbers(k.handle(":TRAC:DATA?"))[-1] < 1.0


def test_a_bus_trigger_starts_what_waits_for_it() -> None:
    k = ready()
    k.handle(":ARM:SOUR BUS;:INIT")
    k.handle("*TRG")
    assert len(numbers(k.handle(":FETC?"))) == 5
    k.handle("*TRG")
    assert k.handle(":SYST:ERR?") == '-211,"Trigger ignored"'


def test_an_arm_timer_spaces_the_readings() -> None:
    k = ready()
    k.handle(":ARM:SOUR TIM;TIM 2.5;COUN 4;:SENS:CURR:RANG 1E-4;:FORM:ELEM TIME")
    times = numbers(k.handle(":READ?"))
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([2.5] * 3)


def test_auto_output_off_switches_around_each_reading() -> None:
    k = ready()
    k.handle(":OUTP OFF;:SOUR:CLE:AUTO ON;:SOUR:VOLT 0.1")
    assert numbers(k.handle(":READ?"))[CURRENT] == pytest.approx(1e-4)
    assert k.handle(":OUTP?") == "0"


def test_measure_switches_the_output_on_and_keeps_the_compliance() -> None:
    k = keithley()
    k.handle(":SENS:CURR:PROT 1E-6")
    assert len(numbers(k.handle(":MEAS:CURR?"))) == 5
    assert k.handle(":OUTP?;:SENS:CURR:PROT?") == "1;1.000000E-06"


def test_texts_of_the_display_and_the_beeper_are_answered() -> None:
    k = keithley()
    k.handle(':DISP:TEXT "hello";TEXT:STAT ON;:DISP:WIND2:TEXT:DATA "below";:SYST:BEEP:STAT OFF')
    assert k.handle(":DISP:WIND1:TEXT:DATA?;STAT?") == '"hello";1'
    assert k.handle(":DISPLAY:WINDOW2:TEXT?;:DISP:WIND2:TEXT:STAT?") == '"below";0'
    assert k.handle(":SYST:BEEP:STAT?;:SYST:ERR?") == '0;0,"No error"'


def test_all_errors_as_numbers() -> None:
    k = keithley()
    k.handle("FOO")
    k.handle(":SOUR:VOLT 500")
    assert k.handle(":SYST:ERR:CODE:ALL?") == "-113,-222"
    assert k.handle(":SYST:ERR:CODE:ALL?") == "0"
