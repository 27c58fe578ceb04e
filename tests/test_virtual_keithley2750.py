"""The virtual Keithley 2750: five slots, 200 two-pole channels, PyMeasure's own driver."""

from __future__ import annotations

import pytest
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.keithley import Keithley2750 as Driver

from nanojunction.cli.simulated_switch import wiring_of
from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.keithley2700 import open_keithley2700
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.roles import Connected
from nanojunction.instruments.station_file import SwitchConfig, Wiring
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.keithley2700 import Keithley2750
from tests.virtual_bench import Resistor, world_with

POSITIONS = [f"J{n:03d}" for n in range(1, 200)]


def bench(positions: list[str]) -> VirtualCryostat:
    return VirtualCryostat(
        "open",
        source_meter=None,
        magnet=None,
        temperature=None,
        switch="keithley2750",
        junctions={position: Resistor(1e3) for position in positions},
        wiring=wiring_of(positions, "keithley2750"),
        bus_latency_s=0.0,
    )


def test_it_has_five_slots_of_its_own_cards() -> None:
    k = Keithley2750(world_with(), cards=("7703", None, "7708", "7702", "7709"))
    assert k.handle("*OPT?") == "7703,NONE,7708,7702,7709"
    assert k.handle(":SYST:CARD5:MUX?;:SYST:CARD4:VCH:END?") == "0;40"
    k.handle(":ROUT:MULT:CLOS (@132,301,445,550)")
    assert k.handle(":ROUT:MULT:CLOS?;:SYST:ERR?") == '(@132,301,445,550);0,"No error"'
    for channel in (136, 201, 601):
        k.handle(f":ROUT:MULT:CLOS (@{channel})")
        assert k.handle(":SYST:ERR?") == '-222,"Parameter data out of range"'
    with pytest.raises(ValueError, match="a 2750 has 5 slots, not 2"):
        Keithley2750(world_with(), cards=("7702", "7702"))


def test_its_buffer_is_twice_as_large_and_it_measures_one_ohm() -> None:
    k = Keithley2750(world_with())
    assert k.handle(":TRAC:POIN 110000;POIN?;:SAMP:COUN 110000;COUN?") == "110000;110000"
    assert k.handle(":FRES:RANG 0.5;RANG?;:FRES:DCIR ON;DCIR?") == "1.000000E+00;1"
    assert k.handle(":TRAC:POIN 110001;:SYST:ERR?") is None
    assert k.handle(":SYST:ERR?") == '-222,"Parameter data out of range"'


def test_pymeasures_own_driver_moves_its_channels_over_a_socket() -> None:
    with bench(POSITIONS) as cryostat:
        end = cryostat.endpoints["switch"]
        adapter = VISAAdapter(
            end.address, "@py", read_termination="\n", write_termination="\n", timeout=5000
        )
        driver = Driver(adapter)
        try:
            assert "MODEL 2750" in driver.id
            driver.close(101)
            driver.close(539)
            assert driver.closed_channels == [101, 539]
            assert cryostat.world.connected_positions == (Connected("J001"), Connected("J199"))
            driver.open(101)
            # A list of one channel the driver returns as it was answered.
            assert driver.closed_channels == "(@539)"
            assert cryostat.world.connected_positions == (Connected("J199"),)
            driver.open_all()
            assert driver.closed_channels == "(@)"
        finally:
            adapter.close()
        assert cryostat.world.connected_positions == ()


def config_at(address: str, positions: dict[str, Wiring], short: tuple[int, ...]) -> SwitchConfig:
    return SwitchConfig(
        driver="keithley2750",
        address=address,
        visa_library="@py",
        read_termination="\n",
        write_termination="\n",
        positions=positions,
        short=short,
    )


def test_the_role_connects_each_of_199_positions_and_no_other() -> None:
    wiring = wiring_of(POSITIONS, "keithley2750")
    with bench(POSITIONS) as cryostat:
        address = cryostat.endpoints["switch"].address
        switch = open_keithley2700(
            config_at(address, dict(wiring.positions), wiring.short), Clock()
        )
        try:
            for position in ("J001", "J040", "J041", "J199"):
                assert not switch.can_reverse(position)
                switch.short_all()
                switch.connect(position)
                assert cryostat.world.shorted
                switch.remove_short()
                assert cryostat.world.connected_positions == (Connected(position),)
                assert switch.connected() == Connected(position)
        finally:
            switch.close()


def test_a_contact_that_a_7702_does_not_have_is_refused_at_opening() -> None:
    with bench(POSITIONS) as cryostat:
        address = cryostat.endpoints["switch"].address
        with pytest.raises(StationError, match=r"there is no contact 546 .*slot 5: 7702"):
            open_keithley2700(config_at(address, {"J1": Wiring(normal=(546,))}, ()), Clock())
