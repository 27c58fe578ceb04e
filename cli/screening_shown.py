"""What a person sees while a chip is screened: progress, time left, the map, each verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nanojunction.analysis.screening.verdicts import JunctionVerdict, Verdict
from nanojunction.cli.console import progress_of, say
from nanojunction.cli.screened import map_lines
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.screening.countdown import TimeLeft
from nanojunction.procedures.screening.stages import ScreeningPlan

#: How often the map is printed (s of the wall clock).
MAP_EVERY_S = 60.0


@dataclass(slots=True)
class Shown:
    """Shows a screening while it goes on; `show` takes the progress."""

    plan: ScreeningPlan
    show: Callable[[Progress], None]
    time_left: TimeLeft
    _verdicts: dict[str, Verdict] = field(default_factory=dict)
    _map_s: float = field(default_factory=time.monotonic)

    def whole(self, progress: Progress) -> Progress:
        """Return how far the screening is while a run goes on."""
        self.time_left.measures()
        return self._now(progress.words, progress.rows)

    def verdict(self, verdict: JunctionVerdict) -> None:
        """Take a verdict, and show the map now and then."""
        if verdict.junction not in self._verdicts:
            self.time_left.judged()
        self._verdicts[verdict.junction] = verdict.verdict
        if verdict.verdict not in ("open", "short"):
            say(f"{verdict.junction}: {verdict.verdict}: {verdict.reasons[0]}")
        self.show(self._now(f"{verdict.junction} is {verdict.verdict}", 0))
        if time.monotonic() - self._map_s > MAP_EVERY_S:
            self._map_s = time.monotonic()
            say("\n".join(map_lines(self.plan.chip, self._verdicts)))

    def _now(self, words: str, rows: int) -> Progress:
        return Progress(self.time_left.percent, self.time_left.left_s(), words, rows)


@contextmanager
def shown(plan: ScreeningPlan, name: str, time_left: TimeLeft) -> Iterator[Shown]:
    """Show a screening while the block goes on."""
    with progress_of(name) as show:
        yield Shown(plan, show, time_left)
