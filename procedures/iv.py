"""I(V): voltage along any list of turning points, repeated, and the same on a known resistor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from pymeasure.experiment import IntegerParameter, ListParameter

from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.buffered import LONGEST_LIST_S, measure_list, points_per_list
from nanojunction.procedures.disturbance import DISTURBANCES
from nanojunction.procedures.quantities import (
    QuantityListParameter,
    QuantityParameter,
    parse_quantities,
)
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.sweep import Sweep, SweepPoint, standard_legs


class IVSweep(JunctionProcedure):
    """I(V) along 0 → +Vmax → −Vmax → +Vmax → −Vmax → 0 (Katcko 2019), or any turning points."""

    KIND = "iv"
    COMPARES_LEGS = True

    vmax = QuantityParameter(
        "Maximum voltage", "V", minimum=0, maximum=200, default=0.01,
        description="of the standard legs 0, +, -, +, -, 0",
    )  # fmt: skip
    turning_points = QuantityListParameter(
        "Turning points", "V", default="",
        description="instead of the standard legs: for example '0, 10mV, -10mV, 0'",
    )  # fmt: skip
    step = QuantityParameter(
        "Voltage step", "V", minimum=1e-9, maximum=200, default=0.0005,
        description="must divide every leg",
    )  # fmt: skip
    repeats = IntegerParameter(
        "Repeats", minimum=1, maximum=10000, default=1, description="how often the sweep is made"
    )
    buffered = ListParameter(
        "Buffered", choices=["auto", "on", "off"], default="auto",
        description="the source-meter runs the voltages by itself: where it is faster, always, "
        "never; needs a locked range",
    )  # fmt: skip

    def sweep(self) -> Sweep:
        """Return the sweep; raises ProcedureError if turning points and step do not fit."""
        points = parse_quantities(self.turning_points, "V") or standard_legs(self.vmax)
        try:
            return Sweep(points, self.step, self.repeats, "V")
        except ValueError as problem:
            raise ProcedureError(str(problem)) from problem

    def check(self) -> None:
        """Check every setpoint against the limits, and whether lists can be run if asked for."""
        super().check()
        if self.buffered == "on" and points_per_list(self) < 1:
            raise ProcedureError(
                "buffered: needs a locked measure_range, a source-meter that runs lists, and at "
                f"most {LONGEST_LIST_S:g} s for two points; leave it out or change these"
            )

    def largest_level(self) -> float:
        """Return the largest |V| of the sweep."""
        return max(map(abs, self.sweep().extent()))

    def planned_rows(self) -> int:
        """Return the number of points."""
        return len(self.sweep())

    def execute(self) -> None:
        """Measure the sweep, from the first point that earlier parts do not have."""
        self.sweep_once(first_leg=0, skip=self.rows_done, done=0.0, share=100.0)

    def sweep_once(self, *, first_leg: int, skip: int, done: float, share: float) -> bool:
        """Measure one sweep from point `skip` on; False when told to stop.

        It is `share` percent of the run, of which `done` percent are behind it.
        """
        sweep, at_once = self.sweep(), points_per_list(self)
        total, size = len(sweep), max(at_once, 1)
        # Taken one by one: there may be a million of them.
        points = islice(sweep.points(), max(skip - 1, 0), None)
        before = next(points) if skip else None
        chunk = tuple(islice(points, size))
        is_there = False
        while chunk:
            if self.should_stop():
                return False
            try:
                is_there = is_there or self._approach(sweep, before, chunk[0])
                if not is_there:
                    return False
                rows = self._rows(chunk, first_leg, at_once)
            except DISTURBANCES as why:
                is_there = False
                if not self.suspended(why):
                    return False
                continue
            self.emit_rows(rows)
            skip += len(chunk)
            self.emit("progress", done + share * skip / total)
            before, chunk = chunk[-1], tuple(islice(points, size))
        return True

    def _rows(
        self, points: Sequence[SweepPoint], first_leg: int, at_once: int
    ) -> list[dict[str, float | int]]:
        if at_once:
            return measure_list(self, points, first_leg)
        (point,) = points
        reading = self.station.source_meter.set_and_read(point.setpoint)
        return [self.row(first_leg + point.leg, point.setpoint, reading)]

    def _approach(self, sweep: Sweep, before: SweepPoint | None, first: SweepPoint) -> bool:
        """Ramp to the point before the first missing one, along its leg: junctions remember."""
        start = sweep.legs()[first.leg][0]
        here = before.setpoint if before is not None and before.leg == first.leg else start
        if not self.energise(start):
            return False
        return here == start or self.ramp_to(here, self.watch())

    def environment_words(self) -> str:
        """Return how field and temperatures came into the rows."""
        words = super().environment_words()
        if not points_per_list(self):
            return words
        return f"{words}; lists run by the source-meter: interpolated between such readings"

    def get_estimates(self) -> float:
        """Return the duration in seconds, without the ramps of temperature and field."""
        return float(self.rest) + self.sweep().duration_s(self.seconds_per_point())


class Calibration(IVSweep):
    """I(V) on a known resistor: the offsets of the measuring line."""

    KIND = "calibration"

    nominal = QuantityParameter(
        "Nominal resistance", "ohm", minimum=0, maximum=1e15, default=1000.0,
        description="of the calibrated resistor",
    )  # fmt: skip
