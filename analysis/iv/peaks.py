"""Shape of one peak in a curve with errors: position, height and full width at half height."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.values import Array, Quantity

_FEWEST = 7
_MOST = 80
_DRAWS = 256
_FINE, _COARSE = 801, 121
_LENGTHS = np.geomspace(0.12, 3.0, 14)
# The likeliest length suits the flat parts too; the top of a peak needs a shorter one.
_UNDERSMOOTH = 0.7
_AMPLITUDES = np.array([0.3, 1.0, 3.0])


@dataclass(frozen=True, slots=True)
class PeakShape:
    """A peak above zero; widths in the unit of x. `extra` of the width states its baseline."""

    position: Quantity
    height: Quantity
    fwhm: Quantity
    fwhm_local: Quantity


def fit_peak(x: Array, y: Array, stderr: Array) -> PeakShape | None:
    """Return the highest maximum of y that falls to half of its height on both sides, or None.

    `x` rises; `stderr` is that of y. The curve within 1.5 widths of the top is estimated as a
    Gaussian process (Rasmussen & Williams 2006, eq. 2.23) whose length and amplitude maximise the
    marginal likelihood. Values are those of its mean; standard errors are the spread of curves
    drawn from it, so they contain the noise and what may lie between the points. With fewer than
    seven points there the values are read off the points, and their errors are unknown.
    """
    top = _highest(y, stderr)
    if top is None:
        return None
    left, right = _falls_to(y, top, 0.5)
    width = float(_between(x, y, right, 0.5 * y[top]) - _between(x, y, left + 1, 0.5 * y[top]))
    base = _baseline(x, y, top, width)
    near = np.flatnonzero(np.abs(x - x[top]) <= 1.5 * width)
    if len(near) < _FEWEST:
        return _read_off(x, y, top, width)
    near = near[:: math.ceil(len(near) / _MOST)]
    scale = (float(x[top]), width, float(y[top]))
    return _fitted(x[near], y[near], stderr[near], base, scale)


def _highest(y: Array, stderr: Array) -> int | None:
    inner = np.flatnonzero((y[1:-1] >= y[:-2]) & (y[1:-1] > y[2:])) + 1
    for top in sorted(inner.tolist(), key=lambda index: -float(y[index])):
        left, right = _falls_to(y, top, 0.5)
        if y[top] <= 3.0 * stderr[top] or left < 0 or right >= len(y):
            continue
        if np.all(y[left:right] <= y[top]):
            return int(top)
    return None


def _falls_to(y: Array, top: int, fraction: float) -> tuple[int, int]:
    """Return the nearest index on each side that is below a fraction of y[top]; −1 or len(y)."""
    below = y < fraction * y[top]
    left, right = np.flatnonzero(below[:top]), np.flatnonzero(below[top:])
    return (
        int(left[-1]) if len(left) else -1,
        top + int(right[0]) if len(right) else len(y),
    )


def _between(x: Array, y: Array, high: int, level: float) -> float:
    """Return where y passes `level` between the points high − 1 and high."""
    low = high - 1
    return float(x[low] + (level - y[low]) / (y[high] - y[low]) * (x[high] - x[low]))


def _baseline(x: Array, y: Array, top: int, width: float) -> tuple[Array, Array]:
    """Return the lowest point on each side within two widths: their x and y (2,)."""
    near = np.abs(x - x[top]) <= 2.0 * width
    near[top - 1 : top + 2] = True
    index = np.arange(len(x))
    sides = (index[near & (index < top)], index[near & (index > top)])
    lowest = [side[int(np.argmin(y[side]))] for side in sides]
    return x[lowest], y[lowest]


def _read_off(x: Array, y: Array, top: int, width: float) -> PeakShape:
    note = f"read off the points: fewer than {_FEWEST} across the peak, the error is unknown"
    return PeakShape(
        Quantity(float(x[top]), None, note),
        Quantity(float(y[top]), None, note),
        Quantity(width, None, note, extra={"baseline": "0"}),
        Quantity(None, note=note, extra={"baseline": "local"}),
    )


def _fitted(
    x: Array,
    y: Array,
    stderr: Array,
    base: tuple[Array, Array],
    scale: tuple[float, float, float],
) -> PeakShape:
    """Return the shape of the curve through points, in units of its rough width and height."""
    centre, width, size = scale
    u, v = (x - centre) / width, y / size
    error = np.maximum(np.nan_to_num(stderr / size), 1e-9)
    line = np.polyfit((base[0] - centre) / width, base[1] / size, 1)
    process = _likeliest(u, v, error)
    fine, coarse = (np.linspace(u[0], u[-1], count) for count in (_FINE, _COARSE))
    shape = _shapes(process.mean(fine)[None, :], fine, line)[0]
    spread = np.nanstd(_shapes(process.draws(coarse), coarse, line), axis=0)
    length = process.length
    extra = {"points": len(x), "smoothing_length": length * width}
    local = width * float(shape[3]) if math.isfinite(shape[3]) else None
    missing = "the curve does not fall to half of its height above the local baseline"
    return PeakShape(
        Quantity(centre + width * float(shape[0]), width * float(spread[0]), extra=extra),
        Quantity(size * float(shape[1]), size * float(spread[1]), extra=extra),
        Quantity(width * float(shape[2]), width * float(spread[2]), extra={"baseline": "0"}),
        Quantity(
            local,
            None if local is None else width * float(spread[3]),
            missing if local is None else None,
            extra={"baseline": "straight line through the lowest points within two widths"},
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Process:
    """A Gaussian process of zero mean through points (u, v) with errors."""

    u: Array
    v: Array
    error: Array
    length: float
    amplitude: float

    def total(self) -> Array:
        """Return the covariance of the points, noise included."""
        noise = self.error**2 + 1e-12 * self.amplitude**2
        return np.asarray(self._signal(self.u, self.u) + np.diag(noise))

    def mean(self, at: Array) -> Array:
        """Return the expected curve."""
        return np.asarray(self._signal(at, self.u) @ np.linalg.solve(self.total(), self.v))

    def draws(self, at: Array) -> Array:
        """Return curves that the points allow, one a row; the same ones at every call."""
        across = self._signal(at, self.u)
        covariance = self._signal(at, at) - across @ np.linalg.solve(self.total(), across.T)
        powers, modes = np.linalg.eigh(0.5 * (covariance + covariance.T))
        normal = np.random.default_rng(0).standard_normal((_DRAWS, len(at)))
        root = np.sqrt(np.maximum(powers, 0.0))[:, None] * modes.T
        return np.asarray(self.mean(at) + normal @ root)

    def log_likelihood(self) -> float:
        """Return the marginal likelihood's logarithm up to a constant, −inf where singular."""
        try:
            root = np.linalg.cholesky(self.total())
        except np.linalg.LinAlgError:
            return -math.inf
        white = np.linalg.solve(root, self.v)
        return float(-0.5 * white @ white - np.sum(np.log(np.diag(root))))

    def _signal(self, first: Array, second: Array) -> Array:
        apart = (first[:, None] - second[None, :]) / self.length
        return np.asarray(self.amplitude**2 * np.exp(-0.5 * apart**2))


