"""Junctions of known truth that are screened stage by stage; shares no code with the product.

The measuring line is Keithley-like: offsets of source, voltmeter and ammeter, and white noise that
follows the range.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from nanojunction.analysis.api import analyse_run
from nanojunction.analysis.calibration import MeasuringLine, measuring_line
from nanojunction.analysis.run import Conditions, Run, RunKind
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.judgement import judge_junction
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.screening.verdicts import STAGE_KEY, JunctionVerdict, Stage

Law = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Current (A) of a junction at voltages (V) and times (s)."""

SOURCE_V, METER_V, METER_A = 2e-6, 5e-6, 1e-10
BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)


def steady(of_voltage: Callable[[np.ndarray], np.ndarray]) -> Law:
    return lambda v, t: of_voltage(v)


def resistor(ohm: float, thermal_V: float = 0.0) -> Law:
    return lambda v, t: (v - thermal_V) / ohm


def junction_a(v: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Chowrira's A: −26 µA at 0 V, 157 Ω, a bend within ±1.4 mV."""
    return -26e-6 + v / 157.0 + 3e-6 * np.sin(v / 0.6e-3)


def junction_b(v: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Chowrira's B at 40 K, V_off at 84 mV."""
    return -13.8e-6 + v / 25.9e3 + 5.29e-3 * np.sign(v) * np.abs(v) ** 2.51


def nothing(v: np.ndarray, t: np.ndarray) -> np.ndarray:
    return v * 1e-13


def telegraph(law: Law, amplitude: float, dwell_s: float, seed: int) -> Law:
    """A law whose current jumps between (1 ± amplitude/2) of it, staying `dwell_s` on average."""
    edges = np.cumsum(np.random.default_rng(seed).exponential(dwell_s, 20000))

    def current(v: np.ndarray, t: np.ndarray) -> np.ndarray:
        up = np.searchsorted(edges, t) % 2
        return law(v, t) * (1.0 + amplitude * (up - 0.5))

    return current


@dataclass
class Bench:
    """A station that measures a junction as a screening does; its clock goes on from run to run.

    `law_of` gives the law in force before a stage is measured, so that a junction may change.
    `broken_in` names stages whose run ends as the protection ends it.
    """

    law_of: Callable[[Stage, int], Law]
    seed: int = 0
    max_voltage_V: float = 0.2
    limit_A: Mapping[Stage, float] = field(default_factory=lambda: {"contact": 1e-4})
    most_A: float = 1e-3
    status_of: Callable[[Stage, int], str] = lambda stage, n: "finished"
    device: str = "J1"
    clock_s: float = 0.0
    runs: dict[Stage, list[RunResult]] = field(default_factory=dict)
    largest_V: float = 0.0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def measure(self, stage: Stage, reach_V: float | None) -> RunResult:
        again = len(self.runs.get(stage, []))
        is_swept = stage != "at_zero"
        at_rest = np.zeros(300), np.zeros(300, dtype=np.int64)
        run = self.run_of(
            stage,
            self.law_of(stage, again),
            self.sweep(stage, reach_V) if is_swept else at_rest,
            kind="iv" if is_swept else "it",
            again=again,
            status=self.status_of(stage, again),
        )
        result = analyse_run(run)
        self.runs.setdefault(stage, []).append(result)
        self.clock_s += 0.2 * len(run) + 5.0
        return result

    def sweep(self, stage: Stage, reach_V: float | None) -> tuple[np.ndarray, np.ndarray]:
        if stage in ("contact", "contact_again"):
            points, step = [0.0, 1e-3, -1e-3, 0.0], 0.25e-3
        else:
            top = reach_V if stage == "wide_iv" else self._range_of_repeats()
            top = 10e-3 if top is None or stage == "short_iv" else top
            times = 3 if stage == "repeats" else 1
            points, step = [0.0, *[top, -top] * times, 0.0], abs(top) / 10
        setpoints, legs = [np.array([0.0])], [np.array([0])]
        for k, (a, b) in enumerate(itertools.pairwise(points)):
            n = round(abs(b - a) / step)
            setpoints.append(np.linspace(a, b, n + 1)[1:])
            legs.append(np.full(n, k))
        return np.concatenate(setpoints), np.concatenate(legs).astype(np.int64)

    def _range_of_repeats(self) -> float | None:
        wide = self.runs.get("wide_iv")
        return None if not wide else float(np.max(np.abs(wide[-1].run.setpoint_V)))

    def run_of(
        self,
        stage: Stage | None,
        law: Law,
        path: tuple[np.ndarray, np.ndarray],
        *,
        kind: RunKind = "iv",
        again: int = 0,
        status: str = "finished",
        device: str | None = None,
    ) -> Run:
        setpoint, leg = path
        device = device or self.device
        time_s = 0.2 * np.arange(len(setpoint))
        limit_A = self.limit_A.get(stage, self.most_A) if stage else self.most_A
        at_V = setpoint + SOURCE_V
        true_A = law(at_V, self.clock_s + time_s)
        limited = np.abs(true_A) > limit_A
        for n in np.flatnonzero(limited):  # the source settles where the junction carries the limit
            wide = np.linspace(-0.5, 0.5, 20001)
            carried = law(wide, np.full(len(wide), self.clock_s + time_s[n]))
            aim = math.copysign(limit_A, true_A[n])
            beyond = carried > aim
            near = np.flatnonzero(beyond[1:] != beyond[:-1])
            if len(near):
                at_V[n] = wide[near[np.argmin(np.abs(wide[near] - setpoint[n]))]]
            true_A[n] = aim
        self.largest_V = max(self.largest_V, float(np.max(np.abs(at_V))))
        range_A = 10.0 ** math.ceil(math.log10(max(1e-6, float(np.max(np.abs(true_A))))))
        noise_A = math.hypot(8.7e-12, 5e-6 * range_A)
        rng, rows = self.rng, len(setpoint)
        name = f"{device}_{stage or kind}_{again}.csv"
        return Run(
            file=Path(name),
            device=device,
            kind=kind,
            time_s=time_s,
            leg=leg,
            setpoint_V=setpoint,
            setpoint_A=None,
            voltage_V=at_V + METER_V + rng.normal(0, 4e-7, rows),
            current_A=true_A + METER_A + 5e-7 * range_A + rng.normal(0, noise_A, rows),
            field_T=None,
            temperature_K=None,
            in_compliance=limited,
            conditions=Conditions(temperature_K=40.0),
            header={
                "Procedure": "<nanojunction.procedures.iv.IVSweep>",
                "Started": (BEGIN + timedelta(seconds=self.clock_s)).isoformat(),
                **({STAGE_KEY: stage} if stage else {}),
            },
            status=status,
        )


JUNCTION = Junction("J1", max_voltage_V=0.2, max_current_A=1e-3)


def line_of(seed: int = 5, ohms: Sequence[float] = (100.0, 1e3, 10e3)) -> MeasuringLine:
    """The line as runs on calibrated resistors give it."""
    return measuring_line([analyse_run(run) for run in calibration_runs(seed, ohms)])


def screened(
    bench: Bench,
    line: MeasuringLine | None,
    thresholds: Thresholds | None = None,
    junction: Junction | None = None,
    most: int = 30,
) -> JunctionVerdict:
    """Measure what the judgement asks for until it asks for nothing more."""
    limits = replace(JUNCTION, max_voltage_V=bench.max_voltage_V)
    for _ in range(most):
        found = judge_junction(junction or limits, bench.runs, line, thresholds or Thresholds())
        if found.next_stage is None:
            return found
        bench.measure(found.next_stage, found.next_reach_V)
    raise AssertionError(f"the judgement asks for ever: {found}")


COLUMNS = "Time (s),Leg,Setpoint (V),Voltage (V),Current (A),Temperature (K),In compliance"


def written(run: Run, folder: Path, rows: slice = slice(None), part: str = "") -> Path:
    """Write a run, or some of its rows, as a run file of ours; `part` is what its header states."""
    header = {"Sample": run.device, "Kind": run.kind, **run.header}
    procedure = header.pop("Procedure")
    if part:
        header["Part"] = part
    stated = [f"#\t{key}: {value}" for key, value in header.items()]
    lines = [f"#Procedure: {procedure}", "#Parameters:", *stated, "#Data:", COLUMNS]
    assert run.time_s is not None and run.setpoint_V is not None
    kelvin = np.full(len(run), run.conditions.temperature_K)
    limited = run.in_compliance.astype(int)
    columns = (run.time_s, run.leg, run.setpoint_V, run.voltage_V, run.current_A, kelvin, limited)
    values = zip(*(one[rows].tolist() for one in columns), strict=True)
    lines += [",".join(map(repr, row)) for row in values]
    if run.status is not None:
        lines.append(f'# End: {{"status": "{run.status}", "rows": {len(run)}}}')
    name = f"{run.file.stem}_part{part.partition(',')[0]}.csv" if part else run.file.name
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def calibration_runs(seed: int = 5, ohms: Sequence[float] = (100.0, 1e3, 10e3)) -> list[Run]:
    """Runs on calibrated resistors."""
    runs = []
    for n, ohm in enumerate(ohms):
        bench = Bench(lambda stage, again, ohm=ohm: resistor(ohm), seed=seed + n)
        name = f"resistor-{ohm:g}"
        path = bench.sweep("repeats", None)
        runs.append(bench.run_of(None, resistor(ohm), path, kind="calibration", device=name))
    return runs
