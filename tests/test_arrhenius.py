"""Thermal activation: data of known truth, the choice of regimes, and honest errors."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.temperature.activation import (
    Arrhenius,
    K_B_meV_per_K,
    ThermalPoint,
    fit_arrhenius,
)
from nanojunction.analysis.temperature.piecewise import LineFit
from nanojunction.analysis.temperature.profile import profile_intervals
from nanojunction.analysis.values import Array

NINE = np.array([40.0, 60, 80, 100, 120, 160, 200, 280, 360])
FOURTEEN = np.array([40.0, 50, 60, 70, 80, 95, 110, 130, 150, 180, 220, 260, 300, 360])


def one_regime(T: Array, x_at_40K: float = 25.9e3, e_a: float = 12.43) -> Array:
    return np.asarray(x_at_40K * np.exp(e_a / K_B_meV_per_K * (1 / T - 1 / 40.0)))


def two_regimes(
    T: Array, x_at_40K: float, e_low: float, e_high: float, t_cross: float = 120.0
) -> Array:
    low = x_at_40K * np.exp(e_low / K_B_meV_per_K * (1 / np.minimum(T, t_cross) - 1 / 40.0))
    return np.asarray(
        low * np.exp(e_high / K_B_meV_per_K * (1 / np.maximum(T, t_cross) - 1 / t_cross))
    )


def measured(
    T: Array,
    X: Array,
    stated: float | None = None,
    *,
    signed: bool = False,
    ci: bool = False,
    single: bool = False,
) -> Arrhenius:
    """Fit points whose stated relative error is `stated`."""
    points = [
        ThermalPoint(f"{t:g}K.csv", t, x, None if stated is None else abs(stated * x))
        for t, x in zip(T.tolist(), X.tolist(), strict=True)
    ]
    return fit_arrhenius(points, signed=signed, intervals=ci, single_points=single)


def number(fit: Arrhenius, key: str) -> tuple[float, float]:
    quantity = {**fit.one.quantities, **fit.two.quantities}[key]
    assert quantity.value is not None
    assert quantity.stderr is not None
    return quantity.value, quantity.stderr


def test_one_regime_without_noise_is_found_exactly() -> None:
    fit = measured(NINE, one_regime(NINE), stated=0.01)
    assert fit.best == "one-regime"
    assert number(fit, "e_a_meV")[0] == pytest.approx(12.43, rel=1e-9)
    expected = 25.9e3 * np.exp(-12.43 / K_B_meV_per_K / 40)
    assert number(fit, "x0")[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("t_cross", [93.0, 120.0, 171.3])
def test_two_regimes_without_noise_are_found_exactly(t_cross: float) -> None:
    fit = measured(FOURTEEN, two_regimes(FOURTEEN, 84e-3, 6.3, 14.0, t_cross), stated=0.001)
    assert fit.best == "two-regime"
    assert number(fit, "e_a_low_meV")[0] == pytest.approx(6.3, rel=1e-6)
    assert number(fit, "e_a_high_meV")[0] == pytest.approx(14.0, rel=1e-6)
    assert number(fit, "t_cross_K")[0] == pytest.approx(t_cross, rel=1e-6)


def test_the_curve_drawn_is_the_curve_fitted() -> None:
    truth = -two_regimes(FOURTEEN, 13.8e-6, 6.3, 14.0)
    fit = measured(FOURTEEN, truth, stated=0.001, signed=True)
    assert fit.sign == -1
    np.testing.assert_allclose(fit.predict(FOURTEEN, "two"), truth, rtol=1e-9)


def test_agrees_with_the_independent_library() -> None:
    import piecewise_regression

    rng = np.random.default_rng(3)
    T = FOURTEEN
    X = two_regimes(T, 450e-9, 9.6, 16.6) * np.exp(0.01 * rng.standard_normal(len(T)))
    fit = measured(T, X)
    x = 1 / (K_B_meV_per_K * T)
    np.random.seed(0)  # the library's bootstrap restarts use numpy's global generator
    other = piecewise_regression.Fit(x.tolist(), np.log(X).tolist(), n_breakpoints=1)
    estimates = other.get_results()["estimates"]
    expected = {
        "e_a_high_meV": estimates["alpha1"]["estimate"],
        "e_a_low_meV": estimates["alpha2"]["estimate"],
        "t_cross_K": 1 / (K_B_meV_per_K * estimates["breakpoint1"]["estimate"]),
    }
    for key, value in expected.items():
        assert number(fit, key)[0] == pytest.approx(value, rel=1e-3)
    ours = number(fit, "e_a_low_meV")[1]
    assert ours == pytest.approx(estimates["alpha2"]["se"], rel=0.1)


@pytest.mark.parametrize(("T", "noise", "stated"), [(NINE, 0.02, 0.02), (FOURTEEN, 0.01, 1e-4)])
def test_two_regimes_are_not_claimed_on_one_regime(T: Array, noise: float, stated: float) -> None:
    rng = np.random.default_rng(11)
    repeats = 100
    claims = 0
    for _ in range(repeats):
        X = one_regime(T) * (1 + noise * rng.standard_normal(len(T)))
        claims += measured(T, X, stated).best == "two-regime"
    assert claims <= 0.02 * repeats


@pytest.mark.parametrize(
    ("T", "law", "noise", "stated"),
    [
        (NINE, (84e-3, 6.3, 14.0), 0.001, 0.001),
        (NINE, (450e-9, 9.6, 16.6), 0.01, 1e-5),
        (FOURTEEN, (450e-9, 9.6, 16.6), 0.02, 0.02),
        (FOURTEEN, (84e-3, 6.3, 14.0), 0.02, None),
    ],
)
def test_two_regimes_are_found_with_honest_errors(
    T: Array, law: tuple[float, float, float], noise: float, stated: float | None
) -> None:
    rng = np.random.default_rng(5)
    repeats = 120
    truth = two_regimes(T, *law)
    expected = {"e_a_low_meV": law[1], "e_a_high_meV": law[2], "t_cross_K": 120.0}
    fits = [
        measured(T, truth * (1 + noise * rng.standard_normal(len(T))), stated)
        for _ in range(repeats)
    ]
    assert sum(fit.best == "two-regime" for fit in fits) >= 0.95 * repeats
    for key, value in expected.items():
        found = np.array([number(fit, key) for fit in fits])
        covered = np.mean(np.abs(found[:, 0] - value) < found[:, 1])
        assert 0.55 <= covered <= 0.80, key
        assert np.median(found[:, 1]) <= 1.5 * np.std(found[:, 0]), key


def test_errors_stated_too_small_are_replaced_by_the_scatter() -> None:
    rng = np.random.default_rng(2)
    repeats, covered = 120, 0
    for _ in range(repeats):
        X = one_regime(NINE) * (1 + 0.01 * rng.standard_normal(len(NINE)))
        fit = measured(NINE, X, stated=1e-6)
        value, stderr = number(fit, "e_a_meV")
        covered += abs(value - 12.43) < stderr
        assert fit.one.fit is not None
        assert 0.002 < fit.one.fit.scatter < 0.03
    assert 0.55 <= covered / repeats <= 0.80


def test_errors_stated_right_are_not_doubled_by_the_scatter() -> None:
    fit = measured(NINE, one_regime(NINE), stated=0.01)
    assert fit.one.fit is not None
    assert fit.one.fit.scatter == 0.0


def test_points_are_excluded_by_name() -> None:
    points = [
        ThermalPoint(f"{t:g}K.csv", t, x, 0.01 * x)
        for t, x in zip(NINE.tolist(), one_regime(NINE).tolist(), strict=True)
    ]
    bad = [
        ThermalPoint("missing.csv", 50.0, None, None),
        ThermalPoint("noise.csv", 52.0, 3.0, 1.0),
        ThermalPoint("negative.csv", 54.0, -400.0, 1.0),
        ThermalPoint("cold.csv", None, 400.0, 1.0),
        ThermalPoint("broken.csv", 54.0, 400.0, float("nan")),
    ]
    fit = fit_arrhenius(points + bad, intervals=False, single_points=False)
    assert {item.name: item.reason for item in fit.excluded} == {
        "missing.csv": "the quantity is missing",
        "noise.csv": "zero within 3 standard errors",
        "negative.csv": "not above zero",
        "cold.csv": "no temperature above 0 K",
        "broken.csv": "the standard error is not a number",
    }
    assert number(fit, "e_a_meV")[0] == pytest.approx(12.43)


def test_an_offset_keeps_the_sign_of_most_points_and_names_the_others() -> None:
    X = -two_regimes(NINE, 13.8e-6, 6.3, 14.0)
    X[4] *= -1
    fit = measured(NINE, X, stated=0.01, signed=True)
    assert fit.sign == -1
    assert [(item.name, item.reason) for item in fit.excluded] == [
        ("120K.csv", "the sign of the minority")
    ]
    assert np.all(fit.value < 0)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_points_give_no_energy_but_a_reason(count: int) -> None:
    fit = measured(NINE[:count], one_regime(NINE[:count]), stated=0.01)
    assert fit.best is None
    assert fit.one.quantities["e_a_meV"].value is None
    assert "fewer than 3" in (fit.one.quantities["e_a_meV"].note or "")


def test_five_points_have_one_regime_only() -> None:
    fit = measured(NINE[:5], two_regimes(NINE[:5], 1.0, 3.0, 30.0, 70.0), stated=1e-6)
    assert fit.best == "one-regime"
    assert fit.two.quantities["t_cross_K"].value is None


def test_three_points_stay_on_each_side_of_the_crossover() -> None:
    X = two_regimes(NINE, 84e-3, 2.0, 30.0, 50.0)
    fit = measured(NINE, X, stated=0.001)
    assert number(fit, "t_cross_K")[0] >= 80.0 * (1 - 1e-9)
    assert "edge" in (fit.two.quantities["t_cross_K"].note or "")


def test_confidence_intervals_enclose_the_value_and_follow_the_error() -> None:
    rng = np.random.default_rng(8)
    X = two_regimes(FOURTEEN, 84e-3, 6.3, 14.0, 117.0)
    X = X * (1 + 0.005 * rng.standard_normal(len(X)))
    fit = measured(FOURTEEN, X, stated=0.005, ci=True)
    for quantity in (
        fit.one.quantities["e_a_meV"],
        *(fit.two.quantities[key] for key in ("e_a_low_meV", "e_a_high_meV", "t_cross_K")),
    ):
        low, high = quantity.extra["ci68"]
        far_low, far_high = quantity.extra["ci95"]
        assert far_low < low < quantity.value < high < far_high
        assert 0.5 < (high - low) / (2 * quantity.stderr) < 1.5


def test_the_document_is_json_and_names_both_regimes() -> None:
    document = measured(NINE, two_regimes(NINE, 84e-3, 6.3, 14.0), 0.001, ci=True).to_json()
    text = json.loads(json.dumps(document, allow_nan=False))
    assert text["best"] == "two-regime"
    assert set(text["one-regime"]["e_a_meV"]) >= {"value", "stderr"}
    assert {"e_a_low_meV", "e_a_high_meV", "t_cross_K"} <= set(text["two-regime"])
    assert len(text["points"]["residuals"]["two-regime"]) == len(NINE)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(0.1, 1000)),
            st.one_of(st.none(), st.floats(-1e6, 1e6)),
            st.one_of(st.none(), st.floats(0, 1e3)),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_every_point_is_either_fitted_or_named(
    rows: list[tuple[float | None, float | None, float | None]], signed: bool
) -> None:
    points = [ThermalPoint(str(index), *row) for index, row in enumerate(rows)]
    fit = fit_arrhenius(points, signed=signed, intervals=False, single_points=False)
    named = sorted([*fit.names, *(item.name for item in fit.excluded)])
    assert named == sorted(point.name for point in points)
    json.dumps(fit.to_json(), allow_nan=False)


# Stated errors of a real series: thirty times smaller when warm, one point known worse.
SERIES_K = np.array([40, 50, 60, 70, 80, 90, 105, 120, 140, 160, 180, 210, 240, 295, 360.0])
SERIES_STATED = np.array(
    [9.7e-4, 5e-4, 3e-4, 2e-4, 1.6e-4, 1.3e-4, 1e-4, 3.2e-5, 2.7e-5, 2.6e-5, 2.5e-4, 2e-5, 1.9e-5,
     1.8e-5, 1.7e-5]
)  # fmt: skip


def series_like_b(rng: np.random.Generator, scatter: float) -> list[ThermalPoint]:
    noise = np.hypot(SERIES_STATED, scatter) * rng.standard_normal(len(SERIES_K))
    values = 705.0 * np.exp(12.42 / (0.0861733 * SERIES_K)) * (1 + noise)
    rows = zip(SERIES_K, values, SERIES_STATED, strict=True)
    return [ThermalPoint(f"{t:g} K", t, x, x * stated) for t, x, stated in rows]


def test_errors_of_very_different_size_make_no_second_regime() -> None:
    rng = np.random.default_rng(31337)
    found = [
        fit_arrhenius(series_like_b(rng, scatter), intervals=False, single_points=False).best
        for scatter in (0.0, 3e-5) * 50
    ]
    assert found.count("two-regime") <= 2


def test_the_residuals_stand_in_the_order_of_the_points() -> None:
    points = series_like_b(np.random.default_rng(1), 0.0)
    outlier = replace(points[0], value=(points[0].value or 0.0) * 1.05)
    written = fit_arrhenius([outlier, *points[1:]], intervals=False, single_points=False).to_json()[
        "points"
    ]
    residuals = written["residuals"]["one-regime"]
    assert written["temperature_K"][0] == 40.0
    assert abs(residuals[0]) == max(map(abs, residuals))


# Intervals, single points, and what the rejected fit would have given


@pytest.mark.parametrize(
    ("T", "noise", "stated"), [(NINE, 0.01, 1e-5), (FOURTEEN, 0.02, None), (NINE, 0.01, 0.01)]
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    T: Array, noise: float, stated: float | None
) -> None:
    rng = np.random.default_rng(5)
    repeats = 150
    truth = two_regimes(T, 84e-3, 6.3, 14.0)
    expected = {"e_a_low_meV": 6.3, "e_a_high_meV": 14.0, "t_cross_K": 120.0}
    inside = {(key, level): 0 for key in expected for level in ("ci68", "ci95")}
    for _ in range(repeats):
        fit = measured(T, truth * (1 + noise * rng.standard_normal(len(T))), stated, ci=True)
        for key, level in inside:
            low, high = fit.two.quantities[key].extra[level]
            inside[key, level] += (low or -np.inf) < expected[key] < (high or np.inf)
    for (key, level), count in inside.items():
        least, most = (0.55, 0.82) if level == "ci68" else (0.90, 1.0)
        assert least <= count / repeats <= most, (key, level)


def least_chi2(fit: LineFit, name: str, value: float) -> float:
    """The smallest chi² with one parameter held, by trying knots: shares no code with the fit."""
    knots = [value] if name == "knot" else np.linspace(fit.x[0], fit.x[-1], 800)[1:-1]
    best = np.inf
    for knot in knots:
        columns = {
            "intercept": np.ones_like(fit.x),
            "slope": np.minimum(fit.x, knot),
            "slope_beyond": np.maximum(fit.x - knot, 0.0),
        }
        target = fit.y.copy()
        if name == "intercept_beyond":
            # far line a + s·x: the near one is a + s·k − slope·(k − x) for x < k
            columns = {
                "slope": np.minimum(fit.x - knot, 0.0),
                "slope_beyond": np.maximum(fit.x, knot),
            }
            target -= value
        elif name != "knot":
            target -= value * columns.pop(name)
        design = np.column_stack(list(columns.values())) / fit.sigma[:, None]
        found = np.linalg.lstsq(design, target / fit.sigma, rcond=None)[0]
        best = min(best, float(np.sum((target / fit.sigma - design @ found) ** 2)))
    return best


@pytest.mark.parametrize("name", ["intercept", "slope", "slope_beyond", "knot", "intercept_beyond"])
def test_an_interval_ends_where_chi2_has_risen_as_much_as_it_should(name: str) -> None:
    from scipy import stats

    rng = np.random.default_rng(3)
    X = two_regimes(FOURTEEN, 450e-9, 9.6, 16.6) * np.exp(0.02 * rng.standard_normal(14))
    fit = measured(FOURTEEN, X).two.fit
    assert fit is not None
    least = float(np.sum((fit.residuals / fit.sigma) ** 2))
    free = len(fit.x) - 4
    found = profile_intervals(fit, (name,))[name]
    for level, probability in (("ci68", 0.682689), ("ci95", 0.9545)):
        for end in found[level]:
            assert end is not None
            rise = (least_chi2(fit, name, end) / least - 1.0) * free
            assert float(stats.f.cdf(rise, 1, free)) == pytest.approx(probability, abs=0.01)


def chi2_share(best: Any, held: Any, *_: Any, **__: Any) -> float:
    """The share inside, with stated errors; lmfit's own is F's, for errors from the residuals."""
    from scipy import stats

    return float(stats.chi2.cdf(max(held.chisqr - best.chisqr, 0.0), 1))


@pytest.mark.parametrize("stated", [0.005, None])
def test_lmfit_finds_the_same_minimum_and_the_same_intervals(stated: float | None) -> None:
    import lmfit

    rng = np.random.default_rng(4)
    X = two_regimes(FOURTEEN, 84e-3, 6.3, 14.0, 117.0) * (1 + 0.005 * rng.standard_normal(14))
    fits = measured(FOURTEEN, X, stated)
    for regimes, names in (
        (fits.one, ["slope", "intercept"]),
        (fits.two, ["slope", "slope_beyond", "knot", "intercept"]),
    ):
        fit = regimes.fit
        assert fit is not None
        minimizer, best = regimes.as_lmfit()
        assert best.redchi == pytest.approx(fit.chi2_reduced, rel=1e-6)

        table = lmfit.conf_interval(
            minimizer,
            best,
            p_names=names,
            sigmas=[0.682689, 0.9545],
            prob_func=chi2_share if fit.scatter == 0.0 else None,
        )
        ours = profile_intervals(fit, names)
        for name in names:
            far, near, _, up, top = [end for _, end in table[name]]
            assert ours[name]["ci68"] == pytest.approx([near, up], abs=0.01 * (up - near))
            assert ours[name]["ci95"] == pytest.approx([far, top], abs=0.01 * (top - far))


def test_an_end_that_the_data_do_not_reach_is_null() -> None:
    rng = np.random.default_rng(1)
    fit = measured(NINE, one_regime(NINE) * (1 + 0.01 * rng.standard_normal(9)), 0.01, ci=True)
    T_cross = fit.two.quantities["t_cross_K"].extra["ci95"]
    assert T_cross == [None, None]


def test_every_parameter_of_both_fits_has_its_intervals() -> None:
    rng = np.random.default_rng(8)
    X = -two_regimes(FOURTEEN, 84e-3, 6.3, 14.0) * (1 + 0.005 * rng.standard_normal(14))
    fit = measured(FOURTEEN, X, stated=0.005, signed=True, ci=True)
    for regimes in (fit.one, fit.two):
        for key, item in regimes.quantities.items():
            low, high = item.extra["ci68"]
            assert low < item.value < high, key


def test_the_choice_says_what_the_rejected_fit_would_have_given() -> None:
    two = measured(NINE, two_regimes(NINE, 84e-3, 6.3, 14.0), 0.001, ci=True)
    assert two.choice.startswith("two regimes: a second one lowers AICc by")
    assert "one regime would give E_a = " in two.choice and "meV" in two.choice
    rng = np.random.default_rng(2)
    one = measured(NINE, one_regime(NINE) * (1 + 0.01 * rng.standard_normal(9)), 0.01, ci=True)
    assert one.choice.startswith("one regime: a second one raises AICc by")
    assert "two regimes would give E_a, low T = " in one.choice
    assert one.to_json()["choice"] == one.choice


def test_one_outlier_is_named_fitted_and_makes_no_second_regime() -> None:
    rng = np.random.default_rng(5)
    for at in (0, 4, 8):
        named, claims = 0, 0
        for _ in range(10):
            X = one_regime(NINE) * (1 + 0.01 * rng.standard_normal(9))
            X[at] *= 1.25
            fit = measured(NINE, X, 0.01, single=True)
            named += [item.name for item in fit.influence.outliers] == [fit.names[at]]
            claims += fit.best == "two-regime"
            assert len(fit.names) == 9
        assert named >= 9
        assert claims <= 1


def test_points_without_outliers_are_rarely_called_one() -> None:
    rng = np.random.default_rng(6)
    called = 0
    for _ in range(30):
        X = one_regime(NINE) * (1 + 0.02 * rng.standard_normal(9))
        called += len(measured(NINE, X, 0.02, single=True).influence.outliers)
    assert called <= 1


def test_a_choice_that_rests_on_single_points_names_them() -> None:
    few = measured(NINE, two_regimes(NINE, 84e-3, 6.3, 14.0, 80.0), 0.003, single=True)
    assert few.best == "two-regime"
    assert few.influence.rests_on == ("40K.csv", "60K.csv", "80K.csv")
    enough = measured(NINE, two_regimes(NINE, 84e-3, 6.3, 14.0, 100.0), 0.003, single=True)
    assert enough.influence.rests_on == ()


def test_repeated_temperatures_are_points_of_their_own() -> None:
    rng = np.random.default_rng(9)
    T = np.repeat(NINE, 3)
    X = two_regimes(T, 84e-3, 6.3, 14.0) * (1 + 0.005 * rng.standard_normal(len(T)))
    points = [
        ThermalPoint(f"{k}.csv", t, x, None) for k, (t, x) in enumerate(zip(T, X, strict=True))
    ]
    fit = fit_arrhenius(points)
    assert fit.best == "two-regime"
    for key, truth in (("e_a_low_meV", 6.3), ("e_a_high_meV", 14.0), ("t_cross_K", 120.0)):
        value, stderr = number(fit, key)
        assert abs(value - truth) < 4 * stderr
    once = measured(NINE, two_regimes(NINE, 84e-3, 6.3, 14.0), 0.005)
    assert number(fit, "e_a_low_meV")[1] < 1.2 * number(once, "e_a_low_meV")[1]


@pytest.mark.parametrize("count", [3, 4])
def test_three_or_four_points_give_one_energy_with_an_honest_error(count: int) -> None:
    rng = np.random.default_rng(10)
    T = np.array([40.0, 80.0, 160.0, 300.0])[:count]
    covered = 0
    for _ in range(120):
        fit = measured(T, one_regime(T) * (1 + 0.02 * rng.standard_normal(count)))
        assert fit.best == "one-regime"
        value, stderr = number(fit, "e_a_meV")
        covered += abs(value - 12.43) < stderr
    assert 0.55 <= covered / 120 <= 0.80


def test_a_single_temperature_many_times_gives_no_energy() -> None:
    points = [ThermalPoint(f"{k}.csv", 40.0, 100.0 + k, 1.0) for k in range(8)]
    fit = fit_arrhenius(points)
    assert fit.best is None
    assert "single temperature" in (fit.one.quantities["e_a_meV"].note or "")
