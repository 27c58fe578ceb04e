"""What a channel of a 2636B can be set to: ranges, limits, defaults.

Source: Series 2600B Reference Manual (2600BS-901-01), section 7, and the 2636B's specifications.
Where neither fixes a number the comment says "choice".
"""

from __future__ import annotations

from dataclasses import dataclass

#: Ranges by their names (V, A); 100 pA measures only.
VOLTAGE_RANGES = (0.2, 2.0, 20.0, 200.0)
CURRENT_RANGES = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1.5)
SOURCE_CURRENT_RANGES = CURRENT_RANGES[1:]

#: How far beyond its range a source goes, and a reading is no overflow.
SOURCE_OVERRANGE, MEASURE_OVERRANGE = 1.01, 1.02
#: What is read instead of an overflow.
OVERFLOW = 9.91e37

#: Largest levels (V, A); limits (V, A) from … to.
MAX_LEVEL_V, MAX_LEVEL_A = 202.0, 1.515
LIMITS_V, LIMITS_A = (0.02, 200.0), (1e-10, 1.5)
#: The operating area: above 20 V no more than 100 mA.
AREA_V, AREA_A = 20.0 * SOURCE_OVERRANGE, 0.1 * SOURCE_OVERRANGE

#: Steps of the source and counts of a reading within a range (5 µV and 0.1 µV on 200 mV).
VOLTAGE_STEP_OF_RANGE, CURRENT_STEP_OF_RANGE = 2.5e-5, 2e-5
VOLTAGE_COUNT_OF_RANGE, CURRENT_COUNT_OF_RANGE = 5e-7, 1e-6

#: Automatic delay before a current is measured (s) by range: a choice; the manual says only that
#: it depends on the range and is on by default for a 2636B.
MEASURE_DELAYS = (0.3, 0.15, 0.015, 2e-3, 1e-3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
#: Automatic delay after a step of the source (s): a choice.
SOURCE_DELAY_S = 1e-3
#: How long a measurement of zero and reference serves (s): a choice; the manual says "as needed".
REFERENCE_LASTS_S = 5.0
#: What a change of range costs (s) beside its delay: a choice.
RANGE_CHANGE_S = 1e-3

#: Numbers that the manual names.
AUTO_DELAY = -1.0
OUTPUT_OFF, OUTPUT_ON, OUTPUT_HIGH_Z = 0, 1, 2
OFF_NORMAL, OFF_ZERO, OFF_HIGH_Z = 0, 1, 2
AUTOZERO_OFF, AUTOZERO_ONCE, AUTOZERO_AUTO = 0, 1, 2
MOVING_AVERAGE, REPEAT_AVERAGE, MEDIAN = 0, 1, 2


def range_for(value: float, ranges: tuple[float, ...], lowest: float = 0.0) -> float:
    """Return the most sensitive range that holds a value; the largest if none does."""
    magnitude = abs(value) * (1.0 - 1e-9)
    for nominal in ranges:
        if magnitude <= SOURCE_OVERRANGE * nominal and nominal >= lowest * (1.0 - 1e-9):
            return nominal
    return ranges[-1]


@dataclass(slots=True)
class SmuSettings:
    """What smuX.reset() resets; SI units and the manual's numbers."""

    # smuX.source
    func: int = 1  # 1: volts, 0: amps
    levelv: float = 0.0
    leveli: float = 0.0
    limitv: float = 20.0
    limiti: float = 0.1
    limitp: float = 0.0
    rangev: float = 0.2
    rangei: float = 1e-7  # choice
    autorangev: int = 1
    autorangei: int = 1
    lowrangev: float = 0.2
    lowrangei: float = 1e-9
    source_delay: float = 0.0
    output: int = OUTPUT_OFF
    offmode: int = OFF_NORMAL
    offfunc: int = 1
    offlimiti: float = 1e-3
    offlimitv: float = 20.0  # the manual has 40 V for the whole series; a 2636B's limitv is 20
    highc: int = 0
    settling: int = 0
    sink: int = 0
    outputenableaction: int = 0
    # smuX.measure
    measure_rangev: float = 0.2
    measure_rangei: float = 0.1  # choice: the range of the default limit
    measure_autorangev: int = 1
    measure_autorangei: int = 1
    measure_lowrangev: float = 0.2
    measure_lowrangei: float = 1e-10
    nplc: float = 1.0
    autozero: int = AUTOZERO_AUTO
    count: int = 1
    measure_delay: float = AUTO_DELAY
    delayfactor: float = 1.0
    interval: float = 0.0
    analogfilter: int = 1
    highcrangedelayfactor: float = 10.0
    filter_enable: int = 0
    filter_count: int = 1
    filter_type: int = REPEAT_AVERAGE
    relv: float = 0.0
    reli: float = 0.0
    relr: float = 0.0
    relp: float = 0.0
    relv_on: int = 0
    reli_on: int = 0
    relr_on: int = 0
    relp_on: int = 0
    # smuX itself
    sense: int = 0
    # smuX.trigger
    arm_count: int = 1
    arm_stimulus: int = 0
    autoclear: int = 0
    trigger_count: int = 1
    source_action: int = 0
    source_stimulus: int = 0
    sweep_limiti: float = 0.0
    sweep_limitv: float = 0.0
    measure_action: int = 0
    measure_stimulus: int = 0
    endpulse_action: int = 1
    endpulse_stimulus: int = 0
    endsweep_action: int = 0
