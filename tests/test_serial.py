"""Instruments on pseudo-terminals: the same drivers, the same runs, the same protections."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals", allow_module_level=True)

import termios

import serial
from pymeasure.instruments.keithley import Keithley2400
from pymeasure.instruments.oxfordinstruments import IPS120_10, ITC503
from pyvisa import constants

from nanojunction.instruments.drivers.oxford import SERIAL
from nanojunction.instruments.errors import ConnectionFailed, NoAnswer, StationError
from nanojunction.instruments.serial_line import serial_settings
from nanojunction.instruments.station import Station
from nanojunction.instruments.station_file import station_from
from nanojunction.instruments.virtual import Endpoint, VirtualCryostat
from nanojunction.instruments.virtual.faults import Hang
from nanojunction.instruments.visa import Connection
from nanojunction.procedures.iv import IVSweep
from nanojunction.procedures.runner import run_procedure
from tests.conftest import station_content
from tests.virtual_bench import Resistor

Make = Callable[..., Station]


def path_of(endpoint: Endpoint) -> str:
    return endpoint.address.removeprefix("ASRL").removesuffix("::INSTR")


@pytest.fixture(scope="module")
def cryostat() -> Iterator[VirtualCryostat]:
    with VirtualCryostat(Resistor(1e3), serve="serial", speed=10_000) as served:
        yield served


@pytest.fixture
def line(cryostat: VirtualCryostat) -> Iterator[Callable[[str], serial.Serial]]:
    """Return a way to open a role's line as a program of its own would."""
    opened: list[serial.Serial] = []

    def open_line(role: str) -> serial.Serial:
        opened.append(serial.Serial(path_of(cryostat.endpoints[role]), 9600, timeout=10))
        return opened[-1]

    yield open_line
    for one in opened:
        one.close()


def ask(line: serial.Serial, question: bytes, end: bytes) -> bytes:
    line.write(question + end)
    return bytes(line.read_until(end)).removesuffix(end)


QUESTIONS = {
    "source_meter": (b"*IDN?", b"\n", b"KEITHLEY"),
    "magnet": (b"V", b"\r", b"IPS120-10"),
    "temperature": (b"V", b"\r", b"ITC503"),
}


@pytest.mark.parametrize("role", QUESTIONS)
def test_a_line_in_pieces_is_answered_without_an_echo(
    line: Callable[[str], serial.Serial], role: str
) -> None:
    question, end, starts = QUESTIONS[role]
    port = line(role)
    port.write(question[:1])
    port.write(question[1:])
    port.write(end)
    answer = port.read_until(end)
    assert answer.startswith(starts)
    assert answer.count(end) == 1
    assert ask(port, question, end) + end == answer


@pytest.mark.parametrize(
    ("role", "wrong", "answer"),
    [("magnet", b"$C3\rK\r", b"?K\r"), ("temperature", b"$C3\rK\r", b"?K\r")],
)
def test_no_answer_where_none_was_asked_for(
    line: Callable[[str], serial.Serial], role: str, wrong: bytes, answer: bytes
) -> None:
    port = line(role)
    port.write(wrong)
    assert port.read_until(b"\r") == answer


def test_the_instrument_keeps_its_state_while_the_port_is_closed(
    line: Callable[[str], serial.Serial],
) -> None:
    first = line("magnet")
    assert ask(first, b"C3", b"\r") == b"C"
    assert ask(first, b"J0.25", b"\r") == b"J"
    first.write(b"R")  # half a line; a serial instrument does not know who wrote it
    first.close()
    assert ask(line("magnet"), b"8", b"\r") == b"R+0.250"


def test_a_plain_file_is_client_enough(cryostat: VirtualCryostat) -> None:
    descriptor = os.open(path_of(cryostat.endpoints["temperature"]), os.O_RDWR | os.O_NOCTTY)
    termios.tcflush(descriptor, termios.TCIFLUSH)
    os.write(descriptor, b"V\r")
    answer = b""
    while not answer.endswith(b"\r"):
        answer += os.read(descriptor, 100)
    os.close(descriptor)
    assert answer.startswith(b"ITC503")


