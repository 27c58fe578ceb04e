"""Where the time of a rehearsed night went, from what was measured, against what was planned."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nanojunction.instruments.station_file import load_station_file
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.estimate import Cost, timed
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.plan import plan_of
from nanojunction.procedures.recipes.recipe_file import load_recipe
from nanojunction.procedures.recipes.resume import checked_runs, remaining
from nanojunction.procedures.recipes.timing import pace_of, start_of

START, END, PAUSES = "start of the program", "safe end", "pauses (operator)"
RAMPS, SETTLING, WINDOWS = "temperature ramps", "settling", "stability windows"
FIELD, SWITCH, RESTS = "field ramps", "switch heater", "rests of the junction"
INTEGRATION, PACE = "settling time and integration of the points", "waiting for the next point"
BUS_METER, BUS_MAGNET = "bus: source-meter, at the points", "bus: magnet, during I(H)"
ENVIRONMENT, SETTINGS = "bus: field and temperatures of the rows", "bus: settings, status, safe"
SOURCE, ANALYSIS, FILES = "source ramps", "analysis between the runs", "run files and journal"
COMPUTING = "computing (Python)"
#: Every moment of the night is in one of these.
ACCOUNTS = (
    START, RAMPS, SETTLING, WINDOWS, FIELD, SWITCH, RESTS, SOURCE, INTEGRATION, PACE, BUS_METER,
    BUS_MAGNET, ENVIRONMENT, SETTINGS, FILES, ANALYSIS, COMPUTING, PAUSES, END,
)  # fmt: skip
#: Parts of a plan, and the accounts that they are of.
PARTS = {
    "ramping_s": (RAMPS,), "settling_s": (SETTLING,), "window_s": (WINDOWS,),
    "field_s": (FIELD, SWITCH), "resting_s": (RESTS,),
    "measuring_s": (SOURCE, INTEGRATION, PACE, BUS_METER, BUS_MAGNET, ENVIRONMENT),
    "other_s": (SETTINGS, FILES, ANALYSIS, COMPUTING),
}  # fmt: skip
_PHASES = {
    "opening the station": START, "temperature ramps": RAMPS, "field ramps": FIELD,
    "switch heater": SWITCH, "rests": RESTS, "source ramps": SOURCE, "pauses": PAUSES,
    "safe end": END,
    "field and temperature of the rows": ENVIRONMENT, "analysis between the runs": ANALYSIS,
}  # fmt: skip
Spent = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RunTimes:
    """One run: what was planned, and what its time (s) went into."""

    key: str
    rows: int
    planned: Cost
    spent: Spent
    journal_s: float

    @property
    def took_s(self) -> float:
        """All of it, with the analysis that follows."""
        return sum(self.spent.values())


@dataclass(frozen=True, slots=True)
class Night:
    """The whole night: its runs, what belongs to none of them, and the wall clock's time (s)."""

    runs: tuple[RunTimes, ...]
    around: Spent
    wall_s: float
    cpu_s: float
    ports: Mapping[str, Mapping[str, float]]
    #: When somebody looked at the live page, and the time left that it told then (s).
    looks: tuple[tuple[float, float], ...]

    def spent(self, account: str) -> float:
        """Return what an account has of the whole night (s)."""
        return sum(one.spent.get(account, 0.0) for one in self.runs) + self.around.get(account, 0.0)

    @property
    def planned_s(self) -> float:
        """What the dry run had said."""
        return sum(one.planned.total_s for one in self.runs)

    @property
    def took_s(self) -> float:
        """The wall clock's time without the pauses, which no plan knows."""
        return self.wall_s - self.spent(PAUSES)


def procedures_of(recipe: Path, station_file: Path) -> dict[str, JunctionProcedure]:
    """Return the procedures of a recipe's runs by key, in order, on paper."""
    plan = plan_of(load_recipe(recipe))
    paper = on_paper(load_station_file(station_file), str(station_file))
    return {one.run.key: one.procedure for one in remaining(plan, checked_runs(plan, paper), None)}


def write_plan(recipe: Path, folder: Path) -> None:
    """Write what the dry run says, before the night begins."""
    config = load_station_file(folder / "station.toml")
    procedures = procedures_of(recipe, folder / "station.toml")
    costs, _ = timed([*procedures.values()], start_of(config), pace_of(config))
    planned = {key: asdict(cost) for key, cost in zip(procedures, costs, strict=True)}
    (folder / "planned.json").write_text(json.dumps(planned, indent=2), encoding="utf-8")


def night_of(recipe: Path, folder: Path) -> Night:
    """Put together what a rehearsal has left in `folder`."""
    seen = json.loads((folder / "times.json").read_text(encoding="utf-8"))
    ports = json.loads((folder / "ports.json").read_text(encoding="utf-8"))
    planned = json.loads((folder / "planned.json").read_text(encoding="utf-8"))
    by_run: dict[str, list[Any]] = defaultdict(list)
    for run, *what in seen["times"]:
        by_run[run].append(what)
    around: dict[str, float] = defaultdict(float)
    runs = []
    with Journal(folder / "runs" / NAME, read_only=True) as journal:
        records = {one.key: one for one in journal.runs()}
    for key, procedure in procedures_of(recipe, folder / "station.toml").items():
        record = records[key]
        spent = accounts_of(by_run.pop(key), procedure, record.rows)
        for account in (PAUSES, END, START):
            around[account] += spent.pop(account, 0.0)
        runs.append(RunTimes(key, record.rows, Cost(**planned[key]), spent, record.took_s or 0.0))
    for one in by_run.values():
        for account, seconds in accounts_of(one, None, 0).items():
            around[account] += seconds
    wall_s = seen["exited_s"] - seen["began_s"]
    around[END] += seen["exited_s"] - seen["ended_s"]
    return Night(tuple(runs), around, wall_s, seen["cpu_s"], ports, _looks(folder / "live.csv"))


def _looks(file: Path) -> tuple[tuple[float, float], ...]:
    if not file.exists():
        return ()
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple((float(at_s), float(left_s)) for at_s, _, left_s in (x.split(",") for x in lines))


def accounts_of(
    times: Sequence[tuple[str, str, float]], procedure: JunctionProcedure | None, rows: int
) -> dict[str, float]:
    """Return seconds by account of (phase, kind, seconds); of no run without a procedure."""
    spent: dict[str, float] = defaultdict(float)
    for phase, kind, seconds in times:
        spent[_account(phase, kind, procedure is not None)] += seconds
    if procedure is not None:
        window = min(float(procedure.window), spent[SETTLING]) if procedure.target_K() else 0.0
        spent[SETTLING] -= window
        spent[WINDOWS] += window
        asked = rows * procedure.seconds_per_point()
        spent[INTEGRATION] += asked
        spent[BUS_METER] -= asked
    return dict(spent)


def _account(phase: str, kind: str, in_a_run: bool) -> str:
    if kind == "files":
        return FILES
    if phase in _PHASES:
        return _PHASES[phase]
    if phase == "settling and windows":
        return SETTLING
    if kind == "computing":
        return COMPUTING if in_a_run else START
    if phase == "points":
        return {"waiting": PACE, "magnet": BUS_MAGNET, "temperature": ENVIRONMENT}.get(
            kind, BUS_METER
        )
    return SETTINGS
