"""The Keithley 2400's ranges and settings with their *RST values.

Source: Series 2400 SourceMeter User's Manual (2400S-900-01), appendix A (specifications),
sections 17 and 18 (defaults of the commands).
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: Full scales (V, A) as the instrument names them: 105 % of 200 mV … 200 V and 1 µA … 1 A.
VOLTAGE_RANGES = (0.21, 2.1, 21.0, 210.0)
CURRENT_RANGES = (1.05e-6, 1.05e-5, 1.05e-4, 1.05e-3, 1.05e-2, 1.05e-1, 1.05)
RESISTANCE_RANGES = (21.0, 210.0, 2.1e3, 2.1e4, 2.1e5, 2.1e6, 2.1e7, 2.1e8)

#: Test current (A) of the automatic ohms mode on each resistance range.
TEST_CURRENTS = (0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-6, 1e-7)

#: A reading above this part of the full scale is an overflow (211 mV on 200 mV).
READABLE = 1.0048

#: Automatic source delay (s) by current range.
AUTO_DELAYS = (3e-3, 2e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3)

#: What a change of range costs (s) beside the measurement that is repeated: a choice.
RANGE_CHANGE_S = 5e-3

#: Conversions for one reading: signal, reference and zero with autozero, the signal alone without.
AUTOZERO_CONVERSIONS = 3


def nominal(full_scale: float) -> float:
    """Return the name of a range (0.2 V, 1e-6 A) from its full scale (0.21, 1.05e-6)."""
    return full_scale / 1.05


@dataclass(slots=True)
class Settings2400:
    """What *RST resets; SI units, words in SCPI's short form."""

    # Source
    source_function: str = "VOLT"
    voltage_level: float = 0.0
    current_level: float = 0.0
    source_voltage_range: float = 21.0
    source_current_range: float = 1.05e-4
    source_voltage_auto: bool = True
    source_current_auto: bool = True
    voltage_mode: str = "FIX"
    current_mode: str = "FIX"
    voltage_start: float = 0.0
    voltage_stop: float = 0.0
    voltage_step: float = 0.0
    current_start: float = 0.0
    current_stop: float = 0.0
    current_step: float = 0.0
    voltage_list: list[float] = field(default_factory=lambda: [0.0])
    current_list: list[float] = field(default_factory=lambda: [0.0])
    voltage_list_start: int = 1
    current_list_start: int = 1
    voltage_protection: float = 210.0
    sweep_points: int = 2500
    sweep_spacing: str = "LIN"
    sweep_direction: str = "UP"
    sweep_ranging: str = "BEST"
    sweep_abort_on_compliance: str = "NEV"
    delay: float = 1e-3
    delay_auto: bool = True
    clear_auto: bool = False
    clear_auto_mode: str = "ALW"
    # Output
    off_mode: str = "NORM"
    output_enable: bool = False  # the interlock line, which nothing is connected to
    # Sense
    functions: frozenset[str] = frozenset({"CURR"})
    concurrent: bool = True
    nplc: float = 1.0
    current_range: float = 1.05e-4
    voltage_range: float = 21.0
    resistance_range: float = 2.1e5
    current_auto: bool = True
    voltage_auto: bool = True
    resistance_auto: bool = True
    current_compliance: float = 1.05e-4
    voltage_compliance: float = 21.0
    resistance_mode: str = "AUTO"
    filter_on: bool = False
    filter_count: int = 10
    filter_kind: str = "REP"
    filter_auto: bool = False
    current_lower: float = 1.05e-6
    voltage_lower: float = 0.21
    resistance_lower: float = 21.0
    resistance_upper: float = 2.1e8
    offset_compensated: bool = False
    # System
    autozero: bool = True
    four_wire: bool = False
    guard: str = "CABL"
    terminals: str = "FRON"
    display_on: bool = True
    display_digits: int = 6
    cached_zeros: bool = False
    range_changes: str = "SING"
    line_frequency: int = 50
    line_frequency_auto: bool = True
    # Trigger model
    arm_count: float = 1  # inf: until :ABORt
    trigger_count: int = 1
    trigger_delay: float = 0.0
    arm_timer: float = 0.1
    arm_source: str = "IMM"
    trigger_source: str = "IMM"
    arm_output: str = "NONE"
    trigger_output: str = "NONE"
    arm_direction: str = "ACC"
    trigger_direction: str = "ACC"
    trigger_input: str = "SOUR"
    arm_input_line: int = 1
    trigger_input_line: int = 1
    arm_output_line: int = 2
    trigger_output_line: int = 2
    # Data
    elements: tuple[str, ...] = ("VOLT", "CURR", "RES", "TIME", "STAT")
    data_format: str = "ASC"
    byte_order: str = "NORM"
    timestamp_format: str = "ABS"
    register_format: str = "ASC"
    statistic: str = "MEAN"
