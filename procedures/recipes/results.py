"""What came of a run: the numbers of its analysis, as the journal keeps them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.procedures.recipes.conditions import UNITS
from nanojunction.procedures.recipes.journal_records import Result
from nanojunction.procedures.recipes.recipe_file import RecipeError
from nanojunction.procedures.recipes.run_rows import joined

if TYPE_CHECKING:
    from nanojunction.analysis.analyse import Analysis


def results_of(
    files: Sequence[Path], calibrations: Sequence[Path] = ()
) -> tuple[list[Result], str | None]:
    """Analyse a run, all its parts as one, and return its numbers and what went wrong.

    With runs on known resistors among `calibrations` there are ratios to the line's offsets, too.
    """
    from nanojunction.analysis.analyse import analyse

    if len(files) == 1:
        return _results(analyse([*calibrations, files[0]]), files[0])
    try:
        text = joined(files)
    except RecipeError as problem:  # the night goes on without these numbers
        return [], str(problem)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / files[0].name
        whole.write_text(text, encoding="utf-8", newline="")
        return _results(analyse([*calibrations, whole]), whole)


def _results(found: Analysis, file: Path) -> tuple[list[Result], str | None]:
    from nanojunction.analysis.values import Quantity

    results = [
        Result(run.run.segment or 0, key, item.value, item.stderr, item.note)
        for run in found.run_results
        if run.run.file == file
        for key in UNITS
        if isinstance(item := run.quantities.get(key), Quantity)
    ]
    errors = [error.error for error in found.errors if Path(error.file) == file]
    return results, errors[0] if errors else None
