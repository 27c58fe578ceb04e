"""PyMeasure's unmodified drivers on the virtual sockets, and what sockets can do wrong."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymeasure.instruments.keithley import Keithley2400
from pymeasure.instruments.oxfordinstruments import IPS120_10, ITC503

from nanojunction.instruments.virtual import Endpoint, VirtualCryostat
from nanojunction.instruments.virtual.keithley2400 import Keithley2400 as VirtualKeithley2400
from nanojunction.instruments.virtual.serving.in_process import InProcessAdapter
from nanojunction.instruments.virtual.serving.server import MAX_LINE
from tests.virtual_bench import Resistor, world_with


def port_of(endpoint: Endpoint) -> int:
    return int(endpoint.address.split("::")[2])


class Raw:
    """A client that is nothing but a socket."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.end = endpoint.read_termination.encode()
        self.socket = socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=10.0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> bytes:
        while self.end not in self.received:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionResetError
            self.received += data
        line, _, self.received = self.received.partition(self.end)
        return line

    def ask(self, text: bytes) -> bytes:
        self.send(text + self.end)
        return self.line()

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(scope="module")
def cryostat() -> Iterator[VirtualCryostat]:
    with VirtualCryostat(Resistor(1e3), speed=10_000) as served:
        yield served


@pytest.fixture
def smu(cryostat: VirtualCryostat) -> Iterator[Keithley2400]:
    driver = Keithley2400(
        cryostat.endpoints["source_meter"].address,
        visa_library="@py",
        read_termination="\n",
        write_termination="\n",
    )
    driver.reset()
    driver.clear()
    driver.write(":TRAC:CLE")
    yield driver
    driver.adapter.close()


def oxford(cryostat: VirtualCryostat, role: str, driver: type) -> object:
    return driver(cryostat.endpoints[role].address, visa_library="@py", write_termination="\r")


@pytest.fixture
def magnet(cryostat: VirtualCryostat) -> Iterator[IPS120_10]:
    driver = oxford(cryostat, "magnet", IPS120_10)
    yield driver
    driver.adapter.close()


@pytest.fixture
def controller(cryostat: VirtualCryostat) -> Iterator[ITC503]:
    driver = oxford(cryostat, "temperature", ITC503)
    yield driver
    driver.adapter.close()


# PyMeasure's Keithley2400


def test_identity_and_errors(smu: Keithley2400) -> None:
    assert smu.id.startswith("KEITHLEY INSTRUMENTS INC.,MODEL 2400")
    assert (smu.complete, smu.options) == ("1", "0")
    assert smu.check_errors() == []
    smu.write(":NO:SUCH:HEADER")
    assert smu.check_errors() == [[-113.0, '"Undefined header"']]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_mode", "current"),
        ("source_mode", "voltage"),
        ("source_delay", 0.25),
        ("source_delay_auto_enabled", False),
        ("auto_zero_enabled", False),
        ("auto_output_off_enabled", True),
        ("filter_enabled", True),
        ("repeat_filter_enabled", False),
        ("filter_count", 7),
        ("current_range", 1.05e-5),
        ("current_range_auto_enabled", False),
        ("current_nplc", 0.5),
        ("voltage_nplc", 2.0),
        ("resistance_nplc", 3.0),
        ("compliance_current", 2e-3),
        ("compliance_voltage", 3.0),
        ("source_current", 1e-3),
        ("source_current_range", 1.05e-3),
        ("source_current_range_auto_enabled", False),
        ("source_voltage", -0.123),
        ("source_voltage_range", 2.1),
        ("source_voltage_range_auto_enabled", False),
        ("voltage_range", 2.1),
        ("voltage_range_auto_enabled", False),
        ("resistance_mode_auto_enabled", False),
        ("resistance_range", 2.1e3),
        ("resistance_range_auto_enabled", False),
        ("buffer_points", 64),
        ("trigger_count", 12),
        ("arm_count", 3),
        ("trigger_delay", 0.5),
        ("arm_timer", 0.2),
        ("trigger_source", "trigger_link"),
        ("arm_source", "bus"),
        ("trigger_output_event", "sense"),
        ("arm_output_event", "trigger_exit"),
        ("trigger_input_line", 2),
        ("arm_input_line", 3),
        ("trigger_output_line", 4),
        ("arm_output_line", 1),
        ("display_enabled", False),
        ("wires", 4),
        ("line_frequency", 60),
        ("line_frequency_auto_enabled", False),
        ("front_terminals_enabled", False),
        ("source_enabled", True),
    ],
)
def test_every_setting_of_the_driver_is_taken_and_answered(
    smu: Keithley2400, name: str, value: object
) -> None:
    setattr(smu, name, value)
    assert getattr(smu, name) == (pytest.approx(value) if isinstance(value, float) else value)
    assert smu.check_errors() == []


