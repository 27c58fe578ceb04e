"""What the driver of the MercuryiTC sends, what it makes of answers, and its twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.mercury_itc import open_mercury_itc
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.ramps import Stability, Watch, settle_temperature
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import TemperatureConfig

FAST = Clock(speed=10_000)
SENSORS = {"sample": "DB6.T1", "vti": "MB1.T1"}
LOOP = "DEV:MB1.T1:TEMP:LOOP"


def read(noun: str, value: str) -> tuple[str, str]:
    return f"READ:{noun}", f"STAT:{noun}:{value}"


def accepted(noun: str, value: str) -> tuple[str, str]:
    return f"SET:{noun}:{value}", f"STAT:SET:{noun}:{value}:VALID"


OPENED = [
    ("*IDN?", "IDN:OXFORD INSTRUMENTS:MERCURY ITC:1:2.6.04.000"),
    read("SYS:CAT", "DEV:MB1.T1:TEMP:DEV:DB6.T1:TEMP:DEV:MB0.H1:HTR"),
    read("DEV:DB6.T1:TEMP:LOOP:HTR", "None"),
    read(f"{LOOP}:HTR", "MB0.H1"),
]


def config(address: str = "", **keys: Any) -> TemperatureConfig:
    return TemperatureConfig.model_validate(
        {"driver": "mercury_itc", "address": address, "visa_library": "@py"}
        | {"sensors": SENSORS, "min_K": 2, "max_K": 400}
        | keys
    )


def play(scripted: Any, *lines: tuple[str, str | None]) -> Any:
    return open_mercury_itc(config(scripted([*OPENED, *lines]).address), FAST)


def test_prepare_changes_nothing_on_a_loop_that_works(scripted: Any) -> None:
    controller = play(scripted, read(f"{LOOP}:RENA", "OFF"), read(f"{LOOP}:ENAB", "ON"))
    controller.prepare()
    controller.close()


def test_prepare_ends_a_ramp_where_it_is_and_starts_from_the_present_temperature(
    scripted: Any,
) -> None:
    controller = play(
        scripted,
        read(f"{LOOP}:RENA", "ON"),
        read(f"{LOOP}:TSET", "77.5000K"),
        accepted(f"{LOOP}:RENA", "OFF"),
        accepted(f"{LOOP}:TSET", "77.5"),
        read(f"{LOOP}:TSET", "77.5000K"),
        read(f"{LOOP}:ENAB", "OFF"),
        read("DEV:MB1.T1:TEMP:SIG:TEMP", "80.1234K"),
        accepted(f"{LOOP}:TSET", "80.1234"),
        read(f"{LOOP}:TSET", "80.1234K"),
        accepted(f"{LOOP}:ENAB", "ON"),
    )
    controller.prepare()
    controller.close()


@pytest.mark.parametrize("answer", ["0.0000K", "INVALID", "N/A", "4.2000mK", "nonsense"])
def test_what_is_no_temperature_is_a_fault(scripted: Any, answer: str) -> None:
    controller = play(scripted, read("DEV:DB6.T1:TEMP:SIG:TEMP", answer))
    with pytest.raises(InstrumentFault, match=r"sensor DB6.T1 gives no temperature"):
        controller.temperature_K()
    controller.close()


@pytest.mark.parametrize("verdict", ["INVALID", "DENIED"])
def test_a_setting_that_is_refused_is_a_fault(scripted: Any, verdict: str) -> None:
    refused = (f"SET:{LOOP}:TSET:50", f"STAT:SET:{LOOP}:TSET:50:{verdict}")
    controller = play(scripted, refused)
    with pytest.raises(InstrumentFault, match=f"refused: .*{verdict}"):
        controller.set_setpoint_K(50.0)
    controller.close()


def test_a_setpoint_that_ramps_is_a_fault(scripted: Any) -> None:
    controller = play(scripted, accepted(f"{LOOP}:TSET", "50"), read(f"{LOOP}:TSET", "80.0000K"))
    with pytest.raises(InstrumentFault, match="is 80 K after 50 K was set; is a ramp"):
        controller.set_setpoint_K(50.0)
    controller.close()


def test_heater_off_is_read_back(scripted: Any) -> None:
    controller = play(
        scripted,
        accepted(f"{LOOP}:ENAB", "OFF"),
        accepted(f"{LOOP}:HSET", "0"),
        read(f"{LOOP}:HSET", "12.0000"),
    )
    with pytest.raises(InstrumentFault, match="still gives 12 %"):
        controller.heater_off()
    controller.close()


def test_something_else_is_named(scripted: Any) -> None:
    other = scripted([("*IDN?", "LSCI,MODEL336,1,2")])
    with pytest.raises(WrongInstrument, match="'LSCI,MODEL336,1,2', which is no Oxford Mercury"):
        open_mercury_itc(config(other.address), FAST)


def test_sensors_and_loops_that_are_not_there(scripted: Any) -> None:
    server = scripted(OPENED[:2])
    with pytest.raises(StationError, match=r"sensors.sample: .*no sensor 'B'; installed are MB1"):
        open_mercury_itc(config(server.address, sensors={"sample": "B"}), FAST)
    server = scripted([*OPENED[:3], read(f"{LOOP}:HTR", "None")])
    with pytest.raises(StationError, match=r"temperature.loop: name the sensor .*none of them"):
        open_mercury_itc(config(server.address), FAST)
    server = scripted(OPENED)
    with pytest.raises(StationError, match=r"'sample' is not a sensor .* those are vti"):
        open_mercury_itc(config(server.address, loop="sample"), FAST)
    with pytest.raises(StationError, match=r"temperature.output: mercury_itc has no such thing"):
        open_mercury_itc(config(output=2), FAST)


def test_on_the_virtual_instrument(virtual_station: Callable[..., Station]) -> None:
    station = virtual_station(
        source_meter=None,
        magnet=None,
        temperature={"driver": "mercury_itc", "sensors": SENSORS},
        virtual={"speed": 5000},
    )
    with station:
        controller, watch = station.temperature, Watch(station.clock)
        controller.prepare()
        assert settle_temperature(controller, 250.0, 20.0, Stability(0.2, 60.0), watch)
        assert station.bench.world.temperature_K() == pytest.approx(250.0, abs=0.3)
        found = controller.snapshot()
        assert found["sensors"] == {
            "sample": {"channel": "DB6.T1", "curve": "CX-1050_X123456"},
            "vti": {"channel": "MB1.T1", "curve": "DT-670"},
        }
        assert (found["loop"], found["heater"], found["loop_on"]) == ("MB1.T1", "MB0.H1", True)
        assert found["ramp"] == {"on": False, "K_per_min": None}
        controller.heater_off()
        assert controller.heater_percent() == 0.0
