"""Tables as common programs and instruments write them, each as its file begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nanojunction.analysis.reading.reader import ReadError, read_runs
from tests.run_files import read, write

PYMEASURE = """#Procedure: <__main__.IVProcedure>
#Parameters:
#\tMaximum Current: 0.001 A
#\tDelay Time: 20 ms
#\tTemperature: 77 K
#Data:
Voltage (V),Current (A),Voltage Std (V)
0.001,2e-09,1e-06
0.002,4e-09,1e-06
"""

LABVIEW = (
    "LabVIEW Measurement\t\nWriter_Version\t2\nReader_Version\t2\nSeparator\tTab\n"
    "Decimal_Separator\t,\nMulti_Headings\tNo\nX_Columns\tOne\nTime_Pref\tRelative\n"
    "Operator\tanna\nDate\t2023/05/01\nTime\t17:18:18,938945\n***End_of_Header***\t\n\t\n"
    "Channels\t2\t\t\nSamples\t2\t2\t\nDate\t2023/05/01\t2023/05/01\t\n"
    "Y_Unit_Label\tVolts\tAmps\t\nX_Dimension\tTime\tTime\t\n"
    "X0\t0,0000000000000000E+0\t0,0000000000000000E+0\t\nDelta_X\t0,100000\t0,100000\t\n"
    "***End_of_Header***\t\t\t\nX_Value\tVoltage (mV)\tCurrent (nA)\tComment\n"
    "0,000000\t1,000000\t2,000000\n0,100000\t2,000000\t4,000000\n"
)

ORIGIN = (
    "Voltage\tCurrent\tCurrent Error\tTemperature\nmV\tnA\tnA\tK\nSweep 3\tSweep 3\tSweep 3\t\n"
    "1\t2\t0.01\t77\n2\t4\t0.01\t77\n"
)

QCODES = (
    "# keithley_smua_volt_set\tkeithley_smua_curr\n"
    '# "Source voltage (V)"\t"Current (A)"\n# 2\n0.001\t2e-09\n0.002\t4e-09\n'
)

PANDAS = ",Voltage (V),Current (A),T (K)\n0,0.001,2e-09,77.0\n1,0.002,4e-09,77.0\n"

LABBER = (
    '"SMU - Source voltage (V)","SMU - Voltage (V)","SMU - Current (A)"\n'
    "0.001,0.001,2e-09\n0.002,0.002,4e-09\n"
)

IGOR = (
    "IGOR\nWAVES/D\tvoltage_V\tcurrent_A\nBEGIN\n\t0.001\t2e-09\n\t0.002\t4e-09\nEND\n"
    'X SetScale/P x 0,1,"", voltage_V\n'
)

LAKE_SHORE = (
    "Timestamp,Elapsed time (s),Field (Oe),Temperature (K),Voltage (V),Current (A)\n"
    "2023-05-01 12:00:00.125,0.0,500,77.0,0.001,2e-09\n"
    "2023-05-01 12:00:00.625,0.5,500,77.0,0.002,4e-09\n"
)

KEITHLEY_4200 = "AnodeI,AnodeV,Time\n2e-09,0.001,0.0\n4e-09,0.002,0.1\n"

KEITHLEY_2600 = (
    "Instrument:,MODEL 2636B\nSerial Number:,1234567\nIntegration time,0.02,1\nTemperature,77,K\n\n"
    "Index,Source Voltage (V),Measured Voltage (V),Measured Current (A),Timestamp\n"
    "1,0.001,0.001,2e-09,05/01/2023 12:00:00\n2,0.002,0.002,4e-09,05/01/2023 12:00:01\n"
)

EASY_EXPERT = (
    'SetupTitle, I/V Sweep\nPrimitiveTest, I/V Sweep\nTestParameter, Measurement.Port.Unit, SMU1\n'
    "TestParameter, Measurement.Primary.Start, -0.1, 0.1\nAnalysisSetup, Analysis.Setup.Title,\n"
    "Dimension1, 2, 2\nDimension2, 1, 1\nDataName, Vbias, Ibias\n"
    "DataValue, 0.001, 2e-09\nDataValue, 0.002, 4e-09\n"
)  # fmt: skip

SPREADSHEET_DE = (
    "Probe: X7\r\nSpannung (mV);Strom (nA);Bemerkung\r\n1,0;2,0;\r\n2,0;4,0;Kontakt prüfen\r\n"
)


@pytest.mark.parametrize(
    "text",
    [
        *(PYMEASURE, LABVIEW, ORIGIN, QCODES, PANDAS, LABBER, IGOR, LAKE_SHORE),
        *(KEITHLEY_4200, KEITHLEY_2600, SPREADSHEET_DE),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_what_programs_export(tmp_path: Path, text: str, encoding: str, line_end: str) -> None:
    whole = text.replace("\r\n", "\n").replace("\n", line_end).encode(encoding)
    run = read(tmp_path, whole)
    np.testing.assert_allclose(run.voltage_V, [1e-3, 2e-3])
    np.testing.assert_allclose(run.current_A, [2e-9, 4e-9])


@pytest.mark.parametrize("text", [PYMEASURE, ORIGIN, PANDAS, LAKE_SHORE, KEITHLEY_2600])
def test_the_temperature_comes_from_wherever_it_stands(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).conditions.temperature_K == 77.0


def test_an_index_of_easy_expert_is_no_column_of_names(tmp_path: Path) -> None:
    """Vbias and Ibias stand in a line that begins with a word, as its rows do."""
    text = EASY_EXPERT.replace("Ibias", "I")
    run = read(tmp_path, text)
    np.testing.assert_allclose(run.voltage_V, [1e-3, 2e-3])
    np.testing.assert_allclose(run.current_A, [2e-9, 4e-9])


def test_a_source_without_a_unit_is_told_by_notes(tmp_path: Path) -> None:
    """What the 2450 stores on a stick: the reading's unit stands beside it."""
    text = (
        "Index,Reading,Unit,Source,Relative Time\n1,2e-09,Amp DC,0.001,0.0\n"
        "2,4e-09,Amp DC,0.002,0.1\n"
    )
    with pytest.raises(ReadError, match=r"no column means a voltage .*'?Source"):
        read_runs(write(tmp_path, text))
    for reading in ("Reading", "Reading (Amp DC)", "#2"):
        write(
            tmp_path,
            f'[correct.columns."{reading}"]\nmeaning = "current"\nunit = "A"\n'
            '[correct.columns.Source]\nmeaning = "setpoint voltage"\nunit = "V"\n',
            "run.notes.toml",
        )
        (run,) = read_runs(tmp_path / "run.csv")
        np.testing.assert_allclose(run.voltage_V, [1e-3, 2e-3])
        np.testing.assert_allclose(run.current_A, [2e-9, 4e-9])


