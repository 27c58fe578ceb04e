"""Whether the rows of runs are those of an I(V), of many runs at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nanojunction.analysis.iv.traces import Stack, Traces, alike
from nanojunction.analysis.legs import white_noises
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

NOT_SWEPT = "the voltage was not swept"

_LEAST_A = 1e-100
_SPAN = 12.0  # noise standard deviations of the voltage: what spans more was swept
_FEW = 20  # rows from which the noise of the voltage can be told


def reasons_against(many: Sequence[Traces]) -> list[str | None]:
    """Return why the rows of runs are no I(V), None of those that are one."""
    return in_groups(many, alike, _reasons_of_alike)


def _reasons_of_alike(many: Sequence[Traces]) -> list[str | None]:
    if len(many[0]) == 0:
        return ["no row has numbers outside of compliance"] * len(many)
    stack = Stack.of(many)
    v, s = stack.voltage_V, stack.setpoint_V
    if s is not None and float(np.ptp(s)) <= 1e-9 * float(np.max(np.abs(s))):
        return [NOT_SWEPT] * len(many)
    span = v.max(axis=1) - v.min(axis=1)
    noise = white_noises(np.take(v, np.argsort(many[0].row), axis=1))
    still = (span < _SPAN * noise) & (v.shape[1] > _FEW)
    largest = np.abs(stack.current_A).max(axis=1)
    reasons: list[str | None] = [None] * len(many)
    for k in np.flatnonzero((largest > 0.0) & (largest < _LEAST_A)).tolist():
        reasons[k] = f"no current reaches {_LEAST_A:g} A: is the unit of the column right?"
    for k in np.flatnonzero(still).tolist():
        if not _follows(stack.current_A[k], v[k]):
            reasons[k] = reasons[k] or NOT_SWEPT
    for k in np.flatnonzero(span == 0.0).tolist():
        reasons[k] = NOT_SWEPT
    return reasons


def _follows(current: Array, voltage: Array) -> bool:
    """Tell whether most of the current's variance goes with the voltage."""
    if float(np.ptp(current)) == 0.0 or float(np.ptp(voltage)) == 0.0:
        return False
    return float(np.corrcoef(voltage, current)[0, 1]) ** 2 >= 0.5
