"""A whole chip in the virtual world: what closed contacts connect, short and turn round."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig, Wiring
from nanojunction.instruments.virtual import World, WorldSettings
from nanojunction.instruments.virtual.world.line import OPEN, Source
from tests.virtual_bench import Resistor, SteppedClock

WIRING = SwitchConfig(
    driver="keithley2700",
    positions={
        "A": Wiring(normal=(101, 117), reversed=(109, 125)),
        "B": Wiring(normal=(102, 118), reversed=(110, 126)),
        "empty": Wiring(normal=(103,)),
    },
    short=(108, 124),
)
A, B, SHORT = {101, 117}, {102, 118}, {108, 124}
LEADS = WorldSettings(lead_resistance_ohm=0.5)


def chip(a: Resistor | None = None, b: Resistor | None = None) -> World:
    junctions = {"A": a or Resistor(1e3), "B": b or Resistor(250.0)}
    return World(Resistor(1.0), SteppedClock(), LEADS, junctions=junctions, wiring=WIRING)


def drive(
    world: World, level: float, kind: Literal["voltage", "current"] = "voltage", limit: float = 1.0
) -> None:
    source = Source(kind, level, limit, 4)
    world.drive(world.now(), source, True, source)


def test_a_position_is_connected_when_all_its_contacts_are_closed() -> None:
    world = chip()
    world.move_contacts(0.0, {101})
    assert world.connected_positions == ()
    world.move_contacts(0.0, A)
    assert world.connected_positions == (Connected("A"),)
    drive(world, 0.1)
    assert world.junction_current_A == pytest.approx(1e-4)


def test_reversed_the_current_is_minus_that_at_the_opposite_voltage() -> None:
    world = chip(Resistor(1e3, offset_V=0.02))
    world.move_contacts(0.0, {109, 125})
    drive(world, 0.1)
    assert world.connected_positions == (Connected("A", is_reversed=True),)
    assert world.working_point(0.0).current_A == pytest.approx((0.1 + 0.02) / 1e3)
    assert world.junction_voltage_V == pytest.approx(-0.1)
    assert world.junction_current_A == pytest.approx(-1.2e-4)


def test_an_intrinsic_offset_changes_sign_with_the_polarity() -> None:
    world = chip(Resistor(1e3, offset_V=0.02))
    world.move_contacts(0.0, A)
    assert world.working_point(0.0).sensed_V == pytest.approx(0.02)
    world.move_contacts(0.0, {109, 125})
    assert world.working_point(0.0).sensed_V == pytest.approx(-0.02)


def test_several_positions_at_once_are_in_parallel() -> None:
    world = chip()
    world.move_contacts(0.0, A | B)
    drive(world, 0.1)
    assert world.working_point(0.0).current_A == pytest.approx(0.1 / 1e3 + 0.1 / 250.0)
    assert [one.position for one in world.connected_positions] == ["A", "B"]
    with pytest.raises(LookupError, match="2 junctions are connected, not one"):
        _ = world.junction_voltage_V


@pytest.mark.parametrize("contacts", [set(), {101}, {103}, {240}])
def test_nothing_connected_is_an_open_line(contacts: set[int]) -> None:
    world = chip()
    world.move_contacts(0.0, contacts)
    drive(world, 0.1)
    assert world.working_point(0.0).current_A == 0.0
    drive(world, 1e-6, "current", 2.0)
    point = world.working_point(0.0)
    assert (point.sensed_V, point.limited) == (2.0, True)
    assert world.largest_voltage_V == 0.0


def test_with_the_short_the_leads_alone_are_seen_and_the_junction_sees_nothing() -> None:
    world = chip()
    world.move_contacts(0.0, A | SHORT)
    assert world.shorted
    two_wires = Source("voltage", 1e-3, 1e-2, 2)
    world.drive(0.0, two_wires, True, two_wires)
    assert world.working_point(0.0).current_A == pytest.approx(1e-3 / 0.5)
    assert world.junction_voltage_V == 0.0
    drive(world, 0.1, limit=1e-3)
    point = world.working_point(0.0)
    assert (point.sensed_V, point.current_A, point.limited) == (0.0, 1e-3, True)
    assert world.largest_voltage_at("A") == 0.0


def test_a_current_into_the_short_shows_the_leads() -> None:
    world = chip()
    world.move_contacts(0.0, SHORT)
    current = Source("current", 1e-3, 1.0, 2)
    world.drive(0.0, current, True, current)
    assert world.working_point(0.0).sensed_V == pytest.approx(0.5e-3)


def test_both_ways_round_at_once_joins_the_leads() -> None:
    world = chip()
    world.move_contacts(0.0, {101, 117, 109, 125})
    assert world.shorted
    assert world.connected_positions == ()


@pytest.mark.parametrize(("level_V", "hot"), [(0.0, 0), (1e-3, 0), (2e-3, 2), (-0.2, 2)])
def test_moving_contacts_under_a_voltage_is_counted_and_felt(level_V: float, hot: int) -> None:
    world = chip()
    drive(world, level_V)
    world.move_contacts(0.0, A)
    assert world.hot_switches == hot
    assert world.largest_voltage_at("A") == pytest.approx(abs(level_V))
    assert world.largest_voltage_at("B") == 0.0


def test_a_junction_that_leaves_a_live_line_has_felt_the_step() -> None:
    world = chip()
    world.move_contacts(0.0, A)
    drive(world, 1e-6, "current", 3.0)
    assert world.largest_voltage_at("A") == pytest.approx(1e-3)
    world.move_contacts(0.0, {101})
    assert world.hot_switches == 1
    assert world.largest_voltage_at("A") == 3.0


def test_removing_the_short_from_a_driven_line_is_hot() -> None:
    world = chip()
    world.move_contacts(0.0, A | SHORT)
    drive(world, 0.3)
    assert (world.hot_switches, world.largest_voltage_at("A")) == (0, 0.0)
    world.move_contacts(0.0, A)
    assert (world.hot_switches, world.largest_voltage_at("A")) == (2, 0.3)


def test_contacts_beside_the_junctions_are_never_hot() -> None:
    world = chip()
    world.move_contacts(0.0, A)
    drive(world, 0.3)
    world.move_contacts(0.0, A | {240})
    assert world.hot_switches == 0


def test_with_the_output_open_nothing_is_hot() -> None:
    world = chip(Resistor(1e3, offset_V=0.084))
    world.drive(0.0, OPEN, False, Source("voltage", 0.4, 1.0, 4))
    world.move_contacts(0.0, A)
    world.move_contacts(0.0, set())
    assert (world.hot_switches, world.largest_voltage_at("A")) == (0, 0.0)


def test_the_field_reaches_junctions_that_are_not_connected() -> None:
    a, b = Resistor(1e3), Resistor(1e3)
    world = chip(a, b)
    world.move_contacts(0.0, A)
    world.magnet.set_heater(0.0, True)
    start = world.settings.switch_warm_s + 1.0
    for t, field_T in ((start, 0.1), (start + 60.0, -0.05), (start + 120.0, 0.02)):
        world.magnet.ramp_lead(t, field_T, 0.005)
        for moment in range(1, 60):
            world.sync(t + moment)
    assert len(a.fields_T) > 50
    # The other is led through the turning points only, when it is looked at.
    world.move_contacts(600.0, B)
    assert b.fields_T == pytest.approx([0.1, -0.05, 0.02])
    world.move_contacts(600.0, A)
    assert a.fields_T[-1] == b.fields_T[-1]


def test_a_junction_is_mounted_at_its_position() -> None:
    world = chip()
    world.mount(Resistor(50.0), "B")
    world.move_contacts(0.0, B)
    drive(world, 0.1)
    assert world.junction_current_A == pytest.approx(2e-3)
    with pytest.raises(ValueError, match="at position 'Z': the switch has the positions A, B, em"):
        world.mount(Resistor(1.0), "Z")
    with pytest.raises(ValueError, match="at position 'Z': the switch has"):
        World(Resistor(1.0), SteppedClock(), junctions={"Z": Resistor(1.0)}, wiring=WIRING)
    with pytest.raises(ValueError, match=r"junctions at positions \(A\) need a switch"):
        World(Resistor(1.0), SteppedClock(), junctions={"A": Resistor(1.0)})
    with pytest.raises(ValueError, match="the station has no switch"):
        World(Resistor(1.0), SteppedClock()).mount(Resistor(1.0), "A")


CONTACTS = st.frozensets(
    st.sampled_from([101, 117, 109, 125, 102, 118, 110, 126, 103, 108, 124]), max_size=8
)


@given(st.lists(CONTACTS, max_size=8), st.floats(-0.5, 0.5))
def test_no_set_of_contacts_breaks_the_circuit(steps: list[frozenset[int]], level_V: float) -> None:
    world = chip()
    drive(world, level_V, limit=0.1)
    for contacts in steps:
        world.move_contacts(0.0, contacts)
        point = world.working_point(0.0)
        expected = sum(
            level_V / ohm
            for position, ohm in (("A", 1e3), ("B", 250.0))
            if any(one.position == position for one in world.connected_positions)
        )
        if world.shorted:
            assert point.sensed_V == 0.0
        else:
            assert point.current_A == pytest.approx(expected)
    assert world.largest_voltage_V <= abs(level_V)