PPMS = (
    "[Header]\nTITLE,ETO I-V\nBYAPP,Electrical Transport Option,1.0\nINFO,chip 4,SAMPLE_NAME\n"
    "[Data]\nComment,Time Stamp (sec),Status (code),Temperature (K),Field (Oe),"
    "I-V Current Ch1 (mA),I-V Voltage Ch1 (mV),I-V Current Ch2 (mA),I-V Voltage Ch2 (mV)\n"
    ",3849.1,1,77,500,2e-6,1,,\n,3850.1,1,77,500,4e-6,2,,\n"
)

KICKSTART = (
    "Test Name,I-V Characterizer 1\nModel Number,2450\n\nSMU-1\nFunction,Voltage Sweep\n"
    "Source Limit,1.0E-03,A\nPoints,2\n\nRun 1 Data\n"
    "Point,Time (s),Smu1_V(1)(1),Smu1_I(1)(1)\n1,0,0.001,2e-9\n2,0.1,0.002,4e-9\n"
)

LABVIEW_LABELS = (
    "LabVIEW Measurement,\n***End_of_Header***,\n,\nChannels,2,,\nY_Unit_Label,mV,nA,\n"
    "***End_of_Header***,,,\nX_Value,Untitled,Untitled 1,Comment\n0,1,2\n0.1,2,4\n"
)


