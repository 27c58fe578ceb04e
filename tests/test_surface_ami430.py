"""PyMeasure's unmodified AMI430 on the virtual one: every property, every method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymeasure.instruments.ami import AMI430
from pymeasure.instruments.ami import ami430 as driver_module

from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.ami430 import Ami430
from nanojunction.instruments.virtual.serving.in_process import InProcessAdapter
from tests.driver_surface import methods, properties
from tests.virtual_bench import Resistor, world_with

#: What is set, and what is read then.
SETTABLE: dict[str, list[tuple[Any, Any]]] = {
    "coilconst": [(1.182, 1.182)],
    "voltage_limit": [(2.2, 2.2)],
    "target_current": [(10, 10.0), (-87.5, -87.5)],
    "target_field": [(1, 1.0), (-12.34, -12.34)],
    "ramp_rate_current": [(0.0357, [0.0357, 87.5])],  # the answer has the segment's bound, too
    "ramp_rate_field": [(0.0422, [0.0422, 1.0])],
}
READABLE: dict[str, Callable[[Any], bool]] = {
    "complete": lambda value: value == "1",
    "field": lambda value: value == 0.0,
    "id": lambda value: value.startswith("AMERICAN MAGNETICS INC.,MODEL 430"),
    "magnet_current": lambda value: value == 0.0,
    "magnet_status": lambda value: value == "PAUSED",
    "next_error": lambda value: value == [0, '"No errors"'],
    "options": lambda value: value == "0",  # not in the manual; answered as IEEE 488.2 has it
    "state": lambda value: value == 3,
    "status": lambda value: value == "0",
    "supply_current": lambda value: value == 0.0,
}


@pytest.fixture
def supply(monkeypatch: pytest.MonkeyPatch) -> Ami430:
    instrument = Ami430(world_with(), latency_s=0.005)
    monkeypatch.setattr(driver_module, "sleep", instrument.world.clock.sleep)  # virtual seconds
    return instrument


@pytest.fixture
def driver(supply: Ami430) -> AMI430:
    return AMI430(InProcessAdapter(supply))


def test_nothing_is_left_out() -> None:
    assert properties(AMI430) == set(SETTABLE) | set(READABLE)
    assert methods(AMI430) == TESTED_METHODS


@pytest.mark.parametrize("name", SETTABLE)
def test_what_is_set_is_read(driver: AMI430, name: str) -> None:
    for value, read in SETTABLE[name]:
        setattr(driver, name, value)
        assert getattr(driver, name) == pytest.approx(read, rel=1e-6)
    assert driver.check_errors() == []


@pytest.mark.parametrize("name", READABLE)
def test_what_is_read(driver: AMI430, name: str) -> None:
    assert READABLE[name](getattr(driver, name))


TESTED_METHODS = {
    "check_errors", "clear", "disable_persistent_switch", "enable_persistent_switch",
    "has_persistent_switch_enabled", "pause", "ramp", "ramp_to_current", "ramp_to_field", "reset",
    "shutdown", "wait_for_holding", "zero",
}  # fmt: skip


def test_a_day_with_the_driver(driver: AMI430, supply: Ami430) -> None:
    driver.reset()
    driver.clear()
    assert driver.has_persistent_switch_enabled() is True  # whatever the answer: a slip of theirs
    driver.ramp_to_current(5, 0.2)
    driver.wait_for_holding()
    assert driver.magnet_current == pytest.approx(5.0, abs=1e-6)
    driver.ramp_to_field(2, 0.1)
    driver.pause()
    assert driver.magnet_status == "PAUSED"
    driver.ramp()
    driver.wait_for_holding()
    assert supply.world.field_T() == pytest.approx(0.2, abs=1e-6)
    driver.zero()
    driver.wait_for_holding()
    assert driver.magnet_status == "AT ZERO CURRENT"
    driver.disable_persistent_switch()
    assert driver.magnet_status == "Cooling Persistent Switch"
    driver.wait_for_holding()
    driver.enable_persistent_switch()
    assert driver.magnet_status == "Heating Persistent Switch"
    driver.shutdown()
    assert driver.check_errors() == []
    assert not supply.world.magnet.heater_on


def test_over_a_socket_it_is_greeted() -> None:
    with VirtualCryostat(
        Resistor(1e3), source_meter=None, temperature=None, magnet="ami430", speed=10_000
    ) as cryostat:
        address = cryostat.endpoints["magnet"].address
        for _ in range(2):  # the second client is greeted like the first
            driver = AMI430(address, visa_library="@py", write_termination="\n")
            assert driver.id.startswith("AMERICAN MAGNETICS")
            assert driver.check_errors() == []
            driver.adapter.close()
