"""I(V) of 400 points at NPLC 0.01 over a bus of 5 ms: lists of the source-meter, point by point.

Both sides in turn, at speed 1, the same sweep with the same integration time: the driver alone
(lists of at most half a second against an exchange a point), and a whole `IVSweep` into its run
file (`buffered=on` against `off`). Target (DESIGN.md): at least 5 times faster.

Run: make bench, or python benchmarks/buffered_sweep.py [keithley2400 …]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from side_by_side import Comparison, in_table
from sweep_time import STATION, Case, sweep_time

from nanojunction.instruments.drivers.keithley2400 import open_keithley2400
from nanojunction.instruments.drivers.keithley2450 import open_keithley2450
from nanojunction.instruments.roles import SourceMeter, SourceSettings
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import SourceMeterConfig, station_from
from nanojunction.instruments.virtual import VirtualCryostat

POINTS, ROUNDS, LATENCY_S, LONGEST_LIST_S = 400, 5, 0.005, 0.5
AT_LEAST = 5.0
OPEN = {"keithley2400": open_keithley2400, "keithley2450": open_keithley2450}


def in_lists(meter: SourceMeter, levels: Sequence[float]) -> list[float]:
    """Run the sweep in lists, each as long as the one before says that half a second is."""
    currents: list[float] = []
    length, longest_s = 50, 0.0
    while len(currents) < len(levels):
        rows = meter.run_list(levels[len(currents) : len(currents) + length])
        currents += [row.current_A for row in rows]
        longest_s = max(longest_s, rows[-1].at_s)
        if longest_s > LONGEST_LIST_S:
            raise RuntimeError(f"a list took {longest_s:.3f} s, more than {LONGEST_LIST_S} s")
        length = min(int(0.95 * LONGEST_LIST_S * (len(rows) - 1) / rows[-1].at_s), 2500)
    return currents


def point_by_point(meter: SourceMeter, levels: Sequence[float]) -> list[float]:
    """Run the sweep with an exchange a point."""
    return [meter.set_and_read(level).current_A for level in levels]


def seconds(
    run: Callable[[SourceMeter, Sequence[float]], list[float]],
    meter: SourceMeter,
    levels: Sequence[float],
) -> float:
    """Return what a sweep takes (s of the wall clock)."""
    began = time.perf_counter()
    run(meter, levels)
    return time.perf_counter() - began


def by_the_driver(model: str, points: int, rounds: int) -> Comparison:
    """Compare lists with points, `rounds` times, as the driver runs them."""
    levels = [float(v) for v in 0.01 * np.sin(np.linspace(0.0, 2.0 * np.pi, points))]
    settings = SourceSettings(
        nplc=0.01, autozero=False, compliance=1e-3, source_range=0.02, measure_range=1e-4
    )
    with VirtualCryostat(
        "A", source_meter=model, magnet=None, temperature=None, speed=1.0, bus_latency_s=LATENCY_S
    ) as bench:
        config = SourceMeterConfig(
            driver=model,
            address=bench.endpoints["source_meter"].address,
            visa_library="@py",
            max_voltage_V=1,
            max_current_A=1e-3,
        )
        meter = OPEN[model](config, bench.clock)
        meter.configure(settings)
        meter.output_on()
        took = [
            (seconds(in_lists, meter, levels), seconds(point_by_point, meter, levels))
            for _ in range(rounds)
        ]
        meter.output_off()
        meter.close()
    return _compared(f"{model}, driver, {points} points", took)


def by_the_procedure(model: str, points: int, rounds: int) -> Comparison:
    """Compare lists with points, `rounds` times, as `IVSweep` runs them."""
    content = STATION | {"source_meter": STATION["source_meter"] | {"driver": model}}
    sides = [Case(0.01, autozero=False, settle_s=0.0, points=points, buffered=buffered)
             for buffered in (True, False)]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, Station(station_from(content, "bench")) as on:
        took = [
            tuple(sweep_time(side, on, Path(folder))[0] for side in sides) for _ in range(rounds)
        ]
    return _compared(f"{model}, IVSweep, {points} points", took)


def _compared(what: str, took: Sequence[tuple[float, ...]]) -> Comparison:
    lists, points = (statistics.median(side) for side in zip(*took, strict=True))
    ratios = tuple(points / lists for lists, points in took)
    return Comparison(what, f"{lists:.3f} s", f"{points:.3f} s", ratios, AT_LEAST, "least")


def compare(models: Sequence[str], points: int, rounds: int) -> list[Comparison]:
    """Measure these models, by the driver alone and by the procedure."""
    return [side(model, points, rounds) for model in models
            for side in (by_the_driver, by_the_procedure)]  # fmt: skip


def main() -> int:
    """Measure the models named, all by default, and return 0 if the target is met for all."""
    found = compare(sys.argv[1:] or list(OPEN), POINTS, ROUNDS)
    return in_table(found, "lists", "point by point")


if __name__ == "__main__":
    raise SystemExit(main())
