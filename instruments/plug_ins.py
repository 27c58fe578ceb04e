"""What a laboratory's own driver takes from here, beside the roles and the connection.

A driver is a function `open_x(config, clock)` that the entry points of `nanojunction.drivers` name:
it gets its table of the station file and the station's clock, and returns an object with the
role's methods. docs/plug-ins.md shows a whole one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from nanojunction.common.slips import sentence_of
from nanojunction.instruments.clock import Clock
from nanojunction.instruments.errors import InstrumentFault, StationError
from nanojunction.instruments.roles import Function, Reading, SourceSettings, TimedReading
from nanojunction.instruments.station_file import InstrumentConfig

Config = TypeVar("Config", bound=InstrumentConfig)
Role = TypeVar("Role")


class Options(BaseModel):
    """A driver's own table `[ROLE.options]`: subclasses list its keys, their types and defaults.

    A key that they do not list is an error; a field without a default is required.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


Own = TypeVar("Own", bound=Options)


@dataclass(frozen=True, slots=True)
class DriverWithOptions(Generic[Config, Own, Role]):
    """A driver that has options of its own; it is called like any other."""

    model: type[Own]
    open_it: Callable[[Config, Clock, Own], Role]

    def __call__(self, config: Config, clock: Clock) -> Role:
        """Open the instrument; raises StationError for options that are not as they should be."""
        return self.open_it(config, clock, self.options(config.options, "options"))

    def options(self, given: Mapping[str, Any], place: str) -> Own:
        """Return the validated options; `place` names their table in errors."""
        try:
            return self.model.model_validate(dict(given))
        except ValidationError as problem:
            raise StationError(sentence_of(problem, self.model, place)) from problem


def takes_options(
    model: type[Own],
) -> Callable[[Callable[[Config, Clock, Own], Role]], DriverWithOptions[Config, Own, Role]]:
    """Give a driver its table `[ROLE.options]`, validated by `model`, as third argument.

    The station validates the table before it opens the first instrument.
    """

    def with_options(
        open_it: Callable[[Config, Clock, Own], Role],
    ) -> DriverWithOptions[Config, Own, Role]:
        return DriverWithOptions(model, open_it)

    return with_options


class PointByPoint(ABC):
    """What is the same in all source-meters that source a voltage and run no lists.

    It makes a `SourceMeter` of a class that has the role's other methods. `clock` is the station's.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        #: Those of the last `configure`.
        self.settings = SourceSettings()

    @abstractmethod
    def identify(self) -> str:
        """See `SourceMeter`."""

    @abstractmethod
    def output_off(self) -> None:
        """See `SourceMeter`."""

    @abstractmethod
    def set_level(self, level: float) -> None:
        """See `SourceMeter`."""

    @abstractmethod
    def read(self) -> Reading:
        """See `SourceMeter`."""

    def configure(self, settings: SourceSettings) -> None:
        """Open the output, set the level to zero, and keep the settings.

        Raises InstrumentFault if a current is to be sourced.
        """
        if settings.source != "voltage":
            raise InstrumentFault(f"{self.identify()}: sources a voltage, and no current")
        self.output_off()
        self.set_level(0.0)
        self.settings = settings

    def source(self) -> Function:
        """Return what is sourced, always a voltage."""
        return "voltage"

    def set_and_read(self, level: float) -> Reading:
        """Set the level (V), wait for it to settle, and measure."""
        self.set_level(level)
        self.clock.sleep(self.settings.settle_s)
        return self.read()

    def longest_list(self) -> int:
        """Return 0: no list is run."""
        return 0

    def run_list(self, levels: Sequence[float]) -> tuple[TimedReading, ...]:
        """Raise InstrumentFault."""
        raise InstrumentFault(f"{self.identify()}: runs no list of {len(levels)} levels")

    def errors(self) -> tuple[str, ...]:
        """Return nothing: there is no error queue."""
        return ()
