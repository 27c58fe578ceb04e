"""Laws of I(V) that a postdoc fits: the current, its slope, and both by each parameter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from reanalyses.answer import Array
from scipy.special import erf

_LN2 = math.log(2.0)


class Law(Protocol):
    """I(V; p)."""

    def point(self, v: float, p: list[float]) -> tuple[float, float, float]:
        """Return I, dI/dV and d²I/dV² at one voltage."""
        ...

    def current(self, v: Array, p: Array) -> Array:
        """Return I at voltages."""
        ...

    def by_parameter(self, v: Array, p: Array) -> Array:
        """Return the derivatives of I by each parameter, (voltages, parameters)."""
        ...


class Straight:
    """a + b·V."""

    def point(self, v: float, p: list[float]) -> tuple[float, float, float]:
        """Return I, dI/dV and d²I/dV²."""
        return p[0] + p[1] * v, p[1], 0.0

    def current(self, v: Array, p: Array) -> Array:
        """Return I."""
        return np.asarray(p[0] + p[1] * v)

    def by_parameter(self, v: Array, p: Array) -> Array:
        """Return the derivatives of I by a and b."""
        del p
        return np.column_stack([np.ones_like(v), v])


class PowerLaw:
    """a + b·V + e·V² + c·sgn(V)·|V|ⁿ."""

    def point(self, v: float, p: list[float]) -> tuple[float, float, float]:
        """Return I, dI/dV and d²I/dV²."""
        a, b, e, c, n = p
        size = abs(v) or 1e-12
        power = c * size**n
        sign = math.copysign(1.0, v)
        return (
            a + b * v + e * v * v + sign * power,
            b + 2.0 * e * v + n * power / size,
            2.0 * e + sign * n * (n - 1.0) * power / size**2,
        )

    def current(self, v: Array, p: Array) -> Array:
        """Return I."""
        a, b, e, c, n = p
        return np.asarray(a + b * v + e * v * v + c * np.sign(v) * np.abs(v) ** n)

    def by_parameter(self, v: Array, p: Array) -> Array:
        """Return the derivatives of I by a, b, e, c and n."""
        size = np.maximum(np.abs(v), 1e-12)
        power = np.sign(v) * size ** p[4]
        return np.column_stack([np.ones_like(v), v, v * v, power, p[3] * power * np.log(size)])


@dataclass(frozen=True, slots=True)
class Peaks:
    """a + b·V + e·V² and the integrals of peaks of dI/dV; p goes on with place, FWHM, height."""

    shape: Callable[[Array], tuple[Array, Array]]

    def point(self, v: float, p: list[float]) -> tuple[float, float, float]:
        """Return I, dI/dV and d²I/dV²; the last by differences."""
        h = 1e-3 * min(p[4::3])
        q = np.array(p)
        below, here, above = self.current(np.array([v - h, v, v + h]), q).tolist()
        return here, (above - below) / (2.0 * h), (above - 2.0 * here + below) / h**2

    def current(self, v: Array, p: Array) -> Array:
        """Return I."""
        place, fwhm, height = p[3:].reshape(-1, 3).T
        integral, _ = self.shape((v[:, None] - place) / fwhm)
        return np.asarray(p[0] + p[1] * v + p[2] * v * v + integral @ (fwhm * height))

    def by_parameter(self, v: Array, p: Array) -> Array:
        """Return the derivatives of I by each parameter."""
        place, fwhm, height = p[3:].reshape(-1, 3).T
        u = (v[:, None] - place) / fwhm
        integral, peak = self.shape(u)
        out = np.empty((len(v), len(p)))
        out[:, 0], out[:, 1], out[:, 2] = 1.0, v, v * v
        out[:, 3::3] = -height * peak
        out[:, 4::3] = height * (integral - u * peak)
        out[:, 5::3] = fwhm * integral
        return out


def gaussian(u: Array) -> tuple[Array, Array]:
    """Return the integral of a Gaussian of unit height and FWHM, and the Gaussian."""
    area = math.sqrt(math.pi / _LN2) / 4.0
    return np.asarray(area * erf(2.0 * math.sqrt(_LN2) * u)), np.exp(-4.0 * _LN2 * u * u)


def lorentzian(u: Array) -> tuple[Array, Array]:
    """Return the integral of a Lorentzian of unit height and FWHM, and the Lorentzian."""
    return 0.5 * np.arctan(2.0 * u), 1.0 / (1.0 + 4.0 * u * u)
