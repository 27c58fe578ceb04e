"""A night of more than twelve hours in virtual time, killed twice and taken up again."""

from __future__ import annotations

import random
import re
import signal
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.plan import PlannedRun, plan_of
from nanojunction.procedures.recipes.recipe_file import load_recipe
from nanojunction.procedures.recipes.run_rows import read_rows
from tests.recipes import expected, measured, rows_in

pytestmark = pytest.mark.campaign

SPEED, HOURS = 2000.0, 12.0

RECIPE = """
[recipe]
name = "Twelve hours"
sample = "B"
[defaults]
nplc = 1
settle = "1 s"
measure_range = "1 mA"
tolerance = "100 mK"
window = "5 min"
[[steps]]
name = "series"
stop_when = "r_s_ohm > 1 Mohm"
steps = [{ measure = "iv", set = { turning_points = "0, 100 mV, -100 mV, 0", step = "2 mV" } }]
[steps.over]
repeat = 2
temperature = "360, 300, 240, 200, 160, 120, 80, 60, 40 K"
field = "-0.5, 0.5 T"
"""


def slow_station(file: Path) -> Path:
    """Let the station's temperature ramp at 3 K/min, as a cryostat's does."""
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    content["temperature"]["ramp_K_per_min"] = 3
    file.write_text(tomli_w.dumps(content), encoding="utf-8")
    return file


def rows_written(folder: Path) -> int:
    """Return how many rows there are in all run files."""
    files = list(folder.glob("*.csv"))
    text = [file.read_text(encoding="utf-8").splitlines() for file in files]
    return sum(line[:1].isdigit() for lines in text for line in lines)


def hours_planned(words: str) -> float:
    """Return the hours of the plan that the command has printed."""
    found = re.search(r"^total (?:at most )?(\d+) h (\d+) min", words, re.MULTILINE)
    assert found is not None, words
    return int(found[1]) + int(found[2]) / 60


def hours_gone(bench: Any) -> float:
    """Return the time on the source-meter's own clock, which is the world's."""
    return float(bench.ask("source_meter", ":SYST:TIME?")) / 3600


def assert_at_its_place(run: PlannedRun, rows: list[dict[str, float]]) -> None:
    """Look whether every row was measured at the run's temperature and field."""
    target = {setting.key: setting.value for setting in run.settings}
    for row in rows:
        assert abs(row["Temperature (K)"] - float(target["temperature"])) <= 0.2, run.key
        assert abs(row["Field (T)"] - float(target["field"])) <= 1e-3, run.key


def test_a_night_killed_twice_has_the_rows_of_its_plan(
    served: Any, nanojunction: Any, eventually: Any, tmp_path: Path
) -> None:
    """Once with a watchdog, which makes the station safe; once without, and resumed at once."""
    bench, out, recipe = served("B", SPEED), tmp_path / "runs", tmp_path / "night.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    station = slow_station(bench.station_file)
    plan = plan_of(load_recipe(recipe))
    assert len(plan.runs) == 9 * 2 * 2
    command = ["run", recipe, "--station", station, "--out", out]

    words, _ = nanojunction(*command, "--dry-run").communicate(timeout=60)
    assert hours_planned(words) > HOURS

    every_row = sum(len(expected(run)) for run in plan.runs)
    moments = sorted(random.Random(12).sample(range(every_row // 10, every_row * 9 // 10), 2))
    began_h = hours_gone(bench)
    for count, moment in enumerate(moments):
        options = ["--resume", "--no-watchdog"] if count else ["--watchdog"]
        process = nanojunction(*command, *options)
        eventually(lambda: rows_written(out) >= moment, f"row {moment}", 300)  # noqa: B023
        process.kill()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        if count == 0:
            assert "safe: source at zero, output open" in errors
            assert bench.ask("source_meter", ":OUTP?") == "0"
    last = nanojunction(*command, "--resume", "--no-watchdog")
    _, errors = last.communicate(timeout=300)
    assert last.returncode == 0, errors
    assert "finished: Twelve hours, 36 steps" in errors

    with Journal(out / NAME, read_only=True) as journal:
        for run in plan.runs:
            rows = rows_in(journal, run.key)
            assert measured(rows) == expected(run), run.key
            assert_at_its_place(run, rows)
        parts = journal.runs()
    assert sorted(part.status for part in parts) == ["cut off"] * 2 + ["finished"] * 36
    assert {file.name for file in out.glob("*.csv")} == {part.file for part in parts}
    assert sum(len(read_rows(file).rows) for file in out.glob("*.csv")) == every_row
    assert hours_gone(bench) - began_h > HOURS
    output, level = bench.ask("source_meter", ":OUTP?;:SOUR:VOLT?").split(";")
    assert (output, float(level)) == ("0", 0.0)
