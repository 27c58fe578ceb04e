"""What the drivers send, and what they make of the answers, on a real socket."""

from __future__ import annotations

from typing import Any

import pytest

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.drivers.ips120_10 import IPS120Magnet, open_ips120_10
from nanojunction.instruments.drivers.itc503 import open_itc503
from nanojunction.instruments.drivers.keithley2400 import open_keithley2400
from nanojunction.instruments.drivers.keithley2450 import open_keithley2450
from nanojunction.instruments.drivers.source_meters import longest_reading_s
from nanojunction.instruments.errors import (
    ConnectionFailed,
    InstrumentFault,
    StationError,
    WrongInstrument,
)
from nanojunction.instruments.roles import MagnetState, Reading, SourceSettings
from nanojunction.instruments.station_file import MagnetConfig, SourceMeterConfig, TemperatureConfig

IDN = ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32")
FORMAT = (":FORMAT:ELEMENTS VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS", None)
OFF = [("OUTPUT 0", None), ("OUTPUT?", "0")]
FAST = Clock(speed=10_000)


def source_meter(address: str) -> SourceMeterConfig:
    return SourceMeterConfig(
        driver="keithley2400",
        address=address,
        visa_library="@py",
        max_voltage_V=1,
        max_current_A=1e-3,
    )


def magnet(address: str) -> MagnetConfig:
    return MagnetConfig(
        driver="ips120_10", address=address, visa_library="@py", max_field_T=5, ramp_T_per_min=1
    )


def temperature(address: str) -> TemperatureConfig:
    return TemperatureConfig(
        driver="itc503", address=address, visa_library="@py", min_K=2, max_K=400
    )


def test_keithley2400_is_configured_with_the_output_open(scripted: Any) -> None:
    server = scripted(
        [
            IDN,
            FORMAT,
            *OFF,
            (":ROUTE:TERMINALS?", "FRON"),
            ("*RST", None),
            FORMAT,
            ("*CLS", None),
            (":SOURCE:FUNCTION VOLT", None),
            (":SOUR:VOLT 0", None),
            (":SYSTEM:RSENSE 1", None),
            (":OUTPUT:SMODE HIMP", None),
            (":SENS:FUNC:CONC ON;:SENS:FUNC:ON 'VOLT','CURR'", None),
            (":SENSE:CURRENT:PROTECTION 0.0001", None),
            (":SOURCE:VOLTAGE:RANGE 0.01", None),
            (":SENSE:CURRENT:RANGE:AUTO 1", None),
            (":SENSE:CURRENT:NPLCYCLES 0.1", None),
            (":SYSTEM:AZERO:STATE 0", None),
            (":SENSE:AVERAGE:TCONTROL REP", None),
            (":SENSE:AVERAGE:COUNT 4", None),
            (":SENSE:AVERAGE 1", None),
            (":SOURCE:DELAY 0.002", None),
            (":ARM:COUN 1;:TRIG:COUN 1;:SOUR:SWE:RANG FIX", None),
            ("SYST:ERR?", '0,"No error"'),
        ]
    )
    meter = open_keithley2400(source_meter(server.address), FAST)
    meter.configure(
        SourceSettings(
            compliance=1e-4,
            source_range=0.01,
            nplc=0.1,
            autozero=False,
            filter_count=4,
            wires=4,
            settle_s=0.002,
        )
    )
    meter.close()


def test_the_time_out_fits_the_longest_reading() -> None:
    slow = SourceSettings(nplc=10, filter_count=100, settle_s=120, measure_range=1e-3)
    assert longest_reading_s(slow) == pytest.approx(120 + 2 * 3 * 100 * 10 / 50)
    quick = SourceSettings(nplc=0.01, autozero=False, measure_range=1e-3)
    assert longest_reading_s(quick) < 0.001


