"""Legs of a sweep, found at the turning points of what was swept."""

from __future__ import annotations

import numpy as np

from nanojunction.analysis.values import Array

_NOISE_OF_SECOND_DIFFERENCE = np.sqrt(6.0)


def find_legs(swept: Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the leg of each row, from 0, a new one after each turning point of `swept` (SI).

    A reversal counts once it exceeds six times the noise of the values. Values in no sweep order
    (a shuffled file) are one leg.
    """
    leg = np.zeros(len(swept), dtype=np.int64)
    if len(swept) < 3:
        return leg
    turns = _turning_points(swept, 6.0 * white_noise(swept))
    if len(turns) * 3 > len(swept):
        return leg
    for turn in turns:
        leg[turn + 1 :] += 1
    return leg


def _turning_points(swept: Array, tolerance: float) -> list[int]:
    """Return the rows at which the direction reverses by more than `tolerance`."""
    tolerance = max(tolerance, 1e-9 * float(np.ptp(swept)))
    turns: list[int] = []
    direction = 0
    extreme, at, low_at, high_at = swept[0], 0, 0, 0
    for row, value in enumerate(swept.tolist()):
        if direction == 0:
            low_at = row if value <= swept[low_at] else low_at
            high_at = row if value >= swept[high_at] else high_at
            if value - swept[low_at] > tolerance:
                direction, extreme, at = 1, value, row
            elif swept[high_at] - value > tolerance:
                direction, extreme, at = -1, value, row
        elif direction * (value - extreme) >= 0:
            extreme, at = value, row
        elif direction * (extreme - value) > tolerance:
            turns.append(at)
            direction, extreme, at = -direction, value, row
    return turns


def white_noise(values: Array) -> float:
    """Return the standard deviation of white noise on a smooth course, from second differences."""
    return float(white_noises(values[None, :])[0])


def white_noises(values: Array) -> Array:
    """Return what `white_noise` does for each row of values."""
    if values.shape[1] < 3:
        return np.zeros(len(values))
    second = np.abs(values[:, 2:] - 2.0 * values[:, 1:-1] + values[:, :-2])
    return np.asarray(1.4826 * np.median(second, axis=1) / _NOISE_OF_SECOND_DIFFERENCE)


def is_swept(values: Array) -> bool:
    """Tell whether values were swept on purpose, rather than held with noise and drift."""
    span = float(np.ptp(values))
    return span > 12.0 * white_noise(values) and span > 0.1 * float(np.max(np.abs(values)))
