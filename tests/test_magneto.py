"""Field and states: R_s(H), MR, MC, TMR and polarisation on loops and I(V) of known truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.calibration import LinePoint, MeasuringLine
from nanojunction.analysis.devices.groups import Group
from nanojunction.analysis.field.current_ratios import (
    CurrentPair,
    current_pair,
    julliere,
    ratio_curve,
    ratio_peak,
    sign_reversals,
)
from nanojunction.analysis.field.field_resistance import (
    loops_by_voltage,
    resistance_curves,
    resistance_level,
    widest_pair,
)
from nanojunction.analysis.field.levels import level_at
from nanojunction.analysis.field.loops import FieldLeg, field_legs, find_plateaus, find_switches
from nanojunction.analysis.field.magneto import analyse_magneto
from nanojunction.analysis.field.states import FieldReference, choose_states
from nanojunction.analysis.ih import analyse_ih
from nanojunction.analysis.iv.peaks import fit_peak
from nanojunction.analysis.report.groups import group_table
from nanojunction.analysis.results import build_results
from nanojunction.analysis.run import Conditions, Run, State
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Array, Curve, Quantity

SIGMA_V = 0.4e-6


def iv_run(  # the sweep of Katcko Fig. 2: two times up and down
    law: str,
    rng: np.random.Generator,
    *,
    vmax: float = 10e-3,
    step: float = 100e-6,
    sigma_A: float = 20e-12,
    field_T: float = 0.0,
    state: State | None = None,
    name: str = "",
) -> Run:
    quarter = np.arange(0, vmax + step / 2, step)
    down = np.arange(vmax, -vmax - step / 2, -step)
    legs = [quarter, down, down[::-1], down, -quarter[::-1]]
    setpoint = np.concatenate(legs)
    count = len(setpoint)
    return Run(
        file=Path(name or f"{law}.csv"),
        device=law.partition("-")[0],
        kind="iv",
        time_s=0.1 * np.arange(count),
        leg=np.repeat(np.arange(len(legs)), [len(leg) for leg in legs]),
        setpoint_V=setpoint,
        setpoint_A=None,
        voltage_V=setpoint + SIGMA_V * rng.standard_normal(count),
        current_A=LAWS[law](setpoint) + sigma_A * rng.standard_normal(count),
        field_T=np.full(count, field_T),
        temperature_K=np.full(count, 295.0),
        in_compliance=np.zeros(count, dtype=bool),
        conditions=Conditions(295.0, field_T, None, None, state),
    )


def bump(V: Array) -> Array:
    return np.asarray(np.exp(-0.5 * ((V + 3.5e-3) / 0.95e-3) ** 2))


LAWS = {
    "MTJ-P": lambda V: (V - 5.9e-3) / 57.7e3 - 71e-9 * bump(V),
    "MTJ-AP": lambda V: (V - 4.4e-3) / 43e3 + 125e-9 * bump(V),
    "C-zero": lambda V: (V - 2.76e-3) / 63.0,
    "C-P": lambda V: (V - 2.13e-3) / 550.0,
}


def c_current(V: float, field: Array, rising: bool) -> Array:
    """C's law: two lines mixed by a hysteretic smooth step of |H|, saturated at 0.5 T."""
    outward = (field > 0) == rising
    u = np.clip((np.abs(field) + np.where(outward, -0.06, 0.06) - 0.06) / 0.38, 0, 1)
    u = np.where(np.abs(field) >= 0.5, 1.0, u)
    p = u * u * (3 - 2 * u)
    return np.asarray((1 - p) * LAWS["C-zero"](V) + p * LAWS["C-P"](V))


def mtj_current(V: float, field: Array, rising: bool) -> Array:
    """A pinned junction: AP from +80 to +1200 Oe going up, from +600 to −40 Oe going down."""
    low, high = (8e-3, 0.12) if rising else (-4e-3, 0.06)
    antiparallel = (field > low) & (field < high)
    return np.where(antiparallel, LAWS["MTJ-AP"](np.array(V)), LAWS["MTJ-P"](np.array(V)))


