"""PyMeasure's unmodified Keithley2700 on the virtual one: every property, every method."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from pymeasure.instruments.keithley import Keithley2700 as Driver

from nanojunction.instruments.virtual.keithley2700 import Keithley2700
from nanojunction.instruments.virtual.serving.in_process import InProcessAdapter
from tests.virtual_bench import world_with

#: What is set, and what is read then.
SETTABLE: dict[str, list[tuple[Any, Any]]] = {
    "closed_channels": [([101, 110], [101, 110]), (105, [101, 105, 110])],
    "open_channels": [([101, 110, 105], None)],  # can only be set
    "buffer_points": [(2, 2), (1024, 1024)],
    "text_enabled": [(True, True), (False, False)],
    "display_text": [("READY", "READY"), ("more than twelve", "more than tw")],
}
READABLE: dict[str, Callable[[Any], bool]] = {
    "complete": lambda value: value == "1",
    "error": lambda value: value[0] == 0,
    "next_error": lambda value: value[0] == 0,
    "id": lambda value: "MODEL 2700" in value,
    "options": lambda value: value == ["7709", "7702"],
    "status": lambda value: int(value) >= 0,
    "buffer_data": lambda value: len(value) == 2,
}
#: Methods of the base classes that speak to no instrument, or are the tools of the others.
BASE = {
    "ask", "add_child", "remove_child", "binary_values", "check_get_errors", "check_set_errors",
    "control", "get_channel_pairs", "get_channels", "measurement", "read", "read_binary_values",
    "read_bytes", "setting", "values", "wait_for", "write", "write_binary_values", "write_bytes",
}  # fmt: skip


def fill_buffer(driver: Driver) -> None:
    """Take two readings as plain numbers: PyMeasure's driver leaves both settings to the user."""
    driver.write("*RST;:FORM:ELEM READ;:SENS:VOLT:NPLC 0.01;:SAMP:COUN 2")
    driver.config_buffer(points=2)
    driver.start_buffer()
    driver.wait_for_buffer(timeout=5)


METHODS: dict[str, Callable[[Driver], object]] = {
    "beep": lambda k: k.beep(440, 0.1),  # frequency and duration are the 2400's; taken as well
    "triad": lambda k: k.triad(440, 0.0),
    "channels_from_rows_columns": lambda k: k.channels_from_rows_columns(2, "all", slot=1),
    "check_errors": lambda k: k.check_errors(),
    "clear": lambda k: k.clear(),
    "close_rows_to_columns": lambda k: k.close_rows_to_columns([1, 2], [3, 4], slot=1),
    "open_rows_to_columns": lambda k: k.open_rows_to_columns([1, 2], [3, 4], slot=1),
    "determine_valid_channels": lambda k: k.determine_valid_channels(),
    "display_closed_channels": lambda k: k.display_closed_channels(),
    "get_state_of_channels": lambda k: k.get_state_of_channels([101, 102]),
    "open_all_channels": lambda k: k.open_all_channels(),
    "config_buffer": lambda k: k.config_buffer(points=2, delay=0),
    "disable_buffer": lambda k: k.disable_buffer(),
    "is_buffer_full": lambda k: k.is_buffer_full(),
    "reset_buffer": lambda k: k.reset_buffer(),
    "start_buffer": lambda k: (k.write("INIT:CONT OFF;:TRIG:COUN 1"), k.start_buffer()),
    "stop_buffer": lambda k: k.stop_buffer(),
    "wait_for_buffer": fill_buffer,
    "reset": lambda k: k.reset(),
    "shutdown": lambda k: k.shutdown(),
}


def members(wanted: Callable[[object], bool]) -> set[str]:
    return {
        name
        for name, member in inspect.getmembers(Driver)
        if not name.startswith("_") and wanted(member)
    }


@pytest.fixture
def driver() -> Driver:
    return Driver(InProcessAdapter(Keithley2700(world_with())))


def test_every_property_is_looked_at() -> None:
    assert members(lambda member: isinstance(member, property)) == set(SETTABLE) | set(READABLE)


def test_every_method_is_looked_at() -> None:
    assert members(inspect.isroutine) == set(METHODS) | BASE


@pytest.mark.parametrize("name", sorted(SETTABLE))
def test_what_was_set_is_read(driver: Driver, name: str) -> None:
    for value, read in SETTABLE[name]:
        setattr(driver, name, value)
        if read is None:
            assert driver.closed_channels == []
        else:
            assert getattr(driver, name) == read
        assert driver.check_errors() == []


@pytest.mark.filterwarnings("ignore:Deprecated to use `error`:FutureWarning")
@pytest.mark.parametrize("name", sorted(READABLE))
def test_every_property_is_read(driver: Driver, name: str) -> None:
    if name == "buffer_data":
        fill_buffer(driver)
    assert READABLE[name](getattr(driver, name))
    assert driver.check_errors() == []


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_runs_without_an_error(driver: Driver, name: str) -> None:
    METHODS[name](driver)
    assert driver.check_errors() == []


def test_rows_and_columns_are_the_contacts_of_the_matrix(driver: Driver) -> None:
    driver.close_rows_to_columns([1, 6], [1, 8], slot=1)
    assert driver.closed_channels == [101, 148]
    assert driver.get_state_of_channels([101, 102, 148]) == "1,0,1"
    driver.open_rows_to_columns(1, 1, slot=1)
    assert driver.closed_channels == [148]
    driver.display_closed_channels()
    assert (driver.text_enabled, driver.display_text) == (True, "Closed: 48")


def test_the_valid_channels_are_those_of_the_matrix_card(driver: Driver) -> None:
    assert driver.cards == {1: "7709", 2: "7702"}
    assert sorted(driver.CLIST_VALUES) == list(range(101, 151))
