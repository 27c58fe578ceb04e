"""What follows from fitted laws and from the rows alone, as one writes it with numpy for speed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from reanalyses.answer import Array, Feature, Value
from reanalyses.laws import Law, Peaks, PowerLaw, Straight, gaussian, lorentzian

CHORD_V = 0.01
CLEAR = 6.0
"""Prominence of a peak of dI/dV over the standard error there."""
WHITE = 1.5
"""Durbin and Watson's ratio of residuals that are noise: 2 ± 0.1 for 400 rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a file outside of compliance, and the points of the sweep that they belong to."""

    v: Array
    i: Array
    leg: Array
    point: np.ndarray
    rising: np.ndarray
    points_V: Array  # sensed, mean of all rows at a point


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A law with its parameters, their covariance, and the variance that it leaves."""

    law: Law
    p: Array
    covariance: Array
    variance: float
    aic: float


LeastSquares = Callable[[Law, Array, Array, Array], Fit]
"""law, voltages, currents, first parameters."""


def rows_of(v: Array, i: Array, setpoint: Array, leg: Array) -> Rows:
    """Return the rows with their points and directions."""
    _, point = np.unique(np.round(setpoint, 9), return_inverse=True)
    starts = np.flatnonzero(np.diff(leg, prepend=-1.0))
    ends = np.append(starts[1:], len(leg)) - 1
    up = setpoint[ends] >= setpoint[starts]
    rising = np.repeat(up, ends - starts + 1)
    mean = np.bincount(point, weights=v) / np.bincount(point)
    return Rows(v, i, leg, point, rising, mean)


def conductance(rows: Rows, *, up: bool) -> tuple[Array, Array, Array]:
    """Return dI/dV of one direction: central differences leg by leg, mean, error over legs."""
    mine = rows.rising == up
    legs, row = np.unique(rows.leg[mine], return_inverse=True)
    table = np.full((len(legs), len(rows.points_V)), np.nan)
    table[row, rows.point[mine]] = rows.i[mine]
    slopes = np.gradient(table, rows.points_V, axis=1)
    known = np.isfinite(slopes)
    count = known.sum(axis=0)
    filled = np.where(known, slopes, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = filled.sum(axis=0) / count
        square = np.where(known, (slopes - mean) ** 2, 0.0).sum(axis=0)
        error = np.sqrt(square / (count - 1) / count)
    good = count > 1
    return rows.points_V[good], mean[good], error[good]


def describe(
    rows: Rows, slopes: Sequence[tuple[Array, Array, Array]], fit: LeastSquares
) -> tuple[list[Fit], list[Feature]]:
    """Return the simplest law that leaves no more than noise, and the features of dI/dV.

    A straight line, a power law, or else peaks, for each direction alone, Gaussian or Lorentzian,
    whichever leaves less.
    """
    line = fit(Straight(), rows.v, rows.i, np.zeros(2))
    if _is_white(rows, line):
        return [line], []
    design = PowerLaw().by_parameter(rows.v, np.array([0.0, 0.0, 0.0, 1.0, 2.5]))[:, :4]
    size = np.max(np.abs(design), axis=0)
    design /= size
    linear = np.linalg.solve(design.T @ design, design.T @ rows.i) / size
    start = np.append(linear, 2.5)
    power = fit(PowerLaw(), rows.v, rows.i, start)
    if _is_white(rows, power):
        return [power], []
    fits, features = [], []
    for up, (x, g, error) in zip((True, False), slopes, strict=True):
        best = _peaks(rows, up=up, derivative=(x, g, error), fit=fit)
        fits.append(best)
        features += _features(best, 1 if up else -1)
    return fits, features


def _is_white(rows: Rows, fit: Fit) -> bool:
    """Tell whether neighbours' residuals are independent (Durbin & Watson 1950)."""
    residual = rows.i - fit.law.current(rows.v, fit.p)
    change = np.diff(residual)
    return float(change @ change) > WHITE * float(residual @ residual)


def _peaks(
    rows: Rows, *, up: bool, derivative: tuple[Array, Array, Array], fit: LeastSquares
) -> Fit:
    from scipy.signal import find_peaks, peak_widths

    x, g, error = derivative
    bar = CLEAR * float(np.sqrt(np.mean(error**2)))
    at, _ = find_peaks(g, prominence=bar)
    wide = peak_widths(g, at)[0] * (x[-1] - x[0]) / (len(x) - 1)
    base = float(np.quantile(g, 0.1))
    start = [float(np.mean(rows.i)), base, 0.0]
    for k, width in zip(at.tolist(), wide.tolist(), strict=True):
        start += [float(x[k]), width, float(g[k]) - base]
    mine = rows.rising == up
    tried = [fit(Peaks(shape), rows.v[mine], rows.i[mine], np.array(start))
             for shape in (gaussian, lorentzian)]  # fmt: skip
    return min(tried, key=lambda one: one.aic)


def _features(fit: Fit, direction: int) -> list[Feature]:
    p, error = fit.p.tolist(), np.sqrt(np.diag(fit.covariance)).tolist()
    found = [
        Feature(direction, *((p[k + m], error[k + m]) for m in range(3)))
        for k in range(3, len(p), 3)
    ]
    return sorted(found, key=lambda one: one.position)


