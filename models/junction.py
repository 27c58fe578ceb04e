"""Junctions as laws I(V; T, H, history): what the virtual cryostat mounts."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal, Protocol

__all__ = ["JunctionLaw", "Memory", "built_in_junctions", "load_junction"]

_FOLDER = resources.files("nanojunction.sample_data") / "junctions"


@dataclass(frozen=True, slots=True)
class Memory:
    """What a junction remembers of its past; laws return a new one and never change it.

    `rising` is the direction of the last change of V. `lagging_voltage_V` and `lagging_field_T`
    follow V and |H| like the second of two wheels with play between them (play operator);
    `free_up` and `pinned_up` are the directions of a tunnel junction's two magnetic layers. Fields
    in tesla, voltages in volt. The values here are the virgin state: 0 V, 0 T, both layers down as
    the field annealing left them.
    """

    field_T: float = 0.0
    voltage_V: float = 0.0
    rising: bool = True
    lagging_voltage_V: float = 0.0
    lagging_field_T: float = 0.0
    free_up: bool = False
    pinned_up: bool = False


class JunctionLaw(Protocol):
    """A junction: its current at any voltage, temperature and past.

    Sign of I as in Chowrira 2020: positive into the terminal on the top electrode, so that
    V·I < 0 where the junction delivers power.
    """

    @property
    def name(self) -> str:
        """Return the device's name, for example "B"."""
        ...

    def at_rest(self) -> Memory:
        """Return the memory of the junction as mounted: virgin, at 0 V and 0 T."""
        ...

    def apply_field(self, memory: Memory, field_T: float) -> Memory:
        """Return the memory after a monotone ramp from the last field to `field_T`, at any rate."""
        ...

    def apply_voltage(self, memory: Memory, voltage_V: float) -> Memory:
        """Return the memory after a monotone sweep from the last voltage to `voltage_V`."""
        ...

    def current_A(self, voltage_V: float, temperature_K: float, memory: Memory) -> float:
        """Return the current once V has gone from the memory's voltage to `voltage_V`.

        Raises ValueError for a voltage that is not finite and a temperature that is not positive.
        """
        ...

    def magnetic_state(self, memory: Memory) -> Literal["P", "AP"] | None:
        """Return P, AP, or None in between and for a junction without magnetic states."""
        ...


def built_in_junctions() -> tuple[str, ...]:
    """Return the names of the junctions that come with the package, in alphabetical order."""
    files = (Path(entry.name) for entry in _FOLDER.iterdir())
    return tuple(sorted((f.stem for f in files if f.suffix == ".toml"), key=str.casefold))


def load_junction(name_or_path: str | Path) -> JunctionLaw:
    """Return a built-in junction by its name (in any case), or the one that a TOML file describes.

    A built-in name wins over a file or folder that is called the same; a file's suffix sets it
    apart. Raises JunctionFileError (a ValueError) that names file, key and what is allowed.
    """
    from nanojunction.models.junction_file import JunctionFileError, parse_junction, read_junction

    for name in built_in_junctions():
        if name.casefold() == str(name_or_path).casefold():
            entry = _FOLDER / f"{name}.toml"
            return parse_junction(entry.read_text(encoding="utf-8"), entry.name)
    path = Path(name_or_path)
    if not path.exists():
        names = ", ".join(built_in_junctions())
        raise JunctionFileError(
            f"There is no junction and no file {str(name_or_path)!r}: give a TOML file or one of "
            f"the built-in names {names}."
        )
    return read_junction(path)
