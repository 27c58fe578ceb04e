"""Thermal activation: X(T) = X0·exp(E_a/(k_B T)) in one regime, or in two with a crossover T*.

The model is Chowrira 2020, Fig. 2b, with the physical sign: E_a > 0 for a quantity that falls as
T rises. ln X is fitted against 1/(k_B T), weighted with stderr/X and with an extra relative
scatter of the points, which is estimated from the residuals (Paule & Mandel 1982). Two regimes
join continuously at T*; `low` and `high` mean the temperature side of T*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from nanojunction.analysis.lookup import Lookup
from nanojunction.analysis.temperature.choice import delta_aicc, explained, prefers_two
from nanojunction.analysis.temperature.influence import Influence, influence
from nanojunction.analysis.temperature.piecewise import LineFit, fit_broken_lines, fit_lines
from nanojunction.analysis.temperature.points import Exclusion, ThermalPoint, majority_sign, usable
from nanojunction.analysis.temperature.profile import profile_intervals
from nanojunction.analysis.temperature.with_lmfit import as_lmfit
from nanojunction.analysis.values import Array, Quantity

__all__ = ["Arrhenius", "Exclusion", "K_B_meV_per_K", "Regimes", "ThermalPoint", "fit_arrhenius"]

K_B_meV_per_K = 0.08617333262145
"""The Boltzmann constant (CODATA 2018)."""

SIDE_POINTS = 3
"""Points that each side of a crossover needs."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Regimes(Lookup):
    """One fit, of one or of two regimes.

    `quantities` are keyed as in the results JSON: `e_a_meV` and `x0`, or `e_a_low_meV`,
    `e_a_high_meV`, `t_cross_K`, `x0_low` and `x0_high` (x0 in the quantity's unit). `residuals`
    are ln X − fit, one a point. `scatter` is the relative scatter of the points beyond their own
    standard errors. Where no fit was possible `fit` is None and every quantity says why.
    """

    quantities: Mapping[str, Quantity]
    fit: LineFit | None

    def as_lmfit(self) -> tuple[Any, Any]:
        """Return lmfit's Minimizer and MinimizerResult, for its reports and chi² maps.

        They fit ln|X| against 1/(k_BT) in 1/meV, so that the slopes are energies in meV. Raises
        ValueError where no fit was possible.
        """
        if self.fit is None:
            raise ValueError("there is no fit of so many regimes: too few points")
        return as_lmfit(self.fit)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of one regime or two."""
        out: dict[str, Any] = {key: value.to_json() for key, value in self.quantities.items()}
        if self.fit is not None:
            out["scatter"] = self.fit.scatter
            out["chi2_reduced"] = self.fit.chi2_reduced
            out["aicc"] = self.fit.aicc if math.isfinite(self.fit.aicc) else None
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Arrhenius:
    """Both fits of one quantity, the choice between them, and the points they rest on.

    `value` and `stderr` are those of the points, in the quantity's unit and with its sign;
    `sign` multiplied them before the logarithm was taken.
    """

    best: Literal["one-regime", "two-regime"] | None
    one: Regimes
    two: Regimes
    delta_aicc: float | None
    sign: int
    names: tuple[str, ...]
    temperature_K: Array
    value: Array
    stderr: Array
    excluded: tuple[Exclusion, ...] = ()
    note: str | None = None
    influence: Influence = field(default_factory=Influence)

    @property
    def preferred(self) -> Regimes:
        """The fit that is preferred; raises ValueError, with the reason, where there is none."""
        if self.best is None:
            raise ValueError(f"neither fit is preferred: {self.note}")
        return self.one if self.best == "one-regime" else self.two

    @property
    def choice(self) -> str:
        """Why this number of regimes, and what the other would have given, in one sentence."""
        return explained(self)

    def predict(self, temperature_K: Array, regimes: Literal["one", "two"]) -> Array:
        """Return the fitted X (with its sign) at temperatures in K, for figures."""
        fit = (self.one if regimes == "one" else self.two).fit
        if fit is None:
            raise ValueError(f"There is no fit of {regimes} regime(s) to draw: too few points.")
        inverse = 1.0 / (K_B_meV_per_K * np.asarray(temperature_K, dtype=float))
        return np.asarray(self.sign * np.exp(fit.predict(inverse)))

    def _in_order_of_points(self, residuals: Array) -> list[float]:
        """Return the residuals of a fit, which is in order of 1/T, in the order of the points."""
        aligned = np.empty_like(residuals)
        aligned[np.argsort(1.0 / self.temperature_K, kind="stable")] = residuals
        found: list[float] = aligned.tolist()
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of one quantity of an `arrhenius` group."""
        residuals = {
            key: [] if regimes.fit is None else self._in_order_of_points(regimes.fit.residuals)
            for key, regimes in (("one-regime", self.one), ("two-regime", self.two))
        }
        return {
            "best": self.best,
            "note": self.note,
            "delta_aicc": self.delta_aicc,
            "choice": self.choice,
            "rests_on": list(self.influence.rests_on),
            "outliers": [item.to_json() for item in self.influence.outliers],
            "sign": self.sign,
            "one-regime": self.one.to_json(),
            "two-regime": self.two.to_json(),
            "points": {
                "run": list(self.names),
                "temperature_K": self.temperature_K.tolist(),
                "value": self.value.tolist(),
                "stderr": [None if math.isnan(item) else item for item in self.stderr.tolist()],
                "residuals": residuals,
            },
            "excluded": [
                {"run": item.name, "temperature_K": item.temperature_K, "reason": item.reason}
                for item in self.excluded
            ],
        }


