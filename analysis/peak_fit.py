"""Least-squares fit of peaks in dI/dV to the current that they carry."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.values import Array

_ROOT_LN2 = math.sqrt(math.log(2.0))
_ORDERS = (1, 2, 3, 5, 7, 9)  # of the background of I(V); chosen by AICc

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
class _Model:
    """What is fitted, and where the fit begins."""

    shape: str
    order: int
    dof: int
    at: Array
    wide: Array


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
        self._backgrounds = {n: np.linalg.qr(legendre[:, : n + 1])[0] for n in _ORDERS}

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
        columns = wide * _SHAPES[shape]((self.x[:, None] - at) / wide)[0] / self.error[:, None]
        n = len(self.x)
        found: dict[int, float] = {}
        for order, q in self._backgrounds.items():
            basis, _ = np.linalg.qr(columns - q @ (q.T @ columns))
            target = self.y - q @ (q.T @ self.y)
            chi2 = float(target @ target) - float(np.sum((basis.T @ target) ** 2))
            k = order + 2 + 3 * len(starts)
            found[order] = chi2 + 2.0 * k * n / max(n - k - 1, 1)
        return min(found, key=found.__getitem__)

    def _fit(self, starts: Sequence[tuple[float, float]], shape: str, order: int) -> PeakFit | None:
        """Return the fit with one shape and background order, by variable projection.

        Kaufman, BIT 15, 49 (1975): heights and background are solved for at every step.
        """
        from scipy.optimize import least_squares

        q = self._backgrounds[order]
        target = self.y - q @ (q.T @ self.y)
        at = np.array([position for position, _ in starts])
        wide = np.array([width for _, width in starts])
        dof = len(self.x) - order - 1 - 3 * len(starts)
        if dof < 3:
            return None

        def solve(p: Array) -> tuple[Array, Array, Array]:
            """Return heights, an orthonormal basis of the peaks, and the derivatives."""
            v0, w = at + p[::2] * wide, wide * np.exp(p[1::2])
            u = (self.x[:, None] - v0) / w
            integral, peak = _SHAPES[shape](u)
            columns = w * integral / self.error[:, None]
            columns -= q @ (q.T @ columns)
            basis, r = np.linalg.qr(columns)
            h, *_ = np.linalg.lstsq(r, basis.T @ target, rcond=None)
            turns = np.empty((len(self.x), 2 * len(at)))
            turns[:, ::2] = -peak * wide * h / self.error[:, None]
            turns[:, 1::2] = w * (integral - u * peak) * h / self.error[:, None]
            turns -= q @ (q.T @ turns)
            return h, basis, turns

        last: list[tuple[Array, tuple[Array, Array, Array]]] = []

        def solved(p: Array) -> tuple[Array, Array, Array]:
            if not last or not np.array_equal(last[0][0], p):
                last[:] = [(p.copy(), solve(p))]
            return last[0][1]

        def misfit(p: Array) -> Array:
            basis = solved(p)[1]
            return np.asarray(target - basis @ (basis.T @ target))

        def slopes(p: Array) -> Array:
            _, basis, turns = solved(p)
            return np.asarray(basis @ (basis.T @ turns) - turns)

        bound = np.tile([0.7, 1.0], len(starts))
        zero = np.zeros(2 * len(starts))
        try:
            found = least_squares(
                misfit, zero, slopes, bounds=(-bound, bound), max_nfev=20, ftol=1e-7, xtol=1e-6
            )
        except np.linalg.LinAlgError:
            return None
        h, _, turns = solved(found.x)
        model = _Model(shape, order, dof, at, wide)
        return self._result(model, found.x, found.fun, h, turns)

    def _result(self, model: _Model, p: Array, misfit: Array, h: Array, turns: Array) -> PeakFit:
        """Return the fit at the parameters found, with errors from the full Jacobian."""
        shape, order, dof = model.shape, model.order, model.dof
        v0, w = model.at + p[::2] * model.wide, model.wide * np.exp(p[1::2])
        u = (self.x[:, None] - v0) / w
        q = self._backgrounds[order]
        columns = w * _SHAPES[shape](u)[0] / self.error[:, None]
        columns -= q @ (q.T @ columns)
        jacobian = np.hstack([columns, turns[:, ::2] / model.wide, turns[:, 1::2] / w])
        size = np.maximum(np.sqrt(np.sum(jacobian**2, axis=0)), 1e-300)
        chi2 = float(misfit @ misfit)
        inverse = np.linalg.pinv((jacobian / size).T @ (jacobian / size))
        errors = np.sqrt(np.maximum(np.diag(inverse) * max(chi2 / dof, 0.5), 0.0)) / size
        by_kind = errors.reshape(3, -1)
        peaks = tuple(
            Peak(*map(float, (v0[k], by_kind[1, k], w[k], by_kind[2, k], h[k], by_kind[0, k])))
            for k in np.argsort(v0)
        )
        n, k_ = len(self.x), order + 2 + 3 * len(v0)
        aicc = chi2 + 2.0 * k_ * n / max(n - k_ - 1, 1)
        region = (float(self.x[0]), float(self.x[-1]))
        residual = misfit * self.error
        return PeakFit(peaks, shape, order, residual, chi2 / dof, dof, aicc, self.step_V, region)


def _with_model_error(best: PeakFit, fits: list[PeakFit]) -> PeakFit:
    """Return the best fit, its errors widened by the other fits' results (Burnham & Anderson)."""
    weights = np.array([math.exp(-0.5 * min(fit.aicc - best.aicc, 200.0)) for fit in fits])
    weights /= weights.sum()
    kept = np.flatnonzero(weights > 1e-6)
    fits, weights = [fits[k] for k in kept], weights[kept]
    peaks = []
    for k, peak in enumerate(best.peaks):

        def widened(value: str, error: str, peak: Peak = peak, k: int = k) -> float:
            errors = np.minimum([getattr(fit.peaks[k], error) for fit in fits], 1e100)
            values = np.array([getattr(fit.peaks[k], value) for fit in fits])
            off = values - getattr(peak, value)
            return float(np.sqrt(np.sum((errors**2 + off**2) * weights)))

        peaks.append(
            replace(
                peak,
                position_error_V=widened("position_V", "position_error_V"),
                fwhm_error_V=widened("fwhm_V", "fwhm_error_V"),
                height_error_S=widened("height_S", "height_error_S"),
            )
        )
    return replace(best, peaks=tuple(peaks))
