"""The report's tables of estimates, and of a device among published spin engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from nanojunction.analysis.estimates.engines import Engine, published_engines
from nanojunction.analysis.estimates.of_device import DeviceEstimates
from nanojunction.analysis.notation import amount, measured, symbol_of
from nanojunction.analysis.report.tables import DASH, Cell, Remarks
from nanojunction.analysis.report.words import html
from nanojunction.analysis.values import Quantity

MOST_ROWS = 30


@dataclass(frozen=True, slots=True)
class EstimateRow:
    """The estimates of one device; `run` counts the report's runs from 1."""

    device: str
    run: int | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class EngineRow:
    """A spin engine; `is_own` is True for one of this analysis."""

    selector: str
    centre: str
    temperature: str
    field: str
    cells: tuple[Cell, ...]
    reference: str
    run: int | None
    source: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Estimates:
    """All that the report has of estimates; `not_shown` counts devices without a row."""

    heads: tuple[Markup, ...]
    rows: tuple[EstimateRow, ...]
    assumptions: tuple[tuple[str, str, str, str], ...]
    engines: tuple[EngineRow, ...]
    remarks: tuple[str, ...]
    not_shown: int


def estimates_tables(
    estimates: Sequence[DeviceEstimates], numbers: Mapping[str, int]
) -> Estimates | None:
    """Return the tables, None where nothing was estimated; `numbers` are those of the runs.

    Of many devices those that deliver power are shown. A quantity that no device has is left out.
    """
    if not estimates:
        return None
    shown = [one for one in estimates if one.quantities["p_max_W"].value is not None]
    if len(estimates) <= MOST_ROWS:
        shown = list(estimates)
    keys = (
        [
            key
            for key in shown[0].quantities
            if any(one.quantities[key].value is not None for one in shown)
        ]
        if shown
        else []
    )
    remarks = Remarks()
    rows = tuple(
        EstimateRow(
            one.device,
            numbers.get(one.run or ""),
            tuple(_cell(one.quantities[key], symbol_of(key).unit, remarks) for key in keys),
        )
        for one in shown[:MOST_ROWS]
    )
    own = [engine for one in shown[:MOST_ROWS] for engine in one.engines]
    engines = [_engine(one, numbers, remarks) for one in (*published_engines(), *own)]
    return Estimates(
        heads=tuple(html(symbol_of(key)) for key in keys),
        rows=rows if keys else (),
        assumptions=_assumptions(shown),
        engines=tuple(engines) if own else (),
        remarks=tuple(remarks.texts),
        not_shown=len(estimates) - len(rows),
    )


def _assumptions(estimates: Sequence[DeviceEstimates]) -> tuple[tuple[str, str, str, str], ...]:
    """Return (what, value, source, devices), the same ones of several devices together."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in estimates:
        for assumed in one.assumptions:
            key = (assumed.what, assumed.value, assumed.source)
            found.setdefault(key, []).append(one.device)
    everyone = len(estimates)
    return tuple(
        (*key, "all" if len(devices) == everyone > 1 else ", ".join(devices))
        for key, devices in found.items()
    )


def _cell(quantity: Quantity, unit: str, remarks: Remarks) -> Cell:
    notes = (remarks.number(quantity.note),) if quantity.note else ()
    return Cell(measured(quantity, unit) or DASH, (), notes)


def _engine(one: Engine, numbers: Mapping[str, int], remarks: Remarks) -> EngineRow:
    quantities = (one.p_max_W, "W"), (one.v_off_V, "V"), (one.power_per_area_W_per_cm2, "W/cm²")
    return EngineRow(
        selector=one.selector or "not stated",
        centre=one.centre or "not stated",
        temperature=DASH if one.temperature_K is None else amount(one.temperature_K, "K", 3),
        field=DASH if one.field_T is None else amount(round(one.field_T, 5) + 0.0, "T", 3),
        cells=tuple(_cell(quantity, unit, remarks) for quantity, unit in quantities),
        reference=one.reference,
        run=numbers.get(one.run or ""),
        source=one.source,
        is_own=one.run is not None,
    )
