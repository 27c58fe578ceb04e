"""The safe state, tried with instruments that answer nonsense, are gone, or were left in a mess."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from nanojunction.instruments.errors import InstrumentFault
from nanojunction.instruments.ramps import Watch
from nanojunction.instruments.roles import MagnetState
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.procedures.environment import go_to_field
from nanojunction.procedures.ih import IHSweep
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import run_procedure
from nanojunction.procedures.stopping import StopRequest

Make = Callable[..., Station]


class Garbling:
    """Stands on the wire before an instrument and spoils the answers to one question."""

    def __init__(self, address: str) -> None:
        self._behind = socket.create_connection(("127.0.0.1", int(address.split("::")[2])))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"TCPIP::127.0.0.1::{self._listener.getsockname()[1]}::SOCKET"
        self.spoil = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client, self._behind, client.makefile("rb") as lines:
            for line in lines:
                self._behind.sendall(line)
                if b"?" not in line:
                    continue
                answer = b""
                while not answer.endswith(b"\n"):
                    answer += self._behind.recv(4096)
                client.sendall(b"~~~\n" if self.spoil and self.spoil in line else answer)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(timeout=10)


@pytest.fixture
def garbled(virtual_station: Make) -> Iterator[tuple[Station, Garbling, Any]]:
    """Return a station whose source-meter is reached through a wire that can be spoilt."""
    with virtual_station(magnet=None, temperature=None) as behind:
        address = behind.bench.endpoints["source_meter"].address
        behind.source_meter.close()
        wire = Garbling(address)
        where = {"address": wire.address, "visa_library": "@py", "read_termination": "\n"}
        station = virtual_station(source_meter=where, magnet=None, temperature=None)
        behind.leave_as_found = True
        yield station, wire, behind.bench.world
    wire.close()


@pytest.mark.parametrize("question", [b"OUTPUT?", b"FUNCTION?", b"VOLTAGE?"])
def test_an_answer_that_is_nonsense_does_not_keep_the_output_on(
    garbled: tuple[Station, Garbling, Any], question: bytes
) -> None:
    station, wire, world = garbled
    with pytest.raises(Unsafe, match="an answer makes no sense"), station:
        station.source_meter.output_on()
        station.source_meter.set_level(0.01)
        assert station.source_meter.level() == 0.01
        assert world.output_on
        wire.spoil = question
    assert not world.output_on
    assert world.source_level_V == 0.0


def test_a_reading_that_is_nonsense_fails_the_run_and_leaves_it_safe(
    garbled: tuple[Station, Garbling, Any], tmp_path: Path
) -> None:
    station, wire, world = garbled

    def spoil(progress: Any) -> None:
        if progress.percent > 50.0:
            wire.spoil = b"READ?"

    with station:
        procedure = IVSweep(sample="A", vmax="10mV", step="1mV")
        outcome = run_procedure(procedure, station, tmp_path, on_progress=spoil)
        wire.spoil = b""
    assert outcome.status == "failed"
    assert "which is no reading" in (outcome.error or "")
    assert not world.output_on


def test_safe_makes_safe_what_answers(
    served: Any, nanojunction: Any, unused_port: int, tmp_path: Path
) -> None:
    bench = served()
    bench.ask("source_meter", ":OUTP ON;:SOUR:VOLT 0.1;*OPC?")
    text = bench.station_file.read_text(encoding="utf-8")
    gone = f"TCPIP::127.0.0.1::{unused_port}::SOCKET"
    file = tmp_path / "magnet-gone.toml"
    file.write_text(text.replace(bench.endpoints["magnet"]["address"], gone), encoding="utf-8")
    process = nanojunction("safe", "--station", file)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "magnet at" in words
    assert "NOT all safe" in words
    output, level = bench.ask("source_meter", ":OUTP?;:SOUR:VOLT?").split(";")
    assert (output, float(level)) == ("0", 0.0)


@pytest.mark.parametrize(
    "left_over",
    [
        ":TRIG:SOUR TLIN",
        ":ARM:SOUR BUS",
        ":SOUR:VOLT:MODE SWE;:SOUR:VOLT:STAR 2;:SOUR:VOLT:STOP 3",
        ":SOUR:CLE:AUTO ON",
        ":SOUR:FUNC CURR;:SOUR:CURR 1E-3",
        ":FORM:ELEM CURR",
        ":OUTP ON;:SOUR:VOLT 0.3",
    ],
)
def test_what_another_program_left_behind_does_no_harm(
    virtual_station: Make, tmp_path: Path, left_over: str
) -> None:
    with virtual_station(virtual={"junction": "resistor-1k"}) as station:
        world = station.bench.world
        station.bench.instruments["source_meter"].handle(left_over)
        station.bench.instruments["source_meter"].handle("*OPC?")
        station.bench.mount("resistor-1k")
        before = world.largest_voltage_V
        procedure = IVSweep(sample="R", vmax="10mV", step="5mV")
        outcome = run_procedure(procedure, station, tmp_path)
        assert outcome.ok, outcome.error
        assert world.largest_voltage_V <= max(before, 0.31)


def test_what_was_left_beyond_the_limits_is_ramped_down(virtual_station: Make) -> None:
    with virtual_station() as station:
        station.bench.instruments["source_meter"].handle(":SOUR:VOLT:RANG 20;:SOUR:VOLT 5;:OUTP ON")
        assert station.bench.instruments["source_meter"].handle("*OPC?") == "1"
    assert not station.bench.world.output_on


def test_a_stop_on_the_way_to_a_temperature_does_not_start_the_magnet(
    virtual_station: Make, tmp_path: Path
) -> None:
    stop = StopRequest()
    with virtual_station() as station:
        procedure = IVSweep(sample="A", temperature="200 K", field="0.5 T")
        outcome = run_procedure(
            procedure, station, tmp_path, stop=stop, on_progress=lambda _: stop.ask("test")
        )
        assert outcome.status == "aborted"
        status = station.magnet.status()
        assert (status.state, status.heater_on) == (MagnetState.CLAMPED, False)
        assert station.bench.world.field_T() == 0.0


@pytest.mark.parametrize("rate", ["0.5 T/min", "0.05 T/min"])
def test_a_persistent_magnet_is_taken_over_at_any_rate(
    virtual_station: Make, tmp_path: Path, rate: str
) -> None:
    with virtual_station(magnet={"ramp_T_per_min": float(rate.partition(" ")[0])}) as station:
        supply = station.bench.instruments["magnet"]
        world = station.bench.world
        for command in ("C3", "A0", "H1"):
            supply.handle(command)
        station.clock.sleep(30.0)
        for command in ("T1", "J0.1", "A1"):
            supply.handle(command)
        station.clock.sleep(60.0)
        for command in ("A0", "H0"):
            supply.handle(command)
        station.clock.sleep(30.0)
        for command in ("T1", "A2"):
            supply.handle(command)
        station.clock.sleep(60.0)
        assert world.field_T() == pytest.approx(0.1, abs=1e-4), "the magnet is persistent"
        assert station.magnet.lead_field_T() == pytest.approx(0.0, abs=1e-4)
        procedure = IVSweep(sample="A", vmax="1mV", step="1mV", field="0.12 T")
        outcome = run_procedure(procedure, station, tmp_path)
        assert outcome.ok, outcome.error
        assert world.field_T() == pytest.approx(0.12, abs=1e-3)


class Breaks(IHSweep):
    """Fails after a few rows."""

    def row(self, *arguments: Any) -> dict[str, float | int]:
        row = super().row(*arguments)
        if row["Time (s)"] > 2.0:
            raise InstrumentFault("broken for the test")
        return row


def test_a_failed_field_sweep_does_not_leave_the_magnet_ramping(
    virtual_station: Make, tmp_path: Path
) -> None:
    with virtual_station() as station:
        procedure = Breaks(sample="C", fields="-0.1, 0.1", interval="0.1 s", field_rate="0.1 T/min")
        outcome = run_procedure(procedure, station, tmp_path)
        assert outcome.error == "broken for the test"
        assert station.magnet.status().state is MagnetState.HOLDING
        assert abs(station.bench.world.field_T()) < 0.1


@pytest.mark.parametrize(("field_T", "is_there"), [(4e-4, True), (0.01, False)])
def test_who_does_not_wait_is_told_unless_the_magnet_is_there(
    virtual_station: Make, *, field_T: float, is_there: bool
) -> None:
    magnet = {"on_exit": "zero", "ramp_T_per_min": 0.005}
    station = virtual_station(magnet=magnet, virtual={"speed": 100})
    station.stop_waiting = lambda: True
    told = nullcontext() if is_there else pytest.raises(Unsafe, match="the wait was cut short at")
    with told, station:
        assert go_to_field(station, field_T, 0.005, Watch(station.clock))


def test_a_run_is_refused_while_the_magnet_ramps(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station() as station:
        station.magnet_in_use = True
        station.magnet.prepare(lambda: False)
        station.magnet.ramp_to(1.0, 0.01)
        outcome = run_procedure(IVSweep(sample="A"), station, tmp_path)
        assert outcome.status == "failed"
        assert "the magnet is ramping" in (outcome.error or "")
