"""Notes beside a run file: what they correct, exclude and re-zero, and every slip named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.reading.notes import (
    ColumnCorrection,
    Correction,
    Exclusion,
    Notes,
    NotesError,
    Zero,
    notes_path,
)
from nanojunction.analysis.reading.notes_file import load_notes, notes_text, parse_notes, save_notes
from nanojunction.analysis.reading.reader import ReadError, read_runs
from nanojunction.analysis.report.page import write_report
from nanojunction.analysis.run import Run
from tests.run_files import END, HEADER, NAMES, ROWS, write

TABLE = "t (s),V (mV),I (nA),T (K)\n" + "".join(
    f"{k},{v},{2 * v + 3},{40 + k}\n" for k, v in enumerate([-2, -1, 0, 1, 2, 1, 0, -1, -2])
)


def read(folder: Path, notes: str, table: str = TABLE) -> Run:
    path = write(folder, table, "J7.csv")
    write(folder, notes, "J7.notes.toml")
    (run,) = read_runs(path)
    return run


# What they do


def test_without_notes_there_are_none(tmp_path: Path) -> None:
    (run,) = read_runs(write(tmp_path, TABLE))
    assert run.notes is None


def test_a_comment_and_stars_change_nothing(tmp_path: Path) -> None:
    run = read(tmp_path, 'comment = "after the thunderstorm"\nstars = 4\n')
    assert run.notes is not None
    assert (run.notes.comment, run.notes.stars) == ("after the thunderstorm", 4)
    assert len(run) == 9
    assert run.warnings == ()


def test_metadata_are_corrected_and_what_they_were_is_kept(tmp_path: Path) -> None:
    run = read(
        tmp_path,
        '[correct]\ndevice = "J8"\ntemperature = "77.4 K"\nfield = "-500 Oe"\nstate = "AP"\n'
        'polarity = "reversed"\nwires = 4\nheater = "off"\nposition = "B3"\nkind = "calibration"\n'
        'reason = "the log book"\n',
    )
    assert (run.device, run.kind) == ("J8", "calibration")
    conditions = run.conditions
    assert conditions.temperature_K == 77.4
    assert conditions.field_T == pytest.approx(-0.05)
    assert (conditions.state, conditions.polarity, conditions.wires) == ("AP", "reversed", 4)
    assert (conditions.heater, conditions.position) == ("off", "B3")
    assert run.notes is not None
    before = {one.what: (one.before, one.after) for one in run.notes.corrected}
    assert before["temperature"] == ("44 K", "77.4 K")
    assert before["device"] == ("J7", "J8")
    assert before["kind"] == ("iv", "calibration")
    assert before["state"] == (None, "AP")
    assert "notes: temperature corrected: 77.4 K instead of 44 K (the log book)" in run.warnings


def test_notes_win_over_the_pattern(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE, "J7_40K.csv")
    write(tmp_path, '[correct]\ntemperature = "4.2 K"\n', "J7_40K.notes.toml")
    (run,) = read_runs(path, pattern="{device}_{temperature_K}K")
    assert (run.device, run.conditions.temperature_K) == ("J7", 4.2)
    assert run.notes is not None
    assert run.notes.corrected[0].before == "40 K"


def test_a_column_gets_another_unit_and_sign(tmp_path: Path) -> None:
    run = read(tmp_path, '[correct.columns."I (nA)"]\nunit = "uA"\nsign = -1\n')
    nA = np.array([-1, 1, 3, 5, 7, 5, 3, 1, -1])
    np.testing.assert_allclose(run.current_A, -1e-6 * nA)
    assert any("column I (nA) corrected: unit uA, sign reversed" in w for w in run.warnings)


def test_a_column_that_no_name_tells_gets_its_meaning(tmp_path: Path) -> None:
    table = "Source,Reading\n1,2\n2,4\n"
    with pytest.raises(ReadError, match="no column is known"):
        read_runs(write(tmp_path, table, "J7.csv"))
    run = read(
        tmp_path,
        '[correct.columns.Source]\nmeaning = "setpoint voltage"\nunit = "mV"\n'
        '[correct.columns."#2"]\nmeaning = "current"\nunit = "nA"\n',
        table,
    )
    np.testing.assert_allclose(run.voltage_V, [1e-3, 2e-3])
    np.testing.assert_allclose(run.current_A, [2e-9, 4e-9])
    assert run.setpoint_V is not None


def test_one_of_two_columns_for_the_voltage_is_left_out(tmp_path: Path) -> None:
    table = "V (V),V (V),I (A)\n0,1,1e-9\n1,2,2e-9\n"
    run = read(tmp_path, '[correct.columns."#1"]\nmeaning = "none"\n', table)
    np.testing.assert_array_equal(run.voltage_V, [1.0, 2.0])


def test_a_unit_that_is_not_known_can_be_corrected(tmp_path: Path) -> None:
    table = "V (V),Current (arb)\n0,1\n1,2\n"
    run = read(tmp_path, '[correct.columns."Current (arb)"]\nunit = "pA"\n', table)
    np.testing.assert_allclose(run.current_A, [1e-12, 2e-12])


@pytest.mark.parametrize(
    ("interval", "left"),
    [
        ("rows = [2, 4]", [0, 4, 5, 6, 7, 8]),
        ("rows = 9", [0, 1, 2, 3, 4, 5, 6, 7]),
        ('time = ["0 s", "60 ms"]', [1, 2, 3, 4, 5, 6, 7, 8]),
        ('voltage = ["-inf", "-1 mV"]', [2, 3, 4, 5, 6]),
        ('temperature = ["45 K", "inf"]', [0, 1, 2, 3, 4]),
        ("leg = 1", [0, 1, 2, 3, 4]),
        ('leg = [1, 1]\nvoltage = ["-1 mV", "0 V"]', [0, 1, 2, 3, 4, 5, 8]),
        ('rows = [1, 5]\nvoltage = ["0.5 mV", "1.5 mV"]', [0, 1, 2, 4, 5, 6, 7, 8]),
    ],
)
def test_rows_within_every_interval_are_excluded(
    tmp_path: Path, interval: str, left: list[int]
) -> None:
    run = read(tmp_path, f'[[exclude]]\n{interval}\nreason = "a truck"\n')
    assert run.time_s is not None
    assert run.time_s.tolist() == left
    assert run.conditions.temperature_K == pytest.approx(40 + np.mean(left))
    assert run.notes is not None
    (excluded,) = run.notes.excluded
    assert excluded.count == 9 - len(left)
    assert any("excluded" in warning and "a truck" in warning for warning in run.warnings)


def test_each_exclusion_is_named_and_one_that_fits_nothing_too(tmp_path: Path) -> None:
    run = read(
        tmp_path,
        '[[exclude]]\nrows = [3, 4]\nreason = "a truck"\n'
        '[[exclude]]\nrows = [8, 8]\nreason = "lights"\n'
        '[[exclude]]\nrows = [90, 99]\nreason = "typo"\n',
    )
    assert "notes: 2 rows are excluded (row 3–4): a truck" in run.warnings
    assert "notes: 1 row is excluded (row 8): lights" in run.warnings
    assert "notes: exclude[2] fits no row: typo" in run.warnings
    assert len(run) == 6


def test_rows_are_counted_as_they_stand_in_the_file(tmp_path: Path) -> None:
    """A row without a number counts, so that a number means one line and no other."""
    table = TABLE.replace("1,-1,1,41", "1,-1,oops,41")
    run = read(tmp_path, '[[exclude]]\nrows = [3, 3]\nreason = "x"\n', table)
    assert run.time_s is not None
    assert run.time_s.tolist() == [0, 3, 4, 5, 6, 7, 8]


def test_zeros_are_subtracted_and_the_values_before_stand_beside(tmp_path: Path) -> None:
    v = np.concatenate([np.linspace(-0.01, 0.01, 81), np.linspace(0.01, -0.01, 81)])
    rng = np.random.default_rng(1)
    i = (v - 12e-6) / 1000 + 3e-9 + 1e-10 * rng.normal(size=162)
    table = "V (V),I (A)\n" + "".join(f"{a!r},{b!r}\n" for a, b in np.c_[v, i].tolist())
    run = read(
        tmp_path, '[zero]\nvoltage = "12 uV"\ncurrent = "3 nA"\nreason = "shorted leads"\n', table
    )
    np.testing.assert_allclose(run.voltage_V, v - 12e-6)
    np.testing.assert_allclose(run.current_A, i - 3e-9)
    assert any("12 µV from the voltage and 3 nA from the current" in w for w in run.warnings)
    (found,) = analyse([tmp_path]).to_json()["runs"]
    i_off = found["quantities"]["i_off_A"]
    assert abs(i_off["value"]) < 5 * i_off["stderr"]
    assert i_off["before_zero"] == pytest.approx(-9e-9, abs=5 * i_off["stderr"])


def test_every_plateau_of_a_series_follows_the_notes(tmp_path: Path) -> None:
    names = "Leg,Setpoint (V),Voltage (V),Current (A),Temperature (K),Temperature setpoint (K)\n"
    rows = "".join(
        f"{leg},{v},{v},{1e-6 * (1 + v)},{T + 0.1},{T}\n"
        for T in (40, 80, 120)
        for leg, v in ((0, 0.0), (0, 0.1), (1, 0.0))
    )
    path = write(tmp_path, HEADER + names + rows, "s.csv")
    write(
        tmp_path,
        '[[exclude]]\nrows = [2, 6]\nreason = "helium ran out"\n[zero]\ncurrent = "1 nA"\n'
        'reason = "x"\n',
        "s.notes.toml",
    )
    runs = read_runs(path)
    assert [(run.segment, len(run)) for run in runs] == [(0, 1), (2, 3)]
    assert any("1 of the 3 runs in this file excluded whole" in w for w in runs[0].warnings)
    assert runs[1].current_A[0] == pytest.approx(1e-6 - 1e-9)
    write(tmp_path, '[correct]\ntemperature = "4 K"\n', "s.notes.toml")
    with pytest.raises(NotesError, match=r"correct\.temperature: the file holds 3 runs"):
        read_runs(path)


def test_an_analysis_tells_of_the_notes_in_json_and_report(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    read(folder, 'comment = "nice <one>"\nstars = 5\n[[exclude]]\nrows = 1\nreason = "a truck"\n')
    write(folder, TABLE, "J9.csv")
    found = analyse([folder])
    document = json.loads(json.dumps(found.to_json()))
    first, second = document["runs"]
    assert second["notes"] is None
    assert first["notes"]["stars"] == 5
    assert first["notes"]["excluded"] == [{"reason": "a truck", "count": 1, "rows": [[1, 1]]}]
    assert any("a truck" in warning for warning in first["warnings"])
    page = write_report(found, tmp_path / "report", title="x").read_text(encoding="utf-8")
    assert "5 of 5 stars: nice &lt;one&gt;" in page
    assert "1 row is excluded (row 1): a truck" in page
    assert "J7.notes.toml" in page


# Where they stand


def test_notes_are_never_read_as_a_run(tmp_path: Path) -> None:
    write(tmp_path, TABLE, "J7.csv")
    notes = write(tmp_path, "stars = 1\n", "J7.notes.toml")
    assert not analyse([tmp_path]).errors
    (error,) = analyse([notes]).errors
    assert "notes, not a run" in error.error


def test_notes_without_a_run_are_named(tmp_path: Path) -> None:
    write(tmp_path, TABLE, "J7.csv")
    write(tmp_path, "stars = 1\n", "J8.notes.toml")
    write(tmp_path, TABLE, "J9.dat")
    write(tmp_path, "stars = 1\n", "J9.notes.toml")
    (warning,) = analyse([tmp_path]).warnings
    assert "J8.notes.toml: there is no run J8.csv for these notes" in warning


def test_a_run_in_parts_has_its_notes_beside_the_first(tmp_path: Path) -> None:
    first = write(tmp_path, HEADER + NAMES + ROWS, "x.csv")
    part = HEADER.replace("#Data:", "#\tPart: 2, after 3 rows in x.csv\n#Data:")
    second = write(tmp_path, part + NAMES + ROWS + END, "x_part2.csv")
    write(tmp_path, '[[exclude]]\nrows = [3, 5]\nreason = "resumed"\n', "x.notes.toml")
    (result,) = analyse([second, first]).run_results
    assert result.run.time_s is not None
    np.testing.assert_allclose(result.run.time_s, [0.1, 0.2, 0.6])
    write(tmp_path, "stars = 1\n", "x_part2.notes.toml")
    found = analyse([tmp_path])
    assert not found.run_results
    assert "stand beside the first: move them into x.notes.toml" in found.errors[0].error


# What is wrong in them


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stars = 6", r"stars: must be a whole number from 0 to 5 \(got '6'\)"),
        ("stars = true", "stars: must be a whole number"),
        ("comment = 3", "comment: must be text"),
        ("coment = ''", r"coment: is no key .*did you mean comment\? known are comment, stars"),
        ("[correct]\ntemprature = '4 K'", r"correct.temprature: .* temperature\?"),
        ("[correct]\ntemperature = 4", "correct.temperature: must be text .* '40 K'"),
        ("[correct]\ntemperature = '4'", "correct.temperature: is no temperature.* '40 K'"),
        ("[correct]\ntemperature = '4 T'", "correct.temperature: is no temperature"),
        ("[correct]\nfield = 'inf T'", "correct.field: must be finite"),
        ("[correct]\nstate = 'parallel'", "correct.state: must be 'P' or 'AP'"),
        ("[correct]\nkind = 'IV'", "correct.kind: must be 'iv' or"),
        ("[correct]\nwires = 3", "correct.wires: must be 2 or 4"),
        ("[correct]\ndevice = ' '", "correct.device: is empty"),
        ("correct = 3", r"correct: must be a table, written \[correct\]"),
        ("[correct.columns]\nV = 3", r"correct.columns.V: must be a table"),
        ("[correct.columns.'V (mV)']\n", r'correct.columns."V \(mV\)": is empty'),
        ("[correct.columns.V]\nsgn = -1", r"sgn: is no key .*did you mean sign"),
        ("[correct.columns.V]\nsign = 0", "sign: must be 1 or -1"),
        ("[correct.columns.V]\nmeaning = 'bias'", "meaning: must be one of time"),
        ("[correct.columns.V]\nunit = 'mX'", "unit: is no known unit"),
        ("[correct.columns.V]\nunit = 'nA'\nmeaning = 'voltage'", "unit: is a unit of current"),
        ("[correct.columns.'V (V)']\nsign = -1", r"no such column; did you mean 'V \(mV\)'"),
        ("[correct.columns.'#9']\nsign = -1", "no such column; they are: t"),
        ("[correct.columns.'V (mV)']\nunit = 'nA'", "the unit is one of current"),
        ("[[exclude]]\nrows = [1, 2]", r"exclude\[0\].reason: is missing"),
        ("[[exclude]]\nreason = 'x'", r"exclude\[0\]: excludes nothing: give one or more of rows"),
        ("[[exclude]]\nrows = [2, 1]\nreason = 'x'", r"rows: must be the first and the last"),
        ("[[exclude]]\nrows = [0, 1]\nreason = 'x'", r"whole numbers from 1"),
        ("[[exclude]]\nleg = 'a'\nreason = 'x'", r"exclude\[0\].leg: .* from 0"),
        ("[[exclude]]\ntime = '3 s'\nreason = 'x'", r"time: must be the first and the last value"),
        ("[[exclude]]\ntime = ['3 s', '1 s']\nreason = 'x'", "from the smaller to the larger"),
        (
            "[[exclude]]\nfield = ['0 T', '1 T']\nreason = 'x'",
            r"exclude\[0\].field: the run has no",
        ),
        ("[[exclude]]\nrows = [1, 99]\nreason = 'x'", "leave no row of the run"),
        ("[exclude]\nrows = [1, 2]", r"exclude: must be a list .*\[\[exclude\]\]"),
        ("exclude = [3]", r"exclude\[0\]: must be a table"),
        ("[zero]\nreason = 'x'", "zero: subtracts nothing"),
        ("[zero]\nvoltage = '1 mV'", "zero.reason: is missing"),
        ("[zero]\nvoltage = '1 nA'\nreason = 'x'", "zero.voltage: is no voltage"),
        ("stars = ", "is not valid TOML"),
        ("a = " + "[" * 5000, "is not valid TOML"),
    ],
)
def test_every_slip_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(NotesError, match=rf"J7\.notes\.toml: .*{sentence}"):
        read(tmp_path, text + "\n")


def test_a_run_whose_notes_are_wrong_is_an_error_and_no_result(tmp_path: Path) -> None:
    write(tmp_path, TABLE, "J7.csv")
    write(tmp_path, b"comment = '\xff'\n", "J7.notes.toml")
    found = analyse([tmp_path])
    assert not found.run_results
    assert found.errors[0].file.endswith("J7.csv")
    assert "J7.notes.toml: is not UTF-8 text" in found.errors[0].error


# Written by a program


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
words = texts.filter(lambda text: text.strip())
finite = st.floats(allow_nan=False, allow_infinity=False)
spans = st.tuples(
    st.floats(allow_nan=False), st.floats(allow_nan=False)
).map(sorted).map(tuple)  # fmt: skip
counts = st.tuples(st.integers(1, 99), st.integers(1, 99)).map(sorted).map(tuple)
columns = st.builds(
    ColumnCorrection,
    meaning=st.sampled_from(["voltage", "setpoint voltage", "none", None]),
    unit=st.sampled_from(["mV", None]),
    sign=st.sampled_from([1, -1]),
).filter(lambda column: not (column.meaning == "none" and column.unit))
corrections = st.builds(
    Correction,
    device=words | st.none(),
    kind=st.sampled_from(["iv", "ih", None]),
    temperature_K=finite | st.none(),
    field_T=finite | st.none(),
    state=st.sampled_from(["P", "AP", None]),
    wires=st.sampled_from([2, 4, None]),
    columns=st.dictionaries(texts, columns, max_size=3),
    reason=texts,
)
exclusions = st.builds(
    Exclusion,
    reason=words,
    rows=counts | st.none(),
    legs=counts,
    time_s=spans | st.none(),
    voltage_V=spans | st.none(),
)
all_notes = st.builds(
    Notes,
    comment=texts,
    stars=st.integers(0, 5) | st.none(),
    correct=corrections,
    exclude=st.lists(exclusions, max_size=3).map(tuple),
    zero=st.builds(Zero, reason=words, voltage_V=finite, current_A=finite) | st.none(),
)


@settings(max_examples=150, deadline=None)
@given(all_notes)
def test_what_is_written_reads_back_to_the_last_bit(notes: Notes) -> None:
    assert parse_notes(notes_text(notes), "x") == notes


def test_notes_are_replaced_whole(tmp_path: Path) -> None:
    run_file = write(tmp_path, TABLE, "J7.csv")
    assert load_notes(run_file) is None
    notes = Notes(stars=3, exclude=(Exclusion("a truck", rows=(2, 4)),))
    path = save_notes(notes, run_file)
    assert path == notes_path(run_file) == tmp_path / "J7.notes.toml"
    assert load_notes(run_file) == notes
    save_notes(replace(notes, stars=1), run_file)
    assert load_notes(run_file) == replace(notes, stars=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["J7.csv", "J7.notes.toml"]


def test_notes_that_would_not_read_back_are_not_written(tmp_path: Path) -> None:
    run_file = write(tmp_path, TABLE, "J7.csv")
    save_notes(Notes(stars=3), run_file)
    with pytest.raises(NotesError, match="stars: must be"):
        save_notes(Notes(stars=9), run_file)
    assert load_notes(run_file) == Notes(stars=3)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_any_text_is_notes_or_one_clear_sentence(text: str) -> None:
    try:
        parse_notes(text, "x.notes.toml")
    except NotesError as error:
        assert str(error).startswith("x.notes.toml: ")
