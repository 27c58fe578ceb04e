"""Where the energy of a cycle comes from and goes to, and what power that would be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanojunction.models.constants import JOULE_PER_MEV, PS_PER_INVERSE_MEV
from nanojunction.models.engine.cycle import Cycle
from nanojunction.models.engine.generator import (
    DIMENSION,
    electrons,
    energies_meV,
    energy_operator,
    generator,
)
from nanojunction.models.engine.parameters import Array, Engine, Values
from nanojunction.models.errors import ModelError

__all__ = ["EnergyBalance", "energy_balance", "power_W", "sign_of_delta_e_limit", "stroke_s"]


@dataclass(frozen=True, slots=True, eq=False)
class EnergyBalance:
    """What enters the dots in a cycle (meV, or electrons), shape (…); negative: what leaves them.

    `measurement_meV` is ΔE; leads and bosons exchange energy with the dots during the stroke.
    `stored_meV` is what the dots hold more after the cycle than before: the sum of the other four,
    and 0 in the limit of many cycles. Likewise `left_electrons` and `right_electrons`, whose sum is
    0 in the limit: then −`right_electrons` pass from left to right.
    """

    measurement_meV: Array
    left_meV: Array
    right_meV: Array
    boson_meV: Array
    stored_meV: Array
    left_electrons: Array
    right_electrons: Array


def energy_balance(cycle: Cycle, populations: Array) -> EnergyBalance:
    """Return the balance of a cycle that begins with these populations, shape (…, 8).

    Derived: the energy that a part X of Eq. (12) brings in is ∫ Tr[H ℒ_X ρ] dt over the stroke; H
    itself brings none. It is energy, not heat and work apart: that needs the leads' temperatures
    and potentials, of which the model has only the rates.

    Raises ModelError for strokes without end, in which a steady current carries energy for ever.
    """
    if cycle.residence is None:
        raise ModelError("tau_per_meV", "a stroke without end has no balance: give a finite one")
    engine = cycle.engine
    spent = np.einsum("...ij,...j->...i", cycle.residence, populations)
    energy, number = (
        energy_operator(engine),
        np.broadcast_to(electrons(), (*engine.shape, DIMENSION)),
    )

    def brought(row: Array, part: Array) -> Array:
        total: Array = np.einsum("...i,...ij,...j->...", row, part, spent)
        return total

    left, right, boson = (generator(engine, (part,)) for part in ("left", "right", "boson"))
    stored = np.einsum("...i,...ij,...j->...", energies_meV(engine), cycle.change, populations)
    return EnergyBalance(
        measurement_meV=np.einsum("...i,...i->...", cycle.weights, populations),
        left_meV=brought(energy, left),
        right_meV=brought(energy, right),
        boson_meV=brought(energy, boson),
        stored_meV=stored,
        left_electrons=brought(number, left),
        right_electrons=brought(number, right),
    )


def stroke_s(tau_per_meV: Values) -> Values:
    """Return τ in seconds: 1/meV is ħ/meV = 0.658 ps (the paper's "4 ps" is h/meV)."""
    return tau_per_meV * PS_PER_INVERSE_MEV * 1e-12


def power_W(delta_e_meV: Values, cycle_s: Values) -> Values:
    """Return ΔE per cycle time (W), Eq. (21): an upper bound of the electrical power.

    ΔE depends on the cycle time: ΔE of long strokes with a short cycle time, as in the paper's
    100 nW, is the power of no engine.
    """
    return np.multiply(delta_e_meV, JOULE_PER_MEV) / cycle_s


def sign_of_delta_e_limit(engine: Engine) -> Array:
    """Return the sign (−1, 0, 1) of ΔE after many cycles, shape (…), without solving for it.

    Derived: sign[Λ⁺T_L⁺T_R⁻ − Λ⁻T_L⁻T_R⁺]. Where this is 0, also without bosons, the product state
    whose levels are as full as their leads make them is kept by leads, hopping, bosons and
    measurement alike, and ΔE is exactly 0. The other signs were found, for Δ = ε↓ − ε_R > 0 and
    U ≥ 0, in tens of thousands of random engines and for all τ; elsewhere they do not hold: NaN.
    """
    forward = np.multiply(engine.lambda_plus_meV, engine.tl_plus_meV) * engine.tr_minus_meV
    backward = np.multiply(engine.lambda_minus_meV, engine.tl_minus_meV) * engine.tr_plus_meV
    sign = np.sign(np.where(np.asarray(engine.gamma_meV) == 0.0, 0.0, forward - backward))
    known = np.greater(engine.eps_down_meV, engine.eps_r_meV) & np.greater_equal(engine.u_meV, 0.0)
    found: Array = np.broadcast_to(np.where(known | (sign == 0.0), sign, np.nan), engine.shape)
    return found
