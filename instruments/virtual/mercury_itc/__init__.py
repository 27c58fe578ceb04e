"""A virtual Oxford Instruments MercuryiTC temperature controller."""

from __future__ import annotations

from nanojunction.instruments.virtual.mercury_itc.instrument import MercuryITC

__all__ = ["MercuryITC"]
