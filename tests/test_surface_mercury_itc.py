"""PyMeasure's unmodified MercuryiTC on the virtual one: every property, every method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.oxfordinstruments import MercuryiTC
from pymeasure.instruments.oxfordinstruments.mercuryitc import Heater, TemperatureSensor

from nanojunction.instruments.virtual import VirtualCryostat
from tests.temperature_surface import own, properties, served

SENSOR_SETTABLE: dict[str, list[Any]] = {
    "control_loop_P": [12.5, 0.0],
    "control_loop_I": [1.5, 199.9],
    "control_loop_D": [0.25, 0.0],
    "control_loop_PID_enabled": [True, False],
    "control_loop_heater_percent": [12.5, 100.0, 0.0],
    "control_loop_ramp_enabled": [True, False],
    "control_loop_ramp_rate": [0.5, 100000.0],
    "control_loop_temperature_setpoint": [0.0, 4.2, 2000.0],
}
SENSOR_READABLE: dict[str, Callable[[Any], bool]] = {
    "temperature": lambda value: 4.0 < value < 421.0,
    "voltage": lambda value: 0.0 < value < 2.0,
}
HEATER_SETTABLE: dict[str, list[Any]] = {
    "resistance": [10.0, 2000.0, 50.0],
    "voltage_limit": [0.0, 20.5, 40.0],
}
HEATER_READABLE: dict[str, Callable[[Any], bool]] = {
    "voltage": lambda value: 0.0 <= value <= 40.0,
    "current": lambda value: 0.0 <= value <= 0.8,
    "power": lambda value: 0.0 <= value <= 32.0,
    "max_power": lambda value: value == pytest.approx(32.0),
}


@pytest.fixture(scope="module")
def cryostat() -> Iterator[VirtualCryostat]:
    with served("mercury_itc") as cryostat:
        yield cryostat


@pytest.fixture
def driver(cryostat: VirtualCryostat) -> Iterator[MercuryiTC]:
    endpoint = cryostat.endpoints["temperature"]
    driver = MercuryiTC(endpoint.address, visa_library="@py")  # it knows its terminations
    driver.TS_MB.control_loop_PID_enabled = False
    driver.HTR_MB.voltage_limit = 40
    yield driver
    driver.adapter.close()


def test_nothing_is_left_out() -> None:
    assert properties(TemperatureSensor, Channel) == {*SENSOR_SETTABLE, *SENSOR_READABLE}
    assert properties(Heater, Channel) == {*HEATER_SETTABLE, *HEATER_READABLE}
    for channel in (TemperatureSensor, Heater):
        assert own(channel, Channel) - properties(channel, Channel) == {"check_set_errors"}
    made = {"identity", "TS_MB", "HTR_MB", "add_temperature_sensor", "add_heater"}
    assert own(MercuryiTC, Instrument) == made


def test_identity(driver: MercuryiTC) -> None:
    assert driver.identity.startswith("IDN:OXFORD INSTRUMENTS:MERCURY ITC:")


@pytest.mark.parametrize("name", SENSOR_SETTABLE)
def test_what_is_set_is_read(driver: MercuryiTC, name: str) -> None:
    for value in SENSOR_SETTABLE[name]:
        setattr(driver.TS_MB, name, value)
        if name == "control_loop_temperature_setpoint":
            driver.TS_MB.control_loop_ramp_enabled = False
        assert getattr(driver.TS_MB, name) == value


@pytest.mark.parametrize("name", HEATER_SETTABLE)
def test_what_is_set_on_the_heater_is_read(driver: MercuryiTC, name: str) -> None:
    for value in HEATER_SETTABLE[name]:
        setattr(driver.HTR_MB, name, value)
        assert getattr(driver.HTR_MB, name) == value


def test_what_is_read(driver: MercuryiTC) -> None:
    for name, is_right in SENSOR_READABLE.items():
        assert is_right(getattr(driver.TS_MB, name)), name
    for name, is_right in HEATER_READABLE.items():
        assert is_right(getattr(driver.HTR_MB, name)), name


def test_further_sensors_and_heaters_are_added(driver: MercuryiTC) -> None:
    for uid in ("DB6.T1", "DB7.T1"):
        driver.add_temperature_sensor(uid)
        for name, is_right in SENSOR_READABLE.items():
            assert is_right(getattr(driver.TS[uid], name)), (uid, name)
        for name in SENSOR_SETTABLE:
            getattr(driver.TS[uid], name)
    driver.add_heater("MB0.H1", prefix="again")
    assert driver.HTR["MB0.H1"].voltage_limit == 40.0


def test_settings_and_answers_stay_in_step(driver: MercuryiTC) -> None:
    for value in (5.0, 7.5, 199.9, 300.0):  # the last one is refused
        driver.TS_MB.control_loop_P = value
    assert driver.TS_MB.control_loop_P == 199.9
