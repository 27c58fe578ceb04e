"""The junctions of the papers as laws: each published number within a third of its tolerance."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import find_peaks, peak_widths

from nanojunction.models.junction import JunctionLaw, Memory, load_junction
from nanojunction.models.laws import Activated
from nanojunction.models.magnetic_laws import Switching
from tests.junction_probes import (
    after_fields,
    chord_ohm,
    iv,
    p_max_W,
    peak,
    slope,
    trace,
    v_off_V,
)

A, B, C, MTJ = (load_junction(name) for name in ("A", "B", "C", "MTJ"))
MTJ_TRANSPORT = load_junction("MTJ-transport")
FIELDS = st.floats(-9, 9) | st.sampled_from([0.0, 0.06, -0.06, 0.12, 0.5, -0.5, 0.025, -0.2])


def third(percent: float) -> float:
    return percent / 100 / 3


# --- A ---------------------------------------------------------------------------------------


def test_a_at_240_K_has_the_published_resistance_and_offsets() -> None:
    rising, falling = trace(A, 240, -0.01), trace(A, 240, 0.01)
    for current in (rising, falling):
        assert chord_ohm(current, 0.01) == pytest.approx(157, rel=third(2))
        assert current(0.0) == pytest.approx(-26e-6, rel=third(2))
        assert v_off_V(current, 1e-3, 9e-3) == pytest.approx(4.05e-3, rel=third(2))


@pytest.mark.parametrize("temperature_K", [40, 60, 85, 240])
@pytest.mark.parametrize("start_V", [-2e-3, 2e-3])
def test_a_shows_three_features_within_the_window_at_every_temperature(
    temperature_K: float, start_V: float
) -> None:
    current = trace(A, temperature_K, start_V)
    voltages = np.linspace(-1.5e-3, 1.5e-3, 3001)
    conductance = np.array([slope(current, v) for v in voltages])
    found, _ = find_peaks(conductance, prominence=0.03 * conductance[0])
    assert len(found) == 3
    assert np.all(np.abs(voltages[found]) <= 0.7e-3)
    widths_V = peak_widths(conductance, found, rel_height=0.5)[0] * (voltages[1] - voltages[0])
    assert min(widths_V) == pytest.approx(0.30e-3, rel=third(15))


def test_a_deviates_between_the_sweep_directions_within_the_window_only() -> None:
    rising, falling = trace(A, 240, -0.01), trace(A, 240, 0.01)
    assert 5e-9 < falling(0.0) - rising(0.0) < 50e-9
    for voltage_V in (-5e-3, 5e-3):
        assert rising(voltage_V) == pytest.approx(falling(voltage_V), abs=1e-12)


def test_a_turns_round_without_a_jump() -> None:
    memory = A.apply_voltage(A.apply_voltage(A.at_rest(), -0.01), 0.1e-3)
    at_turn = A.current_A(0.1e-3, 240, memory)
    assert A.current_A(0.1e-3 - 1e-9, 240, memory) == pytest.approx(at_turn, abs=1e-10)
    assert A.current_A(0.1e-3 + 1e-9, 240, memory) == pytest.approx(at_turn, abs=1e-10)


def test_a_at_40_K_is_one_of_the_other_metallic_junctions() -> None:
    current = iv(A, 40)
    assert 17e-9 < p_max_W(current, v_off_V(current, 1e-3, 9e-3)) < 55e-9
    assert 150 < chord_ohm(current, 0.01) < 157  # "slight decrease in conductance" as T rises


# --- B ---------------------------------------------------------------------------------------


def test_b_at_40_K_has_the_four_published_numbers() -> None:
    current = iv(B, 40)
    offset_V = v_off_V(current, 0, 1)
    assert offset_V == pytest.approx(84e-3, rel=third(2))
    assert current(0.0) == pytest.approx(-13.8e-6, rel=third(2))
    assert 1 / slope(current, 0.0) == pytest.approx(25.9e3, rel=third(2))
    assert p_max_W(current, offset_V) == pytest.approx(450e-9, rel=third(3))


def test_b_at_40_K_has_three_resistances() -> None:
    current = iv(B, 40)
    offset_V = v_off_V(current, 0, 1)
    assert chord_ohm(current, 0.01) == pytest.approx(22.9e3, rel=0.01)
    assert 1 / slope(current, offset_V) == pytest.approx(2.8e3, rel=0.02)


@pytest.mark.parametrize(
    ("temperature_K", "p_W", "v_V"), [(295, 27e-9, 11.1e-3), (360, 24e-9, 0.01)]
)
def test_b_when_warm(temperature_K: float, p_W: float, v_V: float) -> None:
    current = iv(B, temperature_K)
    offset_V = v_off_V(current, 0, 1)
    assert offset_V == pytest.approx(v_V, rel=third(5))
    assert p_max_W(current, offset_V) == pytest.approx(p_W, rel=third(5))


def test_b_at_360_K_is_nearly_linear() -> None:
    current = iv(B, 360)
    assert 1 / slope(current, 0.0) == pytest.approx(1.05e3, rel=third(5))
    assert slope(current, 0.01) == pytest.approx(slope(current, 0.0), rel=0.15)


def test_b_has_one_regime_in_resistance_and_two_in_offset_and_power() -> None:
    k_meV = 8.617333262e-2

    def energies(quantity: str) -> tuple[float, float]:
        def ln(temperature_K: float) -> float:
            current = iv(B, temperature_K)
            offset_V = v_off_V(current, 0, 1)
            return math.log(
                {
                    "r_s": 1 / slope(current, 0.0),
                    "v_off": offset_V,
                    "p_max": p_max_W(current, offset_V),
                }[quantity]
            )

        return (
            k_meV * (ln(40) - ln(120)) / (1 / 40 - 1 / 120),
            k_meV * (ln(120) - ln(360)) / (1 / 120 - 1 / 360),
        )

    assert energies("r_s") == pytest.approx((12.4, 12.4), rel=0.005)
    assert energies("p_max") == pytest.approx((9.6, 16.6), rel=0.005)
    low, high = energies("v_off")
    assert high > 2 * low


@given(st.floats(30, 400), st.floats(-2, 2), st.floats(1e-4, 0.1))
def test_b_rises_with_voltage_up_to_twice_its_offset(
    temperature_K: float, place: float, step: float
) -> None:
    current = iv(B, temperature_K)
    offset_V = v_off_V(current, 0, 1)
    assert current((place + step) * offset_V) > current(place * offset_V)


def test_a_b_of_less_power_than_a_straight_line_still_rises_everywhere() -> None:
    assert isinstance(B, Activated)
    current = iv(replace(B, p_max_W=0.9 * B.p_max_W), 360)
    voltages = np.linspace(-1, 1, 4001)
    assert np.all(np.diff([current(v) for v in voltages]) > 0)
    offset_V = v_off_V(current, 0, 1)
    assert p_max_W(current, offset_V) < 0.25 * offset_V**2 * slope(current, 0.0)


def test_degraded_b_is_a_resistor() -> None:
    current = iv(load_junction("B-degraded"), 40)
    assert current(0.0) == 0.0
    assert 1 / slope(current, 0.0) == pytest.approx(8.1e3)


# --- C ---------------------------------------------------------------------------------------


def test_c_at_40_K_has_two_straight_lines() -> None:
    for fields_T, r_s_ohm, offset_V in (((), 63, 2.76e-3), ((-0.5,), 550, 2.13e-3)):
        current = iv(C, 40, after_fields(C, *fields_T))
        assert chord_ohm(current, 0.01) == pytest.approx(r_s_ohm, rel=third(3))
        assert v_off_V(current, 1e-3, 9e-3) == pytest.approx(offset_V, rel=third(3))


def test_c_switches_its_resistance_and_the_direction_of_its_current() -> None:
    zero, parallel = iv(C, 40), iv(C, 40, after_fields(C, -0.5))
    assert chord_ohm(zero, 1e-3) / chord_ohm(parallel, 1e-3) - 1 == pytest.approx(-0.89, abs=0.01)
    optimistic = chord_ohm(parallel, 1e-3) / chord_ohm(zero, 1e-3) - 1
    assert math.sqrt(optimistic / (optimistic + 2)) == pytest.approx(0.891, abs=0.003)
    assert parallel(2.67e-3) / zero(2.67e-3) - 1 == pytest.approx(-1.69, abs=0.02)
    assert parallel(2.13e-3) / zero(2.13e-3) - 1 == pytest.approx(-1.0, abs=1e-9)


def test_c_differs_between_field_rising_and_falling() -> None:
    rising, falling = after_fields(C, -2, 0, 0.25), after_fields(C, 2, 0.25)
    assert C.magnetic_state(rising) is None
    assert C.current_A(2.67e-3, 40, falling) - C.current_A(2.67e-3, 40, rising) > 0.5e-6


@given(st.lists(FIELDS, max_size=8), st.floats(0.5, 9), st.sampled_from([-1, 1]))
def test_c_forgets_its_past_at_zero_field_and_in_saturation(
    fields_T: list[float], size_T: float, sign: int
) -> None:
    assert isinstance(C, Switching)
    assert C.parallel_share(after_fields(C, *fields_T, 0.0)) == 0.0
    assert C.parallel_share(after_fields(C, *fields_T, sign * size_T)) == 1.0


@given(st.lists(FIELDS, max_size=8))
def test_c_does_not_know_the_sign_of_the_field(fields_T: list[float]) -> None:
    mirrored = after_fields(C, *(-field_T for field_T in fields_T))
    assert mirrored.lagging_field_T == after_fields(C, *fields_T).lagging_field_T


# --- MTJ -------------------------------------------------------------------------------------

P_STATE, AP_STATE = after_fields(MTJ, -0.2), after_fields(MTJ, -0.2, 0.025)
I_P, I_AP = iv(MTJ, 295, P_STATE), iv(MTJ, 295, AP_STATE)


def tmr(voltage_V: float) -> float:
    return I_P(voltage_V) / I_AP(voltage_V) - 1


@pytest.mark.parametrize("law", [MTJ, MTJ_TRANSPORT], ids=lambda law: law.name)
def test_mtj_goes_through_its_magnetic_states(law: JunctionLaw) -> None:
    path_T = [0.0, -0.2, 0.0, 0.025, 0.1, 0.2, 0.08, 0.025, -0.002, -0.05, -0.2]
    states = ["P", "P", "P", "AP", "AP", "P", "P", "AP", "AP", "P", "P"]
    memory = law.at_rest()
    for field_T, state in zip(path_T, states, strict=True):
        memory = law.apply_field(memory, field_T)
        assert law.magnetic_state(memory) == state, f"at {field_T} T"


def test_mtj_currents_have_the_published_values_and_signs() -> None:
    assert I_AP(1.4e-3) == pytest.approx(-70e-9, rel=third(3))
    assert I_P(5e-3) < -1e-9
    assert I_AP(5e-3) > 1e-9
    assert tmr(10e-3) < -0.1
    assert 1 / slope(I_P, 10e-3) == pytest.approx(57.7e3, rel=0.001)
    assert p_max_W(I_AP, v_off_V(I_AP, 1e-3, 9e-3)) > 0.1e-9


def test_mtj_has_one_tmr_peak_of_three_hundred_percent() -> None:
    top = peak(tmr, -6e-3, -1.5e-3)
    assert top.position == pytest.approx(-3.5e-3, rel=third(10))
    assert top.height == pytest.approx(3.0, rel=third(10))
    assert top.fwhm == pytest.approx(1.3e-3, rel=third(10))
    elsewhere = [v for v in np.linspace(-10e-3, 3e-3, 1301) if not -4.5e-3 < v < -2.5e-3]
    assert max(tmr(v) for v in elsewhere) < 1.0


def test_mtj_peak_comes_from_extrema_of_both_currents() -> None:
    steps = np.linspace(-4e-3, -3e-3, 1001)
    assert steps[np.argmin([I_P(v) for v in steps])] == pytest.approx(-3.5e-3, abs=2e-6)
    assert steps[np.argmax([I_AP(v) for v in steps])] == pytest.approx(-3.5e-3, abs=2e-6)


@pytest.mark.parametrize("state", [P_STATE, AP_STATE], ids=["P", "AP"])
def test_mtj_conductance_oscillates_with_a_width_of_a_quarter_meV(state: Memory) -> None:
    still = iv(replace(MTJ, oscillations=()), 295, state)
    voltages = np.linspace(-1.2e-3, 1.2e-3, 2401)
    oscillating = iv(MTJ, 295, state)
    wave = np.array([slope(oscillating, v) - slope(still, v) for v in voltages])
    turns, _ = find_peaks(np.abs(wave), prominence=4e-6)
    assert len(turns) >= 4
    assert np.all(np.sign(wave[turns][1:]) == -np.sign(wave[turns][:-1])), "up and down in turn"
    widths_V = peak_widths(np.abs(wave), turns, rel_height=0.5)[0] * (voltages[1] - voltages[0])
    assert widths_V == pytest.approx(0.25e-3, rel=0.05)


def test_mtj_transport_has_what_its_model_can_say_of_the_mtj() -> None:
    """Signs and sizes; `test_a_changed_parameter…` holds each current against the equations."""
    parallel, antiparallel = (
        iv(MTJ_TRANSPORT, 295, after_fields(MTJ_TRANSPORT, *fields_T))
        for fields_T in ([-0.2], [-0.2, 0.025])
    )
    assert parallel(0.0) == pytest.approx(-42.4e-9, rel=1e-3)
    assert antiparallel(0.0) == pytest.approx(-8.96e-9, rel=1e-3)
    for voltage_V in (0.7e-3, 1.4e-3, 2.1e-3):
        assert parallel(voltage_V) < 0 < antiparallel(voltage_V)
    voltages_V = np.linspace(-6e-3, -1.5e-3, 451)
    ratio = np.array([parallel(v) / antiparallel(v) - 1 for v in voltages_V])
    assert voltages_V[np.argmax(ratio)] == pytest.approx(-3.77e-3, abs=0.02e-3)
    assert ratio.max() == pytest.approx(2.61, rel=0.01)


def test_mtj_transport_is_sharper_in_the_cold() -> None:
    memory = after_fields(MTJ_TRANSPORT, -0.2)
    bend = [iv(MTJ_TRANSPORT, T, memory) for T in (295, 10)]
    warm, cold = (max(abs(slope(i, v)) for v in np.linspace(-8e-3, 8e-3, 81)) for i in bend)
    assert cold > 3 * warm