def test_keithley2400_sets_and_reads_in_one_message_with_every_digit(scripted: Any) -> None:
    server = scripted(
        [
            IDN,
            FORMAT,
            (
                ":SOUR:VOLT 0.0123456789;:READ?",
                "+1.234568E-02,-2.600000E-05,+9.91E+37,+1.0,+36872",
            ),
            (":READ?", "+1.000000E-02,+1.000000E-03,+9.91E+37,+1.1,+8"),
        ]
    )
    meter = open_keithley2400(source_meter(server.address), FAST)
    assert meter.set_and_read(0.0123456789) == Reading(0.01234568, -2.6e-5, True)
    assert meter.read() == Reading(0.01, 1e-3, True)
    meter.close()


def test_keithley2400_over_range_is_no_reading(scripted: Any) -> None:
    server = scripted([IDN, FORMAT, (":READ?", "+1.0E-02,+9.9E+37,+9.91E+37,+1.1,+1")])
    meter = open_keithley2400(source_meter(server.address), FAST)
    with pytest.raises(InstrumentFault, match="over range"):
        meter.read()
    meter.close()


def test_keithley2400_that_refuses_a_setting_says_so(scripted: Any) -> None:
    server = scripted(
        [
            IDN,
            FORMAT,
            ("SYST:ERR?", '-222,"Parameter data out of range"'),
            ("SYST:ERR?", '0,"No error"'),
        ]
    )
    meter = open_keithley2400(source_meter(server.address), FAST)
    assert meter.errors() == ("-222, Parameter data out of range",)
    meter.close()


def test_keithley2400_whose_output_does_not_open_is_a_fault(scripted: Any) -> None:
    server = scripted([IDN, FORMAT, ("OUTPUT 0", None), ("OUTPUT?", "1")])
    meter = open_keithley2400(source_meter(server.address), FAST)
    with pytest.raises(InstrumentFault, match="did not open"):
        meter.output_off()
    meter.close()


@pytest.mark.parametrize("open_meter", [open_keithley2400, open_keithley2450])
def test_a_channel_of_an_instrument_that_has_one_is_a_slip(open_meter: Any) -> None:
    config = source_meter("TCPIP::127.0.0.1::1::SOCKET").model_copy(update={"channel": "b"})
    with pytest.raises(
        StationError, match=r"source_meter\.channel: keithley2400 has no such thing"
    ):
        open_meter(config, FAST)


def test_something_else_at_the_address_is_named(scripted: Any) -> None:
    other = scripted([("*IDN?", "LSCI,MODEL336,123,1.0")])
    with pytest.raises(WrongInstrument, match=r"'LSCI,MODEL336,123,1.0', which is no Keithley"):
        open_keithley2400(source_meter(other.address), FAST)
    controller = scripted([("V", "ITC503 Version 1.11 (c) OXFORD 1997")], "\r")
    with pytest.raises(WrongInstrument, match="no Oxford IPS120"):
        open_ips120_10(magnet(controller.address), FAST)


def test_nothing_at_the_address(unused_port: int) -> None:
    with pytest.raises(ConnectionFailed, match=r"source_meter at TCPIP.*refused"):
        open_keithley2400(source_meter(f"TCPIP::127.0.0.1::{unused_port}::SOCKET"), FAST)


V_IPS = ("V", "IPS120-10  Version 3.07  (c) OXFORD 1996")
OPEN_IPS = [V_IPS, ("$Q4", None)]
V_ITC = ("V", "ITC503 Version 1.11 (c) OXFORD 1997")


def test_ips120_writes_rate_and_setpoint_before_it_goes(scripted: Any) -> None:
    server = scripted(
        [
            *OPEN_IPS,
            ("T0.500000", "T"),
            ("J-1.250000", "J"),
            ("R8", "R-1.25000"),
            ("A1", "A"),
            ("X", "X00A1C3H1M01P00"),
            ("C3", "C"),
            ("A0", "A"),
        ],
        "\r",
    )
    supply = open_ips120_10(magnet(server.address), FAST)
    supply.ramp_to(-1.25, 0.5)
    supply.hold()
    supply.close()


