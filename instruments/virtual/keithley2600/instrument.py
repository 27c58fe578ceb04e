"""A virtual Keithley 2636B: messages are Lua, run in a sandbox, in front of two channels.

Source: Series 2600B System SourceMeter Instrument Reference Manual (2600BS-901-01), sections 3
(triggering, buffers), 6 (scripts), 7 (commands), 8 (errors) and the appendix on common commands.
Channel a is at the junction of a world; nothing is wired to channel b.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from typing import Any, ClassVar

from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.keithley2600.buffer_commands import BufferGroup
from nanojunction.instruments.virtual.keithley2600.buffers import DEDICATED_CAPACITY, Buffer
from nanojunction.instruments.virtual.keithley2600.channel import EVENTS, Channel
from nanojunction.instruments.virtual.keithley2600.common import common_command
from nanojunction.instruments.virtual.keithley2600.errors import ErrorQueue, TspError, event_bit
from nanojunction.instruments.virtual.keithley2600.interpreter import (
    INSTRUCTIONS,
    Interpreter,
    Stopped,
)
from nanojunction.instruments.virtual.keithley2600.loader import Loader
from nanojunction.instruments.virtual.keithley2600.output import Output
from nanojunction.instruments.virtual.keithley2600.smu import Smu
from nanojunction.instruments.virtual.keithley2600.smu_commands import smu_group
from nanojunction.instruments.virtual.keithley2600.status import STANDARD, Status
from nanojunction.instruments.virtual.keithley2600.system_commands import (
    COMMAND_EVENT,
    system_entries,
)
from nanojunction.instruments.virtual.keithley2600.terminals import NothingWired, Terminals
from nanojunction.instruments.virtual.keithley2600.timeline import Timeline
from nanojunction.instruments.virtual.keithley2600.tree import Group, number, whole
from nanojunction.instruments.virtual.world import World

#: What an instruction of a script takes (s): a choice.
INSTRUCTION_S = 1e-6
#: How long a script may compute on end (s) before it is ended with error -286: a choice. The
#: instrument would go on until somebody sends `abort`.
PATIENCE_S = 10.0
#: The same in seconds of this computer's processor, for what is slow below Lua.
PROCESSOR_S = 20.0
#: Readings that dynamic buffers hold together: a choice.
DYNAMIC_CAPACITY = 1_000_000


class Keithley2600(VirtualInstrument):
    """A Keithley 2636B System SourceMeter, channel a at the junction of a world."""

    driver: ClassVar[str] = "keithley2600"
    termination: ClassVar[str] = "\n"
    identity: ClassVar[str] = "Keithley Instruments Inc., Model 2636B, 0000001, 3.3.5"

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.errors = ErrorQueue()
        self.status = Status(self.errors)
        self.output = Output()
        self.timeline = Timeline(world)
        self.prompts = self.show_errors = 0
        self._timer_zero_s = self._worked_s = 0.0
        self._started_s = time.thread_time()
        self._triggered = self._aborting = self._running = False
        self._note_complete = False
        self.loader = Loader(self)
        self.channels = {
            name: Channel(
                Smu(world, terminals),
                self.timeline,
                first_event=1 + n * len(EVENTS),
                nvbuffers=(Buffer(DEDICATED_CAPACITY), Buffer(DEDICATED_CAPACITY)),
            )
            for n, (name, terminals) in enumerate(self._terminals(world).items())
        }
        self.root = Group(**system_entries(self))
        for name, channel in self.channels.items():
            self.root.entries[f"smu{name}"] = smu_group(self, channel, name)
        here = self.root.entries["localnode"]
        if isinstance(here, Group):
            here.entries |= {f"smu{name}": self.root.entries[f"smu{name}"] for name in "ab"}
        self.root.entries["node"] = node = Group()
        node.entries[1] = here
        with world.lock:
            self.reset()
        self.lua = Interpreter(self, self.root)

    def _terminals(self, world: World) -> dict[str, Terminals]:
        return {"a": world, "b": NothingWired(world)}

    # Messages

    def execute(self, line: str) -> str | None:
        """Carry out one message: a common command, a piece of Lua, or a line of a script."""
        message = line.strip(" \t\r\0")
        if message == "abort":
            self._abort()
            return None
        if message.lower() == "*trg" and self._running:
            self.trigger()
            return None
        self._running, self._aborting, self._worked_s = True, False, 0.0
        self._started_s = time.thread_time()
        try:
            self._carry_out_message(message)
        except Stopped:
            self.loader.forget()
        finally:
            self._running = False
        with self.world.lock:
            self.update_status()
        return self._answer()

    def _carry_out_message(self, message: str) -> None:
        if self.loader.takes(message):
            return
        if message.startswith("*"):
            common_command(self, message)
        elif message:
            self.lua.execute(message)

    def _answer(self) -> str | None:
        if self.show_errors:
            while len(self.errors):
                e = self.errors.pop()
                self.output.line("\t".join(map(self.output.show, (e.code, e.message, e.severity))))
        if self.prompts:
            prompt = "TSP?" if len(self.errors) else "TSP>"
            self.output.line(">>>>" if self.loader.loading else prompt)
        return self.output.take()

    def urgent(self, line: str) -> bool:
        """Return whether a message is carried out while a script runs: abort and *TRG are."""
        return line.strip(" \t\r").lower() in ("abort", "*trg")

    def refuse(self, line: str) -> str | None:
        """Report an input buffer overrun."""
        self.complain(-363, "")
        return None

    def fail(self, line: str) -> str | None:
        """Report an internal system error."""
        self._running = False
        self.output.take()
        self.complain(900, "")
        return None

    def _abort(self) -> None:
        """End the running script and the overlapped commands."""
        self._aborting = self._running
        self.loader.forget()
        with self.world.lock:
            for channel in self.channels.values():
                channel.abort(self.world.sync(self.time_s))

    # Time

    def pass_to(self, moment_s: float) -> None:
        """Wait until a moment on the world's clock; raises Stopped when told to abort."""
        self._worked_s, self._started_s = 0.0, time.thread_time()
        while not self.wait_until(moment_s, out_of_idle=True):
            if self._aborting:
                raise Stopped("")
            if not math.isfinite(moment_s):
                return  # what came may be what was waited for
        self.time_s = max(self.time_s, moment_s)
        with self.world.lock:
            self.world.sync(self.time_s)

    def carry_out(self, steps: Generator[float, float, float]) -> None:
        """Carry out a task while the script waits for it."""
        with self.world.lock:
            self.world.sync(self.time_s)
            try:
                moment = next(steps)
            except StopIteration:
                return
        while True:
            self.pass_to(moment)
            with self.world.lock:
                try:
                    moment = steps.send(moment)
                except StopIteration as end:
                    self.time_s = max(self.time_s, end.value)
                    return

    def tick(self) -> str | None:
        """Let the time of some instructions pass; return why the script must end."""
        self.time_s += INSTRUCTIONS * INSTRUCTION_S
        self._worked_s += INSTRUCTIONS * INSTRUCTION_S
        self.wait_until(self.time_s, out_of_idle=True)
        if self._aborting:
            return ""
        if self._worked_s > PATIENCE_S or time.thread_time() - self._started_s > PROCESSOR_S:
            return f"script computed for more than {PATIENCE_S:g} s on end"
        return None

    def delay(self, seconds: Any = None) -> None:
        """Wait (delay())."""
        self.pass_to(self.time_s + number(0.0, 1e5)(seconds))

    def wait_complete(self) -> None:
        """Wait for the overlapped commands (waitcomplete(), *WAI)."""
        while any(channel.busy for channel in self.channels.values()):
            self.pass_to(self.timeline.next_s)
        with self.world.lock:
            self.update_status()

    def note_complete(self) -> None:
        """Set the bit OPC when the overlapped commands are done (opc(), *OPC)."""
        self._note_complete = True

    def reset_timer(self) -> None:
        """Start the timer again."""
        self._timer_zero_s = self.time_s

    def timer_s(self) -> float:
        """Return the time (s) on the timer."""
        return self.time_s - self._timer_zero_s

    # What scripts ask for

    def perform(self, group: Group, work: Callable[[], Any], waits: bool) -> Any:
        """Carry out what a script asked for; a TspError goes to the queue, with the channel."""
        try:
            if waits:
                return work()
            with self.world.lock:
                self.world.sync(self.time_s)
                return work()
        except TspError as error:
            self.complain(error.code, "", group.channel if error.code >= 5000 else "")
            return None

    def complain(self, code: int, message: str, channel: str = "") -> None:
        """Queue an error and latch its class."""
        self.errors.push(code, message, channel)
        self.status.standard.latch(event_bit(code))

    def reset(self) -> None:
        """Go to the defaults: both channels, triggers and formats; buffers are kept."""
        for channel in self.channels.values():
            channel.reset(self.time_s)
        self.timeline.reset(self.time_s)
        for blender in self.timeline.blenders:
            blender.reset()
        for timer in self.timeline.timers:
            timer.reset()
        self.output.reset()
        self._triggered = self._note_complete = False

    def trigger(self) -> None:
        """Let the command interface's event happen (*TRG)."""
        self._triggered = True
        with self.world.lock:
            t = self.world.sync(self.time_s)
            self.timeline.fire(COMMAND_EVENT, t)
            self.timeline.advance(t)

    def clear_trigger(self) -> None:
        """Forget that a trigger has come."""
        self._triggered = False

    def wait_trigger(self, timeout_s: Any = None) -> bool:
        """Wait for a trigger, at most so long; return whether one came."""
        until = self.time_s + number(0.0)(timeout_s)
        while not self._triggered and self.time_s < until:
            self.pass_to(min(until, self.time_s + 0.05))
        came, self._triggered = self._triggered, False
        return came

    def make_buffer(self, capacity: Any = None) -> Group:
        """Return a new reading buffer; raises TspError -225 when there is no room for it."""
        wanted = whole(1, DYNAMIC_CAPACITY)(capacity)
        held = [one.buffer for one in self.lua.live() if isinstance(one, BufferGroup)]
        dedicated = [buffer for channel in self.channels.values() for buffer in channel.nvbuffers]
        if wanted + sum(b.capacity for b in held if b not in dedicated) > DYNAMIC_CAPACITY:
            raise TspError(-225)
        return BufferGroup(Buffer(wanted))

    def refuse_shared(self, buffers: tuple[Buffer, ...]) -> None:
        """Raise TspError 5040 for a buffer that another overlapped measurement fills."""
        used = [id(b) for channel in self.channels.values() for b in channel.using]
        if any(id(buffer) in used for buffer in buffers):
            raise TspError(5040)

    def update_status(self) -> None:
        """Bring the registers up to what is true now."""
        self.status.update(self.channels.values())
        if self._note_complete and not any(c.busy for c in self.channels.values()):
            self._note_complete = False
            self.status.standard.latch(STANDARD["OPC"])
