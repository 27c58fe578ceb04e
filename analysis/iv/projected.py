"""Least squares on the rows of an I(V) with the constants of its legs projected out.

Every leg has its own constant and each direction its own linear and quadratic term, so that slow
drift and a smooth hysteresis neither bias the result nor count as noise. Results are the mean of
both directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.leg_rows import Legs
from nanojunction.analysis.iv.outliers import Flags
from nanojunction.analysis.iv.traces import Stack, Traces, alike
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

HIGHEST = 7
"""The highest power of V among the columns that are there from the beginning."""

_CONDITION = 1e11  # of a normal matrix that is not trusted


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The last columns of a fit as functions of x: value, slope, half the curvature.

    `at` takes the x and the parameters of several fits, (fits,) and (fits, parameters), to
    (fits, 3, most): the fit has the first `count` of these terms.
    """

    count: int
    at: Callable[[Array, Array], Array]
    parameters: Array
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class ProjectedFit:
    """Least squares with the legs' constants projected out; x = V/scale.

    `coefficients` begin with the constant of the mean over legs and directions. `residual` is in
    units of a row's noise over that of a typical row, as `variance` is.
    """

    columns: slice | list[int]
    coefficients: Array
    inverse: Array  # (JᵀJ)⁻¹
    residual: Array
    variance: float  # residual variance
    dof: int
    means: Array  # mean over directions of the columns' means
    terms: Terms
    model: str

    @property
    def aicc(self) -> float:
        """Akaike's criterion with the correction for few rows."""
        n = len(self.residual)
        return n * math.log(max(self.variance * self.dof / n, 1e-300)) + penalty(n, self.dof)

    def numbers(self) -> list[int]:
        """Return the columns as numbers."""
        return list(range(self.columns.stop)) if isinstance(self.columns, slice) else self.columns


def penalty(rows: int, dof: int) -> float:
    """Return what AICc adds for the parameters of a fit."""
    k = rows - dof + 1
    return 2.0 * k * rows / (rows - k - 1) if rows > k + 1 else math.inf


class Projected:
    """The rows of a run, prepared: columns, (columns, rows), are centred leg by leg.

    The columns of polynomials are triangleᵀ·basis, the basis being orthonormal.
    """

    def __init__(self, rows: _Rows, k: int) -> None:
        self.low_V, self.high_V = float(rows.low_V[k]), float(rows.high_V[k])
        self.scale = float(rows.scale[k])
        self.x = rows.x[k]
        self.legs = rows.legs
        self.relative_noise = None if rows.relative_noise is None else rows.relative_noise[k]
        self.turns, self.share, self.mean_A = rows.turns, rows.share[k], float(rows.mean_A[k])
        self.y, self.design = rows.y[k], rows.design[k]
        self.basis, self.triangle = rows.basis[k], rows.triangle[k]
        self.gram, self.projection, self.means = rows.gram[k], rows.projection[k], rows.means[k]

    def add(self, columns: Array) -> None:
        """Add columns (columns, rows) behind those that there are."""
        add([self], columns[None])

    def centre(self, columns: Array) -> Array:
        """Return columns (columns, rows) less their means in each leg, in units of the noise."""
        noise = None if self.relative_noise is None else self.relative_noise[None, :]
        return np.asarray(self.legs.centre(columns[None], noise)[0])

    def fit(self, columns: slice | list[int], terms: Terms, model: str) -> ProjectedFit | None:
        """Return the least-squares fit of columns, of which the last are those of the terms."""
        return fits([FitOf(self, columns, terms, model)])[0]


