"""The parameters that junction laws share: allowed ranges, and temperature dependences."""

from __future__ import annotations

from math import exp, isfinite
from typing import Annotated

from pydantic import ConfigDict, Field

from nanojunction.models.constants import BOLTZMANN_MEV_PER_K

__all__ = [
    "CACHED_TEMPERATURES",
    "CLOSED",
    "COLDEST_K",
    "HOTTEST_K",
    "ActivationEnergy",
    "Current",
    "Fieldstrength",
    "Name",
    "PerKelvin",
    "Resistance",
    "Temperature",
    "Voltage",
    "Width",
    "activation",
    "drift",
    "require_finite",
    "require_temperature",
]

COLDEST_K, HOTTEST_K = 4.0, 400.0  # where every law is checked when it is loaded

CACHED_TEMPERATURES = 64  # the sample's temperature is asked again and again while it holds

# No surprise keys, no NaN; ranges are wide enough for any junction and keep currents finite.
CLOSED = ConfigDict(extra="forbid", allow_inf_nan=False)

Name = Annotated[str, Field(strict=True, min_length=1, max_length=60, pattern=r"^[\w.+-]+$")]
Resistance = Annotated[float, Field(strict=True, ge=1e-3, le=1e15)]
Voltage = Annotated[float, Field(strict=True, ge=-10, le=10)]
Width = Annotated[float, Field(strict=True, ge=1e-6, le=1)]
Current = Annotated[float, Field(strict=True, ge=-1, le=1)]
Temperature = Annotated[float, Field(strict=True, ge=1, le=1000)]
PerKelvin = Annotated[float, Field(strict=True, ge=-0.1, le=0.1)]
ActivationEnergy = Annotated[float, Field(strict=True, ge=-500, le=500)]
Fieldstrength = Annotated[float, Field(strict=True, ge=-100, le=100)]


def require_finite(value: float, what: str) -> None:
    """Raise ValueError if `value` is NaN or infinite."""
    if not isfinite(value):
        raise ValueError(f"The {what} of a junction must be a finite number, not {value}.")


def require_temperature(temperature_K: float) -> None:
    """Raise ValueError if `temperature_K` is not a finite temperature above 0 K."""
    if not (isfinite(temperature_K) and temperature_K > 0):
        raise ValueError(
            f"The temperature of a junction must be finite and above 0 K, not {temperature_K} K."
        )


def drift(key: str, per_K: float, temperature_K: float, reference_K: float) -> float:
    """Return 1 + per_K·(T − T_ref), the weak temperature dependence of a metallic junction.

    Raises ValueError, which names `key`, where the factor is no longer positive.
    """
    require_temperature(temperature_K)
    factor = 1.0 + per_K * (temperature_K - reference_K)
    if factor <= 0:
        raise ValueError(
            f"{key} = {per_K:g} about {reference_K:g} K brings its quantity to zero before "
            f"{temperature_K:g} K; it must stay positive from 4 to 400 K"
        )
    return factor


def activation(e_a_meV: float, temperature_K: float, reference_K: float) -> float:
    """Return exp(E_a/k_B·(1/T − 1/T_ref)): E_a > 0 for a quantity that falls as T rises."""
    return exp(e_a_meV / BOLTZMANN_MEV_PER_K * (1.0 / temperature_K - 1.0 / reference_K))
