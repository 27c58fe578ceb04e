"""A switch box that the operator turns by hand, alone and in a virtual station."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.manual_switch import ManualSwitch, open_manual_switch
from nanojunction.instruments.errors import LaboratoryError, StationError
from nanojunction.instruments.operator import TerminalOperator
from nanojunction.instruments.ramps import Watch
from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig, Wiring, station_from
from nanojunction.instruments.switching import connect_junction, require_connected
from tests.conftest import station_content

CONFIG = SwitchConfig(
    driver="manual_switch",
    positions={"A": Wiring(normal=(1,), reversed=(11,)), "B": Wiring(normal=(2,))},
    short=(9,),
)
SWITCH = {
    "driver": "manual_switch",
    "positions": {"A": {"normal": [1], "reversed": [11]}, "B": {"normal": [2]}},
    "short": [9],
}


class Willing:
    """An operator who does what is asked, up to a request that is refused."""

    def __init__(self, refuses: str = "nothing") -> None:
        self.asked: list[str] = []
        self.refuses = refuses

    def ask(self, text: str) -> None:
        self.asked.append(text)
        if self.refuses in text:
            raise LaboratoryError(f"the operator refuses: {text}")


def by_hand(operator: Willing) -> tuple[ManualSwitch, list[frozenset[int]]]:
    switch, moved = open_manual_switch(CONFIG, Clock()), []
    switch.attend(operator.ask, moved.append)
    return switch, moved


def test_the_operator_is_asked_to_break_before_making() -> None:
    operator = Willing()
    switch, moved = by_hand(operator)
    switch.short_all()
    switch.connect("A", reverse=True)
    switch.connect("B")
    switch.remove_short()
    assert operator.asked == [
        "Open all contacts of the switch box",
        "To short the source-meter's leads, close contact 9 of the switch box",
        "To connect position A, reversed, close contact 11 of the switch box",
        "To connect position B, open contact 11 of the switch box",
        "To connect position B, close contact 2 of the switch box",
        "To remove the short, open contact 9 of the switch box",
    ]
    assert [set(closed) for closed in moved] == [set(), {9}, {9, 11}, {9}, {9, 2}, {2}]
    assert switch.connected() == Connected("B")


def test_what_was_confirmed_is_remembered() -> None:
    operator = Willing()
    switch, _ = by_hand(operator)
    assert not switch.is_confirmed
    assert switch.snapshot() == {
        "identity": "switch box turned by the operator",
        "confirmed": False,
    }
    assert not operator.asked
    switch.connect("A")
    switch.connect("A")
    assert len(operator.asked) == 2
    assert switch.snapshot() == {
        "identity": "switch box turned by the operator",
        "position": "A",
        "reversed": False,
        "shorted": False,
        "closed_contacts": [1],
        "confirmed": True,
    }


def test_after_a_refusal_nobody_knows_and_all_is_opened_first() -> None:
    operator = Willing(refuses="close contact 2")
    switch, moved = by_hand(operator)
    switch.connect("A")
    with pytest.raises(LaboratoryError, match="the operator refuses"):
        switch.connect("B")
    assert not switch.is_confirmed
    switch.connect("A")
    assert operator.asked[-2:] == [
        "Open all contacts of the switch box",
        "To connect position A, close contact 1 of the switch box",
    ]
    assert moved[-1] == {1}


def test_without_anybody_to_ask() -> None:
    with pytest.raises(LaboratoryError, match="there is no operator to ask: Open all contacts"):
        open_manual_switch(CONFIG, Clock()).connected()


def test_in_a_virtual_station_the_confirmed_contacts_move(
    virtual_station: Callable[..., Any],
) -> None:
    station = virtual_station(
        switch=SWITCH,
        magnet=None,
        temperature=None,
        virtual={"junctions": {"A": "resistor-1k", "B": "resistor-100"}},
    )
    station.operator = Willing()
    with station:
        assert require_connected(station) is None  # nobody knows, and nobody is asked
        assert station.operator.asked == []
        world = station.bench.world
        assert connect_junction(station, "A", reverse=True, watch=Watch(station.clock))
        assert world.connected_positions == (Connected("A", is_reversed=True),)
        assert connect_junction(station, "B", watch=Watch(station.clock))
        assert world.connected_positions == (Connected("B"),)
        assert world.hot_switches == 0
        assert require_connected(station) == Connected("B")
        assert station.snapshot()["instruments"]["switch"]["position"] == "B"
        asked = len(station.operator.asked)
    assert len(station.operator.asked) == asked  # nobody may be there when a station is left


def test_a_real_station_needs_no_address_for_it() -> None:
    content = station_content(virtual=None, magnet=None, temperature=None, switch=SWITCH)
    content["source_meter"]["address"] = "GPIB0::24::INSTR"
    assert station_from(content, "x").addresses() == ("GPIB0::24::INSTR",)
    content["switch"] = {**SWITCH, "address": "GPIB0::7::INSTR"}
    with pytest.raises(StationError, match="manual_switch is turned by hand; leave the address"):
        station_from(content, "x")


# The terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Put a pseudo-terminal in the place of standard input; return its other end."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, encoding="utf-8") as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        yield ours
    os.close(ours)


class Waits:
    """What the terminal's operator knows of a station."""

    def __init__(self, stop: bool = False) -> None:
        self.clock = Clock(1000.0)
        self.stop_waiting = lambda: stop


def test_enter_confirms(terminal: int, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(terminal, b"\n")
    TerminalOperator(Waits()).ask("Turn the switch to 3")
    assert capsys.readouterr().err == "Turn the switch to 3. Press Enter when it is done: "


def test_the_wait_ends_when_told_to_stop(terminal: int) -> None:
    with pytest.raises(LaboratoryError, match="stopped while the operator was asked: Turn"):
        TerminalOperator(Waits(stop=True)).ask("Turn the switch to 3")
    os.write(terminal, b"\n")  # the listener ends


def test_without_a_terminal_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with empty.open(encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(LaboratoryError, match="there is no terminal to ask on: Turn the swi"):
            TerminalOperator(Waits()).ask("Turn the switch to 3")


def test_a_closed_terminal_confirms_nothing(terminal: int) -> None:
    os.write(terminal, b"\x04")  # Ctrl-D
    with pytest.raises(LaboratoryError, match="the terminal was closed while the operator was"):
        TerminalOperator(Waits()).ask("Turn the switch to 3")