@pytest.mark.parametrize(
    "text",
    [
        PPMS,
        KICKSTART,
        LABVIEW_LABELS,
        LABVIEW_LABELS.replace("Untitled 1", "Current").replace("Untitled", "Voltage"),
        # units in columns of their own, the same for all rows or not
        "V,Unit,I,Unit\n1,mV,2,nA\n2,mV,4,nA\n",
        "V,Unit,I,Unit\n1000,µV,2000,pA\n2,mV,4,nA\n",
        "Index,Reading,Unit,Digits,Value,Unit\n1,2e-9,Amp DC,5,0.001,Volt DC\n"
        "2,4e-9,Amp DC,5,0.002,Volt DC\n",
        "Source Value,Source Unit,Reading,Reading Unit\n1,mV,2,nA\n2,mV,4,nA\n",
        # exponents of Fortran
        "V (V) I (A)\n1.0D-03 2.0D-09\n2.0D-03 4.0D-09\n",
        "V (V);I (A)\n1,0d-3;2,0d-9\n2,0d-3;4,0d-9\n",
        "V (V)  I (A)\n1.0-003  2.0-009\n2.0-003  4.0-009\n",
        # names of terminals
        "AV,AI\n0.001,2e-9\n0.002,4e-9\n",
        "Time,BI(1),BV(1)\n0,2e-9,0.001\n0.1,4e-9,0.002\n",
        "V_sd (mV),I_sd (nA)\n1,2\n2,4\n",
        "V (mV),I (nA),I_sd (nA)\n1,2,0.1\n2,4,0.1\n",
        "V1,I1\n0.001,2e-9\n0.002,4e-9\n",
        "VF      IF\n(V)     (A)\n0.001   2E-09\n0.002   4E-09\n",
        "Vd (mV),Id (nA),Vg (V),Ig (nA),Id\n1,2,0,0.1,7\n2,4,0,0.1,8\n",
        "Potential/mV, Current/nA\n\n1, 2\n2, 4\n",
        "Bias voltage (mV),Current nA\n1,2\n2,4\n",
        # units behind any mark
        "Voltage-mV,Current-nA\n1,2\n2,4\n",
        "V{mV},I{nA}\n1,2\n2,4\n",
        "V <mV>,I <nA>\n1,2\n2,4\n",
        "U: mV;I: nA\n1;2\n2;4\n",
        # languages
        "Напряжение (мВ);Ток (нА)\n1,0;2,0\n2,0;4,0\n",
        "电压(mV),电流(nA)\n1,2\n2,4\n",
        "Tensione (mV);Corrente (nA)\n1;2\n2;4\n",
        "Voltaje (mV);Corriente (nA)\n1;2\n2;4\n",
        "Napięcie (mV);Prąd (nA)\n1;2\n2;4\n",
    ],
)
def test_forms_that_any_physicist_would_read(tmp_path: Path, text: str) -> None:
    run = read(tmp_path, text)
    np.testing.assert_allclose(run.voltage_V, [1e-3, 2e-3])
    np.testing.assert_allclose(run.current_A, [2e-9, 4e-9])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("AV,AI,BV,BI\n1,2,0,0\n2,4,0,0\n", "'AV' and 'BV' both mean the voltage"),
        ("V,V1,I1\n1,1,2\n2,2,4\n", "'V' and 'V1' both mean the voltage"),
        ("V1 (V),I2 (A)\n1,2\n2,4\n", "'V1 .V.' and 'I2 .A.' are of different terminals"),
        (PPMS.replace(",,\n", ",3,5\n"), "Ch1 .mA.' and 'I-V Current Ch2 .mA.' both mean"),
        ("V (mV),Reading,Unit\n1,2,Ohm\n2,4,Ohm\n", "no column means a current"),
        ("V (mV),I,Unit\n1,2,kA/cm2\n2,4,kA/cm2\n", "'I' in 'kA/cm2', which is no known unit"),
        ("V (mV),I,Unit\n1,2,nA\n2,4,\n", "gives 'I' in '', which is no known unit"),
        ("T (K),Reading,Unit\n1,2,nA\n2,4,mV\n", "in mV and nA: these are two columns"),
        ("V (mV),I (nA),Unit\n1,2,nA\n2,4,µA\n", "these are two columns"),
        ("V (mV),I (nA),Unit\n1,2,µA\n2,4,µA\n", "gives a current in two units"),
        ("V (mV),Id\n1,2\n2,4\n", "no column means a current"),
        ("V,I\n1 mV,2 nA\n2 mV,4 nA\n", "units belong into the column names"),
        ("V;I\n1.0m;2.0n\n2.0m;4.0n\n", "units belong into the column names"),
        ("V (mV),-I-nA\n1,2\n2,4\n", "no column means a current"),
        ("V (mV),Ai\n1,2\n2,4\n", "no column means a current"),
    ],
)  # fmt: skip
def test_what_may_mean_two_things_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ReadError, match=why):
        read_runs(write(tmp_path, text))


