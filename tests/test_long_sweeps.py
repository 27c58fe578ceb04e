"""Sweeps of many points or many legs: what is done otherwise for them comes to the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nanojunction.analysis.iv.grid import grid_of
from nanojunction.analysis.iv.peak_search import strongest, threshold_of
from nanojunction.analysis.iv.quantities import analyse_iv
from nanojunction.analysis.iv.traces import gradient_of_legs, traces_of
from tests.iv_simulation import junction_b, line, noisy_run, quantity, sweep


@pytest.mark.parametrize("legs", [6, 100])
def test_legs_apart_by_a_constant_are_brought_together(legs: int) -> None:
    path = sweep([(-1) ** k * 0.01 for k in range(legs + 1)], 5e-4)
    rng = np.random.default_rng(1)
    run = noisy_run(line, path, rng, 0.0, voltage_noise_V=0.0)
    apart = rng.normal(size=legs) * 1e-7
    traces, _ = traces_of(replace(run, current_A=run.current_A + apart[run.leg]))
    grid = grid_of(traces)
    for direction in (1, -1):
        rows = traces.direction == direction
        left = grid.row_level_A[rows] - grid.current_A[direction][grid.cell[rows]]
        assert np.max(np.abs(left)) < 1e-12
        mean = np.mean(apart[traces.leg[rows]])
        truth = line(traces.voltage_V[rows]) + mean
        assert grid.row_level_A[rows] == pytest.approx(truth, abs=1e-12)


def test_a_broad_peak_is_found_among_many_points() -> None:
    """0.2 of 40,000 points: far wider than what is summed directly."""
    x = np.linspace(-1.0, 1.0, 40_001)
    rng = np.random.default_rng(3)
    rate = 2.0 * np.arccosh(np.sqrt(2.0)) / 0.2
    rest = 0.3 * np.tanh(rate * (x - 0.2)) + rng.normal(size=len(x))
    hit = strongest(rest, np.ones(len(x)), x)
    assert hit is not None
    assert hit.position_V == pytest.approx(0.2, abs=0.02)
    assert 0.1 < hit.fwhm_V < 0.4
    assert hit.z > threshold_of(len(x))
    alone = strongest(rng.normal(size=len(x)), np.ones(len(x)), x)
    assert alone is not None
    assert alone.z < threshold_of(len(x))


def test_twenty_thousand_points_are_analysed_as_well_as_two_hundred() -> None:
    path = sweep([-0.1, 0.1, -0.1], 2e-5)
    run = noisy_run(junction_b, path, np.random.default_rng(4), 1e-9, voltage_noise_V=1e-8)
    assert len(run) == 20_001
    found = analyse_iv(run)
    i_off = quantity(found, "i_off_A")
    assert i_off.value is not None
    assert i_off.stderr is not None
    assert abs(i_off.value + 13.8e-6) < 4.0 * i_off.stderr
    assert i_off.stderr < 1e-10
    assert found.quantities["features"] == []


def test_the_gradient_of_a_leg_knows_nothing_of_its_neighbours() -> None:
    path = sweep([0.0, 0.01, -0.01, 0.0], 5e-4)
    run = noisy_run(line, path, np.random.default_rng(5), 0.0, voltage_noise_V=1e-6)
    traces, _ = traces_of(run)
    slopes = np.array([3.0, -2.0, 5.0])[traces.leg]
    values = slopes * traces.voltage_V + 7.0 * traces.leg
    assert gradient_of_legs(traces, values) == pytest.approx(slopes, rel=1e-6)
