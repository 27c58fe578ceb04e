"""The report's tables as plain rows: numbers are text here, every missing one has its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from nanojunction.analysis.arrhenius import Arrhenius
from nanojunction.analysis.comparison import ComparedRow
from nanojunction.analysis.groups import Group
from nanojunction.analysis.iv import RunResult
from nanojunction.analysis.notation import (
    NO_BREAK,
    Symbol,
    amount,
    joined,
    measured,
    plain_number,
    symbol_of,
    typeset,
    with_uncertainty,
)
from nanojunction.analysis.values import Curve, Quantity

DASH = "–"

IV_COLUMNS = ("i_off_A", "v_off_V", "r_s_ohm", "p_max_W", "v_at_p_max_V", "fill_factor")
LINE_COLUMNS = ("offset_ratio_v", "offset_ratio_i", "candidate")
IH_COLUMNS = ("voltage_V", "i_zero_field_A", "i_max_field_A")
REST_COLUMNS = ("i_mean_A", "v_mean_V", "duration_s")
_HEADS = {
    "offset_ratio_v": Markup("<i>V</i><sub>off</sub>/line"),
    "offset_ratio_i": Markup("<i>I</i><sub>off</sub>/line"),
    "candidate": Markup("candidate"),
    "duration_s": Markup("duration"),
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
    small: str = ""
    remarks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a table; `number` counts the runs of the report from 1."""

    number: int
    file: str
    device: str
    kind: str
    conditions: str
    cells: tuple[Cell, ...]
    remarks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunTable:
    """Runs of one kind with their quantities, and the remarks below."""

    title: str
    heads: tuple[Markup, ...]
    rows: tuple[RunRow, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupTable:
    """What was found in one group: (quantity, value, remark) rows, and what was left out."""

    title: str
    conditions: str
    runs: tuple[str, ...]
    rows: tuple[tuple[Markup, str, str], ...]
    excluded: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def html(symbol: Symbol) -> Markup:
    """Return a symbol with its subscript, single letters in italics."""
    name = Markup("<i>{}</i>") if len(symbol.name) == 1 else Markup("{}")
    text = name.format(symbol.name)
    return text + Markup("<sub>{}</sub>").format(symbol.subscript) if symbol.subscript else text


def run_tables(results: Sequence[RunResult], names: Sequence[str]) -> list[RunTable]:
    """Return a table for each sort of runs that there is; `names` are those of the runs' files."""
    compared = any("candidate" in result.quantities for result in results)
    sorts: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
        ("I(V)", ("iv",), IV_COLUMNS + (LINE_COLUMNS if compared else ())),
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
        cells += (Cell(_switching(result)),)
    return RunRow(
        number=index + 1,
        file=name if run.segment is None else f"{name} · plateau {run.segment}",
        device=run.device,
        kind=run.kind,
        conditions=conditions_text(run.conditions.to_json()),
        cells=cells,
        remarks=tuple(remarks.number(text) for text in dict.fromkeys(result.warnings)),
    )


def conditions_text(conditions: Mapping[str, Any]) -> str:
    """Return "40.0 K, −0.5 T, P", as far as conditions are known."""
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
    state = conditions.get("state")
    return ", ".join([*parts, state] if isinstance(state, str) else parts)


def _cell(result: RunResult, key: str, remarks: Remarks) -> Cell:
    """Return a quantity's cell: value with uncertainty, the line's share and the window below."""
    found = result.quantities.get(key)
    quantity = found if isinstance(found, Quantity) else Quantity(None, note="not determined")
    notes = (remarks.number(quantity.note),) if quantity.note else ()
    if key == "candidate" and quantity.value is not None:
        return Cell("yes" if quantity.value else "no", "", notes)
    text = measured(quantity, symbol_of(key).unit)
    if text is None:
        return Cell(DASH, "", notes)
    return Cell(text, _small(quantity, symbol_of(key).unit), notes)


def _small(quantity: Quantity, unit: str) -> str:
    parts = []
    if quantity.syst is not None:
        parts.append(f"±{NO_BREAK}{amount(quantity.syst, unit, 2)} line")
    window = quantity.extra.get("window_V")
    convention = quantity.extra.get("convention")
    if convention:
        parts.append(str(convention))
    if isinstance(window, float):
        parts.append(f"±{NO_BREAK}{amount(window, 'V', 3)}")
    return ", ".join(parts)


def _switching(result: RunResult) -> str:
    switches: Any = result.quantities.get("switching_fields") or ()
    parts = []
    for switch in switches:
        field_T = measured(switch.field_T, "T")
        parts.append(f"{field_T} ({'rising' if switch.direction == 'up' else 'falling'})")
    return "; ".join(parts) or DASH


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
        "limits": row.limits_text() or DASH,
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


def group_table(group: Group, file_name: Mapping[str, str]) -> GroupTable:
    """Return the table of one group; `file_name` shortens the names of runs."""
    rows: list[tuple[Markup, str, str]] = []
    excluded: list[tuple[str, str]] = []
    for key, item in group.quantities.items():
        if isinstance(item, Arrhenius):
            rows.extend(_arrhenius_rows(key, item))
            for point in item.excluded:
                name = file_name.get(point.name, point.name)
                excluded.append((name, f"{symbol_of(key).plain}: {point.reason}"))
        else:
            rows.extend(_rows(key, item))
    titles = {
        "arrhenius": "Temperature series",
        "magneto": "Magnetic field",
        "calibration": "Calibrated resistor",
        "repeat": "Repeats",
    }
    return GroupTable(
        title=titles[group.kind],
        conditions=conditions_text(group.conditions),
        runs=tuple(group.runs),
        rows=tuple(rows),
        excluded=tuple(excluded),
        warnings=group.warnings,
    )


def _arrhenius_rows(key: str, fit: Arrhenius) -> Iterator[tuple[Markup, str, str]]:
    """Yield one row for each fit of a quantity, the preferred one named."""
    head = html(symbol_of(key))
    for name, words, regimes in (
        ("one-regime", "one regime", fit.one),
        ("two-regime", "two regimes", fit.two),
    ):
        energies = [
            f"{symbol_of(k).plain} = {measured(q, symbol_of(k).unit) or DASH}"
            for k, q in regimes.quantities.items()
            if not k.startswith("x0")
        ]
        notes = dict.fromkeys(q.note for q in regimes.quantities.values() if q.note)
        preferred = " (preferred)" if fit.best == name else ""
        remark = list(notes)
        if name == "two-regime" and fit.delta_aicc is not None:
            remark.insert(0, f"ΔAICc = {typeset(plain_number(fit.delta_aicc, 3))}")
        if fit.note and fit.best is None:
            remark.append(fit.note)
        text = "; ".join(energies) if regimes.fit is not None else DASH
        yield Markup("{}, {}{}").format(head, words, preferred), text, "; ".join(remark)


def _rows(key: str, item: Any, path: str = "") -> Iterator[tuple[Markup, str, str]]:
    """Yield rows of nested quantities; curves are in the figures and the results document."""
    symbol = symbol_of(key)
    head = Markup("{}{}").format(f"{path}: " if path else "", html(symbol))
    if isinstance(item, Quantity):
        unit = "%" if path.startswith("tmr") and key == "height" else symbol.unit
        remark = item.note or ""
        small = _small(item, unit)
        text = measured(item, unit) or DASH
        yield head, text, "; ".join(part for part in (small, remark) if part)
    elif isinstance(item, Mapping):
        for name, part in item.items():
            yield from _rows(name, part, f"{path} {symbol.plain}".strip())
    elif isinstance(item, list | tuple):
        for number, part in enumerate(item, 1):
            if isinstance(part, Mapping):
                yield from _rows(f"{key} {number}", part, path)
    elif isinstance(item, Curve) and item.note:
        yield head, "curve", item.note
