"""The verdict on one junction of a chip: from sound runs only, and with what is still missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nanojunction.analysis.calibration import MeasuringLine
from nanojunction.analysis.screening.chip import Chip, Junction
from nanojunction.analysis.screening.judgement import judge_junction
from nanojunction.analysis.screening.open_line import Doubt, doubt_about, sound
from nanojunction.analysis.screening.story import Runs, Story
from nanojunction.analysis.screening.verdicts import JunctionVerdict

_SIGNS = 2
"""A candidate is measured at both signs of the field."""


def judge_on_chip(
    chip: Chip,
    junction: Junction,
    runs: Runs,
    line: MeasuringLine | None,
    doubts: Sequence[Doubt] = (),
) -> JunctionVerdict:
    """Return the verdict on a junction of a chip, as `judge_junction` does from its runs.

    Runs in doubt are left out, which is said where they were all that there was. Of a candidate it
    is said if the field that the chip file asks for is missing.
    """
    left = sound(runs, doubts)
    verdict = judge_junction(junction, left, line, chip.thresholds)
    if (doubt := doubt_about(runs, doubts)) is not None and verdict.next_stage is not None:
        reasons = (f"not judged by what was measured before: {doubt.reason}", *verdict.reasons)
        verdict = replace(verdict, verdict="undecided", reasons=reasons)
    if verdict.verdict == "candidate" and verdict.next_stage is None and "field" in chip.protocol:
        verdict = replace(verdict, reasons=(*verdict.reasons, *_missing_field(chip, left)))
    return verdict


def _missing_field(chip: Chip, runs: Runs) -> tuple[str, ...]:
    story = Story.of(runs)
    measured, failed = len(story.measured("field")), len(story.failures("field"))
    if measured >= _SIGNS:
        return ()
    which = "one sign of it" if measured else "it"
    tried = "was tried and failed" if failed else "was not tried"
    return (f"the field of {chip.protocol['field']} is missing: {which} {tried}",)