def add(many: Sequence[Projected], columns: Array) -> None:
    """Add columns (runs, columns, rows) of alike runs behind those that they have."""
    legs, noises = many[0].legs, [one.relative_noise for one in many]
    centred = legs.centre(columns, None if noises[0] is None else np.array(noises))
    design = np.concatenate([np.array([one.design for one in many]), centred], axis=1)
    across = centred @ np.swapaxes(design, 1, 2)
    before, count = design.shape[1] - centred.shape[1], design.shape[1]
    gram = np.empty((len(many), count, count))
    gram[:, :before, :before] = [one.gram for one in many]
    gram[:, before:] = across
    gram[:, :before, before:] = np.swapaxes(across[:, :, :before], 1, 2)
    projection = _times(centred, np.array([one.y for one in many]))
    means = _times(columns, np.array([one.share for one in many]))
    for k, one in enumerate(many):
        one.design, one.gram = design[k], gram[k]
        one.projection = np.concatenate([one.projection, projection[k]])
        one.means = np.concatenate([one.means, means[k]])


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What `Projected` holds, of many runs whose rows lie alike."""

    low_V: Array
    high_V: Array
    scale: Array
    x: Array
    legs: Legs
    relative_noise: Array | None
    turns: int  # columns that tell the directions apart
    share: Array  # what a row adds to the mean current of the run
    mean_A: Array
    y: Array
    design: Array
    basis: Array
    triangle: Array
    gram: Array
    projection: Array
    means: Array


def project(many: Sequence[Traces]) -> list[Projected]:
    """Return the rows of runs with the columns of polynomials."""
    return in_groups(many, alike, _project_alike)


def _project_alike(many: Sequence[Traces]) -> list[Projected]:
    stack = Stack.of(many)
    v = stack.voltage_V
    low, high = v.min(axis=1), v.max(axis=1)
    scale = np.maximum(np.abs(low), np.abs(high))
    x = v / scale[:, None]
    legs = Legs.of(stack.leg)
    noise = stack.relative_noise
    y = legs.centre(stack.current_A[:, None, :], noise)[:, 0]
    sides = [stack.direction == d for d in stack.directions()]
    share = _share(sides, legs, noise, len(many))
    turns = 2 if len(sides) == 2 else 0
    raw = np.empty((len(many), turns + HIGHEST, x.shape[1]))
    raw[:, turns] = x
    for k in range(turns + 1, turns + HIGHEST):
        raw[:, k] = raw[:, k - 1] * x
    if turns:
        raw[:, :2] = raw[:, 2:4] * stack.direction
    design = legs.centre(raw, noise)
    basis, triangle = np.linalg.qr(np.swapaxes(design, 1, 2))
    rows = _Rows(
        low_V=low,
        high_V=high,
        scale=scale,
        x=x,
        legs=legs,
        relative_noise=noise,
        turns=turns,
        share=share,
        mean_A=np.einsum("ij,ij->i", share, stack.current_A),
        y=y,
        design=design,
        basis=np.ascontiguousarray(np.swapaxes(basis, 1, 2)),
        triangle=triangle,
        gram=np.swapaxes(triangle, 1, 2) @ triangle,
        projection=_times(design, y),
        means=_times(raw, share),
    )
    return [Projected(rows, k) for k in range(len(many))]


def _share(sides: Sequence[Flags], legs: Legs, noise: Array | None, runs: int) -> Array:
    """Return what a row adds to the mean current of its run, (runs, rows).

    Each direction weighs the same, and so does each row's time in it, however noisy.
    """
    share = np.zeros(len(sides[0]))
    for side in sides:
        share[side] = 1.0 / (np.count_nonzero(side) * len(sides))
    if noise is None:
        return np.broadcast_to(share, (runs, len(share)))
    weight = noise**-2.0
    return np.asarray(weight * legs.spread(legs.sums(share) / legs.sums(weight)))


def _times(matrices: Array, vectors: Array) -> Array:
    """Return the product of each matrix with its vector."""
    return np.asarray((matrices @ vectors[:, :, None])[:, :, 0])


def leverages(fitted: Sequence[tuple[Projected, ProjectedFit]]) -> list[Array]:
    """Return how much of each row's own noise its fitted current follows, from 0 to 1."""
    return in_groups(fitted, _shape, _leverages_of_shape)


