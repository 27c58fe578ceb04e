"""The chip that `nanojunction simulate --switch` puts behind its virtual switch."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from nanojunction.instruments.errors import StationError
from nanojunction.instruments.station_file import SwitchConfig, Wiring
from nanojunction.models.population import BatchFileError, Device, load_batch

#: What is mounted where nothing else is asked for, each at the position of its name.
JUNCTIONS = "A,B,C,MTJ,B-degraded,resistor-1k,resistor-10k"
#: What is mounted beside a whole chip: known resistors, to measure the line with.
RESISTORS = {"R100": "resistor-100", "R1k": "resistor-1k", "R10k": "resistor-10k"}
#: Columns of the matrix card in slot 1 (7709); the eighth is the short.
COLUMNS = 8
#: Two-pole channels of the five multiplexer cards (7702); the last one is the short.
CHANNELS_OF_CARD, CARDS = 40, 5
#: A wafer under a prober.
MOST_DIES = 100_000


def chip_of(junctions: str) -> dict[str, str]:
    """Return position and junction of a list such as `A,B,chip/C2.toml`.

    A position is called after its junction. Raises StationError for two of one name.
    """
    names = [name.strip() for name in junctions.split(",") if name.strip()]
    found = {Path(name).stem if name.endswith(".toml") else name: name for name in names}
    if len(found) < len(names):
        raise StationError(f"--junction: {junctions!r} names two junctions of one name")
    return found


def simulated_chip(chip: str, seed: int, junctions: str) -> dict[str, str | Device]:
    """Return what is mounted at each position: a chip's devices, and known resistors or a list.

    Raises StationError for a chip that cannot be used, and for two positions of one name.
    """
    try:
        devices = load_batch(chip, seed)
    except BatchFileError as problem:
        raise StationError(f"--chip: {problem}".rstrip(".")) from problem
    found: dict[str, str | Device] = {device.name: device for device in devices}
    for position, one in (chip_of(junctions) if junctions else RESISTORS).items():
        if position in found:
            raise StationError(f"--junction: {chip} has a device of the name {position!r}, too")
        found[position] = one
    return found


def wiring_of(chip: Collection[str], driver: str) -> SwitchConfig:
    """Return the wiring of positions, or of a chip by position, behind the switch of a driver.

    Raises StationError for a switch that is not simulated, and unless there is a junction, and no
    more than the switch has room for.
    """
    if driver not in _WIRED:
        raise StationError(f"no virtual switch {driver!r}: choose one of {', '.join(_WIRED)}")
    room, wire = _WIRED[driver]
    if not 1 <= len(chip) <= room:
        raise StationError(
            f"behind a {driver} there is room for 1 to {room} junctions, not {len(chip)}"
        )
    return wire(chip, driver)


def prober_wiring(chip: Collection[str], driver: str) -> SwitchConfig:
    """Return the dies of a wafer for a prober: those of the devices' places.

    What is no device, a known resistor for example, is on dies of a row below the wafer, as on a
    calibration substrate. Raises StationError for devices without places.
    """
    known = chip.items() if isinstance(chip, Mapping) else ()
    places = {name: one.place for name, one in known if isinstance(one, Device)}
    if nowhere := [name for name, place in places.items() if place is None]:
        raise StationError(
            f"{nowhere[0]} has no place on a wafer; add a [wafer] to the populations file"
        )
    dies = {name: (one.column, one.row) for name, one in places.items() if one is not None}
    below = 1 + max((row for _, row in dies.values()), default=0)
    others = [name for name in chip if name not in dies]
    dies |= {name: (column, below) for column, name in enumerate(others, 1)}
    wired = {name: Wiring(die=dies[name]) for name in chip}
    return SwitchConfig(driver=driver, positions=wired)


def multiplexer_wiring(positions: Collection[str], driver: str) -> SwitchConfig:
    """Return the wiring of up to 199 junctions on the five 7702 of a Keithley 2750.

    A junction's two wires are on one channel, 101 to 140, 201 to 240, … in the order of the
    positions. The inputs of the five cards are in parallel at the source-meter, which so has two
    wires; no junction can be reversed. The last channel, 540, carries a plug that joins the leads.
    """
    channels = [100 * slot + n for slot in range(1, CARDS + 1)
                for n in range(1, CHANNELS_OF_CARD + 1)]  # fmt: skip
    wired = {
        position: Wiring(normal=(channel,))
        for position, channel in zip(positions, channels[:-1], strict=False)
    }
    return SwitchConfig(driver=driver, positions=wired, short=(channels[-1],))


def matrix_wiring(positions: Collection[str], driver: str) -> SwitchConfig:
    """Return the wiring of up to seven junctions on the 6 × 8 matrix of a 7709 in slot 1.

    Columns 1 to 7 are the junctions, with two wires for the current and two to sense. Row 1 is the
    source-meter's output, row 2 the same the other way round, rows 3 and 4 likewise its sense.
    Column 8 joins the leads.
    """

    def contacts(column: int, *rows: int) -> tuple[int, ...]:
        return tuple(100 + 8 * (row - 1) + column for row in rows)

    wired = {
        position: Wiring(normal=contacts(column, 1, 3), reversed=contacts(column, 2, 4))
        for column, position in enumerate(positions, 1)
    }
    return SwitchConfig(driver=driver, positions=wired, short=contacts(COLUMNS, 1, 3))


#: Room and wiring of the switches that are simulated.
_WIRED: Mapping[str, tuple[int, Callable[[Collection[str], str], SwitchConfig]]] = {
    "keithley2700": (COLUMNS - 1, matrix_wiring),
    "keithley2750": (CHANNELS_OF_CARD * CARDS - 1, multiplexer_wiring),
    "sentio_prober": (MOST_DIES, prober_wiring),
}


def wiring_text(config: SwitchConfig) -> str:
    """Return the keys of `[switch]` that say how it is wired, as in a station file."""
    lines = [f"short = {list(config.short)}"] if config.short else []
    for position, one in config.positions.items():
        lines.append(f"[switch.positions.{json.dumps(position, ensure_ascii=False)}]")
        table = one.model_dump(mode="json", exclude_defaults=True)
        lines += [f"{key} = {value}" for key, value in table.items()]
    return "\n".join(lines)
