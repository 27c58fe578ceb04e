"""The virtual Keithley 2400 SourceMeter, true to its SCPI protocol."""

from nanojunction.instruments.virtual.keithley2400.instrument import Keithley2400

__all__ = ["Keithley2400"]
