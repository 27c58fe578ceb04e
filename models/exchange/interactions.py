"""Exchange between two molecular spins in a junction, as a function of bias and temperatures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nanojunction.models.constants import BOLTZMANN_MEV_PER_K
from nanojunction.models.errors import ModelError
from nanojunction.models.exchange.dimer import Dimer
from nanojunction.models.exchange.kernels import (
    D_BOTH,
    I_LEFT,
    I_RIGHT,
    J_LEFT,
    J_RIGHT,
    kernels,
    printed_kernels,
)
from nanojunction.models.exchange.mesh import mesh

__all__ = ["Exchange", "exchange"]

Array = NDArray[np.float64]

_TOGETHER = 256
"""Lead states that share a mesh, which resolves k_B T around each of them."""
_SATURATED = 37.0
"""So many k_B T from μ a Fermi function is 0 or 1 to the last bit."""
_DIGITS = 14
"""So many decimals of μ (meV) tell states apart: sums of μ and V/2 differ in the last bit."""


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Heisenberg, Ising and Dzyaloshinskii–Moriya interactions J12, I12, D12 in meV.

    H = −Σ_mn S_m·(J_mn S_n + I_mn S_n^z ẑ + D_mn ẑ × S_n) (Fransson, Ren & Zhu 2014, Eq. (4)).
    Two conventions of the sign are about, and the numbers are the same in both. With
    H = −J12 S_1·S_2, the pair counted once, J12 > 0 puts parallel spins lower, by 2 J12 S² for
    classical spins: ferromagnetic. The paper's words call positive J12 antiferromagnetic.
    D12 = D21: it turns both spins in the same sense, as a torque that needs a current, and is no
    antisymmetric energy, for which D21 = −D12.
    """

    j_meV: Array
    i_meV: Array
    d_meV: Array


def exchange(
    mu_meV: ArrayLike,
    bias_meV: ArrayLike = 0.0,
    *,
    t_left_K: ArrayLike = 1.0,
    delta_t_K: ArrayLike = 0.0,
    p_left: ArrayLike = 0.0,
    p_right: ArrayLike = 0.0,
    gamma_meV: ArrayLike = 1 / 3,
    tc_meV: ArrayLike = 1.0,
    eps0_meV: ArrayLike = 0.0,
    j1_meV: ArrayLike = 1.0,
    j2_meV: ArrayLike = 1.0,
    printed: bool = False,
) -> Exchange:
    """Return J12, I12 and D12 for arrays of any shapes that broadcast.

    The leads have μ_L,R = μ ± V/2 and T_L, T_R = T_L + ΔT; both levels lie at ε0; the spins couple
    to their levels with J1, J2. Defaults are those of the paper's figures. `printed` evaluates
    Eqs. (7)–(9) of Fransson, Ren & Zhu 2014 as they stand there instead of what follows from
    (5a)–(5c); `kernels` has both. The kernels are computed once for each set of Γ, Tc, p_L, p_R,
    the Fermi functions once for each lead at a μ and T: maps cost little more than their axes.
    Errors are those of rounding: 10⁻¹² meV for these defaults, 10⁻¹⁰ meV at Γ = Tc/100.

    Raises ModelError, which names the parameter: not finite, a temperature or a width not above
    zero, a polarisation beyond ±1.

    >>> found = exchange(-2.0, 2.0, p_left=0.8, p_right=0.2)
    >>> print(f"{found.j_meV:.6f} {found.i_meV:.6f} {found.d_meV:.6f}")
    0.118651 -0.034069 -0.299421
    """
    given = {
        "mu_meV": mu_meV,
        "bias_meV": bias_meV,
        "t_left_K": t_left_K,
        "delta_t_K": delta_t_K,
        "eps0_meV": eps0_meV,
        "j1_meV": j1_meV,
        "j2_meV": j2_meV,
        "gamma_meV": gamma_meV,
        "tc_meV": tc_meV,
        "p_left": p_left,
        "p_right": p_right,
    }
    arrays = [_finite(name, value) for name, value in given.items()]
    shape = np.broadcast_shapes(*(one.shape for one in arrays))
    mu, bias, t_left, delta_t, eps0, j1, j2 = (
        np.broadcast_to(one, shape).ravel() for one in arrays[:7]
    )
    _above_zero("t_left_K", t_left)
    _above_zero("delta_t_K", t_left + delta_t)
    left = _states(mu + bias / 2 - eps0, t_left)
    right = _states(mu - bias / 2 - eps0, t_left + delta_t)
    found = np.empty((3, left.size))
    for dimer, of_it in _dimers(arrays[7:], shape):
        found[:, of_it] = _integrals(dimer, left[of_it], right[of_it], printed=printed)
    found *= j1 * j2
    return Exchange(*found.reshape(3, *shape))


