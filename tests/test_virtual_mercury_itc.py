"""The virtual MercuryiTC as its manual describes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.virtual import WorldSettings
from nanojunction.instruments.virtual.mercury_itc import MercuryITC
from nanojunction.instruments.virtual.mercury_itc.language import InvalidError, number, signal
from tests.virtual_bench import world_with

QUIET = WorldSettings(sensor_noise_K=0.0, sensor_drift_K=0.0)
LOOP = "DEV:MB1.T1:TEMP:LOOP"


def controller() -> MercuryITC:
    return MercuryITC(world_with(settings=QUIET), latency_s=0.005)


def after(instrument: MercuryITC, seconds: float) -> None:
    instrument.world.clock.sleep(seconds)


def value(instrument: MercuryITC, noun: str) -> str:
    return (instrument.handle(f"READ:{noun}") or "").rpartition(":")[2]


CATALOGUE = (
    "STAT:SYS:CAT:DEV:MB1.T1:TEMP:DEV:DB6.T1:TEMP:DEV:DB7.T1:TEMP:"
    "DEV:MB0.H1:HTR:DEV:DB4.G1:AUX:DEV:DB5.L1:LVL"
)
SESSIONS = {
    "identity and catalogue": [
        ("*IDN?", "IDN:OXFORD INSTRUMENTS:MERCURY ITC:113450000:2.6.04.000"),
        ("READ:SYS:CAT", CATALOGUE),
        ("READ:SYS:CAT?", CATALOGUE),
        ("READ:SYS:CAT:DEV?", CATALOGUE),
    ],
    "signals with their units": [
        ("READ:DEV:MB1.T1:TEMP:SIG:TEMP", "STAT:DEV:MB1.T1:TEMP:SIG:TEMP:295.0000K"),
        ("READ:DEV:MB1.T1:TEMP:SIG:TEMP?\r", "STAT:DEV:MB1.T1:TEMP:SIG:TEMP:295.0000K"),
        ("READ:DEV:MB1.T1:TEMP:SIG:VOLT", "STAT:DEV:MB1.T1:TEMP:SIG:VOLT:571.5000mV"),
        ("READ:DEV:MB1.T1:TEMP:SIG:RES", "STAT:DEV:MB1.T1:TEMP:SIG:RES:N/A"),
        (
            "READ:DEV:MB0.H1:HTR:SIG",
            "STAT:DEV:MB0.H1:HTR:SIG:VOLT:33.4515V:CURR:0.6690A:POWR:22.3800W",
        ),
        ("READ:DEV:DB5.L1:LVL:SIG:HEL", "STAT:DEV:DB5.L1:LVL:SIG:HEL:LEV:80.0000%:RES:28.0000O"),
    ],
    "calibrations and nicknames": [
        ("READ:DEV:MB1.T1:TEMP:CAL:FILE", "STAT:DEV:MB1.T1:TEMP:CAL:FILE:DT-670"),
        ("READ:DEV:DB6.T1:TEMP:CAL:FILE", "STAT:DEV:DB6.T1:TEMP:CAL:FILE:CX-1050_X123456"),
        ("SET:DEV:DB6.T1:TEMP:NICK:Sample", "STAT:SET:DEV:DB6.T1:TEMP:NICK:Sample:VALID"),
        ("READ:DEV:DB6.T1:TEMP:NICK", "STAT:DEV:DB6.T1:TEMP:NICK:Sample"),
    ],
    "several nouns of a branch at once": [
        (f"SET:{LOOP}:P:5:I:1.5:D:0", f"STAT:SET:{LOOP}:P:5:VALID:I:1.5:VALID:D:0:VALID"),
        (f"READ:{LOOP}:P:I:D", f"STAT:{LOOP}:P:5.0000:I:1.5000:D:0.0000"),
        (f"SET:{LOOP}:P:x:I:2", f"STAT:SET:{LOOP}:P:x:INVALID:I:2:VALID"),
        (f"READ:{LOOP}:P:I", f"STAT:{LOOP}:P:5.0000:I:2.0000"),
    ],
    "what cannot be interpreted": [
        ("NONSENSE", "NONSENSE:INVALID"),
        ("read:sys:cat", "read:INVALID"),
        ("READ:NONSENSE:X", "STAT:NONSENSE:INVALID"),
        ("READ", "STAT:INVALID"),
        ("READ:DEV:MB9.T1:TEMP:SIG:TEMP", "STAT:DEV:MB9.T1:NOT_FOUND"),
        ("READ:DEV:MB1.T1:HTR:SIG:VOLT", "STAT:DEV:MB1.T1:HTR:INVALID"),
        ("READ:DEV:MB1.T1:TEMP:SIG:NONS", "STAT:DEV:MB1.T1:TEMP:SIG:NONS:INVALID"),
        ("SET:DEV:MB1.T1:TEMP:SIG:TEMP:4", "STAT:SET:DEV:MB1.T1:TEMP:SIG:TEMP:4:INVALID"),
        (f"SET:{LOOP}:TSET:9999", f"STAT:SET:{LOOP}:TSET:9999:INVALID"),
        (f"SET:{LOOP}:TSET:4V", f"STAT:SET:{LOOP}:TSET:4V:INVALID"),
        (f"SET:{LOOP}:TSET", f"STAT:SET:{LOOP}:TSET:INVALID"),
        (f"SET:{LOOP}:ENAB:MAYBE", f"STAT:SET:{LOOP}:ENAB:MAYBE:INVALID"),
        (f"READ:{LOOP}:TSET", f"STAT:{LOOP}:TSET:295.0000K"),
        ("", None),
    ],
    "settings with and without a unit": [
        (f"SET:{LOOP}:TSET:4.321", f"STAT:SET:{LOOP}:TSET:4.321:VALID"),
        (f"READ:{LOOP}:TSET", f"STAT:{LOOP}:TSET:4.3210K"),
        (f"SET:{LOOP}:TSET:50.5K", f"STAT:SET:{LOOP}:TSET:50.5K:VALID"),
        (f"READ:{LOOP}:TSET", f"STAT:{LOOP}:TSET:50.5000K"),
        (f"READ:{LOOP}:RSET", f"STAT:{LOOP}:RSET:infK/m"),
        (f"SET:{LOOP}:RSET:2:RENA:ON", f"STAT:SET:{LOOP}:RSET:2:VALID:RENA:ON:VALID"),
        (f"READ:{LOOP}:RSET", f"STAT:{LOOP}:RSET:2.0000K/m"),
    ],
    "clock, password": [
        ("SET:SYS:TIME:13:57:23", "STAT:SET:SYS:TIME:13:57:23:VALID"),
        ("READ:SYS:TIME", "STAT:SYS:TIME:13:57:23"),
        ("SET:SYS:TIME:25:00:00", "STAT:SET:SYS:TIME:25:00:00:INVALID"),
        ("SET:SYS:DATE:2026:11:20", "STAT:SET:SYS:DATE:2026:11:20:VALID"),
        ("READ:SYS:DATE", "STAT:SYS:DATE:2026:11:20"),
        ("SET:SYS:PASS:secret", "STAT:SET:SYS:PASS:secret:DENIED"),
        ("SET:SYS:MODE:ENG:PASS:wrong", "STAT:SET:SYS:MODE:ENG:PASS:wrong:DENIED"),
        ("SET:SYS:MODE:ENG:PASS:mercury", "STAT:SET:SYS:MODE:ENG:PASS:mercury:VALID"),
        ("SET:SYS:PASS:secret", "STAT:SET:SYS:PASS:secret:VALID"),
    ],
    "the heater is one loop's": [
        ("READ:DEV:DB6.T1:TEMP:LOOP:HTR", "STAT:DEV:DB6.T1:TEMP:LOOP:HTR:None"),
        ("SET:DEV:DB6.T1:TEMP:LOOP:ENAB:ON", "STAT:SET:DEV:DB6.T1:TEMP:LOOP:ENAB:ON:INVALID"),
        ("SET:DEV:DB6.T1:TEMP:LOOP:HTR:MB0.H1", "STAT:SET:DEV:DB6.T1:TEMP:LOOP:HTR:MB0.H1:VALID"),
        (f"READ:{LOOP}:HTR", f"STAT:{LOOP}:HTR:None"),
        (f"SET:{LOOP}:ENAB:ON", f"STAT:SET:{LOOP}:ENAB:ON:INVALID"),
    ],
}


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_session(session: list[tuple[str, str | None]]) -> None:
    instrument = controller()
    assert [(sent, instrument.handle(sent)) for sent, _ in session] == session


def test_a_line_that_is_too_long_or_junk_is_invalid() -> None:
    instrument = controller()
    assert instrument.handle("READ:" + "X" * 1020) == "READ:INVALID"
    assert instrument.handle("\x00\xffREAD:SYS:CAT") == "READ:INVALID"


def test_a_ramp_goes_at_its_rate_and_the_setpoint_shows_it() -> None:
    instrument = controller()
    instrument.handle(f"SET:{LOOP}:ENAB:ON:RSET:10:RENA:ON:TSET:255")
    after(instrument, 120.0)
    assert float(value(instrument, f"{LOOP}:TSET")[:-1]) == pytest.approx(275.0, abs=0.01)
    after(instrument, 600.0)
    assert value(instrument, f"{LOOP}:TSET") == "255.0000K"
    assert instrument.world.temperature_K() == pytest.approx(255.0, abs=0.05)


def test_manual_heater() -> None:
    instrument = controller()
    assert instrument.handle(f"SET:{LOOP}:HSET:50") == f"STAT:SET:{LOOP}:HSET:50:VALID"
    assert value(instrument, "DEV:MB0.H1:HTR:SIG:VOLT") == "20.0000V"
    after(instrument, 7200.0)
    assert instrument.world.temperature_K() == pytest.approx(4.2 + 415.8 * 0.25, abs=0.01)
    instrument.handle("SET:DEV:MB0.H1:HTR:SIG:VOLT:0")
    assert value(instrument, f"{LOOP}:HSET") == "0.0000"


def test_the_heaters_limit_limits_the_temperature() -> None:
    instrument = controller()
    instrument.handle("SET:DEV:MB0.H1:HTR:VLIM:4")
    instrument.handle(f"SET:{LOOP}:ENAB:ON")
    after(instrument, 3600.0)
    assert value(instrument, f"{LOOP}:HSET") == "100.0000"
    assert instrument.world.temperature_K() == pytest.approx(4.2 + 415.8 / 100, abs=0.01)


def test_an_open_sensor_reads_zero_and_its_loop_opens() -> None:
    instrument = controller()
    instrument.handle(f"SET:{LOOP}:ENAB:ON")
    instrument.disconnect("MB1.T1")
    assert value(instrument, "DEV:MB1.T1:TEMP:SIG:TEMP") == "0.0000K"
    assert value(instrument, f"{LOOP}:ENAB") == "OFF"
    assert instrument.handle("READ:SYS:ALRM") == "STAT:SYS:ALRM:MB1.T1\tOpen circuit;"
    after(instrument, 7200.0)
    assert instrument.world.temperature_K() < 5.0


def test_helium_boils_off() -> None:
    instrument = controller()
    after(instrument, 100 * 3600.0)
    assert value(instrument, "DEV:DB5.L1:LVL:SIG:HEL:LEV") == "30.0000%"
    after(instrument, 1000 * 3600.0)
    assert value(instrument, "DEV:DB5.L1:LVL:SIG:HEL:LEV") == "0.0000%"


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [("4.2", "K", 4.2), ("4.2K", "K", 4.2), ("100mV", "V", 0.1), ("1e2", "", 100.0)],
)
def test_numbers(text: str, unit: str, expected: float) -> None:
    assert number(text, unit, 0.0, 1e3) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "K", "4.2.1", "4,2", "4.2 apples", "nan", "-1"])
def test_no_numbers(text: str) -> None:
    with pytest.raises(InvalidError):
        number(text, "K", 0.0, 1e3)


@given(amount=st.floats(1e-9, 1e9))
def test_a_signal_reads_back(amount: float) -> None:
    assert number(signal(amount, "V"), "V", 0.0, 1e12) == pytest.approx(amount, rel=1e-3)


@given(line=st.text(max_size=80))
def test_any_line_is_answered_in_plain_ascii(line: str) -> None:
    instrument = controller()
    answer = instrument.handle(line)
    assert (answer is None) == (not line.strip())
    assert answer is None or answer.isascii()
    assert instrument.handle("READ:SYS:CAT") == CATALOGUE


@given(nouns=st.lists(st.sampled_from(["TEMP", "LOOP", "SIG", "P", "ENAB", "ON", "5", ""])))
def test_any_nouns_are_answered(nouns: list[str]) -> None:
    instrument = controller()
    for verb in ("READ", "SET"):
        answer = instrument.handle(":".join([verb, "DEV", "MB1.T1", *nouns]))
        assert (answer or "").startswith("STAT:")
