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
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from nanojunction.analysis.iv.global_fit import SIMPLEST, Tried, any_fits, fitting
from nanojunction.analysis.iv.global_model import GlobalModel
from nanojunction.analysis.iv.projected import leverages, project
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.together import Analysis, ask, ask_each

_CHANCE = 5e-4
_CHANCE_WEIGHTED = 1e-8  # where the rows' weights come from the same rows
_MOST = 3
_FEWEST = 8  # rows
_LONG, _NOTHING = 60, 3.7  # in so many rows, none of which is so far off, nothing is looked for
_MARGIN = 0.95  # of the distance at which the farthest of several lone rows is found at least
_NOT_WORTH_IT = 3.0  # standard deviations of the farthest row, from which a closer look is taken


def describing(traces: Traces) -> Analysis[tuple[GlobalModel | None, Traces, list[int]]]:
    """Return a description of the whole range, the traces without lone rows, and the run's rows.

    Rows are left out only where the rest has a description; a feature of several rows has none.
    """
    fitted = yield from fitting(traces)
    smooth = fitted.model
    if not traces.noise_A or len(traces) < _FEWEST:
        return smooth, traces, []
    if len(traces) >= _LONG and fitted.farthest < _nothing(len(traces)):
        return smooth, traces, []
    lone = yield from _lone(traces, smooth, fitted.tried)
    for count in range(len(lone), 0, -1):
        good = np.ones(len(traces), dtype=bool)
        good[lone[:count]] = False
        fewer = traces.where(good)
        without = (yield from fitting(fewer)).model
        if without is not None:
            return without, fewer, traces.row[lone[:count]].tolist()
    return smooth, traces, []


@lru_cache(maxsize=256)
def _nothing(rows: int) -> float:
    """Return how far off the farthest row is, in standard deviations, if lone ones are found.

    Each of several adds to the standard deviation that it is compared with.
    """
    limit = NormalDist().inv_cdf(1.0 - 0.5 * _CHANCE / rows)
    return max(_NOTHING, _MARGIN * limit / math.sqrt(1.0 + _MOST * limit**2 / rows))


def _lone(
    traces: Traces, smooth: GlobalModel | None, described: Tried | None
) -> Analysis[list[int]]:
    """Return the rows that stand alone, the farthest first."""
    if smooth is not None:
        traces = replace(traces, relative_noise=smooth.relative_noise)
    chance = _CHANCE if traces.relative_noise is None else _CHANCE_WEIGHTED
    found: list[int] = []
    certain = 0
    good = np.ones(len(traces), dtype=bool)
    simple = smooth is not None and smooth.model == SIMPLEST
    for attempt in range(min(_MOST, len(traces) // 5)):
        rows = np.flatnonzero(good)
        tried = described
        if tried is None or attempt > 0:
            data = yield from ask(project, traces.where(good))
            tried = Tried(data, [])
        fits = yield from any_fits(tried, described, simple=simple)
        if not fits:
            break
        known = smooth.aicc if smooth is not None and attempt == 0 else math.inf
        known = min(known, *(fit.aicc for fit in fits), math.inf)
        best = (math.inf, 0, 0.0)
        fits = [fit for fit in fits if fit.dof > 2 and fit.variance > 0.0]
        followed = yield from ask_each(leverages, [(tried.data, fit) for fit in fits])
        for fit, leverage in zip(fits, followed, strict=True):
            free, own = fit.dof - 1, np.minimum(leverage, 1.0 - 1e-6)
            drop = fit.residual**2 / (1.0 - own)
            at = int(drop.argmax())
            left = max(1.0 - float(drop[at]) / (fit.variance * fit.dof), 1e-12)
            needed = _falls(free, len(rows), chance)
            best = min(best, (fit.aicc + len(rows) * math.log(left), at, needed))
        score, at, needed = best
        if attempt == 0 and known - score < _NOT_WORTH_IT**2:
            return []
        good[rows[at]] = False
        found.append(int(rows[at]))
        if known - score > needed:
            certain = len(found)
    return found[:certain]


@lru_cache(maxsize=256)
def _falls(free: int, rows: int, chance: float) -> float:
    """Return how far AICc falls without the farthest row by chance, at a probability."""
    from scipy.special import stdtrit

    limit = float(stdtrit(free, 1.0 - 0.5 * chance / rows))
    return rows * math.log1p(limit**2 / free)
