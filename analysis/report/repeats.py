"""The report's table of repeats: one row for each setting that was measured more than once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.notation import measured, numbered, symbol_of
from nanojunction.analysis.report.tables import DASH, Cell, Remarks, conditions_text
from nanojunction.analysis.report.words import html
from nanojunction.analysis.values import Quantity


@dataclass(frozen=True, slots=True)
class RepeatRow:
    """What the repeats of one setting gave, the mean with its standard error."""

    conditions: str
    runs: list[tuple[int, int]]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class RepeatTable:
    """The repeats of a device, the remarks of the cells, and what changed between repeats."""

    heads: tuple[Markup, ...]
    rows: tuple[RepeatRow, ...]
    remarks: tuple[str, ...]
    warnings: tuple[str, ...]


def repeat_table(groups: Sequence[Group], numbers: Mapping[str, int]) -> RepeatTable | None:
    """Return the table of the groups of repeats, None without any; `numbers` are those of runs."""
    repeats = [group for group in groups if group.kind == "repeat"]
    if not repeats:
        return None
    keys = list(dict.fromkeys(key for group in repeats for key in group.quantities))
    remarks = Remarks()
    rows = tuple(
        RepeatRow(
            conditions=conditions_text(group.conditions) or DASH,
            runs=numbered(numbers[name] for name in group.runs if name in numbers),
            cells=tuple(_cell(group.quantities.get(key), key, remarks) for key in keys),
        )
        for group in repeats
    )
    warnings = tuple(
        f"{row.conditions}: {warning}"
        for row, group in zip(rows, repeats, strict=True)
        for warning in group.warnings
    )
    heads = tuple(html(symbol_of(key)) for key in keys)
    return RepeatTable(heads, rows, tuple(remarks.texts), warnings)


def _cell(item: object, key: str, remarks: Remarks) -> Cell:
    quantity = item if isinstance(item, Quantity) else Quantity(None, note="not determined")
    notes = (remarks.number(quantity.note),) if quantity.note else ()
    return Cell(measured(quantity, symbol_of(key).unit) or DASH, (), notes)