@pytest.mark.parametrize("state", ["HIMP", "NORM", "ZERO", "GUAR"])
def test_output_off_states(smu: Keithley2400, state: str) -> None:
    smu.write(f":OUTP:SMOD {state}")
    words = {"HIMP": "disconnected", "NORM": "normal", "ZERO": "zero", "GUAR": "guard"}
    assert smu.output_off_state == words[state]


def test_one_point(smu: Keithley2400, cryostat: VirtualCryostat) -> None:
    smu.source_mode = "voltage"
    smu.compliance_current = 1e-3
    smu.source_voltage = 0.05
    smu.enable_source()
    assert smu.complete == "1"  # what was only written has been carried out
    assert cryostat.world.output_on
    assert cryostat.world.source_level_V == pytest.approx(0.05)
    assert smu.current == pytest.approx(5e-5, rel=1e-3)
    assert smu.voltage == pytest.approx(0.05, rel=1e-3)
    everything = smu.measure_all()
    assert everything["resistance"] == pytest.approx(1e3, rel=2e-3)
    assert smu.check_errors() == []
    smu.disable_source()
    assert not smu.source_enabled
    assert not cryostat.world.output_on


def test_a_reading_with_the_output_off_is_an_error_and_no_answer(smu: Keithley2400) -> None:
    smu.write(":READ?")
    assert smu.check_errors() == [[803.0, '"Not permitted with OUTPUT off"']]


def test_compliance_is_reported(smu: Keithley2400) -> None:
    smu.source_mode = "voltage"
    smu.write(":SENS:FUNC 'VOLT','CURR'")
    smu.compliance_current = 1e-5
    smu.source_voltage = 1.0
    smu.enable_source()
    reading = smu.values(":READ?")
    assert reading[1] == pytest.approx(1e-5, rel=1e-3)
    assert int(reading[4]) & 8


def test_the_buffer_fills_and_is_averaged(smu: Keithley2400) -> None:
    smu.source_mode = "voltage"
    smu.write(":SENS:FUNC 'VOLT','CURR'")
    smu.source_voltage = 0.02
    smu.enable_source()
    smu.config_buffer(points=10, delay=0)
    smu.start_buffer()
    smu.wait_for_buffer(interval=0.0)
    assert smu.is_buffer_full()
    rows = smu.buffer_data.reshape(10, 5)
    assert rows[:, 0] == pytest.approx([0.02] * 10, abs=2e-5)
    assert smu.mean_voltage == pytest.approx(rows[:, 0].mean(), abs=1e-8)
    assert smu.max_current == pytest.approx(rows[:, 1].max())
    assert smu.min_current == pytest.approx(rows[:, 1].min())
    assert smu.std_voltage == pytest.approx(rows[:, 0].std(ddof=1), rel=1e-3, abs=1e-9)
    smu.reset_buffer()
    smu.disable_buffer()
    assert smu.check_errors() == []


def test_bus_trigger(smu: Keithley2400) -> None:
    smu.source_mode = "voltage"
    smu.enable_source()
    smu.trigger_on_bus()
    smu.start_buffer()
    smu.trigger()
    assert len(smu.values(":FETC?")) == 5
    smu.trigger_immediately()
    smu.sample_continuously()
    smu.clear_trigger()
    smu.reset_trigger()
    assert smu.check_errors() == []


def test_abort_ends_a_wait_for_a_trigger_that_never_comes(smu: Keithley2400) -> None:
    smu.source_mode = "voltage"
    smu.enable_source()
    smu.trigger_on_bus()
    smu.start_buffer()
    smu.write(":SOUR:VOLT?")  # has to wait until idle
    smu.stop_buffer()
    assert float(smu.read()) == 0.0


