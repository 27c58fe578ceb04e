"""A verdict on one junction of a batch from one short I(V), as papers count them.

QUANTITIES "Statistics of a batch".
"""

from __future__ import annotations

from dataclasses import dataclass

from nanojunction.analysis.calibration import MeasuringLine
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.conduction import conduction
from nanojunction.analysis.screening.offsets import Comparison, offsets
from nanojunction.analysis.screening.thresholds import Thresholds
from nanojunction.analysis.screening.verdicts import Verdict

_VERDICTS: dict[Comparison, Verdict] = {
    "beyond": "candidate",
    "within": "ohmic",
    "further": "undecided",
    "unclear": "undecided",
}


@dataclass(frozen=True, slots=True)
class DeviceVerdict:
    """The verdict on one device with its resistance (None: not determined) and the reason."""

    device: str
    verdict: Verdict
    resistance_ohm: float | None
    reason: str


def judge(result: RunResult, line: MeasuringLine | None, thresholds: Thresholds) -> DeviceVerdict:
    """Return the verdict on one I(V): open or short first, then by the offsets.

    `line` compares the run with the measuring line; without it the result must have been compared
    before.
    """
    device, found = result.run.device, conduction(result, thresholds)
    if found.state == "unclear":
        return DeviceVerdict(device, "undecided", None, found.reason)
    if found.state != "conducts":
        return DeviceVerdict(device, found.state, found.resistance.value, found.reason)
    compared = offsets(result, line, thresholds)
    verdict = _VERDICTS[compared.comparison]
    return DeviceVerdict(device, verdict, found.resistance.value, compared.reason)
