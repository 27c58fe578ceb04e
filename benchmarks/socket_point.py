"""I(V) of 400 points: our driver over a loopback socket against the same driver in-process.

Both sides are interleaved point by point in one run, so that whatever else the machine does hits
both. Target (DESIGN.md): median point at most 3 times the in-process one, 99th percentile at most
10 ms, no cluster at 40 ms (where stock PyMeasure stalls on pyvisa-py's sockets).

Run: make bench, or python benchmarks/socket_point.py
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from pymeasure.instruments.keithley import Keithley2400

from nanojunction.instruments.drivers.keithley2400 import (
    Keithley2400SourceMeter,
    open_keithley2400,
)
from nanojunction.instruments.roles import SourceMeter, SourceSettings
from nanojunction.instruments.station_file import SourceMeterConfig
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.in_process import InProcessAdapter

POINTS, ROUNDS = 400, 5
MEDIAN_AT_MOST, P99_AT_MOST_S = 3.0, 10e-3


class InProcess(InProcessAdapter):
    """What our driver asks of a connection, without one."""

    where = "in-process"

    def allow_s(self, longest_s: float) -> None:
        """Nothing can be late in-process."""


def main() -> int:
    """Measure, print, and return 0 if the targets are met."""
    fast = {"speed": 10_000, "bus_latency_s": 0.0}
    settings = SourceSettings(nplc=0.01, autozero=False, compliance=1e-3, measure_range=1e-4)
    with VirtualCryostat("A", **fast) as bench, VirtualCryostat("A", **fast) as other:
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
        for setpoint in np.tile(np.linspace(-0.01, 0.01, POINTS), ROUNDS):
            for side, meter in sides.items():
                began = time.perf_counter()
                meter.set_and_read(float(setpoint))
                took[side].append(time.perf_counter() - began)
        for meter in sides.values():
            meter.output_off()
            meter.close()
    return report({side: np.array(times) for side, times in took.items()})


def report(took: dict[str, np.ndarray[Any, Any]]) -> int:
    """Print both sides and the ratio with its spread over the rounds."""
    for side, times in took.items():
        p50, p99, top = np.percentile(times, [50, 99, 100]) * 1e6
        print(f"{side:11} median {p50:7.0f} µs   99 % {p99:7.0f} µs   worst {top:7.0f} µs")
    rounds = {side: np.median(times.reshape(ROUNDS, -1), axis=1) for side, times in took.items()}
    ratios = rounds["socket"] / rounds["in-process"]
    stalls = int(np.sum((took["socket"] > 0.035) & (took["socket"] < 0.05)))
    p99 = float(np.percentile(took["socket"], 99))
    print(f"ratio of medians {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f}), "
          f"at most {MEDIAN_AT_MOST:g}; stalls near 40 ms: {stalls}")  # fmt: skip
    return int(not (np.median(ratios) <= MEDIAN_AT_MOST and p99 <= P99_AT_MOST_S and not stalls))


if __name__ == "__main__":
    raise SystemExit(main())