def quantities(rows: Rows, fits: Sequence[Fit]) -> tuple[dict[str, Value], list[float]]:
    """Return offsets, slope resistances and power with standard errors, and all crossings."""
    parameters = [fit.p.tolist() for fit in fits]

    def point(v: float) -> tuple[float, float, float]:
        parts = [f.law.point(v, p) for f, p in zip(fits, parameters, strict=True)]
        one, two, three = (sum(column) / len(parts) for column in zip(*parts, strict=True))
        return one, two, three

    fitted = sum(f.law.current(rows.points_V, f.p) for f in fits) / len(fits)
    crossings = []
    for k in np.flatnonzero(np.diff(np.sign(fitted)) != 0).tolist():
        v = float(rows.points_V[k])
        for _ in range(20):
            current, slope, _ = point(v)
            v -= current / slope
            if abs(current / slope) < 1e-12:
                break
        crossings.append(v)
    v_off = min(crossings, key=abs)
    top = 0.5 * v_off
    for _ in range(30):
        current, slope, bend = point(top)
        step = (current + top * slope) / (2.0 * slope + top * bend)
        top -= step
        if abs(step) < 1e-9 * abs(v_off):
            break
    chord = min(CHORD_V, float(rows.points_V[-1]), -float(rows.points_V[0]))
    h = 1e-4 * float(rows.points_V[-1])
    # One look at all voltages of interest: the current there and its change with the parameters.
    at = np.array([0.0, v_off, top, chord, -chord, h, -h, v_off + h, v_off - h, top + h, top - h])
    by = [f.law.by_parameter(at, f.p) / len(fits) for f in fits]

    def error(gradients: Sequence[Array]) -> float:
        return math.sqrt(sum(float(g @ f.covariance @ g)
                             for g, f in zip(gradients, fits, strict=True)))  # fmt: skip

    i_0, g_0, _ = point(0.0)
    _, g_off, _ = point(v_off)
    i_top, g_top, bend_top = point(top)
    across = point(chord)[0] - point(-chord)[0]
    p_max = -top * i_top
    sloped = 2.0 * g_top + top * bend_top
    at_0 = [j[0] for j in by]
    at_off = [j[1] / g_off for j in by]
    at_top = [-top * j[2] for j in by]
    slope_0 = [(j[5] - j[6]) / (2.0 * h) for j in by]
    slope_off = [(j[7] - j[8]) / (2.0 * h) for j in by]
    of_top = [(j[2] + top * (j[9] - j[10]) / (2.0 * h)) / sloped for j in by]
    factor = p_max / abs(v_off * i_0)
    relative = [t / p_max + o / v_off - z / i_0 for t, o, z in
                zip(at_top, at_off, at_0, strict=True)]  # fmt: skip
    return {
        "i_off_A": (i_0, error(at_0)),
        "v_off_V": (v_off, error(at_off)),
        "r_s_local_zero_ohm": (1.0 / g_0, error(slope_0) / g_0**2),
        "r_s_local_offset_ohm": (1.0 / g_off, error(slope_off) / g_off**2),
        "r_s_chord_ohm": (
            2.0 * chord / across,
            2.0 * chord / across**2 * error([j[3] - j[4] for j in by]),
        ),
        "p_max_W": (p_max, error(at_top)),
        "v_at_p_max_V": (top, error(of_top)),
        "fill_factor": (factor, factor * error(relative)),
    }, crossings


def curves(
    rows: Rows, slopes: Sequence[tuple[Array, Array, Array]], variance: float
) -> tuple[dict[str, tuple[Array, Array, Array]], Value]:
    """Return P(V), dI/dV and the hysteresis with standard errors, and the hysteresis' rms."""
    x, size = rows.points_V, len(rows.points_V)
    noise = math.sqrt(variance)
    means, counts = [], []
    for side in (rows.rising, ~rows.rising):
        counts.append(np.bincount(rows.point[side], minlength=size))
        means.append(np.bincount(rows.point[side], weights=rows.i[side], minlength=size))
    both = (counts[0] > 0) & (counts[1] > 0)
    up, down = (total[both] / n[both] for total, n in zip(means, counts, strict=True))
    spread = noise * np.sqrt(1.0 / counts[0][both] + 1.0 / counts[1][both])
    square = float(np.mean((up - down) ** 2) - np.mean(spread**2))
    rms = math.sqrt(max(square, 0.0))
    scatter = math.sqrt(2.0 / len(up)) * float(np.mean(spread**2))
    (x_up, g_up, e_up), (x_down, g_down, e_down) = slopes
    common, first, second = np.intersect1d(x_up, x_down, True, True)
    mean = (0.5 * (g_up[first] + g_down[second]), 0.5 * np.hypot(e_up[first], e_down[second]))
    power = -x[both] * 0.5 * (up + down)
    return {
        "p_v_W": (x[both], power, np.abs(x[both]) * 0.5 * spread),
        "hysteresis_A": (x[both], up - down, spread),
        "conductance_forward_S": (x_up, g_up, e_up),
        "conductance_return_S": (x_down, g_down, e_down),
        "conductance_S": (common, *mean),
    }, (rms, scatter / (2.0 * rms) if rms > 0.0 else math.nan)


def sweep_directions(rows: Rows) -> list[tuple[Array, Array, Array]]:
    """Return dI/dV of the rising and of the falling legs."""
    return [conductance(rows, up=up) for up in (True, False)]
