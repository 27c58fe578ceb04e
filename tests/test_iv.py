"""The quantities of one I(V): right values, and reasons where there is none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.run import Run
from nanojunction.analysis.settings import IVSettings, SlopeConvention
from nanojunction.analysis.values import Curve, plain
from tests.iv_simulation import (
    KATCKO,
    Law,
    barrier,
    diode,
    junction_b,
    line,
    noisy_run,
    quantity,
    sweep,
    truth_of,
)


def test_b_at_40_k_is_measured_within_its_tolerances() -> None:
    """QUANTITIES: 84 mV, −13.8 µA, 25.9 kΩ, 450 nW, each within 2 or 3 %, stderr a half of it."""
    rng = np.random.default_rng(1)
    path = sweep([0.1 * t for t in KATCKO], 1e-3)
    result = analyse_iv(noisy_run(junction_b, path, rng, 0.5e-9))
    for key, value, tolerance in (
        ("v_off_V", 84e-3, 1e-3),
        ("i_off_A", -13.8e-6, 1e-3),
        ("r_s_ohm", 25.9e3, 2e-2),
        ("p_max_W", 450e-9, 1e-3),
    ):
        one = quantity(result, key)
        assert one.value == pytest.approx(value, rel=tolerance)
        assert one.stderr is not None
        assert one.stderr < 0.5 * tolerance * abs(value)


@pytest.mark.parametrize(
    ("convention", "value"), [("local_zero", 25.9e3), ("chord", 22.9e3), ("local_offset", 2.82e3)]
)
def test_every_slope_convention_is_stated_with_its_window(
    convention: SlopeConvention, value: float
) -> None:
    rng = np.random.default_rng(1)
    run = noisy_run(junction_b, sweep([0.0, 0.1, -0.1, 0.0], 1e-3), rng, 0.5e-9)
    chosen = quantity(analyse_iv(run, IVSettings(slope_convention=convention)), "r_s_ohm")
    assert chosen.value == pytest.approx(value, rel=0.01)
    assert chosen.extra["convention"] == convention
    assert chosen.extra["window_V"] > 0


def test_a_given_window_and_chord_are_used() -> None:
    rng = np.random.default_rng(1)
    run = noisy_run(junction_b, sweep([0.0, 0.1, -0.1, 0.0], 1e-3), rng, 0.5e-9)
    result = analyse_iv(run, IVSettings(window_V=0.01, chord_V=0.05))
    assert quantity(result, "r_s_ohm").extra["window_V"] <= 0.01 * 1.001
    assert quantity(result, "r_s_ohm").value == pytest.approx(25.9e3, rel=0.02)
    chord = quantity(result, "r_s_chord_ohm")
    expected = 0.1 / float(np.diff(junction_b(np.array([-0.05, 0.05])))[0])
    assert chord.extra["window_V"] == 0.05
    assert chord.value == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("wrong", [-1.0, 0.0, float("nan"), float("inf")])
def test_a_window_that_is_no_voltage_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="window_V"):
        IVSettings(window_V=wrong)


def test_a_chord_beyond_the_sweep_is_null() -> None:
    rng = np.random.default_rng(1)
    run = noisy_run(line, sweep([-0.01, 0.01], 5e-4), rng, 1e-9)
    chord = quantity(analyse_iv(run, IVSettings(chord_V=0.05)), "r_s_chord_ohm")
    assert chord.value is None
    assert chord.note is not None
    assert "0.05" in chord.note


def sweep_of(law: Law, turning: list[float], step: float, noise: float = 1e-9) -> Run:
    return noisy_run(law, sweep(turning, step), np.random.default_rng(7), noise)


def test_an_open_junction_has_neither_offset_nor_slope() -> None:
    result = analyse_iv(sweep_of(lambda v: v / 1e12, [0, 0.1, -0.1, 0], 2e-3, 1e-11))
    assert quantity(result, "v_off_V").value is None
    r_s = quantity(result, "r_s_ohm")
    assert r_s.value is None or abs(r_s.value) > 1e9
    assert quantity(result, "p_max_W").value == 0.0
    assert quantity(result, "p_max_W").note


def test_several_crossings_are_all_listed_and_the_nearest_counts() -> None:
    result = analyse_iv(
        sweep_of(lambda v: 1e-6 * np.sin(v / 0.01 + 0.5), [-0.05, 0.05, -0.05], 5e-4)
    )
    v_off = quantity(result, "v_off_V")
    assert v_off.value == pytest.approx(-0.005, abs=2e-5)
    expected = [0.01 * (k * np.pi - 0.5) for k in (-1, 0, 1)]
    assert v_off.extra["crossings_V"] == pytest.approx(expected, abs=1e-4)
    assert v_off.note is not None
    assert "3 times" in v_off.note


def test_power_that_rises_to_the_end_is_null() -> None:
    result = analyse_iv(sweep_of(lambda v: -1e-6 + 1e-6 * v, [0, 0.1, -0.1, 0], 1e-3))
    assert quantity(result, "v_off_V").value is None
    p_max = quantity(result, "p_max_W")
    assert p_max.value is None
    assert p_max.note is not None
    assert "end" in p_max.note
    assert quantity(result, "fill_factor").value is None


def test_an_interior_maximum_without_a_crossing_is_reported_with_a_note() -> None:
    def law(v: np.ndarray) -> np.ndarray:
        return -1e-6 * np.exp(-(((v - 0.04) / 0.02) ** 2)) - 1e-8

    result = analyse_iv(sweep_of(law, [-0.1, 0.1, -0.1], 1e-3))
    p_max = quantity(result, "p_max_W")
    grid = np.linspace(0.0, 0.1, 100001)
    assert quantity(result, "v_off_V").value is None
    assert p_max.value == pytest.approx(float(np.max(-grid * law(grid))), rel=0.01)
    assert p_max.note


def test_a_resistor_generates_nothing() -> None:
    result = analyse_iv(sweep_of(lambda v: v / 1e4, [0, 0.1, -0.1, 0], 2e-3))
    assert quantity(result, "p_max_W").value == 0.0
    assert quantity(result, "fill_factor").value is None
    assert quantity(result, "r_s_ohm").value == pytest.approx(1e4, rel=1e-3)


def test_zero_volt_outside_of_the_sweep_gives_no_current_offset() -> None:
    result = analyse_iv(sweep_of(line, [0.001, 0.01, 0.001], 2.5e-4))
    assert quantity(result, "i_off_A").value is None
    assert quantity(result, "v_off_V").value == pytest.approx(26e-6 * 157.0, rel=1e-3)


def test_rows_in_compliance_enter_no_fit() -> None:
    run = sweep_of(junction_b, [0, 0.1, -0.1, 0], 1e-3, 0.5e-9)
    limit = 5e-6
    limited = replace(
        run, current_A=np.minimum(run.current_A, limit), in_compliance=run.current_A > limit
    )
    result = analyse_iv(limited)
    number = int(np.count_nonzero(run.current_A > limit))
    assert any(
        f"{number} rows in compliance are left out" in warning for warning in result.warnings
    )
    assert quantity(result, "v_off_V").value == pytest.approx(0.084, rel=1e-3)
    assert quantity(result, "p_max_W").value == pytest.approx(450e-9, rel=1e-2)


def test_one_outlier_is_named_and_spoils_nothing() -> None:
    run = sweep_of(junction_b, [0, 0.1, -0.1, 0], 1e-3, 0.5e-9)
    current = run.current_A.copy()
    current[57] += 1e-7
    clean, spoilt = analyse_iv(run), analyse_iv(replace(run, current_A=current))
    assert any("outlier" in warning and "row 58" in warning for warning in spoilt.warnings)
    for key in ("r_s_ohm", "v_off_V", "p_max_W"):
        a, b = quantity(clean, key), quantity(spoilt, key)
        assert a.value is not None
        assert b.value is not None
        assert a.stderr is not None
        assert abs(a.value - b.value) < a.stderr


def test_a_step_is_no_outlier() -> None:
    run = sweep_of(line, [-0.01, 0.01], 2.5e-4)
    current = run.current_A + np.where(run.voltage_V > 0.003, 1e-6, 0.0)
    result = analyse_iv(replace(run, current_A=current))
    assert not any("outlier" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda run: replace(run, current_A=np.full(len(run), np.nan)), "no row has numbers"),
        (
            lambda run: replace(
                run, setpoint_V=np.zeros(len(run)), voltage_V=1e-7 * np.arange(len(run)) % 3e-7
            ),
            "not swept",
        ),
        (lambda run: replace(run, in_compliance=np.ones(len(run), dtype=bool)), "no row has"),
    ],
)
def test_what_is_no_sweep_is_null_with_the_reason(
    change: Callable[[Run], Run], reason: str
) -> None:
    result = analyse_iv(change(sweep_of(line, [-0.01, 0.01], 5e-4)))
    for key in ("i_off_A", "v_off_V", "r_s_ohm", "p_max_W", "v_at_p_max_V", "fill_factor"):
        one = quantity(result, key)
        assert one.value is None
        assert one.note is not None
        assert reason in one.note


def test_three_points_give_a_line() -> None:
    result = analyse_iv(sweep_of(line, [-0.01, 0.01], 0.01))
    assert quantity(result, "r_s_ohm").value == pytest.approx(157.0, rel=1e-3)
    assert quantity(result, "v_off_V").value == pytest.approx(4.08e-3, rel=1e-2)


def test_two_points_have_no_standard_error() -> None:
    result = analyse_iv(sweep_of(line, [-0.01, 0.01], 0.02))
    r_s = quantity(result, "r_s_ohm")
    assert r_s.value == pytest.approx(157.0, rel=1e-3)
    assert r_s.stderr is None
    assert r_s.note


def test_the_order_of_rows_does_not_matter_without_setpoints() -> None:
    run = sweep_of(line, [-0.01, 0.01], 2.5e-4)
    mixed = np.random.default_rng(3).permutation(len(run))
    shuffled = replace(
        run, setpoint_V=None, voltage_V=run.voltage_V[mixed], current_A=run.current_A[mixed]
    )
    assert quantity(analyse_iv(shuffled), "r_s_ohm").value == pytest.approx(157.0, rel=1e-3)


def test_many_repeats_shrink_the_error() -> None:
    few = analyse_iv(sweep_of(line, [-0.01, 0.01] * 2, 5e-4))
    many = analyse_iv(sweep_of(line, [-0.01, 0.01] * 60, 5e-4))
    a, b = quantity(few, "v_off_V").stderr, quantity(many, "v_off_V").stderr
    assert a is not None
    assert b is not None
    assert b < 0.4 * a


def test_hysteresis_is_forward_minus_return_with_the_noise_taken_off() -> None:
    rng = np.random.default_rng(5)
    path = sweep([-0.1, 0.1, -0.1, 0.1, -0.1], 1e-3)
    run = noisy_run(junction_b, path, rng, 0.5e-9, hysteresis_A=3e-9)
    curve = analyse_iv(run).quantities["hysteresis_A"]
    assert isinstance(curve, Curve)
    expected = 6e-9 * (1.0 - (curve.x / 0.1) ** 2)
    assert 0.8 < float(np.std((curve.y - expected) / curve.stderr)) < 1.2
    rms = curve.extra["rms"]
    assert abs(rms.value - np.sqrt(np.mean(expected**2))) < 4 * rms.stderr


def test_the_voltmeter_adds_nothing_to_the_hysteresis_of_a_steep_curve() -> None:
    """Both currents are taken at the setpoint: their noise is the current meter's, 0.5 nA."""
    path, rng = sweep([0.1, -0.1, 0.1], 2e-3), np.random.default_rng(4)
    curves = [
        analyse_iv(noisy_run(barrier, path, rng, 0.5e-9, hysteresis_A=2.5e-9)).quantities[
            "hysteresis_A"
        ]
        for _ in range(20)
    ]
    steep = [c.stderr[np.abs(c.x) > 0.08] for c in curves if isinstance(c, Curve)]
    stated = float(np.sqrt(np.mean(np.concatenate(steep) ** 2)))
    assert stated == pytest.approx(math.sqrt(2.0) * 0.5e-9, rel=0.5)


