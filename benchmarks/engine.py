"""Cycles of the measurement engine, against QuTiP's solver of the same master equation.

Both sides in turn, in processor time, on one thread. QuTiP solves each stroke with `mesolve` at its
default tolerances and is not charged for building its operators; at tight ones, which take longer,
the sides are first found to agree, and what the default costs in ΔE is printed. Ours does 1e6
cycles and is charged for everything. Targets: at least 1e5 times faster a cycle whose outcome is
not read, 2000 times where it is.

Run: make bench, or python benchmarks/engine.py [fig3a …]
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import qutip
from side_by_side import Comparison, in_table

from nanojunction.models.engine import (
    Engine,
    Preset,
    cycle_of,
    delta_e_meV,
    populations_of,
    preset,
    selective_trajectory,
)

OURS, QUTIPS, ROUNDS = 1_000_000, 8, 5
TIGHT = {"rtol": 1e-10, "atol": 1e-12}
AT_LEAST = {"unselective": 1e5, "selective": 2000.0}
DEFAULT = ("fig3a", "fig5a", "fig6a", "fig7a", "fig5b")


def by_ours(figure: Preset, cycles: int) -> np.ndarray:
    """Return ΔE of all cycles, set-up included."""
    cycle = cycle_of(figure.engine, figure.tau_per_meV)
    start = populations_of(figure.initial)
    if figure.measurement == "unselective":
        return delta_e_meV(cycle, start, cycles)
    return selective_trajectory(
        cycle, start, cycles, seed=1, observable=figure.observable
    ).delta_e_meV


def operators(engine: Engine) -> tuple[Any, list[Any], Any, Any]:
    """Return H, the jumps, C and the number operators (n_R, left charge) for QuTiP."""
    up, down, right = (qutip.fdestroy(3, site) for site in range(3))
    n_up, n_down, n_right = (c.dag() * c for c in (up, down, right))
    hop = engine.gamma_meV * (down.dag() * right + right.dag() * down)
    h = (
        engine.eps_up_meV * n_up
        + engine.eps_down_meV * n_down
        + engine.eps_r_meV * n_right
        + engine.j_meV * n_down * n_right
        + engine.u_meV * n_up * n_down
        + hop
    )
    rates = (
        (engine.tl_minus_meV, up.dag()),
        (engine.tl_plus_meV, up),
        (engine.tr_minus_meV, right.dag()),
        (engine.tr_plus_meV, right),
        (engine.lambda_minus_meV, down.dag() * up),
        (engine.lambda_plus_meV, up.dag() * down),
    )
    jumps = [np.sqrt(rate) * jump for rate, jump in rates if rate]
    return h, jumps, hop, {"right": n_right, "left": n_up + n_down}


def by_qutip(
    figure: Preset, cycles: int, tolerances: dict[str, float] | None = None
) -> Callable[[], np.ndarray]:
    """Return what runs the cycles with QuTiP, its operators already built."""
    options = {"nsteps": 10**7, **(tolerances or {})}
    h, jumps, hop, observables = operators(figure.engine)
    numbers = np.diag(observables[figure.observable].full()).real.round()
    projectors = [
        qutip.Qobj(np.diag(numbers == value).astype(complex), dims=h.dims)
        for value in np.unique(numbers)
    ]
    place = [0, 1, 4, 5, 2, 3, 6, 7]  # of the paper's kets among the products of occupations
    start = np.zeros(8)
    start[place] = populations_of(figure.initial)

    def run() -> np.ndarray:
        rho, found = qutip.Qobj(np.diag(start).astype(complex), dims=h.dims), []
        random = np.random.default_rng(1)
        for _ in range(cycles):
            before = qutip.mesolve(
                h, rho, [0.0, figure.tau_per_meV], jumps, options=options
            ).final_state
            found.append(-qutip.expect(hop, before))
            parts = [projector * before * projector for projector in projectors]
            if figure.measurement == "selective":
                shares = np.array([part.tr().real for part in parts])
                part = parts[random.choice(len(parts), p=shares / shares.sum())]
                rho = part / part.tr()
            else:
                rho = sum(parts)
        return np.array(found)

    return run


def seconds(run: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Return what a run takes (s of the processor), and what it gives."""
    began = time.process_time()
    found = run()
    return time.process_time() - began, found


def check(name: str, figure: Preset) -> None:
    """Say how far QuTiP's first ΔE is off at its defaults; raise RuntimeError if at tight ones."""
    ours = by_ours(figure, 1)[0]
    loose, tight = (by_qutip(figure, 1, options)()[0] for options in (None, TIGHT))
    if abs(tight - ours) > 1e-7 * (1.0 + abs(figure.engine.gamma_meV)):
        raise RuntimeError(f"{name}: ΔE is {ours} meV here, {tight} meV there")
    print(f"{name}: ΔE of the first cycle {ours:.6g} meV; QuTiP at its defaults {loose:.6g} meV")


def compare(names: tuple[str, ...], ours: int, qutips: int, rounds: int) -> list[Comparison]:
    """Measure these figures; raises RuntimeError where the sides do not agree on the first ΔE."""
    lines = []
    for name in names:
        figure = preset(name)
        other = by_qutip(figure, qutips)
        check(name, figure)
        took = []
        for _ in range(rounds):
            mine_s, _ = seconds(lambda figure=figure: by_ours(figure, ours))
            theirs_s, _ = seconds(other)
            took.append((mine_s / ours, theirs_s / qutips))
        one, two = (statistics.median(side) for side in zip(*took, strict=True))
        lines.append(
            Comparison(
                f"{name}, {figure.measurement}, {ours:.0e} cycles",
                f"{1e9 * one:.3g} ns/cycle",
                f"{1e3 * two:.3g} ms/cycle",
                tuple(theirs / mine for mine, theirs in took),
                AT_LEAST[figure.measurement],
                "least",
            )
        )
    return lines


def main() -> int:
    """Measure the figures named, the runs by default; return 0 if the targets are met."""
    names = tuple(sys.argv[1:]) or DEFAULT
    return in_table(compare(names, OURS, QUTIPS, ROUNDS), other="QuTiP")


if __name__ == "__main__":
    raise SystemExit(main())
