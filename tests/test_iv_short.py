"""Short sweeps, made by hand: their errors, their noise, and a row that stands alone in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nanojunction.analysis.iv.quantities import analyse_ivs
from tests.coverage_cells import ONE_LEG, Cell, repeat
from tests.coverage_nulls import loses_a_row
from tests.iv_simulation import (
    PAIR,
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


@pytest.mark.parametrize("law", [line, junction_b, diode, barrier])
@pytest.mark.parametrize("turning", [ONE_LEG, PAIR])
def test_a_wrong_reading_among_11_points_is_named(law: Law, turning: tuple[float, ...]) -> None:
    span_V, noise_A = (0.01, 1e-9) if law is line else (0.1, 5e-10)
    path = sweep([span_V * t for t in turning], span_V / 5)
    rng = np.random.default_rng(3)
    runs = []
    for row in range(len(path[0])):
        run = noisy_run(law, path, rng, noise_A, voltage_noise_V=0.0)
        current = run.current_A.copy()
        current[row] += 1000.0 * noise_A
        runs.append(replace(run, current_A=current))
    truth = truth_of(law, span_V)
    far = 0
    for row, result in enumerate(analyse_ivs(runs)):
        assert f"1 row is left out as outliers (row {row + 1})" in result.warnings
        for key in ("i_off_A", "p_max_W"):
            one = quantity(result, key)
            assert one.value is not None
            assert one.stderr is not None
            far += abs(one.value - truth[key]) > 4.0 * one.stderr
    # With five degrees of freedom four standard errors are exceeded in 1 % of cases.
    assert far <= 3


@pytest.mark.parametrize(("law", "turning"), [(diode, PAIR), (barrier, ONE_LEG)])
def test_the_voltmeters_noise_on_a_steep_end_is_no_outlier(
    law: Law, turning: tuple[float, ...]
) -> None:
    """0.4 µV × dI/dV is ten times the noise of the current there."""
    path = sweep([0.1 * t for t in turning], 0.01)
    rng = np.random.default_rng(4)
    runs = [noisy_run(law, path, rng, 5e-11) for _ in range(60)]
    assert sum(map(loses_a_row, analyse_ivs(runs))) <= 1


def test_errors_are_honest_where_the_voltmeters_noise_dominates() -> None:
    found = repeat(Cell(diode, 0.1, 20, PAIR, 5e-11), 80, seed=5)
    for key in ("i_off_A", "v_off_V", "r_s_local_zero_ohm", "p_max_W"):
        assert 0.5 < found[key].coverage < 0.85, key
        assert 0.6 < found[key].width < 1.5, key


def test_a_straight_line_of_11_rows_is_told_from_a_curve() -> None:
    path = sweep([-0.01, 0.01], 2e-3)
    rng = np.random.default_rng(6)
    results = analyse_ivs([noisy_run(line, path, rng, 1e-9) for _ in range(150)])
    models = [quantity(result, "i_off_A").extra["model"] for result in results]
    assert sum(model.startswith("polynomial of order 3") for model in models) > 140
    assert sum(model.startswith("local") for model in models) <= 2
