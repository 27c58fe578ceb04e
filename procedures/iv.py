"""I(V): voltage along any list of turning points, repeated, and the same on a known resistor."""

from __future__ import annotations

from pymeasure.experiment import IntegerParameter

from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.quantities import (
    QuantityListParameter,
    QuantityParameter,
    parse_quantities,
)
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.sweep import Sweep, standard_legs


class IVSweep(JunctionProcedure):
    """I(V) along 0 → +Vmax → −Vmax → +Vmax → −Vmax → 0 (Katcko 2019), or any turning points."""

    KIND = "iv"

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

    def sweep(self) -> Sweep:
        """Return the sweep; raises ProcedureError if turning points and step do not fit."""
        points = parse_quantities(self.turning_points, "V") or standard_legs(self.vmax)
        try:
            return Sweep(points, self.step, self.repeats)
        except ValueError as problem:
            raise ProcedureError(str(problem)) from problem

    def check(self) -> None:
        """Check every setpoint against the limits, beside what all procedures check."""
        self.station.source_meter.limits.check("voltage", self.largest_voltage())
        super().check()

    def largest_voltage(self) -> float:
        """Return the largest |V| of the sweep."""
        return max(map(abs, self.sweep().extent()))

    def execute(self) -> None:
        """Measure the sweep point by point."""
        self.sweep_once(self.sweep(), first_leg=0, done=0.0, share=100.0)

    def sweep_once(self, sweep: Sweep, *, first_leg: int, done: float, share: float) -> bool:
        """Measure one sweep; `share` percent of the run from `done` on. False when told to stop."""
        meter, total = self.station.source_meter, len(sweep)
        if not self.energise(sweep.turning_points[0]):
            return False
        for index, point in enumerate(sweep.points()):
            if self.should_stop():
                return False
            reading = meter.set_and_read(point.setpoint)
            self.emit("results", self.row(first_leg + point.leg, point.setpoint, reading))
            self.emit("progress", done + share * (index + 1) / total)
        return True

    def get_estimates(self) -> float:
        """Return the duration in seconds, without the ramps of temperature and field."""
        return self.sweep().duration_s(self.seconds_per_point())


class Calibration(IVSweep):
    """I(V) on a known resistor: the offsets of the measuring line."""

    KIND = "calibration"

    nominal = QuantityParameter(
        "Nominal resistance", "ohm", minimum=0, maximum=1e15, default=1000.0,
        description="of the calibrated resistor",
    )  # fmt: skip
