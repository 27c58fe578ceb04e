"""What was measured on one junction so far, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from nanojunction.analysis.run_result import RunResult
from nanojunction.analysis.screening.verdicts import Stage

Runs = Mapping[Stage, Sequence[RunResult]]
"""The results of a junction's runs by their stages."""

_COUNT = ("finished", "protected", "broken")


@dataclass(frozen=True, slots=True)
class Story:
    """The runs of a junction by stage, each stage in the order of time.

    Only runs that came to an end of their own count as measured (finished, or ended for the
    junction's sake); those that a person or a crash cut off are measured again.
    """

    runs: Runs

    @classmethod
    def of(cls, runs: Runs) -> Story:
        """Return the story of runs in whatever order."""
        return cls({stage: sorted(several, key=moment) for stage, several in runs.items()})

    def measured(self, *stages: Stage) -> list[RunResult]:
        """Return the runs of stages that count, in the order of time."""
        found = [one for stage in stages for one in self.runs.get(stage, ()) if _counts(one)]
        return sorted(found, key=moment)

    def last(self, stage: Stage) -> RunResult | None:
        """Return the last run of a stage that counts, None where there is none."""
        found = self.measured(stage)
        return found[-1] if found else None

    def failures(self, stage: Stage) -> list[RunResult]:
        """Return the runs of a stage that failed."""
        return [one for one in self.runs.get(stage, ()) if one.run.status == "failed"]

    def files(self) -> tuple[str, ...]:
        """Return the names of all files, in the order of time."""
        every = sorted((one for several in self.runs.values() for one in several), key=moment)
        return tuple(one.run.file.name for one in every)


def _counts(result: RunResult) -> bool:
    run = result.run
    return len(run) > 0 and (run.status in _COUNT or not _is_ours(result))


def _is_ours(result: RunResult) -> bool:
    """Tell whether a run's file states how runs end: arrays and other people's files do not."""
    return "Procedure" in result.run.header


def moment(result: RunResult) -> tuple[float, str]:
    """Return when a run was started, as something to sort by; the file's name decides a tie."""
    try:
        started = datetime.fromisoformat(result.run.header["Started"]).timestamp()
    except (KeyError, ValueError):
        started = 0.0
    return started, result.run.file.name


def after(results: Iterable[RunResult], other: RunResult) -> list[RunResult]:
    """Return those of the results that were started after another."""
    return [one for one in results if moment(one) > moment(other)]


def before(results: Iterable[RunResult], other: RunResult) -> list[RunResult]:
    """Return those of the results that were started before another."""
    return [one for one in results if moment(one) < moment(other)]


def reach_V(result: RunResult) -> float:
    """Return how far (V) a run went to either side, by its setpoints where it has them."""
    run = result.run
    swept = run.voltage_V if run.setpoint_V is None else run.setpoint_V
    return float(np.max(np.abs(swept)))
