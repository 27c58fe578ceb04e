"""Screening at stations with a magnet, without a switch, without known resistors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from nanojunction.analysis.screening.chip_file import chip_from
from nanojunction.analysis.screening.screening import screen_files
from nanojunction.cli.screen import screen
from nanojunction.cli.screened import Wanted
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import StationConfig, station_from
from nanojunction.procedures.recipes.run_rows import read_rows
from tests.screenings import RESISTORS, Evening, chip_text, station_of

CHIP = {"J1": "A", "J2": "resistor-1k"}
TRUTH = {"J1": "candidate", "J2": "ohmic"}
SHORTLY = '[protocol.at_zero]\nduration = "5 s"\n'
BARE = "max_voltage_V = 0.1\nmax_current_A = 1e-3\n"
MAGNET = {"driver": "ips120_10", "max_field_T": 1.0, "ramp_T_per_min": 0.5}


def station(**changes: Any) -> StationConfig:
    """A station like the others', with some parts changed; None takes one away."""
    content = station_of(CHIP).model_dump(exclude_defaults=True) | changes
    return station_from({key: one for key, one in content.items() if one is not None}, "test")


def test_candidates_are_measured_in_both_fields_and_all_else_at_zero(tmp_path: Path) -> None:
    text = chip_text(dict.fromkeys(CHIP, ""), f'[protocol]\nfield = "0.2 T"\n{SHORTLY}')
    night = Evening(text, station(magnet=MAGNET), tmp_path / "runs")
    with Station(night.config) as opened:
        assert night.on(opened)
        assert abs(opened.bench.world.field_T()) < 1e-3
    assert night.verdicts() == TRUTH
    in_field = {"J1_field_plus": 0.2, "J1_field_minus": -0.2}
    for name in night.files():
        for tesla in read_rows(night.folder / f"{name}.csv").column("Field (T)"):
            assert abs(tesla - in_field.get(name, 0.0)) < 2e-3, name
    assert set(in_field) <= set(night.files())
    assert not [name for name in night.files() if name.startswith("J2_field")]


def test_without_the_magnet_the_chip_goes_on_and_says_which_field_is_missing(
    tmp_path: Path,
) -> None:
    """It quenches on its way to the first candidate's field, and nobody comes to clear it."""
    chip = {"J1": "A", "J2": "resistor-1k", "J3": "A", "J4": "open"}
    quench = {"kind": "quench", "role": "magnet", "on_command": "J0.2"}
    protocol = f'[protocol]\nfield = "0.2 T"\n[protocol.repeats]\npatience = 60.0\n{SHORTLY}'
    content = station_of(chip, faults=[quench]).model_dump(exclude_defaults=True)
    config = station_from({**content, "magnet": MAGNET}, "test")
    text = chip_text(dict.fromkeys(chip, ""), protocol)
    night = Evening(text, config, tmp_path / "runs")
    with Station(night.config) as opened:
        assert night.on(opened)
    assert night.verdicts() == TRUTH | {"J3": "candidate", "J4": "open"}
    missing = {one.junction: one.reasons[-1] for one in night.noted if one.verdict == "candidate"}
    assert missing == {
        "J1": "the field of 0.2 T is missing: it was tried and failed",
        "J3": "the field of 0.2 T is missing: it was not tried",
    }
    judged = screen_files(chip_from(text, "chip"), [night.folder])
    assert {name: judged.verdict(name).reasons[-1] for name in missing} == missing
    content["virtual"].pop("faults")
    again = Evening(text, station_from({**content, "magnet": MAGNET}, "test"), night.folder)
    with Station(again.config) as opened:
        assert again.on(opened, resume=True)
    assert not [one for one in again.noted if "missing" in one.reasons[-1]]
    assert {"J1_field_minus", "J3_field_minus"} <= set(again.files())
    assert "J2_contact-2" not in again.files()


def test_candidates_are_measured_at_further_temperatures_and_the_resistors_where_they_were(
    tmp_path: Path,
) -> None:
    protocol = f'[protocol]\ntemperature = "40 K"\ntemperatures = "60, 80 K"\n{SHORTLY}'
    night = Evening(chip_text(dict.fromkeys(CHIP, ""), protocol), station(), tmp_path / "runs")
    with Station(night.config) as opened:
        assert night.on(opened)
    assert night.verdicts() == TRUTH
    for name in night.files():
        kelvin = read_rows(night.folder / f"{name}.csv").column("Temperature (K)")
        expected = 60.0 if name == "J1_60K" else 80.0 if name == "J1_80K" else 40.0
        assert max(abs(one - expected) for one in kelvin) < 2.0, name
    again = Evening(night.text, night.config, night.folder)
    files = again.files()
    with Station(again.config) as opened:
        assert again.on(opened, resume=True)
    assert again.files() == files
    assert again.verdicts() == TRUTH


