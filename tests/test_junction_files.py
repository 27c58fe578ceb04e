"""Junction files: found by name or path, and refused in one sentence when they are wrong."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.models.junction import built_in_junctions, load_junction
from nanojunction.models.junction_file import JunctionFileError, make_junction, parse_junction

FOLDER = Path(__file__).parents[1] / "sample_data" / "junctions"
CONTENTS = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.toml")}


def test_built_in_junctions_are_the_files_of_the_package_and_bear_their_names() -> None:
    assert set(built_in_junctions()) == set(CONTENTS)
    published = {"A", "B", "B-degraded", "C", "MTJ", "MTJ-transport", "open", "short"}
    assert published | {"resistor-100", "resistor-1k", "resistor-10k"} <= set(CONTENTS)
    for name in built_in_junctions():
        assert load_junction(name).name == name
        assert load_junction(name.swapcase()).name == name


def test_every_parameter_says_where_it_comes_from() -> None:
    for name in ("A", "B", "B-degraded", "C", "MTJ", "MTJ-transport"):
        for line in (FOLDER / f"{name}.toml").read_text("utf-8").splitlines():
            if (
                "=" in line
                and line[0] != "#"
                and line.split("=")[0].strip() not in ("name", "law", "")
            ):
                comment = line.partition("#")[2].strip()
                assert comment.startswith(("choice", "Chowrira", "Katcko", "follows"))


def test_a_file_is_loaded_from_its_path_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    text = 'name = "mine"\nlaw = "linear"\nr_s_ohm = 470\n'
    for encoding in ("utf-8", "utf-8-sig"):
        path = tmp_path / f"{encoding}.toml"
        path.write_text(text, encoding=encoding)
        for given_path in (path, str(path)):
            law = load_junction(given_path)
            assert law.name == "mine"
            assert law.current_A(0.47, 300, law.at_rest()) == pytest.approx(1e-3)


def refusal(load: Callable[[], object]) -> str:
    """The one sentence with which something is refused."""
    with pytest.raises(JunctionFileError) as caught:
        load()
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("name", "at", "value", "said"),
    [
        ("B", "v_of_V", 1.0, ["'v_of_V' is unknown", "allowed", "v_off_V"]),
        ("B", "v_off_V", "84 mV", ["'v_off_V'", "number", "'84 mV'"]),
        ("B", "v_off_V", True, ["'v_off_V'", "number"]),
        ("B", "v_off_V", math.nan, ["'v_off_V'", "finite"]),
        ("B", "v_off_V", math.inf, ["'v_off_V'", "finite"]),
        ("B", "v_off_V", -0.08, ["'v_off_V'", "greater than", "-0.08"]),
        ("B", "r_s_ohm", 10**400, ["'r_s_ohm'"]),
        ("B", "p_max_W", 1e-9, ["p_max_W is too small", "v_off_V", "r_s_ohm"]),
        ("B", "r_s_e_a_meV", 400.0, ["p_max_W is too small"]),
        ("A", "name", "A/../B", ["'name'", "letters"]),
        ("A", "name", 3, ["'name'", "text"]),
        ("A", "i_off_per_K", 0.05, ["i_off_per_K", "4 K"]),
        ("A", "features", 3, ["'features'", "list of tables"]),
        (
            "A",
            "features",
            [{"position_V": 0.0, "fwhm_V": 0.0, "amplitude": 1.0}],
            ["features[0].fwhm_V"],
        ),
        ("A", "features", [{"position_V": 0.0, "width": 0.0}], ["features[0]."]),
        ("C", "lag_T", 0.3, ["lag_T", "parallel_field_T"]),
        ("C", "parallel", 550.0, ["'parallel'", "table"]),
        ("C", "parallel", {"r_s_ohm": 550.0}, ["'parallel.v_off_V' is missing"]),
        ("MTJ", "free_up_T", 0.5, ["free_up_T < pinned_up_T"]),
        ("MTJ", "pinned_down_T", -0.1, ["free_down_T < pinned_down_T"]),
        ("MTJ", "law", "os.system", ["'law'", "one of linear, metallic"]),
        ("MTJ", "law", ["linear"], ["'law'", "one of linear, metallic"]),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(
    name: str, at: str, value: object, said: list[str]
) -> None:
    content = {**CONTENTS[name], at: value}
    sentence = refusal(lambda: make_junction(content, "mine.toml"))
    assert sentence.startswith("mine.toml: ")
    for words in said:
        assert words in sentence


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (name, key)
        for name, content in sorted(CONTENTS.items())
        for key in content
        if key not in ("features", "oscillations")  # none is a way to have none
    ],
)
def test_a_missing_key_is_named(name: str, key: str) -> None:
    content = {k: v for k, v in CONTENTS[name].items() if k != key}
    assert f"mine.toml: key '{key}' is missing" in refusal(
        lambda: make_junction(content, "mine.toml")
    )


def test_energies_that_leave_the_numbers_are_refused() -> None:
    content = {**CONTENTS["B"], "freeze_K": 1.0, "v_off_e_a_low_meV": -500.0}
    sentence = refusal(lambda: make_junction(content, "mine.toml"))
    assert "activation energies" in sentence
    assert "freeze_K" in sentence


def test_an_unknown_junction_is_told_the_built_in_names() -> None:
    sentence = refusal(lambda: load_junction("D"))
    assert "'D'" in sentence
    assert all(name in sentence for name in built_in_junctions())


def test_what_is_no_junction_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    broken, latin, folder = tmp_path / "broken.toml", tmp_path / "latin.toml", tmp_path / "folder"
    broken.write_text("name = 1 2")
    latin.write_bytes(b'name = "\xe9"')
    folder.mkdir()
    assert "not valid TOML" in refusal(lambda: load_junction(broken))
    assert "UTF-8" in refusal(lambda: load_junction(latin))
    assert "cannot be read" in refusal(lambda: load_junction(folder))
    for path in (broken, latin, folder):
        assert refusal(partial(load_junction, path)).startswith(str(path))


@given(st.text(max_size=200))
def test_any_stray_text_is_refused_in_one_sentence(text: str) -> None:
    refusal(lambda: parse_junction(text, "mine.toml"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.data())
def test_any_value_at_any_key_is_a_finite_junction_or_refused(data: st.DataObject) -> None:
    content = dict(CONTENTS[data.draw(st.sampled_from(sorted(CONTENTS)))])
    content[data.draw(st.sampled_from([k for k in content if k != "name"]))] = data.draw(VALUES)
    try:
        law = make_junction(content, "mine.toml")
    except JunctionFileError as error:
        assert str(error).startswith("mine.toml: ")
        return
    for temperature_K in (4.0, 40.0, 400.0):
        for voltage_V in (-1.0, 0.0, 1e-3, 1.0):
            assert math.isfinite(law.current_A(voltage_V, temperature_K, law.at_rest()))
