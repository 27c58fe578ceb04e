"""The acquisition: owns the station, measures what the queue says, and answers on the channel.

One thread measures and is the only one that speaks to instruments; those of the channel look at
the live state, change the queue in its file, and leave requests that the first one sees to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanojunction.instruments.clock import Clock, now_iso
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.limits import LimitedMagnet, LimitedTemperature
from nanojunction.instruments.safe_state import source_to_safe
from nanojunction.instruments.station import Station
from nanojunction.procedures.acquisition.planning import fit, planned, run_of
from nanojunction.procedures.acquisition.queue import Queue, is_pause
from nanojunction.procedures.acquisition.records import Entry, QueueError, Wish
from nanojunction.procedures.live import Live
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.runner import default_name
from nanojunction.procedures.stopping import StopRequest

#: How often (s, wall clock) the cryostat is looked at while nothing is measured, and requests.
LOOK_S, TURN_S = 1.0, 0.02
#: How long (s) a request to make safe waits for a reading under way, beside the source's ramp.
READING_S = 10.0
#: How long (s) nobody need be connected before an acquisition without work leaves the station.
ALONE_S = 60.0
#: What happens to the queue when a run does not finish.
POLICIES = ("stop", "skip", "retry")


@dataclass(slots=True)
class Requests:
    """What the channel's threads ask of the thread that measures."""

    stop: StopRequest = field(default_factory=StopRequest)
    #: Stops that were asked for over this channel: the acquisition stays.
    stays: bool = False
    goes: bool = False
    leaves: bool = False
    safe_asked: int = 0
    safe_done: int = 0
    safe_words: tuple[str, ...] = ()
    safe_reading: Mapping[str, Any] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)


