"""The chip that `nanojunction simulate --switch` puts behind its virtual switch."""

from __future__ import annotations

import json
from collections.abc import Collection
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


def room_behind(switch: str) -> int:
    """Return how many junctions a switch can connect beside the short."""
    return COLUMNS - 1 if switch == "keithley2700" else CHANNELS_OF_CARD * CARDS - 1


def wiring_of(positions: Collection[str], driver: str) -> SwitchConfig:
    """Return the wiring of a chip behind the virtual switch of a driver.

    Raises StationError unless there is a junction, and no more than the switch has room for.
    """
    room = room_behind(driver)
    if not 1 <= len(positions) <= room:
        raise StationError(
            f"behind a {driver} there is room for 1 to {room} junctions, not {len(positions)}"
        )
    wire = matrix_wiring if driver == "keithley2700" else multiplexer_wiring
    return wire(positions, driver)


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


def wiring_text(config: SwitchConfig) -> str:
    """Return the keys of `[switch]` that say how it is wired, as in a station file."""
    lines = [f"short = {list(config.short)}"]
    for position, one in config.positions.items():
        lines += [
            f"[switch.positions.{json.dumps(position, ensure_ascii=False)}]",
            f"normal = {list(one.normal)}",
            *([f"reversed = {list(one.reversed)}"] if one.reversed else []),
        ]
    return "\n".join(lines)
