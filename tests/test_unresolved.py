"""Structure narrower than the step: local values say so, and their errors are the true ones."""

from __future__ import annotations

import numpy as np
import pytest

from nanojunction.analysis.iv.quantities import analyse_iv
from tests.iv_simulation import Law, barrier, diode, noisy_run, quantity, slope, sweep, with_peaks
from tests.test_features import OSCILLATIONS, PEAKS

A = with_peaks(1 / 157.0, -26e-6, PEAKS)
MTJ = with_peaks(20e-6, -70e-9, OSCILLATIONS)
NOT_RESOLVED = "structure near 0 V is not resolved by the step"


@pytest.mark.parametrize(("law", "noise_A"), [(A, 0.5e-9), (MTJ, 1e-11)], ids=["A", "MTJ"])
@pytest.mark.parametrize("step", [2e-4, 5e-4])
@pytest.mark.parametrize("shift", [0.0, 7e-6])
def test_a_slope_that_no_step_resolves_says_so(
    law: Law, noise_A: float, step: float, shift: float
) -> None:
    """±10 mV in 500 µV steps (Katcko's pair) pass over features 0.25 to 0.36 meV wide."""
    setpoint, leg = sweep([-6e-3, 6e-3, -6e-3, 6e-3, -6e-3], step)
    for seed in range(2):
        path = (setpoint + shift, leg)
        result = analyse_iv(noisy_run(law, path, np.random.default_rng(seed), noise_A))
        r_s, true = quantity(result, "r_s_ohm"), 1.0 / slope(law, 0.0)
        assert r_s.value is not None
        assert r_s.stderr is not None
        assert abs(r_s.value - true) < 5.0 * r_s.stderr
        assert r_s.stderr < 0.25 * true
        if law is A:
            assert r_s.note == NOT_RESOLVED
        i_off = quantity(result, "i_off_A")
        assert i_off.value is not None
        assert i_off.stderr is not None
        # A dip and a peak that share a step leave no trace of themselves.
        hidden_A = 1e-10 if law is MTJ and shift else 0.0
        off_A = abs(i_off.value - float(law(np.array([0.0]))[0]))
        assert off_A < 4.0 * i_off.stderr + hidden_A
        assert i_off.stderr < (2e-4 if shift else 5e-5) * abs(i_off.value) + 2 * noise_A


def test_a_step_that_resolves_it_keeps_the_precise_slope() -> None:
    path = sweep([0, 1.5e-3, -1.5e-3, 1.5e-3, -1.5e-3, 0], 25e-6)
    for seed in range(3):
        result = analyse_iv(noisy_run(A, path, np.random.default_rng(seed), 0.5e-9))
        r_s = quantity(result, "r_s_ohm")
        assert r_s.note is None
        assert r_s.value is not None
        assert r_s.stderr is not None
        assert abs(r_s.value - 1.0 / slope(A, 0.0)) < 4.0 * r_s.stderr
        assert r_s.stderr < 0.006 * r_s.value


@pytest.mark.parametrize("law", [diode, barrier])
@pytest.mark.parametrize("noise_A", [0.5e-9, 1e-13])
def test_a_smooth_curve_is_resolved(law: Law, noise_A: float) -> None:
    """Also where noise is so small that a polynomial is not exact."""
    path = sweep([-0.1, 0.1, -0.1], 5e-3)
    r_s = quantity(
        analyse_iv(noisy_run(law, path, np.random.default_rng(1), noise_A, voltage_noise_V=0.0)),
        "r_s_ohm",
    )
    assert r_s.note is None
    assert r_s.value is not None
    assert abs(r_s.value * slope(law, 0.0) - 1.0) < 2e-3
