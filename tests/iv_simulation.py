"""I(V) runs with known truth for the tests of the analysis; shares no code with the product."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import erf

from nanojunction.analysis.run import Conditions, Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity

Law = Callable[[np.ndarray], np.ndarray]

KATCKO = (0.0, 1.0, -1.0, 1.0, -1.0, 0.0)
PAIR = (-1.0, 1.0, -1.0)


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
    source_noise_V: float = 0.0,
    relative_noise: float = 0.0,
    hysteresis_A: float = 0.0,
    drift_A: float = 0.0,
    wander_A: float = 0.0,
) -> Run:
    """A run whose junction sits at the setpoint while both meters are noisy.

    `source_noise_V` moves the junction itself, which the voltmeter sees; `relative_noise` is a part
    of the current. The hysteresis is an even bump in V, of opposite sign in rising and falling
    legs; the drift is linear in time and zero on average; `wander_A` is the standard deviation of
    a random walk's last step from its first. `path` is what `sweep` gives.
    """
    setpoint, leg = path
    n = len(setpoint)
    bump = 1.0 - (setpoint / np.max(np.abs(setpoint))) ** 2 if n else setpoint
    at = setpoint + source_noise_V * rng.normal(size=n) if source_noise_V else setpoint
    current = law(at) + hysteresis_A * rising(setpoint, leg) * bump
    if relative_noise:
        current = current * (1.0 + relative_noise * rng.normal(size=n))
    current = current + drift_A * (np.arange(n) / max(n - 1, 1) - 0.5)
    if wander_A:
        walk = np.cumsum(rng.normal(size=n)) * wander_A / np.sqrt(n)
        current = current + walk - walk.mean()
    return Run(
        file=Path("simulated.csv"),
        device="simulated",
        kind="iv",
        time_s=0.1 * np.arange(n),
        leg=leg,
        setpoint_V=setpoint,
        setpoint_A=None,
        voltage_V=at + voltage_noise_V * rng.normal(size=n),
        current_A=current + current_noise_A * rng.normal(size=n),
        field_T=None,
        temperature_K=None,
        in_compliance=np.zeros(n, dtype=bool),
        conditions=conditions or Conditions(),
    )


def line(v: np.ndarray) -> np.ndarray:
    return -26e-6 + v / 157.0


def junction_b(v: np.ndarray) -> np.ndarray:
    """Chowrira's B at 40 K (QUANTITIES: meets V_off, I_off, R_s and P_max)."""
    return -13.8e-6 + v / 25.9e3 + 5.29e-3 * np.sign(v) * np.abs(v) ** 2.51


def diode(v: np.ndarray) -> np.ndarray:
    return 1e-6 * (np.exp(v / 0.026) - 1.0) - 5e-6


def barrier(v: np.ndarray) -> np.ndarray:
    return 1e-6 * np.sinh(v / 0.02) - 2e-6


def structured(v: np.ndarray) -> np.ndarray:
    """A slope that changes by half, to and fro within ±10 mV."""
    return -26e-6 + v / 157.0 + 6.4e-6 * np.sin(v / 2e-3)


def with_peaks(slope_S: float, offset_A: float, peaks: Sequence[tuple[float, float, float]]) -> Law:
    """A straight line whose dI/dV carries Gaussian peaks (position, FWHM, height)."""

    def current(v: np.ndarray) -> np.ndarray:
        i = offset_A + slope_S * v
        for position, fwhm, height in peaks:
            s = fwhm / math.sqrt(8.0 * math.log(2.0))
            i = i + height * s * math.sqrt(math.pi / 2.0) * erf(
                (v - position) / (s * math.sqrt(2.0))
            )
        return i

    return current


def quantity(result: RunResult, key: str) -> Quantity:
    """The scalar result of that name."""
    value = result.quantities[key]
    assert isinstance(value, Quantity)
    return value


def slope(law: Law, v: float) -> float:
    h = 1e-7
    return float((law(np.array([v + h])) - law(np.array([v - h])))[0]) / (2 * h)


def truth_of(law: Law, span: float) -> dict[str, float]:
    """The noiseless quantities, by root finding and numerical derivative."""

    def current(v: float) -> float:
        return float(law(np.array([v]))[0])

    v_off = brentq(current, 0.0, span, xtol=1e-15)
    top = minimize_scalar(
        lambda v: v * current(v), bounds=(0.0, v_off), method="bounded", options={"xatol": 1e-13}
    )
    chord = min(0.01, span)
    return {
        "i_off_A": current(0.0),
        "v_off_V": v_off,
        "r_s_local_zero_ohm": 1.0 / slope(law, 0.0),
        "r_s_local_offset_ohm": 1.0 / slope(law, v_off),
        "r_s_chord_ohm": 2.0 * chord / (current(chord) - current(-chord)),
        "p_max_W": -float(top.fun),
        "v_at_p_max_V": float(top.x),
        "fill_factor": -float(top.fun) / abs(v_off * current(0.0)),
    }
