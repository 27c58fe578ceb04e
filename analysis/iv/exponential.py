"""I = a + b·V + c·exp(V/V0) + d·exp(−V/V0): diodes (d = 0) and barriers (sinh), V0 free."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.iv.adequate import is_needless
from nanojunction.analysis.iv.projected import Projected, ProjectedFit, Terms
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

EXPONENTIAL = "exponential"
_RATES = np.geomspace(0.8, 25.0, 8)  # the range's larger end over V0
_SLOWEST, _FASTEST = 0.5, 40.0
_NARROWEST = 0.7  # V0 in steps of the sweep: what rises within one is a single row
_A_STEP = 0.3  # of the widest gap, which a row that is left out may have doubled
_STEPS = 12
_SAME = 1e-14  # sine squared between columns that cannot be told apart
_BOTH = np.array([1.0, -1.0])
_NOTHING = 7.0  # χ² of exponentials that are not looked for: none would be three errors high
_SURE = 3.0  # standard errors of an exponential that is there
_EXTRA_3 = 19.7  # χ² of V², V³ and V⁴ where they are not needed, p = 0.0002


def best_exponential(
    data: Projected, tried: Sequence[ProjectedFit]
) -> tuple[float, ProjectedFit] | None:
    """Return the best of the fits with one exponential or two of opposite sign, and its AICc.

    None where V², V³ and V⁴ are needed beside them, or nothing is exponential.
    """
    found = [(fit.aicc, fit) for fit in tried if _is_adequate(data, fit)]
    return min(found, key=lambda pair: pair[0], default=None)


def exponentials(many: Sequence[Projected]) -> list[list[ProjectedFit]]:
    """Return the fits with exp(V/V0), exp(−V/V0) and both of each run, adequate or not.

    There are none where nothing that is exponential can be there.
    """
    starts = in_groups(many, _alike, _starts)
    return [
        [] if start is None else _fits(data, start)
        for data, start in zip(many, starts, strict=True)
    ]


def _fits(data: Projected, start: float) -> list[ProjectedFit]:
    rows = _Left(data)
    tried = [_fit(rows, signs, start) for signs in (_BOTH[:1], _BOTH[1:], _BOTH)]
    return [fit for fit in tried if fit is not None]


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
    u = np.concatenate([sign * x[:, None] - 1.0 for sign in _BOTH], axis=1)
    columns = np.exp(_RATES[:, None] * u[:, :, None]).reshape(len(x), -1, x.shape[1])
    left = legs.centre(columns, noise)
    left = left - (left @ np.swapaxes(basis, 1, 2)) @ basis
    left /= np.sqrt(np.maximum(np.einsum("kij,kij->ki", left, left), 1e-300))[:, :, None]
    shares = (left @ current[:, :, None])[:, :, 0]
    up, down = np.split(left, 2, axis=1)
    a, b = np.split(shares, 2, axis=1)
    cosine = np.einsum("kij,kij->ki", up, down)
    both = (a * a + b * b - 2.0 * a * b * cosine) / np.maximum(1.0 - cosine * cosine, _SAME)
    most = np.maximum(both.max(axis=1), (shares * shares).max(axis=1))
    least = _NOTHING * np.einsum("ij,ij->i", current, current)
    rates = _RATES[both.argmax(axis=1)].tolist()
    worth = (most * x.shape[1] >= least).tolist()
    return [rate if is_worth else None for rate, is_worth in zip(rates, worth, strict=True)]


def _fit(rows: _Left, signs: Array, start: float) -> ProjectedFit | None:
    rate = _rate(rows, signs, start)
    if rate is None:
        return None
    data, solved = rows.data, rows.solve(signs, rate)
    first = len(data.means)
    data.add(np.vstack([solved.columns, solved.tangent]))
    taken = [*range(data.turns + 1), *range(first, first + len(signs) + 1)]
    terms = _terms(signs, rate, solved.amplitudes)
    return data.fit(taken, terms, f"{EXPONENTIAL} over {data.scale / rate:.3g} V")


def _is_adequate(data: Projected, fit: ProjectedFit) -> bool:
    """Tell whether every exponential is there, and powers of V are not needed beside them."""
    assert isinstance(fit.columns, list)
    added = len(fit.columns) - data.turns - 1
    errors = np.sqrt(fit.variance * np.diag(fit.inverse)[-added:-1])
    if (np.abs(fit.coefficients[-added:-1]) < _SURE * errors).any():
        return False
    powers = [data.turns + k for k in (1, 2, 3)]
    more = data.fit([*powers, *fit.columns], fit.terms, "")
    return more is None or is_needless(fit, more, _EXTRA_3)


def _rate(rows: _Left, signs: Array, start: float) -> float | None:
    """Return the rate of least squares, None where it leaves the range.

    Kaufman, BIT 15, 49 (1975): all other parameters are solved for at every step.
    """
    rate = start
    fastest = min(_FASTEST, 1.0 / (_NARROWEST * _step(rows.data.x)))
    here = rows.solve(signs, rate)
    for _ in range(_STEPS):
        step = min(max(here.step, -0.3 * rate), 0.3 * rate)
        there = rows.solve(signs, rate + step)
        while abs(step) > 1e-9 * rate and there.rest > here.rest:
            step *= 0.25
            there = rows.solve(signs, rate + step)
        rate, here = rate + step, there
        if not _SLOWEST < rate < fastest:
            return None
        if abs(step) < 1e-7 * rate:
            break
    return rate


def _step(x: Array) -> float:
    """Return the usual distance of neighbours where the sweep is coarsest, single gaps apart."""
    gaps = np.diff(np.sort(x))
    return float(np.median(gaps[gaps > _A_STEP * gaps.max()]))


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """The exponentials of one rate, solved for."""

    rest: float  # sum of squares
    columns: Array
    amplitudes: Array
    tangent: Array  # dI/d(rate)
    step: float  # to a better rate


class _Left:
    """The rows of a run, of which straight lines are taken off."""

    def __init__(self, data: Projected) -> None:
        self.data = data
        self._basis = data.basis[: data.turns + 1]
        self._current = data.y - (data.y @ self._basis.T) @ self._basis

    def solve(self, signs: Array, rate: float) -> _Solved:
        """Return the amplitudes of least squares for exponentials of a rate."""
        u = signs[:, None] * self.data.x - 1.0
        columns = np.exp(rate * u)
        left = self._of(columns)
        size = np.sqrt(np.maximum(np.einsum("ij,ij->i", left, left), 1e-300))
        unit = left / size[:, None]
        solved = _inverse(unit @ unit.T) @ unit
        shares = solved @ self._current
        amplitudes = shares / size
        rest = self._current - shares @ unit
        tangent = amplitudes @ (u * columns)
        across = self._of(tangent[None])[0]
        across = across - (solved @ across) @ unit
        square = float(across @ across)
        step = float(across @ rest) / square if square > 0.0 else 0.0
        return _Solved(float(rest @ rest), columns, amplitudes, tangent, step)

    def _of(self, columns: Array) -> Array:
        centred = self.data.centre(columns)
        return np.asarray(centred - (centred @ self._basis.T) @ self._basis)


def _inverse(cosines: Array) -> Array:
    """Return the inverse for one unit column or two; two that are the same share what is theirs."""
    if len(cosines) == 1:
        return cosines
    c = float(cosines[0, 1])
    return np.array([[1.0, -c], [-c, 1.0]]) / max(1.0 - c * c, _SAME)


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
