"""Readings that must lie between bounds before a ramp begins: a helium level, or any other number.

The station file lists them (`[[readings]]`, docs/station-file.md); the question goes to the
instrument of a role, in its own language.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from nanojunction.instruments.errors import InstrumentFault, LaboratoryError, StationError

if TYPE_CHECKING:
    from nanojunction.instruments.reading_config import ReadingConfig
    from nanojunction.instruments.station import Station


class _Answers(Protocol):
    """PyMeasure's instruments answer questions in their own language."""

    def ask(self, command: str) -> str:
        """Send a question and return the answer."""


@runtime_checkable
class OnPyMeasure(Protocol):
    """A driver that stands on one of PyMeasure's."""

    @property
    def instrument(self) -> _Answers:
        """PyMeasure's driver."""


def value_of(reading: ReadingConfig, answer: str) -> float:
    """Read the number out of an answer; raises InstrumentFault if there is none."""
    found = re.search(reading.pattern, answer.strip())
    try:
        value = math.nan if found is None else float(found[1])
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise InstrumentFault(
            f"the reading {reading.name!r}: {reading.of} answers {answer.strip()!r} to "
            f"{reading.query!r}, which gives no number; check readings.query and readings.pattern "
            "in the station file"
        )
    return value


def read(station: Station, reading: ReadingConfig) -> float:
    """Ask the instrument; raises StationError if its driver takes no questions."""
    driver = station.driver_of(reading.of)
    if not isinstance(driver, OnPyMeasure):
        raise StationError(
            f"{station.source}: readings: the driver of [{reading.of}] takes no questions, which "
            f"{reading.name!r} needs"
        )
    try:
        answer = driver.instrument.ask(reading.query)
    except LaboratoryError:
        raise
    except Exception as problem:  # PyMeasure's drivers raise what they like on a strange answer
        raise InstrumentFault(
            f"the reading {reading.name!r}: {reading.of} does not answer {reading.query!r} "
            f"({' '.join(str(problem).split())})"
        ) from problem
    return value_of(reading, answer)


def read_all(station: Station) -> Mapping[str, Any]:
    """Return every reading of the station by name, with its unit, for a run's metadata."""
    return {
        one.name: {"value": read(station, one), "unit": one.unit} for one in station.config.readings
    }


def check_before(station: Station, what: Literal["field", "temperature"]) -> None:
    """Take the readings that are asked for before a ramp of field or temperature begins.

    Raises LaboratoryError for the first one outside its bounds.
    """
    for one in station.config.readings:
        if what not in one.before:
            continue
        value = read(station, one)
        low, high = one.minimum, one.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            bound = f"at least {low:g}" if low is not None and value < low else f"at most {high:g}"
            raise LaboratoryError(
                f"{one.name} is {value:g} {one.unit}, and before a change of the {what} the "
                f"station asks for {bound} {one.unit}; see to it, or change [[readings]] in "
                f"{station.source}"
            )
