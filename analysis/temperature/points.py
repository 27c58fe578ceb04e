"""The points of a temperature series: which enter a fit, which do not and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ThermalPoint:
    """One quantity of one run at the run's mean sample temperature."""

    name: str
    temperature_K: float | None
    value: float | None
    stderr: float | None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A point that entered no fit, and why."""

    name: str
    temperature_K: float | None
    reason: str


def majority_sign(points: Sequence[ThermalPoint]) -> int:
    """Return the sign of most points; where they balance, that of the largest sum."""
    values = [
        point.value
        for point in points
        if point.value is not None and abs(point.value) > 3 * (point.stderr or 0.0)
    ]
    balance = sum(int(np.sign(value)) for value in values) or float(np.sum(values or [0.0]))
    return -1 if balance < 0 else 1


def usable(
    points: Sequence[ThermalPoint], sign: int, signed: bool
) -> tuple[list[tuple[float, float, float, str]], list[Exclusion]]:
    """Sort points into (temperature, sign·value, stderr, name) and named exclusions."""
    kept: list[tuple[float, float, float, str]] = []
    excluded: list[Exclusion] = []
    for point in points:
        reason = _why_not(point, sign, signed)
        if reason is not None:
            excluded.append(Exclusion(point.name, point.temperature_K, reason))
        elif point.temperature_K is not None and point.value is not None:
            stderr = math.nan if point.stderr is None else point.stderr
            kept.append((point.temperature_K, sign * point.value, stderr, point.name))
    return kept, excluded


def _why_not(point: ThermalPoint, sign: int, signed: bool) -> str | None:
    temperature, value, stderr = point.temperature_K, point.value, point.stderr
    if temperature is None or not math.isfinite(temperature) or temperature <= 0:
        return "no temperature above 0 K"
    if value is None or not math.isfinite(value):
        return "the quantity is missing"
    if stderr is not None and not (math.isfinite(stderr) and stderr >= 0):
        return "the standard error is not a number"
    if abs(value) <= 3 * (stderr or 0.0):
        return "zero within 3 standard errors"
    if sign * value <= 0:
        return "the sign of the minority" if signed else "not above zero"
    return None
