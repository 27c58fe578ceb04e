"""What referees ask for: is the effect the junction's own, and does it stay?

Chowrira 2020 (footnote a, Methods: heater off, reference junctions, calibrated resistors) and
Katcko 2019 (Methods: four wires, heater off, repeated sweeps) give such controls by hand; here
every check that a device's runs allow is made. docs/controls.md states the rules.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nanojunction.analysis.calibration import is_calibration
from nanojunction.analysis.controls.over_time import drift_check, legs_check, rest_check
from nanojunction.analysis.controls.pairs import (
    heater_check,
    names_of,
    output_check,
    polarity_check,
    reference_check,
    wires_check,
)
from nanojunction.analysis.controls.verdict import group_of
from nanojunction.analysis.devices.checks import Check, Conditions
from nanojunction.analysis.devices.clusters import (
    by_setup,
    by_state,
    by_temperature,
    common_field_T,
    mean_temperature_K,
    same_temperature_K,
    setup_of,
)
from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.run import Run
from nanojunction.analysis.run_result import RunResult

_REFERENCE_NAME = re.compile(r"(bare|reference)(?![a-z])", re.IGNORECASE)

NEAR_TEMPERATURE = 0.3
"""Runs with the heater off are compared with those with it on this close (a fraction of T)."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """The runs of a device at one temperature and field, set up in the same way."""

    runs: tuple[RunResult, ...]

    @property
    def iv(self) -> list[RunResult]:
        """The I(V) among them."""
        return [result for result in self.runs if result.run.kind == "iv"]

    def key(self, *ignored: str) -> tuple[object, ...]:
        """Return the setup as something to compare, without the parts `ignored`."""
        setup = setup_of(self.runs[0])
        parts = {
            "polarity": setup.is_reversed,
            "wires": setup.wires,
            "heater": setup.heater == "off",
            "output": setup.output == "off",
        }
        return tuple(value for key, value in parts.items() if key not in ignored)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """The cells of a device at one temperature and field; `field` counts the fields and states."""

    cells: tuple[Cell, ...]
    field: int

    @property
    def conditions(self) -> Conditions:
        """Temperature, field and state."""
        runs = [result for cell in self.cells for result in cell.runs]
        return {
            "temperature_K": mean_temperature_K(runs),
            "field_T": common_field_T(runs),
            "state": runs[0].run.conditions.state,
        }


def is_reference(run: Run) -> bool:
    """Tell whether a run is of a bare channel or a reference junction.

    Its device, or its position of the switch, is called bare… or reference….
    """
    names = (run.device, run.conditions.position or "")
    return any(_REFERENCE_NAME.match(name) is not None for name in names)


def find_controls(results: Sequence[RunResult]) -> list[Group]:
    """Return a group of kind `controls` for every device whose runs allow a check.

    >>> volts = [-0.01, -0.005, 0.0, 0.005, 0.01]
    >>> amperes = [(v - 4e-3) / 157 for v in volts]
    >>> once = analyse_iv(voltage_V=volts, current_A=amperes, temperature_K=240)
    >>> find_controls([once])  # there is nothing to compare with
    []
    """
    references: dict[str, list[RunResult]] = {}
    devices: dict[str, list[RunResult]] = {}
    for result in results:
        run = result.run
        if is_reference(run):
            references.setdefault(run.device, []).append(result)
        elif run.kind in ("iv", "it", "vt") and not is_calibration(run):
            devices.setdefault(run.device, []).append(result)
    groups = []
    for device, members in devices.items():
        places = _places(members)
        checks = [check for place in places for check in _checks_at(place, places)]
        checks += _against_references(places, references)
        if checks:
            groups.append(group_of(device, members, [*checks, *_legs(members)]))
    return groups


def _places(members: Sequence[RunResult]) -> list[Place]:
    """Return runs by field and temperature; a sample that cools, its heater off, is by itself."""
    places = []
    for field, same_state in enumerate(by_state(members)):
        cooling = [r for r in same_state if setup_of(r).heater == "off"]
        steady = [r for r in same_state if setup_of(r).heater != "off"]
        for at in (*by_temperature(steady), *by_temperature(cooling)):
            places.append(Place(tuple(Cell(tuple(cell)) for cell in by_setup(at)), field))
    return places


def _checks_at(place: Place, places: Sequence[Place]) -> Iterator[Check]:
    cells = [cell for cell in place.cells if cell.iv]
    conditions = place.conditions if cells else {}
    for cell in cells:
        setup = setup_of(cell.runs[0])
        held = {**conditions, **setup.to_json()}
        if setup.is_reversed:
            yield _polarity(cell, _counterpart(cell, cells, "polarity"), held)
        if setup.heater == "off":
            alike = [other for other in places if other.field == place.field]
            yield from _heater(cell, alike, held)
        if setup.output == "off":
            kept = _counterpart(cell, cells, "output")
            if kept is not None:
                yield output_check(kept.iv, cell.iv, _without(held, "output"))
        if setup.wires == 2:
            four = _counterpart(cell, cells, "wires")
            if four is not None:
                yield wires_check(cell.iv, four.iv, _without(held, "wires"))
        at_rest = [r for r in cell.runs if r.run.kind in ("it", "vt")]
        for check in (rest_check(cell.iv, at_rest, held), drift_check(cell.iv, held)):
            if check is not None:
                yield check


def _legs(members: Sequence[RunResult]) -> list[Check]:
    """Return the check of the run with the most legs: one a device, since it needs fits of legs."""
    swept = [result for result in members if result.run.kind == "iv"]
    most = max(swept, key=lambda result: int(result.run.leg.max(initial=0)), default=None)
    if most is None:
        return []
    place = Place((Cell((most,)),), 0)
    check = legs_check(most, {**place.conditions, **setup_of(most).to_json()})
    return [] if check is None else [check]


def _counterpart(cell: Cell, cells: Sequence[Cell], part: str) -> Cell | None:
    """Return the cell that differs in one part of the setup only."""
    for other in cells:
        if other is cell or other.key(part) != cell.key(part):
            continue
        if part != "wires" or setup_of(other.runs[0]).wires == 4:
            return other
    return None


def _without(conditions: Conditions, *keys: str) -> Conditions:
    return {key: value for key, value in conditions.items() if key not in keys}


def _polarity(cell: Cell, normal: Cell | None, held: Conditions) -> Check:
    conditions = _without(held, "polarity")
    if normal is not None:
        return polarity_check(normal.iv, cell.iv, conditions)
    reason = (
        "there is no run in normal polarity to compare with, at the same temperature and field, "
        "with the same wires, heater and output before"
    )
    return Check("polarity", "undecided", {}, reason, conditions, names_of(cell.iv))


def _heater(cell: Cell, places: Sequence[Place], held: Conditions) -> Iterator[Check]:
    """Yield the check of a cell with the heater off, against the nearest with the heater on.

    The sample cools while its heater is off. Offsets that keep nevertheless are there without the
    heater; a change may be the temperature's, and then decides nothing.
    """
    here_K = mean_temperature_K(cell.iv)
    others = [other for place in places for other in place.cells if other.iv]
    warm = [
        (_apart_K(here_K, mean_temperature_K(other.iv)), other)
        for other in others
        if other.key("heater") == cell.key("heater") and other.key() != cell.key()
    ]
    apart_K, nearest = min(warm, key=lambda item: item[0], default=(math.inf, None))
    if nearest is None or apart_K > NEAR_TEMPERATURE * (here_K or 0.0):
        return
    conditions = _without(held, "heater")
    powered = [result for result in nearest.iv if _may_have_power(result)]
    if not powered:
        reason = "the heater gave no power in the other runs either: go where it is needed"
        names = names_of(nearest.iv, cell.iv)
        yield Check("heater", "undecided", {}, reason, conditions, names)
        return
    check = heater_check(powered, cell.iv, conditions)
    if check.outcome == "failed" and apart_K > same_temperature_K(here_K or 0.0):
        reason = f"{check.reason}; the sample was {apart_K:.2g} K away, which may be why"
        check = replace(check, outcome="undecided", reason=reason)
    yield check


def _apart_K(one_K: float | None, other_K: float | None) -> float:
    """Return the distance (K) of two temperatures: none where neither is known."""
    if one_K is None or other_K is None:
        return 0.0 if one_K is other_K else math.inf
    return abs(one_K - other_K)


def _may_have_power(result: RunResult) -> bool:
    """Tell whether the heater was on, or the file does not speak of it."""
    return setup_of(result).heater == "on" or "Heater off" not in result.run.header


def _against_references(
    places: Sequence[Place], references: dict[str, list[RunResult]]
) -> Iterator[Check]:
    """Yield one check a reference, at the temperature of the device nearest to the reference's.

    Its runs that are set up like the device's are taken where there are any, else all of them.
    """
    own = [
        (place, cell.iv)
        for place in places
        for cell in place.cells
        if cell.iv and not setup_of(cell.runs[0]).is_reversed
    ]
    for members in references.values():
        swept = [r for r in members if r.run.kind in ("iv", "calibration")]
        its = [r for r in swept if not setup_of(r).is_reversed]
        if not its or not own:
            continue
        place, device = min(own, key=lambda item: _distance(item[0], item[1], its))
        alike = [r for r in its if Cell((r,)).key() == Cell(tuple(device)).key()]
        held = {**place.conditions, **setup_of(device[0]).to_json()}
        yield reference_check(device, alike or its, held)


def _distance(
    place: Place, device: Sequence[RunResult], reference: Sequence[RunResult]
) -> tuple[bool | float | str, ...]:
    """Return how unlike a device's runs and a reference's are: their setup, and kelvins apart.

    Among runs that are equally near, those with the usual setup and the smallest field are nearer.
    """
    setup, held = setup_of(device[0]), place.conditions
    is_unlike = Cell(tuple(device)).key() not in {Cell((r,)).key() for r in reference}
    apart_K = _apart_K(mean_temperature_K(device), mean_temperature_K(reference))
    unusual = (setup.output == "off", setup.heater == "off", setup.wires or 0)
    field_T = float(held["field_T"] or 0.0)
    return is_unlike, apart_K, *unusual, abs(field_T), field_T, str(held["state"])
