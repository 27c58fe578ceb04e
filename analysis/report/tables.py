"""The report's tables as plain rows: numbers are text here, every missing one has its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.notation import (
    NO_BREAK,
    amount,
    joined,
    measured,
    symbol_of,
    typeset,
    with_uncertainty,
)
from nanojunction.analysis.reading.notes import MOST_STARS
from nanojunction.analysis.report.sources import used_rows
from nanojunction.analysis.report.words import html
from nanojunction.analysis.run import Run, RunNotes
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity

DASH = "—"

IV_COLUMNS = ("i_off_A", "v_off_V", "r_s_ohm", "p_max_W", "fill_factor")
AREA_COLUMNS = ("ra_ohm_um2",)
LINE_COLUMNS = ("candidate",)
IH_COLUMNS = ("voltage_V", "i_zero_field_A", "i_max_field_A")
REST_COLUMNS = ("i_mean_A", "v_mean_V", "duration_s")
_HEADS = {
    "candidate": Markup("candidate"),
    "duration_s": Markup("duration"),
}


_CONVENTIONS = {"local_zero": "at 0 V", "local_offset": "at V_off", "chord": "chord"}

#: Quantities that stand small below another one.
_BESIDE = {
    "v_off_V": ("{}× the line's", "offset_ratio_v"),
    "i_off_A": ("{}× the line's", "offset_ratio_i"),
    "p_max_W": ("at {}", "v_at_p_max_V"),
}


@dataclass(slots=True)
class Remarks:
    """The remarks under a table: each sentence once, referred to by its number."""

    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> int:
        """Return the number of a remark, a new one for a new sentence."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as text, a small second line, and the numbers of its remarks."""

    text: str
    small: tuple[str, ...] = ()
    remarks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a table; `number` counts the runs of the report from 1."""

    number: int
    file: str
    device: str
    kind: str
    conditions: str
    used: str
    cells: tuple[Cell, ...]
    remarks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunTable:
    """Runs of one kind with their quantities, and the remarks below."""

    title: str
    heads: tuple[Markup, ...]
    rows: tuple[RunRow, ...]
    remarks: tuple[str, ...]


def run_tables(results: Sequence[RunResult], names: Sequence[str]) -> list[RunTable]:
    """Return a table for each sort of runs that there is; `names` are those of the runs' files."""
    compared = any("candidate" in result.quantities for result in results)
    sized = any("ra_ohm_um2" in result.quantities for result in results)
    iv = IV_COLUMNS[:3] + (AREA_COLUMNS if sized else ()) + IV_COLUMNS[3:]
    sorts: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
        ("I(V)", ("iv",), iv + (LINE_COLUMNS if compared else ())),
        ("Calibrated resistors", ("calibration",), IV_COLUMNS[:3]),
        ("I(H)", ("ih",), IH_COLUMNS),
        ("At rest: I(t), V(t)", ("it", "vt"), REST_COLUMNS),
        ("Runs of no known kind", ("unknown",), ()),
    )
    tables = []
    for title, kinds, columns in sorts:
        chosen = [(n, result) for n, result in enumerate(results) if result.run.kind in kinds]
        if chosen:
            remarks = Remarks()
            rows = tuple(_run_row(n, names[n], result, columns, remarks) for n, result in chosen)
            extra = (Markup("switching fields"),) if title == "I(H)" else ()
            heads = tuple(_HEADS.get(key, html(symbol_of(key))) for key in columns) + extra
            tables.append(RunTable(title, heads, rows, tuple(remarks.texts)))
    return tables


def _run_row(
    index: int, name: str, result: RunResult, columns: Sequence[str], remarks: Remarks
) -> RunRow:
    run = result.run
    cells = tuple(_cell(result, key, remarks) for key in columns)
    if run.kind == "ih":
        cells += (_switching(result),)
    said = [] if run.notes is None else remarks_of(run.notes)
    return RunRow(
        number=index + 1,
        file=name if run.segment is None else f"{name} #{run.segment}",
        device=run.device,
        kind=run.kind,
        conditions=conditions_text(run.conditions.to_json()),
        used=_used(run),
        cells=cells,
        remarks=tuple(remarks.number(text) for text in dict.fromkeys((*said, *result.warnings))),
    )


def _used(run: Run) -> str:
    """Return how many rows entered the fits, "398 of 404"."""
    used = used_rows(run)
    return f"{used}" if used == len(run) else f"{used} of {len(run)}"


def remarks_of(notes: RunNotes) -> list[str]:
    """Return a person's stars and comment on a run as a remark, if there are any."""
    stars = f"{notes.stars} of {MOST_STARS} stars" if notes.stars is not None else ""
    return [said] if (said := ": ".join(part for part in (stars, notes.comment) if part)) else []


