"""The one simulated world that all virtual instruments look at."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.virtual.cryostat import Cryostat
from nanojunction.instruments.virtual.line import (
    OPEN,
    Circuit,
    Meters,
    Source,
    WorkingPoint,
)
from nanojunction.instruments.virtual.magnet import Magnet
from nanojunction.instruments.virtual.settings import WorldSettings
from nanojunction.models.junction import JunctionLaw


class World:
    """Cryostat, magnet, measuring line and the junction in it; the truth behind the readings.

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
        self._junction = junction
        self._memory = junction.at_rest()
        self._largest_V = 0.0

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
        """The junction that is mounted."""
        return self._junction

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
        """The voltage (V) across the junction; with an open output what it shows at I = 0."""
        with self.lock:
            return self.working_point(self.sync()).junction_V

    @property
    def junction_current_A(self) -> float:
        """The current (A) through the junction."""
        with self.lock:
            return self.working_point(self.sync()).current_A

    @property
    def largest_voltage_V(self) -> float:
        """The largest |V| that the source put across this junction since it was mounted."""
        with self.lock:
            self.sync()
            return self._largest_V

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

    def mount(self, junction: JunctionLaw) -> None:
        """Put another junction at rest into the present field."""
        with self.lock:
            now = self.sync()
            self._junction = junction
            self._memory = junction.apply_field(junction.at_rest(), self.magnet.field_T(now))
            self._largest_V = 0.0

    def working_point(self, t: float) -> WorkingPoint:
        """Solve the circuit at `t` and let the junction remember the voltage it saw."""
        self._apply_field(t)
        law, memory = self._junction, self._memory
        temperature = self.cryostat.sample_K(t)
        point = self._circuit.solve(
            self._source, lambda voltage: law.current_A(voltage, temperature, memory)
        )
        self._memory = law.apply_voltage(memory, point.junction_V)
        if self._output_on:
            self._largest_V = max(self._largest_V, abs(point.junction_V))
        return point

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
                self._memory = self._junction.apply_field(self._memory, field_T)
                self._field_T = field_T
