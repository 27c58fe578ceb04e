"""Exchange interactions from Green functions, Fransson, Ren & Zhu 2014, Eqs. (3)–(6), by numbers.

Nothing is reduced: G^r is an inverted matrix, G^</> = G^r Σ^</> G^a, and the double integrals of
Eqs. (5a) and (5b) are sums over two energies with the principal value between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

K_MEV = 8.617333262e-2
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Leads:
    """A dimer between two leads, in meV and K; site 0 is coupled to the left, 1 to the right."""

    mu: float = 0.0
    bias: float = 0.0
    t_left: float = 1.0
    delta_t: float = 0.0
    p: tuple[float, float] = (0.0, 0.0)
    gamma: float = 1 / 3
    tc: float = 1.0
    energies: NDArray[np.float64] = field(default_factory=lambda: np.arange(-60.0, 60.0, 0.003))

    def widths(self, spin: int) -> NDArray[np.float64]:
        """Γ^χ_σ of both leads."""
        return self.gamma / 4 * (1 + spin * np.array(self.p))

    def greens(self, spin: int) -> tuple[Complex, Complex]:
        """G^< and G^> of a spin, shape (energies, 2, 2)."""
        size = self.energies.size
        hopping = self.tc * np.array([[0, 1], [1, 0]])
        widths = np.diag(self.widths(spin)).astype(complex)
        inverse = self.energies[:, None, None] * np.eye(2) - hopping + 0.5j * widths
        retarded = np.linalg.inv(inverse)
        advanced = retarded.conj().transpose(0, 2, 1)
        filled = np.zeros((size, 2, 2), complex)
        for lead, (sign, heat) in enumerate(((+1, 0.0), (-1, self.delta_t))):
            x = (self.energies - self.mu - sign * self.bias / 2) / (K_MEV * (self.t_left + heat))
            filled[:, lead, lead] = 0.5 * (1 - np.tanh(x / 2)) * widths[lead, lead]
        return 1j * retarded @ filled @ advanced, -1j * retarded @ (widths - filled) @ advanced

    def exchange(self, m: int = 0, n: int = 1) -> tuple[float, float, float]:
        """J_mn, I_mn and D_mn for J_m = J_n = 1 meV.

        (5b) and (5c) are taken as they follow from (3); two of their terms are swapped in print.
        """
        up, down = self.greens(+1), self.greens(-1)
        charge = [(a + b) / 2 for a, b in zip(up, down, strict=True)]
        spin = [(a - b) / 2 for a, b in zip(up, down, strict=True)]

        def at(pair: list[Complex], row: int, column: int) -> list[Complex]:
            return [one[:, row, column] for one in pair]

        (g_less, g_more), (s_less, s_more) = at(charge, m, n), at(spin, m, n)
        (g_less_back, g_more_back), (s_less_back, s_more_back) = at(charge, n, m), at(spin, n, m)
        both_charge = self.double(g_less, g_more_back) - self.double(g_more, g_less_back)
        both_spin = self.double(s_less, s_more_back) - self.double(s_more, s_less_back)
        transfer = (
            g_less * s_more_back - g_more * s_less_back
            - s_less * g_more_back + s_more * g_less_back
        )  # fmt: skip
        d = transfer.sum() * self.step / (2 * np.pi) / 4
        return (both_charge - both_spin).real / 2, both_spin.real, d.real

    @property
    def step(self) -> float:
        """The distance of neighbouring energies."""
        return float(self.energies[1] - self.energies[0])

    def double(self, first: Complex, second: Complex) -> complex:
        """∫∫ first(ε) second(ε')/(ε' − ε) dε dε'/(2π)², the principal value.

        The sum takes every other ε', those on either side of ε: it converges exponentially.
        """
        size = self.energies.size
        apart = np.arange(1 - size, size)
        odd = np.where(apart % 2, 2.0 / np.where(apart, apart, 1), 0.0)
        at_first = fftconvolve(second, -odd)[size - 1 : 2 * size - 1]
        return complex((first * at_first).sum() * self.step / (2 * np.pi) ** 2)
