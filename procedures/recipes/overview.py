"""How far a recipe is, from its journal alone: for whoever looks in meanwhile or afterwards."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.recipes.journal_records import CONCLUDED, SPARED, History, PlanLine

SKIPPED, TO_DO, RUNNING, CUT_OFF = "skipped", "to do", "running", "cut off"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """A run or a pause of the plan.

    `status` is `to do`, `skipped` (the reason in `why`), or that of its last part: running,
    finished, aborted, broken, protected, failed, `cut off` (its error in `why`).
    """

    key: str
    action: str
    sample: str
    status: str
    why: str | None
    rows: int
    file: str | None

    @property
    def is_left(self) -> bool:
        """Tell whether something of it is still to be done."""
        return self.status not in (SKIPPED, *CONCLUDED)


@dataclass(frozen=True, slots=True)
class Overview:
    """A recipe: its name, the station file, when it was begun, its steps, junctions and events.

    An event is (moment, key or None, words). `command` is the one that goes on with it: `run`, or
    `screen` for a screening, whose runs that failed are not taken up again but made anew: then
    `verdicts` counts what its junctions turned out to be so far, of the chip's `on_chip`.
    """

    name: str
    station: str
    begun: str
    steps: tuple[Step, ...]
    junctions: tuple[History, ...]
    events: tuple[tuple[str, str | None, str], ...]
    command: str = "run"
    verdicts: Mapping[str, int] = field(default_factory=dict)
    on_chip: int = 0

    def counts(self) -> dict[str, int]:
        """Return how many steps there are of each status."""
        return dict(Counter(step.status for step in self.steps))

    @property
    def left(self) -> int:
        """How many steps are not concluded."""
        if self.command == "screen":
            return sum(step.is_left and step.status != FAILED for step in self.steps)
        return sum(step.is_left for step in self.steps)

    @property
    def what_is_left(self) -> str:
        """What is left in words, "" where nothing is."""
        known = sum(self.verdicts.values())
        if known < self.on_chip:
            return f"{self.on_chip - known} of {self.on_chip} junctions are without a verdict"
        return f"{self.left} of {len(self.steps)} steps are left" if self.left else ""

    @property
    def spared(self) -> tuple[str, ...]:
        """The runs that were ended for the junction's sake."""
        return tuple(step.key for step in self.steps if step.status in SPARED)


def overview_of(journal: Journal, *, is_running: bool) -> Overview:
    """Return how far a recipe is; raises JournalError if the journal cannot be read.

    A run that the journal has as running was cut off unless its program lives: `is_running`.
    """
    name, station, begun = journal.about()
    steps = tuple(_step(line, is_running=is_running) for line in journal.lines())
    samples = dict.fromkeys(step.sample for step in steps if step.sample)
    junctions = tuple(history for one in samples if _has_seen(history := journal.history(one)))
    found = Overview(name, station, begun, steps, junctions, tuple(journal.events()))
    text = journal.recipe_text()
    if "recipe" in tomllib.loads(text):
        return found
    from nanojunction.analysis.screening.chip_file import chip_from

    on_chip = len(chip_from(text, str(journal.path)).junctions)
    return replace(found, command="screen", verdicts=journal.verdicts.counts(), on_chip=on_chip)


def _step(line: PlanLine, *, is_running: bool) -> Step:
    status, why = line.status or TO_DO, line.error
    if status == RUNNING and not is_running:
        status = CUT_OFF
    if line.skipped is not None and status not in CONCLUDED:
        status, why = SKIPPED, line.skipped
    return Step(line.key, line.action, line.sample, status, why, line.rows or 0, line.file)


def _has_seen(history: History) -> bool:
    """Tell whether a junction was measured, or marked."""
    return bool(history.runs or history.marks)
