"""Which earlier legs the first legs of a run are compared with: what broke in between is seen.

They are those of the run's own earlier parts, and those of the last run that was made alike: the
same junction, procedure and settings, finished, and nothing since then that changes a sound
junction, too. A false alarm costs a night; where it is not sure, nothing is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median

from nanojunction.instruments.station import Station
from nanojunction.procedures.at_fixed import AtFixed
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.environment import FIELD, TEMPERATURE
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.recipes.plan import Plan, PlannedPause, PlannedRun
from nanojunction.procedures.recipes.recipe_file import RecipeError
from nanojunction.procedures.recipes.resume import files_of
from nanojunction.procedures.recipes.run_rows import RunRows, read_rows
from nanojunction.procedures.reference_leg import EarlierLeg, ReferenceLeg
from nanojunction.procedures.rows import COMPLIANCE, CURRENT, LEG, SETPOINT, VOLTAGE
from nanojunction.procedures.temperature_series import SETPOINT_K

#: Of the legs at one temperature so many of the first and of the last are kept: those of a junction
#: that has rested, and of one that has been swept.
FIRST, LAST = 2, 4
#: More bias than in the run before by this factor may have switched a junction.
MORE_BIAS = 1.05

Row = Mapping[str, float]


@dataclass(slots=True)
class EarlierRuns:
    """What was measured in a recipe before, and whether the field has been elsewhere since.

    A magnetic junction has another current once the field has been elsewhere, unless each run
    saturates or demagnetises it.
    """

    plan: Plan
    journal: Journal
    station: Station
    #: The field (T) at which the last run has left the magnet, None if that is not known.
    _field_T: float | None = None
    #: How often the field has been changed, or may have been, and how often before each run's end.
    _moves: int = 0
    _moves_before: dict[str, int] = field(default_factory=dict)
    _last_alike: dict[tuple[object, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        items = {item.key: item for item in self.plan.items}
        for key in self.journal.finished():
            item = items.get(key)
            if isinstance(item, PlannedPause):
                self.note_pause()
            elif item is not None:
                self.note_finished(item)

    def legs_for(self, run: PlannedRun, procedure: JunctionProcedure) -> tuple[EarlierLeg, ...]:
        """Return the legs that the first ones of a run are compared with; none if that is unsure.

        What cannot be read is entered in the journal, and not compared with.
        """
        if not (procedure.COMPARES_LEGS and procedure.breakdown_stop):
            return ()
        keys = [run.key] if self._may_follow_its_parts(run, procedure) else []
        last = self._last_alike.get(_alike(run))
        if last is not None and self._may_follow(last, run, procedure):
            keys.append(last)
        legs: list[EarlierLeg] = []
        for key in keys:
            try:
                legs += self._legs_of(key, run, procedure)
            except RecipeError as problem:
                self.journal.event(f"the junction is not compared with {key}: {problem}", run.key)
        return tuple(legs)

    def note(self, run: PlannedRun, procedure: JunctionProcedure, found: RunRows | None) -> None:
        """Take how a run ended; `found` is what its file has, None if that is not known."""
        finished = found is not None and (found.end or {}).get("status") == "finished"
        if self._goes_elsewhere(procedure):
            self._moves += 1
        if way := procedure.field_history().way():
            self._field_T = way[-1]
        self._moves_before[run.key] = self._moves
        if finished:
            self.note_finished(run)
        stays = isinstance(procedure, IVSweep | AtFixed)  # others may ramp the field
        if found is None or not finished or found.interrupted or not stays:
            self.note_anything()

    def note_finished(self, run: PlannedRun) -> None:
        """Take a run as the last one of its kind."""
        self._last_alike[_alike(run)] = run.key

    def note_pause(self) -> None:
        """Note that the operator was asked to do something, which may be to the junction."""
        self._last_alike.clear()
        self.note_anything()

    def note_anything(self) -> None:
        """Note that the field may have been changed by somebody."""
        self._moves += 1
        self._field_T = None

    def _goes_elsewhere(self, procedure: JunctionProcedure) -> bool:
        way = procedure.field_history().way()
        return bool(way) and (len(way) > 1 or way[0] != self._field_T)

    def _has_own_history(self, procedure: JunctionProcedure) -> bool:
        """Tell whether a run does not depend on where the field was before."""
        history = procedure.field_history()
        is_prepared = bool(history.degauss_T) or history.saturate_T is not None
        return is_prepared or self.station.magnet_or_none is None

    def _may_follow_its_parts(self, run: PlannedRun, procedure: JunctionProcedure) -> bool:
        """Tell whether earlier parts were measured in the state that the next one has.

        Else the magnet must have held its field, with nothing measured in between.
        """
        parts = self.journal.parts(run.key)
        if not parts or self._is_marked_since(run.sample, parts[-1].ended):
            return False
        magnet = self.station.config.magnet
        stayed = magnet is not None and magnet.on_exit == "hold"
        return self._has_own_history(procedure) or (stayed and self.journal.last_begun() == run.key)

    def _may_follow(self, key: str, run: PlannedRun, procedure: JunctionProcedure) -> bool:
        """Tell whether nothing since a finished run has changed what a sound junction shows."""
        if self._is_marked_since(run.sample, self.journal.parts(key)[-1].ended):
            return False
        if self._has_own_history(procedure):
            return True
        return self._moves_before.get(key) == self._moves and not self._goes_elsewhere(procedure)

    def _is_marked_since(self, sample: str, moment: str | None) -> bool:
        return moment is None or self.journal.is_marked_since(sample, moment)

    def _legs_of(
        self, key: str, run: PlannedRun, procedure: JunctionProcedure
    ) -> Iterator[EarlierLeg]:
        """Yield the legs of a run; none if it was disturbed, or more bias has followed."""
        files = files_of(self.journal, key)
        parts = [read_rows(file) for file in files]
        rows = [dict(zip(part.columns, row, strict=True)) for part in parts for row in part.rows]
        disturbed = any(part.interrupted for part in parts)
        if not rows or (disturbed and not self._has_own_history(procedure)):
            return
        largest_V = max(abs(row[VOLTAGE]) for row in rows)
        if self.journal.largest_voltage_since(run.sample, key) > MORE_BIAS * largest_V:
            return
        ended = datetime.fromtimestamp(files[-1].stat().st_mtime, UTC)
        yield from legs_in(rows, SETPOINT[procedure.SOURCE], files[0].stem, ended)


def _alike(run: PlannedRun) -> tuple[object, ...]:
    """Return what runs have in common that must give the same currents."""
    settings = sorted((setting.key, str(setting.value)) for setting in run.settings)
    return run.sample, run.procedure, *settings


def legs_in(rows: Sequence[Row], setpoint: str, run: str, ended: datetime) -> Iterator[EarlierLeg]:
    """Yield the legs of a run to compare with: at each temperature the first ones and the last."""
    plateaus: dict[float, dict[int, list[Row]]] = {}
    for row in rows:
        legs = plateaus.setdefault(row.get(SETPOINT_K, 0.0), {})
        legs.setdefault(int(row[LEG]), []).append(row)
    for plateau in plateaus.values():
        legs_there = list(plateau.values())
        middle = max(FIRST, len(legs_there) - LAST)
        for leg in (*legs_there[:FIRST], *legs_there[middle:]):
            reference = ReferenceLeg.of(
                (row[setpoint], row[CURRENT]) for row in leg if not row[COMPLIANCE]
            )
            if reference is not None:
                yield EarlierLeg(
                    reference, _middle(leg, TEMPERATURE), _middle(leg, FIELD), run, ended
                )


def _middle(rows: Sequence[Row], column: str) -> float | None:
    return median(row[column] for row in rows) if column in rows[0] else None
