"""Units that stand in columns of their own, or in a line far above the names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from nanojunction.analysis.reading.columns import identify, unit_in
from nanojunction.analysis.reading.units import SI, unit
from nanojunction.analysis.values import Array

_UNITS_OF = re.compile(r"(|.*?[\s_])units?(?:\.\d+)?", re.IGNORECASE)


def with_unit_columns(names: list[str], rows: Sequence[Sequence[str]], values: Array) -> None:
    """Take the units in columns named `Unit` for those of the columns to the left of them.

    `names` and `values` (rows, columns) are changed in place: the unit goes into the name, and
    where it differs from row to row the numbers become SI. Raises ValueError where a row has no
    known unit, or one of another quantity.
    """
    for index, name in enumerate(names):
        found = _UNITS_OF.fullmatch(name[:200])
        if found is None or not np.isnan(values[:, index]).all():
            continue
        of = _column_of(found[1].strip(" _"), names[:index])
        words = [fields[index].strip() for fields in rows]
        if of is None or not any(words) or np.isnan(values[:, of]).all():
            continue
        known = [unit(word) for word in words]
        if not any(known) and not _is_electrical(names[of]):
            continue
        names[of] = _in_unit(names[of], name, words, values[:, of])


def _column_of(called: str, before: Sequence[str]) -> int | None:
    """Return which column units belong to: the one to their left, or the one they name."""
    if not before:
        return None
    if before[-1].lower().startswith(called.lower()):
        return len(before) - 1
    same = [index for index, name in enumerate(before) if name.lower() == called.lower()]
    return same[0] if len(same) == 1 else None


def _is_electrical(name: str) -> bool:
    try:
        column = identify(name)
    except ValueError:
        return True
    return column is not None and column.quantity in ("voltage", "current")


def _in_unit(name: str, column: str, words: Sequence[str], values: Array) -> str:
    """Return a column's name with its unit, its numbers made SI where units differ."""
    known = [unit(word) for word in words]
    for word, one in zip(words, known, strict=True):
        if one is None:
            raise ValueError(
                f"column '{column}' gives '{name}' in '{word}', which is no known unit"
            )
    if len(set(words)) == 1:
        return name if unit_in(name) == known[0] else f"{name} ({words[0]})"
    quantities = {one[0] for one in known if one is not None}
    if len(quantities) > 1 or unit_in(name) is not None:
        several = " and ".join(sorted(set(words))[:3])
        raise ValueError(f"column '{column}' gives '{name}' in {several}: these are two columns")
    values *= [one[1] for one in known if one is not None]
    values += [one[2] for one in known if one is not None]
    return f"{name} ({SI[quantities.pop()]})"


def with_labels(names: Sequence[str], above: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the names with the units of a line `Y_Unit_Label` (LabVIEW) above, where they fit."""
    labels = [fields[1:] for fields in above if fields and fields[0] == "Y_Unit_Label"]
    if not labels:
        return tuple(names)
    out = list(names)
    for index, label in enumerate(labels[-1][: len(names) - 1], start=1):
        if unit(label) is None or unit_in(names[index]) is not None:
            continue
        try:
            meant = identify(f"{names[index]} ({label})")
        except ValueError:
            continue  # LabVIEW writes "Volts" where nobody said a unit
        out[index] = names[index] if meant is None else meant.name
    return tuple(out)
