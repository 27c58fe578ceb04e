"""What a dry run warns of: allowed, hardly meant, each with its place in the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.procedures.recipes.estimate import timed
from nanojunction.procedures.recipes.plan import plan_of
from nanojunction.procedures.recipes.recipe_file import load_recipe, recipe_from
from nanojunction.procedures.recipes.resume import checked_runs, remaining
from nanojunction.procedures.recipes.second_thoughts import second_thoughts
from nanojunction.procedures.recipes.timing import pace_of, start_of
from tests.recipes import HEAD
from tests.test_recipe_plan import SWITCH, paper

#: A real station without magnet and temperature: time passes at its own speed.
METER_ONLY: dict[str, Any] = {
    "virtual": None,
    "source_meter": {"address": "GPIB0::24::INSTR"},
    "magnet": None,
    "temperature": None,
}
TEMPLATES = Path(__file__).parents[1] / "sample_data" / "recipes"


def thoughts_of(recipe: Any, *, done: tuple[str, ...] = (), **tables: Any) -> list[str]:
    """Return what is said of a recipe at the tests' station, with tables of it changed."""
    plan, station = plan_of(recipe), paper(**tables)
    todo = remaining(plan, checked_runs(plan, station), None)
    pace = pace_of(station.config)
    costs, _ = timed([one.procedure for one in todo], start_of(station.config), pace)
    return list(second_thoughts(plan, todo, costs, pace, done.__contains__))


def thoughts(steps: str, **more: Any) -> list[str]:
    return thoughts_of(recipe_from(f"{HEAD}{steps}\n", "night.toml"), **more)


def of_step(measure: str, settings: str, **tables: Any) -> list[str]:
    return thoughts(f'[[steps]]\nmeasure = "{measure}"\nset = {{ {settings} }}', **tables)


def only(found: list[str], place: str, words: str) -> None:
    (one,) = found
    assert one.startswith(f"{place}: "), one
    assert words in one


FINE = 'vmax = "10 mV", step = "1 mV"'


@pytest.mark.parametrize(
    ("measure", "settings", "key", "words"),
    [
        ("iv", 'temperature = 290, window = "2 h"', "window", "does not fit into the time-out"),
        ("iv", 'temperature = 290, timeout = "30 s"', "timeout", "of 1 min 00 s does not fit"),
        ("iv", 'temperature = 290, timeout = "70 s"', "timeout", "settling ("),
        ("temperature-series", 'temperatures = "290, 200 K", timeout = "70 s"', "timeout",
         "and the window of 1 min 00 s take longer than the time-out of 1 min 10 s: it fails"),
        ("iv", "temperature = 290, tolerance = 0.002", "tolerance", "noise of 0.002 K leaves 61"),
        ("iv", 'window = "5 min"', "window", "the run goes to no temperature"),
        ("iv", 'temperature = 290, fixed_wait = "10 min", window = "5 min"', "window",
         "with fixed_wait no temperature is looked at"),
        ("iv", 'field_wait = "30 s"', "field_wait", "the run goes to no field"),
        ("iv", "field = 0.1, field_first = true", "field_first", "both field and temperature"),
        ("iv", 'field = 0.5, saturate = "0.2 T"', "saturate", "saturates nothing"),
        ("iv", "field = 0.1, saturate = 0.5, degauss = 0.3", "degauss", "right afterwards"),
        ("ih", 'fields = "-0.1, 0.1 T", interval = "2 s", field_rate = 0.5', "field_rate",
         "a row every 2 s is one every 16.7 mT, 13 from -0.1 to 0.1 T"),
        ("iv", 'vmax = "10 mV", step = "10 mV"', "step", "the longest leg has 3 points"),
        ("it", 'duration = "1 h", interval = "0.1 s"', "interval", "a reading (0.12 s"),
        ("it", 'duration = "1 min", steady_for = "2 min", steady_within = "1 nA"', "steady_for",
         "it never counts as steady"),
        ("vt", 'duration = "1 min", interval = "2 min"', "duration", "there is one row"),
        ("iv", "nplc = 1.5", "nplc", "1 or 2 averages it out"),
    ],
    ids=lambda value: None if " " in str(value) else str(value),
)  # fmt: skip
def test_a_setting_that_is_hardly_meant_is_told_with_its_place(
    measure: str, settings: str, key: str, words: str
) -> None:
    only(of_step(measure, settings), f"steps[0].set.{key}", words)


@pytest.mark.parametrize(
    ("measure", "settings"),
    [
        ("iv", FINE),
        ("iv", 'temperature = 290, window = "10 min", tolerance = 0.05'),
        ("iv", 'temperature = 290, fixed_wait = "2 h"'),
        ("temperature-series", 'temperatures = "290, 200 K"'),
        ("iv", "field = 0.1, saturate = -0.5, field_rate = 0.2"),
        ("iv", "field = 0, degauss = 0.5"),
        ("iv", "temperature = 290, field = 0.5, field_first = true"),
        ("ih", 'fields = "-0.5, 0.5 T", field_rate = 0.2'),
        ("it", 'duration = "1 h", interval = 0'),
        ("it", 'duration = "1 h", steady_for = "2 min", steady_within = "1 nA"'),
        ("iv", "nplc = 0.1"),
        ("iv", "nplc = 10"),
    ],
)
def test_a_setting_that_makes_sense_is_not_commented(measure: str, settings: str) -> None:
    assert of_step(measure, settings) == []


