"""What earlier parts of a run have already measured, for a run that goes on after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Partial:
    """The run files of the earlier parts, in order, their complete rows, and the last of them.

    `last` is a row by its columns (SI units), empty if no row was written.
    """

    files: tuple[Path, ...]
    rows: int
    last: Mapping[str, float]

    @property
    def part(self) -> int:
        """The number of the part that goes on: 2 after one file."""
        return len(self.files) + 1

    @property
    def next_name(self) -> str:
        """The stem of the next part's run file: that of the first, with `_part2` and so on."""
        return f"{self.files[0].stem}_part{self.part}"
