"""Whole batches of junctions: populations in a TOML file, drawn with a seed, the truth known.

A population is a number of junctions of one kind. Its `junction` table has the keys of a junction
file; a number may be replaced by a distribution that is drawn once for each junction:

    [[populations]]
    truth = "short"
    count = 91
    [populations.junction]
    law = "linear"
    r_s_ohm = { distribution = "lognormal", median = 1.0, sigma = 0.5, stratified = true }

With `like = "A"` the population starts from that built-in junction, and its own keys replace those
of the file. Where A would have `i_off_A`, a metallic population may give `p_max_W` instead.
docs/populations.md has the rest: places on a wafer, gradients, splits, behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from nanojunction.common.toml_file import read_text
from nanojunction.models.population_draw import Device, drawn
from nanojunction.models.population_file import Limits, read_populations
from nanojunction.models.population_keys import BatchFileError, refusal
from nanojunction.models.wafer import Wafer

__all__ = [
    "Batch",
    "BatchFileError",
    "Device",
    "Limits",
    "built_in_batches",
    "load_batch",
    "load_population",
    "parse_batch",
    "parse_population",
]

_CHIPS = resources.files("nanojunction.sample_data") / "chips"


@dataclass(frozen=True, slots=True)
class Batch:
    """The devices that a populations file and a seed make, by name, and their wafer, if any.

    `temperature_K` is at which they are meant to be screened, None where the file does not say.
    """

    label: str
    temperature_K: float | None
    limits: Limits
    wafer: Wafer | None
    devices: tuple[Device, ...]


def built_in_batches() -> tuple[str, ...]:
    """Return the names of the batches that come with the package, in alphabetical order."""
    files = (Path(entry.name) for entry in _CHIPS.iterdir())
    return tuple(sorted((f.stem for f in files if f.suffix == ".toml"), key=str.casefold))


def load_population(name_or_path: str | Path, seed: int) -> Batch:
    """Return a built-in batch (by its name, in any case) or that of a populations file.

    The same seed gives the same devices in the same places. Raises BatchFileError (a ValueError)
    that names file, key and what is allowed.
    """
    for name in built_in_batches():
        if name.casefold() == str(name_or_path).casefold():
            entry = _CHIPS / f"{name}.toml"
            return parse_population(entry.read_text(encoding="utf-8"), entry.name, seed)
    path = Path(name_or_path)
    if not path.exists():
        names = ", ".join(built_in_batches())
        raise refusal(
            f"There is no batch and no file {str(name_or_path)!r}: give a TOML file or one of the "
            f"built-in names {names}"
        )
    return parse_population(read_text(path, refusal), str(path), seed)


def parse_population(text: str, source: str, seed: int) -> Batch:
    """Return the batch that the TOML `text` describes; `source` names it in errors.

    Raises BatchFileError.
    """
    file = read_populations(text, source)
    return Batch(file.device, file.temperature_K, file.limits, file.wafer, drawn(file, seed))


def load_batch(name_or_path: str | Path, seed: int) -> tuple[Device, ...]:
    """Return the devices of `load_population`."""
    return load_population(name_or_path, seed).devices


def parse_batch(text: str, source: str, seed: int) -> tuple[Device, ...]:
    """Return the devices of `parse_population`."""
    return parse_population(text, source, seed).devices
