"""A plan on the screen: every run with its rows and its time, the sum, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nanojunction.procedures.recipes.estimate import Cost
from nanojunction.procedures.recipes.plan import Plan, PlannedPause
from nanojunction.procedures.recipes.timing import Pace, Place

if TYPE_CHECKING:
    from rich.table import Table

    from nanojunction.procedures.recipes.resume import Remaining

#: Columns with times, and the part of a run's cost in each.
TIMES = {
    "ramp": "ramping_s", "settle": "settling_s", "window": "window_s", "field": "field_s",
    "rest": "resting_s", "measure": "measuring_s", "total": "total_s",
}  # fmt: skip


def clock_words(seconds: float) -> str:
    """Return a duration as a person reads it: 8 s, 3 min 05 s, 2 h 07 min, 1 d 3 h."""
    if seconds < 60.0:
        return f"{seconds:.3g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60.0), 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(round(seconds / 3600.0), 24)
    return f"{days} d {hours} h"


def plan_table(plan: Plan, todo: Sequence[Remaining], costs: Sequence[Cost]) -> Table:
    """Return the table of what is left to do, pauses where they come; `rest` if anything rests."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(plan.recipe.content.recipe.name), box=None, padding=(0, 1))
    times = [name for name in TIMES if name != "rest" or any(cost.resting_s for cost in costs)]
    for column in ("run", "sample", "rows", *times):
        left = column in ("run", "sample")
        table.add_column(
            column, justify="left" if left else "right", overflow="fold", no_wrap=not left
        )
    by_key = {one.run.key: cost for one, cost in zip(todo, costs, strict=True)}
    for item in plan.items:
        if isinstance(item, PlannedPause):
            blank = [""] * (len(times) - 1)
            words = f"{item.key}: {item.words}"
            table.add_row(escape(words), escape(item.sample), "–", *blank, "waits")
        elif (cost := by_key.get(item.key)) is not None:
            seconds = [getattr(cost, TIMES[name]) for name in times]
            rows = "?" if cost.rows is None else str(cost.rows)
            table.add_row(
                escape(item.key), escape(item.sample), rows,
                *(clock_words(one) if one else "–" for one in seconds),
            )  # fmt: skip
    return table


def summary_of(
    plan: Plan, todo: Sequence[Remaining], total: Cost, start: Place, pace: Pace
) -> Iterator[str]:
    """Yield what is to be said of the whole: rows, time, its end, and what that rests on."""
    at_most = "at most " if plan.has_conditions else ""
    rows = "an unknown number of" if total.rows is None else str(total.rows)
    pauses = f", {plan.pauses} pauses" if plan.pauses else ""
    yield f"{len(todo)} runs{pauses}, {at_most}{rows} rows"
    end = datetime.now() + timedelta(seconds=total.total_s / pace.speed)
    faster = f" ({clock_words(total.total_s / pace.speed)} at speed {pace.speed:g})"
    yield (
        f"total {at_most}{clock_words(total.total_s)}{faster if pace.speed != 1.0 else ''}: "
        f"started now it ends {at_most.replace('at most', 'at the latest')}"
        f"on {end:%A %Y-%m-%d at %H:%M}"
    )
    rests = f"junctions at rest {clock_words(total.resting_s)}, " if total.resting_s else ""
    yield (
        f"of it ramps {clock_words(total.ramping_s)}, settling {clock_words(total.settling_s)}, "
        f"stability windows {clock_words(total.window_s)}, field {clock_words(total.field_s)}, "
        f"{rests}measuring {clock_words(total.measuring_s)}, all else {clock_words(total.other_s)}"
    )
    if plan.has_conditions:
        yield "conditions on results can make it shorter"
    if plan.pauses:
        yield "the time of pauses is not counted"
    yield (
        f"assumed: it begins at {start.temperature_K:g} K and {start.field_T:g} T; settling: "
        f"{pace.settling.source}; latency of the bus: {pace.source}"
    )
