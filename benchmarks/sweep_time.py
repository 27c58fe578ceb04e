"""Time of an I(V) on the virtual bench at speed 1 against the times that were asked for.

A whole `IVSweep` on a station with a source-meter, a magnet and two temperature sensors, with
defaults but for what the table names. It runs from the first step of `execute` until the last row
is in the run file. What was asked for is added up by hand:

- a point: its settling, its conversions (voltage and current, three times each with autozero) and
  one exchange on the bus;
- field and temperatures: an exchange for each column at the beginning and once in the
  environment's interval;
- a list that the source-meter runs by itself: its points' settling and conversions, what the
  source-meter needs between two of them, an exchange for every hundred levels that are loaded and
  one to run them.

Everything else counts against us: output and ramp to the first level, the look for a quench,
Python, the disk, the operating system's timers, the simulation.

Target (DESIGN.md): at most 1.05 times.

Run: make bench, or python benchmarks/sweep_time.py
"""

from __future__ import annotations

import math
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from side_by_side import Comparison, in_table

from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.instruments.virtual.keithley2400.trigger import BETWEEN_POINTS_S
from nanojunction.procedures.buffered import points_per_list
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import run_procedure

AT_MOST, ROUNDS = 1.05, 3
LATENCY_S, LINE_HZ, LEVELS_A_MESSAGE = 0.005, 50.0, 100
STATION: dict[str, Any] = {
    "source_meter": {"driver": "keithley2400", "max_voltage_V": 0.1, "max_current_A": 1e-3},
    "magnet": {"driver": "ips120_10", "max_field_T": 1.0, "ramp_T_per_min": 0.5},
    "temperature": {"driver": "itc503", "min_K": 4, "max_K": 300},
    "virtual": {"junction": "A", "speed": 1.0, "bus_latency_s": LATENCY_S},
}
#: Columns that cost an exchange each: the field, the sample's temperature and the insert's.
SURROUNDINGS = 3


@dataclass(frozen=True, slots=True)
class Case:
    """Settings of one sweep; `points` of the standard legs 0, +, −, +, −, 0."""

    nplc: float
    autozero: bool
    settle_s: float
    points: int
    buffered: bool = False

    def words(self) -> str:
        """Return what the table says of it."""
        way = "in lists" if self.buffered else "point by point"
        return (f"I(V) {way}, NPLC {self.nplc:g}, autozero {'on' if self.autozero else 'off'}"
                f"{f', settling {1e3 * self.settle_s:g} ms' if self.settle_s else ''}")  # fmt: skip

    def asked_s(self, rows: int, at_once: int, interval_s: float) -> float:
        """Return the sum of what was asked for (s), with lists of `at_once` points."""
        conversions = 2 * (3 if self.autozero else 1)
        point_s = self.settle_s + conversions * self.nplc / LINE_HZ
        exchanges = rows
        if self.buffered:
            point_s += BETWEEN_POINTS_S
            lists = [min(at_once, rows - first) for first in range(0, rows, at_once)]
            exchanges = sum(1 + math.ceil(points / LEVELS_A_MESSAGE) for points in lists)
        sweep_s = rows * point_s + exchanges * LATENCY_S
        reads = 1 + int(sweep_s / interval_s)
        return sweep_s + reads * SURROUNDINGS * LATENCY_S


CASES = (
    Case(nplc=1.0, autozero=True, settle_s=0.0, points=80),
    Case(nplc=1.0, autozero=False, settle_s=0.0, points=200),
    Case(nplc=0.1, autozero=False, settle_s=0.01, points=400),
    Case(nplc=0.1, autozero=False, settle_s=0.0, points=400),
    Case(nplc=0.01, autozero=False, settle_s=0.0, points=4000, buffered=True),
)


class TimedSweep(IVSweep):
    """An I(V) that notes how long it takes on the station's clock."""

    took_s = math.nan

    def execute(self) -> None:
        """Measure the sweep."""
        began = self.station.clock.now()
        super().execute()
        self.took_s = self.station.clock.now() - began


def sweep_time(case: Case, station: Station, folder: Path) -> tuple[float, float]:
    """Return the measured and the asked-for time (s) of one sweep; raises RuntimeError."""
    procedure = TimedSweep(
        sample="A", vmax=0.01, step=0.08 / case.points, nplc=case.nplc, autozero=case.autozero,
        settle=case.settle_s, measure_range=1e-4, buffered="on" if case.buffered else "off",
    )  # fmt: skip
    outcome = run_procedure(procedure, station, folder)
    if not outcome.ok:
        raise RuntimeError(f"{case.words()}: the run is {outcome.status}: {outcome.error}")
    asked_s = case.asked_s(outcome.rows, points_per_list(procedure), procedure.environment_interval)
    return procedure.took_s, asked_s


def compare(cases: tuple[Case, ...], rounds: int) -> list[Comparison]:
    """Run the cases in turn, `rounds` times, and return what came of it."""
    took: dict[Case, list[tuple[float, float]]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory() as folder, Station(station_from(STATION, "bench")) as on:
        for _ in range(rounds):
            for case in cases:
                took[case].append(sweep_time(case, on, Path(folder)))
    return [_compared(case, pairs) for case, pairs in took.items()]


def _compared(case: Case, pairs: list[tuple[float, float]]) -> Comparison:
    measured, asked = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratios = tuple(mine / wanted for mine, wanted in pairs)
    return Comparison(case.words(), f"{measured:.3f} s", f"{asked:.3f} s", ratios, AT_MOST, "most")


def main() -> int:
    """Measure, print, and return 0 if the target is met for all."""
    return in_table(compare(CASES, ROUNDS), "measured", "asked for")


if __name__ == "__main__":
    raise SystemExit(main())
