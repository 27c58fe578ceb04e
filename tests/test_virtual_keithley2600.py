"""The virtual Keithley 2636B as its manual describes it: (sent, answered), readings, triggers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nanojunction.instruments.virtual import WorldSettings
from nanojunction.instruments.virtual.keithley2600 import Keithley2600
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
NEXT = "print(errorqueue.next())"
EMPTY = "0.00000e+00\tQueue Is Empty\t0.00000e+00\t1.00000e+00"
Session = list[tuple[str, str | None]]


def keithley(ohm: float = 1e3, constants: WorldSettings = IDEAL, **kwargs: float) -> Keithley2600:
    return Keithley2600(world_with(Resistor(ohm, **kwargs), constants), latency_s=0.005)


def ready(ohm: float = 1e3, constants: WorldSettings = IDEAL, **kwargs: float) -> Keithley2600:
    k = keithley(ohm, constants, **kwargs)
    assert k.handle("smua.source.limiti = 1e-3 smua.source.output = smua.OUTPUT_ON") is None
    return k


def values(answer: str | None) -> list[float]:
    assert answer is not None
    return [float(text) for text in answer.split("\t")]


def error(k: Keithley2600) -> tuple[int, str]:
    code, message, *_ = (k.handle(NEXT) or "").split("\t")
    return int(float(code)), message


def queued(code: int, message: str) -> str:
    return f"{code:.5e}\t{message}\t2.00000e+01\t1.00000e+00"


SESSIONS: dict[str, Session] = {
    "identity": [("*IDN?", Keithley2600.identity), ("*idn?", Keithley2600.identity)],
    "no error": [(NEXT, EMPTY), ("print(errorqueue.count)", "0.00000e+00")],
    "numbers have six digits, as many as asked for otherwise": [
        ("print(1, 0.1, -12345678, 1e-300)",
         "1.00000e+00\t1.00000e-01\t-1.23457e+07\t1.00000e-300"),
        ("format.asciiprecision = 10 print(1/3)", "3.333333333e-01"),
        ("format.asciiprecision = 17", None),
        (NEXT, "1.405000000e+03\tInvalid ASCII precision\t2.000000000e+01"
               "\t1.000000000e+00"),
        ("print(format.asciiprecision)", "1.000000000e+01"),
    ],
    "words": [
        ('print("a", nil, true, false)', "a\tnil\ttrue\tfalse"),
        ("print()", ""),
        ("printnumber(1, 2.5, 3e-9)", "1.00000e+00, 2.50000e+00, 3.00000e-09"),
        ("print(smua.no_such_thing)", "nil"),
        ("x = 3", None),
        ("print(x)", "3.00000e+00"),
    ],
    "a message is a chunk": [
        ("a = 1 b = 2; print(a + b)", "3.00000e+00"),
        ("for k = 1, 3 do print(k) end", "1.00000e+00\n2.00000e+00\n3.00000e+00"),
        ("  \t print(1)  \r", "1.00000e+00"),
        ("", None),
        ("-- nothing", None),
    ],
    "the names of the manual": [
        ("print(smua.OUTPUT_DCVOLTS, smua.SENSE_REMOTE, smua.DELAY_AUTO, smua.AUTOZERO_AUTO)",
         "1.00000e+00\t1.00000e+00\t-1.00000e+00\t2.00000e+00"),
        ("print(localnode.model, localnode.linefreq)", "2636B\t5.00000e+01"),
        ("print(node[1].smua.source.limitv == smua.source.limitv)", "true"),
        ("print(smua == smua, smua == smub, smua.nvbuffer1 == smua.nvbuffer1)",
         "true\tfalse\ttrue"),
    ],
    "syntax": [
        ("smua.source.levelv = = 1", None),
        (NEXT, queued(-285, "TSP Syntax error at line 1: unexpected symbol near `='")),
        ("foo", None),
        (NEXT, queued(-285, "TSP Syntax error at line 1: `=' expected near `<eof>'")),
    ],
    "what ends a script": [
        ("print(1) smuc.source.levelv = 1 print(2)", "1.00000e+00"),
        (NEXT, queued(-286, "TSP Runtime error at line 1: "
                            "attempt to index global `smuc' (a nil value)")),
        ("smua.source.level = 1", None),
        (NEXT, queued(-286, "TSP Runtime error at line 1: "
                            "attempt to write to unknown attribute `level'")),
        ("smua.OUTPUT_ON = 2", None),
        (NEXT, queued(-286, "TSP Runtime error at line 1: "
                            "attempt to write to unknown attribute `OUTPUT_ON'")),
        ("smua.source.compliance = 1", None),
        (NEXT, queued(-286, "TSP Runtime error at line 1: "
                            "attempt to write to read-only attribute `compliance'")),
        ("smua.measure.x()", None),
        (NEXT, queued(-286, "TSP Runtime error at line 1: "
                            "attempt to call field `x' (a nil value)")),
        ('error("own words")', None),
        (NEXT, queued(-286, "TSP Runtime error at line 1: own words")),
    ],
    "what does not end a script": [
        ("smua.source.limiti = 0 smua.measure.nplc = 26 print(smua.measure.nplc)", "1.00000e+00"),
        (NEXT, queued(1102, "Parameter too small")),
        (NEXT, queued(1101, "Parameter too big")),
        (NEXT, EMPTY),
        ("smua.source.levelv = 'much'", None),
        (NEXT, queued(-104, "Data type")),
        ("smua.source.levelv = '1.5e-1' print(smua.source.levelv)", "1.50000e-01"),
        ("smua.source.levelv = nil", None),
        ("smua.source.levelv = {}", None),
        ("smua.source.levelv = true", None),
        ("smua.source.levelv = 0/0", None),
        ("print(errorqueue.count, smua.source.levelv)", "4.00000e+00\t1.50000e-01"),
        ("errorqueue.clear() print(errorqueue.count)", "0.00000e+00"),
    ],
    "the error queue overflows": [
        ("for k = 1, 120 do smua.source.limiti = 0 end print(errorqueue.count)", "1.00000e+02"),
        ("for k = 1, 99 do errorqueue.next() end print(errorqueue.next())",
         queued(-350, "Queue overflow")),
        (NEXT, EMPTY),
    ],
    "ranges round up": [
        ("smua.measure.rangei = 2e-6 print(smua.measure.rangei, smua.measure.autorangei)",
         "1.00000e-05\t0.00000e+00"),
        ("smua.source.rangev = -5 print(smua.source.rangev, smua.source.autorangev)",
         "2.00000e+01\t0.00000e+00"),
        ("smua.source.rangev = 300 print(errorqueue.next())", queued(1101, "Parameter too big")),
        ("print(smua.source.rangev)", "2.00000e+01"),
    ],
    "what is sourced is measured on the source's range": [
        ("smua.source.rangev = 2 smua.measure.rangev = 20 print(smua.measure.rangev)",
         "2.00000e+00"),
        ("smua.source.func = smua.OUTPUT_DCAMPS print(smua.measure.rangev)", "2.00000e+01"),
    ],
    "the output level controls an automatic range": [
        ("smua.source.levelv = 1.5 print(smua.source.rangev)", "2.00000e+00"),
        ("smua.source.levelv = 0.1 print(smua.source.rangev)", "2.00000e-01"),
        ("smua.source.levelv = 5 smua.source.autorangev = 0 print(smua.source.rangev)",
         "2.00000e+01"),
    ],
    "a level beyond a fixed range is refused when the output is on": [
        ("smua.source.rangev = 2 smua.source.levelv = 5 print(errorqueue.count)", "0.00000e+00"),
        ("smua.source.output = 1 print(smua.source.output)", "0.00000e+00"),
        (NEXT, queued(5005, "SMU A: Value too big for range")),
        ("smua.source.levelv = 1 smua.source.output = 1 smua.source.levelv = 5", None),
        (NEXT, queued(5005, "SMU A: Value too big for range")),
        ("print(smua.source.levelv, smua.source.output)", "1.00000e+00\t1.00000e+00"),
    ],
    "the operating area": [
        ("smub.source.limiti = 1.5 smub.source.levelv = 25", None),
        (NEXT, queued(5007, "SMU B: Operation would exceed safe operating area of the instrument")),
        ("print(smub.source.levelv)", "0.00000e+00"),
        ("smub.source.levelv = 203", None),
        (NEXT, queued(1101, "Parameter too big")),
    ],
    "filter and count": [
        ("smua.measure.count = 5 smua.measure.filter.count = 3", None),
        (NEXT, queued(5025, "SMU A: Cannot set filter.count > 1 when measure.count > 1")),
    ],
    "defaults": [
        ("smua.source.levelv = 1 smua.sense = 1 smua.measure.nplc = 5", None),
        ("smua.source.output = 1", None),
        ("*RST", None),
        ("print(smua.source.levelv, smua.sense, smua.measure.nplc, smua.source.output)",
         "0.00000e+00\t0.00000e+00\t1.00000e+00\t0.00000e+00"),
        ("print(smua.source.func, smua.source.limiti, smua.source.limitv, smua.source.rangev)",
         "1.00000e+00\t1.00000e-01\t2.00000e+01\t2.00000e-01"),
        ("print(smua.measure.autozero, smua.measure.delay, smua.measure.lowrangei)",
         "2.00000e+00\t-1.00000e+00\t1.00000e-10"),
        ("print(smua.source.offmode, smua.source.offlimiti, smua.trigger.endsweep.action)",
         "0.00000e+00\t1.00000e-03\t0.00000e+00"),
    ],
    "a channel's reset leaves the other alone": [
        ("smua.source.levelv = 1 smub.source.levelv = 2 smua.reset()", None),
        ("print(smua.source.levelv, smub.source.levelv)", "0.00000e+00\t2.00000e+00"),
    ],
    "common commands": [
        ("*ESR?", "128"),
        ("*ESE 32;*SRE 32", None),
        ("*ESE?;*SRE?;*STB?", "32;32;0"),
        ("*FOO", None),
        ("*STB?", "100"),
        (NEXT, queued(-113, "Undefined header")),
        ("*ESR?", "32"),
        ("*ESE", None),
        (NEXT, queued(-109, "Missing parameter")),
        ("*RST 1", None),
        (NEXT, queued(-108, "Parameter not allowed")),
        ("*SRE 256", None),
        (NEXT, queued(1101, "Parameter too big")),
        ("*CLS", None),
        ("*OPC", None),
        ("*ESR?", "1"),
        ("*OPC?", "1"),
        ("*TST?", "0"),
        ("*WAI", None),
    ],
    "status": [
        ("print(status.standard.event)", "1.28000e+02"),
        ("status.standard.enable = status.standard.QYE + status.standard.OPC", None),
        ("*ESE?", "5"),
        ("status.request_enable = status.EAV smua.source.limiti = 0", None),
        ("print(status.condition)", "6.80000e+01"),
        ("errorqueue.clear() print(status.condition)", "0.00000e+00"),
    ],
    "scripts": [
        ("loadscript hello", None),
        ("n = n and n + 1 or 1", None),
        ("print('hello', n)", None),
        ("endscript", None),
        ("hello()", "hello\t1.00000e+00"),
        ("hello.run()", "hello\t2.00000e+00"),
        ("print(hello.name, script.user.scripts.hello == hello)", "hello\ttrue"),
        ("print(hello.source)", "n = n and n + 1 or 1\nprint('hello', n)"),
        ("loadandrunscript", None),
        ("print('anonymous')", None),
        ("endscript", "anonymous"),
        ("run()", "anonymous"),
        ("script.run() script.anonymous()", "anonymous\nanonymous"),
        ("loadscript smua", None),
        ("endscript", None),
        (NEXT, queued(-282, "Illegal program name")),
        ("loadscript broken", None),
        ("x = 1", None),
        ("x = = 2", None),
        ("endscript", None),
        (NEXT, queued(-285, "TSP Syntax error at line 2: unexpected symbol near `='")),
        ("print(broken)", "nil"),
        ("loadandrunscript", None),
        ("print(1)", None),
        ("nothing.here = 1", None),
        ("endscript", "1.00000e+00"),
        (NEXT, queued(-286, "TSP Runtime error at line 2: "
                            "attempt to index global `nothing' (a nil value)")),
        ('made = script.new("print(42)", "made") made()', "4.20000e+01"),
        ("exit() print(1)", None),
        (NEXT, EMPTY),
    ],
    "prompts and errors that are shown": [
        ("localnode.prompts = 1", "TSP>"),
        ("smua.source.limiti = 0", "TSP?"),
        ("loadscript x", ">>>>"),
        ("endscript", "TSP?"),
        ("localnode.prompts = 0", None),
        ("localnode.showerrors = 1", "1.10200e+03\tParameter too small\t2.00000e+01"),
    ],
    "lua 5.0": [
        ("print(table.getn({4, 5, 6}), math.mod(7, 4))", "3.00000e+00\t3.00000e+00"),
        ('for word in string.gfind("a b", "%a") do print(word) end', "a\nb"),
        ("print(type(gcinfo()), type(collectgarbage('count')))", "number\tnumber"),
        ("get = makegetter(smua.source, 'limitv') print(get())", "2.00000e+01"),
        ("set = makesetter(smua.source, 'limitv') set(3) print(get())", "3.00000e+00"),
    ],
    "display, beeper, digital lines": [
        ('display.clear() display.settext("BUSY") print(display.gettext())', "BUSY"),
        ("display.screen = display.SMUA display.smua.measure.func = display.MEASURE_OHMS", None),
        ("beeper.beep(0.1, 1000)", None),
        ("digio.writebit(3, 0) print(digio.readbit(3), digio.readport())",
         "0.00000e+00\t1.63790e+04"),
        (NEXT, EMPTY),
    ],
}  # fmt: skip


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_session(session: Session) -> None:
    k = keithley()
    assert [(sent, k.handle(sent)) for sent, _ in session] == session


# Readings


def test_a_reading_is_current_and_voltage() -> None:
    k = ready()
    assert k.handle("smua.source.levelv = 0.01 print(smua.measure.iv())") == (
        "1.00000e-05\t1.00000e-02"
    )
    assert k.handle("print(smua.measure.v(), smua.measure.i())") == "1.00000e-02\t1.00000e-05"
    assert k.handle("print(smua.measure.r(), smua.measure.p())") == "1.00000e+03\t1.00000e-07"


def test_a_fixed_range_that_is_too_small_overflows() -> None:
    k = ready()
    reading = k.handle(
        "smua.measure.rangei = 1e-6 smua.source.levelv = 0.01 print(smua.measure.i())"
    )
    assert reading == "9.91000e+37"
    assert k.handle("print(smua.measure.rangei)") == "1.00000e-06"
    assert k.handle("print(smua.measure.r())") == "9.91000e+37"
    assert k.handle("print(status.measurement.reading_overflow.condition)") == "2.00000e+00"
    assert k.handle("print(status.measurement.event)") == "1.28000e+02"


@given(exponent=st.floats(-10.5, -2.2))
@settings(deadline=None, max_examples=40)
def test_autorange_finds_the_most_sensitive_range(exponent: float) -> None:
    current = 10.0**exponent
    k = ready(ohm=0.1 / current)
    k.handle("smua.source.limiti = 0.1 smua.source.levelv = 0.1")
    found, full_scale = values(k.handle("print(smua.measure.i(), smua.measure.rangei)"))
    assert found == pytest.approx(current, rel=2e-4, abs=1e-15)
    assert current <= 1.01 * full_scale
    assert full_scale == 1e-10 or current > 0.095 * full_scale


@pytest.mark.parametrize("nplc", [0.01, 1.0])
def test_autorange_makes_room_for_offset_and_noise(nplc: float) -> None:
    """On the smallest ranges they are larger than the current of an open line."""
    k = ready(ohm=1e15, constants=WorldSettings())
    k.handle(f"smua.measure.nplc = {nplc} smua.source.levelv = 0.01")
    readings = [values(k.handle("print(smua.measure.i())"))[0] for _ in range(100)]
    assert max(map(abs, readings)) < 1e-9


@pytest.mark.parametrize("sign", [1, -1])
def test_compliance_clamps_and_reports(sign: int) -> None:
    k = ready(ohm=100.0)
    current, voltage = values(k.handle(f"smua.source.levelv = {sign} print(smua.measure.iv())"))
    assert current == pytest.approx(sign * 1e-3, rel=1e-5)
    assert voltage == pytest.approx(sign * 0.1, rel=1e-4)
    assert k.handle("print(smua.source.compliance)") == "true"
    assert k.world.junction_current_A == pytest.approx(sign * 1e-3)
    assert k.handle("print(status.measurement.current_limit.condition)") == "2.00000e+00"
    assert k.handle("smua.source.levelv = 0.05 print(smua.source.compliance)") == "false"


def test_a_voltage_limit_holds_when_a_current_is_sourced() -> None:
    k = keithley(ohm=1e6)
    k.handle(
        "smua.source.func = smua.OUTPUT_DCAMPS smua.source.limitv = 0.5 smua.source.output = 1"
    )
    current, voltage = values(k.handle("smua.source.leveli = 1e-5 print(smua.measure.iv())"))
    assert voltage == pytest.approx(0.5, rel=1e-5)
    assert current == pytest.approx(0.5e-6, rel=1e-3)
    assert k.handle("print(smua.source.compliance)") == "true"


def test_a_power_limit_lowers_the_current_limit() -> None:
    k = ready(ohm=10.0)
    current, _ = values(
        k.handle("smua.source.limitp = 1e-4 smua.source.levelv = 1 print(smua.measure.iv())")
    )
    assert current == pytest.approx(1e-4, rel=1e-3)


def test_zero_current_finds_the_offset_voltage_of_a_junction() -> None:
    k = keithley(ohm=157.0, offset_V=4.05e-3)
    k.handle("smua.source.func = 0 smua.source.limitv = 1 smua.source.output = 1")
    assert values(k.handle("print(smua.measure.v())"))[0] == pytest.approx(4.05e-3, abs=1e-7)


def test_two_wires_see_the_leads_and_four_do_not() -> None:
    k = ready(ohm=100.0, constants=WorldSettings(lead_resistance_ohm=2.0))
    k.handle("smua.source.levelv = 0.05")
    assert values(k.handle("print(smua.measure.r())"))[0] == pytest.approx(102.0, rel=1e-3)
    k.handle("smua.sense = smua.SENSE_REMOTE")
    assert values(k.handle("print(smua.measure.r())"))[0] == pytest.approx(100.0, rel=1e-3)


@pytest.mark.parametrize(
    ("mode", "voltage", "current"),
    [
        ("smua.source.offmode = smua.OUTPUT_NORMAL", 0.0, -4e-6),
        ("smua.source.offmode = smua.OUTPUT_ZERO", 0.0, -4e-6),
        ("smua.source.offmode = smua.OUTPUT_HIGH_Z", 4e-3, 0.0),
        ("smua.source.offfunc = smua.OUTPUT_DCAMPS", 4e-3, 0.0),
    ],
)
def test_what_the_junction_sees_with_the_output_off(
    mode: str, voltage: float, current: float
) -> None:
    k = ready(ohm=1e3, offset_V=4e-3)
    k.handle(f"smua.source.levelv = 0.1 {mode} smua.source.output = smua.OUTPUT_OFF")
    assert not k.world.output_on
    assert k.world.source_level_V == 0.0
    assert k.world.junction_voltage_V == pytest.approx(voltage, abs=1e-9)
    assert k.world.junction_current_A == pytest.approx(current, abs=1e-12)


def test_high_impedance_can_be_asked_for_with_the_output() -> None:
    k = ready(ohm=1e3, offset_V=4e-3)
    k.handle("smua.source.output = smua.OUTPUT_HIGH_Z")
    assert k.world.junction_current_A == 0.0
    k.handle("smua.source.output = smua.OUTPUT_OFF smua.source.offlimiti = 1e-6")
    assert k.world.junction_current_A == pytest.approx(-1e-6)


@given(level=st.floats(-0.2, 0.2))
@settings(deadline=None)
def test_the_source_has_steps_of_five_microvolts_on_200_mV(level: float) -> None:
    k = ready()
    k.handle(f"smua.source.rangev = 0.2 smua.source.levelv = {level:.9g}")
    voltage = k.world.source_level_V
    assert voltage == pytest.approx(level, abs=2.5001e-6)
    assert voltage / 5e-6 == pytest.approx(round(voltage / 5e-6), abs=1e-6)


@pytest.mark.parametrize("nplc", [0.1, 1.0, 4.0])
def test_readings_scatter_as_the_integration_time_says(nplc: float) -> None:
    quiet = WorldSettings(voltmeter_pickup_V=0.0, ammeter_pickup_of_range=0.0)
    k = ready(constants=quiet)
    k.handle(f"smua.measure.nplc = {nplc} smua.measure.count = 1000 format.asciiprecision = 12")
    answer = k.handle("b = smua.makebuffer(1000) smua.measure.v(b) printbuffer(1, b.n, b)")
    scatter = standard_deviation(numbers(answer))
    assert scatter == pytest.approx(0.4e-6 / math.sqrt(nplc), rel=0.15, abs=0.02e-6)


@pytest.mark.parametrize("kind", ["FILTER_REPEAT_AVG", "FILTER_MOVING_AVG", "FILTER_MEDIAN"])
def test_the_filter_averages(kind: str) -> None:
    k = ready(constants=WorldSettings())
    k.handle(f"smua.measure.filter.type = smua.{kind} smua.measure.filter.count = 25")
    k.handle("smua.measure.filter.enable = 1 format.asciiprecision = 12 b = smua.makebuffer(500)")
    k.handle("b.appendmode = 1 for k = 1, 500 do smua.measure.v(b) end")
    voltages = numbers(k.handle("printbuffer(26, 500, b)"))
    assert standard_deviation(voltages) < 0.4e-6 / 3.0
    assert int(numbers(k.handle("printbuffer(1, 1, b.statuses)"))[0]) & 0x80


def test_rel_is_subtracted() -> None:
    k = ready(offset_V=4e-3)
    k.handle("smua.measure.rel.leveli = -4e-6 smua.measure.rel.enablei = smua.REL_ON")
    assert values(k.handle("print(smua.measure.i())"))[0] == pytest.approx(0.0, abs=1e-10)


# Time


def seconds_for(k: Keithley2600, *messages: str) -> float:
    k.world.clock.sleep_until(k.time_s)
    start = k.world.now()
    for message in messages:
        k.handle(message)
    return k.time_s - start


@pytest.mark.parametrize(
    ("settings_", "message", "expected_s"),
    [
        ("", "print(smua.measure.v())", 0.02),
        ("", "print(smua.measure.iv())", 2 * 0.02),
        ("smua.measure.nplc = 10", "print(smua.measure.v())", 0.2),
        ("smua.measure.filter.count = 5 smua.measure.filter.enable = 1",
         "print(smua.measure.v())", 5 * 0.02),
        ("smua.measure.count = 4", "print(smua.measure.v())", 4 * 0.02),
        ("smua.measure.count = 4 smua.measure.interval = 0.1",
         "print(smua.measure.v())", 3 * 0.1 + 0.02),
        ("smua.measure.delay = 0.5", "print(smua.measure.v())", 0.52),
        ("smua.measure.rangei = 1e-7", "print(smua.measure.i())", 0.02 + 2e-3),
        ("smua.source.delay = 0.3", "smua.source.levelv = 0.01 print(smua.measure.v())", 0.32),
        ("", "delay(1.5)", 1.5),
        ("smua.measure.rangei = 1e-4", "for k = 1, 3 do smua.measure.i() delay(0.1) end", 0.36),
    ],
)  # fmt: skip
def test_what_takes_time(settings_: str, message: str, expected_s: float) -> None:
    k = ready()
    k.handle(f"smua.measure.autozero = smua.AUTOZERO_ONCE smua.measure.rangei = 1e-3 {settings_}")
    k.handle("smua.measure.autozero = smua.AUTOZERO_ONCE")
    assert seconds_for(k, message) == pytest.approx(0.005 + expected_s, abs=1e-6)


def test_autozero_takes_zero_and_reference_now_and_then() -> None:
    k = ready()
    k.handle("smua.measure.rangei = 1e-3 smua.measure.delay = 0")
    first = seconds_for(k, "print(smua.measure.v())")
    assert first == pytest.approx(0.005 + 3 * 0.02)
    assert seconds_for(k, "print(smua.measure.v())") == pytest.approx(0.005 + 0.02)
    k.handle("smua.measure.nplc = 0.1")  # another aperture has references of its own
    assert seconds_for(k, "print(smua.measure.v())") == pytest.approx(0.005 + 3 * 0.002)


def test_the_timer_runs_on_the_worlds_clock() -> None:
    k = keithley()
    elapsed = values(k.handle("timer.reset() delay(2) print(timer.measure.t())"))[0]
    assert elapsed == pytest.approx(2.0, abs=1e-6)


# Buffers


def test_a_buffer_keeps_what_it_is_told_to() -> None:
    k = ready()
    k.handle("b = smua.nvbuffer1 b.clear() b.collecttimestamps = 1 b.collectsourcevalues = 1")
    k.handle("b.appendmode = 1 smua.measure.nplc = 1 smua.measure.rangei = 1e-3")
    k.handle("for k = 1, 3 do smua.source.levelv = k / 100 smua.measure.i(b) end")
    assert k.handle("print(b.n, b.capacity, b.next)") == "3.00000e+00\t6.00000e+04\t4.00000e+00"
    assert k.handle("printbuffer(1, b.n, b)") == "1.00000e-05, 2.00000e-05, 3.00000e-05"
    assert k.handle("printbuffer(2, 3, b.readings, b.sourcevalues)") == (
        "2.00000e-05, 2.00000e-02, 3.00000e-05, 3.00000e-02"
    )
    times = numbers(k.handle("printbuffer(1, 3, b.timestamps)"))
    assert times[0] == 0.0
    assert times[2] > times[1] > 0.0
    assert k.handle("print(b[2], b.readings[2], b.statuses[2], b.measureranges[2])") == (
        "2.00000e-05\t2.00000e-05\t8.00000e+00\t1.00000e-03"
    )
    assert k.handle("print(b.measurefunctions[1], b.sourcefunctions[1], b[4])") == (
        "Amps\tVolts\tnil"
    )


def test_a_buffer_changes_only_while_it_is_empty() -> None:
    k = ready()
    k.handle("smua.measure.v(smua.nvbuffer1) smua.nvbuffer1.collecttimestamps = 1")
    assert error(k) == (5032, "Cannot change this setting unless buffer is cleared")
    k.handle("smua.nvbuffer1.clear() smua.nvbuffer1.collecttimestamps = 1")
    assert error(k)[0] == 0


def test_without_append_mode_each_measurement_replaces_the_last() -> None:
    k = ready()
    k.handle("for k = 1, 3 do smua.measure.v(smua.nvbuffer1) end")
    assert k.handle("print(smua.nvbuffer1.n)") == "1.00000e+00"


def test_a_full_buffer_discards_or_starts_again() -> None:
    k = ready()
    fill = "for k = 1, 5 do smua.source.levelv = k / 100 smua.measure.v(b) end printbuffer(1, 3, b)"
    k.handle("b = smua.makebuffer(3) b.appendmode = 1")
    assert k.handle(fill) == "1.00000e-02, 2.00000e-02, 3.00000e-02"
    k.handle("b = smua.makebuffer(3) b.appendmode = 1 b.fillmode = b.FILL_WINDOW")
    assert k.handle(fill) == "4.00000e-02, 5.00000e-02, 3.00000e-02"


def test_binary_blocks() -> None:
    k = ready()
    block = k.handle("format.data = format.REAL32 format.byteorder = 0 printnumber(1, -2)")
    assert block == "#0\x3f\x80\x00\x00\xc0\x00\x00\x00"
    assert k.handle("format.data = format.REAL64 format.byteorder = 1 printnumber(1)") == (
        "#0\x00\x00\x00\x00\x00\x00\xf0\x3f"
    )


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("printbuffer(1, 2, smua.nvbuffer1)", 4900),
        ("printbuffer(0, 1, smua.nvbuffer1)", 1102),
        ("printbuffer(1, 1)", 1400),
        ("printbuffer(1, 1, smua)", 5033),
        ("smua.measure.v(smua)", 5033),
        ("smua.makebuffer(0)", 1102),
        ("smua.makebuffer(1e9)", 1101),
        ("smua.measure.overlappedv()", 1400),
        ("smua.trigger.measure.iv(smua.nvbuffer1)", 1400),
        ("smua.trigger.source.listv()", 1400),
        ("smua.trigger.source.listv({1, 300})", 1101),
        ("smua.trigger.source.linearv(0, 1, 1)", 1102),
        ("smua.trigger.source.logv(-1, 1, 5)", -222),
        ("smua.trigger.source.action = 1 smua.trigger.initiate()", 5059),
        ("smua.trigger.measure.action = 1 smua.trigger.initiate()", 5060),
    ],
)
def test_what_buffers_and_sweeps_refuse(message: str, code: int) -> None:
    k = ready()
    assert k.handle(message) is None
    assert error(k)[0] == code


def test_dynamic_buffers_give_their_room_back() -> None:
    k = ready()
    k.handle("for k = 1, 50 do b = smua.makebuffer(100000) end")
    assert error(k)[0] == 0
    k.handle("t = {} for k = 1, 20 do t[k] = smua.makebuffer(100000) end")
    assert error(k)[0] == -225


# The trigger model

SWEEP = (
    "smua.trigger.source.listv({0.01, 0.03, 0.02}) smua.trigger.source.action = smua.ENABLE "
    "smua.nvbuffer1.clear() smua.nvbuffer2.clear() smua.nvbuffer1.collecttimestamps = 1 "
    "smua.trigger.measure.iv(smua.nvbuffer1, smua.nvbuffer2) "
    "smua.trigger.measure.action = smua.ENABLE smua.trigger.count = 3 "
)


def test_a_list_sweep_goes_on_by_itself() -> None:
    k = ready()
    k.handle(SWEEP)
    k.handle("smua.measure.rangei = 1e-3 smua.trigger.initiate()")
    assert k.handle("print(status.operation.sweeping.condition)") == "2.00000e+00"
    assert k.handle("print(smua.nvbuffer1.n)") == "0.00000e+00"
    assert k.handle("delay(0.1) print(smua.nvbuffer1.n)") == "1.00000e+00"
    assert k.world.source_level_V == pytest.approx(0.03)
    assert k.handle("waitcomplete() print(smua.nvbuffer1.n)") == "3.00000e+00"
    assert k.handle("print(status.operation.sweeping.condition)") == "0.00000e+00"
    assert k.handle("printbuffer(1, 3, smua.nvbuffer1, smua.nvbuffer2)") == (
        "1.00000e-05, 1.00000e-02, 3.00000e-05, 3.00000e-02, 2.00000e-05, 2.00000e-02"
    )


@pytest.mark.parametrize(("action", "level_V"), [("SOURCE_IDLE", 0.005), ("SOURCE_HOLD", 0.02)])
def test_the_end_of_a_sweep(action: str, level_V: float) -> None:
    k = ready()
    k.handle(f"{SWEEP} smua.source.levelv = 0.005 smua.trigger.endsweep.action = smua.{action}")
    k.handle("smua.trigger.initiate()")
    assert k.handle("*OPC?") == "1"
    assert k.world.source_level_V == pytest.approx(level_V)
    k.handle("smua.source.levelv = 0.04")
    assert k.world.source_level_V == pytest.approx(0.04)


def test_a_sweep_has_a_limit_of_its_own() -> None:
    k = ready()
    k.handle(f"{SWEEP} smua.trigger.source.limiti = 1.5e-5 smua.trigger.initiate() waitcomplete()")
    assert k.handle("printbuffer(1, 3, smua.nvbuffer1)") == (
        "1.00000e-05, 1.50000e-05, 1.50000e-05"
    )
    statuses = numbers(k.handle("printbuffer(1, 3, smua.nvbuffer1.statuses)"))
    assert [bool(int(status) & 0x40) for status in statuses] == [False, True, True]


def test_linear_and_logarithmic_sweeps() -> None:
    k = ready()
    k.handle(f"{SWEEP} smua.trigger.source.linearv(0, -0.02, 3)")
    k.handle("smua.trigger.initiate() waitcomplete()")
    assert k.handle("printbuffer(1, 3, smua.nvbuffer2)") == (
        "0.00000e+00, -1.00000e-02, -2.00000e-02"
    )
    k.handle("smua.trigger.source.logv(0.001, 0.1, 3) smua.trigger.initiate() waitcomplete()")
    assert k.handle("printbuffer(1, 3, smua.nvbuffer2)") == (
        "1.00000e-03, 1.00000e-02, 1.00000e-01"
    )


def test_a_sweep_beyond_a_fixed_range_is_refused() -> None:
    k = ready()
    k.handle("smua.source.rangev = 0.2 smua.trigger.source.listv({0.1, 0.3})")
    k.handle("smua.trigger.source.action = 1 smua.trigger.count = 2 smua.trigger.initiate()")
    assert error(k) == (5005, "SMU A: Value too big for range")
    assert k.world.largest_voltage_V == 0.0


def test_pulses_return_to_the_idle_level() -> None:
    k = ready()
    k.handle(f"{SWEEP} smua.trigger.endpulse.action = smua.SOURCE_IDLE")
    k.handle("smua.trigger.endpulse.stimulus = trigger.EVENT_ID smua.trigger.initiate() delay(0.2)")
    assert k.world.source_level_V == pytest.approx(0.01)
    k.handle("smua.trigger.source.stimulus = digio.trigger[1].EVENT_ID")  # wait before the next
    assert k.handle("*TRG") is None
    assert k.handle("*IDN?") == Keithley2600.identity
    assert k.world.source_level_V == 0.0


def test_a_sweep_waits_for_its_triggers() -> None:
    k = ready()
    k.handle(f"{SWEEP} smua.trigger.arm.stimulus = trigger.EVENT_ID smua.trigger.initiate()")
    assert k.handle("delay(1) print(smua.nvbuffer1.n)") == "0.00000e+00"
    k.handle("*TRG")
    assert k.handle("waitcomplete() print(smua.nvbuffer1.n)") == "3.00000e+00"


def test_blenders_and_a_chain_of_events_pace_a_sweep() -> None:
    k = ready()
    k.handle(SWEEP)
    k.handle("trigger.blender[1].orenable = true")
    k.handle("trigger.blender[1].stimulus[1] = smua.trigger.ARMED_EVENT_ID")
    k.handle("trigger.blender[1].stimulus[2] = smua.trigger.PULSE_COMPLETE_EVENT_ID")
    k.handle("smua.trigger.source.stimulus = trigger.blender[1].EVENT_ID")
    k.handle("smua.trigger.measure.stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID")
    k.handle("smua.trigger.initiate()")
    assert k.handle("waitcomplete() print(smua.nvbuffer1.n)") == "3.00000e+00"


def test_a_timer_spaces_the_points_of_a_sweep() -> None:
    k = ready()
    k.handle(SWEEP)
    k.handle("smua.measure.rangei = 1e-3 smua.measure.delay = 0 smua.measure.autozero = 0")
    k.handle("t = trigger.timer[1] t.delay = 0.5 t.count = 2 t.passthrough = true")
    k.handle("t.stimulus = smua.trigger.ARMED_EVENT_ID")
    k.handle("smua.trigger.source.stimulus = t.EVENT_ID smua.trigger.initiate() waitcomplete()")
    times = numbers(k.handle("printbuffer(1, 3, smua.nvbuffer1.timestamps)"))
    assert times == pytest.approx([0.0, 0.5, 1.0], abs=1e-5)


def test_an_overlapped_measurement_lets_others_go_on() -> None:
    k = ready()
    k.handle("smua.measure.nplc = 10 smua.measure.overlappediv(smua.nvbuffer1, smua.nvbuffer2)")
    assert k.handle("print(smua.nvbuffer1.n)") == "0.00000e+00"
    k.handle("smua.measure.v()")
    assert error(k) == (5042, "SMU A: Invalid while overlapped measure")
    k.handle("smub.measure.overlappedv(smua.nvbuffer1)")
    assert error(k)[0] == 5040
    assert k.handle("waitcomplete() print(smua.nvbuffer1.n)") == "1.00000e+00"


def test_abort_ends_a_sweep_and_the_source_goes_to_its_level() -> None:
    k = ready()
    k.handle(f"{SWEEP} smua.trigger.count = 0 smua.source.levelv = 0.001 smua.trigger.initiate()")
    k.handle("delay(0.5)")
    assert k.world.source_level_V >= 0.01
    k.handle("smua.abort()")
    assert k.handle("print(status.operation.sweeping.condition)") == "0.00000e+00"
    assert k.world.source_level_V == pytest.approx(0.001)
    assert k.handle("waitcomplete() print(smua.measure.v())") == "1.00000e-03"


def test_measure_and_step() -> None:
    k = ready()
    assert k.handle("print(smua.measurevandstep(0.02))") == "0.00000e+00"
    assert k.handle("print(smua.measurevandstep(0.03))") == "2.00000e-02"


# Whatever is sent


class AnyOrderOfCommands(RuleBasedStateMachine):
    """Whatever is sent: the junction never sees more than level and limit allow."""

    def __init__(self) -> None:
        super().__init__()
        self.k = keithley(ohm=330.0, offset_V=4e-3)
        self.k.handle("*CLS")

    @rule(on=st.integers(0, 2), mode=st.integers(0, 2))
    def output(self, on: int, mode: int) -> None:
        self.k.handle(f"smua.source.offmode = {mode} smua.source.output = {on}")

    @rule(function=st.integers(0, 1))
    def source(self, function: int) -> None:
        self.k.handle(f"smua.source.func = {function}")

    @rule(volt=st.floats(-300.0, 300.0), ampere=st.floats(-2.0, 2.0))
    def levels(self, volt: float, ampere: float) -> None:
        self.k.handle(f"smua.source.levelv = {volt:.6g} smua.source.leveli = {ampere:.6g}")

    @rule(volt=st.floats(1e-3, 300.0), ampere=st.floats(1e-12, 2.0))
    def limits(self, volt: float, ampere: float) -> None:
        self.k.handle(f"smua.source.limitv = {volt:.6g} smua.source.limiti = {ampere:.6g}")

    @rule(volt=st.floats(0.0, 300.0), ampere=st.floats(0.0, 2.0), automatic=st.integers(0, 1))
    def ranges(self, volt: float, ampere: float, automatic: int) -> None:
        self.k.handle(f"smua.source.rangev = {volt:.6g} smua.measure.rangei = {ampere:.6g}")
        self.k.handle(f"smua.source.autorangev = {automatic} smua.sense = {automatic}")

    @rule(count=st.integers(1, 5), hold=st.integers(0, 1))
    def sweep(self, count: int, hold: int) -> None:
        self.k.handle(f"{SWEEP} smua.trigger.count = {count} smua.trigger.endsweep.action = {hold}")
        self.k.handle("smua.trigger.initiate()")

    @rule()
    def wait(self) -> None:
        self.k.handle("waitcomplete()")

    @rule()
    def read(self) -> None:
        self.k.handle("print(smua.measure.iv())")

    @rule(command=st.sampled_from(["*RST", "smua.reset()", "smua.abort()", "abort"]))
    def reset(self, command: str) -> None:
        self.k.handle(command)

    @invariant()
    def limits_hold(self) -> None:
        smu, world = self.k.channels["a"].smu, self.k.world
        if world.output_on and smu.sources_voltage:
            assert abs(world.junction_current_A) <= smu.limit * (1 + 1e-9)
        elif world.output_on:
            assert abs(world.junction_voltage_V) <= smu.limit * (1 + 1e-9)

    @invariant()
    def nothing_breaks(self) -> None:
        # 1101, 1102: out of range; 5xxx: not in this state. Never -286 and never 900.
        assert error(self.k)[0] in (0, 1101, 1102, 5005, 5007, 5032, 5042, 5059)
        assert self.k.handle("*IDN?") == Keithley2600.identity


TestAnyOrderOfCommands = AnyOrderOfCommands.TestCase
TestAnyOrderOfCommands.settings = settings(deadline=None, max_examples=30, stateful_step_count=20)


def test_a_client_finds_what_an_object_has() -> None:
    """Python's package keithley2600 knows no command; it asks the metatables for them."""
    k = keithley()
    k.handle("mt = getmetatable(smua.source)")
    assert k.handle("print(type(mt.Getters.levelv), type(mt.Setters.levelv))") == (
        "function\tfunction"
    )
    k.handle("mt.Setters.levelv(0.5)")
    assert k.handle("print(mt.Getters.levelv())") == "5.00000e-01"
    k.handle("mt = getmetatable(smua)")
    assert k.handle("print(type(mt.Objects.source), mt.Objects.OUTPUT_DCVOLTS)") == (
        "table\t1.00000e+00"
    )
    k.handle("mt = getmetatable(localnode)")
    assert k.handle("print(type(mt.Getters.linefreq), mt.Objects.model)") == "function\t2636B"
    k.handle("mt = getmetatable(smua.nvbuffer1)")
    assert k.handle("print(mt.luatype, mt.Setters.n)") == "reading_buffer\tnil"
    k.handle("smua.source.output = 1 smua.measure.count = 2 smua.measure.v(smua.nvbuffer1)")
    assert k.handle("print(smua.nvbuffer1.readings.getreading(2) == smua.nvbuffer1[2])") == "true"


def test_the_status_of_one_channel() -> None:
    k = keithley()
    k.handle("smua.source.limiti = 1e-6 smua.source.levelv = 0.1 smua.source.output = 1")
    k.handle("smua.measure.i()")
    assert k.handle("print(status.measurement.instrument.smua.condition)") == "2.00000e+00"
    assert k.handle("print(status.measurement.instrument.smub.condition)") == "0.00000e+00"
    assert k.handle("print(status.measurement.instrument.smua.ILMT)") == "2.00000e+00"


def test_keys_of_the_front_panel() -> None:
    k = keithley()
    k.handle("display.sendkey(75)")
    assert k.handle("print(errorqueue.count)") == "0.00000e+00"
    k.handle("display.sendkey(0)")
    assert k.handle("print(errorqueue.next())").startswith("1.10200e+03")
