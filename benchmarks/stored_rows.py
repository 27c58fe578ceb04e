"""Rows stored per second: our run against a bare PyMeasure Worker and against QCoDeS.

The same rows, of an I(V), as fast as a procedure can emit them; rounds of all sides in turn. Ours
is a whole run on a virtual station that other processes could reach: header with the snapshot,
lock and heartbeat, watchdog, protection of the junction, live state and its file, each row handed
to the system before the next and on the disk within a second. PyMeasure's Worker and Recorder run
without a window, without messages; QCoDeS writes to SQLite with its defaults, one `add_result` a
row, twice: with the level as setpoint of the others, as its examples do, and with nothing
depending on anything, which needs fewer of the database's rows. A side is done when its last row
has left the process.

Targets (DESIGN.md): at least 0.9 times PyMeasure, at least 8 times QCoDeS.

Run: make bench, or python benchmarks/stored_rows.py [FOLDER], which should lie on a disk
"""

from __future__ import annotations

import io
import logging
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from pymeasure.experiment import IntegerParameter, Procedure, Results, Worker
from side_by_side import Comparison, in_table

from nanojunction.instruments.ownership.records import FOLDER_VARIABLE
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.procedures.environment import FIELD, TEMPERATURE
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.live import LIVE_FILE, Live
from nanojunction.procedures.rows import COMPLIANCE, CURRENT, LEG, SETPOINT, TIME, VOLTAGE
from nanojunction.procedures.runner import run_procedure

ROUNDS, ROWS, QCODES_ROWS = 7, 100_000, 5_000
LEG_ROWS = 1_000
VTI = "Temperature vti (K)"
COLUMNS = (TIME, LEG, SETPOINT["voltage"], VOLTAGE, CURRENT, FIELD, TEMPERATURE, VTI, COMPLIANCE)
Row = dict[str, float | int]


def rows_of_iv(count: int) -> Iterator[Row]:
    """Yield rows as a sweep has them: floats with all their digits, legs up and down."""
    for index in range(count):
        leg, along = divmod(index, LEG_ROWS)
        level = 0.01 * (along / LEG_ROWS - 0.5) * (-1) ** leg
        current = level / 157.0 - 26e-6 + 1e-9 * math.sin(index)
        yield {
            TIME: 0.0437 * index,
            LEG: leg,
            SETPOINT["voltage"]: level,
            VOLTAGE: level + 1e-6 * math.cos(index),
            CURRENT: current,
            FIELD: 0.1 + 1e-5 * math.sin(0.1 * index),
            TEMPERATURE: 40.0 + 0.003 * math.cos(0.1 * index),
            VTI: 39.2 + 0.002 * math.sin(0.1 * index),
            COMPLIANCE: 0,
        }


class OurRows(IVSweep):
    """An I(V) whose rows are there already: what is left is to store them."""

    count = IntegerParameter("Count", default=ROWS)
    took_s = math.nan

    def execute(self) -> None:
        """Emit the rows, and the progress after each as `IVSweep` does."""
        rows = list(rows_of_iv(self.count))
        began = time.perf_counter()
        for index, row in enumerate(rows):
            self.emit_row(row)
            self.emit("progress", 100.0 * index / self.count)
        self.took_s = time.perf_counter() - began


class BareRows(Procedure):
    """The same for PyMeasure's own Worker."""

    DATA_COLUMNS = COLUMNS
    count = IntegerParameter("Count", default=ROWS)
    took_s = math.nan

    def execute(self) -> None:
        """Emit the rows and the progress."""
        rows = list(rows_of_iv(self.count))
        began = time.perf_counter()
        for index, row in enumerate(rows):
            self.emit("results", row)
            self.emit("progress", 100.0 * index / self.count)
        self.took_s = time.perf_counter() - began


@contextmanager
def open_station(*, watchdog: bool) -> Iterator[Station]:
    """Open a station whose virtual instruments have addresses: it is owned as a real one is."""
    fast = {"speed": 10_000.0, "bus_latency_s": 0.0}
    with VirtualCryostat("A", **fast) as bench:
        at = {role: {"address": one.address, "visa_library": "@py"}
              for role, one in bench.endpoints.items()}  # fmt: skip
        content = {
            "source_meter": {
                "driver": "keithley2400", "max_voltage_V": 0.1, "max_current_A": 1e-3,
            } | at["source_meter"],
            "magnet": {
                "driver": "ips120_10", "max_field_T": 1.0, "ramp_T_per_min": 0.5,
            } | at["magnet"],
            "temperature": {"driver": "itc503", "min_K": 4, "max_K": 300} | at["temperature"],
            "virtual": {"speed": fast["speed"]},
        }  # fmt: skip
        station = Station(station_from(content, "bench"))
        station.watchdog = watchdog
        with station:
            yield station


