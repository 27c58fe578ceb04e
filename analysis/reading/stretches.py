"""The rows of each run in a table, in SI, and what is stated about them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from nanojunction.analysis.geometry import Area, area_of_header
from nanojunction.analysis.reading.column_choice import Choice, choose
from nanojunction.analysis.reading.columns import KNOWN_NAMES
from nanojunction.analysis.reading.conditions import conditions_of, not_understood
from nanojunction.analysis.reading.corrections import Rows, named_by
from nanojunction.analysis.reading.doubts import contradictions
from nanojunction.analysis.reading.losses import (
    Mask,
    doubtful_times,
    dropped_repeats,
    ending,
    losses,
    stored_twice,
    unused,
)
from nanojunction.analysis.reading.notes import ColumnCorrection, Notes, NotesError
from nanojunction.analysis.reading.parts import Part
from nanojunction.analysis.reading.run_kind import finish, stated_kind
from nanojunction.analysis.reading.table import Table
from nanojunction.analysis.run import Conditions, Run, RunKind
from nanojunction.analysis.values import Array

Named = Mapping[str, str | float]
"""Conditions that a file's name states, by their key in SI."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Rows that make one run, and what is stated about it; `plain` is without corrections."""

    rows: Rows
    kind: RunKind | None
    named: frozenset[str]
    plain_kind: RunKind | None
    plain_named: frozenset[str]
    plain_device: str
    plain_conditions: Conditions

    def finished(self, rows: Rows) -> Run:
        """Return a run of some of the rows."""
        return finish(rows.run, self.kind, rows.legs, self.named, rows.plateau)

    def uncorrected(self, rows: Rows) -> Run:
        """Return a run of some of the rows as it is without corrected metadata."""
        run = replace(rows.run, device=self.plain_device, conditions=self.plain_conditions)
        return finish(run, self.plain_kind, rows.legs, self.plain_named, rows.plateau)


def stretches_of(
    parts: tuple[Part, ...],
    table: Table,
    *,
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]],
    named: Named,
    notes: Notes | None,
    said: list[str],
) -> list[Stretch]:
    """Return the rows of each run in a table, in SI; `numbers` begins with those of its rows."""
    choice = _chosen(table, {} if notes is None else notes.correct.columns)
    warnings = [*choice.warnings, *said]
    columns, missing = _columns(table, choice, warnings)
    warnings += losses(parts, missing)
    warnings += unused(table.names, table.values, choice.unknown, table.header)
    if "time" in columns:
        columns, missing = _once(table, columns, missing, warnings)
        warnings += doubtful_times(columns["time"], _kept(table.lines, missing))
    if _is_ours(table):
        warnings += ending(parts)
    else:
        warnings += not_understood(table.header)
    corrected = {} if notes is None else named_by(notes.correct)
    warnings += contradictions(table.header, named, columns, corrected)
    all_named = {**named, **corrected}
    conditions = conditions_of(table.header, all_named)
    path = parts[0].path
    stem = path.stem.encode("utf-8", "backslashreplace").decode("utf-8")
    device = str(named.get("device") or table.header.get("Sample") or stem)
    area, doubt = area_of_header(table.header)
    warnings += [] if doubt is None else [doubt]
    if notes is not None and notes.correct.area is not None:
        area = notes.correct.area
    kind = stated_kind(table.header)
    stretch = Stretch(
        rows=Rows(
            _run(
                parts,
                table,
                columns,
                conditions=conditions,
                warnings=warnings,
                device=str(corrected.get("device", device)),
                area=area,
            ),
            columns.get("leg"),
            columns.get("setpoint temperature"),
            _kept(numbers[: len(table.values)], missing),
        ),
        kind=(notes.correct.kind if notes is not None else None) or kind,
        named=frozenset(all_named),
        plain_kind=kind,
        plain_named=frozenset(named),
        plain_device=device,
        plain_conditions=conditions_of(table.header, named) if corrected else conditions,
    )
    plateau = columns.get("setpoint temperature")
    if plateau is None or stretch.kind in ("ih", "it", "vt"):
        return [stretch]
    edges = [0, *(np.flatnonzero(np.diff(plateau)) + 1).tolist(), len(plateau)]
    segments = [replace(stretch, rows=stretch.rows.cut(slice(a, b))) for a, b in pairwise(edges)]
    return [
        replace(one, rows=replace(one.rows, run=replace(one.rows.run, segment=n)))
        for n, one in enumerate(segments)
    ]


def _chosen(table: Table, corrections: Mapping[str, ColumnCorrection]) -> Choice:
    """Return which column serves as what; of several, those without a number do not count."""
    try:
        return choose(table.names, corrections)
    except NotesError:
        raise
    except ValueError:
        empty = [bool(np.isnan(column).all()) for column in table.values.T]
        if not any(empty):
            raise
        names = ["" if no else name for name, no in zip(table.names, empty, strict=True)]
        choice = choose(names, corrections)
        left_out = ", ".join(f"'{name}'" for name, no in zip(table.names, empty, strict=True) if no)
        warning = f"columns that hold no numbers are left out: {left_out}"
        return replace(choice, warnings=(*choice.warnings, warning))


