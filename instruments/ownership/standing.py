"""How the owners of a station's instruments are, for somebody who only wants to know."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nanojunction.instruments.ownership import lock, records
from nanojunction.instruments.ownership.records import Record


@dataclass(frozen=True, slots=True)
class Standing:
    """What the record of an owner says, whether it still holds, and what the owner says itself.

    `silence_s` (wall clock) is the age of the last sign of life, None if the record has gone
    meanwhile; `state` is None if the owner does not answer. One on another computer, or with a
    clock that was set, counts as alive as long as nobody knows better.
    """

    record: Record
    is_alive: bool
    silence_s: float | None
    state: Mapping[str, Any] | None

    @property
    def hangs(self) -> bool:
        """Tell whether it is alive and has been silent for longer than it may be."""
        return self.is_alive and (self.silence_s or 0.0) > self.record.silence_s

    @property
    def is_well(self) -> bool:
        """Tell whether the station is in the hands of an owner that works as it should."""
        return self.is_alive and not self.hangs and self.record.kind == "owner"

    def words(self) -> str:
        """Return who has the station and what becomes of it, in a sentence."""
        record = self.record
        if self.is_alive:
            silence = f"; no sign of life for {self.silence_s:.0f} s: it hangs"
            return f"{lock.described(record, self.state)}{silence if self.hangs else ''}"
        if record.has_watchdog():
            return (
                f"{self._ended()}; its watchdog is about to bring the station to the safe state "
                f"({record.log_file()} says what it does)"
            )
        what = f"{record.station}: {lock.what_was_left(record)}" if record.kind == "watchdog" else (
            f"{self._ended()}, and has not made the station safe"
        )  # fmt: skip
        return f"{what}; {lock.how_to_make_safe(record)}"

    def _ended(self) -> str:
        heard = ""
        if self.silence_s is not None:
            moment = datetime.fromtimestamp(time.time() - self.silence_s).astimezone()
            heard = f" (last sign of life {moment.isoformat(timespec='seconds')})"
        return (
            f"{self.record.station}: process {self.record.owner.pid} ({self.record.command}) has "
            f"ended without saying so{heard}"
        )


def standings(addresses: Iterable[str]) -> list[Standing]:
    """Return the owners of the instruments at these addresses; nothing is changed.

    An owner that is alive and does not answer takes 2 s.
    """
    found = []
    for record in records.records_at(addresses):
        status = lock.status_of(record) if record.port else None
        beat = record.last_beat()
        found.append(
            Standing(
                record,
                status is not None or record.is_alive(),
                None if beat is None else max(0.0, time.time() - beat),
                None if status is None else status.get("state", {}),
            )
        )
    return found
