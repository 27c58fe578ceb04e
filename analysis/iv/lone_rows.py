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

from nanojunction.analysis.iv.coarse_noise import COARSE
from nanojunction.analysis.iv.global_fit import SIMPLEST, Fitted, Tried, any_fits, fitting
from nanojunction.analysis.iv.global_model import GlobalModel
from nanojunction.analysis.iv.projected import Projected, ProjectedFit, leverages, project
from nanojunction.analysis.iv.traces import Traces
from nanojunction.analysis.together import Analysis, ask, ask_each

_CHANCE = 5e-4
_CHANCE_WEIGHTED = 1e-8  # where the rows' weights come from the same rows
_MOST = 3
_FEWEST = 8  # rows
_LONG, _NOTHING = 60, 3.7  # in so many rows, none of which is so far off, nothing is looked for
_MARGIN = 0.95  # of the distance at which the farthest of several lone rows is found at least
_WORTH_ALL = 0.4  # of the fall that is needed, from which each row of a short sweep is tried
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
    lone = yield from _lone(traces, fitted)
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


def _lone(traces: Traces, fitted: Fitted) -> Analysis[list[int]]:
    """Return the rows that stand alone, the farthest first."""
    smooth, described = fitted.model, fitted.tried
    few = len(traces) < COARSE
    if smooth is not None:
        # In a short sweep uneven noise may be nothing but the lone row.
        traces = replace(traces, relative_noise=None if few else smooth.relative_noise)
    chance = _CHANCE if traces.relative_noise is None else _CHANCE_WEIGHTED
    found: list[int] = []
    certain = 0
    good = np.ones(len(traces), dtype=bool)
    simple = smooth is not None and smooth.model == SIMPLEST
    for attempt in range(min(_MOST, len(traces) // 5)):
        rows = np.flatnonzero(good)
        tried = None if few and not simple else described
        if tried is None or attempt > 0:
            data = yield from ask(project, traces.where(good))
            tried = Tried(data, [])
        fits = yield from any_fits(tried, None if few else described, simple=simple)
        if not fits:
            break
        known = min(fit.aicc for fit in fits)
        if attempt == 0:
            known = min(known, fitted.aicc, math.inf if smooth is None else smooth.aicc)
        best = yield from _farthest(tried.data, fits, chance)
        if few and not simple and known - best[0] > _WORTH_ALL * best[2]:
            best = min(best, (yield from _farthest_of_few(traces.where(good), chance)))
        score, at, needed = best
        if attempt == 0 and known - score < _NOT_WORTH_IT**2:
            return []
        good[rows[at]] = False
        found.append(int(rows[at]))
        if known - score > needed:
            certain = len(found)
    return found[:certain]


def _farthest(
    data: Projected, fits: list[ProjectedFit], chance: float
) -> Analysis[tuple[float, int, float]]:
    """Return AICc without the row that stands most alone, the row, and by how much it must fall."""
    rows = len(data.x)
    best = (math.inf, 0, 0.0)
    fits = [fit for fit in fits if fit.dof > 2 and fit.variance > 0.0]
    followed = yield from ask_each(leverages, [(data, fit) for fit in fits])
    for fit, leverage in zip(fits, followed, strict=True):
        drop = fit.residual**2 / (1.0 - np.minimum(leverage, 1.0 - 1e-6))
        at = int(drop.argmax())
        left = max(1.0 - float(drop[at]) / (fit.variance * fit.dof), 1e-12)
        needed = _falls(fit.dof - 1, rows, chance)
        best = min(best, (fit.aicc + rows * math.log(left), at, needed))
    return best


def _farthest_of_few(traces: Traces, chance: float) -> Analysis[tuple[float, int, float]]:
    """Return what `_farthest` does, by leaving out each row of a short sweep in turn.

    The laws are not linear in their parameters: a row far off bends them beyond recognition.
    """
    rows = len(traces)
    best = (math.inf, 0, 0.0)
    for at in range(rows):
        data = yield from ask(project, traces.where(np.arange(rows) != at))
        for fit in (yield from any_fits(Tried(data, []), None, simple=False)):
            terms = rows - fit.dof
            if fit.dof < 2 or rows <= terms + 1 or fit.variance <= 0.0:
                continue
            left = rows * math.log(fit.variance * fit.dof / rows)
            score = left + 2.0 * terms * rows / (rows - terms - 1)
            best = min(best, (score, at, _falls(fit.dof, rows, chance)))
    return best


@lru_cache(maxsize=256)
def _falls(free: int, rows: int, chance: float) -> float:
    """Return how far AICc falls without the farthest row by chance, at a probability."""
    from scipy.special import stdtrit

    limit = float(stdtrit(free, 1.0 - 0.5 * chance / rows))
    return rows * math.log1p(limit**2 / free)
