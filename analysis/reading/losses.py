"""What is said of a table that was read: rows that are missing, doubtful times, how a run ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nanojunction.analysis.reading.parts import Part
from nanojunction.analysis.values import Array

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
_MOST_LINES = 10


def losses(parts: tuple[Part, ...], missing: Mask) -> list[str]:
    """Return the warnings about rows that are not in the run, `missing` of all parts' rows."""
    warnings, at = [], 0
    for part in parts:
        table, where = part.table, _where(part, parts)
        warnings += [f"{where}{remark}" for remark in table.remarks]
        here = missing[at : at + len(table.lines)]
        lost = table.lines[here].tolist() if here.any() else []
        at += len(table.lines)
        if lost:
            warnings.append(f"{where}{_rows(lost)} dropped for a missing number{_at(lost)}")
        if table.dropped:
            rows, lines = _rows(table.dropped), _at(table.dropped)
            warnings.append(f"{where}{rows} dropped for another number of fields{lines}")
        if table.unterminated:
            warnings.append(f"{where}the last line does not end and was dropped")
    return warnings


def _rows(lines: Sequence[int]) -> str:
    return "1 row was" if len(lines) == 1 else f"{len(lines)} rows were"


def _at(lines: Sequence[int]) -> str:
    shown = ", ".join(map(str, lines[:_MOST_LINES])) + (", …" if len(lines) > _MOST_LINES else "")
    return f" (line {shown})"


def _where(part: Part, parts: tuple[Part, ...]) -> str:
    return "" if len(parts) == 1 else f"{part.path.name}: "


def doubtful_times(time_s: Array, lines: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[str]:
    """Return the warnings about times that stand still or run backwards, with their lines.

    All rows stay in the run: only drifts and durations depend on their times.
    """
    if (time_s[1:] > time_s[:-1]).all():
        return []
    step = np.diff(time_s)
    warnings = []
    if at := lines[1:][step == 0].tolist():
        rows = "1 row repeats" if len(at) == 1 else f"{len(at)} rows repeat"
        warnings.append(f"{rows} the time of the row before{_at(at)}")
    if at := lines[1:][step < 0].tolist():
        often = "once" if len(at) == 1 else f"{len(at)} times"
        warnings.append(f"the time runs backwards {often}{_at(at)}")
    return warnings


def stored_twice(time_s: Array, values: Array) -> Mask:
    """Return which rows of values (rows, columns) repeat another one, its time included.

    None do where rows of one time differ: the clock was too coarse to tell readings apart, and
    equal ones may be readings, too.
    """
    repeated = np.zeros(len(time_s), dtype=bool)
    order = np.argsort(time_s, kind="stable")
    at_once = np.flatnonzero(np.diff(time_s[order]) == 0)
    first, second = values[order[at_once]], values[order[at_once + 1]]
    if ((first == second) | (np.isnan(first) & np.isnan(second))).all():
        repeated[order[at_once + 1]] = True
    return repeated


def dropped_repeats(lines: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    """Return the warning about rows that were stored twice, by their lines."""
    rows = "1 row repeats" if len(lines) == 1 else f"{len(lines)} rows repeat"
    return f"{rows} another one, its time included: dropped{_at(lines.tolist())}"


def ending(parts: tuple[Part, ...]) -> list[str]:
    """Return the warnings about how one of our runs ended: its last part did."""
    warnings = []
    end = parts[-1].table.end
    if end is None:
        warnings.append(
            "the run was cut off (there is no '# End:' line); its complete rows are used"
        )
    elif (status := end.get("status")) != "finished":
        warnings.append(f"the run ended as '{status}'")
    for part in parts:
        stated = (part.table.end or {}).get("rows")
        if isinstance(stated, int) and stated != part.rows:
            where = _where(part, parts)
            warnings.append(
                f"{where}the '# End:' line counts {stated} rows, the file holds {part.rows}"
            )
    return warnings


def unused(
    names: Sequence[str], values: Array, unknown: Sequence[int], header: Mapping[str, str]
) -> list[str]:
    """Return a warning about columns of numbers that are not known, in files of others."""
    if header.get("Procedure", "").startswith("<nanojunction."):
        return []
    left = [names[index] or "(no name)" for index in unknown if np.isfinite(values[:, index]).any()]
    return [f"columns that are not known and not used: {', '.join(left)}"] if left else []
