"""PyMeasure's unmodified LakeShore421 on the virtual one: every property, every method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymeasure.instruments.lakeshore import LakeShore421 as Driver

from nanojunction.instruments.virtual import VirtualCryostat, WorldSettings
from tests.driver_surface import methods, properties
from tests.virtual_bench import Resistor

#: What is set in tesla on the range of 300 mT, and what is read then.
SETTABLE: dict[str, list[tuple[Any, Any]]] = {
    "unit": [("G", "G"), ("T", "T")],
    "field_range_raw": [(3, 3), (0, 0)],
    "field_range": [(0.03, 0.03), (30.0, 30.0), (3.0, 3.0)],
    "auto_range": [(True, True), (False, False)],
    "fast_mode": [(True, True), (False, False)],
    "field_mode": [("AC", "AC"), ("DC", "DC")],
    "display_filter_enabled": [(False, False), (True, True)],
    "front_panel_locked": [(True, True), (False, False)],
    "front_panel_brightness": [(0, 0), (7, 7)],
    "max_hold_enabled": [(True, True), (False, False)],
    "relative_mode_enabled": [(True, True), (False, False)],
    "relative_setpoint_raw": [(12.5, 12.5)],
    "relative_setpoint": [(-0.25, -0.25)],
    "alarm_mode_enabled": [(True, True), (False, False)],
    "alarm_audible": [(False, False), (True, True)],
    "alarm_in_out": [("Outside", "Outside"), ("Inside", "Inside")],  # sent as ALMB: their slip
    "alarm_sort_enabled": [(True, True), (False, False)],
    "alarm_low_raw": [(0.125, 0.125)],  # on the highest range, where setpoints begin
    "alarm_low": [(0.1, 0.1)],
    "alarm_high_raw": [(1.5, 1.5)],
    "alarm_high": [(2.5, 2.5)],
}
READABLE: dict[str, Callable[[Any], bool]] = {
    "field_raw": lambda value: 0.0 < value < 0.1,
    "field_multiplier": lambda value: value == 1e-3,
    "field": lambda value: 1e-5 < value < 5e-5,
    "max_hold_field_raw": lambda value: 0.0 < value < 0.1,
    "max_hold_multiplier": lambda value: value == 1e-3,
    "max_hold_field": lambda value: 1e-5 < value < 5e-5,
    "relative_field_raw": lambda value: 0.0 < value < 0.1,
    "relative_multiplier": lambda value: value == 1e-3,
    "relative_field": lambda value: 1e-5 < value < 5e-5,
    "relative_setpoint_multiplier": lambda value: value == 1e-3,
    "alarm_active": lambda value: value is False,
    "alarm_low_multiplier": lambda value: value == 1,
    "alarm_high_multiplier": lambda value: value == 1,
    "probe_type": lambda value: value == "High Stability",
    "serial_number": lambda value: value == "H42101",
}


@pytest.fixture(scope="module")
def cryostat() -> Iterator[VirtualCryostat]:
    with VirtualCryostat(
        Resistor(1e3),
        source_meter=None,
        magnet=None,
        temperature=None,
        field_probe="lakeshore421",
        speed=10_000,
        settings=WorldSettings(field_probe_offset_T=3e-5, field_probe_noise_T=0.0),
    ) as served:
        yield served


@pytest.fixture
def driver(cryostat: VirtualCryostat) -> Iterator[Driver]:
    driver = Driver(cryostat.endpoints["field_probe"].address, visa_library="@py")
    driver.WRITE_DELAY = None  # the virtual one needs no pause between messages
    driver.write("*RST")
    driver.unit = "T"
    driver.field_range_raw = 2
    yield driver
    driver.adapter.close()


def test_nothing_is_left_out() -> None:
    assert properties(Driver) == set(SETTABLE) | set(READABLE)
    assert methods(Driver) == {
        "delay_write", "max_hold_reset", "shutdown", "write", "zero_probe",
    }  # fmt: skip


@pytest.mark.parametrize("name", SETTABLE)
def test_what_is_set_is_read(driver: Driver, name: str) -> None:
    for value, read in SETTABLE[name]:
        setattr(driver, name, value)
        assert getattr(driver, name) == read


@pytest.mark.parametrize("name", READABLE)
def test_what_is_read(driver: Driver, name: str) -> None:
    assert READABLE[name](getattr(driver, name))


def test_methods(cryostat: VirtualCryostat) -> None:
    driver = Driver(cryostat.endpoints["field_probe"].address, visa_library="@py")
    driver.delay_write()
    driver.zero_probe(wait=False)
    driver.max_hold_reset()
    driver.write("UNIT T")
    assert (driver.field, driver.max_hold_field) == (0.0, 0.0)
    driver.shutdown()
    assert driver.isShutdown
