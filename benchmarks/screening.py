"""Virtual chips of known truth, screened: what was missed, what was taken for what it is not.

Chips of 193 junctions as Chowrira's, with seeds that are drawn when the benchmark starts, on a
virtual station; some of them by the command in a process of its own, with the instruments served
over sockets by another. The verdicts are held against the truth, and the voltages that junctions
saw against their limits. Other populations can be screened the same way.

Targets: no generating junction missed, at most one false candidate a chip on average, no junction
above its limit, none broken that a sweep over its whole range would not have broken.

Run: make bench, or python benchmarks/screening.py [--chips N] [--served N] [--population FILE]
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nanojunction.cli.virtual_chip import write_virtual_chip
from nanojunction.instruments.station import Station
from nanojunction.procedures.live import Live
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.screening.begin import begin_or_resume
from nanojunction.procedures.screening.execute import Screening
from nanojunction.procedures.screening.stages import load_plan
from nanojunction.procedures.stopping import StopRequest

COMMAND = (sys.executable, "-m", "nanojunction.cli")
GENERATING, CANDIDATE, UNSTABLE, BROKEN = "generating", "candidate", "unstable", "broken"
SPEED = 1000.0
#: What a range's end may add to a setpoint: the source's own error.
MARGIN_V = 2e-4


@dataclass(slots=True)
class Tally:
    """What came of all chips: counts by truth and verdict, and what must not happen."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    above_limit: list[str] = field(default_factory=list)
    broken_needlessly: list[str] = field(default_factory=list)
    chips: int = 0

    def add(self, chip: str, truth: Mapping[str, str], verdicts: Mapping[str, str]) -> None:
        """Add the verdicts on a chip."""
        self.chips += 1
        for name, what in truth.items():
            verdict = verdicts[name]
            self.counts[what, verdict] += 1
            if what == GENERATING and verdict != CANDIDATE:
                self.missed.append(f"{chip} {name}: {verdict}")
            if verdict == CANDIDATE and what not in (GENERATING, UNSTABLE, BROKEN):
                self.false.append(f"{chip} {name}: {what}")

    def holds(self) -> bool:
        """Tell whether all targets are met."""
        return not (self.missed or self.above_limit or self.broken_needlessly) and (
            len(self.false) <= self.chips
        )


def screen_here(population: str, seed: int, folder: Path, tally: Tally) -> None:
    """Screen a chip in this process, and ask its world what the junctions saw."""
    write_virtual_chip(population, seed, folder, switch=_switch(population), speed=SPEED)
    station = Station.from_file(folder / "station.toml")
    plan = load_plan(folder / "chip.toml", station.config)
    (folder / "runs").mkdir()
    with Journal(folder / "runs" / NAME) as journal, station:
        begin_or_resume(journal, plan, station.config, station.source, resume=False)
        measuring = Measuring(
            station, journal, StopRequest(), lambda _: None, lambda _: None, Live(None)
        )
        work = Screening(plan, measuring, lambda _: None)
        work.go()
        world, truth = station.bench.world, _truth(folder)
        for junction in plan.chip.junctions:
            seen_V, limit_V = world.largest_voltage_at(junction.name), junction.max_voltage_V
            if seen_V > limit_V + MARGIN_V:
                tally.above_limit.append(f"seed {seed} {junction.name}: {seen_V:.4g} V")
            breaks_V = truth[junction.name]["breakdown_above_V"]
            if world.broken_at(junction.name) and not (breaks_V and float(breaks_V) < limit_V):
                tally.broken_needlessly.append(f"seed {seed} {junction.name}")
    verdicts = {name: one.verdict for name, one in work.verdicts.items()}
    tally.add(f"seed {seed}", _words(folder), verdicts)


def screen_served(population: str, seed: int, folder: Path, tally: Tally) -> None:
    """Screen a chip with the command, its instruments served over sockets by another process."""
    ready, switch = folder / "ready.json", _switch(population)
    server = subprocess.Popen(
        [*COMMAND, "simulate", "--switch", switch, "--chip", population, "--chip-seed", str(seed),
         "--speed", "200", "--ready-file", str(ready)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not ready.exists():
            if server.poll() is not None:
                raise RuntimeError("the simulation ended before it was ready")
            time.sleep(0.05)
        write_virtual_chip(population, seed, folder, switch=switch, speed=200.0, served=ready)
        subprocess.run(
            [*COMMAND, "screen", str(folder / "chip.toml"), "--station",
             str(folder / "station.toml"), "--out", str(folder / "runs")],
            check=True, capture_output=True,
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait()
    found = json.loads((folder / "runs" / "screening.json").read_text(encoding="utf-8"))
    verdicts = {one["junction"]: one["verdict"] for one in found["junctions"]}
    tally.add(f"seed {seed} (sockets)", _words(folder), verdicts)


def _switch(population: str) -> str:
    return "sentio_prober" if "2000" in population else "keithley2750"


def _truth(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def _words(folder: Path) -> dict[str, str]:
    return {name: row["truth"] for name, row in _truth(folder).items()}


def print_matrix(tally: Tally) -> None:
    """Print the confusion matrix: a row for each truth, a column for each verdict."""
    truths = sorted({truth for truth, _ in tally.counts})
    verdicts = sorted({verdict for _, verdict in tally.counts})
    print(f"{'truth':<12}" + "".join(f"{verdict:>11}" for verdict in verdicts))
    for truth in truths:
        print(f"{truth:<12}" + "".join(f"{tally.counts[truth, one] or '':>11}" for one in verdicts))


def main() -> int:
    """Screen, print, and return 0 if the targets are met."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--chips", type=int, default=20)
    asked.add_argument("--served", type=int, default=3, help="how many of them over sockets")
    asked.add_argument("--population", default="chowrira-193")
    asked.add_argument("--seed", type=int, default=None, help="of the seeds; else drawn now")
    options = asked.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    print(f"{options.chips} chips of {options.population}, seeds drawn with {seed}", flush=True)
    lots, tally, began_s = random.Random(seed), Tally(), time.monotonic()
    for number in range(options.chips):
        screen = screen_served if number < options.served else screen_here
        with tempfile.TemporaryDirectory() as folder:
            screen(options.population, lots.randrange(10**6), Path(folder), tally)
        passed_s = time.monotonic() - began_s
        left_s = passed_s / (number + 1) * (options.chips - number - 1)
        print(f"{number + 1} of {options.chips}, {left_s / 60:.0f} min left", flush=True)
    print_matrix(tally)
    for words, found in (
        ("generating junctions missed", tally.missed),
        ("false candidates", tally.false),
        ("above their limit", tally.above_limit),
        ("broken needlessly", tally.broken_needlessly),
    ):
        print(f"{words}: {len(found)}{''.join(f'; {one}' for one in found[:10])}")
    print("holds" if tally.holds() else "MISSED")
    return int(not tally.holds())


if __name__ == "__main__":
    raise SystemExit(main())
