"""The catalogue: what it holds, who may have it open, and what it answers to questions."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.catalogue.database import Catalogue
from nanojunction.analysis.catalogue.entries import enter, numbers_of
from nanojunction.analysis.catalogue.errors import CatalogueError, QuestionError, UnknownKey
from nanojunction.analysis.catalogue.listing import Listed, Selection, find_errors, find_runs
from nanojunction.analysis.catalogue.questions import Question, parse_question
from nanojunction.analysis.catalogue.store import CatalogueStore
from nanojunction.analysis.run import Conditions
from tests.catalogues import iv_file

Open = Callable[..., list[Listed]]
TEMPERATURES = (40, 80, 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs: B at three temperatures, A at one, and a file that is none."""
    folder = tmp_path_factory.mktemp("runs")
    for number, temperature in enumerate(TEMPERATURES):
        iv_file(folder / f"B_{temperature}K.csv", "B", temperature, v_off_V=1e-3 * (number + 1))
    (folder / "a").mkdir()
    iv_file(folder / "a" / "A_40K.csv", "A", 40, v_off_V=-2e-3)
    (folder / "broken.csv").write_text("nothing, here\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def filled(folder: Path) -> Path:
    """A catalogue of that folder."""
    path = folder / "runs.sqlite"
    with Catalogue(path) as catalogue:
        found = analyse([folder], kept=CatalogueStore(catalogue))
        enter(catalogue, found.run_results, found.errors)
    return path


@pytest.fixture
def listed(filled: Path) -> Iterator[Open]:
    """Return a way to ask the catalogue: questions as text, and what else a selection has."""
    with Catalogue(filled, new=False) as catalogue:

        def ask(
            *questions: str,
            below: tuple[Path, ...] = (),
            sort: tuple[str, ...] = (),
            limit: int | None = None,
        ) -> list[Listed]:
            asked = tuple(map(parse_question, questions))
            return find_runs(catalogue, Selection(below, asked, sort, limit))

        yield ask


def names(found: list[Listed]) -> list[str]:
    return [one.path.stem for one in found]


def test_a_run_is_listed_with_what_was_found_in_it(listed: Open, folder: Path) -> None:
    (run,) = listed("device = A")
    held = run.held
    assert run.path == folder / "a" / "A_40K.csv"
    assert (held["kind"], held["device"], held["temperature_K"]) == ("iv", "A", 40.0)
    assert (held["segment"], held["rows"], held["status"]) == (None, 81, "finished")
    assert held["started"] == "2026-11-20T01:02:03+00:00"
    assert len(held["sha256"]) == 64
    assert held["version"].startswith("0.")
    assert json.loads(held["settings"])["slope_convention"] == "local_zero"
    value, stderr, note = run.numbers["v_off_V"]
    assert value == pytest.approx(-2e-3, abs=5e-6)
    assert stderr is not None
    assert note is None
    assert run.numbers["r_s_ohm.convention"] == (None, None, "local_zero")


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("temperature_K < 100", ["A_40K", "B_40K", "B_80K"]),
        ("temperature_K>=80", ["B_120K", "B_80K"]),
        ("temperature_K = 40 K", ["A_40K", "B_40K"]),
        ("temperature_K < -173 °C", ["A_40K", "B_40K", "B_80K"]),
        ("v_off_V > 1.5 mV", ["B_120K", "B_80K"]),
        ("v_off_V > 1500 uV", ["B_120K", "B_80K"]),
        ("v_off_V < 0", ["A_40K"]),
        ("v_off_V.stderr < 1 V", ["A_40K", "B_120K", "B_40K", "B_80K"]),
        ("r_s_ohm > 0.9 kΩ", ["A_40K", "B_120K", "B_40K", "B_80K"]),
        ("r_s_ohm > 2 kohm", []),
        ("fill_factor > 20 %", ["A_40K", "B_120K", "B_40K", "B_80K"]),
        ("device != B", ["A_40K"]),
        ("device = 'B'", ["B_120K", "B_40K", "B_80K"]),
        ("path ~ a/a_40", ["A_40K"]),
        ("field_T = null", ["A_40K", "B_120K", "B_40K", "B_80K"]),
        ("field_T != null", []),
        ("r_s_ohm.convention ~ zero", ["A_40K", "B_120K", "B_40K", "B_80K"]),
        ("started > 2026-11-21", []),
        ("device = B' OR 1 = 1 --", []),
        ("device ~ %", []),
    ],
)
def test_questions(listed: Open, question: str, found: list[str]) -> None:
    assert sorted(names(listed(question))) == found


def test_several_questions_all_hold(listed: Open) -> None:
    assert names(listed("device = B", "temperature_K < 50")) == ["B_40K"]


