"""PyMeasure's unmodified Keithley2400 on the virtual one: its whole public surface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from pymeasure.instruments.keithley import Keithley2400

from tests.source_meters import methods_of, properties_of, pymeasure_driver_of, twin

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

BOTH = (True, False)
#: Values that are set and read back; a pair where the instrument rounds up to a range.
SET: Mapping[str, Sequence[Any]] = {
    "arm_count": (3, 1),
    "arm_input_line": (4, 1),
    "arm_output_event": ("trigger_enter", "trigger_exit", "none"),
    "arm_output_line": (2, 3),
    "arm_source": ("timer", "bus", "manual", "trigger_link", "immediate"),
    "arm_timer": (0.25, 0.001),
    "auto_output_off": BOTH,
    "auto_output_off_enabled": BOTH,
    "auto_zero": BOTH,
    "auto_zero_enabled": BOTH,
    "buffer_points": (2, 1000),
    "compliance_current": (1e-3, 0.1),
    "compliance_voltage": (0.5, 20.0),
    "current_nplc": (0.01, 10.0),
    "current_range": ((1e-6, 1.05e-6), (2e-3, 1.05e-2)),
    "current_range_auto_enabled": BOTH,
    "display_enabled": BOTH,
    "filter_count": (1, 100),
    "filter_enabled": BOTH,
    "filter_state": (("ON", 1), ("OFF", 0)),
    "filter_type": ("REP", "MOV"),
    "front_terminals_enabled": BOTH,
    "line_frequency": (50, 60),
    "line_frequency_auto": BOTH,
    "line_frequency_auto_enabled": BOTH,
    "output_off_state": ("disconnected", "normal", "zero", "guard"),
    "repeat_filter_enabled": BOTH,
    "resistance_mode_auto_enabled": BOTH,
    "resistance_nplc": (0.1, 1.0),
    "resistance_range": ((1e3, 2.1e3), (1e6, 2.1e6)),
    "resistance_range_auto_enabled": BOTH,
    "source_current": (1e-6, -2e-3),
    "source_current_range": ((1e-6, 1.05e-6), (0.1, 0.105)),
    "source_current_range_auto_enabled": BOTH,
    "source_delay": (0.0, 2.5),
    "source_delay_auto": BOTH,
    "source_delay_auto_enabled": BOTH,
    "source_enabled": BOTH,
    "source_mode": ("current", "voltage"),
    "source_voltage": (0.015, -2.0),
    "source_voltage_range": ((0.1, 0.21), (20.0, 21.0)),
    "source_voltage_range_auto_enabled": BOTH,
    "trigger_count": (5, 1),
    "trigger_delay": (0.0, 1.5),
    "trigger_input_line": (1, 4),
    "trigger_output_event": ("source", "delay", "sense", "none"),
    "trigger_output_line": (2, 4),
    "trigger_source": ("trigger_link", "immediate"),
    "voltage_nplc": (0.01, 2.0),
    "voltage_range": ((0.1, 0.21), (20.0, 21.0)),
    "voltage_range_auto_enabled": BOTH,
    "wires": (4, 2),
}
#: What is only read, with what 1 mA through 1 kΩ must give.
READ: Mapping[str, Any] = {
    "buffer_data": None,
    "complete": "1",
    "current": 1e-3,
    "error": None,
    "id": None,
    "max_current": 1e-3,
    "max_resistance": 1e3,
    "max_voltage": 1.0,
    "maximums": None,
    "mean_current": 1e-3,
    "mean_resistance": 1e3,
    "mean_voltage": 1.0,
    "means": None,
    "min_current": 1e-3,
    "min_resistance": 1e3,
    "min_voltage": 1.0,
    "minimums": None,
    "next_error": None,
    "options": None,
    "resistance": 1e3,
    "standard_devs": None,
    "status": None,
    "std_current": 0.0,
    "std_resistance": 0.0,
    "std_voltage": 0.0,
    "voltage": 1.0,
}


def measured(driver: Keithley2400) -> None:
    """Measure everything once into the buffer."""
    driver.source_mode = "voltage"
    driver.source_voltage = 1.0
    driver.resistance_mode_auto_enabled = False
    driver.write(":SENS:FUNC:ALL")
    driver.config_buffer(3)
    driver.start_buffer()


def on_the_bus(driver: Keithley2400) -> None:
    driver.trigger_on_bus()
    driver.start_buffer()
    driver.trigger()


#: Every method, in a use of it.
METHODS: Mapping[str, Callable[[Keithley2400], object]] = {
    "apply_current": lambda d: d.apply_current(1e-3, compliance_voltage=2.0),
    "apply_voltage": lambda d: d.apply_voltage(0.2, compliance_current=1e-2),
    "auto_range_source": lambda d: d.auto_range_source(),
    "auto_zero_once": lambda d: d.auto_zero_once(),
    "beep": lambda d: d.beep(500, 0.1),
    "check_errors": lambda d: d.check_errors(),
    "clear": lambda d: d.clear(),
    "clear_trigger": lambda d: d.clear_trigger(),
    "config_buffer": lambda d: d.config_buffer(10, delay=0.1),
    "disable_buffer": lambda d: d.disable_buffer(),
    "disable_output_trigger": lambda d: d.disable_output_trigger(),
    "disable_output_triggers": lambda d: d.disable_output_triggers(),
    "disable_source": lambda d: d.disable_source(),
    "enable_source": lambda d: d.enable_source(),
    "is_buffer_full": lambda d: d.is_buffer_full(),
    "measure_all": lambda d: d.measure_all(),
    "measure_current": lambda d: d.measure_current(nplc=0.1, current=1e-3, auto_range=False),
    "measure_resistance": lambda d: d.measure_resistance(),
    "measure_voltage": lambda d: d.measure_voltage(voltage=2.0, auto_range=False),
    "output_trigger_on_external": lambda d: d.output_trigger_on_external(2),
    "ramp_to_current": lambda d: d.ramp_to_current(1e-4, steps=3, pause=0),
    "ramp_to_voltage": lambda d: d.ramp_to_voltage(0.1, steps=3, pause=0),
    "reset": lambda d: d.reset(),
    "reset_buffer": lambda d: d.reset_buffer(),
    "reset_data_format": lambda d: d.reset_data_format(),
    "reset_trigger": lambda d: d.reset_trigger(),
    "sample_continuously": lambda d: d.sample_continuously(),
    "set_timed_arm": lambda d: d.set_timed_arm(0.5),
    "set_trigger_counts": lambda d: d.set_trigger_counts(2, 10),
    "shutdown": lambda d: d.shutdown(),
    "start_buffer": lambda d: d.start_buffer(),
    "stop_buffer": lambda d: d.stop_buffer(),
    "triad": lambda d: d.triad(500, 0.001),
    "trigger": on_the_bus,
    "trigger_immediately": lambda d: d.trigger_immediately(),
    "trigger_on_bus": lambda d: d.trigger_on_bus(),
    "trigger_on_external": lambda d: d.trigger_on_external(3),
    "use_front_terminals": lambda d: d.use_front_terminals(),
    "use_rear_terminals": lambda d: d.use_rear_terminals(),
    "wait_for_buffer": lambda d: d.wait_for_buffer(),
}


@pytest.fixture
def driver() -> Keithley2400:
    """Return PyMeasure's driver on a twin at 1 kΩ with the output on and 1 V measured."""
    made = pymeasure_driver_of(twin("keithley2400"))
    assert isinstance(made, Keithley2400)
    made.compliance_current, made.compliance_voltage = 0.1, 20.0
    made.source_enabled = True
    measured(made)
    return made


def test_every_property_and_method_is_looked_at(driver: Keithley2400) -> None:
    assert properties_of(driver) == SET.keys() | READ.keys()
    assert methods_of(driver) == METHODS.keys()


@pytest.mark.parametrize("name", SET)
def test_what_is_set_is_read(driver: Keithley2400, name: str) -> None:
    for value in SET[name]:
        given, expected = value if isinstance(value, tuple) else (value, value)
        setattr(driver, name, given)
        answer = getattr(driver, name)
        same = expected if isinstance(expected, str | bool) else pytest.approx(expected)
        assert answer == same
    assert driver.check_errors() == []


@pytest.mark.parametrize("name", READ)
def test_what_is_read_is_answered(driver: Keithley2400, name: str) -> None:
    answer = getattr(driver, name)
    expected = READ[name]
    if expected is not None:
        assert answer == (expected if isinstance(expected, str) else pytest.approx(expected))
    else:
        assert answer is not None
    assert driver.check_errors() == []


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_served(driver: Keithley2400, name: str) -> None:
    METHODS[name](driver)
    assert driver.check_errors() == []
