"""The virtual cryostat as a laboratory wires it, in a process of its own, with counters.

The source-meter answers on a socket, 5 ms an exchange, as on GPIB. Magnet and temperature
controller answer on pseudo-terminals at 9600 baud, where every byte takes 1.1 ms on top of that:
about 20 ms an exchange, as on a serial line. What comes and goes is counted at the port.

Run by benchmarks/night.py: `python bench.py READY COUNTS`. READY (JSON) says where the instruments
listen. Lines on standard input are junctions to plug in. At the end of its standard input it
writes the counts (JSON) and ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.virtual import VirtualCryostat
from nanojunction.instruments.virtual.serving.serial_port import SerialPort
from nanojunction.instruments.virtual.serving.server import Arrival, InstrumentServer, Port
from nanojunction.instruments.virtual.serving.sockets import SocketPort

LATENCY_S = 0.005
FIRST = "resistor-1k"
PORTS = {"source_meter": SocketPort, "magnet": SerialPort, "temperature": SerialPort}


@dataclass
class Counts:
    """What went over a port: lines each way, and the time (s) from question to answer."""

    lines_in: int = 0
    lines_out: int = 0
    bytes_through: int = 0
    byte_s: float = 0.0
    answering_s: float = 0.0


@dataclass
class CountingPort:
    """A port that counts what passes through it."""

    port: Port
    clock: Clock
    end: bytes
    counts: Counts = field(default_factory=Counts)
    asked_s: float | None = None

    @property
    def address(self) -> str:
        return self.port.address

    @property
    def settings(self) -> Mapping[str, str | int]:
        return self.port.settings

    @property
    def byte_s(self) -> float:
        return self.port.byte_s

    def receive(self, timeout_s: float | None) -> list[Arrival]:
        arrivals = self.port.receive(timeout_s)
        for arrival in arrivals:
            self.counts.lines_in += arrival.data.count(self.end)
            self._count(arrival.data)
            if arrival.data and self.asked_s is None:
                self.asked_s = self.clock.now()
        return arrivals

    def send(self, data: bytes, client: int) -> None:
        self.port.send(data, client)
        self.counts.lines_out += data.count(self.end)
        self._count(data)
        if self.asked_s is not None:
            self.counts.answering_s += self.clock.now() - self.asked_s
            self.asked_s = None

    def _count(self, data: bytes) -> None:
        self.counts.bytes_through += len(data)
        self.counts.byte_s += len(data) * self.port.byte_s

    def drop(self) -> None:
        self.port.drop()

    def wake(self) -> None:
        self.port.wake()

    def close(self) -> None:
        self.port.close()


def serve(cryostat: VirtualCryostat, servers: ExitStack) -> dict[str, CountingPort]:
    """Put the instruments of a cryostat on ports as PORTS says; return the ports by role."""
    ports = {}
    for role, instrument in cryostat.instruments.items():
        end = instrument.termination.encode()
        ports[role] = CountingPort(PORTS[role](), cryostat.clock, end)
        servers.enter_context(InstrumentServer(instrument, ports[role]))
    return ports


def endpoints(
    cryostat: VirtualCryostat, ports: Mapping[str, CountingPort]
) -> dict[str, dict[str, str | int]]:
    """Return the keys of a station file with which each role is reached."""
    return {
        role: {
            "driver": cryostat.instruments[role].driver,
            "address": port.address,
            "visa_library": "@py",
            **port.settings,
        }
        for role, port in ports.items()
    }


def main(ready: Path, counts: Path) -> None:
    """Serve until the end of standard input."""
    cryostat = VirtualCryostat(FIRST, bus_latency_s=LATENCY_S)
    with ExitStack() as servers:
        ports = serve(cryostat, servers)
        partial = ready.with_suffix(".part")
        partial.write_text(json.dumps(endpoints(cryostat, ports)), encoding="utf-8")
        partial.replace(ready)
        for line in sys.stdin:
            cryostat.mount(line.strip())
            print(line.strip(), flush=True)
    found = {role: asdict(port.counts) for role, port in ports.items()}
    counts.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
