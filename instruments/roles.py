"""The roles that procedures name: small protocols in SI units, one sentence a method.

A driver (instruments/drivers/) adapts a PyMeasure driver to one of them; a procedure never knows
which instrument stands behind a role. Methods raise `InstrumentError` when the instrument does not
do what was asked; roles that come from a `Station` raise `LimitError` before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol, runtime_checkable

Function = Literal["voltage", "current"]
OutputOff = Literal["high-impedance", "normal", "zero"]
Snapshot = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How a source-meter sources and measures.

    `compliance` limits the other quantity: A when a voltage is sourced, V when a current is.
    A range of None is chosen by the instrument (autorange). `nplc` is the integration time in
    cycles of the mains, `settle_s` the wait between setting a level and measuring, and
    `filter_count` the number of readings averaged into one (1: filter off).
    `guard` is what the guard terminal follows: the output, or the node between two resistors.
    """

    source: Function = "voltage"
    compliance: float = 1e-3
    source_range: float | None = None
    measure_range: float | None = None
    nplc: float = 1.0
    autozero: bool = True
    filter_count: int = 1
    wires: Literal[2, 4] = 2
    output_off: OutputOff = "high-impedance"
    settle_s: float = 0.0
    guard: Literal["cable", "ohms"] = "cable"


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a source-meter: sensed voltage (V), current (A), and compliance.

    `measure_range` is the range that the measured quantity was read on (A when a voltage is
    sourced, V when a current is), where the instrument chooses it and tells.
    """

    voltage_V: float
    current_A: float
    in_compliance: bool
    measure_range: float | None = None


@dataclass(frozen=True, slots=True)
class TimedReading(Reading):
    """A reading of a list that the instrument ran by itself, `at_s` after the list's first one."""

    at_s: float = 0.0


class SourceMeter(Protocol):
    """Sources a voltage or a current into the junction and measures both."""

    def identify(self) -> str:
        """Return what the instrument says it is."""

    def configure(self, settings: SourceSettings) -> None:
        """Open the output, set the level to zero and apply the settings."""

    def output_on(self) -> None:
        """Close the output relay: the junction sees the level from now on."""

    def output_off(self) -> None:
        """Open the output and verify that it is open."""

    def is_output_on(self) -> bool:
        """Ask the instrument whether its output is on."""

    def source(self) -> Function:
        """Ask the instrument what it sources."""

    def level(self) -> float:
        """Ask the instrument for its level, in V or A."""

    def set_level(self, level: float) -> None:
        """Set the level, in V or A."""

    def read(self) -> Reading:
        """Measure at the present level."""

    def set_and_read(self, level: float) -> Reading:
        """Set the level (V or A), wait for it to settle, and measure, in one exchange."""

    def longest_list(self) -> int:
        """Return how many levels `run_list` takes at once; 0 if it takes none."""

    def run_list(self, levels: Sequence[float]) -> tuple[TimedReading, ...]:
        """Have the instrument set each level (V or A) by itself, with a reading of each.

        The level stays at the last one. The settings are those of `configure`.
        """

    def errors(self) -> tuple[str, ...]:
        """Read and empty the instrument's error queue."""

    def snapshot(self) -> Snapshot:
        """Return the settings as the instrument reports them."""

    def close(self) -> None:
        """Close the connection; changes nothing on the instrument."""


class MagnetState(StrEnum):
    """What a magnet supply is doing."""

    HOLDING = "holding"
    RAMPING = "ramping"
    QUENCHED = "quenched"
    CLAMPED = "clamped"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class MagnetStatus:
    """The state of a supply, its switch heater (None: no switch fitted), and a word on a fault."""

    state: MagnetState
    heater_on: bool | None
    detail: str = ""


