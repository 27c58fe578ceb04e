"""Every run of a plan, made and checked against a station's limits before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from nanojunction.instruments.drivers.source_meters import LONGEST_LIST
from nanojunction.instruments.errors import LaboratoryError
from nanojunction.instruments.limits import (
    LimitedMagnet,
    LimitedSourceMeter,
    LimitedTemperature,
    SourceLimits,
)
from nanojunction.instruments.roles import SwitchMatrix
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import StationConfig, SwitchConfig
from nanojunction.procedures.at_fixed import AtFixed
from nanojunction.procedures.base import JunctionProcedure
from nanojunction.procedures.recipes.plan import PlannedRun
from nanojunction.procedures.recipes.recipe_file import Recipe, RecipeError
from nanojunction.procedures.registry import load_procedure
from nanojunction.procedures.run_parameters import ProcedureError
from nanojunction.procedures.sample_file import Sample, own_limits
from nanojunction.procedures.temperature_series import TemperatureSeries

#: Looking through the installed packages takes milliseconds, and a plan may have thousands of runs.
_class_of = cache(load_procedure)


class _OnPaper:
    """Stands where an instrument would: a plan may ask it nothing but how long a list may be."""

    def __getattr__(self, name: str) -> Any:
        raise LaboratoryError(f"the station is on paper only: nothing can be asked ({name})")

    def longest_list(self) -> int:
        """Return what all instruments that run lists take."""
        return LONGEST_LIST


@dataclass(frozen=True, slots=True)
class _PositionsOnPaper:
    """Stands where a switch would: it knows which positions there are, and their wiring."""

    config: SwitchConfig

    @property
    def positions(self) -> tuple[str, ...]:
        """Return the station file's positions."""
        return tuple(self.config.positions)

    def can_reverse(self, position: str) -> bool:
        """Tell whether a position is wired for both polarities."""
        return bool(self.config.positions[position].reversed)


def on_paper(config: StationConfig, source: str) -> Station:
    """Return a station that knows its limits and opens nothing."""
    station, nothing = Station(config, source=source), _OnPaper()
    unopened: Any = nothing
    if (meter := config.source_meter) is not None:
        limits = SourceLimits(meter.max_voltage_V, meter.max_current_A)
        station.source_meter_or_none = LimitedSourceMeter(unopened, limits)
    if (magnet := config.magnet) is not None:
        station.magnet_or_none = LimitedMagnet(unopened, magnet.max_field_T, magnet.ramp_T_per_min)
    if (controller := config.temperature) is not None:
        station.temperature_or_none = LimitedTemperature(
            unopened, controller.min_K, controller.max_K, controller.ramp_K_per_min
        )
    if config.switch is not None:
        station.switch_or_none = cast("SwitchMatrix", _PositionsOnPaper(config.switch))
    return station


def procedure_of(run: PlannedRun, source: str) -> JunctionProcedure:
    """Return the procedure of a planned run with its settings; raises RecipeError."""
    procedure = _class_of(run.procedure)(sample=run.sample)
    for setting in run.settings:
        try:
            procedure.set(setting.key, setting.value)
        except ProcedureError as problem:
            words = str(problem).removeprefix(f"{setting.key}: ")
            raise RecipeError(f"{source}: {setting.place}: {words}") from problem
    return procedure


def checked(run: PlannedRun, station: Station, recipe: Recipe) -> JunctionProcedure:
    """Return the procedure of a planned run, checked against station and sample file.

    The station then holds the junction's own limits. Raises RecipeError.
    """
    procedure = procedure_of(run, recipe.source)
    check(run, procedure, station, recipe.samples, recipe.source)
    return procedure


def check(
    run: PlannedRun,
    procedure: JunctionProcedure,
    station: Station,
    samples: Sample | None,
    source: str,
) -> None:
    """Attach the procedure of a planned run to a station, and check it.

    `source` names the file in errors. Raises RecipeError.
    """
    try:
        own = own_limits(procedure, station.config, samples)
        station.source_meter.protect(own)
        procedure.attach(station)
        procedure.check_parameters()
        procedure.check()
        _check_end(procedure)
    except LaboratoryError as problem:
        raise RecipeError(f"{source}: {run.place} ({run.key}): {problem}") from problem


def _check_end(procedure: JunctionProcedure) -> None:
    if isinstance(procedure, AtFixed) and not procedure.duration:
        raise ProcedureError(
            "has no end of its own; give it a duration, with steady_for the longest: what is never "
            "steady would never end"
        )
    if procedure.is_open_ended():
        raise ProcedureError("has no end of its own; a recipe needs one")


def shorten_window(run: PlannedRun, procedure: JunctionProcedure, at_K: float | None) -> None:
    """Drop the stability window of a run where the run before has just been.

    The sample must still be within the tolerance; it need not prove again that it stays there.
    A window in the step's own `set` is kept.
    """
    own = any(setting.key == "window" and ".set." in setting.place for setting in run.settings)
    if at_K is not None and not own and procedure.target_K() == at_K:
        procedure.set("window", 0.0)


def temperature_after(procedure: JunctionProcedure, at_K: float | None) -> float | None:
    """Return the temperature at which a run leaves the sample; None if that is not known.

    Without its heater the sample has drifted, nobody knows how far.
    """
    if procedure.heater_off:
        return None
    if isinstance(procedure, TemperatureSeries):
        return procedure.targets()[-1]
    target_K = procedure.target_K()
    return at_K if target_K is None else target_K
