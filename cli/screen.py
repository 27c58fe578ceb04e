"""`nanojunction screen`: a chip checked, shown, screened, and taken up again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.analysis.screening.verdicts import JunctionVerdict, Verdict
from nanojunction.cli.console import FAILED, make_folder, progress_of, say, wide_console
from nanojunction.cli.measure import live_in
from nanojunction.cli.screened import conclude, map_lines
from nanojunction.instruments.safe_state import not_safe
from nanojunction.instruments.station import Station, Unsafe
from nanojunction.instruments.station_file import load_station_file
from nanojunction.procedures.live import Live
from nanojunction.procedures.progress import Progress
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.folder import folder_of_runs
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.measuring import Measuring
from nanojunction.procedures.recipes.show import clock_words
from nanojunction.procedures.recipes.timing import pace_of
from nanojunction.procedures.screening.begin import begin_or_resume
from nanojunction.procedures.screening.estimate import Estimate, check_all, estimate
from nanojunction.procedures.screening.execute import Screening
from nanojunction.procedures.screening.runs import ScreeningStopped
from nanojunction.procedures.screening.stages import ScreeningPlan, load_plan
from nanojunction.procedures.stopping import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from rich.table import Table

#: How often the map is printed where no terminal shows it (s of the wall clock).
MAP_EVERY_S = 60.0


def screen(
    chip_file: Path,
    station_file: Path,
    out: Path,
    *,
    resume: bool,
    json_file: str = "",
    catalogue: str = "",
    watchdog: bool | None = None,
    monitor_port: int | None = None,
) -> int:
    """Screen a chip, or with `resume` what is left of it; return the exit status."""
    station = Station.from_file(station_file)
    station.watchdog = watchdog
    station.owner.tell = say
    plan = load_plan(chip_file, station.config)
    check_all(plan, on_paper(station.config, str(station_file)))
    make_folder(out, "--out")
    with folder_of_runs(out) as folder, Journal(folder / NAME) as journal:
        begin_or_resume(journal, plan, station.config, station.source, resume=resume)
        with live_in(folder, monitor_port) as live:
            status = _carry_out(plan, station, journal, live)
        return status or conclude(plan.chip, folder, json_file, catalogue)


def _carry_out(plan: ScreeningPlan, station: Station, journal: Journal, live: Live) -> int:
    """Open the station, screen what is left, leave it safe; return the exit status."""
    name = plan.chip.name or Path(plan.source).stem
    folder = journal.path.parent
    with stop_on_signals(StopRequest()) as stop:
        station.stop_waiting = stop.asked_again
        station.owner.on_stop(stop.ask)
        with _said_what_is_left(plan, folder), station, _shown(plan, name) as shown:
            measuring = Measuring(station, journal, stop, shown.tell, shown.run, live)
            work = Screening(plan, measuring, shown.verdict)
            live.begin_recipe(
                name,
                simulated=station.config.virtual is not None,
                station=station.config.name,
                station_file=str(Path(station.source).absolute()),
            )
            done, why = _go(work)
            journal.event("finished" if done else f"ended: {why or stop.reason or 'stopped'}")
            status = "finished" if done else "failed" if why else "aborted"
            live.conclude(status, shown.words(), why)
    if why:
        say(f"error: {why}")
    if measuring.unsafe:
        say(not_safe(measuring.unsafe))
    if not done:
        say(f"not finished: {shown.words()}; go on with --resume")
        return FAILED
    say(f"finished: {shown.words()}; the runs are in {folder}")
    return 0


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


# What is seen while it goes on


@dataclass(slots=True)
class _Shown:
    """What a person sees of a screening: progress with the time left, the map, each verdict."""

    plan: ScreeningPlan
    show: Callable[[Progress], None]
    began_s: float = field(default_factory=time.monotonic)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    map_s: float = field(default_factory=time.monotonic)
    first: int | None = None

    def tell(self, words: str) -> None:
        """Say a sentence."""
        say(words)

    def run(self, progress: Progress) -> None:
        """Show how far the screening is while a run goes on."""
        self.show(self._whole(progress.words or self.words(), progress.rows))

    def verdict(self, verdict: JunctionVerdict) -> None:
        """Take a verdict, and show the map now and then."""
        self.verdicts[verdict.junction] = verdict.verdict
        if verdict.verdict not in ("open", "short"):
            say(f"{verdict.junction}: {verdict.verdict}: {verdict.reasons[0]}")
        self.show(self._whole(self.words(), 0))
        if time.monotonic() - self.map_s > MAP_EVERY_S:
            self.map_s = time.monotonic()
            say("\n".join(map_lines(self.plan.chip, self.verdicts)))

    def words(self) -> str:
        """Return how many junctions have which verdict."""
        counts = Counter(self.verdicts.values())
        of = f"{len(self.verdicts)} of {len(self.plan.chip.junctions)} junctions"
        found = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        return f"{of}: {found}" if found else of

    def _whole(self, words: str, rows: int) -> Progress:
        total, done = len(self.plan.chip.junctions), len(self.verdicts)
        passed_s = time.monotonic() - self.began_s
        left_s = passed_s / done * (total - done) if done else None
        return Progress(100.0 * done / total, left_s, words, rows)


@contextmanager
def _shown(plan: ScreeningPlan, name: str) -> Iterator[_Shown]:
    with progress_of(name) as show:
        yield _Shown(plan, show)


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
