"""A night on one junction, rehearsed at the speed of a real cryostat, and where its time goes.

Virtual instruments in a process of their own, on a socket and on serial lines (rehearsal/bench.py),
the command `nanojunction run` on them with its watchdog, its journal and its live page, and an
operator who answers the pauses. Afterwards the tables of docs/where-the-time-goes.md are printed,
and the figure is drawn. It takes a quarter of an hour.

Target: the dry run was right within ten percent, for each run and for the whole night.

Run: make bench leaves it out, it is long: python benchmarks/night.py [--out DIR] [--again]
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib import resources
from pathlib import Path
from typing import IO

from rehearsal.accounts import Night, night_of, write_plan
from rehearsal.station import station_content, station_text
from rehearsal.table import percent_off, tables
from side_by_side import HOLDS, MISSED

from nanojunction.instruments.clock import Clock

WITHIN = 0.10
HERE = Path(__file__).parent / "rehearsal"
RECIPE = Path(str(resources.files("nanojunction.sample_data").joinpath("recipes/night.toml")))
#: What the operator plugs in where a pause speaks of it.
PLUGS = {"resistor": "resistor-1k", "junction C": "C"}


def rehearse(folder: Path) -> int:
    """Serve the instruments, run the recipe on them, and return the command's exit status."""
    ready, ports = folder / "ready.json", folder / "ports.json"
    bench = subprocess.Popen(
        [sys.executable, HERE / "bench.py", ready, ports],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        clock = Clock()
        while not ready.exists():
            if bench.poll() is not None:
                raise SystemExit("the virtual instruments did not start")
            clock.sleep(0.05)
        content = station_content(json.loads(ready.read_text(encoding="utf-8")))
        (folder / "station.toml").write_text(station_text(content), encoding="utf-8")
        write_plan(RECIPE, folder)
        return run_command(folder, bench)
    finally:
        bench.communicate(timeout=60)


def run_command(folder: Path, bench: subprocess.Popen[str]) -> int:
    """Run `nanojunction run` at a terminal of its own; be its operator."""
    ours, theirs = pty.openpty()
    times = folder / "times.json"
    began_s = time.monotonic()
    command = subprocess.Popen(
        [
            sys.executable, HERE / "observed.py", times, repr(began_s), "run", RECIPE,
            "--station", folder / "station.toml", "--out", folder / "runs", "--monitor",
        ],
        stdin=theirs, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"NANOJUNCTION_STATE_DIR": str(folder / "state")},
    )  # fmt: skip
    assert command.stderr is not None
    page = ""
    with (folder / "said.txt").open("w", encoding="utf-8") as said:
        for line in command.stderr:
            said.write(f"{time.monotonic() - began_s:8.2f} {line}")
            said.flush()
            print(line, end="", flush=True)
            look_in(page, time.monotonic() - began_s, folder / "live.csv")
            if line.startswith("monitor: "):
                page = line.split()[1]
            if line.startswith("PAUSE"):
                plug_in(line, bench)
                os.write(ours, b"\n")
    status = command.wait()
    exited_s = time.monotonic()
    os.close(ours)
    os.close(theirs)
    seen = json.loads(times.read_text(encoding="utf-8")) | {"exited_s": exited_s}
    times.write_text(json.dumps(seen), encoding="utf-8")
    return status


def look_in(page: str, at_s: float, file: Path) -> None:
    """Read the live page, as somebody does who wakes up at night; keep what it tells."""
    if not page:
        return
    try:
        with urllib.request.urlopen(f"{page}state.json", timeout=5) as answer:
            state = json.load(answer)
    except OSError:  # it has just ended
        return
    if state.get("left_s") is not None:
        with file.open("a", encoding="utf-8") as seen:
            print(f"{at_s:.2f},{state['percent']:.2f},{state['left_s']:.2f}", file=seen)


def plug_in(words: str, bench: subprocess.Popen[str]) -> None:
    """Plug in what a pause speaks of."""
    junction = next(name for word, name in PLUGS.items() if word in words)
    streams: tuple[IO[str] | None, IO[str] | None] = (bench.stdin, bench.stdout)
    to_bench, from_bench = streams
    assert to_bench is not None and from_bench is not None
    print(junction, file=to_bench, flush=True)
    if from_bench.readline().strip() != junction:
        raise SystemExit(f"{junction} could not be plugged in")


def is_right(night: Night) -> bool:
    """Say whether the dry run was right within WITHIN, for each run and for the whole."""
    pairs = [(one.key, one.planned.total_s, one.took_s) for one in night.runs]
    pairs.append(("whole night", night.planned_s, night.took_s))
    for key, planned, took in pairs:
        held = abs(planned / took - 1.0) <= WITHIN
        print(
            f"{key}: dry run {planned:.1f} s, took {took:.1f} s, off by "
            f"{percent_off(planned, took)}, at most {WITHIN:.0%}: {HOLDS if held else MISSED}"
        )
    return all(abs(planned / took - 1.0) <= WITHIN for _, planned, took in pairs)


def main() -> int:
    """Rehearse, print the tables, draw the figure; 0 if the command and the dry run were right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="a new folder for everything; default: temporary")
    parser.add_argument("--again", action="store_true", help="only tables and figure, from --out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.out or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        status = 0 if options.again else rehearse(folder)
        if status:
            print(f"the command failed with status {status}")
            return status
        night = night_of(RECIPE, folder)
        words = "\n".join(tables(night))
        (folder / "tables.md").write_text(words + "\n", encoding="utf-8")
        print(words)
        if options.out:
            from rehearsal.figure import draw

            draw(night, folder / "where-the-time-goes.svg")
        return int(not is_right(night))


if __name__ == "__main__":
    raise SystemExit(main())
