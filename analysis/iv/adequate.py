"""Whether a description of an I(V) is adequate: terms that are not needed, residuals like noise."""

from __future__ import annotations

import math

import numpy as np

from nanojunction.analysis.iv.outliers import Flags
from nanojunction.analysis.iv.projected import Projected, ProjectedFit
from nanojunction.analysis.iv.stencils import STENCIL
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.values import Array

OF_NOISE = 7.6  # variance of the logarithm of the noise's variance from a median of differences,
# times their number: that of medians of normal noise, of differences that share rows
_SURE = 3.3  # standard deviations: a description is rejected by chance in 1 of 1000 runs
_RELATED = 4.0  # standard deviations of the sum of products of neighbours
_ROUNDING = 1e-9  # of the span of the currents


def is_needless(fit: ProjectedFit, more: ProjectedFit, limit: float) -> bool:
    """Tell whether terms that only `more` has are not needed: χ² at most `limit`."""
    rest = more.variance * more.dof
    return bool(is_below(fit.variance * fit.dof - rest, rest, more.dof, limit))


def is_below(gain: Array | float, rest: Array | float, free: Array | int, limit: float) -> Flags:
    """Tell where further terms gain less than χ² = `limit` on what they leave, a sum of squares.

    It is a likelihood ratio, each degree of freedom counting as one value: with few of them the
    limit is that of an F distribution (exactly, for two terms).
    """
    return np.asarray(gain <= rest * np.expm1(np.minimum(limit / np.asarray(free), 500.0)))


def is_white(data: Projected, fit: ProjectedFit, traces: Traces) -> bool:
    """Tell whether residuals look like the noise: in size, and from neighbour to neighbour."""
    assert traces.noise_A is not None
    floor = (_ROUNDING * float(np.ptp(traces.current_A))) ** 2
    differences = max(int(np.maximum(data.legs.counts - STENCIL + 1, 0).sum()), 1)
    allowed = math.exp(_SURE * math.sqrt(OF_NOISE / differences))
    if fit.variance > max(traces.noise_A**2 * allowed, floor):
        return False
    if fit.variance <= floor:
        return True
    same = traces.leg[1:] == traces.leg[:-1]
    products = float((fit.residual[1:] * fit.residual[:-1]) @ same)
    return products < _RELATED * fit.variance * math.sqrt(max(int(np.count_nonzero(same)), 1))
