"""What `nanojunction status` says to a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nanojunction.analysis.notation import NO_BREAK, amount
from nanojunction.procedures.recipes.overview import RUNNING, SKIPPED, Overview
from nanojunction.procedures.recipes.show import clock_words

if TYPE_CHECKING:
    from nanojunction.cli.status import Found, Measurement, StationSeen
    from nanojunction.procedures.recipes.journal_records import History

#: How many of the last events and junctions are shown.
EVENTS, JUNCTIONS = 8, 12
#: Columns of the last row, with units.
POINT = {"Voltage (V)": "V", "Current (A)": "A"}


def lines_of(found: Found) -> Iterator[str]:
    """Yield the lines: what goes on, the recipe, the station, and what somebody should look at."""
    if found.measurement is not None:
        yield from measurement_lines(found.measurement)
    if found.recipe is not None:
        yield from recipe_lines(found.recipe)
    if found.station is not None:
        yield from station_lines(found.station)
    for problem in found.problems():
        yield f"LOOK: {problem}"


def measurement_lines(one: Measurement) -> Iterator[str]:
    """Yield what a live state says; values of one that has died are its last ones."""
    state, life = one.state, one.life
    who = " ".join(str(state[key]) for key in ("sample", "procedure") if state.get(key))
    simulated = ", simulated" if state.get("simulated") else ""
    heard = f"last sign of life {moment(life.heard)}, {clock_words(round(life.silence_s))} ago"
    yield f"{who or 'measurement'}: {life.status} ({heard}{simulated})"
    for name, words in (
        ("station", state.get("station")),
        ("step", state.get("step")),
        ("done", progress(state) if life.is_under_way else ""),
        ("last", place(state)),
        ("does", state.get("words")),
        ("suspended", suspension(state.get("suspended"))),
        ("last error", state.get("last_error")),
        ("file", state.get("file")),
    ):
        if words:
            yield f"  {name:10} {words}"


def progress(state: Mapping[str, Any]) -> str:
    """Return how far it is, and when it ends."""
    rows = f"row {state.get('rows', 0)}"
    if state.get("planned_rows"):
        rows += f" of {state['planned_rows']}"
    parts = [rows]
    if state.get("percent") is not None:
        parts.append(f"{state['percent']:g} %")
    if state.get("left_s") is None:
        parts.append("time left unknown")
    else:
        parts.append(f"{clock_words(state['left_s'])} left")
    if state.get("ends"):
        parts.append(f"ends {moment(state['ends'])}")
    return ", ".join(parts)


def place(state: Mapping[str, Any]) -> str:
    """Return temperature and field as they were read last, and the last row's V and I."""
    parts = []
    for key, target, unit in (("temperature_K", "target_K", "K"), ("field_T", "target_T", "T")):
        if state.get(key) is not None:
            value = f"{state[key]:.3f} K" if unit == "K" else f"{state[key]:.4f} T"
            goal = state.get(target)
            parts.append(value if goal is None else f"{value} (to {goal:g} {unit})")
    row = state.get("point") or {}
    parts += [plain(row[name], unit) for name, unit in POINT.items() if row.get(name) is not None]
    return ", ".join(parts)


def plain(value: float, unit: str) -> str:
    """Return a value with a prefix and blanks that any console knows."""
    return amount(value, unit).replace(NO_BREAK, " ")


def suspension(suspended: Mapping[str, Any] | None) -> str:
    """Return since when, until when and why a run is suspended."""
    if not suspended:
        return ""
    until = f", at most until {moment(suspended['until'])}" if suspended.get("until") else ""
    return f"since {moment(suspended['since'])}{until}: {suspended['why']}"


def moment(iso: str) -> str:
    """Return a moment as a person reads it; the day is left out if it is today's."""
    when = datetime.fromisoformat(iso).astimezone()
    is_today = when.date() == datetime.now().astimezone().date()
    return f"{when:%H:%M:%S}" if is_today else f"{when:%a %Y-%m-%d %H:%M:%S}"


def recipe_lines(recipe: Overview) -> Iterator[str]:
    """Yield how far a recipe is, what went wrong in it, what its junctions saw, what happened."""
    counts = ", ".join(f"{count} {status}" for status, count in recipe.counts().items())
    what = "recipe" if recipe.command == "run" else "screening"
    yield f"{what} {recipe.name}, begun {moment(recipe.begun)}: {len(recipe.steps)} steps, {counts}"
    if recipe.command == "screen":
        yield f"  {'verdicts':10} {verdict_words(recipe)}"
    for step in recipe.steps:
        if step.why and step.status != SKIPPED:
            yield f"  {step.status:10} {step.key}: {step.why}"
    for reason, keys in skipped_by_reason(recipe).items():
        yield f"  {SKIPPED:10} {len(keys)} from {keys[0]} on: {reason}"
    following = next((one for one in recipe.steps if one.is_left and one.status != RUNNING), None)
    if following is not None:
        yield f"  {'next':10} {following.key}"
    for one in recipe.junctions[-JUNCTIONS:]:
        yield f"  {'junction':10} {junction_words(one)}"
    if (others := len(recipe.junctions) - JUNCTIONS) > 0:
        yield f"  {'junction':10} and {others} more before these; --json has them all"
    for when, key, words in recipe.events[-EVENTS:]:
        yield f"  {moment(when)} {f'{key}: ' if key else ''}{words}"


def verdict_words(recipe: Overview) -> str:
    """Return how many junctions of a chip have which verdict."""
    of = f"{sum(recipe.verdicts.values())} of {recipe.on_chip} junctions"
    found = ", ".join(f"{count} {verdict}" for verdict, count in recipe.verdicts.items())
    return f"{of} ({found})" if found else of


def skipped_by_reason(recipe: Overview) -> dict[str, list[str]]:
    """Return the keys of the steps that conditions have skipped, by the reason."""
    found: dict[str, list[str]] = {}
    for step in recipe.steps:
        if step.status == SKIPPED:
            found.setdefault(step.why or "", []).append(step.key)
    return found


def junction_words(one: History) -> str:
    """Return what a junction has seen, and its marks."""
    runs = "1 run" if one.runs == 1 else f"{one.runs} runs"
    largest = f"at most {plain(one.max_voltage_V, 'V')} and {plain(one.max_current_A, 'A')}"
    dwell = "".join(
        f", {clock_words(seconds)} at {plain(level, 'V')} and above"
        for level, seconds in one.dwell_s.items()
        if seconds
    )
    marks = "".join(f"; {mark.upper()}: {reason}" for mark, reason in one.marks.items())
    return f"{one.sample}: {runs}, {largest}{dwell}{marks}"


def station_lines(station: StationSeen) -> Iterator[str]:
    """Yield who has a station."""
    name = station.name or station.file
    if station.unknown:
        yield f"station {name}: {station.unknown}"
    elif not station.owners:
        yield f"station {name}: nobody has it"
    for one in station.owners:
        if one.is_well:
            silence = "" if one.silence_s is None else f"; last sign {one.silence_s:.0f} s ago"
            yield f"station {one.words()}{silence}"
