"""Runs as Parquet and NeXus: bit for bit, and accepted by the validator of nexusformat."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from nexusformat.nexus.validate import validate_application
from pyarrow import parquet
from typer.testing import CliRunner

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.export.about import About, read_about
from nanojunction.analysis.export.errors import ExportError
from nanojunction.analysis.export.nexus import write_nexus
from nanojunction.analysis.export.parquet import KEY, write_parquet
from nanojunction.analysis.reading.reader import read_runs
from nanojunction.analysis.run import columns_of
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.settings import IVSettings
from nanojunction.analysis.work.outcomes import analyse_run
from nanojunction.cli.main import app
from tests.catalogues import iv_file

CAMPAIGN = Path(__file__).parents[1] / "sample_data" / "campaign"
ABOUT = """
[user]
name = "A. Person"
affiliation = "IPCMS"
address = "23 rue du Loess, Strasbourg"
email = "a.person@example.org"
orcid = "0000-0000-0000-0000"
telephone_number = "0"
[sample]
atom_types = "C, Co, Cu"
[calibration]
voltage = 2026-03-01
temperature = "2025-01-31T10:00:00+01:00"
current = "2026-03-01"
"""


@pytest.fixture(scope="module")
def about(tmp_path_factory: pytest.TempPathFactory) -> About:
    path = tmp_path_factory.mktemp("about") / "about.toml"
    path.write_text(ABOUT, encoding="utf-8")
    return read_about(path)


def results_of(*paths: Path) -> list[RunResult]:
    """Return what `nanojunction export` has of files, without their I(V) analysed at length."""
    runs = [run for path in paths for run in read_runs(path)]
    return [analyse_run(replace(run, kind="unknown"), IVSettings()) for run in runs]


@pytest.fixture(scope="module")
def series() -> list[RunResult]:
    """The plateaus of a temperature series of our own, as they are."""
    found = results_of(CAMPAIGN / "B_120K-360K.csv")
    return [replace(result, run=replace(result.run, kind="iv")) for result in found]


def test_a_series_is_one_file_that_the_validator_accepts_without_a_word(
    series: list[RunResult], about: About, tmp_path: Path
) -> None:
    path = tmp_path / "B.nxs"
    assert write_nexus(series, path, about) == ()
    assert validate_application(str(path)) == (0, 0)
    assert list(tmp_path.iterdir()) == [path]


def test_what_nobody_said_is_the_only_thing_that_the_validator_misses(
    series: list[RunResult], tmp_path: Path
) -> None:
    """The dates of three calibrations: a date that is not known has no honest value."""
    path = tmp_path / "B.nxs"
    assert write_nexus(series, path) == ("calibration_time",)
    assert validate_application(str(path)) == (3, 0)
    with h5py.File(path) as file:
        assert text(file["entry/user/name"]) == "unknown"
        assert text(file["entry/sample/atom_types"]) == "unknown"


def test_the_station_file_says_when_its_instruments_were_calibrated(
    series: list[RunResult], tmp_path: Path
) -> None:
    dates = {"source_meter": "2026-03-01", "temperature": "2025-01-31"}

    def stated(result: RunResult) -> RunResult:
        station = json.loads(result.run.header["Station"])
        for role, day in dates.items():
            station["config"][role]["calibrated"] = day
        header = {**result.run.header, "Station": json.dumps(station)}
        return replace(result, run=replace(result.run, header=header))

    path = tmp_path / "B.nxs"
    assert write_nexus([stated(one) for one in series], path) == ()
    assert validate_application(str(path)) == (0, 0)
    with h5py.File(path) as file:
        environment = file["entry/instrument/environment"]
        assert [
            text(environment[f"{name}/calibration_time"])
            for name in ("voltage_controller", "current_sensor", "temperature_controller")
        ] == ["2026-03-01", "2026-03-01", "2025-01-31"]


def text(field: Any) -> str:
    found = field.asstr()[()]
    assert isinstance(found, str)
    return found


def test_every_reading_of_a_series_is_in_the_file_bit_for_bit(
    series: list[RunResult], about: About, tmp_path: Path
) -> None:
    write_nexus(series, tmp_path / "B.nxs", about)
    runs = [result.run for result in series]
    with h5py.File(tmp_path / "B.nxs") as file:
        entry = file["entry"]
        data, environment = entry["data"], entry["instrument/environment"]
        assert (data.attrs["signal"], list(data.attrs["axes"])) == (
            "current", ["temperature", "voltage"],
        )  # fmt: skip
        assert data["current"].shape == (len(runs), len(runs[0]))
        for row, run in enumerate(runs):
            assert data["current"][row].tobytes() == run.current_A.tobytes()
            assert data["voltage_measured"][row].tobytes() == run.voltage_V.tobytes()
        assert list(data["temperature"]) == [run.conditions.temperature_K for run in runs]
        assert data["voltage"].attrs["units"] == "V"
        setpoint = runs[0].setpoint_V
        assert setpoint is not None
        assert data["voltage"][()].tobytes() == setpoint.tobytes()
        assert len([name for name in data if name.startswith("current_at_")]) == len(runs)
        everything = np.concatenate([run.current_A for run in runs])
        assert environment["current_sensor/value"][()].tobytes() == everything.tobytes()
        assert environment["voltage_controller/value"].shape == everything.shape
        assert text(environment["voltage_controller/model"]).startswith("KEITHLEY")
        pid = environment["temperature_pid"]
        assert (pid["K_p"][()], pid["K_p"].attrs["units"]) == (5.0, "%/K")
        assert pid["K_i"][()] == pytest.approx(5.0 / 120.0)
        started = runs[0].header["Started"]
        assert text(entry["start_time"])[:23] == started[:23]
        assert text(entry["end_time"]) > text(entry["start_time"])
        kept = json.loads(text(entry["notes/data"]))
        assert [one["segment"] for one in kept] == list(range(len(runs)))


def iv_results(*paths: Path) -> list[RunResult]:
    return list(analyse(paths).run_results)


def test_another_sweep_is_another_entry(about: About, tmp_path: Path) -> None:
    """A run that was cut off belongs to those that go on; its missing points are NaN."""
    whole = iv_results(iv_file(tmp_path / "a.csv", "B", 40))[0]
    lines = (tmp_path / "a.csv").read_text("utf-8").splitlines(keepends=True)
    (tmp_path / "b.csv").write_text("".join(lines[:60]), encoding="utf-8")
    cut = iv_results(tmp_path / "b.csv")[0]
    other = replace(whole, run=replace(whole.run, setpoint_V=whole.run.voltage_V * 2))
    path = tmp_path / "B.nxs"
    write_nexus([whole, cut, other], path, about)
    with h5py.File(path) as file:
        assert sorted(file) == ["entry", "entry_2"]
        current = file["entry/data/current"][()]
        assert current.shape == (2, len(whole.run))
        assert np.isnan(current[1]).sum() == len(whole.run) - len(cut.run)
        taken = file["entry/instrument/environment/current_sensor/value"]
        assert taken.shape == (len(whole.run) + len(cut.run),)
        names = [name for name in file["entry/data"] if name.startswith("current_at_")]
        assert names == ["current_at_40K", "current_at_40K_2"]
    for entry in ("/entry", "/entry_2"):
        assert validate_application(str(path), path=entry) == (0, 0)


def test_a_stranger_s_file_states_what_is_not_known(about: About, tmp_path: Path) -> None:
    rows = "".join(f"{v},{v * 1e-3}\n" for v in (-0.02, -0.01, 0.0, 0.01, 0.02, 0.01))
    (tmp_path / "X_77K.csv").write_text("V (V),I (A)\n" + rows, encoding="utf-8")
    with pytest.raises(ExportError, match="its temperature is not known"):
        write_nexus(iv_results(tmp_path / "X_77K.csv"), tmp_path / "X.nxs", about)
    found = analyse([tmp_path / "X_77K.csv"], pattern="{device}_{temperature_K}K").run_results
    missing = write_nexus(found, tmp_path / "X.nxs", about)
    assert missing == ("start_time", "end_time", "value_timestamp")
    assert validate_application(str(tmp_path / "X.nxs")) == (5, 0)
    with h5py.File(tmp_path / "X.nxs") as file:
        assert text(file["entry/process/program"]) == "unknown"
        assert "unknown" in text(file["entry/instrument/environment/temperature_pid/description"])


@pytest.mark.parametrize("name", ["C_40K_IH_2.13mV", "A_40K_10mV"])
def test_a_parquet_file_is_the_run_bit_for_bit(name: str, tmp_path: Path) -> None:
    (result,) = iv_results(CAMPAIGN / f"{name}.csv")
    path = tmp_path / "run.parquet"
    write_parquet(result, path)
    frame = pd.read_parquet(path)
    columns = columns_of(result.run)
    assert list(frame.columns) == list(columns)
    for column, values in columns.items():
        assert frame[column].to_numpy().tobytes() == values.tobytes()
    known = json.loads(parquet.read_schema(path).metadata[KEY])
    assert known["schema"] == "nanojunction-run/1"
    assert known["device"] == result.run.device
    assert known["header"] == dict(result.run.header)
    assert known["conditions"]["temperature_K"] == result.run.conditions.temperature_K
    assert set(known["quantities"]) == set(result.quantities)
    assert len(known["provenance"]["sha256"]) == 64
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("module", "write"), [("pyarrow", write_parquet), ("h5py", write_nexus)])
def test_a_package_that_is_missing_is_named(
    module: str, write: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = iv_results(iv_file(tmp_path / "x.csv", "B", 40))[0]
    monkeypatch.setitem(sys.modules, module, None)  # as Python does where it is not installed
    with pytest.raises(ExportError, match=rf"need {module}: pip install 'nanojunction\[export\]'"):
        write(result if write is write_parquet else [result], tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[usr]", r"usr: is not a key that is known here; did you mean user\?"),
        ("[user]\nmail = 'x'", "user.mail: is not a key that is known here"),
        ("user = 1", r"user: must be a table, written \[user\]"),
        ("[user]\nname = 1", "user.name: must be a text"),
        ("[calibration]\nvoltage = 'spring'", "calibration.voltage: 'spring' is no date"),
        ("[user", "is not valid TOML"),
    ],
)
def test_a_slip_in_what_is_said_beside_names_the_key(
    content: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "about.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ExportError, match=rf"about\.toml: {words}"):
        read_about(path)


def test_the_command_keeps_folders_apart_and_says_what_it_could_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / "runs" / folder).mkdir(parents=True)
        iv_file(tmp_path / "runs" / folder / "x.csv", "B", 40)
    (tmp_path / "runs" / "broken.csv").write_text("a,b\n", encoding="utf-8")
    for form, suffix in (("parquet", ".parquet"), ("nexus", ".nxs")):
        done = CliRunner().invoke(app, ["export", "runs", "--format", form, "--out", form])
        assert done.exit_code == 1
        assert "error: runs/broken.csv: " in done.stderr
        assert f"2 files in {form}" in done.stderr
        assert (tmp_path / form / "a" / f"x{suffix}").exists()
        assert (tmp_path / form / "b" / f"x{suffix}").exists()
    done = CliRunner().invoke(app, ["export", "runs/a/x.csv", "runs/b/x.csv", "--format", "nexus"])
    assert done.exit_code == 1
    assert "would overwrite what runs/a/x.csv became" in done.stderr
    done = CliRunner().invoke(app, ["export", "runs", "--format", "excel"])
    assert done.exit_code == 2
    assert "the formats are nexus and parquet" in done.stderr
