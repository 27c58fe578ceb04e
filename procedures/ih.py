"""I(H) at a fixed voltage, while the field ramps between turning points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nanojunction.instruments.errors import InstrumentFault
from nanojunction.instruments.preconditions import check_before
from nanojunction.instruments.ramps import ARRIVED_T, field_arrived
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.disturbance import DISTURBANCES
from nanojunction.procedures.environment import FIELD, go_to_field
from nanojunction.procedures.quantities import (
    QuantityListParameter,
    QuantityParameter,
    parse_quantities,
)
from nanojunction.procedures.rows import LEG
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.sweep import FieldRamp


class IHSweep(JunctionProcedure):
    """I(H): current at a fixed voltage while the field ramps, in both directions."""

    KIND = "ih"

    voltage = QuantityParameter(
        "Voltage", "V", minimum=-200, maximum=200, default=0.005, description="held"
    )
    fields = QuantityListParameter(
        "Field turning points", "T", default="-0.5, 0.5, -0.5",
        description="for example '-0.5, 0.5, -0.5'; the first is approached beforehand",
    )  # fmt: skip
    interval = QuantityParameter(
        "Interval", "s", minimum=0, maximum=3600, default=1.0, description="between readings"
    )

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._last: Mapping[str, float] = {}

    def ramp(self) -> FieldRamp:
        """Return the ramp; raises ProcedureError if the turning points are of no use."""
        try:
            return FieldRamp(
                parse_quantities(self.fields, "T"), self.field_rate_T_per_min(), self.interval
            )
        except ValueError as problem:
            raise ProcedureError(f"fields: {problem}") from problem

    def check(self) -> None:
        """Check every field and the rate, beside what all procedures check."""
        ramp = self.ramp()
        for target in ramp.turning_points:
            self.station.magnet.check(target, ramp.rate_T_per_min)
        super().check()
        if self.persistent:
            raise ProcedureError("persistent: an I(H) ramps the field; leave it out")

    def largest_level(self) -> float:
        """Return the held |V|."""
        return abs(float(self.voltage))

    def execute(self) -> None:
        """Measure along each leg until the magnet holds at its end.

        After earlier parts, and after a disturbance, the fields before are driven again with the
        output open, without a row: a magnetic junction has the same history then.
        """
        self._last = {} if self.done is None else self.done.last
        self.environment.expected.field_T = None
        while True:
            try:
                self._measure_from(*self._goes_on_at(self.ramp().legs()))
                return
            except DISTURBANCES as why:
                if not self.suspended(why):
                    return
                self.environment.expected.field_T = None

    def _goes_on_at(self, legs: Sequence[tuple[float, float]]) -> tuple[int, float]:
        """Return the leg and the field (T) at which to begin, after the last row there is."""
        if not self._last:
            return 0, legs[0][0]
        leg = int(self._last[LEG])
        if leg >= len(legs):
            raise ProcedureError(f"leg {leg} of the earlier parts belongs to another run")
        field_T, stop = self._last[FIELD], legs[leg][1]
        if abs(field_T - stop) <= 2.0 * ARRIVED_T:
            return leg + 1, stop
        low, high = sorted(legs[leg])  # the supply's noise may lie beyond, even beyond a limit
        return leg, min(max(field_T, low), high)

    def _measure_from(self, first_leg: int, here_T: float) -> None:
        """Go to a field along the legs before it, and measure from there to the end."""
        ramp = self.ramp()
        legs = ramp.legs()
        if first_leg == len(legs):
            return
        for target in (*(start for start, _ in legs[: first_leg + 1]), here_T):
            self.emit("words", f"going to {target:g} T")
            if not go_to_field(self.station, target, ramp.rate_T_per_min, self.watch()):
                return
        if not self.energise(self.voltage):
            return
        gone = sum(abs(stop - start) for start, stop in legs[:first_leg])
        per_tesla = 6000.0 / ramp.rate_T_per_min / ramp.duration_s()
        for leg, (start, stop) in enumerate(legs[first_leg:], first_leg):
            share = per_tesla * abs(stop - start)
            if not self._measure_leg(leg, start, stop, per_tesla * gone, share):
                return
            gone += abs(stop - start)

    def _measure_leg(self, leg: int, start: float, stop: float, done: float, share: float) -> bool:
        """Measure while the field ramps from `start` to `stop`; False when told to stop."""
        clock, magnet = self.station.clock, self.station.magnet
        rate = self.field_rate_T_per_min()
        began = clock.now()
        deadline = began + 60.0 + 120.0 * abs(stop - start) / rate
        check_before(self.station, "field")
        magnet.ramp_to(stop, rate)
        looked = began
        while True:
            if self.should_stop():
                magnet.hold()
                return False
            tick = clock.now()
            before_T = magnet.field_T()
            row = self.row(leg, self.voltage, self.station.source_meter.read())
            field = magnet.field_T()
            row[FIELD] = (before_T + field) / 2.0  # the field ramps while the current is measured
            self.emit_row(row)
            self._last = row
            self.emit("progress", done + share * min(1.0, abs(field - start) / abs(stop - start)))
            if abs(field - stop) <= ARRIVED_T or clock.now() - looked >= 1.0:
                looked = clock.now()
                if field_arrived(magnet, stop):
                    return True
                if looked > deadline:
                    raise InstrumentFault(
                        f"the field did not reach {stop:g} T in {deadline - began:.0f} s"
                    )
            if not clock.sleep_until(tick + self.interval, self.should_stop):
                magnet.hold()
                return False

    def environment_words(self) -> str:
        """Return how field and temperatures came into the rows."""
        return f"field: mean of before and after each reading; {super().environment_words()}"

    def get_estimates(self) -> float:
        """Return the duration in seconds, without the way to the first field."""
        rate = self.field_rate or (self._station and self.field_rate_T_per_min()) or 0.1
        ramp = FieldRamp(parse_quantities(self.fields, "T"), rate, self.interval)
        return float(self.rest) + ramp.duration_s()
