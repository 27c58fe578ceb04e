"""The current through a chain of sites between two leads, exactly, without a mesh of energies."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

__all__ = ["current_window", "digamma"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_APART = 1e-5
"""Two poles nearer than this share of their size are moved apart, by half of it each."""
_SHIFTED = 8
"""Terms by which a digamma function is carried to where its series in 1/z² has 10⁻¹⁴."""
_SERIES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760)
"""B_2n/(2n), n = 1 … 6 (Abramowitz & Stegun 6.3.18)."""


def current_window(
    levels: Array,
    hoppings: Array,
    widths: tuple[Array, Array],
    mu: tuple[Array, Array],
    kt: Array,
) -> Array:
    """Return ∫ Γ_L Γ_R |G_1N(x)|² (f_L − f_R) dx of a chain of N sites, in the unit of its levels.

    `levels` has shape (…, N) and `hoppings` (…, N − 1), all above 0. The widths Γ and chemical
    potentials μ of the left and the right lead, and k_B T, have the shape (…), which broadcasts:
    the levels of sites 1 and N get −iΓ/2.

    |G_1N|² = Π T² / Π_k |x − z_k|² has its poles at the eigenvalues z_k of the chain with its
    widths, and at their conjugates. With the residues r_k of Γ_L Γ_R |G_1N|² at z_k (Im z_k < 0)
    the integral with Fermi functions is a sum of digamma functions ψ,

        2 Re Σ_k r_k [ψ(½ + i(z_k − μ_L)/(2π k_B T)) − ψ(½ + i(z_k − μ_R)/(2π k_B T))]

    which no narrow resonance can slip through. Poles that coincide are moved apart by 10⁻⁵ of
    their size, symmetrically: an error of the square of that.
    """
    # A spin that neither lead takes has levels without a width, and carries nothing.
    left, right = widths
    closed = (left == 0) & (right == 0)
    poles = _poles(levels, hoppings, np.where(closed, 1.0, left), right)
    others = poles[..., :, None] - poles[..., None, :]
    others += np.eye(poles.shape[-1])
    conjugates = poles[..., :, None] - np.conj(poles)[..., None, :]
    residues = 1.0 / (others * conjugates).prod(axis=-1)
    turn = 0.5j / np.pi / kt
    filled = [digamma(0.5 + turn[..., None] * (poles - one[..., None])) for one in mu]
    through = 2.0 * (residues * (filled[0] - filled[1])).real.sum(axis=-1)
    return np.asarray(through * left * right * np.square(hoppings).prod(axis=-1))


def _poles(levels: Array, hoppings: Array, width_left: Array, width_right: Array) -> Complex:
    """Return the eigenvalues of chains with their lead widths, (…, N), no two of them equal."""
    count = levels.shape[-1]
    shape = np.broadcast_shapes(
        levels.shape[:-1], hoppings.shape[:-1], width_left.shape, width_right.shape
    )
    chain = np.zeros((*shape, count, count), dtype=np.complex128)
    sites = np.arange(count)
    chain[..., sites, sites] = levels
    chain[..., sites[1:], sites[:-1]] = chain[..., sites[:-1], sites[1:]] = hoppings
    chain[..., 0, 0] -= 0.5j * width_left
    chain[..., -1, -1] -= 0.5j * width_right
    poles = np.asarray(np.linalg.eigvals(chain), dtype=np.complex128)
    size = np.abs(poles - poles.mean(axis=-1, keepdims=True)).max(axis=-1)
    for one, other in combinations(range(count), 2):
        near = np.abs(poles[..., one] - poles[..., other]) < _APART * size
        if near.any():
            middle = (poles[..., one] + poles[..., other]) / 2
            poles[..., one] = np.where(near, middle + _APART / 2 * size, poles[..., one])
            poles[..., other] = np.where(near, middle - _APART / 2 * size, poles[..., other])
    return poles


def digamma(z: Complex) -> Complex:
    """Return ψ(z) for Re z ≥ ½, any shape, to 10⁻¹⁴ or so.

    ψ(z) = ψ(z + n) − Σ 1/(z + k), and the asymptotic series there: an order of magnitude faster
    than SciPy's, which goes number by number.
    """
    sum_before = 1.0 / z
    for k in range(1, _SHIFTED):
        sum_before += 1.0 / (z + k)
    far = z + _SHIFTED
    over = 1.0 / far
    square = over * over
    series = np.zeros_like(far)
    for coefficient in reversed(_SERIES):
        series += coefficient
        series *= square
    found: Complex = np.log(far)
    found -= 0.5 * over + series + sum_before
    return found
