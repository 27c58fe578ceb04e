"""Spin-engine transport: both spins' currents of P at 1000 biases, and a loop over energies.

- ours: `spin_engine` on an array of biases, one call.
- loop: for each bias, spin and energy the 4 × 4 matrix x − H is inverted (numpy), the integrand
  summed in steps of 0.08 meV over ±40 meV, as the paper's numbers need for 1e-3. It does a part of
  the biases, spread over all of them; the time a bias is what is compared.

Both are checked against each other at these biases, to 1e-3 of the largest current. Processor time,
in turns.

Target: 50 times the loop.

Run: make bench, or python benchmarks/transport.py
"""

from __future__ import annotations

import time
from math import tanh
from typing import TYPE_CHECKING

import numpy as np
from side_by_side import Comparison, in_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

BIASES, PART, ROUNDS = 1000, 4, 5
ACCURACY = 1e-3
NA_PER_MEV = 38.740459
STEP, REACH = 0.08, 40.0
SP, SP_INTERFACE, AP, P_LEFT, P_RIGHT, E0, ASYM, WIDTH, K_T = (
    8.4, 2.0, 0.3, 0.35, 0.35, -2.5, 0.5, 10.0, 26.0,
)  # fmt: skip


def biases(count: int) -> NDArray[np.float64]:
    """Return voltages (mV) over the range of the paper."""
    return np.linspace(-10.0, 10.0, count)


def ours(bias: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the currents of both spins in nA, (2, biases), and the seconds a bias."""
    from nanojunction.models.transport import spin_engine

    began = time.process_time()
    found = spin_engine(bias)
    took_s = time.process_time() - began
    return 1e9 * np.array([found.up_A, found.down_A]), took_s / bias.size


def loop(bias: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the currents of both spins in nA, (2, biases), and the seconds a bias."""
    began = time.process_time()
    found = [[current_nA(v, spin) for v in bias.tolist()] for spin in (+1, -1)]
    return np.array(found), (time.process_time() - began) / bias.size


def current_nA(bias: float, spin: int) -> float:
    """Return the current of a spin, energy by energy."""
    left, right = WIDTH * (1 + spin * P_LEFT), WIDTH * (1 + spin * P_RIGHT)
    mu_left, mu_right = bias / 2 + spin * SP, -bias / 2 + spin * SP * AP
    levels = (
        bias / 3 + spin * SP_INTERFACE / 2, E0 + ASYM / 2 + bias / 6,
        E0 - ASYM / 2 - bias / 6, -bias / 3 + spin * SP_INTERFACE / 2,
    )  # fmt: skip
    H = np.diag(np.array(levels, dtype=complex)) + np.eye(4, k=1) + np.eye(4, k=-1)
    H[0, 0] -= 0.5j * left
    H[3, 3] -= 0.5j * right
    one = np.eye(4)
    total = 0.0
    for k in range(round(2 * REACH / STEP) + 1):
        x = -REACH + k * STEP
        G14 = np.linalg.inv(x * one - H)[0, 3]
        filled = tanh((x - mu_right) / (2 * K_T)) - tanh((x - mu_left) / (2 * K_T))
        total += (G14.real**2 + G14.imag**2) * filled / 2
    return NA_PER_MEV * left * right * total * STEP


def compare(count: int, part: int, rounds: int) -> list[Comparison]:
    """Check both sides against each other, and time them in turns."""
    bias = biases(count)
    some = np.linspace(0, count - 1, part).round().astype(int)
    whole, _ = ours(bias)
    there, _ = loop(bias[some])
    apart = np.abs(whole[:, some] - there).max() / np.abs(whole).max()
    if not apart < ACCURACY:
        raise RuntimeError(f"the sides differ by {apart} of the largest current")
    print(f"currents agree within {apart:.1e} of the largest")
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(ours(bias)[1])
        theirs.append(loop(bias[some])[1])
    ratios = tuple(other / one for one, other in zip(mine, theirs, strict=True))
    texts = f"{1e6 * np.median(mine):.1f} µs/bias", f"{1e3 * np.median(theirs):.1f} ms/bias"
    what = f"transport at {count} biases, against a loop over energies"
    return [Comparison(what, *texts, ratios, 50.0, "least")]


if __name__ == "__main__":
    raise SystemExit(in_table(compare(BIASES, PART, ROUNDS), other="loop"))
