"""Standard errors of the I(V) quantities mean what they say, in repeated simulated runs.

All cells, and more repeats, are the benchmark `coverage`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.run import Run
from tests.coverage_cells import CELLS, repeat
from tests.coverage_nulls import CLAIMS, CLEAN, MOST_ALARMS, RUNS, loses_a_row
from tests.iv_simulation import (
    PAIR,
    diode,
    junction_b,
    line,
    noisy_run,
    quantity,
    sweep,
    with_peaks,
)

QUICK = (
    "line, noise × 1",
    "line, quarter legs",
    "line, one leg",
    "line, noise ∝ I",
    "line, hysteresis",
    "power law, noise × 0.1",
    "power law, 401 points",
    "power law, Katcko's legs",
    "power law, hysteresis and drift",
    "diode, 11 points",
    "diode, source's noise",
    "sinh, 21 points",
)
SLACK = 0.05  # of a share of 200 repeats: one and a half standard deviations


@pytest.mark.parametrize("name", QUICK)
def test_errors_are_honest(name: str) -> None:
    """In 55–80 % of 200 runs ±1 stderr holds the true value; it is at most 1.5× the scatter."""
    verdict = {
        key: (one.coverage, one.width)
        for key, one in repeat(CELLS[name], 200, seed=20260).items()
        if len(one.value) < 190
        or not (0.55 - SLACK <= one.coverage <= 0.80 + SLACK and one.width <= 1.5)
    }
    assert verdict == {}


@pytest.mark.parametrize("name", ["line, 21 points", "line, Katcko's legs"])
def test_nothing_is_claimed_of_a_resistor(name: str) -> None:
    rng = np.random.default_rng(7)
    results = [RUNS[name](rng) for _ in range(150)]
    for claim, is_made in CLAIMS.items():
        # Two standard deviations of a count above the bound.
        most = MOST_ALARMS * 150 + 2.0 * np.sqrt(MOST_ALARMS * 150)
        assert sum(map(is_made, results)) <= most, claim


@pytest.mark.campaign
@pytest.mark.parametrize("name", CLEAN)
def test_clean_runs_keep_their_rows(name: str) -> None:
    rng = np.random.default_rng(8)
    assert sum(loses_a_row(CLEAN[name](rng)) for _ in range(250)) <= 2


def spoilt(run: Run, **rows_A: float) -> Run:
    """The run with currents added at rows (r5=…)."""
    current = run.current_A.copy()
    for row, extra_A in rows_A.items():
        current[int(row[1:])] += extra_A
    return replace(run, current_A=current)


@pytest.mark.parametrize("law", [line, junction_b, diode])
@pytest.mark.parametrize("row", [0, 20, 50, 100, 101, 200])
@pytest.mark.parametrize("size", [30.0, 1000.0])
def test_a_spike_anywhere_is_named_and_moves_nothing(law: object, row: int, size: float) -> None:
    """Also at the ends, the turning point and beside V = 0."""
    assert callable(law)
    span = 0.01 if law is line else 0.1
    path = sweep([span * t for t in PAIR], span / 50)
    noise_A = 3e-9 if law is line else 2e-9 if law is junction_b else 2e-8
    run = noisy_run(law, path, np.random.default_rng(4), noise_A, voltage_noise_V=0.0)
    clean, other = analyse_iv(run), analyse_iv(spoilt(run, **{f"r{row}": size * noise_A}))
    assert f"1 row is left out as outliers (row {row + 1})" in other.warnings
    for key in ("i_off_A", "v_off_V", "r_s_ohm", "p_max_W"):
        before, after = quantity(clean, key), quantity(other, key)
        assert before.value is not None
        assert after.value is not None
        assert before.stderr is not None
        assert abs(after.value - before.value) <= before.stderr, key


def test_two_spikes_are_both_named() -> None:
    run = noisy_run(line, sweep([-0.01, 0.01], 1e-3), np.random.default_rng(4), 3e-9)
    other = analyse_iv(spoilt(run, r3=1e-6, r20=-3e-7))
    named = " ".join(other.warnings)
    assert "row 4" in named
    assert "21)" in named


def test_a_dropped_reading_in_a_short_sweep_is_named() -> None:
    run = noisy_run(line, sweep([-0.01, 0.01], 2e-3), np.random.default_rng(4), 3e-9)
    other = analyse_iv(spoilt(run, r10=-run.current_A[10]))
    assert "1 row is left out as outliers (row 11)" in other.warnings
    assert quantity(other, "v_off_V").value == pytest.approx(26e-6 * 157.0, rel=2e-3)


def test_a_sharp_feature_is_no_outlier() -> None:
    """A peak of three steps, 50 standard deviations high in dI/dV."""
    law = with_peaks(1 / 157.0, -2e-6, [(0.3e-3, 6e-5, 3e-3)])
    rng = np.random.default_rng(3)
    for _ in range(40):
        run = noisy_run(law, sweep([-2e-3, 2e-3, -2e-3], 2e-5), rng, 1e-9, voltage_noise_V=4e-8)
        assert not loses_a_row(analyse_iv(run))
