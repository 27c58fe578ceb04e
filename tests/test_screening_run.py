"""Screening on the virtual cryostat: gentle, in order, resumable, whatever fails."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.journal_file import JournalError
from nanojunction.procedures.recipes.run_rows import read_rows
from tests.screenings import Evening, chip_text, station_of

CHIP = {"J1": "open", "J2": "short", "J3": "resistor-1k", "J4": "A", "J5": "B"}
TRUTH = {"J1": "open", "J2": "short", "J3": "ohmic", "J4": "candidate", "J5": "candidate"}


SHORTLY = '[protocol.at_zero]\nduration = "5 s"\n'
SHY = """
device = "shy"
[[populations]]
truth = "generating"
count = 1
like = "A"
[populations.behaviour.contact]
open_first = 1
"""


def evening(folder: Path, more: str = "", **junction_keys: str) -> Evening:
    entries = {name: junction_keys.get(name, "") for name in CHIP}
    return Evening(chip_text(entries, more), station_of(CHIP), folder)


def test_each_junction_sees_no_more_than_its_verdict_takes(tmp_path: Path) -> None:
    night = evening(tmp_path / "runs")
    with Station(night.config) as station:
        assert night.on(station)
        world = station.bench.world
        seen_V = {name: world.largest_voltage_at(name) for name in CHIP}
        assert world.hot_switches == 0
        assert not world.output_on
    assert station.bench.world.shorted
    assert night.verdicts() == TRUTH
    assert seen_V["J1"] < 1.1e-3
    assert seen_V["J2"] < 1.1e-3
    assert seen_V["J3"] < 10.1e-3
    assert seen_V["J4"] < 10.1e-3  # V_off of A is 4 mV
    assert 84e-3 < seen_V["J5"] < 1.5 * 84e-3 + 1e-3  # V_off of B at 40 K
    kinds = {one.junction: one.kind for one in night.noted}
    assert (kinds["J4"], kinds["J5"]) == ("metallic", "semiconducting")
    files = night.files()
    assert [name for name in files if name.startswith("J1")] == ["J1_contact", "J1_contact_again"]
    assert [name for name in files if name.startswith("J3")] == ["J3_contact", "J3_short_iv"]
    for when in ("before", "after"):
        assert {f"{when}_R100", f"{when}_R1k", f"{when}_R10k"} <= set(files)


def test_a_junction_without_contact_at_first_is_contacted_once_more(tmp_path: Path) -> None:
    file = tmp_path / "shy.toml"
    file.write_text(SHY, encoding="utf-8")
    mounted = {"R100": "resistor-100", "R1k": "resistor-1k", "R10k": "resistor-10k"}
    config = station_of({"shy-001": "A"})  # for the wiring
    virtual = {"chip": str(file), "junctions": mounted, "speed": 1000,
               "world": {"initial_temperature_K": 40.0}}  # fmt: skip
    content = config.model_dump(exclude_defaults=True) | {"virtual": virtual}
    night = Evening(chip_text({"shy-001": ""}), station_from(content, "test"), tmp_path / "runs")
    with Station(night.config) as station:
        assert night.on(station)
        assert station.bench.world.hot_switches == 0
    assert night.verdicts() == {"shy-001": "candidate"}
    assert {"shy-001_contact", "shy-001_contact_again", "shy-001_repeats"} <= set(night.files())


def test_no_junction_is_swept_beyond_its_limit(tmp_path: Path) -> None:
    limits = "max_voltage_V = 0.03"
    night = evening(tmp_path / "runs", J5=limits, J3="max_voltage_V = 0.004")
    with Station(night.config) as station:
        assert night.on(station)
        world = station.bench.world
        assert world.largest_voltage_at("J5") < 0.0301
        assert world.largest_voltage_at("J3") < 0.00401
    assert night.verdicts()["J5"] == "candidate"
    (found,) = (one for one in night.noted if one.junction == "J5")
    assert any("30 mV" in reason for reason in found.reasons)


def test_it_is_stopped_anywhere_and_taken_up_with_the_same_verdicts(tmp_path: Path) -> None:
    """The order of stops is drawn anew in each run of the tests, and is in a failure's message."""
    seed = random.SystemRandom().randrange(10**6)
    lots, night, resumed = random.Random(seed), evening(tmp_path / "runs"), 0

    def stop_after(count: int) -> None:
        left = [count]

        def look(_progress: Progress) -> None:
            left[0] -= 1
            if left[0] == 0:
                night.stop.ask("test")

        night.on_progress = look

    done = False
    while not done:
        night.stop.count = 0
        stop_after(lots.randrange(40, 300))
        with Station(night.config) as station:
            done = night.on(station, resume=resumed > 0)
        assert station.bench.world.shorted
        assert not station.bench.world.output_on
        resumed += 1
    assert resumed > 2, seed
    with night.journal() as journal:
        runs = journal.runs()
    keys = [run.key for run in runs if run.status == "finished"]
    assert len(keys) == len(set(keys)), seed
    rows = {run.key: 0 for run in runs}
    for run in runs:
        if run.file is not None and (night.folder / run.file).exists():
            rows[run.key] += len(read_rows(night.folder / run.file).rows)
    assert rows["J3/contact"] == 19, seed
    whole = Evening(night.text, night.config, tmp_path / "again")
    with Station(whole.config) as station:
        assert whole.on(station)
    last = Evening(night.text, night.config, night.folder)
    with Station(last.config) as station:
        assert last.on(station, resume=True)
    assert last.verdicts() == whole.verdicts() == TRUTH, seed


