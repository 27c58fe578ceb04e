"""Two molecules with one level each between two magnetic leads: their widths and resonances."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from nanojunction.models.errors import ModelError

__all__ = ["Dimer"]


@dataclass(frozen=True, slots=True)
class Dimer:
    """What does not depend on the bias, in meV: widths, tunnelling, polarisations of the leads.

    Both levels lie at the same energy, from which energies z are counted here. Each lead has half
    of Γ: Γ^L = Γ^R = Γ/2, Γ^χ_σ = (Γ/4)(1 + σ p_χ) (Fransson, Ren & Zhu 2014, after Eq. (6)).
    Raises ModelError for widths that are not above zero, polarisations beyond ±1, and leads that
    are both fully polarised in the same direction, which leave a spin without a width.
    """

    gamma_meV: float
    tc_meV: float
    p_left: float
    p_right: float

    def __post_init__(self) -> None:
        for name in ("gamma_meV", "tc_meV"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0):
                raise ModelError(name, f"{value:g} is no energy above 0 meV")
        for name in ("p_left", "p_right"):
            value = getattr(self, name)
            if not abs(value) <= 1:
                raise ModelError(name, f"{value:g} is no polarisation: give -1 to 1")
        if abs(self.p_left + self.p_right) == 2:
            raise ModelError(
                "p_right",
                f"{self.p_right:g} in both leads leaves one spin without a lead, and its level "
                "without a width: give less than full polarisation to one of them",
            )

    def width_meV(self, lead: int, spin: int) -> float:
        """Return Γ^χ_σ of the left (−1) or right (+1) lead and spin ±1."""
        return self.gamma_meV / 4 * (1 + spin * (self.p_left if lead < 0 else self.p_right))

    def poles_meV(self) -> NDArray[np.complex128]:
        """Return the energies where D_σ(z) = 0, of both spins: Eq. (6)'s E_σ±, shape (4,)."""
        found = []
        for spin in (+1, -1):
            left, right = self.width_meV(-1, spin), self.width_meV(+1, spin)
            split = np.emath.sqrt(self.tc_meV**2 - ((left - right) / 4) ** 2)
            found += [sign * split - 0.25j * (left + right) for sign in (+1, -1)]
        return np.array(found, dtype=np.complex128)