def test_a_current_that_is_passed_over_is_named(tmp_path: Path) -> None:
    run = read(tmp_path, "Bias (V),Current (A),Current [bwd] (A)\n1,2,3\n2,4,5\n")
    np.testing.assert_allclose(run.current_A, [2.0, 4.0])
    assert run.warnings == ("'Current (A)' is the current, not 'Current [bwd] (A)'",)


# Conditions in headers


@pytest.mark.parametrize(
    "line",
    [
        "# Temperature: 77 K",
        "# Temperature (K): 77",
        "# T = 77 K",
        "#T = 77000 mK",
        "Temperature: 77 K",
        "Temperature (K),77",
        "Temperature,77 K",
        "Temperature,77,K",
        '"Temperature","77 K"',
        "Temperature\t77 K",
        "Temperature = 77 K",
        "Sample temperature: -196.15 °C",
    ],
)
def test_a_header_in_any_usual_form_states_conditions(tmp_path: Path, line: str) -> None:
    run = read(tmp_path, f"{line}\nV (mV),I (nA)\n1,2\n2,4\n")
    assert run.conditions.temperature_K == pytest.approx(77.0)


def test_a_condition_that_is_no_number_is_named(tmp_path: Path) -> None:
    run = read(tmp_path, "# Temperature: about 77 K\nV (mV),I (nA)\n1,2\n2,4\n")
    assert run.conditions.temperature_K is None
    assert any("'about 77 K' is no number with a unit" in warning for warning in run.warnings)


@pytest.mark.parametrize("key", ["Sample", "Device", "sample", "Junction", "Sample name"])
def test_a_header_names_the_device(tmp_path: Path, key: str) -> None:
    run = read(tmp_path, f"# {key}: chip 4 #12\nV (mV),I (nA)\n1,2\n2,4\n")
    assert run.device == "chip 4 #12"


def test_a_foreign_path_is_no_escape(tmp_path: Path) -> None:
    run = read(tmp_path, "# Folder: C:\\new\\tables\nV (mV),I (nA)\n1,2\n2,4\n")
    assert run.header["Folder"] == "C:\\new\\tables"


# Numbers


