"""I(V) of 400 points: our driver over a loopback socket against the same driver in-process.

Both sides are interleaved point by point in one run, so that whatever else the machine does hits
both. Target (DESIGN.md): median point at most 3 times the in-process one, 99th percentile at most
10 ms, no cluster at 40 ms, where stock PyMeasure stalls on pyvisa-py's sockets (timed, too).

Run: make bench, or python benchmarks/socket_point.py
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.keithley import Keithley2400
from side_by_side import Comparison, in_table

from nanojunction.instruments.drivers.keithley2400 import (
    Keithley2400SourceMeter,
    open_keithley2400,
)
from nanojunction.instruments.roles import SourceMeter, SourceSettings
from nanojunction.instruments.station_file import SourceMeterConfig
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.serving.in_process import InProcessAdapter

POINTS, ROUNDS, STOCK_POINTS = 400, 10, 50
MEDIAN_AT_MOST, P99_AT_MOST_MS = 3.0, 10.0
#: A process that others keep waiting may land there once; a cluster is more.
STALLS_AT_MOST_PERCENT = 0.25
FAST: dict[str, Any] = {"speed": 10_000.0, "bus_latency_s": 0.0}
Times = np.ndarray[Any, Any]


class InProcess(InProcessAdapter):
    """What our driver asks of a connection, without one."""

    where = "in-process"

    def allow_s(self, longest_s: float) -> None:
        """Nothing can be late in-process."""


def times_of_points(points: int, rounds: int) -> dict[str, Times]:
    """Return the time (s) of each point on both sides, `rounds` sweeps of them."""
    settings = SourceSettings(nplc=0.01, autozero=False, compliance=1e-3, measure_range=1e-4)
    with VirtualCryostat("A", **FAST) as bench, VirtualCryostat("A", **FAST) as other:
        config = SourceMeterConfig(
            driver="keithley2400",
            address=bench.endpoints["source_meter"].address,
            visa_library="@py",
            max_voltage_V=1,
            max_current_A=1e-3,
        )
        adapter = InProcess(other.instruments["source_meter"])
        sides: dict[str, SourceMeter] = {
            "socket": open_keithley2400(config, bench.clock),
            "in-process": Keithley2400SourceMeter(Keithley2400(adapter), adapter, "in-process"),
        }
        took: dict[str, list[float]] = {side: [] for side in sides}
        for meter in sides.values():
            meter.configure(settings)
            meter.output_on()
        for setpoint in np.tile(np.linspace(-0.01, 0.01, points), rounds):
            for side, meter in sides.items():
                began = time.perf_counter()
                meter.set_and_read(float(setpoint))
                took[side].append(time.perf_counter() - began)
        for meter in sides.values():
            meter.output_off()
            meter.close()
    return {side: np.array(times).reshape(rounds, points) for side, times in took.items()}


def times_of_stock(points: int) -> Times:
    """Return the time (s) of each point with PyMeasure's own driver and adapter as they come."""
    with VirtualCryostat("A", **FAST) as bench:
        end = bench.endpoints["source_meter"]
        adapter = VISAAdapter(
            end.address, "@py",
            read_termination=end.read_termination, write_termination=end.write_termination,
        )  # fmt: skip
        meter, took = Keithley2400(adapter), []
        meter.source_enabled = True
        for setpoint in np.linspace(-0.01, 0.01, points):
            began = time.perf_counter()
            meter.source_voltage = float(setpoint)
            _ = meter.current
            took.append(time.perf_counter() - began)
        meter.source_enabled = False
        adapter.close()
    return np.array(took).reshape(1, points)


def compare(took: dict[str, Times]) -> list[Comparison]:
    """Return the three lines: medians of each round, 99th percentile and stalls over all."""
    medians = {side: np.median(times, axis=1) for side, times in took.items()}
    ours, other = (f"{1e6 * np.median(took[side]):.0f} µs" for side in ("socket", "in-process"))
    p99_s = [float(np.percentile(times, 99)) for times in took["socket"]]
    inside_s = float(np.percentile(took["in-process"], 99))
    stalls = 100.0 * float(np.mean((took["socket"] > 0.035) & (took["socket"] < 0.05)))
    ratios = tuple(map(float, medians["socket"] / medians["in-process"]))
    return [
        Comparison("median point", ours, other, ratios, MEDIAN_AT_MOST, "most"),
        Comparison(
            "99th percentile, in ms", f"{1e6 * statistics.median(p99_s):.0f} µs",
            f"{1e6 * inside_s:.0f} µs", tuple(1e3 * one for one in p99_s), P99_AT_MOST_MS, "most",
        ),
        Comparison(
            "points of 35 to 50 ms, in %", f"{stalls:.2g} %", "",
            (stalls,), STALLS_AT_MOST_PERCENT, "most",
        ),
    ]  # fmt: skip


def main() -> int:
    """Measure, print, and return 0 if the targets are met."""
    status = in_table(compare(times_of_points(POINTS, ROUNDS)), "socket", "in-process")
    stock = times_of_stock(STOCK_POINTS)
    print(f"stock PyMeasure over the same socket: median point {1e3 * np.median(stock):.1f} ms")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