def test_ips120_opens_its_switch_only_with_the_leads_at_the_magnets_field(scripted: Any) -> None:
    server = scripted(
        [
            *OPEN_IPS,
            ("C3", "C"),
            ("X", "X00A0C3H2M00P00"),
            ("R18", "R+0.50000"),
            ("R7", "R+0.00000"),
            ("R7", "R+0.00000"),
            ("T1.000000", "T"),
            ("J0.500000", "J"),
            ("R8", "R+0.50000"),
            ("A1", "A"),
            ("X", "X00A1C3H2M01P00"),
            ("X", "X00A1C3H2M00P00"),
            ("R7", "R+0.49995"),
            ("A0", "A"),
            ("H1", "H"),
            ("X", "X00A0C3H1M00P00"),
        ],
        "\r",
    )
    supply = open_ips120_10(magnet(server.address), FAST)
    supply.prepare()
    supply.close()


@pytest.mark.parametrize(
    ("answer", "state", "heater"),
    [
        ("X00A0C3H1M00P00", MagnetState.HOLDING, True),
        ("X00A1C3H1M01P00", MagnetState.RAMPING, True),
        ("X00A1C3H1M03P00", MagnetState.RAMPING, True),
        ("X10A0C3H0M00P00", MagnetState.QUENCHED, False),
        ("X80A0C3H1M00P00", MagnetState.FAULT, True),
        ("X00A0C3H5M00P00", MagnetState.FAULT, False),
        ("X00A4C3H0M00P00", MagnetState.CLAMPED, False),
        ("X00A0C3H8M00P00", MagnetState.HOLDING, None),
    ],
)
def test_ips120_status(scripted: Any, answer: str, state: MagnetState, heater: bool | None) -> None:
    server = scripted([*OPEN_IPS, ("X", answer)], "\r")
    supply: IPS120Magnet = open_ips120_10(magnet(server.address), FAST)
    status = supply.status()
    assert (status.state, status.heater_on) == (state, heater)
    supply.close()


def test_ips120_quenched_is_not_touched(scripted: Any) -> None:
    server = scripted([*OPEN_IPS, ("C3", "C"), ("X", "X10A0C3H0M00P00")], "\r")
    supply = open_ips120_10(magnet(server.address), FAST)
    with pytest.raises(InstrumentFault, match="quenched; clear it at the front panel"):
        supply.prepare()
    supply.close()


def test_ips120_that_does_not_understand(scripted: Any) -> None:
    server = scripted([*OPEN_IPS, ("X", "X00A1C2H1M01P00"), ("C3", "C"), ("A0", "?A0")], "\r")
    supply = open_ips120_10(magnet(server.address), FAST)
    with pytest.raises(InstrumentFault, match=r"magnet at TCPIP.*did not understand"):
        supply.hold()
    supply.close()


def test_itc503_reads_named_sensors_and_leaves_the_gas_as_it_was(scripted: Any) -> None:
    server = scripted(
        [
            V_ITC,
            ("C3", "C"),
            ("X", "X0A2C3S00H1L1"),
            ("R2", "R+40.010"),
            ("T40.010000", "T"),
            ("A3", "A"),
            ("R2", "R+40.012"),
            ("R1", "R+39.5"),
            ("T41.500000", "T"),
        ],
        "\r",
    )
    controller = open_itc503(temperature(server.address), FAST)
    controller.prepare()
    assert controller.temperature_K() == 40.012
    assert controller.temperature_K("vti") == 39.5
    controller.set_setpoint_K(41.5)
    controller.close()


def test_itc503_heater_off_is_read_back(scripted: Any) -> None:
    server = scripted(
        [
            V_ITC,
            ("C3", "C"),
            ("X", "X0A3C3S00H1L1"),
            ("A2", "A"),
            ("O0.000000", "O"),
            ("R5", "R+12.0"),
        ],
        "\r",
    )
    controller = open_itc503(temperature(server.address), FAST)
    with pytest.raises(InstrumentFault, match="still gives 12 %"):
        controller.heater_off()
    controller.close()


def test_a_2450_is_no_2400(scripted: Any) -> None:
    newer = scripted([("*IDN?", "KEITHLEY INSTRUMENTS,MODEL 2450,04000001,1.7.12b")])
    with pytest.raises(WrongInstrument, match="no Keithley 2400"):
        open_keithley2400(source_meter(newer.address), FAST)
