"""Taken up again: nothing measured twice, nothing missing, the same recipe only."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from nanojunction.common.drives import drive_of
from nanojunction.instruments.station import Station
from nanojunction.procedures.recipes.conditions import parse_condition
from nanojunction.procedures.recipes.folder import folder_of_runs
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.journal_file import JournalError
from nanojunction.procedures.recipes.journal_records import PlanEntry
from nanojunction.procedures.recipes.plan import plan_of
from nanojunction.procedures.recipes.recipe_file import RecipeError, recipe_from
from nanojunction.procedures.recipes.run_rows import partial_of
from tests.recipes import HEAD, IV, Night, expected, measured, rows_in
from tests.run_rows import header_of, rows_of

RECIPE = (
    HEAD
    + """
[defaults]
nplc = 0.01
window = "5 s"
[[steps]]
name = "first"
measure = "iv"
set = { vmax = "10 mV", step = "200 uV" }
[[steps]]
over = { temperature = "294, 293 K", field = "0.02, -0.02 T" }
steps = [{ measure = "iv", set = { vmax = "10 mV", step = "200 uV" } }]
"""
)


def rows_written(folder: Path) -> int:
    """Return how many rows there are in all run files."""
    return sum(
        line[:1].isdigit()
        for file in folder.glob("*.csv")
        for line in file.read_text(encoding="utf-8").splitlines()
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_twice_and_resumed_the_rows_are_those_of_the_plan(
    served: Any, nanojunction: Any, eventually: Any, tmp_path: Path, seed: int
) -> None:
    bench, out, recipe = served(speed=1000), tmp_path / "runs", tmp_path / "night.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    command = ["run", recipe, "--station", bench.station_file, "--out", out, "--no-watchdog"]
    plan = plan_of(recipe_from(RECIPE, "night.toml"))
    every_row = sum(len(expected(run)) for run in plan.runs)
    moments = sorted(random.Random(seed).sample(range(every_row // 20, every_row * 9 // 10), 2))
    for count, moment in enumerate(moments):
        process = nanojunction(*command, *(["--resume"] if count else []))
        eventually(lambda: rows_written(out) >= moment, f"row {moment}")  # noqa: B023
        process.kill()
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        with Journal(out / NAME) as journal:
            assert {run.status for run in journal.runs()} <= {"finished", "running", "cut off"}
    last = nanojunction(*command, "--resume")
    _, words = last.communicate(timeout=120)
    assert last.returncode == 0, words
    assert "finished: Night, 5 steps" in words
    with Journal(out / NAME) as journal:
        for run in plan.runs:
            rows = rows_in(journal, run.key)
            assert measured(rows) == expected(run)
            targets = {setting.key: setting.value for setting in run.settings}
            for file in journal.parts(run.key):
                if file.file and (out / file.file).exists() and "temperature" in targets:
                    setpoint = header_of(out / file.file, "Temperature setpoint")
                    assert setpoint == f"{targets['temperature']!r} K"
            for row in rows:
                assert abs(row["Temperature (K)"] - float(targets.get("temperature", 295))) <= 0.2
                assert abs(row["Field (T)"] - float(targets.get("field", 0))) <= 5e-4
        assert journal.parts(plan.runs[-1].key)[-1].status == "finished"
    assert bench.ask("source_meter", ":OUTP?") == "0"


def night(tmp_path: Path, text: str = f"[[steps]]\nsteps = [{IV}, {IV}]") -> Night:
    return Night(text, tmp_path)


@pytest.fixture
def done(virtual_station: Callable[..., Any], tmp_path: Path) -> Iterator[tuple[Night, Station]]:
    """Return a recipe of two runs that was carried out, on a station that is still open."""
    first = night(tmp_path)
    with virtual_station() as station:
        assert first.on(station)
        yield first, station


def test_another_recipe_is_refused_with_what_changed(
    done: tuple[Night, Station], tmp_path: Path
) -> None:
    first, station = done
    changed = night(tmp_path, first.text.replace("2 mV", "3 mV", 1))
    with pytest.raises(JournalError, match=r"the recipe has changed .*line 5 was .*2 mV.*3 mV"):
        changed.on(station, resume=True)
    commented = night(tmp_path, f"# nothing but a comment\n{first.text}")
    assert commented.on(station, resume=True)


def test_a_folder_with_a_journal_is_not_begun_again(done: tuple[Night, Station]) -> None:
    first, station = done
    with pytest.raises(JournalError, match=r"\(2 of 2 steps done\); add --resume to go on"):
        first.on(station)


def test_a_run_whose_end_alone_is_missing_is_not_made_again(
    done: tuple[Night, Station], tmp_path: Path
) -> None:
    first, station = done
    files = sorted(tmp_path.glob("*.csv"))
    whole = files[-1].read_text(encoding="utf-8")
    files[-1].write_text(whole.partition("# End")[0], encoding="utf-8")
    as_if_killed(tmp_path)
    assert first.on(station, resume=True)
    assert sorted(tmp_path.glob("*.csv")) == files
    with first.journal() as journal:
        assert journal.parts("iv#2")[-1].status == "finished"
        assert journal.history("A").runs == 2


def test_a_run_whose_file_has_its_end_was_finished(
    done: tuple[Night, Station], tmp_path: Path
) -> None:
    first, station = done
    as_if_killed(tmp_path)
    assert first.on(station, resume=True)
    with first.journal() as journal:
        assert [(run.key, run.part, run.rows) for run in journal.runs()] == [
            ("iv", 1, 21), ("iv#2", 1, 21),
        ]  # fmt: skip
        assert "resumed: 2 of 2 steps were done" not in [words for *_, words in journal.events()]


def as_if_killed(folder: Path) -> None:
    """Put the journal back to where it was while the last run was being measured."""
    with sqlite3.connect(folder / NAME) as base:
        base.execute(
            "UPDATE runs SET status = 'running', rows = 0, ended = NULL WHERE key = 'iv#2'"
        )
        base.execute("UPDATE plan SET judged = 0 WHERE key = 'iv#2'")


def test_a_pause_that_was_cut_off_is_entered_as_such_and_asked_again(
    virtual_station: Callable[..., Any], tmp_path: Path
) -> None:
    first = night(tmp_path, '[[steps]]\npause = "plug in R"')
    with virtual_station() as station:
        assert first.on(station)
        with sqlite3.connect(tmp_path / NAME) as base:
            base.execute("UPDATE runs SET status = 'running', ended = NULL")
        assert first.on(station, resume=True)
    assert first.asked == ["plug in R", "plug in R"]
    with first.journal() as journal:
        assert [(run.part, run.status, run.error) for run in journal.parts("pause")] == [
            (1, "cut off", "killed while the operator was asked"), (2, "finished", None),
        ]  # fmt: skip


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / NAME) as journal:
        journal.create("x", "text", "station.toml", [PlanEntry("iv", "iv", "A", "iv")], {})
        with sqlite3.connect(tmp_path / NAME) as base:
            base.execute("UPDATE recipe SET version = 1")
        with pytest.raises(JournalError, match="is of version 1, this program writes 3"):
            journal.is_new()


def test_a_half_written_row_is_measured_again(done: tuple[Night, Station], tmp_path: Path) -> None:
    first, station = done
    file = sorted(tmp_path.glob("*.csv"))[-1]
    rows = file.read_text(encoding="utf-8").partition("# End")[0].splitlines(keepends=True)
    file.write_text("".join(rows[:-4]) + rows[-4][:9], encoding="utf-8")
    as_if_killed(tmp_path)
    assert first.on(station, resume=True)
    with first.journal() as journal:
        assert [run.rows for run in journal.parts("iv#2")] == [17, 4]
        assert measured(rows_in(journal, "iv#2")) == expected(first.plan.runs[1])


def test_a_damaged_run_file_stops_before_anything_is_switched_on(
    done: tuple[Night, Station], tmp_path: Path
) -> None:
    first, station = done
    file = sorted(tmp_path.glob("*.csv"))[-1]
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[-5] = "1.0,garbage\n"
    file.write_text("".join(lines[:-1]), encoding="utf-8")
    as_if_killed(tmp_path)
    with pytest.raises(RecipeError, match=f"line {len(lines) - 4}: is no row of numbers"):
        first.on(station, resume=True)


def test_the_parts_of_a_run_are_analysed_as_one(
    virtual_station: Callable[..., Any], tmp_path: Path
) -> None:
    first = night(tmp_path, f"[[steps]]\nsteps = [{IV}]")
    first.stop_at("iv", rows=6)
    with virtual_station() as station:
        assert not first.on(station)
        first.go_on()
        assert first.on(station, resume=True)
    with first.journal() as journal:
        files = [tmp_path / str(part.file) for part in journal.parts("iv")]
        result = journal.last_result("A", parse_condition("i_off_A < 0 A"))
    assert [len(rows_of(file)) for file in files] == [6, 15]
    assert result is not None and result.value == pytest.approx(-2.5e-5, rel=0.1)
    assert measured([row for file in files for row in rows_of(file)]) == expected(
        first.plan.runs[0]
    )
    found = partial_of(files)
    assert found is not None and found.rows == 21 and found.next_name.endswith("_part3")


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        folder_of_runs(tmp_path),
        pytest.raises(JournalError, match="another nanojunction run works there"),
        folder_of_runs(tmp_path),
    ):
        pytest.fail("both have it")
    with folder_of_runs(tmp_path):
        pass


MOUNTS = [
    ("/", "ext4"), ("/home", "autofs"), ("/home", "nfs4"), ("/mnt/my data", "cifs"),
    ("/home/lab/local", "ext4"), ("/mnt/c", "9p"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/lab/runs", "nfs4"),
        ("/mnt/my data/runs", "cifs"),
        ("/mnt/c/runs", "9p"),
        ("/home/lab/local/runs", None),
        ("/homes/lab", None),
    ],
)
def test_network_drives_are_told_from_the_table_of_mounts(
    monkeypatch: pytest.MonkeyPatch, folder: str, kind: str | None
) -> None:
    parts = [SimpleNamespace(mountpoint=at, fstype=of, opts="rw") for at, of in MOUNTS]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: parts)
    assert drive_of(Path(folder)) == kind


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"this is no data base" * 100)
    with pytest.raises(JournalError, match=r"journal\.sqlite"):
        night(tmp_path).journal().is_new()


def test_a_change_that_fails_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    with Journal(tmp_path / NAME) as journal:
        journal.create("x", "text", "station.toml", [PlanEntry("iv", "iv", "A", "iv")], {})
        journal.begin("iv", 1, "iv.csv")
        with pytest.raises(JournalError, match="could not be written"):
            journal.begin("iv", 1, "again.csv")
        assert [run.file for run in journal.runs()] == ["iv.csv"]


KILLED_IN_A_CHANGE = """
import os, signal, sys
from pathlib import Path
from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.recipes.journal_records import PlanEntry
journal = Journal(Path(sys.argv[1]))
journal.create("x", "text", "station.toml", [PlanEntry("iv", "iv", "A", "iv")], {})
journal._file.execute("PRAGMA cache_size=1")  # so that the change reaches the disk half done
with journal._file.change():
    for count in range(20000):
        journal._event(None, f"event {count} that is never to be seen")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_in_the_middle_of_a_change_leaves_the_journal_true(tmp_path: Path) -> None:
    file = tmp_path / NAME
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_A_CHANGE, str(file)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert file.with_name(f"{NAME}-journal").stat().st_size > 0, "the change had reached the disk"
    with Journal(file, read_only=True) as journal:
        assert [words for *_, words in journal.events()] == ["begun: x, 1 steps"]
        with pytest.raises(JournalError, match="could not be written"):
            journal.event("a reader writes")
