"""What a screening does and how long it takes, told before anything is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nanojunction.cli.console import wide_console
from nanojunction.instruments.station_file import StationConfig, load_station_file
from nanojunction.procedures.recipes.checking import on_paper
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.show import clock_words
from nanojunction.procedures.recipes.timing import pace_of
from nanojunction.procedures.screening.begin import refuse_another
from nanojunction.procedures.screening.estimate import Estimate, check_all, estimate
from nanojunction.procedures.screening.stages import ScreeningPlan, load_plan

if TYPE_CHECKING:
    from rich.table import Table

#: How many junctions are named that are swept less far.
NAMED = 5


def show_screening(chip_file: Path, station_file: Path, out: Path, *, resume: bool) -> int:
    """Print what a screening does and how long it takes; opens nothing, and writes nothing.

    With `resume` also what is left of the one in `out`. Raises LaboratoryError where the screening
    itself would be refused.
    """
    config = load_station_file(station_file)
    plan, paper = load_plan(chip_file, config), on_paper(config, str(station_file))
    check_all(plan, paper)
    found = estimate(plan, paper, pace_of(config))
    wide_console().print(_table(plan, found))
    if words := by_hand_words(plan, config):
        print(words)
    least, most = (clock_words(round(one)) for one in (found.least_s, found.most_s))
    print(
        f"{found.junctions} junctions and {len(plan.chip.calibrations)} known resistors: "
        f"{least} to {most}, and {clock_words(round(found.candidate_s))} for each candidate"
    )
    for words in _shortened(plan):
        print(words)
    if not plan.chip.calibrations:
        print("no [[calibrations]]: nothing can be said of offsets, and nobody is a candidate")
    if plan.protocol.temperature:
        print(f"at {plan.protocol.temperature}; the way there is not counted")
    if plan.protocol.field_T is not None or plan.protocol.temperatures_K:
        print("candidates in the field and at further temperatures: not counted")
    if resume:
        with Journal(out / NAME, read_only=True) as journal:
            refuse_another(journal, plan, config)
            print(_left(plan, journal, found))
    return 0


def by_hand_words(plan: ScreeningPlan, config: StationConfig) -> str:
    """Return what a switch that is turned by hand means for a screening; "" with another one."""
    if config.switch is None or not config.switch.is_by_hand:
        return ""
    connections = len(plan.chip.junctions) + 2 * len(plan.chip.calibrations)
    asked = connections * (4 if config.switch.short else 2)
    return (
        "the switch is turned by hand: this is no unattended screening. Somebody must stay at the "
        f"box and the terminal, and is asked at least {asked} times; no time told has that in it"
    )


def _shortened(plan: ScreeningPlan) -> list[str]:
    """Return, for each stage of a fixed range, which junctions' limits end it before."""
    found = []
    for stage in ("contact", "short_iv"):
        asked_V = plan.protocol.vmax_V(stage)
        names = [one.name for one in plan.chip.junctions if one.max_voltage_V < asked_V]
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            found.append(
                f"protocol.{stage}.vmax is {asked_V * 1e3:g} mV; the limits of "
                f"{', '.join(names[:NAMED])}{more} are lower, and they are swept to these only"
            )
    return found


def _left(plan: ScreeningPlan, journal: Journal, found: Estimate) -> str:
    """Return what is left of a screening that was begun."""
    begun = {line.sample for line in journal.lines() if line.status is not None}
    left = [one.name for one in plan.chip.junctions if one.name not in begun]
    if not left:
        return "left: no junction that was not begun; the last one, and known resistors at most"
    share = (found.least_s + found.most_s) / 2.0 - found.resistors_s
    seconds = share / found.junctions * len(left) + found.resistors_s / 2.0
    return (
        f"left: {len(left)} of {found.junctions} junctions, from {left[0]} on: about "
        f"{clock_words(round(seconds))} without candidates"
    )


def _table(plan: ScreeningPlan, found: Estimate) -> Table:
    from rich.table import Table

    table = Table(title=plan.chip.name or plan.source)
    for heading in ("junction", "what is measured", "time"):
        table.add_column(heading, justify="right" if heading == "time" else "left")
    contact_V, short_V = plan.protocol.vmax_V("contact"), plan.protocol.vmax_V("short_iv")
    contact = f"contact check to ±{contact_V * 1e3:g} mV"
    short = f"I(V) to ±{short_V * 1e3:g} mV"
    for junction, words, seconds in (
        ("short", contact, found.short_s),
        ("open", f"{contact}, and again once connected anew", found.open_s),
        ("other", f"{contact}, {short}", found.worth_a_look_s),
        ("candidate", f"{contact}, {short}, repeats, I(t) at 0 V", found.candidate_s),
        ("known resistors", "before and after, and the open line", found.resistors_s),
    ):
        table.add_row(junction, words, clock_words(round(seconds)) if seconds >= 60
                      else f"{seconds:.1f} s")  # fmt: skip
    return table
