"""What a junction is protected from while it is measured: a breakdown that goes on, compliance.

A breakdown shows as another current at the same voltage: Chowrira 2020's junction B came back
degraded, with a third of its slope resistance and without its offsets.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from nanojunction.instruments.errors import LaboratoryError

#: A reading is another one if it differs from the leg before by half of that current, by a tenth
#: of the leg's largest current, and by more than its noise explains.
OF_CURRENT, OF_LARGEST, OF_NOISE = 0.5, 0.1, 8.0
#: That many of the last readings must be so.
ENOUGH, AMONG = 5, 8


class JunctionAtRisk(LaboratoryError):
    """A run was ended for the junction's sake; `status` is that of the run."""

    status = "protected"


class JunctionBroken(JunctionAtRisk):
    """The junction does not carry the current that it carried a leg ago."""

    status = "broken"


@dataclass(slots=True)
class _Leg:
    """Voltages (V) and currents (A) of one leg, in the order in which they were measured."""

    number: int
    points: list[tuple[float, float]] = field(default_factory=list)

    def reference(self) -> _Reference | None:
        """Return what later legs are compared with, None for a leg too short to tell."""
        points = sorted(self.points)
        if len(points) < ENOUGH:
            return None
        currents = [current for _, current in points]
        steps = [after - before for before, after in pairwise(currents)]
        bends = [abs(after - before) for before, after in pairwise(steps)]
        noise = median(bends) / (0.6745 * 6**0.5)
        return _Reference(tuple(points), noise, max(map(abs, currents)))


@dataclass(frozen=True, slots=True)
class _Reference:
    points: tuple[tuple[float, float], ...]
    noise_A: float
    largest_A: float

    def current_A(self, voltage_V: float) -> float | None:
        """Return the current on the line between neighbours, None beyond the leg."""
        at = bisect_left(self.points, (voltage_V, -float("inf")))
        if at == len(self.points) or (at == 0 and voltage_V < self.points[0][0]):
            return None
        if self.points[at][0] == voltage_V or at == 0:
            return self.points[at][1]
        (low_V, low_A), (high_V, high_A) = self.points[at - 1], self.points[at]
        return low_A + (high_A - low_A) * (voltage_V - low_V) / (high_V - low_V)

    def is_another(self, voltage_V: float, current_A: float) -> bool | None:
        """Tell whether a reading differs from this leg; None where it cannot be told."""
        expected = self.current_A(voltage_V)
        if expected is None:
            return None
        allowed = max(
            OF_CURRENT * abs(expected), OF_LARGEST * self.largest_A, OF_NOISE * self.noise_A
        )
        return abs(current_A - expected) > allowed


@dataclass(slots=True)
class Protection:
    """Looks at every reading of a sweep; raises JunctionAtRisk once it has seen enough.

    `dwell_s` is the longest time in compliance without a break (0: any), `breakdown` whether legs
    are compared.
    """

    dwell_s: float
    breakdown: bool
    _since_s: float | None = None
    _leg: _Leg | None = None
    _reference: _Reference | None = None
    _seen: deque[bool] = field(default_factory=lambda: deque(maxlen=AMONG))

    def forget(self) -> None:
        """Forget earlier legs: conditions have changed, and the currents with them."""
        self._leg = self._reference = None
        self._seen.clear()

    def released(self) -> None:
        """Note that the bias was taken away: the time in compliance ends here."""
        self._since_s = None

    def look(
        self, moment_s: float, leg: int, setpoint_V: float, current_A: float, in_compliance: bool
    ) -> None:
        """Look at one reading, taken at `moment_s`; raises JunctionAtRisk.

        One in compliance is compared, too: a junction that has become a short is in compliance
        where a leg ago it was not. But it is no reference for later ones.
        """
        self._look_at_compliance(moment_s, in_compliance)
        if not self.breakdown:
            return
        if self._leg is None or leg != self._leg.number:
            if self._leg is not None:
                self._reference = self._leg.reference() or self._reference
            self._leg = _Leg(leg)
        if not in_compliance:
            self._leg.points.append((setpoint_V, current_A))
        if self._reference is None:
            return
        another = self._reference.is_another(setpoint_V, current_A)
        if another is not None:
            self._seen.append(another)
        if sum(self._seen) >= ENOUGH:
            expected = self._reference.current_A(setpoint_V)
            raise JunctionBroken(
                f"the junction has changed: {current_A:.3g} A flow at {setpoint_V:g} V, "
                f"{expected:.3g} A flowed a leg ago; the bias was taken away (breakdown_stop=false "
                "measures on)"
            )

    def _look_at_compliance(self, moment_s: float, in_compliance: bool) -> None:
        if not in_compliance:
            self._since_s = None
            return
        if self._since_s is None:
            self._since_s = moment_s
        if self.dwell_s and moment_s - self._since_s > self.dwell_s:
            raise JunctionAtRisk(
                f"the junction was in compliance for more than {self.dwell_s:g} s without a "
                "break; the bias was taken away (compliance_dwell=0 measures on; a locked "
                "measure_range limits the current, too: give a larger one if that is what it was)"
            )
