"""`nanojunction virtual-chip`: chip file, station and truth of a population, ready to be used."""

from __future__ import annotations

import csv
import json
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanojunction.analysis.screening.chip_file import load_chip
from nanojunction.cli.virtual_chip import write_virtual_chip
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.ramps import Watch
from nanojunction.instruments.roles import SourceSettings
from nanojunction.instruments.station import Station
from nanojunction.instruments.switching import connect_junction

MINE = """
device = "D"
temperature_K = 120.0
[limits]
max_voltage_V = 0.05
max_dwell_in_compliance_s = 3.0
[wafer]
columns = 4
rows = 2
diameter_um = 5.0
splits = { baked = [4] }
[[populations]]
truth = "ohmic"
count = "rest"
[populations.junction]
law = "linear"
r_s_ohm = { distribution = "uniform", low = 200.0, high = 900.0 }
[[populations]]
truth = "short"
count = 2
channel = "shorted"
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(MINE, encoding="utf-8")
    return path


def write(population: str | Path, out: Path, **options: Any) -> None:
    options = {"switch": "keithley2750", "speed": 1000.0, **options}
    assert write_virtual_chip(str(population), 3, out, **options) == 0


def truth(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_the_chip_file_says_what_may_be_known_before_and_nothing_of_the_truth(
    mine: Path, tmp_path: Path
) -> None:
    write(mine, tmp_path / "out")
    chip = load_chip(tmp_path / "out" / "chip.toml")
    assert [one.name for one in chip.junctions] == [f"D-{n:03d}" for n in range(1, 9)]
    fourth = chip.junctions[3]
    assert (fourth.column, fourth.row, fourth.split) == (4, 1, "baked")
    assert (fourth.x_m, fourth.max_voltage_V) == (pytest.approx(1.5e-3), 0.05)
    assert fourth.diameter_m == pytest.approx(5e-6)
    assert fourth.max_dwell_in_compliance_s == 3.0
    assert {one.position: one.nominal_ohm for one in chip.calibrations} == {
        "R100": 100.0, "R1k": 1e3, "R10k": 1e4,
    }  # fmt: skip
    assert chip.protocol == {"temperature": "120 K"}
    text = (tmp_path / "out" / "chip.toml").read_text(encoding="utf-8")
    assert "ohmic" not in text
    assert "short" not in text


def test_the_station_has_the_devices_of_the_truth_at_their_positions(
    mine: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write(mine, out)
    mine.unlink()  # the folder has all that is needed
    known = truth(out)
    assert Counter(row["truth"] for row in known.values()) == {"ohmic": 6, "short": 2}
    with Station.from_file(out / "station.toml") as station:
        for name in ("D-001", "D-004", "D-008"):
            connect_junction(station, name, watch=Watch(station.clock))
            station.source_meter.configure(SourceSettings(compliance=1e-3))
            station.source_meter.output_on()
            reading = station.source_meter.set_and_read(0.01)
            expected = float(known[name]["chord_ohm"]) + 0.3
            found = reading.voltage_V / reading.current_A if known[name]["truth"] == "ohmic" else 0
            assert known[name]["truth"] == "short" or found == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize(
    ("population", "options", "words"),
    [
        ("chowrira-19", {}, "There is no batch and no file"),
        ("katcko-216", {}, "behind a keithley2750 there is room for 1 to 199 junctions, not 219"),
        ("chowrira-193", {"served": Path("nowhere.json")}, "is no file that .* has written"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    population: str, options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(StationError, match=words):
        write(population, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_the_same_chip_served_over_sockets(
    mine: Path, nanojunction: Callable[..., Any], eventually: Callable[..., None], tmp_path: Path
) -> None:
    ready, out = tmp_path / "ready.json", tmp_path / "out"
    served = nanojunction(
        "simulate", "--switch", "keithley2750", "--chip", mine, "--chip-seed", 3,
        "--speed", 1000, "--ready-file", ready,
    )  # fmt: skip
    try:
        eventually(ready.exists, "the virtual instruments")
        write(mine, out, served=ready)
        assert set(json.loads(ready.read_text(encoding="utf-8"))) >= {"source_meter", "switch"}
        with Station.from_file(out / "station.toml") as station:
            assert station.bench is None
            connect_junction(station, "D-002", watch=Watch(station.clock))
            station.source_meter.configure(SourceSettings(compliance=1e-3))
            station.source_meter.output_on()
            reading = station.source_meter.set_and_read(0.01)
            ohm = float(truth(out)["D-002"]["chord_ohm"]) + 0.3
            if truth(out)["D-002"]["truth"] == "ohmic":
                assert reading.voltage_V / reading.current_A == pytest.approx(ohm, rel=5e-3)
            else:
                assert reading.in_compliance
    finally:
        served.send_signal(signal.SIGINT)
        served.communicate(timeout=20)
