"""Who measures may be killed or hang: the watchdog makes the station safe. And `safe` by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from nanojunction.instruments.clock import now_iso
from nanojunction.instruments.ownership import lock, records, watchdog
from nanojunction.instruments.ownership.control import ask
from nanojunction.instruments.ownership.records import ProcessId, Record
from nanojunction.instruments.station_file import load_station_file

IV = ["iv", "--set", "vmax=100mV", "--set", "step=1mV", "--set", "repeats=100"]
#: At a speed of 100 this takes minutes, nearly all of it with the field on its way.
IH = ["ih", "--set", "voltage=10mV", "--set", "fields=0, 0.9T, -0.9T, 0.9T, -0.9T, 0.9T"]
SAFE = "safe: source at zero, output open, magnet and heater as the policy says"


class Measuring:
    """A measurement on served instruments, in a process and a session of its own."""

    def __init__(self, bench: Any, process: subprocess.Popen[str], folder: Path) -> None:
        self.bench = bench
        self.process = process
        self.folder = folder
        self.addresses = tuple(one["address"] for one in bench.endpoints.values())

    def record(self) -> Record | None:
        """Return what the lock says."""
        return next(iter(records.records_at(self.addresses)), None)

    def file(self) -> Path:
        """Return the run file."""
        (file,) = self.folder.glob("*.csv")
        return file

    def rows(self) -> list[str]:
        """Return the complete rows of the run file; none while there is no file."""
        lines = [
            line
            for file in self.folder.glob("*.csv")
            for line in file.read_text(encoding="utf-8").splitlines(keepends=True)
        ]
        return [line for line in lines if line.endswith("\n") and line[0] not in "#T"]

    def finish(self) -> str:
        """Wait for the end of the process and of its watchdog, which print to the same pipe."""
        _, words = self.process.communicate(timeout=90)
        return words

    def assert_safe(self) -> None:
        """Ask the instruments themselves, and look for what is left of the owner."""
        output, level = self.bench.ask("source_meter", ":OUTP?;:SOUR:VOLT?").split(";")
        assert (output, float(level)) == ("0", 0.0)
        status = self.bench.ask("magnet", "X")
        assert status[11] == "0", f"{status}: the magnet is not at rest"
        assert self.record() is None


@pytest.fixture
def measuring(
    served: Any, nanojunction: Any, eventually: Any, tmp_path: Path
) -> Callable[..., Measuring]:
    """Return a way to start a measurement; it is returned once a hundred rows are written.

    Keywords are tables of the station file, and what is added to them.
    """

    def start(*what: str, speed: float = 1000.0, rows: int = 100, **changes: str) -> Measuring:
        bench = served("B", speed)
        text = bench.station_file.read_text(encoding="utf-8")
        for table, keys in changes.items():
            text = text.replace(f"[{table}]\n", f"[{table}]\n{keys}\n")
        bench.station_file.write_text(text, encoding="utf-8")
        process = nanojunction(
            "measure", *(what or IV), "--station", bench.station_file, "--sample", "B",
            "--out", tmp_path / "runs", start_new_session=True,
        )  # fmt: skip
        run = Measuring(bench, process, tmp_path / "runs")
        eventually(lambda: len(run.rows()) >= rows, f"{rows} rows")
        return run

    return start


def log_of(record: Record | None) -> Path:
    """Return the watchdog's log of an owner."""
    assert record is not None
    return record.log_file()


