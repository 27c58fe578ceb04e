"""Other people's tables, conditions from file names, and folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.reading.reader import ReadError, find_files, read_runs
from tests.run_files import END, HEADER, NAMES, ROWS, read, write


@pytest.mark.parametrize(
    "text",
    [
        "Voltage (V),Current (A)\n0.001,2e-9\n0.002,4e-9\n",
        "Bias (mV);I [nA]\n1;2\n2;4\n",
        "Bias (mV);I [nA]\n1,0;2,0\n2,0;4,0\n",
        "V/mV\tI/nA\n1\t2\n2\t4\n",
        "V_mV I_nA\n1 2\n2 4\n",
        "V_mV   I_nA\n 1,0   2,0\n 2,0   4,0\n",
        "Voltage_V,Current_nA\r\n0.001,2\r\n0.002,4\r\n",
        "# measured by me\nVoltage (mV),Current (µA)\n1,0.002\n2,0.004\n",
        "# V (mV), I (nA)\n1, 2\n2, 4\n",
        '"Voltage (mV)","Current (nA)"\n"1","2"\n"2","4"\n',
        "Sample: X7\nVoltage (mV),Current (nA)\n1,2\n2,4\n",
        "Voltage (mV),Current (nA),Comment\n1,2,fine\n2,4,also fine\n",
        "Voltage (mV),Current (nA),\n1,2,\n2,4,\n",
        "U [mV];I [nA]\n\n1;2\n\n2;4\n\n",
        "Voltage,Current\nmV,nA\n1,2\n2,4\n",
        "Voltage\tCurrent\tComment\nmV\tnA\n1\t2\tfine\n2\t4\tfine\n",
        "Bias;I\n[mV];[nA]\n1,0;2,0\n2,0;4,0\n",
        "mV,nA\n1,2\n2,4\n",
        "mV nA\n1 2\n2 4\n",
        "V,A\n0.001,2e-9\n0.002,4e-9\n",
        "Spannung (mV);Strom (nA)\n1;2\n2;4\n",
        "Tension [mV],Courant [nA]\n1,2\n2,4\n",
    ],
)
def test_the_forms_that_tables_come_in(tmp_path: Path, text: str) -> None:
    run = read(tmp_path, text, "X7.csv")
    np.testing.assert_allclose(run.voltage_V, [1e-3, 2e-3])
    np.testing.assert_allclose(run.current_A, [2e-9, 4e-9])
    assert run.device == "X7"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "Voltage (mV),Current (µA)\n1,2\n2,4\n".encode(encoding)
    np.testing.assert_allclose(read(tmp_path, text).current_A, [2e-6, 4e-6])


def test_a_typographic_minus_is_a_minus(tmp_path: Path) -> None:
    run = read(tmp_path, "V (mV),I (nA)\n\u22121,\u22122e\u22121\n0,0\n1,0.2\n")
    np.testing.assert_allclose(run.voltage_V, [-1e-3, 0.0, 1e-3])
    np.testing.assert_allclose(run.current_A, [-2e-10, 0.0, 2e-10])


def test_a_unit_that_may_be_a_name_is_no_column_of_its_own(tmp_path: Path) -> None:
    """G may be a conductance, C a capacitance, d a thickness."""
    run = read(tmp_path, "V (V),I (A),G,C,d\n0,1e-9,7,8,9\n1,2e-9,7,8,9\n")
    assert run.field_T is None
    assert run.temperature_K is None
    assert run.time_s is None


@pytest.mark.parametrize(
    ("name", "value", "tesla"),
    [
        ("H (Oe)", "500", 0.05),
        ("H (kOe)", "5", 0.5),
        ("B [mT]", "20", 0.02),
        ("Field_G", "100", 0.01),
        ("µ0H (T)", "0.5", 0.5),
    ],
)
def test_fields_in_any_unit(tmp_path: Path, name: str, value: str, tesla: float) -> None:
    text = f"V (V),I (A),{name}\n0,1e-9,{value}\n1,2e-9,{value}\n2,3e-9,{value}\n"
    assert read(tmp_path, text).conditions.field_T == pytest.approx(tesla)


def test_an_applied_field_is_the_field_and_its_setpoint_stands_with_a_warning(
    tmp_path: Path,
) -> None:
    applied = read(tmp_path, "V (V),I (A),Applied magnetic field (Oe)\n0,1e-9,50\n1,2e-9,50\n")
    assert applied.conditions.field_T == pytest.approx(5e-3)
    setpoint = read(tmp_path, "V (V),I (A),Field setpoint (mT)\n0,1e-9,5\n1,2e-9,5\n")
    assert setpoint.conditions.field_T == pytest.approx(5e-3)
    assert "there is no measured field: the setpoint stands for it" in setpoint.warnings


@pytest.mark.parametrize("name", ["T (°C)", "T (° C)", "T [deg C]", "T (℃)", "Température (°C)"])
def test_degrees_celsius(tmp_path: Path, name: str) -> None:
    of_column = read(tmp_path, f"V (V),I (A),{name}\n0,1e-9,-196.15\n1,2e-9,-196.15\n")
    assert of_column.conditions.temperature_K == pytest.approx(77.0)
    of_header = read(tmp_path, f"{name}: -196.15\nV (V),I (A)\n0,1e-9\n1,2e-9\n")
    assert of_header.conditions.temperature_K == pytest.approx(77.0)


def test_a_temperature_below_0_K_is_none(tmp_path: Path) -> None:
    of_column = read(tmp_path, "V (V),I (A),T (K)\n0,1e-9,-196\n1,2e-9,-196\n")
    assert of_column.conditions.temperature_K is None
    assert any("column 'T (K)' is below 0 K" in warning for warning in of_column.warnings)
    of_header = read(tmp_path, "Temperature: -196 K\nV (V),I (A)\n0,1e-9\n1,2e-9\n")
    assert of_header.conditions.temperature_K is None
    assert any("'-196 K' is no number with a unit above 0 K" in one for one in of_header.warnings)
    with pytest.raises(ReadError, match=r"gives -196 K by the pattern .* below 0 K"):
        read(tmp_path, "V (V),I (A)\n0,1e-9\n1,2e-9\n", "-196K.csv", "{temperature_K}K")


@pytest.mark.parametrize("name", ["Temp (K)", "T_sample [K]", "T (K)", "Temperature"])
def test_temperatures(tmp_path: Path, name: str) -> None:
    text = f"t (min),V (V),I (A),{name}\n0,0,1e-9,40\n1,1,2e-9,42\n"
    run = read(tmp_path, text)
    assert run.conditions.temperature_K == pytest.approx(41)
    assert run.time_s is not None
    np.testing.assert_allclose(run.time_s, [0, 60])


def test_the_sample_sensor_is_told_from_others(tmp_path: Path) -> None:
    text = "V (V),I (A),T_VTI (K),T_sample (K)\n0,1e-9,30,40\n1,2e-9,30,40\n"
    assert read(tmp_path, text).conditions.temperature_K == 40


def test_setpoint_and_sensed_voltage_are_told_apart(tmp_path: Path) -> None:
    run = read(tmp_path, "V_set (mV),V_meas (mV),I (nA)\n1,0.9,2\n2,1.9,4\n")
    np.testing.assert_allclose(run.voltage_V, [0.9e-3, 1.9e-3])
    assert run.setpoint_V is not None
    np.testing.assert_allclose(run.setpoint_V, [1e-3, 2e-3])


def test_a_setpoint_alone_stands_for_the_voltage_with_a_warning(tmp_path: Path) -> None:
    run = read(tmp_path, "Setpoint (mV),I (nA)\n1,2\n2,4\n")
    np.testing.assert_allclose(run.voltage_V, [1e-3, 2e-3])
    assert any("setpoint stands for it" in warning for warning in run.warnings)


def test_a_sourced_current_stands_for_the_current_with_a_warning(tmp_path: Path) -> None:
    run = read(tmp_path, "Source current (nA),Voltage (mV)\n2,1\n4,2\n")
    np.testing.assert_allclose(run.current_A, [2e-9, 4e-9])
    assert any("no sensed current: the setpoint stands" in warning for warning in run.warnings)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("V (V),Bias (mV),I (A)\n0,0,1\n1,1,2\n", "both mean the voltage"),
        ("V (V),I (A),Current (nA)\n0,0,1\n1,1,2\n", "both mean the current"),
        ("V (V),T (K)\n0,40\n1,40\n", "no column means a current"),
        ("I (A),T (K)\n0,40\n1,40\n", "no column means a voltage"),
        ("Voltage (K),I (A)\n0,40\n1,40\n", "unit of temperature"),
        ("V (V),Current (arb)\n0,40\n1,40\n", "'arb'"),
        ("0.1,0.2\n0.3,0.4\n", "line of column names"),
        ("V (V),I (A)\n0,1,2,3\n0,2,4,6\n", "4 fields"),
        ("V (V),I (A)\n", "no complete row"),
        ("", "no complete row"),
        ("V (V),I (A)\nx,y\n", "no complete row"),
        ("V|I\n1|2\n3|4\n", "line 3 is '3|4', and a row is two numbers or more between commas"),
        ("V (V),I (A)\n1,nan\n2,nan\n3,4e-9", "no complete row"),
        ("x,y\n1,2\n3,4\n", "no column is known"),
        ("x,y\n1,2\n3,4\n", "known are names such as V, Bias (mV), I [nA], Current (A)"),
        ("V (V),T (K)\n0,40\n1,40\n", "known are names such as"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, text: str, reason: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ReadError, match=r"run\.csv") as error:
        read_runs(path)
    assert reason in str(error.value)


def test_zero_bytes_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="not a text file"):
        read_runs(write(tmp_path, b"V (V),I (A)\n1,2\0\n"))
    with pytest.raises(ReadError, match="not a text file"):
        read_runs(write(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(2000)))


def test_utf_16_needs_its_mark(tmp_path: Path) -> None:
    text = "V (V),I (A)\n" + "1,2e-9\n" * 40
    assert len(read(tmp_path, text.encode("utf-16"))) == 40
    with pytest.raises(ReadError, match="byte-order mark"):
        read_runs(write(tmp_path, text.encode("utf-16-le")))
    with pytest.raises(ReadError, match="damaged or cut off"):
        read_runs(write(tmp_path, text.encode("utf-16")[:-1]))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"gone\.csv"):
        read_runs(tmp_path / "gone.csv")


def test_names_without_a_unit_are_said_to_be_read_in_si(tmp_path: Path) -> None:
    run = read(tmp_path, "V,I,H\n0,1e-9,0.1\n1,2e-9,0.1\n2,3e-9,0.1\n")
    assert any("I, H" in warning and "SI" in warning for warning in run.warnings)


def table(v: np.ndarray, i: np.ndarray, h: np.ndarray) -> str:
    rows = zip(v, i, h, strict=True)
    return "V (V),I (A),H (T)\n" + "".join(
        f"{a!r},{b!r},{c!r}\n" for a, b, c in np.array(list(rows)).tolist()
    )


def test_what_is_swept_tells_the_kind(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    there_and_back = np.concatenate([np.linspace(-1, 1, 41), np.linspace(0.95, -1, 40)])
    noise = rng.normal(size=81)
    iv = read(tmp_path, table(0.01 * there_and_back, 1e-6 * there_and_back, 0.5 + 1e-5 * noise))
    assert iv.kind == "iv"
    assert iv.conditions.field_T == pytest.approx(0.5, rel=1e-3)
    ih = read(tmp_path, table(2.67e-3 + 4e-7 * noise, 1e-6 * noise, 0.6 * there_and_back))
    assert ih.kind == "ih"
    assert ih.conditions.field_T is None
    assert ih.conditions.voltage_V == pytest.approx(2.67e-3, rel=1e-3)
    assert list(np.unique(ih.leg)) == [0, 1]
    both = read(tmp_path, table(0.01 * there_and_back, 1e-6 * noise, 0.6 * there_and_back))
    assert both.kind == "unknown"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(min_value=5, max_value=40), min_size=1, max_size=5),
    st.floats(min_value=0.0, max_value=0.1),
)
def test_legs_begin_at_turning_points(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], noise: float
) -> None:
    """A sensed voltage with noise up to a tenth of the step still shows its legs."""
    rng = np.random.default_rng(2)
    level, values, legs = 0.0, [0.0], [0]
    for k, length in enumerate(lengths):
        for _ in range(length):
            level += 1e-3 if k % 2 == 0 else -1e-3
            values.append(level)
            legs.append(k)
    v = np.array(values) + noise * 1e-3 * rng.normal(size=len(values))
    path = tmp_path_factory.mktemp("legs")
    run = read(path, table(v, 1e-6 * v, np.zeros(len(v))))
    wrong = np.count_nonzero(run.leg != np.array(legs))
    assert wrong <= len(lengths)  # with noise the extreme may be a neighbour of the turning point


def test_rows_in_no_order_are_one_leg(tmp_path: Path) -> None:
    v = np.random.default_rng(1).permutation(np.linspace(-0.01, 0.01, 101))
    run = read(tmp_path, table(v, v / 157.0, np.zeros(101)))
    assert set(run.leg) == {0}


# The file's name


def test_a_pattern_reads_conditions_from_the_name_and_wins(tmp_path: Path) -> None:
    text = "V (V),I (A),T (K)\n0,1e-9,300\n1,2e-9,300\n"
    run = read(
        tmp_path, text, "B7_40K_-500Oe_AP.csv", "{device}_{temperature_K}K_{field_Oe}Oe_{state}"
    )
    assert run.device == "B7"
    assert run.conditions.temperature_K == 40.0
    assert run.conditions.field_T == pytest.approx(-0.05)
    assert run.conditions.state == "AP"


@pytest.mark.parametrize("number", ["4.2", "4,2", "4p2", "+4.2e0"])
def test_decimals_in_a_name_have_a_point_a_comma_or_a_p(tmp_path: Path, number: str) -> None:
    run = read(
        tmp_path, "V (V),I (A)\n0,1e-9\n1,2e-9\n", f"B7_{number}K.csv", "{device}_{temperature_K}K"
    )
    assert run.conditions.temperature_K == 4.2


def test_a_pattern_wins_over_the_header_too(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + END, "C_4.2K.csv", "{device}_{temperature_K}K")
    assert (run.device, run.conditions.temperature_K) == ("C", 4.2)


def test_a_name_that_does_not_match_is_a_warning(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + END, "notes.csv", "{device}_{temperature_K}K")
    assert run.device == "B"
    assert any("does not match" in warning for warning in run.warnings)


def test_an_unknown_field_in_a_pattern_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + NAMES + ROWS + END)
    with pytest.raises(ReadError, match=r"'\{temp\}'.*units such as \{voltage_mV\}"):
        read_runs(path, pattern="{device}_{temp}")


def test_a_run_that_failed_before_its_first_row_quotes_its_error(tmp_path: Path) -> None:
    end = '# End: {"status": "failed", "rows": 0, "error": "the magnet did not answer"}\n'
    path = write(tmp_path, HEADER + NAMES + end)
    with pytest.raises(ReadError, match="failed before its first row: the magnet did not answer"):
        read_runs(path)


def test_a_voltage_may_come_from_the_name_alone(tmp_path: Path) -> None:
    rows = "".join(f"{h},{1e-9 * h}\n" for h in [*range(-10, 11), *range(9, -11, -1)])
    run = read(tmp_path, "H (mT),I (A)\n" + rows, "C_2.67mV.csv", "{device}_{voltage_mV}mV")
    assert run.kind == "ih"
    assert run.conditions.voltage_V == pytest.approx(2.67e-3)
    np.testing.assert_allclose(run.voltage_V, 2.67e-3)
    assert any("stated voltage" in warning for warning in run.warnings)


# Folders


def test_a_folder_means_its_csv_files_sorted(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/2.csv", "b/1.CSV", "a.csv", "notes.txt"):
        write(tmp_path, "x", name)
    found = find_files([tmp_path, tmp_path / "a.csv"])
    assert not found.problems
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == [
        "a.csv",
        "b/1.CSV",
        "b/2.csv",
    ]


def test_a_named_file_may_have_any_suffix(tmp_path: Path) -> None:
    path = write(tmp_path, "x", "run.dat")
    assert list(find_files([path]).files) == [path]


def test_an_empty_folder_and_a_missing_path_are_errors(tmp_path: Path) -> None:
    gone = tmp_path / "nowhere"
    found = find_files([tmp_path, gone])
    assert not found.files
    assert found.problems == {
        tmp_path: "there is no *.csv file in this folder or below it",
        gone: "there is no such file or folder",
    }
