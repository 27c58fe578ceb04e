"""Maxima that stand out: the same ones, of the same widths, as SciPy finds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import correlate, find_peaks, peak_widths

from nanojunction.analysis.iv.peak_search import _correlate
from nanojunction.analysis.iv.prominence import prominent_peaks

few_levels = st.integers(-4, 4).map(float)
any_levels = st.floats(-1e3, 1e3)
curves = st.lists(st.one_of(few_levels, any_levels, st.just(np.inf)), min_size=3, max_size=120)


def as_scipy_finds(y: np.ndarray, least: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of widths of 0
        peaks, _ = find_peaks(y, prominence=least)
        return peaks, peak_widths(y, peaks)[0]


@given(curves, st.floats(0.0, 10.0))
def test_peaks_are_those_of_scipy(values: list[float], prominence: float) -> None:
    y = np.array(values)
    least = np.where(np.isfinite(y), prominence, np.nan)
    expected, widths = as_scipy_finds(y, least)
    found, found_widths = prominent_peaks(y, least)
    assert found.tolist() == expected.tolist()
    assert found_widths == pytest.approx(widths, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("points", [3, 100, 30_000])
def test_walks_and_noise_have_the_peaks_that_scipy_finds(points: int) -> None:
    rng = np.random.default_rng(1)
    for y in (rng.normal(size=points), np.cumsum(rng.normal(size=points)), np.arange(points) * 1.0):
        expected, widths = as_scipy_finds(y, np.full(points, 1.5))
        found, found_widths = prominent_peaks(y, np.full(points, 1.5))
        assert found.tolist() == expected.tolist()
        assert found_widths == pytest.approx(widths, rel=1e-9, abs=1e-9)


def test_long_sums_are_those_of_scipy() -> None:
    rng = np.random.default_rng(2)
    values, kernel = rng.normal(size=20_000), rng.normal(size=2001)
    found, expected = _correlate(values, kernel), correlate(values, kernel, "valid", "fft")
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-9
