"""The virtual Keithley 2636B System SourceMeter: two channels behind a real Lua interpreter."""

from nanojunction.instruments.virtual.keithley2600.instrument import Keithley2600

__all__ = ["Keithley2600"]
