"""PyMeasure's unmodified LakeShore425 on the virtual one: every property, every method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymeasure.instruments.lakeshore import LakeShore425 as Driver
from pymeasure.instruments.lakeshore import lakeshore425 as driver_module

from nanojunction.instruments.virtual import VirtualCryostat, WorldSettings
from tests.driver_surface import methods, properties
from tests.virtual_bench import Resistor

#: What is set, and what is read then.
SETTABLE: dict[str, list[tuple[Any, Any]]] = {
    "unit": [("Oe", "Oe"), ("A/m", "A/m"), ("G", "G"), ("T", "T")],
    "range": [(35, 35), (350, 350), (3500, 3500), (35000, 35000)],
    "mode": [((2, 1, 2), (2, 1, 2)), ((1, 0, 1), (1, 0, 1))],
}
READABLE: dict[str, Callable[[Any], bool]] = {"field": lambda value: 2e-5 < value < 4e-5}
METHODS: dict[str, Callable[[Driver], object]] = {
    "ac_mode": lambda driver: (driver.ac_mode(), driver.ac_mode(wideband=False)),
    "auto_range": lambda driver: driver.auto_range(),
    "dc_mode": lambda driver: (driver.dc_mode(), driver.dc_mode(wideband=False)),
    "measure": lambda driver: driver.measure(3),
    "zero_probe": lambda driver: driver.zero_probe(),
}


@pytest.fixture(scope="module")
def cryostat() -> Iterator[VirtualCryostat]:
    with VirtualCryostat(
        Resistor(1e3),
        source_meter=None,
        magnet=None,
        temperature=None,
        field_probe="lakeshore425",
        speed=10_000,
        settings=WorldSettings(field_probe_offset_T=3e-5, field_probe_noise_T=0.0),
    ) as served:
        yield served


@pytest.fixture
def driver(cryostat: VirtualCryostat, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    monkeypatch.setattr(driver_module, "sleep", cryostat.clock.sleep)
    endpoint = cryostat.endpoints["field_probe"]
    driver = Driver(
        endpoint.address, visa_library="@py", read_termination="\n", write_termination="\n"
    )
    driver.write("*RST")
    driver.write("ZCLEAR")
    driver.unit = "T"
    yield driver
    driver.adapter.close()


def test_nothing_is_left_out() -> None:
    assert properties(Driver) == set(SETTABLE) | set(READABLE)
    assert methods(Driver) == set(METHODS)


@pytest.mark.parametrize("name", SETTABLE)
def test_what_is_set_is_read(driver: Driver, name: str) -> None:
    for value, read in SETTABLE[name]:
        setattr(driver, name, value)
        assert getattr(driver, name) == read


@pytest.mark.parametrize("name", READABLE)
def test_what_is_read(driver: Driver, name: str) -> None:
    assert READABLE[name](getattr(driver, name))


@pytest.mark.parametrize("name", METHODS)
def test_method(driver: Driver, name: str) -> None:
    METHODS[name](driver)
    assert abs(driver.field) < 1e-4


def test_what_the_methods_did(driver: Driver) -> None:
    driver.ac_mode(wideband=False)
    assert driver.mode == (2, 1, 2)
    driver.dc_mode()
    assert driver.mode == (1, 0, 1)
    mean, deviation = driver.measure(3)
    assert (mean, deviation) == pytest.approx((3e-5, 0.0), abs=1e-6)
    driver.range = 35000
    driver.auto_range()
    assert driver.range == 35
    driver.zero_probe()
    assert driver.field == 0.0
