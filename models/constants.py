"""Constants of nature in the units of the models (meV, K, nA, ps), and the Fermi function."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BOLTZMANN_MEV_PER_K",
    "CONDUCTANCE_PER_SPIN_NA_PER_MEV",
    "JOULE_PER_MEV",
    "PS_PER_INVERSE_MEV",
    "fermi",
]

_ELEMENTARY_CHARGE_C = 1.602176634e-19
_PLANCK_J_S = 6.62607015e-34

BOLTZMANN_MEV_PER_K: Final = 1.380649e-23 / _ELEMENTARY_CHARGE_C * 1e3
"""k_B = 0.0861733 meV/K."""
CONDUCTANCE_PER_SPIN_NA_PER_MEV: Final = _ELEMENTARY_CHARGE_C**2 / _PLANCK_J_S * 1e6
"""e²/h of one spin: 38.7405 µS, or nA for each meV of a window of energies."""
JOULE_PER_MEV: Final = _ELEMENTARY_CHARGE_C * 1e-3
PS_PER_INVERSE_MEV: Final = _PLANCK_J_S / (2 * np.pi) / _ELEMENTARY_CHARGE_C * 1e15
"""ħ/meV = 0.658 ps: the unit of time where ħ = 1 and energies are in meV."""


def fermi(x: ArrayLike) -> NDArray[np.float64]:
    """Return the Fermi function 1/(eˣ + 1) of x = (ε − μ)/(k_B T), any shape; it never overflows.

    >>> fermi([-1000.0, 0.0, 1000.0]).tolist()
    [1.0, 0.5, 0.0]
    """
    share = np.array(x, dtype=np.float64)
    share *= -0.5
    np.tanh(share, out=share)
    share += 1.0
    share *= 0.5
    return share
