"""The live state of a measurement: a small JSON file that always stands beside the run files.

Who looks in during the night reads it, or the page that `--monitor` makes of it. It is a
convenience: what goes wrong with it is logged, and never ends a run.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nanojunction.instruments.clock import Clock, iso, now_iso
from nanojunction.instruments.ownership.records import ProcessId, this_host
from nanojunction.procedures.live_rows import KeptRows, plain

log = logging.getLogger(__name__)

SCHEMA = "nanojunction-live/1"
LIVE_FILE = "live.json"
#: Wall-clock time (s) between two writings of the file, and how many events are kept.
EVERY_S, EVENTS = 0.5, 20
#: Time (s, wall clock) between two writings while there is nothing new, and silence after which
#: somebody should look at the cryostat; what a single reading takes comes on top.
ALIVE_S, QUIET_S = 5.0, 60.0
#: What a run and a recipe begin with: every key is there from the start.
UNKNOWN: dict[str, Any] = {
    "rows": 0, "planned_rows": None, "percent": None, "left_s": None, "words": "", "point": None,
    "suspended": None, "target_K": None, "target_T": None, "run_percent": None,
}  # fmt: skip
#: Statuses after which something still follows.
ACTIVE = ("running", "suspended", "waiting for the operator")
#: Columns of a row that also tell where the run is.
PLACES = {"temperature_K": "Temperature (K)", "field_T": "Field (T)"}
#: How often, and with which pauses (s), a file is replaced that a reader holds open (Windows).
TRIES, PAUSE_S = 5, 0.01


class Live:
    """What is being measured now, in `file`; `None` keeps it in memory only.

    The acquisition's thread writes; the page's threads read `state()` and `rows()`.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self._lock = threading.Lock()
        me = ProcessId.of(os.getpid())
        self._state: dict[str, Any] = {
            "schema": SCHEMA, "pid": me.pid, "pid_started": me.started, "host": this_host(),
            "folder": None if file is None else str(file.parent.absolute()),
            "status": "starting", "simulated": False,
            "recipe": None, "step": None, "procedure": None, "sample": None, "file": None,
            "station": None, "station_file": None, "started": None, "run_status": None,
            "quiet_s": QUIET_S,
            "temperature_K": None, "field_T": None, "read_at": {},
            "last_error": None, "last_error_run": None, **UNKNOWN,
        }  # fmt: skip
        self._rows = KeptRows()
        self._run = 0
        self._row_read_s: float | None = None  # None: a wait has read later than the last row
        self._began = self._run_began = datetime.now().astimezone()
        self._events: deque[str] = deque(maxlen=EVENTS)
        self._written = -EVERY_S
        self._wall = Clock()
        self._said = ""

    def begin_recipe(self, name: str, **more: Any) -> None:
        """Start a recipe: until `conclude`, what ends is a run of it and no more."""
        with self._lock:
            self._began = datetime.now().astimezone()
            self._state |= plain(more) | {"recipe": name, "status": "running"}

    def begin(self, **run: Any) -> None:
        """Start a new run: what is said here replaces what was said of the one before.

        Temperature and field stay, with the moment at which they were read.
        """
        with self._lock:
            self._rows.begin(self._state["procedure"], self._state["sample"])
            self._run += 1
            self._row_read_s = None
            self._run_began = datetime.now().astimezone()
            if self._state["recipe"] is None:
                self._began = self._run_began
            self._state |= UNKNOWN | {"file": None, "run_status": None} | plain(run)
            self._state |= {"run": self._run, "started": iso(self._run_began)}
            self._state["status"] = run.get("status", "running")
        self._write()

    def update(self, **changes: Any) -> None:
        """Say what has changed; the file follows at most every half second.

        Another `status` is written at once.
        """
        with self._lock:
            at_once = changes.get("status", self._state["status"]) != self._state["status"]
            self._state |= changes  # made plain when somebody looks
        if at_once or self._wall.now() - self._written >= EVERY_S:
            self._write()

    def place(self, **read: float) -> None:
        """Take what a wait has read (`temperature_K`, `field_T`) and where it goes to (`target_…`).

        It stands until a row or another wait has read later.
        """
        with self._lock:
            self._note_rows_place()
            self._take(plain(read), now_iso())
        if self._wall.now() - self._written >= EVERY_S:
            self._write()

    def suspend(self, why: str, at_most_s: float | None) -> None:
        """Say that the run waits for its conditions, at most `at_most_s` (wall clock) if given."""
        with self._lock:
            now = datetime.now().astimezone()
            since = (self._state["suspended"] or {}).get("since", iso(now))
            until = None if at_most_s is None else iso(now + timedelta(seconds=at_most_s))
            self._state["suspended"] = {"since": since, "until": until, "why": why}
            self._state["status"] = "suspended"
            self._rows.interrupt()
        self._write()

    def resume(self) -> None:
        """Say that the conditions are back."""
        with self._lock:
            self._state |= {"suspended": None, "status": "running"}
        self._write()

    def alive(self) -> None:
        """Give a sign of life without news; the file follows every few seconds."""
        if self._wall.now() - self._written >= ALIVE_S:
            self._write()

    def row(self, row: Mapping[str, Any]) -> None:
        """Take a row that has been written to the run file."""
        kept = dict(row)  # made plain when somebody looks: rows must not wait
        with self._lock:
            self._rows.add(kept)
            self._state["point"] = kept
            self._row_read_s = time.time()
        self.alive()

    def event(self, what: str) -> None:
        """Take what has happened, to be shown with its time of day."""
        with self._lock:
            self._events.append(f"{time.strftime('%H:%M:%S')} {what}")
        self._write()

    def end(self, status: str, error: str | None) -> None:
        """Say how a run ended; in a recipe something follows, and `run_status` alone tells."""
        with self._lock:
            self._state |= {"run_status": status, "words": "", "suspended": None}
            self._state["status"] = "running"
            if self._state["recipe"] is None:
                self._state |= {"status": status, "left_s": 0 if status == "finished" else None}
            self._note_error(error)
        self._write()

    def conclude(self, status: str, words: str = "", error: str | None = None) -> None:
        """Say how all of it ended: nothing follows. The last error stays, with its moment."""
        with self._lock:
            left_s = 0 if status == "finished" else None
            self._state |= {"status": status, "words": words, "suspended": None, "left_s": left_s}
            self._note_error(error)
        self._write()

    def leave(self, problem: BaseException | None) -> None:
        """Say that the program ends; with `problem`, or in the middle of something, it has failed.

        What has begun nothing says nothing: the file may be another program's.
        """
        status = self._state["status"]
        if status != "starting" and (problem is not None or status in ACTIVE):
            words = None if problem is None else str(problem) or type(problem).__name__
            self.conclude("failed", error=words)

    def _note_error(self, error: str | None) -> None:
        """Keep an error, with when and whose."""
        if error:
            state = self._state
            of = [state["sample"], (state["step"] or "").partition(": ")[2] or state["procedure"]]
            whose = " ".join(filter(None, of))
            moment = time.strftime("%H:%M:%S")
            state["last_error"] = f"{moment} {whose}: {error}" if whose else f"{moment} {error}"
            state["last_error_run"] = self._run

    def state(self) -> dict[str, Any]:
        """Return the state as it is written to the file."""
        with self._lock:
            self._note_rows_place()
            state: dict[str, Any] = plain(self._state) | {
                "events": list(self._events),
                "updated": self._updated,
            }
            return state | self._progress() | {"read_at": dict(self._state["read_at"])}

    def _note_rows_place(self) -> None:
        """Take temperature and field from the last row, unless a wait has read later."""
        if self._row_read_s is not None and self._state["point"]:
            row = plain(self._state["point"])
            read = {key: row[name] for key, name in PLACES.items() if name in row}
            self._take(read, iso(datetime.fromtimestamp(self._row_read_s).astimezone()))
            self._row_read_s = None

    def _take(self, read: dict[str, Any], moment: str) -> None:
        self._state |= read
        self._state["read_at"] = self._state["read_at"] | {
            key: moment for key in read if key in PLACES
        }

    def _progress(self) -> dict[str, Any]:
        """Return what is derived, rounded to what it is worth; nobody knows when a wait ends."""
        state, now = self._state, datetime.now().astimezone()
        is_under_way = state["status"] == "running"
        percent, left_s = plain(state["percent"]), plain(state["left_s"])
        if state["status"] in ("suspended", "waiting for the operator"):
            left_s = None
        ends = None
        if is_under_way and left_s is not None:
            ends = iso(now + timedelta(seconds=left_s))
        return {
            "percent": None if percent is None else round(percent, 1),
            "left_s": None if left_s is None else round(left_s),
            "ends": ends,
            "elapsed_s": round((now - self._began).total_seconds()),
        }

    def rows(self, run: int, after: int) -> dict[str, Any]:
        """Return the rows of the present run beyond the first `after`, by column.

        All rows that are kept, and those of the run before, if `run` is another one. `gaps` are
        the numbers of the rows that follow a suspension, among those that are kept.
        """
        with self._lock:
            found = {"run": self._run} | self._rows.beyond(after if run == self._run else 0)
            return found if run == self._run else found | {"before": self._rows.before}

    _updated = ""

    def _write(self) -> None:
        self._written, self._updated = self._wall.now(), now_iso()
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
