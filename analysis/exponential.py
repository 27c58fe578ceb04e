"""I = a + b·V + c·exp(V/V0) + d·exp(−V/V0): diodes (d = 0) and barriers (sinh), V0 free."""

from __future__ import annotations

import numpy as np

from nanojunction.analysis.projected import Projected, ProjectedFit, Terms
from nanojunction.analysis.values import Array

_RATES = np.geomspace(0.8, 25.0, 8)  # the range's larger end over V0
_SLOWEST, _FASTEST = 0.5, 40.0
_NARROWEST = 0.7  # V0 in steps of the sweep: what rises within one is a single row
_STEPS = 12
_SURE = 3.0  # standard errors of an exponential that is there
_EXTRA_3 = 19.7  # χ² of V², V³ and V⁴ where they are not needed, p = 0.0002


def fit_exponential(data: Projected) -> tuple[float, ProjectedFit] | None:
    """Return the fit with one exponential or two of opposite sign, and its AICc.

    One is taken where the other adds nothing. None where V², V³ and V⁴ are needed beside them, or
    nothing is exponential.
    """
    found = [(fit.aicc, fit) for fit in any_exponentials(data) if _is_adequate(data, fit)]
    return min(found, key=lambda pair: pair[0], default=None)


def any_exponentials(data: Projected) -> list[ProjectedFit]:
    """Return the fits with exp(V/V0), exp(−V/V0) and both, adequate or not."""
    both = np.array([1.0, -1.0])
    start = min(_RATES.tolist(), key=lambda rate: _solve(data, both, rate)[0])
    tried = [_fit(data, signs, start) for signs in (both[:1], both[1:], both)]
    return [fit for fit in tried if fit is not None]


def _fit(data: Projected, signs: Array, start: float) -> ProjectedFit | None:
    rate = _rate(data, signs, start)
    if rate is None:
        return None
    amplitudes, tangent = _solve(data, signs, rate)[1:3]
    columns = np.exp(rate * (data.x[:, None] * signs - 1.0))
    first = len(data.means)
    data.add(*columns.T, tangent)
    taken = [*range(data.turns + 1), *range(first, first + len(signs) + 1)]
    terms = _terms(signs, rate, amplitudes)
    return data.fit(taken, terms, f"exponential over {data.scale / rate:.3g} V")


def _is_adequate(data: Projected, fit: ProjectedFit) -> bool:
    """Tell whether every exponential is there, and powers of V are not needed beside them."""
    assert isinstance(fit.columns, list)
    added = len(fit.columns) - data.turns - 1
    errors = np.sqrt(fit.variance * np.diag(fit.inverse)[-added:-1])
    if (np.abs(fit.coefficients[-added:-1]) < _SURE * errors).any():
        return False
    powers = [data.turns + k for k in (1, 2, 3)]
    more = data.fit([*powers, *fit.columns], fit.terms, "")
    if more is None:
        return True
    gain = float(fit.residual @ fit.residual - more.residual @ more.residual)
    return gain <= _EXTRA_3 * more.variance


def _rate(data: Projected, signs: Array, start: float) -> float | None:
    """Return the rate of least squares, None where it leaves the range.

    Kaufman, BIT 15, 49 (1975): all other parameters are solved for at every step.
    """
    rate = start
    fastest = min(_FASTEST, 1.0 / (_NARROWEST * data.step))
    for _ in range(_STEPS):
        rest, _, _, step = _solve(data, signs, rate)
        step = min(max(step, -0.3 * rate), 0.3 * rate)
        while abs(step) > 1e-9 * rate and _solve(data, signs, rate + step)[0] > rest:
            step *= 0.25
        rate += step
        if not _SLOWEST < rate < fastest:
            return None
        if abs(step) < 1e-7 * rate:
            break
    return rate


def _solve(data: Projected, signs: Array, rate: float) -> tuple[float, Array, Array, float]:
    """Return the sum of squares, the amplitudes, dI/d(rate), and the step to a better rate."""
    linear = data.design[:, : data.turns + 1]
    columns = np.exp(rate * (data.x[:, None] * signs - 1.0))
    design = np.hstack([linear, data.centre(columns)])
    size = np.sqrt(np.maximum(np.einsum("ij,ij->j", design, design), 1e-300))
    basis, triangle = np.linalg.qr(design / size)
    projection = basis.T @ data.y
    rest = data.y - basis @ projection
    amplitudes = (np.linalg.lstsq(triangle, projection, rcond=None)[0] / size)[-len(signs) :]
    tangent = np.asarray((columns * (data.x[:, None] * signs - 1.0)) @ amplitudes)
    centred = data.centre(tangent[:, None])[:, 0]
    centred = centred - basis @ (basis.T @ centred)
    square = float(centred @ centred)
    step = float(centred @ rest) / square if square > 0.0 else 0.0
    return float(rest @ rest), amplitudes, tangent, step


def _terms(signs: Array, rate: float, amplitudes: Array) -> Terms:
    """Return V, the exponentials and their derivative by the rate."""

    def terms(at: float) -> Array:
        e = np.exp(rate * (signs * at - 1.0))
        out = np.empty((3, len(signs) + 2))
        out[:, 0] = at, 1.0, 0.0
        slopes, bends = rate * signs * e, 0.5 * rate**2 * e
        out[:, 1:-1] = e, slopes, bends
        u = signs * at - 1.0
        out[0, -1] = (u * e) @ amplitudes
        out[1, -1] = (u * slopes + signs * e) @ amplitudes
        out[2, -1] = (u * bends + rate * e) @ amplitudes
        return out

    return terms
