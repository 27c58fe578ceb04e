"""Files that are no runs: named with a sentence, quickly, never in a result, never in the way."""

from __future__ import annotations

import json
import os
import random
import re
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nanojunction.analysis.analyse import Analysis, analyse
from nanojunction.analysis.reading.reader import find_files, read_runs
from nanojunction.analysis.reading.table import ReadError
from nanojunction.analysis.reading.tables import parse_table
from nanojunction.analysis.report.page import write_report
from tests.malformed_files import CASES, FOREIGN, NAMES, NO_FILES, OURS
from tests.run_files import write

pytestmark = pytest.mark.timeout(5, func_only=True)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="no such files on Windows")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


AT_REST = "V (V),I (A)\n" + "0.1,1e-9\n" * 5  # nothing is swept: quickly analysed


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with a good run and the one of the case."""
    write(tmp_path, AT_REST, "good.csv")
    case = {**CASES, **NO_FILES}[request.param]
    case(tmp_path / "bad.csv")
    return tmp_path


def check(found: Analysis) -> None:
    """Only the good file has a result, the bad one is named with a sentence.

    Of a run that was cut off before its first row a warning tells, of anything else an error.
    """
    assert [result.run.file.name for result in found.run_results] == ["good.csv"]
    named = [*(str(error) for error in found.errors), *found.warnings]
    (sentence,) = named
    assert "bad.csv" in sentence
    assert len(sentence.split()) > 4
    assert len(sentence) < 2000
    assert "\n" not in sentence
    json.dumps(found.to_json(), allow_nan=False)


def test_there_are_many() -> None:
    assert len(CASES) + len(NO_FILES) >= 50


@pytest.mark.parametrize("folder", CASES, indirect=True)
def test_a_malformed_file_is_named_and_enters_no_result(folder: Path) -> None:
    check(analyse([folder]))


@POSIX
@LINUX
@pytest.mark.parametrize("folder", NO_FILES, indirect=True)
def test_what_is_no_file_is_named_and_never_waited_for(folder: Path) -> None:
    check(analyse([folder]))
    bad = folder / "bad.csv"
    if not bad.is_dir():
        with pytest.raises(ReadError, match=r"bad\.csv: "):
            read_runs(bad)


@pytest.mark.parametrize("case", ["a huge field of commas", "no line ends", "sparse, 300 MiB"])
def test_memory_stays_bounded(tmp_path: Path, case: str) -> None:
    CASES[case](tmp_path / "bad.csv")
    size = (tmp_path / "bad.csv").stat().st_size
    tracemalloc.start()
    analyse([tmp_path])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < min(12 * size, 400e6)


# What a flipped bit did decides


@pytest.mark.parametrize("good", [OURS, FOREIGN], ids=["ours", "foreign"])
@pytest.mark.parametrize("seed", range(60))
def test_a_flipped_bit_harms_its_own_row_and_no_other(tmp_path: Path, good: str, seed: int) -> None:
    """Rows are those of the good file, but for the one with the flipped bit.

    A digit that became another digit cannot be told, and neither can a header's value. A row that
    is lost is named, or missing in the count of the last line.
    """
    start = good.index(NAMES if good == OURS else "U [mV]")
    stop = good.index("# End") if good == OURS else len(good)
    (whole,) = read_runs(write(tmp_path, good, "whole.csv"))
    data = bytearray(good.encode())
    at = len(good[:start].encode()) + random.Random(seed).randrange(stop - start)
    data[at] ^= 1 << random.Random(f"bit {seed}").randrange(8)
    path = write(tmp_path, bytes(data), "flipped.csv")
    try:
        (run,) = read_runs(path)
    except ReadError as error:
        assert str(error).startswith(str(path))  # a name that is no name any more
        return
    in_names = at < data.index(b"\n", len(good[:start].encode()))
    if in_names:
        return  # another unit or word that is known: all rows are still there or named
    rows = set(zip(whole.voltage_V, whole.current_A, strict=True))
    others = [row for row in zip(run.voltage_V, run.current_A, strict=True) if row not in rows]
    assert len(others) <= 1
    lost = len(whole) - len(run)
    if lost:
        assert lost <= 2
        assert any(
            re.search(r"dropped .*\(line|counts 60 rows|does not end", warning)
            for warning in run.warnings
        ) or b"#" in data[len(good[:start].encode()) :].replace(b"# End", b"")


# Anything at all


printable = st.text(st.sampled_from("0123456789.,;\t\n\r -+eEVIAnmµ()[]#:=\"'/T"), max_size=300)


@settings(max_examples=400, deadline=None)
@given(
    printable.map(str.encode)
    | st.binary(max_size=300)
    | printable.map(lambda t: t.encode("utf-16"))
)
@example(b"#Procedure: <\n#\tSample: \\ud800\nV,I\n1,2\n")
@example(b'V,I\n"1,2\n3,4\n')
@example(b"\xff\xfe\n")
@example(b"V,I\n1,2\nV,I\nV,I\n1,2\n")
def test_parsing_raises_nothing_but_its_error(data: bytes) -> None:
    try:
        table = parse_table(data, "x.csv")
    except ReadError as error:
        assert str(error).startswith("x.csv")
        return
    for one in (table, *table.more):
        assert one.values.shape == (len(one.lines), len(one.names))
        assert not np.isinf(one.values).any()


# Folders


@POSIX
def test_a_link_back_up_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(inner, FOREIGN, "run.csv")
    (inner / "up").symlink_to(tmp_path / "a")
    found = find_files([tmp_path])
    assert list(found.files) == [inner / "run.csv"]
    assert found.problems == {inner / "up": "is a link to a folder above it, and was not followed"}


@POSIX
def test_a_linked_folder_is_read_once_and_in_its_own_place(tmp_path: Path) -> None:
    (tmp_path / "runs" / "today").mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(tmp_path / "runs" / "today", FOREIGN, "x.csv")
    write(elsewhere, FOREIGN, "y.csv")
    (tmp_path / "runs" / "latest").symlink_to("today")
    (tmp_path / "runs" / "another").symlink_to(elsewhere)
    found = find_files([tmp_path / "runs"])
    names = [path.relative_to(tmp_path / "runs").as_posix() for path in found.files]
    assert names == ["another/y.csv", "today/x.csv"]
    assert not found.problems


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root's right to read everything for a while; anybody else has none to give up."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@POSIX
def test_what_may_not_be_read_is_named(public_folder: Path) -> None:
    tmp_path = public_folder
    good = write(tmp_path, AT_REST, "good.csv")
    write(tmp_path, FOREIGN, "bad.csv").chmod(0)
    (tmp_path / "locked").mkdir(mode=0)
    analyse([good])  # imports what it needs, which nobody may not be allowed to read
    with as_nobody():
        found = analyse([tmp_path])
    assert len(found.run_results) == 1
    assert all("permission denied" in error.error for error in found.errors)
    assert {Path(error.file).name for error in found.errors} == {"bad.csv", "locked"}
    (tmp_path / "locked").chmod(0o700)


def test_a_folder_nested_deeply_is_walked(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(120):
        deep /= "d"
    deep.mkdir(parents=True)
    write(deep, FOREIGN, "run.csv")
    assert len(find_files([tmp_path]).files) == 1


def test_a_path_that_runs_through_a_file_is_named(tmp_path: Path) -> None:
    inside = write(tmp_path, FOREIGN, "good.csv") / "x.csv"
    (error,) = analyse([inside]).errors
    assert "x.csv" in error.file


@POSIX
def test_a_name_that_is_no_text_passes_through_json_and_report(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff\xfe.csv")).write_text(AT_REST, encoding="utf-8")
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    found = analyse([tmp_path])
    assert len(found.run_results) == 1
    write_report(found, tmp_path / "report", title="x")
