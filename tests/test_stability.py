"""Readings at rest: means, drifts, settling and jumps on noise of known kind."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.at_rest.stability import allan_deviation, mean_of, stability
from nanojunction.analysis.at_rest.telegraph import Telegraph, find_telegraph
from nanojunction.analysis.ih import analyse_at_rest
from nanojunction.analysis.results import build_results
from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Array, Quantity
from nanojunction.analysis.work.packing import pack, unpack
from tests.iv_simulation import noisy_run

Noise = Callable[[np.random.Generator, int], Array]
REPEATS = 120
READINGS = 300


def white(rng: np.random.Generator, count: int) -> Array:
    return rng.standard_normal(count)


def flicker(rng: np.random.Generator, count: int) -> Array:
    """1/f noise, cut out of a record sixteen times as long."""
    size = 16 * count
    frequency = np.fft.rfftfreq(size)
    frequency[0] = frequency[1]
    spectrum = np.fft.rfft(rng.standard_normal(size)) / np.sqrt(frequency)
    start = int(rng.integers(0, size - count))
    return np.asarray(np.fft.irfft(spectrum, size)[start : start + count])


def walk(rng: np.random.Generator, count: int) -> Array:
    return np.cumsum(rng.standard_normal(count))


def of_current(values: Array) -> dict[str, Quantity]:
    return stability(values, np.arange(len(values)) * 0.5, "A").quantities


def with_telegraph(rng: np.random.Generator, count: int, distance: float, stay: float) -> Array:
    level = np.cumsum(rng.random(count) < 1.0 / stay) % 2
    return np.asarray(distance * level + rng.standard_normal(count))


# The mean


@pytest.mark.parametrize("noise", [white, flicker, walk])
@pytest.mark.parametrize("readings", [40, READINGS])
def test_two_means_in_turn_differ_by_as_much_as_their_errors_say(
    noise: Noise, readings: int
) -> None:
    rng = np.random.default_rng(5)
    differences, errors = [], []
    for _ in range(REPEATS):
        values = noise(rng, 2 * readings)
        mean = mean_of(values[:readings])
        assert mean.stderr is not None
        differences.append(float(np.mean(values[readings:]) - np.mean(values[:readings])))
        errors.append(math.sqrt(2.0) * mean.stderr)
    covered = np.mean(np.abs(differences) < np.array(errors))
    assert 0.55 <= covered <= 0.82
    assert np.median(errors) <= 1.5 * np.std(differences)


def test_the_error_of_white_noise_is_that_of_independent_readings() -> None:
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(40):
        mean = mean_of(white(rng, 1000))
        assert mean.stderr is not None
        ratios.append(mean.stderr * math.sqrt(1000))
    assert 0.95 <= np.median(ratios) <= 1.2


def test_readings_of_a_walk_are_few_independent_ones() -> None:
    mean = mean_of(walk(np.random.default_rng(2), 1000))
    assert mean.extra["independent_readings"] < 5


@pytest.mark.parametrize("size", [1e-320, 1e-160, 1e-30, 1e3])
def test_readings_of_any_size_have_a_document(size: float) -> None:
    values = size * white(np.random.default_rng(1), 64)
    result = analyse_at_rest(run_at_rest(values, "it", np.arange(64.0)))
    json.dumps(build_results([result]), allow_nan=False)
    assert (result.quantities["i_mean_A"].stderr is None) == (size < 1e-100)


def test_readings_that_alternate_have_the_error_of_independent_ones() -> None:
    result = analyse_at_rest(run_at_rest(np.tile([1e-6, 2e-6], 50), "it", np.arange(100.0)))
    assert result.quantities["i_mean_A"].stderr == pytest.approx(0.5e-7, rel=0.02)
    assert result.quantities["i_drift_A_per_s"].value is None


def test_an_exact_ramp_drifts_beyond_doubt() -> None:
    found = of_current(1e-9 * np.arange(100.0))
    assert found["i_drift_A_per_s"].value == pytest.approx(2e-9)
    assert found["i_drift_A_per_s"].extra["significance"] > 1e6


def test_too_few_or_equal_readings_have_a_mean_and_a_reason() -> None:
    few, equal, none = mean_of(np.arange(31.0)), mean_of(np.full(100, 2.0)), mean_of(np.array([]))
    assert (few.value, few.stderr) == (15.0, None) and "too few" in (few.note or "")
    assert (equal.value, equal.stderr) == (2.0, None) and "the same" in (equal.note or "")
    assert none.value is None


# Drift and settling


@pytest.mark.parametrize("noise", [white, flicker, walk])
def test_noise_alone_is_rarely_called_a_drift_a_settling_or_two_levels(noise: Noise) -> None:
    rng = np.random.default_rng(8)
    found = [
        stability(noise(rng, READINGS), np.arange(READINGS) * 0.5, "A") for _ in range(REPEATS)
    ]
    assert sum(bool(one.warnings) for one in found) <= 0.05 * REPEATS


@pytest.mark.parametrize("noise", [white, flicker])
def test_a_drift_is_found_with_an_honest_error(noise: Noise) -> None:
    rng = np.random.default_rng(3)
    truth, time_s = 0.02, np.arange(READINGS) * 0.5
    covered, warned = 0, 0
    for _ in range(REPEATS):
        scale = 0.3 if noise is flicker else 1.0
        found = stability(scale * noise(rng, READINGS) + truth * time_s, time_s, "A")
        drift = found.quantities["i_drift_A_per_s"]
        covered += abs(drift.value - truth) < drift.stderr
        warned += any("drifts" in text for text in found.warnings)
    assert 0.55 <= covered / REPEATS <= 0.82
    if noise is white:
        assert warned >= 0.9 * REPEATS


def test_a_settling_is_told_from_a_drift() -> None:
    rng = np.random.default_rng(4)
    time_s = np.arange(READINGS) * 0.5
    times = []
    for _ in range(30):
        values = 8.0 * np.exp(-time_s / 10.0) + white(rng, READINGS)
        found = stability(values, time_s, "V")
        times.append(found.quantities["v_settling_s"].value)
        assert any("settles" in text for text in found.warnings)
    assert np.median(times) == pytest.approx(10.0, rel=0.3)
    steady = stability(0.05 * time_s + white(rng, READINGS), time_s, "V").quantities
    assert steady["v_settling_s"].value is None


# Two levels


@pytest.mark.parametrize("distance", [6.0, 3.0])
def test_two_levels_are_found_with_their_stays(distance: float) -> None:
    rng = np.random.default_rng(6)
    found = [find_telegraph(with_telegraph(rng, 4000, distance, 80.0), 0.1, "A") for _ in range(20)]
    levels = [one for one in found if one is not None]
    assert len(levels) >= 18
    apart = [(one.high.value or 0.0) - (one.low.value or 0.0) for one in levels]
    assert np.median(apart) == pytest.approx(distance, rel=0.1)
    stays = [one.dwell_low_s.value for one in levels]
    assert np.median(np.array(stays, dtype=float)) == pytest.approx(8.0, rel=0.3)


def test_the_mean_of_two_levels_has_the_error_of_their_jumps() -> None:
    rng = np.random.default_rng(11)
    differences, errors = [], []
    for _ in range(REPEATS):
        values = with_telegraph(rng, 4000, 8.0, 60.0)
        mean = of_current(values[:2000])["i_mean_A"]
        assert mean.stderr is not None
        differences.append(float(np.mean(values[2000:]) - np.mean(values[:2000])))
        errors.append(math.sqrt(2.0) * mean.stderr)
    assert 0.55 <= np.mean(np.abs(differences) < np.array(errors)) <= 0.82
    assert np.median(errors) <= 1.5 * np.std(differences)


def test_a_wave_and_a_single_step_are_no_telegraph() -> None:
    rng = np.random.default_rng(7)
    at = np.arange(2000)
    wave = 10.0 * np.sin(2 * np.pi * at / 200.0) + white(rng, 2000)
    step = np.where(at < 1000, 0.0, 10.0) + white(rng, 2000)
    assert find_telegraph(wave, 1.0, "A") is None
    assert find_telegraph(step, 1.0, "A") is None


def test_two_levels_are_named_in_a_warning_and_in_the_document() -> None:
    rng = np.random.default_rng(9)
    values = with_telegraph(rng, 800, 10.0, 60.0)
    found = stability(values, np.arange(800) * 0.1, "V")
    assert any("jumps between two levels" in text for text in found.warnings)
    (telegraph,) = found.quantities["v_telegraph"]
    assert isinstance(telegraph, Telegraph)
    assert set(telegraph.to_json()) == {
        "low_V", "high_V", "dwell_low_s", "dwell_high_s", "switches"
    }  # fmt: skip


def test_two_levels_are_kept_between_analyses() -> None:
    values = with_telegraph(np.random.default_rng(9), 800, 10.0, 60.0)
    result = analyse_at_rest(run_at_rest(values, "vt", np.arange(800) * 0.1))
    again = unpack(pack(dict(result.quantities)))
    assert again["v_telegraph"] == result.quantities["v_telegraph"]
    assert len(again["v_telegraph"]) == 1


# Allan deviation


def test_the_allan_deviation_of_white_noise_falls_with_the_root_of_the_time() -> None:
    curve = allan_deviation(white(np.random.default_rng(1), 4096), 0.25)
    np.testing.assert_allclose(curve.y[:6], (curve.x[:6] / 0.25) ** -0.5, rtol=0.15)
    assert "as long as was measured" in curve.extra["text"]
    assert curve.extra["gain"] == pytest.approx(32.0, rel=0.5)


def test_the_allan_deviation_is_that_of_its_definition() -> None:
    values = np.random.default_rng(2).standard_normal(50)
    curve = allan_deviation(values, 1.0)
    for size, found in zip((1, 2, 4, 8), curve.y, strict=False):
        means = [np.mean(values[k : k + size]) for k in range(len(values) - size + 1)]
        pairs = [means[k + size] - means[k] for k in range(len(means) - size)]
        assert found == pytest.approx(math.sqrt(0.5 * np.mean(np.square(pairs))))


def test_averaging_gains_nothing_on_a_walk_and_little_beside_flicker() -> None:
    rng = np.random.default_rng(3)
    assert "gains nothing" in allan_deviation(walk(rng, 2000), 1.0).extra["text"]
    mixed = allan_deviation(white(rng, 8192) + 0.05 * walk(rng, 8192), 1.0)
    assert mixed.extra["best_s"] < 100
    assert "longer means gain no more" in mixed.extra["text"]


# Runs


def run_at_rest(values: Array, kind: str, times: Array | None) -> Run:
    zero = np.zeros(len(values))
    run = noisy_run(
        np.zeros_like, (zero + 1.0, zero.astype(np.int64)), np.random.default_rng(0), 0.0
    )
    if kind == "it":
        return replace(run, kind="it", current_A=values, voltage_V=zero, time_s=times)
    return replace(run, kind="vt", voltage_V=values, current_A=zero, time_s=times)


def test_the_measured_quantity_is_judged_and_the_other_one_averaged() -> None:
    values = 1e-6 + 1e-9 * white(np.random.default_rng(1), 200)
    found = analyse_at_rest(run_at_rest(values, "it", np.arange(200.0))).quantities
    assert {"i_mean_A", "v_mean_V", "i_drift_A_per_s", "i_allan_A", "i_telegraph"} <= set(found)
    assert "v_drift_V_per_s" not in found
    voltage = analyse_at_rest(run_at_rest(values, "vt", np.arange(200.0))).quantities
    assert "v_allan_V" in voltage


def test_gaps_in_time_leave_the_drift_and_say_why_nothing_else() -> None:
    times = np.concatenate([np.arange(100.0), 1000.0 + np.arange(100.0)])
    result = analyse_at_rest(run_at_rest(white(np.random.default_rng(1), 200), "it", times))
    assert "i_drift_A_per_s" in result.quantities
    assert "i_allan_A" not in result.quantities
    assert any("not evenly spaced" in text for text in result.warnings)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(-1e-3, 1e-3), max_size=40).map(lambda part: part * 3),
    st.booleans(),
    st.sampled_from(["it", "vt"]),
)
def test_any_readings_make_a_document(values: list[float], timed: bool, kind: str) -> None:
    times = np.arange(float(len(values))) if timed else None
    document = build_results([analyse_at_rest(run_at_rest(np.array(values), kind, times))])
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("kind", ["it", "vt"])
def test_a_foreign_table_over_time_is_known_by_what_is_held(tmp_path: Path, kind: str) -> None:
    readings = 1e-6 + 1e-9 * white(np.random.default_rng(1), 100)
    rows = [
        f"{0.5 * k!r},0.0,{x!r}" if kind == "it" else f"{0.5 * k!r},{x!r},0.0"
        for k, x in enumerate(readings.tolist())
    ]
    path = tmp_path / "J.csv"
    path.write_text("\n".join(["Time (s),Voltage (V),Current (A)", *rows]), encoding="utf-8")
    (found,) = analyse([path]).run_results
    assert found.run.kind == kind