class MagnetSupply(Protocol):
    """Drives a superconducting magnet."""

    def identify(self) -> str:
        """Return what the instrument says it is."""

    def prepare(self, should_stop: Callable[[], bool]) -> bool:
        """Take remote control and make the magnet ready to ramp; False when told to stop.

        The magnet's field does not change meanwhile, also when it is persistent.
        """

    def go_persistent(self, should_stop: Callable[[], bool]) -> bool:
        """Close the switch at the present field, ramp the leads to zero; False when told to stop.

        The magnet's field does not change meanwhile. `prepare` brings the leads back to it. Raises
        InstrumentFault if no switch is fitted.
        """

    def field_T(self) -> float:
        """Return the field of the magnet, also when it is persistent."""

    def lead_field_T(self) -> float:
        """Return the field that the current in the leads stands for."""

    def ramp_to(self, field_T: float, rate_T_per_min: float) -> None:
        """Start a ramp and return at once."""

    def hold(self) -> None:
        """Stop ramping and hold the present field."""

    def status(self) -> MagnetStatus:
        """Ask the supply what it is doing."""

    def snapshot(self) -> Snapshot:
        """Return the settings as the instrument reports them."""

    def close(self) -> None:
        """Close the connection; changes nothing on the instrument."""


class TemperatureController(Protocol):
    """Controls the temperature of a cryostat."""

    @property
    def sensors(self) -> Mapping[str, str]:
        """The instrument's channel of each named sensor; `sample` is the junction's."""

    def curve(self, sensor: str = "sample") -> str:
        """Return the name of a sensor's calibration curve, empty if the instrument has none."""

    def identify(self) -> str:
        """Return what the instrument says it is."""

    def prepare(self) -> None:
        """Take remote control and put the heater under automatic control."""

    def temperature_K(self, sensor: str = "sample") -> float:
        """Return the temperature of a named sensor."""

    def setpoint_K(self) -> float:
        """Return the setpoint that the instrument works on now."""

    def set_setpoint_K(self, setpoint_K: float) -> None:
        """Set the setpoint at once."""

    def heater_percent(self) -> float:
        """Return the heater's output in percent."""

    def heater_off(self) -> None:
        """Switch the heater off and leave it off."""

    def snapshot(self) -> Snapshot:
        """Return the settings as the instrument reports them."""

    def close(self) -> None:
        """Close the connection; changes nothing on the instrument."""


@runtime_checkable
class FieldProbe(Protocol):
    """Measures the field at the junction."""

    def identify(self) -> str:
        """Return what the instrument says it is."""

    def field_T(self) -> float:
        """Return the measured field."""

    def snapshot(self) -> Snapshot:
        """Return the settings as the instrument reports them."""

    def close(self) -> None:
        """Close the connection; changes nothing on the instrument."""


@dataclass(frozen=True, slots=True)
class Connected:
    """What the source-meter is connected to: a position of the holder, and which way round."""

    position: str
    is_reversed: bool = False


class SwitchMatrix(Protocol):
    """Connects the source-meter to one of many junctions; each is at a named position.

    The station file lists the positions. Whoever switches sees to the source before: at 0 V, and
    the junctions shorted while contacts move.
    """

    @property
    def positions(self) -> Sequence[str]:
        """The positions that can be connected, in the station file's order."""

    def can_reverse(self, position: str) -> bool:
        """Tell whether a position is wired for the reversed polarity, too."""

    def identify(self) -> str:
        """Return what the instrument says it is."""

    def connect(self, position: str, *, reverse: bool = False) -> None:
        """Open what is connected and connect one position; the short stays as it is.

        Raises InstrumentFault if the instrument then reports other contacts, and if the position
        is not wired for the polarity.
        """

    def connected(self) -> Connected | None:
        """Ask what is connected; None if nothing is. Raises InstrumentFault for more than one."""

    def short_all(self) -> None:
        """Close the contacts that short the source-meter's leads, and verify it."""

    def remove_short(self) -> None:
        """Open the contacts of the short, and verify it."""

    def is_shorted(self) -> bool:
        """Ask whether the short is closed; False if the station has none."""

    def open_all(self) -> None:
        """Open every contact, the short's too, and verify it."""

    def snapshot(self) -> Snapshot:
        """Return the settings as the instrument reports them."""

    def close(self) -> None:
        """Close the connection; changes nothing on the instrument."""
