"""Numbers as physicists write them."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.analysis.notation import (
    amount,
    measured,
    numbered,
    si_scale,
    symbol_of,
    with_uncertainty,
)
from nanojunction.analysis.values import Quantity

SPACE = "\u00a0"
PREFIX = {
    "a": 1e-18,
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "µ": 1e-6,
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
}


@pytest.mark.parametrize(
    ("value", "stderr", "text"),
    [
        (25.9, 0.02, "25.900(20)"),
        (4.0466, 0.00007, "4.04660(7)"),
        (84.01258, 0.0016814, "84.0126(17)"),
        (157.0, 1.6, "157.0(1.6)"),
        (-26.0, 0.4, "−26.0(4)"),
        (21122.18, 182.5, "21120(180)"),
        (0.0, 1.0, "0.0(1.0)"),
    ],
)
def test_uncertainty_stands_in_brackets_in_units_of_the_last_digits(
    value: float, stderr: float, text: str
) -> None:
    assert with_uncertainty(value, stderr) == text


@pytest.mark.parametrize("stderr", [None, 0.0, math.nan, math.inf, -1.0])
def test_without_a_standard_error_there_are_no_brackets(stderr: float | None) -> None:
    assert with_uncertainty(-12.34567, stderr) == "−12.35"


@given(
    st.floats(min_value=1e-2, max_value=1e3),
    st.floats(min_value=1e-6, max_value=1.0),
    st.sampled_from([1.0, -1.0]),
)
def test_the_written_number_is_the_number(value: float, relative: float, sign: float) -> None:
    stderr = value * relative
    text = with_uncertainty(sign * value, stderr).replace("−", "-")
    found = re.fullmatch(r"(-?[\d.]+)\(([\d.]+)\)", text)
    assert found is not None
    digits = len(found[1].partition(".")[2])
    shown = float(found[2]) if "." in found[2] else float(found[2]) * 10.0**-digits
    last = 10.0 ** (len(found[2]) - 2) if stderr >= 100 else 10.0**-digits
    assert abs(float(found[1]) - sign * value) <= 0.5 * last * (1 + 1e-9)
    assert shown == pytest.approx(stderr, rel=0.15)
    assert len(found[2].replace(".", "").strip("0")) <= 2


@given(st.floats(min_value=1e-17, max_value=1e11), st.sampled_from(["V", "A", "Ω", "W", "S", "T"]))
def test_a_prefix_brings_a_value_between_1_and_1000(value: float, unit: str) -> None:
    scale = si_scale([value, -0.1 * value], unit)
    assert 0.999 <= value * scale.factor < 1000.0
    assert scale.unit.endswith(unit)
    assert PREFIX[scale.unit.removesuffix(unit)] * scale.factor == pytest.approx(1.0)


@pytest.mark.parametrize("unit", ["K", "meV", ""])
def test_units_without_prefixes_keep_their_size(unit: str) -> None:
    assert si_scale([1e5], unit).factor == 1.0


def test_a_quantity_is_written_with_its_prefix() -> None:
    assert measured(Quantity(25835.8, 24.7), "Ω") == f"25.836(25){SPACE}kΩ"
    assert measured(Quantity(-1.38e-5, 3e-8), "A") == f"−13.800(30){SPACE}µA"
    assert measured(Quantity(0.8911, 0.0009), "%") == f"89.11(9){SPACE}%"
    assert measured(Quantity(0.0, 2e-9), "A") == f"0.0(2.0){SPACE}nA"


def test_a_missing_quantity_is_no_text() -> None:
    assert measured(Quantity(None, note="no crossing"), "V") is None


def test_conditions_are_written_without_an_uncertainty() -> None:
    assert amount(-0.2, "T") == f"−200{SPACE}mT"
    assert amount(40.0, "K", 3) == f"40{SPACE}K"
    assert amount(0.0, "T") == f"0{SPACE}T"


def test_keys_of_the_results_have_symbols_and_units() -> None:
    v_off = symbol_of("v_off_V")
    assert (v_off.plain, v_off.unit) == ("V_off", "V")
    assert symbol_of("r_s_ohm").unit == "Ω"
    assert symbol_of("mr_from_loops").unit == "%"
    unknown = symbol_of("sharpness_of_teeth_meV")
    assert (unknown.plain, unknown.unit) == ("sharpness of teeth", "meV")


@given(st.lists(st.integers(min_value=1, max_value=60)))
def test_runs_are_counted_in_spans(numbers: list[int]) -> None:
    spans = numbered(numbers)
    assert [n for first, last in spans for n in range(first, last + 1)] == sorted(set(numbers))
    assert all(b[0] > a[1] + 1 for a, b in pairwise(spans))
