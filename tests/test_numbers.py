"""Plain numbers in lines: whichever way they are read, they are the same to the last bit."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nanojunction.analysis.reading.numbers import parse_numbers

texts = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map("{:.9g}".format),
    st.integers(-(10**22), 10**22).map(str),
    st.sampled_from(
        ["-0", "-0.0", "+1", "01", "1.", ".5", "1e5", "1E+05", "1e-0", "4e-324", "1e400"]
    ),
    st.from_regex(r"-?[0-9]{1,40}\.[0-9]{1,40}([eE][-+]?[0-9]{1,3})?", fullmatch=True),
)
columns = st.integers(1, 4)


@given(st.data(), columns)
def test_numbers_are_those_that_numpy_reads(data: st.DataObject, width: int) -> None:
    rows = data.draw(st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1))
    block = "".join(",".join(row) + "\n" for row in rows).encode()
    expected = np.loadtxt(io.BytesIO(block), delimiter=",", comments=None, ndmin=2)
    found = parse_numbers(block, width)
    assert found.shape == (len(rows), width)
    assert found.tobytes() == expected.tobytes()


@given(st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 3), min_size=1))
@example([(-0.0, 5e-324, 1.7976931348623157e308)])
def test_what_is_written_with_repr_comes_back(rows: list[tuple[float, float, float]]) -> None:
    block = "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()
    assert parse_numbers(block, 3).tobytes() == np.array(rows).tobytes()


@given(st.text('0123456789-+.eE,\n [];{}"ntrufalse\t', max_size=40).filter(str.strip))
def test_no_other_text_is_taken_for_numbers(text: str) -> None:
    block = text.encode() + b"\n"
    try:
        expected = np.loadtxt(io.BytesIO(block), delimiter=",", comments=None, ndmin=2)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            parse_numbers(block, 1 + text.partition("\n")[0].count(","))
    else:
        found = parse_numbers(block, 1 + text.partition("\n")[0].count(","))
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()


def test_a_whole_minus_nought_keeps_its_sign() -> None:
    assert math.copysign(1.0, parse_numbers(b"1,-0\n", 2)[0, 1]) == -1.0
    assert math.copysign(1.0, parse_numbers(b"-0,1\n", 2)[0, 0]) == -1.0


def test_numbers_may_be_changed_in_their_place() -> None:
    table = parse_numbers(b"1,2\n3,4\n", 2)
    table[0, 0] = 5.0
    assert table.tolist() == [[5.0, 2.0], [3.0, 4.0]]