def test_bytes_take_their_time_at_the_rate_of_the_line() -> None:
    with VirtualCryostat(
        Resistor(1e3), serve="serial", speed=1000, magnet=None, source_meter=None
    ) as cryostat:
        path = path_of(cryostat.endpoints["temperature"])
        for rate, least_s in ((9600, 11 / 9600), (300, 11 / 300)):
            port = serial.Serial(path, rate, stopbits=2, timeout=10)
            start = cryostat.clock.now()
            answer = ask(port, b"V", b"\r")
            took_s = cryostat.clock.now() - start
            port.close()
            assert took_s >= (len(answer) + 3) * least_s


def test_a_long_answer_arrives_whole(line: Callable[[str], serial.Serial]) -> None:
    port = line("source_meter")
    port.write(b"*RST;:OUTP ON;:SENS:CURR:NPLC 0.01;:TRIG:COUN 500;:READ?\n")
    answer = port.read_until(b"\n")
    assert answer.endswith(b"\n")
    assert answer.count(b",") == 5 * 500 - 1
    assert ask(port, b"*RST;*IDN?", b"\n").startswith(b"KEITHLEY")


# PyMeasure's drivers, unmodified


def test_pymeasures_drivers_work_on_serial_lines(cryostat: VirtualCryostat) -> None:
    at = {role: endpoint.address for role, endpoint in cryostat.endpoints.items()}
    smu = Keithley2400(
        at["source_meter"], visa_library="@py", read_termination="\n", write_termination="\n"
    )
    smu.reset()
    smu.source_mode = "voltage"
    smu.source_voltage = 0.1
    smu.enable_source()
    assert smu.current == pytest.approx(1e-4, rel=1e-3)
    smu.shutdown()
    smu.adapter.close()
    # pyvisa-py cannot clear a serial line, which these two drivers do on opening if not told.
    oxford = {"visa_library": "@py", "write_termination": "\r", "clear_buffer": False}
    magnet = IPS120_10(at["magnet"], **oxford)
    magnet.control_mode = "RU"
    magnet.field_setpoint = 0.5
    assert magnet.field_setpoint == 0.5
    magnet.adapter.close()
    controller = ITC503(at["temperature"], **oxford)
    controller.control_mode = "RU"
    controller.temperature_setpoint = 250.0
    assert controller.temperature_setpoint == 250.0
    controller.adapter.close()


# A whole station


def test_a_run_on_serial_lines(virtual_station: Make, tmp_path: Path) -> None:
    with virtual_station(virtual={"serve": "serial"}) as station:
        outcome = run_procedure(IVSweep(sample="A", vmax=0.01, step=0.001), station, tmp_path)
        assert outcome.ok, outcome.error
        assert outcome.rows == len(IVSweep(vmax=0.01, step=0.001).sweep())
        assert not station.bench.world.output_on
        addresses = [one.address for one in station.bench.endpoints.values()]
        assert all(address.startswith("ASRL/dev/") for address in addresses)


@pytest.mark.parametrize(
    ("role", "table"),
    [
        ("source_meter", {"driver": "keithley2450"}),
        ("source_meter", {"driver": "keithley2600"}),
        ("magnet", {"driver": "ami430"}),
        ("temperature", {"driver": "mercury_itc", "sensors": {"sample": "MB1.T1"}}),
        ("temperature", {"driver": "lakeshore335", "sensors": {"sample": "B"}}),
        ("field_probe", {"driver": "lakeshore425"}),
        ("switch", {"driver": "keithley2700", "positions": {"J1": {"normal": [101]}}}),
    ],
)
def test_every_instrument_is_served_on_a_line_and_opened_again(
    virtual_station: Make, role: str, table: dict[str, Any]
) -> None:
    with virtual_station(**{role: table, "virtual": {"serve": "serial"}}) as station:
        before = station.instruments()[role].identify()
        station.reconnect(role)
        assert station.instruments()[role].identify() == before
        station.instruments()[role].snapshot()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "late", "seconds": 2.0}, "no answer in time"),
        ({"kind": "half"}, "no answer in time"),
        ({"kind": "garbage", "form": "junk"}, "bytes that are not text"),
        ({"kind": "garbage", "form": "truncated"}, "no reading"),
    ],
)
def test_a_fault_on_a_serial_line_fails_the_run_and_leaves_it_safe(
    virtual_station: Make, tmp_path: Path, fault: dict[str, Any], words: str
) -> None:
    fault = {**fault, "role": "source_meter", "on_command": ":READ", "match": 12}
    virtual = {"serve": "serial", "faults": [fault]}
    timeout_s = 1.0 if words == "no answer in time" else 5.0
    with virtual_station(virtual=virtual, source_meter={"timeout_s": timeout_s}) as station:
        sweep = IVSweep(
            sample="A", vmax=0.01, step=0.001, nplc=0.01, measure_range=1e-4, buffered="off"
        )
        outcome = run_procedure(sweep, station, tmp_path)
        assert outcome.status == "failed"
        assert words in (outcome.error or "")
        assert outcome.rows == 11
        assert outcome.unsafe == ()
        assert not station.bench.world.output_on
        assert station.source_meter.level() == 0.0


