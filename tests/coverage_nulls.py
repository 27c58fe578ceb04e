"""Runs and series in which there is nothing to find, and what must not be claimed of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nanojunction.analysis.calibration import against_line, measuring_line
from nanojunction.analysis.field.sign_reversal import TwoCurrents, find_windows
from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.temperature.activation import K_B_meV_per_K, ThermalPoint, fit_arrhenius
from nanojunction.analysis.values import Curve
from tests.coverage_cells import TEN_PAIRS
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
    sweep,
)

MOST_ALARMS = 0.05
MOST_LOST = 0.001
"""Share of null data with a claim, and of clean runs that lose a row."""

TEMPERATURES_K = (
    np.array([40.0, 70, 120, 210, 360]),
    np.array([40.0, 55, 75, 100, 140, 190, 265, 360]),
    np.array([40.0, 60, 80, 100, 120, 160, 200, 280, 360]),
    np.array([40.0, 50, 60, 70, 80, 95, 110, 130, 150, 180, 220, 260, 300, 360]),
    np.geomspace(40.0, 360.0, 25).round(1),
)
_THERMOVOLTAGE_V = 30e-6


def resistor(ohm: float, offset_V: float = 0.0) -> Law:
    """A resistor in series with a thermovoltage."""
    return lambda v: (v - offset_V) / ohm


Maker = Callable[[np.random.Generator], RunResult]


def _run(law: Law, span_V: float, points: int, turning: tuple[float, ...], noise_A: float) -> Maker:
    path = sweep([span_V * t for t in turning], 2.0 * span_V / points)
    return lambda rng: analyse_iv(noisy_run(law, path, rng, noise_A))


RUNS: dict[str, Maker] = {
    "line, 21 points": _run(resistor(157.0), 0.01, 20, PAIR, 1e-9),
    "line, 101 points": _run(resistor(157.0), 0.01, 100, PAIR, 1e-9),
    "line, Katcko's legs": _run(resistor(157.0), 0.01, 100, KATCKO, 1e-9),
    "line, 20 legs": _run(resistor(157.0), 0.01, 100, TEN_PAIRS, 1e-9),
    "line, 401 points": _run(resistor(10e3), 0.1, 400, PAIR, 1e-9),
}
"""Passive resistors: nothing crosses zero twice, generates, remembers or has structure."""


def _bare(
    law: Law,
    span_V: float,
    noise_A: float,
    turning: tuple[float, ...] = PAIR,
    *,
    power: float = 1.0,
    telegraph: float = 0.0,
    **extra: float,
) -> Maker:
    """Runs without structure in dI/dV.

    Setpoints are a power of evenly stepped ones, finer around 0 V; `telegraph` is how many times
    the noise the current switches by, every 25 rows on average.
    """
    even, leg = sweep(turning, 0.02)
    path = span_V * np.sign(even) * np.abs(even) ** power, leg

    def run(rng: np.random.Generator) -> RunResult:
        made = noisy_run(law, path, rng, noise_A, **extra)
        switched = np.cumsum(rng.random(len(leg)) < 0.04) % 2
        return analyse_iv(replace(made, current_A=made.current_A + telegraph * noise_A * switched))

    return run


STRUCTURELESS: dict[str, Maker] = {
    "line, hysteresis": _bare(line, 0.01, 1e-9, hysteresis_A=1e-7),
    "line, drift": _bare(line, 0.01, 1e-9, KATCKO, drift_A=5e-7),
    "line, random walk": _bare(line, 0.01, 1e-9, KATCKO, wander_A=3e-9),
    "line, telegraph noise × 2": _bare(line, 0.01, 1e-9, telegraph=2.0),
    "line, telegraph noise × 10": _bare(line, 0.01, 1e-9, telegraph=10.0),
    "line, steps finer at 0 V": _bare(line, 0.01, 1e-9, power=1.6),
    "power law": _bare(junction_b, 0.1, 0.5e-9),
    "power law, noise × 0.1": _bare(junction_b, 0.1, 0.5e-10),
    "power law, up only": _bare(junction_b, 0.1, 0.5e-9, (0.0, 1.0)),
    "power law, three repeats": _bare(junction_b, 0.1, 0.5e-9, (-1.0, 1.0) * 3),
    "power law, telegraph noise × 10": _bare(junction_b, 0.1, 0.5e-9, telegraph=10.0),
    "sinh": _bare(barrier, 0.1, 0.5e-9),
    "sinh, steps finer at 0 V": _bare(barrier, 0.1, 0.5e-9, power=1.6),
    "sinh, hysteresis and drift": _bare(barrier, 0.1, 0.5e-9, hysteresis_A=5e-8, drift_A=1e-8),
    "diode, one leg": _bare(diode, 0.1, 0.5e-9, (-1.0, 1.0)),
}
"""Curves in which no peak of dI/dV is to be found."""


CLAIMS: dict[str, Callable[[RunResult], bool]] = {
    "a feature": lambda result: bool(result.quantities["features"]),
    "several crossings": lambda result: (
        len(quantity(result, "v_off_V").extra.get("crossings_V", [])) > 1
    ),
    "generates": lambda result: bool(quantity(result, "p_max_W").value),
    "hysteresis": lambda result: bool(_hysteresis(result).extra["rms"].value),
    "drift": lambda result: bool(_hysteresis(result).extra["drift_taken_off"]),
}

CLEAN: dict[str, Maker] = {
    "line, 11 points": _run(line, 0.01, 10, PAIR, 1e-9),
    "line, 101 points": _run(line, 0.01, 100, PAIR, 1e-9),
    "power law, 101 points": _run(junction_b, 0.1, 100, PAIR, 0.5e-9),
    "diode, 21 points": _run(diode, 0.1, 20, PAIR, 0.5e-9),
}
"""Runs without an outlier."""


def _hysteresis(result: RunResult) -> Curve:
    curve = result.quantities["hysteresis_A"]
    assert isinstance(curve, Curve)
    return curve


def loses_a_row(result: RunResult) -> bool:
    """Tell whether an outlier was named."""
    return any("outlier" in warning for warning in result.warnings)


def is_called_candidate(rng: np.random.Generator) -> bool:
    """Tell whether a resistor with a thermovoltage is a candidate against calibrated ones."""
    path = sweep([-0.01, 0.01, -0.01], 5e-4)

    def result(ohm: float) -> RunResult:
        law = resistor(ohm, _THERMOVOLTAGE_V * float(rng.normal()))
        noise_A = 1e-6 / ohm
        return analyse_iv(noisy_run(law, path, rng, noise_A, voltage_noise_V=4e-7))

    calibrations = [
        replace(found, run=replace(found.run, kind="calibration", device=f"resistor-{ohm:g}"))
        for ohm in (100.0, 1e3, 10e3)
        for found in [result(ohm)]
    ]
    compared = against_line(result(float(10 ** rng.uniform(2, 4))), measuring_line(calibrations))
    return quantity(compared, "candidate").value == 1.0


def has_two_regimes(rng: np.random.Generator, temperature_K: np.ndarray, scatter: float) -> bool:
    """Tell whether one thermally activated regime, with this relative scatter, is called two."""
    exact = 25.9e3 * np.exp(12.43 / K_B_meV_per_K * (1.0 / temperature_K - 1.0 / 40.0))
    value = exact * (1.0 + scatter * rng.normal(size=len(exact)))
    points = [
        ThermalPoint(f"{t:g} K", t, x, scatter * x)
        for t, x in zip(temperature_K.tolist(), value.tolist(), strict=True)
    ]
    return fit_arrhenius(points, intervals=False, single_points=False).best == "two-regime"


def has_a_window(rng: np.random.Generator) -> bool:
    """Tell whether two equal resistors are said to carry opposite currents somewhere."""
    voltage = np.linspace(-0.01, 0.01, 101)
    noise = 1e-9 / np.sqrt(2.0)
    current = [voltage / 157.0 + noise * rng.normal(size=101) for _ in range(2)]
    pair = TwoCurrents(
        voltage,
        {"parallel": current[0], "reference": current[1]},
        {"parallel": np.full(101, noise), "reference": np.full(101, noise)},
    )
    return bool(find_windows(pair))
