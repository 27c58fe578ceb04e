"""The chip that `nanojunction simulate --switch` puts behind its virtual switch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from nanojunction.instruments.errors import StationError
from nanojunction.instruments.station_file import SwitchConfig, Wiring

#: What is mounted where nothing else is asked for, each at the position of its name.
JUNCTIONS = "A,B,C,MTJ,B-degraded,resistor-1k,resistor-10k"
#: Columns of the matrix card in slot 1 (7709); the eighth is the short.
COLUMNS = 8


def chip_of(junctions: str) -> dict[str, str]:
    """Return position and junction of a list such as `A,B,chip/C2.toml`.

    A position is called after its junction. Raises StationError for more than the card has columns,
    and for two of one name.
    """
    names = [name.strip() for name in junctions.split(",") if name.strip()]
    found = {Path(name).stem if name.endswith(".toml") else name: name for name in names}
    if len(found) < len(names):
        raise StationError(f"--junction: {junctions!r} names two junctions of one name")
    if not 1 <= len(found) < COLUMNS:
        raise StationError(
            f"--junction: behind the switch there is room for 1 to {COLUMNS - 1} junctions, "
            f"not {len(found)}"
        )
    return found


def wiring_of(chip: Mapping[str, str], driver: str) -> SwitchConfig:
    """Return the wiring of a chip on the 6 × 8 matrix of a 7709 in slot 1.

    Columns 1 to 7 are the junctions, with two wires for the current and two to sense. Row 1 is the
    source-meter's output, row 2 the same the other way round, rows 3 and 4 likewise its sense.
    Column 8 joins the leads.
    """

    def contacts(column: int, *rows: int) -> tuple[int, ...]:
        return tuple(100 + 8 * (row - 1) + column for row in rows)

    positions = {
        position: Wiring(normal=contacts(column, 1, 3), reversed=contacts(column, 2, 4))
        for column, position in enumerate(chip, 1)
    }
    return SwitchConfig(driver=driver, positions=positions, short=contacts(COLUMNS, 1, 3))


def wiring_text(config: SwitchConfig) -> str:
    """Return the keys of `[switch]` that say how it is wired, as in a station file."""
    lines = [f"short = {list(config.short)}"]
    for position, one in config.positions.items():
        lines += [
            f"[switch.positions.{json.dumps(position, ensure_ascii=False)}]",
            f"normal = {list(one.normal)}",
            f"reversed = {list(one.reversed)}",
        ]
    return "\n".join(lines)
