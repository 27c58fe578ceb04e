"""The report's tables of groups and of features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.figures.curves import Member
from nanojunction.analysis.notation import (
    amount,
    measured,
    numbered,
    plain_number,
    symbol_of,
    typeset,
)
from nanojunction.analysis.report.field import FIELD_KEYS, field_rows
from nanojunction.analysis.report.tables import DASH, conditions_text, small_print
from nanojunction.analysis.report.words import html, with_links
from nanojunction.analysis.temperature.activation import Arrhenius, Regimes
from nanojunction.analysis.values import Curve, Quantity

_SOURCES = {"iv": "from I(V)", "ih": "from I(H)"}


@dataclass(frozen=True, slots=True)
class GroupTable:
    """What was found in one group: (quantity, value, remark) rows, and what was left out."""

    title: str
    conditions: str
    runs: list[tuple[int, int]]
    rows: tuple[tuple[Markup, Markup | str, str], ...]
    excluded: tuple[tuple[str, str], ...]
    warnings: tuple[Markup, ...]


_TITLES = {
    "arrhenius": "Temperature series",
    "magneto": "Magnetic field",
    "calibration": "Calibrated resistor",
}
#: What is asked first of two magnetic states; the other keys follow in their own order.
_FIRST = (
    *("states", "mr", "mr_optimistic", "spin_polarisation", "tmr_peak", "spin_polarisation_tmr"),
    *("sign_reversals", "sign_reversals_from_loops", "tmr", "mc"),
)


def group_table(group: Group, numbers: Mapping[str, int]) -> GroupTable:
    """Return the table of one group; `numbers` are those of the runs by their names."""
    rows: list[tuple[Markup, Markup | str, str]] = []
    excluded: list[tuple[str, str]] = []
    keys = [key for key in _FIRST if key in group.quantities]
    for key in dict.fromkeys((*keys, *group.quantities)):
        item = group.quantities[key]
        if _is_alias(key, item, group.quantities):
            continue
        if isinstance(item, Arrhenius):
            rows.append(_arrhenius_row(key, item))
            for point in item.excluded:
                name = f"run {numbers[point.name]}" if point.name in numbers else point.name
                excluded.append((name, f"{symbol_of(key).plain}: {point.reason}"))
        elif key in FIELD_KEYS:
            rows.extend(field_rows(key, item))
        else:
            rows.extend(_rows(key, item))
    return GroupTable(
        title=_TITLES[group.kind],
        conditions=conditions_text(group.conditions),
        runs=numbered(numbers[name] for name in group.runs if name in numbers),
        rows=tuple(rows),
        excluded=tuple(excluded),
        warnings=tuple(with_links(text, group.runs, numbers) for text in group.warnings),
    )


def _arrhenius_row(key: str, fit: Arrhenius) -> tuple[Markup, Markup | str, str]:
    """Return the row of a quantity: the preferred fit, why, and what the other one would give."""
    head = html(symbol_of(key))
    if fit.best is None:
        return head, DASH, fit.note or "no fit was possible"
    regimes = fit.two if fit.best == "two-regime" else fit.one
    notes = dict.fromkeys(q.note for q in regimes.quantities.values() if q.note)
    return head, _energies(regimes), "; ".join((fit.choice, *notes))


def _is_alias(key: str, item: Any, quantities: Mapping[str, Any]) -> bool:
    """Tell whether `mr_from_iv` and the like is what stands under `mr` already."""
    return "_from_" in key and quantities.get(key.partition("_from_")[0]) is item


def _energies(regimes: Regimes) -> Markup:
    """Return the energies and the crossover of a fit with their profile intervals, one a line."""
    lines = []
    for key, item in regimes.quantities.items():
        if key.startswith("x0"):
            continue
        symbol = symbol_of(key)
        line = Markup("{} = {}").format(html(symbol), measured(item, symbol.unit) or DASH)
        interval = item.extra.get("ci95")
        if interval and None not in interval:
            ends = " to ".join(plain_number(end, 6) for end in interval)
            line += Markup("<small>95 %: {} {}</small>").format(ends, symbol.unit)
        lines.append(Markup("<div>{}</div>").format(line))
    return Markup("").join(lines)


def _rows(key: str, item: Any, path: str = "") -> Iterator[tuple[Markup, Markup | str, str]]:
    """Yield rows of nested quantities; curves are in the figures and the results document."""
    symbol = symbol_of(key)
    head = Markup("{}{}").format(f"{path}: " if path else "", html(symbol))
    if isinstance(item, Quantity):
        unit = "%" if path.startswith("TMR") and key == "height" else symbol.unit
        remark = item.note or ""
        source = _SOURCES.get(str(item.extra.get("source")), "")
        small = "; ".join(part for part in (source, *small_print(item, unit)) if part)
        text = measured(item, unit) or DASH
        yield head, text, "; ".join(part for part in (small, remark) if part)
    elif isinstance(item, Mapping):
        reason = _all_missing(item)
        if reason is not None:
            yield head, DASH, reason
            return
        for name, part in item.items():
            yield from _rows(name, part, f"{path} {symbol.plain}".strip())
    elif isinstance(item, float):
        yield head, amount(item, symbol.unit), ""
    elif isinstance(item, list | tuple):
        for number, part in enumerate(item, 1):
            if isinstance(part, Mapping):
                yield from _rows(f"{key} {number}", part, path)
    elif isinstance(item, Curve) and item.note:
        yield head, "a curve, see the figure", item.note


def _all_missing(item: Mapping[str, Any]) -> str | None:
    """Return the reason if all of several quantities are missing for the same one."""
    parts = [part for part in item.values() if isinstance(part, Quantity)]
    reasons = {part.note for part in parts if part.value is None}
    if len(parts) == len(item) and len(reasons) == 1 and all(p.value is None for p in parts):
        return reasons.pop()
    return None


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check of a device, or the verdict on all of them; `outcome` has a sign and a word."""

    name: str
    conditions: str
    outcome: str
    reason: str
    is_bad: bool


