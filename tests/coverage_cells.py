"""The kinds of runs on which standard errors are tried: laws, sweeps, noises; and what was found.

Every truth comes from the noiseless law by root finding and numerical derivative; the analysis has
no part in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Curve
from tests.iv_simulation import (
    KATCKO,
    PAIR,
    Law,
    barrier,
    diode,
    junction_b,
    line,
    noisy_run,
    quantity,
    rising,
    structured,
    sweep,
    truth_of,
    with_peaks,
)

ONE_LEG, RETURN_LEG = (-1.0, 1.0), (1.0, -1.0)
QUARTERS = (0.0, 1.0, 0.0, -1.0, 0.0)
TEN_PAIRS = (-1.0, 1.0) * 10 + (-1.0,)
LEAST, MOST, WIDEST = 0.55, 0.80, 1.5
"""Share of repeats within ±1 stderr, and stderr over the scatter, of an honest standard error."""

PEAK = (0.6e-3, 0.4e-3, 6e-4)
"""Position and FWHM (V) and height (S) of the peak in the cells with a feature."""


@dataclass(frozen=True)
class Cell:
    """One kind of run, to be repeated with other noise."""

    law: Law
    span_V: float
    points: int  # steps from −span to +span
    turning: tuple[float, ...]
    noise_A: float
    extra: Mapping[str, float] = field(default_factory=dict)
    peak: bool = False
    spike: float = 0.0  # how far off one row is, in standard deviations of the noise


def _noises(name: str, law: Law, span_V: float, noise_A: float) -> dict[str, Cell]:
    """Return the cells of a law at several sizes of the noise, and in several kinds of sweep."""
    cells = {
        f"{name}, noise × {size:g}": Cell(law, span_V, 100, PAIR, size * noise_A)
        for size in (0.1, 1.0, 10.0)
    }
    for sweep_name, points, turning in (
        ("11 points", 10, PAIR),
        ("21 points", 20, PAIR),
        ("401 points", 400, PAIR),
        ("one leg", 100, ONE_LEG),
        ("return leg of 21 points", 20, RETURN_LEG),
        ("quarter legs", 80, QUARTERS),
        ("Katcko's legs", 40, KATCKO),
        ("20 legs", 40, TEN_PAIRS),
    ):
        cells[f"{name}, {sweep_name}"] = Cell(law, span_V, points, turning, noise_A)
    small, step = noise_A, 2.0 * span_V / 100
    for kind, turning, extra in (
        ("voltmeter's noise", PAIR, {"voltage_noise_V": 0.02 * step}),
        ("source's noise", PAIR, {"source_noise_V": 0.02 * step}),
        ("noise ∝ I", PAIR, {"relative_noise": 1e-3}),
        ("drift", PAIR, {"drift_A": 5.0 * small}),
        ("drift, Katcko", KATCKO, {"drift_A": 20.0 * small}),
        ("random walk", PAIR, {"wander_A": 0.3 * small}),
        ("hysteresis", PAIR, {"hysteresis_A": 5.0 * small}),
        ("hysteresis and drift", KATCKO, {"hysteresis_A": 10.0 * small, "drift_A": 5.0 * small}),
    ):
        cells[f"{name}, {kind}"] = Cell(law, span_V, 100, turning, small, extra)
    return cells


CELLS: dict[str, Cell] = {
    **_noises("line", line, 0.01, 1e-9),
    **_noises("power law", junction_b, 0.1, 0.5e-9),
    **_noises("diode", diode, 0.1, 0.5e-9),
    **_noises("sinh", barrier, 0.1, 0.5e-9),
    **{
        f"structured, {name}": Cell(structured, 0.01, points, turning, 1e-9)
        for name, points, turning in (
            ("noise × 1", 100, PAIR),
            ("one leg", 100, ONE_LEG),
            ("Katcko's legs", 100, KATCKO),
        )
    },
    **{
        f"{name}, {points} points, spike × {spike:g}": Cell(
            law, span_V, points - 1, PAIR, noise_A, spike=spike
        )
        for name, law, span_V, noise_A in (
            ("line", line, 0.01, 1e-9),
            ("power law", junction_b, 0.1, 0.5e-9),
        )
        for points in (21, 41, 101)
        for spike in (10.0, 30.0, 1000.0)
    },
    **{
        f"feature, {name}": Cell(
            with_peaks(1 / 157.0, -2e-6, [PEAK]), 2e-3, points, turning, noise, peak=True
        )
        for name, points, turning, noise in (
            ("noise × 0.1", 160, PAIR, 1e-10),
            ("noise × 1", 160, PAIR, 1e-9),
            ("noise × 3", 160, PAIR, 3e-9),
            ("81 points", 80, PAIR, 1e-9),
            ("one leg", 160, ONE_LEG, 1e-9),
            ("20 legs", 160, TEN_PAIRS, 3e-9),
        )
    },
}


@dataclass(frozen=True)
class Found:
    """What repeats of a cell gave of one quantity: values and standard errors that there were."""

    truth: float
    value: np.ndarray
    stderr: np.ndarray
    repeats: int

    @property
    def coverage(self) -> float:
        """The share of values within ±1 stderr."""
        return float(np.mean(np.abs(self.value - self.truth) <= self.stderr))

    @property
    def width(self) -> float:
        """The usual stderr over the scatter of the values."""
        return float(np.median(self.stderr) / np.std(self.value))

    @property
    def is_honest(self) -> bool:
        """Tell whether the standard error holds the truth as often as it should, and no wider."""
        return LEAST <= self.coverage <= MOST and self.width <= WIDEST


def truths(cell: Cell) -> dict[str, float]:
    """Return the noiseless quantities of a cell."""
    truth = truth_of(cell.law, cell.span_V)
    hysteresis = cell.extra.get("hysteresis_A", 0.0)
    if hysteresis:
        setpoint, leg = sweep(cell.turning, 2.0 / cell.points)
        way = rising(setpoint, leg)
        both = set(setpoint[way > 0].round(9)) & set(setpoint[way < 0].round(9))
        bump = 1.0 - np.array(sorted(both)) ** 2
        truth["hysteresis rms"] = 2.0 * hysteresis * float(np.sqrt(np.mean(bump**2)))
    if cell.peak:
        truth |= {"feature at": PEAK[0], "FWHM": 1e3 * PEAK[1], "T_eff": 1e3 * PEAK[1] / 0.08617333}
    return truth


def repeat(cell: Cell, repeats: int, seed: int) -> dict[str, Found]:
    """Return what so many simulated runs of a cell gave."""
    rng = np.random.default_rng(seed)
    path = sweep([cell.span_V * t for t in cell.turning], 2.0 * cell.span_V / cell.points)
    truth = truths(cell)
    pairs: dict[str, list[tuple[float, float]]] = {key: [] for key in truth}
    for _ in range(repeats):
        run = noisy_run(cell.law, path, rng, cell.noise_A, **cell.extra)
        if cell.spike:
            run.current_A[rng.integers(len(run.current_A))] += cell.spike * cell.noise_A
        result = analyse_iv(run)
        for key, pair in _pairs(result, truth):
            pairs[key].append(pair)
    return {
        key: Found(truth[key], *np.array(found).reshape(-1, 2).T, repeats)
        for key, found in pairs.items()
    }


def _pairs(result: RunResult, keys: Iterable[str]) -> Iterable[tuple[str, tuple[float, float]]]:
    """Yield (key, (value, stderr)) of what one run gave."""
    for key in keys:
        if key == "hysteresis rms":
            curve = result.quantities["hysteresis_A"]
            assert isinstance(curve, Curve)
            one = curve.extra["rms"]
        elif key in ("feature at", "FWHM", "T_eff"):
            features = result.quantities["features"]
            assert isinstance(features, list)
            name = {"feature at": "position_V", "FWHM": "fwhm_meV", "T_eff": "t_eff_K"}[key]
            near = [f for f in features if abs(f["position_V"].value - PEAK[0]) < PEAK[1]]
            yield from ((key, (f[name].value, f[name].stderr)) for f in near)
            continue
        else:
            one = quantity(result, key)
        if one.value is not None and one.stderr is not None:
            yield key, (one.value, one.stderr)
