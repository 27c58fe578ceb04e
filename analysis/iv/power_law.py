"""The exponent of a power law c·sgn(V)|V|^n in an I(V), beside constant, linear and square."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from nanojunction.analysis.iv.projected import FitOf, Projected, ProjectedFit, Terms, add, fits
from nanojunction.analysis.iv.stencils import IntArray
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

POWER_LAW = "power law"

_NOTHING = 4.0  # χ² of a power law that is not looked for
_EXPONENTS = np.array([1.3, 1.7, 2.3, 2.8, 3.5, 4.8])
_LEAST, _MOST = 1.05, 8.0
_STEPS, _NO_STEP = 8, 1e-6
_ROUNDING = 1e-9  # of the square of a power


def logarithm(x: Array) -> Array:
    """Return log |x|, that of the smallest x being no less than that of 1e-9."""
    return np.asarray(np.log(np.maximum(np.abs(x), 1e-9)))


def exponents(many: Sequence[Projected]) -> list[float | None]:
    """Return the exponents of the power laws of least squares, None where one adds nothing.

    Kaufman, BIT 15, 49 (1975): all other parameters are solved for at every step.
    """
    return in_groups(many, _alike, _exponents_of_alike)


def _alike(data: Projected) -> Hashable:
    return id(data.legs), data.relative_noise is None


def _exponents_of_alike(many: Sequence[Projected]) -> list[float | None]:
    legs = many[0].legs
    noises = [one.relative_noise for one in many if one.relative_noise is not None]
    noise = np.array(noises) if noises else None
    basis = np.array([one.basis[: one.turns + 2] for one in many])
    x = np.array([one.x for one in many])
    sign, log = np.sign(x), logarithm(x)

    def left_of(columns: Array, some: IntArray) -> Array:
        """Return what straight lines and squares leave of columns (runs, columns, rows)."""
        centred = legs.centre(columns, None if noise is None else noise[some])
        known = basis[some]
        return np.asarray(centred - centred @ np.swapaxes(known, 1, 2) @ known)

    rest = np.array([one.y for one in many])
    rest = rest - ((rest[:, None] @ np.swapaxes(basis, 1, 2)) @ basis)[:, 0]
    tried = sign[:, None] * np.exp(log[:, None] * _EXPONENTS[:, None])
    # What legs, straight lines and squares do not hold, each of a power on its own.
    if noise is None:
        in_legs = legs.sums(tried) ** 2 / legs.counts
    else:
        tried /= noise[:, None]
        in_legs = legs.sums(tried / noise[:, None]) ** 2 / legs.sums(noise**-2.0)[:, None]
    in_basis = (tried @ np.swapaxes(basis, 1, 2)) ** 2
    whole = np.einsum("kij,kij->ki", tried, tried)
    squares = whole - in_legs.sum(axis=2) - in_basis.sum(axis=2)
    gains = (tried @ rest[:, :, None])[:, :, 0] ** 2 / np.maximum(squares, 1e-300)
    # Over positive voltages alone the power 2 is a square: nothing but rounding is left of it.
    gains[squares <= _ROUNDING * whole] = 0.0
    # Where the likeliest of all is not worth two standard deviations, none will be worth three.
    least = _NOTHING * np.einsum("ij,ij->i", rest, rest)
    worth = gains.max(axis=1) * x.shape[1] >= least
    n = _EXPONENTS[gains.argmax(axis=1)]
    active = np.flatnonzero(worth)
    for _ in range(_STEPS):
        if len(active) == 0:
            break
        column = sign[active] * np.exp(n[active, None] * log[active])
        left = left_of(np.stack([column, column * log[active]], axis=1), active)
        step = _steps(left[:, 0], left[:, 1], rest[active])
        n[active] = np.clip(n[active] + np.clip(step, -0.5, 0.5), _LEAST, _MOST)
        active = active[np.abs(step) >= _NO_STEP]
    return [one if is_worth else None for one, is_worth in zip(n.tolist(), worth, strict=True)]


def _steps(p: Array, dp: Array, rest: Array) -> Array:
    """Return the steps of the exponents for powers p with derivatives dp, (runs, rows)."""
    square = np.einsum("ij,ij->i", p, p)
    c = np.einsum("ij,ij->i", p, rest) / square
    tangent = dp - p * (np.einsum("ij,ij->i", p, dp) / square)[:, None]
    down = c * np.einsum("ij,ij->i", tangent, tangent)
    up = np.einsum("ij,ij->i", tangent, rest - c[:, None] * p)
    return np.asarray(np.divide(up, down, out=np.zeros_like(up), where=down != 0.0))


def power_laws(many: Sequence[Projected]) -> list[ProjectedFit | None]:
    """Return the fits with a power law, its exponent among the parameters, where there is one."""
    pairs = zip(many, exponents(many), strict=True)
    known = [
        (k, data, n) for k, (data, n) in enumerate(pairs) if n is not None and _LEAST < n < _MOST
    ]
    wanted = in_groups([one[1:] for one in known], _with_columns, _with_powers)
    found: list[ProjectedFit | None] = [None] * len(many)
    for (k, *_), fit in zip(known, fits(wanted), strict=True):
        found[k] = fit
    return found


def _with_columns(one: tuple[Projected, float]) -> Hashable:
    return _alike(one[0]), len(one[0].means)


def _with_powers(many: Sequence[tuple[Projected, float]]) -> list[FitOf]:
    """Return the fits to ask for, of columns that are added to the rows."""
    x, n = np.array([data.x for data, _ in many]), np.array([n for _, n in many])
    log = logarithm(x)
    column = np.sign(x) * np.exp(n[:, None] * log)
    added = [len(data.means) for data, _ in many]
    add([data for data, _ in many], np.stack([column, column * log], axis=1))
    return [
        FitOf(
            data,
            [*range(data.turns + 2), at, at + 1],
            power_terms(n),
            f"{POWER_LAW} with exponent {n:.3g}",
        )
        for (data, n), at in zip(many, added, strict=True)
    ]


def power_terms(n: float) -> Terms:
    """Return the terms V, V², sgn(V)|V|ⁿ and its derivative by n."""
    return Terms(4, _powers, np.array([n]), 4)


def _powers(x: Array, exponent: Array) -> Array:
    n, size, sign = exponent[:, 0], np.abs(x), np.sign(x)
    somewhere = size > 0.0
    log = np.log(np.where(somewhere, size, 1.0))
    slope = np.where(somewhere, np.exp((n - 1.0) * log), 0.0)
    value = size * slope
    half = np.where(somewhere, 0.5 * sign * np.exp((n - 2.0) * log), 0.0)
    out = np.zeros((len(x), 3, 4))
    out[:, 0, 0], out[:, 1, 0] = x, 1.0
    out[:, 0, 1], out[:, 1, 1], out[:, 2, 1] = x * x, 2.0 * x, 1.0
    out[:, 0, 2], out[:, 1, 2], out[:, 2, 2] = sign * value, n * slope, half * n * (n - 1.0)
    out[:, 0, 3], out[:, 1, 3] = sign * value * log, slope * (1.0 + n * log)
    out[:, 2, 3] = half * ((2.0 * n - 1.0) + n * (n - 1.0) * log)
    return out
