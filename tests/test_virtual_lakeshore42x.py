"""The virtual Lake Shore 421 and 425 as their manuals describe them."""

from __future__ import annotations

import math
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.virtual import VirtualCryostat, WorldSettings
from nanojunction.instruments.virtual.gaussmeters.gaussmeter import Gaussmeter
from nanojunction.instruments.virtual.gaussmeters.lakeshore421 import LakeShore421
from nanojunction.instruments.virtual.gaussmeters.lakeshore425 import LakeShore425
from tests.virtual_bench import Resistor, standard_deviation, world_with

QUIET = WorldSettings(
    field_probe_offset_T=0.0, field_probe_noise_T=0.0, switch_fitted=False, max_field_T=40.0
)


def in_field(model: type[Gaussmeter], tesla: float, settings: WorldSettings = QUIET) -> Gaussmeter:
    """Return a gaussmeter whose probe is at a field."""
    meter = model(world_with(settings=settings))
    magnet, now = meter.world.magnet, meter.world.now()
    magnet.ramp_lead(now, tesla, 1e6)
    meter.world.clock.sleep(1.0)
    return meter


SESSIONS_421: dict[str, list[tuple[str, str | None]]] = {
    "power-up": [
        ("*IDN?", "LSCI,MODEL421,0,070199"),
        ("TYPE?", "1"),
        ("UNIT?", "G"),
        ("ACDC?", "0"),
        ("AUTO?", "1"),
        ("BAUD?", "2"),
    ],
    "what is misspelt or out of range is ignored": [
        ("FEILD?", None),
        ("FIELD", None),
        ("RANGE 4", None),
        ("RANGE 1.5", None),
        ("RANGE", None),
        ("RANGE one", None),
        ("AUTO 2", None),
        ("UNIT X", None),
        ("", None),
        ("AUTO?;UNIT?", "1;G"),
    ],
    "commands and queries in one message": [
        ("unit t;range 1;UNIT?;RANGE?;AUTO?", "T;1;0"),
        ("RANGE 2 ; RANGE?", "2"),
    ],
    "setting a range ends autorange": [
        ("RANGE 0", None),
        ("AUTO?", "0"),
        ("AUTO 1;AUTO?;RANGE?", "1;3"),
    ],
    "fast mode ends relative mode, maximum, alarm and autorange": [
        ("REL 1;MAX 1;ALARM 1", None),
        ("FAST 1", None),
        ("REL?;MAX?;ALARM?;AUTO?;FAST?", "0;0;0;0;1"),
    ],
    "an alarm setpoint stays on its range until it is set to zero": [
        ("UNIT T;RANGE 2", None),
        ("ALMH 0.25;ALMH?;ALMHM?", "+00.250; "),
        ("ALMH 0;ALMH 123.45;ALMH?;ALMHM?", "+123.45;m"),
        ("ALMH 400", None),
        ("ALMH?", "+123.45"),
        ("UNIT G;ALMH?;ALMHM?", "+1.2345;k"),
    ],
    "reset": [
        ("UNIT T;RANGE 1;FILT 0;*RST", None),
        ("UNIT?;AUTO?;FILT?", "G;1;1"),
    ],
}

SESSIONS_425: dict[str, list[tuple[str, str | None]]] = {
    "power-up": [
        ("*IDN?", "LSCI,MODEL425,4250022,1.0"),
        ("TYPE?", "41"),
        ("UNIT?", "1"),
        ("RDGMODE?", "1,0,1"),
        ("AUTO?", "1"),
        ("RDGFIELD?", "+000.000E+00"),
    ],
    "a question mark alone repeats the last query": [
        ("?", None),
        ("UNIT?", "1"),
        ("?", "1"),
        ("UNIT 2", None),
        ("?", "2"),
    ],
    "what is misspelt or out of range is ignored": [
        ("UNIT 5", None),
        ("UNIT 0", None),
        ("RANGE 0", None),
        ("RDGMODE 1,0", None),
        ("RDGMODE 3,0,1", None),
        ("RELAY 1", None),
        ("UNIT?;RDGMODE?;RELAY?", "1;1,0,1;0,3"),
    ],
    "autorange with an argument and without": [
        ("RANGE 3;AUTO?;RANGE?", "0;3"),
        ("AUTO;AUTO?;RANGE?", "1;1"),
        ("AUTO 0;AUTO?", "0"),
    ],
    "relative setpoint and alarm follow the unit": [
        ("RELSP 1200;RELSP?", "+001.200E+03"),
        ("UNIT 2;RELSP?", "+120.000E-03"),
        ("ALARM 1,1,0.01,0.03,1,0,0;ALARM?", "1,1,+010.000E-03,+030.000E-03,1,0,0"),
        ("UNIT 4;RELSP 79577.47;UNIT 2;RELSP?", "+100.000E-03"),
    ],
    "lock needs the code": [
        ("LOCK 1,999;LOCK?", "0,123"),
        ("LOCK 1,123;LOCK?", "1,123"),
    ],
    "defaults": [("UNIT 3;DFLT 98;UNIT?", "3"), ("DFLT 99;UNIT?", "1")],
}


