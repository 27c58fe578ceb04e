"""What stands beside the Fermi functions under the integrals of the exchange interactions.

Published are the general expressions, Fransson, Ren & Zhu 2014, Eqs. (5a)–(5c), and their forms for
equal levels, Eqs. (7)–(9). Derived here are exact reductions of (5a)–(5c) that hold for any two
polarisations. With z the energy above the levels, D_σ = (z + iΓ^L_σ/2)(z + iΓ^R_σ/2) − Tc²,
N_σ = |D_σ|², R_σ = Re D_σ and σ̄ the opposite of σ, they are, for J1 = J2 = 1 meV,

    J = −(Tc²/4π) Σ_σ     ∫ z (Γ^L_σ f_L + Γ^R_σ f_R) R_σ̄ / (N_↑ N_↓) dε
    I = −(Tc²/4π) Σ_σσ' σσ' ∫ z (Γ^L_σ f_L + Γ^R_σ f_R) R_σ' / (N_σ N_σ') dε
    D = −(Tc²/8π) X ∫ (f_L − f_R) z² / (N_↑ N_↓) dε,   X = Γ^L_↑ Γ^R_↓ − Γ^L_↓ Γ^R_↑

As printed, (7) has R_σ/N_σ² where R_σ̄/(N_↑ N_↓) belongs, which gives J + I where p_L = p_R;
(8) is twice, (9) eight times as large; (7) and (8) suppose equal leads.
"""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import NDArray

from nanojunction.models.exchange.dimer import Dimer

__all__ = ["D_BOTH", "I_LEFT", "I_RIGHT", "J_LEFT", "J_RIGHT", "kernels", "printed_kernels"]

Array = NDArray[np.float64]

J_LEFT, J_RIGHT, I_LEFT, I_RIGHT, D_BOTH = range(5)
"""Rows of the kernels: those of J and I at f_L and f_R; that of D at f_L, and −f_R."""


def kernels(z_meV: Array, dimer: Dimer) -> Array:
    """Return the five kernels at energies z, shape (5, nodes), in 1/meV² for J1 = J2 = 1."""
    up, down = _spin(z_meV, dimer, +1), _spin(z_meV, dimer, -1)
    common = -(dimer.tc_meV**2) / (4 * pi) * z_meV
    difference = common * (up.real_over - down.real_over)  # Σ_σ' σ' R_σ'/N_σ'
    found = np.empty((5, *z_meV.shape))
    for row, lead in ((0, -1), (1, +1)):
        width_up, width_down = dimer.width_meV(lead, +1), dimer.width_meV(lead, -1)
        found[J_LEFT + row] = common * (
            width_up * up.one_over * down.real_over + width_down * down.one_over * up.real_over
        )
        found[I_LEFT + row] = difference * (width_up * up.one_over - width_down * down.one_over)
    found[D_BOTH] = common / 2 * _transfer(dimer) * z_meV * (up.one_over * down.one_over)
    return found


def printed_kernels(z_meV: Array, dimer: Dimer) -> Array:
    """Return the kernels of Eqs. (7)–(9) as they are printed; shape and unit as of `kernels`.

    Where the leads differ, Γ_σ = Γ^L_σ + Γ^R_σ and E_σ± of Eq. (6) are put into (7) and (8).
    """
    spins = {spin: _spin(z_meV, dimer, spin) for spin in (+1, -1)}
    both = {spin: dimer.width_meV(-1, spin) + dimer.width_meV(+1, spin) for spin in spins}
    real = {  # the numerator of both, over N_σ
        spin: (z_meV**2 - dimer.tc_meV**2 - (both[spin] / 4) ** 2) * one.one_over
        for spin, one in spins.items()
    }
    common = -(dimer.tc_meV**2) / (4 * pi) * z_meV
    found = np.empty((5, *z_meV.shape))
    found[J_LEFT] = found[J_RIGHT] = (
        common / 2 * sum(both[spin] * spins[spin].one_over * real[spin] for spin in spins)
    )
    found[I_LEFT] = found[I_RIGHT] = (
        common
        * sum(spin * both[spin] * one.one_over for spin, one in spins.items())
        * (real[+1] - real[-1])
    )
    found[D_BOTH] = (
        common * 4 * _transfer(dimer) * z_meV * (spins[+1].one_over * spins[-1].one_over)
    )
    return found


class _Spin:
    """1/N_σ and R_σ/N_σ."""

    def __init__(self, one_over: Array, real_over: Array) -> None:
        self.one_over = one_over
        self.real_over = real_over


def _spin(z_meV: Array, dimer: Dimer, spin: int) -> _Spin:
    left, right = dimer.width_meV(-1, spin) / 2, dimer.width_meV(+1, spin) / 2
    real = z_meV**2 - left * right - dimer.tc_meV**2
    one_over = 1.0 / (real**2 + ((left + right) * z_meV) ** 2)
    return _Spin(one_over, real * one_over)


def _transfer(dimer: Dimer) -> float:
    """Return X, which is above zero where the left lead has more of spin up than the right."""
    return dimer.width_meV(-1, +1) * dimer.width_meV(+1, -1) - dimer.width_meV(
        -1, -1
    ) * dimer.width_meV(+1, +1)