def test_the_driver_works_without_a_socket_too() -> None:
    world = world_with(Resistor(1e3))
    smu = Keithley2400(InProcessAdapter(VirtualKeithley2400(world, latency_s=0.005)))
    smu.source_mode = "voltage"
    smu.source_voltage = 0.01
    smu.enable_source()
    assert smu.current == pytest.approx(1e-5, rel=2e-3)
    smu.write(":NO:SUCH:HEADER?")
    with pytest.raises(TimeoutError, match="keithley2400 answered nothing"):
        smu.read()


def test_shutdown_leaves_zero_and_an_open_output(
    smu: Keithley2400, cryostat: VirtualCryostat
) -> None:
    smu.source_mode = "voltage"
    smu.source_voltage = 0.1
    smu.enable_source()
    smu.shutdown()
    assert smu.ask(":OUTP?;:SOUR:VOLT?").strip() == "0;0.000000E+00"
    assert not cryostat.world.output_on


@pytest.mark.parametrize(
    ("name", "range_A", "bounds"),
    [
        ("resistor-100", 1e-3, (40e-6, 0.11e-6)),
        ("resistor-1k", 1e-4, (20e-6, 30e-9)),
        ("resistor-10k", 1e-5, (30e-6, 0.8e-9)),
    ],
)
def test_calibrated_resistors_show_the_offsets_of_the_line(
    smu: Keithley2400,
    cryostat: VirtualCryostat,
    name: str,
    range_A: float,
    bounds: tuple[float, float],
) -> None:
    cryostat.mount(name)
    smu.source_mode = "voltage"
    smu.compliance_current = range_A
    smu.current_range = range_A
    smu.write(":SENS:FUNC 'VOLT','CURR'")
    smu.enable_source()
    rows = np.array([smu.values(f":SOUR:VOLT {1e-3 * n:g};:READ?") for n in range(-10, 11)])
    cryostat.mount(Resistor(1e3))
    slope, i_off = np.polyfit(rows[:, 0], rows[:, 1], 1)
    assert smu.check_errors() == []
    assert abs(i_off / slope) < bounds[0]
    assert abs(i_off) < bounds[1]


# PyMeasure's IPS120_10 and ITC503


def until(cryostat: VirtualCryostat, seconds: float) -> None:
    cryostat.clock.sleep(seconds)


def test_a_ramp_of_the_magnet(magnet: IPS120_10, cryostat: VirtualCryostat) -> None:
    assert magnet.version.startswith("IPS120-10")
    magnet.enable_control()
    assert (magnet.control_mode, magnet.activity) == ("RU", "hold")
    assert magnet.switch_heater_enabled is True
    until(cryostat, 20.0)
    magnet.sweep_rate = 0.5
    magnet.field_setpoint = -0.5
    magnet.activity = "to setpoint"
    assert magnet.sweep_status in ("sweeping", "at rest")
    magnet.wait_for_idle(delay=0.0)
    assert (magnet.field, magnet.demand_field, magnet.field_setpoint) == (-0.5, -0.5, -0.5)
    assert magnet.demand_current == pytest.approx(-6.25)
    assert cryostat.world.field_T() == -0.5
    magnet.activity = "to zero"
    magnet.wait_for_idle(delay=0.0)
    assert magnet.field == 0.0
    magnet.disable_control()
    assert (magnet.control_mode, magnet.activity) == ("LU", "clamp")


def test_temperature_control(controller: ITC503, cryostat: VirtualCryostat) -> None:
    assert controller.version.startswith("ITC503")
    assert controller.control_mode == "LL"
    controller.control_mode = "RU"
    controller.heater_gas_mode = "AUTO"
    controller.auto_pid = True
    controller.temperature_setpoint = 255.0
    until(cryostat, 1200.0)
    assert controller.temperature_setpoint == 255.0
    assert controller.temperature_1 == pytest.approx(255.0, abs=0.05)
    assert controller.temperature_2 == pytest.approx(255.0, abs=0.05)
    assert abs(controller.temperature_error) < 0.05
    assert 0.0 < controller.heater < 100.0
    assert 0.0 < controller.heater_voltage < 40.0
    assert (controller.heater_gas_mode, controller.auto_pid) == ("AUTO", True)
    controller.auto_pid = False
    controller.proportional_band = 12.5
    controller.integral_action_time = 1.5
    controller.derivative_action_time = 0.5
    assert controller.proportional_band == 12.5
    assert controller.integral_action_time == 1.5
    assert controller.derivative_action_time == 0.5
    controller.heater_gas_mode = "MANUAL"
    controller.heater = 0.0
    controller.gasflow = 20.0
    assert (controller.heater, controller.gasflow) == (0.0, 20.0)


