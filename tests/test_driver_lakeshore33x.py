"""What the driver of the Lake Shore 335 and 336 sends, what it makes of answers, and both twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.lakeshore33x import open_lakeshore33x
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.ramps import Stability, Watch, settle_temperature
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import TemperatureConfig

FAST = Clock(speed=10_000)
IDN = ("*IDN?", "LSCI,MODEL336,LSA0001/#######,2.1")
CLOSED = ("OUTMODE? 1", "1,1,1")
KELVIN = ("INTYPE? A", "1,0,0,0,1")
AT_40 = ("SETP? 1", "+40.0000")
NO_RAMP = ("RAMP? 1", "0,+010.0")
ON = ("RANGE? 1", "3")
OFF = ("RANGE? 1", "0")


def config(address: str = "", driver: str = "lakeshore336", **keys: Any) -> TemperatureConfig:
    return TemperatureConfig.model_validate(
        {"driver": driver, "address": address, "visa_library": "@py", "min_K": 2, "max_K": 400}
        | keys
    )


def play(scripted: Any, *lines: tuple[str, str | None], **keys: Any) -> Any:
    server = scripted([IDN, *lines], "\r\n")
    return open_lakeshore33x(config(server.address, **keys), FAST)


def test_prepare_changes_nothing_on_a_loop_that_works(scripted: Any) -> None:
    controller = play(scripted, CLOSED, KELVIN, AT_40, NO_RAMP, ON)
    controller.prepare()
    controller.close()


def test_prepare_switches_a_ramp_off_and_keeps_the_setpoint_where_it_is(scripted: Any) -> None:
    controller = play(
        scripted,
        *(CLOSED, KELVIN, AT_40),
        ("RAMP? 1", "1,+010.0"),
        ("RAMP 1,0,10", None),
        ("SETP 1,40.000000", None),
        *(AT_40, ON),
    )
    controller.prepare()
    controller.close()


def test_prepare_switches_the_heater_on_from_the_present_temperature(scripted: Any) -> None:
    controller = play(
        scripted,
        *(CLOSED, KELVIN, AT_40, NO_RAMP, OFF),
        ("RDGST? A;KRDG? A", "000;+12.3450"),
        ("SETP 1,12.345000", None),
        ("SETP? 1", "+12.3450"),
        ("RANGE 1,2", None),
        ("RANGE? 1", "2"),
        heater_range="medium",
    )
    controller.prepare()
    controller.close()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ([("OUTMODE? 1", "3,1,0")], r"output 1 is in mode 'open loop'.*set it to closed loop"),
        ([("OUTMODE? 1", "1,0,0")], "control input 0"),
        ([CLOSED, ("INTYPE? A", "1,0,0,0,2")], "other preferred units than kelvin"),
        ([CLOSED, KELVIN, AT_40, NO_RAMP, OFF], "heater of output 1 is off; choose a range"),
    ],
)
def test_prepare_reassigns_nothing(scripted: Any, script: Any, words: str) -> None:
    controller = play(scripted, *script)
    with pytest.raises(InstrumentFault, match=words):
        controller.prepare()
    controller.close()


def test_readings_and_setpoints(scripted: Any) -> None:
    controller = play(
        scripted,
        ("RDGST? B;KRDG? B", "000;+40.0120"),
        ("SETP 2,41.500000", None),
        ("SETP? 2", "+41.5000"),
        ("HTR? 2", "+012.3"),
        ("RANGE 2,0", None),
        ("RANGE? 2", "0"),
        output=2,
    )
    assert controller.temperature_K() == 40.012
    controller.set_setpoint_K(41.5)
    assert controller.heater_percent() == 12.3
    controller.heater_off()
    controller.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("129;+0.00000", "input B gives no temperature .invalid reading, sensor units over range"),
        ("016;+0.00000", "temperature under range"),
        ("000;+0.00000", "reads 0.0 K"),
        ("+40.0", "an answer makes no sense"),
        ("000;nonsense", "an answer makes no sense"),
    ],
)
def test_what_is_no_temperature_is_a_fault(scripted: Any, answer: str, words: str) -> None:
    controller = play(scripted, ("RDGST? B;KRDG? B", answer))
    with pytest.raises(InstrumentFault, match=words):
        controller.temperature_K()
    controller.close()


def test_a_setpoint_that_is_not_taken_is_a_fault(scripted: Any) -> None:
    controller = play(scripted, ("SETP 1,380.000000", None), ("SETP? 1", "+325.000"))
    with pytest.raises(InstrumentFault, match="the setpoint is 325 after 380 K was set"):
        controller.set_setpoint_K(380.0)
    controller.close()


def test_a_heater_that_stays_on_is_a_fault(scripted: Any) -> None:
    controller = play(scripted, ("RANGE 1,0", None), ON)
    with pytest.raises(InstrumentFault, match="heater of output 1 stays on"):
        controller.heater_off()
    controller.close()


def test_the_names_of_curves(scripted: Any) -> None:
    controller = play(
        scripted,
        ("INCRV? B", "21"),
        ("CRVHDR? 21", "CX-1050        ,X123456   ,4,+420.000,1"),
        ("INCRV? A", "02"),
        ("CRVHDR? 2", "DT-670         ,STANDARD C,2,+500.000,1"),
        ("INCRV? A", "00"),
    )
    assert controller.curve() == "CX-1050 X123456"
    assert controller.curve("vti") == "DT-670"
    assert controller.curve("vti") == ""
    controller.close()


def test_another_model_and_other_inputs_are_named(scripted: Any) -> None:
    server = scripted([IDN], "\r\n")
    with pytest.raises(WrongInstrument, match=r"'LSCI,MODEL336.* which is no Lake Shore 335"):
        open_lakeshore33x(config(server.address, driver="lakeshore335"), FAST)
    with pytest.raises(StationError, match=r"sensors.sample: .* inputs A, B, not 'C'"):
        open_lakeshore33x(config(driver="lakeshore335", sensors={"sample": "C"}), FAST)
    with pytest.raises(StationError, match=r"temperature.loop: lakeshore336 has no such thing"):
        open_lakeshore33x(config(loop="vti"), FAST)


@pytest.mark.parametrize("model", ["lakeshore335", "lakeshore336"])
def test_on_the_virtual_instrument(virtual_station: Callable[..., Station], model: str) -> None:
    station = virtual_station(
        source_meter=None, magnet=None, temperature={"driver": model}, virtual={"speed": 5000}
    )
    with station:
        controller, watch = station.temperature, Watch(station.clock)
        controller.prepare()
        assert settle_temperature(controller, 250.0, 20.0, Stability(0.2, 60.0), watch)
        assert station.bench.world.temperature_K() == pytest.approx(250.0, abs=0.3)
        assert controller.temperature_K() == pytest.approx(250.0, abs=0.5)
        found = controller.snapshot()
        assert found["sensors"] == {
            "sample": {"channel": "B", "curve": "CX-1050 X123456"},
            "vti": {"channel": "A", "curve": "DT-670"},
        }
        assert (found["range"], found["control_input"], found["setpoint_K"]) == ("high", "A", 250.0)
        assert found["ramp"] == {"on": False, "K_per_min": 10.0}
        controller.heater_off()
        assert controller.heater_percent() == 0.0
