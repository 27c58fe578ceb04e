"""Which runs and which fields are the parallel and the reference state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nanojunction.analysis.field.loops import Direction
from nanojunction.analysis.notation import plain_number

if TYPE_CHECKING:
    from nanojunction.analysis.run_result import RunResult

ZERO_FIELD_T = 1e-3
"""Fields closer to 0 T than this are 0 T."""

TOLD_APART = 3.0
"""Standard errors by which R_s or I_off of two states must differ to be told apart."""

_SAME_FIELD = 0.05
_SETPOINT = 0.01  # fields that are closer belong to one setpoint

Source = Literal["stated in the files", "given", "proposed"]


@dataclass(frozen=True, slots=True)
class States:
    """The I(V) runs of the parallel and of the reference state, and the fields they were at (T).

    `source` says who decided: the runs' files, the user, or the largest |H| against the smallest.
    `difference` is by how many standard errors R_s or I_off of the two states differ, None where
    that is not known: a proposal of two states that cannot be told apart is no finding.
    """

    parallel: tuple[RunResult, ...]
    reference: tuple[RunResult, ...]
    parallel_field_T: float | None
    reference_field_T: float | None
    left_out: tuple[str, ...] = ()
    source: Source = "proposed"
    difference: float | None = None

    @property
    def reason(self) -> str:
        """Why these runs are the two states, and how sure it is that they are two."""
        why = {
            "stated in the files": "the files state P and AP",
            "given": "the fields were given",
            "proposed": "proposed: the largest |H| is P, the smallest the reference",
        }[self.source]
        if self.difference is None:
            return f"{why}; whether the two differ is not known"
        if self.difference < TOLD_APART:
            return f"{why}; but R_s and I_off of the two do not differ beyond their errors"
        apart = plain_number(self.difference, 3)
        return f"{why}; R_s or I_off of the two differ by {apart} standard errors"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of the states of a `magneto` group."""
        return {
            **{
                name: {"field_T": field_T, "runs": [str(r.run.file.as_posix()) for r in runs]}
                for name, field_T, runs in (
                    ("parallel", self.parallel_field_T, self.parallel),
                    ("reference", self.reference_field_T, self.reference),
                )
            },
            "source": self.source,
            "difference_over_error": self.difference,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class FieldReference:
    """Which fields are compared (T), and from which side they are approached in a loop.

    None leaves the choice to the analysis. `parallel_field_T`: the largest |H| that all loops
    reach; `reference_field_T`: 0 T in a loop, the smallest |H| among I(V); `approach`: both
    directions of the sweep, which must then agree. Fields that are given have a sign, and they
    win over states that files state. Raises ValueError for a field that is not a finite number, or
    where both are the same.
    """

    parallel_field_T: float | None = None
    reference_field_T: float | None = None
    approach: Direction | None = None

    def __post_init__(self) -> None:
        for name in ("parallel_field_T", "reference_field_T"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} is {value}: give a finite field in T")
        if self.parallel_field_T is not None and self.parallel_field_T == self.in_loops_T:
            raise ValueError(
                f"the field of P and the field of the reference are both {self.in_loops_T:g} T: "
                "give two different fields"
            )

    @property
    def in_loops_T(self) -> float:
        """The reference's field in a loop (T)."""
        return 0.0 if self.reference_field_T is None else self.reference_field_T

    @property
    def is_given(self) -> bool:
        """Whether a field was given."""
        return self.parallel_field_T is not None or self.reference_field_T is not None


LARGEST_AGAINST_ZERO = FieldReference()
"""The largest |H| is P, 0 T (in I(V): the smallest |H|) the reference, from both sides."""


def choose_states(
    results: Sequence[RunResult], reference: FieldReference = LARGEST_AGAINST_ZERO
) -> States | None:
    """Return which I(V) runs are P and which are the reference, None where they are not two.

    Fields that are given decide, then states that the files state (P and AP), where both occur;
    otherwise the runs at the largest |H| are P and those at the smallest |H| the reference. Runs
    within 5 % of the largest |H| (or 1 mT) are at the same field; runs of neither state are left
    out by name.
    """
    known = [r for r in results if r.run.conditions.field_T is not None]
    stated = [[r for r in results if r.run.conditions.state == state] for state in ("P", "AP")]
    source: Source = "proposed"
    if reference.is_given:
        source = "given"
        found = _at_given_fields(known, reference)
    elif all(stated):
        source = "stated in the files"
        found = stated[0], stated[1]
    else:
        found = _by_size(known)
    if found is None:
        return None
    parallel, other = found
    chosen = {id(r) for r in (*parallel, *other)}
    return States(
        tuple(parallel),
        tuple(other),
        _mean_field(parallel),
        _mean_field(other),
        tuple(str(r.run.file) for r in results if id(r) not in chosen),
        source,
        _difference(parallel, other),
    )


def _field(result: RunResult) -> float:
    return result.run.conditions.field_T or 0.0


def _margin(known: Sequence[RunResult]) -> float:
    return max(ZERO_FIELD_T, _SAME_FIELD * max(abs(_field(r)) for r in known))


def _by_size(
    known: Sequence[RunResult],
) -> tuple[list[RunResult], list[RunResult]] | None:
    """Return the runs at the largest and at the smallest |H|."""
    if not known:
        return None
    sizes = [abs(_field(r)) for r in known]
    margin = _margin(known)
    if max(sizes) - min(sizes) <= margin:
        return None
    return (
        [r for r in known if abs(_field(r)) >= max(sizes) - margin],
        [r for r in known if abs(_field(r)) <= min(sizes) + margin],
    )


def _at_given_fields(
    known: Sequence[RunResult], reference: FieldReference
) -> tuple[list[RunResult], list[RunResult]] | None:
    """Return the runs nearest to the given fields, with their signs; the rest is proposed.

    None where the nearest is farther away than 5 % of the largest |H| (or 1 mT).
    """
    if not known:
        return None
    margin = _margin(known)
    sizes = [abs(_field(r)) for r in known]

    def at(field_T: float | None, size: float) -> list[RunResult]:
        if field_T is None:
            return [r for r in known if abs(abs(_field(r)) - size) <= margin]
        nearest = min((_field(r) for r in known), key=lambda field: abs(field - field_T))
        if abs(nearest - field_T) > margin:
            return []
        same = max(ZERO_FIELD_T, _SETPOINT * max(sizes))
        return [r for r in known if abs(_field(r) - nearest) <= same]

    parallel = at(reference.parallel_field_T, max(sizes))
    other = at(reference.reference_field_T, min(sizes))
    if not parallel or not other or {id(r) for r in parallel} & {id(r) for r in other}:
        return None
    return parallel, other


def _difference(parallel: Sequence[RunResult], other: Sequence[RunResult]) -> float | None:
    """Return by how many standard errors R_s or I_off of two groups of runs differ."""
    from nanojunction.analysis.averages import weighted_mean
    from nanojunction.analysis.calibration import number

    found = []
    for key in ("r_s_ohm", "i_off_A"):
        a, b = (weighted_mean([number(r.quantities, key) for r in group])
                for group in (parallel, other))  # fmt: skip
        if a.value is None or b.value is None or a.stderr is None or b.stderr is None:
            continue
        error = math.hypot(a.stderr, b.stderr)
        if error > 0.0:
            found.append(abs(a.value - b.value) / error)
    return max(found, default=None)


def _mean_field(results: Sequence[RunResult]) -> float | None:
    fields = [r.run.conditions.field_T for r in results]
    known = [field for field in fields if field is not None]
    # Both signs of one |H| are one state; their mean would be no field at all.
    if not known or len(known) < len(fields):
        return None
    return float(np.mean(known)) if len({np.sign(f) for f in known}) == 1 else float(known[0])
