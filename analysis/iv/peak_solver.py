"""Least squares of peaks of dI/dV on polynomials, for many stretches of I(V) at a time.

Stretches of as many points with as many peaks are solved in one array (tasks, points, …): on a
hundred points a call of numpy costs more than its arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nanojunction.analysis.values import Array

ORDERS = (1, 2, 3, 5, 7, 9)
"""Orders of the background of I(V); the one is chosen by the criterion."""

PER_PARAMETER = 3.0
"""What a parameter costs in χ², in the criterion of Cavanaugh, Stat. Probab. Lett. 42, 333 (1999).

It is meant for a known noise. Akaike's 2 lets the background follow too much of it.
"""

FEWEST = 3
"""Degrees of freedom that a fit has at least."""

SHAPES = ("gaussian", "lorentzian")

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_ROOT_LN2 = math.sqrt(math.log(2.0))
_FARTHEST, _WIDEST = 0.7, 1.0  # how far a fit leaves its start: in FWHM, and in its logarithm
_TRIES, _NO_STEP = 20, 1e-6
_DAMPING = 1e-3  # Marquardt's, to begin with
_KEPT = 0.7  # part of a promised gain with which the damping may fall
_RIDGE = 1e-13  # added to the diagonal of normalised matrices: far above rounding
TINY = 1e-250  # what is no larger may stand below a fraction line
_UNKNOWN = 1e200  # variance of what the data do not tell
_ROUNDING = 1e-13  # of the square of a column
_MASKS = np.array([[k <= order for k in range(ORDERS[-1] + 1)] for order in ORDERS], dtype=float)
_LOWEST = ORDERS[0] + 1


@dataclass(frozen=True, slots=True, eq=False)
class _Stacked:
    """Arrays whose first axis counts tasks."""

    def take(self, rows: Ints | Bools) -> Self:
        """Return some of the tasks."""
        return type(self)(*[getattr(self, name)[rows] for name in self.__dataclass_fields__])

    def put(self, rows: Ints, other: Self) -> None:
        """Write other tasks in the place of these rows."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[rows] = getattr(other, name)


@dataclass(frozen=True, slots=True, eq=False)
class Tasks(_Stacked):
    """What is fitted: currents over their errors, and what they are fitted with.

    `background` holds Legendre polynomials (tasks, points, 10), made orthonormal, of which the
    first `order` + 1 belong to a task: `orders` and `shapes` are numbers in ORDERS and SHAPES.
    Peaks begin at `place` with the FWHM `width` (tasks, peaks).
    """

    x: Array
    y: Array
    per_error: Array
    background: Array
    orders: Ints
    shapes: Ints
    place: Array
    width: Array

    @classmethod
    def of(cls, x: Array, y: Array, error: Array, place: Array, width: Array) -> Tasks:
        """Return tasks of the lowest order and the first shape; all arguments have a row a task."""
        u = 2.0 * (x - x[:, :1]) / (x[:, -1:] - x[:, :1]) - 1.0
        # Legendre polynomials keep the projection well conditioned at any order.
        legendre = np.polynomial.legendre.legvander(u, ORDERS[-1]) / error[:, :, None]
        background = np.linalg.qr(legendre)[0]
        none = np.zeros(len(x), dtype=np.int64)
        scaled = (y - y.mean(axis=1)[:, None]) / error
        return cls(x, scaled, 1.0 / error, background, none, none, place, width)

    def along(self, columns: Array) -> Array:
        """Return what columns (tasks, points, …) have of each background polynomial."""
        return np.asarray(self.background.swapaxes(1, 2) @ columns)

    def without_background(self, columns: Array) -> Array:
        """Return the columns less what the background describes of them."""
        along = self.along(columns) * _MASKS[self.orders][:, :, None]
        return np.asarray(columns - self.background @ along)

    def columns(self, place: Array, width: Array) -> Array:
        """Return the derivatives of I/error by heights, places and logarithms of widths.

        The latter two are those of peaks of height 1, and in units of the width.
        """
        k = place.shape[1]
        w = width[:, None, :]
        u = (self.x[:, :, None] - place[:, None, :]) / w
        integral, peak = _shapes(self.shapes, u)
        out = np.empty((*self.x.shape, 3 * k))
        out[:, :, :k] = integral
        np.negative(peak, out=out[:, :, k : 2 * k])
        np.subtract(integral, u * peak, out=out[:, :, 2 * k :])
        out *= np.concatenate([w, w, w], axis=2) * self.per_error[:, :, None]
        return out


