"""I = a + b·V + c·exp(V/V0) + d·exp(−V/V0): diodes (d = 0) and barriers (sinh), V0 free."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Self

import numpy as np

from nanojunction.analysis.iv.adequate import is_needless
from nanojunction.analysis.iv.projected import FitOf, Projected, ProjectedFit, Terms, fits
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.together import Analysis, ask_each, in_groups
from nanojunction.analysis.values import Array

EXPONENTIAL = "exponential"
_RATES = np.geomspace(0.8, 25.0, 8)  # the range's larger end over V0
_SLOWEST, _FASTEST = 0.5, 40.0
_NARROWEST = 0.7  # V0 in steps of the sweep: what rises within one is a single row
_A_STEP = 0.3  # of the widest gap, which a row that is left out may have doubled
_STEPS, _NO_STEP = 12, 1e-7
_SAME = 1e-14  # sine squared between columns that cannot be told apart
_BOTH = np.array([1.0, -1.0])
_NOTHING = 7.0  # χ² of exponentials that are not looked for: none would be three errors high
_SURE = 3.0  # standard errors of an exponential that is there
_EXTRA_3 = 19.7  # χ² of V², V³ and V⁴ where they are not needed, p = 0.0002


def best_exponential(
    data: Projected, tried: Sequence[ProjectedFit]
) -> Analysis[tuple[float, ProjectedFit] | None]:
    """Return the best of the fits with one exponential or two of opposite sign, and its AICc.

    None where V², V³ and V⁴ are needed beside them, or nothing is exponential.
    """
    there = [fit for fit in tried if _is_there(data, fit)]
    powers = [data.turns + k for k in (1, 2, 3)]
    wanted = [FitOf(data, [*powers, *fit.numbers()], fit.terms, "") for fit in there]
    wider = (yield from ask_each(fits, wanted)) if wanted else []
    found = [
        (fit.aicc, fit)
        for fit, more in zip(there, wider, strict=True)
        if more is None or is_needless(fit, more, _EXTRA_3)
    ]
    return min(found, key=lambda pair: pair[0], default=None)


def _is_there(data: Projected, fit: ProjectedFit) -> bool:
    """Tell whether every exponential of a fit stands out from the noise."""
    added = len(fit.numbers()) - data.turns - 1
    errors = np.sqrt(fit.variance * np.diag(fit.inverse)[-added:-1])
    return not (np.abs(fit.coefficients[-added:-1]) < _SURE * errors).any()


def exponentials(many: Sequence[Projected]) -> list[list[ProjectedFit]]:
    """Return the fits with exp(V/V0), exp(−V/V0) and both of each run, adequate or not.

    There are none where nothing that is exponential can be there.
    """
    starts = in_groups(many, _alike, _starts)
    begun = [(data, start) for data, start in zip(many, starts, strict=True) if start is not None]
    each = iter(in_groups(begun, lambda one: _alike(one[0]), _wanted))
    wanted = [[] if start is None else next(each) for start in starts]
    found = iter(fits([one for of_run in wanted for one in of_run]))
    tried = [list(islice(found, len(of_run))) for of_run in wanted]
    return [[fit for fit in of_run if fit is not None] for of_run in tried]


def _alike(data: Projected) -> Hashable:
    return id(data.legs), data.relative_noise is None


def _starts(many: Sequence[Projected]) -> list[float | None]:
    """Return the likeliest of some rates, None where exponentials gain too little at each."""
    legs, noises = many[0].legs, [one.relative_noise for one in many]
    noise = np.array(noises) if noises[0] is not None else None
    basis = np.array([one.basis[: one.turns + 1] for one in many])
    current = np.array([one.y for one in many])
    current = current - ((current[:, None] @ np.swapaxes(basis, 1, 2)) @ basis)[:, 0]
    x = np.array([one.x for one in many])
    rising = np.exp(_RATES[:, None] * (x[:, None] - 1.0))
    columns = np.concatenate([rising, np.exp(-2.0 * _RATES[:, None]) / rising], axis=1)
    if noise is not None:
        columns /= noise[:, None]
    units = legs.units(noise)
    known = np.concatenate([np.broadcast_to(units, (len(x), *units.shape[1:])), basis], axis=1)
    shared = columns @ np.swapaxes(known, 1, 2)

    def left(one: slice, other: slice) -> Array:
        """Return the products of what is left of columns without legs and straight lines."""
        each = (np.einsum("kij,kij->ki", of[:, one], of[:, other]) for of in (columns, shared))
        return np.asarray(np.subtract(*each))

    up, down, every = slice(len(_RATES)), slice(len(_RATES), None), slice(None)
    # A column of which nothing but rounding is left says nothing: its gain is none.
    rest, whole = left(every, every), np.einsum("kij,kij->ki", columns, columns)
    size = np.sqrt(np.where(rest > _SAME * whole, rest, np.inf))
    gains = (columns @ current[:, :, None])[:, :, 0] / size
    a, b = gains[:, up], gains[:, down]
    cosine = left(up, down) / (size[:, up] * size[:, down])
    both = (a * a + b * b - 2.0 * a * b * cosine) / np.maximum(1.0 - cosine * cosine, _SAME)
    most = np.maximum(both.max(axis=1), (gains * gains).max(axis=1))
    least = _NOTHING * np.einsum("ij,ij->i", current, current)
    rates = _RATES[both.argmax(axis=1)].tolist()
    worth = (most * x.shape[1] >= least).tolist()
    return [rate if is_worth else None for rate, is_worth in zip(rates, worth, strict=True)]


def _wanted(begun: Sequence[tuple[Projected, float]]) -> list[list[FitOf]]:
    """Return the fits to ask for, from likely rates; their columns are added to the rows."""
    many, start = [data for data, _ in begun], np.array([rate for _, rate in begun])
    rows, every = _Left(many), np.arange(len(many))
    alone, both = np.repeat(_BOTH, len(many))[:, None], np.tile(_BOTH, (len(many), 1))
    up, down = np.split(_rates(rows, np.tile(every, 2), alone, np.tile(start, 2)), 2)
    wanted: list[list[FitOf]] = [[] for _ in many]
    for signs, rate in (
        (alone[: len(many)], up),
        (alone[len(many) :], down),
        (both, _rates(rows, every, both, start)),
    ):
        some = np.flatnonzero(~np.isnan(rate))
        if len(some) == 0:
            continue
        solved = rows.solve(some, signs[some], rate[some])
        added = np.concatenate([solved.columns, solved.tangent[:, None]], axis=1)
        for at, k in enumerate(some.tolist()):
            data, first = many[k], len(many[k].means)
            data.add(added[at])
            taken = [*range(data.turns + 1), *range(first, first + added.shape[1])]
            terms = _terms(signs[k], float(rate[k]), solved.amplitudes[at])
            name = f"{EXPONENTIAL} over {data.scale / rate[k]:.3g} V"
            wanted[k].append(FitOf(data, taken, terms, name))
    return wanted


def _rates(rows: _Left, run: IntArray, signs: Array, start: Array) -> Array:
    """Return the rates of least squares for signs at runs, NaN where one leaves the range.

    Kaufman, BIT 15, 49 (1975): all other parameters are solved for at every step.
    """
    found = np.full(len(start), np.nan)
    at, rate = np.arange(len(start)), start
    here = rows.solve(run, signs, rate)
    for number in range(_STEPS):
        step = np.minimum(np.maximum(here.step, -0.3 * rate), 0.3 * rate)
        there = rows.solve(run[at], signs[at], rate + step)
        while True:
            worse = np.flatnonzero((np.abs(step) > _NO_STEP * rate) & (there.rest > here.rest))
            if len(worse) == 0:
                break
            step[worse] *= 0.25
            its = at[worse]
            there.put(worse, rows.solve(run[its], signs[its], rate[worse] + step[worse]))
        rate, here = rate + step, there
        inside = (rate > _SLOWEST) & (rate < rows.fastest[run[at]])
        settled = inside & ((np.abs(step) < _NO_STEP * rate) | (number == _STEPS - 1))
        found[at[settled]] = rate[settled]
        left = np.flatnonzero(inside & ~settled)
        if len(left) == 0:
            break
        at, rate, here = at[left], rate[left], here.take(left)
    return found


def _step(x: Array) -> float:
    """Return the usual distance of neighbours where the sweep is coarsest, single gaps apart."""
    gaps = np.diff(np.sort(x))
    return float(np.median(gaps[gaps > _A_STEP * gaps.max()]))


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """The exponentials of one rate of each of several runs, solved for."""

    rest: Array  # sum of squares
    columns: Array
    amplitudes: Array
    tangent: Array  # dI/d(rate)
    step: Array  # to a better rate

    def take(self, index: IntArray) -> Self:
        """Return those of some runs."""
        return type(self)(*[getattr(self, name)[index] for name in _PARTS])

    def put(self, index: IntArray, others: Self) -> None:
        """Write others in the place of those of some runs."""
        for name in _PARTS:
            getattr(self, name)[index] = getattr(others, name)


_PARTS = tuple(one.name for one in fields(_Solved))


class _Left:
    """The rows of alike runs, of which straight lines are taken off."""

    def __init__(self, many: Sequence[Projected]) -> None:
        noises = [one.relative_noise for one in many if one.relative_noise is not None]
        self._legs = many[0].legs
        self._x = np.array([one.x for one in many])
        self._noise = np.array(noises) if noises else None
        self._basis = np.array([one.basis[: one.turns + 1] for one in many])
        current = np.array([one.y for one in many])[:, None]
        self._current = self._off(current, self._basis)
        narrowest = _NARROWEST * np.array([_step(x) for x in self._x])
        self.fastest = np.minimum(_FASTEST, 1.0 / narrowest)

    def solve(self, run: IntArray, signs: Array, rate: Array) -> _Solved:
        """Return the amplitudes of least squares for exponentials (runs, signs) of rates."""
        u = signs[:, :, None] * self._x[run, None] - 1.0
        columns = np.exp(rate[:, None, None] * u)
        noise, basis = (None if self._noise is None else self._noise[run]), self._basis[run]
        left = self._off(self._legs.centre(columns, noise), basis)
        size = np.sqrt(np.maximum(np.einsum("kij,kij->ki", left, left), 1e-300))
        unit = left / size[:, :, None]
        solved = _inverses(unit) @ unit
        current = self._current[run]
        shares = current @ np.swapaxes(solved, 1, 2)
        amplitudes = shares[:, 0] / size
        rest = (current - shares @ unit)[:, 0]
        tangent = (amplitudes[:, None] @ (u * columns))[:, 0]
        across = self._off(self._legs.centre(tangent[:, None], noise), basis)
        across = (across - (across @ np.swapaxes(solved, 1, 2)) @ unit)[:, 0]
        square, down = (np.einsum("ij,ij->i", across, one) for one in (across, rest))
        step = np.divide(down, square, out=np.zeros_like(square), where=square > 0.0)
        return _Solved(np.einsum("ij,ij->i", rest, rest), columns, amplitudes, tangent, step)

    @staticmethod
    def _off(columns: Array, basis: Array) -> Array:
        return np.asarray(columns - (columns @ np.swapaxes(basis, 1, 2)) @ basis)


def _inverses(unit: Array) -> Array:
    """Return the inverses for one unit column or two; two of the same share what is theirs."""
    if unit.shape[1] == 1:
        return np.ones((len(unit), 1, 1))
    c = np.einsum("ij,ij->i", unit[:, 0], unit[:, 1])
    inverse = np.ones((len(unit), 2, 2))
    inverse[:, 0, 1] = inverse[:, 1, 0] = -c
    return np.asarray(inverse / np.maximum(1.0 - c * c, _SAME)[:, None, None])


def _terms(signs: Array, rate: float, amplitudes: Array) -> Terms:
    """Return V, the exponentials and their derivative by the rate."""
    count = len(signs) + 2
    return Terms(count, _exponentials, np.array([rate, *signs, *amplitudes]), count)


def _exponentials(x: Array, parameters: Array) -> Array:
    count = (parameters.shape[1] - 1) // 2
    rate, signs, amplitudes = np.split(parameters, [1, 1 + count], axis=1)
    u = signs * x[:, None] - 1.0
    e = np.exp(rate * u)
    slopes, bends = rate * signs * e, 0.5 * rate**2 * e
    by_rate = u * e, u * slopes + signs * e, u * bends + rate * e
    out = np.empty((len(x), 3, count + 2))
    out[:, :, 0] = np.stack([x, np.ones(len(x)), np.zeros(len(x))], axis=1)
    out[:, :, 1:-1] = np.stack([e, slopes, bends], axis=1)
    out[:, :, -1] = np.stack([(each * amplitudes).sum(axis=1) for each in by_rate], axis=1)
    return out
