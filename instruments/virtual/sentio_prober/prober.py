"""A virtual MPI SENTIO wafer prober: remote commands over a socket, and needles on a wafer.

A command is a line, its parameters separated by commas; it is answered by `code,id,message`, when
what it asked for is done. The lower ten bits of the code are an error (0: none), those above a
status (1: end of the route). Source: MPI's package sentio-prober-control 26.2, its commands, error
codes, and the answers that its tests expect. The heights and times are choices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar

from nanojunction.instruments.virtual.instrument import VirtualInstrument
from nanojunction.instruments.virtual.sentio_prober.wafer_map import Place, WaferMap
from nanojunction.instruments.virtual.world import World

Parameters = list[str]
Command = Callable[["SentioProber", Parameters], str]

# Error codes (RemoteCommandError).
INTERNAL, UNKNOWN_COMMAND, PARAMETER, COUNT = 1, 3, 6, 7
OUT_OF_BOUNDS, END_OF_ROUTE, NOT_ALLOWED = 8, 11, 12
END_OF_ROUTE_BIT = 1 << 10

CONTACT_UM, SEPARATION_GAP_UM, HOVER_GAP_UM = 12_000.0, 300.0, 50.0
_HEIGHTS = {"C": 0.0, "S": -SEPARATION_GAP_UM, "H": -HOVER_GAP_UM, "Z": -CONTACT_UM}
_Z_SPEED_UM_PER_S, _XY_SPEED_UM_PER_S, _SETTLING_S = 1000.0, 20_000.0, 0.2
_MODES = ("BackToContact", "StepToSeparation", "LockContact")


class RefusedError(Exception):
    """A command that is answered with an error code and words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class SentioProber(VirtualInstrument):
    """A prober whose needles are at one place of the world's wafer, or above it.

    The dies are those that the station's wiring names. The chuck begins at separation, initialised,
    with home and contact height trained.
    """

    driver: ClassVar[str] = "sentio_prober"
    termination: ClassVar[str] = "\n"

    def __init__(self, world: World, latency_s: float = 0.0) -> None:
        super().__init__(world, latency_s)
        self.map = WaferMap.of(world.dies)
        self.above_contact_um = -SEPARATION_GAP_UM
        self.mode = "BackToContact"
        self.vacuum = True

    @property
    def in_contact(self) -> bool:
        """Whether the needles touch the wafer."""
        return self.above_contact_um >= 0.0

    def execute(self, line: str) -> str | None:
        """Carry out one command; the commands with a star are not answered."""
        name, _, rest = line.strip().partition(" ")
        if name.upper() in ("*RCS", "*LOCAL"):
            return None
        parameters = [one.strip() for one in rest.split(",")] if rest.strip() else []
        try:
            command = COMMANDS.get(name.lower())
            if command is None:
                raise RefusedError(UNKNOWN_COMMAND, f"Command handler for {name} not found")
            with self.world.lock:
                self.world.sync(self.time_s)
                return command(self, parameters)
        except RefusedError as error:
            status = END_OF_ROUTE_BIT if error.code == END_OF_ROUTE else 0
            return f"{status | error.code},0,{error}"

    def refuse(self, line: str) -> str | None:
        """Answer a line that could not be handled."""
        return f"{PARAMETER},0,Invalid command"

    def fail(self, line: str) -> str | None:
        """Answer after an error inside the prober."""
        return f"{INTERNAL},0,Internal error"

    # Movements

    def move_z(self, above_contact_um: float) -> float:
        """Move the chuck to a height above contact (µm; below is negative); return it from zero."""
        if not -CONTACT_UM <= above_contact_um <= 200.0:
            raise RefusedError(OUT_OF_BOUNDS, "Position exceeds the axis limits")
        way_um = abs(above_contact_um - self.above_contact_um)
        self.above_contact_um = above_contact_um
        if way_um > 0.0:
            self.time_s += _SETTLING_S + way_um / _Z_SPEED_UM_PER_S
        self._touch()
        return CONTACT_UM + above_contact_um

    def step(self, place: Place) -> str:
        """Step to a die and subsite, with the chuck away from contact on the way."""
        if not self.map.has(place):
            raise RefusedError(PARAMETER, f"There is no die {place[0]}, {place[1]}, {place[2]}")
        was_in_contact = self.in_contact
        if was_in_contact and self.mode == "LockContact":
            raise RefusedError(NOT_ALLOWED, "Stepping at contact is locked")
        if was_in_contact:
            self.move_z(-SEPARATION_GAP_UM)
        x, y = self.map.offset_um(place)
        from_x, from_y = self.map.offset_um(self.map.current)
        if way_um := math.hypot(x - from_x, y - from_y):
            self.time_s += _SETTLING_S + way_um / _XY_SPEED_UM_PER_S
        self.map.current = place
        if was_in_contact and self.mode == "BackToContact":
            self.move_z(0.0)
        last = self.map.route and place[:2] == self.map.route[-1]
        return f"{END_OF_ROUTE_BIT if last else 0},0,{place[0]},{place[1]},{place[2]}"

    def step_along(self, by: int) -> str:
        """Step along the route of selected dies, to the same subsite."""
        route, (column, row, site) = self.map.route, self.map.current
        at = route.index((column, row)) + by if (column, row) in route else 0
        if not 0 <= at < len(route):
            raise RefusedError(END_OF_ROUTE, "End of route reached")
        return self.step((*route[at], site))

    def _touch(self) -> None:
        self.world.touch(self.time_s, self.map.current if self.in_contact else None)