#: A sign and a word: nothing is told by colour alone.
_OUTCOMES = {"passed": "✓ passed", "failed": "✗ FAILED", "undecided": "? undecided"}
_VERDICTS = {1.0: "✓ confirmed", 0.0: "✗ NOT confirmed", None: "? not confirmed yet"}


def check_rows(groups: Sequence[Group]) -> list[CheckRow]:
    """Return the checks of a device with the verdict at the end; nothing without checks."""
    rows = []
    for group in groups:
        if group.kind != "controls":
            continue
        rows += [
            CheckRow(
                check.name, conditions_text(check.conditions), _OUTCOMES[check.outcome],
                check.reason, check.outcome == "failed",
            )
            for check in group.checks
        ]  # fmt: skip
        verdict = group.quantities["confirmed"]
        assert isinstance(verdict, Quantity)
        rows.append(
            CheckRow("all", "", _VERDICTS[verdict.value], verdict.note or "", verdict.value == 0.0)
        )
    return rows


def verdicts(groups: Sequence[Group]) -> dict[str, str]:
    """Return the verdict of the controls for each device that has any."""
    return {
        group.device: _VERDICTS[group.quantities["confirmed"].value]
        for group in groups
        if group.kind == "controls"
    }


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One feature of dI/dV in one run; `run` counts the report's runs from 1."""

    run: int
    conditions: str
    direction: str
    position: str
    fwhm: str
    prominence: str
    over_error: str
    over_kt: str
    t_eff: str


def feature_rows(members: Sequence[Member]) -> list[FeatureRow]:
    """Return the features of a device's runs, by run, direction and position."""
    rows = []
    for member in members:
        found: Any = member.result.quantities.get("features") or ()
        for item in found:
            rows.append(
                FeatureRow(
                    run=member.index + 1,
                    conditions=conditions_text(member.conditions.to_json()),
                    direction=str(item.get("direction", "")),
                    position=_number(item.get("position_V"), "V"),
                    fwhm=_number(item.get("fwhm_meV"), "meV"),
                    prominence=_number(item.get("prominence_S"), "S"),
                    over_error=_number(item.get("prominence_over_error"), ""),
                    over_kt=_number(item.get("fwhm_over_kT"), ""),
                    t_eff=_number(item.get("t_eff_K"), "K"),
                )
            )
    return rows


def _number(item: Any, unit: str) -> str:
    if isinstance(item, Quantity):
        return measured(item, unit) or DASH
    if isinstance(item, int | float):
        return typeset(plain_number(float(item), 3))
    return DASH
