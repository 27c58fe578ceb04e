"""Slopes by local parabolas: exact on parabolas, the same on even and on uneven grids."""

from __future__ import annotations

import numpy as np
import pytest

from nanojunction.analysis.iv.slopes import slope_weights, slopes_by_width

EVEN = np.linspace(-0.01, 0.01, 101)
UNEVEN = np.sort(np.random.default_rng(1).uniform(-0.01, 0.01, 101))
HALVES = (1, 2, 3, 4, 6, 8, 12)


@pytest.mark.parametrize("x", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("half", HALVES)
def test_the_slope_of_a_parabola_is_exact_also_at_the_ends(x: np.ndarray, half: int) -> None:
    y = 3e-6 - 2e-3 * x + 0.4 * x**2
    assert slope_weights(x, half).apply(y) == pytest.approx(-2e-3 + 0.8 * x, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("half", HALVES)
def test_an_even_grid_is_a_special_case_of_an_uneven_one(half: int) -> None:
    """A step that is a hundredth longer makes the grid uneven; windows before it stay the same."""
    x = np.append(EVEN, EVEN[-1] + 1.01 * (EVEN[1] - EVEN[0]))
    even, uneven = slope_weights(EVEN, half), slope_weights(x, half)
    inside = slice(0, len(EVEN) - half)
    assert np.array_equal(even.index[inside], uneven.index[inside])
    assert even.weights[inside] == pytest.approx(uneven.weights[inside], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("x", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_all_widths_at_once_are_those_one_by_one(x: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    y, noise = rng.normal(size=len(x)), rng.uniform(1.0, 2.0, len(x))
    slopes, covariances = (one[0] for one in slopes_by_width(x[None], y[None], noise[None], HALVES))
    narrow = slope_weights(x, 1)
    for k, half in enumerate(HALVES):
        window = slope_weights(x, half)
        size = np.max(np.abs(window.apply(y)))
        assert slopes[k] == pytest.approx(window.apply(y), rel=1e-9, abs=1e-9 * size)
        expected = window.covariance(narrow, noise)
        assert covariances[k] == pytest.approx(expected, abs=1e-9 * np.max(np.abs(expected)))
