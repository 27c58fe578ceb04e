"""Connecting another junction without harm: source to zero, short, switch, remove the short.

Docs: docs/switching.md. Nothing is remembered here; what is connected is asked for.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nanojunction.common.names import listed_names
from nanojunction.instruments.errors import (
    ConnectionFailed,
    InstrumentError,
    InstrumentFault,
    LaboratoryError,
    NoAnswer,
)
from nanojunction.instruments.operator import AskingStopped, ByHand
from nanojunction.instruments.ramps import Watch
from nanojunction.instruments.roles import Connected, SwitchMatrix
from nanojunction.instruments.safe_state import source_to_safe

if TYPE_CHECKING:
    from nanojunction.instruments.station import Station


def connect_junction(
    station: Station, position: str, *, reverse: bool = False, anew: bool = False, watch: Watch
) -> bool:
    """Connect a position of the holder; the source-meter is left at zero with its output open.

    A position that is connected already stays so, and nothing moves, unless it is to be contacted
    `anew`: then everything is opened first.
    False when told to stop, before any contact has moved or while the operator is asked to move
    one: how a switch box stands is then not known. Whatever fails once contacts move, the short
    stays closed (or is closed again) and the output open. Raises StationError for a position that
    the station does not have, InstrumentFault for one that is not wired for the polarity or when
    the switch reports other contacts, LaboratoryError when the source cannot be made safe.
    """
    switch = station.switch
    if reverse and not switch.can_reverse(position):
        raise InstrumentFault(
            f"position {position} is not wired for the reversed polarity; list its contacts in "
            f"the station file (switch.positions.{position}.reversed)"
        )
    switch.can_reverse(position)  # raises for a position that is not there, before anything moves
    if watch.should_stop():
        return False
    watch.report(f"connecting position {position}{', reversed' if reverse else ''}")
    if failed := source_to_safe(station):
        raise LaboratoryError(
            f"position {position} was not connected, since contacts must not move under a voltage: "
            f"{'; '.join(failed)}"
        )
    before, station.stop_asking = station.stop_asking, watch.should_stop
    try:
        if anew:
            switch.open_all()
        _switch_over(station, switch, Connected(position, reverse))
    except AskingStopped:
        return False
    finally:
        station.stop_asking = before
    return True


def open_the_line(station: Station, *, watch: Watch) -> bool:
    """Open every contact, so that the source-meter sees the line alone; its output is left open.

    False when told to stop. Raises LaboratoryError when the source cannot be made safe,
    InstrumentFault when the switch reports contacts that are closed. What it reports is what it was
    told: only a measurement shows a contact that sticks.
    """
    if watch.should_stop():
        return False
    watch.report("opening every contact of the switch")
    if failed := source_to_safe(station):
        raise LaboratoryError(
            f"no contact was opened, since none must move under a voltage: {'; '.join(failed)}"
        )
    before, station.stop_asking = station.stop_asking, watch.should_stop
    try:
        station.switch.open_all()
    except AskingStopped:
        return False
    finally:
        station.stop_asking = before
    return True


def require_connected(station: Station) -> Connected | None:
    """Return what is connected, before a run that measures it; changes nothing.

    None without a switch, and with one that is turned by hand before anything was confirmed.
    Raises LaboratoryError if nothing is connected or the leads are shorted, as a station is left.
    """
    switch = station.switch_or_none
    if switch is None or (isinstance(switch, ByHand) and not switch.is_confirmed):
        return None
    found = switch.connected()
    if found is None or switch.is_shorted():
        short = ", and the source-meter's leads are shorted" if switch.is_shorted() else ""
        raise LaboratoryError(
            f"{in_words(found)} is connected{short}: connect a position before measuring, "
            f"for example with --set position={next(iter(switch.positions))} "
            f"({listed_names(switch.positions)})"
        )
    return found


def _switch_over(station: Station, switch: SwitchMatrix, wanted: Connected) -> None:
    """Short the leads where the station can, connect, and remove the short."""
    config = station.config.switch
    if _is_connected(switch, wanted):
        return
    if config is None or not config.short:
        _connect(switch, wanted)
        return
    switch.short_all()
    _connect(switch, wanted)
    try:
        switch.remove_short()
    except InstrumentError:
        with suppress(InstrumentError):  # the first fault is what is told
            _short_again(station, switch)
        raise


def _is_connected(switch: SwitchMatrix, wanted: Connected) -> bool:
    """Tell whether nothing needs to move."""
    try:
        return switch.connected() == wanted and not switch.is_shorted()
    except InstrumentFault:  # several are: whoever connects one opens the others
        return False


def _short_again(station: Station, switch: SwitchMatrix) -> None:
    """Close the short, over a new connection if the old one is lost."""
    try:
        switch.short_all()
    except (NoAnswer, ConnectionFailed):
        station.reconnect("switch")
        switch.short_all()


def _connect(switch: SwitchMatrix, wanted: Connected) -> None:
    """Connect and ask back; raise InstrumentFault if the switch reports something else."""
    switch.connect(wanted.position, reverse=wanted.is_reversed)
    found = switch.connected()
    if found != wanted:
        raise InstrumentFault(
            f"position {wanted.position} was to be connected"
            f"{', reversed' if wanted.is_reversed else ''}, and the switch reports "
            f"{in_words(found)}"
        )


def in_words(connected: Connected | None) -> str:
    """Return what is connected as words for a person."""
    if connected is None:
        return "nothing"
    return f"position {connected.position}{', reversed' if connected.is_reversed else ''}"
