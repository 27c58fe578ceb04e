"""A station: the instruments of one cryostat, opened, verified, limited, and always left safe."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.entry_points import (
    check_options,
    driver,
    in_one_line,
    open_instrument,
    other_packages,
)
from nanojunction.instruments.errors import (
    ConnectionFailed,
    LaboratoryError,
    NoAnswer,
    StationError,
)
from nanojunction.instruments.limits import (
    LimitedMagnet,
    LimitedSourceMeter,
    LimitedTemperature,
    SourceLimits,
)
from nanojunction.instruments.operator import ByHand, Operator, TerminalOperator
from nanojunction.instruments.ownership.owner import Owner
from nanojunction.instruments.roles import FieldProbe, SwitchMatrix
from nanojunction.instruments.safe_state import NotDone, not_safe, rest_to_safe, source_to_safe
from nanojunction.instruments.station_file import InstrumentConfig, StationConfig, load_station_file

log = logging.getLogger(__name__)
T = TypeVar("T")

__all__ = ["NotClosed", "Station", "Unsafe", "driver"]


class Unsafe(Exception):
    """What could not be made safe; the words are for a person who must now walk to the cryostat."""

    def __init__(self, failed: list[str]) -> None:
        super().__init__(not_safe(failed))
        self.failed = tuple(failed)


class NotClosed(Unsafe):
    """Which instruments could not be closed, though everything else that was to be done is done."""

    def __init__(self, failed: list[str]) -> None:
        Exception.__init__(self, "; ".join(failed))
        self.failed = tuple(failed)


class Station:
    """Opens a station's instruments on entering, leaves the safe state on leaving, however it ends.

    Raises StationError, ConnectionFailed or WrongInstrument on entering; Unsafe on leaving if
    something could not be brought to the safe state, NotClosed if that is all that failed.
    """

    def __init__(self, config: StationConfig, *, source: str = "station") -> None:
        self.config = config
        self.source = source
        virtual = config.virtual
        self.clock = Clock(virtual.speed if virtual is not None else 1.0)
        self.bench: Any = None
        self.source_meter_or_none: LimitedSourceMeter | None = None
        self.magnet_or_none: LimitedMagnet | None = None
        self.temperature_or_none: LimitedTemperature | None = None
        self.switch_or_none: SwitchMatrix | None = None
        self.field_probe_or_none: FieldProbe | None = None
        self._magnet_in_use = False
        #: For a look at the station that must change nothing, not even to make it safe.
        self.leave_as_found = False
        #: What answers is opened, and the rest is in `not_opened`: in an emergency, or to look.
        self.open_what_answers = False
        self.not_opened: list[NotDone] = []
        #: For the watchdog, which has taken the instruments from their owner itself.
        self.is_taken = False
        #: Whether a watchdog stands by; None: as the station file says.
        self.watchdog: bool | None = None
        #: What others may know of and ask from the process that has this station.
        self.owner = Owner(config, source)
        self.clock.on_sleep = self.owner.beat
        #: Who does by hand what no instrument can.
        self.operator: Operator = TerminalOperator(self)
        #: Ends a wait for the operator; who has something switched sets it to the run's stop.
        self.stop_asking: Callable[[], bool] = lambda: False
        #: Ends the waits on leaving; the command line sets it to notice a second Ctrl-C.
        self.stop_waiting: Callable[[], bool] = lambda: False
        self._open = ExitStack()
        self._drivers: dict[str, Any] = {}
        self._openers: dict[str, Callable[[InstrumentConfig, Clock], Any]] = {}
        self._not_closed: list[str] = []

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read and validate a station file; raises StationError."""
        return cls(load_station_file(path), source=str(path))

    def __enter__(self) -> Self:
        self._load_drivers()
        self._take()
        try:
            self._enter_virtual()
            for role in self._openers:
                self._try_instrument(role, self.config.instruments()[role])
                self.owner.beat()
        except BaseException as problem:
            failed = [] if self.leave_as_found else source_to_safe(self)
            self._open.close()
            if failed:
                raise Unsafe([str(problem), *failed]) from problem
            raise
        return self

    def _take(self) -> None:
        """Become the owner of the instruments, before the first of them is opened."""
        if self.is_taken:
            return
        if self.watchdog and not self.config.addresses():
            raise StationError(
                f"{self.source}: --watchdog: there is nothing to watch over in a virtual station "
                "without addresses, whose instruments end with the program; leave it out"
            )
        in_person = self.leave_as_found or self.open_what_answers
        wanted = self.config.watchdog if self.watchdog is None else self.watchdog
        self.owner.take(watched=wanted is not False and not in_person, speed=self.clock.speed)
        self._open.callback(self.owner.leave)

    def _load_drivers(self) -> None:
        """Load every driver and validate its options, before the first instrument is opened."""
        for role, config in self.config.instruments().items():
            try:
                opener = driver(config.driver, f"{self.source}: {role}.driver")
                check_options(opener, config, f"{self.source}: {role}.options")
            except StationError as problem:
                if not self.open_what_answers or self.leave_as_found:
                    raise
                self.not_opened.append(NotDone.at(role, str(problem), is_silent=False))
            else:
                self._openers[role] = opener

    def _try_instrument(self, role: str, config: InstrumentConfig) -> None:
        try:
            self._enter_instrument(role, config)
        except Exception as problem:  # in an emergency nothing may keep the others from being safe
            if not self.open_what_answers:
                raise
            words = str(problem)
            if not isinstance(problem, LaboratoryError):
                words = f"{role}: {type(problem).__name__}: {problem}"
            silent = isinstance(problem, ConnectionFailed | NoAnswer)
            self.not_opened.append(NotDone.at(role, words, is_silent=silent))

    def _enter_virtual(self) -> None:
        """Start the virtual cryostat, unless its instruments are served elsewhere."""
        virtual, instruments = self.config.virtual, self.config.instruments()
        reached = {role: one for role, one in instruments.items() if one.needs_address}
        if virtual is None or all(config.address for config in reached.values()):
            return
        from nanojunction.instruments.virtual.from_station import cryostat_of

        bench = cryostat_of(self.config, virtual, self.source)
        self.bench = self._open.enter_context(bench)
        self.clock = bench.clock

    def _enter_instrument(self, role: str, config: InstrumentConfig) -> None:
        if self.bench is not None and config.needs_address:
            config = self.bench.served(role, config)
        instrument = open_instrument(
            role, self._openers[role], config, self.clock,
            lambda opened: self._open.callback(self._close, role, opened),
        )  # fmt: skip
        self._drivers[role] = instrument
        if role == "source_meter" and (source := self.config.source_meter) is not None:
            limits = SourceLimits(source.max_voltage_V, source.max_current_A)
            self.source_meter_or_none = LimitedSourceMeter(instrument, limits)
        elif role == "magnet" and (magnet := self.config.magnet) is not None:
            self.magnet_or_none = LimitedMagnet(
                instrument, magnet.max_field_T, magnet.ramp_T_per_min
            )
        elif role == "temperature" and (temperature := self.config.temperature) is not None:
            self.temperature_or_none = LimitedTemperature(
                instrument, temperature.min_K, temperature.max_K, temperature.ramp_K_per_min
            )
        elif role == "switch":
            if isinstance(instrument, ByHand):
                turn = _nothing if self.bench is None else self.bench.turn_switch
                instrument.attend(self._ask_operator, turn)
            self.switch_or_none = instrument
        elif role == "field_probe":
            self.field_probe_or_none = instrument

    def _close(self, role: str, instrument: Any) -> None:
        try:
            instrument.close()
        except Exception as problem:  # the others must be closed, and the station given back
            self._not_closed.append(f"{role} could not be closed: {in_one_line(problem)}")

    def _ask_operator(self, text: str) -> None:
        self.operator.ask(text, self.stop_asking)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        failed: list[str] = []
        try:
            if not self.leave_as_found:
                failed = source_to_safe(self)
                self.owner.source_made_safe(failed)
                failed += rest_to_safe(self, self.stop_waiting)
        finally:
            self._open.close()
        if failed:
            raise Unsafe([*failed, *self._not_closed]) from problem
        if self._not_closed and problem is None and not self.open_what_answers:
            raise NotClosed(self._not_closed)
        for words in self._not_closed:
            self.owner.tell(f"warning: {words}")

    @property
    def magnet_in_use(self) -> bool:
        """Whether a run took control of the magnet; else it is left alone, whatever the policy."""
        return self._magnet_in_use

    @magnet_in_use.setter
    def magnet_in_use(self, in_use: bool) -> None:
        self._magnet_in_use = in_use
        self.owner.use_magnet(in_use)

    @property
    def source_meter(self) -> LimitedSourceMeter:
        """The source-meter; raises StationError if the station has none."""
        return self._need(self.source_meter_or_none, "source_meter")

    @property
    def magnet(self) -> LimitedMagnet:
        """The magnet supply; raises StationError if the station has none."""
        return self._need(self.magnet_or_none, "magnet")

    @property
    def temperature(self) -> LimitedTemperature:
        """The temperature controller; raises StationError if the station has none."""
        return self._need(self.temperature_or_none, "temperature")

    @property
    def switch(self) -> SwitchMatrix:
        """The switch matrix; raises StationError if the station has none."""
        return self._need(self.switch_or_none, "switch")

    def driver_of(self, role: str) -> Any:
        """Return the driver of a role without limits: for questions in its own language only.

        Raises StationError if the instrument is not open.
        """
        return self._need(self._drivers.get(role), role)

    def reconnect(self, role: str) -> None:
        """Open the lost connection of a role again, if its driver knows how.

        Raises ConnectionFailed, NoAnswer or WrongInstrument if the instrument is not there.
        """
        from nanojunction.instruments.visa import Reconnectable

        lost = self._drivers.get(role)
        if isinstance(lost, Reconnectable):
            lost.reconnect()

    def _need(self, role: T | None, name: str) -> T:
        if role is None:
            raise StationError(f"{self.source}: the station has no [{name}], which this needs")
        return role

    def snapshot(self) -> Mapping[str, Any]:
        """Return what belongs into a run's metadata: names, limits, policies, settings, lab."""
        from nanojunction.instruments.preconditions import read_all

        instruments = {
            role: dict(instrument.snapshot()) for role, instrument in self.instruments().items()
        }
        return {
            "name": self.config.name,
            "simulated": self.config.virtual is not None,
            "config": self._config_of_run(instruments.get("switch", {}).get("position")),
            "packages": other_packages(self.config.instruments()),
            "instruments": instruments,
            "readings": read_all(self),
        }

    def _config_of_run(self, position: str | None) -> dict[str, Any]:
        """Return the station file's content, of a switch's positions only the connected one.

        A wafer has thousands, and each of its runs would carry them.
        """
        config = self.config.model_dump(exclude_defaults=True, exclude={"switch": {"positions"}})
        if (switch := self.config.switch) is not None:
            wired = {} if position is None else {position: switch.positions[position]}
            config["switch"] |= {
                "positions": {name: one.model_dump(exclude_defaults=True)
                              for name, one in wired.items()},
                "positions_in_the_file": len(switch.positions),
            }  # fmt: skip
        return config

    def instruments(self) -> dict[str, Any]:
        """Return the open instruments by role."""
        found = {
            "source_meter": self.source_meter_or_none,
            "magnet": self.magnet_or_none,
            "temperature": self.temperature_or_none,
            "switch": self.switch_or_none,
            "field_probe": self.field_probe_or_none,
        }
        return {role: one for role, one in found.items() if one is not None}


def _nothing(closed: frozenset[int]) -> None:
    """A real switch box moves no virtual contacts."""
