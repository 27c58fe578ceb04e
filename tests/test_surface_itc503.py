"""PyMeasure's unmodified ITC503 on the virtual one: every property, every method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymeasure.instruments import Instrument
from pymeasure.instruments.oxfordinstruments import ITC503
from pymeasure.instruments.oxfordinstruments import itc503 as driver_module

from nanojunction.instruments.virtual import VirtualCryostat
from tests.temperature_surface import opened, own, properties, served

#: What is set and then read.
SETTABLE: dict[str, list[Any]] = {
    "auto_pid": [True, False],
    "control_mode": ["RL", "RU"],
    "derivative_action_time": [12.5, 0.0],
    "gasflow": [12.5, 99.9, 0.0],
    "heater": [12.5, 99.9, 0.0],
    "heater_gas_mode": ["AM", "MA", "AUTO", "MANUAL"],
    "integral_action_time": [1.5, 140.0],
    "proportional_band": [15.5, 1677.7],
    "temperature_setpoint": [4.2, 300.0, 1677.7],
}
#: Set and then read at the entry that the pointer names. PyMeasure takes the letter off the answers
#: to R only; it insists on it in these, and hands it on.
TABLES: dict[str, tuple[float, str]] = {
    "auto_pid_table": (123.5, "q123.500"),
    "gasflow_configuration_parameter": (3.0, "d3.000"),
    "sweep_table": (50.25, "r50.250"),
    "target_voltage_table": (7.5, "t7.500"),
}
#: PyMeasure makes a number of the answer with its letter, which cannot be: it raises ValueError for
#: every answer that it accepts.
CANNOT_BE_READ = {"gasflow_control_status": ("m", "m0")}
#: What can only be set, with values that the instrument takes.
WRITE_ONLY: dict[str, list[Any]] = {
    "front_panel_display": ["temperature setpoint", "heater", "channel 3 freq/4"],
    "pointer": [(16, 3), (1, 1)],
    "x_pointer": [0, 128],
    "y_pointer": [0, 128],
}
READABLE: dict[str, Callable[[Any], bool]] = {
    "heater_voltage": lambda value: 0.0 <= value <= 40.0,
    "target_voltage": lambda value: 0.0 <= float(value.removeprefix("n")) <= 40.0,
    "temperature_1": lambda value: 4.0 < value < 421.0,
    "temperature_2": lambda value: 4.0 < value < 421.0,
    "temperature_3": lambda value: 4.0 < value < 421.0,
    "temperature_error": lambda value: abs(value) < 1700.0,
    "valve_scaling": lambda value: value == "o1.0",
    "version": lambda value: value.startswith("ITC503"),
}
METHODS = {"program_sweep", "wait_for_temperature", "wipe_sweep_table"}
#: Not the instrument's but Python's: how questions are asked, and what the answers are called.
MACHINERY = {
    *("FLOW_CONTROL_STATUS", "ask", "is_valid_response", "regex_pattern", "timeoutError", "write"),
}


@pytest.fixture(scope="module")
def cryostat() -> Iterator[VirtualCryostat]:
    with served("itc503") as cryostat:
        yield cryostat


@pytest.fixture
def driver(cryostat: VirtualCryostat, monkeypatch: pytest.MonkeyPatch) -> Iterator[ITC503]:
    monkeypatch.setattr(driver_module, "sleep", cryostat.clock.sleep)
    driver = opened(cryostat, ITC503, clear_buffer=False)
    driver.control_mode = "RU"
    driver.heater_gas_mode = "MANUAL"
    driver.auto_pid = False
    driver.pointer = (1, 1)
    yield driver
    driver.adapter.close()


def test_nothing_is_left_out() -> None:
    assert properties(ITC503, Instrument) == {
        *("sweep_status", *SETTABLE, *TABLES, *WRITE_ONLY, *READABLE, *CANNOT_BE_READ)
    }
    assert own(ITC503, Instrument) - properties(ITC503, Instrument) == METHODS | MACHINERY


@pytest.mark.parametrize("name", SETTABLE)
def test_what_is_set_is_read(driver: ITC503, name: str) -> None:
    for value in SETTABLE[name]:
        setattr(driver, name, value)
        assert getattr(driver, name) == value


@pytest.mark.parametrize("name", TABLES)
def test_tables(driver: ITC503, name: str) -> None:
    value, answer = TABLES[name]
    setattr(driver, name, value)
    assert getattr(driver, name) == answer


@pytest.mark.parametrize("name", CANNOT_BE_READ)
def test_what_pymeasure_cannot_read_is_answered(driver: ITC503, name: str) -> None:
    question, answer = CANNOT_BE_READ[name]
    assert driver.ask(question) == answer
    with pytest.raises(ValueError, match=answer):
        getattr(driver, name)


@pytest.mark.parametrize("name", WRITE_ONLY)
def test_what_can_only_be_set(driver: ITC503, name: str) -> None:
    for value in WRITE_ONLY[name]:
        setattr(driver, name, value)  # raises if it is answered with a question mark


@pytest.mark.parametrize("name", READABLE)
def test_what_is_read(driver: ITC503, name: str) -> None:
    assert READABLE[name](getattr(driver, name))


def test_a_sweep_is_programmed_run_and_wiped(driver: ITC503) -> None:
    driver.program_sweep([10.0, 20.0], sweep_time=[1000.0, 20.0], hold_time=[30.0, 1000.0])
    programmed = []
    for row in (1, 2, 16):
        for column in (1, 2, 3):
            driver.pointer = (row, column)
            programmed.append(float(driver.sweep_table.removeprefix("r")))
    assert programmed == [
        *(10.0, 1000.0, 30.0),
        *(20.0, 20.0, 1000.0),
        *(20.0, 0.0, 0.0),
    ]
    driver.sweep_status = 1
    assert driver.sweep_status == 1
    driver.sweep_status = 4
    assert driver.sweep_status == 4
    driver.sweep_status = 0
    assert driver.sweep_status == 0
    driver.wipe_sweep_table()
    assert driver.sweep_table == "r0.000"


def test_the_temperature_is_waited_for(driver: ITC503) -> None:
    driver.heater_gas_mode = "AM"
    driver.temperature_setpoint = 100.0
    driver.wait_for_temperature(
        error=0.2, check_interval=20, stability_interval=100, thermalize_interval=0
    )
    assert driver.temperature_1 == pytest.approx(100.0, abs=0.5)
