"""The sweeps of the factory script KISweep on the virtual 2636B: (sent, answered) on a socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.keithley2600 import Keithley2600
from tests.test_virtual_keithley2600 import EMPTY, IDEAL, NEXT, queued
from tests.virtual_bench import Client, Resistor, SteppedClock, numbers

#: What is asked for after a sweep of channel a, through 1 kΩ.
N = "print(smua.nvbuffer1.n)"
READINGS = "printbuffer(1, smua.nvbuffer1.n, smua.nvbuffer1.readings)"
SOURCED = "printbuffer(1, smua.nvbuffer1.n, smua.nvbuffer1.sourcevalues)"
TIMES = "printbuffer(1, smua.nvbuffer1.n, smua.nvbuffer1.timestamps)"
STATUSES = "printbuffer(1, smua.nvbuffer1.n, smua.nvbuffer1.statuses)"
OUTPUT = "print(smua.source.output)"
OFF = "0.00000e+00"
NOTHING_TO_DO = queued(5059, "SMU A: trigger.source.action enabled without configuration")
Session = list[tuple[str, str | None]]

SWEEPS: dict[str, Session] = {
    "linear, voltage": [
        ("SweepVLinMeasureI(smua, -0.1, 0.1, 1e-3, 5)", None),
        (N, "5.00000e+00"),
        (READINGS, "-1.00000e-04, -5.00000e-05, 0.00000e+00, 5.00000e-05, 1.00000e-04"),
        (SOURCED, "-1.00000e-01, -5.00000e-02, 0.00000e+00, 5.00000e-02, 1.00000e-01"),
        (OUTPUT, OFF),
    ],
    "linear, current": [
        ("SweepILinMeasureV(smua, 1e-4, -1e-4, 0, 3)", None),
        (READINGS, "1.00000e-01, 0.00000e+00, -1.00000e-01"),
        (SOURCED, "1.00000e-04, 0.00000e+00, -1.00000e-04"),
        (OUTPUT, OFF),
    ],
    "logarithmic, voltage": [
        ("SweepVLogMeasureI(smua, 0.01, 1, 0, 3)", None),
        (SOURCED, "1.00000e-02, 1.00000e-01, 1.00000e+00"),
        (READINGS, "1.00000e-05, 1.00000e-04, 1.00000e-03"),
    ],
    "logarithmic, current": [
        ("SweepILogMeasureV(smua, 1e-6, 1e-4, 0, 3)", None),
        (SOURCED, "1.00000e-06, 1.00000e-05, 1.00000e-04"),
        (READINGS, "1.00000e-03, 1.00000e-02, 1.00000e-01"),
    ],
    "a list of voltages": [
        ("levels = {0.1, -0.2, 0.1, 0.05} SweepVListMeasureI(smua, levels, 0, 4)", None),
        (READINGS, "1.00000e-04, -2.00000e-04, 1.00000e-04, 5.00000e-05"),
        (SOURCED, "1.00000e-01, -2.00000e-01, 1.00000e-01, 5.00000e-02"),
        (OUTPUT, OFF),
    ],
    "a list of currents": [
        ("SweepIListMeasureV(smua, {1e-4, -2e-4}, 0, 2)", None),
        (READINGS, "1.00000e-01, -2.00000e-01"),
    ],
    "the last level of a list is `points`": [
        ("SweepVListMeasureI(smua, {0.1, -0.2, 0.05}, 0, 2)", None),
        (READINGS, "1.00000e-04, -2.00000e-04"),
    ],
    "beyond compliance in current": [
        ("smua.source.limiti = 5e-4 SweepVLinMeasureI(smua, 0, 1, 0, 3)", None),
        (READINGS, "0.00000e+00, 5.00000e-04, 5.00000e-04"),
        (STATUSES, "4.00000e+00, 4.00000e+00, 6.80000e+01"),
        (NEXT, EMPTY),
    ],
    "beyond compliance in voltage": [
        ("smua.source.limitv = 0.15 SweepILinMeasureV(smua, 0, 2e-4, 0, 3)", None),
        (READINGS, "0.00000e+00, 1.00000e-01, 1.50000e-01"),
    ],
    "all that is left out has a default": [
        ("SweepVLinMeasureI() print(smua.nvbuffer1.n)", "1.00000e+01"),
        (SOURCED, "-1.00000e+00, -7.77800e-01, -5.55550e-01, -3.33350e-01, -1.11100e-01, "
                  "1.11100e-01, 3.33350e-01, 5.55550e-01, 7.77800e-01, 1.00000e+00"),
        ("SweepVListMeasureI(smub) print(smub.nvbuffer1.n, smub.nvbuffer1.sourcevalues[10])",
         "1.00000e+01\t-1.00000e+00"),
        ("SweepILinMeasureV() print(smua.nvbuffer1.sourcevalues[10])", "1.00000e-04"),
        ("SweepIListMeasureV() print(smua.nvbuffer1.sourcevalues[1])", "1.00000e-04"),
        ("SweepVLogMeasureI() print(smua.nvbuffer1.sourcevalues[10])", "1.00000e+01"),
        ("SweepILogMeasureV() print(smua.nvbuffer1.sourcevalues[10])", "1.00000e-04"),
    ],
    "one range of the source for all levels: 1 nA is no step on 100 µA": [
        ("SweepILogMeasureV(smua, 1e-9, 1e-4, 0, 6)", None),
        ("print(smua.nvbuffer1.sourcevalues[1], smua.nvbuffer1.sourceranges[1])",
         "0.00000e+00\t1.00000e-04"),
    ],
    "a range for each level of a list": [
        ("SweepIListMeasureV(smua, {1e-9, 1e-4}, 0, 2)", None),
        ("printbuffer(1, 2, smua.nvbuffer1.sourcevalues, smua.nvbuffer1.sourceranges)",
         "1.00000e-09, 1.00000e-09, 1.00000e-04, 1.00000e-04"),
    ],
    "the channel without wires": [
        ("SweepVLinMeasureI(smub, 0, 1, 0, 2)", None),
        ("printbuffer(1, 2, smub.nvbuffer1.readings)", "0.00000e+00, 0.00000e+00"),
        (N, "0.00000e+00"),
    ],
    "a second sweep replaces the first": [
        ("SweepVLinMeasureI(smua, 0, 0.1, 0, 11)", None),
        ("SweepILinMeasureV(smua, 0, 1e-4, 0, 2)", None),
        (READINGS, "0.00000e+00, 1.00000e-01"),
    ],
    "settings are put back": [
        ("smua.source.func = smua.OUTPUT_DCAMPS smua.source.rangev = 20 smua.source.levelv = 0.3",
         None),
        ("smua.measure.filter.enable = 1 smua.source.output = 1", None),
        ("SweepVLinMeasureI(smua, 0, 0.1, 0, 2) SweepILinMeasureV(smua, 0, 1e-5, 0, 2)", None),
        ("print(smua.source.func, smua.source.levelv, smua.source.rangev, smua.source.autorangev)",
         "0.00000e+00\t3.00000e-01\t2.00000e+01\t0.00000e+00"),
        ("print(smua.measure.autozero, smua.measure.filter.enable, smua.source.autorangei)",
         "2.00000e+00\t1.00000e+00\t1.00000e+00"),
        (OUTPUT, OFF),
        (NEXT, EMPTY),
    ],
    "the factory script itself": [
        ("for name in script.factory.catalog() do print(name) end", "KISweep"),
        ("print(KISweep, script.user.scripts.KISweep)", "nil\tnil"),
        ("SweepVLinMeasureI = nil SweepVLinMeasureI(smua, 0, 0.1, 0, 2)", None),
        (NEXT, queued(-286, "TSP Runtime error at line 1: "
                            "attempt to call global `SweepVLinMeasureI' (a nil value)")),
        ("script.factory.scripts.KISweep() SweepVLinMeasureI(smua, 0, 0.1, 0, 2)", None),
        (READINGS, "0.00000e+00, 1.00000e-04"),
        ("script.delete('KISweep') print(type(script.factory.scripts.KISweep.run))", "function"),
    ],
}  # fmt: skip

#: A call, and what is in the error queue afterwards.
REFUSED: dict[str, list[str]] = {
    "SweepVLinMeasureI(smua, 0, 0.1, 0, 1)": [queued(1102, "Parameter too small"), NOTHING_TO_DO],
    "SweepVLinMeasureI(smua, 0, 300, 0, 3)": [
        queued(1101, "Parameter too big"), queued(1101, "Parameter too big"), NOTHING_TO_DO],
    "SweepILinMeasureV(smua, 0, 2, 0, 3)": [
        queued(1101, "Parameter too big"), queued(1101, "Parameter too big"), NOTHING_TO_DO],
    "SweepVLogMeasureI(smua, 0, 1, 0, 3)": [
        queued(-222, "Parameter data out of range"), NOTHING_TO_DO],
    "SweepVListMeasureI(smua, {}, 0, 3)": [
        queued(-104, "Data type"), queued(1400, "Expected at least 1 parameter"), NOTHING_TO_DO],
    "SweepVListMeasureI(smua, {0.1, 'much'}, 0, 2)": [queued(-104, "Data type"), NOTHING_TO_DO],
    "SweepIListMeasureV(smua, {1e-3, 3}, 0, 2)": [
        queued(1101, "Parameter too big"), NOTHING_TO_DO],
}  # fmt: skip

#: A call, and what ends it.
ENDED = {
    "SweepVLinMeasureI(smua, 0, 0.1)":
        "`stime' would be asked for at the front panel, where nobody is",
    "SweepVListMeasureI(smua, {0.1, 0.2}, 0)":
        "`points' would be asked for at the front panel, where nobody is",
    "SweepVLinMeasureI(smua, 'much', 1, 0, 3)":
        "bad argument #1 to `abs' (number expected, got string)",
    "SweepVLinMeasureI(smua, 0, 1, 'soon', 3)": "attempt to compare number with string",
    "SweepVListMeasureI(smua, 0.1, 0, 3)": "(a number value)",
    "SweepVLinMeasureI('a', 0, 1, 0, 3)": "(a nil value)",
}  # fmt: skip


@pytest.fixture
def client() -> Iterator[Client]:
    bench = VirtualCryostat(
        Resistor(1e3),
        source_meter="keithley2600",
        magnet=None,
        temperature=None,
        settings=IDEAL,
    )
    bench.clock = bench.world.clock = SteppedClock()
    with bench:
        one = Client(bench)
        yield one
        one.socket.close()


def say(client: Client, sent: str, answered: str | None) -> None:
    """Send a message and compare its answer; one without is followed by *IDN?, to see that."""
    expected = Keithley2600.identity if answered is None else answered
    client.send(f"{sent}\n".encode() + (b"*IDN?\n" if answered is None else b""))
    assert client.line().decode() == expected


def ask(client: Client, sent: str) -> str:
    return client.ask(sent.encode()).decode()


@pytest.mark.parametrize("session", SWEEPS.values(), ids=SWEEPS)
def test_a_sweep(client: Client, session: Session) -> None:
    for sent, answered in session:
        say(client, sent, answered)


@pytest.mark.parametrize(("call", "errors"), REFUSED.items(), ids=REFUSED)
def test_what_the_channel_refuses_is_queued_and_leaves_the_output_off(
    client: Client, call: str, errors: list[str]
) -> None:
    say(client, f"smua.source.output = 1 {call}", None)
    for error in [*errors, EMPTY]:
        say(client, NEXT, error)
    say(client, f"{OUTPUT} {N}", "0.00000e+00")
    assert client.line() == b"0.00000e+00"


def test_a_refused_argument_does_not_end_the_script(client: Client) -> None:
    say(client, "SweepVLinMeasureI(smua, 0.1, 0.2, 0, 2) SweepVLinMeasureI(smua, 0, 1, 0, 1)", None)
    say(client, NEXT, queued(1102, "Parameter too small"))
    say(client, NEXT, EMPTY)
    say(client, READINGS, "1.00000e-04")


@pytest.mark.parametrize(("call", "words"), ENDED.items(), ids=ENDED)
def test_what_is_no_argument_ends_the_script(client: Client, call: str, words: str) -> None:
    say(client, call, None)
    code, message, *_ = ask(client, NEXT).split("\t")
    assert float(code) == -286
    assert message.startswith("TSP Runtime error at line ")
    assert message.endswith(words)
    say(client, NEXT, EMPTY)
    say(client, "print(smua.source.output, smua.nvbuffer1.n)", "0.00000e+00\t0.00000e+00")


def test_each_level_settles_before_it_is_measured(client: Client) -> None:
    say(client, "SweepILinMeasureV(smua, 1e-4, 2e-4, 0, 4)", None)
    fast = numbers(ask(client, TIMES))
    say(client, "SweepILinMeasureV(smua, 1e-4, 2e-4, 0.5, 4)", None)
    settled = numbers(ask(client, TIMES))
    assert settled == pytest.approx([one + 0.5 * k for k, one in enumerate(fast)], abs=1e-5)


def test_the_words_stay_on_the_display_for_two_seconds(client: Client) -> None:
    say(client, "SweepILinMeasureV(smua, 1e-4, 2e-4, 0, 2)", None)
    sent = (
        "timer.reset() SweepILinMeasureV(smua, 1e-4, 2e-4, 0, 2) "
        "print(timer.measure.t() - smua.nvbuffer1.timestamps[2], display.gettext())"
    )
    seconds, words = ask(client, sent).split("\t")
    assert 2.0 < float(seconds) < 2.1
    assert words == ""
