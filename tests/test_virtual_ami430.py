"""The virtual AMI 430 as its manual describes it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nanojunction.instruments.virtual import VirtualCryostat, WorldSettings
from nanojunction.instruments.virtual.ami430 import Ami430
from nanojunction.instruments.virtual.ami430.supply import Segments
from tests.virtual_bench import Resistor, world_with

ERROR = "SYST:ERR?"


def ami(settings: WorldSettings | None = None) -> Ami430:
    return Ami430(world_with(settings=settings), latency_s=0.005)


def after(supply: Ami430, seconds: float) -> None:
    supply.world.clock.sleep(seconds)


def say(supply: Ami430, *commands: str) -> None:
    """Send commands, none of which may be refused."""
    for command in commands:
        assert supply.handle(command) is None
        assert supply.handle(ERROR) == '0,"No errors"', command


def ask(supply: Ami430, query: str) -> float:
    answer = supply.handle(query)
    assert answer is not None, query
    return float(answer)


SESSIONS: dict[str, list[tuple[str, str | None]]] = {
    "power-up": [
        ("*IDN?", "AMERICAN MAGNETICS INC.,MODEL 430,430-0001,2.59"),
        ("STATE?", "3"),
        ("FIELD:UNITS?", "0"),
        ("RAMP:RATE:UNITS?", "0"),
        ("PS?", "0"),
        ("PS:INST?", "1"),
        ("QU?", "0"),
        ("PERS?", "0"),
        ("CURR:LIM?", "87.5"),
        ("COIL?", "0.8"),
        ("*ESR?", "128"),
        ("*ESR?", "0"),
        ("*TST?;*OPC?", "0\r\n1"),
    ],
    "short, long, with a colon before, in any case, but nothing in between": [
        ("CONFigure:CURRent:TARGet 1.5", None),
        ("CURRENT:TARGET?", "1.5"),
        (":conf:curr:targ -2.5e0", None),
        ("curr:targ?", "-2.5"),
        ("CONF:CURRENT:TARG +.5E+1", None),
        (":CURR:TARGET?", "5"),
        ("CONFIG:CURR:TARG 1", None),
        (ERROR, '-101,"Unrecognized command"'),
        ("CURRE:TARG?", None),
        (ERROR, '-201,"Unrecognized query"'),
        ("CURR :TARG?", None),
        (ERROR, '-201,"Unrecognized query"'),
        (ERROR, '0,"No errors"'),
    ],
    "a semicolon ends a command, and each begins at the root": [
        ("CONF:CURR:TARG 3;CONF:VOLT:LIM 2;CURR:TARG?;VOLT:LIM?", "3\r\n2"),
        ("STATE?;", "3"),
        (";;", None),
        ("CONF:CURR:TARG 4;LIM 50", None),
        ("CURR:TARG?;SYST:ERR?", '4\r\n-101,"Unrecognized command"'),
    ],
    "arguments": [
        ("CONF:CURR:TARG", None),
        (ERROR, '-104,"Missing parameter"'),
        ("CONF:CURR:TARG two", None),
        (ERROR, '-102,"Invalid argument"'),
        ("CONF:CURR:TARG 1,2", None),
        (ERROR, '-102,"Invalid argument"'),
        ("CONF:CURR:TARG nan", None),
        (ERROR, '-102,"Invalid argument"'),
        ("CONF:CURR:TARG 1e999", None),
        (ERROR, '-105,"Out of range"'),
        ("PS 2", None),
        (ERROR, '-103,"Non-boolean argument"'),
        ("CONF:FIELD:UNITS ON", None),
        (ERROR, '-103,"Non-boolean argument"'),
        ("RAMP 1", None),
        (ERROR, '-102,"Invalid argument"'),
    ],
    "targets beyond the current limit are refused": [
        ("CONF:CURR:LIM 50", None),
        ("CONF:CURR:TARG 50.01", None),
        (ERROR, '-105,"Out of range"'),
        ("CONF:FIELD:TARG -40.1", None),
        (ERROR, '-105,"Out of range"'),
        ("CONF:FIELD:TARG -40", None),
        ("CURR:TARG?;FIELD:TARG?", "-50\r\n-40"),
        ("CONF:CURR:LIM 49", None),
        (ERROR, '-105,"Out of range"'),
        ("CONF:CURR:LIM 88", None),
        (ERROR, '-105,"Out of range"'),
    ],
    "kilogauss and tesla, seconds and minutes": [
        ("CONF:FIELD:TARG 12", None),
        ("CONF:FIELD:UNITS 1", None),
        ("FIELD:TARG?;COIL?", "1.2\r\n0.08"),
        ("CONF:RAMP:RATE:UNITS 1", None),
        ("CONF:RAMP:RATE:FIELD 1,0.48,7", None),
        ("RAMP:RATE:FIELD:1?", "0.48,7"),
        ("RAMP:RATE:CURR:1?", "6,87.5"),
        ("CONF:RAMP:RATE:UNITS 0", None),
        ("RAMP:RATE:CURR:1?", "0.1,87.5"),
        ("CONF:FIELD:UNITS 0", None),
        ("RAMP:RATE:FIELD:1?", "0.08,70"),
        ("CONF:COIL 1", None),
        ("FIELD:TARG?;CURR:TARG?", "15\r\n15"),
        ("CONF:COIL 0", None),
        (ERROR, '-105,"Out of range"'),
    ],
    "rate segments": [
        ("CONF:RAMP:RATE:SEG 3", None),
        ("RAMP:RATE:SEG?", "3"),
        ("CONF:RAMP:RATE:CURR 3, 0.02, 80", None),
        ("RAMP:RATE:CURR:3?", "0.02,80"),
        ("CONF:RAMP:RATE:SEG 11", None),
        (ERROR, '-105,"Out of range"'),
        ("CONF:RAMP:RATE:CURR 11,0.02,80", None),
        (ERROR, '-105,"Out of range"'),
        ("RAMP:RATE:CURR:0?", None),
        (ERROR, '-105,"Out of range"'),
        ("CONF:RAMP:RATE:CURR 1", None),
        (ERROR, '-104,"Missing parameter"'),
    ],
    "setup that is only kept": [
        ("CONF:STAB 12.5", None),
        ("STAB?", "12.5"),
        ("CONF:STAB:MODE 1", None),
        ("STAB:MODE?", "1"),
        ("CONF:PS:CURR 45.5;PS:CURR?", "45.5"),
        ("CONF:PS:HTIME 30;PSwitch:HeatTIME?", "30"),
        ("CONF:PS:CTIME 600;PSWITCH:COOLTIME?", "600"),
        ("CONF:PS:PSRR 5;PS:PowerSupplyRampRate?", "5"),
        ("CONF:PS:HTIME 4", None),
        (ERROR, '-105,"Out of range"'),
        ("CONF:AB 1;AB?", "1"),
        ("CONF:LOCK:PS:CONTR 1;LOCK:PSwitch:CONTRol?", "1"),
        ("SUPP:CURR:MAX?;SUPP:VOLT:MIN?;SUPP:TYPE?", "125\r\n-6\r\n3"),
        ("IND?", "12"),
        ("CONF:RAMPD:RATE:SEG 2;RAMPDown:RATE:SEGments?;RAMP:RATE:SEG?", "2\r\n1"),
        ("CONF:RAMPD:RATE:CURR 2,0.5,60;RAMPD:RATE:CURR:2?", "0.5,60"),
        ("CONF:RAMPD:ENAB 1;RAMPD:ENAB?", "1"),
        (ERROR, '0,"No errors"'),
    ],
    "the status byte and its registers": [
        ("*CLS", None),
        ("*ESE 32;*SRE 32;*ESE?;*SRE?", "32\r\n32"),
        ("*STB?", "0"),
        ("nonsense", None),
        ("*STB?", "96"),
        ("*ESR?", "32"),
        ("*STB?", "0"),
        ("what?", None),
        ("*ESR?", "4"),
        ("*OPC", None),
        ("*ESR?", "1"),
        ("SYST:ERR:COUN?", "2"),
        ("*CLS", None),
        (ERROR, '0,"No errors"'),
        ("*ESE 256", None),
        (ERROR, '-105,"Out of range"'),
    ],
    "the clock": [
        ("SYST:TIME:SET 11/20/2026 14:05:00", None),
        ("SYST:TIME?", "11/20/2026 14:05:00"),
        ("SYST:TIME:SET yesterday", None),
        (ERROR, '-102,"Invalid argument"'),
    ],
    "the front panel": [("SYST:REM", None), ("SYST:LOC", None), (ERROR, '0,"No errors"')],
}


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_session(session: list[tuple[str, str | None]]) -> None:
    supply = ami()
    assert [(sent, supply.handle(sent)) for sent, _ in session] == session


def test_the_error_buffer_holds_ten() -> None:
    supply = ami()
    for _ in range(12):
        supply.handle("nonsense")
    errors = [supply.handle(ERROR) for _ in range(11)]
    assert errors[:9] == ['-101,"Unrecognized command"'] * 9
    assert errors[9:] == ['-304,"Error buffer overflow"', '0,"No errors"']


def heated(settings: WorldSettings | None = None) -> Ami430:
    supply = ami(settings)
    say(supply, "CONF:FIELD:UNITS 1", "CONF:RAMP:RATE:UNITS 1", "PS 1")
    after(supply, 21.0)
    return supply


def at_field(tesla: float) -> Ami430:
    supply = heated()
    say(supply, "CONF:RAMP:RATE:FIELD 1,0.6,7", f"CONF:FIELD:TARG {tesla}", "RAMP")
    after(supply, 100.0 * abs(tesla) + 10.0)
    assert supply.handle("STATE?") == "2"
    return supply


def test_heating_the_switch_takes_its_time_and_nothing_ramps_meanwhile() -> None:
    supply = ami()
    say(supply, "CONF:CURR:TARG 5", "PS 1")
    assert supply.handle("STATE?") == "9"
    assert supply.handle("RAMP") is None
    assert supply.handle(ERROR) == '-301,"Heating switch"'
    after(supply, 19.9)
    assert (supply.handle("STATE?"), ask(supply, "CURR:SUPP?")) == ("9", 0.0)
    after(supply, 0.2)
    assert supply.handle("STATE?") == "3"
    say(supply, "RAMP")
    assert supply.handle("STATE?") == "1"


def test_a_ramp_goes_at_its_rate_and_holds() -> None:
    supply = heated()
    say(supply, "CONF:RAMP:RATE:FIELD 1,0.3,7", "CONF:FIELD:TARG -0.5", "RAMP")
    after(supply, 30.0)
    assert ask(supply, "FIELD:MAG?") == pytest.approx(-0.15, abs=1e-3)
    assert ask(supply, "VOLT:MAG?") == pytest.approx(-12.0 * 0.3 / 60.0 / 0.08, abs=1e-3)
    after(supply, 75.0)
    assert supply.handle("STATE?") == "2"
    assert ask(supply, "FIELD:MAG?") == supply.world.field_T() == -0.5
    assert ask(supply, "VOLT:MAG?") == 0.0


def test_rate_segments_follow_the_magnitude_of_the_current_both_ways() -> None:
    supply = heated()
    say(supply, "CONF:RAMP:RATE:UNITS 0", "CONF:RAMP:RATE:SEG 2")
    say(supply, "CONF:RAMP:RATE:CURR 1,0.1,3", "CONF:RAMP:RATE:CURR 2,0.05,87.5")
    say(supply, "CONF:CURR:TARG -5", "RAMP")
    began = supply.time_s
    after(supply, 30.0 + 20.0 - (supply.world.now() - began))
    assert ask(supply, "CURR:MAG?") == pytest.approx(-4.0, abs=0.01)
    after(supply, 60.0)
    say(supply, "CONF:CURR:TARG 5")  # goes at once: it still is in ramping mode
    after(supply, 40.0 + 30.0)
    assert ask(supply, "CURR:MAG?") == pytest.approx(0.0, abs=0.05)
    after(supply, 30.0 + 20.0)
    assert ask(supply, "CURR:MAG?") == pytest.approx(4.0, abs=0.05)


def test_the_voltage_limit_slows_a_ramp() -> None:
    supply = heated()
    say(supply, "CONF:VOLT:LIM 0.6", "CONF:RAMP:RATE:FIELD 1,0.6,7")
    say(supply, "CONF:FIELD:TARG 1", "RAMP")
    after(supply, 60.0)
    assert supply.world.field_T() == pytest.approx(0.6 / 12.0 * 0.08 * 60.0, abs=1e-3)


def test_by_hand_up_down_pause_and_zero() -> None:
    supply = heated()
    say(supply, "CONF:RAMP:RATE:FIELD 1,0.6,7", "INCR")
    after(supply, 20.0)
    assert supply.handle("STATE?") == "4"
    say(supply, "PAUSE")
    paused = supply.world.field_T()
    after(supply, 20.0)
    assert supply.world.field_T() == paused == pytest.approx(0.2, abs=1e-3)
    say(supply, "DECR")
    after(supply, 30.0)
    assert supply.handle("STATE?") == "5"
    assert supply.world.field_T() == pytest.approx(-0.1, abs=2e-3)
    say(supply, "ZERO")
    assert supply.handle("STATE?") == "6"
    after(supply, 30.0)
    assert supply.handle("STATE?") == "8"
    assert supply.world.field_T() == 0.0


def test_persistent_mode_and_back() -> None:
    supply = at_field(0.5)
    say(supply, "PS 0")
    assert (supply.handle("STATE?"), supply.handle("PERS?")) == ("10", "0")
    after(supply, 21.0)
    assert (supply.handle("STATE?"), supply.handle("PERS?")) == ("3", "1")
    say(supply, "CONF:PS:PSRR 1", "ZERO")
    after(supply, 3.0)
    assert ask(supply, "CURR:SUPP?") == pytest.approx(6.25 - 3.0, abs=0.02)  # its own rate
    after(supply, 4.0)
    assert supply.handle("STATE?") == "8"
    assert (ask(supply, "CURR:SUPP?"), ask(supply, "FIELD:MAG?")) == (0.0, 0.5)
    assert supply.world.field_T() == 0.5
    say(supply, "RAMP")
    after(supply, 10.0)
    say(supply, "PAUSE", "PS 1")
    after(supply, 21.0)
    assert supply.handle("QU?") == "0"
    say(supply, "ZERO")
    after(supply, 60.0)
    assert supply.world.field_T() == 0.0


def test_heating_with_the_leads_at_zero_quenches_until_it_is_cleared() -> None:
    supply = at_field(2.0)
    say(supply, "PS 0")
    after(supply, 21.0)
    say(supply, "ZERO")
    after(supply, 60.0)
    assert supply.handle("PS 1") is None
    after(supply, 16.0)
    assert (supply.handle("STATE?"), supply.handle("QU?"), supply.handle("*STB?")) == (
        "7",
        "1",
        "4",
    )
    assert supply.handle("QU:COUNT?") == "1"
    assert supply.handle("RAMP") is None
    assert supply.handle(ERROR) == '-302,"Quench condition"'
    after(supply, 10.0)
    assert supply.world.field_T() == 0.0
    assert supply.handle("STATE?") == "7"  # until somebody clears it
    say(supply, "QU 0")
    assert (supply.handle("STATE?"), ask(supply, "FIELD:MAG?")) == ("3", 0.0)


def test_a_quench_from_outside_and_by_command() -> None:
    supply = at_field(1.0)
    supply.world.magnet.quench(supply.world.now())
    assert supply.handle("STATE?") == "7"
    after(supply, 10.0)
    say(supply, "QU 0", "QU 1")
    assert (supply.handle("STATE?"), supply.handle("QU:COUNT?")) == ("7", "2")


def test_a_heating_time_shorter_than_the_switch_needs_ramps_against_a_closed_switch() -> None:
    supply = ami(WorldSettings(switch_warm_s=30.0))
    say(supply, "CONF:PS:HTIME 5", "CONF:CURR:TARG 50", "CONF:RAMP:RATE:CURR 1,1,87.5", "PS 1")
    after(supply, 6.0)
    say(supply, "RAMP")
    after(supply, 30.0)
    assert supply.handle("STATE?") == "7"


def test_without_a_switch_the_field_follows_the_leads() -> None:
    supply = ami(WorldSettings(switch_fitted=False))
    assert supply.handle("PS:INST?") == "0"
    say(supply, "CONF:FIELD:TARG 1", "RAMP")
    after(supply, 60.0)
    assert (ask(supply, "FIELD:MAG?"), supply.world.field_T()) == (1.0, 0.1)
    assert supply.handle("PS 1") is None
    assert supply.handle(ERROR) == '-107,"No switch installed"'


def test_a_wrong_coil_constant_shows_another_field_than_there_is() -> None:
    supply = at_field(0.5)
    say(supply, "CONF:COIL 0.16")
    assert ask(supply, "FIELD:MAG?") == 1.0
    assert supply.world.field_T() == 0.5


def test_reset_pauses_switches_the_heater_off_and_keeps_the_setup() -> None:
    supply = at_field(0.5)
    say(supply, "CONF:VOLT:LIM 2", "*RST")
    after(supply, 30.0)
    assert (supply.handle("STATE?"), supply.handle("PS?"), supply.handle("VOLT:LIM?")) == (
        "3",
        "0",
        "2",
    )
    assert supply.world.field_T() == 0.5


@given(line=st.text(st.characters(codec="latin-1"), max_size=30))
@example("PSwitch?" + "\x00")
@example("*" * 30)
@example("CONF:RAMP:RATE:CURR " + "9" * 10)
def test_any_line_is_survived(line: str) -> None:
    supply = ami()
    answer = supply.handle(line)
    assert answer is None or "?" in line
    supply.handle("*CLS")
    assert supply.handle("STATE?;SYST:ERR?") == '3\r\n0,"No errors"'


@given(
    amperes=st.floats(-87.5, 87.5),
    notation=st.sampled_from(["{:.9f}", "{:+.9f}", "{:.9e}", "{:.9E}", "{:+.3f}E0", "  {:.9f} "]),
)
def test_numbers_are_taken_in_every_notation(amperes: float, notation: str) -> None:
    supply = ami()
    say(supply, "CONF:CURR:TARG " + notation.format(amperes))
    assert ask(supply, "CURR:TARG?") == pytest.approx(amperes, abs=1e-3)


@pytest.mark.parametrize("text", ["1_0", "0x10", "inf", "1e", "--1", "1 A", "1.2.3", "e5", "٣"])
def test_what_is_no_number_is_an_invalid_argument(text: str) -> None:
    supply = ami()
    supply.handle(f"CONF:CURR:TARG {text}")
    assert supply.handle(ERROR) == '-102,"Invalid argument"'


@given(
    start=st.floats(-80.0, 80.0),
    goal=st.floats(-80.0, 80.0),
    bounds=st.lists(st.floats(0.1, 80.0), min_size=3, max_size=3).map(sorted),
)
def test_a_ramp_through_segments_takes_the_sum_of_its_parts(
    start: float, goal: float, bounds: list[float]
) -> None:
    rates = [0.5, 0.25, 0.1]
    segments = Segments(rates, bounds, count=3)
    passed, here = 0.0, start
    while here != goal:
        end, rate = segments.leg(here, goal)
        assert abs(goal - end) < abs(goal - here)
        passed, here = passed + abs(end - here) / rate, end
    inner = [0.0, bounds[0], bounds[1], 1e3]
    expected = sum(
        _overlap(*sorted((start, goal)), sign * low, sign * high) / rate
        for low, high, rate in zip(inner, inner[1:], rates, strict=False)
        for sign in (1.0, -1.0)
    )
    assert passed == pytest.approx(expected, abs=1e-6)


def _overlap(low: float, high: float, one: float, other: float) -> float:
    return max(0.0, min(high, max(one, other)) - max(low, min(one, other)))


class AnyOrderOfCommands(RuleBasedStateMachine):
    """Whatever is sent: the field stays within limits and never jumps while all is normal."""

    def __init__(self) -> None:
        super().__init__()
        self.supply = heated()
        self.last = (self.supply.time_s, 0.0)

    @rule(command=st.sampled_from(["RAMP", "PAUSE", "INCR", "DECR", "ZERO", "*RST", "QU 0"]))
    def mode(self, command: str) -> None:
        assert self.supply.handle(command) is None

    @rule(on=st.booleans())
    def heater(self, on: bool) -> None:
        """Switch as a careful operator does: only with the leads at the magnet's current."""
        away = ask(self.supply, "CURR:MAG?") - ask(self.supply, "CURR:SUPP?")
        if self.supply.handle("STATE?") in ("2", "3", "8") and (not on or abs(away) < 1e-3):
            self.supply.handle(f"PS {on:d}")

    @rule(tesla=st.floats(-8, 8))
    def target(self, tesla: float) -> None:
        before = self.supply.handle("FIELD:TARG?")
        self.supply.handle("*CLS")
        self.supply.handle(f"CONF:FIELD:TARG {tesla:.6f}")
        refused = abs(round(tesla, 6)) > 7.0
        assert (self.supply.handle(ERROR) != '0,"No errors"') == refused
        if refused:
            assert self.supply.handle("FIELD:TARG?") == before

    @rule(
        segment=st.integers(1, 3),
        rate=st.floats(0.01, 5.0),
        bound=st.floats(0.1, 7.0),
        count=st.integers(1, 3),
    )
    def rates(self, segment: int, rate: float, bound: float, count: int) -> None:
        self.supply.handle(f"CONF:RAMP:RATE:FIELD {segment},{rate:.5f},{bound:.5f}")
        self.supply.handle(f"CONF:RAMP:RATE:SEG {count}")

    @rule(seconds=st.floats(0.0, 500.0))
    def wait(self, seconds: float) -> None:
        after(self.supply, seconds)

    @invariant()
    def the_field_moves_no_faster_than_the_magnet_may(self) -> None:
        world = self.supply.world
        (t0, before), t = self.last, max(world.now(), self.supply.time_s)
        world.sync(t)
        field = world.magnet.field_T(t)
        assert not world.magnet.quenched
        assert abs(field) <= 7.0 + 1e-9
        assert abs(field - before) <= 1.0 / 60.0 * (t - t0) + 1e-6
        self.last = (t, field)


