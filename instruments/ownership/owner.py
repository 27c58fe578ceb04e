"""The owner of a station: its lock, its sign of life, its ear for requests, and its watchdog."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from nanojunction.instruments.clock import now_iso
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.ownership import lock, records
from nanojunction.instruments.ownership.control import Commands, ControlServer
from nanojunction.instruments.ownership.guarding import Guarding
from nanojunction.instruments.ownership.records import ProcessId, Record

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from pathlib import Path

    from nanojunction.instruments.station_file import StationConfig

#: Wall-clock time (s) between two signs of life, however often `beat` is called.
BEAT_S = 1.0
#: Longest time (s) that a request to make safe waits for a reading under way.
READING_S = 10.0


class Owner:
    """Owns a station's instruments while it is entered.

    A station whose instruments live inside this process has nothing that others could reach:
    there it keeps the live state and stop requests, and nothing else.
    """

    def __init__(self, config: StationConfig, source: str) -> None:
        self._config = config
        self._source = source
        self._record: Record | None = None
        self._heart: Heart | None = None
        self._guarding: Guarding | None = None
        self._open = ExitStack()
        self._requests = StopRequests()
        self._safe = threading.Event()
        self._unsafe: tuple[str, ...] = ()
        self._longest_s = 0.0
        self._state: Callable[[], Mapping[str, Any]] = dict
        #: How a person is told what happens to lock and watchdog.
        self.tell: Callable[[str], None] = log.warning

    def take(self, *, watched: bool, speed: float) -> Self:
        """Take the lock, open the control channel and start the watchdog, as far as needed.

        `speed` is that of the station's clock. Raises StationInUse if another process has one of
        the instruments, LaboratoryError if the records cannot be kept.
        """
        addresses = self._config.addresses()
        if not addresses:
            return self
        commands = Commands(self.status, self._requests.ask, self._wait_until_safe, self._way_s)
        with ExitStack() as opened:
            channel = opened.enter_context(ControlServer(commands))
            record = self._new_record(addresses, channel, speed)
            lock.take(record, self.tell)
            self._record = record
            opened.callback(self._release)
            self._heart = Heart(record.files())
            if watched:
                self._guarding = Guarding(self._config, self._source, record, self.tell)
                opened.callback(self._guarding.leave)
                self._amend(watchdog=self._guarding.start())
            self._open = opened.pop_all()
        return self

    def _new_record(
        self, addresses: tuple[str, ...], channel: ControlServer, speed: float
    ) -> Record:
        meter = self._config.source_meter
        ramp_s = 0.0
        if meter is not None:
            ramp_s = max(
                meter.max_voltage_V / meter.ramp_V_per_s, meter.max_current_A / meter.ramp_A_per_s
            )
        return Record(
            owner=ProcessId.of(os.getpid()),
            host=records.this_host(),
            token=channel.token,
            since=now_iso(),
            station=self._config.name,
            source=self._source,
            addresses=addresses,
            command=" ".join(["nanojunction", *sys.argv[1:]]),
            port=channel.port,
            silence_s=self._config.watchdog_after_s,
            ramp_s=ramp_s / speed,
        )

    def leave(self) -> None:
        """Give the station back: the watchdog goes, the lock goes, the channel closes."""
        self._heart = None
        self._open.close()

    def _release(self) -> None:
        record, self._record = self._record, None
        if record is None:
            return
        try:
            lock.release(record)
        except (OSError, LaboratoryError) as problem:
            self.tell(
                f"warning: the lock could not be removed ({problem}); the next who wants the "
                "station finds that its owner is gone, and takes it over"
            )

    # What the acquisition says of itself

    def beat(self) -> None:
        """Give a sign of life; only the thread that measures may, else a hung one looks alive.

        Called for every row and by every sleep of the station's clock; costs nothing in between.
        """
        if self._heart is not None and self._heart.beat() and self._guarding is not None:
            self._keep_watched(self._guarding)

    def _keep_watched(self, guarding: Guarding) -> None:
        try:
            watchdog = guarding.renewed()
            if watchdog is not None:
                self._amend(watchdog=watchdog)
        except (OSError, LaboratoryError) as problem:  # no reason to end what is being measured
            self.tell(f"warning: {problem}")

    def publish(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Have `state` say what is being done, in what JSON can carry, whenever somebody asks.

        It is called in another thread. `procedure`, `sample` and `percent` are shown to whoever
        finds the station in use.
        """
        self._state = state

    def expect_silence(self, longest_s: float) -> None:
        """Announce that one step may take `longest_s` (wall clock) without a sign of life."""
        self._longest_s = longest_s
        self._amend(silence_s=self._config.watchdog_after_s + longest_s)

    def use_magnet(self, in_use: bool) -> None:
        """Note whether the run took control of the magnet: its policy holds only then."""
        self._amend(magnet_in_use=in_use)

    def on_stop(self, callback: Callable[[str], None]) -> None:
        """Have `callback` called with the reason of each stop request, also of earlier ones.

        It is called in another thread, and must only take note.
        """
        self._requests.listen(callback)

    def source_made_safe(self, failed: list[str]) -> None:
        """Say that the source is at zero and open; `failed` says what could not be done."""
        self._unsafe = tuple(failed)
        self._safe.set()

    def _amend(self, **changes: Any) -> None:
        if self._record is not None and any(
            getattr(self._record, name) != value for name, value in changes.items()
        ):
            self._record = lock.amend(self._record, **changes)

    # What others may ask, in the threads of the control channel

    def status(self) -> dict[str, Any]:
        """Return the live state, and whose it is."""
        return {"state": dict(self._state()), "pid": os.getpid(), "station": self._config.name}

    def _way_s(self) -> float:
        ramp_s = 0.0 if self._record is None else self._record.ramp_s
        return ramp_s + min(self._longest_s, READING_S)

    def _wait_until_safe(self, at_most_s: float) -> bool:
        return self._safe.wait(at_most_s) and not self._unsafe


class Heart:
    """The time stamp of the lock files, set at most once in `BEAT_S`."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self._last = time.monotonic()

    def beat(self) -> bool:
        """Beat if it is time to; tell whether it did."""
        now = time.monotonic()
        if now - self._last < BEAT_S:
            return False
        self._last = now
        records.beat(self._files)
        return True


class StopRequests:
    """Hands stop requests on, and keeps those that come before anybody listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callback: Callable[[str], None] | None = None
        self._early: list[str] = []

    def ask(self, reason: str) -> None:
        """Ask to stop."""
        with self._lock:
            if self._callback is None:
                self._early.append(reason)
            else:
                self._callback(reason)

    def listen(self, callback: Callable[[str], None]) -> None:
        """Hand requests to `callback` from now on."""
        with self._lock:
            self._callback = callback
            early, self._early = self._early, []
            for reason in early:
                callback(reason)
