"""Recipe files: what is right loads, what is wrong names file, key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.procedures.recipes.conditions import UNITS, parse_condition
from nanojunction.procedures.recipes.recipe_file import (
    Loop,
    Measurement,
    Pause,
    RecipeError,
    load_recipe,
    recipe_from,
)

HEAD = '[recipe]\nname = "Night"\nsample = "A"\n'
EXAMPLE = """
[recipe]
name = "Two days of J03"
sample = "J03"
[defaults]
nplc = 1
[[steps]]
pause = "Plug in the 1 kΩ resistor, then continue"
[[steps]]
measure = "calibrate"
sample = "R1k"
set = { nominal = "1 kohm", vmax = "10 mV", step = "500 uV" }
[[steps]]
name = "cooling"
over = { temperature = "360, 240, 120, 40 K", field = "-0.5, 0.5 T" }
stop_when = "r_s_ohm > 1 Mohm"
steps = [
  { measure = "iv", set = { vmax = "10 mV", step = "500 uV" } },
  { measure = "ih", set = { voltage = "5 mV" }, skip_when = "broken" },
]
"""


def test_the_example_of_the_manual_loads(tmp_path: Path) -> None:
    file = tmp_path / "Zwei Tage µ.toml"
    file.write_text("\ufeff" + EXAMPLE, encoding="utf-8")
    recipe = load_recipe(file)
    pause, calibration, cooling = recipe.content.steps
    assert isinstance(pause, Pause)
    assert isinstance(calibration, Measurement)
    assert calibration.settings["nominal"] == "1 kohm"
    assert isinstance(cooling, Loop)
    assert list(cooling.over or {}) == ["temperature", "field"]
    assert cooling.stop_when == parse_condition("r_s_ohm > 1 Mohm")
    assert [place for place, _ in recipe.walk()] == [
        "steps[0]", "steps[1]", "steps[2]", "steps[2].steps[0]", "steps[2].steps[1]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ('[[steps]]\nmeasure = "iv"\npause = "x"',
         "steps[0]: a step has exactly one of `measure`, `steps`, `pause`, this one has `measure` "
         "and `pause`"),
        ('[[steps]]\nname = "a"', "this one has none"),
        ("[[steps]]\nmeasure = 1", "steps[0].measure: input should be a valid string (got 1)"),
        ('[[steps]]\nmeasure = "iv"\nsets = {}', "steps[0].sets: is not a key that is known here"),
        ('[[steps]]\nmeasure = "iv"\nset = { a = { b = 1 } }', "steps[0].set.a: must be a number"),
        ('[[steps]]\nsteps = [{ measure = "iv", foo = 1 }]',
         "steps[0].steps[0].foo: is not a key that is known here (got 1)"),
        ('[[steps]]\nsteps = [{ measure = "iv" }]\nover = { field = {} }',
         "steps[0].over.field: must be a text such as"),
        ('[[steps]]\nsteps = [{ measure = "iv" }]\nstop_when = "r > 1"',
         "steps[0].stop_when: no result is called 'r'; known are i_off_A, v_off_V, r_s_ohm"),
        ('[[steps]]\nsteps = [{ measure = "iv" }]\nstop_when = "r_s_ohm > 1 kV"',
         "steps[0].stop_when: '1 kV' has the unit 'kV', ohm is expected"),
        ('[[steps]]\nsteps = [{ measure = "iv" }]\nstop_when = "r_s_ohm = 1"',
         "steps[0].stop_when: is no condition; write [STEP.]QUANTITY"),
        ('[[steps]]\nsteps = [{ measure = "iv" }]\nstop_when = "iw.r_s_ohm > 1"',
         "steps[0].stop_when: no measurement is called 'iw'; known are iv"),
        ('[[steps]]\nmeasure = "iv"\nname = "a/b"', "steps[0].name: must not contain any of /"),
        ('[[steps]]\nmeasure = "iv"\nstop_when = "r_s_ohm > 1"',
         "steps[0].stop_when: is not a key that is known here (got"),
        ("[[steps]]\nsteps = []", "steps[0].steps: must be a list of at least one step"),
        ("", "steps: is missing"),
        ("[[steps]", "is not valid TOML"),
        ('[[steps]]\nmeasure = "iv"\n[default]\nnplc = 1', "default: is not a key"),
    ],
)  # fmt: skip
def test_a_wrong_recipe_gets_one_sentence_with_its_place(wrong: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from(HEAD + wrong, "night.toml")
    assert str(caught.value).startswith("night.toml: ")
    assert words in str(caught.value)


def test_what_is_wrong_in_the_first_table_is_said_too() -> None:
    for wrong, words in {
        '[recipe]\nname = "x"\non_failure = "go on"': "recipe.on_failure: input should be 'stop'",
        "[recipe]": "recipe.name: is missing",
        '[recipe]\nname = "x"\nsampel = "A"': "recipe.sampel: is not a key that is known here",
    }.items():
        with pytest.raises(RecipeError) as caught:
            recipe_from(wrong + '\n[[steps]]\nmeasure = "iv"', "night.toml")
        assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no such recipe file"):
        load_recipe(tmp_path / "none.toml")


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_recipe_or_gets_a_sentence(text: str) -> None:
    try:
        recipe_from(HEAD + text, "night.toml")
    except RecipeError as problem:
        assert str(problem).startswith("night.toml: ")


@settings(deadline=None)
@given(st.text(alphabet="riv_sohm.<>=0123456789 MkµV-", max_size=30))
def test_any_text_is_a_condition_or_gets_a_sentence(text: str) -> None:
    try:
        condition = parse_condition(text)
    except ValueError as problem:
        assert str(problem)
    else:
        assert condition.quantity in UNITS


@settings(deadline=None)
@given(
    st.sampled_from(sorted(UNITS)),
    st.sampled_from([">", ">=", "<", "<="]),
    st.floats(-1e9, 1e9),
    st.floats(-1e9, 1e9),
    st.sampled_from(["", "iv.", " iv . ", "the first."]),
)
def test_a_condition_compares_as_it_reads(
    quantity: str, operator: str, value: float, result: float, step: str
) -> None:
    condition = parse_condition(f"{step}{quantity}{operator} {value!r} {UNITS[quantity]}")
    compared = {
        ">": result > value, ">=": result >= value, "<": result < value, "<=": result <= value,
    }  # fmt: skip
    assert condition.step == step.strip(" .")
    assert condition.holds_for(result) is compared[operator]
    assert condition.holds_for(value) is (operator in (">=", "<="))
