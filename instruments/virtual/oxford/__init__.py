"""Virtual Oxford Instruments controllers that speak the ISOBUS protocol."""

from __future__ import annotations

from nanojunction.instruments.virtual.oxford.ips120_10 import Ips120
from nanojunction.instruments.virtual.oxford.itc503 import Itc503

__all__ = ["Ips120", "Itc503"]
