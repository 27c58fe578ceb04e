"""Verdicts on junctions of known truth, screened stage by stage as the judgement asks for it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.api import analyse_run
from nanojunction.analysis.calibration import LinePoint, MeasuringLine
from nanojunction.analysis.run import Conditions, cut
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.conduction import conduction
from nanojunction.analysis.screening.judgement import judge_junction
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.screening.verdicts import STAGES, Stage
from nanojunction.analysis.values import Quantity
from tests.screening_simulation import (
    JUNCTION,
    Bench,
    Law,
    junction_a,
    junction_b,
    line_of,
    nothing,
    resistor,
    screened,
    steady,
    telegraph,
)

LINE = line_of()


def always(law: Law) -> Callable[[Stage, int], Law]:
    return lambda stage, again: law


def stages(bench: Bench) -> list[tuple[Stage, int]]:
    return [(stage, len(runs)) for stage, runs in bench.runs.items()]


# Gentle first: what decides early


def test_an_open_junction_is_connected_twice_and_the_reason_says_how_far_a_millivolt_can_tell() -> (
    None
):
    bench = Bench(always(nothing))
    found = screened(bench, LINE)
    assert found.verdict == "open"
    assert stages(bench) == [("contact", 1), ("contact_again", 1)]
    assert "at two connections: above " in found.reasons[0]
    assert found.reasons[0].endswith("as far as 1 mV can tell")
    assert bench.largest_V < 1.1e-3


@pytest.mark.parametrize("ohm", [0.05, 1.0, 9.0])
def test_a_short_is_known_from_the_contact_check(ohm: float) -> None:
    bench = Bench(always(resistor(ohm)))
    found = screened(bench, LINE)
    assert found.verdict == "short"
    assert stages(bench) == [("contact", 1)]


@pytest.mark.parametrize("ohm", [12.0, 150.0, 4.4e3, 57.7e3, 1e6, 20e6])
def test_a_resistor_is_ohmic_after_ten_millivolts(ohm: float) -> None:
    bench = Bench(always(resistor(ohm)))
    found = screened(bench, LINE)
    assert found.verdict == "ohmic"
    assert not found.generates
    assert found.numbers["resistance_ohm"].value == pytest.approx(ohm, rel=0.05)
    assert stages(bench) == [("contact", 1), ("short_iv", 1)]
    assert bench.largest_V < 11e-3


def test_a_thermovoltage_below_ten_times_the_line_is_ohmic() -> None:
    v_off_V = LINE.offset("v_off_V", 1e3, signed=True).value
    bench = Bench(always(resistor(1e3, thermal_V=-10.5 * v_off_V)))
    found = screened(bench, LINE)
    assert found.verdict == "ohmic"
    ratio = found.numbers["offset_ratio_v"].value
    assert ratio is not None
    assert 9.0 < ratio < 10.0


# Candidates


def test_a_metallic_junction_is_repeated_and_looked_at_at_rest() -> None:
    bench = Bench(always(junction_a))
    found = screened(bench, LINE)
    assert (found.verdict, found.kind, found.generates) == ("candidate", "metallic", True)
    assert stages(bench) == [("contact", 1), ("short_iv", 1), ("repeats", 1), ("at_zero", 1)]
    assert bench.largest_V < 11e-3
    assert "× in V and " in found.reasons[0]
    assert "at V = 0 -25.98 µA flows, steadily" in found.reasons
    p_max_W = found.numbers["p_max_W"].value
    assert p_max_W == pytest.approx(26.6e-9, rel=0.05)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_offset_beyond_the_sweep_is_approached_in_steps_of_a_half(sign: int) -> None:
    """Chowrira's B: V_off = 84 mV; no voltage beyond one and a half times of it."""
    bench = Bench(always(lambda v, t: sign * junction_b(sign * v, t)))
    found = screened(bench, LINE)
    assert (found.verdict, found.kind) == ("candidate", "semiconducting")
    assert found.numbers["v_off_V"].value == pytest.approx(sign * 84e-3, rel=0.01)
    assert bench.largest_V < 1.5 * 84e-3