def test_a_verdict_is_kept_until_anything_that_it_follows_from_is_another(tmp_path: Path) -> None:
    night = evening(tmp_path / "runs", SHORTLY)
    with Station(night.config) as station:
        assert night.on(station)
    with night.journal() as journal:
        assert journal.verdicts.counts() == {"candidate": 2, "ohmic": 1, "open": 1, "short": 1}

    def judged_again(more: str = "") -> list[str]:
        """Take it up, and return the junctions whose verdict was found anew."""
        again, before = evening(night.folder, f"{SHORTLY}{more}"), entered(night.folder)
        with Station(again.config) as station:
            assert again.on(station, resume=True)
        assert set(again.verdicts()) == set(CHIP)
        found = entered(night.folder)
        return [name for name in CHIP if found[name] != before[name]]

    def entered(folder: Path) -> dict[str, str]:
        with sqlite3.connect(folder / "journal.sqlite") as file:
            return dict(file.execute("SELECT sample, moment FROM verdicts"))

    assert judged_again() == []
    assert judged_again("[thresholds]\ncandidate_ratio = 800") == list(CHIP)
    assert judged_again("[thresholds]\ncandidate_ratio = 800") == []
    assert judged_again() == list(CHIP)
    file = night.folder / "J3_short_iv.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("J3", "J3 "), encoding="utf-8")
    assert judged_again() == ["J3"]


def test_another_chip_is_not_gone_on_with(tmp_path: Path) -> None:
    night = evening(tmp_path / "runs")
    with Station(night.config) as station:
        night.stop.ask("test")
        assert not night.on(station)
        night.stop.count = 0
        with pytest.raises(JournalError, match="--resume"):
            night.on(station)
        for changed, words in (
            (evening(night.folder, J3="max_voltage_V = 0.1"), "max_voltage_V of J3 has changed"),
            (evening(night.folder, '[protocol.contact]\nvmax = "0.5 mV"'), "protocol"),
        ):
            with pytest.raises(JournalError, match=words):
                changed.on(station, resume=True)
        other_thresholds = evening(night.folder, "[thresholds]\ncandidate_ratio = 20")
        assert other_thresholds.on(station, resume=True)


def test_junctions_beyond_the_wiring_are_refused(tmp_path: Path) -> None:
    text = chip_text({"J1": "", "J99": ""})
    with pytest.raises(Exception, match="J99 is at position 'J99', which the station's switch"):
        _ = Evening(text, station_of(CHIP), tmp_path).plan
