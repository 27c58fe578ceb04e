"""What a channel of a 2636B is wired to: the world's measuring line, or nothing."""

from __future__ import annotations

from typing import Protocol

from nanojunction.instruments.virtual.world import World
from nanojunction.instruments.virtual.world.line import OPEN, Circuit, Source, WorkingPoint


class Terminals(Protocol):
    """What a channel is wired to; a `World` is one."""

    def drive(self, t: float, source: Source, output_on: bool, programmed: Source) -> None:
        """Connect a source."""

    def working_point(self, t: float, span_s: float = 0.0) -> WorkingPoint:
        """Solve the circuit."""


class NothingWired:
    """Terminals with nothing between them."""

    def __init__(self, world: World) -> None:
        self._circuit = Circuit(world.settings)
        self._source = OPEN

    def drive(self, t: float, source: Source, output_on: bool, programmed: Source) -> None:
        """Connect a source."""
        self._source = source

    def working_point(self, t: float, span_s: float = 0.0) -> WorkingPoint:
        """Solve the circuit: no current at any voltage."""
        return self._circuit.solve(self._source, lambda _voltage: 0.0)
