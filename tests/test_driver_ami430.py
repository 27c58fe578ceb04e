"""The AMI 430 driver on scripts, and persistent mode of both supplies on their virtual twins."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.ami430 import AMI430Magnet, open_ami430
from nanojunction.instruments.drivers.ips120_10 import open_ips120_10
from nanojunction.instruments.drivers.magnets import wait_until
from nanojunction.instruments.errors import InstrumentFault, LimitError, WrongInstrument
from nanojunction.instruments.limits import LimitedMagnet
from nanojunction.instruments.ramps import Watch, ramp_field
from nanojunction.instruments.roles import MagnetState
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import MagnetConfig
from nanojunction.instruments.virtual import World
from tests.virtual_bench import SteppedClock

FAST = Clock(speed=10_000)
IDN = ("*IDN?", "AMERICAN MAGNETICS INC.,MODEL 430,1,2.59")
TAKEN = ("SYST:ERR?", '0,"No errors"')
Make = Callable[..., Station]


def magnet(address: str, driver: str = "ami430") -> MagnetConfig:
    return MagnetConfig(
        driver=driver, address=address, visa_library="@py", max_field_T=5, ramp_T_per_min=1
    )


def order(command: str, error: str = TAKEN[1]) -> list[tuple[str, str | None]]:
    """Return an order with what the error buffer says of it."""
    answers = [("SYST:ERR?", error)] + ([] if error == TAKEN[1] else [TAKEN])
    return [("*CLS", None), (command, None), *answers]


def opened(scripted: Any, *script: tuple[str, str | None]) -> AMI430Magnet:
    server = scripted([IDN, *script], "\r\n")
    return open_ami430(magnet(server.address), FAST)


UNITS = [("FIELD:UNITS?", "1"), ("RAMP:RATE:UNITS?", "1")]
HEATER_ON = [("PS:INST?", "1"), ("PS?", "1")]
HEATER_OFF = [("PS:INST?", "1"), ("PS?", "0")]
NO_TIMER = [("PS:HTIME?", "20"), ("PS:CTIME?", "20")]


def test_a_ramp_is_paused_set_verified_and_then_begun(scripted: Any) -> None:
    supply = opened(
        scripted,
        *UNITS,
        ("PAUSE", None),
        ("RAMP:RATE:SEG?", "2"),
        ("RAMP:RATE:FIELD:1?", "0.3,3"),
        *order("CONF:RAMP:RATE:FIELD 1,0.5,3"),
        ("RAMP:RATE:FIELD:1?", "0.5,3"),
        ("RAMP:RATE:FIELD:2?", "0.1,7"),  # slower above 3 T: the laboratory's wish stands
        *order("CONF:RAMP:RATE:FIELD 2,0.1,7"),
        ("RAMP:RATE:FIELD:2?", "0.1,7"),
        *order("CONF:FIELD:TARG -1.23456789"),
        ("FIELD:TARG?", "-1.23457"),
        *order("RAMP"),
        *order("PAUSE"),
    )
    supply.ramp_to(-1.23456789, 0.5)
    supply.hold()
    supply.close()


def test_units_are_set_and_verified_on_prepare(scripted: Any) -> None:
    supply = opened(
        scripted,
        ("FIELD:UNITS?", "0"),
        *order("CONF:FIELD:UNITS 1"),
        ("FIELD:UNITS?", "1"),
        ("RAMP:RATE:UNITS?", "0"),
        *order("CONF:RAMP:RATE:UNITS 1"),
        ("RAMP:RATE:UNITS?", "1"),
        ("STATE?", "3"),
        *HEATER_ON,
        *NO_TIMER,
        ("STATE?", "3"),
        ("STATE?", "3"),
        *HEATER_ON,
    )
    assert supply.prepare()
    supply.close()


def test_a_field_is_read_together_with_its_unit(scripted: Any) -> None:
    supply = opened(
        scripted,
        ("FIELD:UNITS?", "0"),
        ("FIELD:MAG?", "12.5"),
        ("FIELD:UNITS?", "1"),
        ("FIELD:MAG?", "1.25"),
        ("FIELD:UNITS?", "0"),
        ("COIL?", "0.8"),
        ("CURR:SUPP?", "10"),
    )
    assert supply.field_T() == pytest.approx(1.25)
    assert supply.field_T() == pytest.approx(1.25)
    assert supply.lead_field_T() == pytest.approx(0.8)
    supply.close()


def test_the_heater_goes_on_only_with_the_leads_at_the_magnets_current(scripted: Any) -> None:
    supply = opened(
        scripted,
        *UNITS,
        ("STATE?", "8"),
        *HEATER_OFF,
        *NO_TIMER,
        ("STATE?", "8"),
        ("STATE?", "8"),
        *HEATER_OFF,
        ("CURR:MAG?", "6.25"),
        ("FIELD:UNITS?", "1"),
        ("COIL?", "0.08"),
        ("CURR:SUPP?", "0"),
        ("PS:PSRR?", "10"),
        ("PAUSE", None),
        *order("CONF:CURR:TARG 6.250000"),
        *order("RAMP"),
        ("STATE?", "1"),
        *HEATER_OFF,
        ("CURR:SUPP?", "3"),
        ("STATE?", "2"),
        *HEATER_OFF,
        ("CURR:SUPP?", "6.25"),
        ("PAUSE", None),
        *order("PS 1"),
        *NO_TIMER,
        ("STATE?", "9"),
        ("STATE?", "3"),
        ("STATE?", "3"),
        *HEATER_ON,
        ("STATE?", "3"),
        *HEATER_ON,
    )
    assert supply.prepare()
    supply.close()


def test_a_refused_order_is_a_fault(scripted: Any) -> None:
    supply = opened(scripted, *order("PAUSE", '-302,"Quench condition"'))
    with pytest.raises(InstrumentFault, match=r"did not take PAUSE \(-302,\"Quench condition\"\)"):
        supply.hold()
    supply.close()


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("1", MagnetState.RAMPING),
        ("2", MagnetState.HOLDING),
        ("3", MagnetState.HOLDING),
        ("4", MagnetState.RAMPING),
        ("5", MagnetState.RAMPING),
        ("6", MagnetState.RAMPING),
        ("7", MagnetState.QUENCHED),
        ("8", MagnetState.HOLDING),
        ("9", MagnetState.RAMPING),
        ("10", MagnetState.RAMPING),
        ("11", MagnetState.FAULT),
    ],
)
def test_status(scripted: Any, answer: str, state: MagnetState) -> None:
    supply = opened(scripted, ("STATE?", answer), *HEATER_ON, ("STATE?", answer), ("PS:INST?", "0"))
    assert supply.status().state is state
    assert supply.status().heater_on is None
    supply.close()


@pytest.mark.parametrize("answer", ["12", "", "garbage"])
def test_an_answer_that_makes_no_sense(scripted: Any, answer: str) -> None:
    supply = opened(scripted, ("STATE?", answer))
    with pytest.raises(InstrumentFault, match=r"magnet at TCPIP.*makes no sense"):
        supply.status()
    supply.close()


def test_a_quenched_magnet_is_not_touched(scripted: Any) -> None:
    supply = opened(scripted, *UNITS, ("STATE?", "7"), *HEATER_ON)
    with pytest.raises(InstrumentFault, match="quenched; clear it at the front panel"):
        supply.prepare()
    supply.close()


def test_persistent_mode_needs_a_switch(scripted: Any) -> None:
    supply = opened(scripted, ("STATE?", "3"), ("PS:INST?", "0"))
    with pytest.raises(InstrumentFault, match="no switch is fitted"):
        supply.go_persistent()
    supply.close()
    v_ips = [("V", "IPS120-10  Version 3.07  (c) OXFORD 1996"), ("$Q4", None)]
    server = scripted([*v_ips, ("C3", "C"), ("X", "X00A0C3H8M10P00")], "\r")
    oxford = open_ips120_10(magnet(server.address, "ips120_10"), FAST)
    with pytest.raises(InstrumentFault, match="no switch is fitted"):
        oxford.go_persistent()
    oxford.close()


class SlowToLook:
    """What a wait asks, on a clock that goes on by 100 s at every look."""

    def __init__(self, *answers: bool) -> None:
        self.clock = SteppedClock()
        self.answers = iter(answers)

    def is_done(self) -> bool:
        self.clock.time_s += 100.0
        return next(self.answers)


def test_a_computer_that_was_held_up_looks_once_more_before_it_is_too_late() -> None:
    slow = SlowToLook(False, True)
    assert wait_until(slow.is_done, slow.clock, 60.0, never, "never came")


def test_what_does_not_come_in_time_is_a_fault() -> None:
    slow = SlowToLook(False, False)
    with pytest.raises(InstrumentFault, match="never came"):
        wait_until(slow.is_done, slow.clock, 60.0, never, "never came")


def test_the_greeting_is_no_identity(scripted: Any) -> None:
    greeting = "American Magnetics Model 430 IP Interface\r\nHello.\r\n"
    server = scripted([("*IDN?", greeting + IDN[1])], "\r\n")
    supply = open_ami430(magnet(server.address), FAST)
    assert supply.identify() == IDN[1]
    supply.close()


def test_something_else_at_the_address(scripted: Any) -> None:
    server = scripted([("*IDN?", "LSCI,MODEL425,1,1.0")], "\r\n")
    with pytest.raises(WrongInstrument, match=r"'LSCI,MODEL425,1,1\.0', which is no AMI Model 430"):
        open_ami430(magnet(server.address), FAST)


# Both supplies on the virtual magnet

BOTH = pytest.mark.parametrize("driver", ["ami430", "ips120_10"])


@contextmanager
def at_field(make: Make, driver: str, tesla: float) -> Iterator[tuple[LimitedMagnet, World]]:
    """Yield the magnet at a field, its switch warm, and the world."""
    station = make(magnet={"driver": driver}, source_meter=None, temperature=None)
    with station:
        assert station.magnet.prepare(lambda: False)
        assert ramp_field(station.magnet, tesla, 0.5, Watch(station.clock))
        yield station.magnet, station.bench.world


def never() -> bool:
    return False


def stop_after(looks: int) -> Callable[[], bool]:
    """Return what says stop at the given look."""
    left = iter(range(looks))
    return lambda: next(left, None) is None


@BOTH
def test_the_field_stays_through_persistent_mode_and_back(
    virtual_station: Make, driver: str
) -> None:
    with at_field(virtual_station, driver, -0.4) as (magnet, world):
        assert magnet.go_persistent(never)
        assert (magnet.lead_field_T(), magnet.field_T()) == (0.0, pytest.approx(-0.4, abs=1e-4))
        assert magnet.status().heater_on is False
        assert world.field_T() == pytest.approx(-0.4, abs=1e-5)
        assert magnet.go_persistent(never)  # it is already: nothing happens
        assert magnet.prepare(never)
        assert magnet.status().heater_on is True
        assert magnet.lead_field_T() == pytest.approx(-0.4, abs=1e-4)
        assert world.field_T() == pytest.approx(-0.4, abs=1e-4)
        assert not world.magnet.quenched


@BOTH
@pytest.mark.parametrize("looks", [0, 1, 2, 4, 8, 16])
def test_a_stop_in_the_middle_is_safe(virtual_station: Make, driver: str, looks: int) -> None:
    with at_field(virtual_station, driver, 0.4) as (magnet, world):
        done = magnet.go_persistent(stop_after(looks))
        assert done == (magnet.lead_field_T() == pytest.approx(0.0, abs=1e-3))
        assert not (done and looks == 0)
        assert world.field_T() == pytest.approx(0.4, abs=1e-4)
        magnet.prepare(stop_after(looks))
        assert world.field_T() == pytest.approx(0.4, abs=1e-4)
        assert magnet.prepare(never)
        assert world.field_T() == pytest.approx(0.4, abs=1e-4)
        assert not world.magnet.quenched


@BOTH
def test_persistent_mode_in_the_middle_of_a_ramp_keeps_the_field_of_that_moment(
    virtual_station: Make, driver: str
) -> None:
    with at_field(virtual_station, driver, 0.1) as (magnet, world):
        magnet.ramp_to(0.9, 0.5)
        assert magnet.go_persistent(never)
        kept = world.field_T()
        assert 0.1 <= kept < 0.9
        assert magnet.field_T() == pytest.approx(kept, abs=1e-4)
        assert magnet.prepare(never)
        assert world.field_T() == pytest.approx(kept, abs=1e-4)
        assert not world.magnet.quenched


@BOTH
def test_limits_hold_and_a_quench_is_said(virtual_station: Make, driver: str) -> None:
    with at_field(virtual_station, driver, 0.2) as (magnet, world):
        with pytest.raises(LimitError):
            magnet.ramp_to(1.01, 0.5)
        with world.lock:
            world.magnet.quench(world.sync())
        assert magnet.status().state is MagnetState.QUENCHED
        with pytest.raises(InstrumentFault, match="quenched"):
            magnet.go_persistent(never)


def test_the_ami_knows_what_it_is_set_to(virtual_station: Make) -> None:
    with at_field(virtual_station, "ami430", 0.3) as (magnet, _):
        snapshot = magnet.snapshot()
    assert snapshot["setpoint_T"] == pytest.approx(0.3)
    assert snapshot["ramp_T_per_min"] == pytest.approx(0.5)
    assert snapshot["field_T"] == pytest.approx(0.3)
    assert snapshot["coil_T_per_A"] == pytest.approx(0.08)
    assert snapshot["status"] == "HOLDING"


def test_the_ami_is_left_at_zero_where_the_policy_says_so(virtual_station: Make) -> None:
    station = virtual_station(
        magnet={"driver": "ami430", "on_exit": "zero"}, source_meter=None, temperature=None
    )
    with station:
        station.magnet_in_use = True
        assert station.magnet.prepare(never)
        assert ramp_field(station.magnet, 0.3, 0.5, Watch(station.clock))
        assert station.magnet.go_persistent(never)
        world = station.bench.world
    assert world.field_T() == pytest.approx(0.0, abs=1e-4)
    assert not world.magnet.quenched


def test_after_a_lost_connection_the_greeting_is_no_answer(virtual_station: Make) -> None:
    station = virtual_station(magnet={"driver": "ami430"}, source_meter=None, temperature=None)
    with station:
        assert station.magnet.prepare(never)
        assert ramp_field(station.magnet, 0.25, 0.5, Watch(station.clock))
        for _ in range(3):
            station.reconnect("magnet")
            assert station.magnet.field_T() == pytest.approx(0.25, abs=1e-6)
            assert station.magnet.status().state is MagnetState.HOLDING


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("probe", ["lakeshore421", "lakeshore425"])
def test_on_serial_lines_where_nothing_greets(virtual_station: Make, probe: str) -> None:
    station = virtual_station(
        magnet={"driver": "ami430"},
        field_probe={"driver": probe},
        source_meter=None,
        temperature=None,
        virtual={"serve": "serial"},
    )
    with station:
        assert station.bench.endpoints["magnet"].address.startswith("ASRL")
        assert station.magnet.prepare(never)
        assert ramp_field(station.magnet, 0.1, 0.5, Watch(station.clock))
        assert station.magnet.go_persistent(never)
        assert station.field_probe_or_none is not None
        assert station.field_probe_or_none.field_T() == pytest.approx(0.1, abs=5e-4)
