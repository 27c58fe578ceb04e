"""What came of a run: the numbers of its analysis, as the journal keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nanojunction.procedures.recipes.conditions import UNITS
from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.recipes.journal_records import Result
from nanojunction.procedures.recipes.plan import Item, PlannedRun
from nanojunction.procedures.recipes.resume import files_of


def results_of(
    files: Sequence[Path], calibrations: Sequence[Path] = ()
) -> tuple[list[Result], str | None]:
    """Analyse a run, all its parts as one, and return its numbers and what went wrong.

    With runs on known resistors among `calibrations` there are ratios to the line's offsets, too.
    """
    from nanojunction.analysis.analyse import analyse
    from nanojunction.analysis.values import Quantity

    found = analyse([*calibrations, *files])
    errors = [str(error) for error in found.errors if Path(error.file) in files]
    if errors:
        return [], errors[0]
    runs = [run for run in found.run_results if run.run.file in files]
    apart = [run.run for run in runs if run.run.file != files[0]]
    if apart:  # the numbers of a part are none of the run; the night goes on without them
        why = "".join(f": {warning}" for warning in apart[0].warnings[:1])
        return [], f"{apart[0].file}: is not analysed as one run with {files[0]}{why}"
    results = [
        Result(run.run.segment or 0, key, item.value, item.stderr, item.note)
        for run in runs
        for key in UNITS
        if isinstance(item := run.quantities.get(key), Quantity)
    ]
    return results, None if runs else "; ".join(found.warnings) or None


def calibrations(before: Sequence[Item], journal: Journal) -> list[Path]:
    """Return the run files on known resistors among what was done before, with all their parts."""
    keys = [item.key for item in before
            if isinstance(item, PlannedRun) and item.procedure == "calibrate"]  # fmt: skip
    return [file for key in keys if journal.is_done(key) for file in files_of(journal, key)]
