"""PyMeasure's unmodified Keithley2450 on the virtual one: its whole public surface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from pymeasure.instruments.keithley import Keithley2450

from tests.source_meters import methods_of, properties_of, pymeasure_driver_of, twin

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

OFF_STATES = ("HIMP", "NORM", "ZERO", "GUAR")
#: Values that are set and read back; a pair where the instrument answers another notation.
SET: Mapping[str, Sequence[Any]] = {
    "buffer_points": (100, 5000),
    "compliance_current": (1e-3, 0.1),
    "compliance_voltage": (0.5, 20.0),
    "current_filter_count": (1, 100),
    "current_filter_state": (("ON", 1), ("OFF", 0)),
    "current_filter_type": ("REP", "MOV"),
    "current_nplc": (0.01, 10.0),
    "current_output_off_state": OFF_STATES,
    "current_range": ((1e-8, 1e-8), (2e-4, 1e-3)),
    "resistance_nplc": (0.1, 1.0),
    "resistance_range": ((150.0, 200.0), (1e6, 2e6)),
    "source_current": (1e-6, -2e-3),
    "source_current_delay": (0.0, 2.5),
    "source_current_delay_auto": (True, False),
    "source_current_range": ((1e-8, 1e-8), (0.05, 0.1)),
    "source_mode": ("current", "voltage"),
    "source_voltage": (0.015, -2.0),
    "source_voltage_delay": (0.0, 2.5),
    "source_voltage_delay_auto": (True, False),
    "source_voltage_range": ((1.5, 2.0), (20.0, 20.0)),
    "voltage_filter_count": (1, 100),
    "voltage_filter_type": ("REP", "MOV"),
    "voltage_nplc": (0.01, 2.0),
    "voltage_output_off_state": OFF_STATES,
    "voltage_range": ((0.1, 0.2), (20.0, 20.0)),
    "wires": (4, 2),
}
#: What is only read, with what 1 V on 1 kΩ gives of the function that is measured.
READ: Mapping[str, Any] = {
    "complete": "1",
    "current": 1e-3,
    "error": None,
    "id": "KEITHLEY INSTRUMENTS,MODEL 2450,04000001,1.7.12b",
    "maximums": 1e-3,
    "means": 1e-3,
    "minimums": 1e-3,
    "next_error": None,
    "resistance": 1e-3,
    "source_enabled": True,
    "standard_devs": 0.0,
    "status": None,
    "voltage": 1e-3,
}
NO_2450 = "asks in the 2400's words, which a real 2450 does not know in its own command set"
ONE_VALUE = "takes one of three values, where a 2450 has the statistics of one function"
#: What the real instrument does not serve either.
NOT_SERVED: Mapping[str, str] = {
    "buffer_data": NO_2450 + ": :TRACe:DATA? needs the first and the last number",
    "options": NO_2450 + ": no *OPT?",
    **{
        f"{which}_{what}": ONE_VALUE
        for which in ("mean", "max", "min", "std")
        for what in ("voltage", "current", "resistance")
    },
}


def wait_in_model(driver: Keithley2450) -> None:
    driver.write(':TRIG:LOAD "Empty";:TRIG:BLOC:WAIT 1,COMM')
    driver.start_buffer()
    driver.trigger()


def start_model(driver: Keithley2450) -> None:
    driver.write(':TRIG:LOAD "SimpleLoop",3')
    driver.start_buffer()


#: Every method, in a use of it.
METHODS: Mapping[str, Callable[[Keithley2450], object]] = {
    "apply_current": lambda d: d.apply_current(1e-3, compliance_voltage=2.0),
    "apply_voltage": lambda d: d.apply_voltage(2.0, compliance_current=1e-2),
    "auto_range_source": lambda d: d.auto_range_source(),
    "beep": lambda d: d.beep(500, 0.1),
    "check_errors": lambda d: d.check_errors(),
    "clear": lambda d: d.clear(),
    "disable_source": lambda d: d.disable_source(),
    "enable_source": lambda d: d.enable_source(),
    "is_buffer_full": lambda d: d.is_buffer_full(),
    "measure_current": lambda d: d.measure_current(nplc=0.1, current=1e-3, auto_range=False),
    "measure_resistance": lambda d: d.measure_resistance(),
    "measure_voltage": lambda d: d.measure_voltage(voltage=2.0, auto_range=False),
    "ramp_to_current": lambda d: d.ramp_to_current(1e-4, steps=3, pause=0),
    "ramp_to_voltage": lambda d: d.ramp_to_voltage(0.1, steps=3, pause=0),
    "reset": lambda d: d.reset(),
    "shutdown": lambda d: d.shutdown(),
    "start_buffer": start_model,
    "stop_buffer": lambda d: d.stop_buffer(),
    "triad": lambda d: d.triad(500, 0.001),
    "trigger": wait_in_model,
    "use_front_terminals": lambda d: d.use_front_terminals(),
    "use_rear_terminals": lambda d: d.use_rear_terminals(),
}
#: What leaves an error in the log of the real instrument too, and of ours.
METHODS_NOT_SERVED: Mapping[str, str] = {
    "config_buffer": NO_2450 + ": :STATus:MEASurement, :TRACe:FEED",
    "disable_buffer": NO_2450 + ": :TRACe:FEED",
    "reset_buffer": NO_2450 + ": :TRACe:FEED",
    "wait_for_buffer": "waits for a bit that only the 2400's :STATus:MEASurement sets",
}


@pytest.fixture
def driver() -> Keithley2450:
    """Return PyMeasure's driver on a twin at 1 kΩ with the output on and 1 V measured."""
    made = pymeasure_driver_of(twin("keithley2450"))
    assert isinstance(made, Keithley2450)
    made.compliance_current = 0.1
    made.enable_source()
    made.source_voltage = 1.0
    assert [made.current for _ in range(3)] == pytest.approx([1e-3] * 3)
    return made


