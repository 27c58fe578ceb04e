"""The spin engine a second time: Green functions on a mesh of energies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nanojunction.models.transport import SpinEngine

NA_PER_MEV = 38.740459  # e²/h of one spin

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spin:
    """One spin of a state at one voltage, on energies around 0."""

    engine: SpinEngine
    bias_mV: float
    spin: int
    step_meV: float = 0.02
    reach_meV: float = 150.0

    @cached_property
    def energies(self) -> Array:
        return np.arange(-self.reach_meV, self.reach_meV, self.step_meV)

    @cached_property
    def levels(self) -> tuple[float, float, float, float]:
        e, s, V = self.engine, self.spin, self.bias_mV
        return (
            e.E0_meV + V / 3 + s * e.SP_meV / 2,
            e.e0_meV + e.asym_meV / 2 + V / 6 + s * e.delta1_meV / 2,
            e.e0_meV - e.asym_meV / 2 - V / 6 + s * e.delta2_meV / 2,
            e.E0_meV - V / 3 + s * float(np.sign(e.ap)) * e.SP_meV / 2,
        )

    @cached_property
    def widths(self) -> tuple[float, float]:
        e = self.engine
        return tuple(e.broadening_meV * (1 + self.spin * p) for p in (e.p_left, e.p_right))

    @cached_property
    def occupied(self) -> tuple[Array, Array]:
        e, s, V = self.engine, self.spin, self.bias_mV
        mu = V / 2 + s * e.sp_meV, -V / 2 + s * e.sp_meV * e.ap
        return tuple(0.5 - 0.5 * np.tanh((self.energies - m) / (2 * e.kt_meV)) for m in mu)

    def nA(self, integrand: Array) -> float:
        return NA_PER_MEV * self.engine.scale * float(np.trapezoid(integrand, dx=self.step_meV))

    def current_nA(self) -> float:
        """I_σ with G14 as a continued fraction."""
        e, x = self.engine, self.energies
        T1, T2, T3 = e.t1_meV, e.t2_meV, e.t3_meV
        (left, right), (f_L, f_R) = self.widths, self.occupied
        d1, d2, d3, d4 = (x - level for level in self.levels)
        d1, d4 = d1 + 0.5j * left, d4 + 0.5j * right
        inner = d3 * d4 - T3**2
        G14 = T1 * T2 * T3 / (d1 * (d2 * inner - T2**2 * d4) - T1**2 * inner)
        return self.nA(left * right * np.abs(G14) ** 2 * (f_L - f_R))

    def bond_currents_nA(self) -> list[float]:
        """The currents between neighbouring sites, from the lesser Green function."""
        e, (left, right), (f_L, f_R) = self.engine, self.widths, self.occupied
        hoppings = (e.t1_meV, e.t2_meV, e.t3_meV)
        H = np.diag(np.array(self.levels, dtype=complex))
        H += np.diag(hoppings, 1) + np.diag(hoppings, -1)
        H[0, 0] -= 0.5j * left
        H[3, 3] -= 0.5j * right
        G = np.linalg.inv(self.energies[:, None, None] * np.eye(4) - H)
        filled = np.zeros((len(self.energies), 4))
        filled[:, 0], filled[:, 3] = left * f_L, right * f_R
        lesser = np.einsum("xij,xj,xkj->xik", G, filled, G.conj())
        return [self.nA(-2 * T * lesser[:, site + 1, site].imag) for site, T in enumerate(hoppings)]


def current_nA(engine: SpinEngine, bias_mV: float) -> float:
    """The current of both spins."""
    return sum(Spin(engine, bias_mV, spin).current_nA() for spin in (+1, -1))
