"""From a recipe to its plan: order, keys, settings; what does not fit is refused on paper."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.estimate import Cost, timed
from nanojunction.procedures.recipes.plan import Plan, PlannedPause, plan_of
from nanojunction.procedures.recipes.recipe_file import RecipeError, load_recipe, recipe_from
from nanojunction.procedures.recipes.resume import Remaining, checked_runs, remaining
from nanojunction.procedures.recipes.show import plan_table, summary_of
from nanojunction.procedures.recipes.timing import pace_of, start_of
from tests.conftest import station_content

HEAD = '[recipe]\nname = "Night"\nsample = "A"\n'
FINE = 'set = { vmax = "10 mV", step = "1 mV" }'


#: The positions that the templates name.
SWITCH: dict[str, Any] = {
    "driver": "keithley2700",
    "positions": {
        "J1": {"normal": [101, 117], "reversed": [109, 125]},
        "R100": {"normal": [102, 118]},
        "bare": {"normal": [103, 119]},
    },
}


def paper(**tables: Any) -> Station:
    return on_paper(station_from(station_content(**tables), "station.toml"), "station.toml")


def plan(text: str) -> Plan:
    return plan_of(recipe_from(HEAD + text, "night.toml"))


def runs_of(made: Plan, station: Station | None = None) -> tuple[Remaining, ...]:
    """Return all runs of a plan, of which nothing is done yet."""
    return remaining(made, checked_runs(made, station or paper()), None)


def refused(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        checked_runs(plan(text), paper())
    return str(caught.value)


def test_the_first_key_of_a_loop_is_the_outermost() -> None:
    made = plan(
        '[[steps]]\nname = "map"\nover = { temperature = "300, 40 K", field = "-0.5, 0.5 T" }\n'
        'steps = [{ measure = "iv" }, { pause = "look" }]'
    )
    assert [item.key for item in made.items] == [
        f"map/temperature={kelvin} K/field={tesla} T/{name}"
        for kelvin in (300, 40)
        for tesla in ("-0.5", "0.5")
        for name in ("iv", "pause")
    ]
    assert made.pauses == 4
    assert [setting.value for setting in made.runs[1].settings] == [300.0, 0.5]


def test_what_is_measured_twice_has_two_keys() -> None:
    made = plan(
        '[[steps]]\nmeasure = "iv"\n[[steps]]\nmeasure = "iv"\n'
        '[[steps]]\nover = { temperature = "300, 40, 300 K" }\nsteps = [{ measure = "iv" }]'
    )
    assert [item.key for item in made.items] == [
        "iv", "iv#2", "temperature=300 K/iv", "temperature=40 K/iv", "temperature=300 K/iv#2",
    ]  # fmt: skip


def test_loops_over_samples_repeats_and_any_parameter() -> None:
    made = plan(
        '[[steps]]\nover = { sample = "J01, J02", repeat = 2, nplc = [0.1, 1], state = "P, AP" }\n'
        'steps = [{ measure = "iv" }, { measure = "calibrate", sample = "R1k" }]'
    )
    assert len(made.runs) == 2 * 2 * 2 * 2 * 2
    assert made.runs[0].key == "sample=J01/repeat=1/nplc=0.1/state=P/iv"
    assert [run.sample for run in made.runs[:2]] == ["J01", "R1k"]
    assert {setting.key: setting.value for setting in made.runs[-1].settings} == {
        "nplc": 1.0, "state": "AP",
    }  # fmt: skip
    for run, one in zip(made.runs, runs_of(made), strict=True):
        assert one.procedure.sample == run.sample


def test_defaults_go_where_they_are_known_and_the_step_wins() -> None:
    made = plan(
        '[defaults]\nnplc = 0.1\nvoltage = "2 mV"\n[[steps]]\nmeasure = "iv"\nset = { nplc = 2 }\n'
        '[[steps]]\nmeasure = "ih"'
    )
    iv, ih = (one.procedure for one in runs_of(made))
    assert (iv.nplc, ih.nplc, ih.voltage) == (2.0, 0.1, 0.002)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[steps]]\nmeasure = "iw"', "steps[0].measure: unknown procedure 'iw'"),
        ('[[steps]]\nmeasure = "iv"\nset = { vmxa = 1 }', "steps[0].set.vmxa: unknown key 'vmxa'"),
        ('[[steps]]\nmeasure = "iv"\nset = { vmax = "10 mT" }',
         "steps[0].set.vmax: '10 mT' has the unit 'mT', V is expected"),
        ('[[steps]]\nmeasure = "iv"\nset = { vmax = true }',
         "steps[0].set.vmax: True is no number"),
        ('[[steps]]\nmeasure = "iv"\nset = { field = true }', "steps[0].set.field: True is no"),
        ('[[steps]]\nmeasure = "iv"\nset = { repeats = 1.5 }',
         "steps[0].set.repeats: 1.5 is not a whole number from 1 to 10000"),
        ('[[steps]]\nmeasure = "iv"\nset = { repeats = true }',
         "steps[0].set.repeats: True is not a whole number"),
        ('[[steps]]\nover = { vmax = [true] }\nsteps = [{ measure = "iv" }]',
         "steps[0].over.vmax: True is not a quantity in V"),
        ('[[steps]]\nmeasure = "iv"\nset = { sample = "J02" }',
         "steps[0].set.sample: is no setting of a run: `sample` stands beside `set`"),
        ('[[steps]]\nmeasure = "iv"\nset = { station_file = "other.toml" }',
         "steps[0].set.station_file: is no setting of a run"),
        ('[[steps]]\nmeasure = "iv"\nset = { vmax = "10 mV", step = "3 mV" }',
         "steps[0] (iv): the step 0.003 V does not divide"),
        ('[[steps]]\nmeasure = "iv"\nset = { vmax = "600 mV", step = "100 mV" }',
         "steps[0] (iv): the voltage 0.6 V lies outside the limits of the station"),
        ('[[steps]]\nover = { temperature = "300, 500 K" }\nsteps = [{ measure = "iv" }]',
         "steps[0].steps[0] (temperature=500 K/iv): the temperature 500 K lies outside"),
        ('[[steps]]\nover = { field = "0.1 T, 20 kOe" }\nsteps = [{ measure = "iv" }]',
         "(field=2 T/iv): the field 2 T lies outside"),
        ('[[steps]]\nover = { field = "-500, 500 mT" }\nsteps = [{ measure = "iv" }]',
         "steps[0].over.field: '-500, 500 mT' mixes bare numbers, which are in T, with mT"),
        ('[[steps]]\nmeasure = "ih"\nset = { fields = "-50, 50, -50 mT" }',
         "steps[0].set.fields: '-50, 50, -50 mT' mixes bare numbers"),
        ('[[steps]]\nover = { nplk = "1, 2" }\nsteps = [{ measure = "iv" }]',
         "steps[0].over.nplk: is neither `repeat`, `sample` nor a key of what is measured"),
        ('[[steps]]\nover = { voltage = "1 mV" }\nsteps = [{ measure = "ih" }, { measure = "iv" }]',
         "steps[0].over.voltage: iv (steps[0].steps[1]) has no such key"),
        ('[[steps]]\nover = { nplc = [1] }\nsteps = [{ measure = "iv", set = { nplc = 2 } }]',
         "steps[0].steps[0].set.nplc: is also looped over, at steps[0].over.nplc"),
        ('[[steps]]\nover = { nplc = [1] }\n'
         'steps = [{ over = { nplc = [2] }, steps = [{ measure = "iv" }] }]',
         "steps[0].steps[0].over.nplc: is already looped over, at steps[0].over.nplc"),
        ('[[steps]]\nover = { repeat = 0 }\nsteps = [{ measure = "iv" }]',
         "steps[0].over.repeat: must be a whole number from 1"),
        ('[[steps]]\nover = { repeat = 1000, nplc = "0.1:1:0.001" }\nsteps = [{ measure = "iv" }]',
         "the recipe has more than 100000 runs"),
        ('[[steps]]\nover = { turning_points = "0, 1 mV" }\nsteps = [{ measure = "iv" }]',
         "steps[0].over.turning_points: each value is a list itself"),
        ('[[steps]]\nmeasure = "it"', "steps[0] (it): has no end of its own; give it a duration"),
        (
            '[[steps]]\nmeasure = "vt"\nset = { steady_for = "60 s", steady_within = "1 uV" }',
            "steps[0] (vt): has no end of its own; give it a duration, with steady_for the longest",
        ),
        ('[defaults]\nnlpc = 1\n[[steps]]\nmeasure = "iv"',
         "defaults.nlpc: is not a key of anything measured here"),
        ('[defaults]\nnplc = 100\n[[steps]]\nmeasure = "iv"', "defaults.nplc: 100 is not between"),
    ],
)  # fmt: skip
def test_what_fits_neither_procedure_nor_station_is_refused_with_its_place(
    text: str, words: str
) -> None:
    assert refused(text).startswith("night.toml: ")
    assert words in refused(text)


def test_a_slip_in_the_last_of_many_steps_is_found() -> None:
    text = f'[[steps]]\nmeasure = "iv"\n{FINE}\n' * 16 + '[[steps]]\nmeasure = "iv"\nset = {vmxa=1}'
    assert "steps[16].set.vmxa: unknown key" in refused(text)


def test_nobody_is_measured_without_a_name() -> None:
    recipe = recipe_from('[recipe]\nname = "x"\n[[steps]]\nmeasure = "iv"', "night.toml")
    with pytest.raises(RecipeError, match=r"steps\[0\].sample: is missing"):
        plan_of(recipe)


def test_the_window_is_waited_for_once_at_a_temperature() -> None:
    made = plan(
        '[[steps]]\nover = { temperature = "300, 290 K", nplc = [1, 2] }\n'
        'steps = [{ measure = "iv" }]\n[[steps]]\nmeasure = "iv"\nset = { temperature = 290 }\n'
        '[[steps]]\nmeasure = "iv"\nset = { temperature = 290, window = 5 }\n'
        '[[steps]]\npause = "look"\n[[steps]]\nmeasure = "iv"\nset = { temperature = 290 }'
    )
    windows = [one.procedure.window for one in runs_of(made)]
    assert windows == [60.0, 0.0, 60.0, 0.0, 0.0, 5.0, 60.0]


def test_the_window_is_waited_for_after_a_run_with_the_heater_off() -> None:
    made = plan(
        "[defaults]\ntemperature = 290\n[[steps]]\nover = { heater_off = [false, true, false] }\n"
        'steps = [{ measure = "it", set = { duration = 60 } }]'
    )
    windows = [one.procedure.window for one in runs_of(made)]
    assert windows == [60.0, 0.0, 60.0]


@pytest.mark.parametrize(
    "file", sorted(resources.files("nanojunction.sample_data").joinpath("recipes").iterdir()),
    ids=lambda file: file.name,
)  # fmt: skip
def test_the_templates_can_be_planned(file: Path) -> None:
    made = plan_of(load_recipe(file))
    words = printed(made, paper(switch=SWITCH))
    assert f"{len(made.runs)} runs" in words
    may_be_shorter = any(item.stops or item.skip_when for item in made.items)
    assert ("at most" in words) is may_be_shorter


def printed(made: Plan, station: Station) -> str:
    """Return what a dry run prints, after looking whether it makes sense."""
    pace, start = pace_of(station.config), start_of(station.config)
    todo = runs_of(made, station)
    costs, _ = timed([one.procedure for one in todo], start, pace)
    assert plan_table(made, todo, costs).row_count == len(made.items)
    assert all(cost.total_s > 0.0 and (cost.rows is None or cost.rows > 0) for cost in costs)
    return "\n".join(summary_of(made, todo, sum(costs, Cost()), start, pace))


# Whatever a recipe asks for: within the limits, or refused on paper.

VOLTS = st.sampled_from([0.001, 0.01, 0.1, 0.5, 0.501, 2.0])
TESLA = st.sampled_from([-1.0, -0.2, 0.0, 0.3, 1.0, 1.01])
KELVIN = st.sampled_from([4.0, 40.0, 300.0, 400.0, 3.9, 401.0])
AMPERE = st.sampled_from([1e-6, 1e-3, 1.01e-3])
RATES = st.sampled_from([0.1, 0.5, 0.51])
IV = st.builds(
    lambda volts, share: {"measure": "iv", "set": {"vmax": volts, "step": volts / share}},
    VOLTS, st.sampled_from([1, 4, 10]),
)  # fmt: skip
IH = st.builds(
    lambda volts, start, stop, rate: {
        "measure": "ih",
        "set": {"voltage": volts, "fields": [start, stop + 2e-3, start], "field_rate": rate},
    },
    VOLTS, TESLA, TESLA, RATES,
)  # fmt: skip
IT = st.builds(lambda volts: {"measure": "it", "set": {"voltage": volts, "duration": 9}}, VOLTS)
VT = st.builds(lambda ampere: {"measure": "vt", "set": {"current": ampere, "duration": 9}}, AMPERE)
SERIES = st.builds(
    lambda kelvin: {"measure": "temperature-series", "set": {"temperatures": kelvin}},
    st.lists(KELVIN, min_size=1, max_size=3),
)
OVER = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.lists(KELVIN, min_size=1, max_size=2),
        "field": st.lists(TESLA, min_size=1, max_size=2),
        "compliance": st.lists(AMPERE, min_size=1, max_size=2),
        "repeat": st.integers(1, 2),
    },
)
RUNS = st.one_of(IV, IH, IT, SERIES, st.just({"pause": "look"}))
LOOPS = st.recursive(
    RUNS,
    lambda inner: st.builds(
        lambda over, steps: {"steps": steps} | ({"over": over} if over else {}),
        OVER, st.lists(inner, min_size=1, max_size=2),
    ),
    max_leaves=4,
)  # fmt: skip
STEPS = st.lists(st.one_of(LOOPS, VT), min_size=1, max_size=3)


@settings(deadline=None)
@given(STEPS)
def test_no_recipe_passes_the_limits_of_the_station(steps: list[dict[str, Any]]) -> None:
    text = tomli_w.dumps({"recipe": {"name": "any", "sample": "A"}, "steps": steps})
    limits = paper().config
    meter, magnet, controller = limits.source_meter, limits.magnet, limits.temperature
    assert meter is not None and magnet is not None and controller is not None
    try:
        made = plan_of(recipe_from(text, "any.toml"))
        left = runs_of(made)
    except RecipeError as problem:
        assert str(problem).startswith("any.toml: steps[")
        return
    assert not beyond(steps)
    keys = [item.key for item in made.items]
    assert len(set(keys)) == len(keys)
    for one in left:
        run = one.procedure
        top = meter.max_voltage_V if run.SOURCE == "voltage" else meter.max_current_A
        assert run.largest_level() <= top
        assert run.target_T() is None or abs(run.target_T()) <= magnet.max_field_T
        assert run.target_K() is None or controller.min_K <= run.target_K() <= controller.max_K
        if isinstance(run, IHSweep):
            assert max(map(abs, run.ramp().turning_points)) <= magnet.max_field_T
    assert sum(isinstance(item, PlannedPause) for item in made.items) == made.pauses
    assert printed(made, paper())


def beyond(steps: list[dict[str, Any]]) -> bool:
    """Tell from the recipe's own numbers whether it asks for too much."""
    for step in steps:
        asked = {**step.get("set", {}), **step.get("over", {})}
        if "steps" in step and beyond(step["steps"]):
            return True
        for key, value in asked.items():
            numbers = value if isinstance(value, list) else [value]
            top = {"vmax": 0.5, "voltage": 0.5, "fields": 1.0, "field": 1.0, "field_rate": 0.5,
                   "compliance": 1e-3, "current": 1e-3, "temperature": 400.0,
                   "temperatures": 400.0}.get(key, 1e9)  # fmt: skip
            low = 4.0 if key.startswith("temperature") else -top
            if any(not low <= number <= top for number in numbers):
                return True
    return False
