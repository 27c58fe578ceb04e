"""`nanojunction status`: what goes on, or what has happened; nothing is opened or changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nanojunction.cli.console import FAILED, WRONG_USAGE, say
from nanojunction.cli.stations import write_whole
from nanojunction.instruments.clock import now_iso
from nanojunction.instruments.errors import StationError
from nanojunction.instruments.ownership.records import notes_at
from nanojunction.instruments.ownership.standing import Standing, standings
from nanojunction.instruments.station_file import load_station_file
from nanojunction.procedures.live import LIVE_FILE
from nanojunction.procedures.recipes.journal import NAME, Journal
from nanojunction.procedures.recipes.overview import Overview, overview_of
from nanojunction.procedures.signs_of_life import DIED, SILENT, Life, life_of, read_live

SCHEMA = "nanojunction-status/1"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A live state as it was written, and how its measurement is now."""

    state: dict[str, Any]
    life: Life


@dataclass(frozen=True, slots=True)
class StationSeen:
    """A station file, who has its instruments, and word that a watchdog has left.

    `unknown` says why nothing can be told.
    """

    file: str
    name: str = ""
    owners: tuple[Standing, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """All that there is to tell."""

    folder: Path | None
    measurement: Measurement | None
    recipe: Overview | None
    station: StationSeen | None

    @property
    def goes_on(self) -> bool:
        """Tell whether the recipe's own program is at work."""
        one = self.measurement
        return one is not None and one.life.is_under_way and one.state.get("recipe") is not None

    def problems(self) -> tuple[str, ...]:
        """Return what somebody should look at, in sentences."""
        return (*self._of_the_measurement(), *self._of_the_recipe(), *self._of_the_station())

    def _of_the_measurement(self) -> Iterator[str]:
        if self.measurement is None:
            return
        state, life = self.measurement.state, self.measurement.life
        if life.words:
            yield life.words
        elif not life.is_under_way and life.status != "finished":
            why = " ".join((state.get("last_error") or state.get("words") or "").split())
            yield f"it ended: {life.status}{f' ({why})' if why else ''}"

    def _of_the_recipe(self) -> Iterator[str]:
        if self.recipe is None:
            return
        if (left := self.recipe.what_is_left) and not self.goes_on:
            command = f"nanojunction {self.recipe.command} … --resume"
            yield f"{self.recipe.name}: {left}; go on with {command}"
        if spared := self.recipe.spared:
            yield f"{self.recipe.name}: ended to spare the junction: {', '.join(spared)}"

    def _of_the_station(self) -> Iterator[str]:
        if self.station is not None:
            yield from (one.words() for one in self.station.owners if not one.is_well)
            yield from self.station.notes


def status(folder: Path | None, station_file: Path | None, json_file: str) -> int:
    """Print what goes on in a folder of runs or at a station; return the exit status.

    It is 0 while all is well (under way, finished, or nobody is there), 1 if somebody should look:
    a measurement has died, hangs, has failed or was stopped, or a station was not left by itself.
    """
    if folder is not None and not any((folder / name).exists() for name in (LIVE_FILE, NAME)):
        say(
            f"error: {folder}: has neither {LIVE_FILE} nor {NAME}: give the folder that "
            "measure or run had as --out"
        )
        return WRONG_USAGE
    found = look(folder, station_file)
    if json_file == "-":
        sys.stdout.buffer.write(as_json(found).encode("utf-8"))  # UTF-8, whatever the console
        sys.stdout.flush()
    elif json_file:
        write_whole(Path(json_file), as_json(found))
    else:
        from nanojunction.cli.status_words import lines_of

        for line in lines_of(found):
            print(line)
    return FAILED if found.problems() else 0


def look(folder: Path | None, station_file: Path | None) -> Found:
    """Return what can be told of a folder, of a station, or of both.

    The station's owner names the folder where none is given, the measurement its station.
    """
    station = None if station_file is None else station_seen(station_file)
    state = None
    if folder is not None:
        state = read_live(folder)
    elif station is not None:
        state = next((dict(one.state) for one in station.owners if one.state), None)
        folder = Path(state["folder"]) if state and state.get("folder") else None
    measurement = None
    if state is not None:
        measurement = Measurement(state, life_of(state, datetime.now().astimezone()))
    goes_on = Found(folder, measurement, None, None).goes_on
    recipe = None if folder is None else recipe_in(folder, is_running=goes_on)
    if station is None and (file := station_file_of(measurement, recipe)):
        station = station_of(file)
    return Found(folder, measurement, recipe, station)


def station_file_of(measurement: Measurement | None, recipe: Overview | None) -> str | None:
    """Return the station file of what has not said its end, or has not said anything yet."""
    if measurement is not None:
        return None if has_its_end(measurement) else measurement.state.get("station_file")
    return None if recipe is None or not recipe.left else recipe.station


def has_its_end(measurement: Measurement) -> bool:
    """Tell whether the measurement itself has said how it ended: then it left the station."""
    life = measurement.life
    return not life.is_under_way and life.status not in (DIED, SILENT)


def recipe_in(folder: Path, *, is_running: bool) -> Overview | None:
    """Return how far the recipe in a folder is; None if there is none. Its journal is only read."""
    if not (folder / NAME).exists():
        return None
    with Journal(folder / NAME, read_only=True) as journal:
        return None if journal.is_new() else overview_of(journal, is_running=is_running)


def station_of(file: str) -> StationSeen | None:
    """Return a measurement's station; None for one whose instruments nobody else reaches."""
    try:
        seen = station_seen(Path(file))
    except StationError as problem:  # moved since, which is no reason to tell nothing
        return StationSeen(file, unknown=str(problem))
    return None if seen.unknown else seen


def station_seen(file: Path) -> StationSeen:
    """Return who has the instruments of a station file; raises StationError for a wrong file."""
    config = load_station_file(file)
    addresses = config.addresses()
    if not addresses:
        unknown = "its instruments have no addresses: they live inside the program that measures"
        return StationSeen(str(file), config.name, unknown=unknown)
    return StationSeen(
        str(file), config.name, tuple(standings(addresses)), tuple(notes_at(addresses))
    )


def as_json(found: Found) -> str:
    """Return what was found as JSON (`nanojunction-status/1`, docs/status.md)."""
    one, recipe, station = found.measurement, found.recipe, found.station
    document = {
        "schema": SCHEMA,
        "looked": now_iso(),
        "folder": None if found.folder is None else str(found.folder),
        "problems": found.problems(),
        "measurement": None if one is None else asdict(one.life) | {"state": one.state},
        "recipe": None if recipe is None else recipe_json(recipe, goes_on=found.goes_on),
        "station": None if station is None else station_json(station),
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def recipe_json(recipe: Overview, *, goes_on: bool) -> dict[str, Any]:
    """Return a recipe as JSON carries it."""
    return {
        "name": recipe.name,
        "station_file": recipe.station,
        "begun": recipe.begun,
        "goes_on": goes_on,
        "left": recipe.left,
        "counts": recipe.counts(),
        "verdicts": dict(recipe.verdicts) if recipe.command == "screen" else None,
        "on_chip": recipe.on_chip or None,
        "steps": [asdict(step) for step in recipe.steps],
        "junctions": [
            asdict(one) | {"dwell_s": {f"{level:g} V": s for level, s in one.dwell_s.items()}}
            for one in recipe.junctions
        ],
        "events": [
            {"moment": moment, "key": key, "words": words} for moment, key, words in recipe.events
        ],
    }


def station_json(station: StationSeen) -> dict[str, Any]:
    """Return a station as JSON carries it; the token of its control channel stays out."""
    owners = [
        {
            "kind": one.record.kind,
            "pid": one.record.owner.pid,
            "host": one.record.host,
            "command": one.record.command,
            "since": one.record.since,
            "is_alive": one.is_alive,
            "hangs": one.hangs,
            "silence_s": one.silence_s,
            "watchdog": one.record.watchdog.pid if one.record.watchdog else None,
            "words": one.words(),
            "state": None if one.state is None else dict(one.state),
        }
        for one in station.owners
    ]
    return {
        "file": station.file,
        "name": station.name,
        "owners": owners,
        "notes": station.notes,
        "unknown": station.unknown or None,
    }