def ih_run(
    law: Literal["C", "MTJ"],
    V: float,
    rng: np.random.Generator,
    *,
    hmax: float = 0.7,
    rows: int = 281,
    sigma_A: float = 1e-9,
) -> Run:
    up = np.linspace(-hmax, hmax, rows)
    current_of = c_current if law == "C" else mtj_current
    current = np.concatenate([current_of(V, up, True), current_of(V, up[::-1], False)])
    count = 2 * rows
    return Run(
        file=Path(f"{law}-{V * 1e3:g}mV.csv"),
        device=law,
        kind="ih",
        time_s=1.0 * np.arange(count),
        leg=np.repeat([0, 1], rows),
        setpoint_V=None,
        setpoint_A=None,
        voltage_V=V + SIGMA_V * rng.standard_normal(count),
        current_A=current + sigma_A * rng.standard_normal(count),
        field_T=np.concatenate([up, up[::-1]]),
        temperature_K=np.full(count, 40.0),
        in_compliance=np.zeros(count, dtype=bool),
        conditions=Conditions(40.0, None, V),
    )


def result(run: Run, **quantities: Quantity) -> RunResult:
    return RunResult(run, quantities, ())


def loops_of_c(rng: np.random.Generator) -> list[RunResult]:
    return [result(ih_run("C", V, rng)) for V in (2.13e-3, 2.67e-3, 2.76e-3)]


def legs_of(runs: list[Run]) -> list[FieldLeg]:
    return [leg for run in runs for leg in field_legs(run)]


def value(item: Quantity) -> float:
    assert item.value is not None, item.note
    return item.value


def error(item: Quantity) -> float:
    assert item.stderr is not None, item.note
    return item.stderr


# --- I(H) of one run ------------------------------------------------------------------------


def test_a_loop_of_the_tunnel_junction_shows_its_switching_fields_and_states() -> None:
    run = ih_run("MTJ", 5e-3, np.random.default_rng(1), hmax=0.2, rows=401, sigma_A=2e-11)
    found = analyse_ih(run).quantities
    fields = [(s.direction, value(s.field_T)) for s in found["switching_fields"]]
    assert [direction for direction, _ in fields] == ["up", "up", "down", "down"]
    np.testing.assert_allclose([h for _, h in fields], [8e-3, 0.12, 0.06, -4e-3], atol=1e-3)
    states = [(p.direction, p.state) for p in found["plateaus"]]
    assert states == [(d, s) for d in ("up", "down") for s in ("P", "AP", "P")]


def test_a_switching_field_is_known_to_about_a_step_of_the_field() -> None:
    run = ih_run("MTJ", 5e-3, np.random.default_rng(1), hmax=0.2, rows=401, sigma_A=2e-11)
    for switch in analyse_ih(run).quantities["switching_fields"]:
        assert error(switch.field_T) == pytest.approx(1e-3 / np.sqrt(12))


def test_a_gradual_transition_has_plateaus_only_where_the_current_stands() -> None:
    run = ih_run("C", 2.13e-3, np.random.default_rng(2))
    up = [p for p in analyse_ih(run).quantities["plateaus"] if p.direction == "up"]
    assert [p.state for p in up] == ["P", "AP", "P"]
    assert up[0].to_T == pytest.approx(-0.38, abs=0.06)
    assert value(up[1].current_A) == pytest.approx(LAWS["C-zero"](2.13e-3), rel=0.03)


def test_pure_noise_has_one_plateau_and_no_switch() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        run = ih_run("MTJ", 5e-3, rng, hmax=0.2, sigma_A=1e-6)
        assert analyse_ih(run).quantities["switching_fields"] == []


def test_a_remanent_state_is_no_value_at_zero_field() -> None:
    run = ih_run("MTJ", 5e-3, np.random.default_rng(1), hmax=0.2, rows=401, sigma_A=2e-11)
    zero = analyse_ih(run).quantities["i_zero_field_A"]
    assert zero.value is None
    assert "depends on the direction" in zero.note


def test_rows_in_compliance_are_left_out_and_counted() -> None:
    run = ih_run("C", 2.13e-3, np.random.default_rng(2))
    run.in_compliance[40:60] = True
    run.current_A[40:60] = 1e-3
    found = analyse_ih(run)
    assert any("20 rows are in compliance" in text for text in found.warnings)
    assert max(abs(value(p.current_A)) for p in found.quantities["plateaus"]) < 2e-5


def test_a_run_without_a_field_says_so() -> None:
    run = iv_run("C-P", np.random.default_rng(0))
    found = analyse_ih(replace(run, kind="ih", field_T=None))
    assert found.quantities["i_zero_field_A"].value is None
    assert "needs a field column" in found.warnings[0]


