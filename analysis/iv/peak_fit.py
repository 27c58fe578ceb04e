"""Least-squares fit of peaks in dI/dV to the current that they carry."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from nanojunction.analysis.values import Array

_ROOT_LN2 = math.sqrt(math.log(2.0))
_ORDERS = (1, 2, 3, 5, 7, 9)  # of the background of I(V); chosen by AICc
_FARTHEST, _WIDEST = 0.7, 1.0  # how far a fit leaves its start: in FWHM, and in its logarithm
_TRIES, _NO_STEP, _NO_GAIN = 20, 1e-6, 1e-7
_DAMPING = 1e-3  # Marquardt's, to begin with
_RIDGE = 1e-13  # added to the diagonal of normalised matrices: far above rounding
_TINY = 1e-280

# (V − V0)/FWHM -> integral of the peak of height 1, and the peak itself
_Shape = Callable[[Array], tuple[Array, Array]]


@dataclass(frozen=True, slots=True)
class Peak:
    """One peak of dI/dV; its height is negative for a dip."""

    position_V: float
    position_error_V: float
    fwhm_V: float
    fwhm_error_V: float
    height_S: float
    height_error_S: float


@dataclass(frozen=True, slots=True, eq=False)
class PeakFit:
    """Peaks of one shape on a polynomial background; `residual_A` is what they leave of I."""

    peaks: tuple[Peak, ...]
    shape: str
    order: int  # of the background
    residual_A: Array
    variance: float  # residual variance over that of the noise
    dof: int
    aicc: float
    step_V: float
    region_V: tuple[float, float]

    @property
    def misfit(self) -> float:
        """How many standard deviations the residuals exceed the noise."""
        return (self.variance - 1.0) / math.sqrt(2.0 / self.dof)

    @property
    def is_adequate(self) -> bool:
        """Tell whether the residuals are no larger than the noise, which is known to some 25 %."""
        return self.variance < 1.6 + 3.0 * math.sqrt(2.0 / self.dof)

    def merits(self, threshold: float) -> list[float]:
        """Return each peak's height over its error, or less than `threshold` if it is no peak.

        A peak's width is known to a third and lies between one step and half the region, its place
        is inside the region, and it does not stand on an opposite peak of about the same width.
        """
        span = self.region_V[1] - self.region_V[0]
        merits = []
        for peak in self.peaks:
            sound = (
                peak.fwhm_V > 3.0 * peak.fwhm_error_V
                and self.step_V < peak.fwhm_V < 0.5 * span
                and self.region_V[0] < peak.position_V < self.region_V[1]
                and not any(_cancel(peak, other) for other in self.peaks)
            )
            merit = abs(peak.height_S) / max(peak.height_error_S, 1e-300)
            merits.append(merit if sound else min(merit, 0.5 * threshold))
        return merits

    def weakest(self, threshold: float) -> int | None:
        """Return the peak of least merit, None if all reach `threshold` standard errors."""
        merits = self.merits(threshold)
        least = min(range(len(merits)), key=merits.__getitem__)
        return least if merits[least] < threshold else None

    def sound_peaks(self, threshold: float) -> list[Peak]:
        """Return the peaks that reach `threshold` standard errors."""
        merits = self.merits(threshold)
        return [p for p, merit in zip(self.peaks, merits, strict=True) if merit >= threshold]


def _cancel(peak: Peak, other: Peak) -> bool:
    """Tell whether a peak and a larger opposite one are the two halves of one cancellation."""
    return (
        peak.height_S * other.height_S < 0
        and abs(peak.height_S) <= abs(other.height_S)
        and abs(peak.position_V - other.position_V) < 0.3 * min(peak.fwhm_V, other.fwhm_V)
        and 0.5 < peak.fwhm_V / other.fwhm_V < 2.0
    )


def _gaussian(u: Array) -> tuple[Array, Array]:
    from scipy.special import erf

    integral = math.sqrt(math.pi) / (4.0 * _ROOT_LN2) * erf(2.0 * _ROOT_LN2 * u)
    return np.asarray(integral), np.exp(-4.0 * math.log(2.0) * u * u)


def _lorentzian(u: Array) -> tuple[Array, Array]:
    return 0.5 * np.arctan(2.0 * u), 1.0 / (1.0 + 4.0 * u * u)


_SHAPES: dict[str, _Shape] = {"gaussian": _gaussian, "lorentzian": _lorentzian}


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Peaks of given places and widths, their heights and the background solved for."""

    v0: Array
    w: Array
    h: Array
    columns: Array  # of heights, then of places, then of logarithms of widths; background taken off
    residual: Array
    chi2: float


