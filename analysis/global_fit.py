"""I(V) over the whole swept range: a polynomial or a power law, where one describes the data.

Every leg has its own constant and each direction its own linear and
quadratic term, so that slow drift and a smooth hysteresis neither bias the result nor count as
noise. Results are the mean of both directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.expansion import Expansion, average
from nanojunction.analysis.traces import Traces
from nanojunction.analysis.values import Array

_ORDERS = (1, 3, 5)
_EXTRA_2 = 13.8  # χ² of two more terms that are not needed, p = 0.001
_EXTRA_3 = 19.7  # χ² of three more terms, p = 0.0002
_EXPONENTS = np.array([1.3, 1.6, 2.0, 2.3, 2.6, 3.0, 3.5, 4.2, 5.2])

Terms = Callable[
    [float], Array
]  # value, slope and half the curvature of every column: (3, columns)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Least squares with the legs' constants projected out; x = V/scale."""

    data: _Data
    coefficients: Array
    design: Array
    inverse: Array  # (JᵀJ)⁻¹
    residual: Array
    variance: float  # residual variance
    dof: int
    means: Array  # mean over directions of the columns' means
    terms: Terms
    model: str

    @property
    def aicc(self) -> float:
        n = len(self.residual)
        k = n - self.dof + 1
        spread = float(self.residual @ self.residual) / n
        penalty = 2.0 * k * n / (n - k - 1) if n > k + 1 else math.inf
        return n * math.log(max(spread, 1e-300)) + penalty

    def expand(self, x: float, scale: float, window_V: float) -> Expansion:
        rows = self.terms(x)
        gradient = rows.copy()
        gradient[0] -= self.means
        c = rows @ self.coefficients
        c[0] += self.data.mean_A - self.means @ self.coefficients
        influence = (gradient @ self.inverse) @ self.design.T
        influence[0] += self.data.share
        unit = np.array([1.0, 1.0 / scale, 1.0 / scale**2])
        influence *= math.sqrt(self.variance) * unit[:, None]
        covariance = influence @ influence.T
        return Expansion(x * scale, c * unit, covariance, window_V, self.model, influence)


@dataclass(frozen=True, slots=True, eq=False)
class GlobalModel:
    """One or two descriptions of the whole range that the data do not contradict."""

    fits: tuple[tuple[float, _Fit], ...]
    scale: float
    low_V: float
    high_V: float

    @property
    def residual_A(self) -> Array:
        """The current less its description, per row, legs and directions each with their own."""
        return max(self.fits, key=lambda pair: pair[0])[1].residual

    def at(self, voltage_V: float, target: int) -> Expansion:
        """Return the expansion at a voltage of the range; the target does not matter here."""
        del target
        window = max(self.high_V - voltage_V, voltage_V - self.low_V)
        x = voltage_V / self.scale
        return average([(w, fit.expand(x, self.scale, window)) for w, fit in self.fits])


class _Data:
    """The rows, prepared: columns are centred leg by leg."""

    def __init__(self, traces: Traces) -> None:
        self.traces = traces
        self.scale = float(np.max(np.abs(traces.voltage_V)))
        self.x = traces.voltage_V / self.scale
        self.log_x = np.log(np.maximum(np.abs(self.x), 1e-9))
        _, self.group = np.unique(traces.leg, return_inverse=True)
        self.counts = np.bincount(self.group).astype(float)
        self.sides = [traces.direction == d for d in traces.directions()]
        self.y = self.centre(traces.current_A[:, None])[:, 0]
        # Each direction weighs the same: what a row adds to the mean current of the run.
        self.share = np.zeros(len(traces))
        for side in self.sides:
            self.share[side] = 1.0 / (np.count_nonzero(side) * len(self.sides))
        self.mean_A = float(self.share @ traces.current_A)
        self.turns: list[Array] = []
        if len(self.sides) == 2:
            sign = traces.direction.astype(float)
            self.turns = [sign * self.x, sign * self.x**2]

    def centre(self, columns: Array) -> Array:
        """Return columns (rows, k) less their mean in each leg."""
        out = np.empty_like(columns)
        for k in range(columns.shape[1]):
            means = np.bincount(self.group, weights=columns[:, k]) / self.counts
            out[:, k] = columns[:, k] - means[self.group]
        return out

    def fit(self, columns: list[Array], terms: Terms, model: str) -> _Fit | None:
        """Return the least-squares fit of columns besides the hysteresis terms."""
        raw = np.column_stack([*self.turns, *columns])
        design = self.centre(raw)
        dof = len(self.x) - len(self.counts) - raw.shape[1]
        if dof < 1:
            return None
        gram = design.T @ design
        size = np.sqrt(np.maximum(np.diag(gram), 1e-300))
        scaled = gram / np.outer(size, size)
        if np.linalg.cond(scaled) > 1e11:
            return None
        inverse = np.linalg.inv(scaled) / np.outer(size, size)
        coefficients = inverse @ (design.T @ self.y)
        residual = self.y - design @ coefficients
        correction = inverse @ (design.T @ residual)
        coefficients, residual = coefficients + correction, residual - design @ correction
        means = self.share @ raw
        none = np.zeros((3, len(self.turns)))
        return _Fit(
            data=self,
            coefficients=coefficients,
            design=design,
            inverse=inverse,
            residual=residual,
            variance=float(residual @ residual) / dof,
            dof=dof,
            means=means,
            terms=lambda x: np.hstack([none, terms(x)]),
            model=model,
        )


