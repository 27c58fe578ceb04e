"""The estimates of each device: from its runs, and from what is stated about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nanojunction.analysis.calibration import is_calibration, number
from nanojunction.analysis.devices.generating import largest_power
from nanojunction.analysis.devices.groups import run_name
from nanojunction.analysis.estimates.device_file import NOTHING, Devices, Stated
from nanojunction.analysis.estimates.engines import Engine, device_engines
from nanojunction.analysis.estimates.formulas import (
    COPC_SITES_PER_M2,
    COPC_SOURCE,
    paramagnetic_sites,
    ra_product,
)
from nanojunction.analysis.geometry import Area
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity, plain

_UM2_PER_M2 = 1e12
_CM2_PER_M2 = 1e4


@dataclass(frozen=True, slots=True)
class Assumption:
    """What an estimate rests on and no run shows: what, how much, and who says so."""

    what: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class DeviceEstimates:
    """The estimates of a device, made from the run `run` (the largest P_max), and what they assume.

    `power_from` is the ground on which the power counts as the device's own, or why none does.
    `engines` are the device's rows for the comparison with published spin engines.
    """

    device: str
    run: str | None
    power_from: str
    quantities: Mapping[str, Quantity]
    assumptions: tuple[Assumption, ...]
    engines: tuple[Engine, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "device": self.device,
            "run": self.run,
            "power_from": self.power_from,
            "quantities": {key: plain(one) for key, one in self.quantities.items()},
            "assumptions": [
                {"what": one.what, "value": one.value, "source": one.source}
                for one in self.assumptions
            ],
            "engines": [one.to_json() for one in self.engines],
        }


def with_ra_product(result: RunResult, devices: Devices) -> RunResult:
    """Return an I(V) of a junction with `ra_ohm_um2` where its size is known, else as it is.

    What `devices` states holds; else the size that the run's notes or header state.
    """
    area = devices.stated(result.run.device).area or result.run.area
    if area is None:
        return result
    product = ra_product(number(result.quantities, "r_s_ohm"), area)
    return replace(result, quantities={**result.quantities, "ra_ohm_um2": product})


def estimates_of(results: Sequence[RunResult], devices: Devices) -> tuple[DeviceEstimates, ...]:
    """Return the estimates of each device.

    What `devices` states holds; else the size that a run's notes or header state. A device of which
    nothing is stated has them only if it is beyond the measuring line.
    """
    members: dict[str, list[RunResult]] = {}
    for one in results:
        if one.run.kind == "iv" and not is_calibration(one.run):
            members.setdefault(one.run.device, []).append(one)
    estimates = []
    for device, own in members.items():
        areas = [area for result in own if (area := result.run.area) is not None]
        stated = devices.stated(device).over(Stated(area=_agreed(areas)))
        beyond = any(number(r.quantities, "candidate").value == 1.0 for r in own)
        if stated != NOTHING or beyond:
            estimates.append(estimate(device, own, stated))
    return tuple(estimates)


def _agreed(areas: Sequence[Area]) -> Area | None:
    """Return the area that the runs of a device state, None where they contradict each other."""
    if not areas or max(a.area_m2 for a in areas) > 1.01 * min(a.area_m2 for a in areas):
        return None
    return areas[0]


def estimate(device: str, results: Sequence[RunResult], stated: Stated) -> DeviceEstimates:
    """Return the estimates of a device from its I(V) runs and what is stated about it."""
    power, best, why = largest_power(results)
    shown = best or next((r for r in results if number(r.quantities, "r_s_ohm").value), None)
    resistance = Quantity(None, note="no run has a slope resistance")
    if shown is not None:
        resistance = number(shown.quantities, "r_s_ohm")
    area, sites = stated.area, _sites(stated)
    no_area = Quantity(None, note="the size is not stated: give the diameter or the area")
    quantities = {
        "area_um2": no_area,
        "ra_ohm_um2": no_area,
        "p_max_W": power,
        "power_per_area_W_per_cm2": no_area,
        "array_power_W_per_cm2": _of_array(power, stated.pitch_m),
        "sites": sites,
        "power_per_site_W": _ratio(power, sites),
    }
    if area is not None:
        quantities["area_um2"] = Quantity(area.area_m2 * _UM2_PER_M2, area.stderr_m2 * _UM2_PER_M2)
        quantities["ra_ohm_um2"] = ra_product(resistance, area)
        in_cm2 = Quantity(area.area_m2 * _CM2_PER_M2, area.stderr_m2 * _CM2_PER_M2)
        quantities["power_per_area_W_per_cm2"] = _ratio(power, in_cm2)
    return DeviceEstimates(
        device,
        None if shown is None else run_name(shown.run),
        why,
        quantities,
        tuple(_assumptions(stated)),
        tuple(device_engines(device, results, stated)),
    )


def _of_array(power: Quantity, pitch_m: float | None) -> Quantity:
    if pitch_m is None:
        return Quantity(None, note="the pitch of an array is not stated")
    return _ratio(power, Quantity(pitch_m**2 * _CM2_PER_M2, 0.0))


def _sites(stated: Stated) -> Quantity:
    if stated.sites is not None:
        return Quantity(stated.sites)
    if stated.layers is None and stated.sites_per_m2 is None:
        return Quantity(
            None, note="neither layers nor density of the paramagnetic centres is stated"
        )
    if stated.area is None:
        return Quantity(None, note="the size is not stated: give the diameter or the area")
    density = stated.sites_per_m2 or COPC_SITES_PER_M2
    layers = stated.layers if stated.layers is not None else 1.0
    count = paramagnetic_sites(stated.area.area_m2, layers, density)
    note = "a nominal number: how many of them take part is not known"
    return Quantity(count, count * stated.area.relative_error, note)


def _ratio(above: Quantity, below: Quantity) -> Quantity:
    """Return a quotient with its error; missing where one of both is, for the same reason."""
    if above.value is None or below.value is None:
        return Quantity(None, note=above.note if above.value is None else below.note)
    value = above.value / below.value
    if above.stderr is None:
        return Quantity(value, None, "the error of the power is not known")
    parts = above.stderr / below.value, value * (below.stderr or 0.0) / below.value
    return Quantity(value, math.hypot(*parts))


def _assumptions(stated: Stated) -> list[Assumption]:
    found = []
    if stated.area is not None:
        found.append(Assumption("size of the junction", stated.area.stated, stated.area.source))
    if stated.pitch_m is not None:
        value = f"{stated.pitch_m * 1e9:.4g} nm, one junction in each cell, none of its power lost"
        found.append(Assumption("pitch of the array", value, "stated"))
    if stated.sites is not None:
        found.append(Assumption("paramagnetic centres", f"{stated.sites:.6g}", "stated"))
    elif stated.layers is not None or stated.sites_per_m2 is not None:
        layers = "1" if stated.layers is None else f"{stated.layers:g}"
        said = "not stated, taken as 1" if stated.layers is None else "stated"
        found.append(Assumption("layers of paramagnetic centres", layers, said))
        density = stated.sites_per_m2 or COPC_SITES_PER_M2
        source = COPC_SOURCE if stated.sites_per_m2 is None else "stated"
        found.append(Assumption("centres in a layer", f"{density * 1e-18:.4g} per nm²", source))
    return found
