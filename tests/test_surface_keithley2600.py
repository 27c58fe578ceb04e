"""PyMeasure's unmodified Keithley2600 on the virtual 2636B: every property, every method."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest
from pymeasure.instruments.keithley import Keithley2600 as Driver
from pymeasure.instruments.keithley.keithley2600 import Channel

from nanojunction.instruments.virtual.keithley2600 import Keithley2600
from nanojunction.instruments.virtual.serving.in_process import InProcessAdapter
from tests.virtual_bench import Resistor, world_with

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

#: What is set on a channel, and what is read then.
SETTABLE: dict[str, list[tuple[Any, Any]]] = {
    "source_output": [("ON", "ON"), ("OFF", "OFF")],
    "source_mode": [("current", "current"), ("voltage", "voltage")],
    # PyMeasure takes the limits [0.001, 25] for a list of choices and sends the place in it: 25
    # becomes 1 cycle, and is read back as 25; every other number of cycles raises in PyMeasure.
    "measure_nplc": [(25, 25)],
    "source_current": [(1e-3, 1e-3), (-2e-6, -2e-6), (0.0, 0.0)],
    "source_voltage": [(0.123456, 0.123456), (-20.0, -20.0), (0.0, 0.0)],
    "compliance_current": [(1e-3, 1e-3), (0.1, 0.1)],
    "compliance_voltage": [(0.5, 0.5), (20.0, 20.0)],
    "source_current_range": [(1e-3, 1e-3), (0.1, 0.1), (-0.005, 0.01)],
    "source_voltage_range": [(2.0, 2.0), (0.1, 0.2), (-5.0, 20.0)],
    "wires_mode": [("4", "4"), ("2", "2")],
}
#: Ranges of the meter: what is sourced is measured on the source's range.
METER_RANGES = {
    "current_range": ("voltage", [(1e-6, 1e-6), (1.05e-4, 1e-3), (1.5, 1.5)]),
    "voltage_range": ("current", [(0.2, 0.2), (21.0, 200.0), (2.0, 2.0)]),
}
READABLE: dict[str, Callable[[float], bool]] = {
    "current": lambda value: value == pytest.approx(1e-4, abs=1e-7),
    "voltage": lambda value: value == pytest.approx(0.1, abs=1e-4),
    "resistance": lambda value: value == pytest.approx(1e3, rel=1e-3),
}
METHODS: dict[str, Callable[[Channel], object]] = {
    "ask": lambda c: c.ask("measure.nplc"),
    "write": lambda c: c.write("source.levelv=0.5"),
    "values": lambda c: c.values("measure.iv()"),
    "check_errors": lambda c: c.check_errors(),
    "measure_voltage": lambda c: c.measure_voltage(nplc=0.1, voltage=2.0, auto_range=False),
    "measure_current": lambda c: c.measure_current(nplc=0.1, auto_range=True),
    "auto_range_source": lambda c: c.auto_range_source(),
    "apply_current": lambda c: c.apply_current(current_range=1e-3, compliance_voltage=0.5),
    "apply_voltage": lambda c: c.apply_voltage(voltage_range=2.0, compliance_current=1e-3),
    "ramp_to_voltage": lambda c: c.ramp_to_voltage(0.5, steps=5, pause=0.0),
    "ramp_to_current": lambda c: c.ramp_to_current(1e-3, steps=5, pause=0.0),
}
#: Methods that no 2600 can serve, or that sleep.
NOT_CALLED = {
    "binary_values": "`print` writes text whatever format is set; only printbuffer is binary",
    "shutdown": "sleeps three seconds on the wall's clock; its parts are called by themselves",
}
INSTRUMENT: dict[str, Callable[[Any], bool]] = {
    "id": lambda value: value == Keithley2600.identity,
    "complete": lambda value: value == "1",
    "status": lambda value: int(value) == 0,
    "next_error": lambda value: value == (0, "Queue Is Empty"),
    "error": lambda value: value == (0, "Queue Is Empty"),
}
#: Properties that no 2600 can serve.
NOT_READ = {"options": "*OPT? is not among the common commands of a 2600"}
INSTRUMENT_METHODS: dict[str, Callable[[Driver], object]] = {
    "check_errors": lambda k: k.check_errors(),
    "clear": lambda k: k.clear(),
    "reset": lambda k: k.reset(),
    "shutdown": lambda k: k.shutdown(),
}
#: Methods of the base classes that speak to no instrument, or are the tools of the others.
BASE = {
    "BaseChannelCreator", "ChannelCreator", "MultiChannelCreator",
    "ask", "add_child", "remove_child", "binary_values", "check_get_errors", "check_set_errors",
    "control", "get_channel_pairs", "get_channels", "measurement", "read", "read_binary_values",
    "read_bytes", "setting", "values", "wait_for", "write", "write_binary_values", "write_bytes",
}  # fmt: skip


def members(of: type, *, properties: bool) -> set[str]:
    return {
        name
        for name, member in inspect.getmembers(of)
        if not name.startswith("_") and isinstance(member, property) == properties
    }


@pytest.fixture
def driver() -> Driver:
    return Driver(InProcessAdapter(Keithley2600(world_with(Resistor(1e3)))))


@pytest.fixture(params=["ChA", "ChB"])
def channel(driver: Driver, request: pytest.FixtureRequest) -> Channel:
    found: Channel = getattr(driver, request.param)
    return found


def test_every_property_is_looked_at() -> None:
    channels = set(SETTABLE) | set(METER_RANGES) | set(READABLE)
    assert members(Channel, properties=True) == channels
    assert members(Driver, properties=True) == set(INSTRUMENT) | set(NOT_READ)


def test_every_method_is_looked_at() -> None:
    assert members(Channel, properties=False) == set(METHODS) | set(NOT_CALLED)
    assert members(Driver, properties=False) == set(INSTRUMENT_METHODS) | BASE


@pytest.mark.parametrize(
    ("name", "given", "read"), [(n, g, r) for n, pairs in SETTABLE.items() for g, r in pairs]
)
def test_what_is_set_is_read(channel: Channel, name: str, given: Any, read: Any) -> None:
    setattr(channel, name, given)
    assert getattr(channel, name) == (pytest.approx(read) if isinstance(read, float) else read)
    assert channel.check_errors() == []


@pytest.mark.parametrize(
    ("name", "mode", "given", "read"),
    [(n, m, g, r) for n, (m, pairs) in METER_RANGES.items() for g, r in pairs],
)
def test_ranges_of_the_meter_hold_what_is_given(
    channel: Channel, name: str, mode: str, given: float, read: float
) -> None:
    channel.source_mode = mode
    setattr(channel, name, given)
    assert getattr(channel, name) == pytest.approx(read)
    assert channel.check_errors() == []


def test_readings(driver: Driver) -> None:
    driver.ChA.apply_voltage(compliance_current=1e-3)
    driver.ChA.source_voltage = 0.1
    driver.ChA.source_output = "ON"
    for name, is_right in READABLE.items():
        value = getattr(driver.ChA, name)
        assert is_right(value), f"{name} is {value}"


def test_nothing_is_wired_to_channel_b(driver: Driver) -> None:
    driver.ChB.apply_voltage(compliance_current=1e-3)
    driver.ChB.source_voltage = 1.0
    driver.ChB.source_output = "ON"
    assert driver.ChB.voltage == pytest.approx(1.0, abs=1e-3)
    assert abs(driver.ChB.current) < 1e-9
    assert math.isfinite(driver.ChB.resistance)


@pytest.mark.parametrize("name", METHODS)
def test_methods_leave_no_error(channel: Channel, name: str) -> None:
    METHODS[name](channel)
    assert channel.check_errors() == []


@pytest.mark.parametrize("name", INSTRUMENT)
def test_properties_of_the_instrument(driver: Driver, name: str) -> None:
    assert driver.check_errors() == []
    driver.clear()
    assert INSTRUMENT[name](getattr(driver, name))


@pytest.mark.parametrize("name", INSTRUMENT_METHODS)
def test_methods_of_the_instrument_leave_no_error(driver: Driver, name: str) -> None:
    INSTRUMENT_METHODS[name](driver)
    assert driver.next_error == (0, "Queue Is Empty")


def test_an_error_is_read_with_its_words(driver: Driver) -> None:
    driver.ChA.write("source.limiti=0")
    driver.ChA.write("nothing.at.all=1")
    assert driver.next_error == (1102, "Parameter too small")
    code, words = driver.next_error
    assert code == -286
    assert words.startswith("TSP Runtime error at line 1: attempt to index field `nothing'")
