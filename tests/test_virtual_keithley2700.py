"""The virtual Keithley 2700 as its manual describes it: (sent, answered), relays, readings."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig, Wiring
from nanojunction.instruments.virtual import VirtualCryostat, World
from nanojunction.instruments.virtual.keithley2700 import Keithley2700
from nanojunction.instruments.virtual.keithley2700.cards import CARDS
from tests.virtual_bench import Resistor, SteppedClock, numbers, world_with


def keithley(*cards: str | None, latency_s: float = 0.005) -> Keithley2700:
    return Keithley2700(world_with(), latency_s=latency_s, cards=cards or ("7709", "7702"))


NO_ERROR = (":SYST:ERR?", '0,"No error"')
OUT_OF_RANGE = (":SYST:ERR?", '-222,"Parameter data out of range"')

#: On a 7709 in slot 1 and a 7702 in slot 2.
SESSIONS = {
    "identity and cards": [
        ("*IDN?", Keithley2700.identity),
        ("*OPT?", "7709,7702"),
        NO_ERROR,
    ],
    "short and long forms, any case, a leading colon": [
        ("rout:mult:clos (@101)", None),
        (":ROUTe:MULTiple:CLOSe (@102)", None),
        ("ROUTE:MULT:CLOSE?", "(@101,102)"),
        NO_ERROR,
    ],
    "no forms in between": [
        ("ROUTE:MULTI:CLOS (@101)", None),
        (":SYST:ERR?", '-113,"Undefined header"'),
    ],
    "the path holds inside a message": [
        (":ROUT:MULT:CLOS (@101);OPEN (@101);CLOS (@103);CLOS?;:ROUT:CLOS?", "(@103);(@103)"),
        NO_ERROR,
    ],
    "lists": [
        ("ROUT:MULT:CLOS (@101,105:107, 110 , 102)", None),
        ("ROUT:MULT:CLOS?", "(@101,102,105,106,107,110)"),
        ("ROUT:OPEN:ALL;MULT:CLOS?", None),
        (":SYST:ERR?", '-113,"Undefined header"'),
        ("ROUT:MULT:CLOS (@ 201)", None),
        ("ROUT:MULT:CLOS?", "(@201)"),
        ("ROUT:MULT:CLOS (@149:202)", None),
        ("ROUT:MULT:CLOS?", "(@149,150,201,202)"),
        NO_ERROR,
    ],
    "lists that are none": [
        ("ROUT:MULT:CLOS 101", None),
        (":SYST:ERR?", '-104,"Data type error"'),
        ("ROUT:MULT:CLOS (@)", None),
        (":SYST:ERR?", '-109,"Missing parameter"'),
        ("ROUT:MULT:CLOS", None),
        (":SYST:ERR?", '-109,"Missing parameter"'),
        ("ROUT:MULT:CLOS (@101),(@102)", None),
        (":SYST:ERR?", '-108,"Parameter not allowed"'),
        ("ROUT:MULT:CLOS (@1O1)", None),
        (":SYST:ERR?", '-102,"Syntax error"'),
        ("ROUT:MULT:CLOS (@101:)", None),
        (":SYST:ERR?", '-102,"Syntax error"'),
        ("ROUT:MULT:CLOS?", "(@)"),
    ],
    "channels that do not exist": [
        ("ROUT:MULT:CLOS (@151)", None),
        OUT_OF_RANGE,
        ("ROUT:MULT:CLOS (@101,301)", None),
        OUT_OF_RANGE,
        ("ROUT:MULT:CLOS (@105:101)", None),
        OUT_OF_RANGE,
        ("ROUT:MULT:CLOS (@100)", None),
        OUT_OF_RANGE,
        ("ROUT:MULT:CLOS?", "(@)"),
    ],
    "multiple operation moves what is listed and nothing else": [
        ("ROUT:MULT:CLOS (@101,102)", None),
        ("ROUT:MULT:CLOS (@140)", None),
        ("ROUT:MULT:OPEN (@101,110)", None),
        ("ROUT:MULT:CLOS?", "(@102,140)"),
        ("ROUT:MULT:CLOS:STAT? (@101,102,140)", "0,1,1"),
        ("ROUT:MULT:STAT? (@102)", "1"),
        NO_ERROR,
    ],
    "the system channel takes its backplane relay along": [
        ("ROUT:CLOS (@103)", None),
        ("ROUT:MULT:CLOS?", "(@103,150)"),
        ("ROUT:CLOS?", "(@103)"),
        ("ROUT:CLOS (@205)", None),
        ("ROUT:MULT:CLOS?", "(@205,245)"),
        ("ROUT:CLOS:STAT? (@103,205)", "0,1"),
        NO_ERROR,
    ],
    "with four wires also its pair": [
        ("SENS:FUNC 'FRES'", None),
        ("ROUT:CLOS (@103)", None),
        ("ROUT:MULT:CLOS?", "(@103,115,149,150)"),
        ("ROUT:CLOS?", "(@103,115)"),
        ("ROUT:CLOS (@201)", None),
        ("ROUT:MULT:CLOS?", "(@201,221,243,244,245)"),
        ("ROUT:CLOS (@105)", None),
        OUT_OF_RANGE,
        NO_ERROR,
    ],
    "amps have channels of their own": [
        ("SENS:FUNC 'CURR:DC'", None),
        ("ROUT:CLOS (@241)", None),
        ("ROUT:MULT:CLOS?", "(@241)"),
        ("ROUT:CLOS (@201)", None),
        OUT_OF_RANGE,
    ],
    "only one measuring channel is a system channel": [
        ("ROUT:CLOS (@101,102)", None),
        (":SYST:ERR?", '-223,"Too much data"'),
        ("ROUT:CLOS (@109)", None),
        OUT_OF_RANGE,
        ("ROUT:CLOS:STAT? (@150)", None),
        OUT_OF_RANGE,
        ("ROUT:MULT:CLOS?", "(@)"),
    ],
    "closing a system channel opens other measuring channels, not the matrix": [
        ("ROUT:MULT:CLOS (@101,120,202)", None),
        ("ROUT:CLOS (@102)", None),
        ("ROUT:MULT:CLOS?", "(@102,120,150)"),
    ],
    "anomaly 2: what is the system channel already is not closed again": [
        ("SENS:FUNC 'FRES';:ROUT:CLOS (@101)", None),
        ("ROUT:MULT:OPEN (@113)", None),
        ("ROUT:CLOS (@101)", None),
        ("ROUT:MULT:CLOS?", "(@101,149,150)"),
        ("ROUT:OPEN:ALL", None),
        ("ROUT:CLOS (@101)", None),
        ("ROUT:MULT:CLOS?", "(@101,113,149,150)"),
    ],
    "relay closures are counted": [
        ("ROUT:MULT:CLOS (@101)", None),
        ("ROUT:MULT:CLOS (@101,102)", None),
        ("ROUT:OPEN:ALL", None),
        ("ROUT:MULT:CLOS (@101)", None),
        ("ROUT:CLOS:COUN? (@101:103)", "2,1,0"),
        ("ROUT:CLOS:COUN:INT 30;INT?", "30"),
        ("ROUT:CLOS:COUN:INT 9", None),
        OUT_OF_RANGE,
    ],
    "cards tell what they can": [
        (":SYST:CARD1:VMAX?;MUX?;ISOL?;TCOM?", "300;0;1;0"),
        (":SYST:CARD1:VCH?;ACH?;VCH:END?", "1;0;8"),
        (":SYSTem:CARD2:VCHannel:STARt?;END?;:SYST:CARD2:ACH:STAR?;END?", "1;40;41;42"),
        (":SYST:CARD2:MUX?;SNUM?;SWR?", "1;0000002;01.10"),
        (":SYST:CARD3:MUX?", None),
        (":SYST:ERR?", '-113,"Undefined header"'),
    ],
    "*RST and preset open everything": [
        ("ROUT:MULT:CLOS (@101,220);*RST;CLOS?", "(@)"),
        ("ROUT:MULT:CLOS (@101,220);:SYST:PRES;:ROUT:MULT:CLOS?", "(@)"),
        (":INIT:CONT?", "1"),
        ("*RST;:INIT:CONT?;:TRIG:COUN?;:SAMP:COUN?", "0;1.000000E+00;1"),
    ],
    "set-ups are kept and come back": [
        ("SENS:FUNC 'RES';:ROUT:MULT:CLOS (@107);*SAV 1", None),
        ("*RST;*RCL 1", None),
        ("SENS:FUNC?;:ROUT:MULT:CLOS?", '"RES";(@107)'),
        ("*SAV 4", None),
        OUT_OF_RANGE,
    ],
    "functions, also by channel": [
        ("SENS:FUNC?", '"VOLT:DC"'),
        ("SENS:FUNC 'VOLTage:AC'", None),
        ("FUNC?", '"VOLT:AC"'),
        ("SENS:FUNC 'FRES',(@201:203)", None),
        ("SENS:FUNC? (@201,204)", '"FRES","VOLT:AC"'),
        ("SENS:FUNC 'POWER'", None),
        (":SYST:ERR?", '-141,"Invalid character data"'),
    ],
    "settings of a function, also by channel": [
        ("SENS:VOLT:NPLC 0.1;NPLC?", "1.000000E-01"),
        (":VOLTage:DC:NPLCycles? MIN", "1.000000E-02"),
        ("SENS:VOLT:NPLC 2,(@201);NPLC? (@201,202)", "2.000000E+00,1.000000E-01"),
        ("SENS:RES:RANG 2.5 K;RANG?;RANG:AUTO?", "1.000000E+04;0"),
        ("SENS:VOLT:NPLC 60", None),
        OUT_OF_RANGE,
        ("SENS:VOLT:NPLC 1,(@301)", None),
        OUT_OF_RANGE,
        ("TRIG:COUN INF;COUN?", "+9.9E37"),
    ],
    "elements": [
        ("FORM:ELEM?", "READ,UNIT,TST,RNUM,,"),
        ("FORM:ELEM READ;ELEM?", "READ,,,,,"),
        ("FORM:ELEM CHAN,READing;ELEM?", "READ,CHAN,,,,"),
        ("FORM:ELEM SPEED", None),
        (":SYST:ERR?", '-141,"Invalid character data"'),
    ],
    "readings without any": [
        ("*RST", None),
        ("FETC?", None),
        (":SYST:ERR?", '-230,"Data corrupt or stale"'),
        ("TRAC:DATA?", None),
        (":SYST:ERR?", '-230,"Data corrupt or stale"'),
    ],
    "readings without end cannot be begun": [
        (":INIT", None),
        (":SYST:ERR?", '-213,"Init ignored"'),
        (":SAMP:COUN 2;:READ?", None),
        (":SYST:ERR?", '-213,"Init ignored"'),
    ],
    "a trigger nobody waits for": [("*TRG", None), (":SYST:ERR?", '-211,"Trigger ignored"')],
    "scan lists": [
        ("ROUT:SCAN (@201:203);SCAN?", "(@201,202,203)"),
        ("ROUT:SCAN:LSEL INT;LSEL?;TSO?;NVOL?", "INT;IMM;0"),
        ("ROUT:SCAN:TSO HLIM1,LLIMit1;TSO?", "HLIM1,LLIM1"),
        ("ROUT:SCAN:TSO IMM,HLIM1", None),
        (":SYST:ERR?", '-221,"Settings conflict"'),
        ("ROUT:SCAN (@109)", None),
        OUT_OF_RANGE,
        ("ROUT:MON (@202);MON?", "(@202)"),
        ("ROUT:MON (@205);MON?", "(@201)"),
        ("ROUT:MON (@201,202)", None),
        (":SYST:ERR?", '-223,"Too much data"'),
    ],
    "a displayed text": [
        ("DISP:TEXT:DATA 'Sample; 12';STAT ON", None),
        ("DISP:TEXT:DATA?;STAT?", '"Sample; 12";1'),
        ("DISP:TEXT 'thirteen char'", None),
        (":SYST:ERR?", '-223,"Too much data"'),
        ("DISP:TEXT ready", None),
        (":SYST:ERR?", '-104,"Data type error"'),
    ],
    "status": [
        ("*ESR?", "128"),
        ("*ESE 32;*SRE 32;*ESE?;*SRE?", "32;32"),
        ("FOO", None),
        ("*STB?", "100"),
        ("*ESR?;*STB?", "32;4"),
        ("*CLS;*STB?", "0"),
        ("*OPC;*ESR?;*OPC?;*TST?;*WAI", "1;1;0"),
        ("STAT:MEAS:ENAB 512;ENAB?;:STAT:PRES;:STAT:MEAS:ENAB?", "512;0"),
        ("STAT:OPER:COND?", "16"),
        ("*RST;STAT:OPER:COND?", "1024"),
        ("STAT:QUE?", '0,"No error"'),
    ],
    "an error ends the message, what precedes it is done": [
        ("ROUT:MULT:CLOS (@101);:FOO;:ROUT:MULT:CLOS (@102)", None),
        ("ROUT:MULT:CLOS?", "(@101)"),
    ],
    "a colon before a common command": [("*RST;:*CLS;:SYST:ERR?", '0,"No error"')],
    "a query where there is none": [
        ("ROUT:MULT:OPEN? (@101)", None),
        (":SYST:ERR?", '-113,"Undefined header"'),
    ],
}


@pytest.mark.parametrize("name", SESSIONS)
def test_what_is_sent_and_answered(name: str) -> None:
    k = keithley()
    for sent, answered in SESSIONS[name]:
        assert k.handle(sent) == answered, sent


@pytest.mark.parametrize("model", CARDS)
def test_every_card_has_its_channels_and_no_more(model: str) -> None:
    k = keithley(None, model)
    last = 200 + CARDS[model].channels
    assert k.handle("*OPT?") == f"NONE,{model}"
    assert k.handle(f"ROUT:MULT:CLOS (@{last})") is None
    assert k.handle("ROUT:MULT:CLOS?") == f"(@{last})"
    k.handle(f"ROUT:MULT:CLOS (@{last + 1})")
    assert k.handle("SYST:ERR?") == '-222,"Parameter data out of range"'
    k.handle("ROUT:MULT:CLOS (@101)")
    assert k.handle("SYST:ERR?") == '-222,"Parameter data out of range"'
    k.handle("SYST:CARD1:VMAX?")
    assert k.handle("SYST:ERR?") == '-221,"Settings conflict"'


def test_a_card_that_is_not_known() -> None:
    with pytest.raises(ValueError, match="no virtual card '7710' for a 2700: choose one of 7700,"):
        keithley("7710", None)
    with pytest.raises(ValueError, match="2 slots, not 1"):
        keithley("7709")


def test_relays_take_their_time_and_break_before_they_make() -> None:
    k = keithley("7709", "7703", latency_s=0.0)
    start = k.world.now()
    k.handle("ROUT:MULT:CLOS (@101:148)")
    assert k.handle("*OPC?") == "1"
    assert k.world.now() - start == pytest.approx(3e-3)
    k.handle("ROUT:MULT:CLOS (@101:148);*OPC?")  # nothing moves
    assert k.world.now() - start == pytest.approx(3e-3)
    k.handle("ROUT:OPEN:ALL;*OPC?")
    assert k.world.now() - start == pytest.approx(6e-3)
    k.handle("ROUT:CLOS (@201);*OPC?")
    assert k.world.now() - start == pytest.approx(7e-3)
    k.handle("ROUT:CLOS (@202);*OPC?")
    assert k.world.now() - start == pytest.approx(9e-3)


def test_closed_channels_connect_the_world() -> None:
    wiring = SwitchConfig(
        driver="keithley2700",
        positions={"A": Wiring(normal=(101, 117), reversed=(109, 125))},
        short=(108,),
    )
    world = World(Resistor(1.0), SteppedClock(), junctions={"A": Resistor(1e3)}, wiring=wiring)
    k = Keithley2700(world)
    k.handle("ROUT:MULT:CLOS (@101,108)")
    assert (world.connected_positions, world.shorted) == ((), True)
    k.handle("ROUT:MULT:OPEN (@108);CLOS (@117)")
    assert (world.connected_positions, world.shorted) == ((Connected("A"),), False)
    k.handle("*RST")
    assert world.connected_positions == ()


# The DMM: nothing is wired to its inputs


def test_a_reading_with_its_units_time_and_number() -> None:
    k = keithley(latency_s=0.0)
    k.handle("*RST;:SYST:TST:REL:RES;:SYST:RNUM:RES;:SENS:VOLT:NPLC 1")
    answer = k.handle("READ?")
    assert answer is not None
    reading, time, number = answer.split(",")
    assert reading.endswith("VDC")
    assert abs(float(reading.removesuffix("VDC"))) < 1e-5
    assert (time, number) == ("+0.060SECS", "+00000RDNG#")
    k.handle("FORM:ELEM READ,CHAN,LIM;:ROUT:CLOS (@201)")
    answer = k.handle("READ?")
    assert answer is not None
    assert answer.split(",")[1:] == ["201", "0000"]


def test_ohms_of_open_inputs_overflow() -> None:
    k = keithley()
    k.handle("*RST;:FORM:ELEM READ,UNIT")
    assert k.handle("MEAS:FRES?") == "+9.9E37"
    assert k.handle("CONF?") == '"FRES"'
    assert k.handle("MEAS:VOLT:DC?") != "+9.9E37"


@pytest.mark.parametrize(("unit", "room"), [("C", 23.0), ("F", 73.4), ("K", 296.15)])
def test_a_temperature_in_its_unit(unit: str, room: float) -> None:
    k = keithley()
    k.handle(f"*RST;:FORM:ELEM READ,UNIT;:UNIT:TEMP {unit}")
    answer = k.handle("MEAS:TEMP?")
    assert answer is not None
    assert answer.endswith(unit)
    assert float(answer.removesuffix(unit)) == pytest.approx(room, abs=0.2)


def test_readings_relative_to_a_reference() -> None:
    k = keithley()
    k.handle("*RST;:FORM:ELEM READ;:SENS:VOLT:REF 0.5;REF:STAT ON;:SENS:RES:REF:STAT ON")
    assert numbers(k.handle("READ?")) == [pytest.approx(-0.5, abs=1e-4)]
    k.handle("SENS:FUNC 'RES'")
    assert k.handle("READ?") == "+9.9E37"  # an overflow stays one


@pytest.mark.parametrize(("nplc", "autozero", "expected_s"), [(1, "ON", 0.06), (5, "OFF", 0.1)])
def test_a_reading_integrates_over_periods_of_the_mains(
    nplc: float, autozero: str, expected_s: float
) -> None:
    k = keithley(latency_s=0.0)
    k.handle(f"*RST;:SENS:VOLT:NPLC {nplc};:SYST:AZER {autozero};*OPC?")
    start = k.world.now()
    k.handle("READ?")
    assert k.world.now() - start == pytest.approx(expected_s)


def test_samples_and_triggers_multiply() -> None:
    k = keithley()
    k.handle("*RST;:FORM:ELEM READ;:SENS:VOLT:NPLC 0.01;:SAMP:COUN 3;:TRIG:COUN 2")
    assert len(numbers(k.handle("READ?"))) == 6
    assert len(numbers(k.handle("FETC?"))) == 6
    assert len(numbers(k.handle("DATA?"))) == 1


def test_the_timer_spaces_triggers() -> None:
    k = keithley()
    k.handle("*RST;:FORM:ELEM TST;:TRIG:SOUR TIM;TIM 2;COUN 3")
    first, second, third = numbers(k.handle("READ?"))
    assert (second - first, third - second) == pytest.approx((2.0, 2.0), abs=2e-3)


def test_a_bus_trigger_is_waited_for_and_nothing_else_meanwhile() -> None:
    k = keithley()
    k.handle("*RST;:SENS:VOLT:NPLC 0.01;:TRIG:SOUR BUS;:INIT")
    assert k.urgent(" *TRG ")
    assert not k.urgent("ROUT:OPEN:ALL")
    k.handle("*TRG")
    assert k.handle("*OPC?") == "1"
    k.handle(":INIT;:ABOR")
    assert k.handle("*OPC?;:SYST:ERR?") == '1;0,"No error"'


def test_a_scan_closes_one_channel_after_the_other() -> None:
    k = keithley()
    k.handle("*RST;:FORM:ELEM CHAN;:SENS:VOLT:NPLC 0.01;:ROUT:SCAN (@201,205,103)")
    k.handle("ROUT:SCAN:LSEL INT;:SAMP:COUN 4")
    assert k.handle("READ?") == "201,205,103,201"
    assert k.handle("ROUT:CLOS?") == "(@201)"


def test_a_scan_list_that_no_longer_fits_is_not_begun() -> None:
    k = keithley()
    k.handle("*RST;:ROUT:SCAN (@230);:ROUT:SCAN:LSEL INT;:SENS:FUNC 'FRES'")
    assert k.handle("READ?") is None
    assert k.handle("SYST:ERR?") == '-221,"Settings conflict"'


def test_the_buffer_fills_once_and_says_so() -> None:
    k = keithley()
    k.handle("*RST;:FORM:ELEM READ,TST;:SENS:VOLT:NPLC 1;:SAMP:COUN 5")
    k.handle("TRAC:CLE;POIN 4;FEED SENS;FEED:CONT NEXT")
    k.handle("INIT")
    assert k.handle("*OPC?") == "1"
    assert (
        k.handle("TRAC:POIN:ACT?;:TRAC:FEED:CONT?;:STAT:MEAS?") == f"4;NEV;{512 + 256 + 128 + 32}"
    )
    times = numbers(k.handle("TRAC:DATA?"))[1::2]
    assert times == pytest.approx([0.0, 0.06, 0.12, 0.18], abs=2e-3)
    k.handle("TRAC:TST:FORM DELT")
    assert numbers(k.handle("TRAC:DATA:SEL? 1,2"))[1::2] == pytest.approx([0.06, 0.06], abs=2e-3)
    k.handle("TRAC:DATA:SEL? 3,2")
    assert k.handle("SYST:ERR?") == '-222,"Parameter data out of range"'
    assert k.handle("TRAC:CLE;FREE?") == "880000,0"


def test_readings_without_end_fill_the_buffer_by_themselves() -> None:
    k = keithley(latency_s=0.0)
    k.handle("SYST:PRES;:FORM:ELEM READ;:SENS:VOLT:NPLC 1;:TRAC:POIN 10;FEED:CONT NEXT;*OPC?")
    k.world.clock.sleep(0.5)
    assert k.handle("TRAC:POIN:ACT?") == "8"
    k.world.clock.sleep(0.5)
    assert k.handle("TRAC:POIN:ACT?;:TRAC:FEED:CONT?") == "10;NEV"
    assert len(numbers(k.handle("READ?"))) == 1
    assert len(numbers(k.handle("FETC?"))) == 1


# Nothing that is sent can break it

WORDS = st.sampled_from(
    ["ROUT", "MULT", "CLOS", "OPEN", ":", ";", "?", "(@101)", "(@", ")", "SENS", "FUNC", "'VOLT'",
     "*RST", "READ?", "SCAN", "SYST", "CARD1", " ", ",", "1", "-1E3", "INF", "TRAC", "\x00", "é"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=12).map("".join) | st.text(max_size=40))
def test_no_message_breaks_it(message: str) -> None:
    k = keithley()
    k.handle(message)
    assert k.handle("*RST;*CLS;*IDN?") == Keithley2700.identity


class Relays(RuleBasedStateMachine):
    """Any sequence of relay commands leaves exactly the channels closed that the manual says."""

    LISTS = st.lists(st.sampled_from([101, 102, 108, 120, 150, 201, 221, 245]), min_size=1)

    @initialize()
    def power_on(self) -> None:
        self.k = keithley()
        self.closed: set[int] = set()

    @rule(channels=LISTS)
    def close(self, channels: list[int]) -> None:
        self.k.handle(f"ROUT:MULT:CLOS (@{','.join(map(str, channels))})")
        self.closed |= set(channels)

    @rule(channels=LISTS)
    def open(self, channels: list[int]) -> None:
        self.k.handle(f"ROUT:MULT:OPEN (@{','.join(map(str, channels))})")
        self.closed -= set(channels)

    @rule()
    def open_all(self) -> None:
        self.k.handle("ROUT:OPEN:ALL")
        self.closed.clear()

    @rule(channel=st.sampled_from([151, 246, 305, 100]))
    def close_what_is_not_there(self, channel: int) -> None:
        self.k.handle(f"ROUT:MULT:CLOS (@101,{channel})")
        assert self.k.handle("SYST:ERR?") == '-222,"Parameter data out of range"'

    @invariant()
    def the_world_and_the_answer_agree(self) -> None:
        if hasattr(self, "k"):
            shown = ",".join(map(str, sorted(self.closed)))
            assert self.k.handle("ROUT:MULT:CLOS?") == f"(@{shown})"
            assert self.k.world.closed_contacts == self.closed


TestRelays = Relays.TestCase
TestRelays.settings = settings(max_examples=30, stateful_step_count=15)


# On a socket


@pytest.fixture
def bench() -> Iterator[VirtualCryostat]:
    with VirtualCryostat("resistor-1k", switch="keithley2700", magnet=None, speed=1000) as served:
        yield served


class Client:
    """A client on a socket of its own."""

    def __init__(self, bench: VirtualCryostat) -> None:
        port = int(bench.endpoints["switch"].address.split("::")[2])
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.lines = self.socket.makefile("r", encoding="ascii", newline="\n")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.lines.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, question: bytes) -> str:
        self.send(question)
        return self.lines.readline().rstrip("\n")


def test_half_a_line_and_the_rest_of_it_and_two_at_once(bench: VirtualCryostat) -> None:
    with Client(bench) as client:
        client.send(b"ROUT:MULT:CLOS (@1")
        assert client.ask(b"01)\nROUT:MULT:CLOS?\n") == "(@101)"
        assert client.ask(b"ROUT:MULT:CLOS (@102)\r\n*OPC?\r\n") == "1"
        assert client.ask(b"ROUT:MULT:CLOS?\n") == "(@101,102)"


def test_junk_is_an_error_and_nothing_more(bench: VirtualCryostat) -> None:
    with Client(bench) as client:
        assert client.ask(b"\xff\x00\x07(@\nSYST:ERR?\n") == '-101,"Invalid character"'
        assert client.ask(b"x" * 70_000 + b"\nSYST:ERR?\n") == '-363,"Input buffer overrun"'
        assert client.ask(b"*IDN?\n") == Keithley2700.identity


def test_contacts_stay_when_a_client_leaves(bench: VirtualCryostat) -> None:
    with Client(bench) as client:
        client.send(b"ROUT:MULT:CLOS (@103)\nFOO\n")
        assert client.ask(b"*OPC?\n") == "1"
    with Client(bench) as client:
        assert client.ask(b"ROUT:MULT:CLOS?;:SYST:ERR?\n") == '(@103);-113,"Undefined header"'


def test_an_abort_overtakes_what_waits_for_readings_that_never_come(bench: VirtualCryostat) -> None:
    with Client(bench) as client:
        client.send(b"*RST;:TRIG:SOUR EXT;:INIT\nROUT:MULT:CLOS (@101)\n")
        client.send(b"ABOR\n")
        assert client.ask(b"ROUT:MULT:CLOS?\n") == "(@101)"
