"""What is stated about devices and no run can show: size, pitch, layers, materials.

[default]                          # of every device
diameter = "300 nm ± 10 nm"        # or: area = "0.07 um^2"
pitch = "90 nm"                    # of an array, for the power of its area
layers = 3                         # monolayers of paramagnetic centres
sites_per_nm2 = 0.464              # in one monolayer; else Chowrira's CoPc
selector = "Fe/C60 spinterface"    # words for the comparison with other spin engines
centre = "CoPc between C60 layers"

[devices.B]                        # of device B alone; what it leaves out is the default's
diameter = "280 nm"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nanojunction.analysis.geometry import Area, parse_area, parse_length
from nanojunction.analysis.reading.files import PathLike
from nanojunction.common.names import did_you_mean
from nanojunction.common.toml_file import read_toml

_KEYS = (
    "diameter", "area", "pitch", "layers", "sites_per_nm2", "sites", "selector", "centre",
)  # fmt: skip


class DeviceFileError(ValueError):
    """A file of devices that cannot be used: one sentence with file, key and what is allowed."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What is stated about a device; None, or "", where nothing is.

    `pitch_m` is that of an array of such devices, `layers` the number of monolayers of
    paramagnetic centres, `sites_per_m2` how many are in one of them, `sites` their number in all
    where it is known otherwise.
    """

    area: Area | None = None
    pitch_m: float | None = None
    layers: float | None = None
    sites_per_m2: float | None = None
    sites: float | None = None
    selector: str = ""
    centre: str = ""

    def over(self, other: Stated) -> Stated:
        """Return what is stated here, and the other's where nothing is."""
        own = {one.name: v for one in fields(self) if (v := getattr(self, one.name))}
        return replace(other, **own) if own else other


NOTHING = Stated()


@dataclass(frozen=True, slots=True)
class Devices:
    """What is stated about devices by their names, and about all of them."""

    default: Stated = NOTHING
    named: Mapping[str, Stated] = field(default_factory=lambda: MappingProxyType({}))

    def stated(self, device: str) -> Stated:
        """Return what is stated about a device."""
        return self.named.get(device, NOTHING).over(self.default)

    def with_default(self, more: Stated) -> Devices:
        """Return the same with what `more` states about every device that has no own."""
        return replace(self, default=more.over(self.default))


def load_devices(path: PathLike) -> Devices:
    """Read a file of devices; raises DeviceFileError naming file and key."""
    path = Path(path)
    content = read_toml(path, DeviceFileError, "file of devices")
    try:
        _refuse_unknown(content, ("default", "devices"), "")
        named = _table(content, "devices", "")
        return Devices(
            _stated(_table(content, "default", ""), "default", path.name),
            {
                name: _stated(_table(named, name, "devices."), f"devices.{name}", path.name)
                for name in named
            },
        )
    except ValueError as problem:
        raise DeviceFileError(f"{path}: {problem}") from problem


def _table(content: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    found = content.get(key, {})
    if not isinstance(found, dict):
        raise ValueError(f"{place}{key}: must be a table, written [{place}{key}]")
    return found


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in known:
            meant = did_you_mean(key, known) or ";"
            raise ValueError(f"{place}{key}: is unknown{meant} allowed are {', '.join(known)}")


def _stated(table: Mapping[str, Any], place: str, source: str) -> Stated:
    _refuse_unknown(table, _KEYS, f"{place}.")
    texts: dict[str, str] = {}
    numbers: dict[str, float] = {}
    for key, value in table.items():
        if key in ("layers", "sites_per_nm2", "sites"):
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not 0 < value < 1e30
            ):
                raise ValueError(f"{place}.{key}: must be a number above 0 (got {value!r})")
            numbers[key] = float(value)
        elif not isinstance(value, str) or not value.strip():
            raise ValueError(f"{place}.{key}: must be text in quotation marks (got {value!r})")
        else:
            texts[key] = value
    if "diameter" in texts and "area" in texts:
        raise ValueError(f"{place}: has both diameter and area; give one of them")
    density = numbers.get("sites_per_nm2")
    try:
        return Stated(
            area=_area(texts, source),
            pitch_m=parse_length(texts["pitch"]) if "pitch" in texts else None,
            layers=numbers.get("layers"),
            sites_per_m2=None if density is None else density * 1e18,
            sites=numbers.get("sites"),
            selector=texts.get("selector", ""),
            centre=texts.get("centre", ""),
        )
    except ValueError as problem:
        raise ValueError(f"{place}: {problem}") from problem


def _area(texts: Mapping[str, str], source: str) -> Area | None:
    if "diameter" in texts:
        return parse_area(texts["diameter"], "diameter", source)
    return parse_area(texts["area"], "area", source) if "area" in texts else None
