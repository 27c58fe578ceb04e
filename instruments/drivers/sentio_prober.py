"""MPI SENTIO wafer prober as a `SwitchMatrix`: its needles go from die to die.

A prober connects one junction by bringing its chuck into contact below fixed needles. There is no
other polarity and no short of the leads; what keeps a junction safe while needles land is the
source-meter's open output. Source: MPI's package sentio-prober-control 26.2, whose commands these
are; the package itself is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nanojunction.common.names import listed_names
from nanojunction.instruments.errors import InstrumentFault, StationError, WrongInstrument
from nanojunction.instruments.roles import Connected, Snapshot
from nanojunction.instruments.visa import open_connection

if TYPE_CHECKING:
    from nanojunction.instruments.clock import Clock
    from nanojunction.instruments.station_file import SwitchConfig
    from nanojunction.instruments.visa import Connection

_ANSWER = re.compile(r"^(\d+),(\d+),(.*)$", re.DOTALL)
#: The lower bits of an answer's first number are the error, those above a status.
_ERROR = 1023
#: What a movement of the chuck may take (s, wall clock), across a whole wafer.
_MOVEMENT_S = 60.0
#: Heights below contact that still count as contact (µm): less than needles travel.
_TOUCHES_UM = 0.5

Place = tuple[int, int, int]


def open_sentio_prober(config: SwitchConfig, clock: Clock) -> SentioProber:
    """Open the prober at `config.address`, verify what it is and that it is ready to step.

    Raises WrongInstrument if something else answers, StationError unless it is initialised with
    its home position and contact height trained.
    """
    connection = open_connection(
        config, role="switch", identity_query="status:get_version", termination="\n"
    )
    try:
        connection.write("*RCS 1")  # its own set of commands
        identity = connection.identify()
        if not (identity.startswith("0,") and "version" in identity.lower()):
            raise WrongInstrument(
                f"{connection.where}: answers {identity!r}, which is no SENTIO prober; "
                "check the address and the driver in the station file"
            )
        prober = SentioProber(connection, config)
        prober.make_ready()
    except BaseException:
        connection.close()
        raise
    return prober


class SentioProber:
    """Brings needles to the dies that the station file names; asks where they are each time."""

    def __init__(self, connection: Connection, config: SwitchConfig) -> None:
        self._connection = connection
        self._where = connection.where
        self._places: dict[str, Place] = {
            position: one.place
            for position, one in config.positions.items()
            if one.place is not None
        }
        self._position_at = {place: position for position, place in self._places.items()}

    def make_ready(self) -> None:
        """Verify that the machine may step, and have it refuse to step while in contact.

        Raises StationError for a machine that a person has to prepare first.
        """
        if "Ready" not in self.ask("status:get_machine_status").split(","):
            raise StationError(f"{self._where}: the prober is not initialised; do that there first")
        status = self.ask("get_chuck_site_status Wafer").split(",")
        if status[:2] != ["1", "1"]:
            raise StationError(
                f"{self._where}: home position and contact height of the wafer are not trained; "
                "do that there first"
            )
        subsites = int(self.ask("map:subsite:get_num"))
        for position, (_, _, subsite) in self._places.items():
            if subsite >= subsites:
                raise StationError(
                    f"{self._where}: switch.positions.{position}.subsite: the wafer map has the "
                    f"subsites 0 to {subsites - 1}, not {subsite}"
                )
        self.ask("set_stepping_contact_mode LockContact")

    def ask(self, command: str, longest_s: float = 0.0) -> str:
        """Send a command and return the message of its answer, which comes when it is done.

        Raises InstrumentFault with the prober's words if it refuses, or answers nonsense.
        """
        self._connection.allow_s(longest_s)
        self._connection.write(command)
        answer = self._connection.read().strip()
        match = _ANSWER.match(answer)
        if match is None:
            raise InstrumentFault(f"{self._where}: answered {answer!r} to {command!r}")
        if error := int(match[1]) & _ERROR:
            raise InstrumentFault(
                f"{self._where}: refused {command!r}: {match[3] or 'no words'} (error {error})"
            )
        return match[3]

    @property
    def positions(self) -> Sequence[str]:
        """The positions that can be connected, in the station file's order."""
        return tuple(self._places)

    def can_reverse(self, position: str) -> bool:
        """Return False: needles are wired one way round. Raises StationError as `connect` does."""
        self._place(position)
        return False

    def identify(self) -> str:
        """Return the version that the prober tells."""
        return (self._connection.identity or "").removeprefix("0,0,")

    def connect(self, position: str, *, reverse: bool = False) -> None:
        """Lift the needles, step to the position's die and touch it; each step is verified.

        Nothing moves if they are there already. Raises StationError for a position that is not in
        the station file, InstrumentFault for the reversed polarity and when the prober reports
        another place or height than it was sent to.
        """
        place = self._place(position)
        if reverse:
            raise InstrumentFault(
                f"{self._where}: position {position} cannot be reversed: a prober's needles are "
                "wired one way round"
            )
        if self.connected() == Connected(position):
            return
        self.open_all()
        column, row, subsite = place
        self.ask(f"map:step_die {column}, {row}, {subsite}", _MOVEMENT_S)
        if (found := self._current()) != place:
            raise InstrumentFault(
                f"{self._where}: was sent to die {column}, {row}, subsite {subsite} and is at "
                f"die {found[0]}, {found[1]}, subsite {found[2]}; the needles were not brought down"
            )
        self.ask("move_chuck_contact", _MOVEMENT_S)
        if not self._touches():
            raise InstrumentFault(f"{self._where}: the chuck is not at contact height")

    def connected(self) -> Connected | None:
        """Ask what the needles touch; None if they are lifted.

        Raises InstrumentFault if they touch a place that is no position of the station file.
        """
        if not self._touches():
            return None
        place = self._current()
        if place not in self._position_at:
            raise InstrumentFault(
                f"{self._where}: the needles touch die {place[0]}, {place[1]}, subsite {place[2]}, "
                "which is no position of the station file; lift them"
            )
        return Connected(self._position_at[place])

    def short_all(self) -> None:
        """Raise StationError: a prober has nothing that joins the source-meter's leads."""
        raise StationError(
            f"{self._where}: a prober cannot short the source-meter's leads; lifting the needles "
            "is what it can do"
        )

    def remove_short(self) -> None:
        """Do nothing: there is no short."""

    def is_shorted(self) -> bool:
        """Return False: there is no short."""
        return False

    def open_all(self) -> None:
        """Lift the needles to separation, and verify it."""
        self.ask("move_chuck_separation", _MOVEMENT_S)
        if self._touches():
            raise InstrumentFault(f"{self._where}: the chuck is still at contact height")

    def snapshot(self) -> Snapshot:
        """Return where the needles are, and what that connects."""
        column, row, subsite = self._current()
        return {
            "identity": self.identify(),
            "position": None if (one := self.connected()) is None else one.position,
            "reversed": False,
            "shorted": False,
            "die": [column, row],
            "subsite": subsite,
            "above_contact_um": self._above_contact_um(),
        }

    def reconnect(self) -> None:
        """Open the lost connection again; raises if the same prober does not answer."""
        self._connection.reconnect()

    def close(self) -> None:
        """Close the connection; the chuck stays where it is."""
        self._connection.close()

    def _place(self, position: str) -> Place:
        if position not in self._places:
            raise StationError(
                f"{self._where}: the station file has no position {position!r}; "
                f"it has {listed_names(self._places)}"
            )
        return self._places[position]

    def _current(self) -> Place:
        _, column, row = self.ask("map:die:get_current_index").split(",")
        return int(column), int(row), int(self.ask("map:die:get_current_subsite"))

    def _above_contact_um(self) -> float:
        return float(self.ask("get_chuck_z C"))

    def _touches(self) -> bool:
        return self._above_contact_um() > -_TOUCHES_UM
