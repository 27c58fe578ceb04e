"""Confidence intervals of a line's parameters from the profile of chi² (lmfit)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nanojunction.analysis.temperature.piecewise import LineFit
from nanojunction.analysis.values import Array

_SIGMA_LEVELS = (("ci68", 0.682689), ("ci95", 0.954500))


def profile_intervals(
    fit: LineFit, names: Sequence[str]
) -> Mapping[str, Mapping[str, list[float | None]]]:
    """Return profile confidence intervals {name: {"ci68": [low, high], "ci95": …}} (lmfit).

    `names` are parameters of the fit, or `intercept_beyond`, the far line continued to x = 0. An
    end that the profile does not reach is None. Where the scatter was estimated from the residuals
    the F distribution is used, otherwise chi² with the stated errors.
    """
    far = [name for name in names if name == "intercept_beyond"]
    near = [name for name in names if name not in far]
    found: dict[str, Mapping[str, list[float | None]]] = {}
    for asked, intercept in ((near, "intercept"), (far, "intercept_beyond")):
        if asked:
            found |= _profiles(fit, asked, intercept)
    return {name: found[name] for name in names if name in found}


def _profiles(
    fit: LineFit, names: Sequence[str], intercept: str
) -> Mapping[str, Mapping[str, list[float | None]]]:
    """Return the intervals of some parameters, the line being given by one of its intercepts."""
    if fit.covariance is None or len(fit.x) - len(fit.covariance) < 1:
        return {}
    import warnings

    import lmfit
    from scipy import stats

    free = len(fit.x) - len(fit.covariance)
    parameters = lmfit.Parameters()
    used = (intercept, "slope", "slope_beyond", "knot") if fit.broken else (intercept, "slope")
    for name in used:
        # lmfit starts its search for an end of the interval at the standard error.
        parameters.add(name, value=getattr(fit, name))
        parameters[name].stderr = fit.error(name)
    if fit.broken:
        parameters["knot"].set(min=float(fit.x[0]), max=float(fit.x[-1]))

    def residual(values: Any) -> Array:
        line = values[intercept] + values["slope"] * fit.x
        if fit.broken:
            bend = values["slope_beyond"] - values["slope"]
            line = line + bend * np.maximum(fit.x - values["knot"], 0.0)
            if intercept == "intercept_beyond":
                line = line + bend * values["knot"]
        return np.asarray((fit.y - line) / fit.sigma)

    def probability(best: Any, other: Any, *_: Any, **__: Any) -> float:
        rise = max(other.chisqr - best.chisqr, 0.0)
        if fit.scatter == 0.0:
            return float(stats.chi2.cdf(rise, 1))
        return float(stats.f.cdf(rise / best.chisqr * free, 1, free))

    minimizer = lmfit.Minimizer(residual, parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            best = minimizer.minimize(method="leastsq")
            for name in used:
                best.params[name].stderr = fit.error(name)
            table = lmfit.conf_interval(
                minimizer,
                best,
                p_names=list(names),
                sigmas=[level for _, level in _SIGMA_LEVELS],
                prob_func=probability,
            )
        except (ValueError, lmfit.MinimizerException):
            return {}
    return {name: _named_levels(table[name], getattr(fit, name)) for name in names}


def _named_levels(
    rows: Sequence[tuple[float, float]], value: float
) -> Mapping[str, list[float | None]]:
    """Turn lmfit's rows (outermost first, best value in the middle) into named intervals."""
    levels = len(_SIGMA_LEVELS)
    out: dict[str, list[float | None]] = {}
    for index, (name, _) in enumerate(_SIGMA_LEVELS):
        low, high = rows[levels - 1 - index][1], rows[levels + 1 + index][1]
        out[name] = [
            float(low) if math.isfinite(low) and low <= value else None,
            float(high) if math.isfinite(high) and high >= value else None,
        ]
    return out
