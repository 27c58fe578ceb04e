"""Points that the source-meter runs by itself: one list, one block of readings.

A list lasts at most half a second, so that a stop or a junction in trouble is seen in time, and it
is checked whole against the limits before it starts; the compliance holds in hardware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nanojunction.instruments.errors import InstrumentFault

if TYPE_CHECKING:
    from nanojunction.procedures.base import JunctionProcedure
    from nanojunction.procedures.iv import IVSweep
    from nanojunction.procedures.sweep import SweepPoint

LONGEST_LIST_S = 0.5
#: What an instrument needs between two points (s) beside what was asked for: 0.4 to 0.5 ms. A list
#: is made as if it were twice that, so that none lasts too long.
BETWEEN_POINTS_S = 0.45e-3
#: Up to this time (s) a point is short enough for the exchanges on the bus to matter.
SHORT_POINT_S = 0.025


def points_per_list(run: IVSweep) -> int:
    """Return how many points of a sweep the source-meter runs at once; 0: point by point.

    The time of a point is known only with a locked measuring range.
    """
    if run.buffered == "off" or not run.measure_range:
        return 0
    per_point_s = run.seconds_per_point() + 2.0 * BETWEEN_POINTS_S
    if run.buffered == "auto" and per_point_s > SHORT_POINT_S:
        return 0
    count = min(int(LONGEST_LIST_S / per_point_s), run.station.source_meter.longest_list())
    return count if count > 1 else 0


def measure_list(
    run: JunctionProcedure, points: Sequence[SweepPoint], first_leg: int
) -> list[dict[str, float | int]]:
    """Have a list of points measured and return its rows; raises InstrumentFault.

    The readings have the instrument's own spacing in time, put in the middle of the time that the
    whole list took here.
    """
    clock, environment = run.station.clock, run.environment
    before = environment.read()
    before_s, began = environment.read_at, clock.now()
    readings = run.station.source_meter.run_list([point.setpoint for point in points])
    ended = clock.now()
    if len(readings) != len(points):
        raise InstrumentFault(
            f"the source-meter returned {len(readings)} readings of a list of {len(points)}"
        )
    after = environment.read()
    first = began + max(0.0, ended - began - readings[-1].at_s) / 2.0
    rows = []
    for point, reading in zip(points, readings, strict=True):
        moment = min(first + reading.at_s, ended)
        around = _between(before, before_s, after, environment.read_at, moment)
        rows.append(run.row_at(moment, around, first_leg + point.leg, point.setpoint, reading))
    return rows


def _between(
    before: Mapping[str, float],
    before_s: float,
    after: Mapping[str, float],
    after_s: float,
    moment: float,
) -> dict[str, float]:
    """Return the environment at `moment`, on the line between two readings of it."""
    if after_s <= before_s:
        return dict(before)
    part = min(1.0, max(0.0, (moment - before_s) / (after_s - before_s)))
    return {name: value + part * (after[name] - value) for name, value in before.items()}
