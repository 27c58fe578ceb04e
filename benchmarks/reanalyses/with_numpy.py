"""pandas and numpy as a postdoc writes it for speed: read_csv of the columns that matter, own fits.

The straight line by its normal equations, the power law by Gauss-Newton with analytic derivatives,
peaks by scipy's curve_fit with the same.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
from reanalyses.answer import Answer, Array
from reanalyses.laws import Law, Peaks
from reanalyses.postdoc import Fit, curves, describe, quantities, rows_of, sweep_directions
from scipy.optimize import curve_fit

USED = ("Leg", "Setpoint (V)", "Voltage (V)", "Current (A)", "Field (T)", "Temperature (K)",
        "In compliance")  # fmt: skip


EXPONENT = 4
"""Which parameter of the power law is its exponent; it stays where there is a power law."""


def analyse(path: Path) -> Answer:
    """Return the quantities of one file."""
    data = path.read_bytes()
    header_end = data.index(b"#Data:\n") + len(b"#Data:\n")
    header = dict(
        line[2:].split(": ", 1)
        for line in data[:header_end].decode().splitlines()
        if line.startswith("#\t") and ": " in line
    )
    end = data.rfind(b"# End:")
    block = data[header_end : end if end > 0 else None]
    frame = pd.read_csv(io.BytesIO(block), usecols=list(USED), dtype=float)
    table = frame[list(USED)].to_numpy()
    table = table[table[:, 6] == 0.0]
    leg, setpoint, v, i, field, temperature, _ = table.T
    rows = rows_of(v, i, setpoint, leg)
    slopes = sweep_directions(rows)
    fits, features = describe(rows, slopes, least_squares)
    values, crossings = quantities(rows, fits)
    variance = sum(fit.variance for fit in fits) / len(fits)
    drawn, values["hysteresis_A"] = curves(rows, slopes, variance)
    return Answer(header["Sample"], float(temperature.mean()), float(field.mean()), values,
                  crossings, drawn, features)  # fmt: skip


def least_squares(law: Law, v: Array, i: Array, start: Array) -> Fit:
    """Return the least-squares fit of a law."""
    dof = len(v) - len(start)
    if isinstance(law, Peaks):
        p, covariance = curve_fit(
            lambda x, *q: law.current(x, np.array(q)),
            v,
            i,
            start,
            jac=lambda x, *q: law.by_parameter(x, np.array(q)),
            x_scale="jac",
            method="trf",
        )
        residual = i - law.current(v, p)
        variance = float(residual @ residual) / dof
        return Fit(law, p, covariance, variance, len(v) * np.log(variance))
    p = start.copy()
    for _ in range(30):
        jacobian = law.by_parameter(v, p)
        size = np.sqrt(np.einsum("ij,ij->j", jacobian, jacobian))
        scaled = jacobian / size
        residual = i - law.current(v, p)
        gram = scaled.T @ scaled
        step = np.linalg.solve(gram, scaled.T @ residual)
        p += step / size
        if len(p) == EXPONENT + 1:
            p[EXPONENT] = min(max(p[EXPONENT], 1.05), 8.0)
        if len(p) == 2 or abs(step[-1] / size[-1]) < 1e-6:
            break
    residual = i - law.current(v, p)
    variance = float(residual @ residual) / dof
    covariance = variance * np.linalg.inv(gram) / np.outer(size, size)
    return Fit(law, p, covariance, variance, len(v) * np.log(variance))
