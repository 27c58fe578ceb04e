"""Junction laws with magnetic states: a switching junction (C) and a tunnel junction (the MTJ).

The fields of a law are the keys of its junction file. Sources: Chowrira 2020 (HAL hal-03001215)
Fig. 3; Katcko 2019 (Communications Physics 2, 116) Fig. 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, lru_cache
from math import exp, log
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from nanojunction.models.junction import Memory
from nanojunction.models.laws import Reversible
from nanojunction.models.parameters import (
    CACHED_TEMPERATURES,
    CLOSED,
    COLDEST_K,
    HOTTEST_K,
    Current,
    Fieldstrength,
    Name,
    PerKelvin,
    Resistance,
    Temperature,
    Voltage,
    Width,
    drift,
    require_finite,
)
from nanojunction.models.spectral import Step, carried

__all__ = ["ExchangeBiased", "Line", "Oscillation", "Switching", "TunnelPair", "TunnelState"]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Line:
    """A straight I(V) through (V_off, 0) with the slope 1/R_s."""

    r_s_ohm: Resistance
    v_off_V: Voltage


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Switching(Reversible):
    """A metallic junction between two straight I(V): one at H = 0, one at large |H|.

    I = (1 − p)(V − V₀)/R₀ + p(V − V_P)/R_P (Chowrira 2020 Fig. 3). p is a smooth step of a
    field u that follows |H| with a play of ± `lag_T`: p is exactly 0 at H = 0 and exactly 1
    from |H| = `parallel_field_T` on, whichever way the field came; in between the branch with |H|
    rising lags 2·`lag_T` behind the one with |H| falling. R_s and V_off are linear in T about
    `reference_K`.
    """

    name: Name
    reference_K: Temperature
    r_s_per_K: PerKelvin
    v_off_per_K: PerKelvin
    parallel_field_T: Annotated[float, Field(strict=True, ge=1e-3, le=100)]
    lag_T: Annotated[float, Field(strict=True, ge=0, le=50)]
    zero_field: Line
    parallel: Line

    def __post_init__(self) -> None:
        if not self.lag_T < self.parallel_field_T / 2:
            raise ValueError(
                f"lag_T = {self.lag_T} must be below half of parallel_field_T = "
                f"{self.parallel_field_T}, or the zero-field state would not be reached at H = 0"
            )
        for temperature_K in (COLDEST_K, HOTTEST_K):
            self._at(temperature_K)

    @cached_property
    def _at(self) -> Callable[[float], tuple[float, float]]:
        return lru_cache(CACHED_TEMPERATURES)(self._factors)

    def _factors(self, temperature_K: float) -> tuple[float, float]:
        """Return 1/R_s and V_off at a temperature over their values at the reference."""
        T, T_ref = temperature_K, self.reference_K
        resistance = drift("r_s_per_K", self.r_s_per_K, T, T_ref)
        return 1.0 / resistance, drift("v_off_per_K", self.v_off_per_K, T, T_ref)

    def apply_field(self, memory: Memory, field_T: float) -> Memory:
        """Return the memory after a monotone ramp to `field_T`, perhaps through H = 0."""
        moved = super().apply_field(memory, field_T)
        lagging_T = memory.lagging_field_T
        if memory.field_T * field_T < 0:
            lagging_T = min(lagging_T, self.lag_T)
        size_T = abs(field_T)
        lagging_T = min(max(lagging_T, size_T - self.lag_T), size_T + self.lag_T)
        return replace(moved, lagging_field_T=lagging_T)

    def parallel_share(self, memory: Memory) -> float:
        """Return p, 0 in the zero-field state to 1 in the parallel state."""
        span_T = self.parallel_field_T - 2 * self.lag_T
        s = min(max((memory.lagging_field_T - self.lag_T) / span_T, 0.0), 1.0)
        # |H| − lag_T is rounded; at parallel_field_T it must still count as arrived.
        if abs(memory.field_T) >= self.parallel_field_T:
            s = 1.0
        return s * s * (3.0 - 2.0 * s)

    def magnetic_state(self, memory: Memory) -> Literal["P", "AP"] | None:
        """Return P at large |H|, AP (as Jullière's ratio takes it) at H = 0, None in between."""
        share = self.parallel_share(memory)
        return "P" if share == 1.0 else "AP" if share == 0.0 else None

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        """Return I(V) at the memory's field; see the class for the law."""
        require_finite(voltage_V, "voltage")
        conductance, offset = self._at(temperature_K)
        p = self.parallel_share(memory)
        at_zero_A = (voltage_V - self.zero_field.v_off_V * offset) / self.zero_field.r_s_ohm
        parallel_A = (voltage_V - self.parallel.v_off_V * offset) / self.parallel.r_s_ohm
        return conductance * ((1.0 - p) * at_zero_A + p * parallel_A)


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Oscillation:
    """A Gaussian feature of dI/dV, with an amplitude for each magnetic state."""

    position_V: Voltage
    fwhm_V: Width
    parallel_S: Annotated[float, Field(strict=True, ge=-1e3, le=1e3)]
    antiparallel_S: Annotated[float, Field(strict=True, ge=-1e3, le=1e3)]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class TunnelState:
    """I(V) of one magnetic state: crossing zero at V_off with R_s, and passing the peak's current.

    `peak_A` is the whole current at the law's `peak_V`, a local extremum.
    """

    r_s_ohm: Resistance
    v_off_V: Voltage
    peak_A: Current


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class ExchangeBiased(Reversible):
    """A junction between a free and a pinned magnetic layer, whose directions choose its state.

    The free layer turns up at `free_up_T` and down at `free_down_T`, the pinned layer at
    `pinned_up_T` and `pinned_down_T` (exchange bias, so both positive): equal directions are P.
    Virgin: both down, P.
    """

    free_up_T: Fieldstrength
    free_down_T: Fieldstrength
    pinned_up_T: Fieldstrength
    pinned_down_T: Fieldstrength

    def __post_init__(self) -> None:
        if not self.free_down_T < 0 < self.free_up_T < self.pinned_up_T:
            raise ValueError(
                "switching fields must be in the order free_down_T < 0 < free_up_T < pinned_up_T"
            )
        if not self.free_down_T < self.pinned_down_T < self.pinned_up_T:
            raise ValueError(
                "switching fields must be in the order free_down_T < pinned_down_T < pinned_up_T"
            )

    def apply_field(self, memory: Memory, field_T: float) -> Memory:
        """Return the memory after a monotone ramp to `field_T`, its layers turned on the way."""
        return replace(
            super().apply_field(memory, field_T),
            free_up=_turned(memory.free_up, field_T, self.free_up_T, self.free_down_T),
            pinned_up=_turned(memory.pinned_up, field_T, self.pinned_up_T, self.pinned_down_T),
        )

    def magnetic_state(self, memory: Memory) -> Literal["P", "AP"]:
        """Return P if both layers point the same way, else AP."""
        return "P" if memory.free_up == memory.pinned_up else "AP"


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class TunnelPair(ExchangeBiased):
    """A magnetic tunnel junction: two smooth I(V), chosen by a free and a pinned layer.

    In each state I = (1 − g)·[(V − V_off)/R_s + oscillations] + g·I_peak (Katcko 2019 Fig. 2c–e): g
    is a Gaussian of unit height at `peak_V`, where both currents have their local extrema (the
    state's `peak_A`), so that TMR peaks there at parallel.peak_A/antiparallel.peak_A − 1; the ratio
    of the currents makes that peak narrower than g. The integral of the oscillations vanishes
    well above them. All currents go as 1/(1 + r_s_per_K·(T − reference_K)).
    """

    name: Name
    reference_K: Temperature
    r_s_per_K: PerKelvin
    peak_V: Voltage
    peak_fwhm_V: Width
    parallel: TunnelState
    antiparallel: TunnelState
    oscillations: Annotated[tuple[Oscillation, ...], Field(max_length=20)] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for temperature_K in (COLDEST_K, HOTTEST_K):
            self._at(temperature_K)

    @cached_property
    def _at(self) -> Callable[[float], float]:
        return lru_cache(CACHED_TEMPERATURES)(self._conductance_factor)

    def _conductance_factor(self, temperature_K: float) -> float:
        return 1.0 / drift("r_s_per_K", self.r_s_per_K, temperature_K, self.reference_K)

    @cached_property
    def _steps(self) -> dict[Literal["P", "AP"], tuple[Step, ...]]:
        return {
            "P": tuple(
                Step.of_peak(o.position_V, o.fwhm_V, o.parallel_S) for o in self.oscillations
            ),
            "AP": tuple(
                Step.of_peak(o.position_V, o.fwhm_V, o.antiparallel_S) for o in self.oscillations
            ),
        }

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        """Return I(V) of the memory's magnetic state; see the class for the law."""
        require_finite(voltage_V, "voltage")
        label = self.magnetic_state(memory)
        state = self.parallel if label == "P" else self.antiparallel
        line_A = (voltage_V - state.v_off_V) / state.r_s_ohm
        line_A += carried(self._steps[label], voltage_V)
        distance = (voltage_V - self.peak_V) / self.peak_fwhm_V
        g = exp(-4.0 * log(2.0) * distance * distance)
        return self._at(temperature_K) * (line_A + g * (state.peak_A - line_A))


def _turned(up: bool, field_T: float, up_T: float, down_T: float) -> bool:
    if field_T >= up_T:
        return True
    return up and field_T > down_T
