"""Noise that goes with current or slope in sweeps of few rows, by likelihood.

In long sweeps the scatter of neighbours shows it (uneven_noise.py); a few rows only say which of
some laws makes what a description leaves the likeliest. Without it the voltmeter's noise on the
steep end of a curve passes for outliers, and is not counted where it acts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.traces import Traces, gradient_of_legs
from nanojunction.analysis.values import Array

COARSE = 60
"""Rows below which noise is looked for here."""

_CLEARLY = 6.0  # how far AICc falls with noise that is taken as uneven, its own parameter counted
_AGREED = -3.0  # so far it may even rise, if the voltmeter shows just this noise
_FLOORS_OF_SLOPE = (0.3, 0.1, 0.03, 0.01, 1e-3)  # variance of the constant part over the largest
_FLOORS_OF_CURRENT = (0.3, 0.1, 0.03)
_CONTRAST = 3.0  # variances that differ by less are taken as equal
_NOT_RULED_OUT = 9.0  # of twice the logarithm of the likelihood of what the description leaves
_AGREES = 3.0  # ratio of two estimates of the voltmeter's variance


@dataclass(frozen=True, slots=True, eq=False)
class LikelyNoise:
    """A noise of the rows over a typical one's; what the voltmeter shows may speak for it.

    `expected` is the variance of a typical row that the scatter of the sensed voltages gives, NaN
    if unknown.
    """

    relative: Array
    expected: float

    def needed(self, variance: float) -> float:
        """Return how far AICc must fall with it, if a typical row then has this variance."""
        ratio = variance / self.expected if self.expected > 0.0 else math.inf
        return _AGREED if 1.0 / _AGREES < ratio < _AGREES else _CLEARLY


def likely_noises(traces: Traces, fitted_A: Array, studentised_A: Array) -> list[LikelyNoise]:
    """Return noises of the rows that are about as likely as an even one, or likelier.

    They are sqrt(a² + (c·dI/dV)²) and sqrt(a² + (b·I)²) with several ratios of their parts;
    `fitted_A` describes the rows and leaves `studentised_A`.
    """
    rows = len(traces)
    square = studentised_A**2
    even = rows * math.log(max(float(square.mean()), 1e-300))
    slope, noise_V = gradient_of_legs(traces, fitted_A), _scatter_V(traces, fitted_A)
    found = []
    for course, known_V, floors in (
        (slope, noise_V, _FLOORS_OF_SLOPE),
        (fitted_A, math.nan, _FLOORS_OF_CURRENT),
    ):
        largest = max(float(np.max(np.abs(course))), 1e-150)
        known = (course / largest) ** 2
        for floor in floors:
            variance = floor + (1.0 - floor) * known
            if variance.max() < _CONTRAST * variance.min():
                continue
            likely = rows * math.log(max(float(np.mean(square / variance)), 1e-300))
            if likely + float(np.log(variance).sum()) < even + _NOT_RULED_OUT:
                typical = float(np.median(variance))
                expected = (known_V * largest) ** 2 / (1.0 - floor) * typical
                found.append(LikelyNoise(np.sqrt(variance / typical), expected))
    return found


def _scatter_V(traces: Traces, fitted_A: Array) -> float:
    """Return the noise of the sensed voltage against setpoint and lead, NaN without setpoints."""
    if traces.setpoint_V is None:
        return math.nan
    design = np.stack([np.ones(len(traces)), traces.setpoint_V, fitted_A], axis=1)
    design /= np.max(np.abs(design), axis=0)
    share, *_ = np.linalg.lstsq(design, traces.voltage_V, rcond=None)
    rest = traces.voltage_V - design @ share
    return math.sqrt(float(rest @ rest) / (len(traces) - 3))