def test_no_voltage_beyond_the_limit_of_the_junction_is_asked_for() -> None:
    bench = Bench(always(junction_b), max_voltage_V=0.03)
    found = screened(bench, LINE)
    assert found.verdict == "candidate"
    assert bench.largest_V < 30.1e-3
    assert any("beyond the junction's limit of 30 mV" in reason for reason in found.reasons)
    assert found.numbers["v_off_V"].value is None
    assert found.numbers["offset_ratio_v"].extra["bound"] == "lower"


@pytest.mark.parametrize("factor", [5.0, 12.0])
def test_a_current_beyond_the_limit_of_the_contact_check_is_no_short(factor: float) -> None:
    """−26 µA fits into 100 µA, five times as much does not: nearly every row is in compliance."""
    bench = Bench(always(lambda v, t: factor * junction_a(v, t)))
    found = screened(bench, LINE)
    assert np.mean(bench.runs["contact"][0].run.in_compliance) > 0.8
    assert found.verdict == "candidate"


def test_an_offset_that_the_current_limit_hides_is_undecided_and_flagged() -> None:
    # −4 mA at 0 V, 20 Ω: 1 mA flows at every voltage up to the limit.
    bench = Bench(always(steady(lambda v: -4e-3 + v / 20.0)), max_voltage_V=0.05)
    found = screened(bench, LINE)
    assert (found.verdict, found.generates) == ("undecided", True)
    assert "keeps to its limit" in found.reasons[0]


def test_a_contact_that_is_found_at_the_second_connection_loses_nothing() -> None:
    bench = Bench(lambda stage, again: nothing if stage == "contact" else junction_a)
    found = screened(bench, LINE)
    assert found.verdict == "candidate"
    assert any("found when it was connected again" in reason for reason in found.reasons)


def test_at_the_threshold_the_mean_over_the_repeats_decides() -> None:
    """A resistor right at ten times the line's offset is measured on, and gets some verdict."""
    v_off_V = LINE.offset("v_off_V", 1e3, signed=True).value
    for factor, verdict in ((-10.8, "ohmic"), (-11.3, "candidate")):
        bench = Bench(always(resistor(1e3, thermal_V=factor * v_off_V)), seed=4)
        found = screened(bench, LINE)
        assert found.verdict == verdict
        if verdict == "ohmic" and "repeats" in bench.runs:
            assert found.reasons[0].startswith("over 2 runs the offsets are ")


# Unstable, broken


def test_a_contact_that_is_lost_and_found_is_unstable_and_what_it_generates_is_known() -> None:
    bench = Bench(lambda stage, again: nothing if (stage, again) == ("short_iv", 0) else junction_a)
    found = screened(bench, LINE)
    assert (found.verdict, found.generates) == ("unstable", True)
    assert stages(bench) == [("contact", 1), ("short_iv", 2), ("contact_again", 1)]


def test_a_contact_that_is_lost_for_good_is_broken() -> None:
    bench = Bench(lambda stage, again: junction_a if stage == "contact" else nothing)
    found = screened(bench, LINE)
    assert found.verdict == "broken"
    assert "not found again" in found.reasons[0]


@pytest.mark.parametrize("after", [resistor(8e3), resistor(1.0)])
def test_a_junction_that_is_another_after_a_wide_sweep_broke(after: Law) -> None:
    """B came back with a third of its slope resistance and without its offsets."""
    later = ("repeats", "contact_again", "at_zero")
    bench = Bench(lambda stage, again: after if stage in later else junction_b)
    found = screened(bench, LINE)
    assert (found.verdict, found.generates) == ("broken", True)
    # The numbers are those of the junction as it was.
    assert found.numbers["v_off_V"].value == pytest.approx(84e-3, rel=0.01)


def test_what_the_protection_ended_is_looked_at_once_more() -> None:
    def ended(stage: Stage, again: int) -> str:
        return "broken" if stage == "short_iv" else "finished"

    came_back = screened(Bench(always(junction_a), status_of=ended), LINE)
    assert (came_back.verdict, came_back.generates) == ("unstable", True)
    bench = Bench(
        lambda stage, again: resistor(1.0) if stage == "contact_again" else junction_a,
        status_of=ended,
    )
    assert screened(bench, LINE).verdict == "broken"


