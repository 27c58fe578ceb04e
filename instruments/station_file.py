"""The station file: what a laboratory has, its limits and its policies, validated.

Every error names file, key and what is allowed. The keys are documented in docs/station-file.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from nanojunction.common.slips import Location, dotted, sentence_of
from nanojunction.common.toml_file import read_toml
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.reading_config import ReadingConfig
from nanojunction.instruments.roles import OutputOff
from nanojunction.instruments.station_checks import check_whole

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
#: TOML has lists where we have tuples; what is in them is still taken strictly.
Contacts = Annotated[tuple[int, ...], Field(strict=False)]
_SENSOR_NAME = re.compile(r"[\w-]+( [\w-]+)*")


def _day(given: object) -> object:
    """Return a date of TOML, or one in a text, as ISO 8601 writes it."""
    if isinstance(given, datetime | date):
        return given.isoformat()
    if isinstance(given, str):
        try:
            datetime.fromisoformat(given)
        except ValueError as problem:
            raise ValueError("must be a date such as 2026-03-01") from problem
    return given


class _Table(BaseModel):
    """A table of the file: frozen, and a key that it does not know is an error.

    So is a text for a number, and `true`, which would else be a limit of 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


#: Drivers of what the operator does by hand: they need no address.
BY_HAND = ("manual_switch",)
#: Drivers that bring needles to a die, where others close contacts.
PROBERS = ("sentio_prober",)


class InstrumentConfig(_Table):
    """Where an instrument is. The address may be left out in a virtual station only.

    `calibrated` is the date of its last calibration, which goes into archives of its runs.
    `timeout_s` is how long (wall clock) an answer may take beyond what is measured for it. From
    `baud_rate` on the keys are those of a serial line; left out, they are the driver's. `options`
    are keys that only the driver knows: it validates them (plug_ins.py).
    """

    driver: str
    address: str = ""
    visa_library: str = ""
    calibrated: Annotated[str | None, BeforeValidator(_day)] = None
    read_termination: str | None = None
    write_termination: str | None = None
    timeout_s: Annotated[float, Field(ge=0.05, le=60)] = 5.0
    baud_rate: Annotated[int, Field(ge=50, le=4_000_000)] | None = None
    data_bits: Literal[5, 6, 7, 8] | None = None
    parity: Literal["none", "odd", "even", "mark", "space"] | None = None
    stop_bits: float | None = None
    flow_control: Literal["none", "xon-xoff", "rts-cts", "dtr-dsr"] | None = None
    options: Mapping[str, Any] = {}

    @property
    def needs_address(self) -> bool:
        """Whether it is reached at an address."""
        return True

    @field_validator("stop_bits")
    @classmethod
    def _is_a_number_of_bits(cls, bits: float | None) -> float | None:
        if bits not in (None, 1, 1.5, 2):
            raise ValueError("must be 1, 1.5 or 2")
        return bits


class SourceMeterConfig(InstrumentConfig):
    """`[source_meter]`: limits in V and A, ramp in V/s (or A/s when a current is sourced).

    `channel` is that of an instrument with two.
    """

    channel: Literal["a", "b"] = "a"
    wires: Literal[2, 4] = 2
    output_off: OutputOff = "high-impedance"
    max_voltage_V: Positive
    max_current_A: Positive
    ramp_V_per_s: Positive = 0.1
    ramp_A_per_s: Positive = 1e-3


class MagnetConfig(InstrumentConfig):
    """`[magnet]`: largest field in T, largest rate in T/min, what happens at the end."""

    max_field_T: Positive
    ramp_T_per_min: Positive
    on_exit: Literal["hold", "zero"] = "hold"


