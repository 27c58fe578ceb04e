"""PyMeasure's Results.load and lmfit's models with their defaults; the rest as with numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lmfit import Model
from pymeasure.experiment import Results
from reanalyses.answer import Answer, Array
from reanalyses.laws import Law, Peaks, Straight
from reanalyses.postdoc import Fit, curves, describe, quantities, rows_of, sweep_directions


def analyse(path: Path) -> Answer:
    """Return the quantities of one file."""
    results = Results.load(str(path))
    data = results.data
    data = data[data["In compliance"] == 0]
    names = ("Voltage (V)", "Current (A)", "Setpoint (V)", "Leg")
    rows = rows_of(*(data[name].to_numpy(dtype=float) for name in names))
    slopes = sweep_directions(rows)
    fits, features = describe(rows, slopes, least_squares)
    values, crossings = quantities(rows, fits)
    variance = sum(fit.variance for fit in fits) / len(fits)
    drawn, values["hysteresis_A"] = curves(rows, slopes, variance)
    return Answer(
        results.parameters["sample"].value,
        float(data["Temperature (K)"].mean()),
        float(data["Field (T)"].mean()),
        values,
        crossings,
        drawn,
        features,
    )


def least_squares(law: Law, v: Array, i: Array, start: Array) -> Fit:
    """Return lmfit's fit of a law, the current in units of its largest value."""
    unit = float(np.max(np.abs(i)))
    if isinstance(law, Straight):
        model, scale = Model(_straight), np.array([1.0, 1.0])
    elif isinstance(law, Peaks):
        model, scale = _peaked(law, len(start) // 3 - 1)
    else:
        model, scale = Model(_background) + Model(_power), np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    scale = np.where(scale > 0.0, unit, 1.0)
    parameters = model.make_params(
        **dict(zip(model.param_names, (start / scale).tolist(), strict=True))
    )
    found = model.fit(i / unit, parameters, x=v)
    p = np.array([found.params[name].value for name in model.param_names]) * scale
    covariance = found.covar * np.outer(scale, scale)
    residual = i - law.current(v, p)
    variance = float(residual @ residual) / (len(v) - len(p))
    return Fit(law, p, covariance, variance, float(found.aic))


def _straight(x: Array, a: float, b: float) -> Array:
    return a + b * x


def _power(x: Array, c: float, n: float) -> Array:
    return np.asarray(c * np.sign(x) * np.abs(x) ** n)


def _background(x: Array, a: float, b: float, e: float) -> Array:
    return a + b * x + e * x * x


def _peaked(law: Peaks, count: int) -> tuple[Model, Array]:
    """Return a background and so many peaks, and which parameters are currents."""

    def peak(x: Array, place: float, fwhm: float, height: float) -> Array:
        return fwhm * height * law.shape((x - place) / fwhm)[0]

    model = Model(_background)
    for k in range(count):
        model += Model(peak, prefix=f"p{k}_")
    return model, np.array([1.0, 1.0, 1.0, *[0.0, 0.0, 1.0] * count])
