"""The virtual Keithley 2600 series SourceMeter, which runs the Lua that it is sent."""
