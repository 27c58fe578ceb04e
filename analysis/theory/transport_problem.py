"""The spin engine at the voltages of a measured pair, and where its sum of squares is least."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nanojunction.analysis.theory.transport_data import MeasuredPair
from nanojunction.analysis.theory.transport_parameters import Parameter, both_states_A
from nanojunction.analysis.values import Array
from nanojunction.models.transport import Sites

__all__ = ["STARTS", "PairProblem", "agreed", "cost_of", "minima", "minimised", "width_of"]

STARTS = 6

_FEWEST_NODES, _NODES_PER_MV = 21, 2
_INTERPOLATED = 0.1  # of the noise: so far may an interpolated curve be off
_STEP = 1e-4  # of a width: differences for the Jacobian
_SPREAD = 1.0  # of a width: starts lie so far off
_AGAIN = 4
_TOLERANCE = 1e-9
_SAME_END = 0.5  # of χ²/2: fits that end so near each other have found the same


class PairProblem:
    """The model at a pair's voltages: by interpolation between Chebyshev's points, which is fast.

    The currents are smooth in V: their nearest singularity lies some 6 t2 off the real axis.
    """

    def __init__(self, pair: MeasuredPair, sites: Sites = 4, nodes: int | None = None) -> None:
        low, high = pair.range_mV
        half = (high - low) / 2
        self.pair, self.sites = pair, sites
        self.count = nodes or max(_FEWEST_NODES, int(_NODES_PER_MV * half))
        places = np.cos(np.pi * np.arange(self.count) / (self.count - 1))
        self.nodes_mV = (low + high) / 2 + half * places
        self._weights = [_barycentric(1e3 * one.voltage_V, self.nodes_mV) for one in pair.states]
        self.sigma_A = np.concatenate([one.sigma_A for one in pair.states])
        self.current_A = np.concatenate([one.current_A for one in pair.states])

    def model_A(self, values: Mapping[str, float]) -> Array:
        """Return the currents at all rows, P and then AP."""
        curves = both_states_A(self.nodes_mV, values, self.sites)
        return np.concatenate([w @ i for w, i in zip(self._weights, curves, strict=True)])

    def is_exact(self, values: Mapping[str, float]) -> bool:
        """Tell whether interpolation is far better than the noise, by the model itself."""
        exact = np.concatenate(
            [
                both_states_A(1e3 * one.voltage_V, values, self.sites)[state]
                for state, one in enumerate(self.pair.states)
            ]
        )
        return bool(np.all(np.abs(self.model_A(values) - exact) < _INTERPOLATED * self.sigma_A))

    def residuals(self, values: Mapping[str, float]) -> Array:
        """Return model − measured in units of the noise."""
        return np.asarray((self.model_A(values) - self.current_A) / self.sigma_A)

    def with_scale(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return values with the scale that fits best, which is a linear matter."""
        one = self.model_A({**values, "scale": 1.0, "line_nA": 0.0}) / self.sigma_A
        share = float(one @ (self.current_A / self.sigma_A) / max(one @ one, 1e-300))
        largest = float(
            np.abs(self.current_A).max() / max(np.abs(one * self.sigma_A).max(), 1e-300)
        )
        return {**values, "scale": max(share, 1e-3 * largest)}

    def derivatives(
        self, values: Mapping[str, float], names: Sequence[str], parameters: Mapping[str, Parameter]
    ) -> Array:
        """Return the derivatives of all rows, over the noise, by parameters in their widths."""
        columns = []
        for name in names:
            step = _STEP * width_of(parameters[name], values[name])
            ahead, behind = (
                self.model_A({**values, name: values[name] + sign * step}) for sign in (+1, -1)
            )
            columns.append((ahead - behind) / (2 * _STEP) / self.sigma_A)
        return np.stack(columns, axis=1) if columns else np.empty((len(self.sigma_A), 0))


