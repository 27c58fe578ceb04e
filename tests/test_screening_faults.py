"""Screening while instruments fail and junctions break: no chip ends for it, or lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from nanojunction.instruments.station import Station, Unsafe
from nanojunction.instruments.virtual.world.world import World
from nanojunction.procedures.recipes.run_rows import read_rows
from nanojunction.procedures.screening.runs import ScreeningStopped
from tests.screenings import Evening, chip_text, station_of

CHIP = {"J1": "resistor-1k", "J2": "A"}
TRUTH = {"J1": "ohmic", "J2": "candidate"}
#: Steps that give each stage a voltage of its own, so that a fault can wait for it.
PROTOCOL = '[protocol.short_iv]\nstep = "2.5 mV"\n[protocol.at_zero]\nduration = "10 s"\n'
AT = {
    "resistor": r"VOLT 0\.009;", "contact": r"VOLT 0\.00025;", "short_iv": r"VOLT 0\.0075;",
    "repeats": r"VOLT 0\.0095;",
}  # fmt: skip


def fault(kind: str, stage: str, **keys: object) -> dict[str, object]:
    passes = {"match": 3} if stage == "contact" else {}  # the open line's run comes there twice
    return {"kind": kind, "role": "source_meter", "on_command": AT[stage], **passes, **keys}


def evening(
    folder: Path,
    *faults: Mapping[str, object],
    chip: Mapping[str, str] = CHIP,
    more: str = PROTOCOL,
    timeout_s: float = 5.0,
) -> Evening:
    config = station_of(chip, timeout_s, faults=list(faults))
    return Evening(chip_text(dict.fromkeys(chip, ""), more), config, folder)


def is_left_safe(world: World) -> bool:
    return world.shorted and not world.output_on and world.hot_switches == 0


def screened(night: Evening, *, resume: bool = False) -> World:
    """Screen to the end."""
    with Station(night.config) as station:
        assert night.on(station, resume=resume)
    world = station.bench.world
    assert is_left_safe(world)
    return world


def stopped(night: Evening) -> str:
    """Screen until it stops by itself, and return why."""
    with Station(night.config) as station:
        world = station.bench.world
        try:
            night.on(station)
        except ScreeningStopped as problem:
            why = str(problem)
    assert is_left_safe(world)
    return why


def resumed(night: Evening) -> Evening:
    """Go on with the same chip, the fault mended."""
    again = evening(night.folder)
    screened(again, resume=True)
    return again


def failed(night: Evening) -> list[str]:
    """The keys of the runs that failed, as a person is told."""
    return [words.split(": ")[1] for words in night.said if words.startswith("failed: ")]


@pytest.mark.parametrize(
    ("kind", "keys"),
    [("drop", {}), ("garbage", {"form": "junk"}), ("garbage", {"form": "fields"}),
     ("half", {"then": "close"})],
)  # fmt: skip
def test_what_fails_once_at_any_stage_is_measured_anew(
    tmp_path: Path, kind: str, keys: dict[str, str]
) -> None:
    night = evening(tmp_path / "runs", *(fault(kind, stage, **keys) for stage in AT))
    screened(night)
    assert night.verdicts() == TRUTH
    assert failed(night) == ["before/R100", "J1/contact", "J1/short_iv", "J2/repeats"]
    assert {"before_R100", "before_R100-2", "J1_contact", "J1_contact-2"} <= set(night.files())


@pytest.mark.campaign
@pytest.mark.parametrize("stage", ["contact", "short_iv", "repeats"])
@pytest.mark.parametrize("kind", ["hang", "late"])
def test_a_source_meter_that_is_silent_for_a_while_stops_nothing(
    tmp_path: Path, kind: str, stage: str
) -> None:
    night = evening(tmp_path / "runs", fault(kind, stage, seconds=1.8), timeout_s=1.0)
    screened(night)
    assert night.verdicts() == TRUTH
    assert len(failed(night)) == 1


def test_a_junction_that_cannot_be_measured_is_undecided_and_the_next_one_follows(
    tmp_path: Path,
) -> None:
    night = evening(tmp_path / "runs", fault("drop", "short_iv", repeat=2))
    screened(night)
    assert night.verdicts() == {"J1": "undecided", "J2": "candidate"}
    (reasons,) = (one.reasons for one in night.noted if one.junction == "J1")
    assert any("short_iv failed 2 times" in one for one in reasons), reasons
    again = resumed(night)
    assert again.verdicts() == TRUTH
    assert [name for name in again.files() if name.startswith("J1_short")] == [
        "J1_short_iv", "J1_short_iv-2", "J1_short_iv-3",
    ]  # fmt: skip


def test_a_line_that_is_lost_stops_the_screening_which_goes_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    """Known resistor included: the junctions are not to blame, and are measured once it is back."""
    lost = {"kind": "drop", "role": "source_meter", "on_command": ":READ", "match": 270}
    chip = {f"J{k}": "resistor-1k" for k in range(1, 6)}
    night = evening(tmp_path / "runs", lost | {"repeat": 500}, chip=chip)
    why = stopped(night)
    assert "no known resistor either" in why
    assert "--resume" in why
    assert set(night.verdicts().values()) == {"undecided"}
    again = evening(night.folder, chip=chip)
    screened(again, resume=True)
    assert again.verdicts() == dict.fromkeys(chip, "ohmic")


def test_a_known_resistor_that_cannot_be_measured_stops_before_any_junction(
    tmp_path: Path,
) -> None:
    night = evening(tmp_path / "runs", fault("drop", "resistor", repeat=2))
    assert "R100: the known resistor cannot be measured" in stopped(night)
    assert not [name for name in night.files() if name.startswith("J")]
    again = evening(night.folder)
    screened(again, resume=True)
    assert again.verdicts() == TRUTH


def test_junctions_that_break_are_called_broken_and_the_chip_goes_on(tmp_path: Path) -> None:
    """One in its short I(V), one within its contact check, one that turns open."""
    chip = {"J1": "A", "J2": "resistor-1k", "J3": "A", "J4": "resistor-10k"}
    night = evening(
        tmp_path / "runs",
        {"kind": "breakdown", "position": "J1", "above_V": 0.009, "becomes": "short"},
        {"kind": "breakdown", "position": "J3", "above_V": 0.007, "becomes": "open"},
        {"kind": "breakdown", "position": "J4", "above_V": 0.0006, "becomes": "open"},
        chip=chip,
        more='[protocol.at_zero]\nduration = "10 s"\n',
    )
    screened(night)
    found = night.verdicts()
    assert (found["J1"], found["J2"]) == ("broken", "ohmic")
    assert found["J3"] in ("broken", "unstable", "undecided")  # of its last sweep little is left
    assert found["J4"] in ("open", "broken", "undecided")  # it was gone before anybody knew it
    assert not [words for words in night.said if words.startswith("failed")]


def test_a_temperature_that_leaves_is_waited_for(tmp_path: Path) -> None:
    drift = {"kind": "drift", "role": "source_meter", "on_command": AT["short_iv"],
             "kelvin": 20.0, "seconds": 600.0}  # fmt: skip
    night = evening(tmp_path / "runs", drift, more=f'[protocol]\ntemperature = "40 K"\n{PROTOCOL}')
    screened(night)
    assert night.verdicts() == TRUTH
    for file in night.folder.glob("*.csv"):
        for kelvin in read_rows(file).column("Temperature (K)"):
            assert abs(kelvin - 40.0) < 2.5, file.name


@pytest.mark.campaign
def test_a_source_meter_that_is_gone_for_good_is_said_loudly(tmp_path: Path) -> None:
    """Nothing is called anything, and the station itself says what is not safe."""
    night = evening(tmp_path / "runs", fault("hang", "contact"), timeout_s=0.25)
    station = Station(night.config)
    with pytest.raises(Unsafe, match="source-meter") as ended, station:
        night.on(station)
    assert isinstance(ended.value.__cause__, ScreeningStopped)
    assert "J1/contact" in str(ended.value.__cause__)
    assert night.verdicts() == {}
    again = evening(night.folder)
    screened(again, resume=True)
    assert again.verdicts() == TRUTH


@pytest.mark.parametrize("command", ["CLOS", "OPEN"])
def test_a_switch_that_loses_its_connection_is_asked_again(tmp_path: Path, command: str) -> None:
    lost = {"kind": "drop", "role": "switch", "on_command": f"ROUT:{command}", "match": 12}
    night = evening(tmp_path / "runs", lost)
    screened(night)
    assert night.verdicts() == TRUTH