def fit_globally(traces: Traces) -> GlobalModel | None:
    """Return a description of the whole range, None if the data contradict all that is tried.

    A polynomial of the order that AICc chooses is adequate if two more terms are not needed; the
    result is taken with these two terms, so that what the test could not see does not bias it
    (Calonico, Cattaneo & Titiunik, Econometrica 82, 2295 (2014)). A power law
    I = a + b·V + e·V² + c·sgn(V)|V|^n, n free, is adequate if V³, V⁴ and V⁵ are not needed.
    Where both are, they are averaged with Akaike weights.
    """
    if traces.noise_A is None or len(traces) < 12 or float(np.ptp(traces.voltage_V)) == 0.0:
        return None
    data = _Data(traces)
    found: list[tuple[float, _Fit]] = []
    for candidate in (_polynomial(data), _power_law(data)):
        if candidate is not None and _is_white(candidate[1], traces):
            found.append(candidate)
    if not found:
        return None
    best = min(aicc for aicc, _ in found)
    fits = tuple((math.exp(-0.5 * min(aicc - best, 100.0)), fit) for aicc, fit in found)
    low, high = float(traces.voltage_V.min()), float(traces.voltage_V.max())
    return GlobalModel(fits, data.scale, low, high)


def _is_white(fit: _Fit, traces: Traces) -> bool:
    """Tell whether residuals look like the noise: in size, and from neighbour to neighbour."""
    assert traces.noise_A is not None
    n = len(traces)
    allowed = 1.0 + 3.0 * (math.sqrt(2.0 / fit.dof) + math.sqrt(5.0 / n))
    floor = (1e-9 * float(np.ptp(traces.current_A))) ** 2
    if fit.variance > max(traces.noise_A**2 * allowed, floor):
        return False
    if fit.variance <= floor:
        return True
    same = traces.leg[1:] == traces.leg[:-1]
    pairs = (fit.residual[1:] * fit.residual[:-1])[same]
    return float(pairs.sum()) < 4.0 * fit.variance * math.sqrt(max(len(pairs), 1))


def _polynomial_terms(order: int) -> Terms:
    powers = np.arange(1, order + 1)

    def terms(x: float) -> Array:
        value = x ** powers.astype(float)
        slope = powers * x ** (powers - 1.0)
        bend = np.array([0.5 * k * (k - 1) * x ** max(k - 2, 0) for k in powers.tolist()])
        return np.array([value, slope, bend])

    return terms


def _polynomial(data: _Data) -> tuple[float, _Fit] | None:
    """Return the adequate polynomial of lowest AICc, taken with two more terms, and that AICc."""
    fits: dict[int, _Fit] = {}
    columns = [data.x**k for k in range(1, _ORDERS[-1] + 3)]
    for order in (*_ORDERS, _ORDERS[-1] + 2):
        fit = data.fit(columns[:order], _polynomial_terms(order), f"polynomial of order {order}")
        if fit is None:
            break
        fits[order] = fit
    tested = [order for order in _ORDERS if order + 2 in fits]
    if not tested:
        return None
    chosen = min(tested, key=lambda order: fits[order].aicc)
    low, high = fits[chosen], fits[chosen + 2]
    gain = float(low.residual @ low.residual - high.residual @ high.residual)
    if gain > _EXTRA_2 * high.variance:
        return None
    return low.aicc, high


def _power_law(data: _Data) -> tuple[float, _Fit] | None:
    """Return the fit with a power law, its exponent among the parameters, and its AICc."""
    x, size, sign = data.x, np.abs(data.x), np.sign(data.x)
    base = data.centre(np.column_stack([*data.turns, x, x * x]))
    q, _ = np.linalg.qr(base)
    rest = data.y - q @ (q.T @ data.y)

    def project(column: Array) -> Array:
        centred = data.centre(column[:, None])[:, 0]
        return np.asarray(centred - q @ (q.T @ centred))

    gains = []
    for exponent in _EXPONENTS.tolist():
        p = project(sign * size**exponent)
        gains.append(float(p @ rest) ** 2 / max(float(p @ p), 1e-300))
    n = float(_EXPONENTS[int(np.argmax(gains))])
    for _ in range(8):
        column = sign * size**n
        p, dp = project(column), project(column * data.log_x)
        c = float(p @ rest) / float(p @ p)
        tangent = dp - p * float(p @ dp) / float(p @ p)
        down = c * float(tangent @ tangent)
        step = float(tangent @ (rest - c * p)) / down if down else 0.0
        n = min(max(n + min(max(step, -0.5), 0.5), 1.05), 8.0)
        if abs(step) < 1e-6:
            break
    column = sign * size**n
    curve = c * column * data.log_x

    def terms(at: float) -> Array:
        a, s = abs(at), math.copysign(1.0, at)
        log = math.log(a) if a > 0 else 0.0
        power = [s * a**n, n * a ** (n - 1), 0.5 * s * n * (n - 1) * a ** (n - 2) if a else 0.0]
        by_n = [
            c * s * a**n * log,
            c * a ** (n - 1) * (1 + n * log),
            0.5 * c * s * a ** (n - 2) * ((2 * n - 1) + n * (n - 1) * log) if a else 0.0,
        ]
        plain = np.array([[at, at * at], [1.0, 2 * at], [0.0, 1.0]])
        return np.column_stack([plain, power, by_n])

    fit = data.fit([x, x * x, column, curve], terms, f"power law with exponent {n:.3g}")
    if fit is None or not 1.05 < n < 8.0:
        return None
    if abs(fit.coefficients[-2]) < 3.0 * math.sqrt(fit.variance * fit.inverse[-2, -2]):
        return None
    more = data.fit([x, x * x, column, curve, x**3, x**4, x**5], _polynomial_terms(7), "")
    if more is not None:
        gain = float(fit.residual @ fit.residual - more.residual @ more.residual)
        if gain > _EXTRA_3 * more.variance:
            return None
    return fit.aicc, fit