def _finite(name: str, value: ArrayLike) -> Array:
    array = np.asarray(value, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ModelError(name, "is not finite everywhere")
    return array


def _above_zero(name: str, temperature_K: Array) -> None:
    lowest = temperature_K.min(initial=np.inf)
    if lowest <= 0:
        raise ModelError(name, f"makes a lead {lowest:g} K cold: temperatures must be above 0 K")


def _states(mu_meV: Array, temperature_K: Array) -> NDArray[np.complex128]:
    """Return states of a lead, μ + i k_B T, which sort by μ; those that are one have one value."""
    return np.round(mu_meV, _DIGITS) + 1j * (BOLTZMANN_MEV_PER_K * temperature_K)


def _dimers(
    arrays: list[Array], shape: tuple[int, ...]
) -> list[tuple[Dimer, NDArray[np.intp] | slice]]:
    """Return every different dimer and where it is wanted."""
    if all(one.size == 1 for one in arrays):
        return [(Dimer(*(float(one.item()) for one in arrays)), slice(None))]
    table = np.stack([np.broadcast_to(one, shape).ravel() for one in arrays], axis=1)
    different, which = np.unique(table, axis=0, return_inverse=True)
    order = np.argsort(which, kind="stable")
    counts = np.bincount(which, minlength=len(different))
    places = np.split(order, np.cumsum(counts)[:-1])
    return [(Dimer(*map(float, row)), at) for row, at in zip(different, places, strict=True)]


def _integrals(
    dimer: Dimer, left: NDArray[np.complex128], right: NDArray[np.complex128], *, printed: bool
) -> Array:
    """Return J, I and D for J1 = J2 = 1 meV, shape (3, points)."""
    states, which = np.unique(np.concatenate([left, right]), return_inverse=True)
    with_states = np.empty((states.size, 5))
    for start in range(0, states.size, _TOGETHER):
        some = slice(start, start + _TOGETHER)
        with_states[some] = _with_states(dimer, states[some], printed=printed)
    at_left, at_right = with_states[which[: left.size]].T, with_states[which[left.size :]].T
    return np.stack(
        [
            at_left[J_LEFT] + at_right[J_RIGHT],
            at_left[I_LEFT] + at_right[I_RIGHT],
            at_left[D_BOTH] - at_right[D_BOTH],
        ]
    )


def _with_states(dimer: Dimer, states: NDArray[np.complex128], *, printed: bool) -> Array:
    """Return the integral of each kernel times the Fermi function of each state, (states, 5)."""
    thermal = states.imag
    nodes, weights = mesh(dimer.poles_meV(), states.real, thermal.min(), thermal.max())
    kernel = (printed_kernels if printed else kernels)(nodes, dimer) * weights
    edge = _SATURATED * thermal.max()
    below = nodes < states[0].real - edge
    near = ~below & (nodes < states[-1].real + edge)
    # f = (1 + tanh)/2, of which the 1 is the same for all states.
    filled = (states.real[:, None] - nodes[near]) * (0.5 / thermal)[:, None]
    np.tanh(filled, out=filled)
    varying = kernel[:, near]
    found: Array = 0.5 * (filled @ varying.T + varying.sum(axis=1))
    found += kernel[:, below].sum(axis=1)
    return found