def test_a_killed_measurement_is_made_safe_and_its_magnet_holds(
    measuring: Callable[..., Measuring],
) -> None:
    """Everything of the terminal's session is killed at once; the watchdog is not part of it."""
    run = measuring(*IH, speed=100.0, rows=20)
    log, before = log_of(run.record()), run.rows()
    os.killpg(run.process.pid, signal.SIGKILL)
    words = run.finish()
    assert "has died" in words
    assert SAFE in words
    run.assert_safe()
    assert run.bench.ask("magnet", "X")[3:5] == "A0", "it was on its way, and holds"
    field = float(run.bench.ask("magnet", "R7")[1:])
    assert float(run.bench.ask("magnet", "R7")[1:]) == field
    assert log.read_text(encoding="utf-8").count("\n") == 2
    assert [line for line in words.splitlines() if "watchdog of" in line] == log.read_text(
        encoding="utf-8"
    ).splitlines()
    assert run.rows()[: len(before)] == before
    assert "# End:" not in run.file().read_text(encoding="utf-8")


def test_who_comes_next_is_told_once_what_the_watchdog_did(
    measuring: Callable[..., Measuring], nanojunction: Any
) -> None:
    run = measuring()
    pid = run.process.pid
    run.process.kill()
    run.finish()
    for is_told in (True, False):
        check = nanojunction("check", "--station", run.bench.station_file)
        _, words = check.communicate(timeout=60)
        assert check.returncode == 0, words
        assert (f"note: the last owner (process {pid}, nanojunction measure iv" in words) == is_told
        assert ("has died; its watchdog made the station safe at " in words) == is_told


def test_the_watchdog_keeps_the_magnets_policy(measuring: Callable[..., Measuring]) -> None:
    run = measuring(*IH, speed=100.0, rows=20, magnet='on_exit = "zero"')
    record = run.record()
    assert record is not None
    assert record.magnet_in_use
    run.process.kill()
    assert SAFE in run.finish()
    assert float(run.bench.ask("magnet", "R7")[1:]) == 0.0
    run.assert_safe()


def test_the_watchdog_leaves_a_magnet_alone_that_the_run_did_not_use(
    measuring: Callable[..., Measuring],
) -> None:
    run = measuring(magnet='on_exit = "zero"')
    run.process.kill()
    assert SAFE in run.finish()
    assert run.bench.ask("magnet", "X")[3:5] == "A4", "clamped, as it was found"
    run.assert_safe()


def test_the_watchdog_outlives_the_terminal(served: Any, eventually: Any, tmp_path: Path) -> None:
    bench = served("B")
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "nanojunction.cli", "measure", *IV, "--station",
         bench.station_file, "--sample", "B", "--out", tmp_path / "runs"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    run = Measuring(bench, process, tmp_path / "runs")
    eventually(lambda: len(run.rows()) > 100, "a hundred rows")
    log = log_of(run.record())
    os.close(ours)
    process.kill()
    process.wait()
    eventually(lambda: log.exists() and SAFE in log.read_text(encoding="utf-8"), "the watchdog")
    eventually(lambda: run.record() is None, "the lock to go")
    run.assert_safe()


@pytest.mark.campaign
def test_a_hung_measurement_is_ended_and_made_safe(measuring: Callable[..., Measuring]) -> None:
    run = measuring(station="watchdog_after_s = 6")
    before = run.rows()
    run.process.send_signal(signal.SIGSTOP)
    words = run.finish()
    assert run.process.returncode == -signal.SIGKILL
    assert "no sign of life for 6 s: asking the owner to stop" in words
    assert "gave no sign of life for 6 s and was ended" in words
    assert SAFE in words
    assert run.rows()[: len(before)] == before
    run.assert_safe()


def test_the_watchdog_goes_when_the_owner_leaves(measuring: Callable[..., Measuring]) -> None:
    run = measuring()
    record = run.record()
    assert record is not None
    assert record.watchdog is not None
    assert record.watchdog.process() is not None
    run.process.send_signal(signal.SIGINT)
    words = run.finish()
    assert "stopped (Ctrl-C)" in words
    assert "watchdog of" not in words
    assert record.watchdog.process() is None
    assert not record.log_file().exists()
    run.assert_safe()