def conditions_text(conditions: Mapping[str, Any]) -> str:
    """Return "40.0 K, −0.5 T, P, reversed, 2 wires", as far as conditions are known.

    The usual ones (normal polarity, heater on, output on or no rest before) are not said.
    """
    parts = []
    for key, unit, digits in (
        ("temperature_K", "K", 4),
        ("field_T", "T", 4),
        ("voltage_V", "V", 4),
        ("current_A", "A", 4),
    ):
        value = conditions.get(key)
        if isinstance(value, int | float):
            parts.append(amount(round(float(value), 12) + 0.0, unit, digits))
    if isinstance(state := conditions.get("state"), str):
        parts.append(state)
    if conditions.get("polarity") == "reversed":
        parts.append("reversed")
    if (wires := conditions.get("wires")) is not None:
        parts.append(f"{wires} wires")
    if conditions.get("heater") == "off":
        parts.append("heater off")
    if conditions.get("output") == "off":
        parts.append("output open before")
    return ", ".join(parts)


def _cell(result: RunResult, key: str, remarks: Remarks) -> Cell:
    """Return a quantity's cell: value with uncertainty, the line's share and the window below."""
    found = result.quantities.get(key)
    quantity = found if isinstance(found, Quantity) else Quantity(None, note="not determined")
    if key == "candidate" and quantity.value is not None:
        # The verdict's reason is the two ratios, which stand below the offsets.
        return Cell("yes" if quantity.value else "no")
    notes = (remarks.number(quantity.note),) if quantity.note else ()
    text = measured(quantity, symbol_of(key).unit)
    small = () if text is None else small_print(quantity, symbol_of(key).unit)
    if key in _BESIDE:
        label, other = _BESIDE[key]
        beside = result.quantities.get(other)
        if isinstance(beside, Quantity) and beside.value is not None:
            least = "≥ " if beside.extra.get("bound") == "lower" else ""
            number = amount(beside.value, symbol_of(other).unit, 3)
            beside_text = label.format(f"{least}{number}")
            if small and small[-1].startswith("line: "):
                small = (*small[:-1], f"{beside_text} {small[-1].removeprefix('line: ')}")
            else:
                small = (*small, beside_text)
    return Cell(text or DASH, small, notes)


def small_print(quantity: Quantity, unit: str) -> tuple[str, ...]:
    """Return what stands small below a value: convention and window, the line's share."""
    window = quantity.extra.get("window_V")
    convention = str(quantity.extra.get("convention") or "")
    parts = [_CONVENTIONS.get(convention, convention)]
    if isinstance(window, float):
        parts.append(f"within ±{amount(window, 'V', 3)}")
    line = "" if quantity.syst is None else f"line: ±{amount(quantity.syst, unit, 2)}"
    return tuple(part for part in (", ".join(filter(None, parts)), line) if part)


def _switching(result: RunResult) -> Cell:
    switches: Any = result.quantities.get("switching_fields") or ()
    parts = []
    for switch in switches:
        field_T = measured(switch.field_T, "T")
        parts.append(f"{field_T} ({'rising' if switch.direction == 'up' else 'falling'})")
    return Cell(f"{len(parts)} found", tuple(parts)) if parts else Cell(DASH)


def comparison_tables(rows: Sequence[ComparedRow]) -> list[tuple[str, list[dict[str, str]]]]:
    """Return the compared rows by device, in order of appearance."""
    devices: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        devices.setdefault(row.device, []).append(_compared(row))
    return list(devices.items())


def _compared(row: ComparedRow) -> dict[str, str]:
    number = DASH
    if row.shown is not None:
        number = joined(with_uncertainty(row.shown, row.shown_stderr), row.unit)
    verdict = "shown" if row.kind == "choice" else ("holds" if row.ok else "fails")
    remark = "; ".join(part for part in (row.problem, row.note) if part)
    return {
        "condition": row.condition,
        "quantity": row.quantity,
        "measured": number,
        "published": row.published,
        "deviation": _deviation(row),
        "limits": DASH if row.kind == "choice" else typeset(row.limits_text()),
        "kind": row.kind,
        "verdict": verdict,
        "source": row.source,
        "remark": remark,
    }


def _deviation(row: ComparedRow) -> str:
    if row.deviation is None:
        return DASH
    if row.absolute:
        return joined(typeset(f"{row.deviation:+.3g}"), row.unit)
    return typeset(f"{100.0 * row.deviation:+.2f}") + f"{NO_BREAK}%"


def summary(rows: Sequence[ComparedRow]) -> tuple[int, int]:
    """Return how many of the rows that are judged hold, and how many there are."""
    judged = [row for row in rows if row.kind != "choice"]
    return sum(row.ok for row in judged), len(judged)
