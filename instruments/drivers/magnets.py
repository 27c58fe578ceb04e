"""What the drivers of magnet supplies share: a supply that is in order, and waits with an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nanojunction.instruments.errors import InstrumentFault
from nanojunction.instruments.roles import MagnetState, MagnetStatus

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock

#: Time (s) between two looks at leads or a switch.
LOOK_S = 1.0


def in_order(where: str, status: MagnetStatus) -> MagnetStatus:
    """Return a status; raises InstrumentFault on a quench or a fault."""
    if status.state in (MagnetState.QUENCHED, MagnetState.FAULT):
        raise InstrumentFault(f"{where}: {status.detail}; clear it at the front panel")
    return status


def require_heater(where: str, status: MagnetStatus, on: bool) -> None:
    """Raise InstrumentFault unless the switch heater is on, or off."""
    if status.heater_on is not on:
        change = "come on" if on else "go off"
        raise InstrumentFault(f"{where}: the switch heater did not {change}")


def wait_until(
    is_done: Callable[[], bool],
    clock: Clock,
    longest_s: float,
    should_stop: Callable[[], bool],
    too_late: str,
) -> bool:
    """Look every second until `is_done`; return False when told to stop.

    Raises InstrumentFault with the words `too_late` when it is not done after `longest_s`.
    """
    deadline = clock.now() + longest_s
    while True:
        is_late = clock.now() > deadline  # looked at first: this computer may be the late one
        if is_done():
            return True
        if is_late:
            raise InstrumentFault(too_late)
        if not clock.sleep(LOOK_S, should_stop):
            return False