@pytest.mark.parametrize("dwell_s", [0.7, 4.0, 40.0])
def test_telegraph_noise_of_a_candidate_is_seen_in_some_stage(dwell_s: float) -> None:
    for seed in range(3):
        bench = Bench(always(telegraph(junction_a, 0.5, dwell_s, seed)), seed=seed)
        found = screened(bench, LINE)
        assert (found.verdict, found.generates) == ("unstable", True)


def test_weak_telegraph_noise_and_a_slow_drift_leave_a_candidate() -> None:
    weak = Bench(always(telegraph(junction_a, 0.04, 3.0, 1)))
    assert screened(weak, LINE).verdict == "candidate"
    drifting = Bench(always(lambda v, t: junction_a(v, t) * (1.0 - t / 3.6e4)))
    assert screened(drifting, LINE).verdict == "candidate"


def test_offsets_that_vanish_or_turn_round_are_unstable() -> None:
    later = ("repeats", "at_zero")
    for factor in (0.03, -1.0):
        weaker = steady(lambda v, f=factor: f * -26e-6 + v / 157.0)
        bench = Bench(lambda stage, again, one=weaker: one if stage in later else junction_a)
        found = screened(bench, LINE)
        assert found.verdict in ("unstable", "broken")
        assert found.generates


def test_a_current_that_only_a_sweep_shows_is_unstable() -> None:
    bench = Bench(lambda stage, again: resistor(157.0) if stage == "at_zero" else junction_a)
    found = screened(bench, LINE)
    assert (found.verdict, found.generates) == ("unstable", True)
    assert "less than 35% of" in found.reasons[0]


def test_a_resistor_that_changes_between_two_runs_is_unstable() -> None:
    bench = Bench(lambda stage, again: resistor(1.3e3 if stage == "contact" else 1e3))
    found = screened(bench, LINE)
    assert (found.verdict, found.generates) == ("unstable", False)


# What failed, and what is missing


def test_a_stage_that_fails_is_tried_again_and_then_given_up() -> None:
    def once(stage: Stage, again: int) -> str:
        return "failed" if stage == "contact" and again == 0 else "finished"

    bench = Bench(always(junction_a), status_of=once)
    assert screened(bench, LINE).verdict == "candidate"
    assert len(bench.runs["contact"]) == 2

    for stage, verdict in (("contact", "undecided"), ("short_iv", "undecided")):
        bench = Bench(
            always(junction_a),
            status_of=lambda one, again, wrong=stage: "failed" if one == wrong else "finished",
        )
        found = screened(bench, LINE)
        assert found.verdict == verdict
        assert "failed 2 times and was given up" in found.reasons[0]


@pytest.mark.parametrize("stage", ["repeats", "at_zero", "wide_iv"])
def test_a_candidate_stays_one_where_what_would_confirm_it_fails(stage: Stage) -> None:
    bench = Bench(
        always(junction_b), status_of=lambda one, again: "failed" if one == stage else "finished"
    )
    found = screened(bench, LINE)
    assert found.verdict == "candidate"
    assert any("was given up" in reason for reason in found.reasons)


def test_a_run_that_was_cut_off_is_measured_again_however_often() -> None:
    bench = Bench(
        always(junction_a),
        status_of=lambda stage, again: (
            "aborted" if stage == "short_iv" and again < 4 else "finished"
        ),
    )
    assert screened(bench, LINE).verdict == "candidate"
    assert len(bench.runs["short_iv"]) == 5


def test_without_a_line_nothing_is_said_of_offsets() -> None:
    found = screened(Bench(always(junction_a)), None)
    assert found.verdict == "undecided"
    assert found.next_stage is None


def test_a_noisy_contact_check_says_nothing_of_open_and_ten_millivolts_are_asked_for() -> None:
    noisy = Thresholds(open_known_above_ohm=3e8)
    bench = Bench(always(nothing))
    found = screened(bench, LINE, noisy)
    assert stages(bench) == [("contact", 1), ("short_iv", 1)]
    assert found.verdict == "open"


# Invariants


