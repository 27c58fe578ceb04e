"""A switch box that the operator turns by hand, alone and in a virtual station."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.manual_switch import ManualSwitch, open_manual_switch
from nanojunction.instruments.errors import LaboratoryError, StationError
from nanojunction.instruments.operator import AskingStopped, TerminalOperator
from nanojunction.instruments.ramps import Watch
from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig, Wiring, station_from
from nanojunction.instruments.switching import connect_junction, require_connected
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import run_procedure
from nanojunction.procedures.stopping import StopRequest
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


def never() -> bool:
    return False


class Willing:
    """An operator who does what is asked, up to a request that is refused."""

    def __init__(self, refuses: str = "nothing") -> None:
        self.asked: list[str] = []
        self.refuses = refuses

    def ask(self, text: str, should_stop: Callable[[], bool]) -> None:
        self.asked.append(text)
        if self.refuses in text:
            raise LaboratoryError(f"the operator refuses: {text}")


def by_hand(operator: Willing) -> tuple[ManualSwitch, list[frozenset[int]]]:
    switch, moved = open_manual_switch(CONFIG, Clock()), []
    switch.attend(lambda text: operator.ask(text, never), moved.append)
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


class Stopping(Willing):
    """An operator who is still at the box when somebody asks to stop."""

    def __init__(self, stop: StopRequest, at: str) -> None:
        super().__init__()
        self.stop, self.at = stop, at

    def ask(self, text: str, should_stop: Callable[[], bool]) -> None:
        super().ask(text, should_stop)
        if self.at in text:
            self.stop.ask("Ctrl-C")
        if should_stop():
            raise AskingStopped(f"stopped while the operator was asked: {text}")


@pytest.mark.parametrize("at", ["Open all", "close contact 9", "close contact 1", "open contact 9"])
def test_the_first_stop_ends_a_run_that_waits_for_the_operator(
    virtual_station: Callable[..., Any], tmp_path: Path, at: str
) -> None:
    station = virtual_station(switch=SWITCH, virtual={"junctions": {"A": "resistor-1k"}})
    stop = StopRequest()
    station.operator = Stopping(stop, at)
    with station:
        outcome = run_procedure(IVSweep(position="A"), station, tmp_path, stop=stop)
        assert (outcome.status, outcome.error, outcome.rows) == ("aborted", None, 0)
        assert at in station.operator.asked[-1]
        assert not station.switch.is_confirmed
        assert not station.stop_asking()  # it was the run's


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

    clock = Clock(1000.0)


def test_enter_confirms(terminal: int, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(terminal, b"\n")
    TerminalOperator(Waits()).ask("Turn the switch to 3", never)
    assert capsys.readouterr().err == "Turn the switch to 3. Press Enter when it is done: "


def test_the_wait_ends_when_told_to_stop(terminal: int) -> None:
    with pytest.raises(AskingStopped, match="stopped while the operator was asked: Turn"):
        TerminalOperator(Waits()).ask("Turn the switch to 3", lambda: True)
    os.write(terminal, b"\n")  # the listener ends


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT"])
def test_one_stop_is_enough_while_the_operator_is_asked(
    station_file: Callable[..., Path], tmp_path: Path, how: str
) -> None:
    """The command on a terminal of its own, with the operator away."""
    pty = pytest.importorskip("pty")
    station = station_file(switch=SWITCH, virtual={"junctions": {"A": "resistor-1k"}})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "nanojunction.cli", "measure", "iv", "--station", str(station),
            "--sample", "A", "--set", "position=A", "--out", str(tmp_path / "runs"),
        ],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    assert "Press Enter" in said(ours, until="done: ")
    process.send_signal(getattr(signal, how))
    words = said(ours)
    assert process.wait(timeout=20) == 1
    os.close(ours)
    assert "stopped (" in words
    assert "Fatal Python error" not in words
    (run,) = (tmp_path / "runs").glob("*.csv")
    assert '{"status": "aborted", "rows": 0}' in run.read_text(encoding="utf-8").splitlines()[-1]


def said(terminal: int, until: str = "nothing that is ever said") -> str:
    """Return what is said on a terminal, up to some words or until nobody has it open."""
    words = ""
    with suppress(OSError):  # EIO: the other end was closed
        while until not in words and (data := os.read(terminal, 4096)):
            words += data.decode(errors="replace")
    return words


def test_without_a_terminal_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with empty.open(encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(LaboratoryError, match="there is no terminal to ask on: Turn the swi"):
            TerminalOperator(Waits()).ask("Turn the switch to 3", never)


def test_a_closed_terminal_confirms_nothing(terminal: int) -> None:
    os.write(terminal, b"\x04")  # Ctrl-D
    with pytest.raises(LaboratoryError, match="the terminal was closed while the operator was"):
        TerminalOperator(Waits()).ask("Turn the switch to 3", never)
