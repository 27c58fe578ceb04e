"""The Keithley 2450's trigger model: numbered building blocks, and their run on the world's clock.

An acquisition is a generator that yields how long its next step takes (s) and is sent the moment
at which that step is over; `advance(t)` carries out what was due up to `t`, so that the readings
do not depend on when anybody looks.
Source: Model 2450 Reference Manual (2450-901-01), section 3 (trigger model), section 6
(`:TRIGger`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanojunction.instruments.virtual.keithley2450.buffers import ReadingBuffer
from nanojunction.instruments.virtual.keithley2450.events import EventError
from nanojunction.instruments.virtual.keithley2450.settings import BETWEEN_POINTS_S, SourceSide
from nanojunction.instruments.virtual.scpi import ScpiError

if TYPE_CHECKING:
    from nanojunction.instruments.virtual.keithley2450.instrument import Keithley2450

#: What one block takes beside what it does (s): small, so that no loop stands still in time.
BLOCK_S = 5e-6
_NEVER = math.inf

#: Yields how long a step takes and is sent when it is over; returns when the last one was.
Steps = Generator[float, float, float]


@dataclass(frozen=True, slots=True)
class Block:
    """One building block: its kind, and what it needs of the rest."""

    kind: str
    name: str = ""  # of a buffer or a configuration list
    number: int = 0  # an index, a count, or a state
    branch: int = 0
    delay_s: float = 0.0

    def shown(self, number: int) -> str:
        """Return it as `:TRIGger:BLOCk:LIST?` writes it."""
        values = [f'"{self.name}"'] if self.name else []
        values += [str(self.number)] if self.number else []
        values += [f"block {self.branch}"] if self.branch else []
        values += [f"{self.delay_s:g} s"] if self.delay_s else []
        return f"{number}) {self.kind} {' '.join(values)}".rstrip()


class Acquisition:
    """What the instrument does by itself: single readings, or the trigger model."""

    def __init__(self, owner: Keithley2450) -> None:
        self._owner = owner
        self.blocks: dict[int, Block] = {}
        self.state, self.at_block = "EMPTY", 0
        self.steps: Steps | None = None
        self.next_event_s = _NEVER
        self.ended_s = owner.world.now()
        self._triggered = False
        self._indices: dict[str, int] = {}
        owner.world.follow(self.advance)

    @property
    def running(self) -> bool:
        """Whether something is under way."""
        return self.steps is not None

    def start(self, t: float, steps: Steps) -> None:
        """Begin; raises ScpiError -213 while something is under way."""
        if self.running:
            raise ScpiError(-213)
        self.steps = steps
        self._resume(t, first=True)

    def start_model(self, t: float) -> None:
        """Begin the trigger model; raises ScpiError -221 for an empty one."""
        if not self.blocks:
            raise ScpiError(-221)
        self.start(t, self._run_blocks(t))
        if self.running:
            self.state = "RUNNING"

    def abort(self, t: float) -> None:
        """Stop where it is."""
        if self.steps is not None:
            self.steps.close()
            self._end(t, "ABORTED")

    def trigger(self, t: float) -> bool:
        """Take *TRG; return whether a wait block waited for it."""
        if self.state != "WAITING":
            return False
        self._triggered = True
        self.next_event_s = t
        return True

    def advance(self, t: float) -> None:
        """Carry out what is due up to `t`."""
        while self.running and self.next_event_s <= t:
            self._resume(self.next_event_s)

    def _resume(self, t: float, *, first: bool = False) -> None:
        steps = self.steps
        if steps is None:
            return
        try:
            self.next_event_s = t + (next(steps) if first else steps.send(t))
        except StopIteration as end:
            self._end(t if end.value is None else end.value, "IDLE")
        except ScpiError as problem:
            self._owner.report(problem)
            self._end(t, "FAILED")

    def _end(self, t: float, state: str) -> None:
        self.steps, self.next_event_s, self.ended_s = None, _NEVER, t
        self.state = state if self.blocks else "EMPTY"
        self._owner.operation_complete()

    # What it can do

    def measure(self, t: float, count: int, buffer: ReadingBuffer) -> Steps:
        """Take readings into a buffer, one after the other."""
        unit = self._owner.unit
        for i in range(count):
            if i:
                t = yield BETWEEN_POINTS_S
            if delay_s := unit.delay_s:
                t = yield delay_s
            half_s = 0.5 * unit.measuring_s(t)
            t = yield half_s
            reading, extra_s = unit.measure(t, first=i == 0)
            t = yield half_s + extra_s
            if buffer.is_full:
                raise EventError(4915, buffer.name)
            buffer.store(reading)
        return t

    def _run_blocks(self, t: float) -> Steps:
        counters: dict[int, int] = {}
        self._indices.clear()
        number, last = 1, max(self.blocks)
        while 1 <= number <= last:
            self.at_block = number
            block = self.blocks.get(number, Block("NO_OPERATION"))
            t = yield BLOCK_S
            following = number + 1
            if block.kind == "MEASURE":
                t = yield BETWEEN_POINTS_S
                t = yield from self.measure(t, block.number, self._owner.buffer(block.name))
            elif block.kind in ("DELAY_CONSTANT", "DELAY_DYNAMIC"):
                unit = self._owner.unit
                t = yield unit.user_delay_s(block.name) if block.name else block.delay_s
            elif block.kind == "BRANCH_ALWAYS":
                following = block.branch
            elif block.kind == "BRANCH_COUNTER":
                counters[number] = counters.get(number, 0) + 1
                if counters[number] < block.number or block.number == 0:
                    following = block.branch
                else:
                    counters[number] = 0
            elif block.kind == "BRANCH_LIMIT":
                if self._is_limited(t):
                    following = block.branch
            elif block.kind == "WAIT":
                self.state = "WAITING"
                while not self._triggered:
                    t = yield _NEVER
                self._triggered, self.state = False, "RUNNING"
            else:
                _ACTIONS[block.kind](self, t, block)
            number = following
        return t

    def _is_limited(self, t: float) -> bool:
        unit = self._owner.unit
        return unit.output_on and unit.world.working_point(t).limited

    def _clear(self, t: float, block: Block) -> None:
        self._owner.buffer(block.name).readings.clear()

    def _output(self, t: float, block: Block) -> None:
        self._owner.unit.switch(t, bool(block.number))

    def _recall(self, t: float, block: Block) -> None:
        self._go_to(t, block.name, block.number)

    def _next(self, t: float, block: Block) -> None:
        length = len(self._owner.list_named(block.name))
        self._go_to(t, block.name, self._indices.get(block.name, 0) % length + 1)

    def _previous(self, t: float, block: Block) -> None:
        length = len(self._owner.list_named(block.name))
        self._go_to(t, block.name, (self._indices.get(block.name, 1) - 2) % length + 1)

    def _go_to(self, t: float, name: str, index: int) -> None:
        self._indices[name] = index
        self._owner.recall_point(t, name, index)

    def _nothing(self, t: float, block: Block) -> None:
        """Stand for blocks that have no effect here."""


_ACTIONS: Mapping[str, Callable[[Acquisition, float, Block], None]] = {
    "BUFFER_CLEAR": Acquisition._clear,
    "SOURCE_OUTPUT": Acquisition._output,
    "CONFIG_RECALL": Acquisition._recall,
    "CONFIG_NEXT": Acquisition._next,
    "CONFIG_PREV": Acquisition._previous,
    "NOTIFY": Acquisition._nothing,
    "NO_OPERATION": Acquisition._nothing,
}

#: A point of a source configuration list: which function, and its settings.
Point = tuple[str, SourceSide]
