"""`nanojunction screen`: a chip checked, shown, screened, and taken up again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nanojunction.cli.console import FAILED, make_folder, say
from nanojunction.cli.measure import live_in
from nanojunction.cli.screened import Wanted, conclude
from nanojunction.cli.screening_on_paper import by_hand_words
from nanojunction.cli.screening_shown import shown
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.safe_state import not_safe
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.procedures.live import Live
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.folder import folder_of_runs
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.recipes.timing import pace_of
from nanojunction.procedures.screening.begin import begin_or_resume
from nanojunction.procedures.screening.countdown import TimeLeft
from nanojunction.procedures.screening.estimate import Estimate, check_all, estimate
from nanojunction.procedures.screening.execute import Screening
from nanojunction.procedures.screening.runs import ScreeningStopped
from nanojunction.procedures.screening.stages import ScreeningPlan, load_plan
from nanojunction.procedures.stopping import StopRequest, stop_on_signals


def screen(
    chip_file: Path,
    station_file: Path,
    out: Path,
    *,
    resume: bool,
    wanted: Wanted,
    watchdog: bool | None = None,
    monitor_port: int | None = None,
) -> int:
    """Screen a chip, or with `resume` what is left of it; return the exit status."""
    station = Station.from_file(station_file)
    station.watchdog = watchdog
    station.owner.tell = say
    plan = load_plan(chip_file, station.config)
    paper = on_paper(station.config, str(station_file))
    check_all(plan, paper)
    found = estimate(plan, paper, pace_of(station.config))
    if words := by_hand_words(plan, station.config):
        if not sys.stdin.isatty():
            raise StationError(
                f"{station_file}: {words}. Nobody is at a terminal to be asked: start it in one"
            )
        say(words)
    make_folder(out, "--out")
    if wanted.report is not None:
        make_folder(wanted.report, "--report")
    with folder_of_runs(out) as folder, Journal(folder / NAME) as journal:
        begin_or_resume(journal, plan, station.config, station.source, resume=resume)
        with live_in(folder, monitor_port) as live:
            status = _carry_out(plan, station, journal, live, found)
        return status or conclude(plan.chip, chip_file, folder, wanted)


def _carry_out(
    plan: ScreeningPlan, station: Station, journal: Journal, live: Live, expected: Estimate
) -> int:
    """Open the station, screen what is left, leave it safe; return the exit status."""
    name = plan.chip.name or Path(plan.source).stem
    folder = journal.path.parent
    with stop_on_signals(StopRequest()) as stop:
        station.stop_waiting = stop.asked_again
        station.owner.on_stop(stop.ask)
        with _said_what_is_left(plan, folder), station:
            time_left = TimeLeft(expected, station.clock.now, station.clock.speed)
            with shown(plan, name, time_left) as seen:
                measuring = Measuring(
                    station, journal, stop, say, seen.show, live, tells_compliance=False
                )
                work = Screening(plan, measuring, seen.verdict, seen.whole)
                live.begin_recipe(
                    name,
                    simulated=station.config.virtual is not None,
                    station=station.config.name,
                    station_file=str(Path(station.source).absolute()),
                )
                done, why = _go(work)
            journal.event("finished" if done else f"ended: {why or stop.reason or 'stopped'}")
            status = "finished" if done else "failed" if why else "aborted"
            live.conclude(status, work.words(), why)
    if why:
        say(f"error: {why}")
    if measuring.unsafe:
        say(not_safe(measuring.unsafe))
    if not done:
        say(f"not finished: {work.words()}; go on with --resume")
        return FAILED
    say(f"finished: {work.words()}; the runs are in {folder}")
    return FAILED if measuring.unsafe else 0


def _go(work: Screening) -> tuple[bool, str | None]:
    """Screen; return whether all is done, and why it had to stop."""
    try:
        return work.go(), None
    except ScreeningStopped as problem:
        return False, str(problem)


@contextmanager
def _said_what_is_left(plan: ScreeningPlan, folder: Path) -> Iterator[None]:
    """Say how to go on also where the station could not be left safe, which is said after it."""
    try:
        yield
    except Unsafe:
        say(f"{plan.source}: the runs so far are in {folder}; go on with --resume")
        raise
