"""`nanojunction analyse --catalogue` and `nanojunction runs`, as a person types them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from nanojunction.cli.main import app
from tests.catalogues import iv_file


class Done(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


def command(*arguments: str, cwd: Path, catalogue: str = "") -> Done:
    """Run the command as it is typed in a folder."""
    with contextlib.chdir(cwd):
        done = CliRunner(env={"NANOJUNCTION_CATALOGUE": catalogue}).invoke(app, arguments)
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue of three runs, one of whose files is gone."""
    here = tmp_path_factory.mktemp("here")
    (here / "runs").mkdir()
    for n, name in enumerate(("B1", "B2", "gone")):
        iv_file(here / "runs" / f"{name}.csv", name, 40 + 20 * n, v_off_V=1e-3 * (n + 1))
    done = command("analyse", "runs", "--catalogue", "c.sqlite", cwd=here)
    assert done.exit_code == 0, done.stderr
    assert "3 runs, 0 of them unchanged in the catalogue" in done.stderr
    (here / "runs" / "gone.csv").unlink()
    return here


def test_without_a_catalogue_nothing_is_written(tmp_path: Path) -> None:
    iv_file(tmp_path / "x.csv", "B", 40)
    done = command("analyse", "x.csv", cwd=tmp_path)
    assert done.exit_code == 0
    assert "catalogue" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_the_second_time_runs_come_from_the_catalogue(here: Path) -> None:
    done = command("analyse", "runs", cwd=here, catalogue="c.sqlite")
    assert done.exit_code == 0
    assert "2 runs, 2 of them unchanged in the catalogue" in done.stderr


def test_runs_are_a_table_with_missing_files_marked(here: Path) -> None:
    done = command("runs", "--catalogue", "c.sqlite", "--sort", "-temperature_K", cwd=here)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "gone.csv", "B2.csv", "B1.csv"]
    assert [("(missing)" in line) for line in lines] == [False, True, False, False]
    assert "3 runs" in done.stderr


def test_the_environment_names_the_catalogue(here: Path) -> None:
    done = command("runs", "runs", "--device", "B2", cwd=here, catalogue="c.sqlite")
    assert done.exit_code == 0
    assert "B2.csv" in done.stdout
    assert "B1.csv" not in done.stdout


def test_json_is_all_that_standard_output_has(here: Path) -> None:
    done = command("runs", "--catalogue", "c.sqlite", "--kind", "iv", "--json", "-", cwd=here)
    document = json.loads(done.stdout)
    assert [Path(run["path"]).name for run in document["runs"]] == ["B1.csv", "B2.csv", "gone.csv"]
    assert [run["missing"] for run in document["runs"]] == [False, False, True]
    assert document["runs"][1]["quantities"]["v_off_V"]["value"] == pytest.approx(2e-3, abs=5e-6)
    assert document["errors"] == []


def test_csv_has_every_digit_and_the_errors_beside_the_values(here: Path) -> None:
    columns = "v_off_V,device,v_off_V.stderr"
    wanted = ("--where", "v_off_V > 1.5 mV", "--columns", columns, "--csv", "-")
    done = command("runs", "--catalogue", "c.sqlite", *wanted, cwd=here)
    assert done.stdout.startswith("path,segment,missing,v_off_V,v_off_V.stderr,device\n")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["device"] for row in rows] == ["B2", "gone"]
    document = json.loads(
        command("runs", "--catalogue", "c.sqlite", "--json", "-", cwd=here).stdout
    )
    exact = document["runs"][1]["quantities"]["v_off_V"]
    assert float(rows[0]["v_off_V"]) == exact["value"]
    assert float(rows[0]["v_off_V.stderr"]) == exact["stderr"]


def test_columns_that_are_asked_for_have_the_unit_of_their_size(here: Path) -> None:
    wanted = ("--device", "B2", "--columns", "v_off_V,p_max_W,temperature_K")
    done = command("runs", "--catalogue", "c.sqlite", *wanted, cwd=here)
    words = done.stdout.splitlines()[1].split()
    assert words[2::2][:2] == ["mV", "nW"]
    assert words[-1] == "60"


def test_files_that_failed_are_named_where_nothing_is_asked(tmp_path: Path) -> None:
    iv_file(tmp_path / "good.csv", "B", 40)
    (tmp_path / "bad.csv").write_text("a shopping list\n", "utf-8")
    assert command("analyse", ".", "--catalogue", "c.sqlite", cwd=tmp_path).exit_code == 1
    every = command("runs", "--catalogue", "c.sqlite", cwd=tmp_path)
    assert "bad.csv: there is no complete row of numbers" in every.stderr
    some = command("runs", "--catalogue", "c.sqlite", "--device", "B", cwd=tmp_path)
    assert "bad.csv" not in some.stderr
    assert "files that failed: 1 (without a question they are named)" in some.stderr
    (tmp_path / "bad.csv").unlink()
    assert "bad.csv (missing): " in command("runs", "--catalogue", "c.sqlite", cwd=tmp_path).stderr


def test_a_mistyped_pattern_is_wrong_usage(tmp_path: Path) -> None:
    iv_file(tmp_path / "a.csv", "B", 40)
    for name in ("analyse", "export"):
        more = ("--format", "parquet") if name == "export" else ()
        done = command(name, ".", "--pattern", "{device}_{temp}K", *more, cwd=tmp_path)
        assert done.exit_code == 2
        assert "{temp}" in done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "name a catalogue: --catalogue FILE, or NANOJUNCTION_CATALOGUE"),
        (("--catalogue", "no.sqlite"), 1, "no.sqlite: there is no such catalogue"),
        (("--catalogue", "c.sqlite", "--where", "v_of_V > 1"), 2, "did you mean v_off_V?"),
        (("--catalogue", "c.sqlite", "--columns", "v_of_V"), 2, "did you mean v_off_V?"),
        (("--catalogue", "c.sqlite", "--where", "v_off_V"), 2, "write a key, one of"),
        (("--catalogue", "c.sqlite", "--json", "-", "--csv", "-"), 2, "both want standard output"),
        (("--catalogue", "runs/B1.csv"), 1, "B1.csv"),
    ],
)
def test_what_makes_no_sense_gets_one_sentence(
    here: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = command("runs", *arguments, cwd=here)
    assert done.exit_code == status
    assert done.stdout == ""
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_run_is_no_failure(here: Path) -> None:
    done = command("runs", "--catalogue", "c.sqlite", "--device", "Z", cwd=here)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no run in the catalogue is like that" in done.stderr
