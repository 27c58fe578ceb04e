"""The chip as a map of signs, a verdict at each junction's place.

>>> from nanojunction.analysis.screening.chip_file import chip_from
>>> text = '''max_voltage_V = 0.2
... max_current_A = 1e-3
... [[arrays]]
... names = "J{n}"
... rows = 2
... columns = 3'''
>>> chip = chip_from(text, "chip.toml")
>>> print("|".join(chip_map(chip, {"J1": "open", "J2": "candidate", "J6": "short"})))
○ ★ .|. . ■
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nanojunction.analysis.screening.chip import Chip, Junction
from nanojunction.analysis.screening.verdicts import Verdict

#: A sign for each verdict, and one that every console can show.
SIGNS: Mapping[Verdict, tuple[str, str]] = {
    "open": ("○", "o"),
    "short": ("■", "#"),
    "ohmic": ("–", "-"),
    "candidate": ("★", "*"),
    "unstable": ("~", "~"),
    "broken": ("✕", "x"),
    "undecided": ("?", "?"),
}
YET = "."
#: Chips without places are drawn in rows of so many.
IN_A_ROW = 40

Mark = float | int | str | None


def chip_map(chip: Chip, verdicts: Mapping[str, Verdict], *, ascii_only: bool = False) -> list[str]:
    """Return the lines of the map: a sign where a verdict stands, a point where not yet."""
    places = places_of(chip.junctions)
    columns = 1 + max((column for column, _ in places.values()), default=0)
    rows = 1 + max((row for _, row in places.values()), default=0)
    grid = [[" "] * columns for _ in range(rows)]
    for name, (column, row) in places.items():
        verdict = verdicts.get(name)
        grid[row][column] = YET if verdict is None else SIGNS[verdict][ascii_only]
    return [" ".join(line).rstrip() for line in grid]


def legend(*, ascii_only: bool = False) -> str:
    """Return what the signs mean."""
    return "  ".join(f"{signs[ascii_only]} {verdict}" for verdict, signs in SIGNS.items())


def places_of(junctions: Sequence[Junction]) -> dict[str, tuple[int, int]]:
    """Return column and row of each junction on the map, from 0, y upwards.

    From their places in metres, else from their columns and rows, else in the file's order.
    """
    if all(one.x_m is not None and one.y_m is not None for one in junctions):
        columns = _ranks([one.x_m for one in junctions])
        rows = _ranks([one.y_m for one in junctions])
        return {one.name: (columns[one.x_m], len(rows) - 1 - rows[one.y_m]) for one in junctions}
    if all(one.column is not None and one.row is not None for one in junctions):
        columns = _ranks([one.column for one in junctions])
        rows = _ranks([one.row for one in junctions])
        return {one.name: (columns[one.column], rows[one.row]) for one in junctions}
    return {one.name: (k % IN_A_ROW, k // IN_A_ROW) for k, one in enumerate(junctions)}


def _ranks(values: Sequence[Mark]) -> dict[Mark, int]:
    """Return the place of each value among the different ones; numbers before texts."""
    numbers = sorted({one for one in values if isinstance(one, int | float)})
    texts = sorted({one for one in values if isinstance(one, str)})
    return {value: rank for rank, value in enumerate([*numbers, *texts])}
