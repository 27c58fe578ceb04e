"""`nanojunction screen`: a chip checked, shown, screened, and taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.cli.console import FAILED, make_folder, say, wide_console
from nanojunction.cli.measure import live_in
from nanojunction.cli.screened import Wanted, conclude
from nanojunction.cli.screening_shown import shown
from nanojunction.instruments.safe_state import not_safe
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.instruments.station_file import load_station_file
from nanojunction.procedures.live import Live
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.folder import folder_of_runs
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.recipes.show import clock_words
from nanojunction.procedures.recipes.timing import pace_of
from nanojunction.procedures.screening.begin import begin_or_resume
from nanojunction.procedures.screening.countdown import TimeLeft
from nanojunction.procedures.screening.estimate import Estimate, check_all, estimate
from nanojunction.procedures.screening.execute import Screening
from nanojunction.procedures.screening.runs import ScreeningStopped
from nanojunction.procedures.screening.stages import ScreeningPlan, load_plan
from nanojunction.procedures.stopping import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from rich.table import Table


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


# On paper


def show_screening(chip_file: Path, station_file: Path) -> int:
    """Print what a screening does and how long it takes; opens nothing, and writes nothing."""
    config = load_station_file(station_file)
    plan, paper = load_plan(chip_file, config), on_paper(config, str(station_file))
    check_all(plan, paper)
    found = estimate(plan, paper, pace_of(config))
    wide_console().print(_table(plan, found))
    least, most = (clock_words(round(one)) for one in (found.least_s, found.most_s))
    print(
        f"{found.junctions} junctions and {len(plan.chip.calibrations)} known resistors: "
        f"{least} to {most}, and {clock_words(round(found.candidate_s))} for each candidate"
    )
    if plan.protocol.temperature:
        print(f"at {plan.protocol.temperature}; the way there is not counted")
    return 0


def _table(plan: ScreeningPlan, found: Estimate) -> Table:
    from rich.table import Table

    table = Table(title=plan.chip.name or plan.source)
    for heading in ("junction", "what is measured", "time"):
        table.add_column(heading, justify="right" if heading == "time" else "left")
    contact_V, short_V = plan.protocol.vmax_V("contact"), plan.protocol.vmax_V("short_iv")
    contact = f"contact check to ±{contact_V * 1e3:g} mV"
    short = f"I(V) to ±{short_V * 1e3:g} mV"
    for junction, words, seconds in (
        ("open", f"{contact}, and again once connected anew", found.open_s),
        ("no candidate", f"{contact}, {short}", found.worth_a_look_s),
        ("candidate", f"{contact}, {short}, repeats, I(t) at 0 V", found.candidate_s),
        ("known resistors", "before and after", found.resistors_s),
    ):
        table.add_row(junction, words, clock_words(round(seconds)) if seconds >= 60
                      else f"{seconds:.1f} s")  # fmt: skip
    return table
