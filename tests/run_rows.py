"""What stands in a run file: its rows by column, and its header."""

from __future__ import annotations

import csv
from pathlib import Path


def rows_of(file: Path) -> list[dict[str, float]]:
    """Return the complete rows of a run file."""
    lines = file.read_text(encoding="utf-8").splitlines()
    table = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [{name: float(value) for name, value in row.items()} for row in table]


def header_of(file: Path, key: str) -> str:
    """Return what the header says under `key`."""
    start = f"#\t{key}: "
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix(start) for line in lines if line.startswith(start))
