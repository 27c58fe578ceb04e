"""Keys of a table that only some of its drivers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.errors import StationError

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import InstrumentConfig


def refuse_keys(config: InstrumentConfig, *keys: str, role: str) -> None:
    """Raise StationError if the table of `role` gives a key that its driver has no use for."""
    for key in keys:
        if key in config.model_fields_set:
            raise StationError(
                f"{role}.{key}: {config.driver} has no such thing; leave the key out"
            )
