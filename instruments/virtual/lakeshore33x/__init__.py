"""Virtual Lake Shore 335 and 336 temperature controllers."""

from __future__ import annotations

from nanojunction.instruments.virtual.lakeshore33x.instrument import (
    LakeShore33x,
    LakeShore335,
    LakeShore336,
)

__all__ = ["LakeShore33x", "LakeShore335", "LakeShore336"]