def test_a_sweep_over_one_sign_has_no_chord() -> None:
    """The sensed voltage at 0 V is a little negative in about half of the runs."""
    path = sweep([0.0, 0.1], 2e-3)
    for seed in range(6):
        result = analyse_iv(noisy_run(barrier, path, np.random.default_rng(seed), 0.5e-9))
        assert quantity(result, "r_s_chord_ohm").value is None


def test_no_hysteresis_is_not_taken_for_one() -> None:
    rng = np.random.default_rng(5)
    path = sweep([-0.1, 0.1, -0.1], 1e-3)
    values = []
    for _ in range(20):
        curve = analyse_iv(noisy_run(junction_b, path, rng, 0.5e-9)).quantities["hysteresis_A"]
        assert isinstance(curve, Curve)
        values.append(curve.extra["rms"].value)
    assert np.median(values) < 0.5 * 0.5e-9 * np.sqrt(2)


def test_power_is_positive_where_it_is_delivered() -> None:
    curve = analyse_iv(sweep_of(line, [-0.01, 0.01, -0.01], 5e-4)).quantities["p_v_W"]
    assert isinstance(curve, Curve)
    inside = (curve.x > 5e-4) & (curve.x < 3.5e-3)
    assert (curve.y[inside] > 0).all()
    assert (curve.y[curve.x < -5e-4] < 0).all()


