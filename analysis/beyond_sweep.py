"""What a sweep that ends before the current crosses zero still says of V_off."""

from __future__ import annotations

import math

from nanojunction.analysis.run import Run


def least_offset_V(run: Run, i_off_A: float) -> float | None:
    """Return a voltage that |V_off| exceeds, where I does not cross zero in the swept range.

    I keeps its sign as far as the voltage went against it, so that |V_off| lies beyond: a bound,
    not an extrapolation. None where no row goes against the current.
    """
    free = ~run.in_compliance
    against_V = -math.copysign(1.0, i_off_A) * run.voltage_V[free]
    kept = run.current_A[free] * i_off_A > 0
    turned, reached = against_V[~kept & (against_V > 0)], against_V[kept & (against_V > 0)]
    if len(reached) == 0:
        return None
    return min(float(reached.max()), float(turned.min()) if len(turned) else math.inf)
