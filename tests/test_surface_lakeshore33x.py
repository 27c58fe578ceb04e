"""PyMeasure's unmodified Lake Shore drivers on the virtual 335 and 336: the whole surface."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.lakeshore import LakeShore3xx, LakeShore331, lakeshore_base
from pymeasure.instruments.lakeshore.lakeshore_base import (
    LakeShoreHeaterChannel,
    LakeShoreTemperatureChannel,
)

from nanojunction.instruments.virtual import VirtualCryostat
from tests.temperature_surface import opened, own, properties, served

INPUTS: dict[str, Callable[[Any], bool]] = {
    "kelvin": lambda value: 4.0 < value < 421.0,
    "celsius": lambda value: -269.2 < value < 147.0,
    "celcius": lambda value: -269.2 < value < 147.0,
    "sensor": lambda value: value > 0.0,
}
OUTPUTS: dict[str, list[Any]] = {
    "mout": [12.5, 100.0, 0.0],
    "range": ["off", "low", "medium", "high"],
    "setpoint": [0.0, 4.2, 123.456, 295.0],
}
#: What the instruments have of PyMeasure's bare SCPI surface.
COMMON: dict[str, Callable[[Any], bool]] = {
    "complete": lambda value: str(value) == "1",
    "id": lambda value: value.startswith("LSCI,MODEL33"),
    "status": lambda value: str(value).isdigit(),
}
#: *OPT? and SYST:ERR? are no commands of a 335 or 336 (chapter 6): the real ones answer nothing.
NOT_THERE = {"options": "*OPT?", "next_error": "SYST:ERR?", "check_errors": "SYST:ERR?"}
#: Inputs of option cards and of other models of the 3xx series.
SCANNED = {f"input_{letter}{n}" for letter in "CD" for n in range(1, 6)} - {"input_C5"}
CHANNELS = {
    "lakeshore335": ({"input_A", "input_B"}, {"output_1", "output_2"}),
    "lakeshore336": ({f"input_{a}" for a in "ABC"}, {f"output_{n}" for n in (1, 2, 3, 4)}),
}
#: Input D of the virtual 336 has no sensor.
EMPTY = {"input_D"}


@pytest.fixture(scope="module", params=CHANNELS)
def cryostat(request: pytest.FixtureRequest) -> Iterator[VirtualCryostat]:
    with served(request.param) as cryostat:
        yield cryostat


@pytest.fixture
def driver(cryostat: VirtualCryostat, monkeypatch: pytest.MonkeyPatch) -> Iterator[LakeShore3xx]:
    monkeypatch.setattr(lakeshore_base, "sleep", cryostat.clock.sleep)
    driver = opened(cryostat, LakeShore3xx)
    driver.write("DFLT 99")
    yield driver
    driver.adapter.close()


def channels(cryostat: VirtualCryostat) -> tuple[set[str], set[str]]:
    return CHANNELS[cryostat.endpoints["temperature"].driver]


def test_nothing_is_left_out() -> None:
    assert properties(LakeShoreTemperatureChannel, Channel) == set(INPUTS)
    assert own(LakeShoreTemperatureChannel, Channel) == {*INPUTS, "wait_for_temperature"}
    assert own(LakeShoreHeaterChannel, Channel) == {*OUTPUTS, "output"}
    inputs, outputs = CHANNELS["lakeshore336"]
    known = {*inputs, *outputs, *EMPTY, *SCANNED, *COMMON, *NOT_THERE, "clear", "reset"}
    assert own(LakeShore3xx, Instrument) == known
    assert own(LakeShore331, Instrument) <= known


def test_inputs(driver: LakeShore3xx, cryostat: VirtualCryostat) -> None:
    for name in channels(cryostat)[0]:
        for quantity, is_right in INPUTS.items():
            with warnings.catch_warnings(action="ignore"):
                assert is_right(getattr(getattr(driver, name), quantity)), (name, quantity)


def test_outputs(driver: LakeShore3xx, cryostat: VirtualCryostat) -> None:
    for name in channels(cryostat)[1]:
        output = getattr(driver, name)
        for quantity, values in OUTPUTS.items():
            is_voltage = quantity == "range" and name in ("output_3", "output_4")
            for value in values[:2] if is_voltage else values:  # those are on or off
                setattr(output, quantity, value)
                assert getattr(output, quantity) == value, (name, quantity)
        if name in ("output_1", "output_2"):  # HTR? is theirs, AOUT? the others'
            assert 0.0 <= output.output <= 100.0


def test_common(driver: LakeShore3xx) -> None:
    driver.clear()
    driver.reset()
    for name, is_right in COMMON.items():
        assert is_right(getattr(driver, name)), name


@pytest.mark.parametrize("command", sorted(set(NOT_THERE.values())))
def test_what_is_not_there_is_a_command_error_and_nothing_else(
    driver: LakeShore3xx, command: str
) -> None:
    driver.clear()
    assert driver.ask(f"{command};*ESR?").strip() == "032"


def test_the_temperature_is_waited_for(driver: LakeShore3xx, cryostat: VirtualCryostat) -> None:
    driver.output_1.setpoint = 100.0
    driver.input_A.wait_for_temperature(100.0, accuracy=0.5, interval=20)
    cryostat.clock.sleep(1200.0)  # PyMeasure waits for the first reading only
    assert driver.input_A.kelvin == pytest.approx(100.0, abs=1.0)


def test_the_class_of_the_331_is_served_as_well(cryostat: VirtualCryostat) -> None:
    with pytest.warns(DeprecationWarning):
        driver = opened(cryostat, LakeShore331)
    driver.output_1.setpoint = 77.5
    assert driver.output_1.setpoint == 77.5
    assert driver.input_B.kelvin > 4.0
    driver.adapter.close()


def test_bare_line_feeds_end_a_line_as_well(cryostat: VirtualCryostat) -> None:
    driver = opened(cryostat, LakeShore3xx, write_termination="\n")
    driver.write("")  # what Lake Shore's own software begins with
    assert driver.id.startswith("LSCI")
    driver.adapter.close()