def test_check_and_simulate_as_a_user_meets_them(
    nanojunction: Callable[..., subprocess.Popen[str]], eventually: Any, tmp_path: Path
) -> None:
    ready, file = tmp_path / "ready.json", tmp_path / "station.toml"
    bench = nanojunction(
        "simulate", "--serial", "--speed", "1000", "--ready-file", ready,
        "--field-probe", "lakeshore425",
    )  # fmt: skip
    try:
        eventually(ready.exists, "the virtual instruments")
        endpoints = json.loads(ready.read_text(encoding="utf-8"))
        assert bench.stdout is not None
        lines = [bench.stdout.readline()]
        while "lakeshore425" not in lines[-1]:  # of the last instrument
            assert lines[-1], "the station file broke off"
            lines.append(bench.stdout.readline())
        while not lines[-1].startswith("parity"):
            lines.append(bench.stdout.readline())
        file.write_text("".join(lines), encoding="utf-8")  # the station file that it prints
        check = nanojunction("check", "--station", file)
        table, words = check.communicate(timeout=60)
        assert check.returncode == 0, words
        for endpoint in endpoints.values():
            assert endpoint["address"].startswith("ASRL/dev/")
        assert "ITC503" in table
        assert "425" in table
        assert "output off" in table
    finally:
        bench.terminate()
        bench.communicate(timeout=20)
    assert bench.returncode == 0


# The connection


def connect(address: str, **settings: Any) -> Connection:
    return Connection(
        address, role="magnet", identity_query="V", visa_library="@py", read_termination="\r",
        write_termination="\r", timeout_s=0.5, **settings,
    )  # fmt: skip


def test_a_second_program_is_kept_from_the_line(cryostat: VirtualCryostat) -> None:
    address = cryostat.endpoints["magnet"].address
    first = connect(address)
    identity = first.identify()
    first.write("V")
    with pytest.raises(ConnectionFailed, match="another program uses this serial line"):
        connect(address)
    assert first.read().strip() == identity  # and has lost nothing by the attempt
    with pytest.raises(serial.SerialException, match="exclusively lock"):
        serial.Serial(path_of(cryostat.endpoints["magnet"]), 9600, exclusive=True)
    first.close()
    second = connect(address)
    assert second.identify() == identity
    second.close()


