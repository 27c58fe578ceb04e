"""Least squares on the rows of an I(V) with the constants of its legs projected out.

Every leg has its own constant and each direction its own linear and quadratic term, so that slow
drift and a smooth hysteresis neither bias the result nor count as noise. Results are the mean of
both directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.expansion import Expansion
from nanojunction.analysis.traces import Traces
from nanojunction.analysis.values import Array

HIGHEST = 7
"""The highest power of V among the columns that are there from the beginning."""

_CONDITION = 1e11  # of a normal matrix that is not trusted

Terms = Callable[
    [float], Array
]  # value, slope and half the curvature of every column: (3, columns)


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
        k = n - self.dof + 1
        spread = float(self.residual @ self.residual) / n
        penalty = 2.0 * k * n / (n - k - 1) if n > k + 1 else math.inf
        return n * math.log(max(spread, 1e-300)) + penalty

    def spread_of(self, root: Array, share: float) -> Array:
        """Return what unit noises add to the coefficients, (coefficients, noises).

        The columns have the normal matrix rootᵀ·root; the constant has a noise of its own, the
        columns being free of it: `share` is that of the mean current for noise of size 1.
        """
        out = np.zeros((len(self.coefficients), len(root) + 1))
        out[0, 0] = share
        out[1:, 1:] = self.inverse @ root[:, self.columns].T
        return np.asarray(out * math.sqrt(self.variance))

    def expand(self, x: float, scale: float, window_V: float, spread: Array) -> Expansion:
        """Return the expansion at x, `spread` being what `spread_of` gives."""
        rows = np.zeros((3, len(self.coefficients)))
        terms = self.terms(x)
        rows[0, 0] = 1.0
        rows[:, -terms.shape[1] :] = terms
        c = rows @ self.coefficients
        rows[0, 1:] -= self.means
        unit = np.array([1.0, 1.0 / scale, 1.0 / scale**2])
        influence = (rows @ spread) * unit[:, None]
        covariance = influence @ influence.T
        return Expansion(x * scale, c * unit, covariance, window_V, self.model, influence)


class Projected:
    """The rows, prepared: columns are centred leg by leg."""

    def __init__(self, traces: Traces) -> None:
        v = traces.voltage_V
        self.low_V, self.high_V = float(v.min()), float(v.max())
        self.scale = max(abs(self.low_V), abs(self.high_V))
        self.x = v / self.scale
        self.size = np.abs(self.x)
        self.sign = np.sign(self.x)
        self.log_x = np.log(np.maximum(self.size, 1e-9))
        # Rows are sorted by leg.
        self.starts = np.flatnonzero(np.append(True, traces.leg[1:] != traces.leg[:-1]))
        self.counts = np.diff(np.append(self.starts, len(v)))
        #: The widest gap between neighbouring voltages.
        self.step = float(np.max(np.diff(np.sort(self.x))))
        self.relative_noise = traces.relative_noise
        self.weight = None if traces.relative_noise is None else traces.relative_noise**-2.0
        self.y = self.centre(traces.current_A[:, None])[:, 0]
        # Each direction weighs the same, and so does each row's time in it, however noisy: what a
        # row adds to the mean current of the run.
        sides = [traces.direction == d for d in traces.directions()]
        self.share = np.zeros(len(traces))
        for side in sides:
            self.share[side] = 1.0 / (np.count_nonzero(side) * len(sides))
        if self.weight is not None:
            of_leg = np.add.reduceat(self.share, self.starts)
            per_weight = of_leg / np.add.reduceat(self.weight, self.starts)
            self.share = self.weight * np.repeat(per_weight, self.counts)
        self.mean_A = float(self.share @ traces.current_A)
        self.turns = 2 if len(sides) == 2 else 0
        columns = [self.x]
        for _ in range(HIGHEST - 1):
            columns.append(columns[-1] * self.x)
        if self.turns:
            columns = [self.x * traces.direction, columns[1] * traces.direction, *columns]
        self._set(np.column_stack(columns))

    def _set(self, raw: Array) -> None:
        self.raw = raw
        self.design = self.centre(raw)
        self.gram = self.design.T @ self.design
        self.projection = self.design.T @ self.y
        self.means = self.share @ raw

    def add(self, *columns: Array) -> None:
        """Add columns behind those that there are."""
        self._set(np.column_stack([self.raw, *columns]))

    def centre(self, columns: Array) -> Array:
        """Return columns (rows, k) less their mean in each leg, in units of the row's noise."""
        if self.relative_noise is None or self.weight is None:
            means = np.add.reduceat(columns, self.starts, axis=0) / self.counts[:, None]
            return np.asarray(columns - np.repeat(means, self.counts, axis=0))
        weight = self.weight[:, None]
        sums = np.add.reduceat(weight * columns, self.starts, axis=0)
        means = sums / np.add.reduceat(weight, self.starts, axis=0)
        centred = columns - np.repeat(means, self.counts, axis=0)
        return np.asarray(centred / self.relative_noise[:, None])

    def leverage(self, fit: ProjectedFit) -> Array:
        """Return how much of each row's own noise its fitted current follows, from 0 to 1."""
        design = self.design[:, fit.columns]
        weight = np.ones(len(self.x)) if self.weight is None else self.weight
        of_leg = np.repeat(np.add.reduceat(weight, self.starts), self.counts)
        own = np.einsum("ij,ij->i", design @ fit.inverse, design) + weight / of_leg
        return np.asarray(np.minimum(own, 0.99))

    def fit(self, columns: slice | list[int], terms: Terms, model: str) -> ProjectedFit | None:
        """Return the least-squares fit of columns, of which the last are those of the terms."""
        design, means = self.design[:, columns], self.means[columns]
        dof = len(self.x) - len(self.counts) - design.shape[1]
        if dof < 1:
            return None
        gram = self.gram[columns][:, columns]
        size = np.sqrt(np.maximum(gram.diagonal(), 1e-300))
        scales = np.outer(size, size)
        try:
            inverse = np.linalg.inv(gram / scales)
        except np.linalg.LinAlgError:
            return None
        # Columns of length 1: the norm of the inverse is the condition, nearly.
        if not float(np.vdot(inverse, inverse)) * len(size) ** 2 < _CONDITION**2:
            return None
        inverse /= scales
        coefficients = inverse @ self.projection[columns]
        residual = self.y - design @ coefficients
        correction = inverse @ (design.T @ residual)
        coefficients, residual = coefficients + correction, residual - design @ correction
        constant = self.mean_A - float(means @ coefficients)
        return ProjectedFit(
            columns=columns,
            coefficients=np.append(constant, coefficients),
            inverse=inverse,
            residual=residual,
            variance=float(residual @ residual) / dof,
            dof=dof,
            means=means,
            terms=terms,
            model=model,
        )