def test_without_known_resistors_nothing_is_said_of_offsets(tmp_path: Path) -> None:
    chip = {"J1": "A", "J2": "open", "J3": "short"}
    entries = "".join(f'[[junctions]]\nname = "{name}"\n' for name in chip)
    night = Evening(BARE + entries + SHORTLY, station_of(chip), tmp_path / "runs")
    with Station(night.config) as opened:
        assert night.on(opened)
    assert night.verdicts() == {"J1": "undecided", "J2": "open", "J3": "short"}
    assert "no known resistor" in night.noted[0].reasons[0]


def test_a_prober_that_fails_at_any_step_is_asked_again(tmp_path: Path) -> None:
    """It goes away while it steps, and answers nonsense while its needles land."""
    chip = {"J1": "open", "J2": "resistor-1k", "J3": "A"}
    faults = [
        {"kind": "drop", "role": "switch", "on_command": "step_die", "match": 6},
        {"kind": "garbage", "role": "switch", "on_command": "move_chuck_contact", "match": 9},
    ]
    content = station_of(chip, faults=faults).model_dump(exclude_defaults=True)
    dies = {name: {"die": [k, 0]} for k, name in enumerate((*RESISTORS, *chip))}
    content["switch"] = {"driver": "sentio_prober", "positions": dies}
    text = chip_text(dict.fromkeys(chip, ""), SHORTLY)
    night = Evening(text, station_from(content, "test"), tmp_path / "runs")
    with Station(night.config) as opened:
        assert night.on(opened)
    assert night.verdicts() == {"J1": "open", "J2": "ohmic", "J3": "candidate"}
    assert len([words for words in night.said if words.startswith("failed: ")]) == 2


class Willing:
    """An operator who does what is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, text: str, should_stop: Callable[[], bool]) -> None:
        self.asked.append(text)


BY_HAND = {
    "driver": "manual_switch", "short": [9],
    "positions": {"R1k": {"normal": [1]}, "J1": {"normal": [2]}, "J2": {"normal": [3]}},
}  # fmt: skip
ONE_RESISTOR = f"""{BARE}{SHORTLY}
[[calibrations]]
name = "R1k"
nominal_ohm = 1000
[[junctions]]
name = "J1"
[[junctions]]
name = "J2"
"""


def test_a_switch_that_is_turned_by_hand_is_turned_once_for_each_junction(tmp_path: Path) -> None:
    mounted = {"R1k": "resistor-1k", "J1": "A", "J2": "open"}
    virtual = {"junctions": mounted, "speed": 1000, "world": {"initial_temperature_K": 40.0}}
    night = Evening(ONE_RESISTOR, station(switch=BY_HAND, virtual=virtual), tmp_path / "runs")
    opened = Station(night.config)
    opened.operator = operator = Willing()
    with opened:
        assert night.on(opened)
        assert opened.bench.world.hot_switches == 0
    assert night.verdicts() == {"J1": "candidate", "J2": "open"}
    closed = [words for words in operator.asked if "To connect position J1, close" in words]
    assert len(closed) == 1  # for all of its four stages
    assert "leads" in operator.asked[1]  # the short is asked for before anything is connected


def test_a_switch_that_is_turned_by_hand_is_not_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal it is refused before anything is opened, and the dry run says why."""
    config = station(switch=BY_HAND, virtual={"junctions": {"R1k": "resistor-1k"}})
    text = tomli_w.dumps(
        {"station": {"name": "by hand"}, **config.model_dump(exclude_defaults=True)}
    )
    (tmp_path / "station.toml").write_text(text, encoding="utf-8")
    (tmp_path / "chip.toml").write_text(ONE_RESISTOR, encoding="utf-8")
    files = tmp_path / "chip.toml", tmp_path / "station.toml", tmp_path / "runs"
    with (tmp_path / "nobody").open("w+") as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        with pytest.raises(StationError, match="this is no unattended screening"):
            screen(*files, resume=False, wanted=Wanted())
    assert not files[2].exists()


def test_one_junction_without_a_switch(tmp_path: Path) -> None:
    alone = station(
        switch=None,
        virtual={"junction": "open", "speed": 1000, "world": {"initial_temperature_K": 40.0}},
    )
    text = f'{BARE}[[junctions]]\nname = "J1"\n'
    night = Evening(text, alone, tmp_path / "runs")
    with Station(night.config) as opened:
        assert night.on(opened)
        assert not opened.bench.world.output_on
    assert night.verdicts() == {"J1": "open"}