@pytest.mark.parametrize(
    "rows",
    [
        "1,234.5\t2\n1,235\t4\n",
        "1.234,5\t2,0\n1.235\t4\n",
        "1'234.5\t2\n1'235\t4\n",
        "1\u00a0234,5\t2\n1\u00a0235\t4\n",
    ],
)
def test_thousands_are_told_from_decimals(tmp_path: Path, rows: str) -> None:
    run = read(tmp_path, "V (mV)\tI (nA)\n" + rows)
    np.testing.assert_allclose(run.voltage_V, [1.2345, 1.235])
    np.testing.assert_allclose(run.current_A, [2e-9, 4e-9])


def test_quoted_thousands_between_commas(tmp_path: Path) -> None:
    run = read(tmp_path, 'V (mV),I (nA)\n"1,234.5","2"\n"1,235","4"\n')
    np.testing.assert_allclose(run.voltage_V, [1.2345, 1.235])


def test_quoted_decimal_commas_between_commas(tmp_path: Path) -> None:
    run = read(tmp_path, 'n,U (mV),I (nA)\n1,"-1,5","2,25"\n2,"0","3,5"\n3,"1,5","4,75"\n')
    np.testing.assert_allclose(run.voltage_V, [-1.5e-3, 0.0, 1.5e-3])
    np.testing.assert_allclose(run.current_A, [2.25e-9, 3.5e-9, 4.75e-9])


@pytest.mark.parametrize("mark", [";", "\t"])
def test_the_decimal_comma_may_be_missing_in_the_first_row(tmp_path: Path, mark: str) -> None:
    text = "U (mV);I (nA)\n0;1\n1,5;2,25\n3;4\n"
    run = read(tmp_path, text.replace(";", mark))
    np.testing.assert_allclose(run.voltage_V, [0.0, 1.5e-3, 3e-3])
    np.testing.assert_allclose(run.current_A, [1e-9, 2.25e-9, 4e-9])
    assert run.warnings == ()


def test_commas_beside_points_are_never_decimal(tmp_path: Path) -> None:
    run = read(tmp_path, "U (mV);I (nA)\n0.5;1\n1,5;2\n2.5;4\n")
    np.testing.assert_allclose(run.voltage_V, [0.5e-3, 2.5e-3])
    assert run.warnings == ("1 row was dropped for a missing number (line 3)",)


def test_commas_that_may_be_either_are_said_to_be_decimal(tmp_path: Path) -> None:
    run = read(tmp_path, "V (mV);I (nA)\n1,234;2,000\n1,235;4,000\n")
    np.testing.assert_allclose(run.voltage_V, [1.234e-3, 1.235e-3])
    assert any("decimal mark" in warning for warning in run.warnings)


def test_a_comma_and_a_tab_between_two_numbers(tmp_path: Path) -> None:
    run = read(tmp_path, "V (mV),\tI (nA)\n1,\t2\n2,\t4\n")
    np.testing.assert_allclose(run.voltage_V, [1e-3, 2e-3])


def test_names_between_commas_above_numbers_between_tabs(tmp_path: Path) -> None:
    run = read(tmp_path, "V (mV), I (nA)\n1\t2\n2\t4\n")
    np.testing.assert_allclose(run.current_A, [2e-9, 4e-9])


# Times


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        ("2023-05-01 12:00:00.125", "2023-05-01 12:00:00.625", 0.5),
        ("2023-05-01T12:00:00+02:00", "2023-05-01T12:01:00+02:00", 60.0),
        ("2023/05/01 12:00:00", "2023/05/02 12:00:00", 86400.0),
        ("01.05.2023 12:00:00", "02.05.2023 12:00:00,5", 86400.5),
        ("12:00:01", "12:00:03.5", 2.5),
        ("23:59:59", "00:00:01", 2.0),
    ],
)
def test_dates_and_times_of_day_become_seconds(
    tmp_path: Path, first: str, second: str, seconds: float
) -> None:
    run = read(tmp_path, f"Time;V (mV);I (nA)\n{first};1;2\n{second};2;4\n")
    assert run.time_s is not None
    np.testing.assert_allclose(run.time_s, [0.0, seconds], atol=1e-6)
    assert any("taken as seconds" in warning for warning in run.warnings)


