"""The polynomial that describes an I(V) over the whole swept range, of many runs at a time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from nanojunction.analysis.iv.adequate import is_below
from nanojunction.analysis.iv.projected import (
    HIGHEST,
    FitOf,
    Projected,
    ProjectedFit,
    Terms,
    is_trusted,
    penalty,
)
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

POLYNOMIAL = "polynomial"
ORDERS = (1, 3, 5)
"""The orders that are compared, each with two more among the columns of `Projected`."""

_EXTRA_2 = 13.8  # χ² of two more terms that are not needed, p = 0.001
_NOTHING = 1e-12  # of a column's length: what is left of one that others hold already
_EXPONENTS = np.arange(1.0, HIGHEST + 1.0)
_BENDS = 0.5 * _EXPONENTS * (_EXPONENTS - 1.0)


def polynomial_of(data: Projected, order: int) -> FitOf:
    """Return the fit of a polynomial, to be asked for."""
    return FitOf(data, slice(0, data.turns + order), polynomial_terms(order), _name(order))


def _name(order: int) -> str:
    return f"{POLYNOMIAL} of order {order}"


def polynomial_terms(order: int) -> Terms:
    """Return the powers of V up to an order."""
    return Terms(order, _powers, np.empty(0), HIGHEST)


def _powers(x: Array, parameters: Array) -> Array:
    """Return powers of x, as terms of polynomials of whatever order."""
    del parameters
    known = np.ones((len(x), HIGHEST + 1))
    known[:, 1:] = x[:, None]
    np.multiply.accumulate(known, axis=1, out=known)
    out = np.zeros((len(x), 3, HIGHEST))
    out[:, 0] = known[:, 1:]
    out[:, 1] = _EXPONENTS * known[:, :-1]
    out[:, 2, 1:] = _BENDS[1:] * known[:, :-2]
    return out


def best_polynomials(many: Sequence[Projected]) -> list[tuple[float, ProjectedFit, bool] | None]:
    """Return the polynomials of lowest AICc, taken with two more terms, None where there is none.

    With each stand the AICc without these terms, and whether the data do without them.
    """
    return in_groups(many, _alike, _best_of_alike)


def _alike(data: Projected) -> Hashable:
    return len(data.x), len(data.legs.starts), data.turns


def _best_of_alike(many: Sequence[Projected]) -> list[tuple[float, ProjectedFit, bool] | None]:
    first = many[0]
    rows, turns = len(first.x), first.turns
    names = ("y", "basis", "triangle", "means", "mean_A")
    y, basis, triangle, means, mean_A = (np.array([getattr(o, n) for o in many]) for n in names)
    size = np.sqrt(np.maximum(np.einsum("kij,kij->kj", triangle, triangle), 1e-300))
    solve = _inverses(triangle / size[:, None, :])
    parts = (basis @ y[:, :, None])[:, :, 0]
    rest = y - (parts[:, None, :] @ basis)[:, 0]
    # Each column takes from the rest of those before it the square of its part.
    squares = np.concatenate([parts**2, np.einsum("ij,ij->i", rest, rest)[:, None]], axis=1)
    left = np.cumsum(squares[:, ::-1], axis=1)[:, ::-1]
    columns = np.array([turns + order for order in (*ORDERS, HIGHEST)])
    dof = rows - len(first.legs.starts) - columns
    trusted = np.array([is_trusted(solve[:, :c, :c]) for c in columns.tolist()]).T & (dof >= 1)
    aicc = rows * np.log(np.maximum(left[:, columns] / rows, 1e-300))
    aicc += [penalty(rows, free) for free in dof.tolist()]
    aicc = np.where(trusted[:, :-1] & trusted[:, 1:], aicc[:, :-1], np.inf)
    low = aicc.argmin(axis=1)
    used, free = columns[low + 1], dof[low + 1]
    is_used = np.arange(columns[-1]) < used[:, None]
    parts, solve = np.where(is_used, parts, 0.0), np.where(is_used[:, None, :], solve, 0.0)
    coefficients = (solve @ parts[:, :, None])[:, :, 0] / size
    inverse = (solve @ np.swapaxes(solve, 1, 2)) / (size[:, :, None] * size[:, None, :])
    residual = y - (parts[:, None, :] @ basis)[:, 0]
    total = np.einsum("ij,ij->i", residual, residual)
    constant = mean_A - np.einsum("ij,ij->i", means, coefficients)
    coefficients = np.concatenate([constant[:, None], coefficients], axis=1)
    gain = np.where(is_used & (np.arange(columns[-1]) >= columns[low][:, None]), parts**2, 0.0)
    needless = is_below(gain.sum(axis=1), total, np.maximum(free, 1), _EXTRA_2).tolist()
    numbers = zip(*(n.tolist() for n in (aicc.min(axis=1), used, free, total)), strict=True)
    return [
        None
        if math.isinf(lowest)
        else (
            lowest,
            ProjectedFit(
                columns=slice(0, c),
                coefficients=coefficients[k, : c + 1],
                inverse=inverse[k, :c, :c],
                residual=residual[k],
                variance=square / its_dof,
                dof=its_dof,
                means=means[k, :c],
                terms=polynomial_terms(c - turns),
                model=_name(c - turns),
            ),
            needless[k],
        )
        for k, (lowest, c, its_dof, square) in enumerate(numbers)
    ]


def _inverses(triangle: Array) -> Array:
    """Return the inverses of upper triangles, whose columns have length 1."""
    safe = triangle.copy()
    diagonal = np.einsum("kii->ki", safe)
    diagonal[np.abs(diagonal) < _NOTHING] = _NOTHING
    return np.asarray(np.linalg.inv(safe))
