"""What a live state file says of its measurement, and whether that is still so.

A program that is killed writes no last word: its file says `running` for ever. Whether it lives is
told as for the owner of a station, from the number and the start of its process, and how long it
has been silent from when it wrote last.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.ownership.records import ProcessId, this_host
from nanojunction.procedures.live import ACTIVE, LIVE_FILE, SCHEMA

#: What can be told of a measurement beside the ends that it has written itself.
DIED, SILENT = "died", "silent"


class LiveFileError(LaboratoryError):
    """A live state cannot be read, or is none."""


class _Wanted(BaseModel):
    """The keys of a live state that are needed here; the others are handed on as they are."""

    model_config = ConfigDict(extra="allow", strict=True)

    status: str
    pid: int = Field(gt=0, lt=2**31)
    pid_started: float
    host: str
    updated: str
    quiet_s: float


@dataclass(frozen=True, slots=True)
class Life:
    """How a measurement is, now.

    `status` is what it wrote itself, or `died` (the process has ended without a last word) or
    `silent` (it lives, or is on another computer, and has not written for too long). `silence_s`
    (wall clock) is counted from the last writing, at `heard`. `words` is empty where the
    measurement's own status stands.
    """

    status: str
    words: str
    heard: str
    silence_s: float

    @property
    def is_under_way(self) -> bool:
        """Tell whether something still follows."""
        return self.status in ("starting", *ACTIVE)


def read_live(folder: Path) -> dict[str, Any] | None:
    """Return the live state of the measurement in a folder; None if there never was one.

    Raises LiveFileError if the file cannot be read, or is none of this program's.
    """
    file = folder / LIVE_FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise LiveFileError(f"{file}: cannot be read ({problem.strerror})") from problem
    except ValueError as problem:
        raise LiveFileError(f"{file}: is no live state ({problem})") from problem
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise LiveFileError(f"{file}: is no live state of the kind {SCHEMA}")
    return found


def life_of(state: dict[str, Any], now: datetime) -> Life:
    """Tell how the measurement is that wrote a live state; raises LiveFileError for what is none.

    `now` has its time zone. A process on another computer cannot be looked at.
    """
    try:
        wanted = _Wanted.model_validate(state)
        heard = datetime.fromisoformat(wanted.updated)
        silence_s = max(0.0, (now - heard).total_seconds())
    except (ValidationError, ValueError, TypeError) as problem:
        raise LiveFileError(
            f"the live state lacks what tells whether its program lives ({problem})"
        ) from problem
    status, words = wanted.status, ""
    if status in ("starting", *ACTIVE):
        status, words = _looked_at(wanted, silence_s)
    return Life(status, words, wanted.updated, silence_s)


def _looked_at(wanted: _Wanted, silence_s: float) -> tuple[str, str]:
    """Return the status of a measurement that has not written its end, and why it is not its own.

    Someone else's process may have got the number since: the start tells them apart.
    """
    is_here = wanted.host == this_host()
    process = ProcessId(wanted.pid, wanted.pid_started)
    if is_here and process.process() is None:
        return DIED, (
            f"the process has ended without saying so (last sign of life {wanted.updated}): it was "
            f"{wanted.status}"
        )
    if silence_s <= wanted.quiet_s:
        return wanted.status, ""
    where = f"process {wanted.pid}" if is_here else f"process {wanted.pid} on {wanted.host}"
    return SILENT, (
        f"{where} has given no sign of life since {wanted.updated}, when it was {wanted.status}: "
        f"it hangs{'' if is_here else ', or has ended'}, or its computer sleeps"
    )