def test_the_time_to_settle_is_the_stations() -> None:
    settings = f'temperature = 290, timeout = "20 min", {FINE}'
    assert of_step("iv", settings) == []
    found = of_step("iv", settings, temperature={"settling_s": 1200.0})
    only(found, "steps[0].set.timeout", "settling (20 min 00 s, station file) and the window")


def test_the_noise_of_a_real_sensor_is_what_the_station_file_says() -> None:
    real = {
        "virtual": None,
        "source_meter": {"address": "GPIB0::24::INSTR"},
        "magnet": {"address": "GPIB0::25::INSTR"},
    }
    address = {"address": "GPIB0::26::INSTR"}
    settings = f"temperature = 290, tolerance = 0.02, {FINE}"
    assert of_step("iv", settings, **real, temperature=address) == []
    found = of_step("iv", settings, **real, temperature=address | {"noise_K": 0.02})
    only(found, "steps[0].set.tolerance", "the sensor's noise of 0.02 K leaves 61 readings")


def test_a_default_for_many_steps_may_be_idle_in_some() -> None:
    assert thoughts('[defaults]\nwindow = "5 min"\n[[steps]]\nmeasure = "iv"') == []


def test_what_many_runs_share_is_told_once_with_their_number() -> None:
    inner = '{ measure = "iv", set = { nplc = 1.5 } }'
    found = thoughts(f"[[steps]]\nover = {{ repeat = 3 }}\nsteps = [{inner}]")
    only(found, "steps[0].steps[0].set.nplc", "averages it out (3 runs)")


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ('field = "-0.5, 0.5 T", temperature = "290, 280 K"', True),
        ('temperature = "290, 280 K", field = "-0.5, 0.5 T"', False),
        ('repeat = 2, temperature = "290, 280 K"', False),
    ],
)
def test_the_temperature_belongs_outside(over: str, told: bool) -> None:
    found = thoughts(f'[[steps]]\nover = {{ {over} }}\nsteps = [{{ measure = "iv" }}]')
    if told:
        only(found, "steps[0].over.temperature", "all temperatures again for every field")
    else:
        assert found == []


def test_a_pause_in_the_middle_of_the_night_is_told_and_one_at_its_beginning_is_not() -> None:
    night = '[[steps]]\nmeasure = "it"\nset = { duration = "5 h", interval = "1 min" }\n'
    early, late = '[[steps]]\npause = "plug in R"\n', '[[steps]]\npause = "take it out"\n'
    assert thoughts(early + night, **METER_ONLY) == []
    found = thoughts(early + night + late, **METER_ONLY)
    only(found, "steps[2].pause", "comes 5 h 01 min after somebody was there last")
    assert thoughts(early + night + late, **METER_ONLY, done=("pause#2",)) == []


NUMBERS = {
    "temperature": st.sampled_from([40, 290]),
    "window": st.sampled_from([0, 60, 86400]),
    "timeout": st.sampled_from([1, 3600]),
    "tolerance": st.sampled_from([0.001, 0.2]),
    "fixed_wait": st.sampled_from([0, 600]),
    "field": st.sampled_from([0, 0.5]),
    "saturate": st.sampled_from([-0.1, 1.0]),
    "degauss": st.sampled_from([0, 0.3]),
    "field_wait": st.sampled_from([0, 30]),
    "nplc": st.sampled_from([0.1, 1, 1.5]),
    "filter_count": st.sampled_from([1, 10]),
}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["iv", "ih", "it", "vt", "calibrate"]),
    st.fixed_dictionaries({}, optional=NUMBERS),
)
def test_whatever_is_allowed_can_be_thought_about_and_is_found_in_the_recipe(
    measure: str, chosen: dict[str, float]
) -> None:
    own = chosen | ({"duration": 60} if measure in ("it", "vt") else {})
    step = ", ".join(f"{key} = {value}" for key, value in own.items())
    for thought in of_step(measure, step):
        place, words = thought.split(": ", 1)
        assert place in ("recipe", "steps[0]", *(f"steps[0].set.{key}" for key in own))
        assert words


def test_what_outlasts_the_weekend_is_told() -> None:
    found = of_step("it", 'duration = "70 h", interval = "1 min"', **METER_ONLY)
    only(found, "recipe", "takes 2 d 22 h, longer than from Friday evening to Monday morning")
    assert of_step("it", 'duration = "60 h", interval = "1 min"', **METER_ONLY) == []


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_templates_are_meant_as_they_are(template: Path) -> None:
    found = thoughts_of(load_recipe(template), switch=SWITCH)
    assert [one for one in found if ".pause: " not in one and not one.startswith("recipe: ")] == []


def test_the_command_says_them_in_the_dry_run_and_at_the_start(
    nanojunction: Any, station_file: Any, tmp_path: Path
) -> None:
    recipe = tmp_path / "night.toml"
    recipe.write_text(
        f'{HEAD}[[steps]]\nmeasure = "iv"\nset = {{ nplc = 1.5, step = "2 mV" }}\n',
        encoding="utf-8",
    )
    arguments = ("run", recipe, "--station", station_file(), "--out", tmp_path / "runs")
    warning = "warning: steps[0].set.nplc: 1.5 is no whole number of cycles of the mains"
    dry = nanojunction(*arguments, "--dry-run")
    plan, words = dry.communicate(timeout=60)
    assert (dry.returncode, words) == (0, "")
    assert plan.count(warning) == 1
    run = nanojunction(*arguments)
    _, words = run.communicate(timeout=60)
    assert run.returncode == 0, words
    assert words.startswith(warning)
    again = nanojunction(*arguments, "--resume")
    _, words = again.communicate(timeout=60)
    assert "warning" not in words  # nothing is left that it could concern
