"""What a foreign header states, and what is said where a file contradicts itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from nanojunction.analysis.analyse import analyse
from nanojunction.analysis.reading.reader import ReadError, read_runs
from nanojunction.analysis.run import Run
from tests.run_files import read, write

TABLE = "V (V),I (A)\n0,1e-9\n1,2e-9\n2,3e-9\n"


def doubts(run: Run) -> list[str]:
    return [one for one in run.warnings if "did not stay" in one or "is followed" in one]


@pytest.mark.parametrize(
    "header",
    [
        "# Temperature: 77 K\n# Field: 50 mT\n",
        "# Temp (K): 77\n# H (Oe): 500\n",
        "# T_sample = 77 K\n# B_ext (mT) = 50\n",
        "# T = 77 K, H = 500 Oe\n",
        "# T=77K H=500Oe sample J3\n",
        "Temp [K],77\nMagnetic field,50,mT\n",
    ],
)
def test_a_header_states_conditions_in_many_ways(tmp_path: Path, header: str) -> None:
    held = read(tmp_path, header + TABLE).conditions
    assert held.temperature_K == pytest.approx(77.0)
    assert held.field_T == pytest.approx(0.05)


def test_a_header_has_decimal_commas_where_the_table_has(tmp_path: Path) -> None:
    text = "Temperatur;4,25 K\nFeld (mT);-2,5\nU [mV];I [nA]\n1,0;2,0\n2,0;4,0\n"
    held = read(tmp_path, text).conditions
    assert held.temperature_K == pytest.approx(4.25)
    assert held.field_T == pytest.approx(-2.5e-3)


def test_a_comma_that_may_group_thousands_is_not_guessed(tmp_path: Path) -> None:
    run = read(tmp_path, "# Field: 1,500 Oe\n" + TABLE)
    assert run.conditions.field_T is None
    assert any("'1,500 Oe' is no number" in one for one in run.warnings)


@pytest.mark.parametrize("name", ["Temperature vti", "T_B", "Temperature limit", "Gate voltage"])
def test_a_header_about_something_else_states_nothing(tmp_path: Path, name: str) -> None:
    held = read(tmp_path, f"# {name}: 5\n" + TABLE).conditions
    assert (held.temperature_K, held.voltage_V) == (None, None)


def test_sensors_may_be_named_by_letters(tmp_path: Path) -> None:
    """B is a field elsewhere; a unit of temperature says that it is not."""
    run = read(tmp_path, "V (V),I (A),T_A (K),T_B (K)\n0,1e-9,40,30\n1,2e-9,40,30\n")
    assert (run.conditions.temperature_K, run.field_T) == (40.0, None)


@pytest.mark.parametrize("unit", ["Ampere", "amps", "Amp"])
def test_units_in_words(tmp_path: Path, unit: str) -> None:
    run = read(tmp_path, f"V (Volt),I ({unit})\n0,1e-9\n1,2e-9\n")
    np.testing.assert_allclose(run.current_A, [1e-9, 2e-9])


@pytest.mark.parametrize(
    "name", ["log10(I) (A)", "|I| (A)", "-I (A)", "abs(I) (A)", "Current density (A/cm2)"]
)
def test_what_is_made_of_a_current_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReadError, match="no column means a current"):
        read_runs(write(tmp_path, f"V (V),{name}\n0,1e-9\n1,2e-9\n"))
    run = read(tmp_path, f"V (V),{name},I (nA)\n0,7,1\n1,7,2\n")
    np.testing.assert_allclose(run.current_A, [1e-9, 2e-9])
    assert any(f"not used: {name}" in one for one in run.warnings)


def test_two_units_of_one_column_are_refused(tmp_path: Path) -> None:
    text = "Voltage (V),Current (A)\nmV,nA\n1,2\n2,4\n"
    with pytest.raises(ReadError, match="voltage in two units"):
        read_runs(write(tmp_path, text))


# Contradictions


def test_what_differs_between_name_column_and_header_is_said(tmp_path: Path) -> None:
    rows = "".join(f"{k},{k}e-9,{60 + k}\n" for k in range(3))
    text = "# Temperature: 77 K\n# Field: 0.1 T\nV (V),I (A),T (K)\n" + rows
    run = read(tmp_path, text, "J_300K_100mT.csv", "J_{temperature_K}K_{field_mT}mT")
    assert run.conditions.temperature_K == 300.0
    assert doubts(run) == [
        "the temperature is 300 K in the file's name, but 60 to 62 K in the column and 77 K in "
        "the header: the file's name is followed; correct it in notes if it is wrong"
    ]


@pytest.mark.parametrize("header", ["77.9 K", "76 K", "77"])
def test_a_setpoint_that_was_nearly_reached_is_no_contradiction(
    tmp_path: Path, header: str
) -> None:
    text = f"# Temperature: {header}\nV (V),I (A),T (K)\n0,1e-9,77.1\n1,2e-9,77.2\n"
    assert doubts(read(tmp_path, text)) == []


def test_notes_settle_a_contradiction(tmp_path: Path) -> None:
    path = write(tmp_path, "# Temperature: 77 K\n" + TABLE, "J_300K.csv")
    (tmp_path / "J_300K.notes.toml").write_text('[correct]\ntemperature = "77 K"\n', "utf-8")
    (run,) = read_runs(path, pattern="J_{temperature_K}K")
    assert run.conditions.temperature_K == 77.0
    assert doubts(run) == []


@pytest.mark.parametrize(("warmer", "said"), [(40.0, True), (0.3, False)])
def test_a_temperature_that_did_not_stay_is_said(tmp_path: Path, warmer: float, said: bool) -> None:
    noise = np.random.default_rng(3).normal(0.0, 0.2, 100)
    rows = "".join(f"{k},{k}e-9,{50 + warmer * k / 99 + noise[k]:.3f}\n" for k in range(100))
    run = read(tmp_path, "V (V),I (A),T (K)\n" + rows)
    assert any("the temperature did not stay: 5" in one for one in run.warnings) == said


def test_copies_of_a_file_are_named(tmp_path: Path) -> None:
    first = write(tmp_path, "# Device: J\n" + TABLE, "a.csv")
    shutil.copy(first, tmp_path / "a - Copy.csv")
    write(tmp_path, "# Device: J\n" + TABLE.replace("3e-9", "3.1e-9"), "b.csv")
    (sentence,) = analyse([tmp_path]).warnings
    assert "a - Copy.csv and " in sentence
    assert "/a.csv hold the same, and count as 2 measurements" in sentence
