"""Runs that belong together: temperature series, states of a field, calibrations and repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from nanojunction.analysis.arrhenius import ThermalPoint, fit_arrhenius
from nanojunction.analysis.averages import weighted_mean
from nanojunction.analysis.calibration import MeasuringLine, is_calibration, number
from nanojunction.analysis.iv import RunResult
from nanojunction.analysis.magneto import analyse_magneto
from nanojunction.analysis.run import Run
from nanojunction.analysis.states import LARGEST_AGAINST_ZERO, FieldReference, choose_states
from nanojunction.analysis.values import Quantity, plain

GroupKind = Literal["arrhenius", "magneto", "calibration", "repeat"]

SERIES_TEMPERATURES = 4
"""Different temperatures at one field that make a temperature series."""

SAME_TEMPERATURE_K, SAME_TEMPERATURE = 0.5, 0.003
SAME_FIELD_T, SAME_FIELD = 1e-3, 0.01
"""Conditions closer than this (or than this fraction) are the same."""

TOO_MUCH_SCATTER = 3.0
"""Repeats that scatter so many times their standard errors are warned of."""

_SIGNED: Mapping[str, bool] = {
    "r_s_ohm": False,
    "v_off_V": True,
    "i_off_A": True,
    "p_max_W": False,
}
_REPEATED = (*_SIGNED, "v_at_p_max_V", "fill_factor")


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Quantities that need several runs of one device.

    `quantities` may be nested mappings, lists, Quantity and Curve. `conditions` are what the runs
    have in common. `runs` names the members.
    """

    kind: GroupKind
    device: str
    quantities: Mapping[str, Any]
    runs: tuple[str, ...]
    conditions: Mapping[str, float | str | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of one group."""
        return {
            "kind": self.kind,
            "device": self.device,
            "conditions": plain(self.conditions),
            "runs": list(self.runs),
            "quantities": {
                key: item.to_json() if hasattr(item, "to_json") else _plain(item)
                for key, item in self.quantities.items()
            },
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
    `repeat`: I(V) several times under the same conditions. `reference` says which fields of I(H)
    are compared.
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
        groups.extend(_temperature_series(device, iv))
        groups.extend(_magneto(device, iv, ih, line, reference))
        groups.extend(_repeats(device, iv))
    return groups


def _calibration(device: str, members: Sequence[RunResult]) -> Group:
    quantities = {
        key: weighted_mean([number(r.quantities, key) for r in members])
        for key in ("r_s_ohm", "v_off_V", "i_off_A")
    }
    return Group("calibration", device, quantities, _names(members))


def _temperature_series(device: str, iv: Sequence[RunResult]) -> list[Group]:
    """Return one group for each field (and state) with enough different temperatures."""
    groups = []
    for members in _by_state(iv):
        warm = [r for r in members if r.run.conditions.temperature_K is not None]
        if len(_by_temperature(warm)) < SERIES_TEMPERATURES:
            continue
        quantities = {
            key: fit_arrhenius([_thermal_point(r, key) for r in warm], signed=signed)
            for key, signed in _SIGNED.items()
        }
        left_out = [run_name(r.run) for r in members if r.run.conditions.temperature_K is None]
        warnings = (f"no temperature: {', '.join(left_out)}",) if left_out else ()
        common = {"field_T": _common_field(warm), "state": warm[0].run.conditions.state}
        groups.append(Group("arrhenius", device, quantities, _names(warm), common, warnings))
    return groups


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
    groups = []
    for members in _by_temperature([*iv, *ih]):
        pairs = [r for r in members if r.run.kind == "iv"]
        loops = [r for r in members if r.run.kind == "ih"]
        if not loops and choose_states(pairs) is None:
            continue
        quantities, warnings = analyse_magneto(pairs, loops, line, reference)
        common = {"temperature_K": _mean_temperature(members)}
        groups.append(Group("magneto", device, quantities, _names(members), common, warnings))
    return groups


def _repeats(device: str, iv: Sequence[RunResult]) -> list[Group]:
    groups = []
    for same_state in _by_state(iv):
        for members in _by_temperature(same_state):
            if len(members) < 2:
                continue
            quantities = {
                key: weighted_mean([number(r.quantities, key) for r in members])
                for key in _REPEATED
            }
            common = {
                "temperature_K": _mean_temperature(members),
                "field_T": _common_field(members),
                "state": members[0].run.conditions.state,
            }
            warnings = _scattered(quantities)
            groups.append(Group("repeat", device, quantities, _names(members), common, warnings))
    return groups


def _scattered(quantities: Mapping[str, Quantity]) -> tuple[str, ...]:
    """Return a warning for each quantity whose repeats differ by more than their errors allow."""
    return tuple(
        f"{key}: the repeats scatter {ratio:.2g}× their standard errors; "
        "the junction or the line changed between them"
        for key, quantity in quantities.items()
        if (ratio := quantity.extra.get("scatter_over_stderr") or 0.0) > TOO_MUCH_SCATTER
    )


def _names(members: Sequence[RunResult]) -> tuple[str, ...]:
    return tuple(run_name(r.run) for r in members)


def _mean_temperature(members: Sequence[RunResult]) -> float | None:
    known = [t for r in members if (t := r.run.conditions.temperature_K) is not None]
    return float(np.mean(known)) if known else None


def _common_field(members: Sequence[RunResult]) -> float | None:
    known = [h for r in members if (h := r.run.conditions.field_T) is not None]
    return float(np.mean(known)) if known else None


def _by_temperature(members: Sequence[RunResult]) -> list[list[RunResult]]:
    """Return runs that share a temperature; those without one are together."""
    return _clusters(
        members,
        lambda r: r.run.conditions.temperature_K,
        lambda t: max(SAME_TEMPERATURE_K, SAME_TEMPERATURE * abs(t)),
    )


def _by_state(members: Sequence[RunResult]) -> list[list[RunResult]]:
    """Return runs that share a field and a stated magnetic state."""
    out = []
    states = dict.fromkeys(r.run.conditions.state for r in members)
    largest = max((abs(r.run.conditions.field_T or 0.0) for r in members), default=0.0)
    for state in states:
        out.extend(
            _clusters(
                [r for r in members if r.run.conditions.state == state],
                lambda r: r.run.conditions.field_T,
                lambda _: max(SAME_FIELD_T, SAME_FIELD * largest),
            )
        )
    return out


def _clusters(
    members: Sequence[RunResult],
    value: Callable[[RunResult], float | None],
    width: Callable[[float], float],
) -> list[list[RunResult]]:
    """Return runs whose values lie within a width of the lowest of them, unknown ones together."""
    unknown = [r for r in members if value(r) is None]
    known = sorted(((v, k) for k, r in enumerate(members) if (v := value(r)) is not None))
    out: list[list[RunResult]] = []
    start = 0.0
    for at, index in known:
        if out and at - start <= width(start):
            out[-1].append(members[index])
        else:
            out.append([members[index]])
            start = at
    return [*out, *([unknown] if unknown else [])]
