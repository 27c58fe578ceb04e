"""ΔE to first order in γ after complete thermalisation: the paper's formula, and the corrected."""

from __future__ import annotations

import numpy as np

from nanojunction.models.engine.parameters import Array, Engine, Values
from nanojunction.models.errors import ModelError

__all__ = ["critical_down_population", "perturbative_delta_e_meV"]


def perturbative_delta_e_meV(
    engine: Engine, down_population: Values, *, printed: bool = False
) -> Array:
    """Return ΔE (meV) where μ = ⟨n↓⟩ at the beginning, which is kept to this order; without bosons.

    Derived: ΔE = 2γ²αβ[N·D_r − s(s + r)D_i]/(D_r² + D_i²), with s = T_L⁺ + T_L⁻,
    r = (T_R⁺ + T_R⁻)/2, m = T_L⁻, Δ = ε↓ − ε_R, β = μT_R⁺ − (1 − μ)T_R⁻, α = 1/(2sr),
    N = sΔ + T_L⁺U, D_r = r(r + s) − Δ(Δ + U), D_i = (s + 2r)Δ + (m + r)U.

    `printed=True` gives Eqs. (24) and (25) as they stand: γ²β(s + r)²(sΔ + mU)/(|det B|²·sr) with
    |det B|² = r²(r + s)² + D_i², which lacks −Δ(Δ + U) and has the opposite sign.

    Raises ModelError where bosons act, or without one of the leads: the formula has neither.
    """
    for name in ("lambda_plus_meV", "lambda_minus_meV"):
        if np.any(getattr(engine, name)):
            raise ModelError(name, "is not in the perturbative formula: set it to 0")
    s = np.add(engine.tl_plus_meV, engine.tl_minus_meV)
    r = np.add(engine.tr_plus_meV, engine.tr_minus_meV) / 2.0
    for name, rates in (("tl_plus_meV", s), ("tr_plus_meV", r)):
        if not np.all(rates):
            raise ModelError(name, "and that of T⁻ are 0: the formula needs both leads")
    m, u = engine.tl_minus_meV, engine.u_meV
    detuning = np.subtract(engine.eps_down_meV, engine.eps_r_meV)
    beta = np.multiply(down_population, engine.tr_plus_meV)
    beta = beta - np.multiply(np.subtract(1.0, down_population), engine.tr_minus_meV)
    d_i = (s + 2.0 * r) * detuning + (m + r) * u
    squared = np.square(engine.gamma_meV)
    if printed:
        det = (r * (r + s)) ** 2 + d_i**2
        literal: Array = beta * squared * (s + r) ** 2 * (s * detuning + m * u) / (det * s * r)
        return literal
    d_r = r * (r + s) - detuning * (detuning + u)
    n = s * detuning + np.multiply(engine.tl_plus_meV, u)
    corrected: Array = squared * beta * (n * d_r - s * (s + r) * d_i) / (s * r * (d_r**2 + d_i**2))
    return corrected


def critical_down_population(engine: Engine) -> Array:
    """Return μ_c = T_R⁻/(T_R⁺ + T_R⁻), where β and with it ΔE changes sign.

    With the corrected sign a measurement energises the dots for μ < μ_c where Δ and U are positive
    and above the rates: as the paper's words have it, and its Eq. (24) has not.
    """
    gain = np.asarray(engine.tr_minus_meV)
    critical: Array = gain / np.add(engine.tr_plus_meV, gain)
    return critical
