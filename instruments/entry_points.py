"""Drivers and procedures by name, ours and other packages': found, loaded, and looked over.

Whatever is wrong with a package becomes one sentence that names it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from traceback import walk_tb
from typing import Any

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.errors import InstrumentFault, LaboratoryError, StationError
from nanojunction.instruments.plug_ins import DriverWithOptions
from nanojunction.instruments.roles import (
    FieldProbe,
    MagnetSupply,
    SourceMeter,
    SwitchMatrix,
    TemperatureController,
)
from nanojunction.instruments.station_file import InstrumentConfig

DRIVERS, PROCEDURES = "nanojunction.drivers", "nanojunction.procedures"
ROLES: dict[str, type] = {
    "source_meter": SourceMeter,
    "magnet": MagnetSupply,
    "temperature": TemperatureController,
    "switch": SwitchMatrix,
    "field_probe": FieldProbe,
}


class PlugInError(LaboratoryError):
    """A package offers something that cannot be used."""


def names(group: str) -> list[str]:
    """Return the names that the installed packages offer in a group, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def find(group: str, name: str) -> EntryPoint | None:
    """Return the entry point of a name, None if no package offers it.

    Raises PlugInError if several packages do.
    """
    points = {_package(point): point for point in entry_points(group=group) if point.name == name}
    if len(points) > 1:
        raise PlugInError(
            f"{name!r} is offered by several packages, {' and '.join(sorted(points))}; uninstall "
            "all but one, or give it another name in one of them"
        )
    return next(iter(points.values()), None)


def load(point: EntryPoint) -> Any:
    """Import what an entry point names; raises PlugInError with the package's name."""
    try:
        return point.load()
    except Exception as problem:  # an import runs anyone's code
        raise PlugInError(
            f"{words_of(point)} cannot be loaded ({in_one_line(problem)}); see to that package, "
            "or uninstall it"
        ) from problem


def words_of(point: EntryPoint) -> str:
    """Return what an entry point is called, and which package offers it."""
    return f"{point.name!r} of the package {_package(point)}"


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.module


def in_one_line(problem: BaseException) -> str:
    """Return an exception's kind and its words in one line."""
    words = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {words}" if words else type(problem).__name__


@contextmanager
def faults_of_plug_ins() -> Iterator[None]:
    """Turn an exception out of another package's driver or procedure into one sentence."""
    try:
        yield
    except LaboratoryError:
        raise
    except Exception as problem:
        if (place := _place_in_plug_in(problem)) is None:
            raise
        raise PlugInError(f"{place}: {in_one_line(problem)}") from problem


def _place_in_plug_in(problem: BaseException) -> str | None:
    """Return package, file and line where an exception came out of other packages' code."""
    packages = {
        point.module.partition(".")[0]: _package(point)
        for group in (DRIVERS, PROCEDURES)
        for point in entry_points(group=group)
    }
    packages.pop("nanojunction", None)
    place = None
    for frame, line in walk_tb(problem.__traceback__):
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if module in packages:
            file = frame.f_code.co_filename
            place = f"a fault in the package {packages[module]} ({file}, line {line})"
    return place


def driver(name: str, key: str) -> Callable[[InstrumentConfig, Clock], Any]:
    """Load the driver `name`; raises StationError naming `key`, the key of the station file."""
    try:
        point = find(DRIVERS, name)
        loaded = None if point is None else load(point)
    except PlugInError as problem:
        raise StationError(f"{key}: {problem}") from problem
    if point is None:
        raise StationError(f"{key}: no driver {name!r}; known are {', '.join(names(DRIVERS))}")
    if not callable(loaded):
        raise StationError(f"{key}: {words_of(point)} is no function that opens an instrument")
    opened: Callable[[InstrumentConfig, Clock], Any] = loaded
    return opened


def other_packages(instruments: Mapping[str, InstrumentConfig]) -> dict[str, str]:
    """Return name and version of the package of each role's driver, where it is not ours."""
    found = {role: _package_of(one.driver) for role, one in instruments.items()}
    return {role: package for role, package in found.items() if package}


@cache
def _package_of(driver_name: str) -> str:
    """Return the package of a driver, empty for ours; looking through all takes milliseconds."""
    point = find(DRIVERS, driver_name)
    return "" if point is None or point.module.startswith("nanojunction.") else _package(point)


def check_options(opened: object, config: InstrumentConfig, table: str) -> None:
    """Raise StationError for options that the driver does not take; `table` names theirs."""
    if isinstance(opened, DriverWithOptions):
        opened.options(config.options, table)
    elif config.options:
        raise StationError(f"{table}: the driver {config.driver!r} takes none; leave them out")


def open_instrument(
    role: str,
    opener: Callable[[InstrumentConfig, Clock], Any],
    config: InstrumentConfig,
    clock: Clock,
    close_later: Callable[[Any], object],
) -> Any:
    """Open an instrument and look whether it has what its role needs.

    What was opened is given to `close_later` before that. Raises InstrumentError or StationError,
    whatever the driver raises.
    """
    try:
        instrument = opener(config, clock)
        if hasattr(instrument, "close"):
            close_later(instrument)
        check_role(instrument, role, config.driver)
    except LaboratoryError:
        raise
    except Exception as problem:  # a driver may be anyone's: its faults get a sentence, too
        raise InstrumentFault(
            f"{role}: the driver {config.driver!r} failed to open it ({in_one_line(problem)})"
        ) from problem
    return instrument


def check_role(instrument: object, role: str, driver_name: str) -> None:
    """Raise StationError, naming the first method, unless an opened instrument has its role's."""
    protocol = ROLES[role]
    for name, wanted in vars(protocol).items():
        if name.startswith("_"):
            continue
        if (words := _lacks(instrument, name, wanted)) is not None:
            raise StationError(
                f"{role}: the driver {driver_name!r} opened a {type(instrument).__name__}, "
                f"{words}; see {protocol.__name__} in nanojunction.instruments.roles"
            )


def _lacks(instrument: object, name: str, wanted: Any) -> str | None:
    """Return what is wrong with one member of an instrument, None if nothing is."""
    found = getattr(instrument, name, None)
    if found is None:
        return f"which has no {name}"
    if getattr(type(instrument), name, None) is wanted:
        return f"which only inherits {name} from the role, where it does nothing"
    if isinstance(wanted, property):
        return f"whose {name} is a method, and must be a property" if callable(found) else None
    if not callable(found):
        return f"whose {name} is no method"
    signature = inspect.signature(wanted)
    _self, *parameters = signature.parameters.values()
    if _can_be_called(found, parameters):
        return None
    return f"whose {name} does not take {inspect.Signature(parameters)}"


def _can_be_called(method: Callable[..., Any], parameters: list[inspect.Parameter]) -> bool:
    """Tell whether a method can be called as the role says, with and without what is optional."""
    required = [one for one in parameters if one.default is one.empty]
    with suppress(ValueError):  # some of what is written in C does not say what it takes
        signature = inspect.signature(method)
        for some in (parameters, required):
            by_name = {one.name: None for one in some if one.kind is one.KEYWORD_ONLY}
            try:
                signature.bind(*[None for one in some if one.name not in by_name], **by_name)
            except TypeError:
                return False
    return True