def ours(station: Station, count: int, folder: Path) -> float:
    """Return rows per second of our run; raises RuntimeError if a row is missing."""
    procedure = OurRows(sample="A", measure_range=1e-4)
    procedure.count = count
    outcome = run_procedure(procedure, station, folder, live=Live(folder / LIVE_FILE))
    if not outcome.ok:
        raise RuntimeError(f"our run is {outcome.status}: {outcome.error}")
    _all_there(outcome.file, count)
    return count / procedure.took_s


def pymeasure(count: int, folder: Path) -> float:
    """Return rows per second of PyMeasure's Worker; raises RuntimeError if a row is missing."""
    procedure = BareRows(count=count)
    file = folder / f"pymeasure_{time.monotonic_ns()}.csv"
    worker = Worker(Results(procedure, str(file)), log_level=logging.CRITICAL)
    worker.start()
    worker.join(None)
    _all_there(file, count)
    return count / procedure.took_s


def _all_there(file: Path, count: int) -> None:
    with file.open(encoding="utf-8") as lines:
        found = sum(not line.startswith("#") for line in lines) - 1
    if found != count:
        raise RuntimeError(f"{file}: {found} rows, not {count}")


@contextmanager
def qcodes_database(folder: Path) -> Iterator[Any]:
    """Open an empty SQLite database of QCoDeS and yield an experiment in it."""
    os.environ.setdefault("QCODES_USER_PATH", str(folder))
    from qcodes.dataset import initialise_or_create_database_at, load_or_create_experiment

    initialise_or_create_database_at(str(folder / "qcodes.db"))
    experiment = load_or_create_experiment("bench", "A")
    try:
        yield experiment
    finally:
        experiment.conn.close()


def qcodes(experiment: Any, count: int, *, with_setpoints: bool) -> float:
    """Return rows per second of QCoDeS; raises RuntimeError if a row is missing."""
    from qcodes.dataset import Measurement

    names = {column: f"column_{index}" for index, column in enumerate(COLUMNS)}
    level = names[SETPOINT["voltage"]]
    measurement = Measurement(exp=experiment)
    measurement.register_custom_parameter(level, unit="V")
    for column, name in names.items():
        if name != level:
            depends = (level,) if with_setpoints else None
            measurement.register_custom_parameter(name, label=column, setpoints=depends)
    rows = [{names[column]: value for column, value in row.items()} for row in rows_of_iv(count)]
    with redirect_stdout(io.StringIO()), measurement.run() as saver:
        began = time.perf_counter()
        for row in rows:
            saver.add_result(*row.items())
        saver.flush_data_to_database()
        took_s = time.perf_counter() - began
    stored = saver.dataset.get_parameter_data()
    one = next(iter(stored.values())) if with_setpoints else stored[level]
    if len(one[level]) != count:
        raise RuntimeError(f"QCoDeS: {len(one[level])} rows, not {count}")
    return count / took_s


def compare(rounds: int, count: int, few: int, folder: Path, *, watchdog: bool) -> list[Comparison]:
    """Run all sides in turn, `rounds` times, and return what came of it."""
    os.environ.setdefault(FOLDER_VARIABLE, str(folder))
    with open_station(watchdog=watchdog) as station, qcodes_database(folder) as experiment:
        sides: dict[str, Callable[[], float]] = {
            "ours": lambda: ours(station, count, folder),
            "PyMeasure Worker": lambda: pymeasure(count, folder),
            "QCoDeS": lambda: qcodes(experiment, few, with_setpoints=True),
            "QCoDeS, nothing depends": lambda: qcodes(experiment, few, with_setpoints=False),
        }
        found: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, run in sides.items():
                found[side].append(run())
    targets = {"PyMeasure Worker": 0.9, "QCoDeS": 8.0, "QCoDeS, nothing depends": 8.0}
    return [_compared(side, found["ours"], found[side], least) for side, least in targets.items()]


def _compared(side: str, ours: Sequence[float], other: Sequence[float], least: float) -> Comparison:
    median = statistics.median
    ratios = tuple(mine / theirs for mine, theirs in zip(ours, other, strict=True))
    return Comparison(f"rows stored, against {side}", f"{median(ours):.0f} rows/s",
                      f"{median(other):.0f} rows/s", ratios, least, "least")  # fmt: skip


def main() -> int:
    """Measure, print, and return 0 if the targets are met."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as folder:
        found = compare(ROUNDS, ROWS, QCODES_ROWS, Path(folder), watchdog=True)
        return in_table(found)


if __name__ == "__main__":
    raise SystemExit(main())
