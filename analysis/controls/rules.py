"""When a check is passed, failed or left open: margins against their standard errors.

Every rule states a margin that is above zero where the check is passed, and asks whether it is so
beyond doubt. With Gaussian errors a device on the very limit is judged wrongly, either way, with a
probability of 0.13 % a quantity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.calibration import CANDIDATE_RATIO
from nanojunction.analysis.devices.checks import Outcome
from nanojunction.analysis.values import Quantity

WRONG = 0.00135
"""Probability of a wrong judgement on the limit: that of three standard deviations, one side."""

PERSISTS, GONE = 0.5, 0.1
"""Shares of an offset that must be left at rest to pass, and below which the check fails."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its standard error, None where it is unknown.

    `dof` are the degrees of freedom of an error that was taken from a scatter; None where the
    error is that of the fits.
    """

    value: float
    stderr: float | None
    dof: int | None = None

    def to_quantity(self, note: str | None = None) -> Quantity:
        """Return it as a quantity of the results."""
        if self.stderr is None and note is None:
            note = "a standard error that it rests on is unknown"
        return Quantity(self.value, self.stderr, note)

    def reach(self) -> float:
        """Return how far from the value the truth may lie; infinite for an unknown error."""
        if self.stderr is None:
            return math.inf
        from scipy.special import ndtri, stdtrit

        tail = ndtri(WRONG) if self.dof is None else stdtrit(self.dof, WRONG)
        return -float(tail) * self.stderr


def combined(*parts: tuple[float, Estimate]) -> Estimate:
    """Return Σ c·x of independent estimates x with factors c.

    The smallest number of degrees of freedom among them counts.
    """
    value = sum(factor * one.value for factor, one in parts)
    errors = [(factor, one.stderr) for factor, one in parts]
    known = [factor * stderr for factor, stderr in errors if stderr is not None]
    freedoms = [one.dof for _, one in parts if one.dof is not None]
    stderr = math.hypot(*known) if len(known) == len(parts) else None
    return Estimate(value, stderr, min(freedoms, default=None))


def judged(margin: Estimate) -> Outcome:
    """Return passed for a margin that is above zero beyond doubt, failed for one below."""
    reach = margin.reach()
    if margin.value > reach:
        return "passed"
    return "failed" if margin.value < -reach else "undecided"


def pooled(*groups: Sequence[Quantity]) -> list[Estimate | None]:
    """Return the mean of each group of repeats; None for a group without a value.

    Repeats that agree within their standard errors are weighted with 1/stderr². Where they scatter
    more (χ² of all groups above its degrees of freedom), or an error is unknown, all weigh the same
    and the scatter about the groups' means, common to all of them, gives the errors.
    """
    usable = [[q for q in group if q.value is not None] for group in groups]
    dof = sum(len(group) - 1 for group in usable if group)
    weighted = [_weighted(group) for group in usable]
    if all(one is None or one.stderr is not None for one in weighted) and (
        dof == 0 or _chi2(usable, weighted) <= dof
    ):
        return weighted
    means = [math.fsum(_values(group)) / len(group) if group else 0.0 for group in usable]
    square = math.fsum(
        (value - mean) ** 2
        for group, mean in zip(usable, means, strict=True)
        for value in _values(group)
    )
    scatter = math.sqrt(square / dof) if dof else None
    return [
        Estimate(mean, None if scatter is None else scatter / math.sqrt(len(group)), dof or None)
        if group
        else None
        for group, mean in zip(usable, means, strict=True)
    ]


def _values(group: Sequence[Quantity]) -> list[float]:
    return [q.value for q in group if q.value is not None]


def _weighted(group: Sequence[Quantity]) -> Estimate | None:
    """Return the mean weighted with 1/stderr²; all weigh the same where that cannot be done."""
    if not group:
        return None
    errors = [q.stderr for q in group if q.stderr is not None]
    if len(errors) < len(group) or min(errors) <= 0.0:
        stderr = math.hypot(*errors) / len(group) if len(errors) == len(group) else None
        return Estimate(math.fsum(_values(group)) / len(group), stderr)
    least = min(errors)
    weights = (least / np.array(errors)) ** 2
    total = float(np.sum(weights))
    mean = float(np.sum(weights * np.array(_values(group)))) / total
    return Estimate(mean, least / math.sqrt(total))


def _chi2(groups: Sequence[Sequence[Quantity]], means: Sequence[Estimate | None]) -> float:
    chi2 = 0.0
    for group, mean in zip(groups, means, strict=True):
        for one in group:
            assert mean is not None and one.value is not None
            if one.value != mean.value:
                pull = (one.value - mean.value) / one.stderr if one.stderr else math.inf
                chi2 += pull * pull  # infinite where ** would raise
    return chi2


def exceeds(large: Estimate, small: Estimate) -> Outcome:
    """Judge whether |large| is at least ten times |small|, from two independent values."""
    return judged(
        combined(
            (math.copysign(1.0, large.value), large),
            (-CANDIDATE_RATIO * math.copysign(1.0, small.value), small),
        )
    )


def flips(normal: Estimate, other: Estimate) -> Outcome:
    """Judge whether the part (n − r)/2 that flips is at least ten times (n + r)/2 that does not."""
    flipping = math.copysign(0.5, normal.value - other.value)
    staying = CANDIDATE_RATIO * math.copysign(0.5, normal.value + other.value)
    return judged(combined((flipping - staying, normal), (-flipping - staying, other)))


def agrees(effect: Estimate, other: Estimate) -> Outcome:
    """Judge whether another value differs from an effect by no more than a tenth of it."""
    size = math.copysign(1.0 / CANDIDATE_RATIO, effect.value)
    change = math.copysign(1.0, other.value - effect.value)
    return judged(combined((size + change, effect), (-change, other)))


def stays(effect: Estimate, change: Estimate) -> Outcome:
    """Judge whether a change, measured for itself, is no more than a tenth of an effect."""
    return judged(
        combined(
            (math.copysign(1.0 / CANDIDATE_RATIO, effect.value), effect),
            (-math.copysign(1.0, change.value), change),
        )
    )


def persists(swept: Estimate, at_rest: Estimate) -> Outcome:
    """Judge what is left of an offset at rest: half of it passes, less than a tenth fails."""
    if abs(swept.value) <= swept.reach():
        return "undecided"
    sign = math.copysign(1.0, swept.value)
    if judged(combined((sign, at_rest), (-PERSISTS * sign, swept))) == "passed":
        return "passed"
    is_gone = judged(combined((sign, at_rest), (-GONE * sign, swept))) == "failed"
    return "failed" if is_gone else "undecided"