def test_the_current_at_a_field_is_honest_beside_a_transition() -> None:
    rng = np.random.default_rng(7)
    truth = LAWS["C-zero"](2.13e-3)
    found = []
    for _ in range(200):
        leg = field_legs(ih_run("C", 2.13e-3, rng))[0]
        level = level_at(leg, 0.0)
        assert level is not None
        found.append((value(level.current_A), error(level.current_A)))
    values, errors = np.array(found).T
    assert 0.55 <= np.mean(np.abs(values - truth) < errors) <= 0.80
    assert np.median(errors) <= 1.5 * np.std(values)
    assert np.median(errors) < 0.5e-9  # a plateau averages the noise of a reading, 1 nA


# --- C: R_s(H), MR, MC, polarisation --------------------------------------------------------


def test_resistances_follow_from_two_loops_with_honest_errors() -> None:
    rng = np.random.default_rng(4)
    found = {0.0: [], -0.7: []}
    for _ in range(60):
        runs = [ih_run("C", V, rng) for V in (2.13e-3, 2.76e-3)]
        pair = widest_pair(loops_by_voltage(legs_of(runs)))
        for field, rows in found.items():
            level = resistance_level(pair, field)
            rows.append((value(level), error(level)))
    for field, truth in ((0.0, 63.0), (-0.7, 550.0)):
        values, errors = np.array(found[field]).T
        assert np.mean(values) == pytest.approx(truth, rel=2e-3)
        assert 0.5 <= np.mean(np.abs(values - truth) < errors) <= 0.9
        assert np.median(errors) <= 1.6 * np.std(values)


def test_r_s_of_field_is_a_curve_for_each_direction() -> None:
    rng = np.random.default_rng(4)
    runs = [ih_run("C", V, rng) for V in (2.13e-3, 2.76e-3)]
    curves = resistance_curves(widest_pair(loops_by_voltage(legs_of(runs))))
    assert [curve.extra["direction"] for curve in curves] == ["up", "down"]
    up, down = curves
    for curve in curves:
        saturated = np.abs(curve.x) >= 0.52
        np.testing.assert_allclose(np.nanmean(curve.y[saturated]), 550, rtol=0.01)
    at = np.argmin(np.abs(up.x - 0.25))
    assert up.y[at] < down.y[np.argmin(np.abs(down.x - 0.25))]  # hysteresis


def test_the_published_ratios_of_c() -> None:
    rng = np.random.default_rng(5)
    found, warnings = analyse_magneto([], loops_of_c(rng))
    assert warnings == ()
    assert value(found["mr"]) == pytest.approx(63 / 550 - 1, abs=2e-3)
    assert value(found["mr_optimistic"]) == pytest.approx(550 / 63 - 1, rel=0.02)
    polarisation = found["spin_polarisation"]
    assert value(polarisation) == pytest.approx(0.8913, abs=2e-3)
    assert polarisation.extra["product_sign"] == -1
    assert polarisation.extra["ratio"] == "mr_optimistic"
    mc = found["mc"]
    assert mc.y[0] == pytest.approx(-1.0, abs=0.01)
    assert mc.y[1] == pytest.approx(-1.69, abs=0.02)


def test_a_current_beside_its_zero_is_masked_within_the_line_offset() -> None:
    rng = np.random.default_rng(5)
    offsets = (Quantity(20e-6, 1e-6), Quantity(0.1e-6, 1e-9))
    line = MeasuringLine((LinePoint("resistor-100", 100.0, *offsets),))
    run = result(ih_run("C", 2.765e-3, rng))  # 79 nA of the zero-field state: not noise
    without, _ = analyse_magneto([], [*loops_of_c(rng)[:1], run])
    with_line, _ = analyse_magneto([], [*loops_of_c(rng)[:1], run], line)
    assert np.isfinite(without["mc"].y[1])
    assert np.isnan(with_line["mc"].y[1])
    assert "the line's" in with_line["mc"].note


def test_i_v_in_two_states_give_the_same_ratios() -> None:
    rng = np.random.default_rng(6)
    zero = iv_run("C-zero", rng, sigma_A=2e-9, field_T=0.0)
    high = iv_run("C-P", rng, sigma_A=2e-9, field_T=-0.5)
    found, _ = analyse_magneto(
        [result(zero, r_s_ohm=Quantity(63.1, 0.1)), result(high, r_s_ohm=Quantity(551.0, 1.0))],
        [],
    )
    assert value(found["mr"]) == pytest.approx(63.1 / 551 - 1)
    assert error(found["mr"]) == pytest.approx(63.1 / 551 * np.hypot(0.1 / 63.1, 1 / 551), rel=1e-6)
    mc = found["mc"]
    truth = LAWS["C-P"](mc.x) / LAWS["C-zero"](mc.x) - 1
    known = np.isfinite(mc.y)
    assert np.mean(np.abs(mc.y - truth)[known] < mc.stderr[known]) > 0.55
    (window,) = found["sign_reversals"]
    assert value(window["from_V"]) == pytest.approx(2.13e-3, abs=2e-6)
    assert value(window["to_V"]) == pytest.approx(2.76e-3, abs=2e-6)


