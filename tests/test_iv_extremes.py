"""Tables that no junction gave: calculated, zero, absurdly small, or nearly all in compliance."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.iv.quantities import analyse_iv
from tests.iv_simulation import line, noisy_run, quantity, sweep

V = sweep([-0.01, 0.01, -0.01], 5e-4)[0]


def table(folder: Path, name: str, current: np.ndarray) -> Path:
    rows = zip(V.tolist(), current.tolist(), strict=True)
    path = folder / name
    path.write_text("V (V),I (A)\n" + "".join(f"{v!r},{i!r}\n" for v, i in rows))
    return path


@pytest.mark.parametrize("law", [line, lambda v: -1e-6 + v / 1e4 + v**3])
def test_calculated_values_have_no_standard_error(law: Callable[[np.ndarray], np.ndarray]) -> None:
    path = sweep([-0.01, 0.01, -0.01], 5e-4)
    run = noisy_run(law, path, np.random.default_rng(0), 0.0, voltage_noise_V=0.0)
    result = analyse_iv(run)
    for key in ("i_off_A", "v_off_V", "r_s_ohm", "p_max_W", "fill_factor"):
        one = quantity(result, key)
        assert one.value is not None
        assert one.stderr is None
        assert one.note is not None
        assert "rounding" in one.note


@pytest.mark.parametrize("level_A", [0.0, 1e-9])
def test_a_constant_current_is_said_to_be_one(tmp_path: Path, level_A: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        analysis = analyse([table(tmp_path, "still.csv", np.full(len(V), level_A))])
    (result,) = analysis.run_results
    assert quantity(result, "i_off_A").value == level_A
    assert quantity(result, "r_s_ohm").note == "dI/dV is exactly zero"
    analysis.to_json()


@pytest.mark.parametrize("scale", [1e-320, 1e-302, 1e-150])
def test_currents_that_nothing_measures_are_null(tmp_path: Path, scale: float) -> None:
    analysis = analyse([table(tmp_path, "tiny.csv", scale * (1.0 + 100.0 * V))])
    assert analysis.errors == ()
    r_s = quantity(analysis.run_results[0], "r_s_ohm")
    assert r_s.value is None
    assert r_s.note == "no current reaches 1e-100 A: is the unit of the column right?"


def test_an_end_of_endless_depth_is_none(tmp_path: Path) -> None:
    deep = table(tmp_path, "deep.csv", line(V))
    with deep.open("a") as file:
        file.write("# End: " + "[" * 200_000 + "\n")
    (result,) = analyse([tmp_path]).run_results
    assert (len(result.run), result.run.status) == (len(V), None)


def test_a_sweep_that_compliance_ate_says_so() -> None:
    run = noisy_run(line, (V, np.zeros(len(V), dtype=int)), np.random.default_rng(1), 1e-9)
    few = np.abs(V - 0.005) > 1e-6
    result = analyse_iv(replace(run, in_compliance=few))
    assert quantity(result, "r_s_ohm").note == (
        f"compliance left only 2 of {len(V)} rows, at about one voltage"
    )
    assert f"{len(V) - 2} rows in compliance are left out" in result.warnings


def test_power_beyond_the_nearest_crossing_is_not_p_max() -> None:
    """I > 0 from 0 V to V_off = 10 mV takes power; beyond, up to 40 mV, the junction gives it."""

    def law(v: np.ndarray) -> np.ndarray:
        return np.asarray((v - 0.01) * (v - 0.04) * (v + 0.03))

    path = sweep([-0.1, 0.1, -0.1], 1e-3)
    result = analyse_iv(noisy_run(law, path, np.random.default_rng(2), 3e-9))
    assert quantity(result, "v_off_V").value == pytest.approx(0.01, abs=1e-4)
    p_max = quantity(result, "p_max_W")
    assert p_max.value == 0.0
    assert p_max.note is not None
    assert "between 0 V and V_off, but beyond: V·I is negative at" in p_max.note
    assert quantity(result, "v_at_p_max_V").value is None
    assert quantity(result, "fill_factor").value is None


@pytest.mark.parametrize("times", [2, 3, 10])
def test_readings_repeated_at_each_voltage_are_as_good_as_others(times: int) -> None:
    """Their scatter is the noise; without it no law would be known to describe the sweep."""
    voltage, leg = sweep([-0.01, 0.01, -0.01], 2e-4)
    path = np.repeat(voltage, times), np.repeat(leg, times)
    rng = np.random.default_rng(times)
    inside = []
    for _ in range(60):
        run = replace(noisy_run(line, path, rng, 1e-7, voltage_noise_V=0.0), setpoint_V=None)
        for key, truth in (("v_off_V", 26e-6 * 157.0), ("r_s_ohm", 157.0)):
            found = quantity(analyse_iv(run), key)
            assert found.value is not None
            assert found.stderr is not None
            inside.append(abs(found.value - truth) < found.stderr)
    assert 0.55 < np.mean(inside) < 0.8
