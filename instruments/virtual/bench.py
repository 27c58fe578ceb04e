"""A whole virtual bench: a world, its instruments, and their sockets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from nanojunction.instruments.clock import Clock, PatientClock
from nanojunction.instruments.station_file import InstrumentConfig, SwitchConfig
from nanojunction.instruments.virtual.faults import Breakdown, Drop, Fault, Half, Stick
from nanojunction.instruments.virtual.faults.trouble import Trouble, schedule, with_breakdowns
from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.serving.serial_port import SerialPort
from nanojunction.instruments.virtual.serving.server import InstrumentServer
from nanojunction.instruments.virtual.serving.sockets import SocketPort
from nanojunction.instruments.virtual.world import World, WorldSettings
from nanojunction.models.junction import JunctionLaw, load_junction
from nanojunction.models.population import Device

_HERE = "nanojunction.instruments.virtual"
#: What can be simulated, by role and model; imported when it is asked for.
MODELS: Mapping[str, Mapping[str, str]] = {
    "source_meter": {
        "keithley2400": "keithley2400:Keithley2400",
        "keithley2450": "keithley2450:Keithley2450",
        "keithley2600": "keithley2600:Keithley2600",
    },
    "magnet": {"ips120_10": "oxford:Ips120", "ami430": "ami430:Ami430"},
    "temperature": {
        "itc503": "oxford:Itc503",
        "mercury_itc": "mercury_itc:MercuryITC",
        "lakeshore335": "lakeshore33x:LakeShore335",
        "lakeshore336": "lakeshore33x:LakeShore336",
    },
    "switch": {
        "keithley2700": "keithley2700:Keithley2700",
        "keithley2750": "keithley2700:Keithley2750",
        "sentio_prober": "sentio_prober:SentioProber",
    },
    "field_probe": {
        "lakeshore421": "gaussmeters:LakeShore421",
        "lakeshore425": "gaussmeters:LakeShore425",
    },
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an instrument listens and how to talk to it."""

    address: str
    driver: str
    read_termination: str
    write_termination: str
    #: Serial settings without which it cannot be opened, as a station file names them.
    serial: Mapping[str, str | int] = field(default_factory=dict)