class Acquisition:
    """Measures on an open station what the queue in `folder` says, until it is told to leave."""

    def __init__(self, station: Station, folder: Path, queue: Queue) -> None:
        self.station = station
        self.folder = folder
        self.live = Live(None)
        self.requests = Requests()
        self.policy, self.tries = "stop", 1
        self.clients: Callable[[], int] = lambda: 1
        self._queue = queue
        self._reading: dict[str, Any] = {}
        self._wall = Clock()
        self._looked = self._alone_since = -LOOK_S
        self._said: list[str] = []
        self._unsafe: list[str] = []

    # The thread that measures

    def go_on(self, ended: StopRequest) -> list[str]:
        """Measure and wait in turns until told to leave; return what could not be made safe.

        `ended` is asked by signals, and by `nanojunction safe`: then the station is left.
        """
        self.station.owner.publish(self.live.state)
        while not (ended.asked() or self.requests.leaves or self._is_forsaken()):
            self.station.owner.on_stop(ended.ask)
            self.see_to_requests()
            entry = self._queue.next() if self.requests.goes else None
            if entry is None:
                self.requests.goes = False
                self._look()
                self._wait()
            elif is_pause(entry):
                self._queue.end(entry.key, "finished")
                self.say(f"the queue waits: {entry.wish.words or 'a pause'}")
                self.requests.goes = False
            else:
                self._carry_out(entry, ended)
        return self._unsafe

    def see_to_requests(self) -> None:
        """Make the source safe if somebody asked, and say what was read back."""
        requests = self.requests
        asked = requests.safe_asked
        if asked == requests.safe_done:
            return
        failed = source_to_safe(self.station)
        reading = self._output()
        with requests.changed:
            requests.safe_words, requests.safe_reading = tuple(failed), reading
            requests.safe_done = asked
            requests.changed.notify_all()

    def _carry_out(self, entry: Entry, ended: StopRequest) -> None:
        """Measure one entry, or what is left of it."""
        with self.requests.changed:
            if not self.requests.goes or self.requests.leaves:
                return  # somebody was quicker
            self.requests.stop, self.requests.stays = StopRequest(), False
        self._queue.begin(entry.key)
        measuring = Measuring(
            self.station, self._queue.journal, self.requests.stop, self.say,
            lambda _progress: None, self.live,
        )  # fmt: skip
        try:
            procedure = fit(entry.wish, self.station)
            run = run_of(entry.wish, entry.key)
            continues = measuring.continued(entry.key) if entry.resumes else None
            if measuring.only_lacks_its_end(entry.key, procedure, continues):
                self._queue.end(entry.key, "finished")
                return
            made = measuring.make(run, procedure, default_name(procedure), continues=continues)
        except LaboratoryError as problem:
            self._queue.fail(entry.key, str(problem))
            self._after_failure(entry)
            return
        self._unsafe += measuring.unsafe
        self._queue.end(entry.key, made.outcome.status)
        if self.requests.stop.asked() and not self.requests.stays:
            ended.ask(self.requests.stop.reason)
        if measuring.unsafe:
            self.requests.goes = False
        elif not made.outcome.ok:
            self._after_failure(entry)

    def _after_failure(self, entry: Entry) -> None:
        """Do as the policy says: stop, go on with the next, or try the same again."""
        if self.requests.stop.asked() or self.policy == "stop":
            self.requests.goes = False
        elif self.policy == "retry":
            if entry.tries < self.tries:
                self._queue.retry(entry.key)
            else:
                self.requests.goes = False

    def _wait(self) -> None:
        """Wait a moment, less if somebody asks for something."""
        requests = self.requests
        self.station.clock.sleep(
            TURN_S * self.station.clock.speed,
            lambda: requests.safe_asked != requests.safe_done or requests.goes,
        )

    def _is_forsaken(self) -> bool:
        """Tell whether nothing is to be done, and nobody has looked for a while."""
        now = self._wall.now()
        if self.clients() or self.requests.goes or self._alone_since < 0.0:
            self._alone_since = now
        return now - self._alone_since > ALONE_S

    def _look(self) -> None:
        """Read the cryostat now and then while nothing is measured."""
        if self._wall.now() - self._looked < LOOK_S:
            return
        self._looked = self._wall.now()
        reading = self._output() | {"read_at": now_iso()}
        for instrument in (self.station.temperature_or_none, self.station.magnet_or_none):
            try:
                reading |= _read(instrument)
            except LaboratoryError as problem:  # to be seen in the strip, and no more than that
                reading.setdefault("problems", []).append(str(problem))
        self._reading = reading

    def _output(self) -> dict[str, Any]:
        """Return what the source-meter says of its output."""
        meter = self.station.source_meter_or_none
        if meter is None:
            return {}
        try:
            return {
                "output_on": meter.is_output_on(),
                "level": meter.level(),
                "source": meter.source(),
            }
        except LaboratoryError as problem:
            return {"output_on": None, "problems": [str(problem)]}

    def say(self, words: str) -> None:
        """Keep a sentence for whoever looks."""
        self._said.append(f"{now_iso()} {words}")

    # The threads of the channel

    def commands(self) -> dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        """Return what can be asked, by name."""
        return {
            "look": self._tell_state, "queue": self._tell_queue, "add": self._add,
            "change": self._change, "move": self._move, "discard": self._discard,
            "resume": self._resume, "retry": self._retry, "go": self._go, "pause": self._pause,
            "stop": self._stop, "safe": self._safe, "policy": self._set_policy,
            "leave": self._leave,
        }  # fmt: skip

    def _tell_state(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the live state, the rows of `run` beyond `after`, and the last reading."""
        rows = self.live.rows(_number(asked, "run"), _number(asked, "after"))
        said = self._said[_number(asked, "said") :]
        return {
            "state": self.live.state(), "rows": rows, "reading": self._reading, "said": said,
            "goes": self.requests.goes, "unsafe": list(self._unsafe), "policy": self.policy,
        }  # fmt: skip

    def _tell_queue(self, _asked: Mapping[str, Any]) -> dict[str, Any]:
        with Queue(self.folder) as queue:
            return {"entries": [entry.content() for entry in queue.entries()]}

    def _add(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        wishes = asked.get("wishes")
        if not isinstance(wishes, list) or not all(isinstance(one, dict) for one in wishes):
            raise QueueError("wishes: give a list of what is to be measured")
        found = self._planned([Wish.of(one) for one in wishes])
        with Queue(self.folder) as queue:
            return {"keys": queue.add(found, str(asked.get("before", "")))}

    def _change(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        wish = asked.get("wish")
        if not isinstance(wish, dict):
            raise QueueError("wish: give what is to be measured")
        ((made, rows, cost_s),) = self._planned([Wish.of(wish)])
        with Queue(self.folder) as queue:
            queue.change(_key(asked), made, rows, cost_s)
        return {}

    def _planned(self, wishes: Sequence[Wish]) -> list[tuple[Wish, int | None, float]]:
        return planned(wishes, self.station.config, self.station.source)

    def _move(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        with Queue(self.folder) as queue:
            queue.move(_key(asked), str(asked.get("before", "")))
        return {}

    def _discard(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        with Queue(self.folder) as queue:
            queue.discard(_key(asked))
        return {}

    def _resume(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        with Queue(self.folder) as queue:
            queue.resume(_key(asked))
        return {}

    def _retry(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        with Queue(self.folder) as queue:
            return {"key": queue.retry(_key(asked))}

    def _go(self, _asked: Mapping[str, Any]) -> dict[str, Any]:
        """Measure what waits; nothing else ever begins a run."""
        if self._unsafe:
            raise QueueError(
                "something could not be made safe: see to it at the front panels first"
            )
        with Queue(self.folder) as queue:
            waits = queue.next() is not None
            cut = next((one for one in queue.entries() if one.status == "cut off"), None)
        if not waits:
            why = f"{cut.key} was cut off: resume or discard it first" if cut else "it is empty"
            raise QueueError(f"the queue cannot go on: {why}")
        self.requests.goes = True
        return {}

    def _pause(self, _asked: Mapping[str, Any]) -> dict[str, Any]:
        """Begin no other run after the present one."""
        self.requests.goes = False
        return {}

    def _stop(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """End the present run after its point; the queue waits."""
        self._end_run(str(asked.get("reason", "stopped in the window")))
        return {}

    def _safe(self, _asked: Mapping[str, Any]) -> dict[str, Any]:
        """End what is measured, bring the source to zero and open it, and say what was read."""
        requests, meter = self.requests, self.station.config.source_meter
        way_s = READING_S
        if meter is not None:
            ramps = (meter.max_voltage_V / meter.ramp_V_per_s,
                     meter.max_current_A / meter.ramp_A_per_s)  # fmt: skip
            way_s += max(ramps) / self.station.clock.speed
        with requests.changed:
            requests.safe_asked += 1
            mine = requests.safe_asked
            self._end_run("SAFE STOP")
            done = requests.changed.wait_for(lambda: requests.safe_done >= mine, way_s)
            words, reading = list(requests.safe_words), dict(requests.safe_reading)
        confirmed = done and not words and reading.get("output_on") is False
        return {"confirmed": confirmed, "answered": done, "unsafe": words, "reading": reading}

    def _end_run(self, reason: str) -> None:
        with self.requests.changed:
            self.requests.goes, self.requests.stays = False, True
            self.requests.stop.ask(reason)

    def _set_policy(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        policy = asked.get("policy")
        if policy not in POLICIES:
            raise QueueError(f"policy: {policy!r} is none of {', '.join(POLICIES)}")
        self.policy, self.tries = policy, _number(asked, "tries") or 1
        return {}

    def _leave(self, _asked: Mapping[str, Any]) -> dict[str, Any]:
        """Leave the station in its safe state, once the present run has ended."""
        self._end_run("the acquisition was told to leave")
        self.requests.leaves = True
        return {}


def _read(instrument: LimitedTemperature | LimitedMagnet | None) -> dict[str, Any]:
    if isinstance(instrument, LimitedTemperature):
        temperatures = {name: instrument.temperature_K(name) for name in instrument.sensors}
        return {"temperatures_K": temperatures, "setpoint_K": instrument.setpoint_K()}
    if isinstance(instrument, LimitedMagnet):
        return {"field_T": instrument.field_T(), "magnet": str(instrument.status().state)}
    return {}


def _key(asked: Mapping[str, Any]) -> str:
    key = asked.get("key")
    if not isinstance(key, str):
        raise QueueError("key: name an entry of the queue")
    return key


def _number(asked: Mapping[str, Any], name: str) -> int:
    value = asked.get(name, 0)
    if not isinstance(value, int) or value < 0:
        raise QueueError(f"{name}: {value!r} is no count")
    return value
