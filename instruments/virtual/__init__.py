"""The virtual cryostat: one simulated world behind protocol-true instruments."""

from __future__ import annotations

from nanojunction.instruments.virtual.bench import Endpoint, VirtualCryostat
from nanojunction.instruments.virtual.world import World, WorldSettings

__all__ = ["Endpoint", "VirtualCryostat", "World", "WorldSettings"]