# --- MTJ: TMR(V) and its peak ---------------------------------------------------------------


def mtj_pair(rng: np.random.Generator, **settings: float) -> CurrentPair:
    return current_pair([iv_run("MTJ-P", rng, **settings)], [iv_run("MTJ-AP", rng, **settings)])


def true_peak() -> tuple[float, float, float]:
    V = np.linspace(-6e-3, -1e-3, 100001)
    tmr = LAWS["MTJ-P"](V) / LAWS["MTJ-AP"](V) - 1
    top = int(np.argmax(tmr))
    half = V[tmr > 0.5 * tmr[top]]
    return float(V[top]), float(tmr[top]), float(half[-1] - half[0])


def test_currents_of_a_state_are_honest_at_every_voltage() -> None:
    rng = np.random.default_rng(9)
    hits = []
    for _ in range(20):
        pair = mtj_pair(rng)
        truth = LAWS["MTJ-P"](pair.voltage_V)
        hits.append(np.abs(pair.parallel_A - truth) < pair.parallel_err_A)
    assert 0.60 <= np.mean(hits) <= 0.75


def test_the_tmr_peak_is_found_with_honest_errors() -> None:
    rng = np.random.default_rng(10)
    found = []
    for _ in range(40):
        pair = mtj_pair(rng)
        peak = ratio_peak(pair, ratio_curve(pair))
        found.append([(value(peak[k]), error(peak[k])) for k in ("position_V", "height", "fwhm_V")])
    for column, truth in zip(np.array(found).transpose(1, 2, 0), true_peak(), strict=True):
        values, errors = column
        assert np.mean(values) == pytest.approx(truth, rel=1e-3)
        assert 0.55 <= np.mean(np.abs(values - truth) < errors) <= 0.90
        assert np.median(errors) <= 1.6 * np.std(values)


def test_the_divergence_beside_a_zero_of_the_denominator_is_no_peak() -> None:
    pair = mtj_pair(np.random.default_rng(11))
    curve = ratio_curve(pair)
    beside = np.abs(curve.x - 4.4e-3) < 0.15e-3
    assert np.nanmax(np.abs(curve.y[beside])) > 5  # it is higher than the peak
    assert value(ratio_peak(pair, curve)["position_V"]) == pytest.approx(-3.38e-3, abs=5e-5)
    linear = current_pair(
        [iv_run("C-P", np.random.default_rng(1))], [iv_run("C-zero", np.random.default_rng(2))]
    )
    none = ratio_peak(linear, ratio_curve(linear))
    assert none["height"].value is None
    assert "no maximum" in (none["height"].note or "")


def test_a_coarse_sweep_states_a_wider_error() -> None:
    pair = mtj_pair(np.random.default_rng(12), step=500e-6)
    peak = ratio_peak(pair, ratio_curve(pair))
    assert abs(value(peak["height"]) - true_peak()[1]) < 3 * error(peak["height"])
    assert error(peak["height"]) > 5e-3


def test_ratios_are_masked_where_the_denominator_is_zero_within_three_errors() -> None:
    pair = CurrentPair(
        np.array([1.0, 2.0, 3.0]),
        np.array([1.0, 1.0, 1.0]),
        np.full(3, 0.1),
        np.array([0.29, 0.31, -1.0]),
        np.full(3, 0.1),
    )
    curve = ratio_curve(pair)
    assert np.isnan(curve.y).tolist() == [True, False, False]
    assert np.isnan(curve.stderr).tolist() == [True, False, False]
    assert "1 of 3 points are masked" in (curve.note or "")