def test_a_programmed_sweep(controller: ITC503, cryostat: VirtualCryostat) -> None:
    controller.control_mode = "RU"
    controller.heater_gas_mode = "AM"
    controller.temperature_setpoint = 250.0
    until(cryostat, 900.0)
    controller.program_sweep([240.0, 230.0], 5.0, 30.0)
    controller.sweep_status = 1
    assert controller.sweep_status == 1
    until(cryostat, 1200.0)
    assert controller.temperature_2 == pytest.approx(240.0, abs=0.2)
    controller.wipe_sweep_table()
    controller.sweep_status = 0


# What sockets can do wrong


@pytest.mark.parametrize("role", ["source_meter", "magnet", "temperature"])
def test_lines_in_pieces_and_in_heaps(cryostat: VirtualCryostat, role: str) -> None:
    question = b"*IDN?" if role == "source_meter" else b"V"
    client = Raw(cryostat.endpoints[role])
    for piece in (question[:1], question[1:], client.end):
        client.send(piece)
    identity = client.line()
    client.send((question + client.end) * 3)
    assert [client.line() for _ in range(3)] == [identity] * 3
    client.close()


@pytest.mark.parametrize("role", ["source_meter", "magnet", "temperature"])
def test_clients_come_one_after_the_other_and_a_second_one_is_sent_away(
    cryostat: VirtualCryostat, role: str
) -> None:
    question = b"*IDN?" if role == "source_meter" else b"V"
    first = Raw(cryostat.endpoints[role])
    identity = first.ask(question)
    second = Raw(cryostat.endpoints[role])
    with pytest.raises(ConnectionError):
        second.ask(question)
    second.close()
    assert first.ask(question) == identity
    first.close()
    third = Raw(cryostat.endpoints[role])
    assert third.ask(question) == identity
    third.close()