def truth(kind: str, size: float, seed: int) -> Law:
    laws: dict[str, Law] = {
        "resistor": resistor(10.0 ** (1.2 + 5 * size)),
        "thermal": resistor(10.0 ** (1.5 + 3 * size), thermal_V=2e-4 * size),
        "metallic": lambda v, t: (0.2 + size) * junction_a(v, t),
        "semiconducting": lambda v, t: (0.2 + size) * junction_b(v, t),
        "telegraph": telegraph(junction_a, size, 3.0, seed),
    }
    return laws[kind]


truths = st.builds(
    truth,
    st.sampled_from(["resistor", "thermal", "metallic", "semiconducting", "telegraph"]),
    st.floats(0.05, 0.95),
    st.integers(0, 99),
)


@settings(max_examples=8)
@given(truths, st.integers(0, 99))
def test_a_larger_ratio_never_makes_a_candidate(law: Law, seed: int) -> None:
    bench = Bench(always(law), seed=seed)
    screened(bench, LINE, Thresholds(candidate_ratio=3.0))
    generating = []
    for ratio in (3.0, 10.0, 100.0, 1e3, 1e5):
        found = judge_junction(JUNCTION, bench.runs, LINE, Thresholds(candidate_ratio=ratio))
        generating.append(found.verdict == "candidate")
    assert generating == sorted(generating, reverse=True)


@settings(max_examples=8)
@given(truths, st.integers(0, 99), st.randoms())
def test_the_order_of_the_runs_does_not_matter(law: Law, seed: int, order: random.Random) -> None:
    bench = Bench(always(law), seed=seed)
    found = screened(bench, LINE)
    shuffled: dict[Stage, list[RunResult]] = {}
    for stage in order.sample(STAGES, len(STAGES)):
        if stage in bench.runs:
            shuffled[stage] = order.sample(bench.runs[stage], len(bench.runs[stage]))
    again = judge_junction(JUNCTION, shuffled, LINE, Thresholds())
    assert again.to_json() == found.to_json()


@settings(max_examples=15)
@given(st.floats(0.3, 30.0), st.floats(15.0, 5e4), st.integers(0, 99))
def test_no_junction_that_generates_is_missed(v_off_mV: float, ohm: float, seed: int) -> None:
    """Any straight line whose offsets are both twenty times the line's and within the limits."""
    v_off_V = v_off_mV * 1e-3
    i_off_A = v_off_V / ohm
    line_v, line_i = (LINE.offset(key, ohm).value for key in ("v_off_V", "i_off_A"))
    law = resistor(ohm, thermal_V=v_off_V)
    found = screened(Bench(always(law), seed=seed), LINE)
    if v_off_V > 12 * line_v and i_off_A > 12 * line_i and i_off_A < 0.9e-3:
        assert found.verdict == "candidate", found.reasons
    else:
        assert math.isfinite(i_off_A)


@settings(max_examples=10)
@given(st.floats(12.0, 1e6), st.integers(0, 999))
def test_a_plain_resistor_is_never_a_candidate(ohm: float, seed: int) -> None:
    found = screened(Bench(always(resistor(ohm)), seed=seed), LINE)
    assert found.verdict == "ohmic"
    assert not found.generates
    json = found.to_json()
    assert np.isfinite(json["numbers"]["resistance_ohm"]["value"])


def test_a_line_whose_offset_is_zero_within_its_error_bounds_the_ratio_from_below() -> None:
    quiet = MeasuringLine(
        (LinePoint("resistor-100", 100.0, Quantity(1e-8, 1e-6), Quantity(1e-10, 1e-8)),)
    )
    # A resistor's offsets are no larger than what the line's may be: nothing speaks for it.
    small = replace(quiet, points=quiet.points)
    assert screened(Bench(always(resistor(1e5))), small).verdict == "ohmic"
    # V_off = 10 µV is five times the bound: it cannot be told, and the reason says what to do.
    found = screened(Bench(always(resistor(100.0, thermal_V=-8e-6))), quiet)
    assert found.verdict == "undecided"
    assert "calibrate it with more repeats" in found.reasons[0]
    assert screened(Bench(always(junction_a)), quiet).verdict == "candidate"