def test_sensed_voltage_is_the_abscissa() -> None:
    """A source that is 1 % wrong does not change the junction."""
    run = sweep_of(junction_b, [0, 0.1, -0.1, 0], 1e-3, 0.5e-9)
    assert run.setpoint_V is not None
    result = analyse_iv(replace(run, setpoint_V=1.01 * run.setpoint_V + 2e-4))
    assert quantity(result, "v_off_V").value == pytest.approx(0.084, rel=2e-4)
    assert quantity(result, "r_s_ohm").value == pytest.approx(25.9e3, rel=1e-2)


@pytest.mark.parametrize("steps", [25, 40, 100])
def test_a_power_law_over_one_sign_of_the_voltage_is_found(steps: int) -> None:
    """There |V|² is no term of its own beside V²: only the exponent between 2 and 3 describes B."""
    run = sweep_of(junction_b, [0, 0.1, 0], 0.1 / steps, 1e-9)
    i_off = quantity(analyse_iv(run), "i_off_A")
    assert i_off.extra["model"].startswith("power law with exponent 2.5")
    assert i_off.value is not None and i_off.stderr is not None
    assert abs(i_off.value + 13.8e-6) < 4.0 * i_off.stderr


@pytest.mark.parametrize("law", [line, junction_b])
def test_calculated_curves_give_exact_values(law: Law) -> None:
    span = 0.01 if law is line else 0.1
    run = noisy_run(
        law, sweep([0, span, -span, 0], span / 50), np.random.default_rng(0), 0.0, voltage_noise_V=0
    )
    result = analyse_iv(run)
    for key, value in truth_of(law, span).items():
        assert quantity(result, key).value == pytest.approx(value, rel=2e-3)


def test_results_are_json_without_nan() -> None:
    for law in (line, junction_b, diode):
        quantities = analyse_iv(sweep_of(law, [0, 0.1, -0.1, 0], 2e-3)).quantities
        text = json.dumps({k: plain(v) for k, v in quantities.items()}, allow_nan=False)
        assert "v_off_V" in text
