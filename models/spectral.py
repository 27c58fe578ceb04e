"""Features in dI/dV that are narrower than k_BT, and the current that they carry."""

from __future__ import annotations

from math import erfc, log, pi, sqrt
from typing import NamedTuple

__all__ = ["Step", "carried"]

_AREA = sqrt(pi / (4 * log(2)))  # of a Gaussian of unit height and unit FWHM
_SCALE = 2 * sqrt(log(2))


class Step(NamedTuple):
    """A Gaussian feature in dI/dV as a step in I: where, 1/(σ√2) in 1/V, and half its height."""

    position_V: float
    steepness_per_V: float
    half_height: float

    @classmethod
    def of_peak(cls, position_V: float, fwhm_V: float, amplitude: float) -> Step:
        """Return the step of a peak; a height in A for an amplitude in S, in V for a ratio."""
        return cls(position_V, _SCALE / fwhm_V, amplitude * fwhm_V * _AREA / 2)


def carried(steps: tuple[Step, ...], voltage_V: float) -> float:
    """Return the integral of all features from +∞ to `voltage_V`: 0 far above, constant far below.

    In A for amplitudes in S, in V for amplitudes that are ratios.
    """
    total = 0.0
    for position_V, steepness_per_V, half_height in steps:
        total -= half_height * erfc((voltage_V - position_V) * steepness_per_V)
    return total
