"""What single points do to a temperature series: each is left out in turn.

No point is ever excluded for standing out; it is named, with what the others would give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanojunction.analysis.temperature.choice import prefers_two
from nanojunction.analysis.temperature.piecewise import LineFit
from nanojunction.analysis.values import Array

CHANCE = 0.01
"""Probability with which any point of a series without outliers is called one."""


@dataclass(frozen=True, slots=True)
class Outlier:
    """A point that the others, fitted without it, do not lead to."""

    name: str
    temperature_K: float
    over_error: float

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "run": self.name,
            "temperature_K": self.temperature_K,
            "over_error": self.over_error,
        }


@dataclass(frozen=True, slots=True)
class Influence:
    """Outliers, and the points without any one of which another number of regimes is preferred."""

    outliers: tuple[Outlier, ...] = ()
    rests_on: tuple[str, ...] = ()


def influence(
    columns: tuple[Array, Array, Array],
    temperature_K: Array,
    names: Sequence[str],
    is_broken: bool,
    without: Sequence[tuple[LineFit | None, LineFit | None]],
) -> Influence:
    """Compare each point with what the others lead to.

    `columns` are x, y and the own standard errors of y, one entry a point; `is_broken` tells
    whether a broken line is preferred, and `without` has the line and the broken line fitted to
    the other points. A point stands out where Student's t of its distance has a probability below
    1 % over the number of points.
    """
    outliers, rests_on = [], []
    for at, (x, y, stated) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        one, two = without[at]
        if prefers_two(one, two) != is_broken:
            rests_on.append(names[at])
        fit = two if is_broken and two is not None else one
        if fit is None:
            continue
        over = _distance(fit, x, y, stated)
        if over is not None and over > _limit(len(names), fit):
            outliers.append(Outlier(names[at], float(temperature_K[at]), over))
    # One that is far off makes its neighbours stand out, too: the farthest is the one.
    farthest = max(outliers, key=lambda item: item.over_error, default=None)
    return Influence(() if farthest is None else (farthest,), tuple(rests_on))


def _distance(fit: LineFit, x: float, y: float, stated: float) -> float | None:
    """Return how many standard errors a new point lies from a fit, None where that is unknown."""
    error = fit.error_at(x)
    if error is None:
        return None
    total = math.hypot(error, stated, fit.scatter)
    if total == 0.0:
        return None
    return abs(y - float(fit.predict(np.array([x]))[0])) / total


def _limit(count: int, fit: LineFit) -> float:
    from scipy.special import stdtrit

    parameters = 4 if fit.broken else 2
    free = len(fit.x) - parameters
    if free < 1:
        return math.inf
    return float(stdtrit(free, 1.0 - 0.5 * CHANCE / count))
