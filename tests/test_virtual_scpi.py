"""SCPI messages taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.virtual import scpi
from nanojunction.instruments.virtual.scpi import ScpiError, Unit


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("*idn?", [("*IDN", True, ())]),
        (":sour:volt 1", [("SOUR:VOLT", False, ("1",))]),
        ("s:v:rang 1;lev 2", [("S:V:RANG", False, ("1",)), ("S:V:LEV", False, ("2",))]),
        (":a:b 1;:c 2;d?", [("A:B", False, ("1",)), ("C", False, ("2",)), ("D", True, ())]),
        (":*RST; :*OPC?", [("*RST", False, ()), ("*OPC", True, ())]),
        (":a:b;*RST;c?", [("A:B", False, ()), ("*RST", False, ()), ("A:C", True, ())]),
        (":SENS:FUNC 'VOLT;X',\"CURR,Y\";", [("SENS:FUNC", False, ("'VOLT;X'", '"CURR,Y"'))]),
        (":trac:data? (@1;2,3)", [("TRAC:DATA", True, ("(@1;2,3)",))]),
        (" ;; ", []),
        ("", []),
    ],
)  # fmt: skip
def test_units(message: str, expected: list[tuple[str, bool, tuple[str, ...]]]) -> None:
    assert list(scpi.units(message)) == [Unit(*unit) for unit in expected]


@pytest.mark.parametrize("message", ["?", ":", "1:2", "A::B", "*", "A?B", "SOUR:VOLT?1"])
def test_what_is_no_header_is_a_syntax_error(message: str) -> None:
    with pytest.raises(ScpiError, match="-102"):
        list(scpi.units(message))


@pytest.mark.parametrize("message", ["µ", "A\x00B", "\x1b[A"])
def test_bytes_that_are_no_text_are_invalid_characters(message: str) -> None:
    with pytest.raises(ScpiError, match="-101"):
        list(scpi.units(message))


@given(st.text(max_size=80))
def test_any_text_is_taken_apart_or_refused(message: str) -> None:
    try:
        units = list(scpi.units(message))
    except ScpiError as error:
        assert error.code in scpi.MESSAGES
    else:
        assert all(u.header and u.header == u.header.upper() for u in units)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive(value: float) -> None:
    assert scpi.number(f"{value!r}") == value
    assert scpi.number(f"{value:.17E}") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1V", 1.0), ("2.5 mV", 2.5e-3), ("3 UA", 3e-6), ("4kohm", 4e3), ("5 MAHZ", 5e6)),
        *(("6ms", 6e-3), (".5", 0.5), ("5.", 5.0), ("-1E-3", -1e-3), ("7M", 7e-3)),
    ],
)
def test_numbers_with_units(text: str, value: float) -> None:
    assert scpi.number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e", "--1", "0x10", "1,5", "1 2"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ScpiError):
        scpi.number(text)


TREE: scpi.Tree[str] = scpi.Tree()
for pattern in (
    "[:SENSe[1]]:CURRent[:DC]:RANGe[:UPPer]",
    "[:SENSe[1]]:CURRent[:DC]:RANGe:AUTO?",
    ":CALCulate3:DATA?",
    ":SOURce[1]:VOLTage[:LEVel][:IMMediate][:AMPLitude]",
):
    TREE.add(pattern, pattern)


@pytest.mark.parametrize(
    ("header", "query", "known"),
    [
        ("SENS:CURR:RANG", False, True),
        ("SENSE1:CURRENT:DC:RANGE:UPPER", False, True),
        ("CURR:RANG", False, True),
        ("CURR:RANG", True, False),
        ("CURR:RANG:AUTO", True, True),
        ("SENS2:CURR:RANG", False, False),
        ("SENS:CUR:RANG", False, False),
        ("CALC3:DATA", True, True),
        ("CALCULATE:DATA", True, False),
        ("SOUR:VOLT", False, True),
        ("SOUR1:VOLT:LEV:IMM:AMPL", False, True),
        ("SOUR:VOLT:AMPL", False, True),
        ("VOLT", False, False),
        ("SENS", False, False),
    ],
)
def test_headers(header: str, query: bool, known: bool) -> None:
    if known:
        assert TREE.find(header, query).startswith((":", "["))
    else:
        with pytest.raises(ScpiError, match="-113"):
            TREE.find(header, query)
