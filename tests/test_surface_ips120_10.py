"""PyMeasure's unmodified IPS120_10 on the virtual one: every property, every method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymeasure.instruments.oxfordinstruments import IPS120_10
from pymeasure.instruments.oxfordinstruments import ips120_10 as driver_module
from pymeasure.instruments.oxfordinstruments.ips120_10 import MagnetError

from nanojunction.instruments.virtual.oxford.ips120_10 import Ips120
from nanojunction.instruments.virtual.serving.in_process import InProcessAdapter
from tests.driver_surface import methods, properties
from tests.virtual_bench import world_with

#: What is set, and what is read then.
SETTABLE: dict[str, list[tuple[Any, Any]]] = {
    "control_mode": [("RL", "RL"), ("LU", "LU"), ("LL", "LL"), ("RU", "RU")],
    "activity": [("hold", "hold"), ("to setpoint", "to setpoint"), ("to zero", "to zero")],
    "current_setpoint": [(0.0, 0.0)],  # writes the setpoint, reads the demand: a slip of theirs
    "field_setpoint": [(1.25, 1.25), (-7, -7.0)],
    "sweep_rate": [(0.5, 0.5)],
    "switch_heater_enabled": [(False, False), (True, True), ("Force", True)],
    "switch_heater_status": [(0, 0), (1, 1), (2, 1)],
}
READABLE: dict[str, Callable[[Any], bool]] = {
    "current_measured": lambda value: value == 0.0,
    "demand_current": lambda value: value == 0.0,
    "demand_field": lambda value: value == 0.0,
    "field": lambda value: value == 0.0,
    "persistent_field": lambda value: value == 0.0,
    "sweep_status": lambda value: value == "at rest",
    "version": lambda value: "IPS120-10" in value,
}


@pytest.fixture
def supply(monkeypatch: pytest.MonkeyPatch) -> Ips120:
    instrument = Ips120(world_with(), latency_s=0.005)
    monkeypatch.setattr(driver_module, "sleep", instrument.world.clock.sleep)  # virtual seconds
    return instrument


@pytest.fixture
def driver(supply: Ips120) -> IPS120_10:
    driver = IPS120_10(InProcessAdapter(supply), clear_buffer=False)
    driver.control_mode = "RU"
    driver.activity = "hold"
    return driver


def test_nothing_is_left_out() -> None:
    assert properties(IPS120_10) == set(SETTABLE) | set(READABLE)
    assert methods(IPS120_10) == TESTED_METHODS


@pytest.mark.parametrize("name", SETTABLE)
def test_what_is_set_is_read(driver: IPS120_10, name: str) -> None:
    for value, read in SETTABLE[name]:
        setattr(driver, name, value)
        assert getattr(driver, name) == read


def test_a_clamped_output() -> None:
    driver = IPS120_10(InProcessAdapter(Ips120(world_with())), clear_buffer=False)
    assert driver.activity == "clamp"


@pytest.mark.parametrize("name", READABLE)
def test_what_is_read(driver: IPS120_10, name: str) -> None:
    assert READABLE[name](getattr(driver, name))


#: `ask`, `write` and `is_valid_response` check every answer of the tests here.
TESTED_METHODS = {
    "ask", "disable_control", "disable_persistent_mode", "enable_control",
    "enable_persistent_mode", "is_valid_response", "set_field", "train_magnet", "wait_for_idle",
    "write",
}  # fmt: skip


def test_a_day_with_the_driver(driver: IPS120_10, supply: Ips120) -> None:
    world = supply.world
    driver.enable_control()
    world.clock.sleep(20.0)  # the driver does not wait for the switch to open
    driver.train_magnet([(0.5, 1.0), (1.0, 0.5)])
    assert world.field_T() == 0.0
    driver.set_field(1.5, sweep_rate=1.0)
    assert (world.field_T(), driver.field) == (1.5, 1.5)
    assert driver.switch_heater_enabled is False
    assert driver.demand_field == 0.0
    driver.disable_persistent_mode()
    assert driver.switch_heater_enabled is True
    driver.enable_persistent_mode()
    with pytest.raises(MagnetError, match="not at 0T"):
        driver.disable_control()
    assert world.field_T() == 1.5
    driver.set_field(0)
    driver.wait_for_idle()
    driver.disable_control()
    assert (driver.control_mode, driver.activity) == ("LU", "clamp")
    assert world.field_T() == 0.0
    assert not world.magnet.quenched
