"""How long a screening takes: a junction that is none, a candidate, and the whole chip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from nanojunction.analysis.screening.chip import Junction
from nanojunction.analysis.screening.verdicts import OPEN_LINE, Stage
from nanojunction.instruments.station import Station
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.recipes.checking import check, procedure_of
from nanojunction.procedures.recipes.estimate import cost_of
from nanojunction.procedures.recipes.plan import PlannedRun
from nanojunction.procedures.recipes.timing import Pace
from nanojunction.procedures.recipes.timing import Place as Cryostat
from nanojunction.procedures.screening.stages import Place, ScreeningPlan, StagePlan

#: What is measured of a junction that is short, that is open, of any other, of a candidate.
SHORT: tuple[Stage, ...] = ("contact",)
OPEN: tuple[Stage, ...] = ("contact", "contact_again")
WORTH_A_LOOK: tuple[Stage, ...] = ("contact", "short_iv")
CANDIDATE: tuple[Stage, ...] = ("contact", "short_iv", "repeats", "at_zero")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds of the station's clock: of one junction by what it turns out to be, and beside them.

    `resistors_s` are the known resistors and the open line, before and after; `candidate_s` has
    neither wider sweeps nor ramps of field and temperature.
    """

    short_s: float
    open_s: float
    worth_a_look_s: float
    candidate_s: float
    resistors_s: float
    junctions: int

    @property
    def least_s(self) -> float:
        """The whole chip, if nothing is worth a look."""
        return self.resistors_s + self.junctions * min(self.short_s, self.open_s)

    @property
    def most_s(self) -> float:
        """The whole chip, if everything is worth a look and nothing a candidate."""
        return self.resistors_s + self.junctions * max(self.open_s, self.worth_a_look_s)


def estimate(plan: ScreeningPlan, on_paper: Station, pace: Pace) -> Estimate:
    """Return the estimate from a plan's first junction, checked against the station on paper.

    The way to the temperature at which the chip is screened is not in it. Raises LaboratoryError.
    """
    first, here = plan.chip.junctions[0], Place()

    # An open line carries so little that the meter stays on its lowest range.
    lowest = replace(pace, changes_ranges=False)

    def of(procedures: Iterable[JunctionProcedure], pace: Pace = pace) -> float:
        return sum(cost_of(one, Cryostat(), pace)[0].total_s for one in procedures)

    def stages(several: tuple[Stage, ...], pace: Pace = pace) -> float:
        return of((_stage(plan, first, stage, here, on_paper) for stage in several), pace)

    open_line_s = of(_open_line(plan, here, on_paper), lowest)
    return Estimate(
        short_s=stages(SHORT),
        open_s=stages(OPEN, lowest),
        worth_a_look_s=stages(WORTH_A_LOOK),
        candidate_s=stages(CANDIDATE) + open_line_s,
        resistors_s=2.0 * (of(_resistors(plan, here, on_paper)) + open_line_s),
        junctions=len(plan.chip.junctions),
    )


def check_all(plan: ScreeningPlan, on_paper: Station) -> None:
    """Check every stage of every different junction on paper, before the first output.

    Junctions with equal limits are checked once. Raises LaboratoryError.
    """
    at = Place(plan.protocol.temperature)
    seen = set()
    for junction in plan.chip.junctions:
        limits = (junction.max_voltage_V, junction.max_current_A)
        if limits not in seen:
            seen.add(limits)
            for stage in (*CANDIDATE, "wide_iv"):
                _stage(plan, junction, stage, at, on_paper)
    first = plan.chip.junctions[0]
    if (field_T := plan.protocol.field_T) is not None:
        for tesla in (field_T, -field_T):
            _stage(plan, first, "field", Place(at.temperature, f"{tesla!r} T"), on_paper)
    for kelvin in plan.protocol.temperatures_K:
        _stage(plan, first, "temperature", Place(f"{kelvin!r} K"), on_paper)
    list(_resistors(plan, at, on_paper))
    list(_open_line(plan, at, on_paper))


def _stage(
    plan: ScreeningPlan, junction: Junction, stage: Stage, place: Place, on_paper: Station
) -> JunctionProcedure:
    """Return the procedure of a stage, checked; as if the ranges of earlier ones sufficed."""
    reach_V = None
    if stage in ("repeats", "field", "temperature"):
        reach_V = min(plan.protocol.vmax_V("short_iv"), junction.max_voltage_V)
    elif stage == "wide_iv":
        reach_V = junction.max_voltage_V
    run = plan.stage_run(junction, StagePlan(stage, place, reach_V), f"{junction.name}/{stage}")
    return _checked(plan, run, junction, on_paper)


def _resistors(plan: ScreeningPlan, place: Place, on_paper: Station) -> Iterable[JunctionProcedure]:
    for one in plan.chip.calibrations:
        yield _checked(plan, plan.calibration_run(one, place, one.name), None, on_paper)


def _open_line(plan: ScreeningPlan, place: Place, on_paper: Station) -> Iterable[JunctionProcedure]:
    if not plan.is_without_switch:
        yield _checked(plan, plan.open_line_run(place, OPEN_LINE), None, on_paper)


def _checked(
    plan: ScreeningPlan, run: PlannedRun, junction: Junction | None, on_paper: Station
) -> JunctionProcedure:
    procedure = procedure_of(run, plan.source)
    limits = None if junction is None else plan.limits_of(junction)
    check(run, procedure, on_paper, limits, plan.source)
    return procedure
