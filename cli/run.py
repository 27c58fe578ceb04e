"""`nanojunction run`: a recipe checked, shown, carried out, and taken up again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.cli.console import FAILED, make_folder, progress_of, say, wide_console
from nanojunction.cli.measure import live_in
from nanojunction.instruments.operator import typed_line
from nanojunction.instruments.safe_state import not_safe
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.instruments.station_file import load_station_file
from nanojunction.procedures.live import Live, kept_alive
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.countdown import Countdown
from nanojunction.procedures.recipes.estimate import Cost, timed
from nanojunction.procedures.recipes.execute import RecipeRun
from nanojunction.procedures.recipes.folder import folder_of_runs
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.plan import Plan, plan_of
from nanojunction.procedures.recipes.recipe_file import RecipeError, load_recipe
from nanojunction.procedures.recipes.resume import (
    Remaining,
    begin_or_resume,
    check_again,
    checked_runs,
    refuse_another,
    remaining,
)
from nanojunction.procedures.recipes.second_thoughts import second_thoughts
from nanojunction.procedures.recipes.show import plan_table, summary_of
from nanojunction.procedures.recipes.timing import Place, pace_of, start_of
from nanojunction.procedures.stopping import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from nanojunction.procedures.recipes.timing import Pace


def run(
    recipe_file: Path,
    station_file: Path,
    out: Path,
    *,
    resume: bool,
    yes: bool,
    watchdog: bool | None = None,
    monitor_port: int | None = None,
) -> int:
    """Run a recipe, or with `resume` what is left of it; return the exit status."""
    plan = plan_of(load_recipe(recipe_file))
    station = Station.from_file(station_file)
    station.watchdog = watchdog
    station.owner.tell = say
    paper = on_paper(station.config, str(station_file))
    made = checked_runs(plan, paper)  # a slip in the last step is found before the first is begun
    samples = plan.recipe.samples
    if samples is not None and (note := samples.unused_positions(station.config)):
        say(note)
    if plan.pauses and not yes and not sys.stdin.isatty():
        raise RecipeError(
            f"{recipe_file}: has {plan.pauses} pauses, and nobody is at a terminal to answer them: "
            "run it in a terminal, or add --yes to pass over them"
        )
    make_folder(out, "--out")
    with folder_of_runs(out) as folder, Journal(folder / NAME) as journal:
        begin_or_resume(journal, plan, station, resume=resume)
        todo = remaining(plan, made, journal)  # and whether earlier parts' files are whole
        if all(journal.is_done(item.key) for item in plan.items):
            return _conclude(f"finished already: nothing is left to do in {folder}", journal)
        pace, start = pace_of(paper.config, journal.settlings_s()), start_of(paper.config)
        costs, _end = timed([one.procedure for one in todo], start, pace)
        for words in second_thoughts(plan, todo, costs, pace, journal.is_done):
            say(f"warning: {words}")
        with live_in(folder, monitor_port) as live:
            return _carry_out(plan, todo, station, journal, live, yes=yes)


def _carry_out(
    plan: Plan,
    todo: tuple[Remaining, ...],
    station: Station,
    journal: Journal,
    live: Live,
    *,
    yes: bool,
) -> int:
    """Open the station, do what is left, leave it safe; return the exit status."""
    name = plan.recipe.content.recipe.name
    with stop_on_signals(StopRequest()) as stop:
        station.stop_waiting = stop.asked_again
        with said_what_is_left(plan, journal), station, progress_of(name) as show:
            check_again(todo, station, plan.recipe)
            countdown = countdown_of(todo, station, pace_of(station.config, journal.settlings_s()))
            ask = asker(station, stop, live, yes=yes)
            work = RecipeRun(
                plan, station, journal, stop, countdown, ask, tell=say, show=show, live=live
            )
            done = work.go()
    if done:
        return _conclude(f"finished: {name}, {len(plan.items)} steps in {work.folder}", journal)
    say_what_is_left(plan, journal)
    if work.unsafe:
        say(not_safe(work.unsafe))
    return FAILED


@contextmanager
def said_what_is_left(plan: Plan, journal: Journal) -> Iterator[None]:
    """Say how to go on also where the station could not be left safe, which is said after it."""
    try:
        yield
    except Unsafe:
        say_what_is_left(plan, journal)
        raise


def say_what_is_left(plan: Plan, journal: Journal) -> None:
    """Say how many steps of a recipe are left, and how to go on."""
    left = sum(not journal.is_done(item.key) for item in plan.items)
    if left:
        say(f"not finished: {left} of {len(plan.items)} steps are left; go on with --resume")


def _conclude(words: str, journal: Journal) -> int:
    """Say that all is done, with the runs that were ended early, and return the exit status."""
    spared = journal.spared()
    if not spared:
        say(words)
        return 0
    runs = "1 run was" if len(spared) == 1 else f"{len(spared)} runs were"
    say(f"{words}; but {runs} ended to spare the junction: {', '.join(spared)}")
    return FAILED


def countdown_of(todo: tuple[Remaining, ...], station: Station, pace: Pace) -> Countdown:
    """Return the countdown of a plan from where the open station's cryostat is now."""
    magnet, temperature = station.magnet_or_none, station.temperature_or_none
    usual = start_of(station.config)
    start = Place(
        usual.temperature_K if temperature is None else temperature.temperature_K(),
        usual.field_T if magnet is None else magnet.field_T(),
        magnet is not None and magnet.status().heater_on is not False,
    )
    costs, _end = timed([one.procedure for one in todo], start, pace)
    return Countdown(dict(zip((one.run.key for one in todo), costs, strict=True)), station.clock)


def show_plan(recipe_file: Path, station_file: Path, out: Path, *, resume: bool) -> int:
    """Print what is planned, or with `resume` what is left of it, and how long it takes.

    Nothing is opened, and nothing written.
    """
    plan = plan_of(load_recipe(recipe_file))
    paper = on_paper(load_station_file(station_file), str(station_file))
    learnt: tuple[float, ...] = ()
    with ExitStack() as opened:
        journal = None
        if resume and (out / NAME).exists():
            journal = opened.enter_context(Journal(out / NAME, read_only=True))
            journal = None if journal.is_new() else journal
        if journal is not None:
            refuse_another(journal, plan, paper)
            learnt = journal.settlings_s()
        todo = remaining(plan, checked_runs(plan, paper), journal)
        pace, start = pace_of(paper.config, learnt), start_of(paper.config)
        costs, _end = timed([one.procedure for one in todo], start, pace)
        is_done = (lambda _key: False) if journal is None else journal.is_done
        thoughts = second_thoughts(plan, todo, costs, pace, is_done)
    wide_console().print(plan_table(plan, todo, costs))
    total = sum(costs, Cost())
    for line in summary_of(plan, todo, total, start, pace):
        print(line)
    for words in thoughts:
        print(f"warning: {words}")
    return 0


def asker(station: Station, stop: StopRequest, live: Live, *, yes: bool) -> Callable[[str], bool]:
    """Return who answers pauses: the operator at the terminal, or `--yes`.

    Watchdog and live state are told all the while that this process is alive.
    """

    def pass_over(words: str) -> bool:
        say(f"pause passed over (--yes): {words}")
        return True

    def ask(words: str) -> bool:
        say(f"PAUSE: {words}\n       Enter goes on, q and Enter ends the recipe here.")
        with kept_alive(live, station.clock):
            answer = typed_line(station.clock, stop.asked) or "q"
        return not answer.strip().lower().startswith("q")

    return pass_over if yes else ask