def _shapes(shapes: Ints, u: Array) -> tuple[Array, Array]:
    """Return the integrals of peaks of height 1 and FWHM 1, and the peaks themselves."""
    lorentzian = shapes == 1
    if not lorentzian.any():
        return _gaussian(u)
    if lorentzian.all():
        return _lorentzian(u)
    integral, peak = np.empty_like(u), np.empty_like(u)
    integral[lorentzian], peak[lorentzian] = _lorentzian(u[lorentzian])
    integral[~lorentzian], peak[~lorentzian] = _gaussian(u[~lorentzian])
    return integral, peak


def _gaussian(u: Array) -> tuple[Array, Array]:
    from scipy.special import erf

    integral = math.sqrt(math.pi) / (4.0 * _ROOT_LN2) * erf(2.0 * _ROOT_LN2 * u)
    return np.asarray(integral), np.exp(-4.0 * math.log(2.0) * u * u)


def _lorentzian(u: Array) -> tuple[Array, Array]:
    return 0.5 * np.arctan(2.0 * u), 1.0 / (1.0 + 4.0 * u * u)


@dataclass(frozen=True, slots=True, eq=False)
class Solved(_Stacked):
    """Peaks of given places and widths; their heights and the background are solved for."""

    place: Array
    width: Array
    height: Array
    normal: Array  # of all columns, background taken off
    inverse: Array  # of the normal matrix of the heights
    uphill: Array  # the columns times the residual
    residual: Array  # over the error
    chi2: Array

    @property
    def scales(self) -> Array:
        """The columns' factors that make them derivatives by places and logarithms of widths."""
        return np.concatenate([np.ones_like(self.height), self.height, self.height], axis=1)


def _solve(tasks: Tasks, target: Array, place: Array, width: Array) -> Solved:
    """Return the best heights of peaks at these places, and what they leave."""
    k = place.shape[1]
    columns = tasks.without_background(tasks.columns(place, width))
    turned = columns.swapaxes(1, 2)
    normal = turned @ columns
    inverse = inverses(normal[:, :k, :k])
    height = inverse @ (turned[:, :k] @ target)
    residual = target - columns[:, :, :k] @ height
    # One step of refinement takes off the rounding of the normal equations.
    uphill = turned @ residual
    correction = inverse @ uphill[:, :k]
    residual = residual - columns[:, :, :k] @ correction
    uphill = uphill - normal[:, :, :k] @ correction
    chi2 = np.einsum("ij,ij->i", residual[:, :, 0], residual[:, :, 0])
    height = (height + correction)[:, :, 0]
    of_height = height, normal, inverse
    return Solved(place, width, *of_height, uphill[:, :, 0], residual[:, :, 0], chi2)


def descend(tasks: Tasks, enough: float) -> Solved:
    """Return the fits to which the tasks' beginnings lead, by variable projection.

    Kaufman, BIT 15, 49 (1975): heights and background are solved for at every step, and the steps
    of places and widths are Marquardt's (SIAM J. Appl. Math. 11, 431 (1963)). A fit ends with a
    step that promises less than `enough` of χ² in units of the residual variance.
    """
    k, points = tasks.place.shape[1], tasks.x.shape[1]
    limit = np.repeat([_FARTHEST, _WIDEST], k)
    target = tasks.without_background(tasks.y[:, :, None])
    rows = np.arange(len(tasks.x))
    begun = _solve(tasks, target, tasks.place, tasks.width)
    here, final = begun.take(rows), begun.take(rows)
    p, damping = np.zeros((len(rows), 2 * k)), np.full(len(rows), _DAMPING)
    for _ in range(_TRIES):
        step, promise = _step(here, damping, np.where(np.abs(p) < limit, 0.0, p))
        step[:, :k] *= here.width / tasks.width
        trial = np.minimum(np.maximum(p + step, -limit), limit)
        place = tasks.place + trial[:, :k] * tasks.width
        there = _solve(tasks, target, place, tasks.width * np.exp(trial[:, k:]))
        better = there.chi2 < here.chi2
        done = promise <= enough * np.maximum(here.chi2 / points, 0.5)
        done |= np.abs(trial - p).max(axis=1) <= _NO_STEP
        as_promised = here.chi2 - there.chi2 > _KEPT * promise
        damping = np.where(better, np.where(as_promised, 0.1, 1.0), 10.0) * damping
        if better.all():
            p, here = trial, there
        elif better.any():
            p[better] = trial[better]
            here.put(np.flatnonzero(better), there.take(better))
        if done.any():
            final.put(rows[done], here.take(done))
            go_on = ~done
            if not go_on.any():
                return final
            tasks, target, here = tasks.take(go_on), target[go_on], here.take(go_on)
            rows, p, damping = rows[go_on], p[go_on], damping[go_on]
    final.put(rows, here)
    return final


