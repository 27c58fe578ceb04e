"""What the tests of the virtual cryostat share: a resistor, and a clock that obeys."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.instruments.virtual import VirtualCryostat, World, WorldSettings
from nanojunction.models.junction import Memory
from tests.conftest import station_content


class Resistor:
    """A junction with a straight characteristic that notes the fields it was led through."""

    name = "resistor"

    def __init__(self, ohm: float, offset_V: float = 0.0) -> None:
        self.ohm, self.offset_V = ohm, offset_V
        self.fields_T: list[float] = []

    def at_rest(self) -> Memory:
        return Memory()

    def apply_field(self, memory: Memory, field_T: float) -> Memory:
        self.fields_T.append(field_T)
        return memory

    def apply_voltage(self, memory: Memory, voltage_V: float) -> Memory:
        return memory

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        return (voltage_V - self.offset_V) / self.ohm

    def magnetic_state(self, memory: Memory) -> None:
        return None


class SteppedClock(Clock):
    """A clock that stands still until somebody sleeps: virtual time without the wall's."""

    def __init__(self) -> None:
        super().__init__()
        self.time_s = 0.0

    def now(self) -> float:
        return self.time_s

    def sleep_until(self, moment: float, should_stop: Callable[[], bool] | None = None) -> bool:
        if should_stop is not None and should_stop():
            return False
        if not math.isfinite(moment):
            raise AssertionError("waits for an event that never comes")
        self.time_s = max(self.time_s, moment)
        return True


class Client:
    """A client of the source-meter that is nothing but a socket."""

    def __init__(self, cryostat: VirtualCryostat) -> None:
        port = int(cryostat.endpoints["source_meter"].address.split("::")[2])
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.received = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> bytes:
        while b"\n" not in self.received:
            data = self.socket.recv(65_536)
            if not data:
                raise ConnectionResetError
            self.received += data
        line, _, self.received = self.received.partition(b"\n")
        return line

    def ask(self, text: bytes) -> bytes:
        self.send(text + b"\n")
        return self.line()


@contextmanager
def unhurried(bench: VirtualCryostat, **changes: Mapping[str, Any]) -> Iterator[Station]:
    """A station at speed 1, not yet entered, whose clock stands still while computers compute."""
    bench.clock = bench.world.clock = SteppedClock()
    with bench:
        content = station_content(**changes, virtual={"speed": 1})
        for role, endpoint in bench.endpoints.items():
            table = content.setdefault(role, {})
            table |= {"address": endpoint.address, "visa_library": "@py"}
        station = Station(station_from(content, "test station"))
        station.clock, station.watchdog = bench.clock, False
        yield station


def world_with(
    junction: Resistor | None = None, settings: WorldSettings | None = None, seed: int = 1
) -> World:
    """Return a world whose time stands still until an instrument waits."""
    return World(junction or Resistor(1e3), SteppedClock(), settings, seed)


def numbers(answer: str | None) -> list[float]:
    """Return the numbers of an answer."""
    assert answer is not None
    return [float(text) for text in answer.split(",")]


def standard_deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
