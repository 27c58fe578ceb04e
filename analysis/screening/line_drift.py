"""Whether the measuring line was the same at the end of a screening as at its beginning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nanojunction.analysis.calibration import number
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.story import moment

_SURE = 3.0  # standard errors
_SHARE = 0.25  # of the larger offset


@dataclass(frozen=True, slots=True)
class LineChange:
    """An offset of the line on one resistor, first and last; `changed`: clearly, by a quarter."""

    device: str
    key: str
    first: float
    last: float
    changed: bool


def line_changes(calibrations: Sequence[RunResult]) -> tuple[LineChange, ...]:
    """Return first and last offset of every resistor that was measured more than once."""
    devices: dict[str, list[RunResult]] = {}
    for result in sorted(calibrations, key=moment):
        devices.setdefault(result.run.device, []).append(result)
    return tuple(
        change
        for device, results in devices.items()
        if len(results) > 1
        for key in ("v_off_V", "i_off_A")
        if (change := _change(device, key, results[0], results[-1])) is not None
    )


def _change(device: str, key: str, first: RunResult, last: RunResult) -> LineChange | None:
    was, now = number(first.quantities, key), number(last.quantities, key)
    if was.value is None or now.value is None:
        return None
    error = math.hypot(was.stderr or 0.0, now.stderr or 0.0)
    apart, larger = abs(now.value - was.value), max(abs(was.value), abs(now.value))
    changed = apart > max(_SURE * error, _SHARE * larger)
    return LineChange(device, key, was.value, now.value, changed)
