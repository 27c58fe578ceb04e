"""Run files of ours: whole, cut off, with gaps, and series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.reading.reader import ReadError, read_runs
from tests.run_files import END, HEADER, NAMES, ROWS, read, write


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
