"""Confidence intervals of a line's parameters from the profile of chi².

The value is moved until the least chi², all other parameters following, has risen by as much as
the level asks for (what lmfit's `conf_interval` looks for step by step). For given points on either
side of the knot chi² is a quadratic form, so that every end has a closed form: it belongs to a
pair of lines that cross between two neighbouring points, or to a knot on a point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.temperature.broken_lines import Lines, Splits, straight_lines
from nanojunction.analysis.temperature.piecewise import LineFit
from nanojunction.analysis.values import Array

_LEVELS = (("ci68", 0.682689), ("ci95", 0.954500))

Ends = list[float | None]
"""The lower and the upper end; None where the data do not reach it."""


def profile_intervals(fit: LineFit, names: Sequence[str]) -> Mapping[str, Mapping[str, Ends]]:
    """Return profile confidence intervals {name: {"ci68": [low, high], "ci95": …}}.

    `names` are parameters of the fit, or `intercept_beyond`, the far line continued to x = 0 (all
    x are above 0). An end that the profile does not reach is None. Where the scatter was estimated
    from the residuals the F distribution is used, otherwise chi² with the stated errors. Where
    chi² has several valleys, the interval goes from the first to the last of them that is deep
    enough. There are none where a standard error cannot be determined either.
    """
    if fit.covariance is None or len(fit.x) - len(fit.covariance) < 1:
        return {}
    ends = _ends_of_broken_line if fit.broken else _ends_of_line
    return {
        name: {level: ends(fit, name, _rise(fit, share)) for level, share in _LEVELS}
        for name in names
    }


def _chi2(fit: LineFit) -> float:
    return float(np.sum((fit.residuals / fit.sigma) ** 2))


def _rise(fit: LineFit, share: float) -> float:
    """Return by how much chi² rises to the ends of an interval that holds such a share."""
    from scipy.special import chdtri, fdtri

    if fit.scatter == 0.0 or fit.covariance is None:
        return float(chdtri(1, 1.0 - share))
    free = len(fit.x) - len(fit.covariance)
    return float(fdtri(1, free, share)) * _chi2(fit) / free


def _ends_of_line(fit: LineFit, name: str, rise: float) -> Ends:
    lines = straight_lines(fit.x, fit.y, 1.0 / fit.sigma[None] ** 2, np.ones((1, len(fit.x))))
    variance = 1.0 / lines.spread if name == "slope" else lines.covariance(0.0, 0.0)
    half = float(np.sqrt(rise * variance[0, 0]))
    value: float = getattr(fit, name)
    return [value - half, value + half]


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """The best lines on either side of every split, and how far chi² may rise from there."""

    splits: Splits
    near: Lines
    far: Lines
    room: Array

    def gap(self, knot: Array) -> Array:
        """Return by how much the two lines miss each other at a place."""
        return np.asarray(self.near.at(knot) - self.far.at(knot))

    def variance(self, knot: Array) -> Array:
        """Return the variance of that."""
        return np.asarray(self.near.covariance(knot, knot) + self.far.covariance(knot, knot))

    def room_at(self, knot: Array) -> Array:
        """Return what of the room is left to lines that meet at a place, below 0 if none is."""
        return np.asarray(self.room - self.gap(knot) ** 2 / self.variance(knot))


def _ends_of_broken_line(fit: LineFit, name: str, rise: float) -> Ends:
    highest = _chi2(fit) + rise
    splits = Splits.between(fit.x, fit.y)
    weight = 1.0 / fit.sigma[None] ** 2
    near, far = splits.pairs(weight)
    pairs = _Pairs(splits, near, far, highest - near.chi2 - far.chi2)
    value: float = getattr(fit, name)
    if name == "knot":
        places = np.concatenate([[value], *_knots(pairs)])
        # On the second point from an end, the first follows any knot still nearer to it.
        reached = [pairs.room_at(splits.low)[0, 0] < 0.0, pairs.room_at(splits.high)[0, -1] < 0.0]
    else:
        places = np.concatenate([[value], *_places(pairs, name)])
        reached = _bounded(fit, name, weight, highest)
    ends = float(places.min()), float(places.max())
    return [end if there else None for end, there in zip(ends, reached, strict=True)]


def _knots(pairs: _Pairs) -> Iterator[Array]:
    """Yield the knots on points that are deep enough, and those where gap² = room · variance."""
    low, high = pairs.splits.low, pairs.splits.high
    for knot in (low, high):
        yield knot[pairs.room_at(knot)[0] >= 0.0]
    # gap and variance are polynomials of the distance from `low`.
    near, far, room = pairs.near, pairs.far, pairs.room
    gap, bend = pairs.gap(low), near.slope - far.slope
    variance = pairs.variance(low)
    tilt = (low - near.centre) / near.spread + (low - far.centre) / far.spread
    a = bend**2 - room * (1.0 / near.spread + 1.0 / far.spread)
    b = 2.0 * (gap * bend - room * tilt)
    c = gap**2 - room * variance
    with np.errstate(divide="ignore", invalid="ignore"):
        q = -0.5 * (b + np.copysign(np.sqrt(b**2 - 4.0 * a * c), b))
        for distance in (q / a, c / q):
            knot = low + distance
            yield knot[(room >= 0.0) & (knot > low) & (knot < high)]


def _places(pairs: _Pairs, name: str) -> Iterator[Array]:
    """Yield the values of a parameter at the ends of all its stretches, split by split."""
    side, sign = (pairs.far, -1.0) if name.endswith("_beyond") else (pairs.near, 1.0)
    value, variance, with_line = _of_line(side, is_slope=name.startswith("slope"))
    low, high = pairs.splits.low, pairs.splits.high
    with np.errstate(invalid="ignore"):
        for way in (-1.0, 1.0):
            free = way * np.sqrt(pairs.room / variance)
            # The gap that the two lines have then; they cross between the points or do not count.
            gaps = [pairs.gap(knot) + free * sign * with_line(knot) for knot in (low, high)]
            crossing = (pairs.room >= 0.0) & (gaps[0] * gaps[1] <= 0.0)
            yield (value + free * variance)[crossing]
            for knot in (low, high):
                shared = sign * with_line(knot)
                joined = value - shared * pairs.gap(knot) / pairs.variance(knot)
                room = pairs.room_at(knot)
                rest = variance - shared**2 / pairs.variance(knot)
                yield (joined + way * np.sqrt(rest * room))[room >= 0.0]


def _of_line(line: Lines, *, is_slope: bool) -> tuple[Array, Array, Callable[[Array], Array]]:
    """Return slope or intercept, its variance, and its covariance with the line's value at x."""
    if is_slope:
        return line.slope, 1.0 / line.spread, lambda x: (x - line.centre) / line.spread
    return line.at(np.zeros(1)), line.covariance(0.0, 0.0), lambda x: line.covariance(x, 0.0)


def _bounded(fit: LineFit, name: str, weight: Array, highest: float) -> list[bool]:
    """Return whether a line's slope or intercept has a lower and an upper bound.

    It has none where the knot may come so near to the outermost points that a single x determines
    the line: between it and the other line it is then as steep as one likes.
    """
    beyond = name.endswith("_beyond")
    at = fit.x[-1 if beyond else 0]
    outermost = (fit.x == at).astype(float)
    other = straight_lines(fit.x, fit.y, weight, 1.0 - outermost[None])
    shared = weight[0] * outermost
    level = float(shared @ fit.y / shared.sum())
    room = highest - float(other.chi2[0, 0]) - float(shared @ (fit.y - level) ** 2)
    if room < 0.0:
        return [True, True]
    step = float(other.at(at)[0, 0]) - level
    error = float(np.sqrt(room * (other.covariance(at, at)[0, 0] + 1.0 / shared.sum())))
    falls, rises = step - error < 0.0, step + error > 0.0
    # All x are above 0: a far line that begins with a step down falls, and a near line's intercept
    # goes the other way from its slope.
    return (
        [not falls, not rises] if beyond == name.startswith("intercept") else [not rises, not falls]
    )
