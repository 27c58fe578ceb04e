"""What somebody wishes to measure, made and checked against the station before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import StationConfig
from nanojunction.procedures.acquisition.records import PAUSE, QueueError, Wish
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.recipes.checking import on_paper, procedure_of
from nanojunction.procedures.recipes.estimate import cost_of
from nanojunction.procedures.recipes.plan import PlannedRun, Setting
from nanojunction.procedures.recipes.timing import Pace, Place, pace_of, start_of
from nanojunction.procedures.sample_file import load_sample_file, own_limits

Planned = tuple[Wish, int | None, float]
"""A wish, the rows that it will have (None: not known before), and what it costs (s)."""


def planned(wishes: Sequence[Wish], config: StationConfig, source: str) -> list[Planned]:
    """Check wishes as they will be measured, one after the other; all of them or none.

    Raises QueueError that names the first that cannot be measured, and the key.
    """
    station, pace, place = on_paper(config, source), pace_of(config), start_of(config)
    found: list[Planned] = []
    for number, wish in enumerate(wishes, 1):
        try:
            rows, cost_s, place = _planned(wish, station, pace, place)
        except LaboratoryError as problem:
            which = f"{number} of {len(wishes)}: " if len(wishes) > 1 else ""
            raise QueueError(f"{which}{problem}") from problem
        found.append((wish, rows, cost_s))
    return found


def _planned(
    wish: Wish, station: Station, pace: Pace, place: Place
) -> tuple[int | None, float, Place]:
    if wish.procedure == PAUSE:
        return 0, 0.0, place
    procedure = fit(wish, station)
    rows = procedure.planned_rows()
    if procedure.is_open_ended():
        return rows, 0.0, place
    cost, place = cost_of(procedure, place, pace)
    return rows, cost.total_s, place


def fit(wish: Wish, station: Station) -> JunctionProcedure:
    """Return the procedure of a wish, checked against a station, on paper or open.

    The station then holds the junction's own limits. Raises LaboratoryError.
    """
    procedure = procedure_of(run_of(wish, wish.procedure), "queue")
    sample = load_sample_file(Path(wish.sample_file)) if wish.sample_file else None
    own = own_limits(procedure, station.config, sample)
    procedure.station_file = station.source
    station.source_meter.protect(own)
    procedure.attach(station)
    procedure.check_parameters()
    procedure.check()
    return procedure


def run_of(wish: Wish, key: str) -> PlannedRun:
    """Return a wish as one run of a plan."""
    settings = tuple(Setting(name, value, name) for name, value in wish.settings.items())
    return PlannedRun(key, "queue", wish.sample, (), (), (), "queue", wish.procedure, settings)
