"""Which turning points of dI/dV are peaks of their own, and which lie only between others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nanojunction.analysis.iv.peak_fit import Stretch
from nanojunction.analysis.iv.peak_solver import (
    FEWEST,
    ORDERS,
    PER_PARAMETER,
    Others,
    Tasks,
    inverses,
    orders_of,
)
from nanojunction.analysis.iv.turning_points import Turn
from nanojunction.analysis.together import in_groups

# Of the strongest peak's χ²: so much is made of it where places are a fifth of a width off.
_FAINT = 0.03

NEEDED = 6.0
"""Criterion by which a peak must better a fit to stay in it, two parameters' worth.

A peak that is missed shows in what the fit leaves, and is brought back.
"""

Seen = tuple[Stretch, Sequence[Turn]]


def choose_turns(seen: Sequence[Seen]) -> list[list[Turn]]:
    """Return the turning points of each stretch that a fit needs, as far as is seen without one.

    I(V) is described by the peak at each turning point and its derivatives by place and width,
    which says to first order what a fit would leave. One after another is left out while the
    criterion hardly suffers.
    """
    return in_groups(seen, lambda one: (len(one[0].x), len(one[1])), _choose_alike)


def _choose_alike(seen: Sequence[Seen]) -> list[list[Turn]]:
    points, peaks = len(seen[0][0].x), len(seen[0][1])
    if points - ORDERS[0] - 1 - 3 * peaks < FEWEST:
        return [list(turns) for _, turns in seen]
    turns = [one for _, one in seen]
    tasks = Tasks.of(
        np.stack([stretch.x for stretch, _ in seen]),
        np.stack([stretch.y for stretch, _ in seen]),
        np.stack([stretch.error for stretch, _ in seen]),
        np.array([[turn.position_V for turn in one] for one in turns]),
        np.array([[turn.fwhm_V for turn in one] for one in turns]),
    )
    others = orders_of(
        tasks, tasks.columns(tasks.place, tasks.width), tasks.y[:, :, None], 3 * peaks
    )
    best = others.criterion.argmin(axis=1)
    return [
        [one[k] for k in _kept(others, row, int(order), points)]
        for row, (one, order) in enumerate(zip(turns, best, strict=True))
    ]


def _kept(others: Others, row: int, order: int, points: int) -> list[int]:
    """Return the numbers of the peaks that are left when none more may go."""
    chi2, inverse, step = (
        float(others.chi2[row, order]),
        others.inverse[row, order],
        others.step[row, order],
    )
    peaks = len(step) // 3
    kept = list(range(peaks))
    while len(kept) > 1:
        mine = np.arange(len(step)).reshape(3, -1).T  # (peaks, 3): height, place, width
        blocks = inverse[mine[:, :, None], mine[:, None, :]]
        precise = inverses(blocks)
        costs = np.einsum("ij,ijk,ik->i", step[mine], precise, step[mine])
        least = int(costs.argmin())
        free = ORDERS[order] + 2 + 3 * len(kept)
        variance = max(chi2 / (points - free + 1), 1.0)
        faint = _FAINT * float(costs.max())
        if costs[least] > max(variance * (3 * PER_PARAMETER + NEEDED), faint):
            break
        out, rest = mine[least], np.delete(mine, least, axis=0).T.ravel()
        across = inverse[np.ix_(rest, out)] @ precise[least]
        step = step[rest] - across @ step[out]
        inverse = inverse[np.ix_(rest, rest)] - across @ inverse[np.ix_(out, rest)]
        chi2 += float(costs[least])
        del kept[least]
    return kept
