"""A virtual American Magnetics Model 430 power supply programmer."""

from __future__ import annotations

from nanojunction.instruments.virtual.ami430.instrument import Ami430

__all__ = ["Ami430"]
