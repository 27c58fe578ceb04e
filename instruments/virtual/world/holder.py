"""The sample holder: junctions at positions, and which of them the closed contacts connect."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig
from nanojunction.instruments.virtual.world.breakdown import lead
from nanojunction.instruments.virtual.world.line import Law
from nanojunction.models.junction import JunctionLaw, Memory

#: A source that drives less than this (V) harms no junction when contacts move.
HOT_V = 1e-3


@dataclass(slots=True)
class Mounted:
    """A junction on the holder, its past, and the largest |V| (V) a source put across it."""

    law: JunctionLaw
    memory: Memory
    largest_V: float = 0.0


class Holder:
    """Mounted junctions behind a switch, or one junction that is always connected.

    Without `wiring` the one junction is at the position "". With it, `junctions` are at the
    positions that the wiring names; a position without a junction is an open line. Raises
    ValueError for a junction at a position that is not wired.
    """

    def __init__(
        self, single: JunctionLaw, junctions: Mapping[str, JunctionLaw], wiring: SwitchConfig | None
    ) -> None:
        self._wiring = wiring
        self.mounted: dict[str, Mounted] = {}
        self._led: list[tuple[Mounted, bool]] = []  # connected junctions, and whether reversed
        self.closed: frozenset[int] = frozenset()
        self.connected: tuple[Connected, ...] = ()
        self.shorted = False
        self.hot_switches = 0
        if wiring is None and junctions:
            raise ValueError(
                f"junctions at positions ({', '.join(junctions)}) need a switch: list its wiring, "
                "or mount a single junction"
            )
        laws = {"": single} if wiring is None else junctions
        for position, law in laws.items():
            self.mount(position, law, law.at_rest())
        self.move(())

    @property
    def positions(self) -> tuple[str, ...]:
        """The positions that a junction can be mounted at."""
        return ("",) if self._wiring is None else tuple(self._wiring.positions)

    def mount(self, position: str, law: JunctionLaw, memory: Memory) -> None:
        """Put a junction with its memory at a position, in place of what is there."""
        if position not in self.positions:
            allowed = "the station has no switch, so leave the position out"
            if self._wiring is not None:
                allowed = f"the switch has the positions {', '.join(self.positions)}"
            raise ValueError(f"no junction can be mounted at position {position!r}: {allowed}")
        self.mounted[position] = Mounted(law, memory)
        self._find_what_is_connected()

    def apply_field(self, field_T: float) -> None:
        """Lead every junction, connected or not, through a field."""
        for one in self.mounted.values():
            one.memory = one.law.apply_field(one.memory, field_T)

    # Contacts

    def move(self, closed: Collection[int]) -> int:
        """Close these contacts and open all others; return how many wired ones changed."""
        before, self.closed = self.closed, frozenset(closed)
        wiring = self._wiring
        if wiring is None:
            self.connected = (Connected(""),)
            self._find_what_is_connected()
            return 0
        normal = {p: self.closed.issuperset(w.normal) for p, w in wiring.positions.items()}
        turned = {
            p: bool(w.reversed) and self.closed.issuperset(w.reversed)
            for p, w in wiring.positions.items()
        }
        self.connected = tuple(
            Connected(p, turned[p]) for p in wiring.positions if normal[p] != turned[p]
        )
        # Both ways round at once joins the leads.
        both = any(normal[p] and turned[p] for p in wiring.positions)
        self.shorted = both or (bool(wiring.short) and self.closed.issuperset(wiring.short))
        self._find_what_is_connected()
        wired = set(wiring.short).union(*(w.normal + w.reversed for w in wiring.positions.values()))
        return len((before ^ self.closed) & wired)

    def _find_what_is_connected(self) -> None:
        self._led = [
            (self.mounted[one.position], one.is_reversed)
            for one in self.connected
            if one.position in self.mounted
        ]

    def live(self) -> dict[str, Connected]:
        """Return the junctions that feel the source: connected and not shorted."""
        if self.shorted:
            return {}
        return {one.position: one for one in self.connected if one.position in self.mounted}

    def feel_step(self, live: Mapping[str, Connected], level_V: float, contacts: int) -> None:
        """Count contacts that moved under a voltage; the junctions saw the full level."""
        self.hot_switches += contacts
        for position, one in live.items():
            self._remember(self.mounted[position], -level_V if one.is_reversed else level_V, True)

    # What the source-meter sees

    def current_law(self, temperature_K: float) -> Law:
        """Return the current (A) of all that is connected against the leads' voltage (V).

        The short is not in it.
        """
        led = self._led
        if len(led) == 1 and not led[0][1]:
            law, memory = led[0][0].law, led[0][0].memory
            return lambda voltage: law.current_A(voltage, temperature_K, memory)

        def total(voltage: float) -> float:
            return math.fsum(
                -one.law.current_A(-voltage, temperature_K, one.memory)
                if turned
                else one.law.current_A(voltage, temperature_K, one.memory)
                for one, turned in led
            )

        return total

    def remember(self, leads_V: float, driven: bool) -> None:
        """Let every connected junction remember its voltage; `driven` if a source put it there."""
        voltage = 0.0 if self.shorted else leads_V
        for one, turned in self._led:
            self._remember(one, -voltage if turned else voltage, driven)

    @staticmethod
    def _remember(one: Mounted, voltage_V: float, driven: bool) -> None:
        one.memory = lead(one.law, one.memory, voltage_V, driven=driven)
        if driven:
            one.largest_V = max(one.largest_V, abs(voltage_V))
