"""What holds for every junction: finite currents, memory without rates, no silent nonsense."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.models.junction import built_in_junctions, load_junction
from tests.junction_probes import after_fields, iv

NAMES = built_in_junctions()
FIELDS = st.floats(-9, 9) | st.sampled_from([0.0, 0.06, -0.06, 0.12, 0.5, -0.5, 0.025, -0.2])


@pytest.mark.parametrize(
    ("name", "r_s_ohm"),
    [
        ("resistor-100", 100),
        ("resistor-1k", 1e3),
        ("resistor-10k", 1e4),
        ("open", 1e12),
        ("short", 0.5),
    ],
)
def test_resistors_are_straight_through_zero(name: str, r_s_ohm: float) -> None:
    current = iv(load_junction(name), 77)
    assert current(0.0) == 0.0
    assert current(-0.3) == pytest.approx(-0.3 / r_s_ohm)


@pytest.mark.parametrize("name", ["A", "C", "B-degraded", "short"])
@given(voltage_V=st.floats(-1, 0.999), step_V=st.floats(1e-6, 1e-3), fields_T=st.lists(FIELDS))
def test_metallic_currents_rise_with_voltage(
    name: str, voltage_V: float, step_V: float, fields_T: list[float]
) -> None:
    law = load_junction(name)
    current = iv(law, 40, after_fields(law, *fields_T))
    assert current(voltage_V + step_V) > current(voltage_V)


@given(st.sampled_from(NAMES), st.floats(-1, 1), st.floats(4, 400), st.lists(FIELDS, max_size=5))
def test_current_is_finite_after_any_history(
    name: str, voltage_V: float, temperature_K: float, fields_T: list[float]
) -> None:
    law = load_junction(name)
    assert math.isfinite(law.current_A(voltage_V, temperature_K, after_fields(law, *fields_T)))


@given(
    st.sampled_from(NAMES),
    st.lists(st.tuples(FIELDS, st.lists(st.floats(0, 1), max_size=4)), max_size=6),
)
def test_memory_depends_on_turning_points_and_not_on_steps(
    name: str, path: list[tuple[float, list[float]]]
) -> None:
    law = load_junction(name)
    whole = stepped = law.at_rest()
    for target, fractions in path:
        start = whole.field_T
        whole = law.apply_voltage(law.apply_field(whole, target), target / 9)
        low, high = sorted((start, target))
        places = {min(max(start + (target - start) * f, low), high) for f in fractions}
        between = sorted(places, reverse=target < start)
        for place in [*between, target]:
            stepped = law.apply_field(stepped, place)
        for place in [*between, target]:
            stepped = law.apply_voltage(stepped, place / 9)
    assert whole == stepped


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_a_number_is_refused(name: str) -> None:
    law = load_junction(name)
    memory = law.at_rest()
    for wrong in (math.nan, math.inf):
        with pytest.raises(ValueError, match="voltage"):
            law.current_A(wrong, 40, memory)
        with pytest.raises(ValueError, match="voltage"):
            law.apply_voltage(memory, wrong)
        with pytest.raises(ValueError, match="field"):
            law.apply_field(memory, wrong)
        with pytest.raises(ValueError, match="temperature"):
            law.current_A(0.0, wrong, memory)
    for cold_K in (0.0, -1.0):
        with pytest.raises(ValueError, match="temperature"):
            law.current_A(0.0, cold_K, memory)


def test_b_stays_as_it_is_below_its_lowest_temperature() -> None:
    B = load_junction("B")
    assert B.current_A(0.05, 4.0, B.at_rest()) == B.current_A(0.05, 30.0, B.at_rest())
