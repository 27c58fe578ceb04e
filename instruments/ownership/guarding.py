"""The owner's end of its watchdog, a process that a closed terminal leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import psutil

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.ownership.records import ProcessId, Record

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import StationConfig

WATCHDOG = "nanojunction.instruments.ownership.watchdog"
#: How often a watchdog that was ended is started again, before that is given up.
MOST_STARTS = 3
#: How long (s) the owner waits for its watchdog to go.
GOES_WITHIN_S = 5.0


class Guarding:
    """Starts the watchdog, starts it again if somebody ends it, and sends it away.

    It is given all that it needs through a pipe, so that neither a changed station file nor a
    token in the list of processes can do harm. The pipe's end tells it that the owner has died.
    """

    def __init__(
        self, config: StationConfig, source: str, record: Record, tell: Callable[[str], None]
    ) -> None:
        self._orders = json.dumps(
            {
                "record": asdict(record),
                "config": config.model_dump(mode="json", exclude_unset=True),
                "source": source,
            }
        )
        self._tell = tell
        self._process: subprocess.Popen[str] | None = None
        self._starts = 0

    def start(self) -> ProcessId | None:
        """Start a watchdog and return which process it is; None if it ended at once.

        Raises LaboratoryError if the system starts none.
        """
        self._starts += 1
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", WATCHDOG],  # -P: nothing of the present folder
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                **apart(),
            )
        except OSError as problem:
            raise LaboratoryError(
                f"the watchdog cannot be started ({problem}); --no-watchdog measures without"
            ) from problem
        self._process = process
        with suppress(OSError):  # it has ended already, and will be missed at the next beat
            assert process.stdin is not None  # a pipe was asked for
            process.stdin.write(self._orders + "\n")
            process.stdin.flush()
        with suppress(psutil.NoSuchProcess):
            return ProcessId.of(process.pid)
        return None

    def renewed(self) -> ProcessId | None:
        """Start another watchdog if the last has ended; return it, None if there is no need."""
        if self._process is None or self._process.poll() is None:
            return None
        if self._starts >= MOST_STARTS:
            self._tell(
                f"warning: the watchdog has ended {self._starts} times and is not started again: "
                "nobody makes the station safe if this program dies"
            )
            self._process = None
            return None
        self._tell("warning: the watchdog has ended; another one is started")
        return self.start()

    def leave(self) -> None:
        """Tell the watchdog that the owner leaves with the station safe, and wait until it goes."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        with suppress(OSError):
            process.stdin.write("left\n")
            process.stdin.close()
        try:
            process.wait(GOES_WITHIN_S)
        except subprocess.TimeoutExpired:  # stopped, perhaps: it has nothing more to do
            process.kill()
            process.wait()


def apart() -> dict[str, Any]:
    """Return what keeps Ctrl-C and the end of the terminal from the watchdog."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    return {"start_new_session": True}