def minima(
    problem: PairProblem,
    parameters: Mapping[str, Parameter],
    *,
    starts: int = STARTS,
    again: int = _AGAIN,
    tolerance: float = _TOLERANCE,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[float, dict[str, float]]]:
    """Return half of χ² and the values at which each start ends; see `fit_transport`.

    Where no two of them end at the best, more follow: `again` times `starts` in all at most. A
    start ends where a step changes χ² by less than this share (`tolerance`).
    """
    rng = np.random.default_rng(seed)
    ends: list[tuple[float, dict[str, float]]] = []
    most = starts
    while len(ends) < most:
        begin = {name: one.start for name, one in parameters.items()}
        if ends:
            begin |= {n: _elsewhere(one, rng) for n, one in parameters.items() if one.varied}
        ends.append(minimised(problem, parameters, begin, tolerance))
        if len(ends) == most < again * starts and agreed([cost for cost, _ in ends]) < 2:
            most += 1
        if progress is not None:
            progress(len(ends), most)
    return ends


def minimised(
    problem: PairProblem,
    parameters: Mapping[str, Parameter],
    begin: Mapping[str, float],
    tolerance: float = _TOLERANCE,
) -> tuple[float, dict[str, float]]:
    """Return half of χ² and the values where it is least, from one start (lmfit)."""
    import lmfit

    held = {name: begin[name] for name, one in parameters.items() if not one.varied}
    varied = {name: one for name, one in parameters.items() if one.varied}
    start = problem.with_scale(begin) if "scale" in varied else begin
    wanted = lmfit.Parameters()
    for name, one in varied.items():
        wanted.add(name, value=start[name], min=one.least, max=one.most)

    def residuals(now: Any) -> Array:
        values = now.valuesdict()
        before = [one.distance(values[name]) for name, one in varied.items()]
        return np.append(problem.residuals({**held, **values}), before)

    found = lmfit.minimize(
        residuals, wanted, method="least_squares", calc_covar=False,
        xtol=10 * tolerance, ftol=tolerance,
        x_scale=[width_of(one, start[name]) for name, one in varied.items()],
    )  # fmt: skip
    return float(found.chisqr) / 2, {**held, **found.params.valuesdict()}


def cost_of(
    problem: PairProblem, parameters: Mapping[str, Parameter], values: Mapping[str, float]
) -> float:
    """Return half of χ², the distances from what was supposed beforehand among it."""
    before = [one.distance(values[name]) for name, one in parameters.items() if one.varied]
    return 0.5 * float(np.sum(problem.residuals(values) ** 2) + np.sum(np.square(before)))


def agreed(costs: Sequence[float]) -> int:
    """Return how many fits ended at the best of them."""
    return sum(cost < min(costs) + _SAME_END for cost in costs)


def width_of(parameter: Parameter, value: float) -> float:
    """Return the unit in which a parameter is counted: its width, or the value of a scale."""
    return parameter.width if parameter.width is not None else max(abs(value), 1e-12)


def _elsewhere(parameter: Parameter, rng: np.random.Generator) -> float:
    """Return another start, at random within a width of the first one, and within the bounds."""
    if parameter.width is None:
        return parameter.start
    far = parameter.start + _SPREAD * parameter.width * rng.uniform(-1.0, 1.0)
    return float(np.clip(far, parameter.least, parameter.most))


def _barycentric(at: Array, nodes: Array) -> Array:
    """Return the matrix that interpolates from Chebyshev's points of the second kind."""
    weights = (-1.0) ** np.arange(len(nodes))
    weights[[0, -1]] *= 0.5
    distance = at[:, None] - nodes
    hit = np.abs(distance) < 1e-12 * np.ptp(nodes)
    shares = weights / np.where(hit, 1.0, distance)
    shares /= shares.sum(axis=1, keepdims=True)
    shares[hit.any(axis=1)] = hit[hit.any(axis=1)]
    return np.asarray(shares)
