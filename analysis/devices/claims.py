"""What may be claimed about each device, in a sentence with its numbers and reasons.

Chowrira 2020, footnote a: "beyond the measuring line by 100× in V and 230× in I"; and whether the
controls, where they were measured, confirm that it is the junction's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nanojunction.analysis.calibration import is_calibration, number
from nanojunction.analysis.devices.groups import Group, run_name
from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.values import Quantity

Verdict = Literal["confirmed", "candidate", "not confirmed", "no candidate", "undecided"]


@dataclass(frozen=True, slots=True)
class Claim:
    """The verdict on a device, its reason in words, and the run with the clearest offsets.

    `brief` is the comparison with the measuring line alone, without run and controls.

    `confirmed` is a candidate whose controls all passed, `not confirmed` one that failed one;
    `candidate` one whose controls are open or were not measured; `undecided` a device that was not
    compared with the measuring line, or only within its error.
    """

    device: str
    verdict: Verdict
    reason: str
    run: str | None
    brief: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "device": self.device,
            "verdict": self.verdict,
            "reason": self.reason,
            "run": self.run,
        }


def find_claims(results: Sequence[RunResult], groups: Sequence[Group]) -> list[Claim]:
    """Return a claim for every device with an I(V), calibrated resistors left out."""
    devices: dict[str, list[RunResult]] = {}
    for result in results:
        if result.run.kind == "iv" and not is_calibration(result.run):
            devices.setdefault(result.run.device, []).append(result)
    controls = {group.device: group for group in groups if group.kind == "controls"}
    return [_claim(device, runs, controls.get(device)) for device, runs in devices.items()]


def _claim(device: str, runs: Sequence[RunResult], controls: Group | None) -> Claim:
    compared = [r for r in runs if number(r.quantities, "candidate").value is not None]
    beyond = [r for r in compared if number(r.quantities, "candidate").value == 1.0]
    clearest = max(beyond or compared, key=_clearness, default=None)
    verdict: Verdict
    if clearest is None:
        verdict, reason = "undecided", _not_compared(runs)
        brief = reason
    else:
        verdict = "candidate" if beyond else "no candidate"
        count = f"in {len(beyond)} of {len(compared)} runs"
        where = "clearest" if beyond else "closest"
        note = number(clearest.quantities, "candidate").note
        brief = (note or "").partition("; ")[0]
        reason = f"{note} ({where}: {_where(clearest)}); {count}"
    if controls is not None:
        confirmed = controls.quantities["confirmed"]
        assert isinstance(confirmed, Quantity)
        reason += f"; controls: {confirmed.note}"
        if verdict == "candidate" and confirmed.value is not None:
            verdict = "confirmed" if confirmed.value == 1.0 else "not confirmed"
    elif verdict == "candidate":
        reason += "; no controls were measured"
    run = None if clearest is None else run_name(clearest.run)
    return Claim(device, verdict, reason, run, brief)


def _clearness(result: RunResult) -> tuple[bool, float]:
    """Return whether both offsets were measured, and the smaller one of their ratios to the line.

    What a candidate stands on: of two runs, the one whose V_off lies within the sweep.
    """
    ratios = [number(result.quantities, f"offset_ratio_{key}").value for key in ("v", "i")]
    measured = number(result.quantities, "v_off_V").value is not None
    return measured, min((ratio for ratio in ratios if ratio is not None), default=0.0)


def _not_compared(runs: Sequence[RunResult]) -> str:
    notes = [
        note
        for result in runs
        if "candidate" in result.quantities
        and (note := number(result.quantities, "candidate").note) is not None
    ]
    return next(iter(notes), "not compared with the measuring line: no calibrated resistors")


def _where(result: RunResult) -> str:
    held = result.run.conditions
    parts = [result.run.file.name]
    if held.temperature_K is not None:
        parts.append(f"{held.temperature_K:.4g} K")
    if held.field_T is not None:
        parts.append(f"{round(held.field_T, 5) + 0.0:.3g} T")
    return ", ".join(parts)