@pytest.mark.parametrize("session", SESSIONS_421.values(), ids=SESSIONS_421)
def test_session_421(session: list[tuple[str, str | None]]) -> None:
    meter = in_field(LakeShore421, 0.0)
    assert [(sent, meter.handle(sent)) for sent, _ in session] == session


@pytest.mark.parametrize("session", SESSIONS_425.values(), ids=SESSIONS_425)
def test_session_425(session: list[tuple[str, str | None]]) -> None:
    meter = in_field(LakeShore425, 0.0)
    assert [(sent, meter.handle(sent)) for sent, _ in session] == session


@pytest.mark.parametrize(
    ("tesla", "message", "answer"),
    [
        (0.0123456, "UNIT G;FIELD?;FIELDM?;RANGE?", "+123.46; ;3"),
        (0.0123456, "UNIT T;FIELD?;FIELDM?", "+12.346;m"),
        (-0.25, "UNIT T;FIELD?;FIELDM?;RANGE?", "-250.00;m;2"),
        (1.5, "UNIT T;FIELD?;FIELDM?;RANGE?", "+1.5000; ;1"),
        (1.5, "UNIT G;FIELD?;FIELDM?", "+15.000;k"),
        (12.0, "UNIT T;FIELD?;FIELDM?;RANGE?", "+12.000; ;0"),
        (31.0, "FIELD?;RANGE?", "OL;0"),
        (-1.5, "RANGE 2;FIELD?;FIELDM?", "OL;k"),
        (1.5, "UNIT T;RELS 1;RELR?;RELRM?", "+0.5000; "),
        (0.1, "UNIT T;RANGE 1;ALML 0.05;ALMH 0.2;ALARM 1;ALMS?;ALMIO 1;ALMS?", "0;1"),
        (0.3, "UNIT T;RANGE 1;ALML 0.05;ALMH 0.2;ALARM 1;ALMS?;ALMIO 1;ALMS?", "1;0"),
        (0.3, "ACDC 1;FIELD?;ACDC 0;RANGE 1;FIELD?", "+000.00;+03.000"),
        (0.3, "ZCAL;FIELD?", "+000.00"),
    ],
)
def test_readings_421(tesla: float, message: str, answer: str) -> None:
    assert in_field(LakeShore421, tesla).handle(message) == answer


@pytest.mark.parametrize(
    ("tesla", "message", "answer"),
    [
        (0.0123456, "RDGFIELD?;RANGE?", "+123.460E+00;1"),
        (0.0123456, "UNIT 2;RDGFIELD?", "+012.346E-03"),
        (-0.25, "RDGFIELD?;RANGE?", "-002.500E+03;2"),
        (1.5, "UNIT 2;RDGFIELD?;RANGE?", "+001.500E+00;3"),
        (1.5, "UNIT 3;RDGFIELD?", "+015.000E+03"),
        (1.5, "UNIT 4;RDGFIELD?", "+001.194E+06"),
        (12.0, "UNIT 2;RDGFIELD?;RANGE?", "+012.000E+00;4"),
        (36.0, "RDGFIELD?", "OL"),
        (-1.5, "RANGE 1;RDGFIELD?", "OL"),
        (1.5, "UNIT 2;RELSP 1;RDGREL?", "+500.000E-03"),
        (0.3, "RDGMODE 2,0,1;RDGFIELD?", "+000.000E+00"),
        (0.3, "ZPROBE;RDGFIELD?;ZCLEAR;UNIT 2;RDGFIELD?", "+000.000E+00;+300.000E-03"),
        (-0.3, "UNIT 2;ALARM 1,1,0.1,0.2,1,0,0;ALARMST?;RELAY 2,2;RELAYST?", "0,1;1"),
        (-0.3, "UNIT 2;ALARM 1,2,0.1,0.2,1,0,0;ALARMST?;RELAY 2,2;RELAYST?", "1,0;0"),
        (0.3, "UNIT 2;ALARM 1,1,0.1,0.4,2,0,0;ALARMST?", "1,1"),
        (0.3, "UNIT 2;ALARM 0,1,0.1,0.2,1,0,0;ALARMST?;RELAY 1,1;RELAYST?", "0,0;1"),
    ],
)
def test_readings_425(tesla: float, message: str, answer: str) -> None:
    assert in_field(LakeShore425, tesla).handle(message) == answer