def fit_arrhenius(
    points: Sequence[ThermalPoint],
    *,
    signed: bool = False,
    intervals: bool = True,
    single_points: bool = True,
) -> Arrhenius:
    """Fit one regime and two regimes to X(T) and choose between them.

    `signed` is for offsets: they enter with their majority sign. Points that cannot enter are
    excluded by name: missing, X ≤ 0 (or of the minority sign), X ≤ 3 stderr. A missing standard
    error counts as none of its own; the scatter of the points then carries the whole error.
    `intervals` adds the profile confidence intervals (`ci68`, `ci95`) of every parameter,
    `single_points` what leaving out each point in turn would change.
    Two regimes are preferred only with ΔAICc > 10; each keeps at least three points.
    """
    sign = majority_sign(points) if signed else 1
    kept, excluded = usable(points, sign, signed)
    kept.sort(key=lambda item: item[0])
    temperature = np.array([item[0] for item in kept])
    value = np.array([item[1] for item in kept])
    stderr = np.array([item[2] for item in kept])
    inverse = 1.0 / (K_B_meV_per_K * temperature)
    columns = inverse, np.log(value), np.nan_to_num(stderr, nan=0.0) / value
    names = tuple(item[3] for item in kept)
    # The first row keeps every point, the others leave out one each.
    rows = np.ones((1, len(kept)), dtype=bool)
    if single_points:
        rows = np.concatenate([rows, ~np.eye(len(kept), dtype=bool)])
    ones = fit_lines(*columns, rows)
    twos = fit_broken_lines(*columns, rows, SIDE_POINTS)
    is_broken = prefers_two(ones[0], twos[0])
    one = _one_regime(ones[0], sign, intervals)
    two = _two_regimes(twos[0], sign, intervals, len(kept))
    best, note = _choose(one, two, is_broken)
    without = list(zip(ones[1:], twos[1:], strict=True))
    return Arrhenius(
        best=best,
        one=one,
        two=two,
        delta_aicc=delta_aicc(one.fit, two.fit),
        sign=sign,
        names=names,
        temperature_K=temperature,
        value=sign * value,
        stderr=stderr,
        excluded=tuple(excluded),
        note=note,
        influence=(
            influence(columns, temperature, names, is_broken, without)
            if single_points
            else Influence()
        ),
    )


