"""A local description of I(V): value, slope and curvature at one voltage, with covariance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from nanojunction.analysis.values import Array


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """I(V) ≈ c0 + c1·(V − at_V) + c2·(V − at_V)², in A, A/V, A/V².

    `covariance` is (3, 3) and includes the estimated bias of the model. `window_V` is the largest
    distance from `at_V` of a row that was used, `model` says what was fitted. `influence`, (3,
    noises), is what each of several independent noises of standard deviation 1, those of the rows
    or sums of them, adds to the coefficients: two expansions by one model have the covariance
    a.influence @ b.influence.T. `note` says
    what the reader of a slope must know.
    """

    at_V: float
    c: Array
    covariance: Array
    window_V: float
    model: str
    influence: Array
    note: str | None = None

    def error(self, weights: Sequence[float]) -> float:
        """Return the standard error of the sum of the coefficients times `weights`."""
        g = np.asarray(weights)
        return math.sqrt(max(float(g @ self.covariance @ g), 0.0))


class CurveModel(Protocol):
    """Something that knows I(V) near any voltage of the swept range."""

    def at(self, voltage_V: float, target: int) -> Expansion:
        """Return the expansion at a voltage, best for the value (target 0) or the slope (1)."""
        ...


def joint_error(terms: Sequence[tuple[float, int, Expansion]]) -> float:
    """Return the standard error of a sum of factor·coefficient over expansions by one model.

    Each term is (factor, which coefficient, expansion). Bias beyond the noise adds in quadrature.
    """
    rows, bias = np.zeros(terms[0][2].influence.shape[1]), 0.0
    for factor, k, part in terms:
        own = part.influence[k]
        rows += factor * own
        bias += factor**2 * max(float(part.covariance[k, k] - own @ own), 0.0)
    return math.sqrt(float(rows @ rows) + bias)


def average(parts: Sequence[tuple[float, Expansion]]) -> Expansion:
    """Return the mean of expansions with Akaike weights, their disagreement in the covariance.

    Burnham & Anderson, Model Selection and Multimodel Inference (2002), eq. 4.9.
    """
    if len(parts) == 1:
        return parts[0][1]
    total = sum(weight for weight, _ in parts)
    mean = sum((w / total * e.c for w, e in parts), start=np.zeros(3))
    covariance = np.zeros((3, 3))
    for weight, part in parts:
        off = part.c - mean
        covariance = covariance + weight / total * (part.covariance + np.outer(off, off))
    leading = max(parts, key=lambda part: part[0])[1]
    influence = np.sum([weight / total * part.influence for weight, part in parts], axis=0)
    return replace(leading, c=mean, covariance=covariance, influence=influence)
