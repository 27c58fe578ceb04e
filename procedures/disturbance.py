"""When the conditions of a run leave it: a quench, a temperature that runs away.

The run is suspended with the output open, and goes on by itself when the conditions have returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nanojunction.instruments.errors import LaboratoryError, MagnetLost
from nanojunction.instruments.ramps import LOOK_S, Watch
from nanojunction.instruments.roles import MagnetState

if TYPE_CHECKING:
    from nanojunction.instruments.station import Station

#: A clamped output is no disturbance: it is how a supply stands that nobody uses.
LOST = (MagnetState.QUENCHED, MagnetState.FAULT)


class Disturbed(LaboratoryError):
    """The temperature of the run is no longer what was asked for."""


class GivenUp(LaboratoryError):
    """The conditions did not come back, or left again and again."""


#: Further than this (T) from where it was brought, a field is another one.
FIELD_EXCURSION_T = 5e-3


@dataclass(slots=True)
class Expected:
    """What a run expects around it: a temperature (K) within ± `excursion_K`, a field (T).

    None and 0: nothing is expected. A magnet that is at fault from the beginning is nothing to
    this run, or its way to the field would have failed.
    """

    temperature_K: float | None = None
    excursion_K: float = 0.0
    field_T: float | None = None
    magnet_was_fine: bool | None = None

    def look(self, station: Station, temperature_K: float | None, field_T: float | None) -> None:
        """Raise MagnetLost if the field is lost, Disturbed if the temperature has run away.

        The field tells, too: somebody may have cleared a quench since the last look.
        """
        magnet = station.magnet_or_none
        if magnet is not None:
            status = magnet.status()
            fine = status.state not in LOST
            if self.magnet_was_fine and not fine:
                detail = status.detail or "see its display"
                raise MagnetLost(f"the magnet is {status.state}: {detail}")
            self.magnet_was_fine = fine
        if (
            self.field_T is not None
            and field_T is not None
            and abs(field_T - self.field_T) > FIELD_EXCURSION_T
        ):
            raise MagnetLost(f"the field is {field_T:.4f} T, not {self.field_T:g} T")
        if self.temperature_K is None or temperature_K is None or not self.excursion_K:
            return
        if abs(temperature_K - self.temperature_K) > self.excursion_K:
            raise Disturbed(
                f"the temperature is {temperature_K:.3f} K, more than {self.excursion_K:g} K away "
                f"from {self.temperature_K:g} K"
            )


#: What suspends a run; everything else ends it.
DISTURBANCES = (Disturbed, MagnetLost)


def place_of(station: Station) -> dict[str, float]:
    """Return what the cryostat reads now: `field_T` and `temperature_K`, as far as there are."""
    magnet, controller = station.magnet_or_none, station.temperature_or_none
    found = {} if magnet is None else {"field_T": magnet.field_T()}
    return found if controller is None else found | {"temperature_K": controller.temperature_K()}


def wait_for_magnet(station: Station, patience_s: float, watch: Watch) -> bool:
    """Wait until the magnet is no longer quenched or at fault; False when told to stop.

    Nothing is cleared here: after a quench a person looks at the magnet first. Raises GivenUp
    when the patience is over.
    """
    magnet = station.magnet_or_none
    if magnet is None:
        return True
    deadline = watch.clock.now() + patience_s
    while (status := magnet.status()).state in LOST:
        if watch.clock.now() > deadline:
            raise GivenUp(
                f"the magnet is still {status.state} after {patience_s:g} s "
                f"({status.detail or 'see its display'}): the run was given up"
            )
        watch.place(**place_of(station))
        watch.report(
            f"suspended: the magnet is {status.state}: look at it, and clear it at its front panel"
        )
        if not watch.clock.sleep(LOOK_S, watch.should_stop):
            return False
    return True
