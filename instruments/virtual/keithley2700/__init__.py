"""Virtual Keithley 2700 and 2750 Multimeter/Switch Systems with their switching modules."""

from __future__ import annotations

from nanojunction.instruments.virtual.keithley2700.instrument import Keithley2700, Keithley2750

__all__ = ["Keithley2700", "Keithley2750"]
