"""Leading a junction to a voltage, and whether it was a source that put it there."""

from __future__ import annotations

from abc import ABC, abstractmethod

from nanojunction.models.junction import JunctionLaw, Memory


class Led(ABC):
    """A law around another one that tells a source's voltage from the junction's own."""

    @abstractmethod
    def lead(self, memory: Memory, voltage_V: float, *, driven: bool) -> Memory:
        """Return the memory after a monotone sweep to a voltage, driven by a source or not."""


def lead(law: JunctionLaw, memory: Memory, voltage_V: float, *, driven: bool) -> Memory:
    """Return the memory of a junction of any law at a voltage that a source drives or not."""
    if isinstance(law, Led):
        return law.lead(memory, voltage_V, driven=driven)
    return law.apply_voltage(memory, voltage_V)