@pytest.mark.parametrize("law", [junction_a, resistor(1e3)])
def test_a_drop_out_during_the_contact_check_is_unstable_and_not_broken(law: Law) -> None:
    def dropping(v: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.where((t > 0.3) & (t < 0.9), 0.0, law(v, t))

    bench = Bench(lambda stage, again: dropping if stage == "contact" else law)
    found = screened(bench, LINE)
    assert (found.verdict, found.generates) == ("unstable", law is junction_a)
    assert "disagree" in found.reasons[0]


def test_of_hundreds_of_open_junctions_hardly_one_seems_to_conduct() -> None:
    """Nine noisy rows have a slope by chance; none of it is a contact that was lost again."""
    bench = Bench(always(nothing), seed=1)
    found = [conduction(bench.measure("contact", None), Thresholds(), LINE) for _ in range(300)]
    assert sum(one.state != "open" for one in found) <= 1
    assert min(one.above_ohm or 0.0 for one in found if one.state == "open") > 1e7


def test_a_contact_that_comes_and_goes_is_unstable_and_not_broken() -> None:
    bench = Bench(
        lambda stage, again: junction_a if (stage, again) == ("contact_again", 0) else nothing
    )
    found = screened(bench, LINE)
    assert found.verdict == "unstable"
    assert "as it was open before" in found.reasons[0]


@pytest.mark.parametrize(("law", "verdict"), [(resistor(1.7), "short"), (junction_a, "candidate")])
def test_a_contact_check_that_was_ended_in_compliance_tells_a_short_all_the_same(
    law: Law, verdict: str
) -> None:
    """The protection ends a run that is in compliance for too long, at the first limit already."""
    bench = Bench(
        always(lambda v, t: 8.0 * law(v, t) if verdict == "candidate" else law(v, t)),
        status_of=lambda stage, again: "protected" if stage == "contact" else "finished",
    )
    whole = bench.measure("contact", None)
    cut_off = analyse_run(cut(whole.run, slice(0, 4)))
    assert cut_off.run.status == "protected"
    bench.runs["contact"] = [cut_off]
    assert screened(bench, LINE).verdict == verdict


def test_a_run_that_goes_no_further_ends_the_search_for_v_off() -> None:
    """The station's limit may be tighter than the junction's."""

    class Limited(Bench):
        def measure(self, stage: Stage, reach_V: float | None) -> RunResult:
            return super().measure(stage, None if reach_V is None else min(reach_V, 0.02))

    bench = Limited(always(junction_b))
    found = screened(bench, LINE)
    assert found.verdict == "candidate"
    assert bench.largest_V < 21e-3
    assert any("no run goes further" in reason for reason in found.reasons)


# Metallic or semiconducting


def at_temperature(bench: Bench, law: Law, kelvin: float) -> RunResult:
    path = bench.sweep("short_iv", None)
    run = bench.run_of("temperature", law, path)
    return analyse_run(replace(run, conditions=Conditions(temperature_K=kelvin)))


@pytest.mark.parametrize(("warm", "kind"), [(0.4, "semiconducting"), (1.0, "metallic")])
def test_the_temperature_decides_before_the_bias_does(warm: float, kind: str) -> None:
    """A linear I(V) whose resistance falls by warming is no metal."""
    bench = Bench(always(junction_a))
    assert screened(bench, LINE).kind == "metallic"
    warmer = at_temperature(bench, lambda v, t: junction_a(v, t) / warm, 200.0)
    runs = {**bench.runs, "temperature": [warmer]}
    found = judge_junction(JUNCTION, runs, LINE, Thresholds())
    assert (found.verdict, found.kind) == ("candidate", kind)
    assert "Ω at 200 K" in found.reasons[-1]


def test_temperatures_that_hardly_differ_decide_nothing() -> None:
    bench = Bench(always(junction_b))
    screened(bench, LINE)
    warmer = at_temperature(bench, junction_b, 41.0)
    found = judge_junction(JUNCTION, {**bench.runs, "temperature": [warmer]}, LINE, Thresholds())
    assert found.kind == "semiconducting"
    assert "times as well as over a third of it" in found.reasons[-1]


def test_a_steep_junction_is_no_short_where_it_meets_the_limit_of_the_current() -> None:
    """V_off = 0.9 mV, a few hundred ohms at 0 V, and a milliampere at 5 mV."""
    steep = steady(lambda v: 4e-6 * (np.sinh(v / 0.9e-3) - np.sinh(1.0)))
    bench = Bench(always(steep))
    found = screened(bench, LINE)
    assert bench.runs["short_iv"][0].run.in_compliance.any()
    assert (found.verdict, found.generates) == ("candidate", True)


@pytest.mark.parametrize("seed", range(4))
def test_a_resistor_right_at_the_threshold_of_a_short_is_one_or_the_other(seed: int) -> None:
    for ohm in (9.98, 10.0, 10.02):
        found = screened(Bench(always(resistor(ohm)), seed=seed), LINE)
        assert found.verdict in ("short", "ohmic")


def test_a_junction_that_is_a_short_further_out_only_is_judged_by_its_offsets() -> None:
    """18 µA at 0 V, 111 Ω there, and 5 Ω at a milliampere."""
    steep = steady(lambda v: -18e-6 + 9e-3 * v + 5e2 * np.sign(v) * np.abs(v) ** 2.5)
    found = screened(Bench(always(steep)), LINE)
    assert (found.verdict, found.generates) == ("candidate", True)


@pytest.mark.parametrize(("later", "verdict"), [(resistor(1.0), "broken"), (None, "unstable")])
def test_a_junction_that_breaks_on_the_way_is_looked_at_once_more(
    later: Law | None, verdict: str
) -> None:
    """In the middle of its short I(V) it becomes a short: for good, or for a moment."""

    def breaking(v: np.ndarray, t: np.ndarray) -> np.ndarray:
        begin = t[0] if len(t) else 0.0
        return np.where(t - begin < 2.0, junction_a(v, t), v / 1.0)

    def law_of(stage: Stage, again: int) -> Law:
        if stage == "short_iv":
            return breaking
        return later if later is not None and stage == "contact_again" else junction_a

    found = screened(Bench(law_of), LINE)
    assert found.verdict == verdict


def scaled(law: Law, factor: float) -> Law:
    return lambda v, t: factor * law(v, t)


def from_short_iv_on(before: Law, after: Law) -> Callable[[Stage, int], Law]:
    return lambda stage, again: before if stage == "contact" else after


@pytest.mark.parametrize("law", [junction_a, junction_b])
@pytest.mark.parametrize("factor", [0.35, 2.5, 6.0])
def test_a_junction_on_another_level_has_its_offset_still_and_is_not_broken(
    law: Law, factor: float
) -> None:
    """It stays there for longer than anybody looks."""
    found = screened(Bench(from_short_iv_on(law, scaled(law, factor))), LINE)
    assert (found.verdict, found.generates) == ("unstable", True)
    assert "another level of the same junction" in found.reasons[0]


@pytest.mark.parametrize("after", [resistor(100.0), resistor(8.1e3), resistor(1.0), nothing])
def test_a_junction_whose_offset_is_gone_with_the_change_is_broken(after: Law) -> None:
    found = screened(Bench(from_short_iv_on(junction_b, after)), LINE)
    assert found.verdict == "broken"


def test_of_two_resistors_only_the_later_one_can_be_told() -> None:
    """Without an offset another level and a breakdown look alike: what stays is called broken."""
    found = screened(Bench(from_short_iv_on(resistor(3e3), resistor(500.0))), LINE)
    assert found.verdict == "broken"


@pytest.mark.parametrize(("later", "verdict"), [(True, "broken"), (False, "unstable")])
def test_a_small_change_on_the_way_is_looked_at_once_more(*, later: bool, verdict: str) -> None:
    """157 Ω with an offset become 100 Ω without: legs disagree, by less than two junctions."""

    def breaking(v: np.ndarray, t: np.ndarray) -> np.ndarray:
        begin = t[0] if len(t) else 0.0
        return np.where(t - begin < 2.4, junction_a(v, t), v / 100.0)

    def law_of(stage: Stage, again: int) -> Law:
        broken = resistor(100.0) if later else junction_a
        return {"short_iv": breaking, "contact_again": broken}.get(stage, junction_a)

    found = screened(Bench(law_of), LINE)
    assert found.verdict == verdict
