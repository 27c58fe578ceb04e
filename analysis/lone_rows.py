"""Rows that stand alone against a description of the whole I(V): spikes, dropped readings.

Differences between neighbours (outliers.py) see them only in the middle of long legs. Here a row
counts as lone where a description without it is the better by more than chance: its externally
studentised residual (Cook & Weisberg, Residuals and Influence in Regression (1982), ch. 2) has a
probability below 0.0005 (less where rows are weighted) over the number of rows. Several are found
one after the other, and all up to the last that is significant count (Rosner, Technometrics 25, 165
(1983)).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nanojunction.analysis.global_fit import SIMPLEST, GlobalModel, any_fits, fit_globally
from nanojunction.analysis.projected import Projected
from nanojunction.analysis.traces import Traces

_CHANCE = 5e-4
_CHANCE_WEIGHTED = 1e-8  # where the rows' weights come from the same rows
_MOST = 3
_FEWEST = 8  # rows
_LONG, _NOTHING = 60, 3.7  # in so many rows, none of which is so far off, nothing is looked for
_NOT_WORTH_IT = 3.0  # standard deviations of the farthest row, from which a closer look is taken


def describe(traces: Traces) -> tuple[GlobalModel | None, Traces, list[int]]:
    """Return a description of the whole range, the traces without lone rows, and the run's rows.

    Rows are left out only where the rest has a description; a feature of several rows has none.
    """
    smooth = fit_globally(traces)
    if not traces.noise_A or len(traces) < _FEWEST:
        return smooth, traces, []
    if smooth is not None and len(traces) >= _LONG and smooth.farthest < _NOTHING:
        return smooth, traces, []
    weighted = traces if smooth is None else replace(traces, relative_noise=smooth.relative_noise)
    lone = _lone(weighted, smooth)
    for count in range(len(lone), 0, -1):
        good = np.ones(len(traces), dtype=bool)
        good[lone[:count]] = False
        fewer = traces.where(good)
        without = fit_globally(fewer)
        if without is not None:
            return without, fewer, traces.row[lone[:count]].tolist()
    return smooth, traces, []


def _lone(traces: Traces, smooth: GlobalModel | None) -> list[int]:
    """Return the rows that stand alone, the farthest first."""
    from scipy.special import stdtrit

    chance = _CHANCE if traces.relative_noise is None else _CHANCE_WEIGHTED
    found: list[int] = []
    certain = 0
    good = np.ones(len(traces), dtype=bool)
    for attempt in range(min(_MOST, len(traces) // 5)):
        rows = np.flatnonzero(good)
        data = Projected(traces.where(good))
        simple = smooth is not None and smooth.model == SIMPLEST
        fits = any_fits(data, simple=simple)
        if not fits:
            break
        known = smooth.aicc if smooth is not None and attempt == 0 else math.inf
        known = min(known, *(fit.aicc for fit in fits), math.inf)
        best = (math.inf, 0, 0.0)
        for fit in fits:
            free = fit.dof - 1
            if free < 2 or fit.variance == 0.0:
                continue
            own = np.minimum(data.leverage(fit), 1.0 - 1e-6)
            drop = fit.residual**2 / (1.0 - own) / float(fit.residual @ fit.residual)
            at = int(np.argmax(drop))
            left = max(1.0 - float(drop[at]), 1e-12)
            limit = float(stdtrit(free, 1.0 - 0.5 * chance / len(rows)))
            needed = len(rows) * math.log1p(limit**2 / free)
            best = min(best, (fit.aicc + len(rows) * math.log(left), at, needed))
        score, at, needed = best
        if attempt == 0 and known - score < _NOT_WORTH_IT**2:
            return []
        good[rows[at]] = False
        found.append(int(rows[at]))
        if known - score > needed:
            certain = len(found)
    return found[:certain]
