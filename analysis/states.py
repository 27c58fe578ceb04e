"""Which runs and which fields are the parallel and the reference state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nanojunction.analysis.loops import Direction

if TYPE_CHECKING:
    from nanojunction.analysis.iv import RunResult

ZERO_FIELD_T = 1e-3
"""Fields closer to 0 T than this are 0 T."""

_SAME_FIELD = 0.05


@dataclass(frozen=True, slots=True)
class States:
    """The I(V) runs of the parallel and of the reference state, and the fields they were at (T)."""

    parallel: tuple[RunResult, ...]
    reference: tuple[RunResult, ...]
    parallel_field_T: float | None
    reference_field_T: float | None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldReference:
    """Which fields of I(H) are compared (T), and from which side they are approached.

    `parallel_field_T` None is the largest |H| that all loops reach; `approach` None takes both
    directions of the sweep, which must then agree.
    """

    parallel_field_T: float | None = None
    reference_field_T: float = 0.0
    approach: Direction | None = None


LARGEST_AGAINST_ZERO = FieldReference()
"""The largest |H| is P, 0 T the reference, from both sides."""


def choose_states(results: Sequence[RunResult]) -> States | None:
    """Return which I(V) runs are P and which are the reference, None where they are not two.

    Stated states (P/AP) decide where both occur; otherwise the runs at the largest |H| (within
    5 %) are P and those at the smallest |H| the reference. Runs of neither are left out by name.
    """
    stated = [[r for r in results if r.run.conditions.state == state] for state in ("P", "AP")]
    if all(stated):
        parallel, reference = stated
    else:
        known = [r for r in results if r.run.conditions.field_T is not None]
        if not known:
            return None
        sizes = np.array([abs(r.run.conditions.field_T or 0.0) for r in known])
        margin = max(ZERO_FIELD_T, _SAME_FIELD * float(np.max(sizes)))
        if np.ptp(sizes) <= margin:
            return None
        parallel = [r for r, h in zip(known, sizes, strict=True) if h >= np.max(sizes) - margin]
        reference = [r for r, h in zip(known, sizes, strict=True) if h <= np.min(sizes) + margin]
    chosen = {id(r) for r in (*parallel, *reference)}
    return States(
        tuple(parallel),
        tuple(reference),
        _mean_field(parallel),
        _mean_field(reference),
        tuple(str(r.run.file) for r in results if id(r) not in chosen),
    )


def _mean_field(results: Sequence[RunResult]) -> float | None:
    fields = [r.run.conditions.field_T for r in results]
    known = [field for field in fields if field is not None]
    # Both signs of one |H| are one state; their mean would be no field at all.
    if not known or len(known) < len(fields):
        return None
    return float(np.mean(known)) if len({np.sign(f) for f in known}) == 1 else float(known[0])