def test_two_sweeps_of_different_steps_share_a_state() -> None:
    rng = np.random.default_rng(13)
    coarse = {"vmax": 10e-3, "step": 500e-6}
    fine = {"vmax": 3e-3, "step": 100e-6}
    pair = current_pair(
        [iv_run("MTJ-P", rng, **coarse), iv_run("MTJ-P", rng, **fine)],
        [iv_run("MTJ-AP", rng, **coarse), iv_run("MTJ-AP", rng, **fine)],
    )
    assert pair.voltage_V[0] == pytest.approx(-10e-3, abs=2e-6)
    inside = np.abs(pair.voltage_V) < 2.9e-3
    assert np.median(np.diff(pair.voltage_V[inside])) == pytest.approx(100e-6, rel=0.05)
    truth = LAWS["MTJ-P"](pair.voltage_V)
    assert np.all(np.abs(pair.parallel_A - truth) < 8 * pair.parallel_err_A)


def test_a_leg_that_was_read_too_seldom_to_stand_in_ap_has_no_say() -> None:
    """Going up, the field passes the short stretch of AP between two readings."""
    rng = np.random.default_rng(1)
    loops = []
    for voltage in (5e-3, 10e-3):
        run = ih_run("MTJ", voltage, rng, hmax=0.2, rows=201, sigma_A=1e-12)
        rising = run.leg == 0
        kept = ~(rising & (run.field_T > 8e-3) & (run.field_T < 0.12))
        columns = ("time_s", "leg", "voltage_V", "current_A", "field_T", "in_compliance")
        seldom = replace(run, temperature_K=None, **{c: getattr(run, c)[kept] for c in columns})
        loops.append(analyse_ih(seldom))
    found, _ = analyse_magneto([], loops)
    tmr = found["tmr_from_loops"]
    parallel, other = (LAWS[name](np.array([5e-3]))[0] for name in ("MTJ-P", "MTJ-AP"))
    assert tmr.y[0] == pytest.approx(parallel / other - 1.0, rel=0.02)


def test_a_pinned_loop_gives_tmr_between_its_plateaus() -> None:
    rng = np.random.default_rng(14)
    runs = [result(ih_run("MTJ", V, rng, hmax=0.2, rows=401, sigma_A=2e-11)) for V in (5e-3, 10e-3)]
    found, _ = analyse_magneto([], runs)
    V = np.array([5e-3, 10e-3])
    truth = LAWS["MTJ-P"](V) / LAWS["MTJ-AP"](V) - 1
    np.testing.assert_allclose(found["tmr"].y, truth, rtol=0.01)
    assert np.all(np.isnan(found["mc"].y))  # at 0 T the state depends on the direction


def test_the_side_from_which_a_field_is_approached_may_be_given() -> None:
    rng = np.random.default_rng(15)
    runs = [result(ih_run("MTJ", V, rng, hmax=0.2, rows=401, sigma_A=2e-11)) for V in (5e-3, 10e-3)]
    reference = FieldReference(parallel_field_T=-0.2, approach="down")
    found, _ = analyse_magneto([], runs, reference=reference)
    V = np.array([5e-3, 10e-3])  # going down, 0 T is still antiparallel
    truth = LAWS["MTJ-P"](V) / LAWS["MTJ-AP"](V) - 1
    np.testing.assert_allclose(found["mc"].y, truth, rtol=0.01)
    assert value(found["mr"]) == pytest.approx(43 / 57.7 - 1, abs=2e-3)


def test_a_loop_that_cannot_be_used_does_not_stop_the_others() -> None:
    rng = np.random.default_rng(5)
    loops = loops_of_c(rng)
    bad = replace(loops[0].run, field_T=None, file=Path("bad.csv"))
    found, warnings = analyse_magneto([], [*loops, result(bad)])
    assert value(found["mr"]) == pytest.approx(63 / 550 - 1, abs=2e-3)
    assert warnings == ("bad.csv: an I(H) run needs a field column",)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=40),
    st.floats(0, 10),
)
def test_any_curve_has_a_peak_or_none(y: list[float], error: float) -> None:
    x = np.arange(float(len(y)))
    found = fit_peak(x, np.array(y), np.full(len(y), error))
    if found is not None:
        assert x[0] <= value(found.position) <= x[-1]
        assert value(found.height) > 0


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000))
def test_a_random_loop_never_breaks_the_analysis(seed: int) -> None:
    rng = np.random.default_rng(seed)
    run = ih_run("C", 2.13e-3, rng, rows=int(rng.integers(2, 40)))
    walk = np.cumsum(rng.standard_normal(len(run))) * 10.0 ** rng.integers(-12, -3)
    steps = np.where(rng.random(len(run)) < 0.1, 1e-6, 0.0)
    found = analyse_ih(replace(run, current_A=rng.choice([walk, steps, 0 * walk])))
    build_results([found])


