"""The spin engine fitted to measured pairs of I(V): values, what the curves fix, what not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nanojunction.analysis.theory.transport_data import MeasuredPair
from nanojunction.analysis.theory.transport_parameters import Parameter
from nanojunction.analysis.theory.transport_problem import (
    STARTS,
    PairProblem,
    agreed,
    cost_of,
    minima,
    minimised,
    width_of,
)
from nanojunction.analysis.values import Array
from nanojunction.models.errors import ModelError

__all__ = ["IDENTIFIED_BELOW", "Fitted", "TransportFit", "fit_transport"]

IDENTIFIED_BELOW = 0.25
"""A parameter is identified if its standard error is below this share of what was known before."""

_NODES_AT_MOST = 2000
_PROFILED, _PROFILE_TOLERANCE = 2.0, 1e-5  # standard errors at which χ² is looked at
_BETTER = 0.25  # of χ²/2
_LOOKED_AGAIN = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """A parameter after the fit; `stderr` counts what is not known of all others that vary.

    `identified` is False where the curves say too little about it, and None where it was held.
    """

    parameter: Parameter
    value: float
    stderr: float | None = None
    identified: bool | None = None
    at_bound: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class TransportFit:
    """A fit: all parameters, and how the curves determine those that were varied.

    `jacobian` has the derivatives of all rows (P, then AP) in units of the noise by the `varied`
    parameters in units of their widths (of its value for the scale), `held_jacobian` those by the
    others; `covariance` is in the parameters' own units. `residuals` are in units of the noise.
    `costs` has half of χ² that each start ended at.
    """

    pair: MeasuredPair
    parameters: Mapping[str, Fitted]
    jacobian: Array
    held_jacobian: Array
    covariance: Array
    residuals: Array
    costs: tuple[float, ...]

    @property
    def varied(self) -> tuple[str, ...]:
        """Return the names of the varied parameters, in the order of the Jacobian."""
        return tuple(n for n, one in self.parameters.items() if one.parameter.varied)

    @property
    def held(self) -> tuple[str, ...]:
        """Return the names of the held ones."""
        return tuple(n for n, one in self.parameters.items() if not one.parameter.varied)

    @property
    def values(self) -> dict[str, float]:
        """Return the value of every parameter."""
        return {name: one.value for name, one in self.parameters.items()}

    @property
    def widths(self) -> Array:
        """Return the units of the Jacobian's columns in the parameters' own."""
        return np.array(
            [width_of(self.parameters[n].parameter, self.values[n]) for n in self.varied]
        )

    @property
    def chi2(self) -> float:
        """Return the sum of the squared residuals."""
        return float(self.residuals @ self.residuals)

    @property
    def correlations(self) -> Array:
        """Return the correlations of the varied parameters."""
        sigma = np.sqrt(np.diag(self.covariance))
        return np.asarray(self.covariance / np.outer(sigma, sigma))

    @property
    def agreed(self) -> int:
        """Return how many of the starts ended at the best fit."""
        return agreed(self.costs)

    def directions(self) -> tuple[Array, Array]:
        """Return the singular values of the Jacobian, and its directions as rows."""
        _, values, rows = np.linalg.svd(self.jacobian, full_matrices=False)
        return values, rows


def fit_transport(
    pair: MeasuredPair,
    parameters: Mapping[str, Parameter],
    *,
    starts: int = STARTS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> TransportFit:
    """Fit the model to a pair from several starts, and find out what the curves determine.

    The first start is that of the parameters, the others lie at random within a width of it; there
    are more of them, up to four times as many, until two have ended at the best fit. The least sum
    of squares counts, the distance of each parameter from its start in units of its width among
    them. The noise of each state is then taken from what the fit leaves, and the best start goes
    on. Standard errors are those of the linearised fit with all parameters varying together, wider
    where χ² itself rises more slowly. Raises ModelError where nothing is varied or there are fewer
    rows than parameters.
    """
    varied = [name for name, one in parameters.items() if one.varied]
    rows = sum(len(one.voltage_V) for one in pair.states)
    if not varied:
        raise ModelError("hold", "all parameters are held: there is nothing to fit")
    if rows <= len(varied):
        raise ModelError("fit", f"{rows} rows for {len(varied)} parameters: hold some of them")
    problem = PairProblem(pair)
    ends = minima(problem, parameters, starts=starts, seed=seed, progress=progress)
    values = min(ends, key=lambda end: end[0])[1]
    problem, values = _settled(problem, parameters, values)
    costs = tuple(cost for cost, _ in ends)
    for _ in range(_LOOKED_AGAIN):
        found = _described(problem, parameters, values, costs)
        widened, better = _widened(problem, found)
        if better is None:
            break
        _, values = minimised(problem, parameters, better)
    return replace(found, parameters=widened)


def _settled(
    problem: PairProblem, parameters: Mapping[str, Parameter], values: dict[str, float]
) -> tuple[PairProblem, dict[str, float]]:
    """Return the fit with the noise that it leaves, at enough points to interpolate between."""
    left = problem.residuals(values)
    cut = len(problem.pair.parallel.voltage_V)
    share = 1.0 - len([p for p in parameters.values() if p.varied]) / len(left)
    states = [
        one.scaled(max(float(np.sqrt(np.mean(part**2) / share)), 1e-3))
        for one, part in zip(problem.pair.states, (left[:cut], left[cut:]), strict=True)
    ]
    pair = MeasuredPair(*states)
    count = problem.count
    while True:
        problem = PairProblem(pair, problem.sites, count)
        _, values = minimised(problem, parameters, values)
        if problem.is_exact(values):
            return problem, values
        count *= 2
        if count > _NODES_AT_MOST:
            raise ModelError("fit", "the best currents are too sharp in V for these rows to tell")


def _described(
    problem: PairProblem,
    parameters: Mapping[str, Parameter],
    values: Mapping[str, float],
    costs: tuple[float, ...],
) -> TransportFit:
    """Return the fit with standard errors, and what the curves identify."""
    varied = [name for name, one in parameters.items() if one.varied]
    held = [name for name in parameters if name not in varied]
    jacobian = problem.derivatives(values, varied, parameters)
    widths = np.array([width_of(parameters[name], values[name]) for name in varied])
    before = np.diag([float(parameters[name].width is not None) for name in varied])
    scaled = np.asarray(
        np.linalg.pinv(jacobian.T @ jacobian + before, hermitian=True), dtype=np.float64
    )
    stderr = np.sqrt(np.diag(scaled))
    found = {name: Fitted(one, values[name]) for name, one in parameters.items()}
    for name, share, width in zip(varied, stderr.tolist(), widths.tolist(), strict=True):
        one = parameters[name]
        near = min(values[name] - one.least, one.most - values[name]) < 1e-3 * width
        known = share < IDENTIFIED_BELOW and not near
        found[name] = Fitted(one, values[name], share * width, known, near)
    return TransportFit(
        problem.pair,
        found,
        jacobian,
        problem.derivatives(values, held, parameters),
        scaled * np.outer(widths, widths),
        problem.residuals(values),
        costs,
    )


def _widened(
    problem: PairProblem, fit: TransportFit
) -> tuple[dict[str, Fitted], dict[str, float] | None]:
    """Return the parameters with standard errors that χ² bears out, and a better fit if one is met.

    Where all the others follow, χ² rises by 4 at two standard errors from the best value. Where
    the model is bent so much that it rises by less on one side, the standard error is larger.
    """
    parameters = {name: one.parameter for name, one in fit.parameters.items()}
    least = cost_of(problem, parameters, fit.values)
    found = dict(fit.parameters)
    for place, name in enumerate(fit.varied):
        one = found[name]
        if one.stderr is None or not one.identified:
            continue
        others = {**parameters, name: replace(one.parameter, varied=False)}
        follow = fit.covariance[place] / fit.covariance[place, place]
        stderr = one.stderr
        for side in (-_PROFILED, _PROFILED):
            moved = {
                n: float(np.clip(fit.values[n] + share * side * one.stderr, p.least, p.most))
                for n, share in zip(fit.varied, follow.tolist(), strict=True)
                for p in (parameters[n],)
            }
            away = abs(moved[name] - one.value)
            if away < 1e-3 * one.stderr:
                continue
            cost, values = minimised(problem, others, {**fit.values, **moved}, _PROFILE_TOLERANCE)
            cost += 0.5 * one.parameter.distance(values[name]) ** 2
            if cost < least - _BETTER:
                return found, values
            stderr = max(stderr, away / max(2.0 * (cost - least), 1e-6) ** 0.5)
        share = stderr / width_of(one.parameter, one.value)
        found[name] = replace(one, stderr=stderr, identified=share < IDENTIFIED_BELOW)
    return found, None
