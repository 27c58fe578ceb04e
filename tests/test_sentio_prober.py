"""A SENTIO prober as a switch: the maker's own client on the virtual one, and our driver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sentio_prober_control.Sentio.Enumerations import (
    ChuckSite,
    DieNumber,
    SteppingContactMode,
    ZReference,
)
from sentio_prober_control.Sentio.ProberBase import ProberException
from sentio_prober_control.Sentio.ProberSentio import SentioProber as Client

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.sentio_prober import SentioProber, open_sentio_prober
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.ramps import Watch
from nanojunction.instruments.roles import Connected, SourceSettings
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import SwitchConfig, Wiring, station_from
from nanojunction.instruments.switching import connect_junction
from nanojunction.instruments.virtual import VirtualCryostat, World
from nanojunction.instruments.virtual.sentio_prober import SentioProber as Twin
from nanojunction.instruments.virtual.world.line import Source
from tests.conftest import station_content
from tests.virtual_bench import Resistor, SteppedClock

#: Two columns, two rows, one of the dies with two subsites, one place without a junction.
POSITIONS = {
    "J11": Wiring(die=(1, 1)),
    "J21": Wiring(die=(2, 1)),
    "J21b": Wiring(die=(2, 1), subsite=1),
    "J12": Wiring(die=(1, 2)),
    "bare": Wiring(die=(2, 2)),
}
OHM = {"J11": 1e3, "J21": 2e3, "J21b": 3e3, "J12": 4e3}


def wafer(**more: Any) -> SwitchConfig:
    return SwitchConfig(driver="sentio_prober", positions=POSITIONS, **more)


def twin() -> Twin:
    junctions = {name: Resistor(ohm) for name, ohm in OHM.items()}
    return Twin(World(Resistor(1.0), SteppedClock(), junctions=junctions, wiring=wafer()), 0.005)


@pytest.fixture
def served() -> Iterator[VirtualCryostat]:
    with VirtualCryostat(
        "open",
        source_meter=None,
        magnet=None,
        temperature=None,
        switch="sentio_prober",
        junctions={name: Resistor(ohm) for name, ohm in OHM.items()},
        wiring=wafer(),
        bus_latency_s=0.0,
        speed=10_000,
    ) as cryostat:
        yield cryostat


def config_of(cryostat: VirtualCryostat, **changes: Any) -> SwitchConfig:
    address = cryostat.endpoints["switch"].address
    return wafer().model_copy(update={"address": address, "visa_library": "@py", **changes})


@pytest.fixture
def prober(served: VirtualCryostat) -> Iterator[SentioProber]:
    opened = open_sentio_prober(config_of(served), Clock())
    yield opened
    opened.close()


# The maker's client over a socket


@pytest.fixture
def client(served: VirtualCryostat) -> Iterator[Client]:
    _, host, port, _ = served.endpoints["switch"].address.split("::")
    opened = Client.create_prober("tcpip", f"{host}:{port}")
    yield opened
    opened.comm.disconnect()


def test_the_makers_client_finds_a_prober_that_is_ready(client: Client) -> None:
    assert client.status.get_machine_status() == (True, False, False)
    assert client.get_chuck_site_status(ChuckSite.Wafer) == (True, True, False, True)
    assert client.get_chuck_site_height(ChuckSite.Wafer) == (12_000.0, 300.0, 0.0, 50.0)
    assert (client.map.get_num_cols(), client.map.get_num_rows()) == (2, 2)
    assert client.map.get_num_dies(DieNumber.Present) == 4
    assert client.map.subsites.get_num() == 2
    assert client.map.subsites.get(1) == ("1", 50.0, 0.0)


def test_the_makers_client_steps_and_touches(client: Client, served: VirtualCryostat) -> None:
    world = served.world
    assert client.get_chuck_z(ZReference.Contact) == -300.0
    assert client.map.step_die(2, 1, 1) == (2, 1, 1)
    assert world.connected_positions == ()
    assert client.move_chuck_contact() == 12_000.0
    assert world.connected_positions == (Connected("J21b"),)
    assert client.map.die.get_current_index() == (1, 2, 1)
    assert client.map.die.get_current_subsite() == 1
    assert client.map.subsites.step(0) == (2, 1, 0)  # back to contact, as the machine begins
    assert world.connected_positions == (Connected("J21"),)
    assert client.move_chuck_separation() == 11_700.0
    assert world.connected_positions == ()


def test_the_makers_client_walks_along_the_route_to_its_end(client: Client) -> None:
    client.map.die.unselect(1, 2)
    assert client.map.die.get_status(1, 2) == 2
    assert client.map.die.get_status(3, 3) == 3
    walked = [client.map.step_first_die(0)]
    while not client.map.end_of_route():
        walked.append(client.map.step_next_die())
    assert walked == [(1, 1, 0), (2, 1, 0), (2, 2, 0)]
    with pytest.raises(ProberException, match="End of route"):
        client.map.step_next_die()


def test_what_the_prober_refuses_the_makers_client_raises(client: Client) -> None:
    with pytest.raises(ProberException, match="There is no die 5, 5, 0") as caught:
        client.map.step_die(5, 5)
    assert caught.value.error() == 6
    client.set_stepping_contact_mode(SteppingContactMode.LockContact)
    client.move_chuck_contact()
    with pytest.raises(ProberException, match="Stepping at contact is locked"):
        client.map.step_die(2, 1)
    with pytest.raises(ProberException, match="vision:auto_focus not found"):
        client.send_cmd("vision:auto_focus").check()


# The twin, line by line


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("*RCS 1", None),
        ("*LOCAL", None),
        ("status:get_version", "0,0,SENTIO Suite, Version: 24.0.0.0 (virtual)"),
        ("MAP:GET_NUM_COLS", "0,0,2"),
        ("map:step_die 2, 1", "0,0,2,1,0"),
        ("map:step_die 2,2,0", "1024,0,2,2,0"),  # the last of the route
        ("map:step_die 2", "7,0,Invalid number of parameters"),
        ("map:step_die a, b", "6,0,Invalid parameter"),
        ("move_chuck_z C, 500", "8,0,Position exceeds the axis limits"),
        ("move_chuck_z Contact, -10", "0,0,11990.0"),
        ("get_chuck_z Separation", "0,0,0.0"),
        ("nonsense", "3,0,Command handler for nonsense not found"),
        ("", "3,0,Command handler for  not found"),
    ],
)
def test_a_line_is_answered_by_code_id_and_message(line: str, answer: str | None) -> None:
    assert twin().handle(line) == answer


def test_movements_take_their_time_and_the_answer_comes_at_their_end() -> None:
    prober = twin()
    prober.handle("map:step_die 2, 2")
    first = prober.world.now()
    assert first == pytest.approx(0.005 + 0.2 + 2**0.5 * 1000 / 20_000)
    prober.handle("move_chuck_contact")
    assert prober.world.now() - first == pytest.approx(0.005 + 0.2 + 0.3)


def test_needles_that_leave_under_a_voltage_are_counted() -> None:
    prober = twin()
    prober.handle("move_chuck_contact")
    source = Source("voltage", 0.1, 1.0, 2)
    prober.world.drive(prober.world.now(), source, True, source)
    assert prober.world.hot_switches == 0
    prober.handle("move_chuck_separation")
    assert prober.world.hot_switches == 1
    assert prober.world.largest_voltage_at("J11") == 0.1


# The role


def test_each_position_is_connected_and_verified(
    prober: SentioProber, served: VirtualCryostat
) -> None:
    assert list(prober.positions) == list(POSITIONS)
    assert prober.connected() is None
    for position in ("J12", "J21", "J21b", "J11"):
        prober.connect(position)
        assert prober.connected() == Connected(position)
        assert served.world.connected_positions == (Connected(position),)
        assert prober.snapshot()["position"] == position
    prober.open_all()
    assert served.world.connected_positions == ()
    assert prober.snapshot()["above_contact_um"] == -300.0


def test_needles_are_not_lifted_from_where_they_are_to_go(
    prober: SentioProber, served: VirtualCryostat
) -> None:
    prober.connect("J21")
    handled: list[str] = []
    execute = served.instruments["switch"].execute
    served.instruments["switch"].execute = lambda line: handled.append(line) or execute(line)
    prober.connect("J21")
    assert not [line for line in handled if "move" in line or "step" in line]


def test_what_a_prober_cannot_do_it_says(prober: SentioProber) -> None:
    assert not prober.can_reverse("J11")
    with pytest.raises(InstrumentFault, match="J11 cannot be reversed"):
        prober.connect("J11", reverse=True)
    with pytest.raises(StationError, match="cannot short the source-meter"):
        prober.short_all()
    assert not prober.is_shorted()
    prober.remove_short()
    with pytest.raises(StationError, match="no position 'J99'; it has J11, J21, J21b, J12, bare"):
        prober.connect("J99")


def test_needles_at_an_unknown_place_are_told(
    prober: SentioProber, served: VirtualCryostat
) -> None:
    for line in ("map:step_die 2, 2, 1", "move_chuck_contact"):  # as by somebody at the machine
        served.instruments["switch"].handle(line)
    with pytest.raises(InstrumentFault, match="touch die 2, 2, subsite 1, which is no position"):
        prober.connected()


def test_the_machine_refuses_to_step_while_the_driver_has_it_in_contact(
    prober: SentioProber,
) -> None:
    prober.connect("J11")
    with pytest.raises(InstrumentFault, match=r"refused 'map:step_die 2, 1, 0': Stepping at con"):
        prober.ask("map:step_die 2, 1, 0")


def test_a_subsite_that_the_map_does_not_have_is_refused_at_opening(
    served: VirtualCryostat,
) -> None:
    wrong = {"J": Wiring(die=(1, 1), subsite=2)}
    with pytest.raises(StationError, match=r"positions.J.subsite: the wafer map has the subsites"):
        open_sentio_prober(config_of(served, positions=wrong), Clock())


def test_another_instrument_is_no_prober() -> None:
    with (
        VirtualCryostat("A", magnet=None, source_meter=None) as cryostat,
        pytest.raises(WrongInstrument, match="is no SENTIO prober"),
    ):
        address = cryostat.endpoints["temperature"].address
        config = wafer(
            address=address, visa_library="@py", read_termination="\r", write_termination="\r"
        )
        open_sentio_prober(config, Clock())


# Station files


def station(**switch: Any) -> dict[str, Any]:
    return station_content(
        source_meter={"wires": 2}, magnet=None, temperature=None,
        switch={"driver": "sentio_prober", "positions": {"J": {"die": [1, 1]}}, **switch},
        virtual={"junctions": {"J": "resistor-1k"}},
    )  # fmt: skip


def test_a_station_measures_under_a_prober() -> None:
    with Station(station_from(station(), "wafer")) as it:
        connect_junction(it, "J", watch=Watch(it.clock))
        it.source_meter.configure(SourceSettings(compliance=1e-3))
        it.source_meter.output_on()
        reading = it.source_meter.set_and_read(0.01)
        assert reading.voltage_V / reading.current_A == pytest.approx(1000.3, rel=1e-3)
        with pytest.raises(InstrumentFault, match="not wired for the reversed polarity"):
            connect_junction(it, "J", reverse=True, watch=Watch(it.clock))


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        ({"short": [1]}, "sentio_prober has no contacts that short the leads"),
        (
            {"positions": {"J": {"normal": [101]}}},
            "positions.J: with sentio_prober it needs a die",
        ),
        ({"positions": {"J": {}}}, "needs contacts .*or with a prober a die"),
        ({"positions": {"J": {"die": [1, 1], "normal": [1]}}}, "either wired or probed"),
        ({"positions": {"J": {"normal": [1], "subsite": 1}}}, "has a subsite, but no die"),
        ({"positions": {"J": {"die": [1]}}}, "die"),
        (
            {"positions": {"J": {"die": [1, 1]}, "K": {"die": [1, 1]}}},
            "positions.K: is at the same place as J",
        ),
        ({"driver": "keithley2700"}, "positions.J: with keithley2700 it needs contacts"),
    ],
)
def test_positions_are_contacts_or_dies(switch: dict[str, Any], said: str) -> None:
    with pytest.raises(StationError, match=said):
        station_from(station(**switch), "wafer")
