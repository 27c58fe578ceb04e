"""A local description of I(V): value, slope and curvature at one voltage, with covariance."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.values import Array

Factor = Array | float
Kind = TypeVar("Kind", bound=np.dtype[Any])


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """I(V) ≈ c0 + c1·(V − at_V) + c2·(V − at_V)², in A, A/V, A/V².

    `covariance` is (3, 3) and includes the estimated bias of the model. `window_V` is the largest
    distance from `at_V` of a row that was used, `model` says what was fitted. `influence`, (3,
    noises), is what each of several independent noises of standard deviation 1, those of the rows
    or sums of them, adds to the coefficients: two expansions by one model have the covariance
    a.influence @ b.influence.T. `note` says what the reader of a slope must know.
    """

    at_V: float
    c: Array
    covariance: Array
    window_V: float
    model: str
    influence: Array
    note: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Expansions:
    """Expansions of several curves, one each: what `Expansion` has, with the curves in front."""

    at_V: Array
    c: Array
    covariance: Array
    window_V: Array
    model: np.ndarray[tuple[int], np.dtype[np.object_]]
    influence: Array
    note: np.ndarray[tuple[int], np.dtype[np.object_]]

    @classmethod
    def of(cls, each: Sequence[Expansion]) -> Self:
        """Return expansions with influences of one shape."""
        numbers = (
            np.array([getattr(one, name) for one in each])
            for name in ("at_V", "c", "covariance", "window_V", "influence")
        )
        at_V, c, covariance, window_V, influence = numbers
        model = np.array([one.model for one in each], dtype=object)
        note = np.array([one.note for one in each], dtype=object)
        return cls(at_V, c, covariance, window_V, model, influence, note)

    def __len__(self) -> int:
        return len(self.at_V)

    def take(self, index: IntArray) -> Self:
        """Return those of some curves."""
        return type(self)(*[getattr(self, name)[index] for name in _PARTS])

    def put(self, index: IntArray, others: Self) -> Self:
        """Return these with those of some curves, without repetition, exchanged for others."""
        if len(index) == len(self):
            return others
        pairs = ((getattr(self, name), getattr(others, name)) for name in _PARTS)
        return type(self)(*(exchanged(mine, index, theirs) for mine, theirs in pairs))

    def value_errors(self) -> Array:
        """Return the standard errors of the values."""
        return np.asarray(np.sqrt(np.maximum(self.covariance[:, 0, 0], 0.0)))

    def errors(self, weights: Sequence[Factor]) -> Array:
        """Return the standard errors of the sums of the coefficients times `weights`."""
        g = np.empty(self.c.shape)
        for k, weight in enumerate(weights):
            g[:, k] = weight
        squares = (g[:, None, :] @ self.covariance @ g[:, :, None])[:, 0, 0]
        return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


_PARTS = tuple(field.name for field in fields(Expansions))


def exchanged(
    values: np.ndarray[Any, Kind], index: IntArray, others: np.ndarray[Any, Kind]
) -> np.ndarray[Any, Kind]:
    """Return values in which those at an index, without repetition, are exchanged for others."""
    if len(index) == len(values):
        return others
    changed = values.copy()
    changed[index] = others
    return changed


class Curves(Protocol):
    """The I(V) of several runs near any voltage of their swept ranges."""

    def __len__(self) -> int:
        """Return the number of runs."""
        ...

    def at(self, run: IntArray, voltage_V: Array, target: int) -> Expansions:
        """Return the expansions of some runs, each at its voltage.

        They are best for the value (target 0) or the slope (1).
        """
        ...


class CurveModel(Protocol):
    """A description of I(V), alone or together with others of its kind."""

    def kind(self) -> Hashable:
        """Return what descriptions have in common that are worked out together."""
        ...

    def curves(self, models: Sequence[Self]) -> Curves:
        """Return the curves of models of this kind."""
        ...


def joint_errors(terms: Sequence[tuple[Factor, int, Expansions]]) -> Array:
    """Return the standard errors of sums of factor·coefficient, each over expansions of one curve.

    Each term is (factors, which coefficient, expansions). Bias beyond the noise adds in quadrature.
    """
    rows: Array | float = 0.0
    bias: Array | float = 0.0
    for factor, k, part in terms:
        own = part.influence[:, k]
        rows = rows + (factor[:, None] if isinstance(factor, np.ndarray) else factor) * own
        beyond = part.covariance[:, k, k] - np.einsum("ij,ij->i", own, own)
        bias = bias + factor * factor * np.maximum(beyond, 0.0)
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows) + bias))


def average(parts: Sequence[tuple[Array, Expansions]]) -> Expansions:
    """Return means of expansions with Akaike weights (curves,), the disagreement in the covariance.

    Burnham & Anderson, Model Selection and Multimodel Inference (2002), eq. 4.9.
    """
    if len(parts) == 1:
        return parts[0][1]
    total = sum(weight for weight, _ in parts)
    weights = [(weight / total)[:, None, None] for weight, _ in parts]
    first = parts[0][1]
    mean = np.zeros(first.c.shape)
    for weight, (_, part) in zip(weights, parts, strict=True):
        mean = mean + weight[:, 0] * part.c
    covariance = np.zeros(first.covariance.shape)
    influence = np.zeros(first.influence.shape)
    for weight, (_, part) in zip(weights, parts, strict=True):
        off = part.c - mean
        covariance = covariance + weight * (part.covariance + off[:, :, None] * off[:, None, :])
        influence = influence + weight * part.influence
    leading = np.argmax([weight for weight, _ in parts], axis=0)
    model = np.array([part.model for _, part in parts])[leading, np.arange(len(first))]
    return Expansions(first.at_V, mean, covariance, first.window_V, model, influence, first.note)
