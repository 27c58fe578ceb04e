"""A junction that breaks down above a voltage and is another junction from then on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from nanojunction.instruments.virtual.faults.kinds import Breakdown, Fault
from nanojunction.models.junction import JunctionLaw, Memory, load_junction


@dataclass(frozen=True, slots=True)
class FragileMemory(Memory):
    """The memory of the law that is in force, and whether that is still the first one."""

    inner: Memory = Memory()  # noqa: RUF009  (frozen)
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Fragile:
    """The law `whole` until |V| has exceeded `above_V`, then `broken`, which starts at rest."""

    whole: JunctionLaw
    broken: JunctionLaw
    above_V: float

    @property
    def name(self) -> str:
        """The device's name: breaking down does not change it."""
        return self.whole.name

    def at_rest(self) -> Memory:
        """Return the memory of the whole junction as mounted."""
        return FragileMemory(inner=self.whole.at_rest())

    def apply_field(self, memory: Memory, field_T: float) -> Memory:
        """Lead the law that is in force to a field."""
        own = _own(memory)
        inner = self._law(own).apply_field(own.inner, field_T)
        return replace(own, inner=inner, field_T=field_T)

    def apply_voltage(self, memory: Memory, voltage_V: float) -> Memory:
        """Lead the law that is in force to a voltage, and break it down above the limit."""
        own = _own(memory)
        if not own.broken and abs(voltage_V) > self.above_V:
            at_rest = self.broken.apply_field(self.broken.at_rest(), own.field_T)
            own = replace(own, inner=at_rest, broken=True)
        inner = self._law(own).apply_voltage(own.inner, voltage_V)
        return replace(own, inner=inner, voltage_V=voltage_V)

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        """Return the current of the law that is in force."""
        own = _own(memory)
        return self._law(own).current_A(voltage_V, temperature_K, own.inner)

    def magnetic_state(self, memory: Memory) -> Literal["P", "AP"] | None:
        """Return the state of the law that is in force."""
        own = _own(memory)
        return self._law(own).magnetic_state(own.inner)

    def _law(self, memory: FragileMemory) -> JunctionLaw:
        return self.broken if memory.broken else self.whole


def _own(memory: Memory) -> FragileMemory:
    if not isinstance(memory, FragileMemory):
        raise TypeError("a fragile junction is led with the memory that it gave out")
    return memory


def with_breakdowns(law: JunctionLaw, faults: Iterable[Fault], position: str = "") -> JunctionLaw:
    """Return `law` with the breakdowns that are scheduled at a position of the holder."""
    found = [f for f in faults if isinstance(f, Breakdown) and f.position == position]
    for fault in sorted(found, key=lambda fault: fault.above_V):
        law = Fragile(law, load_junction(fault.becomes), fault.above_V)
    return law
