"""Stations whose virtual chip is drawn from a populations file: what is at which position."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nanojunction.cli.simulated_switch import wiring_of
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.ramps import Watch
from nanojunction.instruments.roles import SourceSettings
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.instruments.switching import connect_junction
from nanojunction.models.population import load_batch
from tests.conftest import station_content

CHIP = """
device = "J"
[[populations]]
truth = "ohmic"
count = 5
[populations.junction]
law = "linear"
r_s_ohm = { distribution = "uniform", low = 200.0, high = 900.0 }
"""
NAMES = [f"J-{n:03d}" for n in range(1, 6)]


def content(positions: list[str], **virtual: Any) -> dict[str, Any]:
    wiring = wiring_of(positions, "keithley2750")
    return station_content(
        source_meter={"wires": 2},
        magnet=None,
        temperature=None,
        switch=wiring.model_dump(exclude_defaults=True),
        virtual={"junction": "open", **virtual},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(CHIP, encoding="utf-8")
    return tmp_path


def station(folder: Path, positions: list[str], **virtual: Any) -> Station:
    keys = content(positions, **virtual)
    return Station(station_from(keys, "station"), source=str(folder / "station.toml"))


def test_the_devices_are_at_the_positions_of_their_names(folder: Path) -> None:
    known = {"chip": "mine.toml", "chip_seed": 4, "junctions": {"R1k": "resistor-1k"}}
    truth = {one.name: one.law for one in load_batch(folder / "mine.toml", 4)}
    with station(folder, [*NAMES, "R1k"], **known) as it:
        found = {}
        for position in ("J-002", "R1k", "J-005"):
            connect_junction(it, position, watch=Watch(it.clock))
            it.source_meter.configure(SourceSettings(compliance=1e-3))
            it.source_meter.output_on()
            reading = it.source_meter.set_and_read(0.1)
            found[position] = reading.voltage_V / reading.current_A
    # Two wires see the leads, too.
    assert found["R1k"] == pytest.approx(1000.3, rel=1e-3)
    for name in ("J-002", "J-005"):
        assert found[name] == pytest.approx(truth[name].r_s_ohm + 0.3, rel=1e-3)


def test_a_runs_header_has_the_connected_position_only(folder: Path) -> None:
    with station(folder, NAMES, chip="mine.toml") as it:
        assert it.snapshot()["config"]["switch"]["positions"] == {}
        connect_junction(it, "J-003", watch=Watch(it.clock))
        switch = it.snapshot()["config"]["switch"]
    assert switch["positions"] == {"J-003": {"normal": (103,)}}
    assert switch["positions_in_the_file"] == 5
    assert switch["short"] == (540,)


def test_another_seed_is_another_chip(folder: Path) -> None:
    def resistance(seed: int) -> float:
        with station(folder, NAMES, chip="mine.toml", chip_seed=seed) as it:
            return it.bench.world._holder.mounted["J-001"].law.r_s_ohm

    assert resistance(1) == resistance(1) != resistance(2)


@pytest.mark.parametrize(
    ("positions", "virtual", "said"),
    [
        ([*NAMES, "J-006"], {}, "switch.positions.J-006: mine.toml has no such device .*J-005"),
        (NAMES, {"junctions": {"J-001": "A"}}, "virtual.junctions.J-001: mine.toml has a device"),
        (NAMES, {"chip": "other.toml"}, "virtual.chip: There is no batch and no file"),
        (NAMES, {"chip_seed": -1}, "virtual.chip_seed"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    folder: Path, positions: list[str], virtual: dict[str, Any], said: str
) -> None:
    with pytest.raises(StationError, match=said):
        station(folder, positions, **{"chip": "mine.toml", **virtual}).__enter__()


def test_a_chip_needs_a_switch(folder: Path) -> None:
    keys = station_content(virtual={"chip": "mine.toml"})
    with pytest.raises(StationError, match=r"virtual.chip: .* behind a switch"):
        Station(station_from(keys, "s"), source=str(folder / "station.toml")).__enter__()
