"""Junction laws without magnetic states: linear, metallic with features, thermally activated.

The fields of a law are the keys of its junction file. Sources: Chowrira 2020 (HAL hal-03001215),
Figs. 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, lru_cache
from math import copysign, inf, pow
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from nanojunction.models.junction import Memory
from nanojunction.models.parameters import (
    CACHED_TEMPERATURES,
    CLOSED,
    COLDEST_K,
    HOTTEST_K,
    ActivationEnergy,
    Current,
    Name,
    PerKelvin,
    Resistance,
    Temperature,
    Voltage,
    Width,
    activation,
    drift,
    require_finite,
    require_temperature,
)
from nanojunction.models.spectral import Step, carried

__all__ = ["Activated", "Feature", "Linear", "Metallic", "Reversible"]

CHORD_V = 0.010  # Chowrira 2020 gives A's R_s "from current at ±10 mV"


class Reversible:
    """A junction that remembers where field and voltage stand, and nothing more."""

    def at_rest(self) -> Memory:
        """Return the virgin memory at 0 V and 0 T."""
        return Memory()

    def apply_field(self, memory: Memory, field_T: float) -> Memory:
        """Return the memory with the field at `field_T`."""
        require_finite(field_T, "field")
        return replace(memory, field_T=field_T)

    def apply_voltage(self, memory: Memory, voltage_V: float) -> Memory:
        """Return the memory with the voltage at `voltage_V`, and the direction it came from."""
        require_finite(voltage_V, "voltage")
        if voltage_V == memory.voltage_V:
            return memory
        return replace(memory, voltage_V=voltage_V, rising=voltage_V > memory.voltage_V)

    def magnetic_state(self, memory: Memory) -> Literal["P", "AP"] | None:
        """Return None: no magnetic states are known of this junction."""
        return None


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Linear(Reversible):
    """A resistor, I = V/R_s: calibrated resistors, open, short, a degraded junction."""

    name: Name
    r_s_ohm: Resistance

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        """Return V/R_s, the same at every temperature."""
        require_finite(voltage_V, "voltage")
        require_temperature(temperature_K)
        return voltage_V / self.r_s_ohm


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Feature:
    """A Gaussian peak (or dip) of dI/dV; its amplitude is a fraction of 1/R_s."""

    position_V: Voltage
    fwhm_V: Width
    amplitude: Annotated[float, Field(strict=True, ge=-0.9, le=10)]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Metallic(Reversible):
    """A metallic junction: a nearly straight I(V) with an offset, and features near V = 0.

    I = I_off(T) + [V·(1 − F₁₀) + F(u) − F₀]/R_s(T), where F is the integral of the features
    (Chowrira 2020 Fig. 1e), u follows V with a play of ± `lag_V` (the "slight, hysteretic
    deviation" of Fig. 1d, so that a trace with V rising shows a feature `lag_V` later, one with V
    falling `lag_V` earlier), and F₁₀ and F₀ keep R_s the chord resistance over ±10 mV and I_off the
    mean current of both directions at V = 0. Widths do not depend on T (Fig. 1f). R_s and I_off are
    linear in T about `reference_K`; V_off ≈ −I_off·R_s follows.
    """

    name: Name
    reference_K: Temperature
    i_off_A: Current
    i_off_per_K: PerKelvin
    r_s_ohm: Resistance
    r_s_per_K: PerKelvin
    lag_V: Annotated[float, Field(strict=True, ge=0, le=1)]
    features: Annotated[tuple[Feature, ...], Field(max_length=20)] = ()

    def __post_init__(self) -> None:
        for temperature_K in (COLDEST_K, HOTTEST_K):
            self._at(temperature_K)

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        return tuple(Step.of_peak(f.position_V, f.fwhm_V, f.amplitude) for f in self.features)

    @cached_property
    def _straight(self) -> float:
        """The share of 1/R_s that the straight line carries, so that the chord comes out at R_s."""
        across = carried(self._steps, CHORD_V) - carried(self._steps, -CHORD_V)
        return 1.0 - across / (2 * CHORD_V)

    @cached_property
    def _at_zero(self) -> float:
        return (carried(self._steps, self.lag_V) + carried(self._steps, -self.lag_V)) / 2

    @cached_property
    def _at(self) -> Callable[[float], tuple[float, float]]:
        return lru_cache(CACHED_TEMPERATURES)(self._offset_and_conductance)

    def _offset_and_conductance(self, temperature_K: float) -> tuple[float, float]:
        T, T_ref = temperature_K, self.reference_K
        i_off_A = self.i_off_A * drift("i_off_per_K", self.i_off_per_K, T, T_ref)
        r_s_ohm = self.r_s_ohm * drift("r_s_per_K", self.r_s_per_K, T, T_ref)
        return i_off_A, 1.0 / r_s_ohm

    def apply_voltage(self, memory: Memory, voltage_V: float) -> Memory:
        """Return the memory with the voltage moved, the features' voltage lagging behind."""
        lagging_V = self._lagging(memory, voltage_V)
        return replace(super().apply_voltage(memory, voltage_V), lagging_voltage_V=lagging_V)

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        """Return I(V); see the class for the law."""
        require_finite(voltage_V, "voltage")
        i_off_A, conductance_S = self._at(temperature_K)
        bend_V = carried(self._steps, self._lagging(memory, voltage_V)) - self._at_zero
        return i_off_A + conductance_S * (voltage_V * self._straight + bend_V)

    def _lagging(self, memory: Memory, voltage_V: float) -> float:
        return min(max(memory.lagging_voltage_V, voltage_V - self.lag_V), voltage_V + self.lag_V)


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Activated(Reversible):
    """A semiconducting junction, I = I0 + V/R_s + c·sgn(V)·|V|^n (Chowrira 2020 Fig. 2).

    R_s = dV/dI at V = 0, V_off and P_max are thermally activated, X(T) = X*·exp(E_a/k_B·(1/T −
    1/T*)), with one E_a for R_s and one on either side of T* = `t_cross_K` for the others; the file
    gives X* at T*. I0 and c follow at each T: with κ = c·V_off^(n−1)·R_s,
    I0 = −(V_off/R_s)(1 + κ) and P_max = (V_off²/R_s)·max over x of [x(1 − x) + κ(x − x^(n+1))].
    Below `freeze_K` nothing changes any more (the published data end at 40 K, and activation must
    end somewhere); above 360 K the law is an extrapolation. V_off > 0.

    κ < 0 is a P_max below that of a straight I(V); the law then goes on with its tangent beyond
    |V| = 2 V_off, so that it rises everywhere. Raises ValueError where κ would make it fall before:
    P_max is then too small for this V_off and R_s.
    """

    name: Name
    t_cross_K: Temperature
    freeze_K: Temperature
    exponent: Annotated[float, Field(strict=True, ge=1.2, le=6)]
    r_s_ohm: Resistance
    r_s_e_a_meV: ActivationEnergy
    v_off_V: Annotated[float, Field(strict=True, ge=1e-9, le=10)]
    v_off_e_a_low_meV: ActivationEnergy
    v_off_e_a_high_meV: ActivationEnergy
    p_max_W: Annotated[float, Field(strict=True, ge=1e-21, le=10)]
    p_max_e_a_low_meV: ActivationEnergy
    p_max_e_a_high_meV: ActivationEnergy

    def __post_init__(self) -> None:
        # ln(P_max·R_s/V_off²) is a broken line in 1/T, so its ends and its kink say it all.
        for temperature_K in (self.freeze_K, self.t_cross_K, HOTTEST_K):
            self._at(temperature_K)

    @cached_property
    def _at(self) -> Callable[[float], tuple[float, float, float, float]]:
        return lru_cache(CACHED_TEMPERATURES)(self._coefficients)

    def _coefficients(self, temperature_K: float) -> tuple[float, float, float, float]:
        """Return I0 in A, 1/R_s in S, c in A/V^n, and the |V| where the tangent takes over."""
        require_temperature(temperature_K)
        T, T_cross = max(temperature_K, self.freeze_K), self.t_cross_K
        low = T_cross > T
        v_off_e_a_meV = self.v_off_e_a_low_meV if low else self.v_off_e_a_high_meV
        p_max_e_a_meV = self.p_max_e_a_low_meV if low else self.p_max_e_a_high_meV
        try:
            r_s_ohm = self.r_s_ohm * activation(self.r_s_e_a_meV, T, T_cross)
            v_off_V = self.v_off_V * activation(v_off_e_a_meV, T, T_cross)
            p_max_W = self.p_max_W * activation(p_max_e_a_meV, T, T_cross)
            power_ratio = p_max_W / v_off_V * r_s_ohm / v_off_V
            kappa = _nonlinear_share(power_ratio, self.exponent)
            c = kappa / r_s_ohm / pow(v_off_V, self.exponent - 1.0)
            require_finite(v_off_V / r_s_ohm * kappa + c, "current")
        except (ArithmeticError, ValueError) as error:
            raise ValueError(
                f"the activation energies (keys …_e_a_…) are too large for finite numbers at "
                f"{T:g} K; make them smaller, or freeze_K larger"
            ) from error
        if kappa * self.exponent * pow(2.0, self.exponent - 1.0) <= -1.0:
            raise ValueError(
                f"p_max_W is too small for v_off_V and r_s_ohm at {T:g} K: with P_max·R_s/V_off² = "
                f"{power_ratio:.4f} (a straight I(V) has 0.25) I(V) would not rise everywhere "
                f"up to 2 V_off"
            )
        reach_V = 2 * v_off_V if kappa < 0 else inf
        return -v_off_V / r_s_ohm * (1.0 + kappa), 1.0 / r_s_ohm, c, reach_V

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        """Return I0(T) + V/R_s(T) + c(T)·sgn(V)·|V|^n."""
        require_finite(voltage_V, "voltage")
        i0_A, conductance_S, c, reach_V = self._at(temperature_K)
        size_V = abs(voltage_V)
        curved_V = min(size_V, reach_V)
        n = self.exponent
        bend_A = c * pow(curved_V, n - 1.0) * (curved_V + n * (size_V - curved_V))
        return i0_A + voltage_V * conductance_S + copysign(1.0, voltage_V) * bend_A


def _nonlinear_share(power_ratio: float, n: float) -> float:
    """Return the κ at which max over x of [x(1 − x) + κ(x − x^(n+1))] equals `power_ratio`.

    The maximum lies at the x where κ = (2x − 1)/(1 − (n+1)·x^n): a monotone relation, so x is
    bisected. κ < 0 (a power below that of a straight I(V)) is found down to x = 1/4.
    """
    low, high = 0.25, pow(n + 1.0, -1.0 / n)
    while (x := (low + high) / 2) not in (low, high):
        kappa = (2 * x - 1) / (1 - (n + 1) * pow(x, n))
        if x * (1 - x) + kappa * (x - pow(x, n + 1)) < power_ratio:
            low = x
        else:
            high = x
    # The maximum is flat in x, so this is far more exact than κ(x).
    return (power_ratio - x * (1 - x)) / (x - pow(x, n + 1))
