"""The virtual cryostat that a station file describes, with its chip of junctions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from nanojunction.instruments.errors import StationError
from nanojunction.instruments.station_file import StationConfig, SwitchConfig, VirtualConfig
from nanojunction.instruments.virtual.bench import MODELS, VirtualCryostat
from nanojunction.instruments.virtual.faults import read_faults
from nanojunction.instruments.virtual.world import WorldSettings
from nanojunction.models.population import BatchFileError, Device, load_batch


def cryostat_of(config: StationConfig, virtual: VirtualConfig, source: str) -> VirtualCryostat:
    """Return the cryostat of a station file, not yet served; `source` names the file in errors.

    Raises StationError.
    """
    reached = {role: one for role, one in config.instruments().items() if one.needs_address}
    models: dict[str, Any] = {
        role: reached[role].driver if role in reached else None for role in MODELS
    }
    world: dict[str, Any] = dict(virtual.world)
    known = {field.name for field in fields(WorldSettings)}
    if unknown := sorted(set(world) - known):
        raise StationError(
            f"{source}: virtual.world.{unknown[0]}: is not a constant of the world; "
            f"known are {', '.join(sorted(known))}"
        )
    devices = chip_of(config.switch, virtual, source)
    try:
        return VirtualCryostat(
            virtual.junction,
            **models,
            junctions={**devices, **virtual.junctions},
            wiring=config.switch,
            serve=virtual.serve,
            speed=virtual.speed,
            patient=virtual.speed > 1.0,
            bus_latency_s=virtual.bus_latency_s,
            seed=virtual.seed,
            settings=WorldSettings(**world),
            faults=read_faults(virtual.faults, source),
        )
    except (TypeError, ValueError) as problem:
        place = "virtual." if str(problem).startswith("faults[") else "virtual: "
        raise StationError(f"{source}: {place}{problem}") from problem


def chip_of(
    switch: SwitchConfig | None, virtual: VirtualConfig, source: str
) -> Mapping[str, Device]:
    """Return the devices of `chip` at the positions of their names; none without a chip.

    A populations file stands beside the station file, if its name is relative. Devices without a
    position are not connected to anything. Raises StationError for a file that cannot be used,
    without a switch, for a position that is no device's nor one of `junctions`, and for a device
    that `junctions` names, too.
    """
    if not virtual.chip:
        return {}
    if switch is None:
        raise StationError(
            f"{source}: virtual.chip: its junctions are behind a switch; add a [switch] whose "
            "positions have the names of the devices"
        )
    beside = Path(source).parent / virtual.chip
    try:
        devices = load_batch(beside if beside.is_file() else virtual.chip, virtual.chip_seed)
    except BatchFileError as problem:
        raise StationError(f"{source}: virtual.chip: {problem}".rstrip(".")) from problem
    by_name = {device.name: device for device in devices}
    if twice := sorted(by_name.keys() & virtual.junctions):
        raise StationError(
            f"{source}: virtual.junctions.{twice[0]}: {virtual.chip} has a device of that name; "
            "choose another position"
        )
    wired = by_name.keys() & switch.positions
    if missing := sorted(switch.positions.keys() - wired - virtual.junctions.keys()):
        raise StationError(
            f"{source}: switch.positions.{missing[0]}: {virtual.chip} has no such device (it has "
            f"{devices[0].name} to {devices[-1].name}); list what is there in virtual.junctions"
        )
    return {name: by_name[name] for name in switch.positions if name in wired}
