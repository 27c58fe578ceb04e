"""What an archive wants to know and no run file says: who measured, of what, when calibrated.

A TOML file: `[user]` with name, affiliation, address, email, orcid and telephone_number; `[sample]`
with atom_types ("C, Co, Cu") and description; `[calibration]` with the dates (ISO 8601) of the
last calibration of the voltage, the temperature and the current.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from nanojunction.analysis.export.errors import ExportError
from nanojunction.analysis.reading.files import PathLike
from nanojunction.common.names import did_you_mean
from nanojunction.common.toml_file import read_toml

UNKNOWN = "unknown"

_KEYS: Mapping[str, tuple[str, ...]] = {
    "user": ("name", "affiliation", "address", "email", "orcid", "telephone_number"),
    "sample": ("atom_types", "description"),
    "calibration": ("voltage", "temperature", "current"),
}


@dataclass(frozen=True, slots=True)
class About:
    """What is known beside the run files; what is not known is not in the mappings."""

    user: Mapping[str, str] = field(default_factory=dict)
    sample: Mapping[str, str] = field(default_factory=dict)
    calibration: Mapping[str, str] = field(default_factory=dict)


def read_about(path: PathLike) -> About:
    """Return what a file says; raises ExportError that names the file and the key."""
    path = Path(path)
    content = read_toml(path, ExportError)
    _only(path, "", content, tuple(_KEYS))
    tables: dict[str, dict[str, str]] = {}
    for name, keys in _KEYS.items():
        table = content.get(name, {})
        if not isinstance(table, dict):
            raise ExportError(f"{path}: {name}: must be a table, written [{name}]")
        _only(path, f"{name}.", table, keys)
        tables[name] = {key: _text(path, f"{name}.{key}", item) for key, item in table.items()}
    for key, text in tables["calibration"].items():
        try:
            datetime.fromisoformat(text)
        except ValueError as problem:
            raise ExportError(
                f"{path}: calibration.{key}: '{text}' is no date such as 2026-03-01"
            ) from problem
    return About(**tables)


def _only(path: Path, at: str, content: Mapping[str, object], known: tuple[str, ...]) -> None:
    for key in content:
        if key not in known:
            raise ExportError(
                f"{path}: {at}{key}: is not a key that is known here"
                f"{did_you_mean(key, known) or ';'} allowed are {', '.join(known)}"
            )


def _text(path: Path, key: str, item: object) -> str:
    if isinstance(item, datetime | date):
        return item.isoformat()
    if not isinstance(item, str) or not item.strip():
        raise ExportError(f"{path}: {key}: must be a text")
    return item
