"""Exchange between two molecular spins: J12, I12 and D12 at 1000 biases, and scipy's quadrature.

- ours: `exchange` on arrays, one call.
- quad: `scipy.integrate.quad` of each of the three integrals at each bias, as one writes it: plain
  floats of `math`, the window that matters, a list of the resonances and Fermi edges as `points`,
  tolerances that give 1e-5. It does a part of the biases, spread over all of them; the time a bias
  is what is compared.

Both are checked against each other at these biases, to 1e-5 of the largest of each interaction.
Processor time, in turns.

Target: 200 times quad.

Run: make bench, or python benchmarks/exchange.py
"""

from __future__ import annotations

import time
from math import pi, tanh
from typing import TYPE_CHECKING

import numpy as np
from side_by_side import Comparison, in_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

BIASES, PART, ROUNDS = 1000, 25, 5
ACCURACY = 1e-5
P_LEFT, P_RIGHT = 0.8, 0.2
GAMMA, TC, K_T = 1 / 3, 1.0, 0.0861733
WIDTHS = {
    (lead, spin): GAMMA / 4 * (1 + spin * p)
    for lead, p in (("L", P_LEFT), ("R", P_RIGHT))
    for spin in (+1, -1)
}


def biases(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return chemical potentials and biases (meV) that all differ, across all resonances."""
    return np.linspace(-3.0, 3.0, count), np.linspace(0.5, 5.0, count)


def ours(mu: NDArray[np.float64], bias: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return J, I, D, shape (3, biases), and the seconds a bias."""
    from nanojunction.models.exchange import exchange

    began = time.process_time()
    found = exchange(mu, bias, p_left=P_LEFT, p_right=P_RIGHT)
    took_s = time.process_time() - began
    return np.array([found.j_meV, found.i_meV, found.d_meV]), took_s / mu.size


def quadrature(
    mu: NDArray[np.float64], bias: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return J, I, D, shape (3, biases), and the seconds a bias."""
    from scipy.integrate import quad

    found = np.empty((3, mu.size))
    began = time.process_time()
    for number, (m, v) in enumerate(zip(mu.tolist(), bias.tolist(), strict=True)):
        left, right = m + v / 2, m - v / 2
        end = max(left, right) + 40 * K_T
        points = sorted(at for at in {-TC, TC, left, right} if -30.0 < at < end)
        for row, integrand in enumerate((heisenberg, ising, moriya)):
            found[row, number] = quad(
                integrand, -30.0, end, args=(left, right), points=points,
                epsabs=1e-7, epsrel=ACCURACY, limit=200,
            )[0]  # fmt: skip
    return found, (time.process_time() - began) / mu.size


def heisenberg(z: float, left: float, right: float) -> float:
    """J's integrand."""
    n_up, r_up, n_down, r_down, up, down, _ = _parts(z, left, right)
    return -(TC**2) / (4 * pi) * z * (up * r_down + down * r_up) / (n_up * n_down)


def ising(z: float, left: float, right: float) -> float:
    """I's integrand."""
    n_up, r_up, n_down, r_down, up, down, _ = _parts(z, left, right)
    return -(TC**2) / (4 * pi) * z * (up / n_up - down / n_down) * (r_up / n_up - r_down / n_down)


def moriya(z: float, left: float, right: float) -> float:
    """D's integrand."""
    n_up, _, n_down, _, _, _, difference = _parts(z, left, right)
    x = WIDTHS["L", 1] * WIDTHS["R", -1] - WIDTHS["L", -1] * WIDTHS["R", 1]
    return -(TC**2) / (8 * pi) * x * difference * z * z / (n_up * n_down)


def _parts(z: float, left: float, right: float) -> tuple[float, ...]:
    f_l, f_r = 0.5 - 0.5 * tanh((z - left) / (2 * K_T)), 0.5 - 0.5 * tanh((z - right) / (2 * K_T))
    found: list[float] = []
    filled: list[float] = []
    for spin in (+1, -1):
        g_l, g_r = WIDTHS["L", spin], WIDTHS["R", spin]
        real = z * z - g_l * g_r / 4 - TC * TC
        width = (g_l + g_r) / 2 * z
        found += [real * real + width * width, real]
        filled.append(g_l * f_l + g_r * f_r)
    return (*found, *filled, f_l - f_r)


def compare(count: int, part: int, rounds: int) -> list[Comparison]:
    """Check both sides against each other, and time them in turns."""
    mu, bias = biases(count)
    some = np.linspace(0, count - 1, part).round().astype(int)
    whole, _ = ours(mu, bias)
    there, _ = quadrature(mu[some], bias[some])
    apart = np.abs(whole[:, some] - there).max(axis=1) / np.abs(whole).max(axis=1)
    if not (apart < ACCURACY).all():
        raise RuntimeError(f"the sides differ by {apart} of the largest J, I, D")
    print(f"J, I, D agree within {apart.max():.1e} of their largest")
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(ours(mu, bias)[1])
        theirs.append(quadrature(mu[some], bias[some])[1])
    ratios = tuple(other / one for one, other in zip(mine, theirs, strict=True))
    texts = f"{1e6 * np.median(mine):.1f} µs/bias", f"{1e3 * np.median(theirs):.1f} ms/bias"
    what = f"exchange at {count} biases, against scipy.integrate.quad"
    return [Comparison(what, *texts, ratios, 200.0, "least")]


if __name__ == "__main__":
    raise SystemExit(in_table(compare(BIASES, PART, ROUNDS), other="quad"))
