"""The virtual Lake Shore 335 and 336 as their manuals describe them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nanojunction.instruments.virtual import WorldSettings
from nanojunction.instruments.virtual.lakeshore33x import LakeShore33x, LakeShore335, LakeShore336
from nanojunction.instruments.virtual.lakeshore33x.inputs import curves
from nanojunction.instruments.virtual.lakeshore33x.parameters import six_digits
from tests.virtual_bench import world_with

QUIET = WorldSettings(sensor_noise_K=0.0, sensor_drift_K=0.0)
COMMAND_ERROR, EXECUTION_ERROR = "032", "016"


def controller(model: type[LakeShore33x] = LakeShore336) -> LakeShore33x:
    return model(world_with(settings=QUIET), latency_s=0.005)


def after(instrument: LakeShore33x, seconds: float) -> None:
    instrument.world.clock.sleep(seconds)


SESSIONS = {
    "power-up": [
        ("*IDN?", "LSCI,MODEL336,LSA0001/#######,2.1"),
        ("*ESR?", "128"),
        ("*ESR?", "000"),
        ("KRDG? A", "+295.000"),
        ("SETP? 1", "+295.000"),
        ("RANGE? 1", "3"),
        ("MODE?", "0"),
    ],
    "long messages, cases, blanks, leading colons": [
        ("krdg? a;:KRDG? b ; ;SETP? 1", "+295.000;+295.000;+295.000"),
        ("  PID 1 , 10 ,  5,2 ;:PID? 1", "+0010.0,+0005.0,+002.0"),
        ("SETP 1,1e2;SETP? 1", "+100.000"),
        ("SETP 1,+.5;SETP? 1", "+0.50000"),
        ("", None),
        (";;", None),
    ],
    "what cannot be understood is ignored, the rest is carried out": [
        ("*CLS", None),
        ("NONSENSE 1;SETP 1,50;SETP? 1", "+50.0000"),
        ("*ESR?", COMMAND_ERROR),
        ("SYST:ERR?", None),
        ("*ESR?", COMMAND_ERROR),
        ("KRDG?;*ESR?", COMMAND_ERROR),
        ("KRDG? Z;*ESR?", EXECUTION_ERROR),
        ("PID 1,ten;*ESR?", COMMAND_ERROR),
        ("PID 1;*ESR?", COMMAND_ERROR),
        ("PID 1,1,1,1,1;*ESR?", COMMAND_ERROR),
    ],
    "what is out of range changes nothing": [
        ("*CLS;PID 1,10,20,30", None),
        ("PID 1,5000;*ESR?;PID? 1", "016;+0010.0,+0020.0,+030.0"),
        ("RANGE 1,4;*ESR?;RANGE? 1", "016;3"),
        ("RANGE 3,2;*ESR?", EXECUTION_ERROR),
        ("SETP 1,600;*ESR?;SETP? 1", "016;+295.000"),
        ("RAMP 1,1,0.05;*ESR?;RAMP? 1", "016;0,+010.0"),
        ("OUTMODE 1,4,1,0;*ESR?", EXECUTION_ERROR),
        ("SETP 5,10;*ESR?", EXECUTION_ERROR),
    ],
    "status": [
        ("*CLS;*ESE 32;*SRE 32;NONSENSE", None),
        ("*STB?", "096"),
        ("*ESE?;*SRE?", "032;032"),
        ("*ESR?;*STB?", "032;000"),
        ("*OPC;*ESR?", "001"),
        ("*OPC?", "1"),
        ("*TST?", "0"),
        ("*CLS", None),
    ],
    "blank fields stay as they are": [
        ("ALARM A,1,300,4,0.5,0,1,0", None),
        ("ALARM A,0,,,,,,;ALARM? A", "0,+300.000,+4.00000,+0.50000,0,1,0"),
        ("RELAY 1,2,B,1;RELAY 1,1,,;RELAY? 1", "1,B,1"),
    ],
    "curves": [
        ("INCRV? A;INCRV? B;INCRV? D", "02;21;00"),
        ("CRVHDR? 2", "DT-670         ,STANDARD C,2,+500.000,1"),
        ("CRVHDR? 21", "CX-1050        ,X123456   ,4,+420.000,1"),
        ('CRVHDR 22,"Mine, two",A1,4,325,1', None),
        ("CRVHDR? 22", "Mine, two      ,A1        ,4,+325.000,1"),
        ("CRVPT 22,1,1.5,300;CRVPT? 22,1", "+1.50000,+300.000"),
        ("*CLS;CRVHDR 2,X,Y,2,1,1;*ESR?", EXECUTION_ERROR),
        ("INCRV B,2;*ESR?;INCRV? B", "016;00"),
        ("CRVDEL 22;CRVHDR? 22", "User 22        ,          ,2,+375.000,1"),
    ],
    "names, locks, displays": [
        ("INNAME? B", "Sample         "),
        ('INNAME B,"a;b,c";INNAME? B', "a;b,c          "),
        ("LOCK 1,7;LOCK?", "1,007"),
        ("BRIGT 10;BRIGT?", "10"),
        ("DISPLAY 4,1,2;DISPLAY?", "4,1,2"),
        ("LEDS 0;LEDS?", "0"),
        ("FILTER A,1,16,5;FILTER? A", "1,16,05"),
        ("HTRSET 1,1,2,0,2;HTRSET? 1", "1,2,+0.000,2"),
        (
            "ZONE 1,1,25,10,20,0,5,2,1,3;ZONE? 1,1",
            "+25.0000,+0010.0,+0020.0,+000.0,+5.00000,2,1,+003.0",
        ),
        ("ANALOG 3,1,1,300,0,0;ANALOG? 3", "1,1,+300.000,+0.00000,0"),
        ("TLIMIT B,400;TLIMIT? B", "+0400"),
        ("DFLT 99;LEDS?;TLIMIT? B", "1;+0000"),
    ],
}


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_session(session: list[tuple[str, str | None]]) -> None:
    instrument = controller()
    assert [(sent, instrument.handle(sent)) for sent, _ in session] == session


def test_the_335_has_two_inputs_and_a_command_set_of_its_own() -> None:
    instrument = controller(LakeShore335)
    assert instrument.handle("*CLS;EMUL 0;KRDG? C;*ESR?") == EXECUTION_ERROR
    assert instrument.handle("HTRSET 2,1,1,0,1,1;HTRSET? 2") == "1,1,0,+1.000,1"
    assert instrument.handle("POLARITY 2,1;POLARITY?") == "1"
    assert instrument.handle("DISPLAY 6;DISPLAY?") == "6"
    assert instrument.handle("NET?;*ESR?") == COMMAND_ERROR


def test_a_line_beyond_255_characters_or_of_junk_is_a_command_error() -> None:
    instrument = controller()
    for line in ("SETP 1,50;" * 26, "SETP 1,50\x00", "SETP 1,50µ"):
        assert instrument.handle("*CLS") is None
        assert instrument.handle(line) is None
        assert instrument.handle("*ESR?;SETP? 1") == "032;+295.000"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "+0.00000"),
        (4.2, "+4.20000"),
        (9.999996, "+10.0000"),
        (-3.5, "-3.50000"),
        (12345.6, "+12345.6"),
    ],
)
def test_numbers_have_six_digits(value: float, text: str) -> None:
    assert six_digits(value) == text


def test_readings_in_all_units_belong_to_the_curve() -> None:
    instrument = controller()
    assert instrument.handle("CRDG? A") == "+21.8500"
    volt = float(instrument.handle("SRDG? A") or "")
    assert curves()[2].kelvin(volt)[0] == pytest.approx(295.0, abs=0.01)
    assert instrument.handle("KRDG? 0;RDGST? D") == "+295.000,+295.000,+295.000,+0.00000;001"
    assert instrument.handle("MDAT? A") == "+295.000,+295.000"


def test_an_open_sensor_is_no_temperature() -> None:
    instrument = controller()
    instrument.disconnect("B")
    assert instrument.handle("RDGST? B;KRDG? B") == "129;+0.00000"
    assert instrument.handle("INCRV A,0;RDGST? A;KRDG? A") == "001;+0.00000"


def test_platinum_ends_at_twenty_kelvin() -> None:
    cold = WorldSettings(initial_temperature_K=10.0, sensor_noise_K=0.0, sensor_drift_K=0.0)
    instrument = LakeShore336(world_with(settings=cold))
    assert instrument.handle("RDGST? C;KRDG? C") == "016;+0.00000"
    assert instrument.handle("RDGST? A;KRDG? A") == "000;+10.0000"


def test_a_ramp_goes_at_its_rate_and_the_setpoint_shows_it() -> None:
    instrument = controller()
    instrument.handle("RAMP 1,1,10;SETP 1,255")
    after(instrument, 120.0)
    assert instrument.handle("RAMPST? 1;OPST?") == "1;016"
    assert float(instrument.handle("SETP? 1") or "") == pytest.approx(275.0, abs=0.01)
    after(instrument, 600.0)
    assert instrument.handle("RAMPST? 1;SETP? 1;OPST?") == "0;+255.000;024"
    assert instrument.world.temperature_K() == pytest.approx(255.0, abs=0.05)


def test_a_ramp_that_is_switched_off_stays_where_it_is() -> None:
    instrument = controller()
    instrument.handle("RAMP 1,1,10;SETP 1,255")
    after(instrument, 60.0)
    instrument.handle("RAMP 1,0,10")
    after(instrument, 600.0)
    assert float(instrument.handle("SETP? 1") or "") == pytest.approx(285.0, abs=0.01)


def test_a_low_range_does_not_hold_a_high_temperature() -> None:
    instrument = controller()
    instrument.handle("RANGE 1,1")
    after(instrument, 3600.0)
    assert instrument.handle("HTR? 1") == "+100.0"
    assert instrument.world.temperature_K() == pytest.approx(4.2 + 415.8 / 100, abs=0.01)


def test_open_loop_and_off() -> None:
    instrument = controller()
    instrument.handle("OUTMODE 1,3,1,0;MOUT 1,50")
    assert instrument.handle("HTR? 1;MOUT? 1") == "+050.0;+50.0000"
    after(instrument, 7200.0)
    assert instrument.world.temperature_K() == pytest.approx(4.2 + 415.8 * 0.25, abs=0.01)
    instrument.handle("RANGE 1,0")
    after(instrument, 7200.0)
    assert instrument.handle("HTR? 1") == "+000.0"
    assert instrument.world.temperature_K() == pytest.approx(4.2, abs=0.01)


def test_too_hot_shuts_all_outputs_down() -> None:
    instrument = controller()
    instrument.handle("TLIMIT B,310;SETP 1,320")
    after(instrument, 600.0)
    assert instrument.handle("RANGE? 1") == "0"


def test_an_open_control_sensor_switches_the_heater_off() -> None:
    instrument = controller()
    instrument.disconnect("A")
    after(instrument, 7200.0)
    assert instrument.handle("HTR? 1;RANGE? 1") == "+000.0;3"
    assert instrument.world.temperature_K() < 5.0


def test_reset_is_a_power_cycle() -> None:
    instrument = controller()
    instrument.handle("OUTMODE 1,1,1,0;PID 1,7,7,7;MODE 2;*RST")
    assert instrument.handle("RANGE? 1;PID? 1;MODE?") == "0;+0007.0,+0007.0,+007.0;0"


def test_setpoints_are_in_the_preferred_units_of_the_control_input() -> None:
    instrument = controller()
    instrument.handle("INTYPE A,1,0,0,0,2;SETP 1,-173.15")
    assert instrument.handle("SETP? 1") == "-173.150"
    after(instrument, 1800.0)
    assert instrument.world.temperature_K() == pytest.approx(100.0, abs=0.05)


def test_alarms_and_relays() -> None:
    instrument = controller()
    instrument.handle("ALARM A,1,290,10,1,0,1,1;RELAY 1,2,A,1")
    assert instrument.handle("ALARMST? A;RELAYST? 1;OPST?") == "1,0;1;017"
    instrument.handle("SETP 1,250")
    after(instrument, 1200.0)
    assert instrument.handle("ALARMST? A;RELAYST? 1") == "0,0;0"


def test_soft_calibration_goes_through_its_points() -> None:
    instrument = controller()
    instrument.handle("SCAL 2,30,SN1,4.2,1.6,300,0.55")
    assert instrument.handle("CRVHDR? 30") == "SoftCal        ,SN1       ,2,+500.000,1"
    points = {instrument.handle(f"CRVPT? 30,{n}") for n in range(1, 20)}
    assert {"+1.60000,+4.20000", "+0.55000,+300.000"} <= points


@given(line=st.text(max_size=80))
def test_any_line_leaves_the_instrument_in_order(line: str) -> None:
    instrument = controller()
    answer = instrument.handle(line)
    assert answer is None or answer.isascii()
    assert instrument.handle("*IDN?") == "LSCI,MODEL336,LSA0001/#######,2.1"


@given(value=st.floats(0.0, 500.0))
def test_a_setpoint_is_answered_to_six_digits(value: float) -> None:
    instrument = controller()
    instrument.handle(f"SETP 1,{value:f}")
    found = float(instrument.handle("SETP? 1") or "")
    assert found == pytest.approx(value, rel=1e-5, abs=1e-5)


class AnyOrderOfCommands(RuleBasedStateMachine):
    """Whatever is sent: the temperature stays within what gas and heater can do."""

    def __init__(self) -> None:
        super().__init__()
        self.instrument = controller()

    @rule(kelvin=st.floats(0, 500))
    def setpoint(self, kelvin: float) -> None:
        self.instrument.handle(f"SETP 1,{kelvin:f}")

    @rule(on=st.booleans(), rate=st.floats(0.1, 100))
    def ramp(self, on: bool, rate: float) -> None:
        self.instrument.handle(f"RAMP 1,{on:d},{rate:f}")

    @rule(level=st.integers(0, 3))
    def range(self, level: int) -> None:
        self.instrument.handle(f"RANGE 1,{level}")

    @rule(mode=st.integers(0, 3), source=st.integers(0, 4))
    def mode(self, mode: int, source: int) -> None:
        self.instrument.handle(f"OUTMODE 1,{mode},{source},0")

    @rule(seconds=st.floats(0, 3000))
    def wait(self, seconds: float) -> None:
        after(self.instrument, seconds)

    @invariant()
    def nothing_is_beyond_reach(self) -> None:
        assert 4.2 <= self.instrument.world.temperature_K() < 420.0 + 60.0
        assert 0.0 <= float(self.instrument.handle("HTR? 1") or "") <= 100.0
        assert self.instrument.handle("RAMPST? 1") in ("0", "1")


TestAnyOrderOfCommands = AnyOrderOfCommands.TestCase


def test_a_ramp_out_of_the_heaters_reach_and_back() -> None:
    instrument = controller()
    instrument.handle("RANGE 1,2;RAMP 1,1,20;SETP 1,200")  # 45.78 K is what it can hold
    after(instrument, 1200.0)
    assert instrument.handle("SETP? 1;HTR? 1") == "+200.000;+100.0"
    assert instrument.world.temperature_K() == pytest.approx(45.78, abs=0.01)
    instrument.handle("SETP 1,1")
    after(instrument, 1200.0)
    assert instrument.handle("SETP? 1;HTR? 1") == "+1.00000;+000.0"
    assert instrument.world.temperature_K() == pytest.approx(4.2, abs=0.01)
    instrument.handle("RAMP 1,1,1;SETP 1,30")
    after(instrument, 19 * 60.0)
    assert instrument.world.temperature_K() == pytest.approx(20.0, abs=1.0)
