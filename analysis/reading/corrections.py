"""What notes ask for, done to the rows of a run and said in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nanojunction.analysis.geometry import area_of_header
from nanojunction.analysis.notation import NO_BREAK, amount, numbered
from nanojunction.analysis.reading.notes import Correction, Exclusion, Notes, NotesError
from nanojunction.analysis.run import Corrected, Excluded, Run, RunNotes, cut
from nanojunction.analysis.values import Array

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
_MOST_SPANS = 5
_CONDITIONS = {"temperature_K": "K", "field_T": "T", "voltage_V": "V", "current_A": "A"}
_WORDS = ("device", "kind", "state", "polarity", "wires", "heater", "position")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a run whose kind, legs and mean conditions are not known yet.

    `legs` and `plateau` are the columns for them, `numbers` the rows' numbers in the file from 1.
    """

    run: Run
    legs: Array | None
    plateau: Array | None
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]]

    def cut(self, part: slice | Mask) -> Rows:
        """Return a stretch of the rows, or those where `part` is True."""
        return Rows(
            cut(self.run, part),
            None if self.legs is None else self.legs[part],
            None if self.plateau is None else self.plateau[part],
            self.numbers[part],
        )


Finish = Callable[[Rows], Run]
"""Adds to rows what follows from them: kind, legs and mean conditions."""


def named_by(correct: Correction) -> dict[str, str | float]:
    """Return the corrected metadata by the keys that a pattern reads from a file's name."""
    found = {name: getattr(correct, name) for name in (*_CONDITIONS, *_WORDS) if name != "kind"}
    return {
        name: value if isinstance(value, float) else str(value)
        for name, value in found.items()
        if value is not None
    }


def follow(
    rows: Rows, notes: Notes, file: Path, finish: Finish, uncorrected: Finish
) -> tuple[Run | None, frozenset[int]]:
    """Return a run as its notes in `file` want it, and which of their exclusions fit rows of it.

    The run is None where every row is excluded. `uncorrected` finishes rows as they were without
    corrected metadata. Raises NotesError where an exclusion is about a column that is not there.
    """
    kept, masks = _without(rows, notes.exclude, finish)
    if not len(kept.run):
        return None, frozenset(masks)
    if notes.zero is not None:
        shifted = _shifted(kept.run, -notes.zero.voltage_V, -notes.zero.current_A)
        kept = replace(kept, run=shifted)
    run = finish(kept)
    about = RunNotes(
        file,
        notes.comment,
        notes.stars,
        tuple(_corrected(run, uncorrected(kept), notes.correct)),
        notes.correct.reason,
        tuple(
            Excluded(
                notes.exclude[index].reason,
                int(mask.sum()),
                tuple(numbered(rows.numbers[mask].tolist())),
            )
            for index, mask in masks.items()
        ),
    )
    if notes.zero is not None:
        zero = notes.zero
        about = replace(about, zero_V=zero.voltage_V, zero_A=zero.current_A, why_zero=zero.reason)
    run = replace(run, notes=about, warnings=(*run.warnings, *sentences(about)))
    return run, frozenset(masks)


def _without(
    rows: Rows, exclude: Sequence[Exclusion], finish: Finish
) -> tuple[Rows, dict[int, Mask]]:
    """Return the rows that no exclusion fits, and the rows that each of them fits, if any.

    Legs are counted without the rows that are excluded otherwise.
    """
    masks = {n: _inside(rows, one, f"exclude[{n}]") for n, one in enumerate(exclude)}
    gone = np.zeros(len(rows.run), dtype=bool)
    for index, mask in masks.items():
        if exclude[index].legs is None:
            gone |= mask
    if any(one.legs is not None for one in exclude):
        leg = np.full(len(rows.run), -1)
        if not gone.all():
            leg[~gone] = finish(rows.cut(~gone)).leg
        for index, one in enumerate(exclude):
            if one.legs is not None:
                masks[index] &= (leg >= one.legs[0]) & (leg <= one.legs[1])
                gone |= masks[index]
        rows = replace(rows, legs=leg.astype(np.float64))
    return rows.cut(~gone), {index: mask for index, mask in masks.items() if mask.any()}


def _inside(rows: Rows, one: Exclusion, place: str) -> Mask:
    """Return which rows lie within all intervals of an exclusion, legs aside."""
    run = rows.run
    columns: Iterable[tuple[str, Any, tuple[float, float] | None]] = (
        ("rows", rows.numbers, one.rows),
        ("time", run.time_s, one.time_s),
        ("voltage", run.voltage_V, one.voltage_V),
        ("field", run.field_T, one.field_T),
        ("temperature", run.temperature_K, one.temperature_K),
    )
    inside = np.ones(len(run), dtype=bool)
    for name, values, span in columns:
        if span is None:
            continue
        if values is None:
            raise NotesError(f"{place}.{name}: the run has no column for it")
        inside &= (values >= span[0]) & (values <= span[1])
    return inside


def _shifted(run: Run, voltage_V: float, current_A: float) -> Run:
    return replace(run, voltage_V=run.voltage_V + voltage_V, current_A=run.current_A + current_A)


def as_measured(run: Run) -> Run:
    """Return a run without what its notes subtract."""
    return run if run.notes is None else _shifted(run, run.notes.zero_V, run.notes.zero_A)


def _corrected(run: Run, before: Run, correct: Correction) -> Iterable[Corrected]:
    """Yield what was corrected, in words."""
    for name, symbol in _CONDITIONS.items():
        if getattr(correct, name) is not None:
            values = (getattr(one.conditions, name) for one in (before, run))
            was, now = (None if v is None else f"{v:.6g} {symbol}" for v in values)
            yield Corrected(name.partition("_")[0], was, now or "")
    for name in _WORDS:
        if (now := getattr(correct, name)) is not None:
            owner = before if name in ("device", "kind") else before.conditions
            was = getattr(owner, name)
            yield Corrected(name, None if was is None else str(was), str(now))
    if correct.area is not None:
        stated, _ = area_of_header(run.header)
        was = None if stated is None else stated.stated
        yield Corrected("size", was, correct.area.stated)
    for name, column in correct.columns.items():
        texts = {
            "meaning": column.meaning,
            "unit": column.unit,
            "sign": None if column.sign == 1 else "reversed",
        }
        after = ", ".join(f"{key} {text}" for key, text in texts.items() if text)
        yield Corrected(f"column {name}", None, after or "sign kept")


def sentences(notes: RunNotes) -> list[str]:
    """Return what notes did to a run, as warnings."""
    found = []
    for one in notes.corrected:
        instead = f" instead of {one.before}" if one.before else ""
        why = f" ({notes.why_corrected})" if notes.why_corrected else ""
        found.append(f"notes: {one.what} corrected: {one.after}{instead}{why}")
    for rows in notes.excluded:
        spans = [f"{a}" if a == b else f"{a}–{b}" for a, b in rows.rows]
        shown = ", ".join(spans[:_MOST_SPANS]) + (", …" if len(spans) > _MOST_SPANS else "")
        which = "1 row is" if rows.count == 1 else f"{rows.count} rows are"
        found.append(f"notes: {which} excluded (row {shown}): {rows.reason}")
    if notes.why_zero is not None:
        sizes = ((notes.zero_V, "V", "voltage"), (notes.zero_A, "A", "current"))
        taken = " and ".join(
            f"{amount(value, symbol)} from the {of}" for value, symbol, of in sizes if value
        ).replace(NO_BREAK, " ")
        found.append(f"notes: subtracted {taken or 'nothing'}: {notes.why_zero}")
    return found