def _once(
    table: Table, columns: dict[str, Array], missing: Mask, warnings: list[str]
) -> tuple[dict[str, Array], Mask]:
    """Return columns, and which rows are missing in them, without rows that were stored twice."""
    if (np.diff(columns["time"]) > 0).all():
        return columns, missing
    repeated = stored_twice(columns["time"], table.values[~missing])
    if not repeated.any():
        return columns, missing
    warnings.append(dropped_repeats(_kept(table.lines, missing)[repeated]))
    missing = missing.copy()
    missing[np.flatnonzero(~missing)[repeated]] = True
    return {key: values[~repeated] for key, values in columns.items()}, missing


def _is_ours(table: Table) -> bool:
    return table.header.get("Procedure", "").startswith("<nanojunction.")


def _run(
    parts: tuple[Part, ...],
    table: Table,
    columns: dict[str, Array],
    *,
    conditions: Conditions,
    warnings: list[str],
    device: str,
    area: Area | None,
) -> Run:
    """Return a run of columns in SI, whose kind, legs and mean conditions are not known yet."""
    rows = len(next(iter(columns.values())))
    voltage = columns.get("voltage")
    if voltage is None:
        voltage = _replacement(columns, table.names, conditions, warnings, _is_ours(table))
    current = columns.get("current")
    if current is None and "setpoint current" in columns and not _is_ours(table):
        warnings.append("there is no sensed current: the setpoint stands for it")
        current = columns["setpoint current"]
    if current is None:
        raise ValueError(
            f"no column means a current ({_known_are(table.names)}{_resistance(table)}"
        )
    if "field" not in columns and "setpoint field" in columns:
        warnings.append("there is no measured field: the setpoint stands for it")
        columns["field"] = columns["setpoint field"]
    status = table.end.get("status") if table.end is not None else None
    return Run(
        file=parts[0].path,
        parts=tuple(part.path for part in parts[1:]),
        device=device,
        kind="unknown",
        time_s=columns.get("time"),
        leg=np.zeros(rows, dtype=np.int64),
        setpoint_V=columns.get("setpoint voltage"),
        setpoint_A=columns.get("setpoint current"),
        voltage_V=voltage,
        current_A=current,
        field_T=columns.get("field"),
        temperature_K=columns.get("temperature"),
        in_compliance=columns.get("compliance", np.zeros(rows)) != 0,
        conditions=conditions,
        header=table.header,
        status=str(status) if status is not None else None,
        warnings=tuple(warnings),
        area=area,
    )


def _kept(
    lines: np.ndarray[tuple[int], np.dtype[np.int64]], missing: Mask
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return lines[~missing] if missing.any() else lines


def _columns(table: Table, choice: Choice, warnings: list[str]) -> tuple[dict[str, Array], Mask]:
    """Return the known columns in SI without the rows that miss a number, and which those are."""
    present: dict[str, Array] = {}
    lacking = np.isnan(table.values)
    complete = len(lacking) > 0 and not lacking.any()
    for key, (index, column) in choice.known.items():
        values = table.values[:, index]
        if not complete and lacking[:, index].all():
            if key in ("voltage", "current"):
                raise ValueError(f"column '{column.name}' holds no numbers")
            warnings.append(f"column '{column.name}' holds no numbers and is left out")
            continue
        if column.factor != 1.0:
            values = values * column.factor
        values = values + column.offset if column.offset else values
        known = values if complete else values[~lacking[:, index]]
        if key == "temperature" and known.mean() <= 0.0:
            warnings.append(
                f"column '{column.name}' is below 0 K and is left out: notes say what unit it is in"
            )
            continue
        present[key] = values
    if not present:
        raise ValueError(f"no column is known ({_known_are(table.names)}")
    missing = np.zeros(len(table.values), dtype=bool)
    if complete:
        return present, missing
    for values in present.values():
        missing |= np.isnan(values)
    if missing.all():
        raise ValueError("no row has a number in every column")
    if not missing.any():
        return present, missing
    return {key: values[~missing] for key, values in present.items()}, missing


def _resistance(table: Table) -> str:
    """Return the rest of a sentence where a resistance is all that is there of the current."""
    ohm = [name for name in table.names if re.search(r"ohm|Ω|resist", name, re.IGNORECASE)]
    return f"; '{ohm[0]}' does not stand for one, since it has no offset" if ohm else ""


def _known_are(names: tuple[str, ...]) -> str:
    """Return the rest of a sentence about a column that is not there."""
    shown = ", ".join(names)
    shown = shown if len(shown) <= 300 else f"{shown[:300]}…"
    return (
        f"they are: {shown}); known are names such as {KNOWN_NAMES}, and notes say what others mean"
    )


def _replacement(
    columns: dict[str, Array],
    names: tuple[str, ...],
    conditions: Conditions,
    warnings: list[str],
    ours: bool,
) -> Array:
    """Return what stands for the sensed voltage in a file without such a column.

    Our own run files have one, unless their column names are damaged.
    """
    if "setpoint voltage" in columns and not ours:
        warnings.append("there is no sensed voltage: the setpoint stands for it")
        return columns["setpoint voltage"]
    if conditions.voltage_V is not None and "field" in columns:
        warnings.append("there is no column of voltages: the stated voltage stands for it")
        return np.full_like(columns["field"], conditions.voltage_V)
    raise ValueError(f"no column means a voltage ({_known_are(names)}")
