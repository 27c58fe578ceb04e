"""What a junction does beside its law: contact, breakdown, telegraph noise, drift, thermovoltage.

These are the tables of a populations file (docs/populations.md); they are carried out where
junctions live in time, in the virtual cryostat.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from nanojunction.models.laws import Activated, Linear, Metallic
from nanojunction.models.magnetic_laws import Switching, TunnelPair
from nanojunction.models.parameters import CLOSED, Voltage
from nanojunction.models.spin_engine_pair import SpinEnginePair

__all__ = ["STEADY", "Behaviour", "Breakdown", "Contact", "Drift", "Telegraph"]

Probability = Annotated[float, Field(strict=True, ge=0, le=1)]
Seconds = Annotated[float, Field(strict=True, ge=1e-3, le=1e7)]
PerHour = Annotated[float, Field(strict=True, ge=-1e4, le=1e4)]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Contact:
    """A contact that is not always made; without one the line is open.

    The first `open_first` connections are open, and each later one with the probability `fails`.
    While connected it drops out `drop_outs_per_h` times an hour on average, for `drop_out_s` each
    on average, both at random.
    """

    open_first: Annotated[int, Field(strict=True, ge=0, le=1000)] = 0
    fails: Probability = 0.0
    drop_outs_per_h: Annotated[float, Field(strict=True, ge=0, le=1e6)] = 0.0
    drop_out_s: Seconds = 1.0


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Breakdown:
    """Another junction, for good, once a source has put more than `above_V` (|V|) across it."""

    above_V: Annotated[float, Field(strict=True, gt=0, le=10)]
    becomes: Linear | Metallic | Activated | Switching | TunnelPair | SpinEnginePair


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Telegraph:
    """Two levels of current: as the law says, and (1 + `amplitude`) times that.

    The times in the lower and the upper level are exponentially distributed with the means
    `down_s` and `up_s`.
    """

    amplitude: Annotated[float, Field(strict=True, ge=-1, le=100)]
    down_s: Seconds
    up_s: Seconds


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Drift:
    """A slow change from the first contact on, by rate·τ·(1 − exp(−t/τ)) after the time t.

    The rates are those at first, relative, of the conductance (all of I(V) but I(0)) and of the
    offset current I(0); τ is `saturates_h`. Raises ValueError for a conductance that would fall
    to zero.
    """

    conductance_per_h: PerHour = 0.0
    offset_per_h: PerHour = 0.0
    saturates_h: Annotated[float, Field(strict=True, gt=0, le=1e5)]

    def __post_init__(self) -> None:
        if self.conductance_per_h * self.saturates_h <= -1.0:
            raise ValueError(
                f"a conductance that changes by {self.conductance_per_h:g} per hour, saturating in "
                f"{self.saturates_h:g} h, would fall to zero; their product must lie above -1"
            )


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Behaviour:
    """All that a junction does beside its law; the default is nothing.

    A `thermovoltage_V` in series shifts the law: I(V) is that of the law at V − thermovoltage.
    """

    contact: Contact | None = None
    breakdown: Breakdown | None = None
    telegraph: Telegraph | None = None
    drift: Drift | None = None
    thermovoltage_V: Voltage = 0.0


#: A junction that is its law and nothing else.
STEADY = Behaviour()
