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
_OCTAVES = 9
"""Octaves beyond twice the largest energy: kernels fall as z⁻⁵, and 10⁻¹² is left out."""
_FIRST = 16
"""Panels of the middle before any is halved."""


def mesh(
    poles_meV: NDArray[np.complex128], mu_meV: Array, coldest_meV: float, hottest_meV: float
) -> tuple[Array, Array]:
    """Return nodes (meV) and weights for rational kernels with these poles times Fermi functions.

    `mu_meV` are the chemical potentials in rising order, `coldest_meV` and `hottest_meV` the
    extremes of k_B T among them. Panels are halved until none is wider than its distance from a
    resonance, or from a pole of a Fermi function, which lie π k_B T beside μ.
    """
    largest = max(
        float(np.abs(poles_meV).max()), float(np.abs(mu_meV[[0, -1]]).max()), 40.0 * hottest_meV
    )
    # Beyond twice the largest energy panels may be as wide as they are far.
    tail = 2.0 * largest * 2.0 ** np.arange(_OCTAVES)
    done = [(1.5 * tail, 0.5 * tail), (-1.5 * tail, 0.5 * tail)]
    width = 4.0 * largest / _FIRST
    centres: Array = width * np.arange(0.5 - _FIRST / 2, _FIRST / 2)
    halves: Array = np.full(_FIRST, width / 2)
    while centres.size:
        near = np.minimum(
            _from_poles(centres, halves, poles_meV),
            np.hypot(_from_nearest(centres, halves, mu_meV), np.pi * coldest_meV),
        )
        fine = halves <= near
        done.append((centres[fine], halves[fine]))
        coarse, quarter = centres[~fine], halves[~fine] / 2
        centres = np.concatenate([coarse - quarter, coarse + quarter])
        halves = np.concatenate([quarter, quarter])
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
    above = np.searchsorted(sorted_points, centres)
    right = np.abs(sorted_points[np.minimum(above, sorted_points.size - 1)] - centres)
    left = np.abs(centres - sorted_points[np.maximum(above - 1, 0)])
    beside: Array = np.maximum(np.minimum(left, right) - halves, 0.0)
    return beside


@cache
def _gauss() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights
