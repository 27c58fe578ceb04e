"""What a run's header says about it, beside its parameters."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from nanojunction.procedures.field_history import field_now

if TYPE_CHECKING:
    from nanojunction.procedures.base import JunctionProcedure


@dataclass(slots=True)
class RunWords:
    """The header's metadata of one run; PyMeasure asks for each by its name."""

    run: JunctionProcedure
    moment: datetime | None = None

    def started(self) -> str:
        """Return when the run started, in ISO format with the time zone."""
        return (self.moment or datetime.now(UTC)).isoformat(timespec="milliseconds")

    def software(self) -> str:
        """Return the version of this package."""
        return f"nanojunction {version('nanojunction')}"

    def speed(self) -> str:
        """Return how much faster than real time the station's clock runs."""
        return f"{self.run.station.clock.speed:g}"

    def part(self) -> str:
        """Return which part of a run this is, and what it goes on after."""
        done = self.run.done
        if done is None:
            return "1"
        names = ", ".join(file.name for file in done.files)
        return f"{done.part}, after {done.rows} rows in {names}"

    def field_history(self) -> str:
        """Return how the field was reached."""
        return self.run.field_history().words()

    def field_at_start(self) -> str:
        """Return what magnet, leads and probe say at the start."""
        return field_now(self.run.station)

    def environment(self) -> str:
        """Return how field and temperatures came into the rows."""
        return self.run.environment_words()

    def snapshot(self) -> str:
        """Return the station's settings as one line of JSON."""
        return json.dumps(self.run.station.snapshot(), ensure_ascii=True, default=os.fspath)