# --- windows of opposite signs ---------------------------------------------------------------


def two_lines(
    rng: np.random.Generator, laws: tuple[str, str], sigma_A: float, **sweep: float
) -> CurrentPair:
    first, second = (iv_run(law, rng, sigma_A=sigma_A, **sweep) for law in laws)
    return current_pair([first], [second])


@pytest.mark.parametrize(("sigma_A", "step"), [(2e-9, 100e-6), (0.3e-6, 50e-6), (0.1e-6, 250e-6)])
def test_the_edges_of_a_window_are_zeros_with_honest_errors(sigma_A: float, step: float) -> None:
    rng = np.random.default_rng(21)
    found = {"from_V": [], "to_V": []}
    for _ in range(100):
        pair = two_lines(rng, ("C-P", "C-zero"), sigma_A, step=step)
        for window in sign_reversals(pair):
            for end, rows in found.items():
                rows.append((value(window[end]), error(window[end])))
    for end, truth in (("from_V", 2.13e-3), ("to_V", 2.76e-3)):
        values, errors = np.array(found[end]).T
        assert len(values) == 100
        assert 0.55 <= np.mean(np.abs(values - truth) < errors) <= 0.80, end
        assert np.median(errors) <= 1.5 * np.std(values), end


def test_a_window_says_how_far_apart_the_currents_are_and_which_state_delivers() -> None:
    (window,) = sign_reversals(
        two_lines(np.random.default_rng(1), ("C-P", "C-zero"), 1e-9, step=20e-6)
    )
    difference = window["largest_difference_A"]
    at = difference.extra["voltage_V"]
    assert 2.13e-3 < at < 2.76e-3
    assert value(difference) == pytest.approx(LAWS["C-P"](at) - LAWS["C-zero"](at), rel=0.01)
    # Between the zeros P takes power at V > 0, and the state at 0 T delivers it.
    assert window["delivers"] == "reference"
    assert value(window["parallel_A"]) > 0 > value(window["reference_A"])


@pytest.mark.parametrize("law", ["C-P", "MTJ-AP"])
@pytest.mark.parametrize("vmax", [10e-3, 0.5e-3])
def test_two_equal_states_with_noise_have_no_window(law: str, vmax: float) -> None:
    rng = np.random.default_rng(22)
    windows = 0
    for _ in range(200):
        centred = (
            iv_run(law, rng, vmax=vmax, sigma_A=50e-9),
            iv_run(law, rng, vmax=vmax, sigma_A=50e-9),
        )
        windows += bool(sign_reversals(current_pair([centred[0]], [centred[1]])))
    assert windows <= 0.05 * 200


def test_a_window_is_one_row_of_the_report() -> None:
    rng = np.random.default_rng(1)
    iv = [
        result(iv_run(law, rng, sigma_A=1e-9, field_T=h), r_s_ohm=Quantity(r, 0.1))
        for law, h, r in (("C-zero", 0.0, 63.0), ("C-P", -0.7, 550.0))
    ]
    found, _ = analyse_magneto(iv, loops_of_c(rng))
    rows = group_table(Group("magneto", "C", found, ()), {}).rows
    windows = [(str(value), remark) for head, value, remark in rows if "opposite" in str(head)]
    assert len(windows) == 2
    assert windows[0][0].startswith("2.130") and " to 2.759" in windows[0][0]
    assert "the reference delivers power; largest difference" in windows[0][1]
    assert "2.67" in windows[1][0]
    (states,) = (remark for head, _, remark in rows if str(head) == "P and reference")
    assert states.startswith("proposed: the largest |H| is P")


def test_a_window_within_the_lines_offset_is_none() -> None:
    pair = two_lines(np.random.default_rng(1), ("C-P", "C-zero"), 1e-9)
    assert sign_reversals(pair)
    assert sign_reversals(replace(pair, syst_A=5e-6)) == []


def test_a_window_that_the_sweep_cuts_off_says_so() -> None:
    pair = two_lines(np.random.default_rng(1), ("C-P", "C-zero"), 1e-9, vmax=2.5e-3)
    (window,) = sign_reversals(pair)
    assert value(window["from_V"]) == pytest.approx(2.13e-3, abs=5e-6)
    assert "end of the voltage range" in window["to_V"].note


