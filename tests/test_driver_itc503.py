"""What the driver of the ITC503 takes for a temperature, and for a key of its table."""

from __future__ import annotations

from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.itc503 import open_itc503
from nanojunction.instruments.errors import InstrumentFault, StationError
from nanojunction.instruments.station_file import TemperatureConfig

FAST = Clock(speed=10_000)


def config(address: str = "", **keys: Any) -> TemperatureConfig:
    return TemperatureConfig.model_validate(
        {"driver": "itc503", "address": address, "visa_library": "@py", "min_K": 2, "max_K": 400}
        | keys
    )


@pytest.mark.parametrize("answer", ["R0.000", "R-12.5"])
def test_what_is_no_temperature_is_a_fault(scripted: Any, answer: str) -> None:
    server = scripted([("V", "ITC503 Version 1.11 (c) OXFORD 1997"), ("R2", answer)], "\r")
    controller = open_itc503(config(server.address), FAST)
    with pytest.raises(InstrumentFault, match=r"sensor 2 gives no temperature"):
        controller.temperature_K()
    controller.close()


@pytest.mark.parametrize("keys", [{"output": 2}, {"heater_range": "low"}, {"loop": "vti"}])
def test_keys_of_other_controllers_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(StationError, match=r"temperature.\w+: itc503 has no such thing"):
        open_itc503(config(**keys), FAST)
