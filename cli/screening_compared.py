"""Two screenings beside each other: do two chips differ?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.analysis.notation import times
from nanojunction.cli.console import steps_of, wide_console
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.journal_file import JournalError

if TYPE_CHECKING:
    from nanojunction.analysis.screening.chip import Chip
    from nanojunction.analysis.screening.comparison import Compared
    from nanojunction.analysis.screening.screening import Screening

#: What is compared, where it is not a verdict.
_NAMES = {
    "neither_open_nor_short": "neither open nor short",
    "resistance_ohm": "R",
    "ra_ohm_um2": "R × area",
}
#: Corrected p below which a difference is established.
FOUND = 0.05


def print_comparison(found: Screening, other: Path) -> None:
    """Print how a screened chip differs from the one whose screening is in the folder `other`.

    Its chip file is that of the journal there, judged with the thresholds of `found`. Raises
    JournalError if there is no screening.
    """
    from nanojunction.analysis.screening.screening import compare_screenings, screen_files

    chip = replace(_chip_in(other), thresholds=found.chip.thresholds)
    with steps_of("judging") as show:
        first = screen_files(chip, [other], progress=show)
    _print(compare_screenings(first, found), f"{found.chip.name} against {chip.name}")


def _chip_in(folder: Path) -> Chip:
    from nanojunction.analysis.screening.chip_file import chip_from

    if not (folder / NAME).exists():
        raise JournalError(f"{folder}: has no {NAME}: give the folder of another screening")
    with Journal(folder / NAME, read_only=True) as journal:
        try:
            return chip_from(journal.recipe_text(), str(journal.path))
        except ValueError as problem:
            raise JournalError(f"{folder}: has no screening ({problem})") from problem


def _print(tests: Sequence[Compared], title: str) -> None:
    from rich.table import Table

    table = Table(title=title)
    for heading in ("what", "the other", "this one", "difference", "interval", "p corrected"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for one in tests:
        ends = "not known" if one.interval is None else " … ".join(
            _size(one, end) for end in one.interval
        )  # fmt: skip
        table.add_row(_name(one), one.first, one.second, _size(one, one.value), ends,
                      f"{one.p_corrected:.2g}")  # fmt: skip
    wide_console().print(table)
    found = [f"{_name(one)} ({_size(one, one.value)})" for one in tests if one.p_corrected < FOUND]
    if found:
        print(f"the chips differ in: {', '.join(found)}")
    else:
        print(f"no difference is established: of {len(tests)} tests none has p below {FOUND:g}")


def _name(one: Compared) -> str:
    return _NAMES.get(one.what, one.what)


def _size(one: Compared, value: float | None) -> str:
    """Return a difference of yields, or a ratio of resistances, as people write it."""
    if value is None:
        return "not known"
    return f"{value:+.1%}" if one.test == "fisher" else times(value)
