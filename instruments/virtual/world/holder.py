"""The sample holder: junctions at positions, and which of them the closed contacts connect."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nanojunction.common.names import listed_names
from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig
from nanojunction.instruments.virtual.world.habits import Habits, with_behaviour
from nanojunction.instruments.virtual.world.led import lead
from nanojunction.instruments.virtual.world.line import Law
from nanojunction.instruments.virtual.world.ways import Ways
from nanojunction.models.behaviour import STEADY, Behaviour
from nanojunction.models.junction import JunctionLaw, Memory

#: A source that drives less than this (V) harms no junction when contacts move.
HOT_V = 1e-3


@dataclass(slots=True)
class Mounted:
    """A junction on the holder, its past, and the largest |V| (V) a source put across it.

    It was led to `field_T`, through so many `turns` of the field.
    """

    law: JunctionLaw
    memory: Memory
    habits: Habits | None = None
    largest_V: float = 0.0
    field_T: float = 0.0
    turns: int = 0

    @property
    def has_contact(self) -> bool:
        """Whether it is in the circuit when its contacts are closed."""
        return self.habits is None or self.habits.has_contact


class Holder:
    """Mounted junctions behind a switch, or one junction that is always connected.

    Without `wiring` the one junction is at the position "". With it, `junctions` are at the
    positions that the wiring names; a position without a junction is an open line. `behaviours`
    are what they do by themselves, drawn with `seed`. Raises ValueError for a junction at a
    position that is not wired, and for the behaviour of what is not mounted.

    What is asked at every reading takes no longer with many positions: only connected junctions
    are led through the field at once, the others when they are looked at.
    """

    def __init__(
        self,
        single: JunctionLaw,
        junctions: Mapping[str, JunctionLaw],
        wiring: SwitchConfig | None,
        behaviours: Mapping[str, Behaviour] = MappingProxyType({}),
        seed: int = 1,
    ) -> None:
        self._ways = None if wiring is None else Ways(wiring)
        self._field_T = 0.0
        self._turns: list[float] = []  # turning points of the field since the beginning
        self.mounted: dict[str, Mounted] = {}
        self._led: list[tuple[Mounted, bool]] = []  # what has contact, and whether reversed
        self.closed: frozenset[int] = frozenset()
        self.connected: tuple[Connected, ...] = ()
        self.shorted = False
        self.hot_switches = 0
        #: Contacts that open no more, with how often they must have been closed for that.
        self.sticking: dict[int, int] = {}
        self._closings: Counter[int] = Counter()
        self._told: frozenset[int] = frozenset()
        if wiring is None and junctions:
            raise ValueError(
                f"junctions at positions ({', '.join(junctions)}) need a switch: list its wiring, "
                "or mount a single junction"
            )
        laws = {"": single} if wiring is None else junctions
        if strange := sorted(behaviours.keys() - laws.keys()):
            raise ValueError(f"there is no junction at {strange[0]!r} that could behave")
        for position, law in laws.items():
            behaviour = behaviours.get(position, STEADY)
            self.mount(position, with_behaviour(law, behaviour))
            if behaviour != STEADY:
                self.mounted[position].habits = Habits(behaviour, f"{seed}/{position}")
        self.move((), 0.0)

    @property
    def positions(self) -> tuple[str, ...]:
        """The positions that a junction can be mounted at."""
        return ("",) if self._ways is None else self._ways.positions

    @property
    def dies(self) -> tuple[tuple[int, int, int], ...]:
        """Column, row and subsite of the positions that needles are brought to."""
        return () if self._ways is None else self._ways.dies

    def mount(self, position: str, law: JunctionLaw) -> None:
        """Put a junction at rest into the present field, in place of what is there."""
        if position not in self.positions:
            allowed = "the station has no switch, so leave the position out"
            if self._ways is not None:
                allowed = f"the switch has the positions {listed_names(self.positions)}"
            raise ValueError(f"no junction can be mounted at position {position!r}: {allowed}")
        memory = law.at_rest()
        if self._field_T != 0.0:
            memory = law.apply_field(memory, self._field_T)
        self.mounted[position] = Mounted(law, memory, field_T=self._field_T, turns=len(self._turns))
        self._find_what_is_connected()

    def at(self, position: str) -> Mounted:
        """Return the junction at a position, led through the field; raises LookupError."""
        one = self.mounted[position]
        self._lead_through_field(one)
        return one

    # Field

    def apply_field(self, field_T: float) -> None:
        """Let the field go to a value: connected junctions follow now, the others later."""
        last = self._turns[-1] if self._turns else 0.0
        if (field_T - self._field_T) * (self._field_T - last) < 0.0:
            self._turns.append(self._field_T)
        self._field_T = field_T
        for one, _ in self._led:
            self._lead_through_field(one)

    def _lead_through_field(self, one: Mounted) -> None:
        for field_T in (*self._turns[one.turns :], self._field_T):
            if field_T != one.field_T:
                one.memory = one.law.apply_field(one.memory, field_T)
                one.field_T = field_T
        one.turns = len(self._turns)

    # Contacts

    def move(self, closed: Collection[int], t: float) -> int:
        """Close these contacts and open all others; return how many wired ones changed.

        A contact that sticks stays closed.
        """
        before, told = self.closed, frozenset(closed)
        self._closings.update(told - self._told)
        stuck = {one for one, after in self.sticking.items() if self._closings[one] >= after}
        self._told, self.closed = told, told | stuck
        if self._ways is None:
            self._connect((Connected(""),), t)
            return 0
        self._connect(self._ways.connected(self.closed), t)
        self.shorted = self._ways.is_shorted(self.closed)
        return self._ways.wired(before ^ self.closed)

    def touch(self, place: tuple[int, int, int] | None, t: float) -> int:
        """Bring a prober's needles to a place, or lift them; return whether that changed anything.

        Raises ValueError for a holder without positions.
        """
        if self._ways is None:
            raise ValueError("needles need a [switch] whose positions are dies")
        before = self.connected
        self._connect(self._ways.touched(place), t)
        return int(before != self.connected)

    def _connect(self, connected: tuple[Connected, ...], t: float) -> None:
        """Let these junctions be in the circuit; what was not so before is contacted anew."""
        for one in connected:
            mounted = self.mounted.get(one.position)
            if mounted is not None and mounted.habits is not None and one not in self.connected:
                mounted.habits.connect(t)
        self.connected = connected
        self._find_what_is_connected()

    def _find_what_is_connected(self) -> None:
        self._led = [
            (self.at(one.position), one.is_reversed)
            for one in self.connected
            if one.position in self.mounted and self.mounted[one.position].has_contact
        ]

    def live(self) -> dict[str, Connected]:
        """Return the junctions that feel the source: connected and not shorted."""
        if self.shorted:
            return {}
        return {
            one.position: one
            for one in self.connected
            if one.position in self.mounted and self.mounted[one.position].has_contact
        }

    def feel_step(self, live: Mapping[str, Connected], level_V: float, contacts: int) -> None:
        """Count contacts that moved under a voltage; the junctions saw the full level."""
        self.hot_switches += contacts
        for position, one in live.items():
            self._remember(self.mounted[position], -level_V if one.is_reversed else level_V, True)

    # What the source-meter sees

    def current_law(self, temperature_K: float, t: float, span_s: float) -> Law:
        """Return the current (A) of all that is connected against the leads' voltage (V).

        It is the mean over `span_s` around `t`. The short is not in it.
        """
        laws = [(_law_of(one, temperature_K, t, span_s), turned) for one, turned in self._led]
        if len(laws) == 1 and not laws[0][1]:
            return laws[0][0]

        def total(voltage: float) -> float:
            return math.fsum(-law(-voltage) if turned else law(voltage) for law, turned in laws)

        return total

    def remember(self, leads_V: float, driven: bool, t: float, span_s: float) -> None:
        """Let what has contact remember its voltage; `driven` if a source put it there."""
        voltage = 0.0 if self.shorted else leads_V
        for one, turned in self._led:
            if one.habits is None or one.habits.contact(t, span_s) > 0.0:
                self._remember(one, -voltage if turned else voltage, driven)

    @staticmethod
    def _remember(one: Mounted, voltage_V: float, driven: bool) -> None:
        one.memory = lead(one.law, one.memory, voltage_V, driven=driven)
        if driven:
            one.largest_V = max(one.largest_V, abs(voltage_V))


def _law_of(one: Mounted, temperature_K: float, t: float, span_s: float) -> Law:
    law, memory = one.law, one.memory
    if one.habits is not None:
        return one.habits.current(law, memory, temperature_K, t, span_s)
    return lambda voltage: law.current_A(voltage, temperature_K, memory)
