"""Finding one number in an analysis: by device, condition and quantity, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanojunction.analysis.analyse import Analysis
from nanojunction.analysis.run import RunKind
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Curve, Quantity

#: How far a run may lie from the condition asked for.
NEAR_K, NEAR_T = 3.0, 0.02


def missing(why: str) -> Quantity:
    """Return a quantity that was not found, with the reason."""
    return Quantity(None, note=why)


def exact(value: float, note: str | None = None) -> Quantity:
    """Return a count or a criterion, which has no standard error."""
    return Quantity(value, 0.0, note)


@dataclass(frozen=True, slots=True)
class Found:
    """Looks numbers up in an analysis; what is not there comes back as a Quantity with a note."""

    analysis: Analysis

    def runs(
        self,
        device: str,
        kind: RunKind = "iv",
        *,
        temperature_K: float | None = None,
        field_T: float | None = None,
    ) -> list[RunResult]:
        """Return the runs of a device near a temperature (K) and a field (T)."""
        return [
            result
            for result in self.analysis.run_results
            if result.run.device == device
            and result.run.kind == kind
            and _near(result.run.conditions.temperature_K, temperature_K, NEAR_K)
            and _near(result.run.conditions.field_T, field_T, NEAR_T)
        ]

    def best(self, key: str, device: str, kind: RunKind = "iv", **conditions: float) -> Quantity:
        """Return a quantity from the run that knows it best (smallest standard error)."""
        runs = self.runs(device, kind, **conditions)
        known = [
            quantity
            for result in runs
            if isinstance(quantity := result.quantities.get(key), Quantity)
            and quantity.value is not None
            and quantity.stderr is not None
        ]
        if known:
            return min(known, key=lambda quantity: quantity.stderr or 0.0)
        return missing(f"no run of {device} there gives {key}")

    def group(self, kind: str, device: str) -> Mapping[str, Any]:
        """Return the quantities of a group; empty if there is none."""
        for group in self.analysis.groups:
            if group.kind == kind and group.device == device:
                return group.quantities
        return {}

    def of_group(self, kind: str, device: str, *path: str) -> Quantity:
        """Return a quantity of a group by its path of keys."""
        item: Any = self.group(kind, device)
        for key in path:
            item = item.get(key) if isinstance(item, Mapping) else getattr(item, key, None)
        return item if isinstance(item, Quantity) else missing(f"{device} has no {'.'.join(path)}")

    def curve(self, device: str, *path: str) -> Curve | None:
        """Return a curve of the device's magneto group."""
        item: Any = self.group("magneto", device)
        for key in path:
            item = item.get(key) if isinstance(item, Mapping) else None
        return item if isinstance(item, Curve) else None


def _near(value: float | None, wanted: float | None, within: float) -> bool:
    return wanted is None or (value is not None and abs(value - wanted) <= within)


def curve_at(curve: Curve | None, x: float, within: float) -> Quantity:
    """Return y at x by a straight line between its neighbours, if both lie `within` of it."""
    if curve is None:
        return missing("there is no such curve")
    good = np.isfinite(curve.y)
    xs, ys, errors = curve.x[good], curve.y[good], curve.stderr[good]
    order = np.argsort(xs)
    xs, ys, errors = xs[order], ys[order], errors[order]
    after = int(np.searchsorted(xs, x))
    if after in (0, len(xs)) or max(x - xs[after - 1], xs[after] - x) > within:
        return missing(f"the curve has no points on both sides of {x:g}")
    share = (x - xs[after - 1]) / (xs[after] - xs[after - 1])
    value = (1.0 - share) * ys[after - 1] + share * ys[after]
    return Quantity(
        float(value), math.hypot((1.0 - share) * errors[after - 1], share * errors[after])
    )


def is_masked(curve: Curve | None, x: float, within: float) -> bool | None:
    """Tell whether the point of a curve nearest x is masked; None without a point near it."""
    if curve is None or not len(curve.x):
        return None
    nearest = int(np.argmin(np.abs(curve.x - x)))
    return None if abs(curve.x[nearest] - x) > within else not np.isfinite(curve.y[nearest])
