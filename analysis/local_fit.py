"""I(V) around one voltage: local polynomials in a window that balances noise against bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanojunction.analysis.expansion import Expansion
from nanojunction.analysis.traces import IntArray, Traces
from nanojunction.analysis.values import Array

_TESTED = (1, 3)
_EXTRA_2 = 7.0  # χ² of two more terms that are not needed
_PRIOR = 6.0  # how many degrees of freedom the noise from neighbour differences is worth
_GROWTH = 1.4


@dataclass(frozen=True, slots=True, eq=False)
class _Orders:
    """Fits of one order in every window, `theta` (windows, order + 1), over both directions."""

    theta: Array
    inverse: Array
    rss: Array
    dof: Array


@dataclass(frozen=True, slots=True, eq=False)
class LocalModel:
    """Local polynomials; the window is chosen anew at every voltage.

    For an order p the largest window is taken in which terms p + 1 and p + 2 are not needed, and
    the result is taken with these terms (Calonico, Cattaneo & Titiunik, Econometrica 82, 2295
    (2014)); the standard error includes the difference to two orders more, as far as noise does
    not explain it. Branches are fitted one by one, and both directions weigh the same.
    """

    traces: Traces

    def at(self, voltage_V: float, target: int) -> Expansion:
        """Return the expansion at a voltage, its window chosen for the value (0) or slope (1)."""
        traces = self.traces
        widths = _windows(traces, voltage_V)
        fits = _fit_all(traces, voltage_V, widths, target)
        best: tuple[float, Expansion] | None = None
        for order in _TESTED:
            if order + 2 not in fits:
                continue
            found = self._choose(fits, order, voltage_V, widths, target)
            if found is not None and (best is None or found[0] < best[0]):
                best = found
        return best[1] if best is not None else _few_points(traces, voltage_V)

    def _choose(
        self, fits: dict[int, _Orders], order: int, voltage_V: float, widths: Array, target: int
    ) -> tuple[float, Expansion] | None:
        """Return the largest window that a polynomial of this order describes, and its variance."""
        high = fits[order + 2]
        prior = (self.traces.noise_A or 0.0) ** 2
        n = len(self.traces)
        chosen: tuple[int, float] | None = None
        for k in reversed(range(len(widths))):
            dof = float(high.dof[k])
            if not np.isfinite(high.theta[k, 0]) or dof < 1:
                continue
            variance = (float(high.rss[k]) + _PRIOR * prior) / (dof + _PRIOR)
            chosen = (k, variance)
            extra = high.theta[k, order + 1 :]
            block = high.inverse[k, order + 1 :, order + 1 :] * max(variance, 1e-300)
            chi2 = float(extra @ np.linalg.solve(block, extra))
            allowed = 1.0 + 3.0 * (np.sqrt(2.0 / dof) + np.sqrt(5.0 / n))
            if chi2 <= _EXTRA_2 and high.rss[k] <= dof * prior * allowed:
                break
        if chosen is None:
            return None
        k, variance = chosen
        influence = np.sqrt(variance) * _influence(
            self.traces, voltage_V, float(widths[k]), order + 2, target
        )
        covariance = influence @ influence.T + self._bias(fits, order, k, variance)
        expansion = Expansion(
            voltage_V,
            high.theta[k, :3],
            covariance,
            float(widths[k]),
            f"local polynomial of order {order + 2}",
            influence,
        )
        return float(covariance[target, target]), expansion

    def _bias(self, fits: dict[int, _Orders], order: int, k: int, variance: float) -> Array:
        """Return what the difference to two orders more says about the bias, as variances."""
        higher = fits.get(order + 4)
        if higher is None or not np.isfinite(higher.theta[k, 0]):
            return np.zeros((3, 3))
        off = fits[order + 2].theta[k, :3] - higher.theta[k, :3]
        spread = np.diag(higher.inverse[k])[:3] - np.diag(fits[order + 2].inverse[k])[:3]
        return np.diag(0.5 * np.maximum(off**2 - np.maximum(spread, 0.0) * variance, 0.0))


def _windows(traces: Traces, voltage_V: float) -> Array:
    """Return half widths in V that hold geometrically more and more points of a branch."""
    distance = np.sort(np.abs(traces.voltage_V - voltage_V))
    branches = len(np.unique(traces.branch))
    per_branch = len(distance) / branches
    counts = [6.0]
    while counts[-1] * _GROWTH < per_branch:
        counts.append(counts[-1] * _GROWTH + 1)
    index = [min(round(c * branches), len(distance) - 1) for c in counts]
    return np.unique(np.append(distance[index], distance[-1])) * (1 + 1e-9) + 1e-300


def _fit_all(traces: Traces, voltage_V: float, widths: Array, target: int) -> dict[int, _Orders]:
    """Return the fits of orders 3, 5 and 7 in all windows, means over branches and directions."""
    orders = sorted({p + extra for p in _TESTED for extra in (2, 4)})
    top = orders[-1]
    parts: dict[int, list[tuple[int, Array, Array, Array, Array]]] = {p: [] for p in orders}
    for branch in np.unique(traces.branch):
        rows = np.flatnonzero(traces.branch == branch)
        x = (traces.voltage_V[rows] - voltage_V)[None, :] / widths[:, None]
        inside = np.abs(x) <= 1.0
        powers = np.where(inside, x ** np.arange(2 * top + 1)[:, None, None], 0.0)
        moments = powers.sum(axis=2).T
        y = traces.current_A[rows]
        products = (powers[: top + 1] * y).sum(axis=2).T
        sums = _Sums(widths, inside, powers, moments, products, y, inside.sum(axis=1))
        for p in orders:
            parts[p].append((int(traces.direction[rows[0]]), *_solve(p, sums)))
    return {p: _combine(p, parts[p], target, len(widths)) for p in orders}


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Normal equations of one branch in every window, x in units of the window's half width."""

    widths: Array
    inside: np.ndarray[tuple[int, int], np.dtype[np.bool_]]  # (windows, rows)
    powers: Array  # (powers, windows, rows)
    moments: Array  # (windows, powers)
    products: Array
    y: Array
    count: np.ndarray[tuple[int], np.dtype[np.int64]]


