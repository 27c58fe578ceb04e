"""The live state of a measurement: a small JSON file that always stands beside the run files.

Who looks in during the night reads it, or the page that `--monitor` makes of it. It is a
convenience: what goes wrong with it is logged, and never ends a run.
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from numbers import Real
from pathlib import Path
from typing import Any

from nanojunction.instruments.clock import Clock

log = logging.getLogger(__name__)

SCHEMA = "nanojunction-live/1"
LIVE_FILE = "live.json"
#: Wall-clock time (s) between two writings of the file, and how many rows and events are kept.
EVERY_S, ROWS, EVENTS = 0.5, 4000, 20
#: Time (s, wall clock) between two writings while there is nothing new, and silence after which
#: somebody should look at the cryostat; what a single reading takes comes on top.
ALIVE_S, QUIET_S = 5.0, 60.0
#: How often, and with which pauses (s), a file is replaced that a reader holds open (Windows).
TRIES, PAUSE_S = 5, 0.01


class Live:
    """What is being measured now, in `file`; `None` keeps it in memory only.

    The acquisition's thread writes; the page's threads read `state()` and `rows()`.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {
            "schema": SCHEMA, "pid": os.getpid(), "status": "starting", "rows": 0,
            "last_error": None,
        }  # fmt: skip
        self._rows: deque[dict[str, Any]] = deque(maxlen=ROWS)
        self._count = 0  # of the rows of this run, more than are kept
        self._run = 0
        self._events: deque[str] = deque(maxlen=EVENTS)
        self._written = -EVERY_S
        self._wall = Clock()
        self._said = ""

    def begin(self, **run: Any) -> None:
        """Start a new run: what is said here replaces what was said of the one before."""
        with self._lock:
            self._rows.clear()
            self._count = 0
            self._run += 1
            self._state |= {"rows": 0, "percent": 0.0, "left_s": None, "words": "", "point": None}
            self._state |= plain(run) | {"status": "running", "run": self._run, "started": _now()}
        self._write()

    def update(self, **changes: Any) -> None:
        """Say what has changed; the file follows at most every half second."""
        with self._lock:
            self._state |= plain(changes)
        if self._wall.now() - self._written >= EVERY_S:
            self._write()

    def alive(self) -> None:
        """Give a sign of life without news; the file follows every few seconds."""
        if self._wall.now() - self._written >= ALIVE_S:
            self._write()

    def row(self, row: Mapping[str, Any]) -> None:
        """Take a row that has been written to the run file."""
        kept = dict(row)  # made plain when somebody looks: rows must not wait
        with self._lock:
            self._rows.append(kept)
            self._count += 1
            self._state["point"] = kept
        self.alive()

    def event(self, what: str) -> None:
        """Take what has happened, to be shown with its time of day."""
        with self._lock:
            self._events.append(f"{time.strftime('%H:%M:%S')} {what}")
        self._write()

    def end(self, status: str, error: str | None) -> None:
        """Say how a run ended; the last error stays until there is another one."""
        with self._lock:
            self._state |= {"status": status, "words": ""}
            if error:
                self._state["last_error"] = f"{time.strftime('%H:%M:%S')} {error}"
        self._write()

    def state(self) -> dict[str, Any]:
        """Return the state as it is written to the file."""
        with self._lock:
            point = plain(self._state.get("point"))
            more = {"point": point, "events": list(self._events), "updated": self._updated}
            return self._state | more

    def rows(self, run: int, after: int) -> dict[str, Any]:
        """Return the rows of the present run beyond the first `after`, by column.

        All rows that are kept, if `run` is another one.
        """
        with self._lock:
            kept = list(self._rows)
            first = 0 if run != self._run else max(0, after - (self._count - len(kept)))
            new = kept[first:]
            names = list(kept[-1]) if kept else []
            columns = {name: [plain(row.get(name)) for row in new] for name in names}
            return {"run": self._run, "total": self._count, "columns": columns}

    _updated = ""

    def _write(self) -> None:
        self._written, self._updated = self._wall.now(), _now()
        if self.file is None:
            return
        partial = self.file.with_name(f"{self.file.name}.{os.getpid()}.part")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self.state(), indent=1, allow_nan=False)
            partial.write_text(text + "\n", encoding="utf-8")
            self._replace(partial, self.file)
        except Exception as problem:  # whatever it is: no measurement ends for a look at it
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            self._complain(problem)

    def _complain(self, problem: Exception) -> None:
        """Log what went wrong, once: a disk that is full stays so for hours."""
        why = problem.strerror if isinstance(problem, OSError) else None
        words = why or f"{type(problem).__name__}: {problem}"
        if words != self._said:
            log.warning("%s: could not be written (%s)", self.file, words)
        self._said = words

    def _replace(self, partial: Path, file: Path) -> None:
        for _ in range(TRIES):
            try:
                os.replace(partial, file)  # noqa: PTH105 - says what it does on Windows, too
                return
            except PermissionError:
                self._wall.sleep(PAUSE_S)
        partial.unlink(missing_ok=True)


@contextmanager
def kept_alive(live: Live, clock: Clock) -> Iterator[None]:
    """Have `live` give a sign of life whenever the calling thread sleeps on `clock`.

    A measurement that hangs does not sleep, and other threads that do prove nothing.
    """
    measuring, before = threading.get_ident(), clock.on_sleep

    def on_sleep() -> None:
        before()
        if threading.get_ident() == measuring:
            live.alive()

    clock.on_sleep = on_sleep
    try:
        yield
    finally:
        clock.on_sleep = before


def plain(value: Any) -> Any:
    """Return what JSON can carry: numpy's numbers as Python's, None for what is not finite.

    What is neither number, text, list nor mapping becomes its words.
    """
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if value is None or kind in (int, str, bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return plain(value.tolist())
    return plain(float(value)) if isinstance(value, Real) else str(value)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
