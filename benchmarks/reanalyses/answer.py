"""What every side of the reanalysis says about a file, and where two sides disagree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Value = tuple[float, float]
"""A number and its standard error."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A peak of dI/dV in one direction (+1, −1): position and FWHM in V, height in S."""

    direction: int
    position: Value
    fwhm: Value
    height: Value


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The quantities of one file; a curve is x, y and the standard error of y."""

    device: str
    temperature_K: float
    field_T: float
    values: Mapping[str, Value]
    crossings_V: Sequence[float]
    curves: Mapping[str, tuple[Array, Array, Array]]
    features: Sequence[Feature] = field(default_factory=tuple)


def disagreements(ours: Answer, other: Answer) -> Iterator[tuple[str, float]]:
    """Yield by how many combined standard errors each quantity differs, if both sides know theirs.

    A curve's number is the root mean square over its points, with its mean error. Features are
    paired by direction and order; where their number differs the one for "features" is infinite.
    """
    alike = (ours.device, len(ours.crossings_V)) == (other.device, len(other.crossings_V))
    yield "device and crossings", 0.0 if alike else np.inf
    yield "conditions", abs(ours.temperature_K - other.temperature_K) * 1e6
    yield "conditions", abs(ours.field_T - other.field_T) * 1e6
    for key, (value, error) in other.values.items():
        mine, my_error = ours.values[key]
        if np.isfinite(my_error) and np.isfinite(error):
            yield key, abs(mine - value) / float(np.hypot(my_error, error))
    for key, (x, y, error) in other.curves.items():
        my_x, my_y, my_error = ours.curves[key]
        apart = np.interp(x, my_x, my_y) - y
        combined = np.hypot(_rms(error), _rms(my_error))
        yield key, _rms(apart) / combined
    as_many = len(ours.features) == len(other.features)
    yield "features", 0.0 if as_many else np.inf
    if as_many:
        for mine, theirs in zip(ours.features, other.features, strict=True):
            for key in ("position", "fwhm", "height"):
                (a, a_error), (b, b_error) = getattr(mine, key), getattr(theirs, key)
                yield f"features: {key}", abs(a - b) / float(np.hypot(a_error, b_error))


def _rms(values: Array) -> float:
    return float(np.sqrt(np.nanmean(values**2)))
