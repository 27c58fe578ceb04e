"""A virtual Keithley 2700 Multimeter/Switch System with two switching modules."""

from __future__ import annotations

from nanojunction.instruments.virtual.keithley2700.instrument import Keithley2700

__all__ = ["Keithley2700"]
