"""The command `nanojunction run` as a person uses it: pauses, and the dry run."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.recipes import HEAD, IV

RECIPE = (
    HEAD
    + """
[[steps]]
over = { temperature = "294, 293 K", field = "0.02, -0.02 T" }
steps = [{ measure = "iv", set = { vmax = "10 mV", step = "200 uV" } }]
"""
)


def test_pauses_need_somebody(nanojunction: Any, station_file: Any, tmp_path: Path) -> None:
    recipe = tmp_path / "night.toml"
    recipe.write_text(HEAD + '[[steps]]\npause = "plug in R"\n', encoding="utf-8")
    arguments = ["run", recipe, "--station", station_file(), "--out", tmp_path / "runs"]
    refused = nanojunction(*arguments, stdin=subprocess.DEVNULL)
    _, words = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert "has 1 pauses, and nobody is at a terminal" in words
    assert not (tmp_path / "runs").exists()
    passed = nanojunction(*arguments, "--yes", stdin=subprocess.DEVNULL)
    _, words = passed.communicate(timeout=60)
    assert passed.returncode == 0, words
    assert "pause passed over (--yes): plug in R" in words


def test_what_is_left_is_said_where_the_station_cannot_be_made_safe(
    served: Any, nanojunction: Any, eventually: Any, tmp_path: Path
) -> None:
    bench = served("B", 10.0)
    recipe, runs = tmp_path / "night.toml", tmp_path / "runs"
    text = HEAD + '[[steps]]\nmeasure = "iv"\nset = { step = "10 uV", buffered = "off" }\n'
    recipe.write_text(text, encoding="utf-8")
    process = nanojunction("run", recipe, "--station", bench.station_file, "--out", runs)
    eventually(lambda: any(len(f.read_bytes()) > 8000 for f in runs.glob("*.csv")), "rows")
    bench.stop()
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "not finished: 1 of 1 steps are left; go on with --resume" in words
    assert words.count("NOT SAFE: source-meter (output may be ON) does not answer") == 1


@pytest.mark.parametrize(
    ("keys", "ending"),
    [
        ("\n", (0, "finished: Night, 2 steps")),
        ("q\n", (1, "not finished: 2 of 2 steps are left; go on with --resume")),
        ("\x03", (1, "not finished: 2 of 2 steps are left; go on with --resume")),
    ],
    ids=["Enter", "q", "Ctrl-C"],
)
def test_the_operator_answers_a_pause_at_the_terminal(
    nanojunction: Any, station_file: Any, tmp_path: Path, keys: str, ending: tuple[int, str]
) -> None:
    pty = pytest.importorskip("pty", reason="Windows has other terminals")
    recipe = tmp_path / "night.toml"
    text = f'{HEAD}[[steps]]\npause = "plug in R"\n[[steps]]\nsteps = [{IV}]\n'
    recipe.write_text(text, encoding="utf-8")
    ours, theirs = pty.openpty()
    process = nanojunction(
        "run", recipe, "--station", station_file(), "--out", tmp_path / "runs",
        stdin=theirs, start_new_session=True,
    )  # fmt: skip
    said = ""
    while "Enter goes on" not in said:
        said += process.stderr.readline()
        assert process.poll() is None, said
    if keys == "\x03":  # what a terminal makes of it
        process.send_signal(signal.SIGINT)
    else:
        os.write(ours, keys.encode())
    _, rest = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert ending[1] in rest
    assert process.returncode == ending[0]


def test_a_dry_run_prints_the_plan_and_touches_nothing(
    nanojunction: Any, station_file: Any, tmp_path: Path
) -> None:
    recipe = tmp_path / "night.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    before = sorted(path.name for path in [*tmp_path.iterdir(), station_file()])
    process = nanojunction("run", recipe, "--station", station_file(), "--dry-run", cwd=tmp_path)
    table, words = process.communicate(timeout=60)
    assert process.returncode == 0, words
    assert "temperature=293 K/field=-0.02 T/iv" in table
    assert "4 runs, 1620 rows" in table
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(before))
