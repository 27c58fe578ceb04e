"""The one simulated world that all virtual instruments look at."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig
from nanojunction.instruments.virtual.world.cryostat import Cryostat
from nanojunction.instruments.virtual.world.habits import is_broken
from nanojunction.instruments.virtual.world.holder import HOT_V, Holder, Mounted
from nanojunction.instruments.virtual.world.line import (
    OPEN,
    Circuit,
    Meters,
    Source,
    WorkingPoint,
)
from nanojunction.instruments.virtual.world.magnet import Magnet
from nanojunction.instruments.virtual.world.settings import WorldSettings
from nanojunction.models.behaviour import Behaviour
from nanojunction.models.junction import JunctionLaw


class World:
    """Cryostat, magnet, measuring line and the junctions in it; the truth behind the readings.

    Without `wiring` the one junction is always connected. With it, `junctions` are at the wired
    positions, and the closed contacts of a switch connect them: several at once are in parallel,
    none is an open line. `behaviours` are what they do beside their laws. Temperature and field act
    on all of them. Raises ValueError for a
    junction at a position that is not wired.

    Everything is a function of the clock's time `t` (s) and is brought up to date when it is
    asked for. `lock` guards it: instruments hold it while they change or read something, and
    never while they wait.
    """

    def __init__(
        self,
        junction: JunctionLaw,
        clock: Clock | None = None,
        settings: WorldSettings | None = None,
        seed: int = 1,
        *,
        junctions: Mapping[str, JunctionLaw] = MappingProxyType({}),
        behaviours: Mapping[str, Behaviour] = MappingProxyType({}),
        wiring: SwitchConfig | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.settings = settings or WorldSettings()
        self.lock = threading.RLock()
        self.cryostat = Cryostat(self.settings)
        self.magnet = Magnet(self.settings)
        self.meters = Meters(self.settings, seed)
        self._circuit = Circuit(self.settings)
        self._random = random.Random(seed + 1_000_003)
        self._drift_phases = [self._random.uniform(0.0, 2.0 * math.pi) for _ in range(6)]
        self._followers: list[Callable[[float], None]] = []
        self._field_T = 0.0
        self._output_on = False
        self._programmed = OPEN
        self._source = OPEN
        self._holder = Holder(junction, junctions, wiring, behaviours, seed)

    # What is true now

    def now(self) -> float:
        """Return the time (s) on the world's clock."""
        return self.clock.now()

    def field_T(self) -> float:
        """Return the field at the junction (T)."""
        with self.lock:
            now = self.sync()
            return self.magnet.field_T(now)

    def temperature_K(self) -> float:
        """Return the sample's temperature (K)."""
        with self.lock:
            return self.cryostat.sample_K(self.sync())

    @property
    def junction(self) -> JunctionLaw:
        """The junction that is connected; raises LookupError unless it is exactly one."""
        return self._the_connected()[0].law

    @property
    def output_on(self) -> bool:
        """Whether the source's output relay is closed."""
        with self.lock:
            self.sync()
            return self._output_on

    @property
    def source_level_V(self) -> float:
        """The voltage (V) that the source drives: its level, 0 with the output off.

        A current source drives the voltage at its terminals.
        """
        with self.lock:
            now = self.sync()
            if not self._output_on:
                return 0.0
            if self._programmed.kind == "voltage":
                return self._programmed.level
            return self.working_point(now).sensed_V

    @property
    def junction_voltage_V(self) -> float:
        """The voltage (V) across the connected junction, in its own sign.

        With an open output it is what the junction shows at I = 0. Raises LookupError unless
        exactly one junction is connected.
        """
        with self.lock:
            leads_V = self.working_point(self.sync()).junction_V
            _, sign = self._the_connected()
            return 0.0 if self._holder.shorted else sign * leads_V

    @property
    def junction_current_A(self) -> float:
        """The current (A) through the connected junction, in its own sign.

        Raises LookupError unless exactly one junction is connected.
        """
        with self.lock:
            now = self.sync()
            point = self.working_point(now)
            one, sign = self._the_connected()
            if not self._holder.shorted:
                return sign * point.current_A
            return one.law.current_A(0.0, self.cryostat.sample_K(now), one.memory)

    @property
    def largest_voltage_V(self) -> float:
        """The largest |V| that the source put across any mounted junction."""
        with self.lock:
            self.sync()
            return max((one.largest_V for one in self._holder.mounted.values()), default=0.0)

    def largest_voltage_at(self, position: str) -> float:
        """Return the largest |V| that the source put across a junction since it was mounted.

        Raises LookupError for a position without a junction.
        """
        with self.lock:
            self.sync()
            return self._holder.mounted[position].largest_V

    def broken_at(self, position: str) -> bool:
        """Tell whether a junction has broken down since it was mounted.

        Raises LookupError for a position without a junction.
        """
        with self.lock:
            self.sync()
            return is_broken(self._holder.mounted[position].memory)

    @property
    def connected_positions(self) -> tuple[Connected, ...]:
        """The positions that closed contacts connect, and which way round."""
        with self.lock:
            self.sync()
            return self._holder.connected

    @property
    def closed_contacts(self) -> frozenset[int]:
        """The contacts of the switch that are closed."""
        with self.lock:
            self.sync()
            return self._holder.closed

    @property
    def shorted(self) -> bool:
        """Whether closed contacts short the source-meter's leads."""
        with self.lock:
            self.sync()
            return self._holder.shorted

    @property
    def hot_switches(self) -> int:
        """How many contacts moved while the source drove more than 1 mV across a junction's path.

        The junction has then seen the whole level.
        """
        with self.lock:
            self.sync()
            return self._holder.hot_switches

    def _the_connected(self) -> tuple[Mounted, float]:
        """Return the connected junction, and −1 if it is connected the other way round."""
        found = [one for one in self._holder.connected if one.position in self._holder.mounted]
        if len(found) != 1:
            raise LookupError(f"{len(found)} junctions are connected, not one")
        return self._holder.at(found[0].position), -1.0 if found[0].is_reversed else 1.0

    # What instruments do to it; the lock is held and `t` (s) is when it happens

    def follow(self, advance: Callable[[float], None]) -> None:
        """Have `advance(t)` called before anything changes, for what runs by itself."""
        self._followers.append(advance)

    def sync(self, t: float | None = None) -> float:
        """Let everything that runs by itself happen up to `t` (now by default); return `t`."""
        t = self.now() if t is None else t
        for advance in self._followers:
            advance(t)
        self._apply_field(t)
        return t

    def drive(self, t: float, source: Source, output_on: bool, programmed: Source) -> None:
        """Connect a source: `source` is what the junction feels, `programmed` what was asked."""
        self._apply_field(t)
        self._source, self._output_on, self._programmed = source, output_on, programmed
        self.working_point(t)

    def mount(self, junction: JunctionLaw, position: str = "") -> None:
        """Put another junction at rest into the present field, at a position of the holder.

        Raises ValueError for a position that is not wired.
        """
        with self.lock:
            self.sync()
            self._holder.mount(position, junction)

    def move_contacts(self, t: float, closed: Collection[int]) -> None:
        """Close these contacts of the switch and open all others, at once.

        Under more than 1 mV the junctions that were or become connected see the full level.
        """
        self._let_move(t, lambda: self._holder.move(closed, t))

    def let_stick(self, contact: int, closings: int) -> None:
        """Have a contact open no more once it was closed so often, whatever the switch is told."""
        with self.lock:
            self._holder.sticking[contact] = closings

    def touch(self, t: float, place: tuple[int, int, int] | None) -> None:
        """Bring a prober's needles to column, row and subsite, or lift them (None).

        A voltage is felt as when contacts move.
        """
        self._let_move(t, lambda: self._holder.touch(place, t))

    @property
    def dies(self) -> tuple[tuple[int, int, int], ...]:
        """Column, row and subsite of the positions that a prober's needles are brought to."""
        return self._holder.dies

    def _let_move(self, t: float, move: Callable[[], int]) -> None:
        self.working_point(t)
        holder = self._holder
        before = holder.live()
        moved = move()
        live = before | holder.live()
        level_V = self._open_line_V()
        if moved and live and abs(level_V) > HOT_V:
            holder.feel_step(live, level_V, moved)
        self.working_point(t)

    def _open_line_V(self) -> float:
        """Return what the source drives (V) into a line that is open for a moment."""
        asked = self._programmed
        if not self._output_on or asked.level == 0.0:
            return 0.0
        if asked.kind == "voltage":
            return asked.level
        return math.copysign(asked.limit, asked.level)

    def working_point(self, t: float, span_s: float = 0.0) -> WorkingPoint:
        """Solve the circuit at `t` and let the junctions remember the voltage they saw.

        What junctions do by themselves is averaged over `span_s` (s) around `t`.
        """
        self._apply_field(t)
        holder = self._holder
        if holder.shorted:
            point = self._circuit.solve_short(self._source)
        else:
            law = holder.current_law(self.cryostat.sample_K(t), t, span_s)
            point = self._circuit.solve(self._source, law)
        holder.remember(point.junction_V, self._drives(), t, span_s)
        return point

    def _drives(self) -> bool:
        """Whether the source puts a voltage across what is connected: one of 0 A only listens."""
        asked = self._programmed
        return self._output_on and not (asked.kind == "current" and asked.level == 0.0)

    def sensor_K(self, number: int, t: float) -> float:
        """Return one reading (K) of a thermometer: 1 insert, 2 sample, 3 sample holder.

        The holder is taken half-way between insert and sample.
        """
        s = self.settings
        insert, sample = self.cryostat.insert_K(t), self.cryostat.sample_K(t)
        true = {1: insert, 2: sample, 3: 0.5 * (insert + sample)}[number]
        phase = 2.0 * math.pi * t / s.sensor_drift_period_s
        first, second = self._drift_phases[2 * number - 2 : 2 * number]
        drift = 0.5 * (math.sin(phase + first) + math.sin(math.sqrt(2.0) * phase + second))
        return true + s.sensor_drift_K * drift + self._random.gauss(0.0, s.sensor_noise_K)

    def _apply_field(self, t: float) -> None:
        turns = self.magnet.advance(t)
        for field_T in (*turns, self.magnet.field_T(t)):
            if field_T != self._field_T:
                self._holder.apply_field(field_T)
                self._field_T = field_T