def test_loops_with_opposite_levels_name_their_voltage() -> None:
    found, _ = analyse_magneto([], loops_of_c(np.random.default_rng(5)))
    (one,) = found["sign_reversals_from_loops"]
    assert one["voltage_V"] == pytest.approx(2.67e-3, abs=1e-6)
    assert value(one["parallel_A"]) > 0 > value(one["reference_A"])
    assert one["delivers"] == "reference"


# --- errors of ratios and of R_s(H) -----------------------------------------------------------


@pytest.mark.parametrize("denominator", [50.0, 10.0, 6.0, 4.0])
def test_the_error_of_a_ratio_covers_the_truth_down_to_the_mask(denominator: float) -> None:
    """The denominator is so many standard errors from zero; what is masked is not judged."""
    rng = np.random.default_rng(23)
    count = 4000
    ones = np.ones(count)
    pair = CurrentPair(
        np.arange(float(count)),
        2.0 * denominator + rng.standard_normal(count),
        ones,
        denominator + rng.standard_normal(count),
        ones,
    )
    curve = ratio_curve(pair)
    known = np.isfinite(curve.y)
    assert 0.55 <= np.mean(np.abs(curve.y - 1.0)[known] < curve.stderr[known]) <= 0.80


def test_the_curve_of_r_s_has_honest_errors_where_the_current_stands() -> None:
    rng = np.random.default_rng(24)
    hits, pulls = [], []
    for _ in range(25):
        runs = [ih_run("C", V, rng) for V in (2.13e-3, 2.76e-3)]
        for curve in resistance_curves(widest_pair(loops_by_voltage(legs_of(runs)))):
            for where, truth in ((np.abs(curve.x) >= 0.54, 550.0), (np.abs(curve.x) < 0.02, 63.0)):
                off = (curve.y - truth)[where] / curve.stderr[where]
                hits.append(np.abs(off) < 1)
                pulls.append(off)
    assert 0.55 <= np.mean(np.concatenate(hits)) <= 0.80
    assert np.std(np.concatenate(pulls)) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("width", [0.0, 0.003, 0.0127, 0.05])
def test_switching_fields_are_honest_however_wide_the_switching(width: float) -> None:
    rng = np.random.default_rng(25)
    truth, found = 0.1, []
    for _ in range(150):
        start = float(rng.uniform(0, 2e-3))  # where the readings fall beside the switch
        field = np.arange(-0.5 + start, 0.5, 2e-3)
        part = np.clip((field - truth) / width + 0.5, 0, 1) if width else (field >= truth) * 1.0
        current = 1e-6 * part + 2e-8 * rng.standard_normal(len(field))
        leg = FieldLeg(field, current, 0 * field, "up", 2e-8, 0.0)
        (switch,) = find_switches(leg, find_plateaus(leg))
        found.append((value(switch.field_T), error(switch.field_T)))
    values, errors = np.array(found).T
    assert 0.5 <= np.mean(np.abs(values - truth) < errors) <= 0.85
    assert np.median(errors) <= 1.6 * np.std(values)


# --- states and polarisation ----------------------------------------------------------------


def test_the_larger_field_is_parallel_unless_states_are_stated() -> None:
    rng = np.random.default_rng(0)
    zero, p, middle = (
        result(iv_run("C-P", rng, field_T=h, name=f"{h}.csv")) for h in (0.0, -0.5, 0.2)
    )
    states = choose_states([zero, p, middle])
    assert states is not None
    assert (states.parallel, states.reference) == ((p,), (zero,))
    assert states.left_out == ("0.2.csv",)
    stated = [result(iv_run("C-P", rng, field_T=h, state=s)) for h, s in ((0.0, "P"), (0.5, "AP"))]
    states = choose_states(stated)
    assert states is not None
    assert states.parallel == (stated[0],)


def test_fields_that_are_given_win_and_have_a_sign() -> None:
    rng = np.random.default_rng(0)
    runs = {
        h: result(iv_run("C-P", rng, field_T=h, state="P", name=f"{h}.csv"))
        for h in (-0.7, -0.2, 0.2, 0.025, 0.0)
    }
    states = choose_states(list(runs.values()), FieldReference(-0.2, 0.025))
    assert states is not None
    assert states.parallel == (runs[-0.2],)
    assert states.reference == (runs[0.025],)
    assert states.source == "given"
    assert choose_states(list(runs.values()), FieldReference(-0.4, 0.025)) is None
    _, warnings = analyse_magneto(list(runs.values()), [], None, FieldReference(-0.4, 0.025))
    assert warnings == ("no two I(V) were measured at the fields that were given",)


