"""A junction that breaks down above a voltage and is another junction from then on.

What breaks it is the voltage that a source puts across it. What it shows by itself, with the output
open or while a source gives 0 A, is its own equilibrium, which it stands for ever; a junction that
drives a current through a voltage source of less than its own voltage is at that source's voltage.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from nanojunction.instruments.virtual.world.led import Led, lead
from nanojunction.models.junction import JunctionLaw, Memory


@dataclass(frozen=True, slots=True)
class FragileMemory(Memory):
    """The memory of the law that is in force, and whether that is still the first one."""

    inner: Memory = field(default_factory=Memory)
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Fragile(Led):
    """The law `whole` until a source's |V| exceeds `above_V`, then `broken`, from its rest on."""

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
        """Lead the law that is in force to a source's voltage, which breaks it above the limit."""
        return self.lead(memory, voltage_V, driven=True)

    def lead(self, memory: Memory, voltage_V: float, *, driven: bool) -> Memory:
        """Lead the law that is in force to a voltage; it breaks only if a source drives it."""
        own = _own(memory)
        if driven and not own.broken and abs(voltage_V) > self.above_V:
            at_rest = self.broken.apply_field(self.broken.at_rest(), own.field_T)
            own = replace(own, inner=at_rest, broken=True)
        inner = lead(self._law(own), own.inner, voltage_V, driven=driven)
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
