"""The command `nanojunction`, with a stopwatch at its seams.

Every moment of the process belongs to one run, one phase (what it is for) and one kind (what the
program does then: waits on purpose, waits for an instrument, writes, computes).

Run by benchmarks/night.py: `python observed.py TIMES run …`; TIMES (JSON) is written at the end.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: What goes on until the program has ended.
SAFE_END = "safe end"
#: Methods and functions by what they are for; those that are called inside of others count alone.
PHASES = {
    "nanojunction.instruments.station:Station.__enter__": "opening the station",
    "nanojunction.instruments.station:Station.__exit__": SAFE_END,
    "nanojunction.instruments.ramps:_ramp_setpoint": "temperature ramps",
    "nanojunction.instruments.ramps:settle_temperature": "settling and windows",
    "nanojunction.procedures.environment:go_to_field": "field ramps",
    "nanojunction.instruments.drivers.ips120_10:IPS120Magnet._open_switch": "switch heater",
    "nanojunction.instruments.ramps:ramp_level": "source ramps",
    "nanojunction.procedures.rest:rest": "rests",
    "nanojunction.procedures.environment:Environment.read": "field and temperature of the rows",
    "nanojunction.procedures.recipes.execute:RecipeRun._pause": "pauses",
    "nanojunction.procedures.recipes.execute:RecipeRun._judge": "analysis between the runs",
    "nanojunction.procedures.runner:run_procedure": "before and after the points",
    "nanojunction.procedures.iv:IVSweep.execute": "points",
    "nanojunction.procedures.ih:IHSweep.execute": "points",
    "nanojunction.procedures.at_fixed:AtFixed.execute": "points",
}
#: The same by what the program does.
KINDS = {
    "nanojunction.instruments.clock:Clock.sleep_until": "waiting",
    "nanojunction.instruments.visa:Connection._write": "bus",
    "nanojunction.instruments.visa:Connection._read": "bus",
    "nanojunction.instruments.visa:Connection.drain": "bus",
    **{
        f"nanojunction.procedures.runfile:RunFile.{name}": "files"
        for name in ("__init__", "write_header", "write_row", "write_end", "close")
    },
    **{
        f"nanojunction.procedures.recipes.journal:Journal.{name}": "files"
        for name in ("begin", "end", "event", "enter_results", "judge")
    },
    "nanojunction.procedures.live:Live._write": "files",
}
RUN = "nanojunction.procedures.recipes.execute:RecipeRun._measure"
COMPUTING, BETWEEN = "computing", "program"


class Stopwatch:
    """Books the time since the last change on the run, phase and kind of that time."""

    def __init__(self, began_s: float) -> None:
        self.booked: dict[tuple[str, str, str], float] = defaultdict(float)
        self.run, self.phase, self.kind = "", BETWEEN, COMPUTING
        self._at_s = began_s
        self._thread = threading.get_ident()

    def book(self) -> None:
        """Book what has passed."""
        now = time.monotonic()
        self.booked[self.run, self.phase, self.kind] += now - self._at_s
        self._at_s = now

    def around(self, function: Callable[..., Any], **change: str) -> Callable[..., Any]:
        """Return a function during which run, phase or kind are others."""

        @functools.wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            if threading.get_ident() != self._thread:
                return function(*arguments, **options)
            self.book()
            before = {name: getattr(self, name) for name in change}
            for name, value in change.items():
                setattr(self, name, value)
            if change.get("kind") == "bus":
                self.kind = arguments[0].where.split(" at ")[0]
            if "run" in change:
                self.run = arguments[1].key
            try:
                return function(*arguments, **options)
            finally:
                self.book()
                before.pop("run", None)  # its analysis still belongs to it
                if change.get("phase") == SAFE_END:  # what follows belongs to no run
                    before, self.run = {}, ""
                for name, value in before.items():
                    setattr(self, name, value)

        return timed

    def attach(self, place: str, **change: str) -> None:
        """Time what stands at `module:name`, wherever it is known under that name."""
        module, _, path = place.partition(":")
        owner: Any = __import__(module, fromlist=["x"])
        *outer, name = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        original = vars(owner)[name]
        timed = self.around(original, **change)
        setattr(owner, name, timed)
        for other in list(sys.modules.values()):
            if getattr(other, "__name__", "").startswith("nanojunction"):
                for key, value in list(vars(other).items()):
                    if value is original:
                        setattr(other, key, timed)


def main(times: Path, arguments: list[str], began_s: float) -> None:
    """Run the command and write what its time went into, however it ends."""
    watch = Stopwatch(began_s)
    from nanojunction.cli.main import main as command

    for place, phase in PHASES.items():
        watch.attach(place, phase=phase)
    for place, kind in KINDS.items():
        watch.attach(place, kind=kind)
    watch.attach(RUN, run="")
    sys.argv = ["nanojunction", *arguments]
    try:
        command()
    finally:
        watch.book()
        rows = [[*key, seconds] for key, seconds in watch.booked.items()]
        cpu_s = time.process_time()
        content = {"cpu_s": cpu_s, "began_s": began_s, "ended_s": time.monotonic(), "times": rows}
        times.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[3:], float(sys.argv[2]))
