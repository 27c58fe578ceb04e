"""Connecting junctions without harm: the order, failures, and the safe state of a switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nanojunction.instruments.errors import (
    InstrumentError,
    InstrumentFault,
    LaboratoryError,
    StationError,
)
from nanojunction.instruments.ramps import Watch, ramp_level
from nanojunction.instruments.roles import Connected, SourceSettings
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.instruments.station_file import station_from
from nanojunction.instruments.switching import connect_junction, require_connected
from tests.conftest import station_content

SWITCH = {
    "driver": "keithley2700",
    "positions": {
        "A": {"normal": [101, 117], "reversed": [109, 125]},
        "B": {"normal": [102, 118], "reversed": [110, 126]},
        "C": {"normal": [103, 119]},
    },
    "short": [108, 124],
}
TABLES: dict[str, Any] = {
    "magnet": None,
    "temperature": None,
    "switch": SWITCH,
    "virtual": {"junctions": {"A": "resistor-1k", "B": "resistor-10k"}, "speed": 10_000},
}


@pytest.fixture
def station(virtual_station: Callable[..., Station]) -> Station:
    return virtual_station(**TABLES)


def energise(station: Station, level_V: float) -> None:
    station.source_meter.configure(SourceSettings(compliance=1e-3))
    station.source_meter.output_on()
    ramp_level(station.source_meter, level_V, 10.0, Watch(station.clock))
    assert station.source_meter.level() == pytest.approx(level_V, abs=1e-4)  # it has arrived


def test_a_position_is_connected_with_the_source_off_and_the_short_removed(
    station: Station,
) -> None:
    words: list[str] = []
    with station:
        watch = Watch(station.clock, report=words.append)
        assert connect_junction(station, "B", reverse=True, watch=watch)
        assert station.switch.connected() == Connected("B", is_reversed=True)
        assert not station.switch.is_shorted()
        assert not station.source_meter.is_output_on()
        assert station.bench.world.connected_positions == (Connected("B", is_reversed=True),)
    assert words == ["connecting position B, reversed"]


def test_a_live_source_is_ramped_down_first(station: Station) -> None:
    with station:
        world, watch = station.bench.world, Watch(station.clock)
        connect_junction(station, "A", watch=watch)
        energise(station, 0.3)
        assert world.source_level_V == pytest.approx(0.3)
        connect_junction(station, "B", watch=watch)
        assert (world.hot_switches, world.output_on) == (0, False)
        assert world.largest_voltage_at("B") < 1e-3


def test_without_the_order_the_junction_is_hurt(station: Station) -> None:
    """What is promised above can be broken: the world notices."""
    with station:
        world = station.bench.world
        connect_junction(station, "A", watch=Watch(station.clock))
        energise(station, 0.3)
        station.switch.connect("B")
        assert world.hot_switches == 4
        assert world.largest_voltage_at("B") == pytest.approx(0.3, rel=1e-3)


def test_told_to_stop_nothing_moves(station: Station) -> None:
    with station:
        assert not connect_junction(station, "A", watch=Watch(station.clock, lambda: True))
        assert station.switch.connected() is None


def test_what_is_not_wired_is_refused_before_anything_moves(station: Station) -> None:
    with station:
        watch = Watch(station.clock)
        connect_junction(station, "A", watch=watch)
        energise(station, 0.1)
        with pytest.raises(InstrumentFault, match="C is not wired for the reversed polarity"):
            connect_junction(station, "C", reverse=True, watch=watch)
        with pytest.raises(StationError, match="no position 'Z'; it has A, B, C"):
            connect_junction(station, "Z", watch=watch)
        assert station.source_meter.is_output_on()
        assert station.switch.connected() == Connected("A")


def test_without_a_short_the_open_output_protects(virtual_station: Callable[..., Station]) -> None:
    tables = {**TABLES, "switch": {**SWITCH, "short": []}}
    with virtual_station(**tables) as station:
        connect_junction(station, "A", watch=Watch(station.clock))
        energise(station, 0.2)
        connect_junction(station, "B", watch=Watch(station.clock))
        assert station.switch.connected() == Connected("B")
        assert station.bench.world.hot_switches == 0


def faulty(
    virtual_station: Callable[..., Station], role: str, kind: str, on_command: str
) -> Station:
    """Return a station whose instrument hangs, or closes the connection, at a command."""
    fault = {"kind": kind, "role": role, "on_command": on_command}
    role_table = {"timeout_s": 0.1}
    tables = {**TABLES, "virtual": {**TABLES["virtual"], "faults": [fault]}}
    if role == "switch":
        tables["switch"] = {**SWITCH, **role_table}
    else:
        tables[role] = role_table
    return virtual_station(**tables)


@pytest.mark.parametrize("command", [r"CLOS \(@101", r"OPEN \(@108"])
def test_when_the_switch_fails_the_short_stays(
    virtual_station: Callable[..., Station], command: str
) -> None:
    station = faulty(virtual_station, "switch", "drop", command)
    with station:
        with pytest.raises(InstrumentError, match="switch at TCPIP"):
            connect_junction(station, "A", watch=Watch(station.clock))
        world = station.bench.world
        assert world.shorted  # still, or again over a new connection
        assert not world.output_on
        assert world.hot_switches == 0
    assert world.shorted


def test_a_source_that_cannot_be_made_safe_moves_no_contact(
    virtual_station: Callable[..., Station],
) -> None:
    station = faulty(virtual_station, "source_meter", "hang", "OUTPUT 0")
    with pytest.raises(Unsafe) as unsafe, station:
        with pytest.raises(LaboratoryError, match="A was not connected, since contacts must not"):
            connect_junction(station, "A", watch=Watch(station.clock))
        assert station.bench.world.closed_contacts == frozenset()
    assert "the junctions could not be shorted" in str(unsafe.value)
    assert station.bench.world.closed_contacts == frozenset()


# The safe state of a switch


def test_a_station_is_left_with_its_leads_shorted(station: Station) -> None:
    with station:
        connect_junction(station, "A", watch=Watch(station.clock))
        energise(station, 0.2)
        world = station.bench.world
    assert world.shorted
    assert world.hot_switches == 0
    assert world.closed_contacts == {101, 117, 108, 124}  # what was connected stays so


def test_without_a_short_contacts_are_left_alone(virtual_station: Callable[..., Station]) -> None:
    tables = {**TABLES, "switch": {**SWITCH, "short": []}}
    with virtual_station(**tables) as station:
        connect_junction(station, "A", watch=Watch(station.clock))
        world = station.bench.world
    assert world.closed_contacts == {101, 117}


def test_a_look_changes_nothing(station: Station) -> None:
    station.leave_as_found = True
    with station:
        world = station.bench.world
    assert not world.shorted


def test_with_a_source_meter_that_does_not_answer_no_contact_moves(
    virtual_station: Callable[..., Station],
) -> None:
    station = faulty(virtual_station, "source_meter", "hang", r"\*IDN\?")
    station.open_what_answers = True
    with station:
        assert station.not_opened
        station.switch.connect("A")
        world = station.bench.world
    assert world.closed_contacts == {101, 117}


def test_a_run_is_told_when_nothing_or_the_short_would_be_measured(station: Station) -> None:
    with station:
        with pytest.raises(LaboratoryError, match=r"nothing is connected: connect .* \(A, B, C\)"):
            require_connected(station)
        connect_junction(station, "A", watch=Watch(station.clock))
        assert require_connected(station) == Connected("A")
        station.switch.short_all()
        with pytest.raises(LaboratoryError, match="position A is connected, and the source-meter"):
            require_connected(station)


def test_a_connected_position_is_opened_only_to_be_contacted_anew(station: Station) -> None:
    moved: list[frozenset[int]] = []
    with station:
        connect_junction(station, "A", watch=Watch(station.clock))
        world = station.bench.world
        move = world.move_contacts
        world.move_contacts = lambda t, closed: moved.append(frozenset(closed)) or move(t, closed)
        short = frozenset(SWITCH["short"])
        at_a = frozenset(SWITCH["positions"]["A"]["normal"])
        connect_junction(station, "A", watch=Watch(station.clock))
        assert moved == []
        moved.clear()
        connect_junction(station, "A", anew=True, watch=Watch(station.clock))
        assert moved == [frozenset(), short, at_a | short, at_a]
        assert world.hot_switches == 0


def test_without_a_switch_nothing_is_required(virtual_station: Callable[..., Station]) -> None:
    with virtual_station(magnet=None, temperature=None) as station:
        assert require_connected(station) is None


# The station file


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"short": [101, 108]}, "positions.A.normal: contact 101 belongs to the short, too"),
        (
            {"positions": {"A": {"normal": [101]}, "B": {"normal": [102], "reversed": [101]}}},
            "positions.B.reversed: has the same contacts as positions.A.normal",
        ),
        ({"positions": {}}, r"switch\.positions"),
        ({"positions": {"A": {"normal": []}}}, r"switch\.positions\.A: needs contacts"),
    ],
)
def test_an_ambiguous_wiring_is_refused(changes: dict[str, Any], words: str) -> None:
    content = station_content(**{**TABLES, "switch": {**SWITCH, **changes}})
    with pytest.raises(StationError, match=words):
        station_from(content, "x")


def test_a_junction_where_nothing_is_wired_is_refused(
    virtual_station: Callable[..., Station],
) -> None:
    tables = {**TABLES, "virtual": {"junctions": {"Q": "A"}}}
    words = "virtual: no junction can be mounted at position 'Q': the switch has the positions A, B"
    with pytest.raises(StationError, match=words), virtual_station(**tables):
        pass


# Any sequence


class Campaign(RuleBasedStateMachine):
    """Whatever is connected, reversed and driven in any order, no contact moves under a voltage."""

    @initialize()
    def open_station(self) -> None:
        self.station = Station(station_from(station_content(**TABLES), "test station"))
        self.station.__enter__()
        self.world = self.station.bench.world
        self.watch = Watch(self.station.clock)
        self.expected: Connected | None = None

    @rule(position=st.sampled_from("ABC"), reverse=st.booleans())
    def connect(self, position: str, reverse: bool) -> None:
        if reverse and position == "C":
            with pytest.raises(InstrumentFault):
                connect_junction(self.station, position, reverse=reverse, watch=self.watch)
            return
        connect_junction(self.station, position, reverse=reverse, watch=self.watch)
        self.expected = Connected(position, reverse)

    @rule(level_V=st.floats(-0.5, 0.5))
    def drive(self, level_V: float) -> None:
        energise(self.station, level_V)

    @rule()
    def leave_the_output_on_at_a_current(self) -> None:
        meter = self.station.source_meter
        meter.configure(SourceSettings(source="current", compliance=0.5))
        meter.output_on()
        meter.set_level(1e-6)
        assert meter.level() == pytest.approx(1e-6)

    @invariant()
    def nothing_was_hurt_and_one_position_at_most_is_connected(self) -> None:
        if not hasattr(self, "world"):
            return
        assert self.world.hot_switches == 0
        assert self.world.connected_positions == (() if self.expected is None else (self.expected,))

    def teardown(self) -> None:
        if hasattr(self, "station"):
            self.station.__exit__(None, None, None)
            assert self.world.hot_switches == 0


TestCampaign = Campaign.TestCase
TestCampaign.settings = settings(max_examples=10, stateful_step_count=8, deadline=None)
