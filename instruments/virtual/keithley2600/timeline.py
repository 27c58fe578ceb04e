"""What goes on by itself inside a 2600: sweeps, timers and events, each at its own time.

A task is a generator: it yields the time (s, on the world's clock) at which it wants to go on, or
a detector that it waits for, and is sent the time at which it does. So the readings do not depend
on when anybody looks. Source: Series 2600B Reference Manual, section 3, "Triggering".
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from nanojunction.instruments.virtual.world import World

#: Steps carried out at one look, and events in one chain, before what runs away is ended: a
#: timer that feeds itself must not hold the whole world.
_STEPS, _CHAIN = 2_000_000, 1_000


@dataclass(eq=False, slots=True)
class Detector:
    """Waits for the event whose number is its stimulus; 0 waits for nothing."""

    stimulus: Callable[[], int]
    detected: bool = False
    waiting: Task | None = None


Steps = Generator["float | Detector", float, None]


@dataclass(eq=False, slots=True)
class Task:
    """Something that goes on by itself; `on_end` is told when it has ended or was cancelled."""

    steps: Steps
    on_end: Callable[[float], None]
    running: bool = True


@dataclass(eq=False, slots=True)
class Blender:
    """Makes one event of several: of any of them, or of all."""

    event: int
    orenable: bool = False
    stimuli: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(1, 5), 0))
    seen: set[int] = field(default_factory=set)

    def reset(self) -> None:
        """Go to the defaults."""
        self.orenable = False
        self.stimuli.update(dict.fromkeys(self.stimuli, 0))
        self.seen.clear()

    def takes(self, event: int) -> bool:
        """Take an event; return whether the blender's own follows."""
        wanted = {stimulus for stimulus in self.stimuli.values() if stimulus}
        if event not in wanted:
            return False
        self.seen.add(event)
        if not self.orenable and self.seen != wanted:
            return False
        self.seen.clear()
        return True


@dataclass(eq=False, slots=True)
class Timer:
    """Makes `count` events, each `delay` s after the one before, once its stimulus comes."""

    event: int
    delay: float = 1e-5
    count: int = 1
    passthrough: bool = False
    stimulus: int = 0

    def reset(self) -> None:
        """Go to the defaults."""
        self.delay, self.count, self.passthrough, self.stimulus = 1e-5, 1, False, 0


class Timeline:
    """Carries out tasks in the order of time; the world's lock is held by callers."""

    def __init__(self, world: World) -> None:
        self.detectors: list[Detector] = []
        self.blenders: list[Blender] = []
        self.timers: list[Timer] = []
        self._due: list[tuple[float, int, Task]] = []
        self._order = itertools.count()
        world.follow(self.advance)

    @property
    def next_s(self) -> float:
        """When something happens next; infinity if nothing does by itself."""
        self._drop_ended()
        return self._due[0][0] if self._due else float("inf")

    def start(self, steps: Steps, t: float, on_end: Callable[[float], None]) -> Task:
        """Start a task at `t`."""
        task = Task(steps, on_end)
        self._go_on(task, t, first=True)
        return task

    def cancel(self, task: Task, t: float) -> None:
        """End a task before its time."""
        if task.running:
            task.running = False
            task.steps.close()
            task.on_end(t)

    def advance(self, t: float) -> None:
        """Carry out what is due up to `t`."""
        steps = 0
        while self._due and self._due[0][0] <= t:
            when, _, task = heapq.heappop(self._due)
            steps += 1
            if steps > _STEPS:
                self.cancel(task, when)
            elif task.running:
                self._go_on(task, when)

    def fire(self, event: int, t: float) -> None:
        """Let an event happen at `t`."""
        events = deque([event])
        for _ in range(_CHAIN):
            if not events:
                return
            event = events.popleft()
            for detector in self.detectors:
                if detector.stimulus() == event:
                    self.detect(detector, t)
            events += [one.event for one in self.blenders if one.takes(event)]
            for timer in self.timers:
                if timer.stimulus == event:
                    events += [timer.event] if timer.passthrough else []
                    self.start(self._count_down(timer, t), t, _nothing)

    def reset(self, t: float) -> None:
        """Forget what was detected, and end everything that goes on."""
        for _, _, task in list(self._due):
            self.cancel(task, t)
        self._due.clear()
        for detector in self.detectors:
            detector.detected = False
            if detector.waiting is not None:
                self.cancel(detector.waiting, t)
                detector.waiting = None

    def detect(self, detector: Detector, t: float) -> None:
        """Give a detector what it waits for at `t`."""
        task, detector.waiting = detector.waiting, None
        if task is not None and task.running:
            heapq.heappush(self._due, (t, next(self._order), task))
        else:
            detector.detected = True

    def _go_on(self, task: Task, t: float, *, first: bool = False) -> None:
        """Resume a task at `t` until it wants to wait."""
        while True:
            try:
                wish = next(task.steps) if first else task.steps.send(t)
            except StopIteration:
                if task.running:
                    task.running = False
                    task.on_end(t)
                return
            first = False
            if isinstance(wish, Detector):
                if wish.stimulus() and not wish.detected:
                    wish.waiting = task
                    return
                wish.detected = False
            elif wish > t:
                heapq.heappush(self._due, (wish, next(self._order), task))
                return

    def _count_down(self, timer: Timer, t: float) -> Steps:
        for _ in range(timer.count):
            t = yield t + timer.delay
            self.fire(timer.event, t)

    def _drop_ended(self) -> None:
        while self._due and not self._due[0][2].running:
            heapq.heappop(self._due)


def _nothing(_t: float) -> None:
    """End without telling anybody."""
