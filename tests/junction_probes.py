"""Quantities of a noiseless law, by root finding and numerical derivatives (QUANTITIES' words)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from nanojunction.models.junction import JunctionLaw, Memory

Curve = Callable[[float], float]


def after_fields(law: JunctionLaw, *fields_T: float) -> Memory:
    """The memory after ramps to these fields, one after the other, from the virgin state."""
    memory = law.at_rest()
    for field_T in fields_T:
        memory = law.apply_field(memory, field_T)
    return memory


def iv(law: JunctionLaw, temperature_K: float, memory: Memory | None = None) -> Curve:
    """I(V), every point reached from the memory's voltage."""
    start = law.at_rest() if memory is None else memory
    return lambda voltage_V: law.current_A(voltage_V, temperature_K, start)


def trace(law: JunctionLaw, temperature_K: float, start_V: float) -> Curve:
    """I(V) on the way from a start voltage: rising from below, falling from above."""
    return iv(law, temperature_K, law.apply_voltage(law.at_rest(), start_V))


def slope(current: Curve, voltage_V: float, step_V: float = 1e-6) -> float:
    return (current(voltage_V + step_V) - current(voltage_V - step_V)) / (2 * step_V)


def chord_ohm(current: Curve, half_width_V: float) -> float:
    return 2 * half_width_V / (current(half_width_V) - current(-half_width_V))


def v_off_V(current: Curve, low_V: float, high_V: float) -> float:
    return float(brentq(current, low_V, high_V, xtol=1e-15))


def p_max_W(current: Curve, v_off: float) -> float:
    found = minimize_scalar(
        lambda v: v * current(v), bounds=(0, v_off), method="bounded", options={"xatol": 1e-12}
    )
    return -float(found.fun)


@dataclass(frozen=True)
class Peak:
    position: float
    height: float
    fwhm: float


def peak(curve: Curve, low: float, high: float, base: float = 0.0) -> Peak:
    """The one extremum of curve − base between low and high, and its width at half its height."""
    x = np.linspace(low, high, 2001)
    rough = x[np.argmax([abs(curve(v) - base) for v in x])]
    reach = (high - low) / 1000
    found = minimize_scalar(
        lambda v: -abs(curve(v) - base),
        bounds=(rough - reach, rough + reach),
        method="bounded",
        options={"xatol": 1e-12},
    )
    top = float(found.x)
    height = curve(top) - base

    def above_half(v: float) -> float:
        return (curve(v) - base) / height - 0.5

    left, right = brentq(above_half, low, top), brentq(above_half, top, high)
    return Peak(top, height, float(right - left))


def first_true(condition: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition that is false at low and true at high turns over."""
    assert not condition(low)
    assert condition(high)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if condition(middle) else (middle, high)
    return high
