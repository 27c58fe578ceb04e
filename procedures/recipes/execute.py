"""Carrying a plan out on an open station: run by run, each in the journal before and after."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nanojunction.instruments.station import Station
from nanojunction.procedures.live import QUIET_S, Live
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.checking import checked, shorten_window, temperature_after
from nanojunction.procedures.recipes.conditions import UNITS, Condition
from nanojunction.procedures.recipes.countdown import Countdown
from nanojunction.procedures.recipes.earlier import EarlierRuns
from nanojunction.procedures.recipes.journal import Journal
from nanojunction.procedures.recipes.journal_records import Result
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.recipes.plan import Plan, PlannedPause, PlannedRun, Stop
from nanojunction.procedures.recipes.results import calibrations, results_of
from nanojunction.procedures.recipes.resume import FINISHED, files_of
from nanojunction.procedures.stopping import StopRequest

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RecipeRun:
    """A recipe on an open station. `ask` puts a pause to the operator, False if it was refused.

    `tell` takes sentences for a person, `show` the progress of the whole recipe.
    """

    plan: Plan
    station: Station
    journal: Journal
    stop: StopRequest
    countdown: Countdown
    ask: Callable[[str], bool]
    tell: Callable[[str], None]
    show: Callable[[Progress], None]
    live: Live = field(default_factory=lambda: Live(None))
    _at_K: float | None = None
    _run_failed: bool = False
    _earlier: EarlierRuns = field(init=False)
    _measuring: Measuring = field(init=False)

    def __post_init__(self) -> None:
        self._earlier = EarlierRuns(self.plan, self.journal, self.station)
        self._measuring = Measuring(
            self.station, self.journal, self.stop, self.tell, self.show, self.live
        )

    @property
    def unsafe(self) -> Sequence[str]:
        """What the runs could not make safe."""
        return self._measuring.unsafe

    @property
    def folder(self) -> Path:
        """Where journal and run files are."""
        return self.journal.path.parent

    def go(self) -> bool:
        """Do what is left of the plan, in order; True if all of it is done then."""
        self.station.owner.on_stop(self.stop.ask)
        self.live.begin_recipe(
            self.plan.recipe.content.recipe.name,
            simulated=self.station.config.virtual is not None,
            station=self.station.config.name,
            station_file=str(Path(self.station.source).absolute()),
        )
        for position, item in enumerate(self.plan.items):
            if self.stop.asked():
                break
            if not self.journal.is_done(item.key) and not self._is_skipped(item):
                self.live.update(step=f"step {position + 1} of {len(self.plan.items)}: {item.key}")
                if isinstance(item, PlannedPause):
                    if not self._pause(item):
                        break
                elif not self._measure(item, position) and self._must_end(item):
                    self._run_failed = True
                    break
            following = "".join(f", next: {one.key}" for one in self.plan.items[position + 1 :][:1])
            self.live.update(words=f"analysing {item.key}{following}")
            self._judge(item, position)
        done = all(self.journal.is_done(item.key) for item in self.plan.items)
        left = sum(not self.journal.is_done(item.key) for item in self.plan.items)
        words = "finished" if done else f"ended, {left} steps are left"
        self.journal.event(words)
        self.live.conclude(self._status(done), words)
        return done and not self.unsafe

    def _status(self, done: bool) -> str:
        """Return how the recipe ended, in the words of a run."""
        if self.unsafe:
            return "failed"
        if done:
            return "finished"
        return "failed" if self._run_failed and not self.stop.asked() else "aborted"

    def _must_end(self, run: PlannedRun) -> bool:
        """Tell whether the recipe ends with a run that did not finish.

        One that was ended for the junction's sake is concluded, and the next step follows.
        """
        if self.unsafe or self.stop.asked():
            return True
        on_failure = self.plan.recipe.content.recipe.on_failure
        return on_failure == "stop" and not self.journal.is_done(run.key)

    # Pauses

    def _pause(self, pause: PlannedPause) -> bool:
        """Ask the operator; False if the recipe ends here."""
        self._at_K = None  # the operator may have warmed the sample
        self._earlier.note_pause()
        part = len(self.journal.parts(pause.key)) + 1
        self.journal.begin(pause.key, part, None)
        percent, left_s = self.countdown.now(0.0)
        self.live.begin(
            status="waiting for the operator", procedure="pause", sample=pause.sample,
            words=pause.words, quiet_s=QUIET_S, percent=percent, left_s=left_s,
        )  # fmt: skip
        self.station.owner.publish(self.live.state)
        answered = self.ask(pause.words) and not self.stop.asked()
        self.live.end(FINISHED if answered else "aborted", None)
        self.journal.end(pause.key, part, FINISHED if answered else "aborted")
        words = "answered" if answered else "not answered, the recipe ends"
        self.journal.event(f"pause: {pause.words}: {words}", pause.key)
        return answered

    # Runs

    def _measure(self, run: PlannedRun, position: int) -> bool:
        """Make one run, or what is left of it; True if it is finished."""
        procedure = checked(run, self.station, self.plan.recipe)
        continues = self._measuring.continued(run.key)
        if self._measuring.only_lacks_its_end(run.key, procedure, continues):
            self.countdown.drop(run.key)
            self._earlier.note_finished(run)
            return True
        shorten_window(run, procedure, self._at_K)
        made = self._measuring.make(
            run,
            procedure,
            f"{position + 1:03d}_{run.key.replace('/', '_')}",
            continues=continues,
            earlier=self._earlier.legs_for(run, procedure),
            part_of=lambda progress: self._whole(run, progress),
            cost=self.countdown.begin(run.key),
        )
        self.countdown.end()
        self._earlier.note(run, procedure, made.found)
        self._at_K = temperature_after(procedure, self._at_K) if made.outcome.ok else None
        return made.outcome.ok

    def _whole(self, run: PlannedRun, progress: Progress) -> Progress:
        """Return how far the whole recipe is."""
        percent, left_s = self.countdown.now(progress.percent)
        words = f"{run.key}: {progress.words}" if progress.words else run.key
        return Progress(percent, left_s, words, progress.rows)

    # Conditions

    def _is_skipped(self, item: PlannedRun | PlannedPause) -> bool:
        """Tell whether a condition skips an item, and enter it."""
        for condition in item.skip_when:
            met, words = self._look(condition, item.sample, f"{item.place}.skip_when", item.key)
            if met:
                self.journal.skip(item.key, words)
                self.tell(f"skipped: {item.key}: {words}")
                self.countdown.drop(item.key)
                return True
        return False

    def _judge(self, item: PlannedRun | PlannedPause, position: int) -> None:
        """Enter the results of a run that is done, and what its conditions skip; once."""
        done = self.journal.is_done(item.key)
        if self.journal.is_judged(item.key):
            return
        files = files_of(self.journal, item.key) if done else []
        results = self._results(item.key, files, position) if files else []
        self.journal.enter_results(item.key, results)
        skips: dict[str, str] = {}
        for stop in item.stops:
            skips |= self._stopped(stop, position, item.key)
        self.journal.judge(item.key, skips, for_good=done)

    def _results(self, key: str, files: list[Path], position: int) -> list[Result]:
        """Return the results of a run; where there are none, what they would be is not known."""
        try:
            results, problem = results_of(
                files, calibrations(self.plan.items[:position], self.journal)
            )
        except Exception as fault:  # data may be anything: no fault of a fit ends the night
            log.debug("analysis of %s failed", key, exc_info=True)
            results, problem = [], f"{type(fault).__name__}: {fault}"
        if problem is None:
            return results
        self.tell(f"no results: {key}: {problem}")
        self.journal.event(f"no results: {problem}", key)
        return results or [Result(0, one, None, None, f"no results: {problem}") for one in UNITS]

    def _stopped(self, stop: Stop, position: int, key: str) -> dict[str, str]:
        """Return the later items of a loop whose condition is met, with the reason."""
        met, words = self._look(stop.condition, stop.sample, stop.place, key)
        if not met:
            return {}
        later = self.plan.items[position + 1 :]
        skips = {one.key: words for one in later if stop.scope in one.scopes}
        self.tell(f"the loop ends: {words}; {len(skips)} steps are skipped")
        self.journal.event(f"the loop ends: {words}", key)
        self.countdown.drop(*skips)
        return skips

    def _look(self, condition: Condition, sample: str, place: str, key: str) -> tuple[bool, str]:
        """Return whether a condition is met, and why in words; what is not known is said."""
        if condition.is_broken:
            reason = self.journal.marks(sample).get(condition.quantity)
            return reason is not None, f"{place}: {sample} is broken ({reason})"
        result = self.journal.last_result(sample, condition)
        if result is None or result.value is None:
            why = "there is no such result yet" if result is None else result.note
            words = f"{place}: {condition.text!r} cannot be judged: {why}"
            self.tell(words)
            self.journal.event(words, key)
            return False, words
        words = f"{place}: {condition.text}, and {sample} has {result.value:.5g}"
        return condition.holds_for(result.value), words
