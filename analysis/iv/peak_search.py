"""The search for peaks of dI/dV in what a smooth description leaves of I(V): matched filters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from nanojunction.analysis.iv.stencils import KEPT_ROWS
from nanojunction.analysis.together import in_groups
from nanojunction.analysis.values import Array

NARROWEST = 2.0
"""The smallest FWHM that is looked for, in steps."""

_FALSE_ALARM = 0.02  # per run on a straight line with white noise; the promise is 0.05 a curve
_WIDTH_GROWTH = 1.45
_DIRECTLY = 10_000_000  # products up to which a sum is not taken by Fourier's transform
_FLANK = 2.0  # the search looks this many FWHM to either side


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """The most significant peak of a search: where, how wide, how many standard deviations."""

    position_V: float
    fwhm_V: float
    z: float


@lru_cache(maxsize=64)
def threshold_of(points: int) -> float:
    """Return how many standard deviations noise alone exceeds somewhere in 2 % of curves."""
    tests = sum(points * 2.0 / width for width in _widths(points)) * 2.0
    z = NormalDist().inv_cdf(1.0 - _FALSE_ALARM / (2.0 * tests))
    # The noise itself is known from the same points only to so much.
    return z * (1.0 + 1.2 / math.sqrt(points))


@lru_cache(maxsize=64)
def _widths(points: int) -> list[float]:
    """Return the FWHM, in steps, that the search tries."""
    widths = [NARROWEST]
    while widths[-1] * _WIDTH_GROWTH * 2.0 * _FLANK < 0.5 * points:
        widths.append(widths[-1] * _WIDTH_GROWTH)
    return widths


@lru_cache(maxsize=64)
def _kernel(width: float) -> Array:
    """Return the weights that turn I on even points into the height of a peak amid a cubic.

    The current of a peak of FWHM `width` (in steps) is taken as a tanh, its dI/dV as a sech².
    """
    half = max(4, math.ceil(_FLANK * width))
    u = np.arange(-half, half + 1, dtype=float)
    rate = 2.0 * math.acosh(math.sqrt(2.0)) / width
    design = np.column_stack([(u / half) ** k for k in range(4)] + [np.tanh(rate * u) / rate])
    return np.asarray(np.linalg.pinv(design)[4])


@lru_cache(maxsize=64)
def _length(points: int) -> int:
    """Return how many points a fast Fourier transform takes at least."""
    from scipy.fft import next_fast_len

    return int(next_fast_len(points, True))


def _transformed(kernel: Array, length: int) -> NDArray[np.complex128]:
    return np.asarray(np.conj(np.fft.rfft(kernel, length)))


@lru_cache(maxsize=256)
def _kept_transform(width: float, length: int) -> NDArray[np.complex128]:
    return _transformed(_kernel(width), length)


def _filter(width: float, length: int) -> NDArray[np.complex128]:
    """Return the transform of the kernel of a width."""
    if length > KEPT_ROWS:
        return _transformed(_kernel(width), length)
    return _kept_transform(width, length)


def _errors_of(shares: Array) -> list[tuple[float, Array]]:
    return _errors(shares) if len(shares) > KEPT_ROWS else _kept_errors(shares.tobytes())


@lru_cache(maxsize=32)
def _kept_errors(shares: bytes) -> list[tuple[float, Array]]:
    return _errors(np.frombuffer(shares))


def _errors(variances: Array) -> list[tuple[float, Array]]:
    """Return the widths that a stretch has room for, and the errors of the heights there."""
    found = []
    for width in _widths(len(variances)):
        kernel = _kernel(width)
        if len(kernel) <= len(variances):
            found.append((width, np.sqrt(_correlate(variances, kernel**2))))
    return found


def _correlate(values: Array, kernel: Array) -> Array:
    """Return the sums of values with the kernel at every place that it fits in."""
    if len(values) * len(kernel) <= _DIRECTLY:
        return np.correlate(values, kernel, mode="valid")
    length = _length(len(values))
    product = np.fft.rfft(values, length) * _transformed(kernel, length)
    return np.asarray(np.fft.irfft(product, length)[: len(values) - len(kernel) + 1])


def strongest(rest: Array, error: Array, x: Array) -> Hit | None:
    """Return the most significant place and width of a peak in what is left of the current."""
    return strongest_of_each([(rest, error, x)])[0]


def strongest_of_each(stretches: Sequence[tuple[Array, Array, Array]]) -> list[Hit | None]:
    """Return what `strongest` does for each of many (rest, error, x), each with its own points."""
    # Runs have the shares in common: rounded, that they are recognised.
    shares = [np.round((error / error.max()) ** 2, 12).tobytes() for _, error, _ in stretches]
    return in_groups(list(zip(stretches, shares, strict=True)), itemgetter(1), _strongest_of_alike)


def _strongest_of_alike(
    given: Sequence[tuple[tuple[Array, Array, Array], bytes]],
) -> list[Hit | None]:
    """Return the strongest peaks of stretches whose errors go alike along them."""
    rests = np.stack([rest for (rest, _, _), _ in given])
    points = rests.shape[1]
    length = _length(points)
    spectrum = np.fft.rfft(rests, length)
    best: list[tuple[float, int, float]] = [(-math.inf, 0, 0.0)] * len(given)
    for width, errors in _errors_of(np.frombuffer(given[0][1])):
        heights = np.fft.irfft(spectrum * _filter(width, length), length)[:, : len(errors)]
        z = np.abs(heights) / errors
        places = z.argmax(axis=1)
        for k, (place, height) in enumerate(
            zip(places.tolist(), z[np.arange(len(z)), places].tolist(), strict=True)
        ):
            if height > best[k][0]:
                best[k] = height, place + len(_kernel(width)) // 2, width
    hits: list[Hit | None] = []
    for ((_, error, x), _), (height, at, width) in zip(given, best, strict=True):
        step = float(x[-1] - x[0]) / (points - 1)
        hit = Hit(float(x[at]), width * step, height / float(error.max()))
        hits.append(hit if width else None)
    return hits
