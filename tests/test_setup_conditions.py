"""How a junction was connected and held: what headers and names of files say, and what not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.analysis.reading.conditions import conditions_of
from nanojunction.analysis.results_check import ResultsError, check_results
from nanojunction.analysis.run import Conditions
from tests.run_files import read

OURS = {"Reversed polarity": "False", "Wires": "station", "Heater off": "False", "Position": ""}


def station(**instruments: Any) -> str:
    return json.dumps({"name": "Cryostat 1", "instruments": instruments})


def setup(header: dict[str, str]) -> tuple[Any, ...]:
    held = conditions_of(header, {})
    return held.polarity, held.wires, held.heater, held.position


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, (None, None, None, None)),
        (OURS, ("normal", None, None, None)),
        (OURS | {"Reversed polarity": "True"}, ("reversed", None, None, None)),
        (OURS | {"Wires": "2"}, ("normal", 2, None, None)),
        (OURS | {"Wires": "4-wire"}, ("normal", 4, None, None)),
        (OURS | {"Wires": "42"}, ("normal", None, None, None)),
        (OURS | {"Station": station(source_meter={"wires": 4})}, ("normal", 4, None, None)),
        (
            OURS | {"Wires": "2", "Station": station(source_meter={"wires": 4})},
            ("normal", 2, None, None),
        ),
        (OURS | {"Heater off": "True"}, ("normal", None, "off", None)),
        (
            OURS | {"Station": station(temperature={"heater_percent": 12.5})},
            ("normal", None, "on", None),
        ),
        (
            OURS | {"Station": station(temperature={"heater_percent": 0.0})},
            ("normal", None, None, None),
        ),
        (OURS | {"Position": "J03"}, ("normal", None, None, "J03")),
        ({"Polarity": "reversed", "Heater": "off"}, ("reversed", None, "off", None)),
    ],
)
def test_only_what_is_said_is_known(header: dict[str, str], expected: tuple[Any, ...]) -> None:
    assert setup(header) == expected


def test_damaged_settings_of_a_station_are_an_error() -> None:
    with pytest.raises(ValueError, match="'Station' is not whole"):
        setup(OURS | {"Station": "{cut o"})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, None),
        (OURS, None),
        ({"Rest": "0 s", "Output during rest": "off"}, None),
        ({"Rest": "300 s", "Output during rest": "off"}, "off"),
        ({"Rest": "0.5 s", "Output during rest": "on"}, "on"),
        ({"Rest": "-3 s", "Output during rest": "on"}, None),
        ({"rest": "5 min", "output during rest": "on"}, "on"),
        ({"Rest": "long", "Output during rest": "on"}, None),
        ({"Rest": "300 s"}, None),
        ({"Output before": "Off"}, "off"),
        ({"Output before": "on", "Rest": "3 s", "Output during rest": "off"}, "on"),
        ({"Output before": "who knows"}, None),
    ],
)
def test_the_output_before_a_run(header: dict[str, str], expected: str | None) -> None:
    assert conditions_of(header, {}).output == expected


def test_names_of_files_may_say_it(tmp_path: Path) -> None:
    rows = "Voltage (V),Current (A)\n0,0\n1e-3,1e-6\n2e-3,2e-6\n"
    pattern = "{device}_{polarity}_{wires}w_{heater}_{output}_{position}"
    run = read(tmp_path, rows, "A_reversed_2w_off_on_J7.csv", pattern)
    assert run.device == "A"
    assert run.conditions.to_json() | {
        "polarity": "reversed", "wires": 2, "heater": "off", "output": "on", "position": "J7",
    } == run.conditions.to_json()  # fmt: skip


def test_what_is_not_known_is_not_in_the_results() -> None:
    assert set(Conditions().to_json()) == {
        "temperature_K", "field_T", "voltage_V", "current_A", "state",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("polarity", "upside down", "must be normal or reversed, or null"),
        ("wires", 3, "must be 2 or 4, or null"),
        ("heater", 1.0, "must be on or off, or null"),
        ("output", "open", "must be on or off, or null"),
        ("position", 7, "must be text or null"),
        ("colour", "red", "is unknown; allowed are temperature_K"),
    ],
)
def test_results_with_other_words_are_refused(key: str, value: Any, words: str) -> None:
    run = {
        "file": "a.csv", "kind": "iv", "device": "A", "conditions": {key: value},
        "quantities": {}, "warnings": [],
    }  # fmt: skip
    document = {
        "schema": "nanojunction-results/1", "runs": [run], "groups": [], "errors": [],
    }  # fmt: skip
    with pytest.raises(ResultsError, match=words):
        check_results(document)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda parts: (
        st.lists(parts) | st.dictionaries(st.sampled_from(["instruments", "source_meter"]), parts)
    ),
)


@given(st.text(), st.text(), st.text(), ANYTHING | st.text().filter(lambda s: s[:1] != "{"))
def test_no_header_is_too_strange(wires: str, heater: str, reverse: str, settings: Any) -> None:
    text = settings if isinstance(settings, str) else json.dumps(settings)
    header = {"Wires": wires, "Heater off": heater, "Reversed polarity": reverse, "Station": text}
    polarity, count, state, _ = setup(header)
    assert polarity in (None, "normal", "reversed")
    assert count in (None, 2, 4)
    assert state in (None, "on", "off")