def _shape(fitted: tuple[Projected, ProjectedFit]) -> Hashable:
    return len(fitted[0].x), len(fitted[1].means)


def _leverages_of_shape(fitted: Sequence[tuple[Projected, ProjectedFit]]) -> list[Array]:
    design = np.array([data.design[fit.columns] for data, fit in fitted])
    inverse = np.array([fit.inverse for _, fit in fitted])
    own = np.einsum("kij,kij->kj", inverse @ design, design)
    for k, (one, _) in enumerate(fitted):
        noise = one.relative_noise
        weight = np.ones(len(one.x)) if noise is None else noise**-2.0
        own[k] += weight / one.legs.spread(one.legs.sums(weight))
    return list(np.minimum(own, 0.99))


@dataclass(frozen=True, slots=True, eq=False)
class FitOf:
    """A fit that is asked for: of columns, of which the last are those of the terms."""

    data: Projected
    columns: slice | list[int]
    terms: Terms
    model: str

    def size(self) -> Hashable:
        """Return what fits have in common that are worked out together."""
        known = self.columns.stop if isinstance(self.columns, slice) else tuple(self.columns)
        return len(self.data.x), len(self.data.legs.starts), known


def fits(wanted: Sequence[FitOf]) -> list[ProjectedFit | None]:
    """Return least-squares fits, None where the columns do not tell their coefficients."""
    return in_groups(wanted, FitOf.size, _fits_of_size)


def _fits_of_size(wanted: Sequence[FitOf]) -> list[ProjectedFit | None]:
    columns, first = wanted[0].columns, wanted[0].data
    gram = np.array([one.data.gram[columns][:, columns] for one in wanted])
    size = np.sqrt(np.maximum(np.diagonal(gram, axis1=1, axis2=2), 1e-300))
    scales = size[:, :, None] * size[:, None, :]
    dof = len(first.x) - len(first.legs.starts) - size.shape[1]
    if dof < 1:
        return [None] * len(wanted)
    inverse = _inverses(gram / scales)
    trusted = _is_trusted(inverse)
    inverse /= scales
    design = np.array([one.data.design[columns] for one in wanted])
    projection = np.array([one.data.projection[columns] for one in wanted])
    y = np.array([one.data.y for one in wanted])
    coefficients = _times(inverse, projection)
    across = np.swapaxes(design, 1, 2)
    residual = y - _times(across, coefficients)
    correction = _times(inverse, _times(design, residual))
    coefficients, residual = coefficients + correction, residual - _times(across, correction)
    means = np.array([one.data.means[columns] for one in wanted])
    means_A = np.array([one.data.mean_A for one in wanted])
    constant = means_A - np.einsum("ij,ij->i", means, coefficients)
    every = np.concatenate([constant[:, None], coefficients], axis=1)
    variances = (np.einsum("ij,ij->i", residual, residual) / dof).tolist()
    return [
        ProjectedFit(
            columns=one.columns,
            coefficients=every[k],
            inverse=inverse[k],
            residual=residual[k],
            variance=variances[k],
            dof=dof,
            means=means[k],
            terms=one.terms,
            model=one.model,
        )
        if trusted[k]
        else None
        for k, one in enumerate(wanted)
    ]


def is_trusted(root: Array) -> Flags:
    """Tell of which inverses of normal matrices, root·rootᵀ of columns of length 1, are good."""
    return _is_trusted(root @ np.swapaxes(root, 1, 2))


def _is_trusted(inverse: Array) -> Flags:
    # Columns of length 1: the norm of the inverse is the condition, nearly.
    norms = np.einsum("kij,kij->k", inverse, inverse)
    return np.asarray(norms * inverse.shape[1] ** 2 < _CONDITION**2)


def _inverses(matrices: Array) -> Array:
    """Return the inverses of normal matrices, NaN where there is none."""
    try:
        return np.asarray(np.linalg.inv(matrices))
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full(matrices.shape, np.nan)
        return np.concatenate([_inverses(one[None]) for one in matrices])
