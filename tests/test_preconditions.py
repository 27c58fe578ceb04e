"""Readings that a station asks for before a ramp: the helium level of a virtual Mercury."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanojunction.instruments.errors import InstrumentFault, LaboratoryError, StationError
from nanojunction.instruments.preconditions import check_before, read_all, value_of
from nanojunction.instruments.ramps import Stability, Watch
from nanojunction.instruments.reading_config import ReadingConfig
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.procedures.environment import go_to_field, go_to_temperature
from tests.conftest import station_content

HELIUM = {
    "name": "the helium level",
    "of": "temperature",
    "query": "READ:DEV:DB5.L1:LVL:SIG:HEL:LEV",
    "unit": "%",
    "minimum": 30.0,
    "before": ["field"],
}


def station(level_percent: float, *readings: Mapping[str, Any]) -> Station:
    content = station_content(
        source_meter=None,
        temperature={
            "driver": "mercury_itc",
            "sensors": {"sample": "DB6.T1", "vti": "MB1.T1"},
        },
        virtual={"speed": 5000, "world": {"helium_level_percent": level_percent}},
    )
    return Station(station_from({**content, "readings": list(readings)}, "cryostat.toml"))


def test_enough_helium_lets_the_field_ramp_and_is_recorded() -> None:
    with station(80.0, HELIUM) as cryostat:
        assert go_to_field(cryostat, 0.05, 0.5, Watch(cryostat.clock))
        found = cryostat.snapshot()["readings"]["the helium level"]
        assert found == {"value": pytest.approx(78.0, abs=2.0), "unit": "%"}


def test_too_little_helium_stops_the_field_before_anything_is_sent() -> None:
    with station(20.0, HELIUM) as cryostat:
        words = r"the helium level is (20|19.\d+) %, .* change of the field .* at least 30 %"
        with pytest.raises(LaboratoryError, match=words):
            go_to_field(cryostat, 0.05, 0.5, Watch(cryostat.clock))
        assert cryostat.bench.world.field_T() == 0.0
        assert not cryostat.magnet_in_use
        check_before(cryostat, "temperature")  # the station asks for it before fields only


def test_a_maximum_and_a_ramp_of_the_temperature() -> None:
    full = {**HELIUM, "minimum": None, "maximum": 50.0, "before": ["temperature"]}
    with (
        station(80.0, full) as cryostat,
        pytest.raises(LaboratoryError, match=r"change of the temperature .* at most 50 %"),
    ):
        go_to_temperature(cryostat, 250.0, 10.0, Stability(), Watch(cryostat.clock))


def test_a_question_that_is_not_answered_with_a_number() -> None:
    wrong = {**HELIUM, "query": "READ:DEV:DB9.L1:LVL:SIG:HEL:LEV"}
    with (
        station(80.0, wrong) as cryostat,
        pytest.raises(InstrumentFault, match=r"'STAT:DEV:DB9.L1:NOT_FOUND'.*gives no number"),
    ):
        check_before(cryostat, "field")


def test_older_controllers_answer_as_well(virtual_station: Callable[..., Station]) -> None:
    with virtual_station(source_meter=None, virtual={"speed": 5000}) as cryostat:
        gas = ReadingConfig(name="gas", of="temperature", query="R7", before=())
        field = ReadingConfig(name="field", of="magnet", query="R7", before=())
        cryostat.config = cryostat.config.model_copy(update={"readings": (gas, field)})
        assert read_all(cryostat) == {
            "gas": {"value": 50.0, "unit": ""},
            "field": {"value": 0.0, "unit": ""},
        }


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("STAT:DEV:DB5.L1:LVL:SIG:HEL:LEV:56.3938%", 56.3938),
        ("+295.000", 295.0),
        ("-1.5E-3 mbar", -1.5e-3),
        (" 7 ", 7.0),
        (".5", 0.5),
    ],
)
def test_the_last_number_is_read(answer: str, value: float) -> None:
    reading = ReadingConfig.model_validate(HELIUM)
    assert value_of(reading, answer) == value


def test_a_pattern_of_ones_own() -> None:
    answer = "STAT:DEV:DB5.L1:LVL:SIG:HEL:LEV:56.3938%:RES:47.8665O"
    reading = ReadingConfig.model_validate({**HELIUM, "pattern": r"LEV:([\d.]+)%"})
    assert value_of(reading, answer) == 56.3938


@pytest.mark.parametrize("answer", ["", "INVALID", "DB5.L1", "nan", "LEV:1e999%", "1.2.3"])
def test_no_number_is_a_fault_never_a_value(answer: str) -> None:
    with pytest.raises(InstrumentFault, match="gives no number"):
        value_of(ReadingConfig.model_validate(HELIUM), answer)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_is_read_back(value: float) -> None:
    assert value_of(ReadingConfig.model_validate(HELIUM), f"LEV:{value!r}%") == value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query": "SET:DEV:MB1.T1:TEMP:LOOP:TSET:500"}, r"readings.0.query: must be one question"),
        ({"query": "KRDG? A;SETP 1,500"}, "must be one question"),
        ({"query": "T500"}, "must be one question"),
        ({"query": "READ:X\nSET:Y:1"}, "must be one question"),
        ({"of": "source_meter"}, r"readings.0.of: the station has no \[source_meter\]"),
        ({"minimum": None}, "give minimum or maximum"),
        ({"maximum": 10.0}, "minimum must lie below maximum"),
        ({"pattern": "("}, "is no regular expression"),
        ({"pattern": "[0-9]+"}, "must have one group"),
        ({"before": ["voltage"]}, "'field' or 'temperature'"),
    ],
)
def test_what_a_station_file_must_not_ask(change: Mapping[str, Any], words: str) -> None:
    with pytest.raises(StationError, match=words):
        station(80.0, {**HELIUM, **change})


def test_two_readings_of_one_name() -> None:
    with pytest.raises(StationError, match=r"readings.1.name: 'the helium level' is there twice"):
        station(80.0, HELIUM, HELIUM)
