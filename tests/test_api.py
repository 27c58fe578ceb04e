"""The Python interface: small, typed, lazily imported, described, with sentences for mistakes."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module, resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction import analysis
from nanojunction.analysis import (
    CatalogueError,
    Quantity,
    QuestionError,
    ReadError,
    analyse_files,
    analyse_ih,
    analyse_iv,
    analyse_run,
    arrhenius,
    catalogue_frame,
    features_frame,
    load_run,
    load_runs,
    magnetocurrent,
    magnetoresistance,
    quantities_frame,
    run_from_arrays,
    slope_resistance_of_field,
    spin_polarisation,
)

CAMPAIGN = Path(str(resources.files("nanojunction.sample_data"))) / "campaign"
ROOT = Path(__file__).parents[1]
HOME = ROOT / "analysis"


def typed_imports() -> dict[str, str]:
    """What analysis/__init__.py imports for type checkers: module by name."""
    tree = ast.parse((HOME / "__init__.py").read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        alias.name: node.module or ""
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_all_is_what_is_typed_and_what_is_imported() -> None:
    assert analysis.__all__ == sorted(set(analysis.__all__))
    typed = typed_imports()
    assert sorted(typed) == analysis.__all__
    for name, module in typed.items():
        assert getattr(analysis, name) is getattr(import_module(module), name)
    assert set(analysis.__all__) <= set(dir(analysis))


def test_no_public_name_is_hidden_by_a_module() -> None:
    """A submodule that was imported is an attribute of its package, and would win."""
    modules = {path.stem for path in HOME.glob("*.py")} | {path.name for path in HOME.glob("*/")}
    assert not modules & set(analysis.__all__)


def test_importing_the_package_imports_nothing_heavy() -> None:
    script = (
        "import sys, nanojunction.analysis;"
        "print([m for m in ('numpy', 'scipy', 'pandas', 'matplotlib', 'lmfit', 'sqlalchemy')"
        " if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'analyze_iv'"):
        _ = analysis.analyze_iv


@pytest.mark.parametrize("name", analysis.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    first = (inspect.getdoc(getattr(analysis, name)) or "").split("\n")[0]
    assert re.fullmatch(r"[A-Z].*\.", first), f"{name}: begin with one sentence on one line"


@pytest.mark.parametrize("name", analysis.__all__)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    """In a table row, or a heading, of its own."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert re.search(rf"^(\|.*|#+ .*)`{name}(\(|`)", page, re.MULTILINE)


@pytest.mark.parametrize(
    "name", [name for name in analysis.__all__ if not inspect.isclass(getattr(analysis, name))]
)
def test_every_public_function_is_shown_at_work(name: str) -> None:
    """In an example of its own, or in the tutorial; both are run by tests."""
    page = (ROOT / "docs" / "analysis-in-python.md").read_text(encoding="utf-8")
    shown = f"{name}(" in page or ">>> " in (inspect.getdoc(getattr(analysis, name)) or "")
    assert shown, f"{name} has no example"


def test_the_reference_names_nothing_that_is_not_there() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)[(`]", page, re.MULTILINE)
    assert sorted(named) == analysis.__all__


# Arrays and files -----------------------------------------------------------------------------


def test_arrays_give_what_their_file_gives() -> None:
    run = load_run(CAMPAIGN / "C_40K_0T.csv")
    of_arrays = analyse_iv(
        voltage_V=run.voltage_V,
        current_A=run.current_A,
        setpoint_V=run.setpoint_V,
        temperature_K=run.temperature_K,
        in_compliance=run.in_compliance,
        leg=run.leg,
    )
    of_file = analyse_iv(run)
    for key in ("v_off_V", "i_off_A", "r_s_ohm", "p_max_W"):
        assert of_arrays[key] == of_file[key]


def test_arrays_of_a_field_loop_give_what_their_file_gives() -> None:
    run = load_run(CAMPAIGN / "C_40K_IH_2.67mV.csv")
    of_arrays = analyse_ih(field_T=run.field_T, current_A=run.current_A, voltage_V=run.voltage_V)
    of_file = analyse_ih(run)
    assert of_arrays["i_zero_field_A"] == of_file["i_zero_field_A"]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"voltage_V": [0, 1], "current_A": [0, 1, 2]}, "voltage_V: has 2 rows where another"),
        ({"voltage_V": [0, 1], "current_A": [0, np.nan]}, "current_A: row 1 is nan; leave such"),
        ({"voltage_V": ["a", "b"], "current_A": [0, 1]}, "voltage_V: is no array of numbers"),
        ({"voltage_V": [[0, 1]], "current_A": [0, 1]}, "voltage_V: has 2 dimensions"),
        ({"voltage_V": [], "current_A": []}, "give arrays of one row at least"),
        ({"voltage_V": [0, 1]}, "give a run, or arrays: current_A missing"),
        (
            {"voltage_V": [0, 1], "current_A": [0, 1], "temprature_K": 40},
            "temprature_K: is no column; did you mean temperature_K? known are voltage_V,",
        ),
        ({"voltage_V": [0, 1], "current_A": [0, 1j]}, "current_A: is complex"),
        ({"voltage_V": [0, 1], "current_A": [0, 1], "leg": [0, 0.5]}, "leg: holds what is no"),
        (
            {"voltage_V": [0, 1], "current_A": [0, 1], "temperature_K": -196.15},
            "temperature_K: -196.15 K is not above 0 K",
        ),
        (
            {"voltage_V": [0, 1], "current_A": [0, 1], "temperature_K": [4, 0]},
            "temperature_K: 0 K is not above 0 K",
        ),
        ({}, "give a run, or arrays: voltage_V and current_A missing"),
    ],
)
def test_arrays_that_are_no_run_are_refused_with_a_sentence(
    columns: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        analyse_iv(**columns)


def test_what_a_run_of_arrays_needs_is_said() -> None:
    with pytest.raises(ValueError, match="current_A: is missing"):
        run_from_arrays(voltage_V=[0, 1])
    with pytest.raises(ValueError, match="kind: 'sweep' is none of iv, ih"):
        run_from_arrays(voltage_V=[0, 1], current_A=[0, 1], kind="sweep")
    with pytest.raises(TypeError, match=r"'a\.csv': is no run; load_run gives the one in a file"):
        analyse_iv(run="a.csv")


def test_a_run_and_arrays_at_once_are_refused() -> None:
    run = run_from_arrays(voltage_V=[-1, 0, 1], current_A=[-1, 0, 1])
    with pytest.raises(ValueError, match="a run or arrays, not both: current_A"):
        analyse_iv(run, current_A=[1])


@pytest.mark.parametrize(
    ("analyse", "name", "kind"),
    [(analyse_iv, "C_40K_IH_2.67mV.csv", "ih"), (analyse_ih, "C_40K_0T.csv", "iv")],
)
def test_a_run_of_another_kind_is_refused(analyse: object, name: str, kind: str) -> None:
    assert callable(analyse)
    with pytest.raises(ValueError, match=f"{name}: is a run of kind {kind}, not .*analyse_run"):
        analyse(load_run(CAMPAIGN / name))


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.floats(4, 400))
def test_any_finite_arrays_make_a_run(volts: list[float], kelvin: float) -> None:
    run = run_from_arrays(voltage_V=volts, current_A=volts, temperature_K=kelvin, kind="iv")
    assert len(run) == len(volts) == len(analyse_run(run).run.to_frame())
    assert run.conditions.temperature_K == kelvin


# Loading --------------------------------------------------------------------------------------


def test_a_file_of_several_runs_asks_for_a_segment() -> None:
    series = CAMPAIGN / "B_40K-105K.csv"
    with pytest.raises(ReadError, match="holds 7 runs: take load_runs, or one with segment=0 to 6"):
        load_run(series)
    with pytest.raises(ReadError, match="holds 7 runs, and none is segment 7"):
        load_run(series, segment=7)
    assert load_run(series, segment=6).conditions.temperature_K == pytest.approx(105, abs=0.1)


def test_runs_of_a_folder_are_all_there_and_of_strings_too(tmp_path: Path) -> None:
    assert len(load_runs(str(CAMPAIGN))) == len(list(CAMPAIGN.glob("*.csv"))) + 13
    with pytest.raises(ReadError, match="there is no such file or folder"):
        load_runs([tmp_path / "not-there"])


def test_what_holds_no_run_is_warned_of(tmp_path: Path) -> None:
    whole = (CAMPAIGN / "C_40K_0T.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    header = [line for line in whole if line.startswith("#") and "End:" not in line]
    names = next(line for line in whole if not line.startswith("#"))
    (tmp_path / "began.csv").write_text("".join([*header, names]), encoding="utf-8")
    (tmp_path / "lost.notes.toml").write_text("", encoding="utf-8")
    with pytest.warns(UserWarning) as said:
        assert load_runs(tmp_path) == []
    assert {str(one.message).partition(": ")[2] for one in said} == {
        "holds no row, and no run",
        "there is no run lost.csv for these notes",
    }


# Values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity(25901.2, 21.0, unit="Ω"), "25.901(21) kΩ"),
        (Quantity(-13.8009e-6, 3.5e-10, unit="A"), "-13.80090(35) µA"),
        (Quantity(-0.8855, 0.0015, unit="%"), "-88.55(15) %"),
        (Quantity(2.02e-8, 1.2e-9), "2.02(12)e-08"),
        (Quantity(0.25, None), "0.25"),
        (Quantity(None), "not determined"),
        (Quantity(None, note="nothing is generated"), "not determined: nothing is generated"),
    ],
)
def test_a_quantity_reads_as_physicists_write_it(quantity: Quantity, text: str) -> None:
    assert str(quantity) == text
    assert repr(quantity) == f"Quantity({text})"


def test_a_quantity_goes_on_in_uncertainties() -> None:
    power = Quantity(84.0e-3, 1e-4).ufloat() * Quantity(13.8e-6, 1e-8).ufloat()
    assert power.n == pytest.approx(1.1592e-6)
    assert power.s == pytest.approx(1.1592e-6 * np.hypot(1e-4 / 84e-3, 1e-8 / 13.8e-6))
    with pytest.raises(ValueError, match="there is no value: it does not cross"):
        Quantity(None, note="it does not cross").ufloat()
    with pytest.raises(ValueError, match="has no standard error: too few"):
        Quantity(1.0, None, "too few points").ufloat()


def test_a_result_names_what_it_has_not() -> None:
    result = analyse_iv(load_run(CAMPAIGN / "C_40K_0T.csv"))
    assert result["v_off_V"].value == result.quantities["v_off_V"].value
    assert len(result.curve("conductance_S")) == len(result.curve("conductance_S").to_frame())
    with pytest.raises(LookupError, match="RunResult has no 'v_of_V'; did you mean v_off_V"):
        result["v_of_V"]
    with pytest.raises(LookupError, match=r"not a number but a curve .* take .curve\('p_v_W'\)"):
        result["p_v_W"]
    with pytest.raises(LookupError, match=r"not a curve but a number: take \['v_off_V'\]"):
        result.curve("v_off_V")


def test_tables_have_every_run_and_every_number() -> None:
    results = [analyse_iv(run) for run in load_runs(CAMPAIGN / "B_40K-105K.csv")]
    table = quantities_frame(results)
    assert table["temperature_K"].round().tolist() == [40, 50, 60, 70, 80, 90, 105]
    assert table["r_s_ohm"].tolist() == [result["r_s_ohm"].value for result in results]
    assert table["r_s_ohm_stderr"].tolist() == [result["r_s_ohm"].stderr for result in results]
    assert features_frame(results).empty


def test_features_are_a_table_in_order() -> None:
    table = features_frame([analyse_iv(load_run(CAMPAIGN / "A_240K_1.5mV.csv"))])
    assert table["direction"].tolist() == ["forward"] * 3 + ["return"] * 3
    assert (table["fwhm_meV"] > 10 * table["fwhm_meV_stderr"]).all()


# Several runs ---------------------------------------------------------------------------------


def test_arrhenius_takes_quantities_and_numbers_alike() -> None:
    kelvin = [40.0, 60.0, 80.0, 120.0]
    ohms = [700.0 * np.exp(12.4 / 0.08617333262145 / t) for t in kelvin]
    errors = [0.01 * r for r in ohms]
    of_numbers = arrhenius(np.array(kelvin), np.array(ohms), np.array(errors))
    of_quantities = arrhenius(kelvin, [Quantity(r, e) for r, e in zip(ohms, errors, strict=True)])
    assert of_numbers.preferred["e_a_meV"] == of_quantities.preferred["e_a_meV"]
    assert of_numbers.preferred["e_a_meV"].value == pytest.approx(12.4)


def test_arrhenius_takes_the_columns_of_a_table() -> None:
    results = [analyse_iv(run) for run in load_runs(CAMPAIGN / "B_40K-105K.csv")]
    table = quantities_frame(results)
    table.loc[2, "r_s_ohm"] = table.loc[3, "r_s_ohm_stderr"] = np.nan
    fit = arrhenius(table["temperature_K"], table["r_s_ohm"], table["r_s_ohm_stderr"])
    assert [one.name for one in fit.excluded] == ["point 2 (59.9945 K)"]
    assert [one.reason for one in fit.excluded] == ["the quantity is missing"]
    assert fit.preferred["e_a_meV"].value == pytest.approx(12.42, rel=1e-3)


def test_arrhenius_says_what_is_wrong_and_what_was_left_out() -> None:
    with pytest.raises(ValueError, match="values: 2 of them for 3 temperatures"):
        arrhenius([40, 50, 60], [1.0, 2.0])
    with pytest.raises(ValueError, match="stderr: 1 of them for 2 temperatures"):
        arrhenius([40, 50], [1.0, 2.0], [0.1])
    with pytest.raises(ValueError, match="quantities alone, or numbers with their stderr"):
        arrhenius([40, 50], [Quantity(1.0), Quantity(2.0)], [0.1, 0.1])
    fit = arrhenius([40, 50, 60], [Quantity(1.0, 0.1), Quantity(None), Quantity(-1.0, 0.1)])
    assert [one.reason for one in fit.excluded] == ["the quantity is missing", "not above zero"]
    with pytest.raises(ValueError, match="neither fit is preferred: no fit: fewer than 3"):
        _ = fit.preferred


def test_a_missing_resistance_leaves_the_ratio_open_with_its_reason() -> None:
    missing = Quantity(None, note="the sweep is too short")
    found = magnetoresistance(parallel=missing, reference=Quantity(63.0, 0.1))
    assert found.value is None
    assert found.note == "the sweep is too short"
    assert spin_polarisation(found, same_sign=True).note == "the sweep is too short"


def test_repeats_of_a_state_count_together() -> None:
    once = analyse_iv(load_run(CAMPAIGN / "C_40K_0T.csv"))
    other = analyse_iv(load_run(CAMPAIGN / "C_40K_-0.5T.csv"))
    one = magnetoresistance(parallel=other, reference=once)
    two = magnetoresistance(parallel=[other, other], reference=[once, once])
    assert two.value == pytest.approx(one.value)
    assert (two.stderr or 0.0) < (one.stderr or 0.0)


def test_a_magnetocurrent_that_is_not_against_0_tesla_says_so() -> None:
    at_half, at_0 = (load_run(CAMPAIGN / f"C_40K_{field}.csv") for field in ("-0.5T", "0T"))
    assert magnetocurrent(parallel=at_half, reference=at_0).note is None
    swapped = magnetocurrent(parallel=at_0, reference=at_half)
    assert "the reference was measured at -500 mT, not at 0 T" in (swapped.note or "")


def test_one_loop_gives_no_resistance_of_field() -> None:
    loop = load_run(CAMPAIGN / "C_40K_IH_2.13mV.csv")
    with pytest.raises(ValueError, match="needs I\\(H\\) at two different voltages"):
        slope_resistance_of_field([loop])


def test_a_folder_is_analysed_with_its_errors_named(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_bytes((CAMPAIGN / "C_40K_0T.csv").read_bytes())
    (tmp_path / "bad.csv").write_text("nothing\n", encoding="utf-8")
    found = analyse_files(str(tmp_path), calibration=CAMPAIGN / "resistor-100_295K.csv")
    (result,) = found.run_results
    assert result["candidate"].value == 1.0
    assert [Path(error.file).name for error in found.errors] == ["bad.csv"]


def test_a_catalogue_remembers_and_answers(tmp_path: Path) -> None:
    names = ("C_40K_0T.csv", "C_40K_-0.5T.csv", "B-degraded_40K.csv")
    files, lab = [CAMPAIGN / name for name in names], tmp_path / "lab.sqlite"
    first = analyse_files(files, catalogue=lab)
    again = analyse_files(files, catalogue=lab)
    assert (first.taken, again.taken) == (0, 3)
    found = catalogue_frame(lab, where=["temperature_K < 55", "v_off_V > 1 mV"], sort=["v_off_V"])
    assert [Path(file).name for file in found["file"]] == ["C_40K_-0.5T.csv", "C_40K_0T.csv"]
    same = quantities_frame(first.run_results)["v_off_V"]
    assert found["v_off_V"].tolist() == [same[1], same[0]]
    assert catalogue_frame(lab, below=[CAMPAIGN / "C_40K_0T.csv"])["device"].tolist() == ["C"]


def test_a_catalogue_that_is_not_there_and_wrong_questions_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="there is no such catalogue"):
        catalogue_frame(tmp_path / "lab.sqlite")
    analyse_files(CAMPAIGN / "C_40K_0T.csv", catalogue=tmp_path / "lab.sqlite")
    with pytest.raises(QuestionError, match="write a key, one of"):
        catalogue_frame(tmp_path / "lab.sqlite", where=["cold"])
    with pytest.raises(QuestionError, match="no run in the catalogue has a 'v_of_V'"):
        catalogue_frame(tmp_path / "lab.sqlite", where=["v_of_V > 1"])