@pytest.mark.parametrize("role", ["source_meter", "magnet", "temperature"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(junk=st.binary(max_size=200))
def test_no_bytes_kill_a_server(cryostat: VirtualCryostat, role: str, junk: bytes) -> None:
    question, start = (b"*IDN?", b"KEITHLEY") if role == "source_meter" else (b"V", b"I")
    client = Raw(cryostat.endpoints[role])
    client.send(junk + client.end + b"$C3" * (role != "source_meter") + client.end)
    client.send(question + client.end)
    while not client.line().startswith(start):  # what was answered to the junk comes first
        pass
    client.close()


def test_all_instruments_can_be_asked_at_once() -> None:
    questions = {
        "source_meter": (
            b"*RST;:OUTP ON;:SENS:FUNC 'VOLT','CURR';*OPC?",
            b":SOUR:VOLT 0.01;:READ?",
        ),
        "magnet": (b"C3", b"R7"),
        "temperature": (b"C3", b"R2"),
    }
    with VirtualCryostat("C", speed=10_000) as cryostat:
        answers: dict[str, list[bytes]] = {}

        def ask(role: str) -> None:
            client = Raw(cryostat.endpoints[role])
            prepare, question = questions[role]
            client.ask(prepare)
            answers[role] = [client.ask(question) for _ in range(200)]
            client.close()

        threads = [threading.Thread(target=ask, args=(role,)) for role in questions]
        for thread in threads:
            thread.start()
        truth = [(cryostat.world.field_T(), cryostat.world.temperature_K()) for _ in range(500)]
        for thread in threads:
            thread.join()
    assert all(line.count(b",") == 4 for line in answers["source_meter"])
    assert set(answers["magnet"]) == {b"R+0.000"}
    assert all(line.startswith(b"R29") for line in answers["temperature"])
    assert set(truth) == {(0.0, 295.0)}


def test_an_endless_line_is_refused_and_forgotten(cryostat: VirtualCryostat) -> None:
    client = Raw(cryostat.endpoints["source_meter"])
    client.ask(b"*CLS;*IDN?")
    client.send(b"A" * (3 * MAX_LINE) + b"\n")
    assert client.ask(b":SYST:ERR?") == b'-363,"Input buffer overrun"'
    client.close()


def test_a_client_that_vanishes_during_a_measurement_leaves_a_working_instrument(
    cryostat: VirtualCryostat,
) -> None:
    client = Raw(cryostat.endpoints["source_meter"])
    client.ask(b"*RST;:OUTP ON;:SENS:CURR:NPLC 10;:TRIG:COUN 2500;*OPC?")
    client.send(b":READ?\n")
    client.close()
    following = Raw(cryostat.endpoints["source_meter"])
    following.send(b":ABOR\n")
    assert following.ask(b"*IDN?").startswith(b"KEITHLEY")
    following.close()


def test_what_was_sent_before_the_client_left_is_carried_out(
    cryostat: VirtualCryostat,
) -> None:
    client = Raw(cryostat.endpoints["source_meter"])
    client.ask(b"*RST;:OUTP ON;*OPC?")
    client.send(b":SOUR:VOLT 0.1\n" * 200 + b":OUTP OFF\n")
    client.close()
    following = Raw(cryostat.endpoints["source_meter"])
    assert following.ask(b":OUTP?;:SOUR:VOLT?") == b"0;1.000000E-01"
    following.close()


def test_an_error_inside_is_logged_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Resistor):
        def current_A(self, voltage_V: float, temperature_K: float, memory: object) -> float:
            if voltage_V > 1.0:
                raise ZeroDivisionError("broken")
            return 0.0

    with VirtualCryostat(Broken(1e3), speed=1000, magnet=None, temperature=None) as cryostat:
        client = Raw(cryostat.endpoints["source_meter"])
        client.send(b":OUTP ON;:SOUR:VOLT 2\n")
        assert client.ask(b":SOUR:VOLT 0;:SYST:ERR?") == b'+900,"Internal System Error"'
        client.close()
    assert "failed on" in caplog.text


def test_nothing_is_left_behind() -> None:
    before = set(threading.enumerate())
    with VirtualCryostat(Resistor(1e3), speed=100) as cryostat:
        endpoints = dict(cryostat.endpoints)
        client = Raw(endpoints["source_meter"])
        client.send(b":OUTP ON;:ARM:SOUR BUS;:INIT;*OPC?\n")  # waits for ever
        assert set(endpoints) == {"source_meter", "magnet", "temperature"}
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionError):
        client.line()
    client.close()
    assert cryostat.instruments["magnet"].handle("R7") == "R+0.000"
    for endpoint in endpoints.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port_of(endpoint)))


def test_a_question_waits_until_what_was_written_before_has_had_its_time_on_the_bus() -> None:
    with VirtualCryostat(
        Resistor(1e3), speed=100, bus_latency_s=5.0, magnet=None, temperature=None
    ) as cryostat:
        client = Raw(cryostat.endpoints["source_meter"])
        start = cryostat.clock.now()
        client.send(b":SOUR:VOLT 0.1\n")
        assert client.ask(b":SOUR:VOLT?") == b"1.000000E-01"
        assert cryostat.clock.now() - start >= 10.0
        client.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"source_meter": "keithley9999"}, "choose one of keithley2400"),
        ({"speed": 0.5}, "speed must lie between 1 and 10000"),
        ({"bus_latency_s": -1.0}, "bus latency"),
    ],
)
def test_a_bench_that_cannot_be_is_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        VirtualCryostat(Resistor(1e3), **arguments)


def test_another_junction_can_be_mounted(smu: Keithley2400, cryostat: VirtualCryostat) -> None:
    smu.source_mode = "voltage"
    smu.source_voltage = 0.01
    smu.enable_source()
    with contextlib.ExitStack() as stack:
        stack.callback(cryostat.mount, Resistor(1e3))
        cryostat.mount("resistor-10k")
        assert smu.current == pytest.approx(1e-6, rel=2e-3)
    assert smu.current == pytest.approx(1e-5, rel=2e-3)
    assert math.isfinite(cryostat.world.temperature_K())
