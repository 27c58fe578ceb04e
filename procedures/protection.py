"""What a junction is protected from while it is measured: a breakdown that goes on, compliance.

A breakdown shows as another current at the same voltage: Chowrira 2020's junction B came back
degraded, with a third of its slope resistance and without its offsets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.procedures.reference_leg import (
    ACROSS_RUNS,
    WITHIN_A_RUN,
    EarlierLeg,
    ReferenceLeg,
)

#: That many of the last readings must be other ones.
ENOUGH, AMONG = 5, 8


class JunctionAtRisk(LaboratoryError):
    """A run was ended for the junction's sake; `status` is that of the run."""

    status = "protected"


class JunctionBroken(JunctionAtRisk):
    """The junction does not carry the current that it carried before."""

    status = "broken"


@dataclass(slots=True)
class _Leg:
    """Voltages (V) and currents (A) of one leg, in the order in which they were measured."""

    number: int
    points: list[tuple[float, float]] = field(default_factory=list)


@dataclass(slots=True)
class Protection:
    """Looks at every reading of a sweep; raises JunctionAtRisk once it has seen enough.

    `dwell_s` is the longest time in compliance without a break (0: any), `breakdown` whether legs
    are compared. Where no leg of this part of the run can tell, a reading is compared with the
    `earlier` ones that were measured in its conditions, and is another one only if it differs from
    each of them: junctions have hysteresis, and who has only one leg may see the other branch.
    """

    dwell_s: float
    breakdown: bool
    earlier: Sequence[EarlierLeg] = ()
    _since_s: float | None = None
    _leg: _Leg | None = None
    _reference: ReferenceLeg | None = None
    _seen: deque[bool] = field(default_factory=lambda: deque(maxlen=AMONG))

    def forget(self) -> None:
        """Forget earlier legs: conditions have changed, and the currents with them."""
        self._leg = self._reference = None
        self._seen.clear()

    def released(self) -> None:
        """Note that the bias was taken away: the time in compliance ends here."""
        self._since_s = None

    def look(
        self,
        moment_s: float,
        leg: int,
        setpoint_V: float,
        current_A: float,
        in_compliance: bool,
        *,
        temperature_K: float | None = None,
        field_T: float | None = None,
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
                self._reference = ReferenceLeg.of(self._leg.points) or self._reference
            self._leg = _Leg(leg)
        if not in_compliance:
            self._leg.points.append((setpoint_V, current_A))
        another, against = None, None
        if self._reference is not None:
            another = self._reference.is_another(setpoint_V, current_A, WITHIN_A_RUN)
        if another is None and self.earlier:
            alike = [one for one in self.earlier if one.is_comparable(temperature_K, field_T)]
            another, against = _differs_from_all(alike, setpoint_V, current_A)
        if another is None:
            return
        self._seen.append(another)
        if sum(self._seen) >= ENOUGH:
            reference = self._reference if against is None else against.leg
            assert reference is not None  # one of them has told
            when = "a leg ago" if against is None else against.words()
            raise JunctionBroken(
                f"the junction has changed: {current_A:.3g} A flow at {setpoint_V:g} V, "
                f"{reference.current_A(setpoint_V):.3g} A flowed {when}; the bias was taken away "
                "(breakdown_stop=false measures on)"
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


def _differs_from_all(
    earlier: Sequence[EarlierLeg], voltage_V: float, current_A: float
) -> tuple[bool | None, EarlierLeg | None]:
    """Tell whether a reading differs from each leg that has its voltage, and name the closest.

    None where no leg can tell.
    """
    told = [(one.leg.is_another(voltage_V, current_A, ACROSS_RUNS), one) for one in earlier]
    told = [(is_another, one) for is_another, one in told if is_another is not None]
    if not told:
        return None, None
    closest = min(
        (one for _, one in told),
        key=lambda one: abs(current_A - (one.leg.current_A(voltage_V) or 0.0)),
    )
    return all(is_another for is_another, _ in told), closest
