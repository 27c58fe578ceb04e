"""What may be said of a junction that is screened, and the stages of its screening."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from nanojunction.analysis.run import Run
from nanojunction.analysis.values import Quantity, plain

Verdict = Literal["open", "short", "ohmic", "candidate", "unstable", "broken", "undecided"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

Kind = Literal["metallic", "semiconducting"]

Stage = Literal[
    "contact",
    "contact_again",
    "short_iv",
    "wide_iv",
    "repeats",
    "at_zero",
    "field",
    "temperature",
]
STAGES: tuple[Stage, ...] = get_args(Stage)

OPEN_LINE = "open_line"
"""The stage of runs with nothing connected: they are of the line, and of no junction."""

STAGE_KEY = "Screening stage"
"""The line of a run's header that names the stage."""


def stage_of(run: Run) -> Stage | None:
    """Return the stage of a screening that a run is, None where its header names none."""
    stated = run.header.get(STAGE_KEY, "").strip()
    return next((stage for stage in STAGES if stage == stated), None)


def is_of_open_line(run: Run) -> bool:
    """Tell whether a run was made with nothing connected."""
    return run.header.get(STAGE_KEY, "").strip() == OPEN_LINE


@dataclass(frozen=True, slots=True)
class JunctionVerdict:
    """The verdict on one junction as far as it was measured, with numbers and reasons.

    `numbers` are quantities by the keys of the results JSON: `resistance_ohm` with `ra_ohm_um2`,
    the offsets, their ratios to the line's, `p_max_W`. `reasons` are sentences, the verdict's own
    first. `generates` is true where the offsets are those of a candidate, also in a junction that
    is unstable or broke. `next_stage` is what would decide, None where that is done; `next_reach_V`
    goes with `wide_iv`: how far the voltage should go, with the sign of V_off.
    """

    junction: str
    verdict: Verdict
    reasons: tuple[str, ...]
    kind: Kind | None = None
    numbers: Mapping[str, Quantity] = field(default_factory=lambda: MappingProxyType({}))
    generates: bool = False
    next_stage: Stage | None = None
    next_reach_V: float | None = None
    files: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "junction": self.junction,
            "verdict": self.verdict,
            "kind": self.kind,
            "generates": self.generates,
            "reasons": list(self.reasons),
            "numbers": {key: plain(value) for key, value in self.numbers.items()},
            "next_stage": self.next_stage,
            "files": list(self.files),
        }