class VirtualCryostat:
    """The virtual cryostat, served on loopback sockets or serial ports while it is entered.

    `junction` is a law, or what `load_junction` takes (a name or a TOML file). A role set to
    None is left out. With the `wiring` of a switch, `junctions` are at its positions and
    `junction` is not used; a device of a population does there what its behaviour says. A switch
    without wiring connects nothing and moves nothing. A `patient` one is for clients in this
    process: its time stands still while the computer does something else. Raises
    ValueError for a model that cannot be simulated, a junction at a position that is not wired,
    a fault of what is not there, or a speed outside of 1 … 10000.
    """

    def __init__(
        self,
        junction: str | Path | JunctionLaw,
        *,
        source_meter: str | None = "keithley2400",
        magnet: str | None = "ips120_10",
        temperature: str | None = "itc503",
        switch: str | None = None,
        field_probe: str | None = None,
        junctions: Mapping[str, str | Path | JunctionLaw | Device] = MappingProxyType({}),
        wiring: SwitchConfig | None = None,
        serve: Literal["socket", "serial"] = "socket",
        speed: float = 1.0,
        patient: bool = False,
        bus_latency_s: float = 0.005,
        seed: int = 1,
        settings: WorldSettings | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        if not 0.0 <= bus_latency_s <= 10.0:
            raise ValueError(
                f"the bus latency must lie between 0 and 10 s, not at {bus_latency_s:g} s"
            )
        self.clock = PatientClock(speed) if patient else Clock(speed)
        self.world = World(
            with_breakdowns(_law(junction), faults),
            self.clock,
            settings,
            seed,
            junctions={
                position: with_breakdowns(_law(one), faults, position)
                for position, one in junctions.items()
            },
            behaviours={
                position: one.behaviour
                for position, one in junctions.items()
                if isinstance(one, Device)
            },
            wiring=wiring,
        )
        for fault in faults:
            if isinstance(fault, Stick):
                self.world.let_stick(fault.contact, fault.closings)
        self._serve = serve
        self._seed = seed
        self._faults = tuple(faults)
        #: The faults that have happened, with their times (s).
        self.struck: list[tuple[float, Fault]] = []
        schedule(self.world, self._faults, self.struck)
        wanted = {
            "source_meter": source_meter,
            "magnet": magnet,
            "temperature": temperature,
            "switch": switch,
            "field_probe": field_probe,
        }
        self.instruments: Mapping[str, VirtualInstrument] = MappingProxyType(
            {
                role: _model(role, name)(self.world, bus_latency_s)
                for role, name in wanted.items()
                if name is not None
            }
        )
        _check_faults(self._faults, serve, set(self.instruments), set(junctions), wiring)
        self._endpoints: dict[str, Endpoint] = {}
        self._servers = ExitStack()

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """Where each role listens; empty before the cryostat is entered."""
        return MappingProxyType(self._endpoints)

    def served(self, role: str, config: InstrumentConfig) -> InstrumentConfig:
        """Return the table of a station file with what reaches the role's instrument here.

        A temperature controller also names its sensors, where the file does not.
        """
        endpoint = self._endpoints[role]
        update: dict[str, object] = {
            "address": endpoint.address,
            "visa_library": "@py",
            "read_termination": endpoint.read_termination,
            "write_termination": endpoint.write_termination,
            **endpoint.serial,
        }
        sensors = self.instruments[role].sensors
        if sensors and "sensors" not in config.model_fields_set:
            update["sensors"] = dict(sensors)
        return config.model_copy(update=update)

    def __enter__(self) -> VirtualCryostat:
        with ExitStack() as servers:
            for role, instrument in self.instruments.items():
                port = SocketPort() if self._serve == "socket" else SerialPort()
                trouble = Trouble(self.world, role, self._faults, self._seed, self.struck)
                servers.enter_context(InstrumentServer(instrument, port, trouble))
                end = instrument.termination
                self._endpoints[role] = Endpoint(
                    port.address, instrument.driver, end, end, port.settings
                )
            self._servers = servers.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._endpoints.clear()
        self._servers.close()

    def mount(self, junction: str | Path | JunctionLaw, position: str = "") -> None:
        """Bond another junction: at rest, then brought to the present field.

        Whether the source is off or at 0 V meanwhile is the operator's business.
        """
        self.world.mount(_law(junction), position)

    def turn_switch(self, closed: Collection[int]) -> None:
        """Close these contacts of the holder's switch and open all others, as by hand."""
        with self.world.lock:
            self.world.move_contacts(self.world.sync(), closed)


def _law(junction: str | Path | JunctionLaw | Device) -> JunctionLaw:
    if isinstance(junction, Device):
        return junction.law
    if isinstance(junction, str | Path):
        return load_junction(junction)
    return junction


def _check_faults(
    faults: Sequence[Fault],
    serve: str,
    roles: set[str],
    positions: set[str],
    wiring: SwitchConfig | None,
) -> None:
    """Raise ValueError for a fault that could never happen."""
    for index, fault in enumerate(faults):
        where = f"faults[{index}]"
        if isinstance(fault, Breakdown):
            if fault.position and fault.position not in positions:
                raise ValueError(f"{where}.position: no junction is at {fault.position!r}")
            continue
        if isinstance(fault, Stick):
            if wiring is None or fault.contact not in wiring.contacts:
                raise ValueError(f"{where}.contact: no contact {fault.contact} is wired")
            continue
        if fault.role is not None and fault.role not in roles:
            raise ValueError(f"{where}.role: there is no {fault.role} on this cryostat")
        closes = isinstance(fault, Drop) or (isinstance(fault, Half) and fault.then == "close")
        if serve == "serial" and closes:
            raise ValueError(
                f"{where}.kind: a serial line has no connection that could be closed; "
                'choose "hang", or serve on sockets'
            )


def _model(role: str, name: str) -> type[VirtualInstrument]:
    known = MODELS[role]
    if name not in known:
        raise ValueError(
            f"no virtual {role.replace('_', ' ')} {name!r}: choose one of {', '.join(known)}"
        )
    module, _, model = known[name].partition(":")
    found: type[VirtualInstrument] = getattr(import_module(f"{_HERE}.{module}"), model)
    return found
