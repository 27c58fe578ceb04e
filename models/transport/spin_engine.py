"""Four sites between two spin-split leads: the spin engine of Katcko 2019, as a reconstruction.

Published (Communications Physics 2, 116, Fig. 3 and Methods) are the picture and the parameters:
leads with a spin splitting sp of their chemical potential, spinterfaces 10 meV wide and split by
SP, two paramagnetic centres at e0 and ASYM apart, six zones of V/6, tunnelling T = [1 1 1], k_BT =
26 meV. The formulas of the transport stand in a supplement that is not at hand; those here are a
reconstruction of them: for the spin σ = ±1, energies in meV, V in mV,

    μ_L = V/2 + σ sp,  μ_R = −V/2 + σ sp AP
    E = [E0 + V/3 + σ SP/2,  e0 + ASYM/2 + V/6 + σ Δ1/2,
         e0 − ASYM/2 − V/6 + σ Δ2/2,  E0 − V/3 + σ sgn(AP) SP/2]
    Γ_L = W(1 + σ p_L) at site 1,  Γ_R = W(1 + σ p_R) at site 4
    I_σ = (e²/h) ∫ Γ_L Γ_R |G_14|² (f_L − f_R) dx

Δ1 and Δ2, an exchange splitting of the centres, are an addition: 0 is the model as published.
The spin accumulation ±sp is imposed from outside and never used up. The power comes from it, and
not from heat: the model has nothing that would take heat from anywhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nanojunction.models.constants import CONDUCTANCE_PER_SPIN_NA_PER_MEV
from nanojunction.models.errors import ModelError
from nanojunction.models.transport.chain import current_window

__all__ = ["ANTIPARALLEL", "PARALLEL", "Currents", "Sites", "SpinEngine", "spin_engine", "tmr"]

Array = NDArray[np.float64]
Sites = Literal[2, 4]

_POSITIVE = ("t1_meV", "t2_meV", "t3_meV", "broadening_meV", "kt_meV")
_POLARISATIONS = ("p_left", "p_right")


@dataclass(frozen=True, slots=True, eq=False)
class Currents:
    """The currents of both spins in A, positive from left to right at V > 0; any shape."""

    bias_mV: Array
    up_A: Array
    down_A: Array

    @property
    def total_A(self) -> Array:
        """Return the current of both spins."""
        return self.up_A + self.down_A

    @property
    def power_W(self) -> Array:
        """Return −V·I: positive where power is delivered to the outside."""
        return -1e-3 * self.bias_mV * self.total_A


@dataclass(frozen=True, kw_only=True)
class SpinEngine:
    """The parameters of one magnetic state, in meV but for the shares; defaults are those of P.

    The default of `scale` is the model's own: currents 20 to 30 times below the measured ones.
    """

    sp_meV: float = 8.4
    SP_meV: float = 2.0
    ap: float = 0.3
    p_left: float = 0.35
    p_right: float = 0.35
    E0_meV: float = 0.0
    e0_meV: float = -2.5
    asym_meV: float = 0.5
    delta1_meV: float = 0.0
    delta2_meV: float = 0.0
    t1_meV: float = 1.0
    t2_meV: float = 1.0
    t3_meV: float = 1.0
    broadening_meV: float = 10.0
    kt_meV: float = 26.0
    scale: float = 1.0

    def currents(self, bias_mV: ArrayLike) -> Currents:
        """Return the currents of both spins at voltages of any shape; see `spin_engine`."""
        return spin_engine(bias_mV, **asdict(self))


#: Katcko 2019, Methods: the parallel state, and the antiparallel one.
PARALLEL = SpinEngine()
ANTIPARALLEL = SpinEngine(ap=-0.3, p_right=-0.35, e0_meV=0.85, asym_meV=-0.75)


def spin_engine(
    bias_mV: ArrayLike,
    *,
    sp_meV: ArrayLike = 8.4,
    SP_meV: ArrayLike = 2.0,
    ap: ArrayLike = 0.3,
    p_left: ArrayLike = 0.35,
    p_right: ArrayLike = 0.35,
    E0_meV: ArrayLike = 0.0,
    e0_meV: ArrayLike = -2.5,
    asym_meV: ArrayLike = 0.5,
    delta1_meV: ArrayLike = 0.0,
    delta2_meV: ArrayLike = 0.0,
    t1_meV: ArrayLike = 1.0,
    t2_meV: ArrayLike = 1.0,
    t3_meV: ArrayLike = 1.0,
    broadening_meV: ArrayLike = 10.0,
    kt_meV: ArrayLike = 26.0,
    scale: ArrayLike = 1.0,
    sites: Sites = 4,
) -> Currents:
    """Return the currents of both spins for arrays of any shapes that broadcast, to 10⁻⁹ or so.

    The module says what the parameters are. `sites=2` leaves the spinterfaces out, so that the
    leads broaden the two centres themselves: t2 is then the only tunnelling.

    Raises ModelError, which names the parameter: not finite, an energy that is not above zero
    where it must be, a polarisation beyond ±1.

    >>> at_rest = spin_engine(0.0)
    >>> [f"{1e9 * float(i):.2f}" for i in (at_rest.up_A, at_rest.down_A, at_rest.total_A)]
    ['1.46', '-3.08', '-1.62']
    """
    given = {
        "bias_mV": bias_mV, "sp_meV": sp_meV, "SP_meV": SP_meV, "ap": ap, "p_left": p_left,
        "p_right": p_right, "E0_meV": E0_meV, "e0_meV": e0_meV, "asym_meV": asym_meV,
        "delta1_meV": delta1_meV, "delta2_meV": delta2_meV, "t1_meV": t1_meV, "t2_meV": t2_meV,
        "t3_meV": t3_meV, "broadening_meV": broadening_meV, "kt_meV": kt_meV, "scale": scale,
    }  # fmt: skip
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in given.items()}
    for name, values in arrays.items():
        _require(name, values)
    up, down = (_window_meV(arrays, spin, sites) for spin in (+1, -1))
    amperes = 1e-9 * CONDUCTANCE_PER_SPIN_NA_PER_MEV * arrays["scale"]
    return Currents(arrays["bias_mV"], amperes * up, amperes * down)


def _require(name: str, values: Array) -> None:
    """Raise ModelError for values of a parameter that have no meaning."""

    def refuse(wrong: NDArray[np.bool_], why: str) -> None:
        if wrong.any():
            raise ModelError(name, f"{float(values[wrong].flat[0]):g} {why}")

    refuse(~np.isfinite(values), "is no finite number")
    if name in _POSITIVE:
        refuse(values <= 0, "is no energy above 0 meV")
    if name in _POLARISATIONS:
        refuse(np.abs(values) > 1, "is no polarisation: give -1 to 1")


def _window_meV(p: dict[str, Array], spin: int, sites: Sites) -> Array:
    """Return the integral of the transmission of one spin over the window between the leads."""
    V = p["bias_mV"]
    levels = [
        p["E0_meV"] + V / 3 + spin * p["SP_meV"] / 2,
        p["e0_meV"] + p["asym_meV"] / 2 + V / 6 + spin * p["delta1_meV"] / 2,
        p["e0_meV"] - p["asym_meV"] / 2 - V / 6 + spin * p["delta2_meV"] / 2,
        p["E0_meV"] - V / 3 + spin * np.sign(p["ap"]) * p["SP_meV"] / 2,
    ]
    hoppings = [p["t1_meV"], p["t2_meV"], p["t3_meV"]]
    if sites == 2:
        levels, hoppings = levels[1:3], hoppings[1:2]
    return current_window(
        np.stack(np.broadcast_arrays(*levels), axis=-1),
        np.stack(np.broadcast_arrays(*hoppings), axis=-1),
        (
            p["broadening_meV"] * (1 + spin * p["p_left"]),
            p["broadening_meV"] * (1 + spin * p["p_right"]),
        ),
        (V / 2 + spin * p["sp_meV"], -V / 2 + spin * p["sp_meV"] * p["ap"]),
        p["kt_meV"],
    )


def tmr(parallel_A: ArrayLike, antiparallel_A: ArrayLike, *, zero_below: float = 1e-3) -> Array:
    """Return I_P/I_AP − 1, NaN where |I_AP| is below `zero_below` of its largest value.

    Below −1 the currents have opposite signs (I_P·I_AP < 0). Beside a zero of I_AP the ratio grows
    without limit: no maximum there is a peak.
    """
    above = np.asarray(parallel_A, dtype=np.float64)
    below = np.asarray(antiparallel_A, dtype=np.float64)
    size = np.abs(below)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = above / below - 1.0
    return np.where(size > zero_below * size.max(initial=0.0), ratio, np.nan)
