"""Peaks that the background of I(V) describes as well: they are unknown, and nothing breaks."""

from __future__ import annotations

import numpy as np
import pytest

from nanojunction.analysis.iv.peak_solver import Tasks, orders_of


@pytest.mark.parametrize("place", [0.0, 0.3, 1.5, 5.0])
@pytest.mark.parametrize("width", np.geomspace(1e-3, 1e4, 15).tolist())
def test_a_peak_that_the_background_takes_whole_has_no_precise_height(
    width: float, place: float
) -> None:
    """Narrower than the steps, far wider than the range, or outside of it."""
    x = np.linspace(-1.0, 1.0, 41)
    y = x + x**3 + 1e-3 * np.random.default_rng(1).normal(size=41)
    at, wide = np.array([[place]]), np.array([[width]])
    tasks = Tasks.of(x[None], y[None], np.full((1, 41), 1e-3), at, wide)
    found = orders_of(tasks, tasks.columns(at, wide), tasks.y[:, :, None], 3)
    variance = np.diagonal(found.inverse, axis1=2, axis2=3)
    assert np.isfinite(found.step).all()
    assert (variance > 0.0).all()
    if width >= 1e3:
        assert (variance[:, :, 0] > 1e6).all()