def _one_regime(fit: LineFit | None, sign: int, intervals: bool) -> Regimes:
    keys = ("e_a_meV", "x0")
    if fit is None:
        return _impossible(keys, "fewer than 3 usable points or a single temperature")
    ci = profile_intervals(fit, ("slope", "intercept")) if intervals else {}
    x0 = sign * _exp(fit.intercept)
    return Regimes(
        {
            "e_a_meV": _quantity(fit.slope, fit.error("slope"), ci.get("slope")),
            "x0": _quantity(
                x0, _scaled(fit.error("intercept"), abs(x0)), _of_x0(ci.get("intercept"), sign)
            ),
        },
        fit,
    )


def _two_regimes(fit: LineFit | None, sign: int, intervals: bool, points: int) -> Regimes:
    keys = ("e_a_low_meV", "e_a_high_meV", "t_cross_K", "x0_low", "x0_high")
    if fit is None:
        missing = "usable points" if points < 2 * SIDE_POINTS else "temperatures"
        return _impossible(keys, f"fewer than {SIDE_POINTS} {missing} on each side")
    names = ("slope", "slope_beyond", "knot", "intercept", "intercept_beyond")
    ci = profile_intervals(fit, names) if intervals else {}
    # The fit's abscissa is 1/(k_B T): its near side is the side of high temperatures.
    t_cross = 1.0 / (K_B_meV_per_K * fit.knot)
    t_ci = {
        key: [1.0 / (K_B_meV_per_K * item) if item else None for item in reversed(pair)]
        for key, pair in ci.get("knot", {}).items()
    }
    x0_high, x0_low = sign * _exp(fit.intercept), sign * _exp(fit.intercept_beyond)
    at_limit = "at the edge of what leaves three points on each side" if fit.at_limit else None
    return Regimes(
        {
            "e_a_low_meV": _quantity(
                fit.slope_beyond, fit.error("slope_beyond"), ci.get("slope_beyond")
            ),
            "e_a_high_meV": _quantity(fit.slope, fit.error("slope"), ci.get("slope")),
            "t_cross_K": _quantity(
                t_cross, _scaled(fit.error("knot"), t_cross / fit.knot), t_ci, at_limit
            ),
            "x0_low": _quantity(
                x0_low,
                _scaled(fit.error("intercept_beyond"), abs(x0_low)),
                _of_x0(ci.get("intercept_beyond"), sign),
            ),
            "x0_high": _quantity(
                x0_high,
                _scaled(fit.error("intercept"), abs(x0_high)),
                _of_x0(ci.get("intercept"), sign),
            ),
        },
        fit,
    )


def _of_x0(
    ci: Mapping[str, Sequence[float | None]] | None, sign: int
) -> dict[str, list[float | None]]:
    """Return the intervals of X0 = ±exp(intercept), ends in rising order."""
    return {
        key: [None if end is None else sign * _exp(end) for end in ends][::sign]
        for key, ends in (ci or {}).items()
    }


def _exp(exponent: float) -> float:
    """Return exp(x), infinite (null in the JSON) where a float cannot hold it."""
    with np.errstate(over="ignore"):
        return float(np.exp(exponent))


def _scaled(error: float | None, factor: float) -> float | None:
    return None if error is None else error * factor


def _quantity(
    value: float,
    stderr: float | None,
    ci: Mapping[str, Sequence[float | None]] | None = None,
    note: str | None = None,
) -> Quantity:
    if stderr is None:
        missing = "the standard error cannot be determined: the two slopes are too close"
        note = missing if note is None else f"{note}; {missing}"
    return Quantity(value, stderr, note, extra=dict(ci or {}))


def _impossible(keys: Sequence[str], reason: str) -> Regimes:
    return Regimes({key: Quantity(None, note=reason) for key in keys}, None)


def _choose(
    one: Regimes, two: Regimes, is_broken: bool
) -> tuple[Literal["one-regime", "two-regime"] | None, str | None]:
    """Return the preferred regime and a note."""
    if one.fit is None:
        return None, "no fit: " + (one.quantities["e_a_meV"].note or "")
    if two.fit is not None and delta_aicc(one.fit, two.fit) is None:
        return "one-regime", "too few points to prefer two regimes"
    return ("two-regime" if is_broken else "one-regime"), None
