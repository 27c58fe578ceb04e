"""Taking, keeping and leaving a station: one owner for each instrument, whoever names it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nanojunction.instruments.errors import StationInUse
from nanojunction.instruments.ownership import records
from nanojunction.instruments.ownership.control import NoAnswerFromOwner, ask
from nanojunction.instruments.ownership.records import Record, guard


def take(record: Record, tell: Callable[[str], None]) -> None:
    """Become the owner of all instruments of `record`, or of none.

    A record whose process is dead is taken over, and `tell` is told so. Raises StationInUse with
    who has it, since when, what it measures and what to do.
    """
    records.make_folder()
    with guard():
        others = [one for one in records.records_at(record.addresses) if one.token != record.token]
        for other in others:
            refuse_if_used(other)
        for other in others:
            records.remove(other)
        records.write(record)
        notes = records.take_notes(record)
    for words in notes:
        tell(f"note: {words}")
    for other in others:
        tell(f"warning: {what_was_left(other)}; its lock was taken over")


def what_was_left(record: Record) -> str:
    """Return how a dead owner, or its watchdog, has left the station."""
    if record.kind == "watchdog":
        return (
            f"the last owner ({record.command}) has died, and its watchdog could not make the "
            f"station safe ({record.log_file()} says why)"
        )
    return (
        f"the last owner (process {record.owner.pid}, {record.command}, since {record.since}) has "
        "died without making the station safe"
    )


def refuse_if_used(other: Record) -> None:
    """Raise StationInUse if the owner that a record names, or its watchdog, is alive."""
    if is_owned(other):
        raise StationInUse(f"{describe(other)}; {what_to_do(other)}")
    if other.has_watchdog():
        raise StationInUse(
            f"{other.station}: its last owner (process {other.owner.pid}, {other.command}) has "
            "died, and its watchdog is about to bring the station to the safe state: try again in "
            f"a minute ({other.log_file()} says what it did)"
        )


def is_owned(record: Record) -> bool:
    """Tell whether the owner lives.

    Who answers the record's token on its port is the owner, too, if the system's clock was set so
    far that start times differ.
    """
    if record.is_alive():
        return True
    return record.port > 0 and status_of(record) is not None


def has_left(record: Record) -> bool:
    """Tell whether the lock is no longer the owner's: it left, or another has taken it over."""
    there = records.read(record.files()[0])
    return there is None or there.token != record.token


def is_gone(record: Record) -> bool:
    """Tell whether an owner has left, or died."""
    return has_left(record) or not record.is_alive()


def status_of(record: Record) -> dict[str, Any] | None:
    """Ask an owner for its live state; None if it does not answer."""
    try:
        return ask(record.port, record.token, "status")
    except NoAnswerFromOwner:
        return None


def describe(record: Record) -> str:
    """Return who has a station, since when, and what it does."""
    status = status_of(record) if record.port else None
    return described(record, None if status is None else status.get("state", {}))


def described(record: Record, state: Mapping[str, Any] | None) -> str:
    """Return who has a station and since when; `state` is what it says of itself, None nothing."""
    if record.kind == "watchdog":
        return (
            f"{record.station}: the watchdog (process {record.owner.pid}) is bringing the station "
            f"to the safe state since {record.since}"
        )
    doing = words_of(state or {}) or record.command
    answers = "" if state is not None else "; it does not answer"
    return (
        f"{record.station}: in use by process {record.owner.pid} on {record.host} since "
        f"{record.since} ({doing}){answers}"
    )


def what_to_do(record: Record) -> str:
    """Return what somebody can do who wants a station that is owned."""
    if record.kind == "watchdog":
        return f"wait until it has finished ({record.log_file()} says what it did)"
    if record.host != records.this_host():
        files = ", ".join(map(str, record.files()))
        return f"end it there; if nothing runs there any more, delete {files}"
    return f"wait, or stop it and {how_to_make_safe(record)}"


def how_to_make_safe(record: Record) -> str:
    """Return the command that makes a station safe."""
    return f"make the station safe with: nanojunction safe --station {shlex.quote(record.source)}"


def words_of(state: Mapping[str, Any]) -> str:
    """Return a live state in a few words."""
    words = " of ".join(str(state[key]) for key in ("procedure", "sample") if state.get(key))
    if not words:
        return ""
    if isinstance(percent := state.get("percent"), int | float):
        words += f", {percent:.0f} % done"
    return words


def take_over(record: Record, mine: Record) -> bool:
    """Replace a record by one's own; False if it is gone: its owner left, or another came."""
    with guard():
        there = records.records_at(record.addresses)
        if [one.token for one in there] != [record.token]:
            return False
        records.write(mine)
    return True


def amend(record: Record, **changes: Any) -> Record:
    """Change what one's own record says, and return the record as it now is."""
    changed = replace(record, **changes)
    with guard():
        records.write(changed)
    return changed


def release(record: Record, note: str = "") -> None:
    """Leave the instruments to the next, who is told `note` once."""
    with guard():
        if note:
            records.leave_note(record, note)
        records.remove(record)
