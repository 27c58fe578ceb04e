"""What a mounted junction does by itself in time: contact, telegraph noise, drift, thermovoltage.

Every random event is a function of a seed and of the world's time, or of how often the junction was
connected before: whoever looks, and how often, changes nothing.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from nanojunction.instruments.virtual.world.breakdown import Fragile, FragileMemory
from nanojunction.instruments.virtual.world.led import Led, lead
from nanojunction.instruments.virtual.world.line import Law
from nanojunction.models.behaviour import Behaviour, Drift
from nanojunction.models.junction import JunctionLaw, Memory

#: Mean cycles of a random telegraph that are drawn together; the next ones start afresh.
_CYCLES_OF_BLOCK = 64
_BLOCKS_KEPT = 4


class TwoStates:
    """A state that goes up and down at random: exponential times with the means `up_s`, `down_s`.

    Time is cut into blocks of many cycles, each drawn by itself with a seed of its own from the
    stationary process, so that any moment can be asked for at once.
    """

    def __init__(self, up_s: float, down_s: float, seed: str) -> None:
        self._up_s, self._down_s, self._seed = up_s, down_s, seed
        self._block_s = _CYCLES_OF_BLOCK * (up_s + down_s)
        self._kept: dict[int, tuple[bool, list[float]]] = {}

    def share_up(self, start_s: float, end_s: float) -> float:
        """Return the share of a stretch of time that is up; 0 or 1 for a moment."""
        if end_s <= start_s:
            return 1.0 if self._is_up(start_s) else 0.0
        edges = self._edges(start_s, end_s)
        up, is_up = 0.0, self._is_up(start_s)
        for begin, end in zip([start_s, *edges], [*edges, end_s], strict=True):
            up += (end - begin) if is_up else 0.0
            is_up = self._is_up(end)
        return up / (end_s - start_s)

    def _is_up(self, t: float) -> bool:
        starts_up, changes = self._block(math.floor(t / self._block_s))
        return starts_up != bool(bisect_right(changes, t) % 2)

    def _edges(self, start_s: float, end_s: float) -> list[float]:
        """Return the moments inside of a stretch at which the state may change."""
        first, last = (math.floor(t / self._block_s) for t in (start_s, end_s))
        found: list[float] = []
        for number in range(first, last + 1):
            _, changes = self._block(number)
            found += [number * self._block_s, *changes]
        return [t for t in found if start_s < t < end_s]

    def _block(self, number: int) -> tuple[bool, list[float]]:
        """Return how a block begins, and when the state changes in it (s)."""
        if number not in self._kept:
            while len(self._kept) >= _BLOCKS_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[number] = self._drawn(number)
        return self._kept[number]

    def _drawn(self, number: int) -> tuple[bool, list[float]]:
        source = random.Random(f"{self._seed}/{number}")
        starts_up = source.random() < self._up_s / (self._up_s + self._down_s)
        t, is_up = number * self._block_s, starts_up
        changes: list[float] = []
        while True:
            t += source.expovariate(1.0 / (self._up_s if is_up else self._down_s))
            if t >= (number + 1) * self._block_s:
                return starts_up, changes
            changes.append(t)
            is_up = not is_up


class Habits:
    """The behaviour of one mounted junction, with its own seed, and what became of it so far."""

    def __init__(self, behaviour: Behaviour, seed: str) -> None:
        self._behaviour, self._seed = behaviour, seed
        self._connections = 0
        self._first_contact_s = math.inf
        self.has_contact = False
        contact, telegraph = behaviour.contact, behaviour.telegraph
        self._contact: TwoStates | None = None
        if contact is not None and contact.drop_outs_per_h > 0.0:
            between_s = 3600.0 / contact.drop_outs_per_h
            self._contact = TwoStates(between_s, contact.drop_out_s, f"{seed}/contact")
        self._level: TwoStates | None = None
        if telegraph is not None:
            self._level = TwoStates(telegraph.up_s, telegraph.down_s, f"{seed}/telegraph")

    def connect(self, t: float) -> None:
        """Connect the junction anew: there is contact, or there is none until the next time."""
        contact = self._behaviour.contact
        self._connections += 1
        self.has_contact = True
        if contact is not None:
            luck = random.Random(f"{self._seed}/connection {self._connections}").random()
            self.has_contact = self._connections > contact.open_first and luck >= contact.fails
        if self.has_contact:
            self._first_contact_s = min(self._first_contact_s, t)

    def contact(self, t: float, span_s: float) -> float:
        """Return the share of a stretch of time around `t` in which there is contact."""
        if not self.has_contact:
            return 0.0
        if self._contact is None:
            return 1.0
        return self._contact.share_up(t - 0.5 * span_s, t + 0.5 * span_s)

    def current(
        self, law: JunctionLaw, memory: Memory, temperature_K: float, t: float, span_s: float
    ) -> Law:
        """Return the mean current (A) around `t` against the junction's voltage (V).

        A junction that broke down does nothing by itself any more, but its contact stays as it is.
        """
        contact = self.contact(t, span_s)
        telegraph, drift = self._behaviour.telegraph, self._behaviour.drift
        if is_broken(memory):
            telegraph = drift = None
        gain = contact
        if telegraph is not None and self._level is not None:
            up = self._level.share_up(t - 0.5 * span_s, t + 0.5 * span_s)
            gain *= 1.0 + telegraph.amplitude * up
        if drift is None or math.isinf(self._first_contact_s):
            return lambda voltage: gain * law.current_A(voltage, temperature_K, memory)
        age_h = max(0.0, t - self._first_contact_s) / 3600.0
        conductance, offset = _drifted(drift, age_h)
        at_zero = law.current_A(0.0, temperature_K, memory)

        def drifted(voltage: float) -> float:
            above = law.current_A(voltage, temperature_K, memory) - at_zero
            return gain * (conductance * above + offset * at_zero)

        return drifted


def _drifted(drift: Drift, age_h: float) -> tuple[float, float]:
    """Return by what conductance and offset are multiplied after a time (h)."""
    grown_h = -drift.saturates_h * math.expm1(-age_h / drift.saturates_h)
    return 1.0 + drift.conductance_per_h * grown_h, 1.0 + drift.offset_per_h * grown_h


@dataclass(frozen=True, slots=True)
class Heated(Led):
    """A junction in series with a thermovoltage (V): its law, shifted along V."""

    law: JunctionLaw
    thermovoltage_V: float

    @property
    def name(self) -> str:
        """The device's name."""
        return self.law.name

    def at_rest(self) -> Memory:
        """Return the memory of the law as mounted."""
        return self.law.at_rest()

    def apply_field(self, memory: Memory, field_T: float) -> Memory:
        """Lead the law to a field."""
        return self.law.apply_field(memory, field_T)

    def apply_voltage(self, memory: Memory, voltage_V: float) -> Memory:
        """Lead the law to what a source's voltage leaves for it."""
        return self.lead(memory, voltage_V, driven=True)

    def lead(self, memory: Memory, voltage_V: float, *, driven: bool) -> Memory:
        """Lead the law to the voltage that is left for it."""
        return lead(self.law, memory, voltage_V - self.thermovoltage_V, driven=driven)

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        """Return the current of the law at the voltage that is left for it."""
        return self.law.current_A(voltage_V - self.thermovoltage_V, temperature_K, memory)

    def magnetic_state(self, memory: Memory) -> Literal["P", "AP"] | None:
        """Return the state of the law."""
        return self.law.magnetic_state(memory)


def with_behaviour(law: JunctionLaw, behaviour: Behaviour) -> JunctionLaw:
    """Return a law with the thermovoltage and the breakdown of a behaviour."""
    if behaviour.thermovoltage_V != 0.0:
        law = Heated(law, behaviour.thermovoltage_V)
    if (breakdown := behaviour.breakdown) is not None:
        law = Fragile(law, breakdown.becomes, breakdown.above_V)
    return law


def is_broken(memory: Memory) -> bool:
    """Tell whether a junction with this memory has broken down."""
    if not isinstance(memory, FragileMemory):
        return False
    return memory.broken or is_broken(memory.inner)