def test_a_run_that_asks_for_none_has_no_watchdog(measuring: Callable[..., Measuring]) -> None:
    run = measuring(*IV, "--no-watchdog", station="watchdog = true")
    record = run.record()
    assert record is not None
    assert record.watchdog is None
    run.process.send_signal(signal.SIGTERM)
    run.finish()
    run.assert_safe()


def test_a_watchdog_that_was_ended_is_started_again(
    measuring: Callable[..., Measuring], eventually: Any
) -> None:
    run = measuring()
    first = run.record()
    assert first is not None
    assert first.watchdog is not None
    os.kill(first.watchdog.pid, signal.SIGKILL)

    def has_another() -> bool:
        now = run.record()
        return now is not None and now.watchdog not in (None, first.watchdog)

    eventually(has_another, "another watchdog")
    run.process.kill()
    words = run.finish()
    assert "warning: the watchdog has ended; another one is started" in words
    assert SAFE in words
    run.assert_safe()


@pytest.mark.campaign
def test_the_watchdog_tries_until_the_instruments_answer(
    measuring: Callable[..., Measuring], eventually: Any
) -> None:
    soon = dict.fromkeys(("source_meter", "magnet", "temperature"), "timeout_s = 1.5")
    run = measuring(**soon)
    log = log_of(run.record())
    run.bench.process.send_signal(signal.SIGSTOP)
    run.process.kill()
    eventually(lambda: log.exists() and "not safe yet" in log.read_text(encoding="utf-8"), "a try")
    taken = run.record()
    assert taken is not None
    assert taken.kind == "watchdog"
    run.bench.process.send_signal(signal.SIGCONT)
    words = run.finish()
    assert words.index("not safe yet: source_meter at ") < words.index(SAFE)
    run.assert_safe()