class TemperatureConfig(InstrumentConfig):
    """`[temperature]`: named sensors, range in K, ramp in K/min, what happens at the end.

    `settling_s` is what the sample usually takes after a ramp to come within the tolerance and
    stay there, the stability window not counted; plans are timed with it. `noise_K` is the
    standard deviation of its sensor's readings; plans warn of tolerances in it. `output` and
    `heater_range` (what a heater that is off is switched on with) are a Lake Shore's, `loop` (the
    sensor whose loop has the heater) is a Mercury's.
    """

    sensors: Mapping[str, str] = {"sample": "B", "vti": "A"}
    min_K: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    max_K: Positive
    ramp_K_per_min: Positive = 5.0
    settling_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    noise_K: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    output: Literal[1, 2] = 1
    heater_range: Literal["low", "medium", "high"] | None = None
    loop: str = ""
    on_exit: Literal["hold", "off"] = "hold"

    @field_validator("sensors")
    @classmethod
    def _names_columns(cls, sensors: Mapping[str, str]) -> Mapping[str, str]:
        """Each name becomes that of a column, which must be readable in a CSV file."""
        if "sample" not in sensors:
            raise ValueError("must name the sensor `sample`")
        for name in sensors:
            if name == "setpoint":
                raise ValueError("'setpoint' is the column of what was asked for; choose another")
            if not _SENSOR_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name for a column; take letters, digits, - and _, with blanks "
                    "between them"
                )
        return sensors


class Wiring(_Table):
    """How one position is connected: by the contacts of a switch, or by a prober's needles.

    `normal` are the contacts, `reversed` those that connect it the other way round; `die` is the
    column and row on the prober's wafer map, and `subsite` its number on the die.
    """

    normal: Contacts = ()
    reversed: Contacts = ()
    die: Annotated[tuple[int, int], Field(strict=False)] | None = None
    subsite: Annotated[int, Field(ge=0)] = 0

    @property
    def place(self) -> tuple[int, int, int] | None:
        """Column, row and subsite for a prober; None for a switch."""
        return None if self.die is None else (*self.die, self.subsite)

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if self.die is None and not self.normal:
            raise ValueError("needs contacts (normal = [101, 117]), or with a prober a die")
        if self.die is not None and (self.normal or self.reversed):
            raise ValueError("has contacts and a die; a position is either wired or probed")
        if self.die is None and self.subsite:
            raise ValueError("has a subsite, but no die")
        return self


class SwitchConfig(InstrumentConfig):
    """`[switch]`: the wiring of the holder's positions, and the contacts that short the leads.

    A contact is named as the instrument does: 103 is channel 3 of the card in slot 1. A prober has
    dies instead of contacts, and no short.
    """

    positions: Annotated[Mapping[str, Wiring], Field(min_length=1)]
    short: Contacts = ()

    @property
    def contacts(self) -> frozenset[int]:
        """Every contact that is wired, to a position or to the short."""
        wired = (one.normal + one.reversed for one in self.positions.values())
        return frozenset(self.short).union(*wired)

    @property
    def is_by_hand(self) -> bool:
        """Tell whether somebody has to move its contacts."""
        return self.driver in BY_HAND

    @property
    def needs_address(self) -> bool:
        """A switch box that the operator turns by hand is connected to nothing."""
        return not self.is_by_hand

    @model_validator(mode="after")
    def _has_no_needless_address(self) -> Self:
        if self.address and not self.needs_address:
            raise ValueError(f"address: {self.driver} is turned by hand; leave the address out")
        return self

    @model_validator(mode="after")
    def _is_wired_or_probed(self) -> Self:
        probed = self.driver in PROBERS
        if probed and self.short:
            raise ValueError(f"short: {self.driver} has no contacts that short the leads")
        seen: dict[tuple[int, int, int], str] = {}
        for position, one in self.positions.items():
            if (one.place is not None) != probed:
                wants = "a die (die = [column, row])" if probed else "contacts (normal = [101])"
                raise ValueError(f"positions.{position}: with {self.driver} it needs {wants}")
            if (
                one.place is not None
                and (other := seen.setdefault(one.place, position)) != position
            ):
                raise ValueError(f"positions.{position}: is at the same place as {other}")
        return self

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        """What is connected is told from the closed contacts: no two ways may have the same."""
        seen: dict[frozenset[int], str] = {frozenset(self.short): "short"} if self.short else {}
        for position, wiring in self.positions.items():
            for key, contacts in (("normal", wiring.normal), ("reversed", wiring.reversed)):
                place = f"positions.{position}.{key}"
                if shared := sorted(set(contacts) & set(self.short)):
                    raise ValueError(f"{place}: contact {shared[0]} belongs to the short, too")
                if contacts and (other := seen.setdefault(frozenset(contacts), place)) != place:
                    raise ValueError(f"{place}: has the same contacts as {other}")
        return self