TestAnyOrderOfCommands = AnyOrderOfCommands.TestCase


# On its socket


@pytest.fixture
def port() -> Iterator[int]:
    with VirtualCryostat(
        Resistor(1e3), source_meter=None, temperature=None, magnet="ami430", speed=10_000
    ) as cryostat:
        yield int(cryostat.endpoints["magnet"].address.split("::")[2])


@pytest.fixture
def client(port: int) -> Iterator[Callable[[bytes, int], list[bytes]]]:
    with socket.create_connection(("127.0.0.1", port), timeout=10.0) as raw:
        stream = raw.makefile("rb")

        def exchange(data: bytes, lines: int) -> list[bytes]:
            raw.sendall(data)
            return [stream.readline() for _ in range(lines)]

        yield exchange
        stream.close()


def test_it_greets_and_takes_any_line_end(client: Callable[[bytes, int], list[bytes]]) -> None:
    assert client(b"", 2) == [b"American Magnetics Model 430 IP Interface\r\n", b"Hello.\r\n"]
    for end in (b"\r\n", b"\n", b"\r", b"\n\r"):
        assert client(b"STATE?" + end, 1) == [b"3\r\n"]
    assert client(b"\r\n\r\nSTA", 0) == []
    assert client(b"TE?;PS?\r\nQU?\n", 3) == [b"3\r\n", b"0\r\n", b"0\r\n"]


def test_junk_and_a_line_without_an_end_do_no_harm(
    client: Callable[[bytes, int], list[bytes]],
) -> None:
    client(b"", 2)
    client(bytes(range(128, 256)) + b"\n" + b"X" * 200_000 + b"\n", 0)
    assert client(b"SYST:ERR?;SYST:ERR?;SYST:ERR?\n", 3) == [
        b'-101,"Unrecognized command"\r\n',
        b'-303,"Input overflow"\r\n',
        b'0,"No errors"\r\n',
    ]
