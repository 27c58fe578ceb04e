"""A screening is stopped, by a person or by a full disk: safe, said, and gone on with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tests.conftest import ask_over_socket, wait_for
from tests.screenings import chip_text, station_of

COMMAND = (sys.executable, "-m", "nanojunction.cli")
POPULATION = """
device = "chip"
temperature_K = 295
[[populations]]
truth = "ohmic"
count = 1
like = "resistor-1k"
[[populations]]
truth = "generating"
count = 1
like = "A"
"""
SLOW = "150"
#: The contact of the 2750's matrix that shorts the line, in a station that `virtual-chip` writes.
SHORT = "540"


class Chip:
    """A small chip, its instruments in a process of their own, too slow to be done at once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder / "chip", folder / "chip" / "runs"
        self.ready = folder / "ready.json"
        population = folder / "population.toml"
        population.write_text(POPULATION, encoding="utf-8")
        self.server = subprocess.Popen(
            [*COMMAND, "simulate", "--switch", "keithley2750", "--chip", str(population),
             "--speed", SLOW, "--ready-file", str(self.ready)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for(lambda: self.ready.exists() or self.server.poll() is not None, "the instruments")
        subprocess.run(
            [*COMMAND, "virtual-chip", str(population), "--served", str(self.ready), "--speed",
             SLOW, "--out", str(self.folder)],
            check=True, capture_output=True,
        )  # fmt: skip

    def screen(self, *more: str) -> subprocess.Popen[str]:
        """Start the command."""
        return start(self.folder, *more)

    def wait_until_a_junction_is_measured(self) -> None:
        wait_for(lambda: any(self.runs.glob("chip-*.csv")), "a run of a junction")

    def ask(self, role: str, question: str) -> str:
        """Ask an instrument over a connection of its own."""
        endpoint = json.loads(self.ready.read_text(encoding="utf-8"))[role]
        return ask_over_socket(role, endpoint, question)

    def is_safe(self) -> bool:
        """Ask the instruments themselves: output open, level zero, every junction shorted."""
        closed = self.ask("switch", "ROUT:MULT:CLOS?").strip("(@)").split(",")
        zero = float(self.ask("source_meter", ":SOUR:VOLT?")) == 0.0
        return self.ask("source_meter", ":OUTP?") == "0" and zero and SHORT in closed


def start(folder: Path, *more: str, **settings: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "screen", str(folder / "chip.toml"), "--station", str(folder / "station.toml"),
         "--out", str(folder / "runs"), *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", **settings,
    )  # fmt: skip


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Chip]:
    one = Chip(tmp_path)
    try:
        yield one
    finally:
        one.server.kill()
        one.server.wait()


def verdicts(runs: Path) -> dict[str, str]:
    found = json.loads((runs / "screening.json").read_text(encoding="utf-8"))
    return {one["junction"]: one["verdict"] for one in found["junctions"]}


@pytest.mark.campaign
@pytest.mark.parametrize(("name", "times"), [("SIGTERM", 1), ("SIGINT", 1), ("SIGINT", 2)])
def test_a_stop_leaves_the_junction_shorted_and_the_source_at_zero(
    chip: Chip, name: str, times: int
) -> None:
    process = chip.screen()
    chip.wait_until_a_junction_is_measured()
    for _ in range(times):
        process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "not finished: " in said
    assert "go on with --resume" in said
    assert "Traceback" not in said
    assert chip.is_safe()
    told = subprocess.run(
        [*COMMAND, "status", str(chip.runs)],
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert told.returncode == 1
    assert "of 2 junctions" in told.stdout
    assert "it ended: aborted" in told.stdout
    assert "nanojunction run" not in told.stdout
    again = chip.screen("--resume")
    _, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert sorted(verdicts(chip.runs).values()) == ["candidate", "ohmic"]


@pytest.mark.campaign
def test_safe_stops_a_screening_from_elsewhere(chip: Chip) -> None:
    process = chip.screen()
    chip.wait_until_a_junction_is_measured()
    safe = subprocess.run(
        [*COMMAND, "safe", "--station", str(chip.folder / "station.toml")],
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert safe.returncode == 0, safe.stderr
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "go on with --resume" in said
    assert chip.is_safe()


@pytest.mark.campaign
@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes")
@pytest.mark.parametrize("at_most", [3_000, 45_000, 59_000])
def test_what_the_disk_refuses_is_said_and_measured_once_there_is_room(
    tmp_path: Path, at_most: int
) -> None:
    """As on a full disk: no file may grow beyond a limit, run files or the journal."""
    import resource

    config = station_of({"J1": "resistor-1k"}).model_dump(exclude_defaults=True)
    station = tomli_w.dumps({"station": {"name": "full"}, **config})
    (tmp_path / "station.toml").write_text(station, encoding="utf-8")
    (tmp_path / "chip.toml").write_text(chip_text({"J1": ""}), encoding="utf-8")

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (at_most, at_most))

    process = start(tmp_path, preexec_fn=full)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    assert "NOT SAFE" not in said
    again = start(tmp_path, "--resume") if (tmp_path / "runs").exists() else start(tmp_path)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert verdicts(tmp_path / "runs") == {"J1": "ohmic"}
