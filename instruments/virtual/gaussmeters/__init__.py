"""Virtual Lake Shore gaussmeters, models 421 and 425."""

from __future__ import annotations

from nanojunction.instruments.virtual.gaussmeters.lakeshore421 import LakeShore421
from nanojunction.instruments.virtual.gaussmeters.lakeshore425 import LakeShore425

__all__ = ["LakeShore421", "LakeShore425"]
