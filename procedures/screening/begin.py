"""Beginning a screening, or taking one up: the same chip only, whatever its thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

from nanojunction.analysis.screening.chip import Chip, Junction
from nanojunction.analysis.screening.chip_file import chip_from
from nanojunction.instruments.station_file import StationConfig
from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.recipes.journal_file import JournalError
from nanojunction.procedures.recipes.resume import conclude_what_runs
from nanojunction.procedures.recipes.setup import Setup, setup_with, what_changed
from nanojunction.procedures.sample_file import Sample
from nanojunction.procedures.screening.stages import ScreeningPlan


def begin_or_resume(
    journal: Journal,
    plan: ScreeningPlan,
    config: StationConfig,
    station_file: str,
    *,
    resume: bool,
) -> None:
    """Make a new journal, or take up one; raises JournalError where that is not what was asked."""
    if journal.is_new():
        name = plan.chip.name or Path(plan.source).stem
        journal.create(name, plan.text, station_file, [], _setup(plan, config))
        return
    folder = journal.path.parent
    if not resume:
        raise JournalError(
            f"{folder}: has a journal already; add --resume to go on with it, or give another --out"
        )
    refuse_another(journal, plan, config)
    conclude_what_runs(journal)
    journal.event(f"resumed: {len(journal.finished())} runs were finished")


def refuse_another(journal: Journal, plan: ScreeningPlan, config: StationConfig) -> None:
    """Raise JournalError unless the journal is that of the same chip, protocol and limits.

    Thresholds, places, splits and stacks may change: they tell what is found, not what is done.
    """
    folder = journal.path.parent
    try:
        before = chip_from(journal.recipe_text(), str(journal.path))
    except ValueError as problem:
        raise JournalError(f"{folder}: has the journal of something else ({problem})") from problem
    change = next(_differences(before, plan.chip), None)
    if change is not None:
        raise JournalError(
            f"{plan.source}: {change} since {folder} was begun; take the change back, or give a "
            "new --out"
        )
    changed = what_changed(journal.setup(), _setup(plan, config))
    if changed is not None:
        raise JournalError(
            f"{folder}: this was begun before, and {changed}; take the change back, or give a new "
            "--out"
        )


def _setup(plan: ScreeningPlan, config: StationConfig) -> Setup:
    limited = tuple(
        one for junction in plan.chip.junctions for one in plan.limits_of(junction).junctions
    )
    names = [one.name for one in limited]
    return setup_with(Sample(junctions=limited) if limited else None, names, config)


def _differences(before: Chip, now: Chip) -> Iterator[str]:
    """Yield what of a chip has changed that decides what is measured, in words."""
    old = {one.name: one for one in before.junctions}
    new = {one.name: one for one in now.junctions}
    for name in [*old, *new]:
        if name not in new or name not in old:
            yield f"the junction {name} is {'new' if name in new else 'gone'}"
        elif key := _changed(old[name], new[name]):
            yield f"{key} of {name} has changed"
    if list(old) != list(new):
        yield "the order of the junctions has changed"
    if before.calibrations != now.calibrations:
        yield "[[calibrations]] have changed"
    if before.protocol != now.protocol:
        yield "[protocol] has changed"


def _changed(before: Junction, now: Junction) -> str | None:
    """Return the first key of a junction that has changed and decides what is measured."""
    now = replace(
        now, x_m=before.x_m, y_m=before.y_m, column=before.column, row=before.row,
        split=before.split, stack=before.stack,
    )  # fmt: skip
    changed = [one.name for one in fields(Junction)
               if getattr(before, one.name) != getattr(now, one.name)]  # fmt: skip
    return changed[0] if changed else None
