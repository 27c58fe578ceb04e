"""Carries scheduled faults out: at the exchanges of one instrument, and in the world."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from nanojunction.instruments.virtual.faults.kinds import (
    Breakdown,
    Drift,
    Drop,
    Fault,
    Garbage,
    Half,
    Hang,
    Late,
    Quench,
    Stick,
)
from nanojunction.instruments.virtual.world import World
from nanojunction.instruments.virtual.world.breakdown import Fragile
from nanojunction.models.junction import JunctionLaw, load_junction

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Armed:
    """A fault that waits for its exchange."""

    fault: Drop | Late | Hang | Half | Garbage | Quench | Drift
    left: int
    matches: int = 0
    due: bool = False

    def look(self, line: str, exchanges: int, now: float) -> None:
        """Tell by `due` whether this exchange is one for the fault."""
        fault = self.fault
        if fault.on_command is not None:
            hit = re.search(fault.on_command, line) is not None
            self.matches += hit
            self.due = hit and self.matches >= fault.match
        elif fault.after_exchanges is not None:
            self.due = exchanges > fault.after_exchanges
        else:
            self.due = fault.at_s is not None and now >= fault.at_s
        self.due = self.due and self.left > 0


@dataclass(slots=True)
class Trouble:
    """The faults at the exchanges of the instrument in `role`; `struck` are those that happened.

    It is asked by one thread only, `before` once for every line that is carried out.
    """

    world: World
    role: str = ""
    faults: Iterable[Fault] = ()
    seed: int = 1
    struck: list[tuple[float, Fault]] = field(default_factory=list)
    random: random.Random = field(init=False)
    exchanges: int = 0
    _armed: list[_Armed] = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.role} {self.seed}")
        self._armed = [
            _Armed(fault, 1 if isinstance(fault, Quench | Drift) else fault.repeat)
            for fault in self.faults
            if not isinstance(fault, Breakdown | Stick) and fault.role == self.role
        ]

    def before(self, line: str) -> Drop | Hang | None:
        """Count an exchange; do what befalls the world, return what befalls the instrument."""
        self.exchanges += 1
        now = self.world.now()
        for armed in self._armed:
            armed.look(line, self.exchanges, now)
        for armed in self._armed:
            if armed.due and isinstance(armed.fault, Quench | Drift):
                self._strike(armed)
                befall(self.world, armed.fault)
        for armed in self._armed:
            if armed.due and isinstance(armed.fault, Drop | Hang):
                self._strike(armed)
                return armed.fault
        return None

    def of_answer(self, line: str) -> Late | Garbage | Half | None:
        """Return what befalls the answer to the line that was asked about last."""
        for armed in self._armed:
            if armed.due and isinstance(armed.fault, Late | Garbage | Half):
                self._strike(armed)
                return armed.fault
        return None

    def _strike(self, armed: _Armed) -> None:
        armed.left -= 1
        armed.due = False
        self.struck.append((self.world.now(), armed.fault))
        log.debug("fault: %r", armed.fault)


def befall(world: World, fault: Quench | Drift) -> None:
    """Let a fault of the world happen now."""
    with world.lock:
        _happen(world, fault, world.sync())


def _happen(world: World, fault: Quench | Drift, t: float) -> None:
    if isinstance(fault, Quench):
        world.magnet.quench(t)
    else:
        world.cryostat.disturb(t, fault.kelvin, fault.seconds)


def schedule(world: World, faults: Iterable[Fault], struck: list[tuple[float, Fault]]) -> None:
    """Have the world's faults with `at_s` happen at their times, whether or not anybody looks."""
    timed = [fault for fault in faults if isinstance(fault, Quench | Drift)]
    waiting = sorted(
        ((fault.at_s, fault) for fault in timed if fault.at_s is not None),
        key=lambda pair: pair[0],
    )

    def advance(t: float) -> None:
        while waiting and waiting[0][0] <= t:
            at_s, fault = waiting.pop(0)
            struck.append((at_s, fault))
            _happen(world, fault, at_s)

    world.follow(advance)


def with_breakdowns(law: JunctionLaw, faults: Iterable[Fault], position: str = "") -> JunctionLaw:
    """Return `law` with the breakdowns that are scheduled at a position of the holder."""
    found = [f for f in faults if isinstance(f, Breakdown) and f.position == position]
    for fault in sorted(found, key=lambda fault: fault.above_V):
        law = Fragile(law, load_junction(fault.becomes), fault.above_V)
    return law
