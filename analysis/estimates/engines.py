"""Reported spin engines (Chowrira 2020, Table 1), and a device as a row among them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from nanojunction.analysis.calibration import number
from nanojunction.analysis.devices.generating import generating
from nanojunction.analysis.devices.groups import run_name
from nanojunction.analysis.estimates.device_file import Stated
from nanojunction.analysis.geometry import Area, circle_m2
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity, plain

ROOM_K = 295.0
NEAR_ROOM_K = 10.0
_NOT_STATED = "not stated in the papers"


@dataclass(frozen=True, slots=True)
class Engine:
    """A spin engine at one temperature; texts are "" where nothing is stated.

    `reference` is the publication, or the device's name; `source` where the numbers stand; `run`
    the run they were measured in, None for published ones.
    """

    selector: str
    centre: str
    temperature_K: float | None
    field_T: float | None
    p_max_W: Quantity
    v_off_V: Quantity
    area: Area | None
    reference: str
    source: str
    run: str | None = None

    @property
    def power_per_area_W_per_cm2(self) -> Quantity:
        """P_max over the junction's own area."""
        if self.area is None:
            return Quantity(None, note="the size of the junction is not stated")
        if self.p_max_W.value is None:
            return self.p_max_W
        area_cm2 = self.area.area_m2 * 1e4
        value = self.p_max_W.value / area_cm2
        if self.p_max_W.stderr is None:
            return Quantity(value)
        of_size = value * self.area.relative_error
        return Quantity(value, math.hypot(self.p_max_W.stderr / area_cm2, of_size))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "selector": self.selector or None,
            "centre": self.centre or None,
            "temperature_K": self.temperature_K,
            "field_T": self.field_T,
            "p_max_W": plain(self.p_max_W),
            "v_off_V": plain(self.v_off_V),
            "power_per_area_W_per_cm2": plain(self.power_per_area_W_per_cm2),
            "reference": self.reference,
            "source": self.source,
            "run": self.run,
        }


@cache
def published_engines() -> tuple[Engine, ...]:
    """Return the published spin engines, in the order of the table.

    >>> [f"{one.temperature_K:g} K, {one.p_max_W.value:.3g} W" for one in published_engines()][2:4]
    ['295 K, 1e-10 W', '360 K, 2.4e-08 W']
    """
    data = resources.files("nanojunction.sample_data") / "spin-engines.toml"
    rows = tomllib.loads(data.read_text(encoding="utf-8"))["engines"]
    return tuple(
        Engine(
            selector=row["selector"],
            centre=row["centre"],
            temperature_K=row["temperature_K"],
            field_T=row.get("field_T"),
            p_max_W=Quantity(row["p_max_W"]),
            v_off_V=Quantity(row.get("v_off_V"), note=None if "v_off_V" in row else _NOT_STATED),
            area=_area(row["diameter_m"], row["source"]) if "diameter_m" in row else None,
            reference=row["reference"],
            source=row["source"],
        )
        for row in rows
    )


def _area(diameter_m: float, source: str) -> Area:
    return Area(circle_m2(diameter_m), 0.0, f"diameter {diameter_m * 1e9:g} nm", source)


def device_engines(device: str, results: Sequence[RunResult], stated: Stated) -> list[Engine]:
    """Return a device as rows for the table: the runs that stand for it, the hottest first.

    They are the run of the largest P_max, the coldest and the hottest one, and that nearest to room
    temperature (within 10 K) unless the first one is, among those that generate power beyond the
    measuring line (all that generate where there is no comparison). None stands for a device that
    generates nothing.
    """
    runs, ground = generating(results)
    if not runs:
        return []
    chosen = [max(runs, key=lambda r: number(r.quantities, "p_max_W").value or 0.0)]
    known = [(t, r) for r in runs if (t := r.run.conditions.temperature_K) is not None]
    room = [(abs(t - ROOM_K), r) for t, r in known if abs(t - ROOM_K) <= NEAR_ROOM_K]
    if room and not any(r is chosen[0] for _, r in room):
        chosen.append(min(room, key=_kelvin)[1])
    if len({round(t) for t, _ in known}) > 1:  # repeats at one temperature are one row
        chosen += [min(known, key=_kelvin)[1], max(known, key=_kelvin)[1]]
    rows = {id(r): _row(device, r, stated, ground) for r in chosen}
    return sorted(rows.values(), key=lambda row: -(row.temperature_K or 0.0))


def _kelvin(one: tuple[float, RunResult]) -> float:
    return one[0]


def _row(device: str, result: RunResult, stated: Stated, ground: str) -> Engine:
    held = result.run.conditions
    return Engine(
        selector=stated.selector,
        centre=stated.centre,
        temperature_K=held.temperature_K,
        field_T=held.field_T,
        p_max_W=number(result.quantities, "p_max_W"),
        v_off_V=number(result.quantities, "v_off_V"),
        area=stated.area,
        reference=device,
        source=f"this analysis; {ground}",
        run=run_name(result.run),
    )