@pytest.mark.parametrize("fields", [(0.0, None), (0.1, 0.1), (float("nan"), None)])
def test_fields_that_cannot_be_compared_are_refused(fields: tuple[float, float | None]) -> None:
    with pytest.raises(ValueError, match="give"):
        FieldReference(*fields)


def test_a_proposal_says_by_how_much_the_states_differ() -> None:
    rng = np.random.default_rng(0)

    def pair(second: float) -> list[RunResult]:
        sizes = ((0.0, 63.0), (-0.5, second))
        return [result(iv_run("C-P", rng, field_T=h), r_s_ohm=Quantity(r, 0.5)) for h, r in sizes]

    differ, same = choose_states(pair(550.0)), choose_states(pair(63.4))
    assert differ is not None and same is not None
    assert "differ by 689 standard errors" in differ.reason
    assert "do not differ beyond their errors" in same.reason
    assert differ.to_json()["parallel"]["field_T"] == -0.5


def test_switching_fields_are_means_over_loops_from_state_to_state() -> None:
    rng = np.random.default_rng(2)
    runs = [result(ih_run("MTJ", V, rng, hmax=0.2, rows=401, sigma_A=2e-11)) for V in (5e-3, 6e-3)]
    found, _ = analyse_magneto([], runs)
    steps = [(s.direction, s.before, s.after) for s in found["switching_fields"]]
    assert steps == [(d, a, b) for d in ("up", "down") for a, b in (("P", "AP"), ("AP", "P"))]
    for switch, truth in zip(found["switching_fields"], (8e-3, 0.12, 0.06, -4e-3), strict=True):
        assert value(switch.field_T) == pytest.approx(truth, abs=1e-3)
        assert switch.field_T.extra["repeats"] == 2
    proposed = found["proposed_fields"]
    assert proposed.parallel_field_T == pytest.approx(-0.2)
    assert proposed.antiparallel_field_T == pytest.approx(0.064, abs=2e-3)
    assert proposed.approach == "up"
    build_results([], [Group("magneto", "MTJ", found, ())])


def test_a_loop_that_does_not_switch_proposes_no_antiparallel_field() -> None:
    run = ih_run("MTJ", 5e-3, np.random.default_rng(3), hmax=0.2, sigma_A=1e-6)
    found, _ = analyse_magneto([], [result(run)])
    assert found["proposed_fields"].antiparallel_field_T is None
    assert "do not switch" in found["proposed_fields"].reason


def test_a_given_reference_field_is_that_of_tmr_from_loops() -> None:
    rng = np.random.default_rng(2)
    run = result(ih_run("MTJ", 5e-3, rng, hmax=0.2, rows=401, sigma_A=2e-11))
    found, _ = analyse_magneto([], [run], None, FieldReference(-0.2, 0.025, "up"))
    truth = float(LAWS["MTJ-P"](np.array(5e-3)) / LAWS["MTJ-AP"](np.array(5e-3)) - 1.0)
    assert found["tmr_from_loops"].y[0] == pytest.approx(truth, rel=0.01)
    assert found["tmr_from_loops"].extra["reference_field_T"] == 0.025


def test_one_field_is_no_pair_of_states() -> None:
    rng = np.random.default_rng(0)
    same = [result(iv_run("C-P", rng, field_T=h)) for h in (0.0, 0.0005)]
    assert choose_states(same) is None


@given(st.floats(0.01, 0.999))
def test_julliere_inverts_the_ratio_of_equal_electrodes(polarisation: float) -> None:
    x = 2 * polarisation**2 / (1 - polarisation**2)
    found = julliere(Quantity(x, 0.01 * x), same_sign=True, source="mr")
    assert value(found) == pytest.approx(polarisation)
    assert "equal polarisation" in found.extra["assumption"]


def test_the_published_polarisation() -> None:
    found = julliere(Quantity(7.70, 0.1), same_sign=False, source="mr_optimistic")
    assert value(found) == pytest.approx(0.891, abs=5e-4)
    assert julliere(Quantity(-0.5, 0.1), same_sign=True, source="mr").value is None


def test_curves_are_the_same_length() -> None:
    found, _ = analyse_magneto([], loops_of_c(np.random.default_rng(1)))
    curves = [item for item in found.values() if isinstance(item, Curve)]
    assert curves
    assert all(len(c.x) == len(c.y) == len(c.stderr) for c in curves)
