"""Runs that belong together: temperature series, states of a field, calibrations and repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nanojunction.analysis.averages import weighted_mean
from nanojunction.analysis.calibration import MeasuringLine, is_calibration, number
from nanojunction.analysis.devices.checks import Check
from nanojunction.analysis.devices.clusters import (
    by_setup,
    by_state,
    by_temperature,
    common_field_T,
    mean_temperature_K,
    setup_of,
)
from nanojunction.analysis.field.magneto import analyse_magneto
from nanojunction.analysis.field.states import LARGEST_AGAINST_ZERO, FieldReference, choose_states
from nanojunction.analysis.lookup import Lookup
from nanojunction.analysis.notation import plain_number, symbol_of
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.temperature.activation import Arrhenius, ThermalPoint, fit_arrhenius
from nanojunction.analysis.values import Quantity, plain

GroupKind = Literal["arrhenius", "magneto", "calibration", "repeat", "controls"]

SERIES_TEMPERATURES = 4
"""Different temperatures at one field that make a temperature series."""

TOO_MUCH_SCATTER = 3.0
"""Repeats that scatter so many times their standard errors are warned of."""

_SIGNED: Mapping[str, bool] = {
    "r_s_ohm": False,
    "v_off_V": True,
    "i_off_A": True,
    "p_max_W": False,
}
_REPEATED = (*_SIGNED, "v_at_p_max_V", "fill_factor")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Group(Lookup):
    """Quantities that need several runs of one device.

    `quantities` may be nested mappings, lists, Quantity and Curve. `conditions` are what the runs
    have in common. `runs` names the members, `checks` are those of kind `controls`.
    """

    kind: GroupKind
    device: str
    quantities: Mapping[str, Any]
    runs: tuple[str, ...]
    conditions: Mapping[str, float | str | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of one group."""
        checks = {"checks": [check.to_json() for check in self.checks]} if self.checks else {}
        return {
            "kind": self.kind,
            "device": self.device,
            "conditions": plain(self.conditions),
            "runs": list(self.runs),
            "quantities": {
                key: item.to_json() if hasattr(item, "to_json") else _plain(item)
                for key, item in self.quantities.items()
            },
            **checks,
            "warnings": list(self.warnings),
        }


