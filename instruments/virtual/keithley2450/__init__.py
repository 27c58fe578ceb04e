"""The virtual Keithley 2450 SourceMeter, true to its SCPI command set."""

from nanojunction.instruments.virtual.keithley2450.instrument import Keithley2450

__all__ = ["Keithley2450"]
