"""The run file keeps every bit, ends with a whole row, and never replaces another."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymeasure.experiment import Results

from nanojunction.instruments.station import Station
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runfile import NameTaken, NotWritten, RunFile, free_path, header
from nanojunction.procedures.runner import run_procedure

FINITE = st.floats(allow_nan=False, allow_infinity=False)
COLUMNS = ("Voltage (V)", "Current (A)", "Leg")


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(FINITE, FINITE, st.integers(0, 9)), max_size=5))
def test_numbers_read_back_to_the_last_bit(
    tmp_path: Path, rows: list[tuple[float, float, int]]
) -> None:
    path = free_path(tmp_path, "run")
    with RunFile(path, COLUMNS) as file:
        file.write_header("")
        for row in rows:
            file.write_row(dict(zip(COLUMNS, row, strict=True)))
    read = [tuple(map(float, line.split(","))) for line in lines_of(path)[1:]]
    assert len(read) == len(rows)
    assert read == rows


def test_numpy_scalars_are_numbers(tmp_path: Path) -> None:
    """PyMeasure's own formatter writes them as nan in a column with a unit."""
    with RunFile(tmp_path / "run.csv", COLUMNS) as file:
        file.write_header("")
        file.write_row(
            {"Voltage (V)": np.float32(0.5), "Current (A)": np.array(1e-6), "Leg": np.int64(3)}
        )
    assert lines_of(tmp_path / "run.csv")[1] == "0.5,1e-06,3.0"


@pytest.mark.parametrize(
    "row",
    [
        {"Voltage (V)": 1.0, "Current (A)": 1.0},
        {"Voltage (V)": 1.0, "Current (A)": 1.0, "leg": 0},
        {"Voltage (V)": 1.0, "Current (A)": 1.0, "Leg": 0, "More": 1},
        {"Voltage (V)": "1.0", "Current (A)": 1.0, "Leg": 0},
        {"Voltage (V)": None, "Current (A)": 1.0, "Leg": 0},
        {"Voltage (V)": True, "Current (A)": 1.0, "Leg": 0},
        {"Voltage (V)": math.nan, "Current (A)": 1.0, "Leg": 0},
        {"Voltage (V)": 1.0, "Current (A)": -math.inf, "Leg": 0},
    ],
)
def test_a_row_that_is_not_whole_is_refused(tmp_path: Path, row: dict[str, float]) -> None:
    with RunFile(tmp_path / "run.csv", COLUMNS) as file:
        file.write_header("")
        with pytest.raises(NotWritten, match=r"run\.csv"):
            file.write_row(row)
        assert file.rows == 0
    assert len(lines_of(tmp_path / "run.csv")) == 1


def test_a_row_is_with_the_operating_system_when_it_is_written(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.csv", COLUMNS) as file:
        file.write_header("")
        for leg in range(3):
            file.write_row({"Voltage (V)": 0.1, "Current (A)": 1e-9, "Leg": leg})
            assert lines_of(tmp_path / "run.csv")[-1] == f"0.1,1e-09,{leg}"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_device_that_is_full(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    file = RunFile(path, COLUMNS)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file._handle)
    os.close(full)
    with pytest.raises(NotWritten, match="No space left on device"):
        file.write_header("")
    file.close()


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    first = free_path(tmp_path, "run")
    first.write_text("precious", encoding="utf-8")
    with pytest.raises(NameTaken, match=r"run\.csv: cannot be created"):
        RunFile(first, COLUMNS)
    assert free_path(tmp_path, "run").name == "run_2.csv"
    assert first.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("A 40K/0T", "A-40K-0T.csv"),
        ("con", "run-con.csv"),
        ("LPT1.x", "run-LPT1.x.csv"),
        ("..", "run.csv"),
        ("Jonction é", "Jonction-é.csv"),
        ("x" * 300, f"{'x' * 120}.csv"),
        ("接" * 119, f"{'接' * 40}.csv"),
        ("é" * 30 + "接" * 30, f"{'é' * 30}{'接' * 20}.csv"),
        ("x" + "接" * 119 + "_part2", f"x{'接' * 37}_part2.csv"),
        ("_part2", "run_part2.csv"),
    ],
)
def test_names_that_some_file_system_refuses(tmp_path: Path, stem: str, name: str) -> None:
    assert free_path(tmp_path, stem).name == name


@given(st.text(max_size=300))
def test_any_name_becomes_a_file(stem: str) -> None:
    name = free_path(Path("nowhere"), stem).name
    assert name.endswith(".csv")
    assert 4 < len(name.encode("utf-8")) <= 128
    assert not set(name) & set('<>:"/\\|?*\0\n ')


def test_a_run_of_a_sample_with_a_long_foreign_name(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    with virtual_station() as station:
        outcome = run_procedure(IVSweep(sample="接" * 119), station, tmp_path)
    assert outcome.ok


def test_runs_that_want_one_name_at_the_same_moment(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def create(_index: int) -> list[Path]:
        together.wait()
        made = [RunFile.new(tmp_path, "run", COLUMNS) for _ in range(10)]
        for file in made:
            file.close()
        return [file.path for file in made]

    with ThreadPoolExecutor(8) as pool:
        paths = [path for some in pool.map(create, range(8)) for path in some]
    wanted = {"run.csv", *(f"run_{number}.csv" for number in range(2, 81))}
    assert {path.name for path in paths} == wanted
    assert len(paths) == len(wanted)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_name_that_is_a_broken_link_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run.csv").symlink_to(tmp_path / "gone")
    with RunFile.new(tmp_path, "run", COLUMNS) as file:
        assert file.path.name == "run_2.csv"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(NotWritten, match="the folder cannot be made") as refused:
        RunFile.new(tmp_path / "taken", "run", COLUMNS)
    assert not isinstance(refused.value, NameTaken)


def test_the_header_is_pymeasures(tmp_path: Path) -> None:
    procedure = IVSweep(sample="A # 1", vmax="10mV", turning_points="0, 1mV")
    theirs = Results(procedure, str(tmp_path / "theirs.csv"))
    ours = header(procedure).replace("#Metadata:\n", "")
    assert ours == theirs.header()
