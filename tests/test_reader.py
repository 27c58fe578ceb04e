"""Run files: ours, cut-off ones, series, and other people's tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.reader import ReadError, find_files, read_runs
from nanojunction.analysis.run import Run

HEADER = """#Procedure: <nanojunction.procedures.iv.IVSweep>
#Parameters:
#\tSample: B
#\tMaximum voltage: 0.1 V
#\tTemperature: 41 K
#Metadata:
#\tStarted: 2026-11-20T01:02:03+00:00
#\tFolder: C:\\\\data\\\\new
#\tStation: {"name": "Cryostat 1", "note": "a: b"}
#Data:
"""
NAMES = (
    "Time (s),Leg,Setpoint (V),Voltage (V),Current (A),Field (T),Temperature (K),"
    "Temperature vti (K),In compliance\n"
)
ROWS = (
    "0.1,0,0.0,1e-06,-1.38e-05,0.0,40.0,39.5,0\n"
    "0.2,0,0.05,0.050001,-8.99e-06,0.0,40.2,39.5,0\n"
    "0.3,1,0.0,2e-06,-1.38e-05,0.0,40.1,39.5,1\n"
)
END = '# End: {"status": "finished", "rows": 3}\n'


def write(folder: Path, text: str | bytes, name: str = "run.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str | bytes, name: str = "run.csv", pattern: str | None = None) -> Run:
    runs = read_runs(write(folder, text, name), pattern=pattern)
    assert len(runs) == 1
    return runs[0]


# Our own files


def test_a_run_file_of_ours(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + END)
    assert (run.device, run.kind, run.status, run.warnings) == ("B", "iv", "finished", ())
    np.testing.assert_array_equal(run.leg, [0, 0, 1])
    np.testing.assert_array_equal(run.voltage_V, [1e-6, 0.050001, 2e-6])
    np.testing.assert_array_equal(run.in_compliance, [False, False, True])
    assert run.temperature_K is not None
    np.testing.assert_array_equal(run.temperature_K, [40.0, 40.2, 40.1])
    assert run.segment is None


def test_conditions_are_means_over_rows_and_win_over_the_header(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + END)
    assert run.conditions.temperature_K == pytest.approx(40.1)
    assert run.conditions.field_T == 0.0
    assert run.conditions.voltage_V is None


def test_the_header_states_what_no_column_does(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + "Voltage (V),Current (A)\n0.0,1e-6\n0.1,2e-6\n" + END)
    assert run.conditions.temperature_K == 41.0


def test_header_values_are_unescaped_and_kept_as_text(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + END)
    assert run.header["Folder"] == "C:\\data\\new"
    assert run.header["Station"] == '{"name": "Cryostat 1", "note": "a: b"}'


def test_a_header_never_imports(tmp_path: Path) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    run = read(tmp_path, HEADER.replace("nanojunction.procedures.iv", "trap") + NAMES + ROWS)
    assert run.kind == "iv"


@pytest.mark.parametrize(
    ("procedure", "kind"),
    [
        ("nanojunction.procedures.iv.IVSweep", "iv"),
        ("nanojunction.procedures.ih.IHLoop", "ih"),
        ("nanojunction.procedures.time.ItTrace", "it"),
        ("nanojunction.procedures.time.VtTrace", "vt"),
        ("nanojunction.procedures.calibrate.Calibration", "calibration"),
        ("nanojunction.procedures.series.TemperatureSeries", "iv"),
    ],
)
def test_the_procedure_tells_the_kind(tmp_path: Path, procedure: str, kind: str) -> None:
    text = HEADER.replace("nanojunction.procedures.iv.IVSweep", procedure)
    assert read(tmp_path, text + NAMES + ROWS + END).kind == kind


def test_a_stated_kind_wins(tmp_path: Path) -> None:
    text = HEADER.replace("#Data:", "#\tKind: calibration\n#Data:")
    assert read(tmp_path, text + NAMES + ROWS + END).kind == "calibration"


def test_a_run_without_an_end_was_cut_off(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS)
    assert len(run) == 3
    assert run.status is None
    assert any("cut off" in warning for warning in run.warnings)


def test_an_unterminated_last_line_is_dropped(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + "0.4,1,0.05,0.0500")
    assert len(run) == 3
    assert any("does not end" in warning for warning in run.warnings)


def test_an_end_line_that_is_itself_cut_off_is_none(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + '# End: {"status": "fin')
    assert len(run) == 3
    assert any("cut off" in warning for warning in run.warnings)


def test_an_aborted_run_says_so(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + END.replace("finished", "aborted"))
    assert run.status == "aborted"
    assert any("aborted" in warning for warning in run.warnings)


def test_rows_that_are_missing_are_noticed(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + END.replace("3", "4"))
    assert any("4 rows" in warning and "holds 3" in warning for warning in run.warnings)


@pytest.mark.parametrize("cell", ["nan", "", "oops", "9.91e37", "inf", "1_0"])
def test_a_row_with_a_missing_number_is_dropped_by_name(tmp_path: Path, cell: str) -> None:
    text = HEADER + NAMES + ROWS.replace("-8.99e-06", cell) + END
    run = read(tmp_path, text)
    assert len(run) == 2
    line = text.split("\n").index(ROWS.replace("-8.99e-06", cell).split("\n")[1]) + 1
    assert any(f"line {line}" in warning for warning in run.warnings)


def test_a_row_with_too_few_fields_is_dropped_by_name(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS.replace(",39.5,1", "") + END)
    assert len(run) == 2
    assert any("line 14" in warning for warning in run.warnings)


def test_two_wrong_rows_do_not_make_up_for_each_other(tmp_path: Path) -> None:
    rows = ROWS.replace("40.2,39.5,0", "40.2,39.5,0,7").replace("40.1,39.5,1", "40.1,39.5")
    run = read(tmp_path, HEADER + NAMES + rows + END)
    np.testing.assert_array_equal(run.voltage_V, [1e-6])


def test_a_column_without_numbers_is_left_out(tmp_path: Path) -> None:
    text = HEADER + "Voltage (V),Current (A),Field (T)\n0.0,1e-6,nan\n0.1,2e-6,nan\n" + END
    run = read(tmp_path, text)
    assert len(run) == 2
    assert run.field_T is None
    assert any("Field (T)" in warning for warning in run.warnings)


def test_a_series_is_one_run_a_plateau(tmp_path: Path) -> None:
    text = HEADER.replace("iv.IVSweep", "series.TemperatureSeries") + (
        "Leg,Setpoint (V),Voltage (V),Current (A),Temperature (K),Temperature setpoint (K)\n"
        "0,0.0,0.0,1e-6,40.1,40\n0,0.1,0.1,2e-6,40.1,40\n1,0.0,0.0,1e-6,40.1,40\n"
        "2,0.0,0.0,1e-6,80.3,80\n3,0.1,0.1,2e-6,80.1,80\n"
    )
    runs = read_runs(write(tmp_path, text))
    assert [run.segment for run in runs] == [0, 1]
    assert [run.kind for run in runs] == ["iv", "iv"]
    assert [list(run.leg) for run in runs] == [[0, 0, 1], [0, 1]]
    assert [run.conditions.temperature_K for run in runs] == pytest.approx([40.1, 80.2])
    assert all(run.device == "B" for run in runs)


numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30))
def test_numbers_read_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float]]
) -> None:
    folder = tmp_path_factory.mktemp("bits")
    text = "Voltage (V),Current (A)\n" + "".join(f"{v!r},{i!r}\n" for v, i in rows)
    run = read(folder, HEADER + text)
    np.testing.assert_array_equal(run.voltage_V, [v for v, _ in rows])
    np.testing.assert_array_equal(run.current_A, [i for _, i in rows])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_anything_else_is_a_run_or_one_clear_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = write(tmp_path_factory.mktemp("any"), data)
    try:
        runs = read_runs(path)
    except ReadError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)
    else:
        assert all(len(run) for run in runs)


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0, max_value=len(HEADER + NAMES + ROWS + END)))
def test_a_file_cut_anywhere_gives_complete_rows_only(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    text = (HEADER + NAMES + ROWS + END)[:length]
    path = write(tmp_path_factory.mktemp("cut"), text)
    complete = text.partition(NAMES)[2].partition("# End")[0].count("\n")
    if complete == 0:
        with pytest.raises(ReadError):
            read_runs(path)
    else:
        assert len(read_runs(path)[0]) == complete


# Other people's files


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
        ("V (V),I (A)\n1,nan\n2,nan\n3,4e-9", "no complete row"),
        ("x,y\n1,2\n3,4\n", "no column is known"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, text: str, reason: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ReadError, match=r"run\.csv") as error:
        read_runs(path)
    assert reason in str(error.value)


def test_zero_bytes_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="not a text file"):
        read_runs(write(tmp_path, "V (V),I (A)\n1,2\n".encode("utf-16")))


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


def test_a_pattern_wins_over_the_header_too(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + END, "C_4.2K.csv", "{device}_{temperature_K}K")
    assert (run.device, run.conditions.temperature_K) == ("C", 4.2)


def test_a_name_that_does_not_match_is_a_warning(tmp_path: Path) -> None:
    run = read(tmp_path, HEADER + NAMES + ROWS + END, "notes.csv", "{device}_{temperature_K}K")
    assert run.device == "B"
    assert any("does not match" in warning for warning in run.warnings)


def test_an_unknown_field_in_a_pattern_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + NAMES + ROWS + END)
    with pytest.raises(ReadError, match=r"'\{temp\}'"):
        read_runs(path, pattern="{device}_{temp}")


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
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "a.csv",
        "b/1.CSV",
        "b/2.csv",
    ]


def test_a_named_file_may_have_any_suffix(tmp_path: Path) -> None:
    path = write(tmp_path, "x", "run.dat")
    assert find_files([path]) == [path]


def test_an_empty_folder_and_a_missing_path_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"no \*\.csv"):
        find_files([tmp_path])
    with pytest.raises(ReadError, match="no such file"):
        find_files([tmp_path / "nowhere"])
