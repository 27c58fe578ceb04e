"""Quantities as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.procedures.quantities import (
    QuantityListParameter,
    QuantityParameter,
    TargetParameter,
    parse_quantities,
    parse_quantity,
    parse_target,
)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("10mV", "V", 0.01),
        ("10 mV", "V", 0.01),
        (" -2.5e2 uV ", "V", -250e-6),
        ("0.01", "V", 0.01),
        (".5", "V", 0.5),
        ("0.3 T/min", "T/min", 0.3),
        ("2000 Oe", "T", 0.2),
        ("500 Oe/s", "T/min", 3.0),
        ("5 kG", "T", 0.5),
        ("1 min", "s", 60.0),
        ("57.7kΩ", "ohm", 57700.0),
        ("100 µA", "A", 1e-4),
    ],
)
def test_a_quantity_is_read_in_its_unit(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("10mT", "V", "'10mT' has the unit 'mT', V is expected"),
        ("0,5", "V", "decimals with a point"),
        ("", "V", "not a number"),
        ("ten", "V", "not a number"),
        ("1e999", "V", "finite"),
        ("nan", "V", "not a number"),
        ("10 mV; import os", "V", "V is expected"),
        ("3 V", "", "a bare number is expected"),
    ],
)
def test_what_is_no_quantity_gets_a_sentence(text: str, unit: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_quantity(text, unit)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_header_keeps_every_digit(value: float) -> None:
    parameter = QuantityParameter("Voltage", "V", minimum=-1e309, maximum=1e309)
    parameter.value = value
    again = QuantityParameter("Voltage", "V", minimum=-1e309, maximum=1e309)
    again.value = str(parameter)
    assert again.value == value


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_gets_a_sentence(text: str) -> None:
    try:
        assert isinstance(parse_quantity(text, "V"), float)
    except ValueError as problem:
        assert str(problem)


def test_lists_and_ranges() -> None:
    assert parse_quantities("0, 10mV, -10mV, 0", "V") == (0.0, 0.01, -0.01, 0.0)
    assert parse_quantities("40:120:40 K", "K") == (40.0, 80.0, 120.0)
    assert parse_quantities("300:100:-100, 4", "K") == (300.0, 200.0, 100.0, 4.0)
    with pytest.raises(ValueError, match="wrong sign"):
        parse_quantities("40:120:-40", "K")
    with pytest.raises(ValueError, match="does not divide"):
        parse_quantities("40:100:50", "K")


def test_a_list_survives_its_header() -> None:
    parameter = QuantityListParameter("Fields", "T", default=(-0.2, 0.1 + 0.2))
    again = QuantityListParameter("Fields", "T")
    again.value = str(parameter)
    assert parse_quantities(again.value, "T") == (-0.2, 0.1 + 0.2)


def test_a_target_is_a_quantity_or_as_is() -> None:
    target = TargetParameter("Field", "T")
    assert (target.value, str(target)) == ("as is", "as is")
    target.value = "-0.5T"
    assert (target.value, parse_target(target.value, "T")) == ("-0.5 T", -0.5)
    target.value = 0.1 + 0.2
    assert parse_target(target.value, "T") == 0.1 + 0.2
    with pytest.raises(ValueError, match="T is expected"):
        target.value = "5 K"


def test_out_of_range_is_refused_not_clipped() -> None:
    parameter = QuantityParameter("NPLC", "", minimum=0.01, maximum=10)
    with pytest.raises(ValueError, match="11 is not between"):
        parameter.value = "11"
