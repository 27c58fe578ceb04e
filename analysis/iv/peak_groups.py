"""Groups of neighbouring peaks in dI/dV: from its turning points to the fit that is likeliest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.peak_choice import NEEDED, choose_turns
from nanojunction.analysis.iv.peak_fit import PeakFit, Start, Stretch, Wish, fit_peaks
from nanojunction.analysis.iv.peak_search import Hit, strongest_of_each, threshold_of
from nanojunction.analysis.iv.turning_points import Turn, turns_of_each
from nanojunction.analysis.together import Analysis, ask, together
from nanojunction.analysis.values import Array

LIKELY = 0.7
"""A fitted peak is kept from this part of the search's threshold on."""

_MOST = 9  # peaks in a group
_ADDED = 3  # peaks that the residual may add to those seen at first
_REACHES = (6.0, 3.0, 1.5)  # a fit extends so many FWHM beyond the outermost peaks of a group
_PATIENCE = 10  # fits after which a region is given up: what they leave is no peak of dI/dV


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Evenly stepped points of one direction, in which the filters have hit something.

    `rest` is what a smooth description leaves of the current y, where there is one. The noise is
    known from `noise_rows` rows.
    """

    x: Array
    y: Array
    rest: Array
    error: Array
    noise_rows: int
    hit: Hit
    is_described: bool

    @property
    def threshold(self) -> float:
        """Standard deviations that noise alone exceeds in 2 % of such searches."""
        return threshold_of(len(self.x))

    def within(self, low_V: float, high_V: float) -> Search | None:
        """Return the part between two voltages, None with fewer than 16 points."""
        near = (self.x >= low_V) & (self.x <= high_V)
        if np.count_nonzero(near) < 16:
            return None
        x, y, rest, error = (one[near] for one in (self.x, self.y, self.rest, self.error))
        return Search(x, y, rest, error, self.noise_rows, self.hit, self.is_described)


def fits_of(searches: Sequence[Search]) -> list[list[PeakFit]]:
    """Return fits of the significant peaks, one for each group of neighbours of similar width.

    Several beginnings are followed in a group (the turning points of dI/dV or some of them, the
    strongest peak alone), and the best by the criterion is kept.
    """
    turns = turns_of_each([(one.x, one.y, one.error) for one in searches])
    groups: list[tuple[int, list[Turn]]] = []
    for k, (search, seen) in enumerate(zip(searches, turns, strict=True)):
        if seen:
            groups += [(k, group) for group in _groups(seen)]
        elif search.is_described:
            groups.append((k, [Turn(search.hit.position_V, search.hit.fwhm_V, 1)]))
        # Else it is bent without a peak: nothing smooth is known that one could stand out of.
    found: list[list[PeakFit]] = [[] for _ in searches]
    fits = together(_fit_group(searches[k], group) for k, group in groups)
    for (k, _), fit in zip(groups, fits, strict=True):
        if fit is not None:
            found[k].append(fit)
    return found


def _groups(turns: list[Turn]) -> list[list[Turn]]:
    """Return turning points by position, in groups of near neighbours of similar width."""
    ordered = sorted(turns)
    groups = [[ordered[0]]]
    for one in ordered[1:]:
        last = groups[-1][-1]
        wide, narrow = max(one.fwhm_V, last.fwhm_V), min(one.fwhm_V, last.fwhm_V)
        if one.position_V - last.position_V < 3.0 * wide and wide < 3.0 * max(narrow, 1e-300):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _fit_group(search: Search, group: list[Turn]) -> Analysis[PeakFit | None]:
    """Return the fit of a group in the widest region in which peaks on a polynomial describe I.

    None where they do in no region: what they leave would have moved and widened the peaks.
    """
    width = float(np.median([turn.fwhm_V for turn in group]))
    likely = LIKELY * search.threshold
    points = len(search.x) + 1
    for reach in _REACHES:
        low_V, high_V = (group[k].position_V for k in (0, -1))
        near = search.within(low_V - reach * width, high_V + reach * width)
        if near is None:
            break
        if len(near.x) == points:
            continue  # both regions are all that there is
        points = len(near.x)
        hit = yield from ask(strongest_of_each, (near.rest, near.error, near.x))
        if hit is None or hit.z < search.threshold:
            continue
        stretch = Stretch(near.x, near.y, near.error, near.noise_rows)
        fits: list[PeakFit] = []
        patience = iter(range(_PATIENCE))
        chosen = yield from ask(choose_turns, (stretch, group))
        for starts in _beginnings(chosen, group, hit):
            fits += yield from _followed(stretch, starts, search.threshold, patience)
            if fits and (yield from _is_all(fits[-1], stretch, search.threshold)):
                break
        # What one description leaves no doubt of, another need not be as sure of.
        best = min(fits, key=lambda fit: (-len(fit.claims(likely)), fit.criterion), default=None)
        if best is not None and best.claims(likely):
            return best
    return None


def _is_all(fit: PeakFit, stretch: Stretch, threshold: float) -> Analysis[bool]:
    """Tell whether a fit holds sound peaks alone and leaves nothing but noise."""
    if fit.excess > 0.0 or fit.weakest(threshold) is not None or not fit.is_settled:
        return False
    hit = yield from ask(strongest_of_each, (fit.residual_A, stretch.error, stretch.x))
    return hit is None or hit.z < threshold


def _beginnings(chosen: list[Turn], group: list[Turn], hit: Hit) -> list[list[Start]]:
    """Return the sets of peaks that a fit starts from: the likely ones first."""
    peaks, dips = ([turn for turn in group if turn.sign == sign] for sign in (1, -1))
    sets = [chosen, peaks, dips, group]
    sets.append([Turn(hit.position_V, hit.fwhm_V, 1)])
    unique: list[list[Start]] = []
    for turns in sets:
        starts = [(turn.position_V, turn.fwhm_V) for turn in turns]
        if 0 < len(starts) <= _MOST and starts not in unique:
            unique.append(starts)
    return unique


def _followed(
    stretch: Stretch, starts: list[Start], threshold: float, patience: Iterator[int]
) -> Analysis[list[PeakFit]]:
    """Return fits from these starts, ever better: peaks added while the rest shows one."""
    best = yield from _pruned(stretch, starts, threshold, patience)
    fits = [] if best is None else [best]
    for _ in range(_ADDED):
        rest = stretch.y if best is None else best.residual_A
        hit = yield from ask(strongest_of_each, (rest, stretch.error, stretch.x))
        if hit is None or hit.z < threshold:
            break
        more = [*(best.starts if best else ()), (hit.position_V, hit.fwhm_V)]
        if len(more) > _MOST:
            break
        trial = yield from _pruned(stretch, more, threshold, patience)
        if trial is None or (best is not None and trial.criterion >= best.criterion):
            break
        best = trial
        fits.append(best)
    return fits


def _pruned(
    stretch: Stretch, starts: list[Start], threshold: float, patience: Iterator[int]
) -> Analysis[PeakFit | None]:
    """Return the fit from these starts without peaks that are none and that the data do without.

    None where no peak is left, or the patience has come to its end.
    """
    fit: PeakFit | None = None
    while starts and next(patience, None) is not None:
        less = yield from ask(fit_peaks, Wish(stretch, starts))
        needed = less is None or (fit is not None and less.criterion > fit.criterion + NEEDED)
        if fit is not None and needed:
            return fit
        fit = less
        weak = None if fit is None else fit.weakest(LIKELY * threshold)
        if fit is None or weak is None:
            return fit
        starts = [start for k, start in enumerate(fit.starts) if k != weak]
    return fit if fit is not None and fit.is_sensible and not starts else None
