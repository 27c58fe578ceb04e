"""What the virtual source-meters share: ranges, counts, and a source with the line's errors."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from nanojunction.instruments.virtual.scpi.codecs import range_for
from nanojunction.instruments.virtual.world.line import Source
from nanojunction.instruments.virtual.world.settings import WorldSettings

NOT_MEASURED = 9.91e37
OVERFLOW = 9.9e37

#: Steps of the source within a range, as a part of the nominal range (5 µV on 200 mV).
VOLTAGE_STEP_OF_RANGE = 2.5e-5
CURRENT_STEP_OF_RANGE = 5e-5

#: One count of a 6½-digit reading, as a part of the nominal range (0.1 µV on 200 mV, 1 pA on 1 µA).
VOLTAGE_COUNT_OF_RANGE = 5e-7
CURRENT_COUNT_OF_RANGE = 1e-6


#: What a buffer's readings are summed up to, by the long form of its name on the 2450.
STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVERage": statistics.fmean,
    "STDDev": lambda values: statistics.stdev(values) if len(values) > 1 else 0.0,
    "MAXimum": max,
    "MINimum": min,
    "PK2Pk": lambda values: max(values) - min(values),
}


def better_range(value: float, present: float, ranges: Sequence[float]) -> float:
    """Return the range that autorange would use: up above full scale, down below a tenth."""
    if 0.1 * present <= abs(value) <= present:
        return present
    return range_for(value, ranges)


def in_steps(value: float, step: float) -> float:
    """Return the multiple of `step` next to a value."""
    return round(value / step) * step


def felt(errors: WorldSettings, programmed: Source, level: float, range_: float) -> Source:
    """Return what the junction feels of a source at `level` (V or A) on a nominal range."""
    offset = errors.source_offset_of_range * range_
    if programmed.kind == "voltage":
        offset += errors.source_offset_V
    return replace(programmed, level=level * (1.0 + errors.source_gain_error) + offset)


def ratio(voltage: float, current: float) -> float:
    """Return a resistance, 9.9e37 where there is none."""
    if OVERFLOW in (abs(voltage), abs(current)) or current == 0.0:
        return OVERFLOW
    return voltage / current


def read_out(value: float, full_scale: float, count: float) -> float:
    """Return a value in counts of its range, 9.9e37 with its sign above the full scale."""
    if abs(value) > full_scale:
        return math.copysign(OVERFLOW, value)
    return in_steps(value, count)