def test_times_that_stand_still_or_run_backwards_are_named(tmp_path: Path) -> None:
    run = read(tmp_path, "t (s),V (V),I (A)\n0,0,0\n1,1,1\n1,2,2\n0.5,3,3\n2,4,4\n")
    assert len(run) == 5
    assert "1 row repeats the time of the row before (line 4)" in run.warnings
    assert "the time runs backwards once (line 5)" in run.warnings


# Rows and columns


def test_rows_with_other_numbers_of_fields_are_dropped_by_name(tmp_path: Path) -> None:
    run = read(tmp_path, "V (V),I (A)\n0,0\n1\n2,2\n3,3,3\n4,4\n")
    np.testing.assert_array_equal(run.voltage_V, [0, 2, 4])
    assert any("2 rows were dropped" in w and "line 3, 5" in w for w in run.warnings)


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    run = read(tmp_path, "V (V),I (A),Tempfrature (K),note\n0,0,40,a\n1,1,40,b\n")
    assert "columns that are not known and not used: Tempfrature (K)" in run.warnings


def test_a_word_for_compliance(tmp_path: Path) -> None:
    run = read(tmp_path, "V (V),I (A),Compliance\n0,0,False\n1,1,False\n2,1,True\n")
    np.testing.assert_array_equal(run.in_compliance, [False, False, True])


def test_names_above_other_numbers_are_found_and_those_named(tmp_path: Path) -> None:
    run = read(tmp_path, "Points,3,3\nV (V),I (A),T (K)\n0,0,40\n1,1,40\n")
    assert len(run) == 2
    assert "numbers above the column names are not read (line 1)" in run.warnings


def test_a_resistance_is_no_current(tmp_path: Path) -> None:
    with pytest.raises(
        ReadError, match=r"no column means a current .*'R \(ohm\)' does not stand for one"
    ):
        read_runs(write(tmp_path, "V (V),R (ohm)\n0,100\n1,100\n"))


# Several tables in a file


def test_each_table_of_a_file_is_a_run_with_its_own_header(tmp_path: Path) -> None:
    text = (
        "# Temperature: 40 K\nV (V),I (A)\n0,1e-9\n1,2e-9\n\n"
        "# Temperature: 80 K\nV (mV),I (nA),H (Oe)\n0,1,500\n1000,2,500\n2000,3,500\n"
    )
    runs = read_runs(write(tmp_path, text))
    assert [run.segment for run in runs] == [0, 1]
    assert [run.conditions.temperature_K for run in runs] == [40.0, 80.0]
    assert [len(run) for run in runs] == [2, 3]
    np.testing.assert_allclose(runs[1].voltage_V, [0.0, 1.0, 2.0])
    assert runs[1].conditions.field_T == pytest.approx(0.05)
    assert all("2 tables" in run.warnings[-1] or any("2 tables" in w for w in run.warnings)
               for run in runs)  # fmt: skip


def test_rows_of_all_tables_are_counted_through(tmp_path: Path) -> None:
    text = "V (V),I (A)\n0,1e-9\n1,2e-9\nV (V),I (A)\n0,3e-9\n1,4e-9\n"
    path = write(tmp_path, text)
    write(tmp_path, '[[exclude]]\nrows = [3, 3]\nreason = "x"\n', "run.notes.toml")
    assert [run.current_A.tolist() for run in read_runs(path)] == [[1e-9, 2e-9], [4e-9]]


def test_names_at_the_end_without_rows_are_named(tmp_path: Path) -> None:
    run = read(tmp_path, "V (V),I (A)\n0,1e-9\n1,2e-9\nV (V),I (A)\n")
    assert len(run) == 2
    assert any("line 4" in warning for warning in run.warnings)
