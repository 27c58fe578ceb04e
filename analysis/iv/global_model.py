"""Descriptions of I(V) over the whole swept range, and their expansions, of many runs at a time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from nanojunction.analysis.iv.expansion import Expansions, average
from nanojunction.analysis.iv.projected import HIGHEST, Projected, ProjectedFit, Terms
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

_COLUMNS = HIGHEST + 2  # of polynomials, the directions told apart


class GlobalModel:
    """Descriptions of the whole range that the data do not contradict, with Akaike weights."""

    def __init__(self, data: Projected, fits: Sequence[tuple[float, ProjectedFit]]) -> None:
        self.data, self.fits = data, fits
        best = max(fits, key=lambda pair: pair[0])[1]
        #: The standard deviation of a typical row from the description.
        self.noise_A = math.sqrt(best.variance)
        self.best, self.model, self.aicc = best, best.model, min(fit.aicc for _, fit in fits)
        #: The current less its description, per row, legs and directions each with their own.
        self.residual_A: Array = best.residual
        if data.relative_noise is not None:
            self.residual_A = self.residual_A * data.relative_noise

    @property
    def relative_noise(self) -> Array | None:
        """The noise of every row over that of a typical one, None where it is the same."""
        return self.data.relative_noise

    def distance_of(self, studentised_A: Array) -> float:
        """Return the largest distance of a row from the description, in standard deviations."""
        distance = np.abs(studentised_A)
        if self.relative_noise is not None:
            distance = distance / self.relative_noise
        return float(np.max(distance)) / max(self.noise_A, 1e-300)

    def columns(self) -> list[int]:
        """Return the columns of the rows that any of the descriptions has."""
        if len(self.fits) == 1:
            return self.fits[0][1].numbers()
        return sorted(set().union(*(fit.numbers() for _, fit in self.fits)))

    def kind(self) -> Hashable:
        """Return what descriptions have in common that are expanded together."""
        terms = [fit.terms for _, fit in self.fits]
        return len(self.data.x), self.noises(), *((one.at, len(one.parameters)) for one in terms)

    def noises(self) -> int:
        """Return how many noises expansions depend on, for polynomials of all orders the same."""
        return 1 + max(len(self.columns()), _COLUMNS)

    def curves(self, models: Sequence[GlobalModel]) -> GlobalCurves:
        """Return the curves of models of this kind."""
        return GlobalCurves(models)


class GlobalCurves:
    """The curves of several runs whose descriptions are of one kind."""

    def __init__(self, models: Sequence[GlobalModel]) -> None:
        self._low_V, self._high_V, self._scale = np.array(
            [(one.data.low_V, one.data.high_V, one.data.scale) for one in models]
        ).T
        tables = in_groups(models, _sizes, _tables)
        fitted = zip(*(one.fits for one in models), strict=True)
        self._parts = [
            _Part.of(of_runs, np.array(its_tables))
            for of_runs, its_tables in zip(fitted, zip(*tables, strict=True), strict=True)
        ]

    def __len__(self) -> int:
        return len(self._scale)

    def at(self, run: IntArray, voltage_V: Array, target: int) -> Expansions:
        """Return the expansions of some runs, each at its voltage; the target does not matter."""
        del target
        scale = self._scale[run]
        window = np.maximum(self._high_V[run] - voltage_V, voltage_V - self._low_V[run])
        units = np.empty((len(run), 3, 1))
        units[:, 0, 0], units[:, 1, 0], units[:, 2, 0] = 1.0, 1.0 / scale, (1.0 / scale) ** 2
        note = np.full(len(run), None)
        found = []
        for part in self._parts:
            table = part.table[run]
            out = part.terms.at(voltage_V / scale, part.parameters[run]) @ table[:, 1:]
            out[:, 0] += table[:, 0]
            out *= units
            c, influence = out[:, :, 0], out[:, :, 1:]
            square = influence @ np.swapaxes(influence, 1, 2)
            model = part.model[run]
            curve = Expansions(voltage_V, c, square, window, model, influence, note)
            found.append((part.weight[run], curve))
        return average(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One description of each of several runs, with its table."""

    weight: Array
    model: np.ndarray[tuple[int], np.dtype[np.object_]]
    terms: Terms
    parameters: Array
    table: Array

    @classmethod
    def of(cls, fitted: Sequence[tuple[float, ProjectedFit]], table: Array) -> Self:
        """Return a description of each of several runs."""
        return cls(
            weight=np.array([weight for weight, _ in fitted]),
            model=np.array([fit.model for _, fit in fitted], dtype=object),
            terms=fitted[0][1].terms,
            parameters=np.array([fit.terms.parameters for _, fit in fitted]),
            table=table,
        )


def _sizes(model: GlobalModel) -> Hashable:
    return len(model.columns()), *((len(fit.means), fit.terms.count) for _, fit in model.fits)


def _tables(models: Sequence[GlobalModel]) -> list[list[Array]]:
    """Return the tables of the descriptions of each model, all with the same sizes.

    A table (1 + terms, 1 + noises) has the coefficients, the constant at x = 0 first, and what unit
    noises add to them. The noises are that of the mean current, of which the columns are free, and
    those of independent sums of columns.
    """
    columns = [one.columns() for one in models]
    root = _roots([(one.data, used) for one, used in zip(models, columns, strict=True)])
    shares = [one.data.share for one in models]
    noises = [one.relative_noise for one in models]
    shares = [s if n is None else s * n for s, n in zip(shares, noises, strict=True)]
    share = np.sqrt([float(one @ one) for one in shares])
    tables = []
    for k in range(len(models[0].fits)):
        fits = [one.fits[k][1] for one in models]
        size = np.sqrt([fit.variance for fit in fits])
        inverse, means, coefficients = (
            np.array([getattr(fit, name) for fit in fits])
            for name in ("inverse", "means", "coefficients")
        )
        own = root
        if len(models[0].fits) > 1:
            pairs = zip(columns, fits, strict=True)
            at = np.array([np.searchsorted(used, fit.numbers()) for used, fit in pairs])
            own = np.take_along_axis(root, at[:, None, :], axis=2)
        spread = (inverse @ np.swapaxes(own, 1, 2)) * size[:, None, None]
        terms, used = fits[0].terms, slice(2, 2 + root.shape[1])
        mine = slice(1, 1 + terms.count)
        table = np.zeros((len(fits), 1 + terms.most, 1 + models[0].noises()))
        table[:, 0, 0], table[:, mine, 0] = coefficients[:, 0], coefficients[:, -terms.count :]
        table[:, 0, 1] = share * size
        table[:, 0, used] = -(means[:, None, :] @ spread)[:, 0]
        table[:, mine, used] = spread[:, -terms.count :]
        tables.append(table)
    return [list(of_model) for of_model in zip(*tables, strict=True)]


def _roots(many: Sequence[tuple[Projected, list[int]]]) -> Array:
    """Return matrices whose squares, rootᵀ·root, are the normal matrices of some columns."""
    gram = np.array([data.gram[columns][:, columns] for data, columns in many])
    size = np.sqrt(np.maximum(np.diagonal(gram, axis1=1, axis2=2), 1e-300))
    try:
        root = np.linalg.cholesky(gram / (size[:, :, None] * size[:, None, :]))
    except np.linalg.LinAlgError:
        if len(many) > 1:
            return np.concatenate([_roots([one]) for one in many])
        data, columns = many[0]
        return np.asarray(np.linalg.qr(data.design[columns].T, mode="r"))[None]
    return np.asarray(np.swapaxes(root, 1, 2) * size[:, None, :])