def test_what_never_answers_is_given_up_loudly(
    station_file: Callable[..., Path],
    unused_port: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(watchdog, "GIVE_UP_S", 0.0)
    address = f"TCPIP::127.0.0.1::{unused_port}::SOCKET"
    file = station_file(
        source_meter={"address": address, "visa_library": "@py"}, magnet=None, temperature=None
    )
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    record = Record(
        owner=ProcessId.of(gone.pid),
        host=records.this_host(),
        token="0" * 64,
        since=now_iso(),
        station="Test cryostat",
        source=str(file),
        addresses=(address,),
        command="nanojunction measure iv",
    )
    lock.take(record, pytest.fail)
    gone.communicate(b"\n")
    with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123
        pipe = watchdog.Pipe(nothing)
    config = load_station_file(file)
    assert watchdog.Watchdog(record, config, str(file), pipe).watch() == 1
    words = capsys.readouterr().err
    assert "NOT SAFE, use the front panels" in words
    assert words == record.log_file().read_text(encoding="utf-8")
    (left,) = records.records_at((address,))
    said: list[str] = []
    dead = subprocess.Popen([sys.executable, "-c", ""])
    lock.amend(left, owner=replace(ProcessId.of(os.getpid()), pid=dead.pid))
    dead.wait()
    lock.take(replace(record, owner=ProcessId.of(os.getpid()), token="2" * 64), said.append)
    assert "its watchdog could not make the station safe" in said[0]
    lock.release(replace(record, token="2" * 64))


def test_a_station_that_another_has_is_left_alone(
    station_file: Callable[..., Path], unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The owner has died, but somebody else was quicker than its watchdog."""
    address = f"TCPIP::127.0.0.1::{unused_port}::SOCKET"
    file = station_file(
        source_meter={"address": address, "visa_library": "@py"}, magnet=None, temperature=None
    )
    other = Record(
        owner=ProcessId.of(os.getpid()),
        host=records.this_host(),
        token="1" * 64,
        since=now_iso(),
        station="Test cryostat",
        source=str(file),
        addresses=(address,),
        command="nanojunction safe",
    )
    lock.take(other, pytest.fail)
    with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123
        pipe = watchdog.Pipe(nothing)
    lost = replace(other, token="0" * 64)
    assert watchdog.Watchdog(lost, load_station_file(file), str(file), pipe).watch() == 0
    assert records.records_at((address,)) == [other]
    lock.release(other)


@pytest.mark.campaign
def test_a_long_reading_is_no_silence(measuring: Callable[..., Measuring]) -> None:
    """The first reading takes 7.5 s, more than the watchdog would wait for an unknown silence."""
    run = measuring(
        "iv", "--set", "turning_points=0, 10mV", "--set", "step=10mV", "--set", "settle=750s",
        "--set", "repeats=100", speed=100.0, rows=1, station="watchdog_after_s = 6",
    )  # fmt: skip
    record = run.record()
    assert record is not None
    assert record.kind == "owner"
    assert not record.log_file().exists()
    run.process.kill()
    assert SAFE in run.finish()
    run.assert_safe()


# `safe`, by hand


def test_safe_ends_a_measurement_which_keeps_its_rows(
    measuring: Callable[..., Measuring], nanojunction: Any
) -> None:
    run = measuring(*IH, speed=100.0, rows=20)
    process = nanojunction("safe", "--station", run.bench.station_file)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 0, words
    assert f"in use by process {run.process.pid}" in words
    assert f"process {run.process.pid}: source at zero, output open" in words
    assert "stopped (nanojunction safe)" in run.finish()
    assert run.process.returncode == 1
    end = json.loads(run.file().read_text(encoding="utf-8").splitlines()[-1].split(":", 1)[1])
    assert end == {"status": "aborted", "rows": len(run.rows())}
    run.assert_safe()


@pytest.mark.campaign
@pytest.mark.parametrize("watched", ["--watchdog", "--no-watchdog"])
def test_safe_ends_a_measurement_that_hangs(
    measuring: Callable[..., Measuring], nanojunction: Any, watched: str
) -> None:
    run = measuring(*IV, watched)
    run.process.send_signal(signal.SIGSTOP)
    process = nanojunction("safe", "--station", run.bench.station_file)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 0, words
    assert f"process {run.process.pid} does not answer" in words
    assert f"process {run.process.pid} did not leave: it is ended" in words
    run.finish()
    assert run.process.returncode == -signal.SIGKILL
    run.assert_safe()


def test_safe_fails_where_an_instrument_does_not_answer(
    station_file: Callable[..., Path], nanojunction: Any, unused_port: int
) -> None:
    address = f"TCPIP::127.0.0.1::{unused_port}::SOCKET"
    file = station_file(
        source_meter={"address": address, "visa_library": "@py"}, magnet=None, temperature=None
    )
    process = nanojunction("safe", "--station", file)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "NOT all safe" in words


def test_safe_does_what_it_can_where_the_station_file_is_wrong(
    served: Any, nanojunction: Any
) -> None:
    bench = served("B")
    bench.ask("source_meter", ":OUTP ON;:SOUR:VOLT 0.01;*OPC?")
    text = bench.station_file.read_text(encoding="utf-8")
    bench.station_file.write_text(text.replace("itc503", "itc5003"), encoding="utf-8")
    process = nanojunction("safe", "--station", bench.station_file)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "no driver 'itc5003'" in words
    assert "NOT all safe" in words
    output, level = bench.ask("source_meter", ":OUTP?;:SOUR:VOLT?").split(";")
    assert (output, float(level)) == ("0", 0.0)


def test_a_stop_request_travels_over_the_control_channel(
    measuring: Callable[..., Measuring],
) -> None:
    run = measuring()
    record = run.record()
    assert record is not None
    state = ask(record.port, record.token, "status")["state"]
    assert (state["procedure"], state["sample"]) == ("iv", "B")
    assert Path(state["file"]) == run.file()
    assert ask(record.port, record.token, "stop", "supper") == {"ok": True}
    assert "stopped (supper)" in run.finish()
    assert not psutil.pid_exists(run.process.pid)
    run.assert_safe()