def _plain(item: Any) -> Any:
    """Return nested results as plain JSON."""
    if isinstance(item, Mapping):
        return {key: _plain(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [_plain(value) for value in item]
    return item.to_json() if hasattr(item, "to_json") else plain(item)


def run_name(run: Run) -> str:
    """Return how a run is named in exclusions: its file, and its plateau where it has several."""
    return run.file.as_posix() if run.segment is None else f"{run.file.as_posix()}#{run.segment}"


def find_groups(
    results: Sequence[RunResult],
    line: MeasuringLine | None = None,
    reference: FieldReference = LARGEST_AGAINST_ZERO,
) -> list[Group]:
    """Return all groups among the results of runs, device by device in order of appearance.

    `calibration`: the runs of a calibrated resistor. `arrhenius`: I(V) at four temperatures or
    more at one field. `magneto`: at one temperature I(H), or I(V) in two states or fields.
    `repeat`: I(V) several times under the same conditions. Runs that differ in polarity, wires,
    heater or an open output before are in different groups. `reference` says which fields of I(H)
    are compared.

    >>> results = [analyse_iv(run) for run in load_runs(campaign / "B_40K-105K.csv")]
    >>> [(group.kind, group.device, len(group.runs)) for group in find_groups(results)]
    [('arrhenius', 'B', 7)]
    """
    devices: dict[str, list[RunResult]] = {}
    for result in results:
        devices.setdefault(result.run.device, []).append(result)
    groups: list[Group] = []
    for device, members in devices.items():
        resistor = [r for r in members if is_calibration(r.run)]
        iv = [r for r in members if r.run.kind == "iv" and not is_calibration(r.run)]
        ih = [r for r in members if r.run.kind == "ih"]
        if resistor:
            groups.append(_calibration(device, resistor))
        for same in by_setup([*iv, *ih]):
            own = [r for r in same if r.run.kind == "iv"]
            loops = [r for r in same if r.run.kind == "ih"]
            groups.extend(_temperature_series(device, own))
            groups.extend(_magneto(device, own, loops, line, reference))
            groups.extend(_repeats(device, own))
    return groups


def _calibration(device: str, members: Sequence[RunResult]) -> Group:
    quantities = {
        key: weighted_mean([number(r.quantities, key) for r in members])
        for key in ("r_s_ohm", "v_off_V", "i_off_A")
    }
    return Group("calibration", device, quantities, _names(members))


def _temperature_series(device: str, iv: Sequence[RunResult]) -> list[Group]:
    """Return one group for each field (and state) with enough different temperatures."""
    groups: list[Group] = []
    if len(iv) < SERIES_TEMPERATURES:
        return groups
    for members in by_state(iv):
        warm = [r for r in members if r.run.conditions.temperature_K is not None]
        if len(by_temperature(warm)) < SERIES_TEMPERATURES:
            continue
        quantities = {
            key: fit_arrhenius([_thermal_point(r, key) for r in warm], signed=signed)
            for key, signed in _SIGNED.items()
        }
        left_out = [run_name(r.run) for r in members if r.run.conditions.temperature_K is None]
        warnings = (
            *((f"no temperature: {', '.join(left_out)}",) if left_out else ()),
            *(text for key, fit in quantities.items() for text in _single_points(key, fit)),
        )
        common = {
            "field_T": common_field_T(warm),
            "state": warm[0].run.conditions.state,
            **setup_of(warm[0]).to_json(),
        }
        groups.append(Group("arrhenius", device, quantities, _names(warm), common, warnings))
    return groups


def _single_points(key: str, fit: Arrhenius) -> Iterator[str]:
    """Yield a warning for each point that stands out, or on which the choice of regimes rests."""
    name = symbol_of(key).plain
    for point in fit.influence.outliers:
        over = plain_number(point.over_error, 2)
        yield (
            f"{name}: {point.name} ({point.temperature_K:.4g} K) lies {over} standard errors from "
            "what the other points lead to; it is fitted nevertheless"
        )
    if fit.influence.rests_on:
        other = "one regime" if fit.best == "two-regime" else "two regimes"
        yield (
            f"{name}: without any one of {', '.join(fit.influence.rests_on)}, {other} would be "
            "preferred"
        )


def _thermal_point(result: RunResult, key: str) -> ThermalPoint:
    quantity = number(result.quantities, key)
    return ThermalPoint(
        run_name(result.run), result.run.conditions.temperature_K, quantity.value, quantity.stderr
    )


def _magneto(
    device: str,
    iv: Sequence[RunResult],
    ih: Sequence[RunResult],
    line: MeasuringLine | None,
    reference: FieldReference,
) -> list[Group]:
    groups: list[Group] = []
    if not ih and len(iv) < 2:
        return groups
    for members in by_temperature([*iv, *ih]):
        pairs = [r for r in members if r.run.kind == "iv"]
        loops = [r for r in members if r.run.kind == "ih"]
        # Fields that are given and were not measured are no reason to say nothing of two states.
        if not loops and not any(
            choose_states(pairs, one) for one in (reference, LARGEST_AGAINST_ZERO)
        ):
            continue
        quantities, warnings = analyse_magneto(pairs, loops, line, reference)
        common = {"temperature_K": mean_temperature_K(members), **setup_of(members[0]).to_json()}
        groups.append(Group("magneto", device, quantities, _names(members), common, warnings))
    return groups


def _repeats(device: str, iv: Sequence[RunResult]) -> list[Group]:
    groups: list[Group] = []
    if len(iv) < 2:
        return groups
    for same_state in by_state(iv):
        for members in by_temperature(same_state):
            if len(members) < 2:
                continue
            quantities = {
                key: weighted_mean([number(r.quantities, key) for r in members])
                for key in _REPEATED
            }
            common = {
                "temperature_K": mean_temperature_K(members),
                "field_T": common_field_T(members),
                "state": members[0].run.conditions.state,
                **setup_of(members[0]).to_json(),
            }
            warnings = _scattered(quantities)
            groups.append(Group("repeat", device, quantities, _names(members), common, warnings))
    return groups


def _scattered(quantities: Mapping[str, Quantity]) -> tuple[str, ...]:
    """Return a warning for each quantity whose repeats differ by more than their errors allow."""
    return tuple(
        f"{symbol_of(key).plain}: the repeats scatter {plain_number(ratio, 2)}× their standard "
        "errors; the junction or the line changed between them"
        for key, quantity in quantities.items()
        if (ratio := quantity.extra.get("scatter_over_stderr") or 0.0) > TOO_MUCH_SCATTER
    )


def _names(members: Sequence[RunResult]) -> tuple[str, ...]:
    return tuple(run_name(r.run) for r in members)