@pytest.mark.parametrize(
    ("model", "largest", "again"),
    [(LakeShore421, "UNIT T;RANGE 2;MAXR?", "MAXC"), (LakeShore425, "UNIT 2;RDGMX?", "MXRST")],
)
def test_the_largest_field_is_kept_until_it_is_reset(
    model: type[Gaussmeter], largest: str, again: str
) -> None:
    meter = in_field(model, -0.2)
    meter.world.sync(meter.world.now())
    meter.world.magnet.ramp_lead(meter.world.now(), 0.1, 1e6)
    meter.world.clock.sleep(1.0)
    assert float(meter.handle(largest) or "") in (-200.0, -0.2)
    meter.handle(again)
    assert float(meter.handle(largest) or "") in (100.0, 0.1)


@pytest.mark.parametrize(
    ("model", "message", "factor"),
    [(LakeShore421, "UNIT T;FILT 0;FIELD?", 1e-3), (LakeShore425, "UNIT 2;RDGFIELD?", 1.0)],
)
def test_readings_have_the_offset_and_the_noise_of_the_probe(
    model: type[Gaussmeter], message: str, factor: float
) -> None:
    settings = WorldSettings(field_probe_offset_T=5e-5, field_probe_noise_T=1e-5)
    meter = in_field(model, 0.0, settings)
    readings = [factor * float(meter.handle(message) or "") for _ in range(400)]
    assert math.fsum(readings) / 400 == pytest.approx(5e-5, abs=2e-6)
    assert standard_deviation(readings) == pytest.approx(1e-5, rel=0.15)


def test_the_filter_of_the_421_quietens() -> None:
    meter = in_field(LakeShore421, 0.0, WorldSettings(field_probe_noise_T=1e-5))
    meter.handle("UNIT T;FNUM 64")
    readings = [1e-3 * float(meter.handle("FIELD?") or "") for _ in range(200)]
    assert standard_deviation(readings) < 2.5e-6


@given(line=st.text(st.characters(codec="latin-1"), max_size=40))
def test_any_line_is_survived(line: str) -> None:
    for model, query in ((LakeShore421, "FIELD?"), (LakeShore425, "RDGFIELD?")):
        meter = in_field(model, 0.0)
        answer = meter.handle(line)
        assert answer is None or "?" in line
        assert meter.handle(query) in ("+000.00", "+000.000E+00", "+00.000", "+0.0000")


@pytest.mark.parametrize(
    ("model", "query", "answer"),
    [("lakeshore421", b"UNIT?", b"G\r\n"), ("lakeshore425", b"UNIT?", b"1\r\n")],
)
def test_on_a_socket_any_line_end_and_half_a_line(model: str, query: bytes, answer: bytes) -> None:
    with VirtualCryostat(
        Resistor(1e3), source_meter=None, magnet=None, temperature=None, field_probe=model,
        speed=10_000,
    ) as cryostat:  # fmt: skip
        port = int(cryostat.endpoints["field_probe"].address.split("::")[2])
        for _ in range(2):  # the second client finds it as the first left it
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10.0) as raw,
                raw.makefile("rb") as stream,
            ):
                for end in (b"\r\n", b"\n", b"\r"):
                    raw.sendall(query + end)
                    assert stream.readline() == answer
                raw.sendall(b"\xff\xfe junk\n" + b"Y" * 100_000 + b"\n" + query[:2])
                raw.sendall(query[2:] + b"\n")
                assert stream.readline() == answer
