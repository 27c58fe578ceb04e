"""A virtual MPI SENTIO wafer prober: its chuck, its wafer map, and its remote commands."""

from __future__ import annotations

from nanojunction.instruments.virtual.sentio_prober.prober import SentioProber

__all__ = ["SentioProber"]
