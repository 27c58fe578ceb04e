"""What a sweep that ends before the current crosses zero still says of V_off."""

from __future__ import annotations

import math

from nanojunction.analysis.notation import in_words
from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Quantity


def least_ratio(
    run: Run, i_off_A: float | None, line_V: float, note: str | None
) -> Quantity | None:
    """Return a lower bound of |V_off| over the line's (`line_V`), None where there is none.

    `note` is to be said of the line's offset. `beyond_V` in `extra` is where the sweep ends.
    """
    beyond_V = None if i_off_A is None else least_offset_V(run, i_off_A)
    if beyond_V is None or line_V <= 0.0:
        return None
    said = f"|V_off| is above {in_words(beyond_V, 'V', 3)}, where the sweep ends"
    extra = {"bound": "lower", "beyond_V": beyond_V}
    return Quantity(
        beyond_V / line_V, None, said if note is None else f"{said}; {note}", extra=extra
    )


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
