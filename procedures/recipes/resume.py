"""Taking a recipe up again: the same recipe only, and the run files say what was measured."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nanojunction.instruments.station import Station
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.partial import Partial
from nanojunction.procedures.recipes.checking import (
    check,
    checked,
    shorten_window,
    temperature_after,
)
from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.recipes.journal_file import JournalError
from nanojunction.procedures.recipes.journal_records import PlanEntry, RunRecord, hash_of
from nanojunction.procedures.recipes.plan import Plan, PlannedPause, PlannedRun
from nanojunction.procedures.recipes.recipe_file import Recipe, recipe_from
from nanojunction.procedures.recipes.run_rows import bias_of, partial_of, read_rows
from nanojunction.procedures.recipes.setup import setup_of, what_changed

PAUSE = "pause"
FINISHED, CUT_OFF = "finished", "cut off"


def entries_of(plan: Plan) -> list[PlanEntry]:
    """Return the lines of the journal's plan."""
    return [
        PlanEntry(item.key, item.procedure, item.sample, item.step)
        if isinstance(item, PlannedRun)
        else PlanEntry(item.key, PAUSE, item.sample, "")
        for item in plan.items
    ]


def begin_or_resume(journal: Journal, plan: Plan, station: Station, *, resume: bool) -> None:
    """Make a new journal, or take up one; raises JournalError where that is not what was asked.

    Runs that a killed process has left `running` become `cut off`, or `finished` if their file
    has its end.
    """
    recipe, folder = plan.recipe, journal.path.parent
    if journal.is_new():
        about = recipe.content.recipe
        setup = setup_of(plan, station.config)
        journal.create(about.name, recipe.text, station.source, entries_of(plan), setup)
        return
    keys = journal.keys()
    done = sum(map(journal.is_done, keys))
    if not resume:
        raise JournalError(
            f"{folder}: has the journal of a recipe already ({done} of {len(keys)} steps done); "
            "add --resume to go on with it, or give another --out"
        )
    refuse_another(journal, plan, station)
    conclude_what_runs(journal)
    journal.event(f"resumed: {done} of {len(keys)} steps were done")


def refuse_another(journal: Journal, plan: Plan, station: Station) -> None:
    """Raise JournalError unless the journal is that of the same recipe; says what changed.

    The same are also the limits, the wiring and the columns, or stricter.
    """
    before, now = journal.recipe_text(), plan.recipe.text
    changed = hash_of(before) != hash_of(now)
    if changed and recipe_from(before, "journal").content != plan.recipe.content:
        raise JournalError(
            f"{plan.recipe.source}: the recipe has changed since {journal.path.parent} was begun: "
            f"{_difference(before, now)}; take the change back, or give a new --out"
        )
    if journal.keys() != [item.key for item in plan.items]:
        raise JournalError(
            f"{journal.path}: the plan that was begun is not the one that this version of "
            "nanojunction makes of the recipe; give a new --out"
        )
    change = what_changed(journal.setup(), setup_of(plan, station.config))
    if change is not None:
        raise JournalError(
            f"{journal.path.parent}: this was begun before, and {change}; take the change back, or "
            "give a new --out"
        )


def _difference(before: str, now: str) -> str:
    """Return the first change between two texts in words."""
    old, new = before.splitlines(), now.splitlines()
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        was, now_is = " ".join(old[i:j]).strip(), " ".join(new[k:m]).strip()
        if tag == "equal" or was == now_is:
            continue
        if tag == "insert":
            return f"line {k + 1} ({now_is!r}) is new"
        if tag == "delete":
            return f"line {i + 1} ({was!r}) is gone"
        return f"line {k + 1} was {was!r} and is {now_is!r}"
    return "only line ends"


def conclude_what_runs(journal: Journal) -> None:
    """Enter how runs ended that a killed process has left `running`, by what their files say."""
    for record in journal.runs():
        if record.status == "running":
            _conclude(journal, record, journal.path.parent)


def _conclude(journal: Journal, record: RunRecord, folder: Path) -> None:
    """Enter what the file of a run says that a killed process could not enter."""
    if record.file is None:
        journal.end(record.key, record.part, CUT_OFF, error="killed while the operator was asked")
        return
    file = folder / record.file
    if not file.exists():
        journal.end(record.key, record.part, CUT_OFF, error="killed before the first row")
        return
    found = read_rows(file)
    status = CUT_OFF if found.end is None else str(found.end["status"])
    error = "killed, or the power failed" if found.end is None else found.end.get("error")
    journal.end(
        record.key, record.part, status, rows=len(found.rows), error=error, bias=bias_of(found)
    )


def files_of(journal: Journal, key: str) -> list[Path]:
    """Return the run files of all parts of a run that were made."""
    files = [journal.path.parent / part.file for part in journal.parts(key) if part.file]
    return [file for file in files if file.exists()]


@dataclass(frozen=True, slots=True)
class Remaining:
    """A run that is left to do: its procedure, checked, and what earlier parts have measured."""

    run: PlannedRun
    procedure: JunctionProcedure
    done: Partial | None


def checked_runs(plan: Plan, station: Station) -> dict[str, JunctionProcedure]:
    """Return the procedure of every run of a plan by its key, checked against the station.

    Raises RecipeError.
    """
    return {run.key: checked(run, station, plan.recipe) for run in plan.runs}


def remaining(
    plan: Plan, procedures: Mapping[str, JunctionProcedure], journal: Journal | None
) -> tuple[Remaining, ...]:
    """Return what is left of a plan, whose runs were made once; raises RecipeError.

    Each is told what earlier parts have measured. Runs that follow at the same temperature look
    at it once more without the window.
    """
    left, at_K = list[Remaining](), None
    for item in plan.items:
        if journal is not None and journal.is_done(item.key):
            continue
        if isinstance(item, PlannedPause):
            at_K = None  # the operator may have warmed the sample
            continue
        procedure = procedures[item.key]
        done = None if journal is None else partial_of(files_of(journal, item.key))
        if done is not None:
            procedure.continue_after(done)
        shorten_window(item, procedure, at_K)
        at_K = temperature_after(procedure, at_K)
        left.append(Remaining(item, procedure, done))
    return tuple(left)


def check_again(todo: Sequence[Remaining], station: Station, recipe: Recipe) -> None:
    """Check runs that are left with what the instruments of an open station can do.

    A procedure takes milliseconds to make, so these are used again; the watchdog gets its sign of
    life at each. Raises RecipeError.
    """
    for one in todo:
        station.owner.beat()
        check(one.run, one.procedure, station, recipe.samples, recipe.source)