def test_a_line_is_free_again_after_its_program_was_killed(cryostat: VirtualCryostat) -> None:
    address = cryostat.endpoints["magnet"].address
    program = (
        "import sys\n"
        "from nanojunction.instruments.visa import Connection\n"
        f"kept = Connection({address!r}, role='magnet', identity_query='V', visa_library='@py')\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"open\n"
    with pytest.raises(ConnectionFailed, match="another program uses this serial line"):
        connect(address)
    other.kill()
    other.communicate(timeout=20)
    connection = connect(address)
    assert connection.identify().startswith("IPS120-10")
    connection.close()


def test_what_nobody_asked_for_is_thrown_away(cryostat: VirtualCryostat) -> None:
    connection = connect(cryostat.endpoints["magnet"].address)
    identity = connection.identify()
    other = os.open(path_of(cryostat.endpoints["magnet"]), os.O_RDWR | os.O_NOCTTY)
    os.write(other, b"X\r")  # somebody else's question, answered into our input
    os.close(other)
    connection.write("V")
    connection.read()
    connection.write("V")
    assert connection.read().strip() == identity
    connection.close()


def test_a_line_is_opened_again(cryostat: VirtualCryostat) -> None:
    connection = connect(cryostat.endpoints["magnet"].address, asrl=SERIAL)
    identity = connection.identify()
    connection.reconnect()
    connection.write("V")
    assert connection.read().strip() == identity
    connection.close()


@pytest.mark.parametrize("again", [0, 1, 2])
def test_answers_that_a_line_still_owes_are_no_readings(again: int) -> None:
    hang = Hang(role="magnet", on_command="^R7", seconds=1.5)
    with VirtualCryostat(
        Resistor(1e3), serve="serial", speed=1000, temperature=None, source_meter=None,
        faults=[hang],
    ) as cryostat:  # fmt: skip
        connection = connect(cryostat.endpoints["magnet"].address)
        connection.identify()
        for command, answer in (("C3", "C"), ("J0.25", "J")):
            connection.write(command)
            assert connection.read().strip() == answer
        with pytest.raises(NoAnswer, match="no answer in time"):
            connection.write("R7")
            connection.read()
        for _ in range(again):
            with contextlib.suppress(NoAnswer):
                connection.reconnect()
        readings = []
        while len(readings) < 4:
            with contextlib.suppress(NoAnswer):
                for question in ("R8", "X", "R8", "V"):
                    connection.write(question)
                    readings.append((question, connection.read().strip()))
        assert all(
            answer.startswith({"R8": "R+0.250", "X": "X0", "V": "IPS120"}[question])
            for question, answer in readings
        ), readings
        connection.close()


def test_an_unplugged_line_is_one_sentence() -> None:
    with VirtualCryostat(
        Resistor(1e3), serve="serial", speed=1000, temperature=None, source_meter=None
    ) as cryostat:
        connection = connect(cryostat.endpoints["magnet"].address)
        connection.identify()
    for _ in range(2):
        with pytest.raises(NoAnswer, match=r"magnet at ASRL/dev/.*: the connection was lost \(.*"):
            connection.write("V")
            connection.read()
    with pytest.raises(ConnectionFailed, match="cannot be opened"):
        connection.reconnect()
    connection.close()


# Serial settings in the station file


def test_serial_settings_reach_the_line(cryostat: VirtualCryostat) -> None:
    keys = {"baud_rate": 19200, "data_bits": 8, "parity": "none", "stop_bits": 2,
            "flow_control": "xon-xoff"}  # fmt: skip
    content = station_content(magnet={"address": "ASRL3::INSTR", **keys}, virtual=None,
                              source_meter=None, temperature=None)  # fmt: skip
    config = station_from(content, "test").magnet
    assert config is not None
    address = cryostat.endpoints["magnet"].address
    connection = connect(address, asrl=serial_settings(config))
    resource = connection.connection
    assert resource.baud_rate == 19200
    assert resource.stop_bits is constants.StopBits.two
    assert resource.flow_control is constants.ControlFlow.xon_xoff
    assert resource.parity is constants.Parity.none
    connection.close()


def test_a_setting_that_the_line_refuses_is_one_sentence(cryostat: VirtualCryostat) -> None:
    with pytest.raises(ConnectionFailed, match=r"magnet at ASRL/dev/.* cannot be opened"):
        connect(cryostat.endpoints["magnet"].address, asrl={"data_bits": 7})
    connection = connect(cryostat.endpoints["magnet"].address)  # and the line is free
    assert connection.identify().startswith("IPS120-10")
    connection.close()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"baud_rate": 0}, "magnet.baud_rate: input should be"),
        ({"stop_bits": 3}, "magnet.stop_bits: must be 1, 1.5 or 2"),
        ({"parity": "weird"}, "magnet.parity: input should be 'none', 'odd'"),
        ({"flow_control": "both"}, "magnet.flow_control: input should be 'none', 'xon-xoff'"),
        ({"timeout_s": 0}, "magnet.timeout_s: input should be"),
        ({"address": "GPIB0::25::INSTR", "baud_rate": 9600}, "belongs to a serial line"),
    ],
)
def test_a_serial_setting_that_cannot_be_is_named(keys: dict[str, Any], words: str) -> None:
    content = station_content(magnet={"address": "ASRL3::INSTR", **keys}, source_meter=None,
                              temperature=None, virtual=None)  # fmt: skip
    with pytest.raises(StationError) as caught:
        station_from(content, "test station")
    assert words in str(caught.value)