# Parameters and answers


def ok(message: object = "OK") -> str:
    """Return the answer to what was done."""
    return f"0,0,{message}"


def whole(parameters: Parameters, minimum: int, maximum: int) -> list[int]:
    """Return so many whole numbers; raises RefusedError."""
    if not minimum <= len(parameters) <= maximum:
        raise RefusedError(COUNT, "Invalid number of parameters")
    try:
        return [int(one) for one in parameters]
    except ValueError:
        raise RefusedError(PARAMETER, "Invalid parameter") from None


def height(text: str) -> float:
    """Return what a height is counted from (µm above contact), by its letter or its word."""
    key = text[:1].upper()
    if key not in _HEIGHTS:
        raise RefusedError(PARAMETER, f"Invalid z reference {text}")
    return _HEIGHTS[key]


def _place(prober: SentioProber, parameters: Parameters) -> Place:
    numbers = whole(parameters, 2, 3)
    return numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0


def _step_seq(prober: SentioProber, parameters: Parameters) -> str:
    seq, site = whole(parameters, 2, 2)
    if not 0 <= seq < len(prober.map.route):
        raise RefusedError(PARAMETER, f"There is no die with the number {seq}")
    return prober.step((*prober.map.route[seq], site))


def _step_first(prober: SentioProber, parameters: Parameters) -> str:
    site = (whole(parameters, 0, 1) or [0])[0]
    return prober.step((*prober.map.route[0], site))


def _subsite_step(prober: SentioProber, parameters: Parameters) -> str:
    if len(parameters) != 1:
        raise RefusedError(COUNT, "Invalid number of parameters")
    names = [name for name, _, _ in prober.map.subsites]
    if parameters[0] not in names:
        raise RefusedError(PARAMETER, f"There is no subsite {parameters[0]}")
    return prober.step((*prober.map.current[:2], names.index(parameters[0])))


def _subsite(prober: SentioProber, parameters: Parameters) -> str:
    (number,) = whole(parameters[:1], 1, 1)
    if not 0 <= number < len(prober.map.subsites):
        raise RefusedError(PARAMETER, f"There is no subsite {number}")
    name, x_um, y_um = prober.map.subsites[number]
    return ok(f"{name},{x_um},{y_um}")


def _select(prober: SentioProber, parameters: Parameters, selected: bool) -> str:
    column, row = whole(parameters, 2, 2)
    if (column, row) not in prober.map.dies:
        raise RefusedError(PARAMETER, f"There is no die {column}, {row}")
    change = prober.map.unselected.discard if selected else prober.map.unselected.add
    change((column, row))
    return ok()


