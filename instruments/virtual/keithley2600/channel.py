"""What one channel does over time: measurements, overlapped measurements, and its trigger model.

Source: Series 2600B Reference Manual, section 3, "Triggering", and `smuX.trigger` in section 7.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from nanojunction.instruments.virtual.keithley2600.buffers import Buffer
from nanojunction.instruments.virtual.keithley2600.errors import TspError
from nanojunction.instruments.virtual.keithley2600.smu import Smu, Values
from nanojunction.instruments.virtual.keithley2600.timeline import Detector, Steps, Task, Timeline

#: What one turn of the trigger layer takes at least (s): a choice.
TURN_S = 20e-6

#: Names of a channel's events, in the order of their numbers.
EVENTS = ("SWEEPING", "ARMED", "SOURCE_COMPLETE", "MEASURE_COMPLETE", "PULSE_COMPLETE",
          "SWEEP_COMPLETE", "IDLE")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sweep:
    """Levels (V if `function` is 1, else A) that the trigger model goes through."""

    function: int
    levels: Sequence[float]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the trigger model measures, and a buffer for each."""

    functions: str
    buffers: tuple[Buffer, ...]


@dataclass
class Channel:
    """A source-measure unit with its buffers and its trigger model."""

    smu: Smu
    timeline: Timeline
    first_event: int
    nvbuffers: tuple[Buffer, Buffer]
    sweep: Sweep | None = None
    measurement: Measurement | None = None
    task: Task | None = None
    using: tuple[Buffer, ...] = ()
    detectors: dict[str, Detector] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.detectors = {
            "arm": Detector(lambda: self.smu.settings.arm_stimulus),
            "source": Detector(lambda: self.smu.settings.source_stimulus),
            "measure": Detector(lambda: self.smu.settings.measure_stimulus),
            "endpulse": Detector(lambda: self.smu.settings.endpulse_stimulus),
        }
        self.timeline.detectors += self.detectors.values()

    @property
    def busy(self) -> bool:
        """Whether a sweep or an overlapped measurement is under way."""
        return self.task is not None

    def event(self, name: str) -> int:
        """Return the number of one of the channel's events."""
        return self.first_event + EVENTS.index(name)

    def reset(self, t: float) -> None:
        """Stop, and go to the defaults."""
        self.abort(t)
        self.smu.reset(t)
        self.sweep = self.measurement = None

    def abort(self, t: float) -> None:
        """End what is under way; the source goes to its programmed level."""
        if self.task is not None:
            self.timeline.cancel(self.task, t)
        if self.smu.swept_level is not None:
            self.smu.swept_level = None
            self.smu.connect(t)

    # Measuring

    def measuring(
        self, functions: str, buffers: Sequence[Buffer], t: float, into: Values
    ) -> Generator[float, float, float]:
        """Measure `measure.count` times into buffers and `into`; return when that is done (s)."""
        for buffer in buffers:
            buffer.start()
        started = t
        s = self.smu.settings
        for turn in range(s.count):
            if turn and s.interval:
                t = max(t, started + turn * s.interval)
            values, t = yield from self.smu.measure(functions, t)
            t = yield t
            into.update(values)
            for function, buffer in zip(functions, buffers, strict=False):
                buffer.store(values[function])
        return t

    def measure_overlapped(self, functions: str, buffers: tuple[Buffer, ...], t: float) -> None:
        """Start to measure while other commands are carried out."""

        def steps() -> Steps:
            yield from self.measuring(functions, buffers, t, {})

        self._go(steps(), buffers, t)

    def _go(self, steps: Steps, buffers: tuple[Buffer, ...], t: float) -> None:
        if self.busy:
            raise TspError(5042)
        self.using = buffers
        # A task that ends in its first step would be taken for one that goes on.
        self.task = placeholder = Task(steps, _nothing)
        task = self.timeline.start(steps, t, self._ended)
        if self.task is placeholder:
            self.task = task

    def _ended(self, _t: float) -> None:
        self.task, self.using = None, ()
        self.smu.sweeping = False

    # The trigger model

    def initiate(self, t: float) -> None:
        """Leave idle; raises TspError for what is not configured or lies beyond the source."""
        s = self.smu.settings
        if s.source_action:
            if self.sweep is None or self.sweep.function != s.func:
                raise TspError(5059)
            for level in self.sweep.levels:
                self.smu.check_in_range(level)
        if s.measure_action and self.measurement is None:
            raise TspError(5060)
        buffers = self.measurement.buffers if self.measurement and s.measure_action else ()
        for detector in self.detectors.values():
            detector.detected = False
        self._go(self._sweeping(t, buffers), buffers, t)

    def _sweeping(self, t: float, buffers: tuple[Buffer, ...]) -> Steps:
        s, fire = self.smu.settings, self.timeline.fire
        self.smu.sweeping = True
        self.smu.forget_filter()
        for buffer in buffers:
            buffer.start()
        fire(self.event("SWEEPING"), t)
        for _ in _turns(s.arm_count):
            t = yield self.detectors["arm"]
            if s.autoclear:
                for detector in self.detectors.values():
                    detector.detected = False
            fire(self.event("ARMED"), t)
            for turn in _turns(s.trigger_count):
                t = yield from self._turn(turn, t)
            fire(self.event("SWEEP_COMPLETE"), t)
        if not s.endsweep_action:
            self._idle_level(t)
        fire(self.event("IDLE"), t)

    def _turn(self, turn: int, t: float) -> Generator[float | Detector, float, float]:
        """Go once through the trigger layer; return when it is done (s)."""
        s, smu, fire = self.smu.settings, self.smu, self.timeline.fire
        started = t
        t = yield self.detectors["source"]
        if s.source_action and self.sweep is not None:
            smu.swept_level = self.sweep.levels[turn % len(self.sweep.levels)]
            smu.step(t)
            t = yield smu.settled_s
        fire(self.event("SOURCE_COMPLETE"), t)
        t = yield self.detectors["measure"]
        if s.measure_action and self.measurement is not None:
            values, t = yield from smu.measure(self.measurement.functions, t)
            t = yield t
            for function, buffer in zip(
                self.measurement.functions, self.measurement.buffers, strict=True
            ):
                buffer.store(values[function])
        t = yield max(t, started + TURN_S)
        fire(self.event("MEASURE_COMPLETE"), t)
        t = yield self.detectors["endpulse"]
        if not s.endpulse_action:
            self._idle_level(t)
        fire(self.event("PULSE_COMPLETE"), t)
        return t

    def _idle_level(self, t: float) -> None:
        self.smu.swept_level = None
        self.smu.step(t)


def _turns(count: int) -> Sequence[int] | Generator[int, None, None]:
    """Return the turns of a layer; a count of 0 goes on until it is aborted."""
    return range(count) if count else _for_ever()


def _for_ever() -> Generator[int, None, None]:
    turn = 0
    while True:
        yield turn
        turn += 1


def _nothing(_t: float) -> None:
    """End without telling anybody."""