def test_runs_in_an_order(listed: Open) -> None:
    assert names(listed(sort=("-temperature_K", "device"))) == ["B_120K", "B_80K", "A_40K", "B_40K"]
    assert names(listed(sort=("v_off_V",), limit=2)) == ["A_40K", "B_40K"]
    assert names(listed(sort=("-v_off_V.stderr",), limit=1)) != []


def test_runs_below_a_folder(listed: Open, folder: Path) -> None:
    assert names(listed(below=(folder / "a",))) == ["A_40K"]
    assert names(listed(below=(folder / "B_80K.csv", folder / "a"))) == ["B_80K", "A_40K"]
    assert names(listed(below=(folder / "A",))) == []
    assert len(listed(below=(folder,))) == 4


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("temperature_K", "write a key, one of"),
        ("temperature_K <", "there is nothing after <"),
        ("temperature_K < warm", "is compared with a number, not with 'warm'"),
        ("temperature_K < 1 mV", "temperature_K is a temperature, 'mV' is no unit of it"),
        ("v_off_V < 1 Z", "'Z' is no unit of it"),
        ("fill_factor < 1 V", "fill_factor has no unit"),
        ("field_T < null", "null is compared with = or != only"),
        ("__import__('os')", "write a key"),
    ],
)
def test_a_question_that_makes_no_sense_gets_a_sentence(question: str, words: str) -> None:
    with pytest.raises(QuestionError, match=words.replace("(", r"\(")):
        parse_question(question)


@given(st.text(max_size=40))
def test_no_question_does_anything_but_ask(text: str) -> None:
    try:
        assert isinstance(parse_question(text), Question)
    except QuestionError as problem:
        assert text in str(problem)


def test_an_unknown_key_names_the_known_ones(listed: Open) -> None:
    with pytest.raises(UnknownKey, match="no run in the catalogue has a 'v_offf'") as raised:
        listed("v_offf = 1")
    assert "v_off_V" in raised.value.known
    with pytest.raises(UnknownKey):
        listed(sort=("-nothing",))


def test_files_that_failed_are_entered(filled: Path) -> None:
    with Catalogue(filled, new=False) as catalogue:
        ((path, error),) = find_errors(catalogue)
    assert path.endswith("broken.csv")
    assert error == "there is no complete row of numbers in this file"


def test_a_file_that_is_mended_leaves_the_errors_and_the_other_way_round(tmp_path: Path) -> None:
    path = iv_file(tmp_path / "x.csv", "B", 40)
    good = path.read_text(encoding="utf-8")
    with Catalogue(tmp_path / "c.sqlite") as catalogue:
        for text, runs, failed in ((good, 1, 0), ("a,b\n", 0, 1), (good, 1, 0)):
            path.write_text(text, encoding="utf-8")
            found = analyse([path])
            enter(catalogue, found.run_results, found.errors)
            assert len(find_runs(catalogue, Selection())) == runs
            assert len(find_errors(catalogue)) == failed


def test_a_run_is_there_once_however_often_and_by_whatever_path_it_is_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = iv_file(tmp_path / "x.csv", "B", 40)
    monkeypatch.chdir(tmp_path)
    with Catalogue("c.sqlite") as catalogue:
        for name in (path, Path("x.csv"), Path("../") / tmp_path.name / "x.csv"):
            enter(catalogue, analyse([name]).run_results)
        (run,) = find_runs(catalogue, Selection())
    assert run.path == path
    assert not run.is_missing
    path.unlink()
    assert run.is_missing


def test_every_condition_that_there_is_has_a_column(tmp_path: Path) -> None:
    conditions = Conditions(40.0, 0.1, 1e-3, 1e-6, "P", "reversed", 4, "off", "on", "7")
    (result,) = analyse([iv_file(tmp_path / "x.csv", "B", 40)]).run_results
    with Catalogue(tmp_path / "c.sqlite") as catalogue:
        enter(catalogue, [replace(result, run=replace(result.run, conditions=conditions))])
        (run,) = find_runs(catalogue, Selection())
    assert {key: run.held[key] for key in conditions.to_json()} == conditions.to_json()
    assert all(one is not None for one in conditions.to_json().values())
    assert len(conditions.to_json()) == len(fields(Conditions))


def test_stars_and_comment_come_from_the_notes(tmp_path: Path) -> None:
    path = iv_file(tmp_path / "x.csv", "B", 40)
    notes = 'stars = 4\ncomment = "the pump was on"\n'
    path.with_name("x.notes.toml").write_text(notes, encoding="utf-8")
    with Catalogue(tmp_path / "c.sqlite") as catalogue:
        enter(catalogue, analyse([path]).run_results)
        asked = tuple(map(parse_question, ("stars >= 3", "comment ~ PUMP")))
        (run,) = find_runs(catalogue, Selection(questions=asked))
    assert (run.held["stars"], run.held["comment"]) == (4, "the pump was on")