def _get_z(prober: SentioProber, parameters: Parameters) -> str:
    reference = height(parameters[0]) if parameters else _HEIGHTS["Z"]
    return ok(round(prober.above_contact_um - reference, 3))


def _move_z(prober: SentioProber, parameters: Parameters) -> str:
    if len(parameters) != 2:
        raise RefusedError(COUNT, "Invalid number of parameters")
    try:
        offset_um = float(parameters[1])
    except ValueError:
        raise RefusedError(PARAMETER, "Invalid parameter") from None
    return ok(prober.move_z(height(parameters[0]) + offset_um))


def _mode(prober: SentioProber, parameters: Parameters) -> str:
    if len(parameters) != 1 or parameters[0] not in _MODES:
        raise RefusedError(PARAMETER, "Invalid stepping contact mode")
    prober.mode = parameters[0]
    return ok()


def _chuck_xy(prober: SentioProber, parameters: Parameters) -> str:
    x_um, y_um = prober.map.offset_um(prober.map.current)
    return ok(f"{x_um},{y_um}")


def _num_dies(prober: SentioProber, parameters: Parameters) -> str:
    if parameters == ["Selected"]:
        return ok(len(prober.map.route))
    return ok(len(prober.map.dies))


def _seq(prober: SentioProber) -> int:
    die = prober.map.current[:2]
    return prober.map.route.index(die) if die in prober.map.route else -1


#: By the name in lower letters, as documented for SENTIO 24 and later.
COMMANDS: Mapping[str, Command] = {
    "status:get_version": lambda k, p: ok("SENTIO Suite, Version: 24.0.0.0 (virtual)"),
    "status:get_machine_id": lambda k, p: ok("000000"),
    "status:get_machine_status": lambda k, p: ok("Ready"),
    "get_chuck_site_status": lambda k, p: ok(f"1,1,0,{int(k.vacuum)}"),
    "get_chuck_site_heights": lambda k, p: ok(
        f"{CONTACT_UM},{SEPARATION_GAP_UM},0.0,{HOVER_GAP_UM}"
    ),
    "get_chuck_xy": _chuck_xy,
    "get_chuck_z": _get_z,
    "has_chuck_xyz": lambda k, p: ok("1,1,1"),
    "move_chuck_contact": lambda k, p: ok(k.move_z(0.0)),
    "move_chuck_separation": lambda k, p: ok(k.move_z(-SEPARATION_GAP_UM)),
    "move_chuck_hover": lambda k, p: ok(k.move_z(-HOVER_GAP_UM)),
    "move_chuck_z": _move_z,
    "set_stepping_contact_mode": _mode,
    "map:get_num_cols": lambda k, p: ok(k.map.columns),
    "map:get_num_rows": lambda k, p: ok(k.map.rows),
    "map:get_num_dies": _num_dies,
    "map:get_index_size": lambda k, p: ok(f"{k.map.size_um[0]},{k.map.size_um[1]}"),
    "map:get_axis_orient": lambda k, p: ok("DR"),
    "map:get_grid_origin": lambda k, p: ok("0,0"),
    "map:get_home_die": lambda k, p: ok(f"{k.map.dies[0][0]},{k.map.dies[0][1]}"),
    "map:get_die_seq": lambda k, p: ok(_seq(k)),
    "map:step_die": lambda k, p: k.step(_place(k, p)),
    "map:step_die_seq": _step_seq,
    "map:step_first_die": _step_first,
    "map:step_next_die": lambda k, p: k.step_along(1),
    "map:step_previous_die": lambda k, p: k.step_along(-1),
    "map:die:get_current_index": lambda k, p: ok(
        f"{_seq(k)},{k.map.current[0]},{k.map.current[1]}"
    ),
    "map:die:get_current_subsite": lambda k, p: ok(k.map.current[2]),
    "map:die:get_status": lambda k, p: ok(k.map.status(_place(k, p)[:2])),
    "map:die:select": lambda k, p: _select(k, p, True),
    "map:die:unselect": lambda k, p: _select(k, p, False),
    "map:subsite:get": _subsite,
    "map:subsite:get_num": lambda k, p: ok(len(k.map.subsites)),
    "map:subsite:step": _subsite_step,
}
