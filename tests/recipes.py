"""What the tests of recipes share: carrying one out, and what must come of it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nanojunction.instruments.station import Station
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.live import Live
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.checking import procedure_of
from nanojunction.procedures.recipes.countdown import Countdown
from nanojunction.procedures.recipes.estimate import Cost
from nanojunction.procedures.recipes.execute import RecipeRun
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.plan import Plan, PlannedRun, plan_of
from nanojunction.procedures.recipes.recipe_file import recipe_from
from nanojunction.procedures.recipes.resume import begin_or_resume, files_of
from nanojunction.procedures.stopping import StopRequest

HEAD = '[recipe]\nname = "Night"\nsample = "A"\n'
IV = '{ measure = "iv", set = { vmax = "2 mV", step = "1 mV", nplc = 0.1 } }'


@dataclass(slots=True)
class Night:
    """A recipe in a folder; what a person would see of it is kept."""

    text: str
    folder: Path
    answer: Callable[[str], bool] = lambda _words: True
    on_progress: Callable[[Progress], None] = lambda _progress: None
    costs: dict[str, Cost] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    stop: StopRequest = field(default_factory=StopRequest)
    live: Live = field(default_factory=lambda: Live(None))

    @property
    def plan(self) -> Plan:
        """The plan of the recipe."""
        return plan_of(recipe_from(HEAD + self.text, "night.toml"))

    def on(self, station: Station, *, resume: bool = False) -> bool:
        """Carry out what is left on an open station; True if all is done."""
        with self.journal() as journal:
            begin_or_resume(journal, self.plan, station, resume=resume)
            return RecipeRun(
                self.plan, station, journal, self.stop, Countdown(self.costs, station.clock),
                self._ask, self.said.append, self.on_progress, self.live,
            ).go()  # fmt: skip

    def at(self, key: str, rows: int, do: Callable[[], object]) -> None:
        """Have something done once a run whose key begins so has that many rows."""

        def look(progress: Progress) -> None:
            if progress.words.startswith(key) and progress.rows == rows:
                do()

        self.on_progress = look

    def stop_at(self, key: str, rows: int) -> None:
        """Ask to stop once a run whose key begins so has that many rows."""
        self.at(key, rows, lambda: self.stop.ask("test"))

    def go_on(self) -> None:
        """Be as before a stop was asked for."""
        self.stop.count, self.on_progress = 0, lambda _progress: None

    def _ask(self, words: str) -> bool:
        self.asked.append(words)
        return self.answer(words)

    def journal(self) -> Journal:
        """Open the journal."""
        self.folder.mkdir(exist_ok=True)
        return Journal(self.folder / NAME)


def rows_in(journal: Journal, key: str) -> list[dict[str, float]]:
    """Return the rows of all parts of a run, in order; one without its line end is none."""
    rows: list[dict[str, float]] = []
    for file in files_of(journal, key):
        whole = file.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
        table = csv.DictReader(line for line in whole if not line.startswith("#"))
        rows += [{name: float(value) for name, value in row.items()} for row in table]
    return rows


def expected(run: PlannedRun) -> list[tuple[int, float]]:
    """Return (leg, setpoint) of every row that a planned I(V) must have."""
    procedure = procedure_of(run, "night.toml")
    assert isinstance(procedure, IVSweep)
    return [(point.leg, point.setpoint) for point in procedure.sweep().points()]


def measured(rows: list[dict[str, float]]) -> list[tuple[int, float]]:
    """Return (leg, setpoint) of the rows that were measured."""
    return [(int(row["Leg"]), row["Setpoint (V)"]) for row in rows]
