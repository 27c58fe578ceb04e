"""How the noise of an I(V) depends on current and slope: constant, ∝ I, or from the voltage."""

from __future__ import annotations

import numpy as np

from nanojunction.analysis.stencils import IntArray
from nanojunction.analysis.values import Array

_FEWEST = 30  # deviations from which a dependence can be told
_CLEARLY = 2.5  # standard deviations of a correlation: weights that are not needed do no harm
_OVERLAP = 2.5  # variance of a mean of deviations whose stencils share rows, over that of others
_BLOCK, _BLOCKS = 5, 40  # rows of a median at least, and about how many medians
_LARGEST = 3.0  # a deviation counts for so many standard deviations at most
_CLIPPED = 0.973  # variance of normal noise that is clipped there
_QUIETEST = 10  # one in so many deviations says how quiet the noise can be,
_NOT_LESS = 0.1  # and the constant part is at least this share of that variance
_MEDIAN_OF_SQUARES = 0.455  # of normal noise of variance 1
_ROUNDS = 8


def relative_noise(
    voltage_V: Array, current_A: Array, deviation: Array, centre: IntArray
) -> Array | None:
    """Return the noise of every row over that of a typical one, None where it is the same.

    `deviation` has the noise's standard deviation at the rows `centre`. The variance is taken as
    a² + (b·I)² + (c·dI/dV)²: the meter's own noise, one in proportion to the current, and that of
    the voltage. It is the same unless the deviations' sizes go with |I| or |dI/dV|.
    """
    if len(deviation) < _FEWEST:
        return None
    current, slope = _course(voltage_V, current_A)
    known = np.stack([np.ones(len(voltage_V)), current**2, slope**2])
    known /= np.maximum(known.max(axis=1, keepdims=True), 1e-300)
    size = np.abs(deviation)
    size = np.minimum(size, _LARGEST * 1.4826 * float(np.median(size)))
    if not any(_goes_with(size, np.sqrt(one[centre])) for one in known[1:]):
        return None
    relative = np.sqrt(_variance(known, deviation, centre))
    return np.asarray(relative / np.median(relative))


def _course(voltage_V: Array, current_A: Array) -> tuple[Array, Array]:
    """Return current and slope at every row, from medians over neighbours in voltage."""
    rows = len(voltage_V)
    size = max(_BLOCK, rows // _BLOCKS)
    order = np.argsort(voltage_V, kind="stable")
    starts = np.linspace(0, rows - size, max(rows // size, 2)).round().astype(np.int64)
    block = order[starts[:, None] + np.arange(size)]
    v, i = np.median(voltage_V[block], axis=1), np.median(current_A[block], axis=1)
    rising = np.append(True, np.diff(v) > 0)
    v, i = v[rising], i[rising]
    if len(v) < 2:
        return current_A, np.zeros(rows)
    return np.interp(voltage_V, v, i), np.interp(voltage_V, v, np.gradient(i, v))


def _goes_with(size: Array, known: Array) -> bool:
    """Tell whether the sizes of the deviations grow with what is known, beyond doubt."""
    a, b = size - size.mean(), known - known.mean()
    spread = float(np.sqrt((a @ a) * (b @ b) / len(size)))
    return bool(float(a @ b) > _CLEARLY * np.sqrt(_OVERLAP) * spread > 0.0)


def _variance(known: Array, deviation: Array, centre: IntArray) -> Array:
    """Return the variance at every row: its parts, none below zero, by reweighted least squares.

    Deviations beyond three standard deviations count as three: outliers and steps make no noise.
    """
    from scipy.optimize import nnls

    terms = known[:, centre].T
    square = deviation**2
    variance = np.full(len(square), (1.4826 * float(np.median(np.abs(deviation)))) ** 2)
    part = np.zeros(len(known))
    for _ in range(_ROUNDS):
        clipped = np.minimum(square, _LARGEST**2 * variance) / _CLIPPED
        part = nnls(terms / variance[:, None], clipped / variance)[0]
        # Where all of it goes with the current, the noise at the zero still is not nothing.
        quiet = np.argsort(terms @ part)[: max(len(square) // _QUIETEST, 5)]
        least = float(np.median(square[quiet])) / _MEDIAN_OF_SQUARES
        part[0] = max(part[0], _NOT_LESS * least)
        variance = terms @ part
    return np.asarray(part @ known)
