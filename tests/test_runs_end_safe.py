"""However a run ends: rows kept, source at zero, output open, status and exit status right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymeasure.experiment import Results

from nanojunction.instruments.errors import LimitError
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import Outcome, run_procedure
from nanojunction.procedures.stopping import StopRequest

ENDLESS = ["--set", "vmax=100mV", "--set", "step=1mV", "--set", "repeats=10000"]


def end_of(file: Path) -> dict[str, Any]:
    last = file.read_text(encoding="utf-8").splitlines()[-1]
    assert last.startswith("# End: "), last
    end: dict[str, Any] = json.loads(last.removeprefix("# End: "))
    return end


def rows_of(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and line[0] not in "#T"]


def run(station: Station, procedure: IVSweep, folder: Path, **settings: Any) -> Outcome:
    with station:
        outcome = run_procedure(procedure, station, folder, **settings)
        world = station.bench.world
        assert not world.output_on
        assert world.source_level_V == 0.0
    assert not station.bench.world.output_on
    return outcome


def sweep(**parameters: Any) -> IVSweep:
    return IVSweep(sample="A", vmax=0.01, step=0.001, **parameters)


def test_a_run_to_its_end(virtual_station: Callable[..., Station], tmp_path: Path) -> None:
    outcome = run(virtual_station(), sweep(), tmp_path)
    assert outcome.ok
    assert outcome.rows == len(sweep().sweep()) == len(rows_of(outcome.file))
    assert end_of(outcome.file) == {"status": "finished", "rows": outcome.rows}


def test_pymeasure_loads_what_was_written(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    outcome = run(virtual_station(), sweep(nplc=0.1), tmp_path, name="CON")
    loaded = Results.load(str(outcome.file))
    assert type(loaded.procedure) is IVSweep
    assert loaded.procedure.vmax == 0.01
    assert loaded.procedure.nplc == 0.1
    assert list(loaded.data.columns) == [
        "Time (s)", "Leg", "Setpoint (V)", "Voltage (V)", "Current (A)",
        "Field (T)", "Temperature (K)", "Temperature vti (K)", "In compliance",
        "Range changed",
    ]  # fmt: skip
    assert len(loaded.data) == outcome.rows


class Fails(IVSweep):
    """Raises in the step that it is told to."""

    step_that_fails = ""

    def startup(self) -> None:
        super().startup()
        if self.step_that_fails == "startup":
            self.station.source_meter.output_on()
            raise RuntimeError("in startup")

    def execute(self) -> None:
        if self.step_that_fails == "shutdown":
            self.energise(0.01)
            return
        super().execute()

    def row(self, *arguments: Any) -> dict[str, Any]:
        row: dict[str, Any] = super().row(*arguments)
        if self.step_that_fails == "execute" and row["Setpoint (V)"] == -0.005:
            raise ZeroDivisionError("in execute")
        if self.step_that_fails == "row":
            row["Current (A)"] = "1e-6"
        return row

    def shutdown(self) -> None:
        if self.step_that_fails == "shutdown":
            raise OSError("in shutdown")
        super().shutdown()


@pytest.mark.parametrize(
    ("step", "words", "rows"),
    [
        ("startup", "RuntimeError: in startup", 0),
        ("execute", "ZeroDivisionError: in execute", 26),
        ("shutdown", "shutdown failed: OSError: in shutdown", 0),
        ("row", "'1e-6' is not a number", 0),
    ],
)
def test_an_exception_in_any_step_fails_the_run_and_leaves_it_safe(
    virtual_station: Callable[..., Station], tmp_path: Path, step: str, words: str, rows: int
) -> None:
    procedure = Fails(sample="A", vmax=0.01, step=0.001)
    procedure.step_that_fails = step
    outcome = run(virtual_station(), procedure, tmp_path)
    assert outcome.status == "failed"
    assert words in (outcome.error or "")
    assert len(rows_of(outcome.file)) == outcome.rows == rows
    end = end_of(outcome.file)
    assert (end["status"], end["rows"]) == ("failed", rows)
    assert "#Procedure: <" in outcome.file.read_text(encoding="utf-8")


def test_a_stop_request_ends_the_run_after_the_present_point(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    stop = StopRequest()

    def stop_at_half(progress: Any) -> None:
        if progress.percent >= 50.0:
            stop.ask("test")

    outcome = run(virtual_station(), sweep(), tmp_path, stop=stop, on_progress=stop_at_half)
    assert outcome.status == "aborted"
    assert 0 < outcome.rows < len(sweep().sweep())
    assert end_of(outcome.file) == {"status": "aborted", "rows": outcome.rows}


def test_the_limits_are_checked_before_anything_is_sent(
    virtual_station: Callable[..., Station], tmp_path: Path
) -> None:
    with virtual_station() as station:
        for wrong in ({"vmax": 0.6, "step": 0.1}, {"compliance": 2e-3}, {"field": 1.5},
                      {"temperature": 401.0}, {"field": 0.1, "field_rate": 0.6}):  # fmt: skip
            with pytest.raises(LimitError, match="outside the limits of the station"):
                run_procedure(IVSweep(sample="A", **wrong), station, tmp_path)
            assert not station.bench.world.output_on
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM"])
def test_signals_stop_a_run_safely(
    served: Any, nanojunction: Any, eventually: Any, tmp_path: Path, ending: str
) -> None:
    bench = served("B")
    process = nanojunction("measure", "iv", "--station", bench.station_file, "--sample", "B",
                           "--out", tmp_path / "runs", *ENDLESS)  # fmt: skip
    file = started(tmp_path / "runs", eventually)
    process.send_signal(getattr(signal, ending))
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "stopped (" in words
    end = end_of(file)
    assert (end["status"], end["rows"]) == ("aborted", len(rows_of(file)))
    assert_safe(bench)


def assert_safe(bench: Any) -> None:
    """Ask the instrument itself, after the client has gone."""
    output, level = bench.ask("source_meter", ":OUTP?;:SOUR:VOLT?").split(";")
    assert (output, float(level)) == ("0", 0.0)


def started(folder: Path, eventually: Any) -> Path:
    """Return the run file once a hundred rows are in it."""
    eventually(
        lambda: any(len(rows_of(file)) > 100 for file in folder.glob("*.csv")), "a hundred rows"
    )
    (file,) = folder.glob("*.csv")
    return file


def test_rows_survive_kill_9(
    served: Any, nanojunction: Any, eventually: Any, tmp_path: Path
) -> None:
    bench = served("B")
    process = nanojunction("measure", "iv", "--station", bench.station_file, "--sample", "B",
                           "--out", tmp_path / "runs", "--no-watchdog", *ENDLESS)  # fmt: skip
    file = started(tmp_path / "runs", eventually)
    before = rows_of(file)[:-1]  # the last may be on its way
    process.kill()
    process.communicate(timeout=60)
    after = file.read_text(encoding="utf-8")
    assert rows_of(file)[: len(before)] == before
    assert len(Results.load(str(file)).data) >= len(before)
    assert "# End:" not in after
    # Nobody was left to open the output; `safe` does, from the same station file.
    assert bench.ask("source_meter", ":OUTP?") == "1"
    again = nanojunction("safe", "--station", bench.station_file)
    _, words = again.communicate(timeout=60)
    assert again.returncode == 0, words
    assert_safe(bench)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 kB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_fails_the_run_and_leaves_it_safe(
    virtual_station: Callable[..., Station], small_disk: Path
) -> None:
    outcome = run(virtual_station(), sweep(repeats=10000), small_disk)
    assert outcome.status == "failed"
    assert "could not be written (No space left on device)" in (outcome.error or "")
    text = outcome.file.read_text(encoding="utf-8")
    assert text.endswith("\n")
    columns = text.splitlines()[-1].count(",")
    assert columns == 9, "the file ends with a whole row"
    assert outcome.rows == len(rows_of(outcome.file)) > 100


def test_an_instrument_that_goes_away_fails_the_run_loudly(
    served: Any, nanojunction: Any, eventually: Any, tmp_path: Path
) -> None:
    bench = served("B")
    process = nanojunction("measure", "iv", "--station", bench.station_file, "--sample", "B",
                           "--out", tmp_path / "runs", *ENDLESS)  # fmt: skip
    file = started(tmp_path / "runs", eventually)
    bench.stop()
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the connection was lost" in words
    assert words.count("NOT SAFE") == 1
    assert "NOT SAFE: source-meter (output may be ON) does not answer: use the front" in words
    assert "nanojunction.procedures" not in words
    assert end_of(file)["status"] == "failed"


def test_what_cannot_be_made_safe_is_said(virtual_station: Callable[..., Station]) -> None:
    station = virtual_station()
    with (
        pytest.raises(
            Unsafe,
            match=r"NOT SAFE: source-meter \(output may be ON\) does not answer",
        ),
        station,
    ):
        station.source_meter.output_on()
        station.bench.__exit__(None, None, None)
