"""`nanojunction simulate --switch`: a chip behind a switch, and a station file that fits it."""

from __future__ import annotations

import json
import signal
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nanojunction.cli.simulated_switch import (
    chip_of,
    simulated_chip,
    wiring_of,
    wiring_text,
)
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.ramps import Watch
from nanojunction.instruments.roles import SourceSettings
from nanojunction.instruments.station import Station
from nanojunction.instruments.switching import connect_junction


def test_a_position_is_called_after_its_junction() -> None:
    assert chip_of("A, B,chips/C 2.toml") == {"A": "A", "B": "B", "C 2": "chips/C 2.toml"}


@pytest.mark.parametrize("junctions", ["A,B,A", "x/A.toml,A"])
def test_two_junctions_of_one_name_are_refused(junctions: str) -> None:
    with pytest.raises(StationError, match="names two junctions of one name"):
        chip_of(junctions)


@pytest.mark.parametrize(
    ("driver", "count", "words"),
    [
        ("keithley7001", 3, "no virtual switch 'keithley7001': choose one of keithley2700, k"),
        ("keithley2700", 0, "behind a keithley2700 there is room for 1 to 7 junctions, not 0"),
        ("keithley2700", 8, "room for 1 to 7 junctions, not 8"),
        ("keithley2750", 200, "behind a keithley2750 there is room for 1 to 199 junctions"),
    ],
)
def test_what_does_not_fit_behind_the_switch(driver: str, count: int, words: str) -> None:
    with pytest.raises(StationError, match=words):
        wiring_of([f"J{n}" for n in range(count)], driver)


def test_behind_five_multiplexers_every_junction_has_a_channel_and_no_other_polarity() -> None:
    wiring = wiring_of([f"J{n}" for n in range(1, 200)], "keithley2750")
    ways = [one.normal for one in wiring.positions.values()]
    assert ways[:2] + ways[39:41] + ways[-1:] == [(101,), (102,), (140,), (201,), (539,)]
    assert wiring.short == (540,)
    assert not any(one.reversed for one in wiring.positions.values())
    written = tomllib.loads("[switch]\n" + wiring_text(wiring))["switch"]["positions"]
    assert written["J41"] == {"normal": [201]}


def test_under_a_prober_devices_are_on_their_dies_and_resistors_below_the_wafer() -> None:
    chip = simulated_chip("wafer-2000", 3, "")
    wiring = wiring_of(chip, "sentio_prober")
    assert len(wiring.positions) == 2003
    assert wiring.positions["wafer-0051"].die == (1, 2)
    assert wiring.positions["wafer-2000"].die == (50, 40)
    assert [wiring.positions[name].die for name in ("R100", "R10k")] == [(1, 41), (3, 41)]
    written = tomllib.loads("[switch]\n" + wiring_text(wiring))["switch"]
    assert "short" not in written
    assert written["positions"]["wafer-0051"] == {"die": [1, 2]}


def test_a_device_without_a_place_is_on_no_die(tmp_path: Path) -> None:
    file = tmp_path / "placeless.toml"
    text = '[[populations]]\ntruth = "open"\ncount = 3\nlike = "open"\n'
    file.write_text(f'device = "p"\n{text}', encoding="utf-8")
    with pytest.raises(StationError, match=r"p-001 has no place .*add a \[wafer\]"):
        wiring_of(simulated_chip(str(file), 1, ""), "sentio_prober")


def test_a_chip_has_known_resistors_beside_its_devices() -> None:
    junctions = simulated_chip("chowrira-193", 3, "")
    assert len(junctions) == 196
    assert list(junctions)[-3:] == ["R100", "R1k", "R10k"]
    assert list(simulated_chip("chowrira-193", 3, "A,B"))[-2:] == ["A", "B"]
    with pytest.raises(StationError, match="has a device of the name 'chip-007', too"):
        simulated_chip("chowrira-193", 3, "mine/chip-007.toml")
    with pytest.raises(StationError, match="--chip: There is no batch and no file 'chowrira-7'"):
        simulated_chip("chowrira-7", 3, "")


def test_the_text_is_the_wiring() -> None:
    wiring = wiring_of(["A", 'the "best"'], "keithley2700")
    assert tomllib.loads("[switch]\n" + wiring_text(wiring))["switch"] == {
        "short": [108, 124],
        "positions": {
            "A": {"normal": [101, 117], "reversed": [109, 125]},
            'the "best"': {"normal": [102, 118], "reversed": [110, 126]},
        },
    }


@pytest.fixture
def station_text(
    nanojunction: Callable[..., Any], eventually: Callable[..., None], tmp_path: Path
) -> Iterator[str]:
    """Serve two resistors behind a switch; return the station file that is printed."""
    ready = tmp_path / "ready.json"
    options = ("--junction", "resistor-1k,resistor-10k", "--speed", 1000, "--ready-file", ready)
    served = nanojunction("simulate", "--switch", "keithley2700", *options)
    try:
        eventually(ready.exists, "the virtual instruments")
        assert json.loads(ready.read_text(encoding="utf-8"))["switch"]["driver"] == "keithley2700"
        lines = [served.stdout.readline()]
        while not lines[-1].startswith("reversed = [110"):  # the last line of the file
            lines.append(served.stdout.readline())
            assert lines[-1], "the station file broke off"
        yield "".join(lines)
    finally:
        served.send_signal(signal.SIGINT)
        _, errors = served.communicate(timeout=20)
    assert served.returncode == 0, errors


def test_the_printed_station_works_with_the_served_instruments(
    station_text: str, nanojunction: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "station.toml"
    file.write_text(station_text, encoding="utf-8")
    with Station.from_file(file) as station:
        assert list(station.switch.positions) == ["resistor-1k", "resistor-10k"]
        for position, ohm in (("resistor-1k", 1e3), ("resistor-10k", 1e4)):
            connect_junction(station, position, reverse=True, watch=Watch(station.clock))
            station.source_meter.configure(SourceSettings(compliance=1e-3, wires=4))
            station.source_meter.output_on()
            reading = station.source_meter.set_and_read(0.1)
            assert reading.voltage_V / reading.current_A == pytest.approx(ohm, rel=0.01)
    shown, _ = nanojunction("check", "--station", file).communicate(timeout=30)
    assert "position resistor-10k, reversed; shorted" in shown