def _solve(p: int, sums: _Sums) -> tuple[Array, Array, Array, Array]:
    """Return coefficients, inverse normal matrix, rss and degrees of freedom of one branch."""
    windows = len(sums.widths)
    theta = np.full((windows, p + 1), np.nan)
    inverse = np.full((windows, p + 1, p + 1), np.nan)
    rss, dof = np.zeros(windows), np.zeros(windows)
    index = np.arange(p + 1)
    gram = sums.moments[:, index[:, None] + index[None, :]]
    usable = sums.count >= p + 2
    usable[usable] = np.linalg.cond(gram[usable]) < 1e12
    if not usable.any():
        return theta, inverse, rss, dof
    inv = np.linalg.inv(gram[usable])
    beta = np.einsum("wij,wj->wi", inv, sums.products[usable][:, : p + 1])
    cells = sums.powers[: p + 1][:, usable]
    fitted = np.einsum("wi,iwn->wn", beta, cells)
    residual = np.where(sums.inside[usable], sums.y - fitted, 0.0)
    unit = sums.widths[usable][:, None] ** -index[None, :].astype(float)
    theta[usable] = beta * unit
    inverse[usable] = inv * unit[:, :, None] * unit[:, None, :]
    rss[usable] = np.sum(residual**2, axis=1)
    dof[usable] = sums.count[usable] - p - 1
    return theta, inverse, rss, dof


def _combine(
    p: int, parts: list[tuple[int, Array, Array, Array, Array]], target: int, windows: int
) -> _Orders:
    """Return the mean over directions of the weighted means over branches."""
    theta, inverse = np.zeros((windows, p + 1)), np.zeros((windows, p + 1, p + 1))
    sides = np.zeros(windows)
    for direction in (1, -1):
        mine = [part for part in parts if part[0] == direction]
        if not mine:
            continue
        weight = np.array([1.0 / part[2][:, target, target] for part in mine])
        weight = np.nan_to_num(weight)
        total = weight.sum(axis=0)
        sides += total > 0
        weight = weight / np.where(total > 0, total, 1.0)
        for w, part in zip(weight, mine, strict=True):
            theta += w[:, None] * np.nan_to_num(part[1])
            inverse += (w**2)[:, None, None] * np.nan_to_num(part[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = np.where(sides[:, None] > 0, theta / sides[:, None], np.nan)
        inverse = inverse / (sides**2)[:, None, None]
    rss = np.sum([part[3] for part in parts], axis=0)
    dof = np.sum([part[4] for part in parts], axis=0)
    return _Orders(theta, inverse, rss, dof)


def _influence(traces: Traces, voltage_V: float, width: float, p: int, target: int) -> Array:
    """Return what each row adds to the first three coefficients of a fit of order p, (3, rows)."""
    out = np.zeros((3, len(traces)))
    sides: dict[int, list[tuple[float, IntArray, Array]]] = {}
    for branch in np.unique(traces.branch):
        near = np.abs(traces.voltage_V - voltage_V) <= width
        rows = np.flatnonzero(near & (traces.branch == branch))
        x = (traces.voltage_V[rows] - voltage_V) / width
        if len(rows) < p + 2:
            continue
        powers = x[:, None] ** np.arange(p + 1)
        gram = powers.T @ powers
        if np.linalg.cond(gram) >= 1e12:
            continue
        inverse = np.linalg.inv(gram)
        parts = sides.setdefault(int(traces.direction[rows[0]]), [])
        parts.append((1.0 / float(inverse[target, target]), rows, (inverse @ powers.T)[:3]))
    unit = width ** -np.arange(3.0)
    for parts in sides.values():
        total = sum(weight for weight, _, _ in parts) * len(sides)
        for weight, rows, part in parts:
            out[:, rows] = weight / total * part * unit[:, None]
    return out


def _few_points(traces: Traces, voltage_V: float) -> Expansion:
    """Return a parabola or a straight line through the few points that there are."""
    x = traces.voltage_V - voltage_V
    scale = float(np.max(np.abs(x))) or 1.0
    levels = len(np.unique(traces.voltage_V))
    order = 2 if len(x) >= 8 and levels >= 5 else 1 if levels >= 2 else 0
    design = np.vander(x / scale, order + 1, increasing=True)
    c, *_ = np.linalg.lstsq(design, traces.current_A, rcond=None)
    residual = traces.current_A - design @ c
    dof = len(x) - order - 1
    variance = float(residual @ residual) / dof if dof > 0 else np.nan
    unit = scale ** -np.arange(3.0)
    full = np.zeros(3)
    full[: order + 1] = c
    influence = np.zeros((3, len(x)))
    influence[: order + 1] = np.linalg.pinv(design)
    influence *= np.sqrt(variance) * unit[:, None]
    model = ("mean", "straight line", "parabola")[order]
    return Expansion(voltage_V, full * unit, influence @ influence.T, scale, model, influence)