class FieldProbeConfig(InstrumentConfig):
    """`[field_probe]`: a gaussmeter at the junction."""


class VirtualConfig(_Table):
    """`[virtual]`: a simulated station; see docs/virtual-cryostat.md.

    `junction` is mounted where there is no switch; `junctions` are at its positions, and so are
    the devices of `chip`, a populations file drawn with `chip_seed`. `serve` is how the
    instruments are reached: on loopback sockets, or on pseudo-terminals as serial ports.
    """

    junction: str = "A"
    junctions: Mapping[str, str] = {}
    chip: str = ""
    chip_seed: Annotated[int, Field(ge=0)] = 1
    serve: Literal["socket", "serial"] = "socket"
    faults: Annotated[tuple[Mapping[str, Any], ...], Field(strict=False)] = ()
    speed: Annotated[float, Field(ge=1, le=10_000)] = 1.0
    bus_latency_s: Annotated[float, Field(ge=0, le=10)] = 0.005
    seed: Annotated[int, Field(ge=0)] = 1
    world: Mapping[str, bool | float] = {}


class StationConfig(_Table):
    """A whole station file."""

    name: str = "station"
    line_frequency_Hz: Literal[50, 60] = 50
    #: Whether a watchdog stands by; left out: where the instruments have addresses.
    watchdog: bool | None = None
    #: Silence (s, wall clock) after which the watchdog acts; an instrument's time-out is 5 s.
    watchdog_after_s: Annotated[float, Field(ge=6, le=3600)] = 60.0
    source_meter: SourceMeterConfig | None = None
    magnet: MagnetConfig | None = None
    temperature: TemperatureConfig | None = None
    switch: SwitchConfig | None = None
    field_probe: FieldProbeConfig | None = None
    readings: Annotated[tuple[ReadingConfig, ...], Field(strict=False)] = ()
    virtual: VirtualConfig | None = None
    lab: Mapping[str, Any] = {}

    def instruments(self) -> dict[str, InstrumentConfig]:
        """Return the configured instruments by role, in the order in which they are made safe."""
        found = {
            "source_meter": self.source_meter,
            "magnet": self.magnet,
            "temperature": self.temperature,
            "switch": self.switch,
            "field_probe": self.field_probe,
        }
        return {role: config for role, config in found.items() if config is not None}

    def addresses(self) -> tuple[str, ...]:
        """Return the addresses of all instruments; none in a virtual station without them."""
        return tuple(one.address for one in self.instruments().values() if one.address)


def load_station_file(path: Path) -> StationConfig:
    """Read and validate a station file; raises StationError with file, key and what is allowed."""
    return station_from(read_toml(path, StationError, "station file"), str(path))


def station_from(content: Mapping[str, Any], source: str) -> StationConfig:
    """Validate the content of a station file; `source` names it in errors."""
    flat = dict(content)
    station = flat.pop("station", {})
    if not isinstance(station, Mapping):
        raise StationError(f"{source}: station: must be a table, written [station]")
    if clash := sorted(set(station) & (set(flat) | set(_TABLES))):
        raise StationError(f"{source}: station.{clash[0]}: belongs into its own table")
    try:
        config = StationConfig.model_validate({**station, **flat})
    except ValidationError as problem:
        raise StationError(
            f"{source}: {sentence_of(problem, StationConfig, place_of=_place)}"
        ) from problem
    check_whole(config, source)
    return config


_TABLES = (
    *("source_meter", "magnet", "temperature", "switch", "field_probe"),
    *("readings", "virtual", "lab"),
)


def _place(location: Location) -> str:
    """Return a place as it is written in the file: keys without a table are those of [station]."""
    one = len(location) == 1 and str(location[0]) not in _TABLES
    return dotted(("station", *location) if one else location)
