"""Recipes and the junctions that they measure: broken ones, a chip's, each with its own limits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.journal_file import JournalError
from nanojunction.procedures.recipes.journal_records import PlanEntry
from nanojunction.procedures.recipes.plan import plan_of
from nanojunction.procedures.recipes.recipe_file import RecipeError, load_recipe
from nanojunction.procedures.recipes.resume import begin_or_resume, checked_runs
from tests.conftest import station_content
from tests.recipes import HEAD, Night
from tests.run_rows import header_of, rows_of

Make = Callable[..., Station]
SWEEP = """
[[steps]]
measure = "iv"
set = { vmax = "20 mV", step = "1 mV", nplc = 0.1 }
"""
LATER = """
[[steps]]
name = "gentle"
measure = "iv"
skip_when = "broken"
set = { vmax = "1 mV", step = "1 mV" }
[[steps]]
name = "after"
measure = "iv"
sample = "other"
set = { vmax = "1 mV", step = "1 mV" }
"""


def test_a_broken_junction_is_marked_and_the_next_step_follows(
    virtual_station: Make, tmp_path: Path
) -> None:
    fault = {"kind": "breakdown", "above_V": 0.019, "becomes": "resistor-100"}
    virtual = {"junction": "resistor-10k", "speed": 1000, "faults": [fault]}
    night = Night(SWEEP + LATER, tmp_path)
    with virtual_station(virtual=virtual) as station:
        done = night.on(station)
    assert done
    with night.journal() as journal:
        assert "the junction has changed" in journal.marks("A")["broken"]
        assert [run.status for run in journal.runs()] == ["broken", "finished"]
        (skipped,) = journal.skipped().values()
        assert "A is broken" in skipped
    assert any(words.startswith("broken: ") for words in night.said)


def test_a_broken_run_is_not_taken_up_again(virtual_station: Make, tmp_path: Path) -> None:
    fault = {"kind": "breakdown", "above_V": 0.019, "becomes": "resistor-100"}
    virtual = {"junction": "resistor-10k", "speed": 1000, "faults": [fault]}
    with virtual_station(virtual=virtual) as station:
        night = Night(SWEEP, tmp_path)
        assert night.on(station)
        files = sorted(tmp_path.glob("*.csv"))
        assert Night(SWEEP, tmp_path).on(station, resume=True)
    assert sorted(tmp_path.glob("*.csv")) == files


FAULT = {"kind": "breakdown", "above_V": 0.019, "becomes": "resistor-100"}
BREAKS = {"junction": "resistor-10k", "speed": 1000, "faults": [FAULT]}


def test_a_kill_after_the_breakdown_loses_neither_the_mark_nor_what_it_skips(
    virtual_station: Make, tmp_path: Path
) -> None:
    night = Night(SWEEP + LATER, tmp_path)
    with virtual_station(virtual=BREAKS) as station:
        assert night.on(station)
        with sqlite3.connect(tmp_path / NAME) as base:  # as it was while the run was measured
            base.execute("UPDATE runs SET status = 'running', rows = 0 WHERE key = 'iv'")
            base.execute("DELETE FROM runs WHERE key <> 'iv'")
            base.execute("DELETE FROM marks")
            base.execute("UPDATE plan SET judged = 0, skipped = NULL")
        assert night.on(station, resume=True)
    with night.journal() as journal:
        assert "the junction has changed" in journal.marks("A")["broken"]
        assert list(journal.skipped()) == ["gentle"]
        assert journal.spared() == ["iv"]


@pytest.mark.parametrize("how", ["ABORT", "ROLLBACK"])  # the latter as on a full disk
def test_the_mark_and_the_end_of_its_run_are_one_change(tmp_path: Path, how: str) -> None:
    with Journal(tmp_path / NAME) as journal:
        journal.create("x", "text", "station.toml", [PlanEntry("iv", "iv", "A", "iv")], {})
        journal.begin("iv", 1, "iv.csv")
        with sqlite3.connect(tmp_path / NAME) as base:
            base.execute(
                "CREATE TRIGGER full BEFORE INSERT ON marks "
                f"BEGIN SELECT RAISE({how}, 'disk is full'); END"
            )
        with pytest.raises(JournalError, match=r"could not be written \(disk is full\)"):
            journal.end("iv", 1, "broken", rows=9, error="the junction has changed")
        assert [run.status for run in journal.runs()] == ["running"]
        with sqlite3.connect(tmp_path / NAME) as base:
            base.execute("DROP TRIGGER full")
        journal.end("iv", 1, "broken", rows=9, error="the junction has changed")
        assert journal.marks("A") == {"broken": "iv: the junction has changed"}


def test_a_recipe_whose_run_broke_the_junction_says_so_each_time_and_exits_1(
    station_file: Any, nanojunction: Any, tmp_path: Path
) -> None:
    recipe = tmp_path / "night.toml"
    recipe.write_text(HEAD + SWEEP, encoding="utf-8")
    command = ["run", recipe, "--station", station_file(virtual=BREAKS), "--out", tmp_path / "runs"]
    for more, begins in (([], "finished: Night, 1 steps"), (["--resume"], "finished already")):
        process = nanojunction(*command, *more)
        _, words = process.communicate(timeout=60)
        assert process.returncode == 1, words
        (closing,) = [line for line in words.splitlines() if line.startswith(begins)]
        assert closing.endswith("; but 1 run was ended to spare the junction: iv")


CHIP = """
max_voltage_V = 0.1
max_current_A = 5e-4
[[junctions]]
name = "J1"
position = "1"
[[junctions]]
name = "J2"
position = "2"
max_voltage_V = 0.02
"""
RECIPE = """
[recipe]
name = "Chip"
sample_file = "chip.toml"
[[steps]]
over = {{ sample = "J1, J2" }}
steps = [{{ measure = "iv", set = {{ vmax = "{vmax}", step = "1 mV", nplc = 0.1 }} }}]
"""
TABLES: dict[str, Any] = {
    "switch": {
        "driver": "keithley2700",
        "positions": {"1": {"normal": [101, 117]}, "2": {"normal": [102, 118]}},
        "short": [108, 124],
    },
    "virtual": {"junctions": {"1": "resistor-1k", "2": "resistor-10k"}, "speed": 1000},
}


def recipe(folder: Path, vmax: str) -> Path:
    (folder / "chip.toml").write_text(CHIP, encoding="utf-8")
    file = folder / "recipe.toml"
    file.write_text(RECIPE.format(vmax=vmax), encoding="utf-8")
    return file


def test_each_junction_of_a_chip_is_connected_and_measured(
    station_file: Any, nanojunction: Any, tmp_path: Path
) -> None:
    process = nanojunction(
        "run", recipe(tmp_path, "5 mV"), "--station", station_file(**TABLES),
        "--out", tmp_path / "runs",
    )  # fmt: skip
    _, words = process.communicate(timeout=120)
    assert process.returncode == 0, words
    ohms = {}
    for file in (tmp_path / "runs").glob("*.csv"):
        top = max(rows_of(file), key=lambda row: row["Voltage (V)"])
        ohms[header_of(file, "Sample")] = top["Voltage (V)"] / top["Current (A)"]
        assert header_of(file, "Position") == header_of(file, "Sample")[-1]
    assert ohms == {"J1": pytest.approx(1e3, rel=0.02), "J2": pytest.approx(1e4, rel=0.02)}


CHANGES = [
    ("= 5e-4", "= 6e-4", r"the sample file .* J1.max_current_A was 0.0005 and is 0.0006;"),
    ("= 0.02", "= 0.05", r"the sample file .* J2.max_voltage_V was 0.02 and is 0.05;"),
    ('position = "1"', 'position = "9"', r"the sample file .* J1.position was '1' and is '9';"),
    ("= 0.02\n", "= 0.02\nmax_dwell_in_compliance_s = 3\n", None),  # stricter
    ("= 0.02", "= 0.01", None),
    ("= 0.02", "= 0.02  # of the data sheet", None),
]


@pytest.mark.parametrize(("was", "now", "refusal"), CHANGES)
def test_a_sample_file_may_become_stricter_between_two_parts_but_not_looser(
    tmp_path: Path, was: str, now: str, refusal: str | None
) -> None:
    file, chip = recipe(tmp_path, "5 mV"), tmp_path / "chip.toml"
    station = on_paper(station_from(station_content(**TABLES), "station"), "station")
    with Journal(tmp_path / NAME) as journal:
        begin_or_resume(journal, plan_of(load_recipe(file)), station, resume=False)
        chip.write_text(CHIP.replace(was, now), encoding="utf-8")
        assert chip.read_text(encoding="utf-8") != CHIP
        changed = plan_of(load_recipe(file))
        if refusal is None:
            begin_or_resume(journal, changed, station, resume=True)
            return
        with pytest.raises(JournalError, match=f"{refusal} take the change back, or give a new"):
            begin_or_resume(journal, changed, station, resume=True)


SWAPPED = {"1": {"normal": [102, 118]}, "2": {"normal": [101, 117]}}
METER = {"max_voltage_V": 0.6}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"source_meter": METER}, "source_meter.max_voltage_V was 0.5 and is 0.6"),
        ({"source_meter": {"wires": 2}}, "source_meter.wires was 4 and is 2"),
        ({"magnet": {"max_field_T": 1.5}}, "magnet.max_field_T was 1.0 and is 1.5"),
        ({"temperature": {"min_K": 3.0}}, "temperature.min_K was 4.0 and is 3.0"),
        ({"magnet": None}, "the columns of a row was .* and is "),
        ({"temperature": {"sensors": {"sample": "A", "vti": "B"}}}, "temperature.sensors was "),
        ({"switch": TABLES["switch"] | {"positions": SWAPPED}}, "switch.positions.1 was "),
        ({"source_meter": {"max_voltage_V": 0.3}}, None),
        ({"temperature": {"on_exit": "off"}, "lab": {"who": "the night shift"}}, None),
    ],
)
def test_a_station_file_may_become_stricter_between_two_parts_but_not_another(
    tmp_path: Path, changes: dict[str, Any], refusal: str | None
) -> None:
    plan = plan_of(load_recipe(recipe(tmp_path, "5 mV")))
    before, after = (
        on_paper(station_from(station_content(**tables), "station"), "station")
        for tables in (TABLES, TABLES | changes)
    )
    with Journal(tmp_path / NAME) as journal:
        begin_or_resume(journal, plan, before, resume=False)
        if refusal is None:
            begin_or_resume(journal, plan, after, resume=True)
            return
        with pytest.raises(JournalError, match=f"the station file .*{refusal}"):
            begin_or_resume(journal, plan, after, resume=True)


def test_a_junctions_own_limit_refuses_the_recipe_before_anything_is_opened(
    tmp_path: Path,
) -> None:
    plan = plan_of(load_recipe(recipe(tmp_path, "50 mV")))
    paper = on_paper(station_from(station_content(**TABLES), "station"), "station")
    with pytest.raises(RecipeError, match=r"sample=J2.*0.05 V.*the sample file \(J2\)"):
        checked_runs(plan, paper)


def test_a_junction_that_the_sample_file_does_not_list(tmp_path: Path) -> None:
    file = recipe(tmp_path, "5 mV")
    file.write_text(file.read_text(encoding="utf-8").replace("J1, J2", "J1, J7"), encoding="utf-8")
    paper = on_paper(station_from(station_content(**TABLES), "station"), "station")
    with pytest.raises(RecipeError, match="no junction 'J7'; it lists J1, J2"):
        checked_runs(plan_of(load_recipe(file)), paper)
