"""A screening whose process is killed, again and again, comes to the same verdicts."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w

from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.run_rows import read_rows
from tests.conftest import wait_for
from tests.screenings import chip_text, station_of

pytestmark = pytest.mark.campaign

COMMAND = (sys.executable, "-m", "nanojunction.cli")
CHIP = {
    "J1": "open", "J2": "A", "J3": "short", "J4": "resistor-1k", "J5": "open", "J6": "B",
    "J7": "resistor-10k",
}  # fmt: skip
TRUTH = {
    "J1": "open", "J2": "candidate", "J3": "short", "J4": "ohmic", "J5": "open",
    "J6": "candidate", "J7": "ohmic",
}  # fmt: skip


def screening(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "screen", str(folder / "chip.toml"), "--station", str(folder / "station.toml"),
         "--out", str(folder / "runs"), *more],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def rows_written(folder: Path) -> int:
    files = (folder / "runs").glob("*.csv") if (folder / "runs").exists() else ()
    return sum(file.read_bytes().count(b"\n") for file in files)


def kill_after(process: subprocess.Popen[bytes], folder: Path, more: int) -> None:
    """Kill a process once it has written so many more rows, or has ended."""
    enough = rows_written(folder) + more
    wait_for(lambda: process.poll() is not None or rows_written(folder) >= enough, "rows")
    process.kill()
    process.communicate()


def killed_and_resumed(folder: Path, kills: int, lots: random.Random) -> None:
    """Screen, killing the process after some more rows each time, and let it come to its end."""
    resume: tuple[str, ...] = ()
    for _ in range(kills):
        kill_after(screening(folder, *resume), folder, lots.randrange(1, 700))
        if (folder / "runs" / NAME).exists():
            resume = ("--resume",)
    last = screening(folder, *resume)
    _, said = last.communicate()
    assert last.returncode == 0, said.decode()


def verdicts(folder: Path) -> dict[str, str]:
    found = json.loads((folder / "runs" / "screening.json").read_text(encoding="utf-8"))
    return {one["junction"]: one["verdict"] for one in found["junctions"]}


def each_row_once(folder: Path) -> None:
    """Nothing was measured twice, and nothing skipped: each run has its rows, over its parts."""
    with Journal(folder / "runs" / NAME) as journal:
        runs = journal.runs()
    rows: dict[str, int] = {}
    for run in runs:
        file = folder / "runs" / (run.file or "")
        if run.file is not None and file.exists():
            rows[run.key] = rows.get(run.key, 0) + len(read_rows(file).rows)
    for key, count in rows.items():
        if key.endswith("/contact"):
            assert count == 19, key
        elif key.endswith("/short_iv"):
            assert count == 23, key


@pytest.fixture
def lots() -> random.Random:
    """Where it is killed is drawn anew in every run; a failure names it by this seed."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    return random.Random(seed)


def write_files(folder: Path, **station: object) -> None:
    folder.mkdir(parents=True)
    config = station_of(CHIP).model_dump(exclude_defaults=True) | station
    content = {"station": {"name": "killed"}, **config}
    (folder / "station.toml").write_text(tomli_w.dumps(content), encoding="utf-8")
    text = chip_text(dict.fromkeys(CHIP, ""))
    (folder / "chip.toml").write_text(text, encoding="utf-8")


def test_killed_ten_times(tmp_path: Path, lots: random.Random) -> None:
    write_files(tmp_path / "chip")
    killed_and_resumed(tmp_path / "chip", 10, lots)
    assert verdicts(tmp_path / "chip") == TRUTH
    each_row_once(tmp_path / "chip")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """The instruments of a small chip in a process of their own, on sockets."""
    ready = tmp_path / "ready.json"
    population = tmp_path / "population.toml"
    population.write_text(
        'device = "chip"\ntemperature_K = 295\n'
        '[[populations]]\ntruth = "open"\ncount = 2\nlike = "open"\n'
        '[[populations]]\ntruth = "short"\ncount = 2\nlike = "short"\n'
        '[[populations]]\ntruth = "ohmic"\ncount = 2\nlike = "resistor-1k"\n'
        '[[populations]]\ntruth = "generating"\ncount = 2\nlike = "A"\n',
        encoding="utf-8",
    )
    server = subprocess.Popen(
        [*COMMAND, "simulate", "--switch", "keithley2750", "--chip", str(population),
         "--speed", "200", "--ready-file", str(ready)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: ready.exists() or server.poll() is not None, "the instruments")
        folder = tmp_path / "chip"
        subprocess.run(
            [*COMMAND, "virtual-chip", str(population), "--served", str(ready), "--out",
             str(folder)],
            check=True, capture_output=True,
        )  # fmt: skip
        yield folder
    finally:
        server.kill()
        server.wait()


def test_killed_twice_while_the_instruments_live_on(served: Path, lots: random.Random) -> None:
    killed_and_resumed(served, 2, lots)
    truth = dict(
        line.split(",")[:2] for line in (served / "truth.csv").read_text("utf-8").splitlines()[1:]
    )
    words = {"generating": "candidate"}
    assert verdicts(served) == {name: words.get(what, what) for name, what in truth.items()}
    each_row_once(served)
