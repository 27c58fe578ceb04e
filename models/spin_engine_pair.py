"""A tunnel junction that follows the spin engine of Katcko 2019 (models.transport).

The fields of the law are the keys of its junction file. Sources: Katcko 2019 (Communications
Physics 2, 116), Fig. 3 and Methods.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from nanojunction.models.junction import Memory
from nanojunction.models.magnetic_laws import ExchangeBiased
from nanojunction.models.parameters import (
    CLOSED,
    Name,
    Temperature,
    require_finite,
    require_temperature,
)

if TYPE_CHECKING:
    from nanojunction.models.transport import CurrentTable, SpinEngine

__all__ = ["Centres", "SpinEnginePair"]

Energy = Annotated[float, Field(strict=True, ge=-200, le=200)]
PositiveEnergy = Annotated[float, Field(strict=True, ge=0.05, le=200)]
Share = Annotated[float, Field(strict=True, ge=-1, le=1)]


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Centres:
    """The two paramagnetic centres in one magnetic state: their middle, distance and splittings."""

    e0_meV: Energy
    asym_meV: Energy
    delta1_meV: Energy
    delta2_meV: Energy


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class SpinEnginePair(ExchangeBiased):
    """A tunnel junction whose two states are spin engines (`models.transport` has the equations).

    Energies are in meV. `ap` and `p_right` are those of the parallel state and change their sign
    with the free layer, as the splitting of the right spinterface does; the centres are given for
    each state. k_B T is `kt_meV` at `reference_K`, and proportional to the temperature. Nothing
    else depends on the temperature: what magnets and barriers do beside that is no part of it.
    """

    name: Name
    reference_K: Temperature
    kt_meV: PositiveEnergy
    scale: Annotated[float, Field(strict=True, gt=0, le=1e6)]
    sp_meV: Energy
    SP_meV: Energy
    ap: Share
    p_left: Share
    p_right: Share
    E0_meV: Energy
    t1_meV: PositiveEnergy
    t2_meV: PositiveEnergy
    t3_meV: PositiveEnergy
    broadening_meV: PositiveEnergy
    parallel: Centres
    antiparallel: Centres

    @cached_property
    def _tables(self) -> dict[Literal["P", "AP"], CurrentTable]:
        return {"P": _table(self.engine("P")), "AP": _table(self.engine("AP"))}

    def engine(self, state: Literal["P", "AP"]) -> SpinEngine:
        """Return the model of a magnetic state, with k_B T at `reference_K`."""
        from nanojunction.models.transport import SpinEngine

        side, centres = (1.0, self.parallel) if state == "P" else (-1.0, self.antiparallel)
        return SpinEngine(
            sp_meV=self.sp_meV,
            SP_meV=self.SP_meV,
            ap=side * self.ap,
            p_left=self.p_left,
            p_right=side * self.p_right,
            E0_meV=self.E0_meV,
            e0_meV=centres.e0_meV,
            asym_meV=centres.asym_meV,
            delta1_meV=centres.delta1_meV,
            delta2_meV=centres.delta2_meV,
            t1_meV=self.t1_meV,
            t2_meV=self.t2_meV,
            t3_meV=self.t3_meV,
            broadening_meV=self.broadening_meV,
            kt_meV=self.kt_meV,
            scale=self.scale,
        )

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        """Return I(V) of the memory's magnetic state, from a table of the model."""
        require_finite(voltage_V, "voltage")
        require_temperature(temperature_K)
        table = self._tables[self.magnetic_state(memory)]
        return table.current_A(1e3 * voltage_V, self.kt_meV * temperature_K / self.reference_K)


@lru_cache(32)
def _table(engine: SpinEngine) -> CurrentTable:
    """Return the table of a model: one for all junctions that are alike."""
    from nanojunction.models.transport import CurrentTable

    return CurrentTable(engine)
