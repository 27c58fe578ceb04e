"""Energies at which integrals over resonances and Fermi edges are summed."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["mesh"]

Array = NDArray[np.float64]

_NODES = 16
"""Gauss points of a panel. A panel of half-width r has no pole of the integrand nearer than r, so
that each point wins a factor of 2.4² at least (Bernstein's ellipse): 10⁻¹² in all."""
_REACH = 1e3
"""So many times the largest energy of the problem: kernels fall as z⁻⁵, and 10⁻¹² is left out."""


def mesh(
    poles_meV: NDArray[np.complex128], mu_meV: Array, coldest_meV: float, hottest_meV: float
) -> tuple[Array, Array]:
    """Return nodes (meV) and weights for rational kernels with these poles times Fermi functions.

    `mu_meV` are the chemical potentials in rising order, `coldest_meV` and `hottest_meV` the
    extremes of k_B T among them. Panels are halved until none is wider than its distance from a
    resonance, or from a pole of a Fermi function, which lie π k_B T beside μ.
    """
    largest = max(float(np.abs(poles_meV).max()), float(np.abs(mu_meV).max()), 40.0 * hottest_meV)
    centres, halves = np.zeros(1), np.array([_REACH * largest])
    done: list[tuple[Array, Array]] = []
    while centres.size:
        near = np.minimum(
            _from_poles(centres, halves, poles_meV),
            np.hypot(_from_nearest(centres, halves, mu_meV), np.pi * coldest_meV),
        )
        fine = halves <= near
        done.append((centres[fine], halves[fine]))
        coarse, quarter = centres[~fine], halves[~fine] / 2
        centres, halves = np.concatenate([coarse - quarter, coarse + quarter]), np.tile(quarter, 2)
    centres, halves = (np.concatenate(parts) for parts in zip(*done, strict=True))
    nodes, weights = _gauss()
    return (
        (centres[:, None] + halves[:, None] * nodes).ravel(),
        (halves[:, None] * weights).ravel(),
    )


def _from_poles(centres: Array, halves: Array, poles: NDArray[np.complex128]) -> Array:
    """Return how far panels are from the nearest pole."""
    beside = np.maximum(np.abs(centres[:, None] - poles.real) - halves[:, None], 0.0)
    near: Array = np.hypot(beside, poles.imag).min(axis=1)
    return near


def _from_nearest(centres: Array, halves: Array, sorted_points: Array) -> Array:
    """Return how far panels are from the nearest of points on the axis; 0 inside a panel."""
    above = np.searchsorted(sorted_points, centres).clip(1, None)
    right = np.abs(sorted_points[np.minimum(above, sorted_points.size - 1)] - centres)
    left = np.abs(centres - sorted_points[above - 1])
    beside: Array = np.maximum(np.minimum(left, right) - halves, 0.0)
    return beside


@cache
def _gauss() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights
