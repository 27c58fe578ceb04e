"""`nanojunction virtual-chip`: a chip of known truth, ready to be screened on a virtual station."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from nanojunction.cli.console import say
from nanojunction.cli.simulated_switch import RESISTORS, wiring_of
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.serial_line import SERIAL_KEYS
from nanojunction.models.population import (
    Batch,
    BatchFileError,
    Device,
    built_in_batches,
    load_population,
)

#: What the resistors beside a chip have (ohm).
NOMINAL_OHM = {"R100": 100.0, "R1k": 1e3, "R10k": 1e4}
ROOM_K = 295.0


def write_virtual_chip(
    population: str, seed: int, out: Path, *, switch: str, speed: float, served: Path | None = None
) -> int:
    """Draw a chip; write chip.toml, station.toml and truth.csv into `out`.

    A populations file of the user's is copied beside the station file, which names it. Raises
    StationError for a population that cannot be used, or has more devices than the switch.
    """
    try:
        batch = load_population(population, seed)
    except BatchFileError as problem:
        raise StationError(str(problem).rstrip(".")) from problem
    named = population.casefold() in (name.casefold() for name in built_in_batches())
    chip = population if named else "population.toml"
    station = station_content(batch, switch, speed)
    station["virtual"] |= (
        {"chip": chip, "chip_seed": seed, "junctions": dict(RESISTORS)} if served is None else {}
    )
    if served is not None:
        at_addresses(station, served)
    out.mkdir(parents=True, exist_ok=True)
    if not named and served is None:
        source = Path(population).read_text(encoding="utf-8-sig")
        (out / chip).write_text(source, encoding="utf-8")
    written = {"chip.toml": chip_content(batch, seed), "station.toml": station}
    for name, content in written.items():
        (out / name).write_text(tomli_w.dumps(content), encoding="utf-8")
    write_truth(batch, out / "truth.csv")
    say(
        f"{len(batch.devices)} devices of {population}, seed {seed}: {out / 'chip.toml'}, "
        f"{out / 'station.toml'}; what they are is in {out / 'truth.csv'}"
    )
    return 0


def chip_content(batch: Batch, seed: int) -> dict[str, Any]:
    """Return the content of the chip file: what may be known before anything is measured."""
    limits = batch.limits
    content: dict[str, Any] = {
        "name": f"{batch.label}, seed {seed}",
        "max_voltage_V": limits.max_voltage_V,
        "max_current_A": limits.max_current_A,
    }
    if limits.max_dwell_in_compliance_s is not None:
        content["max_dwell_in_compliance_s"] = limits.max_dwell_in_compliance_s
    if batch.wafer is not None and batch.wafer.diameter_um is not None:
        content["diameter_um"] = batch.wafer.diameter_um
    content["calibrations"] = [
        {"name": name, "position": name, "nominal_ohm": NOMINAL_OHM[name]} for name in RESISTORS
    ]
    content["junctions"] = [junction_of(device) for device in batch.devices]
    if batch.temperature_K is not None:
        content["protocol"] = {"temperature": f"{batch.temperature_K:g} K"}
    return content


def junction_of(device: Device) -> dict[str, Any]:
    """Return a device's entry of the chip file: its name and where it is."""
    content: dict[str, Any] = {"name": device.name, "position": device.name}
    if (place := device.place) is not None:
        content |= {
            "x_mm": place.x_mm, "y_mm": place.y_mm, "column": place.column, "row": place.row,
        }  # fmt: skip
        if place.split is not None:
            content["split"] = place.split
    return content


def station_content(batch: Batch, switch: str, speed: float) -> dict[str, Any]:
    """Return the content of a virtual station's file with the chip behind a switch."""
    chip = {**{device.name: device for device in batch.devices}, **RESISTORS}
    wiring = wiring_of(chip, switch)
    return {
        "station": {"name": f"Virtual station of {batch.label}"},
        "source_meter": {
            "driver": "keithley2400",
            "wires": 2,
            "max_voltage_V": max(0.5, batch.limits.max_voltage_V),
            "max_current_A": max(1.05e-3, batch.limits.max_current_A),
            "ramp_V_per_s": 0.5,
        },
        "magnet": {"driver": "ips120_10", "max_field_T": 1.0, "ramp_T_per_min": 0.5},
        "temperature": {"driver": "itc503", "min_K": 4, "max_K": 380, "ramp_K_per_min": 20},
        "switch": wiring.model_dump(exclude_defaults=True),
        "virtual": {"speed": speed},
    }


def at_addresses(station: dict[str, Any], ready_file: Path) -> None:
    """Give the instruments of a station the addresses that `simulate --ready-file` has written.

    What is not served there is left out. Raises StationError for a file that is no such one.
    """
    try:
        endpoints: Mapping[str, Mapping[str, Any]] = json.loads(
            ready_file.read_text(encoding="utf-8")
        )
        for role in ("source_meter", "magnet", "temperature", "switch"):
            if role not in endpoints:
                del station[role]
                continue
            one = endpoints[role]
            station[role] |= {"driver": one["driver"], "address": one["address"]}
            station[role] |= {key: one[key] for key in SERIAL_KEYS if key in one}
            station[role]["visa_library"] = "@py"
            if "sensors" in one:
                station[role] |= tomllib.loads(f"sensors = {one['sensors']}")
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise StationError(
            f"{ready_file}: is no file that `nanojunction simulate --ready-file` has written "
            f"({problem})"
        ) from problem


# The truth


def write_truth(batch: Batch, path: Path) -> None:
    """Write what each device is: for benchmarks, and for nobody who measures."""
    temperature_K = batch.temperature_K or ROOM_K
    rows = [dict(truth_of(device, temperature_K)) for device in batch.devices]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def truth_of(device: Device, temperature_K: float) -> Iterator[tuple[str, object]]:
    """Yield the columns of a device: name, truth, law at a temperature, and behaviour.

    I at 0 V and the chord resistance over ±1 mV are the law's, at rest; behaviour comes on top.
    """
    law, place, behaviour = device.law, device.place, device.behaviour
    memory = law.at_rest()
    low, zero, high = (law.current_A(v, temperature_K, memory) for v in (-1e-3, 0.0, 1e-3))
    yield "name", device.name
    yield "truth", device.truth
    yield "split", "" if place is None or place.split is None else place.split
    yield "column", "" if place is None else place.column
    yield "row", "" if place is None else place.row
    yield "law", type(law).__name__
    yield "temperature_K", temperature_K
    yield "current_at_0_A", zero
    yield "chord_ohm", 2e-3 / (high - low) if high != low else ""
    yield "thermovoltage_V", behaviour.thermovoltage_V
    for name, keys in _TOLD.items():
        part = getattr(behaviour, name)
        for key in keys:
            yield f"{name}_{key}", "" if part is None else getattr(part, key)


_TOLD: Mapping[str, tuple[str, ...]] = {
    "contact": ("open_first", "fails", "drop_outs_per_h", "drop_out_s"),
    "breakdown": ("above_V",),
    "telegraph": ("amplitude", "down_s", "up_s"),
    "drift": ("conductance_per_h", "offset_per_h", "saturates_h"),
}
