"""I(V) over the whole swept range: a polynomial, a power law or exponentials, where one fits.

Drift from leg to leg and a smooth hysteresis are left out of it (projected.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from nanojunction.analysis.expansion import Expansion, average
from nanojunction.analysis.exponential import any_exponentials, fit_exponential
from nanojunction.analysis.projected import Projected, ProjectedFit, Terms
from nanojunction.analysis.traces import Traces
from nanojunction.analysis.uneven_noise import relative_noise
from nanojunction.analysis.values import Array

_ORDERS = (1, 3, 5)  # each with two more is among the columns of `Projected`
_FEWEST = 9  # rows
SIMPLEST, _POWER_LAW = "polynomial of order 3", "power law"
_BENT = 0.3  # of the variance between neighbours: a law that leaves less may have missed more
_EXTRA_2 = 13.8  # χ² of two more terms that are not needed, p = 0.001
_EXTRA_3 = 19.7  # χ² of three more terms, p = 0.0002
_NOTHING = 4.0  # χ² of a power law that is not looked for
_EXPONENTS = np.array([1.3, 1.6, 2.0, 2.3, 2.6, 3.0, 3.5, 4.2, 5.2])


class GlobalModel:
    """Descriptions of the whole range that the data do not contradict."""

    def __init__(self, data: Projected, fits: Sequence[tuple[float, ProjectedFit]]) -> None:
        self._scale = data.scale
        self._low_V, self._high_V = data.low_V, data.high_V
        #: The standard deviation of a typical row from the description.
        best = max(fits, key=lambda pair: pair[0])[1]
        self.noise_A = math.sqrt(best.variance)
        self.relative_noise = data.relative_noise
        self.model, self.aicc = best.model, min(fit.aicc for _, fit in fits)
        #: What the description leaves, each row with the noise's own standard deviation.
        self.studentised_A: Array = best.residual / np.sqrt(1.0 - data.leverage(best))
        #: The largest distance of a row from the description, in standard deviations.
        self.farthest = float(np.max(np.abs(self.studentised_A))) / max(self.noise_A, 1e-300)
        self._known: dict[float, Expansion] = {}
        root = np.asarray(np.linalg.qr(data.design, mode="r"))
        noise = data.share if data.relative_noise is None else data.share * data.relative_noise
        share = math.sqrt(float(noise @ noise))
        self._fits = [(weight, fit, fit.spread_of(root, share)) for weight, fit in fits]
        #: The current less its description, per row, legs and directions each with their own.
        self.residual_A: Array = best.residual
        if data.relative_noise is not None:
            self.residual_A = self.residual_A * data.relative_noise
            self.studentised_A = self.studentised_A * data.relative_noise

    def at(self, voltage_V: float, target: int) -> Expansion:
        """Return the expansion at a voltage of the range; the target does not matter here."""
        del target
        if voltage_V not in self._known:
            window = max(self._high_V - voltage_V, voltage_V - self._low_V)
            x = voltage_V / self._scale
            parts = [(w, fit.expand(x, self._scale, window, s)) for w, fit, s in self._fits]
            self._known[voltage_V] = average(parts)
        return self._known[voltage_V]


def fit_globally(traces: Traces) -> GlobalModel | None:
    """Return a description of the whole range, None if the data contradict all that is tried.

    A polynomial of the order that AICc chooses is adequate if two more terms are not needed; the
    result is taken with these two terms, so that what the test could not see does not bias it
    (Calonico, Cattaneo & Titiunik, Econometrica 82, 2295 (2014)). A power law
    I = a + b·V + e·V² + c·sgn(V)|V|^n, n free, is adequate if V³, V⁴ and V⁵ are not needed.
    Where neither says enough, exponentials are tried (exponential.py).
    Where several are, they are averaged with Akaike weights.
    """
    if traces.noise_A is None or len(traces) < _FEWEST or float(np.ptp(traces.voltage_V)) == 0.0:
        return None
    model = _describe(traces)
    if model is None:
        return None
    # Differences between neighbours hold bending, too; what the description leaves does not.
    everywhere = np.arange(len(traces))
    columns = traces.voltage_V, traces.current_A, model.studentised_A, everywhere
    relative = relative_noise(*columns)
    if relative is None and traces.relative_noise is None:
        return model
    return _describe(replace(traces, relative_noise=relative)) or model


def _describe(traces: Traces) -> GlobalModel | None:
    assert traces.noise_A is not None
    data = Projected(traces)
    found: list[tuple[float, ProjectedFit]] = []
    for candidate in (_polynomial(data), _power_law(data)):
        if candidate is not None and _is_white(candidate[1], traces):
            found.append(candidate)
    simple = any(fit.model == SIMPLEST for _, fit in found)
    # A coarse sweep leaves its own bending in the noise, and what a law misses in it unseen.
    known = any(
        fit.variance > _BENT * traces.noise_A**2
        for _, fit in found
        if fit.model.startswith(_POWER_LAW)
    )
    if not (simple or known):
        candidate = fit_exponential(data)
        if candidate is not None and _is_white(candidate[1], traces):
            found.append(candidate)
    if not found:
        return None
    best = min(aicc for aicc, _ in found)
    fits = tuple((math.exp(-0.5 * min(aicc - best, 100.0)), fit) for aicc, fit in found)
    return GlobalModel(data, fits)


def _is_white(fit: ProjectedFit, traces: Traces) -> bool:
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
    powers = np.arange(1.0, order + 1.0)
    bends = 0.5 * powers * (powers - 1.0)

    def terms(x: float) -> Array:
        known = x ** np.arange(order + 1.0)
        out = np.empty((3, order))
        out[0] = known[1:]
        out[1] = powers * known[:-1]
        out[2, 0] = 0.0
        out[2, 1:] = bends[1:] * known[:-2]
        return out

    return terms


def _polynomial(data: Projected) -> tuple[float, ProjectedFit] | None:
    """Return the adequate polynomial of lowest AICc, taken with two more terms, and that AICc."""

    @cache
    def fit_of(order: int) -> ProjectedFit | None:
        columns = slice(0, data.turns + order)
        return data.fit(columns, _polynomial_terms(order), f"polynomial of order {order}")

    known = [(fit.aicc, order) for order in _ORDERS if (fit := fit_of(order)) is not None]
    for _, order in sorted(known):
        low, high = fit_of(order), fit_of(order + 2)
        if low is not None and high is not None:
            break
    else:
        return None
    gain = float(low.residual @ low.residual - high.residual @ high.residual)
    if gain > _EXTRA_2 * high.variance:
        return None
    return low.aicc, high


def _power_law(data: Projected) -> tuple[float, ProjectedFit] | None:
    """Return the adequate fit with a power law, and its AICc."""
    fit = _any_power_law(data)
    if fit is None:
        return None
    c = float(fit.coefficients[-2])
    if abs(c) < 3.0 * math.sqrt(fit.variance * fit.inverse[-2, -2]):
        return None
    assert isinstance(fit.columns, list)
    cubes = [data.turns + k for k in (2, 3, 4)]
    more = data.fit([*fit.columns, *cubes], _polynomial_terms(3), "")
    if more is not None:
        gain = float(fit.residual @ fit.residual - more.residual @ more.residual)
        if gain > _EXTRA_3 * more.variance:
            return None
    return fit.aicc, fit


def _any_power_law(data: Projected) -> ProjectedFit | None:
    """Return the fit with a power law, its exponent among the parameters."""
    n = _exponent(data)
    if n is None or not 1.05 < n < 8.0:
        return None
    column = data.sign * np.exp(n * data.log_x)
    curve = column * data.log_x
    power = len(data.means)
    data.add(column, curve)
    columns = [*range(data.turns + 2), power, power + 1]
    return data.fit(columns, _power_terms(n), f"{_POWER_LAW} with exponent {n:.3g}")


def any_fits(data: Projected, *, simple: bool) -> list[ProjectedFit]:
    """Return what is tried, whether or not it describes the data: polynomials only if `simple`."""
    orders = (*_ORDERS, _ORDERS[-1] + 2)
    tried = [
        data.fit(slice(0, data.turns + order), _polynomial_terms(order), f"order {order}")
        for order in orders
    ]
    if not simple:
        tried += [_any_power_law(data), *any_exponentials(data)]
    return [fit for fit in tried if fit is not None]


def _exponent(data: Projected) -> float | None:
    """Return the exponent of the power law of least squares, None where it adds nothing.

    Kaufman, BIT 15, 49 (1975): all other parameters are solved for at every step.
    """
    base, _ = np.linalg.qr(data.design[:, : data.turns + 2])
    rest = data.y - base @ (base.T @ data.y)

    def project(columns: Array) -> Array:
        centred = data.centre(columns)
        return np.asarray(centred - base @ (base.T @ centred))

    tried = project(data.sign[:, None] * np.exp(data.log_x[:, None] * _EXPONENTS))
    gains = (rest @ tried) ** 2 / np.maximum(np.einsum("ij,ij->j", tried, tried), 1e-300)
    best = int(np.argmax(gains))
    # Where the likeliest of all is not worth two standard deviations, none will be worth three.
    if gains[best] * len(rest) < _NOTHING * float(rest @ rest):
        return None
    n = float(_EXPONENTS[best])
    for _ in range(8):
        column = data.sign * np.exp(n * data.log_x)
        p, dp = project(np.column_stack([column, column * data.log_x])).T
        square = float(p @ p)
        c = float(p @ rest) / square
        tangent = dp - p * (float(p @ dp) / square)
        down = c * float(tangent @ tangent)
        step = float(tangent @ (rest - c * p)) / down if down else 0.0
        n = min(max(n + min(max(step, -0.5), 0.5), 1.05), 8.0)
        if abs(step) < 1e-6:
            break
    return n


def _power_terms(n: float) -> Terms:
    """Return the terms V, V², sgn(V)|V|ⁿ and its derivative by n."""

    def terms(at: float) -> Array:
        a, s = abs(at), math.copysign(1.0, at)
        log = math.log(a) if a > 0 else 0.0
        value, slope = a**n, a ** (n - 1)
        half = 0.5 * s * a ** (n - 2) if a else 0.0
        return np.array(
            [
                [at, at * at, s * value, s * value * log],
                [1.0, 2 * at, n * slope, slope * (1 + n * log)],
                [0.0, 1.0, half * n * (n - 1), half * ((2 * n - 1) + n * (n - 1) * log)],
            ]
        )

    return terms