def test_what_is_nested_has_dotted_keys(folder: Path) -> None:
    (result,) = analyse([folder / "B_40K.csv"]).run_results
    found = {key: rest for key, *rest in numbers_of(result.quantities)}
    assert found["features"] == [0.0, None, None]
    assert found["v_off_V.crossings_V"][0] == 1.0
    assert found["v_off_V.crossings_V.0"][0] == pytest.approx(1e-3, abs=5e-6)
    assert found["hysteresis_A.rms"][0] is not None
    assert not any(key.endswith((".x", ".y")) for key in found)


# Who may have it open

WRITER = """
import sys
from pathlib import Path
from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.catalogue.database import Catalogue
from nanojunction.analysis.catalogue.entries import enter
from nanojunction.analysis.catalogue.store import CatalogueStore
found = analyse([Path(sys.argv[2])])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(12):
    with Catalogue(sys.argv[1]) as catalogue:
        again = analyse([Path(sys.argv[2])], kept=CatalogueStore(catalogue))
        enter(catalogue, again.run_results, found.errors)
"""


def test_two_processes_write_while_one_reads(folder: Path, tmp_path: Path) -> None:
    """Neither loses a run, and a reader sees all runs of a file or none."""
    path = tmp_path / "c.sqlite"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [
        subprocess.Popen(
            [*command, str(part)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for part in (folder, folder / "a")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    with Catalogue(path) as catalogue:
        while any(writer.poll() is None for writer in writers):
            seen = find_runs(catalogue, Selection())
            assert all("v_off_V" in run.numbers for run in seen)
            assert len(set(names(seen))) == len(seen) <= 4
        for writer in writers:
            _, errors = writer.communicate(timeout=60)
            assert writer.returncode == 0, errors
        assert len(find_runs(catalogue, Selection())) == 4


def test_a_change_that_fails_leaves_everything_as_it_was(filled: Path) -> None:
    with Catalogue(filled, new=False) as catalogue:
        before = find_runs(catalogue, Selection())
        with pytest.raises(ZeroDivisionError), catalogue.change() as connection:
            connection.exec_driver_sql("DELETE FROM quantities")
            connection.exec_driver_sql("DELETE FROM runs")
            raise ZeroDivisionError
        assert find_runs(catalogue, Selection()) == before


def test_a_newer_catalogue_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with Catalogue(path) as catalogue, catalogue.change() as connection:
        connection.exec_driver_sql("UPDATE catalogue SET version = 99")
    with pytest.raises(CatalogueError, match=r"is of version 99, .* update nanojunction"):
        Catalogue(path)


@pytest.mark.parametrize("new", [True, False])
def test_what_is_no_catalogue_is_refused_and_left_alone(tmp_path: Path, new: bool) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(b"this is no data base" * 100)
    with pytest.raises(CatalogueError, match=r"c\.sqlite"):
        Catalogue(path, new=new)
    assert path.read_bytes() == b"this is no data base" * 100
    other = tmp_path / "journal.sqlite"
    base = sqlite3.connect(other)
    base.execute("CREATE TABLE runs (x)")
    base.close()
    with pytest.raises(CatalogueError, match="is no catalogue of nanojunction"):
        Catalogue(other, new=new)
    base = sqlite3.connect(other)
    assert base.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    base.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["c.sqlite", "journal.sqlite"]


@pytest.mark.parametrize(
    ("name", "new", "words"),
    [
        ("", True, "is a folder"),
        ("no/c.sqlite", True, "there is no such folder"),
        ("c.sqlite", False, "there is no such catalogue"),
    ],
)
def test_a_catalogue_that_is_not_there_is_a_sentence(
    tmp_path: Path, name: str, new: bool, words: str
) -> None:
    with pytest.raises(CatalogueError, match=words):
        Catalogue(tmp_path / name, new=new)
    assert not (tmp_path / "c.sqlite").exists()


@pytest.mark.parametrize("url", ["nosuch+db://host/x", "postgresql+nosuch://host/x", "://"])
def test_a_url_that_leads_nowhere_is_a_sentence(url: str) -> None:
    with pytest.raises(CatalogueError):
        Catalogue(url)


def test_a_network_drive_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    part = SimpleNamespace(mountpoint=str(tmp_path), fstype="nfs4", opts="rw")
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [part])
    with pytest.raises(CatalogueError, match=r"is on a network drive \(nfs4\)"):
        Catalogue(tmp_path / "c.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_url_names_a_catalogue_too(filled: Path) -> None:
    with Catalogue(f"sqlite:///{filled.as_posix()}", new=False) as catalogue:
        assert len(find_runs(catalogue, Selection())) == 4