def test_every_property_and_method_is_looked_at(driver: Keithley2450) -> None:
    assert properties_of(driver) == SET.keys() | READ.keys() | NOT_SERVED.keys()
    assert methods_of(driver) == METHODS.keys() | METHODS_NOT_SERVED.keys()


@pytest.mark.parametrize("name", SET)
def test_what_is_set_is_read(driver: Keithley2450, name: str) -> None:
    if name in ("voltage_range", "source_voltage_range"):
        # The source's range is the measuring range of the same function, and holds its level.
        driver.source_voltage = 0.0
        driver.source_mode = "current" if name == "voltage_range" else "voltage"
    for value in SET[name]:
        given, expected = value if isinstance(value, tuple) else (value, value)
        setattr(driver, name, given)
        answer = getattr(driver, name)
        same = expected if isinstance(expected, str | bool) else pytest.approx(expected)
        assert answer == same
    assert driver.check_errors() == []


@pytest.mark.parametrize("name", READ)
def test_what_is_read_is_answered(driver: Keithley2450, name: str) -> None:
    answer, expected = getattr(driver, name), READ[name]
    if expected is None:
        assert answer is not None
    else:
        assert answer == (expected if isinstance(expected, str) else pytest.approx(expected))
    assert driver.check_errors() == []


@pytest.mark.parametrize("name", NOT_SERVED)
def test_what_the_real_instrument_does_not_serve_either(driver: Keithley2450, name: str) -> None:
    with pytest.raises((TimeoutError, TypeError)):
        getattr(driver, name)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_served(driver: Keithley2450, name: str) -> None:
    METHODS[name](driver)
    assert driver.check_errors() == []


@pytest.mark.parametrize("name", ["disable_buffer", "reset_buffer"])
def test_the_words_of_a_2400_end_in_the_log(driver: Keithley2450, name: str) -> None:
    getattr(driver, name)()
    assert [code for code, _ in driver.check_errors()] == [-113]
    assert driver.source_enabled is True


def test_a_buffer_in_the_words_of_a_2400_is_refused(
    driver: Keithley2450, caplog: pytest.LogCaptureFixture
) -> None:
    driver.config_buffer()  # looks into the log itself
    assert "Undefined header" in caplog.text