class Stretch:
    """A stretch of I(V) with white noise of known size, in which peaks of dI/dV are fitted."""

    def __init__(self, x: Array, y: Array, error: Array) -> None:
        self.x = x
        self.error = error
        self.y = (y - y.mean()) / error
        self.step_V = float(x[-1] - x[0]) / (len(x) - 1)
        self.tallest_S = 2.0 * float(np.ptp(np.gradient(y, x)))
        u = 2.0 * (x - x[0]) / (x[-1] - x[0]) - 1.0
        # Legendre polynomials keep the projection well conditioned at any order.
        legendre = np.polynomial.legendre.legvander(u, _ORDERS[-1]) / error[:, None]
        self._background = np.asarray(np.linalg.qr(legendre)[0])
        self._per_error = 1.0 / error[:, None]

    def fit(self, starts: Sequence[tuple[float, float]]) -> PeakFit | None:
        """Return the best fit of len(starts) peaks, each from (position, FWHM) in V.

        Shape and order of the background are those with the least AICc; what other likely ones
        say enters the errors with their Akaike weight. None if nothing converges.
        """
        fits: list[PeakFit] = []
        done: set[tuple[str, int]] = set()
        for shape in ("gaussian", "gaussian", "lorentzian"):
            order = self._likely_order(starts, shape)
            for tried in (order, *[n for n in _ORDERS if n > order][:1]):
                if (shape, tried) in done:
                    continue
                done.add((shape, tried))
                fit = self._fit(starts, shape, tried)
                # Peaks taller than all of dI/dV only cancel each other and the background.
                if fit is not None and all(abs(p.height_S) < self.tallest_S for p in fit.peaks):
                    fits.append(fit)
            if fits:
                best = min(fits, key=lambda fit: fit.aicc)
                starts = [(peak.position_V, peak.fwhm_V) for peak in best.peaks]
        if not fits:
            return None
        return _with_model_error(min(fits, key=lambda fit: fit.aicc), fits)

    def _likely_order(self, starts: Sequence[tuple[float, float]], shape: str) -> int:
        """Return the order of the background with the least AICc for peaks at these places."""
        at, wide = np.array(starts).T
        columns = wide * _SHAPES[shape]((self.x[:, None] - at) / wide)[0] * self._per_error
        columns = np.column_stack([columns, self.y])
        lowest = self._background[:, : _ORDERS[0] + 1]
        columns -= lowest @ (lowest.T @ columns)
        normal = columns.T @ columns
        along = self._background.T @ columns
        n, k = len(self.x), len(at)
        found: dict[int, float] = {}
        for order in _ORDERS:
            left = normal - along[: order + 1].T @ along[: order + 1]
            inverse = _inverse(left[:k, :k])
            chi2 = float(left[k, k] - left[k, :k] @ inverse @ left[:k, k])
            free = order + 2 + 3 * k
            found[order] = chi2 + 2.0 * free * n / max(n - free - 1, 1)
        return min(found, key=found.__getitem__)

    def _fit(self, starts: Sequence[tuple[float, float]], shape: str, order: int) -> PeakFit | None:
        """Return the fit with one shape and background order, by variable projection.

        Kaufman, BIT 15, 49 (1975): heights and background are solved for at every step, and the
        steps of places and widths are Marquardt's (SIAM J. Appl. Math. 11, 431 (1963)).
        """
        at, wide = np.array(starts).T
        dof = len(self.x) - order - 1 - 3 * len(at)
        if dof < 3:
            return None
        q = self._background[:, : order + 1]
        target = self.y - q @ (q.T @ self.y)
        limit = np.repeat([_FARTHEST, _WIDEST], len(at))
        p = np.zeros(2 * len(at))
        state = self._solve(shape, q, target, at, wide)
        damping = _DAMPING
        normal, uphill = self._normal(state)
        for _ in range(_TRIES):
            damped = normal + np.diag(damping * normal.diagonal())
            step = _inverse(damped) @ uphill
            step[: len(at)] *= state.w / wide
            trial = np.minimum(np.maximum(p + step, -limit), limit)
            if np.max(np.abs(trial - p)) <= _NO_STEP:
                break
            v0, w = at + trial[: len(at)] * wide, wide * np.exp(trial[len(at) :])
            new = self._solve(shape, q, target, v0, w)
            if new.chi2 >= state.chi2:
                damping *= 10.0
                continue
            gain, p, state = state.chi2 - new.chi2, trial, new
            if gain <= _NO_GAIN * state.chi2:
                break
            damping *= 0.1
            normal, uphill = self._normal(state)
        return self._result(shape, order, dof, state)

    def _solve(self, shape: str, q: Array, target: Array, v0: Array, w: Array) -> _State:
        """Return the best heights of peaks at these places, and what they leave."""
        u = (self.x[:, None] - v0) / w
        integral, peak = _SHAPES[shape](u)
        columns = np.hstack([w * integral, -peak * w, w * (integral - u * peak)])
        columns *= self._per_error
        columns -= q @ (q.T @ columns)
        of_heights = columns[:, : len(v0)]
        inverse = _inverse(of_heights.T @ of_heights)
        h = inverse @ (of_heights.T @ target)
        residual = target - of_heights @ h
        correction = inverse @ (of_heights.T @ residual)
        h, residual = h + correction, residual - of_heights @ correction
        return _State(v0, w, h, columns, residual, float(residual @ residual))

    def _normal(self, state: _State) -> tuple[Array, Array]:
        """Return the normal matrix of places and log widths, heights solved for, and the slope."""
        k = len(state.h)
        heights, turns = state.columns[:, :k], state.columns[:, k:] * np.tile(state.h, 2)
        inverse = _inverse(heights.T @ heights)
        across = heights.T @ turns
        return turns.T @ turns - across.T @ inverse @ across, turns.T @ state.residual

    def _result(self, shape: str, order: int, dof: int, state: _State) -> PeakFit:
        """Return the fit in this state, with errors from the full Jacobian."""
        k, chi2 = len(state.h), state.chi2
        jacobian = state.columns.copy()
        jacobian[:, k:] *= np.tile(state.h / state.w, 2)
        inverse = _inverse(jacobian.T @ jacobian)
        errors = np.sqrt(np.maximum(inverse.diagonal() * max(chi2 / dof, 0.5), 0.0))
        of_height, of_place, of_width = errors.reshape(3, k)
        peaks = tuple(
            Peak(*map(float, row))
            for row in sorted(
                zip(state.v0, of_place, state.w, of_width, state.h, of_height, strict=True)
            )
        )
        n, free = len(self.x), order + 2 + 3 * k
        aicc = chi2 + 2.0 * free * n / max(n - free - 1, 1)
        region = (float(self.x[0]), float(self.x[-1]))
        residual = state.residual * self.error
        return PeakFit(peaks, shape, order, residual, chi2 / dof, dof, aicc, self.step_V, region)


