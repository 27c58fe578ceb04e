"""The simulated world: cryostat, magnet, measuring line and the junctions in it."""

from __future__ import annotations

from nanojunction.instruments.virtual.world.settings import WorldSettings
from nanojunction.instruments.virtual.world.world import World

__all__ = ["World", "WorldSettings"]
