"""Ending an owner that must leave: first asked, then told, then killed; and waiting for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import psutil

from nanojunction.instruments.clock import Clock
from nanojunction.instruments.errors import StationInUse
from nanojunction.instruments.ownership import lock, records
from nanojunction.instruments.ownership.control import NoAnswerFromOwner, ask, ask_all
from nanojunction.instruments.ownership.records import ProcessId, Record

Stop = Callable[[], bool]
Tell = Callable[[str], None]

#: Time (s) an owner has to react, to go when told to, and to be gone when killed.
REACTS_S, GOES_S, GONE_S = 2.0, 1.0, 10.0
#: Silence (s) after which one that is leaving, or a watchdog at work, counts as hung.
LEAVING_SILENCE_S = 30.0


def end_hung(record: Record) -> Literal["recovered", "ended", "stuck"]:
    """Ask an owner to stop, wait 2 s for a sign of life, then kill it; return what came of it.

    One that hangs in a driver of the system may outlive even that, and is stuck.
    """
    clock, seen = Clock(), record.last_beat()

    def recovered() -> bool:
        return record.last_beat() != seen

    with suppress(NoAnswerFromOwner):
        ask(record.port, record.token, "stop", "the watchdog missed a sign of life")
    clock.sleep(REACTS_S, lambda: recovered() or record.owner.process() is None)
    if record.owner.process() is not None and recovered():
        return "recovered"
    return "ended" if kill(record.owner) else "stuck"


def kill(wanted: ProcessId) -> bool:
    """Tell a process to go, then kill it; True if it is gone."""
    for end, wait_s in (("terminate", GOES_S), ("kill", GONE_S)):
        process = wanted.process()
        if process is None:
            return True
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            getattr(process, end)()
        Clock().sleep(wait_s, lambda: wanted.process() is None)
    return wanted.process() is None


def end_owners(addresses: tuple[str, ...], tell: Tell, should_stop: Stop) -> None:
    """Have everybody leave who owns one of the instruments, with the station safe if they can.

    Raises StationInUse if one runs on another computer, cannot be ended, or `should_stop` cut
    the wait short.
    """
    for record in records.records_at(addresses):
        if record.host != records.this_host():
            raise StationInUse(f"{lock.describe(record)}; {lock.what_to_do(record)}")
        if lock.is_owned(record):
            _end_owner(record, tell, should_stop)
        elif record.has_watchdog():
            tell("the owner has died: its watchdog makes the station safe")
            _wait_for_the_watchdog(record, tell, should_stop)


def _end_owner(record: Record, tell: Tell, should_stop: Stop) -> None:
    tell(lock.describe(record))
    if record.kind == "watchdog":
        left = _wait_while_alive(record, should_stop)
    else:
        tell("asking it to stop and to make the station safe")
        left = _asked_to_leave(record, tell) and _wait_while_alive(record, should_stop)
    if left:
        return
    tell(f"process {record.owner.pid} did not leave: it is ended")
    if not kill(record.owner):
        raise StationInUse(
            f"{record.station}: process {record.owner.pid} could not be ended; does it belong to "
            "another user? End it yourself, then try again"
        )
    if record.has_watchdog():
        tell("its watchdog makes the station safe")
        _wait_for_the_watchdog(record, tell, should_stop)


def _asked_to_leave(record: Record, tell: Tell) -> bool:
    """Ask over the control channel; True once its source is safe and the rest is under way."""
    try:
        for answer in ask_all(record.port, record.token, "safe", "nanojunction safe"):
            if "safe" in answer:
                tell(f"process {record.owner.pid}: source {_words(answer['safe'])}")
                return answer["safe"] is True
            tell(f"process {record.owner.pid} is on its way, at most {answer['way_s']:.0f} s")
    except NoAnswerFromOwner as problem:
        tell(f"process {record.owner.pid} does not answer ({problem})")
    return lock.is_gone(record)


def _words(safe: object) -> str:
    return "at zero, output open" if safe is True else "NOT made safe"


def _wait_while_alive(record: Record, should_stop: Stop) -> bool:
    """Wait until the owner has left, as long as it gives signs of life; False if it has hung."""
    clock, seen = Clock(), record.last_beat()
    since = clock.now()
    while not lock.is_gone(record):
        if should_stop():
            raise StationInUse(f"{record.station}: the wait for its owner was cut short")
        if (beat := record.last_beat()) != seen:
            seen, since = beat, clock.now()
        if clock.now() - since > LEAVING_SILENCE_S:
            return False
        clock.sleep(0.05)
    return True


def _wait_for_the_watchdog(record: Record, tell: Tell, should_stop: Stop) -> None:
    """Wait until the watchdog of a dead owner has taken the station over, then until it is done."""
    clock = Clock()
    clock.sleep(GONE_S, lambda: should_stop() or lock.has_left(record))
    for now in records.records_at(record.addresses):
        if now.kind == "watchdog":
            _end_owner(now, tell, should_stop)
        elif now.token == record.token and (watchdog := record.watchdog) is not None:
            tell("the watchdog does nothing: it is ended")
            kill(watchdog)
