"""The virtual Keithley 2450 SourceMeter, true to its SCPI protocol."""
