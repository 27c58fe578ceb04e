"""What wrong models give for a measured pair: straight lines, and the centres without spinterfaces.

Models are compared by Akaike's criterion for small samples, AICc = n ln(χ²/n) + 2k + 2k(k + 1)/
(n − k − 1), and by what they leave: noise changes its sign at every other row, a wrong curve
seldom.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.theory.transport_data import MeasuredPair, MeasuredState
from nanojunction.analysis.theory.transport_fit import TransportFit
from nanojunction.analysis.theory.transport_problem import PairProblem, minima
from nanojunction.analysis.values import Array

__all__ = ["PATTERN_BINS", "Rival", "rivals_of"]

PATTERN_BINS = 8
_CLEARLY = 3.0
_STARTS, _ROUGHLY = 2, 1e-4
_IDLE_IN_TWO_SITES = ("SP_meV", "E0_meV", "t1_meV", "t3_meV")


@dataclass(frozen=True, slots=True)
class Rival:
    """A model of a pair, and what it leaves.

    `sign_changes` of the residuals in rising voltage and what noise would have, (found, expected);
    `pattern` has for each state a sign for each eighth of its rows: + or − where the model lies
    clearly above or below them, · where it does not.
    """

    name: str
    count: int
    chi2_per_row: float
    aicc: float
    sign_changes: tuple[int, float]
    pattern: Mapping[str, str]
    values: Mapping[str, float]

    @property
    def leaves_noise(self) -> bool:
        """Tell whether the residuals change sign as often as noise does, within three sigma."""
        found, expected = self.sign_changes
        return bool(found > expected - _CLEARLY * math.sqrt(expected / 2))


def rivals_of(fit: TransportFit, *, seed: int = 0) -> tuple[Rival, Rival, Rival]:
    """Return the fitted model, a straight line for each state, and the two-site chain."""
    own = _rival("spin engine", fit.pair, fit.residuals, len(fit.varied), fit.values)
    return own, _straight(fit.pair), _two_sites(fit, seed)


def _straight(pair: MeasuredPair) -> Rival:
    left: list[Array] = []
    values: dict[str, float] = {}
    for one in pair.states:
        line, residuals = _line(one)
        left.append(residuals)
        values |= {f"r_{one.label}_ohm": 1.0 / line[0], f"i_off_{one.label}_A": line[1]}
        values |= {f"v_off_{one.label}_V": -line[1] / line[0]}
    return _rival("straight lines", pair, np.concatenate(left), 4, values)


def _line(state: MeasuredState) -> tuple[tuple[float, float], Array]:
    """Return the slope and the current at 0 V of the best line, and its residuals."""
    columns = np.stack([state.voltage_V, np.ones_like(state.voltage_V)], axis=1)
    found = np.linalg.lstsq(
        columns / state.sigma_A[:, None], state.current_A / state.sigma_A, rcond=None
    )[0]
    return (float(found[0]), float(found[1])), (columns @ found - state.current_A) / state.sigma_A


def _two_sites(fit: TransportFit, seed: int) -> Rival:
    """Return the chain of the two centres alone, its own parameters fitted."""
    parameters = {
        name: replace(one.parameter, varied=one.parameter.varied and name not in _IDLE_IN_TWO_SITES)
        for name, one in fit.parameters.items()
    }
    problem = PairProblem(fit.pair, sites=2)
    ends = minima(problem, parameters, starts=_STARTS, again=1, tolerance=_ROUGHLY, seed=seed)
    _, values = min(ends, key=lambda end: end[0])
    varied = [name for name, one in parameters.items() if one.varied]
    shown = {name: values[name] for name in varied}
    return _rival("two-site chain", fit.pair, problem.residuals(values), len(varied), shown)


def _rival(
    name: str, pair: MeasuredPair, residuals: Array, count: int, values: Mapping[str, float]
) -> Rival:
    rows = len(residuals)
    chi2 = max(float(residuals @ residuals), 1e-300)
    room = rows - count - 1
    aicc = (
        rows * math.log(chi2 / rows)
        + 2 * count
        + (2 * count * (count + 1) / room if room > 0 else 0)
    )
    cut = len(pair.parallel.voltage_V)
    parts = (residuals[:cut], residuals[cut:])
    changes = sum(int(np.sum(np.signbit(p[1:]) != np.signbit(p[:-1]))) for p in parts)
    pattern = {
        one.label: "".join(_sign(part) for part in np.array_split(residuals_, PATTERN_BINS))
        for one, residuals_ in zip(pair.states, parts, strict=True)
    }
    return Rival(name, count, chi2 / rows, aicc, (changes, (rows - 2) / 2), pattern, values)


def _sign(residuals: Array) -> str:
    """Return on which side of some rows a model clearly lies."""
    sum_over_error = float(residuals.sum()) / max(len(residuals), 1) ** 0.5
    return "+" if sum_over_error > _CLEARLY else "−" if sum_over_error < -_CLEARLY else "·"
