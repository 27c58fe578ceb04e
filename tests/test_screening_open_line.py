"""A contact of the switch sticks, and joins its junction to all that follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanojunction.analysis.screening.chip_file import chip_from
from nanojunction.analysis.screening.screening import screen_files
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import StationConfig
from nanojunction.procedures.screening.open_line import EVERY
from nanojunction.procedures.screening.runs import ScreeningStopped
from tests.screenings import RESISTORS, Evening, chip_text, station_of

CHIP = {"J1": "open", "J2": "resistor-10k", "J3": "resistor-100", "J4": "A", "J5": "short"}
TRUTH = {"J1": "open", "J2": "ohmic", "J3": "ohmic", "J4": "candidate", "J5": "short"}
TEXT = chip_text(dict.fromkeys(CHIP, ""), '[protocol.at_zero]\nduration = "5 s"\n')
#: The contacts of the test station, in the order of its positions.
CONTACT = {name: 101 + k for k, name in enumerate((*RESISTORS, *CHIP))} | {"the short": 140}


def with_a_contact_that_sticks(name: str) -> StationConfig:
    return station_of(CHIP, faults=[{"kind": "stick", "contact": CONTACT[name]}])


def stopped(night: Evening) -> str:
    """Screen until it stops by itself, and return why."""
    with Station(night.config) as station, pytest.raises(ScreeningStopped) as why:
        night.on(station)
    return str(why.value)


def resumed(folder: Path) -> Evening:
    """Go on at a station whose switch is mended."""
    again = Evening(TEXT, station_of(CHIP), folder)
    with Station(again.config) as station:
        assert again.on(station, resume=True)
    return again


def test_junctions_in_parallel_are_noticed_and_judged_anew(tmp_path: Path) -> None:
    night = Evening(TEXT, with_a_contact_that_sticks("J3"), tmp_path / "runs")
    why = stopped(night)
    assert "as J3 carries, whose contact seems to stick" in why
    assert "what was measured from J3 on is in doubt" in why
    assert "J4" not in night.verdicts()  # of what was in parallel nothing is ever said
    judged = screen_files(chip_from(TEXT, "chip"), [night.folder])
    assert [judged.verdict(name).verdict for name in CHIP] == [
        "open", "ohmic", "undecided", "undecided", "undecided",
    ]  # fmt: skip
    assert "the line was not open in openline-2.csv" in judged.verdict("J4").reasons[0]
    again = resumed(night.folder)
    assert again.verdicts() == TRUTH
    files = again.files()
    assert "J4_contact-2" in files
    assert "J3_contact-2" in files
    assert "J2_contact-2" not in files  # it was measured before J3's contact was ever closed
    assert "before_R100-2" not in files
    judged = screen_files(chip_from(TEXT, "chip"), [night.folder])
    assert {one.junction: one.verdict for one in judged.verdicts} == TRUTH


@pytest.mark.parametrize(
    ("name", "words"),
    [("R100", "as R100 carries"), ("the short", "no known resistor serves")],
)
def test_what_sticks_before_the_junctions_leaves_no_known_resistor_that_is_trusted(
    tmp_path: Path, name: str, words: str
) -> None:
    night = Evening(TEXT, with_a_contact_that_sticks(name), tmp_path / "runs")
    assert words in stopped(night)
    assert night.noted == []
    again = resumed(night.folder)
    assert again.verdicts() == TRUTH
    assert "before_R10k-2" in again.files()


def test_the_line_is_looked_at_once_in_a_while_where_every_junction_conducts(
    tmp_path: Path,
) -> None:
    chip = {f"J{k:02d}": "short" for k in range(1, EVERY + 2)}
    config = station_of(chip, faults=[{"kind": "stick", "contact": CONTACT["J2"]}])
    night = Evening(chip_text(dict.fromkeys(chip, "")), config, tmp_path / "runs")
    assert "what was measured from J01 on is in doubt" in stopped(night)
    assert len(night.noted) == EVERY


def test_what_is_connected_is_not_for_the_chip_file_to_say() -> None:
    more = "[protocol.contact]\nopen_line = true\n"
    night = Evening(chip_text({"J1": ""}, more), station_of(CHIP), Path("nowhere"))
    with pytest.raises(LaboratoryError, match=r"protocol\.contact\.open_line: is decided by the"):
        _ = night.plan
