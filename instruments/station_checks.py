"""What concerns more than one key of a station file, or more than one table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nanojunction.instruments.errors import StationError
from nanojunction.instruments.serial_line import SERIAL_KEYS, is_serial

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import StationConfig


def check_whole(config: StationConfig, source: str) -> None:
    """Raise StationError with the first thing that is wrong; `source` names the file."""
    checks = (_instruments, _addresses, _serial_lines, _readings, _temperature, _watchdog)
    for check in checks:
        for problem in check(config):
            raise StationError(f"{source}: {problem}")
    if config.virtual is not None and config.virtual.faults:
        from nanojunction.instruments.virtual.faults import read_faults

        read_faults(config.virtual.faults, source)


def _instruments(config: StationConfig) -> Iterator[str]:
    if not config.instruments():
        yield "names no instrument; add [source_meter], for example"


def _addresses(config: StationConfig) -> Iterator[str]:
    """All instruments have an address, or in a virtual station none."""
    reached = {role: one for role, one in config.instruments().items() if one.needs_address}
    bare = [role for role, one in reached.items() if not one.address]
    if config.virtual is None and bare:
        yield (
            f"{bare[0]}.address: is missing; only a station with a [virtual] table may leave "
            'addresses out (example: address = "GPIB0::24::INSTR")'
        )
    if bare and len(bare) != len(reached):
        yield (f"{bare[0]}.address: is missing while others are given; give all addresses or none")
    if config.watchdog and bare:
        yield (
            "station.watchdog: there is nothing to watch over in a virtual station without "
            "addresses, whose instruments end with the program; leave it out"
        )


def _serial_lines(config: StationConfig) -> Iterator[str]:
    for role, one in config.instruments().items():
        given = [key for key in SERIAL_KEYS if getattr(one, key) is not None]
        if given and one.address and not is_serial(one.address):
            yield (
                f"{role}.{given[0]}: belongs to a serial line (ASRL…), and the address is "
                f"{one.address!r}"
            )


def _readings(config: StationConfig) -> Iterator[str]:
    for n, reading in enumerate(config.readings):
        if reading.of not in config.instruments():
            yield f"readings.{n}.of: the station has no [{reading.of}]"
        if reading.name in (one.name for one in config.readings[:n]):
            yield f"readings.{n}.name: {reading.name!r} is there twice"


def _temperature(config: StationConfig) -> Iterator[str]:
    temperature = config.temperature
    if temperature is not None and temperature.min_K >= temperature.max_K:
        yield "temperature.min_K: must lie below max_K"


def _watchdog(config: StationConfig) -> Iterator[str]:
    """One answer that does not come must not look like a measurement that hangs."""
    slowest = max((one.timeout_s for one in config.instruments().values()), default=0.0)
    if config.watchdog_after_s <= slowest:
        yield (
            f"station.watchdog_after_s: {config.watchdog_after_s:g} s is no longer than the "
            f"longest timeout_s, {slowest:g} s; a missing answer would count as a measurement "
            "that hangs"
        )
