"""Procedures of the fault campaign, as a laboratory would add its own: through an entry point.

They note every row that was acknowledged to them (told as written) in a file of their own, one
`write` a row, so that the note survives a kill as the row must; and they fail where their orders
say. The orders are a JSON file that the environment names, so that they reach other processes, too.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from nanojunction.procedures.at_fixed import CurrentOverTime
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep

#: Names the file with the orders: `notes` (a file), `step`, `count`, for a disk that gets full
#: `disk` (a folder on it) and `leave_bytes`, and for a loop `leg` and `beyond_T`.
ORDERS = "NANOJUNCTION_CAMPAIGN_ORDERS"
FILLER = "filler"


class InTrouble(RuntimeError):
    """What a laboratory's own procedure may raise."""


class Orders:
    """What is to be noted, and where the procedure fails: the `count`-th time it does a `step`."""

    def __init__(self, path: str) -> None:
        orders = json.loads(Path(path).read_text(encoding="utf-8"))
        self.disk = Path(orders.get("disk", ""))
        self.step = orders.get("step", "")
        self.left = int(orders.get("count", 0))
        self.leave_bytes = int(orders.get("leave_bytes", 0))
        self.leg, self.beyond_T = orders.get("leg"), float(orders.get("beyond_T", 0.0))
        self._notes = os.open(orders["notes"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, row: dict[str, Any]) -> None:
        """Note an acknowledged row."""
        os.write(
            self._notes, (json.dumps([float(value) for value in row.values()]) + "\n").encode()
        )

    def is_due(self, *steps: str) -> bool:
        """Count a step; tell whether this is the one that fails."""
        if self.step not in steps:
            return False
        self.left -= 1
        return self.left == 0

    def is_beyond(self, row: Mapping[str, float]) -> bool:
        """Tell whether a row of a loop up and down again is the one that fails: by its field."""
        if self.step != "loop" or row["Leg"] != self.leg:
            return False
        up = 1.0 if self.leg == 0 else -1.0
        return up * (row["Field (T)"] - self.beyond_T) >= 0.0


@cache
def orders_in(path: str) -> Orders:
    """Return the orders of a file, with what was counted since they were read."""
    return Orders(path)


def fill_disk(folder: Path, leave_bytes: int) -> None:
    """Leave no more than `leave_bytes` on the disk of a folder."""
    free = shutil.disk_usage(folder).free - leave_bytes
    with (folder / FILLER).open("ab", buffering=0) as filler:
        filler.write(bytes(max(free, 0)))


class Campaign(JunctionProcedure):
    """Notes what is acknowledged, and fails where the orders say."""

    @property
    def orders(self) -> Orders:
        """The orders of this process."""
        return orders_in(os.environ[ORDERS])

    def startup(self) -> None:
        if self.orders.is_due("startup, at once"):
            raise InTrouble("in startup, at once")
        self._note_what_is_acknowledged(self.emit)
        super().startup()
        if self.orders.is_due("startup, output on"):
            self.station.source_meter.output_on()
            raise InTrouble("in startup, output on")

    def _note_what_is_acknowledged(self, emit: Callable[[str, Any], None]) -> None:
        def emit_and_note(topic: str, record: Any) -> None:
            if self.orders.is_due("SIGKILL", "SIGTERM"):
                os.kill(os.getpid(), getattr(signal, self.orders.step))
            if topic == "results" and self.fails_at(record):
                raise InTrouble("in execute")
            if topic == "results" and self.orders.is_due("disk full"):
                fill_disk(self.orders.disk, self.orders.leave_bytes)
            emit(topic, record)
            if topic == "results":
                self.orders.note(record)

        self.emit = emit_and_note

    def fails_at(self, _row: Mapping[str, float]) -> bool:
        """Tell whether the orders say that this row fails."""
        return self.orders.is_due("execute")

    def shutdown(self) -> None:
        if self.orders.is_due("shutdown, at once"):
            raise InTrouble("in shutdown, at once")
        super().shutdown()
        if self.orders.is_due("shutdown, at its end"):
            raise InTrouble("in shutdown, at its end")


class CampaignIV(Campaign, IVSweep):
    """I(V) of the campaign."""


class CampaignIT(Campaign, CurrentOverTime):
    """I(t) of the campaign."""


class CampaignIH(Campaign, IHSweep):
    """I(H) of the campaign."""

    def fails_at(self, row: Mapping[str, float]) -> bool:
        return super().fails_at(row) or self.orders.is_beyond(row)