def _inverse(normal: Array) -> Array:
    """Return the inverse of a normal matrix; like columns share what belongs to their sum."""
    size = np.sqrt(np.maximum(normal.diagonal(), _TINY))
    scales = size * size[:, None]
    scaled = normal / scales
    scaled.ravel()[:: len(size) + 1] += _RIDGE
    return np.asarray(np.linalg.inv(scaled) / scales)


def _with_model_error(best: PeakFit, fits: list[PeakFit]) -> PeakFit:
    """Return the best fit, its errors widened by the other fits' results (Burnham & Anderson)."""
    weights = np.array([math.exp(-0.5 * min(fit.aicc - best.aicc, 200.0)) for fit in fits])
    weights /= weights.sum()
    kept = np.flatnonzero(weights > 1e-6).tolist()
    table = np.array([[astuple(peak) for peak in fits[k].peaks] for k in kept])
    off = table[:, :, ::2] - np.array([astuple(peak)[::2] for peak in best.peaks])
    errors = np.minimum(table[:, :, 1::2], 1e100)
    widened = np.sqrt(np.tensordot(weights[kept], errors**2 + off**2, 1)).tolist()
    peaks = [
        replace(peak, position_error_V=place, fwhm_error_V=width, height_error_S=height)
        for peak, (place, width, height) in zip(best.peaks, widened, strict=True)
    ]
    return replace(best, peaks=tuple(peaks))
