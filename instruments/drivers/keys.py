"""Keys of `[temperature]` that only some controllers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanojunction.instruments.errors import StationError

if TYPE_CHECKING:
    from nanojunction.instruments.station_file import TemperatureConfig


def refuse_keys(config: TemperatureConfig, *keys: str) -> None:
    """Raise StationError if the table gives a key that this controller has no use for."""
    for key in keys:
        if key in config.model_fields_set:
            raise StationError(
                f"temperature.{key}: {config.driver} has no such thing; leave the key out"
            )
