"""A fit of one line or a broken one as lmfit's own, for its reports, correlations and chi² maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanojunction.analysis.temperature.piecewise import LineFit
from nanojunction.analysis.values import Array


def as_lmfit(fit: LineFit, *, beyond: bool = False) -> tuple[Any, Any]:
    """Return lmfit's Minimizer and the MinimizerResult that it finds from our solution.

    Parameters are `intercept`, `slope`, and with a knot `slope_beyond` and `knot`; with `beyond`
    the line is given by `intercept_beyond` instead of `intercept`. Residuals are over `sigma`,
    which is held, and errors are those of the fit.
    """
    import lmfit

    intercept = "intercept_beyond" if beyond else "intercept"
    used = (intercept, "slope", "slope_beyond", "knot") if fit.broken else (intercept, "slope")
    parameters = lmfit.Parameters()
    for name in used:
        parameters.add(name, value=getattr(fit, name))
    if fit.broken:
        parameters["knot"].set(min=float(fit.x[0]), max=float(fit.x[-1]))

    def residual(values: Any) -> Array:
        line = values[intercept] + values["slope"] * fit.x
        if fit.broken:
            bend = values["slope_beyond"] - values["slope"]
            line = line + bend * np.maximum(fit.x - values["knot"], 0.0)
            if beyond:
                line = line + bend * values["knot"]
        return np.asarray((fit.y - line) / fit.sigma)

    minimizer = lmfit.Minimizer(residual, parameters, scale_covar=False)
    best = minimizer.minimize(method="leastsq")
    # lmfit starts its search for the end of an interval at the standard error.
    for name in used:
        best.params[name].stderr = fit.error(name)
    return minimizer, best