def _step(here: Solved, damping: Array, limited: Array) -> tuple[Array, Array]:
    """Return Marquardt's step of places and log widths, and the χ² that it promises to gain.

    A parameter that is `limited`, with the sign of its limit, makes no step beyond it.
    """
    k = here.place.shape[1]
    scales = here.scales
    normal = here.normal * scales[:, :, None] * scales[:, None, :]
    across = normal[:, :k, k:]
    left = normal[:, k:, k:] - across.swapaxes(1, 2) @ here.inverse @ across
    uphill = (here.uphill * scales)[:, k:]
    is_free = limited * uphill <= 0.0
    uphill = uphill * is_free
    left = left * is_free[:, :, None] * is_free[:, None, :]
    diagonal = np.arange(2 * k)
    left[:, diagonal, diagonal] *= (1.0 + damping)[:, None]
    step = (inverses(left) @ uphill[:, :, None])[:, :, 0]
    return step, np.einsum("ij,ij->i", step, uphill)


@dataclass(frozen=True, slots=True, eq=False)
class Others(_Stacked):
    """What each order of the background would make of fits, to first order: (tasks, orders, …).

    `step` is how far heights, places and widths move, `inverse` their covariance in units of the
    noise's variance.
    """

    criterion: Array
    chi2: Array
    dof: Array
    step: Array
    inverse: Array

    @property
    def variance(self) -> Array:
        """The variances of heights, places and widths, huge where only rounding is left."""
        found = np.diagonal(self.inverse, axis1=2, axis2=3)
        return np.where(found > 0.0, np.minimum(found, _UNKNOWN), _UNKNOWN)


def orders_at(tasks: Tasks, fits: Solved) -> Others:
    """Return what other orders of the background make of fits."""
    columns = tasks.columns(fits.place, fits.width)
    k = fits.place.shape[1]
    current = columns[:, :, :k] @ fits.height[:, :, None]
    per_width = 1.0 / fits.width
    ones = np.ones_like(per_width)
    scales = fits.scales * np.concatenate([ones, per_width, per_width], axis=1)
    return orders_of(tasks, columns * scales[:, None, :], tasks.y[:, :, None] - current, 3 * k)


def orders_before(tasks: Tasks) -> Others:
    """Return what the orders make of peaks where the tasks begin, heights alone being fitted."""
    k = tasks.place.shape[1]
    columns = tasks.columns(tasks.place, tasks.width)[:, :, :k]
    return orders_of(tasks, columns, tasks.y[:, :, None], 3 * k)


def orders_of(tasks: Tasks, columns: Array, left: Array, free: int) -> Others:
    """Return the linear fits of columns to what is left, with a background of each order.

    So many parameters beside the background and the noise count as `free`.
    """
    k, points = columns.shape[2], columns.shape[1]
    both = np.concatenate([columns, left], axis=2)
    whole = np.einsum("ijk,ijk->ik", columns, columns)
    lowest = tasks.background[:, :, :_LOWEST]
    both = both - lowest @ (lowest.swapaxes(1, 2) @ both)
    along = tasks.along(both)[:, None] * _MASKS[:, :, None]
    normal = (both.swapaxes(1, 2) @ both)[:, None] - along.swapaxes(2, 3) @ along
    # Of a column that the background takes whole only rounding is left: it does nothing.
    is_left = np.diagonal(normal, axis1=2, axis2=3)[:, :, :k] > _ROUNDING * whole[:, None]
    normal[:, :, :k] *= is_left[..., None]
    normal[:, :, :, :k] *= is_left[:, :, None]
    inverse = inverses(normal[:, :, :k, :k])
    step = (inverse @ normal[:, :, :k, k:])[..., 0]
    chi2 = normal[:, :, k, k] - np.einsum("ijk,ijk->ij", step, normal[:, :, :k, k])
    chi2 = np.maximum(chi2, 0.0)
    parameters = np.array(ORDERS) + 2 + free
    dof = points - parameters + 1
    criterion = np.where(dof < FEWEST, np.inf, chi2 + PER_PARAMETER * parameters)
    return Others(criterion, chi2, np.tile(dof, (len(chi2), 1)), step, inverse)


def inverses(normal: Array) -> Array:
    """Return the inverses of normal matrices (…, n, n); like columns share what is their sum's."""
    size = np.sqrt(np.maximum(np.diagonal(normal, axis1=-2, axis2=-1), TINY))
    scales = size[..., :, None] * size[..., None, :]
    scaled = normal / scales
    diagonal = np.arange(normal.shape[-1])
    scaled[..., diagonal, diagonal] += _RIDGE
    try:
        inverse = np.linalg.inv(scaled)
    except np.linalg.LinAlgError:  # rounding of a large matrix has eaten the ridge
        inverse = np.linalg.pinv(scaled, hermitian=True)
    return np.asarray(inverse / scales)
