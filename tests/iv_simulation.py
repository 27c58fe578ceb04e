"""I(V) runs with known truth for the tests of the analysis; shares no code with the product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from nanojunction.analysis.run import Conditions, Run

Law = Callable[[np.ndarray], np.ndarray]


def sweep(turning_points: Sequence[float], step: float) -> tuple[np.ndarray, np.ndarray]:
    """Setpoints along the turning points, and each row's leg."""
    setpoints, legs = [], []
    for k, (a, b) in enumerate(pairwise(turning_points)):
        points = np.linspace(a, b, max(1, round(abs(b - a) / step)) + 1)
        setpoints.append(points if k == 0 else points[1:])
        legs.append(np.full(len(setpoints[-1]), k))
    return np.concatenate(setpoints), np.concatenate(legs)


def rising(setpoint: np.ndarray, leg: np.ndarray) -> np.ndarray:
    """+1 in legs with rising setpoint, −1 in the others."""
    sign = np.ones(len(leg))
    for k in np.unique(leg):
        rows = np.flatnonzero(leg == k)
        sign[rows] = np.sign(setpoint[rows[-1]] - setpoint[max(rows[0] - 1, 0)]) or 1.0
    return sign


def noisy_run(
    law: Law,
    path: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    current_noise_A: float,
    *,
    voltage_noise_V: float = 4e-7,
    conditions: Conditions | None = None,
    hysteresis_A: float = 0.0,
    drift_A: float = 0.0,
) -> Run:
    """A run whose junction sits at the setpoint while both meters are noisy.

    The hysteresis is an even bump in V, of opposite sign in rising and falling legs; the drift is
    linear in time and zero on average. `path` is what `sweep` gives.
    """
    setpoint, leg = path
    n = len(setpoint)
    bump = 1.0 - (setpoint / np.max(np.abs(setpoint))) ** 2 if n else setpoint
    current = law(setpoint) + hysteresis_A * rising(setpoint, leg) * bump
    current = current + drift_A * (np.arange(n) / max(n - 1, 1) - 0.5)
    return Run(
        file=Path("simulated.csv"),
        device="simulated",
        kind="iv",
        time_s=0.1 * np.arange(n),
        leg=leg,
        setpoint_V=setpoint,
        setpoint_A=None,
        voltage_V=setpoint + voltage_noise_V * rng.normal(size=n),
        current_A=current + current_noise_A * rng.normal(size=n),
        field_T=None,
        temperature_K=None,
        in_compliance=np.zeros(n, dtype=bool),
        conditions=conditions or Conditions(),
    )
