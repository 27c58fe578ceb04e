"""What mounted junctions do by themselves: contact, telegraph noise, drift, thermovoltage."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.instruments.station_file import SwitchConfig, Wiring
from nanojunction.instruments.virtual import World, WorldSettings
from nanojunction.instruments.virtual.keithley2400 import Keithley2400
from nanojunction.instruments.virtual.world.breakdown import Fragile
from nanojunction.instruments.virtual.world.habits import TwoStates
from nanojunction.instruments.virtual.world.line import Source
from nanojunction.models.behaviour import Behaviour, Breakdown, Contact, Drift, Telegraph
from nanojunction.models.junction import load_junction
from tests.virtual_bench import Resistor, SteppedClock, numbers

WIRING = SwitchConfig(
    driver="keithley2700", positions={"J": Wiring(normal=(101,)), "K": Wiring(normal=(102,))}
)
J, K, NONE = {101}, {102}, set[int]()


def chip(behaviour: Behaviour, seed: int = 1, offset_V: float = 0.0) -> World:
    junctions = {"J": Resistor(1e3, offset_V), "K": Resistor(1e3)}
    return World(
        Resistor(1.0), SteppedClock(), seed=seed, junctions=junctions, wiring=WIRING,
        behaviours={"J": behaviour},
    )  # fmt: skip


def drive(world: World, level: float, t: float = 0.0) -> None:
    source = Source("voltage", level, 1.0, 4)
    world.drive(t, source, True, source)


def current(world: World, t: float = 0.0, span_s: float = 0.0) -> float:
    return world.working_point(t, span_s).current_A


# A state that goes up and down


TIMES = st.floats(0.01, 100)


@given(TIMES, TIMES, st.integers(0, 10**6), st.tuples(st.floats(0, 1e5), st.floats(0, 1e3)),
       st.floats(0, 1))  # fmt: skip
@settings(deadline=None)
def test_the_share_of_a_stretch_is_the_sum_of_its_parts(
    up_s: float, down_s: float, seed: int, stretch: tuple[float, float], cut: float
) -> None:
    start, length = stretch
    state = TwoStates(up_s, down_s, str(seed))
    end, middle = start + length, start + cut * length
    whole = state.share_up(start, end) * (end - start)
    parts = [(start, middle), (middle, end)]
    summed = sum(TwoStates(up_s, down_s, str(seed)).share_up(*part) * (part[1] - part[0])
                 for part in parts)  # fmt: skip
    assert whole == pytest.approx(summed, abs=1e-6 * (1.0 + length))
    assert 0.0 <= state.share_up(start, end) <= 1.0


def test_over_long_times_the_share_and_the_dwells_are_those_asked_for() -> None:
    state = TwoStates(3.0, 1.0, "seed")
    assert state.share_up(0.0, 40_000.0) == pytest.approx(0.75, abs=0.02)
    step = 0.01
    levels = [state.share_up(step * n, step * n) for n in range(400_000)]
    changes = sum(a != b for a, b in pairwise(levels))
    assert changes == pytest.approx(2 * 4000.0 / 4.0, rel=0.1)  # two in each cycle of 4 s
    assert set(levels) == {0.0, 1.0}


# Contact


def connections(world: World, count: int) -> list[bool]:
    drive(world, 1e-3)
    found = []
    for _ in range(count):
        world.move_contacts(0.0, NONE)
        world.move_contacts(0.0, J)
        found.append(current(world) != 0.0)
    return found


def test_a_contact_that_opens_first_is_good_once_connected_again() -> None:
    assert connections(chip(Behaviour(contact=Contact(open_first=1))), 4) == [
        False, True, True, True,
    ]  # fmt: skip


def test_a_contact_fails_as_often_as_its_probability_says_and_alike_with_the_same_seed() -> None:
    behaviour = Behaviour(contact=Contact(fails=0.3))
    first, again, other = (connections(chip(behaviour, seed), 2000) for seed in (5, 5, 6))
    assert first == again != other
    assert sum(first) == pytest.approx(1400, abs=4 * math.sqrt(2000 * 0.21))


def test_what_stays_connected_is_not_contacted_anew() -> None:
    world = chip(Behaviour(contact=Contact(open_first=1)))
    world.move_contacts(0.0, J)
    world.move_contacts(1.0, J | K)
    world.move_contacts(2.0, J)
    drive(world, 1e-3)
    assert current(world) == 0.0


def test_without_contact_a_junction_sees_no_voltage() -> None:
    world = chip(Behaviour(contact=Contact(open_first=1)))
    world.move_contacts(0.0, J)
    drive(world, 0.2)
    assert world.largest_voltage_at("J") == 0.0
    world.move_contacts(0.0, NONE)  # under the voltage: contacts that carry nothing
    drive(world, 0.0)
    world.move_contacts(0.0, J)
    drive(world, 0.1)
    assert world.largest_voltage_at("J") == 0.1


def test_drop_outs_are_as_frequent_and_as_long_as_asked_for() -> None:
    world = chip(Behaviour(contact=Contact(drop_outs_per_h=60.0, drop_out_s=2.0)))
    world.move_contacts(0.0, J)
    drive(world, 1e-3)
    open_at = [current(world, 0.2 * n) == 0.0 for n in range(250_000)]
    starts = sum(b and not a for a, b in pairwise(open_at))
    cycles = 50_000 / 62.0
    assert starts == pytest.approx(cycles, abs=4 * math.sqrt(cycles))
    assert sum(open_at) / len(open_at) == pytest.approx(2.0 / 62.0, rel=0.2)


# Telegraph noise, drift, thermovoltage, breakdown


def test_a_telegraph_has_two_levels_and_a_reading_sees_their_mean() -> None:
    noise = Behaviour(telegraph=Telegraph(amplitude=0.5, down_s=0.05, up_s=0.05))
    world = chip(noise)
    world.move_contacts(0.0, J)
    drive(world, 1e-3)
    at_once = {round(current(world, 0.01 * n) * 1e6, 9) for n in range(2000)}
    assert at_once == {1.0, 1.5}
    for t in (1.0, 7.3):
        steps = [current(world, t - 0.5 + 1e-4 * (n + 0.5)) for n in range(10_000)]
        assert current(world, t, 1.0) == pytest.approx(sum(steps) / len(steps), rel=1e-3)


def test_a_meter_that_integrates_longer_sees_less_of_a_fast_telegraph() -> None:
    noise = Behaviour(telegraph=Telegraph(amplitude=0.5, down_s=0.02, up_s=0.02))

    def scatter(nplc: float) -> float:
        world = chip(noise)
        world.move_contacts(0.0, J)
        k = Keithley2400(world)
        for line in ("*RST", ":SENS:FUNC 'CURR'", ":SOUR:VOLT 0.1", ":SENS:CURR:PROT 0.001",
                     f":SENS:CURR:NPLC {nplc}", ":FORM:ELEM CURR", ":OUTP ON"):  # fmt: skip
            k.handle(line)
        read = [numbers(k.handle(":READ?"))[0] for _ in range(200)]
        mean = sum(read) / len(read)
        return math.sqrt(sum((one - mean) ** 2 for one in read) / len(read)) / mean

    assert scatter(0.1) == pytest.approx(0.2, abs=0.02)  # (1.5 − 1)/2/1.25
    assert 0.02 < scatter(10.0) < 0.08


def test_a_drift_starts_with_the_first_contact_and_saturates() -> None:
    rate, saturates_h = 0.4, 0.5
    drift = Drift(conductance_per_h=rate, offset_per_h=-1.0, saturates_h=saturates_h)
    world = chip(Behaviour(drift=drift), offset_V=1e-3)
    drive(world, 2e-3)
    world.move_contacts(7200.0, J)
    for age_h, gain, offset in (
        (0.0, 1.0, 1.0),
        (1e-3, 1.0 + rate * 1e-3, 1.0 - 1e-3),
        (100.0, 1.0 + rate * saturates_h, 1.0 - saturates_h),
    ):
        found = current(world, 7200.0 + 3600.0 * age_h)
        assert found == pytest.approx(gain * 2e-6 - offset * 1e-6, rel=1e-4)


def test_a_thermovoltage_makes_an_offset_of_a_resistor() -> None:
    world = chip(Behaviour(thermovoltage_V=45e-6))
    world.move_contacts(0.0, J)
    drive(world, 45e-6)
    assert current(world) == 0.0
    drive(world, 0.0)
    assert current(world) == pytest.approx(-45e-9)


def test_a_junctions_own_voltage_breaks_nothing_behind_a_thermovoltage_either() -> None:
    fragile = Fragile(load_junction("B"), load_junction("short"), 0.03)
    world = World(
        Resistor(1.0), SteppedClock(), junctions={"J": fragile}, wiring=WIRING,
        settings=WorldSettings(initial_temperature_K=40.0),
        behaviours={"J": Behaviour(thermovoltage_V=1e-3)},
    )  # fmt: skip
    world.move_contacts(0.0, J)
    assert world.junction_voltage_V == pytest.approx(0.085, rel=0.02)  # its own 84 mV and 1 mV
    assert not world.broken_at("J")
    drive(world, 0.0309)
    assert not world.broken_at("J")
    drive(world, 0.0311)
    assert world.broken_at("J")


def test_what_broke_down_is_another_junction_for_good_and_is_told() -> None:
    breakdown = Breakdown(above_V=0.03, becomes=load_junction("short"))
    noise = Telegraph(amplitude=1.0, down_s=1e-3, up_s=1e6)
    world = chip(Behaviour(breakdown=breakdown, telegraph=noise, thermovoltage_V=1e-3))
    world.move_contacts(0.0, J)
    drive(world, 0.03)
    assert current(world) == pytest.approx(2 * 29e-6)
    assert not world.broken_at("J")
    drive(world, 0.0301)
    assert world.broken_at("J")
    drive(world, 1e-3)
    short = load_junction("short")
    expected = short.current_A(1e-3, 295.0, short.at_rest())
    assert current(world) == pytest.approx(expected)  # no noise, no thermovoltage
    world.move_contacts(0.0, NONE)
    world.move_contacts(0.0, J)
    assert current(world) == pytest.approx(expected)
    assert not world.broken_at("K")
    assert (world.largest_voltage_at("J"), world.largest_voltage_at("K")) == (0.0301, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contact": Contact, "fails": 1.5},
        {"contact": Contact, "open_first": -1},
        {"telegraph": Telegraph, "amplitude": -2.0, "up_s": 1.0, "down_s": 1.0},
        {"telegraph": Telegraph, "amplitude": 0.5, "up_s": 0.0, "down_s": 1.0},
        {"drift": Drift, "conductance_per_h": -2.0, "saturates_h": 0.5},
        {"drift": Drift, "conductance_per_h": 1.0},
    ],
)
def test_a_behaviour_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    kind = next(iter(wrong.values()))
    with pytest.raises(ValueError, match="validation error"):
        kind(**{key: value for key, value in wrong.items() if value is not kind})


def test_the_behaviour_of_what_is_not_mounted_is_refused() -> None:
    with pytest.raises(ValueError, match="no junction at 'X' that could behave"):
        World(Resistor(1.0), SteppedClock(), junctions={"J": Resistor(1.0)}, wiring=WIRING,
              behaviours={"X": Behaviour()})  # fmt: skip
