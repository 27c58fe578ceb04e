"""The watchdog: a process that makes a station safe when the one that measures cannot any more.

Started by the owner (`python -m nanojunction.instruments.ownership.watchdog`, orders on standard
input). It leaves an owner alone that is alive and gives signs of life; docs/safety.md says what
counts as dead.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any, TextIO

from nanojunction.instruments.clock import Clock, now_iso
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.ownership import lock, records
from nanojunction.instruments.ownership.ending import end_hung
from nanojunction.instruments.ownership.owner import Heart
from nanojunction.instruments.ownership.records import ProcessId, Record
from nanojunction.instruments.station import Station, Unsafe, driver
from nanojunction.instruments.station_file import StationConfig

#: Time (s) between two looks at the owner; a look counts no more, though the computer has slept.
LOOK_S, LOOK_COUNTS_S = 1.0, 2.0
#: Time (s) between two attempts to make safe, and after which it is given up, loudly.
RETRY_S, GIVE_UP_S = 1.0, 300.0
SAFE = "source at zero, output open, magnet and heater as the policy says"
WORDS = {"ended": "was ended", "stuck": "cannot be ended; its instruments are tried all the same"}


class Pipe:
    """The owner's end: open while it lives, or a last word that it has left the station safe."""

    def __init__(self, lines: TextIO) -> None:
        self.closed = threading.Event()
        threading.Thread(target=self._listen, args=(lines,), name="owner", daemon=True).start()

    def _listen(self, lines: TextIO) -> None:
        for line in lines:
            if line.strip() == "left":
                os._exit(0)  # at once, also from the middle of an import: nothing is open yet
        self.closed.set()


class Watchdog:
    """Looks after the owner in `record`, and after the station when it is gone."""

    def __init__(self, record: Record, config: StationConfig, source: str, pipe: Pipe) -> None:
        self.record = record
        self.config = config
        self.source = source
        self.pipe = pipe
        self.log_file = record.log_file()

    def watch(self) -> int:
        """Wait for the owner's end; return the exit status."""
        reason = self._wait_for_the_end()
        if reason is None:
            return 0
        end = f"owner (process {self.record.owner.pid}, {self.record.command}) {reason}"
        self.say(f"the {end}")
        mine = replace(
            self.record,
            owner=ProcessId.of(os.getpid()),
            token=os.urandom(32).hex(),
            since=now_iso(),
            kind="watchdog",
            port=0,
            watchdog=None,
        )
        if not lock.take_over(self.record, mine):
            self.say("another process has the station now: it is left to that one")
            return 0
        if not self._make_safe(Heart(mine.files()), mine.magnet_in_use):
            return 1  # the record stays, and warns who takes it over
        lock.release(
            mine,
            f"the last {end}; its watchdog made the station safe at {now_iso()}: {SAFE} "
            f"({self.log_file} says more)",
        )
        return 0

    def _wait_for_the_end(self) -> str | None:
        """Return what ended the owner; None if the station is not the owner's any more."""
        seen, silent_s = self.record.last_beat(), 0.0
        clock = Clock()
        while True:
            began = clock.now()
            self._pause()
            if not self._is_still_owned():
                return None
            process = self.record.owner.process()
            if process is None:
                return "has died"
            beat = self.record.last_beat()
            silent_s += min(clock.now() - began, LOOK_COUNTS_S)
            if beat != seen:
                seen, silent_s = beat, 0.0
            if silent_s < self.record.silence_s:
                continue
            self.say(f"no sign of life for {silent_s:.0f} s: asking the owner to stop")
            outcome = end_hung(self.record)
            if outcome != "recovered":
                return f"gave no sign of life for {silent_s:.0f} s and {WORDS[outcome]}"
            self.say("the owner is alive after all")
            silent_s = 0.0

    def _pause(self) -> None:
        """Wait for the next look, or for the owner's end; then give it a moment to be gone."""
        if not self.pipe.closed.wait(LOOK_S):
            return
        Clock().sleep(LOOK_S, lambda: self.record.owner.process() is None)

    def _is_still_owned(self) -> bool:
        there = records.read(self.record.files()[0])
        if there is None or there.token != self.record.token:
            return False
        self.record = there  # it says by now whether the magnet is in use, and how long a reading
        return True

    def _make_safe(self, heart: Heart, magnet_in_use: bool) -> bool:
        """Attempt until everything is safe, or until it is given up; tell whether it is safe."""
        clock, said = Clock(), ""
        while True:
            failed = "; ".join(self._attempt(heart, magnet_in_use))
            if not failed:
                self.say(f"safe: {SAFE}")
                return True
            if failed != said:
                self.say(f"not safe yet: {failed}")
                said = failed
            if clock.now() > GIVE_UP_S:
                self.say(f"NOT SAFE, use the front panels; given up after {GIVE_UP_S:g} s")
                return False
            clock.sleep(RETRY_S)

    def _attempt(self, heart: Heart, magnet_in_use: bool) -> tuple[str, ...]:
        station = Station(self.config, source=self.source)
        station.is_taken = True
        station.open_what_answers = True
        station.clock.on_sleep = heart.beat
        try:
            with station:
                station.magnet_in_use = magnet_in_use and station.magnet_or_none is not None
                heart.beat()
        except Unsafe as problem:
            return (*station.not_opened, *problem.failed)
        except Exception as problem:  # whatever it was, the next attempt may get further
            return (*station.not_opened, f"{type(problem).__name__}: {problem}")
        return tuple(station.not_opened)

    def say(self, words: str) -> None:
        """Write a line to the log beside the lock, and to the terminal if there still is one."""
        line = f"{now_iso()} watchdog of {self.record.station}: {words}\n"
        with suppress(OSError), self.log_file.open("a", encoding="utf-8") as file:
            file.write(line)
        with suppress(OSError, ValueError):
            sys.stderr.write(line)
            sys.stderr.flush()


def be_deaf_to_the_terminal() -> None:
    """Ignore what a terminal sends to all its programs."""
    for name in ("SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def main() -> int:
    """Read the orders, load what an emergency needs, and watch."""
    be_deaf_to_the_terminal()
    orders: dict[str, Any] = json.loads(sys.stdin.readline())
    pipe = Pipe(sys.stdin)
    record = records.RECORD.validate_python(orders["record"])
    config = StationConfig.model_validate(orders["config"])
    for role, one in config.instruments().items():
        with suppress(LaboratoryError):  # the owner will say so, too
            driver(one.driver, f"{orders['source']}: {role}.driver")
    return Watchdog(record, config, orders["source"], pipe).watch()


if __name__ == "__main__":
    sys.exit(main())