def _likeliest(u: Array, v: Array, error: Array) -> _Process:
    """Return the process of the largest marginal likelihood, a little less smooth."""
    tried = [
        _Process(u, v, error, float(length), float(amplitude))
        for length in _LENGTHS
        for amplitude in _AMPLITUDES
    ]
    best = max(tried, key=_Process.log_likelihood)
    return replace(best, length=_UNDERSMOOTH * best.length)


def _shapes(curves: Array, fine: Array, line: Array) -> Array:
    """Return (position, height, width above 0, width above `line`) of curves (n, 4)."""
    step = float(fine[1] - fine[0])
    top = np.argmax(curves[:, 1:-1], axis=1) + 1
    rows = np.arange(len(curves))
    before, at, after = (curves[rows, top + k] for k in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1.0), 0.0)
    position = fine[top] + shift * step
    height = at - 0.25 * (before - after) * shift
    half = 0.5 * height
    floor = np.polyval(line, position)
    tilted = np.polyval(line, fine)[None, :] + 0.5 * (height - floor)[:, None]
    return np.column_stack(
        [
            position,
            height,
            _width(curves - half[:, None], top, fine),
            _width(curves - tilted, top, fine),
        ]
    )


def _width(above: Array, top: np.ndarray[tuple[int], np.dtype[np.intp]], fine: Array) -> Array:
    """Return the distance of the zeros of each row on both sides of its top, NaN without."""
    out = np.full(len(above), np.nan)
    for row, (values, peak) in enumerate(zip(above, top.tolist(), strict=True)):
        left, right = np.flatnonzero(values[:peak] < 0), np.flatnonzero(values[peak:] < 0)
        if len(left) and len(right):
            a, b = int(left[-1]), peak + int(right[0])
            low = fine[a] - values[a] / (values[a + 1] - values[a]) * (fine[a + 1] - fine[a])
            high = fine[b] - values[b] / (values[b] - values[b - 1]) * (fine[b] - fine[b - 1])
            out[row] = high - low
    return out
